//! Statements that the session prepared by SQL: `PREPARE name AS …`. The server keeps the text that it got, so one that reads differently since
//! (an editioned schema that it names outright means another table now) is prepared anew, between two messages of the client, before
//! the client can execute it. The server is asked first whether it still has the statement as we know it.

use catalog::{
    model::Name,
    sql,
    sql::{
        Literal, Sql, join,
        lexer::{Lexer, Token},
    },
};

use super::{
    endings::Ending,
    prepared::{Judged, Text},
};

/// Bytes of texts remembered for one session; statements beyond that keep the text that they were prepared with.
const REMEMBERED_BYTES_MAX: usize = 1 << 20;

/// The statements of one session.
#[derive(Debug, Default)]
pub(super) struct SqlPrepared {
    statements: Vec<Statement>,
    bytes: usize,
    /// After how many moves of names the statements were last judged together.
    judged_after: Option<u64>,
}

#[derive(Debug)]
struct Statement {
    name: Name,
    given: Box<str>,
    /// What the server got last.
    at_server: Box<str>,
    wanted: Box<str>,
    /// After how many moves of names it was last judged, if all was known then.
    judged_after: Option<u64>,
    /// After how many moves of names it was last prepared anew, if it was: that may have failed, as what it names was not there.
    renewed_after: Option<u64>,
    /// What it may have got since: by a renewal that runs, or by some that were interrupted.
    perhaps: Vec<Box<str>>,
}

/// The name that a text prepares, if it is one `PREPARE` and nothing else.
pub(super) fn prepared_name(sql: &[u8]) -> Option<Name> {
    let first = sql.trim_ascii_start().get(..PREPARE.len())?;
    if !first.eq_ignore_ascii_case(PREPARE) {
        return None;
    }
    let text = std::str::from_utf8(sql).ok()?;
    let tokens: Vec<Token> = Lexer::new(sql).collect();
    let tokens = match tokens.as_slice() {
        [tokens @ .., last] if last.is_symbol(sql, b';') => tokens,
        tokens => tokens,
    };
    match tokens {
        [prepare, name, next, rest @ ..] => {
            let is_prepare = prepare.is_word(sql, "prepare")
                && (next.is_word(sql, "as") || next.is_symbol(sql, b'('))
                && !rest.iter().any(|token| token.is_symbol(sql, b';'));
            Name::new(name.name(text)?).ok().filter(|_| is_prepare)
        }
        _ => None,
    }
}

const PREPARE: &[u8] = b"PREPARE";

/// The name that a text executes, if it begins with EXECUTE.
pub(super) fn executed_name(sql: &[u8]) -> Option<Name> {
    let first = sql.trim_ascii_start().get(..EXECUTE.len())?;
    if !first.eq_ignore_ascii_case(EXECUTE) {
        return None;
    }
    let text = std::str::from_utf8(sql).ok()?;
    let mut tokens = Lexer::new(sql);
    let executes = tokens.next().is_some_and(|token| token.is_word(sql, "execute"));
    let name = tokens.next().filter(|_| executes)?.name(text)?;
    Name::new(name).ok()
}

const EXECUTE: &[u8] = b"EXECUTE";

/// What a text deallocates, if it is one `DEALLOCATE` or `DISCARD ALL` and nothing else.
pub(super) fn deallocated(sql: &[u8]) -> Option<Ending> {
    let first = sql.trim_ascii_start().get(..7)?;
    if !first.eq_ignore_ascii_case(b"DEALLOC") && !first.eq_ignore_ascii_case(b"DISCARD") {
        return None;
    }
    let text = std::str::from_utf8(sql).ok()?;
    let tokens: Vec<Token> = Lexer::new(sql).filter(|token| !token.is_symbol(sql, b';')).collect();
    let (command, name) = match tokens.as_slice() {
        [command, name] => (command, name),
        [command, prepare, name] if prepare.is_word(sql, "prepare") => (command, name),
        _ => return None,
    };
    let all = name.is_word(sql, "all").then_some(Ending::All);
    if command.is_word(sql, "discard") {
        return all;
    }
    let one = || Name::new(name.name(text)?).ok().map(Ending::One);
    if command.is_word(sql, "deallocate") { all.or_else(one) } else { None }
}

