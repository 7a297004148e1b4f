//! Computes the child's columns for the rows that are there already, while the application goes on.
//!
//! One set-based UPDATE per batch, over a range of tuple ids, together with its cursor in one transaction: a kill loses at most the
//! batch in flight, and the same call goes on behind the last one. Rows that move or come during the scan are the populate-mode
//! triggers' business, which must be in place before the first call.
//!
//! Nobody waits long for a batch: it aims at `BATCH_TARGET` of held row locks, is cancelled when it takes several times that,
//! gives way within `lock_timeout` when a row is locked, and so never lets PostgreSQL pick an application's transaction as the
//! victim of a deadlock. The work starts small, grows while it is fast, and shrinks to single rows where rows are hot.

mod culprit;
mod gate;
mod lag;
mod pace;
mod progress;
mod ranges;
mod session;
mod statement;
mod worker;

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::sync::watch;

use self::{gate::Gate, progress::Progress, ranges::Ranges, session::Session, worker::Ended};
use crate::{
    error::{Error, ErrorKind, Result},
    event::{Event, Events},
    model::{EditionId, Name, OperationId, QualifiedName},
    sql::Sql,
    target::Target,
};

pub use culprit::FailingRow;
pub(crate) use pace::BATCH_TARGET;
pub(crate) use session::{Verdict, settings, unavailable, verdict};
pub(crate) use statement::regclass;

/// How often a backfill tries to begin while its connections are lost.
const BEGIN_TRIES: u32 = 6;
/// Before the second try; grows with each.
const BEGIN_PAUSE: Duration = Duration::from_millis(200);

/// A table in which at least this many rows were rewritten is worth a VACUUM.
const ROWS_WORTH_A_VACUUM: u64 = 100_000;

/// What to compute, in physical words.
#[derive(Clone, Debug)]
pub struct BackfillSpec {
    /// The physical table.
    pub table: QualifiedName,
    /// The edition that the columns are for; the session works in its name, so that no forward trigger into it fires.
    pub child: EditionId,
    /// Physical column and its expression over `edition_row.<physical column>`.
    pub assignments: Vec<(Name, Sql)>,
    /// Columns among them that become NULL where their expression fails (`--on-error null`).
    pub null_on_error: Vec<Name>,
    /// Which rows still need it, over `edition_row`. Batches may be repeated, so a row that is done should fail it where that can be told.
    pub pending: Sql,
    /// Sets the `search_path` of the child's sessions: the application's triggers, where they cannot be silenced, look names up there.
    pub search_path: Vec<Name>,
    /// Physical columns of the primary key, to name a failing row; may be empty.
    pub primary_key: Vec<Name>,
}

/// How to go about it.
#[derive(Clone, Debug)]
pub struct BackfillOptions {
    /// Rows per transaction at most; the time budget usually makes it less.
    pub batch_size: u32,
    /// Connections.
    pub jobs: u32,
    /// Wait while any replica's replay lags more than this.
    pub max_lag: Duration,
    /// Share of the time that each connection sleeps, 0.0 (full speed) to 0.95.
    pub throttle: f64,
    /// The longest wait for a row or table lock in one try.
    pub lock_timeout: Duration,
    /// Turns true when the operator asks for a pause: the batches in flight end, then [`run`] returns with [`ErrorKind::Paused`].
    pub pause: watch::Receiver<bool>,
}

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct BackfillOutcome {
    /// Rows that got a value, those of interrupted earlier runs included; a few less where the table was rewritten meanwhile.
    pub rows_changed: u64,
    /// How long this run took.
    pub elapsed: Duration,
    /// The longest time that one batch of this run held row locks.
    pub longest_batch: Duration,
    /// Batches of this run that gave way to a lock and were tried again.
    pub lock_retries: u64,
}

/// What all workers of one run share.
struct Run<'a> {
    target: &'a Target,
    operation: OperationId,
    step: i32,
    spec: &'a BackfillSpec,
    options: &'a BackfillOptions,
    events: &'a dyn Events,
    gate: Gate,
    progress: Mutex<Progress>,
}

/// Computes the columns of `spec` for every row that was in the table at the first call for this operation and step; resumes what an
/// earlier call left, and does nothing if there is nothing left.
///
/// # Errors
/// [`ErrorKind::Paused`] after `options.pause` turned true; [`ErrorKind::Busy`] if the server cannot be reached or worked with, and the same call
/// goes on later; [`ErrorKind::Database`] if a statement fails. When one row's value cannot be computed
/// or stored, [`FailingRow::of`] tells which, and calling again can only fail again.
pub async fn run(
    target: &Target,
    operation: OperationId,
    step: i32,
    spec: &BackfillSpec,
    options: &BackfillOptions,
    events: &dyn Events,
) -> Result<BackfillOutcome> {
    let started = Instant::now();
    let run = Run {
        target,
        operation,
        step,
        spec,
        options,
        events,
        gate: Gate::new(options.pause.clone()),
        progress: Mutex::new(Progress::new(spec.table.pretty())),
    };
    if !spec.assignments.is_empty() {
        run.until_finished().await?;
    }
    let progress = run.progress();
    let outcome = BackfillOutcome {
        rows_changed: progress.rows_changed(),
        elapsed: started.elapsed(),
        longest_batch: progress.longest_batch(),
        lock_retries: progress.lock_retries(),
    };
    run.tell_outcome(&outcome, progress.rows_total());
    Ok(outcome)
}

