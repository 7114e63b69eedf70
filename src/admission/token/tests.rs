//! Tokens at the door, as far as they need no connection: each limit on both sides, what is
//! remembered of them and what is not, and any bytes at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::super::example::{now, peer, terms};
use super::super::{AgentAuth, Caller, Peer, Role, RunBy, Terms};
use super::*;

const NOW: i64 = 1_768_500_000;

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn jwks(seeds: &[u8]) -> String {
    let jwk = |seed: &u8| {
        let x = URL_SAFE_NO_PAD.encode(pair(*seed).public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": seed.to_string(), "x": x})
    };
    json!({"keys": seeds.iter().map(jwk).collect::<Vec<_>>()}).to_string()
}

/// A provider, its issuer's key file, and a connection of it.
struct Door {
    terms: Arc<Terms>,
    tokens: Tokens,
    peer: Peer,
    keys: tempfile::NamedTempFile,
}

impl Door {
    fn new(demand: impl FnOnce(&mut TokenRequirements)) -> Door {
        let keys = tempfile::NamedTempFile::new().unwrap();
        fs::write(keys.path(), jwks(&[1])).unwrap();
        let issuer = Issuer {
            url: "https://login.example".to_owned(),
            audience: "greffier".to_owned(),
            keys: keys.path().to_owned(),
            algorithms: vec![Algorithm::EdDsa],
            max_lifetime: 900,
            run_by: RunBy::Agency,
        };
        let mut demanded =
            TokenRequirements { issuer: "login".into(), second_factor: true, auth_max_age: 43_200 };
        demand(&mut demanded);
        let mut terms = terms();
        terms.keyring =
            Keyring::open(&BTreeMap::from([("login".into(), issuer)]), Path::new("")).unwrap();
        terms.providers.get_mut("alpha").unwrap().voucher = AgentAuth::Token(demanded);
        let peer = peer(Role::Provider, "alpha");
        Door { terms: Arc::new(terms), tokens: Tokens::default(), peer, keys }
    }

    fn good(&self) -> Value {
        json!({
            "iss": "https://login.example", "aud": "greffier", "sub": "alice", "jti": "t-1",
            "iat": NOW, "nbf": NOW, "exp": NOW + 900, "auth_time": NOW, "amr": ["pwd", "otp"],
            "cnf": {"x5t#S256": URL_SAFE_NO_PAD.encode(self.peer.fingerprint())},
        })
    }

    fn admit(&self, token: &str) -> Result<Caller, AdmissionError> {
        self.admit_from(&self.peer, &format!("Bearer {token}"), now())
    }

    fn admit_from(
        &self,
        peer: &Peer,
        value: &str,
        at: SystemTime,
    ) -> Result<Caller, AdmissionError> {
        Caller::admit(peer, &PresentedToken::new([value.as_bytes()]), &self.terms, &self.tokens, at)
    }

    /// What is told after two looks, between which the files hold still.
    fn looked(&self) -> Vec<Reloaded> {
        let issuers: Vec<_> = self.terms.keyring.issuers().cloned().collect();
        let look = |issuer: &Word| self.terms.keyring.refresh(issuer);
        issuers.iter().chain(&issuers).filter_map(look).collect()
    }

    /// What comes of the good claims with one changed.
    fn with(&self, claim: &str, value: Value) -> Option<AdmissionError> {
        let mut claims = self.good();
        claims[claim] = value;
        self.admit(&signed(1, &claims)).err()
    }
}

fn signed(seed: u8, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "EdDSA", "kid": seed.to_string()});
    let text = format!("{}.{}", part(&header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair(seed).sign(text.as_bytes()));
    format!("{text}.{signature}")
}

#[test]
fn a_good_token_names_the_agent() {
    let door = Door::new(|_| ());
    let caller = door.admit(&signed(1, &door.good())).ok().unwrap();
    let vouched = caller.vouched.unwrap();
    assert_eq!((&*vouched.agent, &*vouched.issuer), ("login\0alice", "login"));
    assert_eq!((&*vouched.methods, vouched.auth_age), (&["pwd".into(), "otp".into()][..], 0));
    assert_eq!(vouched.token, sha256(&[b"login\0t-1"]));
    assert!(!vouched.concurrent);
}

