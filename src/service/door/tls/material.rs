//! What the door shows and whom it believes, as it lies in files: read at the start, and again when
//! it changes.

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

use super::revoked::{self, Lists};
use super::{TlsError, TlsSettings};
use crate::files::{SMALL, read, read_secret};
use crate::format::entry::{Hash, sha256};
use crate::service::watch::expiry::Own;

/// Most bytes of a file of lists of revoked certificates: some 100,000 of them.
const LISTS: u64 = 16 << 20;

/// The gateway's own certificate with its key.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    /// When the certificate is good; none if it cannot be read any further than TLS needs.
    pub(super) own: Option<Own>,
}

impl Identity {
    /// The chain and the key, if they fit each other.
    pub(super) fn read(
        settings: &TlsSettings,
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
        settings: &TlsSettings,
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

/// The authorities whose certificates are believed, and what they revoked.
pub(super) struct Trusted {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// SHA-256 of what they were read from.
    pub(super) digest: Hash,
    pub(super) authorities: usize,
    /// When the first of the lists of what is revoked should have been followed by another.
    pub(super) lists_good_until: Option<SystemTime>,
}

/// What the files of those whose certificates are believed hold.
pub(super) struct Contents {
    authorities: Vec<u8>,
    revoked: Option<Vec<u8>>,
}

impl Contents {
    pub(super) fn read(settings: &TlsSettings) -> Result<Contents, TlsError> {
        let authorities = content(&settings.client_ca)?;
        let revoked = settings.client_crl.as_deref().map(|path| {
            read(path, LISTS).map_err(|error| TlsError::File { path: path.to_owned(), error })
        });
        Ok(Contents { authorities, revoked: revoked.transpose()? })
    }

    /// SHA-256 of one behind the other.
    pub(super) fn digest(&self) -> Hash {
        sha256(&[&self.authorities, self.revoked.as_deref().unwrap_or_default()])
    }
}

impl Trusted {
    pub(super) fn read(
        settings: &TlsSettings,
        provider: Arc<CryptoProvider>,
    ) -> Result<Trusted, TlsError> {
        Trusted::parse(settings, &Contents::read(settings)?, provider)
    }

    /// Reads the authorities and their lists from the contents of the files.
    pub(super) fn parse(
        settings: &TlsSettings,
        contents: &Contents,
        provider: Arc<CryptoProvider>,
    ) -> Result<Trusted, TlsError> {
        let path = &settings.client_ca;
        let unusable = |why: String| TlsError::Authority { path: path.clone(), why };
        let authorities = certificates(path, &contents.authorities)?;
        let count = authorities.len();
        let lists = match (&settings.client_crl, &contents.revoked) {
            (Some(path), Some(bytes)) => Some(revoked::lists(path, bytes, &authorities)?),
            _ => None,
        };
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(|error| unusable(error.to_string()))?;
        }
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let mut lists_good_until = None;
        if let Some(Lists { ders, good_until }) = lists {
            // Whoever's status no list tells is refused, and a list that is over still holds: what
            // it revokes stays revoked, and a list that is late shuts nobody out.
            verifier = verifier.with_crls(ders);
            lists_good_until = good_until;
        }
        let verifier = verifier.build().map_err(|error| unusable(error.to_string()))?;
        let digest = contents.digest();
        Ok(Trusted { verifier, digest, authorities: count, lists_good_until })
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
