//! The command line and the environment.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::Parser;

use super::{
    Address, Config, ConfigError, Control, LogFormat, Replication, SessionAttributes, address, file,
    tls::{ClientTlsOptions, ServerTlsOptions},
};

/// Editions for PostgreSQL: the proxy. Clients connect to it as to PostgreSQL itself and name the edition of the
/// schema that they were written for.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "editiond", version, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Flags {
    /// Configuration file (TOML); flags and environment win over it
    #[arg(long, short, value_name = "FILE", env = "EDITIOND_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where clients connect: host:port or the path of a unix socket (repeatable)
    #[arg(long, value_name = "ADDRESS", env = "EDITIOND_LISTEN", value_delimiter = ',')]
    pub listen: Vec<Address>,
    /// The PostgreSQL server: host:port or a socket folder; several are tried in order (repeatable)
    #[arg(long, value_name = "ADDRESS", env = "EDITIOND_SERVER", value_delimiter = ',')]
    pub server: Vec<Address>,
    /// Which of several servers a session goes to [default: any]
    #[arg(long, value_name = "ATTRS", env = "EDITIOND_TARGET_SESSION_ATTRS")]
    pub target_session_attrs: Option<SessionAttributes>,
    /// What becomes of replication connections [default: refuse]
    #[arg(long, value_name = "WHAT", env = "EDITIOND_REPLICATION")]
    pub replication: Option<Replication>,
    /// Permissions of unix sockets that are listened on [default: 0777]
    #[arg(long, value_name = "OCTAL", env = "EDITIOND_SOCKET_MODE", value_parser = address::permissions)]
    pub socket_mode: Option<u32>,
    /// How to read the catalogue: a connection string, whose database is replaced by each client's
    #[arg(long, value_name = "URL", env = "EDITIOND_CONTROL_URL", hide_env_values = true)]
    pub control_url: Option<String>,
    /// The role that reads the catalogue [default: PGUSER]
    #[arg(long, value_name = "ROLE", env = "EDITIOND_CONTROL_USER")]
    pub control_user: Option<String>,
    /// A file whose first line is that role's password [default: PGPASSWORD]
    #[arg(long, value_name = "FILE", env = "EDITIOND_CONTROL_PASSWORD_FILE")]
    pub control_password_file: Option<PathBuf>,
    /// Threads that carry sessions [default: 1]
    #[arg(long, value_name = "N", env = "EDITIOND_THREADS")]
    pub threads: Option<NonZeroUsize>,
    /// Sessions at a time [default: 10000]
    #[arg(long, value_name = "N", env = "EDITIOND_MAX_SESSIONS")]
    pub max_sessions: Option<usize>,
    /// Connections at a time that have not logged in; the oldest goes when there is one more [default: 1000]
    #[arg(long, value_name = "N", env = "EDITIOND_MAX_LOGINS")]
    pub max_logins: Option<usize>,
    /// How long a login may take [default: 60s]
    #[arg(long, value_name = "TIME", env = "EDITIOND_LOGIN_TIMEOUT", value_parser = humantime::parse_duration)]
    pub login_timeout: Option<Duration>,
    /// How long a client may stand still in the middle of a message, taking or sending nothing; 0s: for ever
    /// [default: 6h]
    #[arg(long, value_name = "TIME", env = "EDITIOND_STALL_TIMEOUT", value_parser = humantime::parse_duration)]
    pub stall_timeout: Option<Duration>,
    /// How long sessions may stay after SIGTERM [default: 60s]
    #[arg(long, value_name = "TIME", env = "EDITIOND_DRAIN_TIMEOUT", value_parser = humantime::parse_duration)]
    pub drain_timeout: Option<Duration>,
    /// How log lines look [default: text]
    #[arg(long, value_name = "FORMAT", env = "EDITIOND_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as editiond=debug [default: RUST_LOG
    /// or info]
    #[arg(long, value_name = "LEVEL", env = "EDITIOND_LOG_LEVEL")]
    pub log_level: Option<String>,
    /// Check the configuration, with the files that it names, and end
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    tls: ClientTlsOptions,
    #[command(flatten)]
    server_tls: ServerTlsOptions,
}

const AFTER_HELP: &str = "\
Signals: SIGTERM drains (no new sessions, ends when the last one leaves), SIGINT stops at once, SIGHUP reads the configuration again.

TLS files are read again at SIGHUP; sessions keep what they have. docs/configuration.md tells all options, and how channel binding
passes through.

Example:
  editiond --listen 127.0.0.1:6432 --server 127.0.0.1:5432 --control-user postgres
  psql 'host=127.0.0.1 port=6432 dbname=app options=--edition=v2'";

impl Flags {
    /// Defaults, then the file, then environment and flags. Reads `PGUSER`, `PGPASSWORD` and `RUST_LOG` for
    /// what none of them says.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        if let Ok(filter) = std::env::var("RUST_LOG") {
            config.log_level = filter;
        }
        let mut tls = self.tls.clone();
        if let Some(path) = &self.config {
            tls = tls.or(file::apply(&mut config, path)?);
        }
        config.client_tls = tls.decide()?;
        self.apply(&mut config)?;
        apply_libpq_environment(&mut config.control);
        config.validate()?;
        Ok(config)
    }

    fn apply(&self, config: &mut Config) -> Result<(), ConfigError> {
        if !self.listen.is_empty() {
            config.listen.clone_from(&self.listen);
        }
        if !self.server.is_empty() {
            config.servers.clone_from(&self.server);
        }
        if let Some(url) = &self.control_url {
            config.control = Control::parse(url)?;
        }
        if let Some(user) = &self.control_user {
            config.control.set_user(user);
        }
        if let Some(path) = &self.control_password_file {
            config.control.read_password(path)?;
        }
        self.server_tls.clone().apply(config);
        config.threads = self.threads.unwrap_or(config.threads);
        config.max_sessions = self.max_sessions.unwrap_or(config.max_sessions);
        config.max_logins = self.max_logins.unwrap_or(config.max_logins);
        config.target_session_attrs = self.target_session_attrs.unwrap_or(config.target_session_attrs);
        config.replication = self.replication.unwrap_or(config.replication);
        config.socket_mode = self.socket_mode.unwrap_or(config.socket_mode);
        config.stall_timeout = self.stall_timeout.unwrap_or(config.stall_timeout);
        config.login_timeout = self.login_timeout.unwrap_or(config.login_timeout);
        config.drain_timeout = self.drain_timeout.unwrap_or(config.drain_timeout);
        config.log_format = self.log_format.unwrap_or(config.log_format);
        if let Some(level) = &self.log_level {
            config.log_level.clone_from(level);
        }
        Ok(())
    }
}

fn apply_libpq_environment(control: &mut Control) {
    if !control.has_user()
        && let Ok(user) = std::env::var("PGUSER").or_else(|_| std::env::var("USER"))
    {
        control.set_user(&user);
    }
    if !control.has_password()
        && let Ok(password) = std::env::var("PGPASSWORD")
    {
        control.set_password(password.as_bytes());
    }
}
