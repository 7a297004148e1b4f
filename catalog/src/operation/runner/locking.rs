//! Transactions that need locks: short, tried again while somebody else has the lock, timed.

use std::time::{Duration, Instant};

use rand::RngExt as _;
use tokio_postgres::{SimpleQueryMessage, error::SqlState};

use super::Runner;
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    model::QualifiedName,
    plan::{Lock, Step},
    sql,
    sql::{Sql, join},
};

impl Runner<'_> {
    /// Everything in one transaction and one round trip, so that locks are held for as short as can be; tried again while a lock is not to be
    /// had. `synchronous_commit` is off because a commit that a crash loses was not journalled either.
    ///
    /// What locks no table (making functions) comes first; from there to the end the server's clock tells how long others were held up at most.
    pub(super) async fn transaction(&mut self, step: &Step, statements: &[Sql], mark: &Sql) -> Result<()> {
        let lines =
            |statements: &[Sql]| join(statements.iter().map(|statement| sql!("{};\n", statement)), "");
        let locking = statements
            .iter()
            .position(|statement| !statement.as_str().starts_with("CREATE OR REPLACE FUNCTION"))
            .unwrap_or(statements.len());
        let (before, locking) = statements.split_at(locking);
        let text = sql!(
            "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL synchronous_commit = off; {}SELECT extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000; {}{}; \
             SELECT extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000; COMMIT",
            self.lock_timeout_ms(),
            lines(before),
            lines(locking),
            mark
        );
        self.retrying(step, &text).await
    }

    fn lock_timeout_ms(&self) -> u64 {
        u64::try_from(self.patience.lock_timeout.as_millis()).unwrap_or(50).max(1)
    }

    /// One statement that must not be in a transaction block.
    pub(super) async fn alone(&mut self, step: &Step, statement: &Sql) -> Result<()> {
        let mut patience = self.lock_patience();
        while !self.try_alone(step, statement, &mut patience).await? {}
        Ok(())
    }

    /// One try of it. False: something was in the way that may go away, and has been waited for a moment.
    pub(super) async fn try_alone(
        &mut self,
        step: &Step,
        statement: &Sql,
        patience: &mut LockPatience,
    ) -> Result<bool> {
        let millis = u64::try_from(self.patience.locks.as_millis()).unwrap_or(60_000).max(1);
        self.connection.batch_execute(&format!("SET lock_timeout = {millis}")).await?;
        let outcome = self.try_once(step, statement, patience).await;
        if !self.connection.is_closed() {
            self.connection.batch_execute("RESET lock_timeout").await?;
        }
        outcome
    }

    /// For the tries of one step, from now on.
    pub(super) fn lock_patience(&self) -> LockPatience {
        LockPatience { begun: Instant::now(), all: self.patience.locks, attempt: 0 }
    }

    /// A statement that scans under a lock that stops nobody, so it may wait for that lock behind an autovacuum, but with a
    /// budget: what waits for a lock can make others wait.
    pub(super) async fn scan(&mut self, step: &Step, statement: &Sql) -> Result<()> {
        let text = sql!("BEGIN; SET LOCAL lock_timeout = {}; {}; COMMIT", self.lock_timeout_ms(), statement);
        self.retrying(step, &text).await
    }

    async fn retrying(&mut self, step: &Step, text: &Sql) -> Result<()> {
        let mut patience = self.lock_patience();
        while !self.try_once(step, text, &mut patience).await? {}
        Ok(())
    }

    async fn try_once(&mut self, step: &Step, text: &Sql, patience: &mut LockPatience) -> Result<bool> {
        let error = match self.connection.simple_query(text.as_str()).await {
            Ok(messages) => {
                if step.lock >= Lock::ShareRowExclusive {
                    self.held(step, between(&messages));
                }
                return Ok(true);
            }
            Err(error) => error,
        };
        if self.connection.is_closed() {
            return Err(error.into());
        }
        self.connection.batch_execute("ROLLBACK").await?;
        let Some(obstacle) = self.obstacle(step, &error).await? else {
            return Err(Self::failed(step, error));
        };
        patience.attempt += 1;
        if patience.begun.elapsed() >= patience.all {
            return Err(obstacle.gave_up(step, patience.attempt));
        }
        let relation = lock_of(step);
        self.events.emit(Event::LockRetry { relation, attempt: patience.attempt, blocker: obstacle.who() });
        match &obstacle {
            Obstacle::Maintenance { of, .. } => self.cut_in(of).await?,
            Obstacle::Lock(_) | Obstacle::Dependent(_) => {
                tokio::time::sleep(back_off(patience.attempt)).await;
            }
        }
        Ok(false)
    }

    /// An autovacuum goes away when somebody has waited for its table as long as `deadlock_timeout` (PostgreSQL docs, 25.1.6). Those who read and write
    /// do not queue up behind a wait for this lock. It is given back at once: the next autovacuum of the table comes after `autovacuum_naptime`.
    async fn cut_in(&self, of: &str) -> Result<()> {
        let text = format!(
            "BEGIN; SELECT pg_catalog.set_config('lock_timeout', (extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000 + 1000)::int::text, true); \
             LOCK TABLE ONLY {of} IN SHARE UPDATE EXCLUSIVE MODE; COMMIT"
        );
        if let Err(error) = self.connection.batch_execute(&text).await {
            if self.connection.is_closed() {
                return Err(error.into());
            }
            // Against the wraparound of transaction ids it stays.
            tracing::debug!(%error, "an autovacuum does not give way");
            self.connection.batch_execute("ROLLBACK").await?;
        }
        Ok(())
    }

    fn held(&mut self, step: &Step, held: Duration) {
        self.tally.longest_lock = self.tally.longest_lock.max(held);
        self.events.emit(Event::LockHeld { relation: lock_of(step), held });
    }

    fn failed(step: &Step, error: tokio_postgres::Error) -> Error {
        let cause = error.as_db_error().map_or_else(
            || error.to_string(),
            |db| {
                let detail = db.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
                format!("{}{detail}", db.message())
            },
        );
        Error::new(ErrorKind::Database, format!("{} failed: {cause}", step.title)).with_source(error)
    }

    /// What is in the way, if it may go away by itself.
    async fn obstacle(&self, step: &Step, error: &tokio_postgres::Error) -> Result<Option<Obstacle>> {
        Ok(match error.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED) => {
                Some(self.blocker(&step.relations).await?)
            }
            Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => {
                self.temporary_dependent().await?.map(Obstacle::Dependent)
            }
            _ => None,
        })
    }

    /// A session's temporary object that reads what stands in a schema of an edition, and whose it is. Only from PostgreSQL 16 on is the number of its
    /// schema the one by which the server names the session (release notes, E.1.3.1).
    async fn temporary_dependent(&self) -> Result<Option<String>> {
        let row = self.connection.query_opt(include_str!("temporary_dependent.sql"), &[]).await?;
        let Some(row) = row else { return Ok(None) };
        let (what, role, session): (String, String, Option<String>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Some(format!(
            "{what} in a session of {role}{}",
            session.map(|who| format!(", {who}")).unwrap_or_default()
        )))
    }

    /// Who has a lock on these relations, besides us.
    async fn blocker(&self, relations: &[QualifiedName]) -> Result<Obstacle> {
        let names: Vec<String> = relations.iter().map(|name| sql!("{}", name).to_string()).collect();
        let row = self
            .connection
            .query_opt(
                "SELECT l.pid, a.application_name, a.backend_type, a.state, extract(epoch FROM clock_timestamp() - a.xact_start)::float8, l.relation::regclass::text, l.mode = 'ShareUpdateExclusiveLock' \
                 FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid) \
                 WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_catalog.pg_backend_pid() \
                   AND l.relation IN (SELECT coalesce(p.relid, r.relation) FROM pg_catalog.unnest($1::text[]) AS name, \
                                        pg_catalog.to_regclass(name) AS r (relation) LEFT JOIN LATERAL pg_catalog.pg_partition_tree(r.relation) AS p ON true) \
                 ORDER BY a.xact_start NULLS LAST LIMIT 1",
                &[&names],
            )
            .await?;
        let Some(row) = row else { return Ok(Obstacle::Lock(None)) };
        let (pid, application): (i32, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let (kind, state, age): (Option<String>, Option<String>, Option<f64>) =
            (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
        let who =
            application.filter(|name| !name.is_empty()).or(kind).unwrap_or_else(|| "session".to_owned());
        let state = state.map(|state| format!(", {state}")).unwrap_or_default();
        let age = age.map(|seconds| format!(", transaction open for {seconds:.1} s")).unwrap_or_default();
        let who = format!("pid {pid} ({who}{state}{age})");
        Ok(if row.try_get(6)? {
            Obstacle::Maintenance { who, of: row.try_get(5)? }
        } else {
            Obstacle::Lock(Some(who))
        })
    }
}

/// The time between the two clock readings of a transaction, in microseconds of the server's clock; zero without them.
fn between(messages: &[SimpleQueryMessage]) -> Duration {
    let mut readings = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.split('.').next()?.parse::<u64>().ok(),
        _ => None,
    });
    match (readings.next(), readings.next()) {
        (Some(first), Some(second)) => Duration::from_micros(second.saturating_sub(first)),
        _ => Duration::ZERO,
    }
}

