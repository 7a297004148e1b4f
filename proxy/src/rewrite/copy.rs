//! `COPY`, which PostgreSQL does not take on a view.
//!
//! Out of it: `COPY view TO` becomes `COPY (SELECT … FROM view) TO`, which keeps the edition's names in the header and the row
//! security of the reader. Into it: `COPY view FROM` becomes a COPY into the physical table with the physical columns; the
//! crossedition triggers there do the rest.

use std::{collections::HashSet, ops::Range};

use catalog::{
    model::Name,
    snapshot::ViewRelation,
    sql,
    sql::{
        Sql, join,
        parser::{Node, name_parts, nodes},
        walk::walk,
    },
};

use super::{
    analysis::Analysis,
    names::{self, Position},
};

/// Puts something that can be copied in the place of a view.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, copy: &'t nodes::CopyStmt) {
    let Some(named) = copy.relation() else {
        return names::resolve(analysis, copy.query());
    };
    let Some(view) = analysis.view(named) else {
        names::relation(analysis, named, Position::Unknown);
        return names::resolve(analysis, copy.where_clause());
    };
    let Some(target) = target_tokens(analysis, named, copy) else { return };
    if let Some((sqlstate, message)) = wrong_column(copy, named, view) {
        return analysis.refuse(sqlstate, message, None, None);
    }
    let binary_prefix = target.start.checked_sub(1).is_some_and(|before| analysis.word_at(before, "binary"));
    // of a query it would take a generated column
    let lists_generated = name_parts(copy.attlist()).into_iter().any(|column| is_generated(view, column));
    if copy.is_from || binary_prefix || lists_generated {
        physical(analysis, copy, view, target);
    } else if (target.end..analysis.tokens.len()).any(|at| analysis.word_at(at, "delimiters")) {
        refuse(
            analysis,
            "COPY … USING DELIMITERS is not supported on a table that differs between editions",
            "Write DELIMITER '…'.",
        );
    } else {
        query(analysis, copy, named, view, target);
    }
}

/// The tokens of the relation and of the column list after it.
fn target_tokens(
    analysis: &Analysis<'_>,
    named: &nodes::RangeVar,
    copy: &nodes::CopyStmt,
) -> Option<Range<usize>> {
    let name = analysis.relation_tokens(named)?;
    if copy.attlist().is_empty() {
        return Some(name);
    }
    let close = (name.end..analysis.tokens.len()).find(|at| analysis.symbol_at(*at, b')'))?;
    Some(name.start..close + 1)
}

fn query(
    analysis: &mut Analysis<'_>,
    copy: &nodes::CopyStmt,
    named: &nodes::RangeVar,
    view: &ViewRelation,
    target: Range<usize>,
) {
    let Ok(name) = Name::new(named.relname().unwrap_or_default()) else { return };
    let listed = name_parts(copy.attlist()).into_iter().filter_map(|column| Name::new(column).ok());
    let columns = match (copy.attlist().is_empty(), view.generated_columns.is_empty()) {
        (true, true) => Sql::trusted("*"),
        (true, false) => {
            let columns =
                view.columns.iter().filter(|(_, physical)| !view.generated_columns.contains(physical));
            join(columns.map(|(logical, _)| logical), ", ")
        }
        (false, _) => join(listed, ", "),
    };
    // without a schema the server looks the name up as it would have
    let from = if named.schemaname().is_some() { sql!("{}.{}", view.schema, name) } else { sql!("{}", name) };
    analysis.splice(target, sql!("(SELECT {} FROM {})", columns, from).to_string());
}

fn physical<'t>(
    analysis: &mut Analysis<'t>,
    copy: &'t nodes::CopyStmt,
    view: &'t ViewRelation,
    target: Range<usize>,
) {
    let all = view.columns.iter().map(|(_, physical)| physical);
    let mut columns: Vec<&Name> = all.filter(|physical| !view.generated_columns.contains(physical)).collect();
    let mut renamed = view.columns.iter().any(|(logical, physical)| logical != physical);
    if !copy.attlist().is_empty() {
        columns.clear();
        renamed = false;
        for column in name_parts(copy.attlist()) {
            let Some(physical) = physical_column(view, column) else { continue };
            renamed |= physical.as_str() != column;
            columns.push(physical);
        }
    }
    // a default of the edition's own is the view's, and the table does not know it
    let defaulted = view.own_defaults.iter().filter_map(|column| physical_column(view, column.as_str()));
    if copy.is_from && defaulted.into_iter().any(|column| !columns.contains(&column)) {
        return refuse(
            analysis,
            "COPY … FROM without a column that has a default of this edition's own is not supported",
            "List all columns.",
        );
    }
    let list = join(columns, ", ");
    analysis.splice(target, sql!("{}.{} ({})", view.physical_schema, view.physical_name, list).to_string());
    for option in copy.options() {
        match option.defname() {
            Some("header") => header(analysis, option, renamed),
            Some("force_not_null" | "force_null" | "force_quote") => force(analysis, option, view),
            _ => {}
        }
    }
    if !matches!(copy.where_clause(), Node::None) {
        condition(analysis, copy, view);
    }
}

