//! Statements of the draft that change rows in a way that no transform says: each is run once, through the new edition.

use super::{Writer, childs_path};
use crate::{
    error::Result,
    model::{QualifiedName, Schema, Table, TableId},
    plan::{Code, DataStep, ExpandInput, Finding, Lock, Step},
    seed::{Seeds, path_to},
    sql,
    sql::Sql,
};

/// When a statement of the draft that no transform says is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Moment {
    /// Before the child's rules: they may ask for what the statement brings about.
    BeforeRules,
    /// Last of all.
    AfterRows,
}

/// Statements of the draft that no transform says, each once, in their order.
pub(in crate::plan) fn data_steps(input: &ExpandInput<'_>, moment: Moment) -> Result<Vec<Step>> {
    let path = childs_path(input)?;
    let step = |step: &DataStep| {
        let physical =
            input.child.table_named(&step.table).and_then(|table| input.layout.mapping.tables.get(&table.id));
        let relations: Vec<QualifiedName> =
            physical.map(|mapping| mapping.physical.clone()).into_iter().collect();
        let size = relations.first().map(|table| input.chain.size(table)).unwrap_or_default();
        let statements = vec![
            sql!("SET LOCAL edition.id = '{}'", input.draft.id),
            path_to(&step.table.schema, &path),
            step.stored.clone().unwrap_or_else(|| Sql::trusted(&step.text)),
        ];
        let title = format!("run a statement of the draft on {}", step.table.pretty());
        Step::transaction(title, Lock::RowExclusive, relations, statements).touching(size)
    };
    let writer = Writer::new(input)?;
    let early = input.data_steps.iter().take_while(|step| may_be_early(&writer, step)).count();
    let (early, late) = input.data_steps.split_at_checked(early).unwrap_or_default();
    let meant = if moment == Moment::BeforeRules { early } else { late };
    Ok(meant.iter().map(step).collect())
}

/// Whether a statement does the same before the rules and the reverse triggers are there as it does at the end: it deletes, or fills a new table,
/// and reads no rows that come later.
fn may_be_early(writer: &Writer<'_>, step: &DataStep) -> bool {
    let Some(target) = writer.input.child.table_named(&step.table) else { return false };
    let is_complete =
        |id: TableId| writer.seed_of(id).is_none() || (writer.is_new(id) && !writer.waits_for_older_rows(id));
    let needs_no_trigger = step.deletes || (step.inserts && writer.is_new(target.id));
    let reads = step.reads.as_ref();
    needs_no_trigger
        && is_complete(target.id)
        && reads.is_some_and(|reads| reads.iter().all(|id| is_complete(*id)))
}

/// An INSERT … SELECT that publish will run on the real rows has run in the draft, too: on the rows that it began with, if it began with rows of earlier ones,
/// or on none, of which an aggregate makes one. What it left there is not carried, and as it cannot be told from what the draft inserted otherwise,
/// nothing of that table is.
pub fn leave_out_doubtful(seeds: &mut Seeds, steps: &[DataStep], child: &Schema) -> Vec<Finding> {
    let has_left_rows = |step: &&DataStep| step.inserts && (seeds.with_earlier || step.leaves_rows);
    let filled: Vec<&Table> =
        steps.iter().filter(has_left_rows).filter_map(|step| child.table_named(&step.table)).collect();
    let mut findings = Vec::new();
    for table in filled {
        let before = seeds.tables.len();
        seeds.tables.retain(|seed| seed.table != table.id || seed.inserted.is_empty());
        if seeds.tables.len() < before {
            let subject = format!("table {}", table.name.pretty());
            let message = "rows that the draft holds are not carried: they may be what the draft's INSERT … SELECT made there, and publish runs it on the real rows";
            let fix = "insert what is missing through the edition once it is published, and accept it: --allow not-inferred";
            findings.push(Finding::new(Code::NotInferred, subject, message).with_fix(fix));
        }
    }
    findings
}
