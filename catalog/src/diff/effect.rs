//! What a change would mean for an application that was written for the older schema and met the newer one: in its own edition it never does,
//! but it tells how far the two versions are apart, and what must be gone before the older edition can be retired.

use serde::Serialize;

use super::{Change, Diff};
use crate::model::{Column, Schema, Table, widens};

/// Whom a change breaks, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Statements that read, as the older application makes them, fail or read what they do not expect.
    pub breaks_readers: bool,
    /// Statements that write, as the older application makes them, fail.
    pub breaks_writers: bool,
    /// In a few words; empty if nobody could notice.
    pub why: &'static str,
}

/// A change with its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reviewed {
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// Its effect.
    #[serde(flatten)]
    pub effect: Effect,
}

/// Every change of a diff with its effect. `newer` is the schema that the diff leads to.
pub fn review(diff: Diff, newer: &Schema) -> Vec<Reviewed> {
    diff.changes
        .into_iter()
        .map(|change| {
            let effect = effect(&change, newer);
            Reviewed { change, effect }
        })
        .collect()
}

const NOBODY: Effect = Effect { breaks_readers: false, breaks_writers: false, why: "" };

const fn harmless(why: &'static str) -> Effect {
    Effect { breaks_readers: false, breaks_writers: false, why }
}

const fn readers(why: &'static str) -> Effect {
    Effect { breaks_readers: true, breaks_writers: false, why }
}

const fn writers(why: &'static str) -> Effect {
    Effect { breaks_readers: false, breaks_writers: true, why }
}

const fn both(why: &'static str) -> Effect {
    Effect { breaks_readers: true, breaks_writers: true, why }
}

fn effect(change: &Change, newer: &Schema) -> Effect {
    let column = |table, column| newer.table(table).and_then(|table: &Table| table.column(column));
    match change {
        Change::TableDropped { .. } | Change::TableRenamed { .. } => {
            both("statements that name the table fail")
        }
        Change::ColumnDropped { .. } | Change::ColumnRenamed { .. } => {
            both("statements that name the column fail")
        }
        Change::ColumnAdded { table, column: id, .. } => match column(*table, *id) {
            Some(added) if must_be_given(added) => {
                writers("an INSERT that does not know the column gives no value, and there is no default")
            }
            _ => harmless("only SELECT * and INSERT without a list of columns can notice"),
        },
        Change::ColumnTypeChanged { from, to, .. } if widens(from, to) => {
            harmless("every older value fits; a driver may hand out a wider type")
        }
        Change::ColumnTypeChanged { .. } => {
            both("values come in another type, and not every older value may fit")
        }
        Change::ColumnDefaultChanged { table, column: id, to: None, .. }
            if column(*table, *id).is_some_and(must_be_given) =>
        {
            writers("an INSERT that leaves the column out fails")
        }
        Change::ColumnDefaultChanged { .. } => {
            harmless("an INSERT that leaves the column out stores another value")
        }
        Change::ColumnNotNullSet { .. } => writers("writing NULL fails"),
        Change::ColumnNotNullDropped { .. } => readers("NULL may be read where there was none"),
        Change::ConstraintAdded { .. } => writers("rows that break the rule are refused"),
        Change::ConstraintDropped { definition, .. } if is_key(definition) => {
            writers("ON CONFLICT on it fails, and duplicates may be read")
        }
        Change::ConstraintDropped { .. } => harmless("rows that the rule forbade may be read"),
        Change::ConstraintRenamed { .. } => {
            harmless("only ON CONFLICT ON CONSTRAINT and what looks at names in errors can notice")
        }
        Change::IndexAdded { definition, .. } if is_key(definition) => writers("duplicates are refused"),
        Change::IndexDropped { definition, .. } if is_key(definition) => {
            writers("ON CONFLICT on it fails, and duplicates may be read")
        }
        Change::IndexDropped { .. } => harmless("what was fast with it may be slow"),
        Change::PartitionDropped { .. } => both("its rows are gone, and rows for it are refused"),
        Change::PartitionRenamed { .. } => both("statements that name the partition fail"),
        Change::PartitionAdded { .. } => harmless("rows that were refused, or went elsewhere, go there"),
        Change::PrivilegesChanged { revoked, .. } if !revoked.is_empty() => {
            both("roles that lose a privilege are denied what they did with it")
        }
        Change::ObjectCreated { kind, .. }
        | Change::ObjectChanged { kind, .. }
        | Change::ObjectDropped { kind, .. }
            if kind == "policy" =>
        {
            harmless("which rows a role sees and may write can be others")
        }
        Change::ObjectDropped { kind, .. } if kind != "trigger" => both("statements that name it fail"),
        Change::ObjectChanged { what, .. } if what.starts_with("was renamed") => {
            both("statements that name it fail")
        }
        Change::ObjectCreated { .. } | Change::ObjectChanged { .. } | Change::ObjectDropped { .. } => {
            harmless("whether it matters depends on what uses it")
        }
        Change::Unsupported { what, .. }
            if what.starts_with("was dropped") || what.starts_with("was renamed") =>
        {
            both("statements that name it fail")
        }
        Change::Unsupported { .. } => harmless("whether it matters depends on what uses it"),
        _ => NOBODY,
    }
}

/// Whether every INSERT must name the column.
fn must_be_given(column: &Column) -> bool {
    use crate::model::{Generated, Identity};
    column.not_null
        && column.default.is_none()
        && column.identity == Identity::None
        && column.generated == Generated::None
}

fn is_key(definition: &str) -> bool {
    ["UNIQUE ", "PRIMARY KEY ", "CREATE UNIQUE INDEX "].iter().any(|start| definition.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ColumnId, Name, QualifiedName, TableId};

    #[test]
    fn a_rename_breaks_everybody_a_new_rule_only_writers() {
        let table = TableId::new(1);
        let name = QualifiedName::new(Name::new("public").unwrap(), Name::new("t").unwrap());
        let column = ColumnId::new(1);
        let of = |change| {
            let effect = effect(&change, &Schema::default());
            (effect.breaks_readers, effect.breaks_writers)
        };
        let (from, to) = (Name::new("a").unwrap(), Name::new("b").unwrap());
        assert_eq!(
            of(Change::ColumnRenamed { table, name: name.clone(), column, from, to: to.clone() }),
            (true, true)
        );
        let definition = "CHECK ((b > 0))".to_owned();
        let added = Change::ConstraintAdded { table, name: name.clone(), constraint: to.clone(), definition };
        assert_eq!(of(added), (false, true));
        let dropped = Change::ColumnNotNullDropped { table, name: name.clone(), column, column_name: to };
        assert_eq!(of(dropped), (true, false));
        assert_eq!(of(Change::TableCreated { table, name }), (false, false));
    }
}
