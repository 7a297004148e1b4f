//! Replicas that fall behind: a backfill writes faster than some of them replay.

use std::time::Duration;

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

/// Closes the gate while a replica lags more than the limit and opens it again. Ends only with an error, when replicas could not be
/// looked at for a while: what nobody watches must not go on at full speed.
pub(super) async fn watch(run: &Run<'_>) -> Error {
    let mut failures = 0;
    let mut hidden_told = false;
    let mut connection = None;
    loop {
        match look(run, &mut connection).await {
            Ok(look) => {
                failures = 0;
                if look.hidden && !std::mem::replace(&mut hidden_told, true) {
                    let text = "replica lag is not visible to this role, so --max-lag has no effect: GRANT pg_monitor to it";
                    run.events.emit(Event::Note { text: text.to_owned() });
                }
                let behind = look.lag.filter(|lag| *lag > run.options.max_lag);
                run.gate.set_lag(behind.map(|lag| format!("replica lag {:.1} s", lag.as_secs_f64())));
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

struct Look {
    lag: Option<Duration>,
    /// There are replicas, but the role may not see how they do.
    hidden: bool,
}

async fn look(run: &Run<'_>, connection: &mut Option<Connection>) -> Result<Look> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(run.target.connect().await?),
    };
    let query = connection.query_one(
        "SELECT extract(epoch FROM max(replay_lag))::float8, count(*) > 0 AND count(state) = 0 FROM pg_stat_replication",
        &[],
    );
    let row = tokio::time::timeout(ANSWER_DEADLINE, query).await.map_err(|_| {
        Error::new(ErrorKind::Database, "the database does not answer when asked for replica lag")
    })??;
    let lag: Option<f64> = row.try_get(0)?;
    Ok(Look {
        lag: lag.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        hidden: row.try_get(1)?,
    })
}