#[test]
fn each_time_has_a_minute_of_leeway_and_no_more() {
    let door = Door::new(|_| ());
    for (claim, good, bad, fault) in [
        ("nbf", NOW + 60, NOW + 61, TokenFault::NotYet),
        ("auth_time", NOW + 60, NOW + 61, TokenFault::NotYet),
        ("exp", NOW + 900, NOW + 901, TokenFault::Lifetime),
        ("exp", NOW, NOW - 1, TokenFault::Lifetime),
        ("iat", NOW, NOW + 901, TokenFault::NotYet),
        ("exp", NOW, i64::MAX, TokenFault::Lifetime),
        ("iat", NOW, i64::MAX, TokenFault::NotYet),
    ] {
        assert_eq!(door.with(claim, json!(good)), None, "{claim} {good}");
        assert_eq!(door.with(claim, json!(bad)), Some(fault.into()), "{claim} {bad}");
    }
    let mut old = door.good();
    (old["iat"], old["nbf"]) = (json!(NOW - 500), json!(NOW - 500));
    old["exp"] = json!(NOW - 59);
    assert_eq!(door.admit(&signed(1, &old)).err(), None);
    old["exp"] = json!(NOW - 60);
    assert_eq!(door.admit(&signed(1, &old)).err(), Some(TokenFault::Expired.into()));
    let mut early = door.good();
    (early["iat"], early["exp"]) = (json!(NOW + 60), json!(NOW + 900));
    assert_eq!(door.admit(&signed(1, &early)).err(), None);
    early["iat"] = json!(NOW + 61);
    assert_eq!(door.admit(&signed(1, &early)).err(), Some(TokenFault::NotYet.into()));
    early.as_object_mut().unwrap().remove("nbf");
    early["iat"] = json!(NOW);
    assert_eq!(door.admit(&signed(1, &early)).err(), None, "`nbf` need not be there");
}

#[test]
fn a_claim_is_of_its_type_and_no_longer_than_it_may_be() {
    let door = Door::new(|_| ());
    let long = |n: usize| json!("x".repeat(n));
    for (claim, good) in [
        ("sub", long(128)),
        ("jti", long(128)),
        ("sub", json!("a b~")),
        ("aud", json!(["else", "greffier"])),
        ("amr", json!(["mfa", "of-their-own", "mfa"])),
        ("exp", json!((NOW + 300) as f64 + 0.5)),
        ("iat", json!(NOW as f64 + 0.25)),
        ("nbf", json!(NOW as f64 + 0.25)),
        ("auth_time", json!((NOW - 5) as f64)),
    ] {
        assert_eq!(door.with(claim, good.clone()), None, "{claim} {good}");
    }
    for (claim, bad) in [
        ("sub", long(129)),
        ("jti", long(129)),
        ("sub", json!("")),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("élodie")),
        ("jti", json!("a\nb")),
        ("sub", json!(["alice"])),
        ("exp", json!(format!("{}", NOW + 900))),
        ("iat", json!(-1)),
        ("nbf", json!(null)),
        ("auth_time", json!(true)),
        ("aud", json!([1])),
        ("aud", json!(vec!["greffier"; 33])),
        ("amr", json!("mfa")),
        ("amr", json!(["mfa", 1])),
        ("cnf", json!({"x5t": "AAAA"})),
        ("cnf", json!({"x5t#S256": "AAAA"})),
        ("cnf", json!("AAAA")),
    ] {
        let claim: &'static str = claim;
        let fault = Some(TokenFault::ClaimForm(claim).into());
        assert_eq!(door.with(claim, bad.clone()), fault, "{claim} {bad}");
    }
}

#[test]
fn a_log_in_is_as_good_and_as_fresh_as_the_policy_demands() {
    let step_up = |lack, second_factor| {
        Some(AdmissionError::StepUp(StepUp { lack, second_factor, max_age: 43_200 }))
    };
    let door = Door::new(|_| ());
    assert_eq!(door.with("amr", json!(["pwd"])), step_up(MissingFactor::SecondFactor, true));
    assert_eq!(door.with("amr", json!([])), step_up(MissingFactor::SecondFactor, true));
    assert_eq!(door.with("auth_time", json!(NOW - 43_200)), None);
    assert_eq!(door.with("auth_time", json!(NOW - 43_201)), step_up(MissingFactor::Recent, true));
    let lax = Door::new(|demand| demand.second_factor = false);
    assert_eq!(lax.with("amr", json!([])), None);
    assert_eq!(lax.with("auth_time", json!(0)), step_up(MissingFactor::Recent, false));
}

