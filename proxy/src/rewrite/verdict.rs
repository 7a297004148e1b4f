//! The answers of the rewriter, and what it is told of a session.

use catalog::model::Name;

/// What becomes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send the message on, byte for byte.
    Forward,
    /// Only for sessions that switched: send the message on; when it has completed, `search_path` and `edition.id` may be
    /// those of the session's first edition again and must be set anew before the next text.
    ForwardAndRestore,
    /// Send the message on with this text in the place of its own.
    Rewrite(String),
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
}

impl Default for SessionTraits {
    fn default() -> Self {
        Self { switched: false, standard_strings: true, temporaries: Vec::new() }
    }
}
