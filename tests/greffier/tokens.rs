//! Tokens that must not be believed, after the list of RFC 8725, over real TLS against the real
//! gateway: each is refused with its code and reason, leaves no entry of a read, and is counted.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greffier::client::token::TokenSource;
use greffier::client::{Client, Settings};
use greffier::instance::{AGENT_AUDIENCE, AGENT_ISSUER, Layout, TOKEN_LIFETIME_MAX};
use greffier::ledger::entry::{Entry, Flag, Outcome, What, sha256};
use greffier::proto::{
    GetRecordRequest, ListRecordsRequest, ReinstateAccessRequest, SuspendAccessRequest,
};
use prost::Message as _;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::instance::{CIR, Caller, Daemon, Instance, context};
use crate::pki::fingerprint;
use crate::told::{Told, told};
use crate::wire::{Wire, framed};

const REJECTED: (Code, &str) = (Code::Unauthenticated, "TOKEN_REJECTED");
const STEP_UP: (Code, &str) = (Code::Unauthenticated, "STEP_UP_REQUIRED");
const LIST: &str = "/greffier.v1.Records/ListRecords";
const PROVIDER: &str = "provider-02";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An issuer with a key of each kind, and what it would say of an agent of [`PROVIDER`].
struct Issuer {
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    rsa: RsaKeyPair,
    certificate: [u8; 32],
}

impl Issuer {
    fn new(layout: &Layout) -> Issuer {
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
    fn keys(&self) -> Vec<Value> {
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

    fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": AGENT_ISSUER, "aud": AGENT_AUDIENCE, "sub": "alice", "jti": "token-1",
            "iat": now, "nbf": now, "exp": now + 900, "auth_time": now, "amr": ["pwd", "otp"],
            "cnf": {"x5t#S256": b64(self.certificate)},
        })
    }

    fn changed(&self, claim: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[claim] = value;
        self.token(&claims)
    }

    fn token(&self, claims: &Value) -> String {
        self.headed(&json!({"alg": "EdDSA", "kid": "ed"}).to_string(), &claims.to_string())
    }

    /// Signed with Ed25519, whatever the header says.
    fn headed(&self, header: &str, claims: &str) -> String {
        signed(header, claims, |text| self.ed.sign(text).as_ref().to_vec())
    }

    fn ec(&self, header: &str) -> String {
        signed(header, &self.claims().to_string(), |text| {
            self.ec.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec()
        })
    }

    fn rsa(&self, header: &str) -> String {
        signed(header, &self.claims().to_string(), |text| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
            signature
        })
    }
}

fn signed(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", b64(header), b64(claims));
    let signature = sign(text.as_bytes());
    format!("{text}.{}", b64(signature))
}

fn write(path: &Path, keys: &[Value]) {
    std::fs::write(path, json!({"keys": keys}).to_string()).unwrap();
}

/// An instance whose issuer may sign with every algorithm.
fn instance() -> (Instance, Issuer) {
    let instance = Instance::new();
    instance.policy(|policy| {
        policy["issuer"]["development"]["algorithms"] =
            crate::instance::texts(["EdDSA", "ES256", "RS256"]);
        // The other provider's people log in elsewhere, with the same key.
        let other = policy["issuer"]["development"].clone();
        policy["issuer"]["elsewhere"] = other;
        policy["issuer"]["elsewhere"]["url"] = toml_edit::value("https://elsewhere.example");
        policy["provider"]["provider-03"]["agent"]["issuer"] = toml_edit::value("elsewhere");
    });
    let issuer = Issuer::new(&instance.layout);
    (instance, issuer)
}

fn page() -> Vec<u8> {
    let (parent, context) = (CIR.to_owned(), Some(context()));
    let request = ListRecordsRequest { parent, context, page_size: 1, page_token: String::new() };
    framed(0, &request.encode_to_vec())
}

async fn list(wire: &Wire, values: &[&str]) -> Status {
    let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
    wire.call(LIST, &headers, &page()).await
}

fn is_read(entry: &Entry) -> bool {
    matches!(entry.what, What::Read(_))
}

/// The part of a token that stands at a place.
fn part(token: &str, at: usize) -> &str {
    token.split('.').nth(at).unwrap()
}

