//! Partitions of one table, told apart by id. What they have from their parent changes with it; of what is their own nothing may change.

use super::{Change, unsupported::Subject};
use crate::model::{Column, Identity, Partition, Schema, Table, TableId};

/// Whether a table of that id is a partition in this schema.
pub(super) fn is_partition(schema: &Schema, id: TableId) -> bool {
    schema.tables.iter().flat_map(Table::partitions).any(|part| part.table.id == id)
}

/// A new partitioned table may have taken in tables that were there.
pub(super) fn refuse_attached(parent: &Schema, new: &Table, changes: &mut Vec<Change>) {
    for part in new.partitions() {
        let name = part.table.name.pretty();
        let subject = Subject { kind: "partition", identity: &name };
        if parent.table(part.table.id).is_some() || is_partition(parent, part.table.id) {
            changes.push(subject.unsupported("was attached, and had been there before"));
        }
    }
}

pub(super) fn compare(
    (parent, old): (&Schema, &Table),
    (child, new): (&Schema, &Table),
    aligned: &Table,
    changes: &mut Vec<Change>,
) {
    let (table, name) = (new.id, &new.name);
    for before in old.partitions() {
        let id = before.table.id;
        let identity = before.table.name.pretty();
        let subject = Subject { kind: "partition", identity: &identity };
        let find = |table: &Table| table.partitions().iter().find(|part| part.table.id == id).cloned();
        let (Some(after), Some(same_words)) = (find(new), find(aligned)) else {
            if child.table(id).is_some() || is_partition(child, id) {
                changes.push(subject.unsupported("was detached"));
            } else {
                let partition = before.table.name.clone();
                changes.push(Change::PartitionDropped { table, name: name.clone(), partition });
            }
            continue;
        };
        if before.table.name.schema != after.table.name.schema {
            changes.push(subject.unsupported(format!("was moved to {}", after.table.name.pretty())));
        } else if before.table.name != after.table.name {
            let (from, to) = (before.table.name.clone(), after.table.name.clone());
            changes.push(Change::PartitionRenamed { table, name: name.clone(), from, to });
        }
        if place(before) != place(&same_words) {
            changes.push(subject.unsupported(format!("was attached again, {}", after.bound)));
        }
        let (was, is) =
            (own(before, parent_of(old, before)), own(&same_words, parent_of(aligned, &same_words)));
        for (what, _) in was.iter().zip(&is).filter(|(was, is)| was != is).map(|((what, _), is)| (what, is)) {
            changes.push(subject.unsupported(format!("{what} of its own changed")));
        }
    }
    for after in new
        .partitions()
        .iter()
        .filter(|part| !old.partitions().iter().any(|known| known.table.id == part.table.id))
    {
        let partition = after.table.name.clone();
        if parent.table(after.table.id).is_some() || is_partition(parent, after.table.id) {
            let identity = partition.pretty();
            let subject = Subject { kind: "partition", identity: &identity };
            changes.push(subject.unsupported("was attached, and had been there before"));
            continue;
        }
        let bound = after.bound.clone();
        changes.push(Change::PartitionAdded { table, name: name.clone(), partition, bound });
    }
}

/// Which rows are in it.
fn place(part: &Partition) -> (TableId, &str, Option<&str>) {
    (part.of, part.bound.as_str(), part.key.as_deref())
}

fn parent_of<'a>(table: &'a Table, part: &Partition) -> &'a Table {
    table.partitions().iter().map(|part| &part.table).find(|known| known.id == part.of).unwrap_or(table)
}

/// What a partition has that its parent has not, by what it is.
fn own(part: &Partition, parent: &Table) -> Vec<(&'static str, String)> {
    let table = &part.table;
    let differs = |read: &dyn Fn(&Column) -> String| {
        let own = table.columns.iter().filter_map(|column| {
            let from_parent = parent.column_named(column.name.as_str()).map(read);
            let value = read(column);
            (from_parent.as_ref() != Some(&value)).then(|| format!("{}: {value}", column.name.as_str()))
        });
        let mut own: Vec<String> = own.collect();
        own.sort();
        own.join("; ")
    };
    // Until PostgreSQL 17 a partition does not have its parent's identity.
    let counts = |column: &Column| {
        parent.column_named(column.name.as_str()).is_some_and(|known| known.identity != Identity::None)
    };
    let constraints = table.constraints.iter().filter(|constraint| constraint.part_of.is_none());
    let constraints: Vec<String> = constraints
        .map(|constraint| format!("{} {}", constraint.name.as_str(), constraint.definition))
        .collect();
    let indexes: Vec<&str> = table
        .indexes
        .iter()
        .filter(|index| index.part_of.is_none())
        .map(|index| index.definition.as_str())
        .collect();
    vec![
        (
            "a default",
            differs(&|column| if counts(column) { String::new() } else { format!("{:?}", column.default) }),
        ),
        ("NOT NULL", differs(&|column| column.not_null.to_string())),
        ("a property of a column", differs(&|column| format!("{:?}", without_sequence(column)))),
        ("a privilege on a column", differs(&|column| format!("{:?}", column.grants))),
        ("a constraint", constraints.join("; ")),
        ("an index", indexes.join("; ")),
        ("the owner", table.owner.as_str().to_owned()),
        ("a privilege", format!("{:?}", table.grants)),
        ("a property", table.properties.join("; ")),
    ]
}

/// The sequence of an identity goes with the identity.
fn without_sequence(column: &Column) -> Vec<&String> {
    column.properties.iter().filter(|property| !property.starts_with("identity_sequence=")).collect()
}
