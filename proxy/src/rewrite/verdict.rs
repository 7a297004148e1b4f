//! The answers of the rewriter, and what it is told of a session.

use catalog::model::Name;

use super::{
    edits::Rewritten,
    home::{Home, Whence, Whereabouts},
    temporaries::Temporaries,
};

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

/// What only the server knows, and a judgement hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Nothing,
    /// The session's `search_path`.
    Path,
    /// In which schemas of the path it finds these names.
    Whence(Vec<Name>),
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
    pub(super) temporaries: Temporaries,
    /// The schemas that unqualified names are looked up in.
    pub(super) whereabouts: Whereabouts,
    /// Where the server finds names of the next text.
    pub(super) whence: Whence,
    /// How often names may have come to lead elsewhere.
    pub(super) moves: u64,
}

impl SessionTraits {
    /// For a session that starts with this `search_path` (the logical one, before an edition's schemas are added). Without
    /// it PostgreSQL's default is assumed.
    pub fn starting_with<'a>(path: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            switched: false,
            standard_strings: true,
            temporaries: Temporaries::default(),
            whereabouts: Whereabouts::starting_at(Home::of(path)),
            whence: Whence::default(),
            moves: 0,
        }
    }

    /// How often unqualified names may have come to lead elsewhere: as long as it stays, and [is known](Self::is_settled), what has been judged holds.
    #[inline]
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// Whether nothing unseen can change where unqualified names lead.
    pub fn is_settled(&self) -> bool {
        self.whereabouts.is_lasting() && !self.temporaries.are_any()
    }

    /// What the server was asked for one text, or in a transaction, has served.
    pub fn move_on(&mut self) {
        self.whereabouts.move_on();
        self.whence.clear();
    }

    /// Whether a text may have changed `search_path`, so that only the server knows it.
    #[inline]
    pub fn is_path_lost(&self) -> bool {
        self.whereabouts.is_lost()
    }

    /// Whether what the server says outside a transaction would last.
    pub fn is_path_worth_asking(&self) -> bool {
        !self.whereabouts.is_loose()
    }

    /// What the server says `search_path` is, without the schemas of editions; `is_settled` if it says so outside a transaction.
    pub fn path_is<'a>(&mut self, path: impl IntoIterator<Item = &'a str>, is_settled: bool) {
        self.moves += 1;
        self.whereabouts.learn(Home::of(path), is_settled);
    }

    /// Where the server finds names of the text that is judged next: in which schema, if anywhere. What it has said of others still holds, so that
    /// no question is asked in turn with another.
    pub fn found(&mut self, names: impl IntoIterator<Item = (Name, Option<Name>)>) {
        self.whence.learn(names);
    }

    /// What was asked for one text holds for no later one.
    pub fn forget_found(&mut self) {
        self.whence.clear();
    }

    /// `search_path` is that of the session's start, and nothing is prepared.
    pub fn path_restarts(&mut self) {
        self.moves += 1;
        self.whereabouts.restart();
    }
}

impl Default for SessionTraits {
    fn default() -> Self {
        Self::starting_with(["$user", "public"])
    }
}
