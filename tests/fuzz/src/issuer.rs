//! An issuer of agents' tokens whose private key the fuzzer has: its signatures are good.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greffier::admission::{Algorithm, Issuer, KeyFileError, Keyring, Peer, RunBy, Terms};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::instance::Instance;

/// Seconds since 1970 at which its tokens are looked at.
pub const NOW: u64 = 1_768_500_000;

/// Its private key.
pub fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a seed of 32 bytes")
}

/// Its key set.
pub fn key_set() -> String {
    let x = URL_SAFE_NO_PAD.encode(key().public_key().as_ref());
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"1","x":"{x}","use":"sig"}}]}}"#)
}

/// A token of these two parts, signed.
pub fn signed(header: &[u8], payload: &[u8]) -> String {
    let signed = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let signature = URL_SAFE_NO_PAD.encode(key().sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The header and payload of a token that is good at [`NOW`] with this certificate.
pub fn good(certificate: &[u8; 32]) -> (String, String) {
    let (now, x5t) = (NOW, URL_SAFE_NO_PAD.encode(certificate));
    let (late, early) = (now + 900, now - 60);
    let payload = format!(
        r#"{{"iss":"https://login.example","aud":["greffier"],"sub":"agent-1","jti":"1","iat":{now},
        "nbf":{now},"exp":{late},"auth_time":{early},"amr":["pwd","otp"],
        "cnf":{{"x5t#S256":"{x5t}"}}}}"#
    );
    (r#"{"alg":"EdDSA","typ":"JWT","kid":"1"}"#.to_owned(), payload)
}

/// What the door holds calls against, with the key set in this file.
///
/// # Errors
/// If it is none.
pub fn terms(instance: &Instance, keys: &Path) -> Result<Terms, KeyFileError> {
    let issuer = Issuer {
        url: "https://login.example".to_owned(),
        audience: "greffier".to_owned(),
        keys: keys.to_owned(),
        algorithms: Algorithm::ALL.to_vec(),
        max_lifetime: 900,
        run_by: RunBy::Agency,
    };
    let issuers = BTreeMap::from([("development".into(), issuer)]);
    let keyring = Keyring::open(&issuers, Path::new(""))?;
    Ok(instance.policy.terms(3, "greffier.example", &[7; 32], keyring))
}

/// A provider whose agents have tokens of this issuer.
pub fn peer(instance: &Instance) -> Peer {
    Peer::from_certificate(
        &instance.certificate("provider-02"),
        ([127, 0, 0, 1], 40_000).into(),
        "greffier.example",
    )
}