impl SqlPrepared {
    /// Whether there are any.
    #[inline]
    pub(super) fn any(&self) -> bool {
        !self.statements.is_empty()
    }

    /// The client prepares `name` by `given`; the server gets `text`.
    pub(super) fn remember(&mut self, name: Name, given: &str, text: &str) {
        self.forget(&name);
        if self.bytes + given.len() > REMEMBERED_BYTES_MAX {
            tracing::debug!("too many prepared statements to remember them all");
            return;
        }
        self.bytes += given.len();
        self.statements.push(Statement {
            name,
            given: given.into(),
            at_server: text.into(),
            wanted: text.into(),
            judged_after: None,
            renewed_after: None,
            perhaps: Vec::new(),
        });
    }

    /// The client prepares `name` by a text that means the same in each epoch.
    pub(super) fn forget(&mut self, name: &Name) {
        self.statements.retain(|statement| statement.name != *name);
        self.bytes = self.statements.iter().map(|statement| statement.given.len()).sum();
    }

    /// Nothing is prepared any longer.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether the statements have not been judged together since so many moves of names.
    #[inline]
    pub(super) fn to_judge(&self, moves: u64) -> bool {
        self.any() && self.judged_after != Some(moves)
    }

    /// The text of a statement that may read differently where names lead now.
    pub(super) fn text_to_judge(&self, name: &Name, moves: u64, is_settled: bool) -> Option<&str> {
        let statement = self.statements.iter().find(|statement| statement.name == *name)?;
        let holds = is_settled && statement.judged_after == Some(moves);
        (!holds).then_some(&statement.given)
    }

    /// More is known of where names lead.
    pub(super) fn must_be_judged(&mut self) {
        self.judged_after = None;
    }

    /// Judges all texts again, after so many moves of names.
    pub(super) fn judge_again(&mut self, moves: u64, mut judge: impl FnMut(&[u8]) -> Judged) {
        self.judged_after = Some(moves);
        for statement in &mut self.statements {
            let judged = judge(statement.given.as_bytes());
            statement.judged_after = (!matches!(judged, Judged::Later)).then_some(moves);
            match judged {
                Judged::As(Text::AsGiven) => statement.wanted.clone_from(&statement.given),
                Judged::As(Text::Rewritten { text, .. }) => {
                    if let Ok(text) = std::str::from_utf8(&text) {
                        statement.wanted = text.into();
                    }
                }
                Judged::As(Text::Unknown) | Judged::Left | Judged::Later => {}
            }
        }
    }

    /// What prepares anew all that reads differently, as one statement that fails only by an interruption: what cannot be prepared anew is gone
    /// until names move again, and says so when it is executed. Until it is told to have [run](Self::renewed), it remains to be done.
    pub(super) fn renewal(&mut self, moves: u64) -> Option<String> {
        let due = |statement: &&mut Statement| {
            let may_be_gone = statement.renewed_after.is_some_and(|after| after != moves);
            statement.at_server != statement.wanted || !statement.perhaps.is_empty() || may_be_gone
        };
        let renew = |statement: &mut Statement| {
            let block = statement.block();
            if !statement.perhaps.contains(&statement.wanted) {
                statement.perhaps.push(statement.wanted.clone());
            }
            block
        };
        let blocks: Vec<Sql> = self.statements.iter_mut().filter(due).map(renew).collect();
        if blocks.is_empty() {
            return None;
        }
        let body = sql!("BEGIN {} END", join(blocks, " "));
        Some(sql!("DO LANGUAGE plpgsql {}", Literal(body.as_str())).to_string())
    }

    /// The renewal has run to its end.
    pub(super) fn renewed(&mut self, moves: u64) {
        for statement in &mut self.statements {
            if !statement.perhaps.is_empty() {
                statement.perhaps.clear();
                statement.renewed_after = Some(moves);
                statement.at_server.clone_from(&statement.wanted);
            }
        }
    }
}

