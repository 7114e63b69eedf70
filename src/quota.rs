//! Request rates, before any work on a database: GCRA, one state for each provider, each of its
//! agents, each member of staff, and each certificate and network that comes with tokens that
//! nobody has checked yet, or with none. It counts calls and refuses to know persons on file; those
//! are the judge's.

pub mod shares;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota as Limit, RateLimiter};

use crate::admission::{AgentAuth, Peer, Permit, Principal, Provider, Rate, Role, Terms, Word};

/// Calls a second of one member of staff in the long run; each can be a ledger entry.
const STAFF_PER_SECOND: u32 = 20;
/// Calls of one member of staff at once.
const STAFF_BURST: u32 = 100;
/// When to come again, said to somebody whom the policy no longer knows: soon, since the next
/// attempt is refused for that reason.
const UNKNOWN_RETRY: Duration = Duration::from_secs(1);

/// States of one provider that are kept without asking which of them still matter.
const MANY: usize = 4_096;

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;
type Keyed<K, C> = RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;
/// Fingerprint of a certificate, and the address it calls from: whoever has stolen one calls from
/// elsewhere, and uses up nothing that its owner has.
type CertificateAt = ([u8; 32], IpAddr);

/// States of one provider, one for each agent or certificate and network: there is no end to
/// either.
struct Many<K: Hash + Eq + Clone, C: Clock> {
    limiter: Keyed<K, C>,
    calls: AtomicUsize,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Many<K, C> {
    fn new(rate: Rate, clock: &C) -> Many<K, C> {
        let limiter = RateLimiter::hashmap_with_clock(limit(rate), clock.clone());
        Many { limiter, calls: AtomicUsize::new(0) }
    }

    fn check(&self, key: &K) -> Result<(), NotUntil<C::Instant>> {
        // Whoever has not called for a while has a full bucket, as if never seen: forget them, now
        // and then, before there are too many.
        let calls = self.calls.fetch_add(1, Relaxed);
        if calls.is_multiple_of(MANY) && self.limiter.len() > MANY {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key)
    }
}

/// What a rate has counted. The policies that have this rate in common share it, so that a new
/// policy gives nobody a burst anew.
struct SharedLimiter<L> {
    rate: Rate,
    limiter: Arc<L>,
}

/// The rates of everybody whom the policy knows.
pub struct Quota<C: Clock = DefaultClock> {
    limiters: BTreeMap<Role, HashMap<Word, SharedLimiter<Limiter<C>>>>,
    /// Rates of each agent, of the providers whose policy has one for them.
    agents: HashMap<Word, SharedLimiter<Many<Word, C>>>,
    /// Rates of calls with a token that nobody has verified yet, of the providers whose agents have
    /// tokens.
    knocks: HashMap<Word, SharedLimiter<Many<CertificateAt, C>>>,
    /// Rates of calls that are no reads and need no token, of the same providers.
    tokenless: HashMap<Word, SharedLimiter<Many<CertificateAt, C>>>,
    clock: C,
}

/// What one call has paid: it is charged once, however often it is admitted.
#[derive(Debug, Default)]
pub struct CallCharge {
    paid: bool,
}

/// The refusal of a caller who comes too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; come again in {} ms", .retry_after.as_millis())]
pub struct RateLimited {
    /// When the next call would pass.
    pub retry_after: Duration,
}

impl RateLimited {
    /// The word that errors, counters and the ledger use for it.
    pub const REASON: &'static str = "RATE_LIMITED";
}

/// Proof that a permitted call is within its rate.
pub struct Ticket {
    permit: Permit,
}

impl Ticket {
    /// The permit of the call, which says what it may do.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }
}

impl Quota {
    /// Full buckets for everybody whom the policy knows.
    pub fn new(terms: &Terms) -> Quota {
        Quota::with_clock(terms, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Quota<C> {
    fn with_clock(terms: &Terms, clock: C) -> Quota<C> {
        let (agents, limiters) = (HashMap::new(), BTreeMap::new());
        let [knocks, tokenless] = [(); 2].map(|()| HashMap::new());
        let none = Quota { limiters, agents, knocks, tokenless, clock };
        none.renewed(terms)
    }

    /// Charges one call that comes without a token that is known good: to its certificate and
    /// address, at the rate of the provider. So whoever tries tokens costs little, and nothing to
    /// colleagues at work, nor to the owner of a certificate that was stolen.
    ///
    /// # Errors
    /// [`RateLimited`].
    pub fn charge_unverified(&self, peer: &Peer) -> Result<(), RateLimited> {
        let provider = peer.name().filter(|(role, _)| *role == Role::Provider);
        let knocks = provider.and_then(|(_, id)| self.knocks.get(id));
        let Some(knocks) = knocks else { return Ok(()) };
        let whence = (peer.fingerprint(), peer.host());
        knocks.limiter.check(&whence).map_err(|not| self.limited(&not))
    }

    /// The rates of another policy. Whoever has the same rate as before goes on with what is left
    /// of it; every other bucket is full.
    pub fn renewed(&self, terms: &Terms) -> Quota<C> {
        let before = |role: Role, id: &Word| self.limiters.get(&role)?.get(id);
        let one = |role, id: &Word, rate| {
            let new = || RateLimiter::direct_with_clock(limit(rate), self.clock.clone());
            (id.clone(), SharedLimiter::of(before(role, id), rate, new))
        };
        let staff_rate = Rate { requests_per_second: STAFF_PER_SECOND, burst: STAFF_BURST };
        let of_role = |(role, ids): (&Role, &BTreeSet<Word>)| {
            (*role, ids.iter().map(|id| one(*role, id, staff_rate)).collect())
        };
        let mut limiters: BTreeMap<_, HashMap<_, _>> = terms.staff.iter().map(of_role).collect();
        let providers = terms.providers.values();
        let of_providers = providers.clone().map(|p| one(Role::Provider, &p.id, p.rate));
        limiters.insert(Role::Provider, of_providers.collect());
        let each = |provider: &Provider| {
            let (id, rate) = (&provider.id, provider.agent_rate?);
            let new = || Many::new(rate, &self.clock);
            Some((id.clone(), SharedLimiter::of(self.agents.get(id), rate, new)))
        };
        let agents = providers.clone().filter_map(each).collect();
        let of_tokens = |before: &HashMap<Word, SharedLimiter<Many<CertificateAt, C>>>| {
            let tokens = terms.providers.values().filter(|p| p.voucher != AgentAuth::Certificate);
            let one = |Provider { id, rate, .. }: &Provider| {
                let new = || Many::new(*rate, &self.clock);
                (id.clone(), SharedLimiter::of(before.get(id), *rate, new))
            };
            tokens.map(one).collect()
        };
        let (knocks, tokenless) = (of_tokens(&self.knocks), of_tokens(&self.tokenless));
        Quota { limiters, agents, knocks, tokenless, clock: self.clock.clone() }
    }

    /// Charges one read to the agent and to the provider, unless its fare is paid: a call that is
    /// admitted again under a newer policy is still one call. An agent that comes too often costs
    /// the others of its provider nothing.
    ///
    /// # Errors
    /// [`RateLimited`], and the permit is spent.
    pub fn take(&self, permit: Permit, fare: &mut CallCharge) -> Result<Ticket, RateLimited> {
        if !fare.paid {
            self.charge_agent(permit.provider(), permit.agent())?;
            self.charge(Role::Provider, permit.provider())?;
            fare.paid = true;
        }
        Ok(Ticket { permit })
    }

    /// Charges one call that is no read of records. A provider's comes out of the same bucket as
    /// its reads, unless those take tokens and this does not: then out of one of its certificate
    /// and address, as large.
    ///
    /// # Errors
    /// [`RateLimited`].
    pub fn take_reader(&self, reader: &Principal) -> Result<(), RateLimited> {
        if reader.has_agents() {
            let tokenless = self.tokenless.get(reader.id());
            let tokenless = tokenless.ok_or(RateLimited { retry_after: UNKNOWN_RETRY })?;
            let whence = (reader.fingerprint(), reader.host());
            return tokenless.limiter.check(&whence).map_err(|not| self.limited(&not));
        }
        if reader.role() == Role::Provider {
            self.charge_agent(reader.id(), reader.agent())?;
        }
        self.charge(reader.role(), reader.id())
    }

    fn charge(&self, role: Role, id: &str) -> Result<(), RateLimited> {
        let limiter = self.limiters.get(&role).and_then(|ids| ids.get(id));
        let limiter = limiter.ok_or(RateLimited { retry_after: UNKNOWN_RETRY })?;
        limiter.limiter.check().map_err(|not| self.limited(&not))
    }
}

impl<C: Clock + Clone> Quota<C> {
    fn charge_agent(&self, provider: &str, agent: &Word) -> Result<(), RateLimited> {
        let Some(agents) = self.agents.get(provider) else { return Ok(()) };
        agents.limiter.check(agent).map_err(|not| self.limited(&not))
    }

    fn limited(&self, not: &NotUntil<C::Instant>) -> RateLimited {
        RateLimited { retry_after: not.wait_time_from(self.clock.now()) }
    }
}

fn limit(rate: Rate) -> Limit {
    // The policy allows no zero; were there one, it would be the strictest rate there is.
    let at_least_1 = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    let per_second = at_least_1(rate.requests_per_second);
    Limit::per_second(per_second).allow_burst(at_least_1(rate.burst))
}

impl<L> SharedLimiter<L> {
    /// What was counted before, if the rate is the same; else nothing.
    fn of(
        before: Option<&SharedLimiter<L>>,
        rate: Rate,
        new: impl FnOnce() -> L,
    ) -> SharedLimiter<L> {
        let same = before.filter(|kept| kept.rate == rate);
        let limiter = same.map_or_else(|| Arc::new(new()), |kept| kept.limiter.clone());
        SharedLimiter { rate, limiter }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::admission::TokenRequirements;
    use crate::admission::example::{now, peer, permit, terms};

    /// The example's providers have 10 calls a second and 5 at once.
    fn quota() -> (Quota<FakeRelativeClock>, FakeRelativeClock, Arc<Terms>) {
        let (terms, clock) = (Arc::new(terms()), FakeRelativeClock::default());
        (Quota::with_clock(&terms, clock.clone()), clock, terms)
    }

    /// What comes of one call that has paid nothing.
    fn taken<C: Clock + Clone>(
        quota: &Quota<C>,
        peer: &Peer,
        terms: &Arc<Terms>,
    ) -> Result<Ticket, RateLimited> {
        quota.take(permit(peer, terms), &mut CallCharge::default())
    }

    #[test]
    fn a_burst_passes_and_the_next_call_does_not() {
        let (quota, clock, terms) = quota();
        let alpha = peer(Role::Provider, "alpha");
        for _ in 0..5 {
            assert!(taken(&quota, &alpha, &terms).is_ok());
        }
        let limited = taken(&quota, &alpha, &terms).err().unwrap();
        assert_eq!(limited.retry_after, Duration::from_millis(100));
        clock.advance(limited.retry_after - Duration::from_nanos(1));
        assert!(taken(&quota, &alpha, &terms).is_err());
        clock.advance(Duration::from_nanos(1));
        assert!(taken(&quota, &alpha, &terms).is_ok());
        assert!(taken(&quota, &alpha, &terms).is_err());
    }

    #[test]
    fn one_provider_does_not_use_up_another() {
        let (quota, _, terms) = quota();
        let (alpha, beta) = (peer(Role::Provider, "alpha"), peer(Role::Provider, "beta"));
        while taken(&quota, &alpha, &terms).is_ok() {}
        let ticket = taken(&quota, &beta, &terms).ok().unwrap();
        assert_eq!(&**ticket.permit().provider(), "beta");
    }

    #[test]
    fn one_agent_does_not_use_up_what_its_provider_has() {
        let (_, clock, _) = quota();
        let mut terms = terms();
        let alpha = terms.providers.get_mut("alpha").unwrap();
        alpha.agent_rate = Some(Rate { requests_per_second: 10, burst: 3 });
        let (quota, terms) = (Quota::with_clock(&terms, clock), Arc::new(terms));
        let [one, other] = [(); 2].map(|()| peer(Role::Provider, "alpha"));
        let taken = |peer| (0..100).filter(|_| self::taken(&quota, peer, &terms).is_ok()).count();
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(taken(&one), 3);
        // The provider's five, and what was refused to the one cost it nothing.
        assert_eq!(taken(&other), 2);
        let reader = Principal::admit(&one, &terms, &Role::ALL, now()).ok().unwrap();
        assert!(quota.take_reader(&reader).is_err());
    }

    #[test]
    fn knocks_are_charged_to_their_certificate_and_to_nobody_else() {
        let (_, clock, _) = quota();
        let mut terms = terms();
        let demand =
            TokenRequirements { issuer: "x".into(), second_factor: true, auth_max_age: 60 };
        terms.providers.get_mut("alpha").unwrap().voucher = AgentAuth::Token(demand);
        let quota = Quota::with_clock(&terms, clock);
        let [one, other] = [(); 2].map(|()| peer(Role::Provider, "alpha"));
        let knocks = |peer| (0..100).filter(|_| quota.charge_unverified(peer).is_ok()).count();
        assert_eq!([knocks(&one), knocks(&other)], [5, 5]);
        // Without tokens there is nothing to try.
        let beta = peer(Role::Provider, "beta");
        assert_eq!([knocks(&beta), knocks(&peer(Role::Provider, "gamma"))], [100, 100]);
        assert!(quota.take(permit(&beta, &Arc::new(terms)), &mut CallCharge::default()).is_ok());
    }

    #[test]
    fn agents_without_number_are_forgotten_when_their_buckets_are_full() {
        let (_, clock, _) = quota();
        let mut terms = terms();
        let rate = Rate { requests_per_second: 10, burst: 3 };
        terms.providers.get_mut("alpha").unwrap().agent_rate = Some(rate);
        let quota = Quota::with_clock(&terms, clock.clone());
        for n in 0..4 * MANY {
            clock.advance(Duration::from_secs(1));
            quota.charge_agent("alpha", &format!("x\0{n}").into()).unwrap();
            assert!(quota.agents["alpha"].limiter.limiter.len() <= 2 * MANY);
        }
    }

    #[test]
    fn receipts_come_out_of_the_bucket_of_the_reads() {
        let (quota, _, terms) = quota();
        let alpha = peer(Role::Provider, "alpha");
        let reader = Principal::admit(&alpha, &terms, &Role::ALL, now()).ok().unwrap();
        for _ in 0..5 {
            assert_eq!(quota.take_reader(&reader), Ok(()));
        }
        assert!(quota.take_reader(&reader).is_err());
        assert!(taken(&quota, &alpha, &terms).is_err());
    }

    #[test]
    fn staff_has_a_rate_too() {
        let (quota, _, terms) = quota();
        let auditor = peer(Role::Auditor, "audit-1");
        let reader = Principal::admit(&auditor, &terms, &Role::ALL, now()).ok().unwrap();
        for _ in 0..STAFF_BURST {
            assert_eq!(quota.take_reader(&reader), Ok(()));
        }
        assert!(quota.take_reader(&reader).is_err());
    }

    #[test]
    fn a_new_policy_gives_no_burst_anew_to_whoever_has_the_same_rate() {
        let (quota, clock, old) = quota();
        let (alpha, beta) = (peer(Role::Provider, "alpha"), peer(Role::Provider, "beta"));
        for peer in [&alpha, &beta] {
            while self::taken(&quota, peer, &old).is_ok() {}
        }
        let soc = Principal::admit(&peer(Role::Security, "soc-1"), &old, &Role::ALL, now());
        let soc = soc.ok().unwrap();
        while quota.take_reader(&soc).is_ok() {}
        let mut new = terms();
        new.providers.get_mut("beta").unwrap().rate.burst = 3;
        let (renewed, new) = (quota.renewed(&new), Arc::new(new));
        assert!(self::taken(&renewed, &alpha, &new).is_err());
        assert!(renewed.take_reader(&soc).is_err());
        let given = (0..100).filter(|_| self::taken(&renewed, &beta, &new).is_ok()).count();
        assert_eq!(given, 3);
        // What refills is charged under both, while calls under the older policy are still about.
        clock.advance(Duration::from_millis(100));
        assert!(self::taken(&quota, &alpha, &old).is_ok());
        assert!(self::taken(&renewed, &alpha, &new).is_err());
    }

    #[test]
    fn a_call_that_is_admitted_again_is_charged_once() {
        let (quota, _, terms) = quota();
        let alpha = peer(Role::Provider, "alpha");
        let mut fare = CallCharge::default();
        for _ in 0..9 {
            assert!(quota.take(permit(&alpha, &terms), &mut fare).is_ok());
        }
        for _ in 0..4 {
            assert!(self::taken(&quota, &alpha, &terms).is_ok());
        }
        assert!(self::taken(&quota, &alpha, &terms).is_err());
        let mut unpaid = CallCharge::default();
        assert!(quota.take(permit(&alpha, &terms), &mut unpaid).is_err());
        assert!(!unpaid.paid);
    }

    #[test]
    fn a_provider_that_left_the_policy_gets_no_ticket() {
        let (_, clock, old) = quota();
        let mut new = terms();
        new.providers.clear();
        let quota = Quota::with_clock(&new, clock);
        let limited = taken(&quota, &peer(Role::Provider, "alpha"), &old).err().unwrap();
        assert_eq!(limited.retry_after, UNKNOWN_RETRY);
    }
}
