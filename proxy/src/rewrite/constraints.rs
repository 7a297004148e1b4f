//! `SET CONSTRAINTS name, …`. Which constraints stand for a name hangs on what a publication has made so far, so it is looked up in the server when
//! the statement runs: a list of names would fail before they come and after they go. `ALL` means all there are anyway.

use catalog::{
    sql,
    sql::{
        Literal, Sql, join,
        parser::{Node, nodes},
    },
};

use super::{analysis::Analysis, command::Command};

/// The word without which no text holds such a statement.
pub(super) const WORD: &str = "constraints";

/// Puts a call of our procedure in the place of the statement.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, set: &'t nodes::ConstraintsSetStmt) {
    if analysis.snapshot.is_at_rest() {
        return;
    }
    let mut wanted = Vec::new();
    for name in set.constraints() {
        // Only the server knows whether the database that is named is this one.
        let Node::RangeVar(name) = name else { return };
        if name.catalogname().is_some() {
            return;
        }
        wanted.push(name);
    }
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return };
    let (Some(first), Some(last)) = (analysis.relation_tokens(first), analysis.relation_tokens(last)) else {
        return;
    };
    // From SET CONSTRAINTS, before the names, to DEFERRED or IMMEDIATE, behind them.
    let Some(start) = first.start.checked_sub(2).filter(|start| analysis.word_at(*start, "set")) else {
        return;
    };
    let schemas = wanted.iter().map(|name| name.schemaname().map_or_else(|| sql!("NULL"), literal));
    let names = wanted.iter().map(|name| literal(name.relname().unwrap_or_default()));
    let call = sql!(
        "CALL edition.set_constraints(pg_catalog.current_schemas(true), ARRAY[{}]::pg_catalog.text[], ARRAY[{}]::pg_catalog.text[], {})",
        join(schemas, ", "),
        join(names, ", "),
        if set.deferred { sql!("true") } else { sql!("false") }
    );
    analysis.splice(start..last.end + 1, call.to_string());
    analysis.stands_for(Command::SetConstraints);
}

fn literal(name: &str) -> Sql {
    sql!("{}", Literal(name))
}
