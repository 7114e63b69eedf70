//! What the door shows and whom it believes, as it lies in files: read at the start, and again when it
//! changes.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;

use super::{Settings, TlsError};
use crate::files::{SMALL, read, read_secret};
use crate::ledger::entry::{Hash, sha256};
use crate::service::expiry::Own;

/// The gateway's own certificate with its key.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    /// None if the certificate cannot be read any further than TLS needs.
    pub(super) own: Option<Own>,
}

impl Identity {
    /// The chain and the key, if they fit each other.
    pub(super) fn read(
        settings: &Settings,
        provider: &CryptoProvider,
    ) -> Result<Identity, TlsError> {
        let chain = certificates(&settings.certificate, &content(&settings.certificate)?)?;
        let pem = |error| TlsError::Pem { path: settings.key.clone(), error };
        let key = PrivateKeyDer::from_pem_slice(read_secret(&settings.key)?.as_bytes());
        let own = chain.first().and_then(Own::of);
        let certified = CertifiedKey::from_der(chain, key.map_err(pem)?, provider)?;
        Ok(Identity { certified: Arc::new(certified), own })
    }

    /// The same, to take the place of one that works: it must be good now.
    pub(super) fn read_anew(
        settings: &Settings,
        provider: &CryptoProvider,
    ) -> Result<Identity, TlsError> {
        let identity = Identity::read(settings, provider)?;
        match identity.own {
            Some(own) if own.is_good(SystemTime::now()) => Ok(identity),
            _ => Err(TlsError::NotNow(settings.certificate.clone())),
        }
    }

    /// Whether it shows the same chain; the key that fits it is the same then.
    pub(super) fn is_same(&self, other: &Identity) -> bool {
        self.certified.cert == other.certified.cert
    }
}

/// Those whose certificates are believed.
pub(super) struct Trusted {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// SHA-256 of the file.
    pub(super) digest: Hash,
    pub(super) authorities: usize,
}

impl Trusted {
    pub(super) fn read(path: &Path, provider: Arc<CryptoProvider>) -> Result<Trusted, TlsError> {
        Trusted::parse(path, &content(path)?, provider)
    }

    /// Those of the file's content.
    pub(super) fn parse(
        path: &Path,
        bytes: &[u8],
        provider: Arc<CryptoProvider>,
    ) -> Result<Trusted, TlsError> {
        let unusable = |why: String| TlsError::Authority { path: path.to_owned(), why };
        let (authorities, digest) = (certificates(path, bytes)?, sha256(&[bytes]));
        let count = authorities.len();
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(|error| unusable(error.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().map_err(|error| unusable(error.to_string()))?;
        Ok(Trusted { verifier, digest, authorities: count })
    }
}

/// What is in a file of certificates.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, TlsError> {
    read(path, SMALL).map_err(|error| TlsError::File { path: path.to_owned(), error })
}

fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>();
    certificates.map_err(|error| TlsError::Pem { path: path.to_owned(), error })
}
