//! The issuer of a development instance: it vouches for whoever is named to it. A production issuer
//! is the agency's log-in, and its key is not in a folder beside.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519};
use ring::signature::Ed25519KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

use super::{InstanceError, Layout, at, write_public, write_secret};
use crate::files;
use crate::format::entry::sha256;
use crate::format::signer::random;

/// The claim `iss` of the issuer's tokens.
pub const AGENT_ISSUER: &str = "https://agents.greffier.example";
/// The claim `aud` of the issuer's tokens.
pub const AGENT_AUDIENCE: &str = "greffier";
/// How long its tokens may be good: `max_lifetime_seconds` of the policy.
pub const TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(3_600);

/// Makes its key, `keys/agents.key`, and the public half, `agents.jwks`.
pub(super) fn write(layout: &Layout) -> Result<(), InstanceError> {
    let key = KeyPair::generate_for(&PKCS_ED25519)?;
    write_secret(&layout.agents_key(), &key.serialize_pem())?;
    let (x, kid) = names(key.public_key_raw());
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig",
    });
    write_public(&layout.agents_jwks(), &format!("{:#}\n", json!({"keys": [jwk]})))
}

/// A public key as a JWK has it, and its thumbprint (RFC 7638), which is what it is called.
fn names(public: &[u8]) -> (String, String) {
    let x = URL_SAFE_NO_PAD.encode(public);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    let kid = URL_SAFE_NO_PAD.encode(sha256(&[members.as_bytes()]).0);
    (x, kid)
}

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct Login {
    /// The person who logs in, claim `sub` of the token.
    pub agent: String,
    /// SHA-256 of the client certificate that it is good with.
    pub certificate: [u8; 32],
    /// How the agent logged in: words of RFC 8176.
    pub methods: Vec<String>,
    /// How long ago the agent logged in.
    pub age: Duration,
    /// How long the token is good.
    pub lifetime: Duration,
}

impl Login {
    /// Of an agent who has just logged in with a password and a one-time password.
    ///
    /// # Errors
    /// [`InstanceError::File`] if the certificate cannot be read.
    pub fn now(agent: &str, certificate: &Path) -> Result<Login, InstanceError> {
        let der = CertificateDer::from_pem_file(certificate);
        let der = der.map_err(|why| at(certificate)(std::io::Error::other(why.to_string())))?;
        Ok(Login {
            agent: agent.to_owned(),
            certificate: sha256(&[&der]).0,
            methods: ["pwd", "otp"].map(String::from).to_vec(),
            age: Duration::ZERO,
            lifetime: Duration::from_secs(900),
        })
    }
}

/// A new token of an instance's issuer for an agent who has just logged in, good with this
/// certificate; and how long it is good.
///
/// # Errors
/// [`InstanceError`] if the instance has no issuer's key, or the certificate cannot be read.
pub fn fresh_token(
    layout: &Layout,
    certificate: &Path,
    agent: &str,
) -> Result<(String, Duration), InstanceError> {
    let login = Login::now(agent, certificate)?;
    let token = AgentIssuer::open(layout)?.token(&login, SystemTime::now())?;
    Ok((token, login.lifetime))
}

/// The issuer, with its private key.
#[derive(Debug)]
pub struct AgentIssuer {
    key: Ed25519KeyPair,
    kid: String,
}

impl AgentIssuer {
    /// Of an instance.
    ///
    /// # Errors
    /// [`InstanceError`] if there is no key, or none that signs.
    pub fn open(layout: &Layout) -> Result<AgentIssuer, InstanceError> {
        use ring::signature::KeyPair as _;
        let path = layout.agents_key();
        let pem = files::read_secret(&path)?;
        let key =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(&KeyPair::from_pem(&pem)?.serialize_der());
        let key = key.map_err(|why| at(&path)(std::io::Error::other(why.to_string())))?;
        let (_, kid) = names(key.public_key().as_ref());
        Ok(AgentIssuer { key, kid })
    }

    /// A token, with an id of its own.
    ///
    /// # Errors
    /// [`InstanceError::Randomness`].
    pub fn token(&self, login: &Login, now: SystemTime) -> Result<String, InstanceError> {
        let id = random::<16>().map_err(|_| InstanceError::Randomness)?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid});
        let claims = json!({
            "iss": AGENT_ISSUER,
            "aud": AGENT_AUDIENCE,
            "sub": login.agent,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "iat": now,
            "nbf": now,
            "exp": now + login.lifetime.as_secs(),
            "auth_time": now.saturating_sub(login.age.as_secs()),
            "amr": login.methods,
            "cnf": {"x5t#S256": URL_SAFE_NO_PAD.encode(login.certificate)},
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }
}