impl Run<'_> {
    async fn until_finished(&self) -> Result<()> {
        let mut file = None;
        loop {
            self.gate.reopen();
            let (session, ranges) = self.begin().await?;
            if file.replace(ranges.filenode).is_some_and(|before| before != ranges.filenode) {
                let table = self.spec.table.pretty();
                let text = format!("{table} was rewritten meanwhile, its backfill starts over");
                self.events.emit(Event::Note { text });
            }
            self.progress().begin(&ranges);
            self.progress().tell(self.events);
            if self.all_ranges(session, &ranges).await? {
                self.progress().tell(self.events);
                return Ok(());
            }
        }
    }

    /// The first connection and what is left to do. A connection that is lost on the way is replaced.
    async fn begin(&self) -> Result<(Session, Ranges)> {
        let mut tries = 1;
        loop {
            let error = match self.try_to_begin().await {
                Ok(begun) => return Ok(begun),
                Err(error) => error,
            };
            if !error.is_connection_lost() {
                return Err(error);
            }
            if tries == BEGIN_TRIES {
                return Err(unavailable(error));
            }
            tracing::warn!(%error, "a backfill connection was lost");
            tokio::time::sleep(BEGIN_PAUSE * tries).await;
            tries += 1;
        }
    }

    async fn try_to_begin(&self) -> Result<(Session, Ranges)> {
        let mut session = Session::open(self).await?;
        let ranges = ranges::prepare(session.client(), self).await?;
        Ok((session, ranges))
    }

    /// Works through the ranges with up to `jobs` connections, the given one included. False: the cursors must be read anew.
    async fn all_ranges(&self, first: Session, ranges: &Ranges) -> Result<bool> {
        let queue = Mutex::new(ranges.unfinished());
        let waiting = queue.lock().map_or(0, |queue| queue.len());
        let mut sessions = vec![first];
        let connections = usize::try_from(self.options.jobs).unwrap_or(usize::MAX).clamp(1, waiting.max(1));
        for _ in 1..connections {
            match Session::open(self).await {
                Ok(session) => sessions.push(session),
                Err(error) => {
                    let text = format!("the backfill goes on with {} connection(s): {error}", sessions.len());
                    self.events.emit(Event::Note { text });
                    break;
                }
            }
        }
        let workers =
            join_all(sessions.into_iter().map(|session| worker::work(self, session, ranges, &queue)));
        let ended = tokio::select! {
            ended = workers => ended,
            error = lag::watch(self) => return Err(error),
        };
        self.judge(ended)
    }

    /// One verdict from those of all workers: a failing row says more than what befell the others.
    fn judge(&self, ended: Vec<Result<Ended>>) -> Result<bool> {
        let (ended, errors): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
        let mut errors: Vec<Error> = errors.into_iter().filter_map(Result::err).collect();
        errors.sort_by_key(|error| FailingRow::of(error).is_none());
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let ended: Vec<Ended> = ended.into_iter().filter_map(Result::ok).collect();
        if ended.contains(&Ended::CursorMoved) {
            return Ok(false);
        }
        if ended.contains(&Ended::Stopped) {
            let progress = self.progress();
            return Err(Error::new(
                ErrorKind::Paused,
                format!("the backfill of {} is paused at {} %", self.spec.table.pretty(), progress.percent()),
            )
            .with_hint("run the same command again to go on"));
        }
        Ok(true)
    }

    /// No holder of this lock can panic half-way through a change that matters, so a poisoned one is taken as it is.
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn tell_outcome(&self, outcome: &BackfillOutcome, rows_total: u64) {
        let table = self.spec.table.pretty();
        if outcome.longest_batch > Duration::ZERO {
            self.events.emit(Event::LockHeld { relation: table.clone(), held: outcome.longest_batch });
        }
        if outcome.rows_changed >= ROWS_WORTH_A_VACUUM && outcome.rows_changed >= rows_total / 5 {
            self.events.emit(Event::Note {
                text: format!(
                    "{} rows of {table} were rewritten: VACUUM (ANALYZE) makes their old space usable and refreshes the statistics, \
                     if autovacuum is not there first",
                    outcome.rows_changed
                ),
            });
        }
    }
}
