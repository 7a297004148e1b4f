//! Joining candidates with PostgreSQL's answers: the triggers and assignments of a hop.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Candidate,
    judgement::{judged, objected},
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
    /// Per table: physical column and expression over the row alias.
    pub backfill: BTreeMap<TableId, Vec<(Name, Sql)>>,
    /// Physical columns whose transform gives something else the next time it is asked.
    pub unrepeatable: BTreeSet<(TableId, Name)>,
    /// As used.
    pub transforms: Vec<Transform>,
}

/// Joins candidates with PostgreSQL's answers. `default_of`: a physical column's default in physical words.
pub fn assemble(
    sides: (&[InheritedTable], EditionId, &EditionName),
    candidates: &[Candidate],
    probed: &[Probed],
    default_of: impl Fn(TableId, &Name) -> Option<String>,
) -> (Hop, Vec<Finding>) {
    let (inherited, child, edition) = sides;
    let mut hop = Hop::default();
    let mut findings = Vec::new();
    let mut answers = probed.iter();
    for candidate in candidates {
        let (in_trigger, in_update) = if candidate.is_default {
            let default = Sql::trusted(default_of(candidate.table, &candidate.target).unwrap_or_default());
            (default.clone(), default)
        } else {
            match answers.next() {
                Some(Probed::Fine { in_trigger, in_update, is_repeatable }) => {
                    if !is_repeatable {
                        hop.unrepeatable.insert((candidate.table, candidate.target.clone()));
                    }
                    (in_trigger.clone(), in_update.clone())
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
        });
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
                hop.backfill.entry(candidate.table).or_default().push((candidate.target.clone(), in_update));
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
