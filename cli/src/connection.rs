//! From the command line and the environment to a [`Target`]: the rules are libpq's, as far as they go here.

use std::{env, time::Duration};

use catalog::{
    Error, ErrorKind, Result,
    target::Target,
    tls::{Mode, ParameterError, Parameters, Settings, Tls},
};
use tokio_postgres::{Config, config::Host};

use crate::{arguments::Global, pgpass};

/// The target that the options and PG* variables name.
pub(crate) fn target(global: &Global) -> Result<Target> {
    let url = global
        .database_url
        .clone()
        .or_else(|| variable("EDITION_DATABASE_URL"))
        .or_else(|| variable("DATABASE_URL"));
    let database = settings(url.as_deref().unwrap_or_default(), "--database-url")?;
    let blueprints =
        global.blueprint_url.as_deref().map(|url| settings(url, "--blueprint-url")).transpose()?;
    Target::with_tls(database, blueprints)
}

/// What a connection string and PG* variables say.
fn settings(text: &str, option: &str) -> Result<(Config, Tls)> {
    let (tls, rest) = Parameters::take_from(text).map_err(|error| tls_fault(option, &error))?;
    Ok((complete(parse(&rest, option)?)?, load_tls(tls)?))
}

fn tls_fault(place: &str, error: &ParameterError) -> Error {
    Error::new(ErrorKind::Usage, format!("{place}: {error}"))
}

/// Fills what the connection string leaves open about TLS, and reads the files. Like libpq, it looks for the root
/// certificate in `~/.postgresql` if one is needed.
fn load_tls(given: Parameters) -> Result<Tls> {
    let mut parameters = Parameters::default();
    for (variable_name, name) in [
        ("PGSSLMODE", "sslmode"),
        ("PGSSLROOTCERT", "sslrootcert"),
        ("PGSSLCERT", "sslcert"),
        ("PGSSLKEY", "sslkey"),
    ] {
        if let Some(value) = variable(variable_name) {
            parameters.set(name, value).map_err(|error| tls_fault(variable_name, &error))?;
        }
    }
    let mut settings = given.or(parameters).over(Settings::default());
    let verifies = matches!(settings.mode, Mode::VerifyCa | Mode::VerifyFull);
    if verifies && settings.root_certificate.is_none() {
        let usual = variable("HOME").map(|home| std::path::Path::new(&home).join(".postgresql/root.crt"));
        settings.root_certificate = usual.filter(|path| path.exists());
    }
    Tls::load(settings).map_err(|error| {
        Error::new(ErrorKind::Usage, error.to_string()).with_hint(
            "name the file by sslrootcert (sslcert, sslkey) in the connection string, or PGSSLROOTCERT",
        )
    })
}

/// Parses a connection string; an error never repeats it, for it may hold a password.
fn parse(text: &str, option: &str) -> Result<Config> {
    text.parse().map_err(|error: tokio_postgres::Error| {
        let detail = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        // The name of an option that is unknown can be the second word of a password.
        let detail = if detail.starts_with("unknown option") {
            "it has an unknown option (a value with spaces is written in quotes: password='…')"
        } else {
            detail.as_str()
        };
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
