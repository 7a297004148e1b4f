//! Errors at the edge: one sentence, what PostgreSQL added to it, the causes once, and what to do next.

use std::{error::Error as StdError, io::Write, process::ExitCode};

use catalog::{Error, ErrorKind};
use owo_colors::OwoColorize;
use serde_json::json;

use super::Output;

impl Output {
    /// Prints the error to stderr and returns the exit code of its kind.
    pub(crate) fn fail(self, error: &Error) -> ExitCode {
        let code = exit_code(error.kind());
        let text = if self.json { as_json(error, code).to_string() } else { as_text(error) };
        // stderr is the last resort: when it is gone, there is nobody to tell
        let _ = writeln!(anstream::stderr(), "{text}");
        ExitCode::from(code)
    }
}

/// Documented in `edition --help`.
fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Refused => 1,
        ErrorKind::Usage => 2,
        ErrorKind::Database => 3,
        ErrorKind::Environment => 4,
        ErrorKind::Busy => 5,
        ErrorKind::Paused => 6,
        ErrorKind::Bug => 70,
    }
}

fn kind_word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Refused => "refused",
        ErrorKind::Usage => "usage",
        ErrorKind::Database => "database",
        ErrorKind::Environment => "environment",
        ErrorKind::Busy => "busy",
        ErrorKind::Paused => "paused",
        ErrorKind::Bug => "bug",
    }
}

fn as_text(error: &Error) -> String {
    let mut text = match error.kind() {
        ErrorKind::Paused => format!("{} {error}", "paused:".yellow().bold()),
        _ => format!("{} {error}", "error:".red().bold()),
    };
    for cause in causes(error) {
        text.push_str(&format!("\n  {} {cause}", "because:".bold()));
    }
    for (label, value) in database_details(error) {
        text.push_str(&format!("\n  {} {value}", format!("{label}:").bold()));
    }
    match (error.hint(), error.kind()) {
        (Some(hint), _) => text.push_str(&format!("\n{} {hint}", "help:".cyan().bold())),
        (None, ErrorKind::Bug) => {
            text.push_str(&format!("\n{} this is a bug in edition; please report it", "help:".cyan().bold()));
        }
        (None, _) => {}
    }
    text
}

fn as_json(error: &Error, code: u8) -> serde_json::Value {
    json!({
        "event": "error",
        "kind": kind_word(error.kind()),
        "message": error.to_string(),
        "causes": causes(error),
        "sqlstate": error.sqlstate().as_ref().map(tokio_postgres::error::SqlState::code),
        "details": database_details(error).into_iter().collect::<serde_json::Map<_, _>>(),
        "hint": error.hint(),
        "exit_code": code,
    })
}

/// The chain below the error, without links that only repeat what has been said.
fn causes(error: &Error) -> Vec<String> {
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = match cause
            .downcast_ref::<tokio_postgres::Error>()
            .and_then(tokio_postgres::Error::as_db_error)
        {
            Some(db) => db.message().to_owned(),
            None => cause.to_string(),
        };
        if !said.contains(&text) {
            said.push_str(&text);
            causes.push(text);
        }
        // a database error's own source is the same error once more
        next = cause.source().filter(|source| !source.is::<tokio_postgres::error::DbError>());
    }
    causes
}

/// What PostgreSQL says beyond its message.
fn database_details(error: &Error) -> Vec<(String, serde_json::Value)> {
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(cause) = next {
        if let Some(db) =
            cause.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::as_db_error)
        {
            return [("detail", db.detail()), ("hint", db.hint()), ("where", db.where_())]
                .into_iter()
                .filter_map(|(label, value)| Some((label.to_owned(), value?.into())))
                .collect();
        }
        next = cause.source();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_the_message_repeats_is_not_printed_twice() {
        let io = std::io::Error::other("connection refused");
        let error = Error::new(ErrorKind::Database, "cannot connect: connection refused").with_source(io);
        assert!(causes(&error).is_empty());
        let io = std::io::Error::other("connection refused");
        assert_eq!(
            causes(&Error::new(ErrorKind::Database, "cannot connect").with_source(io)),
            ["connection refused"]
        );
    }

    #[test]
    fn a_hint_stands_below_the_sentence() {
        let error = Error::refused("no edition \"v9\"").with_hint("edition list shows all");
        let text = anstream::adapter::strip_str(&as_text(&error)).to_string();
        assert_eq!(text, "error: no edition \"v9\"\nhelp: edition list shows all");
    }
}
