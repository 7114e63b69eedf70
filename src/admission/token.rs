//! The agent: a person for whom an issuer vouches with a JWT (RFC 7519), held against the list of
//! RFC 8725. What a token says counts only after its signature, and its signature only by a key of
//! the issuer that the policy names for the caller's provider.
//!
//! Only the verdict on a signature is kept, with the key that gave it and the claims that it is
//! about. Times, key sets and the policy are asked at every call.

mod claims;
mod factors;
mod generations;
mod json;
mod jwks;
mod jws;
mod keyring;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use ring::digest::{Context, SHA256};

use super::certificate::Connection;
use super::{AdmissionError, Algorithm, Issuer, RunBy, TokenRequirements, Word};
use claims::Claims;
use generations::Generations;
use jwks::KeySet;
pub use jwks::{KEYS_FILE_MAX, KeySetFault};
use jws::{Header, Jws};
pub use keyring::{KeyFileError, Keyring, Reloaded};

/// Longest token that is looked at, in bytes.
pub const TOKEN_MAX: usize = 8 << 10;
/// Longest key id, subject and token id.
const ID_MAX: usize = 128;
/// Tokens whose claims are kept, from so many to twice as many. Claims are no longer than their
/// token.
const CLAIMS: usize = 4_096;
/// The same of token ids whose connections are.
const USED: usize = 8_192;
/// Connections that are remembered of one token: two would do if none were ever closed.
const CONNECTIONS: usize = 8;

/// Why a token is refused. Which of these it was is for the log: whoever tries tokens learns
/// nothing from the answer, except that there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The call carries no `authorization`, and the policy demands a token.
    #[error("there is none")]
    Missing,
    /// The call carries more than one `authorization`.
    #[error("there is more than one `authorization`")]
    Several,
    /// The `authorization` is not `Bearer` and one token.
    #[error("`authorization` is not Bearer and one token")]
    Scheme,
    /// The token is longer than [`TOKEN_MAX`] bytes.
    #[error("it is longer than {TOKEN_MAX} bytes")]
    TooLong,
    /// The token is not three parts in base64url (RFC 7515).
    #[error("it is not a JWS in compact form")]
    Form,
    /// The token is encrypted: a JWE (RFC 7516).
    #[error("it is encrypted")]
    Encrypted,
    /// Not a JSON object, a key twice, or a `kid` that is none.
    #[error("its header cannot be read")]
    Header,
    /// The header has `crit`, `b64` or `cty`, which are not understood here.
    #[error("its header asks for what is not understood here")]
    Critical,
    /// The `typ` of the header is that of another kind of token.
    #[error("its `typ` is that of something else")]
    Type,
    /// The `alg` of the header is not in the issuer's list.
    #[error("its `alg` is not allowed")]
    Algorithm,
    /// No key of the issuer's fits.
    #[error("no key of the issuer's set fits its header")]
    Key,
    /// The signature is not by the issuer's key.
    #[error("its signature is not good")]
    Signature,
    /// Not a JSON object, or a key twice.
    #[error("its payload cannot be read")]
    Payload,
    /// Missing, of another type, too long or not printable.
    #[error("its claim `{0}` is missing or of another form")]
    ClaimForm(&'static str),
    /// The claim `iss` is not the URL of the issuer.
    #[error("it is of another issuer")]
    Issuer,
    /// The claim `aud` does not hold the audience of this gateway.
    #[error("it is for another audience")]
    Audience,
    /// The time of the claim `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// The time of the claim `nbf`, `iat` or `auth_time` has not come.
    #[error("it is of the future")]
    NotYet,
    /// The time from `iat` to `exp` is longer than the policy allows.
    #[error("it is good for longer than the policy allows")]
    Lifetime,
    /// The claim `cnf` binds it to another certificate than the caller's (RFC 8705).
    #[error("it is bound to another certificate")]
    Binding,
}

/// The token is good, and the agent must log in once more, better or again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{lack}")]
pub struct StepUp {
    /// What the log-in lacks by the policy.
    pub lack: MissingFactor,
    /// Whether the policy demands a second factor.
    pub second_factor: bool,
    /// How long ago the agent may have logged in, in seconds.
    pub max_age: u64,
}

/// What a log-in lacks by the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingFactor {
    /// The claim `amr` shows fewer than two factors (RFC 8176).
    #[error("a second factor is missing")]
    SecondFactor,
    /// The time of the claim `auth_time` is too long ago.
    #[error("the log-in is too long ago")]
    Recent,
}

