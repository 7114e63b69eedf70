//! The authorities that clients' certificates must come from. They may change while connections are
//! open: whoever is there holds its place only as long as the authorities in force vouch for it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;

/// The authorities in force.
pub struct Authorities {
    verifier: RwLock<Arc<dyn ClientCertVerifier>>,
    /// How often others came into force. It is written while the verifier is.
    generation: AtomicU64,
}

impl Authorities {
    /// The first ones.
    pub fn new(verifier: Arc<dyn ClientCertVerifier>) -> Authorities {
        Authorities { verifier: RwLock::new(verifier), generation: AtomicU64::new(0) }
    }

    /// Puts others into force.
    pub fn replace(&self, verifier: Arc<dyn ClientCertVerifier>) {
        let mut now = self.verifier.write().unwrap_or_else(PoisonError::into_inner);
        *now = verifier;
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// A chain of certificates that was shown in a handshake, the client's first.
pub(super) struct Vouched {
    chain: Box<[CertificateDer<'static>]>,
    authorities: Arc<Authorities>,
    /// Which authorities were asked last, and whether they vouch for it.
    asked: AtomicU64,
}

/// What is remembered of an answer.
fn answer(generation: u64, vouched: bool) -> u64 {
    2 * generation + u64::from(vouched)
}

impl Vouched {
    /// A chain as it was shown. It is held against the authorities at the first question: others may
    /// have come into force since the handshake began.
    pub(super) fn new(chain: &[CertificateDer<'_>], authorities: Arc<Authorities>) -> Vouched {
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        let asked = AtomicU64::new(answer(u64::MAX / 2, false));
        Vouched { chain, authorities, asked }
    }

    /// Whether the authorities in force vouch for it at `unix` seconds. Each of them is asked once.
    pub(super) fn holds(&self, unix: u64) -> bool {
        let asked = self.asked.load(Ordering::Acquire);
        if asked / 2 == self.authorities.generation.load(Ordering::Acquire) {
            return asked % 2 == 1;
        }
        let (verifier, generation) = {
            let now = self.authorities.verifier.read().unwrap_or_else(PoisonError::into_inner);
            (now.clone(), self.authorities.generation.load(Ordering::Acquire))
        };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(unix));
        let vouched = self
            .chain
            .split_first()
            .is_some_and(|(leaf, between)| verifier.verify_client_cert(leaf, between, now).is_ok());
        self.asked.store(answer(generation, vouched), Ordering::Release);
        vouched
    }
}

impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a chain of {}", self.chain.len())
    }
}
