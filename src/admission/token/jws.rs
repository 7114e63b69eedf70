//! A token as it came: a JWS in compact form (RFC 7515), read strictly, and the header that says
//! which key may have signed it. What the header offers besides, keys and addresses of keys, is
//! never looked at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::json::{self, Json};
use super::jwks::{JwkKey, KeySet};
use super::{Algorithm, ID_MAX, Issuer, TokenFault};

/// A signed token in parts. Nothing of it is true yet.
pub(super) struct Jws<'t> {
    pub(super) header: Header,
    /// What is signed: header and payload as they came.
    pub(super) signed: &'t [u8],
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What the header says of the key that signed: its algorithm, and its id if it has one.
pub(super) struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
}

impl Header {
    /// The one key of the issuer's set that it leads to, if the issuer signs with that algorithm.
    pub(super) fn key<'k>(
        &self,
        issuer: &Issuer,
        keys: &'k KeySet,
    ) -> Result<&'k JwkKey, TokenFault> {
        if !issuer.algorithms.contains(&self.algorithm) {
            return Err(TokenFault::Algorithm);
        }
        keys.find(self.key_id.as_deref(), self.algorithm).ok_or(TokenFault::Key)
    }
}

impl<'t> Jws<'t> {
    pub(super) fn parse(token: &'t [u8]) -> Result<Jws<'t>, TokenFault> {
        let dots: Vec<usize> = token
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'.')
            .map(|(at, _)| at)
            .take(5)
            .collect();
        let (first, second) = match dots[..] {
            [first, second] => (first, second),
            // Five parts are a JWE: encrypted, and perhaps signed by nobody.
            [_, _, _, _] => return Err(TokenFault::Encrypted),
            _ => return Err(TokenFault::Form),
        };
        let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Form);
        let header = decode(&token[..first])?;
        let (payload, signature) =
            (decode(&token[first + 1..second])?, decode(&token[second + 1..])?);
        let header = read(&header)?;
        Ok(Jws { header, signed: &token[..second], payload, signature })
    }
}

/// A header that asks for nothing that is not understood here.
fn read(header: &[u8]) -> Result<Header, TokenFault> {
    let header = json::object(header).ok_or(TokenFault::Header)?;
    let text = |name: &str| header.get(name).map(Json::text);
    if header.contains_key("enc") {
        return Err(TokenFault::Encrypted);
    }
    // `b64` changes what is signed and `cty` says that another token is inside.
    if ["crit", "b64", "cty"].iter().any(|name| header.contains_key(*name)) {
        return Err(TokenFault::Critical);
    }
    let types = ["JWT", "at+jwt", "application/at+jwt"];
    let kind = |kind: &str| types.iter().any(|known| known.eq_ignore_ascii_case(kind));
    if text("typ").is_some_and(|typ| !typ.is_some_and(kind)) {
        return Err(TokenFault::Type);
    }
    let algorithm = text("alg").flatten().and_then(|alg| alg.parse().ok());
    let algorithm = algorithm.ok_or(TokenFault::Algorithm)?;
    let key_id = match text("kid") {
        None => None,
        Some(id) => Some(id.filter(|id| id.len() <= ID_MAX).ok_or(TokenFault::Header)?.to_owned()),
    };
    Ok(Header { algorithm, key_id })
}