impl Statement {
    fn block(&self) -> Sql {
        let deallocate = sql!("DEALLOCATE {}", self.name);
        let known = std::iter::once(&self.at_server).chain(&self.perhaps);
        let known = join(known.map(|text| sql!("{}", Literal(text))), ", ");
        let lost = if self.perhaps.is_empty() && self.renewed_after.is_none() {
            sql!("")
        } else {
            // An interruption may have come between the two, or what it names was not there.
            sql!(
                " ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE name = {}) THEN EXECUTE {};",
                Literal(self.name.as_str()),
                Literal(&self.wanted)
            )
        };
        sql!(
            "BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE name = {} AND statement IN ({})) THEN \
             EXECUTE {}; EXECUTE {};{} END IF; EXCEPTION WHEN OTHERS THEN NULL; END;",
            Literal(self.name.as_str()),
            known,
            Literal(deallocate.as_str()),
            Literal(&self.wanted),
            lost
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_prepare_is_recognised_by_its_tokens() {
        let named = |sql: &str| prepared_name(sql.as_bytes()).map(|name| name.as_str().to_owned());
        assert_eq!(named(" prepare P as select 1;").as_deref(), Some("p"));
        assert_eq!(named("PREPARE \"P\" (int, text) AS SELECT $1").as_deref(), Some("P"));
        for other in
            ["PREPARE TRANSACTION 'x'", "SELECT 1", "PREPARED x AS y", "PREPARE a AS SELECT 1; SELECT 2", ""]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_text_deallocates_is_recognised_by_its_tokens() {
        let gone = |sql: &str| deallocated(sql.as_bytes());
        assert_eq!(gone("deallocate P;"), Some(Ending::One(name("p"))));
        assert_eq!(gone(" DEALLOCATE PREPARE \"P\""), Some(Ending::One(name("P"))));
        assert_eq!(gone("DEALLOCATE \"all\""), Some(Ending::One(name("all"))));
        for all in ["DEALLOCATE ALL", "deallocate prepare all;", "DISCARD ALL"] {
            assert_eq!(gone(all), Some(Ending::All), "{all}");
        }
        for other in ["DISCARD PLANS", "DEALLOCATE a; DROP TABLE t", "DEALLOCATED x", "SELECT 1", ""] {
            assert_eq!(gone(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_reads_differently_is_prepared_anew_and_once() {
        let mut prepared = SqlPrepared::default();
        prepared.remember(
            name("a"),
            "PREPARE a AS SELECT * FROM public.t",
            "PREPARE a AS SELECT * FROM public.t",
        );
        prepared.remember(name("b"), "PREPARE b AS SELECT 1", "PREPARE b AS SELECT 1");
        assert_eq!(prepared.renewal(0), None);
        prepared.judge_again(0, |given| {
            let given = String::from_utf8(given.to_vec()).unwrap();
            let text = given.replace("public", "p2").into_bytes().into();
            if given.contains("public") {
                Judged::As(Text::Rewritten { text, command: None })
            } else {
                Judged::Left
            }
        });
        let renewal = prepared.renewal(0).unwrap();
        assert!(renewal.contains("DEALLOCATE \"a\"") && renewal.contains("FROM p2.t"), "{renewal}");
        assert!(!renewal.contains("SELECT 1"), "{renewal}");
        let again = prepared.renewal(0).unwrap();
        assert!(again.contains("public.t") && again.contains("ELSIF NOT EXISTS"), "interrupted: {again}");
        prepared.renewed(0);
        assert_eq!(prepared.renewal(0), None);
        prepared.judge_again(0, |_| Judged::As(Text::AsGiven));
        assert!(
            prepared.renewal(0).unwrap().contains("FROM p2.t"),
            "what the server has is what we gave it last"
        );
        prepared.renewed(0);
        assert_eq!(prepared.renewal(0), None);
        assert!(
            prepared.renewal(1).unwrap().contains("ELSIF NOT EXISTS"),
            "what it names may not have been there"
        );
        prepared.forget(&name("a"));
        prepared.clear();
        assert!(!prepared.any());
    }
}