/// What a call carries as `authorization`. Nothing of it is believed yet.
pub struct PresentedToken<'c> {
    token: Result<&'c [u8], TokenFault>,
    digest: OnceLock<[u8; 32]>,
}

impl<'c> PresentedToken<'c> {
    /// Of all values of the header.
    pub fn new(values: impl IntoIterator<Item = &'c [u8]>) -> PresentedToken<'c> {
        let mut values = values.into_iter();
        let token = match (values.next(), values.next()) {
            (None, _) => Err(TokenFault::Missing),
            (Some(_), Some(_)) => Err(TokenFault::Several),
            (Some(value), None) => bearer(value),
        };
        PresentedToken { token, digest: OnceLock::new() }
    }

    /// What the same call need not work out again.
    pub fn mark(&self) -> Option<TokenDigest> {
        Some(TokenDigest(self.digest(self.token.ok()?)))
    }

    /// With what was worked out before, of the same call.
    pub fn marked(self, mark: Option<&TokenDigest>) -> PresentedToken<'c> {
        let digest = mark.map_or_else(OnceLock::new, |mark| mark.0.into());
        PresentedToken { digest, ..self }
    }

    fn digest(&self, token: &[u8]) -> [u8; 32] {
        *self.digest.get_or_init(|| sha256(&[token]))
    }
}

/// The digest of what one call carries, made of its headers and of nothing else.
#[derive(Clone, Copy, Debug)]
pub struct TokenDigest([u8; 32]);

/// RFC 6750: `Bearer`, in letters of either case, spaces, and a token.
fn bearer(value: &[u8]) -> Result<&[u8], TokenFault> {
    let scheme = value.split_at_checked(6).filter(|(name, _)| name.eq_ignore_ascii_case(b"bearer"));
    let (_, rest) = scheme.ok_or(TokenFault::Scheme)?;
    let token = rest.trim_ascii_start();
    if token.len() == rest.len() || token.is_empty() {
        return Err(TokenFault::Scheme);
    }
    if token.len() > TOKEN_MAX { Err(TokenFault::TooLong) } else { Ok(token) }
}

/// Which tokens were found signed, by which key, and over which connections each is used. Bounded:
/// what is forgotten is verified again, and looked for again.
pub struct Tokens {
    /// Tokens whose signature is good, by SHA-256 of the token.
    signed: Mutex<Generations<Arc<Signed>>>,
    /// By the digest of the token's id: connections that carried it, at most [`CONNECTIONS`].
    used: Mutex<Generations<Vec<Weak<()>>>>,
}

impl Default for Tokens {
    fn default() -> Tokens {
        let (signed, used) = (Generations::new(CLAIMS), Generations::new(USED));
        Tokens { signed: Mutex::new(signed), used: Mutex::new(used) }
    }
}

/// A token whose signature was found good.
struct Signed {
    header: Header,
    claims: Claims,
    /// Print of the key that signed it.
    by: [u8; 32],
    /// The first 16 bytes of SHA-256 of the token's subject.
    bearer: [u8; 16],
}

/// Whoever shows a good token, at the headers of a call: enough to tell one agent of a provider
/// from another, and no leave to read.
pub struct Bearer {
    signed: Arc<Signed>,
    issuer: Word,
}

impl Bearer {
    /// A digest of its subject: it tells the agents of one provider apart.
    pub fn digest(&self) -> [u8; 16] {
        self.signed.bearer
    }

    /// What the agent is called, as [`agent`] has it.
    pub fn agent(&self) -> Word {
        agent(&self.issuer, &self.signed.claims.subject)
    }

    /// When the token expires, Unix seconds.
    pub fn until(&self) -> u64 {
        u64::try_from(self.signed.claims.expires()).unwrap_or_default()
    }
}

/// The person for whom a good token vouches.
pub(super) struct VouchedAgent {
    /// Issuer, 0x00, subject: nobody else is called so, for neither name holds a zero byte.
    pub(super) agent: Word,
    pub(super) issuer: Word,
    /// Who runs the issuer, and so whose word it is.
    pub(super) run_by: RunBy,
    pub(super) methods: Arc<[Word]>,
    pub(super) auth_age: u64,
    /// SHA-256 over issuer, 0x00, token id.
    pub(super) token: [u8; 32],
    /// Whether another connection that is open has carried the same token id.
    pub(super) concurrent: bool,
}

