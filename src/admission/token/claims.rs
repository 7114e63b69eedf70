//! What a token says, read out of its payload and held against what the policy demands. Every claim
//! that is used here is required, and of one type.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::json::{self, Json, Object};
use super::{ID_MAX, Issuer, MissingFactor, StepUp, TokenFault, TokenRequirements, Word, factors};

/// How far the clocks of issuer and gateway may be apart, in seconds.
pub(super) const LEEWAY: i64 = 60;
/// Most entries of `aud` and of `amr`.
const LIST_MAX: usize = 32;

/// The claims of a token that are used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    issuer: String,
    audiences: Vec<String>,
    pub(super) subject: String,
    /// Id of the token, its claim `jti`.
    pub(super) id: String,
    issued: i64,
    expires: i64,
    not_before: Option<i64>,
    authenticated: i64,
    /// Words of RFC 8176, each once, in the order of the token.
    pub(super) methods: Arc<[Word]>,
    /// SHA-256 of the certificate that it is bound to.
    certificate: [u8; 32],
}

impl Claims {
    /// When the token expires, Unix seconds.
    pub(super) fn expires(&self) -> i64 {
        self.expires
    }

    /// Reads the payload of a token.
    pub(super) fn parse(payload: &[u8]) -> Result<Claims, TokenFault> {
        let object = json::object(payload).ok_or(TokenFault::Payload)?;
        Ok(Claims {
            issuer: text(&object, "iss")?.to_owned(),
            audiences: audiences(&object)?,
            subject: name(&object, "sub")?,
            id: name(&object, "jti")?,
            issued: seconds(&object, "iat")?,
            expires: seconds(&object, "exp")?,
            // Many issuers leave it out where it would equal `iat`; what is there must be good.
            not_before: object.get("nbf").map(|_| seconds(&object, "nbf")).transpose()?,
            authenticated: seconds(&object, "auth_time")?,
            methods: methods(&object)?,
            certificate: certificate(&object)?,
        })
    }

    /// Holds them against the issuer as the policy has it, the certificate of the call, and the
    /// time in Unix seconds.
    pub(super) fn check(
        &self,
        issuer: &Issuer,
        certificate: &[u8; 32],
        now: i64,
    ) -> Result<(), TokenFault> {
        let check = |holds, fault| if holds { Ok(()) } else { Err(fault) };
        check(self.issuer == issuer.url, TokenFault::Issuer)?;
        check(self.audiences.contains(&issuer.audience), TokenFault::Audience)?;
        let (early, late) = (now.saturating_add(LEEWAY), now.saturating_sub(LEEWAY));
        check(self.expires > late, TokenFault::Expired)?;
        check(self.not_before.is_none_or(|from| from <= early), TokenFault::NotYet)?;
        check(self.issued <= early && self.authenticated <= early, TokenFault::NotYet)?;
        let lifetime = self.expires.checked_sub(self.issued);
        let lifetime = lifetime.and_then(|seconds| u64::try_from(seconds).ok());
        let most = issuer.max_lifetime;
        check(lifetime.is_some_and(|seconds| seconds <= most), TokenFault::Lifetime)?;
        // RFC 8705: good only over a connection with the certificate that it was made for.
        check(self.certificate == *certificate, TokenFault::Binding)
    }

    /// How long ago the agent authenticated, in seconds, if that was well enough and not too long
    /// ago for the provider's terms.
    pub(super) fn authenticated(
        &self,
        demand: &TokenRequirements,
        now: i64,
    ) -> Result<u64, StepUp> {
        let age = u64::try_from(now.saturating_sub(self.authenticated)).unwrap_or(0);
        let (second_factor, max_age) = (demand.second_factor, demand.auth_max_age);
        let step_up = |lack| StepUp { lack, second_factor, max_age };
        if second_factor && !factors::second(&self.methods) {
            return Err(step_up(MissingFactor::SecondFactor));
        }
        if age > max_age { Err(step_up(MissingFactor::Recent)) } else { Ok(age) }
    }
}

fn text<'o>(object: &'o Object, claim: &'static str) -> Result<&'o str, TokenFault> {
    object.get(claim).and_then(Json::text).ok_or(TokenFault::ClaimForm(claim))
}

