//! Tokens of agents: any bytes; and header and payload, with a newline between them, that the
//! issuer signed.

#![no_main]

use std::fs;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use greffier::admission::{Peer, PresentedToken, TOKEN_MAX, Terms, Tokens, authenticate};
use greffier_fuzz::file;
use greffier_fuzz::instance::Instance;
use greffier_fuzz::issuer::{NOW, key_set, peer, signed, terms};
use libfuzzer_sys::fuzz_target;

static DOOR: LazyLock<(Peer, Terms, Tokens)> = LazyLock::new(|| {
    let (instance, keys) = (Instance::new(), file());
    fs::write(keys.path(), key_set()).expect("a file");
    let terms = terms(&instance, keys.path()).expect("a key set");
    (peer(&instance), terms, Tokens::default())
});

fuzz_target!(|bytes: &[u8]| {
    let (peer, terms, tokens) = &*DOOR;
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let held = |value: &[u8]| authenticate(peer, &PresentedToken::new([value]), terms, tokens, now);
    assert!(held(bytes).is_err(), "whatever nobody signed is good");
    if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
        let token = ["Bearer ", &signed(&bytes[..at], &bytes[at + 1..])].concat();
        if let Ok(bearer) = held(token.as_bytes()) {
            let bearer = bearer.expect("whoever bears a token");
            assert!(token.len() <= TOKEN_MAX + 7 && bearer.until() > NOW - 61);
            assert!(bearer.agent().starts_with("development\0"));
        }
    }
});
