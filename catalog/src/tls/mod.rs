//! TLS to a PostgreSQL server, by libpq's rules: the modes of `sslmode`, the files, and both in connection strings.
//! The library's own connections and the proxy's go by the same.

mod parameters;
pub mod pem;
mod verifier;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use rustls::{ClientConfig, crypto::CryptoProvider};
use thiserror::Error;

pub use parameters::{ParameterError, Parameters};
pub use pem::FileError;
use verifier::Verifier;

/// The name of PostgreSQL's protocol in the TLS handshake (ALPN).
pub const ALPN: &[u8] = b"postgresql";

/// How much TLS is to do for a connection, as libpq's `sslmode` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// None.
    Disable,
    /// Encrypts if the server can; proves nothing.
    #[default]
    Prefer,
    /// Encrypts or fails. With a root certificate the server must also be certified, as libpq has it.
    Require,
    /// The server's certificate must lead to a root certificate.
    VerifyCa,
    /// And it must be made out to the host's name.
    VerifyFull,
}

impl Mode {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not one of the modes.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("\"{0}\" is no TLS mode: disable, prefer, require, verify-ca or verify-full")]
pub struct ModeError(String);

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| ModeError(text.to_owned()))
    }
}

/// What is to be done, and by which files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How much.
    pub mode: Mode,
    /// The authorities (PEM, one or more) that certify servers.
    pub root_certificate: Option<PathBuf>,
    /// Our own certificate (PEM, with what leads to its root), for servers that ask for one.
    pub certificate: Option<PathBuf>,
    /// Its key (PEM); by default in the certificate's file.
    pub key: Option<PathBuf>,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A file is not what it should be.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing to verify by.
    #[error("TLS mode {0} needs a root certificate file to verify the server by")]
    NoRoot(Mode),
    /// A key without a certificate.
    #[error("a TLS key is given without its certificate")]
    KeyAlone,
}

/// Settings with the contents of their files: ready to connect by. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls {
    settings: Arc<Settings>,
    client: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the files.
    pub fn load(settings: Settings) -> Result<Self, SettingsError> {
        let must_verify = matches!(settings.mode, Mode::VerifyCa | Mode::VerifyFull);
        if must_verify && settings.root_certificate.is_none() {
            return Err(SettingsError::NoRoot(settings.mode));
        }
        if settings.key.is_some() && settings.certificate.is_none() {
            return Err(SettingsError::KeyAlone);
        }
        let verifier = match &settings.root_certificate {
            Some(path) if must_verify || settings.mode == Mode::Require => {
                Verifier::by(&pem::certificates(path)?, settings.mode == Mode::VerifyFull)
                    .map_err(|cause| FileError::unusable("root certificate", path, &cause))?
            }
            _ => Verifier::of_nothing(),
        };
        Ok(Self { client: Arc::new(client_config(verifier, &settings)?), settings: Arc::new(settings) })
    }

    /// Without files: `prefer`, or `require` without a proof of who the server is.
    pub fn unverified(required: bool) -> Self {
        let mode = if required { Mode::Require } else { Mode::Prefer };
        let client = config_builder(Verifier::of_nothing()).with_no_client_auth();
        Self::with(Settings { mode, ..Settings::default() }, client)
    }

    fn with(settings: Settings, mut client: ClientConfig) -> Self {
        client.alpn_protocols = vec![ALPN.to_vec()];
        Self { settings: Arc::new(settings), client: Arc::new(client) }
    }

    /// How much.
    pub fn mode(&self) -> Mode {
        self.settings.mode
    }

    /// For a handshake.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.client.clone()
    }

    /// For `tokio_postgres`, whose `ssl_mode` goes with it: see [`Tls::apply`].
    pub fn connector(&self) -> tokio_postgres_rustls::MakeRustlsConnect {
        tokio_postgres_rustls::MakeRustlsConnect::new((*self.client).clone())
    }

    /// Tells `tokio_postgres` whether to ask for TLS at all; what is proved lies in the connector.
    pub fn apply(&self, config: &mut tokio_postgres::Config) {
        use tokio_postgres::config::{Host, SslMode};
        if config.get_hosts().is_empty() {
            // The name that a certificate is asked for, as libpq has it.
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(match self.settings.mode {
            // There is no TLS on unix sockets, whatever the mode.
            _ if is_local => SslMode::Disable,
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
    }

    /// The same for PostgreSQL's own client programs.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let Settings { mode, root_certificate, certificate, key } = &*self.settings;
        let file = |path: &Option<PathBuf>| path.as_deref().map(|path| path.display().to_string());
        [
            ("PGSSLMODE", Some(mode.to_string())),
            ("PGSSLROOTCERT", file(root_certificate)),
            ("PGSSLCERT", file(certificate)),
            ("PGSSLKEY", file(if key.is_some() { key } else { certificate })),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

fn client_config(verifier: Verifier, settings: &Settings) -> Result<ClientConfig, SettingsError> {
    let builder = config_builder(verifier);
    let mut config = match &settings.certificate {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let key_path: &Path = settings.key.as_deref().unwrap_or(path);
            let (chain, key) = (pem::certificates(path)?, pem::key(key_path)?);
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|cause| FileError::unusable("certificate", path, &cause))?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

type NeedsClientAuthentication = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

#[expect(clippy::expect_used, reason = "the provider and the versions are constants that go together")]
fn config_builder(verifier: Verifier) -> NeedsClientAuthentication {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
}

/// The cryptography that all of us use.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_libpqs() {
        for mode in ["disable", "prefer", "require", "verify-ca", "verify-full"] {
            assert_eq!(mode.parse::<Mode>().unwrap().as_str(), mode);
        }
        assert!("allow".parse::<Mode>().is_err());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let fails = |settings| Tls::load(settings).unwrap_err().to_string();
        let verify = Settings { mode: Mode::VerifyFull, ..Settings::default() };
        assert_eq!(
            fails(verify.clone()),
            "TLS mode verify-full needs a root certificate file to verify the server by"
        );
        let absent = Settings { root_certificate: Some("/nowhere/ca.pem".into()), ..verify };
        let message = fails(absent);
        assert!(message.starts_with("cannot use certificate file \"/nowhere/ca.pem\": "), "{message}");
        let lone = Settings { key: Some("/nowhere/key.pem".into()), ..Settings::default() };
        assert_eq!(fails(lone), "a TLS key is given without its certificate");
    }
}
