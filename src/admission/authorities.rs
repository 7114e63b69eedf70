//! The authorities that clients' certificates must come from. They may change while connections are
//! open, and so may what they revoked: whoever is there holds its place only as long as the
//! authorities in force vouch for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The authorities in force, by which clients' certificates are checked.
pub struct Authorities {
    verifier: RwLock<Arc<dyn ClientCertVerifier>>,
    /// How often others came into force. It is written while the verifier is.
    generation: AtomicU64,
}

impl Authorities {
    /// Begins with the authorities that `verifier` believes.
    pub fn new(verifier: Arc<dyn ClientCertVerifier>) -> Authorities {
        Authorities { verifier: RwLock::new(verifier), generation: AtomicU64::new(0) }
    }

    /// Puts other authorities into force, on open connections too.
    pub fn replace(&self, verifier: Arc<dyn ClientCertVerifier>) {
        let mut now = self.verifier.write();
        *now = verifier;
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// A chain of certificates that was shown in a handshake, the client's first.
pub(super) struct PresentedChain {
    chain: Box<[CertificateDer<'static>]>,
    /// The last good second of each, Unix time, in order: an answer holds until the next of them.
    ends: Box<[u64]>,
    authorities: Arc<Authorities>,
    /// The last answer; none before the first.
    answer: Mutex<Option<Answer>>,
}

/// Whether authorities vouch for a chain.
#[derive(Clone, Copy)]
struct Answer {
    generation: u64,
    /// The last second of the answer, Unix time: then a certificate of the chain runs out.
    until: u64,
    vouched: bool,
}

impl PresentedChain {
    /// A chain as it was shown. It is held against the authorities at the first question: others
    /// may have come into force since the handshake began.
    pub(super) fn new(
        chain: &[CertificateDer<'_>],
        authorities: Arc<Authorities>,
    ) -> PresentedChain {
        let end = |certificate: &CertificateDer<'_>| {
            let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
            u64::try_from(certificate.validity().not_after.timestamp()).ok()
        };
        let mut ends: Box<[u64]> = chain.iter().filter_map(end).collect();
        ends.sort_unstable();
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        PresentedChain { chain, ends, authorities, answer: Mutex::new(None) }
    }

    /// Whether the authorities in force vouch for it at `unix` seconds. Each of them is asked once,
    /// and again whenever a certificate of the chain has run out.
    pub(super) fn holds(&self, unix: u64) -> bool {
        let mut answer = self.answer.lock();
        let generation = self.authorities.generation.load(Ordering::Acquire);
        if let Some(answer) = *answer
            && answer.generation == generation
            && unix <= answer.until
        {
            return answer.vouched;
        }
        let (verifier, generation) = {
            let now = self.authorities.verifier.read();
            (now.clone(), self.authorities.generation.load(Ordering::Acquire))
        };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(unix));
        let vouched = self
            .chain
            .split_first()
            .is_some_and(|(leaf, between)| verifier.verify_client_cert(leaf, between, now).is_ok());
        let until = self.ends.iter().copied().find(|end| *end >= unix).unwrap_or(u64::MAX);
        *answer = Some(Answer { generation, until, vouched });
        vouched
    }
}

impl fmt::Debug for PresentedChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a chain of {}", self.chain.len())
    }
}
