//! Who calls: a certificate, held against the policy and the clock on every call.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::handle::HandleKey;
use super::token::{Bearer, VouchedAgent};
use super::{
    AdmissionError, AgentAuth, CertificateFault, Peer, PresentedToken, Provider, Role, Terms,
    Tokens, Word,
};

/// Proof that a provider calls with a certificate that is good now, and an agent of it with a token
/// that is, where the policy demands one.
pub struct Caller {
    pub(super) peer: Peer,
    pub(super) provider: Word,
    /// The agent whom a token names; none where the certificate stands in for the person.
    pub(super) vouched: Option<VouchedAgent>,
    pub(super) key: Arc<HandleKey>,
    pub(super) off_hours: bool,
    pub(super) terms: Arc<Terms>,
}

impl Caller {
    /// Holds the peer, and what it shows, against the policy at the time of the call.
    ///
    /// # Errors
    /// [`AdmissionError::Certificate`], [`AdmissionError::Token`] or [`AdmissionError::StepUp`].
    pub fn admit(
        peer: &Peer,
        shown: &PresentedToken<'_>,
        terms: &Arc<Terms>,
        tokens: &Tokens,
        now: SystemTime,
    ) -> Result<Caller, AdmissionError> {
        let (name, provider) = provider(peer, terms, now)?;
        let vouched = match &provider.voucher {
            AgentAuth::Certificate => None,
            AgentAuth::Token(demand) => {
                let (certificate, connection) = (peer.fingerprint(), peer.connection());
                let by = (demand, &terms.keyring);
                Some(tokens.vouch(shown, by, (&certificate, connection), unix(now)?)?)
            }
        };
        let key = terms.handles.of(name).ok_or(CertificateFault::Unknown)?;
        let habits = provider.habits.as_ref();
        Ok(Caller {
            peer: peer.clone(),
            provider: name.clone(),
            vouched,
            key: key.clone(),
            off_hours: habits.is_some_and(|habits| !habits.include(now)),
            terms: terms.clone(),
        })
    }
}

/// Holds the same, without admitting anybody: a call that would be refused for its certificate or
/// its token can be told so before anything of it is taken in. Who bears the token, where there
/// must be one.
///
/// # Errors
/// As [`Caller::admit`].
pub fn authenticate(
    peer: &Peer,
    shown: &PresentedToken<'_>,
    terms: &Terms,
    tokens: &Tokens,
    now: SystemTime,
) -> Result<Option<Bearer>, AdmissionError> {
    match &provider(peer, terms, now)?.1.voucher {
        AgentAuth::Certificate => Ok(None),
        AgentAuth::Token(demand) => {
            let by = (demand, &terms.keyring);
            tokens.check(shown, by, &peer.fingerprint(), unix(now)?).map(Some)
        }
    }
}

/// The provider that a peer calls for.
fn provider<'a>(
    peer: &'a Peer,
    terms: &'a Terms,
    now: SystemTime,
) -> Result<(&'a Word, &'a Provider), CertificateFault> {
    let (role, name) = known(peer, terms, now)?;
    if role != Role::Provider {
        return Err(CertificateFault::Elsewhere);
    }
    let provider = terms.providers.get(name).ok_or(CertificateFault::Unknown)?;
    Ok((name, provider))
}

/// Proof that somebody calls in one of the roles that a call is for.
pub struct Principal {
    role: Role,
    id: Word,
    peer: Peer,
    has_agents: bool,
}

impl Principal {
    /// Holds the peer against the policy at the time of the call; `roles` are those that may make
    /// it.
    ///
    /// # Errors
    /// [`AdmissionError::Certificate`], whatever is wrong.
    pub fn admit(
        peer: &Peer,
        terms: &Terms,
        roles: &[Role],
        now: SystemTime,
    ) -> Result<Principal, AdmissionError> {
        let (role, id) = known(peer, terms, now)?;
        if !roles.contains(&role) {
            return Err(CertificateFault::Elsewhere.into());
        }
        let provider = Some(role).filter(|role| *role == Role::Provider);
        let provider = provider.and_then(|_| terms.providers.get(id));
        let has_agents = provider.is_some_and(|of| of.voucher != AgentAuth::Certificate);
        Ok(Principal { role, id: id.clone(), peer: peer.clone(), has_agents })
    }

    /// Whether agents with tokens read for it: then the certificate alone is nobody's word that the
    /// provider calls.
    pub fn has_agents(&self) -> bool {
        self.has_agents
    }

    /// Where the call comes from, as places and rates are counted.
    pub fn host(&self) -> IpAddr {
        self.peer.host()
    }

    /// The role that the certificate names.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The id that the certificate names.
    pub fn id(&self) -> &Word {
        &self.id
    }

    /// SHA-256 of the certificate's DER form.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.peer.fingerprint()
    }

    /// The fingerprint in lowercase hex, as it stands in for a person.
    pub fn agent(&self) -> &Word {
        self.peer.agent()
    }
}

