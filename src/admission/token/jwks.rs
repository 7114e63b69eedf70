//! The public keys of an issuer: a JWK Set (RFC 7517) in a file. A key is of one type and good for
//! one algorithm, so that no token chooses how it is checked (RFC 8725, 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::json::{self, Json, Object};
use super::{Algorithm, ID_MAX};
use crate::format::ed25519;

/// Largest key set file, in bytes.
pub const KEYS_FILE_MAX: usize = 256 << 10;
/// How many keys one file may have.
const KEYS_MAX: usize = 64;
/// Members that only a private or a shared key has.
const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a file is no key set that tokens can be checked by; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// The file is larger than [`KEYS_FILE_MAX`] bytes.
    #[error("it is larger than {KEYS_FILE_MAX} bytes: leave out keys that sign no more")]
    TooLarge,
    /// The file is not the JSON of a key set, or has a key twice in an object.
    #[error(
        "it is not JSON of the form {{\"keys\":[...]}}, each key once: export the issuer's JWK Set \
         (RFC 7517) again"
    )]
    Form,
    /// Whoever can read the file could sign.
    #[error(
        "it holds a private or shared key: put only public keys here, and have the issuer make a \
         new key, for this one is no secret any more"
    )]
    Secret,
    /// The file has more than 64 keys.
    #[error("it has more than {KEYS_MAX} keys: leave out those that sign no more")]
    TooMany,
    /// Every one is of another type, for another use, or broken.
    #[error(
        "none of its keys checks signatures by an algorithm of the policy (EdDSA with Ed25519, \
         ES256 with P-256, RS256 with 2048 to 8192 bits): add one, or correct `algorithms`"
    )]
    Unusable,
}

/// What a key is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Ed25519([u8; 32]),
    /// An uncompressed point of the curve P-256: 0x04, x and y.
    P256([u8; 65]),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// A public key of an issuer, good for one algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JwkKey {
    id: Option<String>,
    material: Material,
    /// SHA-256 of what it is made of: the same key, whatever it is called.
    print: [u8; 32],
}

impl JwkKey {
    /// The one algorithm that it is good for.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Ed25519(_) => Algorithm::EdDsa,
            Material::P256(_) => Algorithm::Es256,
            Material::Rsa { .. } => Algorithm::Rs256,
        }
    }

    pub(super) fn print(&self) -> [u8; 32] {
        self.print
    }

    /// Whether this key made the signature of the message.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Ed25519(key) => return ed25519::verifies(key, message, signature),
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        verified.is_ok()
    }
}

/// The keys of an issuer at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeySet {
    keys: Vec<JwkKey>,
    passed_over: Vec<PassedOver>,
}

/// A key of the set by which no token is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PassedOver {
    /// What it is called, or which one it is, counted from 1.
    pub(super) name: String,
    /// Why the key is passed over, in words.
    pub(super) why: &'static str,
}

