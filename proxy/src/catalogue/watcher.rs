//! One database's watcher: finds out whether the database is adopted, then holds the lease, takes up each new
//! epoch and tells the catalogue.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use catalog::snapshot::Snapshot;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Database, Reading, Standing,
    control::{Connection, Failure, in_time},
    lease::{self, Reported},
};
use crate::{listen::Workers, settings::Settings};

/// How long "this database has no catalogue" is believed.
const PLAIN_BELIEVED: Duration = Duration::from_secs(1);
/// How long a failure is answered to further sessions before the database is tried again.
const FAILURE_BELIEVED: Duration = Duration::from_millis(500);
/// Longest pause between attempts to reach an adopted database again.
const BACK_OFF_MAX: Duration = Duration::from_secs(2);

/// How this proxy is known in catalogues.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// A random UUID.
    pub(crate) id: String,
    /// Where it listens.
    pub(crate) address: String,
    /// Its version.
    pub(crate) version: String,
}

pub(super) struct Watcher<'a> {
    pub(super) database: String,
    pub(super) settings: &'a ArcSwap<Settings>,
    pub(super) identity: &'a Identity,
    pub(super) workers: &'a Workers,
    pub(super) standing: &'a watch::Sender<Standing>,
    pub(super) stop: &'a CancellationToken,
}

impl Watcher<'_> {
    /// Watches until told to stop, or until the database turns out to have no catalogue and nobody need
    /// remember that any longer.
    pub(super) async fn run(self) {
        let mut adopted: Option<Arc<Database>> = None;
        let mut attempts = 0_u32;
        loop {
            let Err(failure) = self.watch_once(&mut adopted, &mut attempts).await else { return };
            if let Some(database) = &adopted {
                database.use_control(None);
            }
            let believed = if failure.says_not_adopted() {
                tracing::debug!(database = self.database, "not adopted");
                adopted = None;
                self.standing.send_replace(Standing::Plain);
                PLAIN_BELIEVED
            } else {
                tracing::warn!(database = self.database, error = %failure, "cannot read the catalogue");
                if adopted.is_some() {
                    // Sessions go by the lease, which may outlast a short interruption.
                    back_off(attempts)
                } else {
                    self.standing.send_replace(Standing::Unreachable(failure.to_string()));
                    FAILURE_BELIEVED
                }
            };
            attempts += 1;
            tokio::select! {
                () = sleep(believed) => {}
                () = self.stop.cancelled() => return,
            }
            if adopted.is_none() {
                return;
            }
        }
    }

    /// Connects and serves until something fails. `Ok` only when told to stop.
    async fn watch_once(
        &self,
        adopted: &mut Option<Arc<Database>>,
        attempts: &mut u32,
    ) -> Result<(), Failure> {
        let settings = self.settings.load_full();
        let connection = tokio::select! {
            opened = Connection::open(&settings, &self.database) => opened?,
            () = self.stop.cancelled() => return Ok(()),
        };
        if !connection.is_adopted().await? {
            return Err(Failure::NotAdopted);
        }
        in_time(connection.client.batch_execute("LISTEN edition")).await?;
        let mut holder = Holder {
            watcher: self,
            settings: &settings,
            connection: &connection,
            reported: Reported::default(),
            acked: None,
        };
        let database = tokio::select! {
            begun = holder.begin(adopted.clone()) => begun?,
            () = self.stop.cancelled() => return Ok(()),
        };
        *adopted = Some(database.clone());
        *attempts = 0;
        self.standing.send_replace(Standing::Adopted(database.clone()));
        holder.hold(&database).await
    }
}

fn back_off(attempts: u32) -> Duration {
    let doubled = Duration::from_millis(50).saturating_mul(1 << attempts.min(6));
    doubled.min(BACK_OFF_MAX).mul_f64(rand::random_range(0.5..1.0))
}

/// Holds the lease over one control connection.
struct Holder<'a> {
    watcher: &'a Watcher<'a>,
    settings: &'a Settings,
    connection: &'a Connection,
    reported: Reported,
    /// The reading and the state of the sessions that the catalogue was last told of.
    acked: Option<(u64, u64)>,
}

