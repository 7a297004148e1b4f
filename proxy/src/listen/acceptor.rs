//! TLS to clients: the certificate that we show, and whose certificates we ask for.

use std::sync::Arc;

use catalog::tls::{self, FileError, pem};
use rustls::{
    RootCertStore, ServerConfig,
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::CertificateDer;

use crate::config::{ClientCertificate, ClientTls, TlsVersion};

/// All that a handshake with a client needs.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    config: Arc<ServerConfig>,
    /// The first of the chain that we show.
    certificate: CertificateDer<'static>,
    /// Sessions in clear are refused.
    pub(crate) is_required: bool,
}

impl Acceptor {
    /// Reads the files.
    pub(crate) fn load(tls: &ClientTls) -> Result<Self, FileError> {
        let unusable =
            |cause: &dyn std::fmt::Display| FileError::unusable("certificate", &tls.certificate, cause);
        let chain = pem::certificates(&tls.certificate)?;
        let certificate = chain.first().cloned().ok_or_else(|| unusable(&"it holds no certificate"))?;
        let versions: &[_] = match tls.min_version {
            TlsVersion::Tls12 => &[&rustls::version::TLS12, &rustls::version::TLS13],
            TlsVersion::Tls13 => &[&rustls::version::TLS13],
        };
        let mut config = ServerConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(versions)
            .map_err(|cause| unusable(&cause))?
            .with_client_cert_verifier(verifier(tls)?)
            .with_single_cert(chain, pem::key(&tls.key)?)
            .map_err(|cause| unusable(&cause))?;
        // A client that offers other protocols only is turned away, as PostgreSQL 17 does.
        config.alpn_protocols = vec![tls::ALPN.to_vec()];
        Ok(Self { config: Arc::new(config), certificate, is_required: tls.required })
    }

    /// For a handshake.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// What a client's channel binding is bound to.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }
}

fn verifier(tls: &ClientTls) -> Result<Arc<dyn ClientCertVerifier>, FileError> {
    let Some(path) = tls.client_ca.as_ref().filter(|_| tls.client_certificate != ClientCertificate::Off)
    else {
        return Ok(Arc::new(NoClientAuth));
    };
    let unusable = |cause: &dyn std::fmt::Display| FileError::unusable("client CA", path, cause);
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(path)? {
        roots.add(certificate).map_err(|cause| unusable(&cause))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), tls::provider());
    let builder = match tls.client_certificate {
        ClientCertificate::Optional => builder.allow_unauthenticated(),
        ClientCertificate::Off | ClientCertificate::Required => builder,
    };
    let verifier = builder.build().map_err(|cause| unusable(&cause))?;
    Ok(verifier)
}