/// A name of the issuer's choice: printable, and not long.
fn name(object: &Object, claim: &'static str) -> Result<String, TokenFault> {
    let text = text(object, claim)?;
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if (1..=ID_MAX).contains(&text.len()) && printable {
        Ok(text.to_owned())
    } else {
        Err(TokenFault::ClaimForm(claim))
    }
}

/// Up to here a float holds every whole number.
const WHOLE: f64 = (1_u64 << 53) as f64;

/// A time: the whole seconds of a NumericDate, which RFC 7519 lets have a fraction. Before 1970
/// nobody was authenticated.
fn seconds(object: &Object, claim: &'static str) -> Result<i64, TokenFault> {
    match object.get(claim) {
        Some(Json::Integer(seconds)) if *seconds >= 0 => Ok(*seconds),
        Some(Json::Fraction(x)) if (0.0..WHOLE).contains(x) => Ok(x.floor() as i64),
        _ => Err(TokenFault::ClaimForm(claim)),
    }
}

fn texts<'o>(list: &'o [Json], claim: &'static str) -> Result<Vec<&'o str>, TokenFault> {
    let all = list.iter().map(Json::text).collect::<Option<Vec<_>>>();
    all.filter(|all| all.len() <= LIST_MAX).ok_or(TokenFault::ClaimForm(claim))
}

fn audiences(object: &Object) -> Result<Vec<String>, TokenFault> {
    match object.get("aud") {
        Some(Json::Text(one)) => Ok(vec![one.clone()]),
        Some(Json::List(list)) => Ok(texts(list, "aud")?.into_iter().map(String::from).collect()),
        _ => Err(TokenFault::ClaimForm("aud")),
    }
}

fn methods(object: &Object) -> Result<Arc<[Word]>, TokenFault> {
    let list = object.get("amr").and_then(Json::list).ok_or(TokenFault::ClaimForm("amr"))?;
    let mut found = Vec::new();
    for word in texts(list, "amr")?.into_iter().filter_map(factors::known) {
        if !found.contains(&word) {
            found.push(word);
        }
    }
    Ok(found.into_iter().map(Word::from).collect())
}

fn certificate(object: &Object) -> Result<[u8; 32], TokenFault> {
    let bound = object.get("cnf").and_then(Json::object);
    let print = bound.and_then(|bound| bound.get("x5t#S256")?.text());
    let print = print.and_then(|print| URL_SAFE_NO_PAD.decode(print).ok()?.try_into().ok());
    print.ok_or(TokenFault::ClaimForm("cnf"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(time: &str) -> Result<i64, TokenFault> {
        seconds(&json::object(format!("{{\"exp\":{time}}}").as_bytes()).unwrap(), "exp")
    }

    #[test]
    fn a_numeric_date_may_have_a_fraction_or_an_exponent() {
        for time in ["1700000000", "1700000000.0", "1700000000.999", "1.7e9", "17E8", "1.7e+9"] {
            assert_eq!(read(time), Ok(1_700_000_000), "{time}");
        }
        assert_eq!((read("0"), read("0.5"), read("-0.0")), (Ok(0), Ok(0), Ok(0)));
    }

    #[test]
    fn what_is_no_numeric_date_is_refused() {
        for time in
            ["\"1700000000\"", "-1", "-0.5", "1e30", "9007199254740992.0", "true", "null", "[1]"]
        {
            assert_eq!(read(time), Err(TokenFault::ClaimForm("exp")), "{time}");
        }
        // What no number is.
        for time in ["1e400", "NaN", "01", "1.", ".5", "+1"] {
            assert!(json::object(format!("{{\"exp\":{time}}}").as_bytes()).is_none(), "{time}");
        }
    }

    proptest! {
        #[test]
        fn a_fraction_never_makes_a_time_later(whole in 0_i64..9_000_000_000, fraction in 0_u32..1_000_000) {
            let read = read(&format!("{whole}.{fraction:06}")).unwrap();
            // A float may round it up to the next second, and no further.
            prop_assert!(read == whole || (read == whole + 1 && fraction == 999_999));
        }
    }
}