impl Holder<'_> {
    /// Starts from nothing: what an earlier connection read counts for nothing, and what it reported is brought up to date.
    async fn begin(&mut self, known: Option<Arc<Database>>) -> Result<Arc<Database>, Failure> {
        let client = &self.connection.client;
        let (mut renewed, reported) = lease::renew_from_nothing(client, self.watcher.identity).await?;
        self.reported = reported;
        let snapshot = self.read(None).await?;
        if snapshot.editions.is_empty() {
            return Err(Failure::NotAdopted);
        }
        // A long reading has used it up.
        if renewed.until <= std::time::Instant::now() {
            renewed = lease::renew(client, self.watcher.identity).await?;
        }
        let reading = Reading::new(Arc::new(snapshot), renewed.drains);
        let database = match known {
            Some(database) => {
                database.publish(reading);
                database
            }
            None => Arc::new(Database::new(&self.watcher.database, reading)),
        };
        // From here on sessions may start: whoever sees the acknowledgement must find them served.
        database.lease_until(renewed.until);
        database.use_control(Some(client.clone()));
        self.acknowledge(&database).await?;
        tracing::info!(database = database.name(), epoch = %database.reading().snapshot.epoch, "catalogue read");
        Ok(database)
    }

    async fn hold(&mut self, database: &Arc<Database>) -> Result<(), Failure> {
        let mut next = Instant::now() + lease::RENEWED;
        loop {
            tokio::select! {
                biased;
                () = self.watcher.stop.cancelled() => {
                    return lease::leave(&self.connection.client, self.watcher.identity).await;
                }
                () = self.connection.bell.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
            next = Instant::now() + lease::RENEWED;
            let stop = self.watcher.stop;
            tokio::select! {
                renewed = self.renew(database) => renewed?,
                () = stop.cancelled() => {}
            }
        }
    }

    async fn renew(&mut self, database: &Arc<Database>) -> Result<(), Failure> {
        let client = &self.connection.client;
        let renewed = lease::renew(client, self.watcher.identity).await?;
        let known = database.reading();
        if renewed.acknowledged < known.snapshot.epoch {
            tracing::warn!(
                database = database.name(),
                "the catalogue had forgotten this proxy: telling it anew"
            );
            (self.acked, self.reported) = (None, Reported::default());
        }
        if renewed.epoch != known.snapshot.epoch {
            let snapshot = self.read(Some(database)).await?;
            tracing::info!(database = database.name(), epoch = %snapshot.epoch, "catalogue changed");
            database.publish(Reading::new(Arc::new(snapshot), renewed.drains));
        } else if renewed.drains != known.drains {
            database.publish(Reading::new(known.snapshot.clone(), renewed.drains));
        }
        database.lease_until(renewed.until);
        self.acknowledge(database).await
    }

    /// Reads the catalogue. Where that takes long, a second connection keeps the lease meanwhile, and answers to logins: sessions go on by
    /// what is known, and whoever has changed the catalogue waits for our acknowledgement. `database`: what new sessions may go by until then.
    async fn read(&self, database: Option<&Arc<Database>>) -> Result<Snapshot, Failure> {
        let mut reading = pin!(self.connection.read());
        if let Ok(read) = timeout(lease::RENEWED, &mut reading).await {
            return read;
        }
        tracing::warn!(database = self.watcher.database, "the catalogue takes long to read");
        let relief = tokio::select! {
            read = &mut reading => return read,
            opened = Connection::open(self.settings, &self.watcher.database) => match opened {
                Ok(relief) => relief,
                Err(error) => {
                    tracing::warn!(database = self.watcher.database, %error, "no second connection to keep the lease meanwhile");
                    return reading.await;
                }
            },
        };
        if let Some(database) = database {
            database.use_control(Some(relief.client.clone()));
        }
        let read = tokio::select! {
            read = &mut reading => read,
            Err(failure) = self.keep_lease(&relief, database) => Err(failure),
        };
        if let Some(database) = database {
            database.use_control(Some(self.connection.client.clone()));
        }
        read
    }

    /// Renews the lease over `relief` until that fails. New sessions are taken only as long as there was no gap.
    async fn keep_lease(
        &self,
        relief: &Connection,
        database: Option<&Arc<Database>>,
    ) -> Result<Infallible, Failure> {
        loop {
            let renewed = lease::renew(&relief.client, self.watcher.identity).await?;
            if let Some(database) = database.filter(|database| database.lease_is_valid()) {
                database.lease_until(renewed.until);
            }
            sleep(lease::RENEWED).await;
        }
    }

    /// Tells the catalogue the epoch and the sessions, if it does not know them yet. Asking the workers is also
    /// the barrier: when they have answered, every message that a session reads from now on is judged by the
    /// new reading, and those that were judged before have reached their meaning in the server.
    async fn acknowledge(&mut self, database: &Arc<Database>) -> Result<(), Failure> {
        let state = (database.generation(), database.sessions_version());
        if self.acked == Some(state) {
            return Ok(());
        }
        let epoch = database.reading().snapshot.epoch;
        if self.acked.is_none_or(|(generation, _)| generation != state.0) {
            in_time(async {
                self.watcher.workers.settle(database).await;
                Ok::<_, Failure>(())
            })
            .await?;
        }
        let sessions =
            in_time(async { Ok::<_, Failure>(self.watcher.workers.report(database).await) }).await?;
        self.reported.report(&self.connection.client, self.watcher.identity, epoch, sessions).await?;
        self.acked = Some(state);
        Ok(())
    }
}
