//! An authority and what it certifies, in files.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority of its own. Its files go with it.
pub(crate) struct Authority {
    folder: TempDir,
    params: CertificateParams,
    key: KeyPair,
}

/// A certificate and its key, as files.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // a name of its own: one authority is not to be taken for another with another key
        params.distinguished_name.push(DnType::CommonName, folder.path().display().to_string());
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, params, key }
    }

    /// The authority's own certificate.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A certificate for these host names (or a role), with files of this name.
    pub(crate) fn certify(&self, name: &str, hosts: &[&str]) -> Pair {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let pair = Pair {
            certificate: self.folder.path().join(format!("{name}.pem")),
            key: self.folder.path().join(format!("{name}.key")),
        };
        std::fs::write(&pair.certificate, certificate.pem()).unwrap();
        std::fs::write(&pair.key, key.serialize_pem()).unwrap();
        // libpq takes no key that others may read.
        std::fs::set_permissions(&pair.key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        pair
    }
}

/// One that certifies itself, as `openssl req -x509` makes them.
pub(crate) fn self_certified(folder: &Path) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pair = Pair { certificate: folder.join("self.pem"), key: folder.join("self.key") };
    std::fs::write(&pair.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&pair.key, key.serialize_pem()).unwrap();
    pair
}
