//! Queries of the system catalogues. While editions differ they are led to the reflections in schema `edition_catalog`, which show the
//! edition's tables as tables, and nothing of other editions. Which relations and functions have one hangs on the server's version, so the snapshot says it; each bears the
//! name of what it reflects, so that only the schema is written anew, and aliases and column references go on meaning the same.

use catalog::sql::parser::{Node, name_parts, nodes};

use super::analysis::Analysis;

/// The schema of the reflections.
const REFLECTIONS: &str = "edition_catalog";
const CATALOGUE: &str = "pg_catalog";
const STANDARD: &str = "information_schema";

/// Whether an unqualified relation name means a system catalogue that is reflected.
pub(super) fn is_catalogue(analysis: &Analysis<'_>, name: &str) -> bool {
    is_reflected(analysis, CATALOGUE, name)
}

/// Whether the statement is led to the reflections. Not what the server keeps, which it would bind to them: they do not outlive the
/// edition's views; nor a plan, which would show what they are made of.
pub(super) fn is_led(statement: Node<'_>) -> bool {
    !matches!(
        statement,
        Node::ViewStmt(_)
            | Node::CreateFunctionStmt(_)
            | Node::RuleStmt(_)
            | Node::CreatePolicyStmt(_)
            | Node::ExplainStmt(_)
    )
}

/// A relation that is read.
pub(super) fn relation(analysis: &mut Analysis<'_>, named: &nodes::RangeVar) {
    let Some(name) = named.relname() else { return };
    let Some(schema) = named.schemaname() else {
        if is_catalogue(analysis, name)
            && let Some(at) = analysis.token_at(named.location)
        {
            qualify(analysis, at);
        }
        return;
    };
    if is_reflected(analysis, schema, name)
        && let Some([.., at, _]) = analysis.relation_parts(named).as_deref()
    {
        analysis.splice(at.clone(), REFLECTIONS);
    }
}

/// `pg_catalog.pg_class.relname`, also with the database before it.
pub(super) fn column(analysis: &mut Analysis<'_>, column: &nodes::ColumnRef) {
    let fields = column.fields().len();
    let parts = name_parts(column.fields());
    let (schema, table) = match (fields, parts.as_slice()) {
        (3, [schema, table, ..]) | (4, [_, schema, table, ..]) => (*schema, *table),
        _ => return,
    };
    if !is_reflected(analysis, schema, table) {
        return;
    }
    let tokens = analysis.token_at(column.location).and_then(|first| analysis.name_tokens(first, fields - 2));
    if let Some(at) = tokens.as_deref().and_then(<[_]>::last) {
        analysis.splice(at.clone(), REFLECTIONS);
    }
}

/// A function that deparses, describes or measures.
pub(super) fn call(analysis: &mut Analysis<'_>, call: &nodes::FuncCall) {
    let parts = name_parts(call.funcname());
    let ([name] | [CATALOGUE, name]) = parts.as_slice() else { return };
    if !analysis.snapshot.reflected.functions.contains(*name) {
        return;
    }
    let Some(tokens) =
        analysis.token_at(call.location).and_then(|first| analysis.name_tokens(first, parts.len()))
    else {
        return;
    };
    // Some nodes that the grammar makes up point at other words than their name.
    let written = tokens.last().and_then(|last| analysis.tokens.get(last.start)?.name(analysis.text));
    if written.as_deref() != Some(*name) {
        return;
    }
    match tokens.as_slice() {
        [schema, _] => analysis.splice(schema.clone(), REFLECTIONS),
        [name] => qualify(analysis, name.start),
        _ => {}
    }
}

/// `CURRENT_SCHEMA`, without parentheses.
pub(super) fn value(analysis: &mut Analysis<'_>, function: &nodes::SQLValueFunction) {
    let Some(at) = analysis.token_at(function.location) else { return };
    if analysis.word_at(at, "current_schema")
        && analysis.snapshot.reflected.functions.contains("current_schema")
    {
        analysis.splice(at..at + 1, format!("{REFLECTIONS}.current_schema()"));
    }
}

/// Whether what stands in FROM, if no CTE, is read from a reflection.
pub(super) fn is_reflection(analysis: &Analysis<'_>, named: &nodes::RangeVar) -> bool {
    let name = named.relname().unwrap_or_default();
    is_reflected(analysis, named.schemaname().unwrap_or(CATALOGUE), name)
}

fn is_reflected(analysis: &Analysis<'_>, schema: &str, name: &str) -> bool {
    let of_catalogue = name.starts_with("pg_");
    let fits = match schema {
        CATALOGUE => of_catalogue,
        STANDARD => !of_catalogue,
        _ => false,
    };
    fits && analysis.snapshot.reflected.relations.contains(name)
}

/// Puts the schema before an unqualified name.
fn qualify(analysis: &mut Analysis<'_>, at: usize) {
    let Some(written) = analysis.tokens.get(at).and_then(|token| analysis.text.get(token.range())) else {
        return;
    };
    let text = format!("{REFLECTIONS}.{written}");
    analysis.splice(at..at + 1, text);
}
