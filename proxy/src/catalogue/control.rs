//! The control connection: reads the catalogue, hears NOTIFY.

use std::{future::poll_fn, sync::Arc, time::Duration};

use catalog::snapshot::Snapshot;
use tokio::{sync::Notify, task::AbortHandle, time::timeout};
use tokio_postgres::{AsyncMessage, Client, error::SqlState};

use crate::settings::Settings;

/// How long any statement on it may take before the connection counts as lost, but for a reading of the catalogue.
const DEADLINE: Duration = Duration::from_secs(4);
/// How long a reading of the catalogue may take.
const READING_DEADLINE: Duration = Duration::from_secs(60);

/// Settings that keep the application's own out of our statements.
const SETTINGS: &str = "SET search_path = ''; SET client_min_messages = warning; SET statement_timeout = '4s'; \
                        SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET default_transaction_read_only = off; \
                        SET default_transaction_isolation = 'read committed'; SET synchronous_commit = off; SET jit = off";
const SETTINGS_FOR_READING: &str = "SET statement_timeout = '60s'";
const SETTINGS_AFTER_READING: &str = "SET statement_timeout = '4s'";

/// A control connection; its driver ends with this value.
pub(super) struct Connection {
    pub(super) client: Arc<Client>,
    /// Rung when a NOTIFY comes or the connection ends.
    pub(super) bell: Arc<Notify>,
    driver: AbortHandle,
}

/// Why there is no control connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server says that there is no such database.
    #[error("no such database")]
    NoDatabase,
    /// There is one, and it has no catalogue.
    #[error("not adopted")]
    NotAdopted,
    /// The server did not answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// The server said no, or the connection broke.
    #[error("{}", describe(.0))]
    Database(#[from] tokio_postgres::Error),
    /// What is stored is not what we know.
    #[error(transparent)]
    Catalogue(#[from] catalog::Error),
}

impl Failure {
    /// Whether it means that the database has no catalogue (any more).
    pub(super) fn says_not_adopted(&self) -> bool {
        let code = match self {
            Self::NoDatabase | Self::NotAdopted => return true,
            Self::Database(error) => error.code().cloned(),
            Self::Catalogue(error) => error.sqlstate(),
            Self::Silent(_) => None,
        };
        matches!(code, Some(code) if code == SqlState::UNDEFINED_TABLE || code == SqlState::INVALID_SCHEMA_NAME)
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(db), _) => db.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl Connection {
    pub(super) async fn open(settings: &Settings, database: &str) -> Result<Self, Failure> {
        let tls = &settings.control_tls;
        let mut config = settings.control_settings(database);
        tls.apply(&mut config);
        let (client, mut connection) = match timeout(2 * DEADLINE, config.connect(tls.connector())).await {
            Err(_) => return Err(Failure::Silent(2 * DEADLINE)),
            Ok(Err(error)) if error.code() == Some(&SqlState::INVALID_CATALOG_NAME) => {
                return Err(Failure::NoDatabase);
            }
            Ok(connected) => connected?,
        };
        let bell = Arc::new(Notify::new());
        let ring = bell.clone();
        let driver = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if matches!(message, AsyncMessage::Notification(_)) {
                    ring.notify_one();
                }
            }
            ring.notify_one();
        });
        let connection = Self { client: Arc::new(client), bell, driver: driver.abort_handle() };
        in_time(connection.client.batch_execute(SETTINGS)).await?;
        Ok(connection)
    }

    /// Whether the database has a catalogue. A blueprint has a schema of that name too, but no epoch.
    pub(super) async fn is_adopted(&self) -> Result<bool, Failure> {
        let row =
            in_time(self.client.query_one("SELECT pg_catalog.to_regclass('edition.epoch') IS NOT NULL", &[]))
                .await?;
        Ok(row.try_get(0)?)
    }

    /// Reads the catalogue.
    pub(super) async fn read(&self) -> Result<Snapshot, Failure> {
        in_time(self.client.batch_execute(SETTINGS_FOR_READING)).await?;
        let read = timeout(READING_DEADLINE, Snapshot::load(&self.client));
        let snapshot = read.await.map_err(|_| Failure::Silent(READING_DEADLINE))??;
        in_time(self.client.batch_execute(SETTINGS_AFTER_READING)).await?;
        Ok(snapshot)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Waits for a statement, but not for ever.
pub(super) async fn in_time<T, E: Into<Failure>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    timeout(DEADLINE, work).await.map_err(|_| Failure::Silent(DEADLINE))?.map_err(Into::into)
}