impl KeySet {
    /// Reads the bytes of a file. Keys for something else are passed over, as RFC 7517 has it.
    pub(super) fn parse(bytes: &[u8], allowed: &[Algorithm]) -> Result<KeySet, KeySetFault> {
        if bytes.len() > KEYS_FILE_MAX {
            return Err(KeySetFault::TooLarge);
        }
        // A byte order mark is no JSON, and some systems write one before it (RFC 8259, 8.1).
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let set = json::object(bytes).ok_or(KeySetFault::Form)?;
        let listed = set.get("keys").and_then(Json::list).ok_or(KeySetFault::Form)?;
        if listed.len() > KEYS_MAX {
            return Err(KeySetFault::TooMany);
        }
        let (mut keys, mut passed_over) = (Vec::<JwkKey>::new(), Vec::new());
        let mut ambiguous = Vec::new();
        for (n, jwk) in (1..).zip(listed) {
            let jwk = jwk.object().ok_or(KeySetFault::Form)?;
            if SECRET.iter().any(|member| jwk.contains_key(*member)) {
                return Err(KeySetFault::Secret);
            }
            let key = match key(jwk) {
                Ok(key) if allowed.contains(&key.algorithm()) => key,
                other => {
                    let why = other.err().unwrap_or("the policy does not allow its algorithm");
                    passed_over.push(PassedOver { name: called(jwk, n), why });
                    continue;
                }
            };
            let alike = keys.iter().find(|other| key.id.is_some() && other.id == key.id);
            match alike {
                None => keys.push(key),
                // The same once more.
                Some(other) if other.material == key.material => {}
                Some(_) => {
                    let why = "another key of the set has its `kid`, and neither is used";
                    passed_over.push(PassedOver { name: called(jwk, n), why });
                    ambiguous.push(key.id);
                }
            }
        }
        keys.retain(|key| !ambiguous.contains(&key.id));
        if keys.is_empty() { Err(KeySetFault::Unusable) } else { Ok(KeySet { keys, passed_over }) }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that are not used.
    pub(super) fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// The key that a header means: the one of its `kid`; without one, the only one that fits.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&JwkKey> {
        let fits = |key: &&JwkKey| key.algorithm() == algorithm;
        if id.is_some() {
            return self.keys.iter().find(|key| key.id.as_deref() == id).filter(fits);
        }
        let mut fitting = self.keys.iter().filter(fits);
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

/// What a key is called in the log: its `kid` as far as it can be printed, else its number.
fn called(jwk: &Object, n: usize) -> String {
    match jwk.get("kid").and_then(Json::text) {
        Some(id) if !id.is_empty() && id.len() <= ID_MAX => format!("{id:?}"),
        _ => format!("number {n}"),
    }
}

/// A key for signatures of a kind that is known here, or why it is none.
fn key(jwk: &Object) -> Result<JwkKey, &'static str> {
    // A member of another type is a key that says nothing clear.
    let id = match jwk.get("kid") {
        None => None,
        Some(id) => {
            let id = id.text().filter(|id| !id.is_empty() && id.len() <= ID_MAX);
            Some(id.ok_or("its `kid` is no text, empty or too long")?.to_owned())
        }
    };
    if jwk.get("use").is_some_and(|usage| usage.text() != Some("sig")) {
        return Err("its `use` is not `sig`");
    }
    let verifies =
        |ops: &Json| ops.list().is_some_and(|ops| ops.iter().any(|op| op.text() == Some("verify")));
    if jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
        return Err("its `key_ops` has no `verify`");
    }
    let material = material(jwk)?;
    let print = print(&material);
    let key = JwkKey { id, material, print };
    if jwk.get("alg").is_some_and(|alg| alg.text() != Some(key.algorithm().word())) {
        return Err("its `alg` is not one that is checked here by such a key");
    }
    Ok(key)
}

/// What it is made of (RFC 7518, 6; RFC 8037, 2).
fn material(jwk: &Object) -> Result<Material, &'static str> {
    let text = |name: &str| jwk.get(name).and_then(Json::text);
    match (text("kty"), text("crv")) {
        (Some("OKP"), Some("Ed25519")) => {
            let key = part(jwk, "x").ok_or("its `x` is not 32 bytes in base64url")?;
            if !ed25519::is_key(&key) {
                return Err("signatures pass by it without a private key");
            }
            Ok(Material::Ed25519(key))
        }
        (Some("EC"), Some("P-256")) => {
            let bad = "its `x` or `y` is not 32 bytes in base64url";
            let (x, y): ([u8; 32], [u8; 32]) =
                (part(jwk, "x").ok_or(bad)?, part(jwk, "y").ok_or(bad)?);
            let mut point = [4; 65];
            point[1..33].copy_from_slice(&x);
            point[33..].copy_from_slice(&y);
            Ok(Material::P256(point))
        }
        (Some("RSA"), _) => {
            let bad = "its `n` or `e` is not an integer in base64url";
            let (n, e) = (integer(jwk, "n").ok_or(bad)?, integer(jwk, "e").ok_or(bad)?);
            if !(256..=1_024).contains(&n.len()) {
                return Err("its modulus has not 2048 to 8192 bits");
            }
            if !(1..=5).contains(&e.len()) {
                return Err("its exponent is 0 or too large");
            }
            Ok(Material::Rsa { n, e })
        }
        (Some("OKP" | "EC"), _) => Err("its `crv` is not checked here"),
        _ => Err("its `kty` is not checked here"),
    }
}

fn bytes(jwk: &Object, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(jwk.get(name)?.text()?).ok()
}

/// An integer without zero bytes before it. RFC 7518, 6.3.1.1 has none there; implementations that
/// write the signed form of Java's BigInteger put one.
fn integer(jwk: &Object, name: &str) -> Option<Vec<u8>> {
    let bytes = bytes(jwk, name)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    (zeros <= 1).then(|| bytes[zeros..].to_vec())
}

fn part<const N: usize>(jwk: &Object, name: &str) -> Option<[u8; N]> {
    bytes(jwk, name)?.try_into().ok()
}

