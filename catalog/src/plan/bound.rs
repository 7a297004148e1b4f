//! Guards for what PostgreSQL binds to a function by its OID, where the draft has a function of its own: what exists once for all editions would keep
//! calling the older one, and what a table needs must be there before the table is.

use super::{
    Code, ExpandInput, Finding, Severity,
    code_objects::{Extent, is_own},
};
use crate::{
    layout::ColumnFate,
    model::{Bound, ColumnId, Function, TableId, User},
};

/// Refusals for what cannot follow the draft's function.
pub(super) fn findings(input: &ExpandInput<'_>) -> Vec<Finding> {
    let over_made = Extent::made(input).functions_over(input.physical);
    input
        .bound
        .iter()
        .filter_map(|bound| {
            let function = input.child.functions.iter().find(|function| function.id == bound.function)?;
            if !is_own(input, function.id) {
                return None;
            }
            if stays_with_the_older(input, bound) {
                return Some(shared(function, bound));
            }
            let of_table = matches!(bound.user, User::Default(..) | User::Generated(..) | User::Rule(_));
            (of_table && over_made.contains(&function.id)).then(|| too_late(function, bound))
        })
        .collect()
}

/// Whether one object would serve the older editions, which need it to call their function, and the draft, which has another.
fn stays_with_the_older(input: &ExpandInput<'_>, bound: &Bound) -> bool {
    let is_older = input
        .chain
        .leaf()
        .is_some_and(|leaf| leaf.logical.functions.iter().any(|function| function.id == bound.function));
    is_older
        && match &bound.user {
            User::Default(..) | User::Rule(_) => false,
            User::Generated(table, column) => is_shared(input, *table, *column),
            User::Type(id) => !is_own(input, *id),
            User::Shared => true,
        }
}

fn is_shared(input: &ExpandInput<'_>, table: TableId, column: ColumnId) -> bool {
    let place = input.layout.inherited.iter().find(|place| place.id == table);
    place.is_some_and(|place| place.fates.get(&column) == Some(&ColumnFate::Shared))
}

fn shared(function: &Function, bound: &Bound) -> Finding {
    Finding {
        severity: Severity::Refused,
        code: Code::BoundToFunction,
        subject: bound.described.clone(),
        message: format!(
            "all editions share it, and it calls {} {}, of which the draft has one of its own",
            function.kind.word(),
            function.name.pretty()
        ),
        fix: Some("leave that one as it is, and give the changed one another name".to_owned()),
    }
}

fn too_late(function: &Function, bound: &Bound) -> Finding {
    Finding {
        severity: Severity::Refused,
        code: Code::BoundToFunction,
        subject: bound.described.clone(),
        message: format!(
            "it calls {} {}, whose arguments or parsed body name a table, column or view that this draft makes",
            function.kind.word(),
            function.name.pretty()
        ),
        fix: Some(
            "give the function its body as a string (AS '…'), which PostgreSQL looks into only when it is called"
                .to_owned(),
        ),
    }
}
