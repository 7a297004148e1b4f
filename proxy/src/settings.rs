//! The configuration together with what was read from the files that it names: made as a whole at the start and at
//! each reload, so that a file that is missing or wrong changes nothing.

use catalog::tls::Tls;

use crate::{Config, ConfigError, listen::Acceptor};

/// What everything inside the proxy goes by.
#[derive(Debug)]
pub(crate) struct Settings {
    config: Config,
    /// TLS to clients.
    pub(crate) client_tls: Option<Acceptor>,
    /// TLS to the servers.
    pub(crate) server_tls: Tls,
    /// TLS of the control connections.
    pub(crate) control_tls: Tls,
}

impl Settings {
    /// Checks the configuration and reads its files.
    pub(crate) fn load(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        let client_tls = config.client_tls.as_ref().map(Acceptor::load).transpose()?;
        let server_tls = Tls::load(config.server_tls.clone())?;
        let control_tls = Tls::load(config.control_tls())?;
        Ok(Self { config, client_tls, server_tls, control_tls })
    }
}

impl std::ops::Deref for Settings {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}
