//! Joining candidates with PostgreSQL's answers: the triggers and assignments of a hop.

use std::collections::BTreeMap;

use super::{
    Candidate, Fit,
    judgement::{judged, objected},
    risk,
};
use crate::{
    ddl::{Assignment, AssignmentKind, HopTriggers},
    layout::InheritedTable,
    model::{Direction, EditionId, EditionName, Name, TableId, Transform},
    physical::Probed,
    plan::Finding,
    sql::Sql,
};

/// The triggers and set-based assignments of a hop.
#[derive(Clone, Debug, Default)]
pub struct Hop {
    /// Per table.
    pub triggers: BTreeMap<TableId, HopTriggers>,
    /// Per table: what its rows get.
    pub fills: BTreeMap<TableId, Vec<Fill>>,
    /// As used.
    pub transforms: Vec<Transform>,
}

/// What the rows that are there get in one of the child's columns.
#[derive(Clone, Debug)]
pub struct Fill {
    /// The physical column.
    pub target: Name,
    /// Over the row alias.
    pub expression: Sql,
    /// Whether it gives the same the next time it is asked.
    pub is_repeatable: bool,
    /// Who gives it to them.
    pub by: FilledBy,
    /// How what older editions write fits into the column.
    pub fit: Fit,
}

/// How rows come by a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilledBy {
    /// One value for all: PostgreSQL keeps it in the catalogue and writes no row (docs, ALTER TABLE, notes).
    AddColumn,
    /// Row by row.
    Backfill,
}

impl Hop {
    /// What the rows of a table get.
    pub fn fills(&self, table: TableId) -> &[Fill] {
        self.fills.get(&table).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a backfill is to write.
    pub fn backfilled(&self, table: TableId) -> impl Iterator<Item = &Fill> {
        self.fills(table).iter().filter(|fill| fill.by == FilledBy::Backfill)
    }

    /// Whether rows of the table must be written.
    pub fn writes_rows(&self, table: TableId) -> bool {
        self.backfilled(table).next().is_some()
    }

    /// The value that ADD COLUMN is to give to all rows.
    pub fn constant(&self, table: TableId, target: &Name) -> Option<&Sql> {
        let given = |fill: &&Fill| &fill.target == target && fill.by == FilledBy::AddColumn;
        self.fills(table).iter().find(given).map(|fill| &fill.expression)
    }
}

/// Joins candidates with PostgreSQL's answers. `older`: the editions that are live. `default_of`: a physical column's default in physical words.
pub fn assemble(
    sides: (&[InheritedTable], EditionId, &EditionName),
    older: &[EditionName],
    candidates: &[Candidate],
    probed: &[Probed],
    default_of: impl Fn(TableId, &Name) -> Option<String>,
) -> (Hop, Vec<Finding>) {
    let (inherited, child, edition) = sides;
    let mut hop = Hop::default();
    let mut findings = Vec::new();
    let mut answers = probed.iter();
    for candidate in candidates {
        let fill = |expression: Sql, is_repeatable: bool, by: FilledBy, fit: Fit| Fill {
            target: candidate.target.clone(),
            expression,
            is_repeatable,
            by,
            fit,
        };
        let (in_trigger, fill) = if candidate.is_default {
            let default = Sql::trusted(default_of(candidate.table, &candidate.target).unwrap_or_default());
            (default.clone(), fill(default, false, FilledBy::Backfill, Fit::default()))
        } else {
            match answers.next() {
                Some(Probed::Fine {
                    in_trigger,
                    in_update,
                    is_repeatable,
                    is_constant,
                    has_null,
                    result,
                }) => {
                    // Where NULL is not taken, the backfill tells by which row.
                    let fits = !(*has_null && candidate.not_null);
                    let at_once = *is_constant && candidate.may_be_added_with && fits;
                    let by = if at_once { FilledBy::AddColumn } else { FilledBy::Backfill };
                    let fit = Fit::of(candidate, in_trigger.as_str(), *is_constant, result);
                    findings.extend(risk::findings((edition, older), candidate, fit));
                    (in_trigger.clone(), fill(in_update.clone(), *is_repeatable, by, fit))
                }
                Some(Probed::Objection(objection)) => {
                    findings.push(objected(edition, candidate, objection));
                    continue;
                }
                None => continue,
            }
        };
        findings.extend(judged(edition, candidate));
        let Some(place) = inherited.iter().find(|place| place.id == candidate.table) else { continue };
        let triggers = hop.triggers.entry(candidate.table).or_insert_with(|| HopTriggers {
            table: place.child.physical.clone(),
            table_id: place.id,
            child,
            placing: place.placing.clone(),
            forward: Vec::new(),
            reverse: Vec::new(),
            numbered: Vec::new(),
        });
        triggers.numbered.extend(candidate.numbered.clone());
        let kind = match (candidate.is_default, candidate.sources.is_empty()) {
            (true, _) => AssignmentKind::Default,
            (false, true) => AssignmentKind::Constant,
            (false, false) => AssignmentKind::Transform,
        };
        let assignment = Assignment {
            target: candidate.target.clone(),
            sources: candidate.sources.clone(),
            expression: in_trigger,
            kind,
            on_error: candidate.transform.on_error,
            not_null: candidate.not_null,
            label: candidate.transform.column.clone(),
        };
        match candidate.direction {
            Direction::Forward => {
                hop.fills.entry(candidate.table).or_default().push(fill);
                triggers.forward.push(assignment);
            }
            Direction::Reverse => triggers.reverse.push(assignment),
        }
        let known = |transform: &Transform| {
            transform.direction == candidate.direction
                && transform.schema == candidate.transform.schema
                && transform.table == candidate.transform.table
                && transform.column == candidate.transform.column
        };
        if !hop.transforms.iter().any(known) {
            hop.transforms.push(candidate.transform.clone());
        }
    }
    (hop, findings)
}
