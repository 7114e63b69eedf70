//! An issuer whose keys a test holds, so that it may sign whatever a test wants to be said.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greffier::format::entry::{Entry, Payload};
use greffier::instance::{AGENT_AUDIENCE, AGENT_ISSUER, Layout};
use greffier::proto::ListRecordsRequest;
use prost::Message as _;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::instance::{CIR, Instance, context, texts};
use crate::pki::fingerprint;
use crate::wire::{Wire, framed};

pub(crate) const REJECTED: (Code, &str) = (Code::Unauthenticated, "TOKEN_REJECTED");
pub(crate) const STEP_UP: (Code, &str) = (Code::Unauthenticated, "STEP_UP_REQUIRED");
/// Whose agents these are.
pub(crate) const PROVIDER: &str = "provider-02";
const LIST: &str = "/greffier.v1.Records/ListRecords";

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An issuer with a key of each kind, and what it would say of an agent of [`PROVIDER`].
pub(crate) struct Issuer {
    pub(crate) ed: Ed25519KeyPair,
    pub(crate) ec: EcdsaKeyPair,
    pub(crate) rsa: RsaKeyPair,
    pub(crate) certificate: [u8; 32],
}

impl Issuer {
    pub(crate) fn new(layout: &Layout) -> Issuer {
        let random = SystemRandom::new();
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ec =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        let rsa = RsaKeyPair::from_pkcs8(include_bytes!("keys/rsa.pk8")).unwrap();
        let ed = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        let issuer = Issuer {
            ed,
            ec: ec.unwrap(),
            rsa,
            certificate: fingerprint(&layout.client(PROVIDER).0).0,
        };
        write(&layout.agents_jwks(), &issuer.keys());
        issuer
    }

    /// Its public keys: `ed`, `ec` and `rsa`.
    pub(crate) fn keys(&self) -> Vec<Value> {
        let point = self.ec.public_key().as_ref();
        let rsa: ring::rsa::PublicKeyComponents<Vec<u8>> = self.rsa.public_key().into();
        vec![
            json!({"kid": "ed", "kty": "OKP", "crv": "Ed25519",
                   "x": b64(self.ed.public_key())}),
            json!({"kid": "ec", "kty": "EC", "crv": "P-256",
                   "x": b64(&point[1..33]), "y": b64(&point[33..])}),
            json!({"kid": "rsa", "kty": "RSA", "n": b64(rsa.n), "e": b64(rsa.e)}),
        ]
    }

    pub(crate) fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": AGENT_ISSUER, "aud": AGENT_AUDIENCE, "sub": "alice", "jti": "token-1",
            "iat": now, "nbf": now, "exp": now + 900, "auth_time": now, "amr": ["pwd", "otp"],
            "cnf": {"x5t#S256": b64(self.certificate)},
        })
    }

    pub(crate) fn changed(&self, claim: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[claim] = value;
        self.token(&claims)
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.headed(&json!({"alg": "EdDSA", "kid": "ed"}).to_string(), &claims.to_string())
    }

    /// Signed with Ed25519, whatever the header says.
    pub(crate) fn headed(&self, header: &str, claims: &str) -> String {
        signed(header, claims, |text| self.ed.sign(text).as_ref().to_vec())
    }

    pub(crate) fn ec(&self, header: &str) -> String {
        signed(header, &self.claims().to_string(), |text| {
            self.ec.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec()
        })
    }

    pub(crate) fn rsa(&self, header: &str) -> String {
        signed(header, &self.claims().to_string(), |text| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
            signature
        })
    }
}

pub(crate) fn signed(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", b64(header), b64(claims));
    let signature = sign(text.as_bytes());
    format!("{text}.{}", b64(signature))
}

pub(crate) fn write(path: &Path, keys: &[Value]) {
    std::fs::write(path, json!({"keys": keys}).to_string()).unwrap();
}

/// An instance whose issuer may sign with every algorithm.
pub(crate) fn instance() -> (Instance, Issuer) {
    let instance = Instance::new();
    instance.policy(|policy| {
        policy["issuer"]["development"]["algorithms"] = texts(["EdDSA", "ES256", "RS256"]);
        // The other provider's people log in elsewhere, with the same key.
        let other = policy["issuer"]["development"].clone();
        policy["issuer"]["elsewhere"] = other;
        policy["issuer"]["elsewhere"]["url"] = toml_edit::value("https://elsewhere.example");
        policy["provider"]["provider-03"]["agent"]["issuer"] = toml_edit::value("elsewhere");
    });
    let issuer = Issuer::new(&instance.layout);
    (instance, issuer)
}

pub(crate) fn page() -> Vec<u8> {
    let (parent, context) = (CIR.to_owned(), Some(context()));
    let request = ListRecordsRequest { parent, context, page_size: 1, page_token: String::new() };
    framed(0, &request.encode_to_vec())
}

pub(crate) async fn list(wire: &Wire, values: &[&str]) -> Status {
    let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
    wire.call(LIST, &headers, &page()).await
}

pub(crate) fn is_read(entry: &Entry) -> bool {
    matches!(entry.payload, Payload::Read(_))
}
