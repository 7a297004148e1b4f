//! The database under management, and connections to it and to its blueprints.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, error::SqlState};

use crate::{
    error::{Error, ErrorKind, Result},
    model::Name,
};

/// Where the live database is and where blueprints are made.
#[derive(Clone, Debug)]
pub struct Target {
    config: Config,
    blueprint_server: Option<Config>,
    database: String,
}

impl Target {
    /// Wraps a parsed connection string. The database name must be known (it names the blueprints).
    pub fn new(mut config: Config, mut blueprint_server: Option<Config>) -> Result<Self> {
        let database =
            config.get_dbname().or_else(|| config.get_user()).map(str::to_owned).ok_or_else(|| {
                Error::refused("no database given")
                    .with_hint("pass --database-url or set PGDATABASE and PGUSER")
            })?;
        config.dbname(&database);
        config.application_name("edition");
        if let Some(server) = &mut blueprint_server {
            server.application_name("edition");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        Ok(Self { config, blueprint_server, database })
    }

    /// The live database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Connection settings of the live database, for child processes such as `pg_dump`.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Connection settings of a blueprint database.
    pub fn blueprint_config(&self, blueprint: &str) -> Config {
        let mut config = self.blueprint_server.clone().unwrap_or_else(|| self.config.clone());
        config.dbname(blueprint);
        config
    }

    /// Connects to the live database.
    pub async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.config).await
    }

    /// Connects to where CREATE DATABASE and DROP DATABASE for blueprints are run.
    pub async fn connect_maintenance(&self) -> Result<Connection> {
        match &self.blueprint_server {
            None => Connection::open(&self.config).await,
            Some(server) => {
                let mut config = server.clone();
                if config.get_dbname().is_none() {
                    config.dbname("postgres");
                }
                Connection::open(&config).await
            }
        }
    }

    /// Connects to a blueprint.
    pub async fn connect_blueprint(&self, blueprint: &Name) -> Result<Connection> {
        Connection::open(&self.blueprint_config(blueprint.as_str())).await.map_err(|error| {
            if error.sqlstate() != Some(&SqlState::UNDEFINED_DATABASE) {
                return error;
            }
            let name = blueprint.as_str();
            let edition = name.rsplit_once('$').map_or("NAME", |(_, edition)| edition);
            Error::refused(format!("the blueprint database \"{name}\" is gone")).with_hint(format!(
                "for a draft: edition create {edition} makes it anew, then run its migrations again; for a live edition: restore that database"
            ))
        })
    }
}

/// A client and the task that drives it; the task ends with this value.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Connects, and sets what all our sessions need: an empty search_path, so that no name of the application is ever
    /// met by accident, fixed output formats, and a server process that ends soon after we were killed.
    pub async fn open(config: &Config) -> Result<Self> {
        let (client, connection) = config.connect(NoTls).await.map_err(|error| {
            let place = config.get_dbname().unwrap_or_default().to_owned();
            let reason = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
            Error::new(ErrorKind::Database, format!("cannot connect to database \"{place}\": {reason}"))
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
        let connection = Self { client, driver };
        connection
            .batch_execute(
                "SET search_path = ''; SET client_min_messages = warning; SET DateStyle = ISO; SET IntervalStyle = postgres; \
                 SET standard_conforming_strings = on; SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; \
                 SET default_transaction_isolation = 'read committed'; SET client_connection_check_interval = '1s'",
            )
            .await?;
        Ok(connection)
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
