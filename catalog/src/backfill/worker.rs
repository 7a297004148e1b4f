//! One connection's way through the ranges, batch by batch.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Run, culprit,
    pace::{BATCH_LIMIT, Pace, Position, throttle_sleep},
    ranges::{Range, Ranges},
    session::{Session, SessionError, Verdict, unavailable, verdict},
    statement::{regclass, update, update_forgiving},
};
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    sql,
};

/// How often waiting workers look whether they may go on.
const WAIT_STEP: Duration = Duration::from_millis(200);
/// Tries for one lock before it is told, and between two tellings.
const ATTEMPTS_UNTOLD: u32 = 4;
/// A batch whose failure cannot be pinned on a row is tried so often: the row may have changed in between.
const UNEXPLAINED_MAX: u32 = 5;

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// No range is left.
    Finished,
    /// The gate was closed.
    Stopped,
    /// The cursor is not where it was left: the table has another file now, or a lost connection had committed all the same.
    CursorMoved,
}

/// A committed batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    /// Blocks behind it.
    pub(super) blocks: u64,
    /// Rows that got a value.
    pub(super) rows: u64,
    /// From the first row lock to the commit, at most.
    pub(super) held: Duration,
}

/// How a batch is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// One UPDATE.
    Plain,
    /// Row by row, because a value does not fit that may become NULL.
    Forgiving,
}

/// What came of one try of a batch.
enum Tried {
    Done(Done),
    /// A lock was not to be had, or the batch took too long: nothing happened.
    GaveWay,
    /// The cursor is not where we left it.
    CursorMoved,
}

/// Takes ranges from the queue until none is left. Closes the gate for the others when it fails.
pub(super) async fn work(
    run: &Run<'_>,
    session: Session,
    ranges: &Ranges,
    queue: &Mutex<VecDeque<Range>>,
) -> Result<Ended> {
    let pace = Pace::new(ranges.rows_per_block, run.options.batch_size, ranges.offset_max);
    let mut worker = Worker { run, session, filenode: ranges.filenode, offset_max: ranges.offset_max, pace };
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(range) = next else { return Ok(Ended::Finished) };
        let ended = worker.fill(&range).await;
        if !matches!(ended, Ok(Ended::Finished)) {
            run.gate.stop();
            return ended;
        }
    }
}

struct Worker<'a> {
    run: &'a Run<'a>,
    session: Session,
    filenode: u32,
    offset_max: u64,
    pace: Pace,
}