fn print(material: &Material) -> [u8; 32] {
    let bytes = match material {
        Material::Ed25519(key) => [&b"Ed25519"[..], key].concat(),
        Material::P256(point) => [&b"P-256"[..], point].concat(),
        // The exponent has a length of one byte, so that no two keys run together.
        Material::Rsa { n, e } => [&b"RSA"[..], &[e.len() as u8], e, n].concat(),
    };
    let mut print = [0; 32];
    print.copy_from_slice(digest(&SHA256, &bytes).as_ref());
    print
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const ALL: [Algorithm; 3] = Algorithm::ALL;

    fn set(keys: &[String]) -> Result<KeySet, KeySetFault> {
        KeySet::parse(format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes(), &ALL)
    }

    fn okp(more: &str) -> String {
        format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\"{more}}}")
    }

    fn ec(more: &str) -> String {
        format!("{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{X}\",\"y\":\"{X}\"{more}}}")
    }

    fn rsa(bytes: usize) -> String {
        let n = URL_SAFE_NO_PAD.encode(vec![0x81; bytes]);
        format!("{{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"{n}\",\"e\":\"AQAB\"}}")
    }

    /// The signature of RFC 8037, A.4, is checked by its key.
    #[test]
    fn a_signature_of_the_rfc_is_checked_by_its_key() {
        let set = set(&[okp("")]).unwrap();
        let key = set.find(None, Algorithm::EdDsa).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt\
                         9g7sVvpAr_MuM0KAg";
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.signed(message, &signature));
        assert!(!key.signed(&message[1..], &signature));
    }

    /// The signature of RFC 7515, A.3, is checked by its key.
    #[test]
    fn a_signature_of_p_256_is_checked_by_its_key() {
        let body = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc\
                    19yb290Ijp0cnVlfQ";
        let ec = r#"{"kty":"EC","crv":"P-256",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let ec_signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQx\
                            fKTUJqPP3-Kg6NU1Q";
        let set = set(&[ec.to_owned(), rsa(256)]).unwrap();
        let message = format!("eyJhbGciOiJFUzI1NiJ9.{body}");
        let key = set.find(None, Algorithm::Es256).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(ec_signature).unwrap();
        assert!(key.signed(message.as_bytes(), &signature));
        assert!(!key.signed(message.as_bytes(), &signature[1..]));
        let other = set.find(None, Algorithm::Rs256).unwrap();
        assert!(!other.signed(message.as_bytes(), &signature));
    }

    #[test]
    fn a_key_for_something_else_is_passed_over() {
        for other in [
            okp(r#","use":"enc""#),
            okp(r#","alg":"ES256""#),
            okp(r#","alg":"HS256""#),
            okp(r#","alg":1"#),
            okp(r#","key_ops":["sign"]"#),
            okp(r#","kid":7"#),
            okp(r#","kid":"""#),
            okp("").replace(X, &URL_SAFE_NO_PAD.encode([0; 32])),
            okp("").replace("Ed25519", "X25519"),
            okp("").replace(X, "AAAA"),
            ec("").replace("P-256", "secp256k1"),
            rsa(255),
            rsa(1_025),
            r#"{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}"#.to_owned(),
            r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}"#.to_owned(),
            rsa(256).replace("\"kty\"", "\"use\":\"enc\",\"alg\":\"RSA-OAEP\",\"kty\""),
            rsa(256).replace("\"e\":\"AQAB\"", "\"e\":\"AQAB=\""),
            okp("").replace("Ed25519", "ed25519"),
            r#"{"kty":"RSA","e":"AQAB"}"#.to_owned(),
            "{}".to_owned(),
        ] {
            assert_eq!(set(std::slice::from_ref(&other)), Err(KeySetFault::Unusable), "{other}");
            let kept = set(&[other.clone(), ec("")]).unwrap();
            assert_eq!((kept.len(), kept.passed_over().len()), (1, 1), "{other}");
        }
        for good in [
            okp(r#","use":"sig","alg":"EdDSA","key_ops":["verify"],"kid":"a","x5c":["..."]"#),
            ec(r#","alg":"ES256""#),
            rsa(256),
            rsa(1_024),
        ] {
            assert!(set(std::slice::from_ref(&good)).is_ok(), "{good}");
        }
        let only_rsa = format!("{{\"keys\":[{}]}}", rsa(256));
        let allowed = [Algorithm::EdDsa, Algorithm::Es256];
        assert_eq!(KeySet::parse(only_rsa.as_bytes(), &allowed), Err(KeySetFault::Unusable));
    }

    #[test]
    fn a_key_that_is_passed_over_is_named_with_the_reason() {
        let others = [okp(r#","kid":"e","use":"enc""#), rsa(255), okp(r#","kid":"\n""#)];
        let others = [&others[..], &[r#"{"kty":"oct"}"#.to_owned(), ec("")]].concat();
        let kept = KeySet::parse(
            format!("{{\"keys\":[{}]}}", others.join(",")).as_bytes(),
            &[Algorithm::Es256],
        );
        let told: Vec<_> =
            kept.unwrap().passed_over().iter().map(|key| (key.name.clone(), key.why)).collect();
        let told: Vec<_> = told.iter().map(|(name, why)| (&**name, *why)).collect();
        assert_eq!(
            told,
            [
                ("\"e\"", "its `use` is not `sig`"),
                ("\"r\"", "its modulus has not 2048 to 8192 bits"),
                ("\"\\n\"", "the policy does not allow its algorithm"),
                ("number 4", "its `kty` is not checked here"),
            ]
        );
    }

    #[test]
    fn a_modulus_may_have_one_zero_byte_before_it() {
        let with = |zeros: usize, bytes: usize| {
            let n = [vec![0; zeros], vec![0x81; bytes]].concat();
            format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, URL_SAFE_NO_PAD.encode(n))
        };
        let print =
            |key: String| set(&[key]).map(|set| set.find(None, Algorithm::Rs256).unwrap().print());
        assert_eq!(print(with(1, 256)), print(with(0, 256)), "it is the same key");
        assert!(print(with(1, 1_024)).is_ok());
        for bad in [with(2, 256), with(1, 255), with(256, 0)] {
            assert_eq!(print(bad), Err(KeySetFault::Unusable));
        }
    }

    #[test]
    fn a_file_that_is_no_set_of_public_keys_is_refused_whole() {
        for text in
            ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#]
        {
            assert_eq!(KeySet::parse(text.as_bytes(), &ALL), Err(KeySetFault::Form), "{text}");
        }
        for secret in [okp(r#","d":"AAAA""#), r#"{"kty":"oct","k":"AAAA"}"#.to_owned()] {
            assert_eq!(set(&[ec(""), secret]), Err(KeySetFault::Secret));
        }
        let marked = format!("\u{feff} {{\"keys\":[{}]}}\n", okp(""));
        assert!(KeySet::parse(marked.as_bytes(), &ALL).is_ok());
        let named = |n: usize| okp(&format!(",\"kid\":\"{n}\""));
        assert!(set(&(0..64).map(named).collect::<Vec<_>>()).is_ok());
        assert_eq!(set(&(0..65).map(named).collect::<Vec<_>>()), Err(KeySetFault::TooMany));
        let padded = |n: usize| {
            let text = format!("{{\"keys\":[{}]}}", okp(""));
            KeySet::parse(format!("{text}{}", " ".repeat(n - text.len())).as_bytes(), &ALL)
        };
        assert!(padded(KEYS_FILE_MAX).is_ok());
        assert_eq!(padded(KEYS_FILE_MAX + 1), Err(KeySetFault::TooLarge));
    }

    #[test]
    fn keys_of_one_kid_are_one_key_or_none() {
        let a = okp(r#","kid":"a""#);
        let same = set(&[a.clone(), a.clone(), ec(r#","kid":"b""#)]).unwrap();
        assert_eq!((same.len(), same.passed_over().len()), (2, 0));
        let other = ec(r#","kid":"a""#);
        let two = set(&[a.clone(), other.clone(), rsa(256), other.clone()]).unwrap();
        assert_eq!((two.len(), two.passed_over().len()), (1, 2));
        assert!(two.find(Some("a"), Algorithm::EdDsa).is_none());
        assert!(two.find(Some("a"), Algorithm::Es256).is_none());
        assert!(two.passed_over()[0].why.contains("has its `kid`"));
        assert_eq!(set(&[a, other]), Err(KeySetFault::Unusable));
    }

    #[test]
    fn a_kid_names_its_key_and_without_one_only_a_lone_key_is_meant() {
        let two = set(&[okp(r#","kid":"a""#), ec(r#","kid":"b""#)]).unwrap();
        assert!(two.find(Some("a"), Algorithm::EdDsa).is_some());
        // The key is there, and is not good for what the header says.
        assert!(two.find(Some("a"), Algorithm::Es256).is_none());
        assert!(two.find(Some("c"), Algorithm::EdDsa).is_none());
        assert!(two.find(None, Algorithm::Es256).is_some());
        assert!(two.find(None, Algorithm::Rs256).is_none());
        let alike = set(&[okp(r#","kid":"a""#), okp("")]).unwrap();
        assert!(alike.find(None, Algorithm::EdDsa).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(KeySet::parse(&bytes, &ALL).is_err());
        }

        #[test]
        fn no_change_of_a_good_set_makes_the_parser_panic(
            at in any::<prop::sample::Index>(), cut in 0_usize..8, put in "[\\PC]{0,6}",
        ) {
            let mut text = format!("{{\"keys\":[{},{},{}]}}", okp(""), ec(""), rsa(256));
            let start = at.index(text.len());
            let end = (start + cut).min(text.len());
            text.replace_range(start..end, &put);
            let _ = KeySet::parse(text.as_bytes(), &ALL);
        }
    }
}
