//! Tokens that must not be believed, after the list of RFC 8725, over real TLS against the real
//! gateway: each is refused with its code and reason, leaves no entry of a read, and is counted.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greffier::format::entry::{Payload, sha256};
use greffier::instance::{AGENT_ISSUER, Layout, TOKEN_LIFETIME_MAX};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tonic::Code;

use crate::instance::Instance;
use crate::issuer::{
    Issuer, PROVIDER, REJECTED, STEP_UP, b64, instance, is_read, list, now, signed,
};
use crate::pki::fingerprint;
use crate::told::Told;
use crate::wire::Wire;

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
        .filter_map(|entry| if let Payload::Read(read) = entry.payload { Some(read) } else { None })
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
