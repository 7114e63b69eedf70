//! Key sets of issuers, and what becomes of a token by them.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use greffier::admission::{Peer, PresentedToken, Tokens, authenticate};
use greffier_fuzz::instance::Instance;
use greffier_fuzz::issuer::{NOW, good, peer, signed, terms};
use greffier_fuzz::{file, put};
use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

struct Door {
    keys: NamedTempFile,
    instance: Instance,
    peer: Peer,
    token: String,
}

static DOOR: LazyLock<Door> = LazyLock::new(|| {
    let instance = Instance::new();
    let peer = peer(&instance);
    let (header, payload) = good(&peer.fingerprint());
    let token = signed(header.as_bytes(), payload.as_bytes());
    Door { keys: file(), instance, peer, token: format!("Bearer {token}") }
});

fuzz_target!(|bytes: &[u8]| {
    let Door { keys, instance, peer, token } = &*DOOR;
    put(keys, bytes);
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    match terms(instance, keys.path()) {
        Ok(terms) => {
            let shown = PresentedToken::new([token.as_bytes()]);
            // The key that signed it is there, or is not.
            let _ = authenticate(peer, &shown, &terms, &Tokens::default(), now);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
