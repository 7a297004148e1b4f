//! The answers of the rewriter, and what it is told of a session.

use catalog::model::Name;

use super::edits::Rewritten;

/// What becomes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send the message on, byte for byte.
    Forward,
    /// Only for sessions that switched: send the message on; when it has completed, `search_path` and `edition.id` may be
    /// those of the session's first edition again and must be set anew before the next text.
    ForwardAndRestore,
    /// Send the message on with this text in the place of its own.
    Rewrite(Rewritten),
    /// Do not send it: answer with this error, and leave a transaction block failed as PostgreSQL would.
    Refuse(Refusal),
    /// Do not send it: one of our own statements, alone in its text.
    Own(Statement),
}

/// An error in PostgreSQL's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE.
    pub sqlstate: &'static str,
    /// Primary message.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// Where in the client's text, as the protocol counts: in characters, from 1.
    pub position: Option<usize>,
}

/// Statements that PostgreSQL does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `SHOW EDITION`
    ShowEdition,
    /// `SHOW EDITIONS`
    ShowEditions,
    /// `ALTER SESSION SET EDITION name`, `SET [SESSION] edition { = | TO } name`: as given, not yet looked up.
    SetEdition(String),
}

/// What a judgement depends on besides the text. The session owns it; the rewriter adds to it.
#[derive(Clone, Debug)]
pub struct SessionTraits {
    /// Whether the session has changed its edition since it started: then resetting settings would bring the first one back.
    pub switched: bool,
    /// The session's `standard_conforming_strings` (a parameter that the server reports): with `off`, a backslash in a plain
    /// string constant changes where the constant ends.
    pub standard_strings: bool,
    /// Temporary tables that the session made, as far as it said so in SQL: they hide tables of the same name.
    pub(super) temporaries: Vec<Name>,
    /// The schema that unqualified names are looked up in first. `None` once the session has changed its path to another:
    /// a rollback may bring the old one back, so then nothing is known for sure.
    pub(super) home: Option<Home>,
    /// The same at the start of the session.
    pub(super) first_home: Option<Home>,
}

impl SessionTraits {
    /// For a session that starts with this `search_path` (the logical one, before an edition's schemas are added). Without
    /// it PostgreSQL's default is assumed.
    pub fn starting_with<'a>(path: impl IntoIterator<Item = &'a str>) -> Self {
        let home = home(path);
        Self {
            switched: false,
            standard_strings: true,
            temporaries: Vec::new(),
            first_home: home.clone(),
            home,
        }
    }

    /// After `DISCARD ALL`, which cannot be rolled back.
    pub(super) fn forget_path(&mut self) {
        self.home.clone_from(&self.first_home);
    }
}

impl Default for SessionTraits {
    fn default() -> Self {
        Self::starting_with(["$user", "public"])
    }
}

/// Where unqualified names lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// The first schema of the path.
    pub(super) schema: Name,
    /// Whether the path has no other.
    pub(super) is_all: bool,
}

/// The first schema of a path that unqualified names may well be in. The schema named like the user, which the default path
/// begins with, is taken not to exist.
pub(super) fn home<'a>(path: impl IntoIterator<Item = &'a str>) -> Option<Home> {
    let mut schemas =
        path.into_iter().filter(|schema| !matches!(*schema, "$user" | "pg_catalog" | "pg_temp"));
    let schema = Name::new(schemas.next()?).ok()?;
    Some(Home { schema, is_all: schemas.next().is_none() })
}