/// Everything that must not be believed: what it is, and the values of `authorization`.
fn hostile(issuer: &Issuer, layout: &Layout) -> Vec<(&'static str, Vec<String>)> {
    let claims = issuer.claims().to_string();
    let good = issuer.token(&issuer.claims());
    let headed = |header: &str| issuer.headed(header, &claims);
    let changed = |claim: &str, value: Value| issuer.changed(claim, value);
    let (head, body, tail) = (part(&good, 0), part(&good, 1), part(&good, 2));
    let none = |alg: &str| format!("{}.{body}.", b64(format!(r#"{{"alg":"{alg}"}}"#)));
    let shared = |secret: &[u8], header: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        signed(header, &claims, |text| hmac::sign(&key, text).as_ref().to_vec())
    };
    let rsa_der = issuer.rsa.public_key().as_ref().to_vec();
    let own = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(own.public_key())});
    let by_own = |header: Value| {
        signed(&header.to_string(), &claims, |text| own.sign(text).as_ref().to_vec())
    };
    let der = {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random);
        let pair = pair.unwrap();
        signed(r#"{"alg":"ES256","kid":"ec"}"#, &claims, |text| {
            pair.sign(&random, text).unwrap().as_ref().to_vec()
        })
    };
    let fixed = issuer.ec(r#"{"alg":"ES256","kid":"ec"}"#);
    let raw = URL_SAFE_NO_PAD.decode(part(&fixed, 2)).unwrap();
    let with_signature =
        |signature: &[u8]| format!("{}.{}.{}", part(&fixed, 0), part(&fixed, 1), b64(signature));
    let twice = |again: &str| {
        issuer.headed(
            r#"{"alg":"EdDSA","kid":"ed"}"#,
            &claims.replacen('{', &format!("{{{again},"), 1),
        )
    };
    let now = now();
    let foreign = fingerprint(&layout.client("provider-03").0).0;
    let mut cases = vec![
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg NONE", none("NONE")),
        ("alg nOnE", none("nOnE")),
        ("alg none with a signature", format!("{}.{body}.{tail}", b64(r#"{"alg":"none"}"#))),
        ("alg empty", headed(r#"{"alg":"","kid":"ed"}"#)),
        ("no alg", headed(r#"{"kid":"ed"}"#)),
        ("alg a list", headed(r#"{"alg":["EdDSA"],"kid":"ed"}"#)),
        ("alg in another spelling", headed(r#"{"alg":"EDDSA","kid":"ed"}"#)),
        ("an algorithm not in the list", headed(r#"{"alg":"ES512","kid":"ed"}"#)),
        (
            "HS256, the secret is the Ed25519 key",
            shared(issuer.ed.public_key().as_ref(), r#"{"alg":"HS256","kid":"ed"}"#),
        ),
        ("HS256, the secret is the RSA key", shared(&rsa_der, r#"{"alg":"HS256","kid":"rsa"}"#)),
        ("HS256 called RS256", shared(&rsa_der, r#"{"alg":"RS256","kid":"rsa"}"#)),
        ("RS256 with a P-256 key", issuer.rsa(r#"{"alg":"RS256","kid":"ec"}"#)),
        ("ES256 with an RSA key", issuer.ec(r#"{"alg":"ES256","kid":"rsa"}"#)),
        ("EdDSA called ES256", headed(r#"{"alg":"ES256","kid":"ec"}"#)),
        ("an unknown kid", headed(r#"{"alg":"EdDSA","kid":"other"}"#)),
        ("an empty kid", headed(r#"{"alg":"EdDSA","kid":""}"#)),
        ("a kid that is a path", headed(r#"{"alg":"EdDSA","kid":"../../agents.jwks"}"#)),
        ("a kid that is a number", headed(r#"{"alg":"EdDSA","kid":1}"#)),
        ("two kids", headed(r#"{"alg":"EdDSA","kid":"other","kid":"ed"}"#)),
        ("two algs", headed(r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#)),
        ("a key of one's own", by_own(json!({"alg": "EdDSA", "kid": "ed"}))),
        ("a key of one's own, embedded", by_own(json!({"alg": "EdDSA", "jwk": jwk}))),
        ("... and named", by_own(json!({"alg": "EdDSA", "kid": "ed", "jwk": jwk}))),
        ("a key elsewhere", by_own(json!({"alg": "EdDSA", "jku": "https://evil.example/jwks"}))),
        ("a certificate elsewhere", by_own(json!({"alg": "EdDSA", "x5u": "https://evil.example"}))),
        ("crit", headed(r#"{"alg":"EdDSA","kid":"ed","crit":["exp"]}"#)),
        ("an empty crit", headed(r#"{"alg":"EdDSA","kid":"ed","crit":[]}"#)),
        ("an unencoded payload", headed(r#"{"alg":"EdDSA","kid":"ed","b64":false}"#)),
        ("a token in a token", headed(r#"{"alg":"EdDSA","kid":"ed","cty":"JWT"}"#)),
        ("another type of token", headed(r#"{"alg":"EdDSA","kid":"ed","typ":"secevent+jwt"}"#)),
        ("a type that is none", headed(r#"{"alg":"EdDSA","kid":"ed","typ":1}"#)),
        ("a JWE", format!("{}.AAAA.AAAA.{body}.AAAA", b64(r#"{"alg":"dir","enc":"A256GCM"}"#))),
        ("a JWE of three parts", headed(r#"{"alg":"EdDSA","kid":"ed","enc":"A256GCM"}"#)),
        ("expired", changed("exp", json!(now - 61))),
        ("expired for long", {
            let mut old = issuer.claims();
            (old["iat"], old["nbf"], old["exp"]) = (json!(0), json!(0), json!(900));
            issuer.token(&old)
        }),
        ("not yet valid", changed("nbf", json!(now + 600))),
        ("issued tomorrow", changed("iat", json!(now + 86_400))),
        ("good for too long", changed("exp", json!(now + TOKEN_LIFETIME_MAX.as_secs() + 1))),
        ("good for ever", changed("exp", json!(i64::MAX))),
        ("a time as text", changed("exp", json!((now + 900).to_string()))),
        ("a time with a fraction", changed("exp", json!(now as f64 + 900.5))),
        ("logged in tomorrow", changed("auth_time", json!(now + 86_400))),
        ("for another audience", changed("aud", json!("greffier2"))),
        ("for other audiences", changed("aud", json!(["a", "greffier/", "GREFFIER"]))),
        ("for nobody", changed("aud", json!([]))),
        ("of another issuer", changed("iss", json!("https://evil.example"))),
        ("of nearly that issuer", changed("iss", json!(format!("{AGENT_ISSUER}/")))),
        ("of another provider's issuer", changed("iss", json!("https://elsewhere.example"))),
        ("bound to nothing", changed("cnf", json!({}))),
        ("bound to another hash", changed("cnf", json!({"x5t": b64(issuer.certificate)}))),
        ("bound to another certificate", changed("cnf", json!({"x5t#S256": b64([7; 32])}))),
        ("bound to another provider's", changed("cnf", json!({"x5t#S256": b64(foreign)}))),
        ("nobody", changed("sub", json!(""))),
        ("a long name", changed("sub", json!("a".repeat(129)))),
        ("a name with a zero byte", changed("sub", json!("alice\0bob"))),
        ("a long id", changed("jti", json!("a".repeat(129)))),
        ("methods as text", changed("amr", json!("mfa"))),
        ("sub twice", twice(r#""sub":"bob""#)),
        ("sub twice in another spelling", twice(r#""\u0073ub":"bob""#)),
        ("cnf twice", twice(r#""cnf":{}"#)),
        ("an unknown claim twice", twice(r#""x":1,"x":2"#)),
        ("a payload that is a list", issuer.headed(r#"{"alg":"EdDSA","kid":"ed"}"#, "[]")),
        (
            "text behind the payload",
            issuer.headed(r#"{"alg":"EdDSA","kid":"ed"}"#, &format!("{claims}x")),
        ),
        (
            "the payload of another",
            format!("{head}.{}.{tail}", b64(claims.replace("alice", "bob"))),
        ),
        ("a short signature", good[..good.len() - 4].to_owned()),
        ("no signature", format!("{head}.{body}.")),
        ("a dot behind it", format!("{good}.")),
        ("two dots behind it", format!("{good}..")),
        ("dots alone", "..".to_owned()),
        ("two parts", format!("{head}.{body}")),
        ("padding", format!("{good}=")),
        ("the other alphabet", format!("{head}.{body}.+/{}", &tail[2..])),
        ("garbage", "garbage".to_owned()),
        ("a longer token than any", format!("{good}{}", "A".repeat(8_193))),
        ("ES256 in DER", der),
        ("ES256, zeroes", with_signature(&[0; 64])),
        ("ES256, a byte short", with_signature(&raw[..63])),
        ("ES256, a byte long", with_signature(&[&raw[..], &[0]].concat())),
    ];
    for claim in ["iss", "aud", "exp", "iat", "sub", "jti", "auth_time", "amr", "cnf"] {
        let mut without = issuer.claims();
        without.as_object_mut().unwrap().remove(claim);
        cases.push((claim, issuer.token(&without)));
    }
    let bearer = |(case, token): (&'static str, String)| (case, vec![format!("Bearer {token}")]);
    let mut cases: Vec<_> = cases.into_iter().map(bearer).collect();
    let one = format!("Bearer {good}");
    cases.extend([
        ("nothing", vec![]),
        ("two of them", vec![one.clone(), one.clone()]),
        ("two of them, one good", vec!["Bearer x".to_owned(), one.clone()]),
        ("two in one", vec![format!("{one}, {one}")]),
        ("another scheme", vec!["Basic YWxpY2U6cHdk".to_owned()]),
        ("no scheme", vec![good.clone()]),
        ("no token", vec!["Bearer".to_owned()]),
    ]);
    cases
}

#[tokio::test]
async fn no_hostile_token_is_believed_and_each_is_counted() {
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let cases = hostile(&issuer, &instance.layout);
    assert!(cases.len() >= 25);
    for (case, values) in &cases {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let refused = Told::of(&list(&wire, &values).await);
        assert_eq!(refused.what(), REJECTED, "{case}");
        // Nobody is told which check failed, except that there was no token.
        let says = if values.is_empty() {
            "token rejected: there is none; carry one as `authorization: Bearer TOKEN`"
        } else {
            "token rejected"
        };
        assert_eq!((&*refused.message, refused.metadata.len()), (says, 0), "{case}");
    }
    let mut steps = Vec::new();
    for (claim, value) in [
        ("amr", json!(["pwd"])),
        ("amr", json!(["pwd", "pin", "of-their-own"])),
        ("amr", json!([])),
        ("auth_time", json!(now() - 43_300)),
    ] {
        let token = format!("Bearer {}", issuer.changed(claim, value));
        let refused = Told::of(&list(&wire, &[&token]).await);
        assert_eq!(refused.what(), STEP_UP, "{claim}");
        assert_eq!(refused.metadata["required_methods"], "mfa");
        assert_eq!(refused.metadata["max_age_seconds"], "43200");
        steps.push(refused.message);
    }
    assert_eq!(steps[0], steps[1]);
    assert_ne!(steps[0], steps[3]);
    daemon.stop().await;
    assert!(!instance.entries().iter().any(is_read), "a read was judged");
    assert_eq!(counted(&instance, "TOKEN_REJECTED"), cases.len() as u64);
    assert_eq!(counted(&instance, "STEP_UP_REQUIRED"), 4);
    instance.assert_sound();
}

/// Calls that the ledger says were refused for a reason, under the certificate of [`PROVIDER`].
fn counted(instance: &Instance, reason: &str) -> u64 {
    let own = fingerprint(&instance.layout.client(PROVIDER).0);
    let digests = instance.refusals();
    let its = digests.iter().flat_map(|d| &d.certificates).filter(|c| c.certificate == own);
    let its = its.flat_map(|c| &c.counts).filter(|refusal| &*refusal.reason == reason);
    its.map(|refusal| refusal.count).sum()
}

#[tokio::test]
async fn what_is_good_is_believed_in_each_of_its_forms() {
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let good = issuer.token(&issuer.claims());
    let claims = issuer.claims().to_string();
    let headed = |header: &str| format!("Bearer {}", issuer.headed(header, &claims));
    let longest = issuer.changed("exp", json!(now() + TOKEN_LIFETIME_MAX.as_secs()));
    let fixed = issuer.ec(r#"{"alg":"ES256","kid":"ec"}"#);
    let cases = [
        format!("Bearer {good}"),
        // RFC 7235: the scheme in letters of either case.
        format!("bearer {good}"),
        format!("BEARER  {good}"),
        format!("Bearer {longest}"),
        // Without a kid the only key that fits is meant.
        headed(r#"{"alg":"EdDSA"}"#),
        headed(r#"{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}"#),
        headed(r#"{"alg":"EdDSA","kid":"ed","typ":"jwt"}"#),
        // What a header offers is not looked at, and does no harm.
        headed(r#"{"alg":"EdDSA","kid":"ed","jku":"https://evil.example","x5u":"x","jwk":{}}"#),
        format!("Bearer {}", issuer.rsa(r#"{"alg":"RS256","kid":"rsa"}"#)),
        format!("Bearer {fixed}"),
        // ECDSA lets anybody write a signature in a second way (s or n - s). It is the same token
        // of the same agent, and nothing here goes by the text of a signature.
        format!("Bearer {}", mirrored(&fixed)),
        format!("Bearer {}", issuer.changed("aud", json!(["else", "greffier"]))),
        format!("Bearer {}", issuer.changed("amr", json!(["hwk", "pin"]))),
    ];
    for value in &cases {
        assert_eq!(list(&wire, &[value]).await.code(), Code::Ok, "{value}");
    }
    daemon.stop().await;
    let reads: Vec<_> = instance
        .entries()
        .into_iter()
        .filter_map(|entry| if let What::Read(read) = entry.what { Some(read) } else { None })
        .collect();
    assert_eq!(reads.len(), cases.len());
    let agents: BTreeSet<_> = reads.iter().map(|read| read.agent.to_string()).collect();
    assert_eq!(agents.len(), 1, "one person");
    let read = &reads[0];
    assert_eq!(read.issuer.as_deref(), Some("development"));
    assert_eq!(read.methods.iter().map(|word| &**word).collect::<Vec<_>>(), ["pwd", "otp"]);
    assert!(read.auth_age.unwrap() < 60);
    assert_eq!(read.token, Some(sha256(&[b"development\0token-1"])));
    assert!(read.context.is_empty());
    assert!(!instance.bodies().concat().contains("alice"), "the ledger names nobody");
    instance.assert_sound();
}

/// The other signature of the same: (r, n - s).
fn mirrored(token: &str) -> String {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut signature = URL_SAFE_NO_PAD.decode(part(token, 2)).unwrap();
    let mut borrow = 0;
    for (byte, n) in signature[32..].iter_mut().zip(N).rev() {
        let left = i16::from(n) - i16::from(*byte) - borrow;
        borrow = i16::from(left < 0);
        *byte = left.rem_euclid(256) as u8;
    }
    format!("{}.{}.{}", part(token, 0), part(token, 1), b64(signature))
}

#[tokio::test]
async fn a_key_that_leaves_the_set_is_good_for_nothing_on_an_open_connection_too() {
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let token = format!("Bearer {}", issuer.token(&issuer.claims()));
    assert_eq!(list(&wire, &[&token]).await.code(), Code::Ok);
    let jwks = instance.layout.agents_jwks();

    // What is no key set changes nothing, and is told.
    std::fs::write(&jwks, "{").unwrap();
    wait_for(&daemon, "stay in force").await;
    assert_eq!(list(&wire, &[&token]).await.code(), Code::Ok);

    write(&jwks, &issuer.keys()[1..]);
    wait_for(&daemon, "new keys of an issuer").await;
    assert_eq!(Told::of(&list(&wire, &[&token]).await).what(), REJECTED);
    let ec = format!("Bearer {}", issuer.ec(r#"{"alg":"ES256","kid":"ec"}"#));
    assert_eq!(list(&wire, &[&ec]).await.code(), Code::Ok);

    // Another key under its name verified nothing.
    let mut keys = issuer.keys();
    let own = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    keys[0]["x"] = json!(b64(own.public_key()));
    write(&jwks, &keys);
    refused(&wire, &ec, false).await;
    assert_eq!(Told::of(&list(&wire, &[&token]).await).what(), REJECTED);
    daemon.stop().await;
    instance.assert_sound();
}

/// Waits until the daemon has said something.
async fn wait_for(daemon: &Daemon, words: &str) {
    let began = Instant::now();
    while !daemon.log().contains(words) {
        assert!(began.elapsed() < Duration::from_secs(30), "not said: {words}");
        tokio::task::yield_now().await;
    }
}

/// Calls until a token is refused, or not.
async fn refused(wire: &Wire, token: &str, refused: bool) {
    let began = Instant::now();
    while (list(wire, &[token]).await.code() == Code::Unauthenticated) != refused {
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_start_without_keys_says_what_to_do() {
    let instance = Instance::new();
    let jwks = instance.layout.agents_jwks();
    let text = std::fs::read_to_string(&jwks).unwrap();
    for (put, says) in [
        (None, "put the issuer's JWK Set there"),
        (Some("{}".to_owned()), "export the issuer's JWK Set"),
        (Some(text.replace("\"x\"", "\"d\": \"AAAA\", \"x\"")), "have the issuer make a new key"),
        (Some(text.replace("Ed25519", "X25519")), "none of its keys checks signatures"),
    ] {
        match put {
            None => std::fs::remove_file(&jwks).unwrap(),
            Some(text) => std::fs::write(&jwks, text).unwrap(),
        }
        let refused = instance.try_serve().unwrap_err();
        assert_eq!(refused.status.code(), Some(2));
        for part in [says, "agents.jwks", "development"] {
            assert!(refused.said.contains(part), "{part}: {}", refused.said);
        }
    }
    assert_eq!(instance.entries().len(), 6, "no policy was recorded: {:?}", instance.bodies());
}

/// A client that carries one token.
async fn client(daemon: &Daemon, name: &str, token: &str) -> Caller {
    let token = Some(TokenSource::fixed(token));
    let settings = Settings { token, ..daemon.settings(name) };
    Caller(Client::connect(&settings).await.expect("a connection"))
}

#[tokio::test]
async fn an_agent_is_one_person_whatever_certificate_and_token_it_comes_with() {
    let (instance, mut issuer) = instance();
    instance.budgets(PROVIDER, &[("agent_minute", 3)]);
    let daemon = instance.serve();
    let mut one = client(&daemon, PROVIDER, &issuer.token(&issuer.claims())).await;
    let first = one.list(2, "", context()).await.unwrap().proof.unwrap().entry;
    // Another machine of the same provider.
    let shown = crate::pki::Authority::of(&instance.layout).client("provider", PROVIDER);
    issuer.certificate = fingerprint(&shown.0).0;
    let settings = Settings {
        token: Some(TokenSource::fixed(&issuer.changed("jti", json!("token-2")))),
        ..daemon.settings_of(shown.0, shown.1)
    };
    let mut other = Caller(Client::connect(&settings).await.unwrap());
    let full = told(other.list(2, "", context()).await);
    assert_eq!(full.what(), (Code::ResourceExhausted, "BUDGET_EXHAUSTED"));
    assert_eq!(full.metadata["budget"], "agent_minute");
    let (read, again) = (instance.read(first), instance.read(full.entry()));
    assert_eq!(read.agent, again.agent);
    assert_ne!((read.certificate, read.token), (again.certificate, again.token));
    // And somebody else with the same certificate is somebody else.
    let mut claims = issuer.claims();
    (claims["sub"], claims["jti"]) = (json!("bob"), json!("token-3"));
    let settings = Settings { token: Some(TokenSource::fixed(&issuer.token(&claims))), ..settings };
    let mut bob = Caller(Client::connect(&settings).await.unwrap());
    let entry = bob.list(2, "", context()).await.unwrap().proof.unwrap().entry;
    assert_ne!(instance.read(entry).agent, read.agent);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_token_on_two_connections_at_once_shows_in_the_entries() {
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve();
    let token = issuer.token(&issuer.claims());
    let mut one = client(&daemon, PROVIDER, &token).await;
    let alone = one.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let mut two = client(&daemon, PROVIDER, &token).await;
    let both = two.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let again = one.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let mut other = client(&daemon, PROVIDER, &issuer.changed("jti", json!("token-2"))).await;
    let own = other.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let context = |entry| instance.read(entry).context;
    assert_eq!([context(alone), context(own)], [vec![], vec![]]);
    let flag = vec![Flag::ConcurrentSessions];
    assert_eq!([context(both), context(again)], [flag.clone(), flag]);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_suspended_agent_is_held_at_its_next_call_and_nobody_else_is() {
    let (instance, issuer) = instance();
    let daemon = instance.serve();
    let mut alice = client(&daemon, PROVIDER, &issuer.token(&issuer.claims())).await;
    let mut bob = issuer.claims();
    (bob["sub"], bob["jti"]) = (json!("bob"), json!("token-2"));
    let mut bob = client(&daemon, PROVIDER, &issuer.token(&bob)).await;
    let page = alice.list(1, "", context()).await.unwrap();
    let name = page.records[0].name.clone();
    let agent = instance.read(page.proof.unwrap().entry).agent.to_string();
    let mut admin = daemon.client("admin-1").await.0.admin;
    let (provider, reason) = (PROVIDER.to_owned(), "an exercise".to_owned());
    let suspend = SuspendAccessRequest {
        provider: provider.clone(),
        agent: agent.clone(),
        reason: reason.clone(),
    };
    admin.suspend_access(suspend).await.unwrap();
    let before = instance.entries().len();
    for _ in 0..3 {
        let request = GetRecordRequest { name: name.clone(), context: Some(context()) };
        let held = told(alice.0.records.get_record(request).await);
        assert_eq!(held.what(), (Code::PermissionDenied, "ACCESS_CONTAINED"));
    }
    // A new token for the same person, over a new connection, is no way around it.
    let mut again = client(&daemon, PROVIDER, &issuer.changed("jti", json!("token-3"))).await;
    let held = told(again.list(1, "", context()).await);
    assert_eq!(held.what(), (Code::PermissionDenied, "ACCESS_CONTAINED"));
    assert!(!instance.entries().split_off(before).iter().any(is_read));
    assert_eq!(bob.list(1, "", context()).await.unwrap().records.len(), 1);
    let reinstate = ReinstateAccessRequest { provider, agent, reason };
    admin.reinstate_access(reinstate).await.unwrap();
    let entry = alice.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    assert_eq!(instance.read(entry).ruling.outcome, Outcome::Released);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn where_the_certificate_stands_in_no_token_is_looked_at() {
    let instance = Instance::new();
    instance.policy(|policy| {
        policy["provider"][PROVIDER]["agent"]["issuer"] = toml_edit::value("certificate");
    });
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    for values in [&[][..], &["garbage"], &["Bearer a", "Bearer b"]] {
        assert_eq!(list(&wire, values).await.code(), Code::Ok, "{values:?}");
    }
    daemon.stop().await;
    let reads = instance.entries().into_iter().filter(is_read);
    for read in reads {
        let read = instance.read(read.seq);
        assert_eq!((read.issuer, read.token, read.auth_age), (None, None, None));
        assert!(read.methods.is_empty());
    }
    instance.assert_sound();
}

#[tokio::test]
async fn whoever_tries_tokens_is_slowed_down_and_colleagues_are_not() {
    let (instance, issuer) = instance();
    instance.policy(|policy| {
        let provider = &mut policy["provider"][PROVIDER];
        (provider["requests_per_second"], provider["burst"]) =
            (toml_edit::value(1), toml_edit::value(10));
    });
    let daemon = instance.serve();
    let mut alice = client(&daemon, PROVIDER, &issuer.token(&issuer.claims())).await;
    alice.list(1, "", context()).await.unwrap();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let mut limited = 0;
    for n in 0..60 {
        let token = format!("Bearer {}", issuer.changed("aud", json!(format!("a{n}"))));
        let bad = token.replace('A', "B");
        let refused = Told::of(&list(&wire, &[&bad]).await);
        limited += u64::from(refused.reason == "RATE_LIMITED");
    }
    assert!(limited > 20, "{limited}");
    assert_eq!(alice.list(1, "", context()).await.unwrap().records.len(), 1);
}
