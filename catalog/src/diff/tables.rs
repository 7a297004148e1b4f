//! Tables and columns, told apart by id.

use super::{
    Change, constraints,
    identity::{self, IdentityChange},
    partitions,
    unsupported::Subject,
};
use crate::model::{Column, Generated, Schema, Table};

pub(super) fn compare(parent: &Schema, child: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    for old in &parent.tables {
        match (child.table(old.id), aligned.table(old.id)) {
            // It was attached: the table that it is a part of tells.
            _ if partitions::is_partition(child, old.id) => {}
            (Some(new), Some(aligned)) => compare_table((parent, old), (child, new), aligned, changes),
            // Still there as a table of another kind, which is told as such.
            _ if aligned.others.iter().any(|object| object.table == Some(old.id)) => {}
            _ => changes.push(Change::TableDropped { table: old.id, name: old.name.clone() }),
        }
    }
    let is_new = |id| parent.table(id).is_none() && !partitions::is_partition(parent, id);
    for new in child.tables.iter().filter(|new| is_new(new.id)) {
        partitions::refuse_attached(parent, new, changes);
        changes.push(Change::TableCreated { table: new.id, name: new.name.clone() });
    }
}

fn compare_table(
    (parent, old): (&Schema, &Table),
    (child, new): (&Schema, &Table),
    aligned: &Table,
    changes: &mut Vec<Change>,
) {
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
            (Some(before), Some(aligned)) => {
                let owner = Some((old.id, before.id));
                let has_counter = parent.sequences.iter().any(|sequence| sequence.owned_by == owner);
                compare_column(new, before, (after, aligned), has_counter, changes);
            }
            _ => changes.push(Change::ColumnAdded {
                table: new.id,
                name: new.name.clone(),
                column: after.id,
                column_name: after.name.clone(),
            }),
        }
    }
    constraints::compare(old, new, aligned, changes);
    partitions::compare((parent, old), (child, new), aligned, changes);

    let identity = new.name.pretty();
    let subject = Subject { kind: "table", identity: &identity };
    subject.owner(&old.owner, &new.owner, changes);
    subject.grants(&old.grants, &new.grants, changes);
    subject.properties(&old.properties, &new.properties, changes);
}

/// `has_counter`: a sequence belongs to the older column.
fn compare_column(
    table: &Table,
    old: &Column,
    (new, aligned): (&Column, &Column),
    has_counter: bool,
    changes: &mut Vec<Change>,
) {
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

    let subject_name = format!("{}.{}", name.pretty(), new.name.as_str());
    let subject = Subject { kind: "column", identity: &subject_name };
    match identity::compare(old, new, has_counter) {
        IdentityChange::None => {}
        IdentityChange::Supported { from, to } => changes.push(Change::PropertyChanged {
            kind: "column".to_owned(),
            identity: subject_name.clone(),
            property: "identity".to_owned(),
            from,
            to,
        }),
        IdentityChange::Added => changes.push(subject.changed("identity was added")),
        IdentityChange::Unsupported(what) => changes.push(subject.unsupported(what)),
    }
    if new.is_no_longer_generated(old) {
        changes.push(subject.changed("its expression was dropped"));
    } else if old.generated != aligned.generated {
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

fn generated_shown(generated: &Generated) -> String {
    match generated {
        Generated::None => "none".to_owned(),
        Generated::Stored(expression) => format!("stored {expression}"),
        Generated::Virtual(expression) => format!("virtual {expression}"),
    }
}