/// The name of a peer that the policy knows and whose certificate is good now.
fn known<'a>(
    peer: &'a Peer,
    terms: &Terms,
    now: SystemTime,
) -> Result<(Role, &'a Word), CertificateFault> {
    let (role, id) = peer.good_name(unix(now)?)?;
    if terms.revoked.contains(&peer.fingerprint()) {
        return Err(CertificateFault::Revoked);
    }
    let known = match role {
        Role::Provider => terms.providers.contains_key(id),
        _ => terms.staff.get(&role).is_some_and(|ids| ids.contains(id)),
    };
    if known { Ok((role, id)) } else { Err(CertificateFault::Unknown) }
}

/// Unix seconds. A clock before 1970 says nothing about any certificate, so none is good.
fn unix(now: SystemTime) -> Result<i64, CertificateFault> {
    let since = now.duration_since(UNIX_EPOCH).map_err(|_| CertificateFault::Expired)?;
    Ok(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::example::{der, now, peer, terms};
    use super::*;

    fn refusal(peer: &Peer, terms: Terms, now: SystemTime) -> Option<AdmissionError> {
        Caller::admit(peer, &PresentedToken::new([]), &Arc::new(terms), &Tokens::default(), now)
            .err()
    }

    #[test]
    fn a_known_provider_is_admitted() {
        let (peer, terms) = (peer(Role::Provider, "alpha"), Arc::new(terms()));
        let caller =
            Caller::admit(&peer, &PresentedToken::new([]), &terms, &Tokens::default(), now());
        assert_eq!(&*caller.ok().unwrap().provider, "alpha");
    }

    #[test]
    fn an_unknown_provider_is_refused() {
        let refused = refusal(&peer(Role::Provider, "gamma"), terms(), now());
        assert_eq!(refused, Some(CertificateFault::Unknown.into()));
        // Known, but in another role.
        let refused = refusal(&peer(Role::Provider, "audit-1"), terms(), now());
        assert_eq!(refused, Some(CertificateFault::Unknown.into()));
    }

    #[test]
    fn no_other_role_reads_records() {
        for (role, id) in [(Role::Auditor, "audit-1"), (Role::Security, "soc-1")] {
            let refused = refusal(&peer(role, id), terms(), now());
            assert_eq!(refused, Some(CertificateFault::Elsewhere.into()));
        }
    }

    #[test]
    fn a_revoked_certificate_is_refused_at_the_next_call() {
        let peer = peer(Role::Provider, "alpha");
        let mut terms = terms();
        assert_eq!(refusal(&peer, super::super::example::terms(), now()), None);
        terms.revoked.insert(peer.fingerprint());
        assert_eq!(refusal(&peer, terms, now()), Some(CertificateFault::Revoked.into()));
    }

    #[test]
    fn a_certificate_that_runs_out_under_an_open_connection_is_refused() {
        use super::super::example::{DOMAIN, address};
        let der = der(&["spiffe://cir.example/provider/alpha"], |p| {
            p.not_after = rcgen::date_time_ymd(2026, 6, 1);
        });
        let peer = Peer::from_certificate(&der, address(), DOMAIN);
        let last = UNIX_EPOCH + Duration::from_secs(1_780_272_000);
        assert_eq!(refusal(&peer, terms(), last), None);
        let after = last + Duration::from_secs(1);
        assert_eq!(refusal(&peer, terms(), after), Some(CertificateFault::Expired.into()));
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(refusal(&peer, terms(), before_1970), Some(CertificateFault::Expired.into()));
    }

    #[test]
    fn a_malformed_certificate_is_refused_with_its_fault() {
        let der = der(&[], |_| ());
        let peer =
            Peer::from_certificate(&der, "[::1]:1".parse().unwrap(), super::super::example::DOMAIN);
        let refused = refusal(&peer, terms(), now()).unwrap();
        assert_eq!(refused, CertificateFault::Nameless.into());
        assert_eq!(refused.reason(), "CERTIFICATE_REJECTED");
    }

    #[test]
    fn a_call_is_for_the_roles_that_it_names_and_for_nobody_else() {
        let roles = [Role::Provider, Role::Auditor, Role::Security];
        let admit = |role, id| Principal::admit(&peer(role, id), &terms(), &roles, now());
        for (role, id) in
            [(Role::Provider, "alpha"), (Role::Auditor, "audit-1"), (Role::Security, "soc-1")]
        {
            let reader = admit(role, id).ok().unwrap();
            assert_eq!((reader.role(), &**reader.id()), (role, id));
        }
        let elsewhere = Some(CertificateFault::Elsewhere.into());
        assert_eq!(admit(Role::Admin, "admin-1").err(), elsewhere);
        let unknown = Some(CertificateFault::Unknown.into());
        assert_eq!(admit(Role::Auditor, "soc-1").err(), unknown);
        assert_eq!(admit(Role::Agency, "nobody").err(), unknown);
    }
}
