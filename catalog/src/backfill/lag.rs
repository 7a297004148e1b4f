//! Replicas that fall behind: a backfill writes faster than some of them replay.

use std::{convert::Infallible, time::Duration};

use super::Run;
use crate::{
    error::{Error, Result},
    event::Event,
    target::Connection,
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Closes the gate while a replica lags more than the limit and opens it again. Ends only with an error.
pub(super) async fn watch(run: &Run<'_>) -> Error {
    match watch_until_error(run).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn watch_until_error(run: &Run<'_>) -> Result<Infallible> {
    let connection = run.target.connect().await?;
    let mut hidden_told = false;
    loop {
        let look = look(&connection).await?;
        if look.hidden && !hidden_told {
            hidden_told = true;
            run.events.emit(Event::Note {
                text: "replica lag is not visible to this role, so --max-lag has no effect: GRANT pg_monitor to it"
                    .to_owned(),
            });
        }
        let behind = look.lag.filter(|lag| *lag > run.options.max_lag);
        run.gate.set_lag(behind.map(|lag| format!("replica lag {:.1} s", lag.as_secs_f64())));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Look {
    lag: Option<Duration>,
    /// There are replicas, but the role may not see how they do.
    hidden: bool,
}

async fn look(connection: &Connection) -> Result<Look> {
    let query = connection.query_one(
        "SELECT extract(epoch FROM max(replay_lag))::float8, count(*) > 0 AND count(state) = 0 FROM pg_stat_replication",
        &[],
    );
    let row = tokio::time::timeout(ANSWER_DEADLINE, query).await.map_err(|_| {
        Error::new(crate::ErrorKind::Database, "the database does not answer when asked for replica lag")
    })??;
    let lag: Option<f64> = row.try_get(0)?;
    Ok(Look {
        lag: lag.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        hidden: row.try_get(1)?,
    })
}
