//! Whether the live database is still what the catalogue says, and a fingerprint of all that a plan was made from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    diff::Change,
    error::Result,
    model::{Name, QualifiedName, Schema, Table, Transform},
};

use super::{Chain, Code, Finding, Severity};

/// Tables and columns that somebody altered directly: each is a refusal, because a plan would be made from a false picture.
pub fn drift(chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known: BTreeSet<(QualifiedName, Name)> = BTreeSet::new();
    for member in &chain.members {
        for table in &member.physical.tables {
            let Some(live) = chain.live.table_named(&table.name) else {
                findings.push(foreign(
                    &table.name,
                    None,
                    &format!("edition {} has it, the live database has not", member.edition.name),
                ));
                continue;
            };
            for column in &table.columns {
                known.insert((table.name.clone(), column.name.clone()));
                match live.column_named(column.name.as_str()) {
                    None => findings.push(foreign(
                        &table.name,
                        Some(&column.name),
                        "it is missing in the live database",
                    )),
                    Some(there) if there.type_name != column.type_name => {
                        let what = format!(
                            "it is {} in the live database, {} in the blueprint",
                            there.type_name, column.type_name
                        );
                        findings.push(foreign(&table.name, Some(&column.name), &what));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    for table in chain.live.tables.iter().filter(|table| chain.editioned.contains(&table.name.schema)) {
        // By name, not by its columns: a table may have none.
        let mut members = chain.members.iter();
        if !members.any(|member| member.physical.table_named(&table.name).is_some()) {
            if chain.members.iter().any(|member| was_partition(&member.logical, &table.name)) {
                continue;
            }
            findings.push(foreign(&table.name, None, "the live database has it, no edition knows it"));
            continue;
        }
        let columns = table.columns.iter().map(|column| &column.name);
        let unknown = columns.filter(|column| !known.contains(&(table.name.clone(), (*column).clone())));
        findings.extend(unknown.map(|column| foreign(&table.name, Some(column), "no edition knows it")));
    }
    findings.sort();
    findings.dedup();
    findings
}

/// Refusals for what was altered directly about tables that both have: `changes` lead from the blueprint to the live database.
pub fn drift_of_rules(changes: &[Change]) -> Vec<Finding> {
    let of_rule = |change: &Change| {
        let (table, column, what) = match change {
            Change::ColumnDefaultChanged { name, column_name, to, .. } => {
                let now = to.as_ref().map_or_else(|| "none".to_owned(), Clone::clone);
                (name, Some(column_name), format!("its default is {now}"))
            }
            Change::ColumnNotNullSet { name, column_name, .. } => {
                (name, Some(column_name), "it is NOT NULL".to_owned())
            }
            Change::ColumnNotNullDropped { name, column_name, .. } => {
                (name, Some(column_name), "it is no longer NOT NULL".to_owned())
            }
            Change::ConstraintAdded { name, constraint, .. } => {
                (name, None, format!("constraint {} was added", constraint.as_str()))
            }
            Change::ConstraintDropped { name, constraint, .. } => {
                (name, None, format!("constraint {} was dropped", constraint.as_str()))
            }
            Change::ConstraintRenamed { name, to, .. } => {
                (name, None, format!("a constraint was renamed to {}", to.as_str()))
            }
            Change::IndexAdded { name, index, .. } => {
                (name, None, format!("index {} was added", index.as_str()))
            }
            Change::IndexDropped { name, index, .. } => {
                (name, None, format!("index {} was dropped", index.as_str()))
            }
            Change::IndexRenamed { name, to, .. } => {
                (name, None, format!("an index was renamed to {}", to.as_str()))
            }
            _ => return None,
        };
        Some(foreign(table, column, &what))
    };
    changes.iter().filter_map(of_rule).collect()
}

/// Detaching a partition is maintenance; what it leaves is no table of any edition, and stands in nobody's way.
pub(super) fn was_partition(known: &Schema, name: &QualifiedName) -> bool {
    let mut partitions = known.tables.iter().flat_map(Table::partitions);
    if partitions.any(|part| &part.table.name == name) {
        return true;
    }
    let identity = name.pretty();
    known.others.iter().any(|object| object.kind == "partition" && object.identity == identity)
}

fn foreign(table: &QualifiedName, column: Option<&Name>, what: &str) -> Finding {
    let column = column.map(|column| format!(", column {}", column.as_str())).unwrap_or_default();
    Finding {
        severity: Severity::Refused,
        code: Code::ForeignDdl,
        subject: format!("table {}{column}", table.pretty()),
        message: format!("the live database was altered directly: {what}"),
        fix: Some("take it in: edition sync (--dry-run shows it); or undo the direct change, and make it in a draft".to_owned()),
    }
}

/// Fingerprints of what a plan was made from, each part for itself, so that it can be told which one changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bindings {
    /// The live database's schema.
    pub live: String,
    /// The schemas of the live editions, and where their tables are.
    pub editions: String,
    /// The draft's schema.
    pub draft: String,
    /// The transforms given for it.
    pub transforms: String,
}

/// The parts of [`fingerprint`].
pub fn bindings(chain: &Chain, child: &Schema, transforms: &[Transform]) -> Result<Bindings> {
    let members: Vec<&Schema> = chain.members.iter().map(|member| &member.physical).collect();
    Ok(Bindings {
        live: hash(&chain.live)?,
        editions: hash(&members)?,
        draft: hash(child)?,
        transforms: hash(&transforms)?,
    })
}

/// A fingerprint of everything that a plan follows from.
pub fn fingerprint(chain: &Chain, child: &Schema, transforms: &[Transform]) -> Result<String> {
    let members: Vec<&Schema> = chain.members.iter().map(|member| &member.physical).collect();
    hash(&(&chain.live, members, child, transforms))
}

/// A fingerprint of a draft's schema alone: it must stay what it was while its publication is under way.
pub fn draft_fingerprint(child: &Schema) -> Result<String> {
    hash(child)
}

/// FNV-1a over the JSON form.
pub(super) fn hash(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value)?;
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(format!("{hash:016x}"))
}
