//! One runner at a time: a session advisory lock in the live database, held by a connection of its own, so that it goes
//! away with the process however that ends.

use std::time::{Duration, Instant};

use crate::{
    error::{Error, ErrorKind, Result},
    target::{Connection, Target},
};

/// Key of the advisory lock: the bytes of "editions" read as a big-endian number. Part of the contract between versions.
const RUNNER_KEY: i64 = i64::from_be_bytes(*b"editions");

/// Key of the lock that working connections share: a killed runner's server process may go on with its statement after the runner lock is free.
const WORKER_KEY: i64 = RUNNER_KEY + 1;
/// How long a runner waits for such a process; with `client_connection_check_interval` it notices within a second that its client is gone.
const WORKER_PATIENCE: Duration = Duration::from_secs(30);

/// How long a second runner waits before it gives up.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it tries meanwhile.
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// How often a runner looks whether it still has the lock.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Proof that this process alone changes the catalogue of one database, as long as the value lives.
#[derive(Debug)]
pub struct RunnerLock {
    connection: Connection,
}

impl RunnerLock {
    /// Takes the lock, or says who has it. A command that has just ended may hold it for a moment longer, until the server
    /// notices that its connection is gone.
    pub async fn acquire(target: &Target) -> Result<Self> {
        let connection = target.connect().await?;
        let begun = Instant::now();
        loop {
            let taken: bool = connection
                .query_one("SELECT pg_catalog.pg_try_advisory_lock($1)", &[&RUNNER_KEY])
                .await?
                .try_get(0)?;
            if taken {
                outlive_workers(&connection).await?;
                return Ok(Self { connection });
            }
            if begun.elapsed() >= PATIENCE {
                return Err(busy(holder(&connection, RUNNER_KEY).await?));
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// Marks a connection as working under this lock: the next runner starts when its server process has ended, too.
    pub async fn enlist(&self, connection: &Connection) -> Result<()> {
        connection.query_one("SELECT pg_catalog.pg_advisory_lock_shared($1)", &[&WORKER_KEY]).await?;
        Ok(())
    }

    /// Whether the lock is still held: false once its connection was lost. Ask before each step that relies on it.
    pub fn is_held(&self) -> bool {
        !self.connection.is_closed()
    }

    /// Refuses to go on without it: another runner may be at work already.
    pub fn require(&self) -> Result<()> {
        if self.is_held() { Ok(()) } else { Err(lost()) }
    }

    /// Does this work as long as the lock is held; it is dropped where it stands when the lock is lost.
    pub async fn holding<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let is_lost = async {
            while self.is_held() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::select! {
            done = work => done,
            () = is_lost => Err(lost()),
        }
    }
}

/// Waits until no server process works for a runner that is gone.
async fn outlive_workers(connection: &Connection) -> Result<()> {
    let begun = Instant::now();
    loop {
        let free: bool = connection
            .query_one("SELECT pg_catalog.pg_try_advisory_lock($1)", &[&WORKER_KEY])
            .await?
            .try_get(0)?;
        if free {
            connection.query_one("SELECT pg_catalog.pg_advisory_unlock($1)", &[&WORKER_KEY]).await?;
            return Ok(());
        }
        if begun.elapsed() >= WORKER_PATIENCE {
            let holder = holder(connection, WORKER_KEY).await?.unwrap_or_default();
            return Err(Error::new(
                ErrorKind::Busy,
                format!("a statement of a command that was killed is still running: {holder}"),
            )
            .with_hint("wait for it, or end it: SELECT pg_terminate_backend(pid)"));
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

fn lost() -> Error {
    Error::new(
        ErrorKind::Busy,
        "the connection that holds the lock of this command was lost, so that another command may be at work",
    )
    .with_hint("check the server, then run the same command again to go on")
}

fn busy(holder: Option<String>) -> Error {
    let holder = holder.unwrap_or_else(|| "another session".to_owned());
    Error::new(ErrorKind::Busy, format!("another edition command is at work on this database: {holder}"))
        .with_hint("wait for it to end and run the same command again; if it hangs, end it by its pid on its machine")
}

/// Who holds the lock with this key, for people. `None` if it was released in between.
async fn holder(connection: &Connection, key: i64) -> Result<Option<String>> {
    // An advisory lock on one bigint shows its halves as classid and objid, and objsubid 1.
    let row = connection
        .query_opt(
            "SELECT l.pid, a.application_name, a.usename::text, a.client_addr::text, \
                    to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') \
             FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
               AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) \
               AND (l.classid::bigint << 32) | l.objid::bigint = $1",
            &[&key],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let pid: i32 = row.try_get(0)?;
    let mut parts = vec![format!("pid {pid}")];
    let labelled = [("", 1), ("user ", 2), ("from ", 3), ("since ", 4)];
    for (label, column) in labelled {
        if let Some(value) = row.try_get::<_, Option<String>>(column)?.filter(|value| !value.is_empty()) {
            parts.push(format!("{label}{value}"));
        }
    }
    Ok(Some(parts.join(", ")))
}
