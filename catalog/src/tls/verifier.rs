//! Whether a server is who it should be, as libpq's modes have it.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Checks that the server holds its certificate's key; and, by mode, that an authority vouches for it and for its
/// name.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    roots: Option<Roots>,
    checks_name: bool,
}

#[derive(Debug)]
struct Roots {
    store: RootCertStore,
    /// As they were given: one that certifies itself may also be the server's own.
    given: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Takes any certificate.
    pub(super) fn of_nothing() -> Self {
        Self { provider: super::provider(), roots: None, checks_name: false }
    }

    /// Takes what these authorities certify.
    pub(super) fn by(roots: &[CertificateDer<'static>], checks_name: bool) -> Result<Self, Error> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.clone())?;
        }
        let roots = Roots { store, given: roots.to_vec() };
        Ok(Self { provider: super::provider(), roots: Some(roots), checks_name })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let verified = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &roots.store,
            intermediates,
            now,
            algorithms,
        );
        match verified {
            // What `openssl req -x509` makes is an authority and the server at once, which the rules for chains forbid:
            // here it is the very certificate that the operator gave. Its time was looked at before.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if roots.given.iter().any(|root| root == end_entity) => {}
            other => other?,
        }
        if self.checks_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
