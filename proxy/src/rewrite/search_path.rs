//! `search_path`: each editioned schema that a session asks for is preceded by the schemas of its edition, as at the start of
//! the session. And what would bring back the settings of a session's start after it has switched its edition.

use catalog::{
    model::Name,
    sql,
    sql::{
        Literal, join,
        parser::{
            ConstValue, Node, nodes,
            raw::{DiscardMode, VariableSetKind},
        },
    },
};

use super::{
    analysis::Analysis,
    command::Command,
    literals::{self, Constant},
};
use crate::route;

const SEARCH_PATH: &str = "search_path";
/// The schema of our functions that show settings as the application made them.
const OURS: &str = "edition";

/// `SET [LOCAL | SESSION] search_path`, `SET SCHEMA`, `RESET`.
pub(super) fn rewrite_set<'t>(analysis: &mut Analysis<'t>, set: &'t nodes::VariableSetStmt) {
    let name = set.name().unwrap_or_default().to_ascii_lowercase();
    let (is_path, is_marker) = (name == SEARCH_PATH, name == "edition.id");
    match set.kind {
        VariableSetKind::VAR_RESET_ALL => analysis.restores_path(),
        VariableSetKind::VAR_RESET | VariableSetKind::VAR_SET_DEFAULT if is_path => analysis.restores_path(),
        VariableSetKind::VAR_RESET | VariableSetKind::VAR_SET_DEFAULT if is_marker => analysis.restores(),
        VariableSetKind::VAR_SET_VALUE if is_marker => refuse_marker(analysis),
        VariableSetKind::VAR_SET_VALUE if is_path => rewrite_list(analysis, set),
        _ => {}
    }
}

/// `DISCARD ALL`.
pub(super) fn discard(analysis: &mut Analysis<'_>, discard: &nodes::DiscardStmt) {
    if discard.target == DiscardMode::DISCARD_ALL {
        analysis.restores_path();
    }
}

/// `set_config('search_path', …, …)`; what is computed is looked at in the server.
pub(super) fn rewrite_set_config<'t>(analysis: &mut Analysis<'t>, call: &'t nodes::FuncCall) {
    let mut arguments = call.args().iter();
    let (Some(name), Some(value)) = (arguments.next(), arguments.next()) else { return };
    let Some(name) = literals::constant(analysis, name) else { return };
    if name.value.eq_ignore_ascii_case("edition.id") {
        return refuse_marker(analysis);
    }
    if !name.value.eq_ignore_ascii_case(SEARCH_PATH) {
        return;
    }
    let Some(Constant { value, token }) = literals::constant(analysis, value) else {
        call_ours(analysis, call);
        return analysis.loses_path();
    };
    // Of a value that the server refuses, none.
    let entries = route::elements(value).unwrap_or_default();
    analysis.may_set_path(entries.iter().map(|(name, _)| name.as_str()));
    let listed = listed(analysis, entries.iter().map(|(name, _)| name.as_str()));
    let (mut path, mut written) = (String::new(), 0);
    for (name, at) in &entries {
        path.push_str(value.get(written..*at).unwrap_or_default());
        written = *at;
        path.extend(missing(analysis, name, &listed).into_iter().map(|name| format!("{}, ", name.quoted())));
    }
    path.push_str(value.get(written..).unwrap_or_default());
    if path != value {
        analysis.splice(token..token + 1, sql!("{}", Literal(&path)).to_string());
        // It gives back what it set.
        call_ours(analysis, call);
    }
}

/// `SHOW search_path` and `SHOW ALL` give what the application set.
pub(super) fn rewrite_show(analysis: &mut Analysis<'_>, show: &nodes::VariableShowStmt) {
    const ALL: &str = "all";
    let instead = match show.name() {
        Some(name) if name.eq_ignore_ascii_case(SEARCH_PATH) => {
            (SEARCH_PATH, format!("SELECT {OURS}.current_setting('{SEARCH_PATH}') AS {SEARCH_PATH}"))
        }
        Some(name) if name.eq_ignore_ascii_case(ALL) => {
            let setting = format!("{OURS}.current_setting(name) AS setting");
            (ALL, format!("SELECT name, {setting}, short_desc AS description FROM pg_catalog.pg_settings"))
        }
        _ => return,
    };
    let (shown, text) = instead;
    let at = analysis.statement_tokens().start;
    if analysis.word_at(at, "show") && is_named(analysis, at + 1, shown) {
        analysis.stands_for(Command::Show);
        analysis.splice(at..at + 2, text);
    }
}

