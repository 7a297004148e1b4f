//! A connection that does batches.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage, error::SqlState};

use super::{Run, statement::regclass};
use crate::{
    error::{Error, ErrorKind, Result},
    model::EditionId,
    sql,
    sql::{Sql, join},
    target::Connection,
};

/// Longer than any statement of ours may take, by far; a server that does not answer within it is gone.
const ANSWER_DEADLINE: Duration = Duration::from_secs(300);

const REOPEN_TRIES: u32 = 6;
/// Before the first try; doubles.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);

/// The error for a server that cannot be worked with at the moment: what was done stays, and the same command goes on.
pub(crate) fn unavailable(cause: Error) -> Error {
    Error::new(ErrorKind::Busy, cause.to_string())
        .with_hint("once the server is well again, the same command goes on where it was")
        .with_source(cause)
}

/// A connection with the settings that batches rely on.
pub(super) struct Session {
    connection: Connection,
}

impl Session {
    /// # Errors
    /// [`ErrorKind::Busy`] if there is no connection to be had.
    pub(super) async fn open(run: &Run<'_>) -> Result<Self> {
        let connection = run.target.connect().await.map_err(unavailable)?;
        let session = Self { connection };
        session.set_up(run).await?;
        Ok(session)
    }

    /// Opens again what was lost.
    pub(super) async fn reopen(&mut self, run: &Run<'_>) -> Result<()> {
        let mut pause = REOPEN_PAUSE;
        for _ in 1..REOPEN_TRIES {
            tokio::time::sleep(pause).await;
            if let Ok(session) = Self::open(run).await {
                *self = session;
                return Ok(());
            }
            pause *= 2;
        }
        *self = Self::open(run).await?;
        Ok(())
    }

    async fn set_up(&self, run: &Run<'_>) -> Result<()> {
        self.send(&settings(run.spec.child, run.options.lock_timeout)).await?;
        if !run.spec.search_path.is_empty() {
            self.send(&sql!("SET search_path = {}", join(&run.spec.search_path, ", "))).await?;
        }
        self.silence_triggers(run).await
    }

    /// Keeps the application's triggers out of it where the role may do that; where it may not, the plan has said so.
    async fn silence_triggers(&self, run: &Run<'_>) -> Result<()> {
        let text = sql!(
            "SELECT has_parameter_privilege('session_replication_role', 'SET') \
               AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = {} AND tgenabled = 'R')",
            regclass(&run.spec.table)
        );
        let permitted: bool = self.connection.query_one(text.as_str(), &[]).await?.try_get(0)?;
        if permitted {
            self.connection.batch_execute("SET session_replication_role = replica").await?;
        }
        Ok(())
    }

    /// Whether the connection is gone. The server's last words may come before its end is known, so it is asked.
    pub(super) async fn is_lost(&self) -> bool {
        self.send(&sql!("ROLLBACK")).await.is_err()
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.connection
    }

    /// Runs the statements of one message and returns how many rows each of them touched.
    pub(super) async fn counts(&self, statements: &Sql) -> Result<Vec<u64>, SessionError> {
        let messages = self.ask(statements).await?;
        let counts = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        Ok(counts.collect())
    }

    /// How many rows the last but `skip` of them touched.
    pub(super) async fn count(&self, statements: &Sql, skip: usize) -> Result<u64, SessionError> {
        Ok(self.counts(statements).await?.into_iter().rev().nth(skip).unwrap_or(0))
    }

    /// Runs the statements of one message.
    pub(super) async fn send(&self, statements: &Sql) -> Result<(), SessionError> {
        self.ask(statements).await.map(drop)
    }

    /// The first row, as text.
    pub(super) async fn row(&self, query: &Sql) -> Result<Option<Vec<Option<String>>>, SessionError> {
        let messages = self.ask(query).await?;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        }))
    }

    async fn ask(&self, statements: &Sql) -> Result<Vec<SimpleQueryMessage>, SessionError> {
        match tokio::time::timeout(ANSWER_DEADLINE, self.connection.simple_query(statements.as_str())).await {
            Ok(answer) => answer.map_err(SessionError::Postgres),
            Err(_) => Err(SessionError::Silent),
        }
    }
}

/// Settings of a session that writes a child's columns beside the application:
/// - `edition.id`: the row is written as by the child, so no forward trigger into it fires;
/// - `synchronous_commit`: a batch that a crash of the server loses is done again, its cursor is lost with it;
/// - `row_security`: an error, rather than rows passed over, where policies hold for the owner too;
/// - `lock_timeout`: below `deadlock_timeout`, so that in a cycle of waits it is always us who give way.
pub(crate) fn settings(child: EditionId, lock_timeout: Duration) -> Sql {
    let wanted = i64::try_from(lock_timeout.as_millis()).unwrap_or(i64::MAX).max(1);
    sql!(
        "SET application_name = 'edition backfill'; SET edition.id = {}; SET synchronous_commit = off; SET row_security = off; \
         SET jit = off; \
         SELECT set_config('lock_timeout', \
             greatest(1, least({}, extract(epoch FROM current_setting('deadlock_timeout')::interval) * 500))::int::text, false)",
        child,
        wanted
    )
}

/// What a failed batch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try again, smaller and later.
    GiveWay,
    /// A value could not be computed or stored.
    Data,
    /// The server or the way to it is in trouble: nobody's data and no statement is at fault.
    Unavailable,
    /// The statement as such fails.
    Other,
}

/// Judges a failed batch by its SQLSTATE.
pub(crate) fn verdict(error: &tokio_postgres::Error) -> Verdict {
    let of_class =
        |state: &SqlState, classes: &[&str]| classes.iter().any(|class| state.code().starts_with(class));
    match error.code() {
        Some(
            &(SqlState::LOCK_NOT_AVAILABLE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::QUERY_CANCELED),
        ) => Verdict::GiveWay,
        // data exceptions, integrity violations, what functions raise
        Some(state) if of_class(state, &["21", "22", "23", "38", "39", "44", "P0"]) => Verdict::Data,
        // lost connections, a full disk, a server that is shutting down
        Some(state) if of_class(state, &["08", "53", "57P", "58"]) => Verdict::Unavailable,
        None => Verdict::Unavailable,
        _ => Verdict::Other,
    }
}

/// Why a message got no good answer.
#[derive(Debug)]
pub(super) enum SessionError {
    /// PostgreSQL's error, or a lost connection.
    Postgres(tokio_postgres::Error),
    /// Nothing came.
    Silent,
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Postgres(error) => error.into(),
            SessionError::Silent => {
                Self::new(ErrorKind::Busy, "the database has not answered a backfill batch for five minutes")
                    .with_hint("check the server, then run the same command again to go on")
            }
        }
    }
}
