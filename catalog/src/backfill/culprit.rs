//! Which row it was: a batch fails as a whole, so the one row is found by halving.

use std::time::Duration;

use thiserror::Error as ThisError;
use tokio_postgres::error::SqlState;

use super::{
    BackfillSpec,
    pace::Position,
    session::{Session, SessionError},
    statement::{between, update, update_forgiving, update_of},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::Name,
    sql,
    sql::{Sql, join},
};

/// Tries to look at a part of the table whose rows are locked by others.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A row whose value cannot be computed or stored: the cause of an [`Error`] that calling again will not cure.
#[derive(Clone, Debug, ThisError)]
#[error("{message} ({sqlstate})")]
pub struct FailingRow {
    /// The physical table, `schema.name`.
    pub table: String,
    /// The physical column, if it is one column's fault.
    pub column: Option<Name>,
    /// The row: `(id)=(17)`, or `(ctid)=((0,5))` where there is no primary key.
    pub key: String,
    /// What PostgreSQL said.
    pub message: String,
    /// Its code.
    pub sqlstate: String,
}

impl FailingRow {
    /// The failing row that an error is about, if that is what it is about.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

impl From<FailingRow> for Error {
    fn from(row: FailingRow) -> Self {
        let what = match &row.column {
            Some(column) => format!("column \"{}\" of {}", column.as_str(), row.table),
            None => row.table.clone(),
        };
        let text = format!("{what} cannot be filled in for the row {}: {}", row.key, row.message);
        Self::new(ErrorKind::Database, text)
            .with_hint("change that row or the forward transform, then run the same command again")
            .with_source(row)
    }
}

/// Finds one failing row among those from `from` to before `to`. `None`: none fails any more.
pub(super) async fn find(
    session: &Session,
    spec: &BackfillSpec,
    offset_max: u64,
    from: Position,
    to: Position,
) -> Result<Option<FailingRow>> {
    let line = Line { per_block: offset_max + 1 };
    let (mut low, mut high) = (line.number(from), line.number(to));
    let trial = |low: u64, high: u64| {
        let (from, to) = (line.position(low), line.position(high));
        let statement = if spec.null_on_error.is_empty() {
            update(spec, from, to)
        } else {
            update_forgiving(spec, from, to)
        };
        async move { fails(session, &statement).await }
    };
    let Some(mut failure) = trial(low, high).await? else { return Ok(None) };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if let Some(error) = trial(low, middle).await? {
            (high, failure) = (middle, error);
        } else if let Some(error) = trial(middle, high).await? {
            (low, failure) = (middle, error);
        } else {
            return Ok(None);
        }
    }
    let (from, to) = (line.position(low), line.position(high));
    let column = column(session, spec, &failure, from, to).await?;
    Ok(Some(FailingRow {
        table: spec.table.pretty(),
        column,
        key: key(session, spec, from, to).await?,
        message: failure.message,
        sqlstate: failure.sqlstate,
    }))
}

/// All line pointers of a table in one row of numbers.
#[derive(Clone, Copy)]
struct Line {
    per_block: u64,
}

impl Line {
    fn number(self, position: Position) -> u64 {
        position.block * self.per_block + position.offset
    }

    fn position(self, number: u64) -> Position {
        Position { block: number / self.per_block, offset: number % self.per_block }
    }
}

/// What PostgreSQL said about a trial.
struct Failure {
    message: String,
    sqlstate: String,
    column: Option<String>,
    constraint: bool,
}

/// Runs a statement with nothing left of it, and returns how it fails, if it does.
async fn fails(session: &Session, statement: &Sql) -> Result<Option<Failure>> {
    for _ in 0..LOCK_TRIES {
        let trial = sql!("BEGIN; {}; SET CONSTRAINTS ALL IMMEDIATE", statement);
        let answer = session.send(&trial).await;
        let error = match answer {
            Ok(()) => None,
            Err(SessionError::Postgres(error)) if error.code().is_some() => Some(error),
            Err(other) => return Err(other.into()),
        };
        session.send(&sql!("ROLLBACK")).await?;
        let Some(error) = error else { return Ok(None) };
        let locked =
            matches!(error.code(), Some(&(SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_DEADLOCK_DETECTED)));
        if !locked {
            return Ok(Some(failure(&error)));
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Ok(None)
}

fn failure(error: &tokio_postgres::Error) -> Failure {
    match error.as_db_error() {
        Some(db) => Failure {
            message: db.message().to_owned(),
            sqlstate: db.code().code().to_owned(),
            column: db.column().map(str::to_owned),
            constraint: db.constraint().is_some(),
        },
        None => {
            Failure { message: error.to_string(), sqlstate: String::new(), column: None, constraint: false }
        }
    }
}

/// The column at fault: the one that PostgreSQL names, or the one that fails when it is set alone. A constraint over several
/// columns is nobody's alone.
async fn column(
    session: &Session,
    spec: &BackfillSpec,
    failure: &Failure,
    from: Position,
    to: Position,
) -> Result<Option<Name>> {
    let named =
        spec.assignments.iter().find(|(column, _)| failure.column.as_deref() == Some(column.as_str()));
    if let Some((column, _)) = named {
        return Ok(Some(column.clone()));
    }
    let strict = || spec.assignments.iter().filter(|(column, _)| !spec.null_on_error.contains(column));
    if strict().count() == 1 {
        return Ok(strict().map(|(column, _)| column.clone()).next());
    }
    let mut guilty = Vec::new();
    for assignment in strict() {
        let alone = update_of(spec, std::slice::from_ref(assignment), from, to);
        if fails(session, &alone).await?.is_some_and(|alone| alone.sqlstate == failure.sqlstate) {
            guilty.push(assignment.0.clone());
        }
    }
    let ambiguous = failure.constraint && guilty.len() > 1;
    Ok(if ambiguous { None } else { guilty.into_iter().next() })
}

/// The row's key as PostgreSQL shows keys.
async fn key(session: &Session, spec: &BackfillSpec, from: Position, to: Position) -> Result<String> {
    let columns = if spec.primary_key.is_empty() {
        sql!("edition_row.ctid::text")
    } else {
        join(spec.primary_key.iter().map(|column| sql!("edition_row.{}::text", column)), ", ")
    };
    let query =
        sql!("SELECT {} FROM ONLY {} AS edition_row WHERE {}", columns, spec.table, between(from, to));
    let values = session.row(&query).await?.unwrap_or_default();
    let values: Vec<String> =
        values.into_iter().map(|value| value.unwrap_or_else(|| "NULL".to_owned())).collect();
    let names: Vec<&str> = spec.primary_key.iter().map(Name::as_str).collect();
    let names = if names.is_empty() { "ctid".to_owned() } else { names.join(", ") };
    Ok(format!("({names})=({})", values.join(", ")))
}
