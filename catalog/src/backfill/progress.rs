//! How far a run is, told at most four times a second.

use std::time::{Duration, Instant};

use super::{ranges::Ranges, worker::Done};
use crate::event::{Event, Events};

const TELL_EVERY: Duration = Duration::from_millis(250);
/// Before this much time no rate is worth telling.
const RATE_AFTER: Duration = Duration::from_millis(200);

/// The state of all workers together.
#[derive(Debug)]
pub(super) struct Progress {
    table: String,
    blocks_done: u64,
    blocks_total: u64,
    rows_changed: u64,
    rows_per_block: f64,
    blocks_at_start: u64,
    started: Instant,
    told: Option<Instant>,
    throttled: Option<String>,
    longest_batch: Duration,
    lock_retries: u64,
}

impl Progress {
    pub(super) fn new(table: String) -> Self {
        Self {
            table,
            blocks_done: 0,
            blocks_total: 0,
            rows_changed: 0,
            rows_per_block: 0.0,
            blocks_at_start: 0,
            started: Instant::now(),
            told: None,
            throttled: None,
            longest_batch: Duration::ZERO,
            lock_retries: 0,
        }
    }

    /// Takes over where the ranges stand.
    pub(super) fn begin(&mut self, ranges: &Ranges) {
        self.blocks_total = ranges.blocks_total();
        self.blocks_done = ranges.blocks_done();
        self.blocks_at_start = self.blocks_done;
        self.rows_changed = ranges.rows_changed();
        self.rows_per_block = ranges.rows_per_block;
        self.started = Instant::now();
    }

    /// A batch was committed.
    pub(super) fn advance(&mut self, done: &Done, events: &dyn Events) {
        self.blocks_done += done.blocks;
        self.rows_changed += done.rows;
        self.longest_batch = self.longest_batch.max(done.held);
        self.throttled = None;
        self.tell_sometimes(events);
    }

    /// Nothing goes on at the moment, for this reason.
    pub(super) fn waits(&mut self, reason: String, events: &dyn Events) {
        self.throttled = Some(reason);
        self.tell_sometimes(events);
    }

    /// A batch gave way to a lock.
    pub(super) fn gave_way(&mut self) {
        self.lock_retries += 1;
    }

    pub(super) fn rows_changed(&self) -> u64 {
        self.rows_changed
    }

    pub(super) fn rows_total(&self) -> u64 {
        self.rows_in(self.blocks_total)
    }

    pub(super) fn longest_batch(&self) -> Duration {
        self.longest_batch
    }

    pub(super) fn lock_retries(&self) -> u64 {
        self.lock_retries
    }

    pub(super) fn percent(&self) -> u64 {
        (self.blocks_done * 100).checked_div(self.blocks_total).unwrap_or(100)
    }

    fn tell_sometimes(&mut self, events: &dyn Events) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.tell(events);
        }
    }

    /// Tells now.
    pub(super) fn tell(&mut self, events: &dyn Events) {
        self.told = Some(Instant::now());
        let elapsed = self.started.elapsed();
        let done_in_run = self.blocks_done.saturating_sub(self.blocks_at_start);
        let measured = elapsed >= RATE_AFTER && done_in_run > 0;
        let left = self.blocks_total.saturating_sub(self.blocks_done);
        let ratio = |a: u64, b: f64| Self::float(a) / b;
        events.emit(Event::BackfillProgress {
            table: self.table.clone(),
            blocks_done: self.blocks_done,
            blocks_total: self.blocks_total,
            rows_changed: self.rows_changed,
            rows_done: self.rows_in(self.blocks_done),
            rows_total: self.rows_total(),
            rows_per_second: if measured {
                ratio(self.rows_in(done_in_run), elapsed.as_secs_f64())
            } else {
                0.0
            },
            eta: measured.then(|| {
                Duration::try_from_secs_f64(elapsed.as_secs_f64() * ratio(left, Self::float(done_in_run)))
                    .unwrap_or(Duration::MAX)
            }),
            throttled: self.throttled.clone(),
        });
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, and not negative"
    )]
    fn rows_in(&self, blocks: u64) -> u64 {
        (Self::float(blocks) * self.rows_per_block).round() as u64
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn float(number: u64) -> f64 {
        number as f64
    }
}
