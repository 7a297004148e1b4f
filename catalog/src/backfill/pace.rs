//! How much one batch takes (pure).

use std::time::Duration;

/// How long a batch should hold row locks.
pub(crate) const BATCH_TARGET: Duration = Duration::from_millis(40);
/// A batch that runs longer than this is cancelled and tried again in smaller parts.
pub(super) const BATCH_LIMIT: Duration = Duration::from_millis(200);
/// A first batch, in blocks; it grows at most twofold from one batch to the next.
const FIRST_BLOCKS: f64 = 4.0;
/// The longest sleep between two tries for a lock.
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// The shortest one.
const BACKOFF_MIN: Duration = Duration::from_millis(4);

/// A place between tuples: everything before it is done. Ordered as the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) block: u64,
    /// Below this line pointer; 0 at the start of a block.
    pub(super) offset: u64,
}

impl Position {
    pub(super) const fn start_of(block: u64) -> Self {
        Self { block, offset: 0 }
    }
}

/// Adapts the size of batches to the time that they take.
#[derive(Debug)]
pub(super) struct Pace {
    /// In blocks; less than 1 is a part of a block.
    size: f64,
    rows_per_block: f64,
    batch_rows: f64,
    /// No line pointer of a block is greater than this.
    offset_max: u64,
    /// Tries in a row that met a lock.
    attempts: u32,
}

impl Pace {
    pub(super) fn new(rows_per_block: f64, batch_size: u32, offset_max: u64) -> Self {
        Self {
            size: FIRST_BLOCKS,
            rows_per_block: rows_per_block.max(1.0),
            batch_rows: f64::from(batch_size.max(1)),
            offset_max,
            attempts: 0,
        }
    }

    /// Where a batch that begins at `from` should end, at most at block `end_block`.
    pub(super) fn end(&self, from: Position, end_block: u64) -> Position {
        let size = self.size.min(self.batch_rows / self.rows_per_block);
        if size < 1.0 {
            let step = whole(size * self.rows_per_block).max(1);
            let offset = from.offset + step;
            // line pointers start at 1, so the last one is below offset_max + 1
            return if offset > self.offset_max {
                Position::start_of(from.block + 1)
            } else {
                Position { block: from.block, offset }
            };
        }
        Position::start_of((from.block + whole(size).max(1)).min(end_block))
    }

    /// A batch over this many blocks changed `rows` rows and held its locks for `held`.
    pub(super) fn done(&mut self, from: Position, to: Position, rows: u64, held: Duration) {
        self.attempts = 0;
        let blocks = to.block.saturating_sub(from.block);
        if from.offset == 0 && to.offset == 0 && blocks > 0 {
            self.rows_per_block = self.rows_per_block.max(ratio(rows, blocks));
        }
        let factor = BATCH_TARGET.as_secs_f64() / held.as_secs_f64().max(1e-6);
        let most = (self.batch_rows / self.rows_per_block).max(self.least());
        self.size = (self.size * factor.clamp(0.5, 2.0)).clamp(self.least(), most);
    }

    /// A batch met a lock, or took too long.
    pub(super) fn gave_way(&mut self) {
        self.attempts += 1;
        self.size = (self.size / 2.0).max(self.least());
    }

    /// Tries in a row that met a lock.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long to stay away; `jitter` in 0..1 keeps workers and runs apart.
    pub(super) fn backoff(&self, jitter: f64) -> Duration {
        let doubled = BACKOFF_MIN.saturating_mul(1 << self.attempts.min(10)).min(BACKOFF_MAX);
        doubled.mul_f64(0.5 + jitter / 2.0)
    }

    /// One row.
    fn least(&self) -> f64 {
        1.0 / self.rows_per_block
    }
}

/// How long to sleep after `busy`, so that `share` of the time is slept.
pub(super) fn throttle_sleep(busy: Duration, share: f64) -> Duration {
    let share = if share.is_finite() { share.clamp(0.0, 0.95) } else { 0.0 };
    busy.mul_f64(share / (1.0 - share))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a finite size of at most a table"
)]
fn whole(size: f64) -> u64 {
    size as u64
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Position = Position::start_of(10);

    fn pace() -> Pace {
        Pace::new(100.0, 5_000, 291)
    }

    #[test]
    fn fast_batches_grow_up_to_the_row_limit() {
        let mut pace = pace();
        assert_eq!(pace.end(START, 1_000), Position::start_of(14));
        for _ in 0..20 {
            let to = pace.end(START, 1_000);
            pace.done(START, to, (to.block - START.block) * 100, Duration::from_millis(1));
        }
        assert_eq!(pace.end(START, 1_000), Position::start_of(60), "5000 rows are 50 blocks");
    }

    #[test]
    fn slow_batches_shrink_below_a_block_and_end_where_blocks_end() {
        let mut pace = pace();
        for _ in 0..30 {
            let to = pace.end(START, 1_000);
            pace.done(START, to, 0, Duration::from_secs(1));
        }
        assert_eq!(pace.end(START, 1_000), Position { block: 10, offset: 1 }, "one row at a time");
        let last = Position { block: 10, offset: 291 };
        assert_eq!(pace.end(last, 1_000), Position::start_of(11));
    }

    #[test]
    fn a_batch_stays_within_its_range() {
        assert_eq!(pace().end(Position::start_of(8), 9), Position::start_of(9));
    }

    #[test]
    fn every_batch_goes_forward_and_slices_cover_the_block() {
        let mut pace = pace();
        (0..4).for_each(|_| pace.gave_way());
        let mut at = START;
        let mut steps = 0;
        while at < Position::start_of(11) {
            let to = pace.end(at, 11);
            assert!(to > at);
            at = to;
            steps += 1;
        }
        assert_eq!(at, Position::start_of(11));
        assert_eq!(steps, 12, "291 line pointers in steps of 25");
    }

    #[test]
    fn back_off_doubles_to_a_limit_and_forgets_after_success() {
        let mut pace = pace();
        pace.gave_way();
        let first = pace.backoff(1.0);
        (0..20).for_each(|_| pace.gave_way());
        assert_eq!(first, Duration::from_millis(8));
        assert_eq!(pace.backoff(1.0), BACKOFF_MAX);
        assert_eq!(pace.backoff(0.0), BACKOFF_MAX / 2);
        pace.done(START, Position::start_of(11), 1, BATCH_TARGET);
        assert_eq!(pace.attempts(), 0);
    }

    #[test]
    fn the_throttle_is_a_share_of_the_time() {
        assert_eq!(throttle_sleep(Duration::from_millis(40), 0.0), Duration::ZERO);
        assert_eq!(throttle_sleep(Duration::from_millis(40), 0.5), Duration::from_millis(40));
        assert_eq!(throttle_sleep(Duration::from_millis(40), f64::NAN), Duration::ZERO);
        assert!(throttle_sleep(Duration::from_millis(40), 7.0) < Duration::from_secs(1));
    }
}
