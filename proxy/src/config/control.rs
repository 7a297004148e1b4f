//! The role by which the proxy reads the catalogue of each database.

use std::{fmt, path::Path, time::Duration};

use catalog::tls::{Parameters, Settings};
use tokio_postgres::config::TargetSessionAttrs;

use super::{Address, Config, ConfigError};

/// How long connecting to the catalogue may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Connection settings without a database: the client's database is put in. Its `Debug` shows no password.
#[derive(Clone, Default)]
pub struct Control {
    settings: Option<tokio_postgres::Config>,
    /// What the connection string says of TLS.
    tls: Parameters,
}

impl Control {
    /// Uses these settings; their database name is ignored.
    pub fn new(settings: tokio_postgres::Config) -> Self {
        Self { settings: Some(settings), tls: Parameters::default() }
    }

    /// Reads a connection string; what it leaves out comes from the server's address.
    pub fn parse(url: &str) -> Result<Self, ConfigError> {
        let (tls, rest) =
            Parameters::take_from(url).map_err(|error| ConfigError::ControlUrl(error.to_string()))?;
        rest.parse()
            .map(|settings| Self { settings: Some(settings), tls })
            .map_err(|error: tokio_postgres::Error| ConfigError::ControlUrl(error.to_string()))
    }

    /// Sets the role.
    pub fn set_user(&mut self, user: &str) {
        self.settings.get_or_insert_default().user(user);
    }

    /// Sets the password.
    pub fn set_password(&mut self, password: &[u8]) {
        self.settings.get_or_insert_default().password(password);
    }

    /// Reads the password from the first line of a file.
    pub fn read_password(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::PasswordFile { path: path.display().to_string(), source })?;
        self.set_password(text.lines().next().unwrap_or_default().as_bytes());
        Ok(())
    }

    /// Whether a role is known.
    pub(super) fn has_user(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.get_user().is_some())
    }

    /// Whether a password is known.
    pub(super) fn has_password(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.get_password().is_some())
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.settings.as_ref().and_then(tokio_postgres::Config::get_user);
        f.debug_struct("Control").field("user", &user).finish_non_exhaustive()
    }
}

impl Config {
    /// TLS of the control connections: the connection string's, else that of sessions.
    pub(crate) fn control_tls(&self) -> Settings {
        self.control.tls.clone().over(self.server_tls.clone())
    }

    /// How to reach the catalogue of `database`: the control settings, with the servers for what they leave out. Of several
    /// it is the one that takes writes.
    pub(crate) fn control_settings(&self, database: &str) -> tokio_postgres::Config {
        let mut settings = self.control_to(&self.servers, database);
        if settings.get_hosts().len() > 1 {
            settings.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        settings
    }

    /// How the control role reaches one server.
    pub(crate) fn control_settings_at(&self, server: &Address, database: &str) -> tokio_postgres::Config {
        let mut plain = tokio_postgres::Config::new();
        if let Some(known) = &self.control.settings {
            known.get_user().map(|user| plain.user(user));
            known.get_password().map(|password| plain.password(password));
        }
        let config = Self { control: Control::new(plain), ..self.clone() };
        config.control_to(std::slice::from_ref(server), database)
    }

    fn control_to(&self, servers: &[Address], database: &str) -> tokio_postgres::Config {
        let mut settings = self.control.settings.clone().unwrap_or_default();
        if settings.get_hosts().is_empty() && settings.get_hostaddrs().is_empty() {
            for server in servers {
                match server {
                    Address::Tcp { host, port } => {
                        settings.host(host).port(*port);
                    }
                    Address::Unix(path) => {
                        let port =
                            path.extension().and_then(|port| port.to_str()?.parse().ok()).unwrap_or(5432);
                        settings.host_path(path.parent().unwrap_or(path)).port(port);
                    }
                }
            }
        }
        if settings.get_connect_timeout().is_none() {
            settings.connect_timeout(CONNECT_TIMEOUT);
        }
        settings.dbname(database).application_name("editiond");
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let control = Control::parse("postgres://ann:secret@db/app").unwrap();
        assert_eq!(format!("{control:?}"), "Control { user: Some(\"ann\"), .. }");
        let error = Control::parse("postgres://ann:secret@db:port/app").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn the_server_is_the_default_host() {
        let config = Config { servers: vec!["/run/pg:6000".parse().unwrap()], ..Config::default() };
        let settings = config.control_settings("app");
        assert_eq!(settings.get_hosts(), [tokio_postgres::config::Host::Unix("/run/pg".into())]);
        assert_eq!((settings.get_ports(), settings.get_dbname()), (&[6000][..], Some("app")));
    }
}
