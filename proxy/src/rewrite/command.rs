//! Commands that are carried out by another one, which tells the client another command tag than it expects.

/// What a client sent, and gets told that it has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `SHOW`, by a `SELECT`.
    Show,
    /// `SET CONSTRAINTS`, by a `CALL`.
    SetConstraints,
    /// `CREATE TABLE`, by a `CALL`.
    CreateTable,
    /// What may be skipped (`IF NOT EXISTS`, `IF EXISTS`), whose tag this is, by a `CALL`.
    Skipped(&'static str),
}

/// A statement of a text that is carried out by another command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Substitute {
    /// Which of the text's statements it is, from 0.
    pub statement: usize,
    /// What the client sent.
    pub command: Command,
}

impl Command {
    /// Its command tag (PostgreSQL, `src/include/tcop/cmdtaglist.h`); none of these counts rows.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Show => "SHOW",
            Self::SetConstraints => "SET CONSTRAINTS",
            Self::CreateTable => "CREATE TABLE",
            Self::Skipped(tag) => tag,
        }
    }
}
