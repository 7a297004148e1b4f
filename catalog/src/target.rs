//! The database under management, and connections to it and to its blueprints.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OnceCell, task::JoinHandle};
use tokio_postgres::{
    Client, Config,
    config::{Host, SslMode},
    error::SqlState,
};

use crate::{
    blueprint::SchemaReader,
    error::{Error, ErrorKind, Result},
    model::Name,
    tls::Tls,
};

/// Where the live database is and where blueprints are made.
#[derive(Clone, Debug)]
pub struct Target {
    config: Config,
    tls: Tls,
    blueprint_server: Option<(Config, Tls)>,
    database: String,
}

impl Target {
    /// Wraps a parsed connection string. The database name must be known (it names the blueprints). TLS goes by the
    /// string's `sslmode`, without a proof of who the server is.
    pub fn new(config: Config, blueprint_server: Option<Config>) -> Result<Self> {
        let with_tls = |config: Config| {
            let tls = tls_of(&config);
            (config, tls)
        };
        Self::with_tls(with_tls(config), blueprint_server.map(with_tls))
    }

    /// As [`Target::new`], with what is to be done about TLS.
    pub fn with_tls(
        (mut config, tls): (Config, Tls),
        mut blueprint_server: Option<(Config, Tls)>,
    ) -> Result<Self> {
        let database =
            config.get_dbname().or_else(|| config.get_user()).map(str::to_owned).ok_or_else(|| {
                Error::refused("no database given")
                    .with_hint("pass --database-url or set PGDATABASE and PGUSER")
            })?;
        config.dbname(&database);
        config.application_name("edition");
        tls.apply(&mut config);
        if let Some((server, tls)) = &mut blueprint_server {
            server.application_name("edition");
            tls.apply(server);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        Ok(Self { config, tls, blueprint_server, database })
    }

    /// The live database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Connection settings of the live database, for child processes such as `pg_dump`.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// TLS to the live database's server.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Connection settings of a blueprint database.
    pub fn blueprint_config(&self, blueprint: &str) -> Config {
        let mut config =
            self.blueprint_server.as_ref().map_or_else(|| self.config.clone(), |(config, _)| config.clone());
        config.dbname(blueprint);
        config
    }

    /// TLS to the blueprints' server.
    pub fn blueprint_tls(&self) -> &Tls {
        self.blueprint_server.as_ref().map_or(&self.tls, |(_, tls)| tls)
    }

    /// Connects to the live database.
    pub async fn connect(&self) -> Result<Connection> {
        Connection::open_over(&self.config, &self.tls).await
    }

    /// Connects to where CREATE DATABASE and DROP DATABASE for blueprints are run.
    pub async fn connect_maintenance(&self) -> Result<Connection> {
        match &self.blueprint_server {
            None => Connection::open_over(&self.config, &self.tls).await,
            Some((server, tls)) => {
                let mut config = server.clone();
                if config.get_dbname().is_none() {
                    config.dbname("postgres");
                }
                Connection::open_over(&config, tls).await.map_err(of_blueprint_server)
            }
        }
    }

    /// Connects to a blueprint.
    pub async fn connect_blueprint(&self, blueprint: &Name) -> Result<Connection> {
        Connection::open_over(&self.blueprint_config(blueprint.as_str()), self.blueprint_tls()).await.map_err(|error| {
            if error.sqlstate() != Some(SqlState::UNDEFINED_DATABASE) {
                return if self.blueprint_server.is_some() { of_blueprint_server(error) } else { error };
            }
            let name = blueprint.as_str();
            let edition = name.rsplit_once('$').map_or("NAME", |(_, edition)| edition);
            Error::refused(format!("the blueprint database \"{name}\" is gone")).with_hint(format!(
                "for a draft: edition create {edition} makes it anew, then run its migrations again; for a live edition: restore that database"
            ))
        })
    }
}

fn of_blueprint_server(error: Error) -> Error {
    error.with_hint("check --blueprint-url (or EDITION_BLUEPRINT_URL) and that the server is up")
}

/// `"app" at db.example:5432`, the first address of several.
fn place(config: &Config) -> String {
    let host = match (config.get_hosts().first(), config.get_hostaddrs().first()) {
        // An @ that a password should have had escaped makes the rest of the password a part of the host.
        (Some(Host::Tcp(host)), _) => host.rsplit('@').next().unwrap_or_default().to_owned(),
        (Some(Host::Unix(folder)), _) => folder.display().to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("\"{}\" at {host}:{port}", config.get_dbname().unwrap_or_default())
}

/// What the settings alone say of TLS.
fn tls_of(config: &Config) -> Tls {
    Tls::unverified(config.get_ssl_mode() == SslMode::Require)
}

/// A client and the task that drives it; the task ends with this value.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    reader: OnceCell<Arc<SchemaReader>>,
}

impl Connection {
    /// Connects, and sets what all our sessions need: an empty search_path, so that no name of the application is ever
    /// met by accident, fixed output formats, and a server process that ends soon after we were killed.
    ///
    /// TLS goes by the settings' `ssl_mode`, without a proof of who the server is; see [`Connection::open_over`].
    pub async fn open(config: &Config) -> Result<Self> {
        Self::open_over(config, &tls_of(config)).await
    }

    /// As [`Connection::open`], with what is to be done about TLS; `config` has been told by [`Tls::apply`].
    pub async fn open_over(config: &Config, tls: &Tls) -> Result<Self> {
        let (client, connection) = config.connect(tls.connector()).await.map_err(|error| {
            let reason = match (error.as_db_error(), std::error::Error::source(&error)) {
                (Some(db), _) => db.message().to_owned(),
                (None, Some(source)) => format!("{error}: {source}"),
                (None, None) => error.to_string(),
            };
            Error::new(ErrorKind::Database, format!("cannot connect to database {}: {reason}", place(config)))
                .with_hint(
                    "check --database-url (or PGHOST, PGPORT, PGUSER, PGDATABASE) and that the server is up",
                )
                .with_source(error)
        })?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        let connection = Self { client, driver, reader: OnceCell::new() };
        // What we ask of the catalogues looks costlier to the planner than it is: compiling it would take seconds.
        connection
            .batch_execute(
                "SET search_path = ''; SET client_min_messages = warning; SET DateStyle = ISO; SET IntervalStyle = postgres; \
                 SET standard_conforming_strings = on; SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; \
                 SET default_transaction_isolation = 'read committed'; SET client_connection_check_interval = '1s'; SET jit = off; \
                 SET idle_session_timeout = 0; \
                 SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'",
            )
            .await?;
        Ok(connection)
    }

    /// The prepared queries of a reading of the schema.
    pub async fn schema_reader(&self) -> Result<Arc<SchemaReader>> {
        let prepare = || async { Box::pin(SchemaReader::prepare(&self.client)).await.map(Arc::new) };
        self.reader.get_or_try_init(prepare).await.cloned()
    }
}

impl std::ops::Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl std::ops::DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
