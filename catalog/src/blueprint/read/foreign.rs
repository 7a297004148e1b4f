//! Objects that editions do not manage (because of their schema or their kind), turned into a name and a text that
//! changes when they change. Ids are taken out, so that the text is the same in every database.

use serde::Serialize;

use crate::model::{
    Accessory, ColumnId, Function, Name, OtherObject, Policy, QualifiedName, Schema, Sequence, Table,
    TableId, Trigger, TypeBody, TypeDef, View,
};

/// Turns a value of the model into an [`OtherObject`].
pub(super) trait Foreign {
    /// `special` is what an object of that kind that we manage does not have.
    fn into_other(self, special: Option<String>) -> OtherObject;
}

/// As PostgreSQL shows it: in quotes where it needs them.
fn identity(name: &QualifiedName) -> String {
    let part = |name: &Name| {
        let text = name.as_str();
        let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if plain { text.to_owned() } else { name.quoted().to_string() }
    };
    format!("{}.{}", part(&name.schema), part(&name.name))
}

/// JSON of these types cannot fail: they hold strings, numbers and lists only.
fn text(value: &impl Serialize, special: Option<String>) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    if let Some(special) = special {
        text.push('\n');
        text.push_str(&special);
    }
    text
}

impl Foreign for Table {
    fn into_other(mut self, special: Option<String>) -> OtherObject {
        let kind = match special.as_deref() {
            None => "table",
            Some(special) if special.contains("PARTITION FOR ") || special.contains("PARTITION DEFAULT") => {
                "partition"
            }
            Some(special) if special.contains("PARTITION BY ") => "partitioned table",
            Some(special) if special.contains("SERVER ") => "foreign table",
            Some(_) => "table with inheritance",
        };
        let table = Some(std::mem::replace(&mut self.id, TableId::new(0)));
        // Partitions are objects of their own here.
        self.partitioning = None;
        for (position, column) in (1..).zip(&mut self.columns) {
            column.id = ColumnId::new(position);
            column.type_id = None;
        }
        for constraint in &mut self.constraints {
            constraint.columns.clear();
            constraint.references = None;
        }
        for index in &mut self.indexes {
            index.columns.clear();
        }
        OtherObject {
            kind: kind.to_owned(),
            identity: identity(&self.name),
            definition: text(&self, special),
            table,
        }
    }
}

impl Foreign for View {
    fn into_other(mut self, special: Option<String>) -> OtherObject {
        let kind = if self.materialized { "materialized view" } else { "view" };
        self.id = TableId::new(0);
        self.reads.clear();
        self.calls.clear();
        OtherObject {
            kind: kind.to_owned(),
            identity: identity(&self.name),
            definition: text(&self, special),
            table: None,
        }
    }
}

impl Foreign for Sequence {
    fn into_other(mut self, special: Option<String>) -> OtherObject {
        self.id = TableId::new(0);
        // Which column owns it shows in that column's default.
        self.owned_by = None;
        OtherObject {
            kind: "sequence".to_owned(),
            identity: identity(&self.name),
            definition: text(&self, special),
            table: None,
        }
    }
}

impl Foreign for Trigger {
    fn into_other(mut self, special: Option<String>) -> OtherObject {
        let table = Some(std::mem::replace(&mut self.table, TableId::new(0)));
        self.id = 0;
        self.function = None;
        OtherObject {
            kind: "trigger".to_owned(),
            identity: format!("{} on {}", self.name.as_str(), identity(&self.on)),
            definition: text(&self, special),
            table,
        }
    }
}

impl Foreign for Policy {
    fn into_other(mut self, special: Option<String>) -> OtherObject {
        let table = Some(std::mem::replace(&mut self.table, TableId::new(0)));
        OtherObject {
            kind: "policy".to_owned(),
            identity: format!("{} on {}", self.name.as_str(), identity(&self.on)),
            definition: text(&self, special),
            table,
        }
    }
}

impl Foreign for Function {
    fn into_other(mut self, special: Option<String>) -> OtherObject {
        self.id = 0;
        self.depends.clear();
        self.row_types.clear();
        self.reads.clear();
        OtherObject {
            kind: self.kind.word().to_owned(),
            identity: format!("{}({})", identity(&self.name), self.arguments),
            definition: text(&self, special),
            table: None,
        }
    }
}

impl Foreign for TypeDef {
    fn into_other(mut self, special: Option<String>) -> OtherObject {
        self.id = 0;
        self.uses.clear();
        // The definition says it.
        self.body = TypeBody::Opaque;
        OtherObject {
            kind: "type".to_owned(),
            identity: identity(&self.name),
            definition: text(&self, special),
            table: None,
        }
    }
}

/// A table and its partitions.
fn tree(table: &Table) -> Vec<OtherObject> {
    let partitions = table.partitions();
    let parent = |id: TableId| {
        let parts = partitions.iter().map(|part| &part.table);
        std::iter::once(table)
            .chain(parts)
            .find(|known| known.id == id)
            .map_or("", |known| known.name.name.as_str())
    };
    let key = |key: &str| format!("PARTITION BY {key}");
    let special = table.partitioning.as_ref().map(|partitioning| key(&partitioning.key));
    let parts = partitions.iter().map(|part| {
        let own_key = part.key.as_deref().map(key).unwrap_or_default();
        part.table.clone().into_other(Some(format!(
            "PARTITION {} OF {}\n{own_key}",
            part.bound,
            parent(part.of)
        )))
    });
    std::iter::once(table.clone().into_other(special)).chain(parts).collect()
}

fn accessory(object: &Accessory) -> OtherObject {
    OtherObject {
        kind: object.kind.clone(),
        identity: object.identity.clone(),
        definition: format!("{}; owner {:?}", object.make, object.owner),
        table: object.table,
    }
}

/// Every object of a schema as a name and a text without ids, so that it can be compared with any other database's.
pub(in crate::blueprint) fn flatten(schema: &Schema) -> Vec<OtherObject> {
    let tables = schema.tables.iter().flat_map(tree);
    let views = schema.views.iter().map(|view| view.clone().into_other(None));
    let sequences = schema.sequences.iter().map(|sequence| sequence.clone().into_other(None));
    let functions = schema.functions.iter().map(|function| function.clone().into_other(None));
    let triggers = schema.triggers.iter().map(|trigger| trigger.clone().into_other(None));
    let policies = schema.policies.iter().map(|policy| policy.clone().into_other(None));
    let types = schema.types.iter().map(|definition| definition.clone().into_other(None));
    let others = schema.others.iter().cloned().chain(schema.accessories.iter().map(accessory));
    tables
        .chain(views)
        .chain(sequences)
        .chain(functions)
        .chain(triggers)
        .chain(policies)
        .chain(types)
        .chain(others)
        .collect()
}
