//! Tables and columns, told apart by id.

use super::{Change, constraints, unsupported::Subject};
use crate::model::{Column, Generated, Identity, Schema, Table};

pub(super) fn compare(parent: &Schema, child: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    for old in &parent.tables {
        match (child.table(old.id), aligned.table(old.id)) {
            (Some(new), Some(aligned)) => compare_table(old, new, aligned, changes),
            // Still there as a table of another kind, which is told as such.
            _ if aligned.others.iter().any(|object| object.table == Some(old.id)) => {}
            _ => changes.push(Change::TableDropped { table: old.id, name: old.name.clone() }),
        }
    }
    for new in child.tables.iter().filter(|new| parent.table(new.id).is_none()) {
        changes.push(Change::TableCreated { table: new.id, name: new.name.clone() });
    }
}

fn compare_table(old: &Table, new: &Table, aligned: &Table, changes: &mut Vec<Change>) {
    if old.name != new.name {
        changes.push(Change::TableRenamed { table: new.id, from: old.name.clone(), to: new.name.clone() });
    }
    for before in old.columns.iter().filter(|column| new.column(column.id).is_none()) {
        changes.push(Change::ColumnDropped {
            table: new.id,
            name: new.name.clone(),
            column: before.id,
            column_name: before.name.clone(),
        });
    }
    for after in &new.columns {
        match (old.column(after.id), aligned.column(after.id)) {
            (Some(before), Some(aligned)) => compare_column(new, before, after, aligned, changes),
            _ => changes.push(Change::ColumnAdded {
                table: new.id,
                name: new.name.clone(),
                column: after.id,
                column_name: after.name.clone(),
            }),
        }
    }
    constraints::compare(old, new, aligned, changes);

    let identity = new.name.pretty();
    let subject = Subject { kind: "table", identity: &identity };
    subject.owner(&old.owner, &new.owner, changes);
    subject.grants(&old.grants, &new.grants, changes);
    subject.properties(&old.properties, &new.properties, changes);
}

fn compare_column(table: &Table, old: &Column, new: &Column, aligned: &Column, changes: &mut Vec<Change>) {
    let (id, name) = (table.id, &table.name);
    if old.name != new.name {
        changes.push(Change::ColumnRenamed {
            table: id,
            name: name.clone(),
            column: new.id,
            from: old.name.clone(),
            to: new.name.clone(),
        });
    }
    if old.type_name != new.type_name || old.collation != new.collation {
        changes.push(Change::ColumnTypeChanged {
            table: id,
            name: name.clone(),
            column: new.id,
            column_name: new.name.clone(),
            from: type_shown(old),
            to: type_shown(new),
        });
    }
    if old.default != aligned.default {
        changes.push(Change::ColumnDefaultChanged {
            table: id,
            name: name.clone(),
            column: new.id,
            column_name: new.name.clone(),
            from: old.default.clone(),
            to: new.default.clone(),
        });
    }
    match (old.not_null, new.not_null) {
        (false, true) => changes.push(Change::ColumnNotNullSet {
            table: id,
            name: name.clone(),
            column: new.id,
            column_name: new.name.clone(),
        }),
        (true, false) => changes.push(Change::ColumnNotNullDropped {
            table: id,
            name: name.clone(),
            column: new.id,
            column_name: new.name.clone(),
        }),
        _ => {}
    }

    let identity = format!("{}.{}", name.pretty(), new.name.as_str());
    let subject = Subject { kind: "column", identity: &identity };
    if !same_identity(old, new) {
        let what = format!(
            "identity changed from {} to {}",
            identity_shown(&old.identity),
            identity_shown(&new.identity)
        );
        changes.push(subject.unsupported(what));
    }
    if old.generated != aligned.generated {
        let what = format!(
            "generation changed from {} to {}",
            generated_shown(&old.generated),
            generated_shown(&new.generated)
        );
        changes.push(subject.unsupported(what));
    }
    subject.grants(&old.grants, &new.grants, changes);
    subject.properties(&old.properties, &new.properties, changes);
}

fn type_shown(column: &Column) -> String {
    match &column.collation {
        Some(collation) => format!("{} COLLATE {collation}", column.type_name),
        None => column.type_name.clone(),
    }
}

/// ALTER TYPE also changes the bounds of an identity sequence that stood at those of its type: that is no change of its own.
fn same_identity(old: &Column, new: &Column) -> bool {
    let (before, after) = match (&old.identity, &new.identity) {
        (Identity::None, Identity::None) => return true,
        (Identity::Always(before), Identity::Always(after))
        | (Identity::ByDefault(before), Identity::ByDefault(after)) => (before, after),
        _ => return false,
    };
    before == after || with_type_bounds(before, &old.type_name) == with_type_bounds(after, &new.type_name)
}

/// Sequence options in which bounds that are those of the type are replaced by a word.
fn with_type_bounds(options: &str, type_name: &str) -> String {
    let (least, most) = match type_name {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let mut previous = "";
    let words = options.split(' ').map(|word| {
        let is_type_bound = match previous {
            "MINVALUE" => word == least.to_string(),
            "MAXVALUE" => word == most.to_string(),
            _ => false,
        };
        previous = word;
        if is_type_bound { "of-type" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn identity_shown(identity: &Identity) -> String {
    match identity {
        Identity::None => "none".to_owned(),
        Identity::Always(options) => format!("always ({options})"),
        Identity::ByDefault(options) => format!("by default ({options})"),
    }
}

fn generated_shown(generated: &Generated) -> String {
    match generated {
        Generated::None => "none".to_owned(),
        Generated::Stored(expression) => format!("stored {expression}"),
        Generated::Virtual(expression) => format!("virtual {expression}"),
    }
}
