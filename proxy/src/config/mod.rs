//! What `editiond` can be told. [`Config`] is plain data with the defaults in one place; [`Flags`] (command
//! line and environment) and the file are laid over it in that order: file < environment < flag.

mod address;
mod control;
mod file;
mod flags;
mod servers;
mod tls;

use std::{num::NonZeroUsize, time::Duration};

use thiserror::Error;

pub use address::{Address, AddressError};
pub use control::Control;
pub use flags::Flags;
pub use servers::{Replication, SessionAttributes};
pub use tls::{ClientCertificate, ClientTls, TlsVersion};

/// Everything the proxy can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect. Port 0 takes a free one; [`Proxy::addresses`](crate::Proxy::addresses) says which.
    pub listen: Vec<Address>,
    /// The PostgreSQL server, by one or more ways to reach it; tried in order for each session.
    pub servers: Vec<Address>,
    /// Which of the servers, if they are several.
    pub target_session_attrs: SessionAttributes,
    /// Whether replication connections pass.
    pub replication: Replication,
    /// Permissions of unix sockets that are listened on.
    pub socket_mode: u32,
    /// TLS to clients.
    pub client_tls: Option<ClientTls>,
    /// TLS to the servers, on sessions' connections and on our own.
    pub server_tls: catalog::tls::Settings,
    /// The role that reads the catalogue.
    pub control: Control,
    /// Threads that carry sessions. One is best until it is busy (each further one costs CPU for every
    /// transaction).
    pub threads: NonZeroUsize,
    /// Sessions at a time, over all threads; more are refused with 53300.
    pub max_sessions: usize,
    /// Connections at a time, over all threads, that have not logged in yet. One more, and the oldest of them goes: one that has
    /// not even said what it wants, if there is one.
    pub max_logins: usize,
    /// How long a client may take from connecting to its first ReadyForQuery.
    pub login_timeout: Duration,
    /// How long a client may keep the server waiting in the middle of a message, by taking nothing of what is sent to it or by
    /// sending nothing of what it has begun. Zero: for ever.
    pub stall_timeout: Duration,
    /// How long sessions may stay when the proxy is asked to stop.
    pub drain_timeout: Duration,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged, as a `tracing` filter.
    pub log_level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            servers: Vec::new(),
            target_session_attrs: SessionAttributes::Any,
            replication: Replication::Refuse,
            socket_mode: 0o777,
            client_tls: None,
            server_tls: catalog::tls::Settings::default(),
            control: Control::default(),
            threads: NonZeroUsize::MIN,
            max_sessions: 10_000,
            max_logins: 1_000,
            login_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(6 * 60 * 60),
            drain_timeout: Duration::from_secs(60),
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why a configuration cannot be used. `Display` says what and where; values that may be secret are never in it.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration file \"{path}\": {source}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or a value that is not known.
    #[error("configuration file \"{path}\": {message}")]
    File {
        /// Which file.
        path: String,
        /// In which line, and what was expected.
        message: String,
    },
    /// Nothing to listen on or nowhere to go.
    #[error("no {0} given: pass {1}, set {2}, or write it into the configuration file")]
    Missing(&'static str, &'static str, &'static str),
    /// An address that is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// An option that has no effect without another.
    #[error("{0} needs {1}")]
    Needs(&'static str, &'static str),
    /// TLS to clients cannot be had with these files.
    #[error("TLS to clients: {0}")]
    ClientTls(#[from] catalog::tls::FileError),
    /// TLS to the server cannot be had with these files.
    #[error("TLS to the server: {0}")]
    ServerTls(#[from] catalog::tls::SettingsError),
    /// A control URL that does not parse; the URL itself may hold a password and is not repeated.
    #[error("the control URL is not a PostgreSQL connection string: {0}")]
    ControlUrl(String),
    /// The password file cannot be read.
    #[error("cannot read password file \"{path}\": {source}")]
    PasswordFile {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Config {
    /// Checks what types cannot: that there is something to listen on and somewhere to go.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::Missing("address to listen on", "--listen", "EDITIOND_LISTEN"));
        }
        if self.servers.is_empty() {
            return Err(ConfigError::Missing("server", "--server", "EDITIOND_SERVER"));
        }
        Ok(())
    }
}
