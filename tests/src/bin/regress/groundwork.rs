//! What of a test file has to be there before a child edition is made.

use catalog::sql::lexer::{Lexer, Token};
use editiond::rewrite::SessionTraits;

use crate::lockstep::Judge;

/// The statements that make something in the editioned schema and take nothing away, and those that say who makes it, and where.
pub(crate) fn of(worked: &[String], judge: &Judge) -> Vec<String> {
    let mut traits = SessionTraits::starting_with(["public"]);
    let mut ddl = Vec::new();
    for text in worked {
        if judge.freezes(text, &mut traits) && !takes_away(text) || sets_the_scene(text) {
            ddl.push(text.clone());
        }
    }
    ddl
}

/// Roles and what they may do, schemas, and who the session is.
fn sets_the_scene(text: &str) -> bool {
    const SCENES: [&[&str]; 11] = [
        &["create", "role"],
        &["create", "user"],
        &["create", "group"],
        &["create", "schema"],
        &["grant"],
        &["set", "session", "authorization"],
        &["reset", "session", "authorization"],
        &["set", "role"],
        &["reset", "role"],
        &["set", "search_path"],
        &["reset", "search_path"],
    ];
    let (bytes, tokens) = (text.as_bytes(), tokens(text));
    SCENES.iter().any(|words| {
        words
            .iter()
            .enumerate()
            .all(|(at, word)| tokens.get(at).is_some_and(|token| token.is_word(bytes, word)))
    })
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