#[test]
fn a_header_holds_one_token_in_one_form() {
    let door = Door::new(|_| ());
    let token = signed(1, &door.good());
    let fault = |value: &str| door.admit_from(&door.peer, value, now()).err();
    for good in [format!("Bearer {token}"), format!("bEARER   {token}")] {
        assert_eq!(fault(&good), None);
    }
    for bad in [&*format!("Bearer{token}"), &token, "Bearer", "Bearer ", "Basic YTpi", ""] {
        assert_eq!(fault(bad), Some(TokenFault::Scheme.into()), "{bad}");
    }
    for bad in [".", "..", "a.b", &format!("{token}."), &format!("{token} x"), &format!("{token}=")]
    {
        assert!(fault(&format!("Bearer {bad}")).is_some(), "{bad}");
    }
    let padded = |n: usize| fault(&format!("Bearer {}", "A".repeat(n)));
    assert_eq!(padded(TOKEN_MAX), Some(TokenFault::Form.into()));
    assert_eq!(padded(TOKEN_MAX + 1), Some(TokenFault::TooLong.into()));
    let several = PresentedToken::new([&b"Bearer x"[..], b"Bearer x"]);
    let several = Caller::admit(&door.peer, &several, &door.terms, &door.tokens, now());
    assert_eq!(several.err(), Some(TokenFault::Several.into()));
}

#[test]
fn what_is_no_token_needs_no_verification() {
    let door = Door::new(|_| ());
    let needs = |values: &[&str]| {
        let shown = PresentedToken::new(values.iter().map(|value| value.as_bytes()));
        !door.tokens.needs_no_verification(&shown)
    };
    let good = &*format!("Bearer {}", signed(1, &door.good()));
    assert!(needs(&[good]));
    let nones: [&[&str]; 5] =
        [&[], &[good, good], &["Basic eA=="], &["Bearer garbage"], &["Bearer a.b.c"]];
    for none in nones {
        assert!(!needs(none), "{none:?}");
    }
}

#[test]
fn only_the_signature_is_remembered() {
    let door = Door::new(|_| ());
    let token = format!("Bearer {}", signed(1, &door.good()));
    assert!(!door.tokens.needs_no_verification(&PresentedToken::new([token.as_bytes()])));
    assert!(door.admit_from(&door.peer, &token, now()).is_ok());
    assert!(door.tokens.needs_no_verification(&PresentedToken::new([token.as_bytes()])));
    let later = now() + std::time::Duration::from_secs(960);
    let fault = |refused: Result<Caller, AdmissionError>| refused.err();
    assert_eq!(fault(door.admit_from(&door.peer, &token, later)), Some(TokenFault::Expired.into()));
    let other = peer(Role::Provider, "alpha");
    assert_eq!(fault(door.admit_from(&other, &token, now())), Some(TokenFault::Binding.into()));
    // Another key under the same name is not the key that signed.
    fs::write(door.keys.path(), jwks(&[2]).replace("\"2\"", "\"1\"")).unwrap();
    assert_eq!(door.looked().len(), 1);
    assert_eq!(
        fault(door.admit_from(&door.peer, &token, now())),
        Some(TokenFault::Signature.into())
    );
    fs::write(door.keys.path(), jwks(&[2])).unwrap();
    assert_eq!(door.looked().len(), 1);
    assert_eq!(fault(door.admit_from(&door.peer, &token, now())), Some(TokenFault::Key.into()));
    fs::write(door.keys.path(), jwks(&[2, 1])).unwrap();
    assert_eq!(door.looked().len(), 1);
    assert!(door.admit_from(&door.peer, &token, now()).is_ok());
    assert!(door.admit(&signed(2, &door.good())).is_ok());
}

