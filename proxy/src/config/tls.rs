//! TLS: to clients, and to the server.

use std::path::PathBuf;

use catalog::tls::Mode;
use clap::Args;
use serde::Deserialize;

use super::{Config, ConfigError};

/// TLS to clients. Without it a client that asks for TLS is told no, and goes on in clear if its `sslmode` allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    /// Our certificate (PEM, with what leads to its root).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
    /// The authorities (PEM) that certify clients.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must show a certificate.
    pub client_certificate: ClientCertificate,
    /// The oldest version of TLS that is spoken.
    pub min_version: TlsVersion,
    /// Sessions in clear are refused, except over unix sockets.
    pub required: bool,
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificate {
    /// They are not asked for one.
    Off,
    /// One that is shown must be certified.
    Optional,
    /// No handshake without one. The default where there is a client CA.
    #[default]
    Required,
}

/// A version of TLS; nothing older is spoken at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2, PostgreSQL's own default.
    #[default]
    #[serde(rename = "1.2")]
    #[value(name = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    #[value(name = "1.3")]
    Tls13,
}

/// The file's table `[tls]` and the flags of the same names.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[command(next_help_heading = "TLS to clients")]
#[serde(deny_unknown_fields)]
pub(super) struct ClientTlsOptions {
    /// Certificate shown to clients (PEM with its chain); turns TLS on
    #[arg(id = "tls-certificate", long, value_name = "FILE", env = "EDITIOND_TLS_CERTIFICATE")]
    certificate: Option<PathBuf>,
    /// Its key (PEM) [default: the certificate's file]
    #[arg(id = "tls-key", long, value_name = "FILE", env = "EDITIOND_TLS_KEY")]
    key: Option<PathBuf>,
    /// Authorities that certify clients (PEM)
    #[arg(id = "tls-client-ca", long, value_name = "FILE", env = "EDITIOND_TLS_CLIENT_CA")]
    client_ca: Option<PathBuf>,
    /// Whether clients must show a certificate [default: required if there is a client CA]
    #[arg(id = "tls-client-certificate", long, value_name = "WHEN", env = "EDITIOND_TLS_CLIENT_CERTIFICATE")]
    client_certificate: Option<ClientCertificate>,
    /// The oldest TLS version spoken [default: 1.2]
    #[arg(id = "tls-min-version", long, value_name = "VERSION", env = "EDITIOND_TLS_MIN_VERSION")]
    min_version: Option<TlsVersion>,
    /// Refuse sessions without TLS, except over unix sockets [default: false]
    #[arg(id = "tls-required", long, value_name = "BOOL", env = "EDITIOND_TLS_REQUIRED", num_args = 0..=1, default_missing_value = "true")]
    required: Option<bool>,
}

/// The file's table `[server_tls]` and the flags of the same names.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[command(next_help_heading = "TLS to the server")]
#[serde(deny_unknown_fields)]
pub(super) struct ServerTlsOptions {
    /// As libpq's sslmode: disable, prefer, require, verify-ca, verify-full [default: prefer]
    #[arg(id = "server-tls", long, value_name = "MODE", env = "EDITIOND_SERVER_TLS", value_parser = str::parse::<Mode>)]
    #[serde(default, deserialize_with = "mode")]
    mode: Option<Mode>,
    /// Authorities that certify the server (PEM)
    #[arg(id = "server-tls-root", long, value_name = "FILE", env = "EDITIOND_SERVER_TLS_ROOT")]
    root_certificate: Option<PathBuf>,
    /// Certificate shown to the server (PEM with its chain)
    #[arg(id = "server-tls-certificate", long, value_name = "FILE", env = "EDITIOND_SERVER_TLS_CERTIFICATE")]
    certificate: Option<PathBuf>,
    /// Its key (PEM) [default: the certificate's file]
    #[arg(id = "server-tls-key", long, value_name = "FILE", env = "EDITIOND_SERVER_TLS_KEY")]
    key: Option<PathBuf>,
}

fn mode<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Mode>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

impl ClientTlsOptions {
    /// What these leave open, `others` decide.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            certificate: self.certificate.or(others.certificate),
            key: self.key.or(others.key),
            client_ca: self.client_ca.or(others.client_ca),
            client_certificate: self.client_certificate.or(others.client_certificate),
            min_version: self.min_version.or(others.min_version),
            required: self.required.or(others.required),
        }
    }

    /// Makes of the options what the proxy is told. Options that would be without effect are refused: whoever asks
    /// for TLS and mistypes must not get a proxy that speaks in clear.
    pub(super) fn decide(self) -> Result<Option<ClientTls>, ConfigError> {
        let needs = |option: &'static str, other: &'static str| Err(ConfigError::Needs(option, other));
        let Some(certificate) = self.certificate else {
            let stray = [
                (self.key.is_some(), "tls-key"),
                (self.client_ca.is_some(), "tls-client-ca"),
                (self.client_certificate.is_some(), "tls-client-certificate"),
                (self.min_version.is_some(), "tls-min-version"),
                (self.required == Some(true), "tls-required"),
            ];
            return match stray.into_iter().find(|(given, _)| *given) {
                Some((_, option)) => needs(option, "tls-certificate"),
                None => Ok(None),
            };
        };
        let client_certificate = match (&self.client_ca, self.client_certificate) {
            (None, Some(ClientCertificate::Optional | ClientCertificate::Required)) => {
                return needs("tls-client-certificate", "tls-client-ca");
            }
            (None, _) => ClientCertificate::Off,
            (Some(_), given) => given.unwrap_or_default(),
        };
        Ok(Some(ClientTls {
            key: self.key.unwrap_or_else(|| certificate.clone()),
            certificate,
            client_ca: self.client_ca,
            client_certificate,
            min_version: self.min_version.unwrap_or_default(),
            required: self.required.unwrap_or_default(),
        }))
    }
}

impl ServerTlsOptions {
    /// Lays what is given over `config`.
    pub(super) fn apply(self, config: &mut Config) {
        let settings = &mut config.server_tls;
        settings.mode = self.mode.unwrap_or(settings.mode);
        settings.root_certificate = self.root_certificate.or(settings.root_certificate.take());
        settings.certificate = self.certificate.or(settings.certificate.take());
        settings.key = self.key.or(settings.key.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_would_be_without_effect_is_refused() {
        let options = |text: &str| toml::from_str::<ClientTlsOptions>(text).unwrap().decide();
        let fails = |text: &str| options(text).unwrap_err().to_string();
        assert!(options("").unwrap().is_none());
        assert_eq!(fails("required = true"), "tls-required needs tls-certificate");
        assert_eq!(fails("key = \"k\""), "tls-key needs tls-certificate");
        assert_eq!(
            fails("certificate = \"c\"\nclient_certificate = \"optional\""),
            "tls-client-certificate needs tls-client-ca"
        );
    }

    #[test]
    fn a_client_ca_means_that_certificates_are_required() {
        let text = "certificate = \"c\"\nclient_ca = \"ca\"\nmin_version = \"1.3\"";
        let tls = toml::from_str::<ClientTlsOptions>(text).unwrap().decide().unwrap().unwrap();
        assert_eq!(tls.client_certificate, ClientCertificate::Required);
        assert_eq!((tls.key, tls.min_version), ("c".into(), TlsVersion::Tls13));
    }
}
