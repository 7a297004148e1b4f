//! What is cut out of a statement's text: the tree tells what a statement is, its tokens where the parts stand.

use super::DataChange;
use crate::{
    model::Name,
    sql::{
        Expression,
        lexer::{Lexer, Token, TokenKind},
        parse_assignments,
    },
};

/// The texts between semicolons outside of brackets, quotes and bodies of routines.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begun, mut end, mut depth) = (None, 0, 0_i32);
    let mut body = Body::default();
    for token in Lexer::new(text.as_bytes()) {
        depth += depth_change(text, &token);
        if depth <= 0 && !body.is_open() && token.is_symbol(text.as_bytes(), b';') {
            parts.extend(begun.take().and_then(|start: usize| text.get(start..end)));
            depth = 0;
            body = Body::default();
            continue;
        }
        if depth <= 0 && token.kind == TokenKind::Word {
            body.word(&token.bytes(text.as_bytes()).to_ascii_lowercase());
        }
        begun.get_or_insert(token.start);
        end = token.end;
    }
    parts.extend(begun.and_then(|start| text.get(start..end)));
    parts
}

/// `BEGIN ATOMIC … CASE … END … END` of a routine, counted as psql does (`psqlscan.l`).
#[derive(Default)]
struct Body {
    head: Head,
    /// BEGIN and CASE that have no END yet.
    depth: usize,
}

/// How far `CREATE [OR REPLACE] FUNCTION | PROCEDURE` has been read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Head {
    #[default]
    Begins,
    Create,
    Or,
    Replace,
    Routine,
    Other,
}

impl Body {
    fn word(&mut self, word: &[u8]) {
        self.head = match (self.head, word) {
            (Head::Begins, b"create") => Head::Create,
            (Head::Create, b"or") => Head::Or,
            (Head::Or, b"replace") => Head::Replace,
            (Head::Create | Head::Replace, b"function" | b"procedure") | (Head::Routine, _) => Head::Routine,
            _ => Head::Other,
        };
        if self.head != Head::Routine {
            return;
        }
        match word {
            b"begin" => self.depth += 1,
            b"case" if self.is_open() => self.depth += 1,
            b"end" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn is_open(&self) -> bool {
        self.depth > 0
    }
}

fn depth_change(text: &str, token: &Token) -> i32 {
    let is = |symbol| token.is_symbol(text.as_bytes(), symbol);
    i32::from(is(b'(') || is(b'[')) - i32::from(is(b')') || is(b']'))
}

/// SET and WHERE; WHERE, RETURNING and SET are reserved words, so outside of brackets they are what they seem.
pub(super) fn as_update(text: &str, alias: Option<Name>) -> Option<DataChange> {
    let set = word_at_top(text, "SET", 0)?;
    let end = word_at_top(text, "RETURNING", set.end).map_or(text.len(), |token| token.start);
    let condition = word_at_top(text, "WHERE", set.end);
    let assignments = text.get(set.end..condition.as_ref().map_or(end, |token| token.start))?;
    let condition = match condition {
        Some(token) => Some(Expression::parse(text.get(token.end..end)?).ok()?),
        None => None,
    };
    Some(DataChange::Update { assignments: parse_assignments(assignments).ok()?, condition, alias })
}

/// `ALTER [COLUMN] name [SET DATA] TYPE … USING expression` among the commands of an ALTER TABLE.
pub(super) fn usings(text: &str) -> Option<Vec<(Name, Expression)>> {
    let mut found = Vec::new();
    let mut depth = 0;
    let tokens: Vec<Token> = Lexer::new(text.as_bytes()).collect();
    let commands = tokens.split(|token| {
        depth += depth_change(text, token);
        depth == 0 && token.is_symbol(text.as_bytes(), b',')
    });
    for command in commands {
        // The first command stands behind ALTER TABLE name.
        let alter = command.iter().rposition(|token| token.is_word(text.as_bytes(), "ALTER"));
        let Some(mut rest) = alter.and_then(|at| command.get(at + 1..)) else { continue };
        if rest.first().is_some_and(|token| token.is_word(text.as_bytes(), "COLUMN")) {
            rest = rest.get(1..)?;
        }
        let is = |token: &Token, word: &str| token.is_word(text.as_bytes(), word);
        let (Some(name), Some(next)) = (rest.first(), rest.get(1)) else { continue };
        if !(is(next, "TYPE") || is(next, "SET") && rest.get(2).is_some_and(|token| is(token, "DATA"))) {
            continue;
        }
        let Some(using) = rest.iter().skip(2).position(|token| is(token, "USING")) else { continue };
        let (Some(first), Some(last)) = (rest.get(using + 3), rest.last()) else { continue };
        let expression = Expression::parse(text.get(first.start..last.end)?).ok()?;
        found.push((Name::new(name.name(text)?).ok()?, expression));
    }
    (!found.is_empty()).then_some(found)
}

/// Where a word stands outside of brackets, from byte `from` on.
pub(super) fn word_at_top(text: &str, word: &str, from: usize) -> Option<Token> {
    let mut depth = 0;
    Lexer::starting_at(text.as_bytes(), from).find(|token| {
        depth += depth_change(text, token);
        depth == 0 && token.is_word(text.as_bytes(), word)
    })
}