impl Worker<'_> {
    async fn fill(&mut self, range: &Range) -> Result<Ended> {
        let mut at = Position::start_of(range.next);
        let mut unexplained = 0;
        while at < Position::start_of(range.end) {
            if !self.may_go_on().await {
                return Ok(Ended::Stopped);
            }
            let to = self.pace.end(at, range.end);
            match self.try_batch(range, at, to, &mut unexplained).await? {
                Tried::Done(done) => {
                    at = to;
                    unexplained = 0;
                    self.run.progress().advance(&done, self.run.events);
                    let sleep = throttle_sleep(done.held, self.run.options.throttle);
                    if !sleep.is_zero() {
                        self.run.gate.sleep(sleep).await;
                    }
                }
                Tried::GaveWay => self.stay_away().await?,
                Tried::CursorMoved => return Ok(Ended::CursorMoved),
            }
        }
        Ok(Ended::Finished)
    }

    /// Waits while replicas lag. False: no further batch may begin.
    async fn may_go_on(&self) -> bool {
        loop {
            if self.run.gate.is_closed() {
                return false;
            }
            let Some(reason) = self.run.gate.lag() else { return true };
            self.run.progress().waits(reason, self.run.events);
            self.run.gate.sleep(WAIT_STEP).await;
        }
    }

    async fn try_batch(
        &mut self,
        range: &Range,
        from: Position,
        to: Position,
        unexplained: &mut u32,
    ) -> Result<Tried> {
        let mut tried = self.batch(range, from, to, Care::Plain).await;
        if matches!(&tried, Err(SessionError::Postgres(error)) if verdict(error) == Verdict::Data)
            && !self.run.spec.null_on_error.is_empty()
        {
            self.session.send(&sql!("ROLLBACK")).await?;
            tried = self.batch(range, from, to, Care::Forgiving).await;
        }
        let error = match tried {
            Ok(tried) => return Ok(tried),
            Err(SessionError::Postgres(error)) => error,
            Err(silent @ SessionError::Silent) => return Err(silent.into()),
        };
        let verdict = verdict(&error);
        if verdict == Verdict::Unavailable {
            return self.recover(error).await;
        }
        self.session.send(&sql!("ROLLBACK")).await?;
        match verdict {
            Verdict::GiveWay => {
                self.pace.gave_way();
                self.run.progress().gave_way();
                Ok(Tried::GaveWay)
            }
            Verdict::Data => {
                let found = culprit::find(&self.session, self.run.spec, self.offset_max, from, to).await?;
                if let Some(row) = found {
                    return Err(row.into());
                }
                *unexplained += 1;
                if *unexplained < UNEXPLAINED_MAX { Ok(Tried::GaveWay) } else { Err(self.named(error)) }
            }
            Verdict::Other | Verdict::Unavailable => Err(self.named(error)),
        }
    }

    /// A lost connection is replaced; a server that is in trouble otherwise is left alone.
    async fn recover(&mut self, error: tokio_postgres::Error) -> Result<Tried> {
        if !self.session.is_lost().await {
            return Err(unavailable(error.into()));
        }
        tracing::warn!(%error, "a backfill connection was lost");
        self.session.reopen(self.run).await?;
        Ok(Tried::GaveWay)
    }

    fn named(&self, error: tokio_postgres::Error) -> Error {
        let table = self.run.spec.table.pretty();
        let said = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
        Error::new(ErrorKind::Database, format!("the backfill of {table} failed: {said}")).with_source(error)
    }

    /// One transaction: the rows, and the cursor behind them.
    async fn batch(
        &mut self,
        range: &Range,
        from: Position,
        to: Position,
        care: Care,
    ) -> Result<Tried, SessionError> {
        let started = Instant::now();
        // A single row is let run to its end: there is nothing smaller to try.
        let limit = if to.block == from.block && to.offset == from.offset + 1 {
            0
        } else {
            u64::try_from(BATCH_LIMIT.as_millis()).unwrap_or(0)
        };
        let spec = self.run.spec;
        let own = sql!(
            "operation_id = {} AND step = {} AND range = {} AND next_block = {} AND filenode = {}",
            self.run.operation,
            self.run.step,
            range.number,
            from.block,
            i64::from(self.filenode)
        );
        // Nobody else does these blocks: a runner whose lock went away with its connection may still be at work when another has finished them.
        let begin = sql!(
            "BEGIN; SET LOCAL statement_timeout = {}; SELECT FROM edition.backfills WHERE {} FOR UPDATE",
            limit,
            own
        );
        let (claimed, rows) = match care {
            Care::Plain => {
                let counts = self.session.counts(&sql!("{}; {}", begin, update(spec, from, to))).await?;
                (counts.get(2).copied().unwrap_or(0), counts.last().copied().unwrap_or(0))
            }
            Care::Forgiving => {
                let claimed = self.session.count(&begin, 0).await?;
                let forgiving = update_forgiving(spec, from, to);
                let counted = sql!("{}; SELECT current_setting('edition.backfill_rows')", forgiving);
                let row = self.session.row(&counted).await?.unwrap_or_default();
                let rows = row.into_iter().flatten().next().and_then(|rows| rows.parse().ok());
                (claimed, rows.unwrap_or(0))
            }
        };
        if claimed == 0 {
            self.session.send(&sql!("ROLLBACK")).await?;
            return Ok(Tried::CursorMoved);
        }
        let cursor = sql!(
            "UPDATE edition.backfills SET next_block = {}, rows_changed = rows_changed + {} \
             WHERE {} AND filenode = pg_relation_filenode({}); COMMIT",
            to.block,
            rows,
            own,
            regclass(&spec.table)
        );
        // Committed even if the table was rewritten meanwhile: the values are right all the same.
        let moved = self.session.count(&cursor, 1).await?;
        if moved == 0 {
            return Ok(Tried::CursorMoved);
        }
        let done = Done { blocks: to.block.saturating_sub(from.block), rows, held: started.elapsed() };
        self.pace.done(from, to, rows, done.held);
        Ok(Tried::Done(done))
    }

    /// After giving way: sleeps, and from time to time says who is in the way.
    async fn stay_away(&self) -> Result<()> {
        let attempts = self.pace.attempts();
        if attempts > 0 && attempts.is_multiple_of(ATTEMPTS_UNTOLD) {
            let blocker = self.blocker().await?;
            self.run.events.emit(Event::LockRetry {
                relation: self.run.spec.table.pretty(),
                attempt: attempts,
                blocker,
            });
        }
        self.run.gate.sleep(self.pace.backoff(rand::random())).await;
        Ok(())
    }

    /// The oldest transaction that has locked the table, for people: whoever holds a row holds the table too.
    async fn blocker(&self) -> Result<Option<String>> {
        let query = sql!(
            "SELECT format('pid %s (%s, %s for %s s)', a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), \
                           coalesce(a.state, 'in a transaction'), round(extract(epoch FROM clock_timestamp() - a.xact_start))) \
             FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
             WHERE l.relation = {} AND l.granted AND l.mode NOT IN ('AccessShareLock', 'ShareUpdateExclusiveLock') \
               AND a.application_name <> 'edition backfill' ORDER BY a.xact_start LIMIT 1",
            regclass(&self.run.spec.table)
        );
        Ok(self.session.row(&query).await?.and_then(|row| row.into_iter().next().flatten()))
    }
}