/// How long a step may be tried, and how often it was.
pub(super) struct LockPatience {
    begun: Instant,
    all: Duration,
    attempt: u32,
}

/// What keeps a step from being done now.
enum Obstacle {
    /// A lock, and who has it if we can tell.
    Lock(Option<String>),
    /// A lock that an autovacuum may have, and the relation that it works on, quoted.
    Maintenance { who: String, of: String },
    /// A temporary object that hangs on what is to be dropped.
    Dependent(String),
}

impl Obstacle {
    fn who(&self) -> Option<String> {
        match self {
            Self::Lock(blocker) => blocker.clone(),
            Self::Maintenance { who, .. } => Some(who.clone()),
            Self::Dependent(dependent) => Some(dependent.clone()),
        }
    }

    fn gave_up(&self, step: &Step, attempts: u32) -> Error {
        let title = &step.title;
        match self {
            Self::Lock(_) | Self::Maintenance { .. } => {
                let relation = lock_of(step);
                let blocker = self.who().map(|who| format!("; {who} holds a lock on it")).unwrap_or_default();
                Error::new(
                    ErrorKind::Busy,
                    format!("could not lock {relation} for \"{title}\" in {attempts} short tries{blocker}; nothing was left half-done"),
                )
                .with_hint("run the same command again to go on, or give it longer with --lock-patience")
            }
            Self::Dependent(dependent) => Error::new(
                ErrorKind::Busy,
                format!("\"{title}\" has to wait: {dependent} hangs on what it drops; all other steps before it are done"),
            )
            .with_hint("run the same command again when that session has dropped it or has ended"),
        }
    }
}

fn lock_of(step: &Step) -> String {
    step.relations.first().map(QualifiedName::pretty).unwrap_or_default()
}

/// 10 ms doubling to half a second, with jitter so that we do not keep step with a periodic blocker.
fn back_off(attempt: u32) -> Duration {
    let ceiling = 10_u64 << attempt.min(6);
    Duration::from_millis(rand::rng().random_range(ceiling / 2..=ceiling))
}
