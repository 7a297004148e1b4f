//! The one error of this crate: what went wrong, of which kind, and what to do next.

use thiserror::Error as ThisError;
use tokio_postgres::error::SqlState;

use crate::backfill::{FailingRow, Verdict, verdict};

/// Shorthand used by every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who has to act on an error; the CLI turns it into an exit code, the tests branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request makes no sense in the present state (unknown edition, second draft, …). Nothing was changed.
    Refused,
    /// The command line, or a file that it names, cannot be understood. Nothing was tried.
    Usage,
    /// The database said no: a failing transform, a lock that never came, a lost connection.
    Database,
    /// A program or server that we need is not there.
    Environment,
    /// Another runner holds the lock, or sessions are in the way: the same command may succeed later.
    Busy,
    /// The work was paused by the caller; the same command resumes it.
    Paused,
    /// We broke a promise of our own.
    Bug,
}

/// An error with a one-sentence message, and optionally the command or action that helps.
///
/// `Display` prints the sentence only; the chain is printed once, by the caller at the edge.
#[derive(Debug, ThisError)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message` (lower case, no full stop, as PostgreSQL words its own).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Shorthand for the commonest kind.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Shorthand for a broken promise of our own.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message)
    }

    /// Adds what the user should do next: a sentence or a command to paste.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says first which file it is about.
    #[must_use]
    pub fn within(mut self, file: &str) -> Self {
        self.message = format!("{file}: {}", self.message);
        self
    }

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the user should do next, if we know.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the connection went away under the request, so that another one may do better.
    pub fn is_connection_lost(&self) -> bool {
        use tokio_postgres::error::SqlState;
        let error = self.source.as_ref().and_then(|source| source.downcast_ref::<tokio_postgres::Error>());
        error.is_some_and(|error| {
            error.is_closed()
                || error.code() == Some(&SqlState::ADMIN_SHUTDOWN)
                || error.code() == Some(&SqlState::CRASH_SHUTDOWN)
        })
    }

    /// Whether the server or the way to it was in trouble, or somebody cancelled the statement: nobody's data and no statement is at fault, so the same
    /// may succeed later.
    pub fn is_passing(&self) -> bool {
        let Some(source) = self.source.as_ref() else { return false };
        let Some(error) = source.downcast_ref::<tokio_postgres::Error>() else { return false };
        error.code() == Some(&SqlState::QUERY_CANCELED) || verdict(error) == Verdict::Unavailable
    }

    /// The SQLSTATE of the PostgreSQL error at the root of this one, if that is what it is.
    pub fn sqlstate(&self) -> Option<SqlState> {
        let source = self.source.as_ref()?;
        match source.downcast_ref::<FailingRow>() {
            Some(row) => Some(SqlState::from_code(&row.sqlstate)),
            None => source.downcast_ref::<tokio_postgres::Error>()?.code().cloned(),
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let message = match error.as_db_error() {
            Some(db) => format!("the database answered: {} ({})", db.message(), db.code().code()),
            None => format!("talking to the database failed: {error}"),
        };
        Self::new(ErrorKind::Database, message).with_source(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::bug(format!("stored JSON does not fit its type: {error}")).with_source(error)
    }
}
