//! Certificates and keys from PEM files.

use std::path::Path;

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use thiserror::Error;

/// A file of TLS cannot be used.
#[derive(Debug, Error)]
#[error("cannot use {what} file \"{path}\": {cause}")]
pub struct FileError {
    what: &'static str,
    path: String,
    cause: String,
}

impl FileError {
    /// For a file that was read, and whose content does not serve.
    pub fn unusable(what: &'static str, path: &Path, cause: &dyn std::fmt::Display) -> Self {
        Self { what, path: path.display().to_string(), cause: cause.to_string() }
    }
}

/// All certificates of a file, of which there must be one at least.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let fault = |cause: &dyn std::fmt::Display| FileError::unusable("certificate", path, cause);
    let text = std::fs::read(path).map_err(|error| fault(&error))?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| fault(&error))?;
    if certificates.is_empty() { Err(fault(&"it holds no certificate (PEM)")) } else { Ok(certificates) }
}

/// The first private key of a file.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let fault = |cause: &dyn std::fmt::Display| FileError::unusable("key", path, cause);
    let text = std::fs::read(path).map_err(|error| fault(&error))?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        rustls_pki_types::pem::Error::NoItemsFound => {
            fault(&"it holds no private key (PEM, not encrypted by a password)")
        }
        other => fault(&other),
    })
}