#[test]
fn a_bad_key_file_leaves_the_old_keys_in_force_and_is_told_once() {
    let door = Door::new(|_| ());
    let token = signed(1, &door.good());
    assert!(door.looked().is_empty(), "the same content is no change");
    for bad in ["", "{\"keys\":[]}", "not json"] {
        fs::write(door.keys.path(), bad).unwrap();
        let told = door.looked();
        assert!(matches!(told[..], [Err(KeyFileError::Faulty { .. })]));
        assert!(door.looked().is_empty());
        assert!(door.admit(&token).is_ok());
    }
    fs::remove_file(door.keys.path()).unwrap();
    let told = door.looked();
    assert!(matches!(told[..], [Err(KeyFileError::Unreadable { .. })]));
    assert!(door.looked().is_empty());
    assert!(door.admit(&token).is_ok());
    fs::write(door.keys.path(), jwks(&[3, 4])).unwrap();
    assert!(matches!(door.looked()[..], [Ok((2, _))]));
    assert!(door.admit(&token).is_err());
}

#[test]
fn missing_keys_at_the_start_say_what_to_do() {
    let door = Door::new(|_| ());
    let (issuer, _) = door.terms.keyring.get("login").unwrap();
    let gone = Issuer { keys: "/nowhere/keys.jwks".into(), ..issuer.clone() };
    let gone = BTreeMap::from([("login".into(), gone)]);
    let error = Keyring::open(&gone, Path::new("")).err().unwrap().to_string();
    for part in ["/nowhere/keys.jwks", "[issuer.login]", "put the issuer's JWK Set there"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_token_on_two_open_connections_shows_on_each_and_no_longer_when_one_is_gone() {
    let door = Door::new(|_| ());
    let value = format!("Bearer {}", signed(1, &door.good()));
    let concurrent = |peer: &Peer| {
        let caller = door.admit_from(peer, &value, now()).ok().unwrap();
        caller.vouched.unwrap().concurrent
    };
    // The same certificate, as a second connection has it.
    let again = || {
        let mut peer = door.peer.clone();
        peer.reconnect();
        peer
    };
    let (one, two) = (door.peer.clone(), again());
    assert!(!concurrent(&one) && !concurrent(&one));
    assert!(concurrent(&two) && concurrent(&one) && concurrent(&two));
    let three = again();
    assert!(concurrent(&three));
    drop(two);
    assert!(concurrent(&three) && concurrent(&one));
    drop(three);
    assert!(!concurrent(&one));
    let other = format!("Bearer {}", {
        let mut claims = door.good();
        claims["jti"] = json!("t-2");
        signed(1, &claims)
    });
    let caller = door.admit_from(&again(), &other, now()).ok().unwrap();
    assert!(!caller.vouched.unwrap().concurrent);
}

static DOOR: LazyLock<Door> = LazyLock::new(|| Door::new(|_| ()));

proptest! {
    #[test]
    fn no_bytes_are_a_token(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let shown = [&b"Bearer "[..], &bytes].concat();
        for shown in [PresentedToken::new([&bytes[..]]), PresentedToken::new([&shown[..]])] {
            prop_assert!(Caller::admit(&DOOR.peer, &shown, &DOOR.terms, &DOOR.tokens, now()).is_err());
        }
    }

    #[test]
    fn no_three_parts_are_a_token(
        header in "\\PC{0,60}", payload in "\\PC{0,60}", signature in any::<[u8; 64]>(),
    ) {
        let [header, payload] = [header, payload].map(|text| URL_SAFE_NO_PAD.encode(text));
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let token = [header, payload, signature].join(".");
        prop_assert!(DOOR.admit(&token).is_err());
    }

    #[test]
    fn a_changed_token_is_none(
        at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.~ =-]", cut in 0_usize..3,
    ) {
        let token = signed(1, &DOOR.good());
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..(at + cut).min(token.len()), &to);
        prop_assume!(changed != token && changed.trim_start() != token);
        prop_assert!(DOOR.admit(&changed).is_err(), "{}", changed);
    }

    #[test]
    fn no_signed_payload_makes_it_panic(payload in "\\PC{0,80}", swap in "[a-z#0-9]{3,9}") {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"1"}"#);
        let good = DOOR.good().to_string();
        for payload in [&payload, &good.replacen("alice", &payload, 1), &good.replacen("exp", &swap, 1)] {
            let text = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
            let signature = URL_SAFE_NO_PAD.encode(pair(1).sign(text.as_bytes()));
            let _ = DOOR.admit(&format!("{text}.{signature}"));
        }
    }
}
