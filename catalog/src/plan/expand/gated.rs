//! The application's triggers and policies, each for the editions that have it.

use super::{ExpandInput, TableView, new_columns};
use crate::{
    error::Result,
    model::{QualifiedName, TableId},
    plan::{
        Finding, Lock, Member, Step, policies,
        run::{Passage, Sight},
        triggers,
    },
};

/// What triggers and policies follow from: the draft, and all editions with it.
fn sights<'a>(input: &ExpandInput<'a>) -> (Sight<'a>, Vec<Sight<'a>>) {
    let child = Sight {
        edition: input.draft,
        logical: input.child,
        physical: input.physical,
        mapping: &input.layout.mapping,
    };
    (child, input.chain.members.iter().map(Member::sight).chain([child]).collect())
}

/// Where a table stands.
fn stored(sights: &[Sight<'_>], id: TableId) -> Option<QualifiedName> {
    sights.iter().find_map(|sight| Some(sight.mapping.table(sight.logical.table(id)?).physical))
}

/// The draft's row security beside that of its parent.
pub(super) fn policy_steps(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Result<Vec<Step>> {
    let (child, sights) = sights(input);
    if let Some(leaf) = input.chain.leaf() {
        findings.extend(policies::findings(&leaf.sight(), &child));
    }
    let back = policies::changes(&sights, &Passage::Departure)?;
    let step = |change: &policies::Change| {
        let table = stored(&sights, change.table)?;
        let undo = back.iter().find(|undo| undo.table == change.table);
        let inverse = undo.map(|undo| undo.all_on(&table)).unwrap_or_default();
        let title = format!("row security of {}", table.pretty());
        let statements = change.all_on(&table);
        Some(Step::transaction(title, Lock::AccessExclusive, vec![table], statements).undone_by(inverse))
    };
    Ok(policies::changes(&sights, &Passage::Arrival)?.iter().filter_map(step).collect())
}

/// The draft's triggers beside those of its parent, each for its own writers.
pub(super) fn trigger_steps(
    input: &ExpandInput<'_>,
    tables: &[TableView<'_>],
    findings: &mut Vec<Finding>,
) -> Result<Vec<Step>> {
    let (child, sights) = sights(input);
    let altered = tables.iter().filter(|table| new_columns(table.place, table.child).next().is_some());
    findings.extend(triggers::findings(&child, &altered.map(|table| table.place.id).collect()));
    let at = |id, _| stored(&sights, id);
    let back = triggers::changes(&sights, &Passage::Departure, at)?;
    let step = |change: &triggers::Change| {
        let table = stored(&sights, change.table)?;
        let undo = back.iter().find(|undo| undo.table == change.table);
        let inverse = undo.map(|undo| undo.all_on(&table));
        let title = format!("triggers of {}", table.pretty());
        let statements = change.all_on(&table);
        let step = Step::transaction(title, Lock::AccessExclusive, vec![table], statements);
        Some(step.undone_by(inverse.unwrap_or_default()))
    };
    Ok(triggers::changes(&sights, &Passage::Arrival, at)?.iter().filter_map(step).collect())
}
