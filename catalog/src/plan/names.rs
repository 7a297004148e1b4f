//! Which names of an edition do not mean `schema.name` as it stands, apart from its editioning views.

use std::collections::BTreeSet;

use crate::{
    layout::Mapping,
    model::{EditionName, FunctionKind, Name, QualifiedName, Schema, Table},
};

use super::rows::NameRow;

/// Tombstones and moved objects of one edition. `older`: the live editions before it, oldest first, whose objects its search_path reaches.
pub(super) fn names_of(
    edition: &EditionName,
    logical: &Schema,
    mapping: &Mapping,
    older: &[(&EditionName, &Schema)],
) -> Vec<NameRow> {
    // A sequence that the edition renames is known by its old name for now.
    let standing: Vec<QualifiedName> = logical
        .sequences
        .iter()
        .filter_map(|sequence| {
            let name = mapping.renamed.get(&sequence.id.get())?;
            Some(QualifiedName::new(sequence.name.schema.clone(), name.clone()))
        })
        .collect();
    let own: BTreeSet<&QualifiedName> = relations(logical).chain(&standing).collect();
    let mut rows: BTreeSet<NameRow> = older
        .iter()
        .flat_map(|(_, schema)| relations(schema))
        .filter(|name| !own.contains(name))
        .map(|name| NameRow { class: "relation", name: name.clone(), physical_schema: None })
        .collect();
    // A partition that is named itself is the stored table, in which a name of this edition's may mean another edition's column.
    let renamed = logical.tables.iter().filter(|table| is_renamed(table, mapping));
    rows.extend(renamed.flat_map(Table::partitions).map(|part| NameRow {
        class: "relation",
        name: part.table.name.clone(),
        physical_schema: None,
    }));
    let at = |id: u32| mapping.moved.get(&id).cloned();
    let mut moved = |class: &'static str, name: &QualifiedName, schema: Option<Name>| {
        if let Some(schema) = schema.filter(|schema| *schema != name.schema) {
            rows.insert(NameRow { class, name: name.clone(), physical_schema: Some(schema) });
        }
    };
    for sequence in &logical.sequences {
        // One that a column owns is where its table is, which the proxies read of the table.
        let table = sequence.owned_by.as_ref().and_then(|(table, _)| mapping.tables.get(table));
        let with_table = table.is_some_and(|table| table.physical.schema != sequence.name.schema);
        if !with_table {
            moved("relation", &sequence.name, at(sequence.id.get()));
        }
    }
    for table in &logical.tables {
        let Some(place) = mapping.tables.get(&table.id) else { continue };
        let schema = Some(&place.physical.schema).filter(|schema| **schema != table.name.schema);
        for part in table.partitions() {
            moved("relation", &part.table.name, schema.cloned());
        }
    }
    for view in &logical.views {
        moved("relation", &view.name, at(view.id.get()));
    }
    let ages: Vec<&EditionName> = older.iter().map(|(name, _)| *name).chain([edition]).collect();
    for function in &logical.functions {
        let class = if function.kind == FunctionKind::Operator { "operator" } else { "function" };
        moved(class, &function.name, schema_of_family(&function.name, logical, mapping, &ages));
    }
    for definition in &logical.types {
        moved("type", &definition.name, at(definition.id));
    }
    rows.into_iter().collect()
}

/// Whether the edition calls a column of the table otherwise than it is stored.
pub(super) fn is_renamed(table: &Table, mapping: &Mapping) -> bool {
    let place = mapping.table(table);
    table.columns.iter().any(|column| *place.column(column) != column.name)
}

/// A call names all functions of one name, so all of them must be found in one schema: that of the youngest edition that has one of its own, where
/// [companions](super::code_objects::companions) of the others stand.
fn schema_of_family(
    name: &QualifiedName,
    logical: &Schema,
    mapping: &Mapping,
    ages: &[&EditionName],
) -> Option<Name> {
    let family = logical.functions.iter().filter(|function| &function.name == name);
    let age = |schema: &Name| {
        ages.iter().position(|edition| edition.schema_for(&name.schema).is_ok_and(|own| &own == schema))
    };
    family.filter_map(|function| mapping.moved.get(&function.id)).max_by_key(|schema| age(schema)).cloned()
}

/// Names of the sequences behind identity columns. They are in the schemas of their tables.
pub(super) fn identity_sequences(schema: &Schema) -> impl Iterator<Item = QualifiedName> {
    schema.tables.iter().flat_map(|table| {
        table.columns.iter().filter_map(|column| {
            let name =
                column.properties.iter().find_map(|property| property.strip_prefix("identity_sequence="))?;
            Some(QualifiedName::new(table.name.schema.clone(), Name::new(name).ok()?))
        })
    })
}

/// Names of all tables, partitions, views and sequences.
pub(super) fn relations(schema: &Schema) -> impl Iterator<Item = &QualifiedName> {
    let tables = schema.tables.iter().map(|table| &table.name);
    let partitions = schema.tables.iter().flat_map(Table::partitions).map(|part| &part.table.name);
    let views = schema.views.iter().map(|view| &view.name);
    let sequences = schema.sequences.iter().map(|sequence| &sequence.name);
    tables.chain(partitions).chain(views).chain(sequences)
}
