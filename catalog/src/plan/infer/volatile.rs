//! Whether an expression may give another value each time, as far as its text tells.

use super::InferInput;
use crate::{
    model::Function,
    sql::{
        Sql,
        lexer::{Lexer, Token, TokenKind},
    },
};

/// What stands in the names of PostgreSQL's and its extensions' own functions that do (docs, 9.9, 9.14, 9.17).
const NAMES: [&str; 12] = [
    "random",
    "uuid",
    "nextval",
    "setval",
    "currval",
    "lastval",
    "clock_timestamp",
    "timeofday",
    "gen_salt",
    "array_sample",
    "array_shuffle",
    "dblink",
];

/// Whether a value calls a function that is not known to give the same one again.
pub(super) fn is_another_each_time(input: &InferInput<'_>, value: &Sql) -> bool {
    let text = value.as_str();
    let tokens: Vec<Token> = Lexer::new(text.as_bytes()).collect();
    let calls = (0..tokens.len())
        .filter(|at| tokens.get(at + 1).is_some_and(|bracket| bracket.is_symbol(text.as_bytes(), b'(')));
    calls.filter_map(|at| Some((at, tokens.get(at)?.name(text)?))).any(|(at, name)| {
        let known = [input.child, input.parent].into_iter().flat_map(|schema| &schema.functions);
        let own: Vec<&Function> = known.filter(|own| own.name.name.as_str() == name).collect();
        let is_elsewhere = || is_of_another_schema(text, tokens.get(..at).unwrap_or_default());
        NAMES.iter().any(|known| name.contains(known))
            || own.iter().any(|own| !is_repeatable(own))
            || own.is_empty() && is_elsewhere()
    })
}

/// Whether a schema stands before a name, and is not PostgreSQL's own.
fn is_of_another_schema(text: &str, before: &[Token]) -> bool {
    let [.., schema, dot] = before else { return false };
    dot.is_symbol(text.as_bytes(), b'.') && schema.name(text).is_none_or(|schema| schema != "pg_catalog")
}

/// By its definition up to the body.
fn is_repeatable(function: &Function) -> bool {
    let bytes = function.definition.as_bytes();
    let is = |token: &Token, word| token.is_word(bytes, word);
    Lexer::new(bytes)
        .take_while(|token| token.kind != TokenKind::String && !is(token, "BEGIN") && !is(token, "RETURN"))
        .any(|token| is(&token, "IMMUTABLE") || is(&token, "STABLE"))
}