/// `HEADER MATCH` compares the file's names with those of the table, which are not the edition's.
fn header(analysis: &mut Analysis<'_>, option: &nodes::DefElem, renamed: bool) {
    analysis.reads_literals();
    if renamed && option.arg().as_str().is_some_and(|value| value.eq_ignore_ascii_case("match")) {
        refuse(
            analysis,
            "COPY … HEADER MATCH is not supported on a table whose columns have other names in other editions",
            "Use HEADER and give the column list in the order of the file.",
        );
    }
}

/// `FORCE_NULL (a, b)` and, as of old, `FORCE NULL a, b`.
fn force(analysis: &mut Analysis<'_>, option: &nodes::DefElem, view: &ViewRelation) {
    let (Node::NodeList(columns), Some(first)) = (option.arg(), analysis.token_at(option.location)) else {
        return;
    };
    let mut at = match (analysis.symbol_at(first + 1, b'('), analysis.word_at(first + 1, "not")) {
        (false, true) => first + 3,
        _ => first + 2,
    };
    for column in name_parts(columns) {
        let Some(tokens) = analysis.name_tokens(at, 1).and_then(|parts| parts.first().cloned()) else {
            return;
        };
        at = tokens.end + 1;
        if let Some(physical) = physical_column(view, column) {
            analysis.splice(tokens, physical.quoted().to_string());
        }
    }
}

/// The columns in `WHERE`, which filters rows on their way in. Functions and types in it are names like any other.
fn condition<'t>(analysis: &mut Analysis<'t>, copy: &'t nodes::CopyStmt, view: &'t ViewRelation) {
    let table = copy.relation().and_then(nodes::RangeVar::relname).unwrap_or_default();
    let mut references = Vec::new();
    walk(copy.where_clause(), |node| {
        if let Node::ColumnRef(column) = node {
            references.push(column);
        }
    });
    for reference in references {
        let parts = name_parts(reference.fields());
        let Some(first) = analysis.token_at(reference.location) else { continue };
        let Some(tokens) = analysis.name_tokens(first, parts.len()) else { continue };
        let (column, qualified) = match parts.as_slice() {
            [column] => (*column, false),
            [qualifier, column] if *qualifier == table => (*column, true),
            _ => continue,
        };
        let (Some(physical), Some(last)) = (physical_column(view, column), tokens.last()) else { continue };
        if qualified {
            analysis.splice(first..last.end, sql!("{}.{}", view.physical_name, physical).to_string());
        } else {
            analysis.splice(last.clone(), physical.quoted().to_string());
        }
    }
    names::resolve(analysis, copy.where_clause());
}

fn is_generated(view: &ViewRelation, column: &str) -> bool {
    physical_column(view, column).is_some_and(|physical| view.generated_columns.contains(physical))
}

fn physical_column<'v>(view: &'v ViewRelation, column: &str) -> Option<&'v Name> {
    view.columns.iter().find(|(logical, _)| logical.as_str() == column).map(|(_, physical)| physical)
}

/// What PostgreSQL finds wrong with a list of columns: of a query's outputs it would say something else, or nothing.
fn wrong_column(
    copy: &nodes::CopyStmt,
    named: &nodes::RangeVar,
    view: &ViewRelation,
) -> Option<(&'static str, String)> {
    let mut seen = HashSet::new();
    name_parts(copy.attlist()).into_iter().find_map(|column| {
        if physical_column(view, column).is_none() {
            let table = named.relname().unwrap_or_default();
            return Some(("42703", format!("column \"{column}\" of relation \"{table}\" does not exist")));
        }
        (!seen.insert(column)).then(|| ("42701", format!("column \"{column}\" specified more than once")))
    })
}

fn refuse(analysis: &mut Analysis<'_>, message: &str, hint: &str) {
    analysis.refuse("0A000", message.to_owned(), Some(hint.to_owned()), None);
}
