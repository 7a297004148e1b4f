//! The body of a function whose language has it as a string.

use crate::{
    model::Function,
    sql::lexer::{Lexer, Token, TokenKind},
};

/// The text between the tags of `$function$…$function$`, and where it begins in the definition. `None` for a body that PostgreSQL keeps parsed.
pub(super) fn body(function: &Function) -> Option<(usize, &str)> {
    let text = function.definition.as_str();
    let token = Lexer::new(text.as_bytes()).filter(|token| token.kind == TokenKind::String).last()?;
    inside_dollars(text, &token)
}

fn inside_dollars<'a>(text: &'a str, token: &Token) -> Option<(usize, &'a str)> {
    let whole = text.get(token.range())?;
    let tag = whole.get(..whole.get(1..)?.find('$')? + 2).filter(|tag| tag.starts_with('$'))?;
    Some((token.start + tag.len(), whole.strip_prefix(tag)?.strip_suffix(tag)?))
}

/// Whether its body is a text of SQL statements.
pub(super) fn is_sql(function: &Function) -> bool {
    ["sql", "plpgsql"].iter().any(|language| has_language(function, language))
}

/// Whether `pg_get_functiondef` says this language.
pub(super) fn has_language(function: &Function, language: &str) -> bool {
    let mut lines = function.definition.lines();
    lines
        .any(|line| line.strip_prefix(" LANGUAGE ").and_then(|rest| rest.split(' ').next()) == Some(language))
}