/// What a person is called for whom an issuer vouches.
pub fn agent(issuer: &str, subject: &str) -> Word {
    [issuer, "\0", subject].concat().into()
}

impl Tokens {
    /// Whether no signature need be verified to rule on what is shown: its own was found good
    /// before, or it is no token that could have one. It may still be refused.
    pub fn needs_no_verification(&self, shown: &PresentedToken<'_>) -> bool {
        let Ok(token) = shown.token else { return true };
        let known = self.signed.lock().get(&shown.digest(token)).is_some();
        known || Jws::parse(token).is_err()
    }

    /// Holds what is shown against the issuer's keys as they are now, the demands of the policy,
    /// the certificate of the call and the time in Unix seconds.
    pub(super) fn check(
        &self,
        shown: &PresentedToken<'_>,
        by: (&TokenRequirements, &Keyring),
        certificate: &[u8; 32],
        now: i64,
    ) -> Result<Bearer, AdmissionError> {
        let (signed, ..) = self.good(shown, by, certificate, now)?;
        Ok(Bearer { signed, issuer: by.0.issuer.clone() })
    }

    /// The same; who is vouched for, and whether they are over another connection too.
    pub(super) fn vouch(
        &self,
        shown: &PresentedToken<'_>,
        by: (&TokenRequirements, &Keyring),
        (certificate, connection): (&[u8; 32], &Connection),
        now: i64,
    ) -> Result<VouchedAgent, AdmissionError> {
        let (signed, run_by, auth_age) = self.good(shown, by, certificate, now)?;
        let ((demand, _), claims) = (by, &signed.claims);
        let id = sha256(&[demand.issuer.as_bytes(), &[0], claims.id.as_bytes()]);
        Ok(VouchedAgent {
            agent: agent(&demand.issuer, &claims.subject),
            issuer: demand.issuer.clone(),
            run_by,
            methods: claims.methods.clone(),
            auth_age,
            token: id,
            concurrent: self.concurrent(id, connection),
        })
    }

    /// A token that is good, who runs its issuer, and how long ago the agent logged in.
    fn good(
        &self,
        shown: &PresentedToken<'_>,
        (demand, keyring): (&TokenRequirements, &Keyring),
        certificate: &[u8; 32],
        now: i64,
    ) -> Result<(Arc<Signed>, RunBy, u64), AdmissionError> {
        let token = shown.token?;
        let (issuer, keys) = keyring.get(&demand.issuer).ok_or(TokenFault::Key)?;
        let signed = self.signed(token, shown.digest(token), issuer, &keys)?;
        signed.claims.check(issuer, certificate, now)?;
        let auth_age = signed.claims.authenticated(demand, now)?;
        Ok((signed, issuer.run_by, auth_age))
    }

    /// The token, if it is signed by the key that its header and the issuer's set now lead to: as
    /// it is remembered of this very key, or verified and read now.
    fn signed(
        &self,
        token: &[u8],
        digest: [u8; 32],
        issuer: &Issuer,
        keys: &KeySet,
    ) -> Result<Arc<Signed>, TokenFault> {
        let known = self.signed.lock().get(&digest).cloned();
        if let Some(known) = known
            && known.header.key(issuer, keys)?.print() == known.by
        {
            return Ok(known);
        }
        let jws = Jws::parse(token)?;
        let key = jws.header.key(issuer, keys)?;
        if !key.signed(jws.signed, &jws.signature) {
            return Err(TokenFault::Signature);
        }
        let (claims, by) = (Claims::parse(&jws.payload)?, key.print());
        let mut bearer = [0; 16];
        bearer.copy_from_slice(&sha256(&[claims.subject.as_bytes()])[..16]);
        let signed = Arc::new(Signed { header: jws.header, claims, by, bearer });
        self.signed.lock().put(digest, signed.clone());
        Ok(signed)
    }

    /// Remembers the connection, and says whether another one uses the same token.
    fn concurrent(&self, id: [u8; 32], connection: &Connection) -> bool {
        let mut used = self.used.lock();
        let this = Arc::downgrade(connection);
        let Some(known) = used.get_mut(&id) else {
            used.put(id, vec![this]);
            return false;
        };
        if !known.iter().any(|one| one.ptr_eq(&this)) {
            known.retain(|one| one.strong_count() > 0);
            known.truncate(CONNECTIONS - 1);
            known.push(this.clone());
        }
        known.iter().any(|one| !one.ptr_eq(&this) && one.strong_count() > 0)
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
