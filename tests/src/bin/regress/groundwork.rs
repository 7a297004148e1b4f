//! What of a test file has to be there before a child edition is made.

use catalog::sql::lexer::{Lexer, Token};
use editiond::rewrite::SessionTraits;

use crate::lockstep::Judge;

/// The statements that make something in the editioned schema and take nothing away.
pub(crate) fn of(worked: &[String], judge: &Judge) -> Vec<String> {
    let mut traits = SessionTraits::starting_with(["public"]);
    let mut ddl = Vec::new();
    for text in worked {
        if judge.freezes(text, &mut traits) && !takes_away(text) {
            ddl.push(text.clone());
        }
    }
    ddl
}

fn takes_away(text: &str) -> bool {
    tokens(text).iter().any(|token| token.is_word(text.as_bytes(), "drop"))
}

fn tokens(text: &str) -> Vec<Token> {
    Lexer::new(text.as_bytes()).collect()
}

/// The name of what a statement makes, if it makes one thing.
pub(crate) fn made(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let tokens = tokens(text);
    let kinds = [
        "table",
        "view",
        "sequence",
        "type",
        "domain",
        "function",
        "procedure",
        "aggregate",
        "trigger",
        "rule",
        "policy",
        "into",
    ];
    let at = tokens.iter().position(|token| kinds.iter().any(|kind| token.is_word(bytes, kind)))?;
    let passed = ["if", "not", "exists", "only"];
    let mut rest =
        tokens.get(at + 1..)?.iter().filter(|token| !passed.iter().any(|word| token.is_word(bytes, word)));
    let first = rest.next()?;
    match rest.next() {
        Some(dot) if dot.is_symbol(bytes, b'.') => rest.next()?.name(text),
        _ => first.name(text),
    }
}
