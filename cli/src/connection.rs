//! From the command line and the environment to a [`Target`]: the rules are libpq's, as far as they go here.

use std::{env, time::Duration};

use catalog::{Error, ErrorKind, Result, target::Target};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::{arguments::Global, pgpass};

/// The target that the options and PG* variables name.
pub(crate) fn target(global: &Global) -> Result<Target> {
    let url = global
        .database_url
        .clone()
        .or_else(|| variable("EDITION_DATABASE_URL"))
        .or_else(|| variable("DATABASE_URL"));
    let config = complete(parse(url.as_deref().unwrap_or_default(), "--database-url")?)?;
    let blueprints = match &global.blueprint_url {
        Some(url) => Some(complete(parse(url, "--blueprint-url")?)?),
        None => None,
    };
    Target::new(config, blueprints)
}

/// Parses a connection string; an error never repeats it, for it may hold a password.
fn parse(text: &str, option: &str) -> Result<Config> {
    text.parse().map_err(|error: tokio_postgres::Error| {
        let detail = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Error::new(ErrorKind::Usage, format!("{option} is not a connection string: {detail}"))
            .with_hint("for example postgres://user@host:5432/database, or host=… dbname=…")
    })
}

/// Fills what the connection string leaves open.
fn complete(mut config: Config) -> Result<Config> {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host(variable("PGHOST").unwrap_or_else(default_host));
    }
    if config.get_ports().is_empty() {
        let port = variable("PGPORT").map_or(Ok(5432), |text| {
            text.parse()
                .map_err(|_| Error::new(ErrorKind::Usage, format!("PGPORT is not a port number: \"{text}\"")))
        })?;
        config.port(port);
    }
    if config.get_user().is_none() {
        let user = variable("PGUSER").or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
        config.user(user.ok_or_else(|| {
            Error::new(ErrorKind::Usage, "no user given")
                .with_hint("set PGUSER, or name one in --database-url")
        })?);
    }
    if config.get_dbname().is_none()
        && let Some(database) = variable("PGDATABASE").or_else(|| config.get_user().map(str::to_owned))
    {
        config.dbname(database);
    }
    if config.get_password().is_none()
        && let Some(password) = variable("PGPASSWORD").or_else(|| pgpass::look_up(&config))
    {
        config.password(password);
    }
    if matches!(variable("PGSSLMODE").as_deref(), Some("require" | "verify-ca" | "verify-full")) {
        config.ssl_mode(SslMode::Require);
    }
    if config.get_connect_timeout().is_none()
        && let Some(seconds) = variable("PGCONNECT_TIMEOUT").and_then(|text| text.parse().ok())
    {
        config.connect_timeout(Duration::from_secs(seconds));
    }
    Ok(config)
}

/// A variable that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Like libpq: the socket folder of the distribution, or else TCP.
fn default_host() -> String {
    ["/var/run/postgresql", "/tmp"]
        .into_iter()
        .find(|folder| std::path::Path::new(folder).join(".s.PGSQL.5432").exists())
        .unwrap_or("localhost")
        .to_owned()
}

/// The first host as text, for strings that people paste.
pub(crate) fn host_text(config: &Config) -> String {
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config.get_hostaddrs().first().map_or_else(|| "localhost".to_owned(), ToString::to_string),
    }
}

/// The first port.
pub(crate) fn port(config: &Config) -> u16 {
    config.get_ports().first().copied().unwrap_or(5432)
}
