//! Guards for what speaks of a table's row as a whole: PostgreSQL judges policies, checks and indexes on the stored row, which has the columns of all live editions.

use std::collections::BTreeMap;

use super::{
    Code, ExpandInput, Finding,
    expand::{TableView, new_columns},
};
use crate::model::{QualifiedName, WholeRow};

/// What is to be said of an inherited table whose stored row is not, or will not be, the row that its editions know.
pub(super) fn findings(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    let stored = &table.place.child.physical;
    let grows = new_columns(table.place, table.child).next().is_some();
    let has_more = input.chain.physical_order(stored).len() > table.child.columns.len();
    let of_the_older = input.chain.facts.whole_rows.iter().filter(|_| grows);
    let of_the_draft = input.whole_rows.iter().filter(|_| grows || has_more);
    let mut speakers: BTreeMap<&str, bool> = BTreeMap::new();
    for whole in about(of_the_older, stored).chain(about(of_the_draft, &table.child.name)) {
        *speakers.entry(&whole.speaker).or_default() |= whole.builds;
    }
    speakers.into_iter().map(|(speaker, builds)| finding(table, speaker, builds)).collect()
}

fn about<'a>(
    whole_rows: impl Iterator<Item = &'a WholeRow>,
    table: &QualifiedName,
) -> impl Iterator<Item = &'a WholeRow> {
    whole_rows.filter(move |whole| whole.table == *table)
}

fn finding(table: &TableView<'_>, speaker: &str, builds: bool) -> Finding {
    let name = table.child.name.pretty();
    let first = "name the columns in it first, in a draft that changes nothing else of the table";
    if builds {
        let message = format!(
            "it puts a whole row of {name} together, and the stored row has the columns of all live editions"
        );
        return Finding::new(Code::WholeRowBuilt, speaker, message).with_fix(first);
    }
    let message = format!(
        "it takes the row of {name} as a whole, and is judged on the stored row, which has the columns of all live editions"
    );
    Finding::new(Code::WholeRowRead, speaker, message)
        .with_fix(format!("{first}, or accept it: --allow whole-row-read"))
}