fn is_named(analysis: &Analysis<'_>, at: usize, wanted: &str) -> bool {
    let name = analysis.tokens.get(at).and_then(|token| token.name(analysis.text));
    name.is_some_and(|name| name.eq_ignore_ascii_case(wanted))
}

/// `current_setting('search_path')`, by a function of ours with the same name; what is computed may be that, too. `is_led`: nothing is kept of the statement
/// that would hang on our function.
pub(super) fn rewrite_current_setting<'t>(
    analysis: &mut Analysis<'t>,
    call: &'t nodes::FuncCall,
    is_led: bool,
) {
    let Some(argument) = call.args().first() else { return };
    let is_path = match literals::constant(analysis, argument) {
        Some(name) => name.value.eq_ignore_ascii_case(SEARCH_PATH),
        None => is_led && !is_constant(argument),
    };
    if is_path {
        call_ours(analysis, call);
    }
}

/// Also one that is written in several pieces, into which nothing looks.
fn is_constant(node: Node<'_>) -> bool {
    match node {
        Node::A_Const(_) => true,
        Node::TypeCast(cast) => matches!(cast.arg(), Node::A_Const(_)),
        _ => false,
    }
}

/// Puts our schema before a function of `pg_catalog`.
fn call_ours(analysis: &mut Analysis<'_>, call: &nodes::FuncCall) {
    let parts = call.funcname().len();
    let tokens = analysis.token_at(call.location).and_then(|first| analysis.name_tokens(first, parts));
    match tokens.as_deref() {
        Some([schema, _]) => analysis.splice(schema.clone(), OURS),
        Some([name]) => {
            if let Some(written) = analysis.written(name.start) {
                analysis.splice(name.clone(), format!("{OURS}.{written}"));
            }
        }
        _ => {}
    }
}

/// The value list of SET, each entry a word, a quoted name or a string.
fn rewrite_list<'t>(analysis: &mut Analysis<'t>, set: &'t nodes::VariableSetStmt) {
    let mut entries = Vec::new();
    for argument in set.args() {
        let Node::A_Const(constant) = argument else { return };
        let (Some(ConstValue::String(value)), Some(token)) =
            (constant.val(), analysis.token_at(constant.location))
        else {
            return;
        };
        entries.push((value.to_owned(), token));
    }
    analysis.reads_literals();
    analysis.sets_path(entries.iter().map(|(value, _)| value.as_str()));
    let listed = listed(analysis, entries.iter().map(|(value, _)| value.as_str()));
    for (value, token) in &entries {
        let added = missing(analysis, value, &listed);
        if added.is_empty() {
            continue;
        }
        let Some(written) = analysis.tokens.get(*token).and_then(|token| analysis.text.get(token.range()))
        else {
            return;
        };
        // SET SCHEMA 'x' takes one string only, so it becomes what it stands for
        let is_set_schema = token.checked_sub(1).is_some_and(|before| analysis.word_at(before, "schema"));
        let (first, start) = if is_set_schema { ("search_path = ", token - 1) } else { ("", *token) };
        let added = join(added, ", ");
        analysis.splice(start..token + 1, format!("{first}{added}, {written}"));
    }
}

/// The schemas of the edition itself that a list has already, because the session puts back what SHOW gave it.
fn listed<'t, 'l>(analysis: &Analysis<'t>, list: impl Iterator<Item = &'l str>) -> Vec<&'t Name> {
    let ours: Vec<&Name> = analysis.edition.path.iter().flat_map(|(_, before)| before).collect();
    let mut found: Vec<&Name> =
        list.filter_map(|entry| ours.iter().find(|name| name.as_str() == entry).copied()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The schemas of the edition that must stand before `schema` in a list that has `listed` already; none if `schema` is not
/// editioned.
fn missing<'t>(analysis: &Analysis<'t>, schema: &str, listed: &[&Name]) -> Vec<&'t Name> {
    let path = analysis.edition.path.iter().find(|(editioned, _)| editioned.as_str() == schema);
    let before = path.map(|(_, before)| before.as_slice()).unwrap_or_default();
    before.iter().filter(|name| !listed.contains(name)).collect()
}

fn refuse_marker(analysis: &mut Analysis<'_>) {
    analysis.refuse(
        "55P02",
        "parameter \"edition.id\" cannot be changed by a session".to_owned(),
        Some("To work in another edition: ALTER SESSION SET EDITION name.".to_owned()),
        None,
    );
}
