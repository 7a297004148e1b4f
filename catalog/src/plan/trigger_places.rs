//! Triggers of the application's that stand where the crossedition triggers cannot do right by them.

use std::collections::BTreeSet;

use super::{Code, ExpandInput, Finding, expand::TableView};
use crate::model::{TableId, Trigger};

/// What the names of ours begin with. PostgreSQL fires triggers of one kind in the order of their names, byte by byte (docs, Overview of Trigger Behavior).
const OURS: &str = "~edition";

/// Findings about an inherited table.
pub(super) fn findings(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    let parts: BTreeSet<TableId> = table.child.partitions().iter().map(|part| part.table.id).collect();
    let known = input.chain.leaf().map(|leaf| &leaf.logical).into_iter().chain([input.child]);
    let mut seen = BTreeSet::new();
    let triggers = known.flat_map(|schema| &schema.triggers).filter(|trigger| {
        let stands_here = trigger.table == table.place.id || parts.contains(&trigger.table);
        stands_here && trigger.enabled != "D" && seen.insert((trigger.table, &trigger.name))
    });
    let is_computed = input.hop.triggers.contains_key(&table.place.id);
    let found = triggers.flat_map(|trigger| {
        let late = (is_computed && runs_late(trigger)).then(|| late(trigger));
        let apart = (table.viewed && parts.contains(&trigger.table)).then(|| of_partition(trigger));
        [late, apart]
    });
    found.flatten().collect()
}

fn runs_late(trigger: &Trigger) -> bool {
    let says = |words: &str| trigger.definition.contains(words);
    trigger.name.as_str() >= OURS && says(" BEFORE ") && says(" FOR EACH ROW ")
}

fn subject(trigger: &Trigger) -> String {
    format!("trigger {} on {}", trigger.name.as_str(), trigger.on.pretty())
}

fn late(trigger: &Trigger) -> Finding {
    let message = "it runs behind the triggers that compute what other editions read, whose names begin with \"~edition\": they do not see what it changes";
    Finding::new(Code::TriggerRunsLate, subject(trigger), message).with_fix(
        "ALTER TRIGGER … RENAME TO a name that sorts before \"~\" (an ASCII letter or digit first), or accept it: --allow trigger-runs-late",
    )
}

fn of_partition(trigger: &Trigger) -> Finding {
    let message = "it stands on one partition, so it sees the stored columns under their stored names in every edition, and the backfill may fire it";
    Finding::new(Code::PartitionTrigger, subject(trigger), message).with_fix(
        "make it a trigger of the whole table, or see that it reads and sets no column that the draft stores anew, and accept it: --allow partition-trigger",
    )
}
