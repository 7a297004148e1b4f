//! From the temporary tables into the user's, in batches that nobody waits for. A batch that fails for its data is halved until the
//! rows that do not fit stand alone.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use tokio_postgres::Client;

use crate::{
    backfill::{BATCH_TARGET, Verdict, unavailable, verdict},
    error::{Error, ErrorKind, Result},
    sql,
    sql::Sql,
};

const FIRST_ROWS: i64 = 200;
const ROWS_MAX: i64 = 5_000;
/// How long a lock may keep us from any progress.
const LOCK_PATIENCE: Duration = Duration::from_secs(120);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// What became of staged rows.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Rows that the statements touched.
    pub(super) rows: u64,
    /// Staged rows (their `n`) that do not fit.
    pub(super) failed: Vec<i64>,
}

/// How a batch is shut off from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Each batch is committed.
    Transaction,
    /// All are one transaction of the caller's.
    Savepoint,
}

impl Unit {
    fn begin(self) -> &'static str {
        match self {
            Self::Transaction => "BEGIN",
            Self::Savepoint => "SAVEPOINT batch",
        }
    }

    fn keep(self) -> &'static str {
        match self {
            Self::Transaction => "COMMIT",
            Self::Savepoint => "RELEASE SAVEPOINT batch",
        }
    }

    fn undo(self) -> &'static str {
        match self {
            Self::Transaction => "ROLLBACK",
            Self::Savepoint => "ROLLBACK TO SAVEPOINT batch; RELEASE SAVEPOINT batch",
        }
    }
}

/// Applies `statement`, whose `$1` and `$2` bound `s.n` (the latter excluded), to the staged rows of these ranges.
pub(super) async fn apply(
    client: &Client,
    statement: &Sql,
    unit: Unit,
    ranges: impl IntoIterator<Item = Range<i64>>,
) -> Result<Applied> {
    let mut applied = Applied::default();
    let mut size = FIRST_ROWS;
    // a stack: the next part is on top, halves of a failed one are put back in order
    let mut parts: Vec<Range<i64>> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
    parts.reverse();
    let mut waiting_since = None;
    let mut attempts = 0_u32;
    while let Some(part) = parts.pop() {
        let batch = part.start..part.end.min(part.start + size);
        if batch.end < part.end {
            parts.push(batch.end..part.end);
        }
        let started = Instant::now();
        let error = match attempt(client, statement, unit, &batch).await? {
            Ok(rows) => {
                applied.rows += rows;
                size = next_size(size, started.elapsed());
                (waiting_since, attempts) = (None, 0);
                continue;
            }
            Err(error) => error,
        };
        match verdict(&error) {
            Verdict::Data if batch.end - batch.start == 1 => applied.failed.push(batch.start),
            Verdict::Data => {
                let middle = batch.start + (batch.end - batch.start) / 2;
                parts.push(middle..batch.end);
                parts.push(batch.start..middle);
            }
            Verdict::GiveWay => {
                if waiting_since.get_or_insert(started).elapsed() > LOCK_PATIENCE {
                    return Err(locked(error));
                }
                parts.push(batch);
                size = (size / 2).max(1);
                attempts += 1;
                let doubled = Duration::from_millis(4 << attempts.min(8)).min(BACKOFF_MAX);
                tokio::time::sleep(doubled.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            }
            Verdict::Unavailable => return Err(unavailable(error.into())),
            Verdict::Other => return Err(error.into()),
        }
    }
    Ok(applied)
}

/// Runs one batch; an error has been rolled back.
async fn attempt(
    client: &Client,
    statement: &Sql,
    unit: Unit,
    batch: &Range<i64>,
) -> Result<Result<u64, tokio_postgres::Error>> {
    client.batch_execute(unit.begin()).await?;
    let outcome = match client.execute(statement.as_str(), &[&batch.start, &batch.end]).await {
        // what is deferred must fail here, where it can be pinned on these rows
        Ok(rows) => client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await.map(|()| rows),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(rows) => {
            client.batch_execute(unit.keep()).await?;
            Ok(Ok(rows))
        }
        Err(error) if error.code().is_some() => {
            client.batch_execute(unit.undo()).await?;
            Ok(Err(error))
        }
        Err(lost) => Err(unavailable(lost.into())),
    }
}

fn next_size(size: i64, held: Duration) -> i64 {
    if held > BATCH_TARGET {
        (size / 2).max(1)
    } else if held < BATCH_TARGET / 2 {
        (size * 2).min(ROWS_MAX)
    } else {
        size
    }
}

fn locked(error: tokio_postgres::Error) -> Error {
    Error::new(ErrorKind::Busy, "rows that the archive is to be loaded into have been locked for two minutes")
        .with_hint(
            "end the transaction that holds them (SELECT * FROM pg_locks), then run the same command again",
        )
        .with_source(error)
}

/// The condition that a statement for [`apply`] needs.
pub(super) fn bounds() -> Sql {
    sql!("s.n >= $1 AND s.n < $2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_follow_the_time_that_they_take() {
        assert_eq!(next_size(200, Duration::from_millis(5)), 400);
        assert_eq!(next_size(4_000, Duration::from_millis(5)), ROWS_MAX);
        assert_eq!(next_size(200, Duration::from_millis(30)), 200);
        assert_eq!(next_size(1, Duration::from_millis(300)), 1);
    }
}
