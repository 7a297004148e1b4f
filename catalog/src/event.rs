//! What an operation tells while it runs: one enum, read alike by the progress bar, by `--json` and by tests.

use std::time::Duration;

use serde::Serialize;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step of a plan starts.
    StepStarted {
        /// 1-based.
        step: usize,
        /// How many steps the operation has.
        of: usize,
        /// For people.
        title: String,
    },
    /// A step ended well.
    StepDone {
        /// 1-based.
        step: usize,
        /// How long it took, retries included.
        elapsed: Duration,
    },
    /// A lock was not to be had within its budget; we gave way and try again.
    LockRetry {
        /// On what.
        relation: String,
        /// How many times so far.
        attempt: u32,
        /// Who holds it, if we could tell: `pid 123 (psql, idle in transaction since 12 s)`.
        blocker: Option<String>,
    },
    /// The longest that one lock try of a step held up others (time from asking for the lock to commit).
    LockHeld {
        /// On what.
        relation: String,
        /// Upper bound of the wait that we caused.
        held: Duration,
    },
    /// How far a backfill is.
    BackfillProgress {
        /// The physical table.
        table: String,
        /// Blocks done and to do.
        blocks_done: u64,
        /// Blocks in all.
        blocks_total: u64,
        /// Rows that needed a new value so far.
        rows_changed: u64,
        /// Rows seen so far, by estimate.
        rows_done: u64,
        /// Rows in all, by estimate.
        rows_total: u64,
        /// Rows a second over this run.
        rows_per_second: f64,
        /// Time left at that rate.
        eta: Option<Duration>,
        /// Why it waits at the moment (`replica lag 12 s`), if it does.
        throttled: Option<String>,
    },
    /// Waiting for proxies to acknowledge an epoch, for sessions to leave, …
    Waiting {
        /// For what.
        what: String,
    },
    /// Something worth a line.
    Note {
        /// The line.
        text: String,
    },
}

/// Where events go. Called from one task at a time; must not block for long.
pub trait Events: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// Drops all events.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _: Event) {}
}
