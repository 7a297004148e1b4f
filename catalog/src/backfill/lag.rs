//! Replicas that fall behind: a backfill writes faster than some of them replay.
//!
//! `pg_stat_replication.replay_lag` alone does not tell: it keeps its last value while replay is stuck, and for seconds after a replica has
//! caught up. So we remember how far the log was at each look: a replica lags by more than a time if it has not replayed what
//! was in the log that long ago.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tokio_postgres::types::ToSql;

use super::{Run, unavailable};
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    target::Connection,
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// Looks in a row that may fail.
const FAILURES_MAX: u32 = 6;
/// Looks that are remembered, at most.
const HISTORY_MAX: usize = 4_096;

/// Closes the gate while a replica lags more than the limit and opens it again. Ends only with an error, when replicas could not be
/// looked at for a while: what nobody watches must not go on at full speed.
pub(super) async fn watch(run: &Run<'_>) -> Error {
    let mut failures = 0;
    let mut hidden_told = false;
    let mut connection = None;
    let mut history = History::new(run.options.max_lag);
    loop {
        match look(run, &mut connection, history.reference()).await {
            Ok(look) => {
                failures = 0;
                if look.hidden && !std::mem::replace(&mut hidden_told, true) {
                    let text = "replica lag is not visible to this role, so --max-lag has no effect: GRANT pg_monitor to it";
                    run.events.emit(Event::Note { text: text.to_owned() });
                }
                run.gate.set_lag(look.behind.then(|| reason(look.measured, run.options.max_lag)));
                history.remember(look.position);
            }
            Err(error) => {
                connection = None;
                failures += 1;
                if failures == FAILURES_MAX {
                    return unavailable(error);
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn reason(measured: Option<Duration>, limit: Duration) -> String {
    let measured = measured.filter(|lag| *lag > limit);
    let more = if measured.is_some() { "" } else { "more than " };
    format!("replica lag {more}{:.1} s", measured.unwrap_or(limit).as_secs_f64())
}

/// Where the log ended at earlier looks.
struct History {
    limit: Duration,
    looks: VecDeque<(Instant, String)>,
}

impl History {
    fn new(limit: Duration) -> Self {
        Self { limit, looks: VecDeque::new() }
    }

    /// Where the log ended the limit ago, or a little earlier; `None` if we have not looked for so long.
    fn reference(&mut self) -> Option<String> {
        let limit = self.limit;
        let old_enough = |look: &(Instant, String)| look.0.elapsed() >= limit;
        while self.looks.get(1).is_some_and(old_enough) {
            self.looks.pop_front();
        }
        self.looks.front().filter(|look| old_enough(look)).map(|(_, position)| position.clone())
    }

    fn remember(&mut self, position: String) {
        if self.looks.len() < HISTORY_MAX {
            self.looks.push_back((Instant::now(), position));
        }
    }
}

struct Look {
    /// Where the log ends.
    position: String,
    /// Whether a replica lags more than the limit.
    behind: bool,
    /// The greatest lag that PostgreSQL has measured.
    measured: Option<Duration>,
    /// There are replicas, but the role may not see how they do.
    hidden: bool,
}

async fn look(run: &Run<'_>, connection: &mut Option<Connection>, reference: Option<String>) -> Result<Look> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(run.target.connect().await?),
    };
    // Before there is a history, the lag that PostgreSQL measured last has to do.
    let query = "SELECT pg_current_wal_lsn()::text, \
                        coalesce(bool_or(replay_lsn < coalesce($1::text::pg_lsn, CASE WHEN replay_lag > $2::float8 * interval '1 s' THEN sent_lsn END)), false), \
                        extract(epoch FROM max(replay_lag))::float8, count(*) > 0 AND count(state) = 0 \
                 FROM pg_stat_replication";
    let limit = run.options.max_lag.as_secs_f64();
    let parameters: [&(dyn ToSql + Sync); 2] = [&reference, &limit];
    let query = connection.query_one(query, &parameters);
    let row = tokio::time::timeout(ANSWER_DEADLINE, query).await.map_err(|_| {
        Error::new(ErrorKind::Database, "the database does not answer when asked for replica lag")
    })??;
    let measured: Option<f64> = row.try_get(2)?;
    Ok(Look {
        position: row.try_get(0)?,
        behind: row.try_get(1)?,
        measured: measured.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        hidden: row.try_get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_the_newest_look_that_is_old_enough() {
        let mut history = History::new(Duration::from_secs(10));
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        history.looks = [(30, "0/1"), (20, "0/2"), (11, "0/3"), (5, "0/4")]
            .map(|(seconds, position)| (ago(seconds), position.to_owned()))
            .into();
        assert_eq!(history.reference().as_deref(), Some("0/3"));
        history.limit = Duration::from_secs(60);
        assert_eq!(history.reference(), None);
    }

    #[test]
    fn a_lag_is_told_by_its_measure_or_by_its_limit() {
        let seconds = Duration::from_secs;
        assert_eq!(reason(Some(seconds(12)), seconds(10)), "replica lag 12.0 s");
        assert_eq!(reason(Some(seconds(2)), seconds(10)), "replica lag more than 10.0 s");
    }
}
