//! Request rates, before any work on a database: GCRA, one state for each provider, each of its agents
//! and each member of staff. It counts calls and refuses to know persons; those are the judge's.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Limit, RateLimiter};

use crate::admission::{Permit, Rate, Reader, Role, Terms, Word};

/// Calls a second of one member of staff in the long run; each can be a ledger entry.
const STAFF_PER_SECOND: u32 = 20;
/// Calls of one member of staff at once.
const STAFF_BURST: u32 = 100;
/// When to come again, said to somebody whom the policy no longer knows: soon, since the next
/// attempt is refused for that reason.
const UNKNOWN_RETRY: Duration = Duration::from_secs(1);

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;
/// By fingerprint of the client certificate: there are only as many as the agency's authority signed.
type Agents<C> =
    RateLimiter<[u8; 32], HashMapStateStore<[u8; 32]>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The rates of everybody whom the policy knows.
pub struct Quota<C: Clock = DefaultClock> {
    limiters: BTreeMap<Role, HashMap<Word, Limiter<C>>>,
    /// Of the providers whose policy has a rate for each agent.
    agents: HashMap<Word, Agents<C>>,
    clock: C,
}

/// The caller comes too often.
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
    /// What the call may do.
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
        let limit = |rate: Rate| {
            // The policy allows no zero; were there one, it would be the strictest rate there is.
            let at_least_1 = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
            let per_second = at_least_1(rate.requests_per_second);
            Limit::per_second(per_second).allow_burst(at_least_1(rate.burst))
        };
        let limiter = |rate| RateLimiter::direct_with_clock(limit(rate), clock.clone());
        let providers = terms.providers.values().map(|p| (p.id.clone(), limiter(p.rate)));
        let mut limiters = BTreeMap::from([(Role::Provider, providers.collect())]);
        let staff_rate = Rate { requests_per_second: STAFF_PER_SECOND, burst: STAFF_BURST };
        for (role, ids) in &terms.staff {
            let staff = ids.iter().map(|id| (id.clone(), limiter(staff_rate)));
            limiters.insert(*role, staff.collect());
        }
        let each = |rate| RateLimiter::hashmap_with_clock(limit(rate), clock.clone());
        let agents = terms.providers.values();
        let agents = agents.filter_map(|p| Some((p.id.clone(), each(p.agent_rate?)))).collect();
        Quota { limiters, agents, clock }
    }

    /// Charges one read to the agent and to the provider. An agent that comes too often costs the
    /// others of its provider nothing.
    ///
    /// # Errors
    /// [`RateLimited`], and the permit is spent.
    pub fn take(&self, permit: Permit) -> Result<Ticket, RateLimited> {
        self.charge_agent(permit.provider(), permit.certificate())?;
        self.charge(Role::Provider, permit.provider())?;
        Ok(Ticket { permit })
    }

    /// Charges one call that is no read of records; a provider's comes out of the same bucket as its reads.
    ///
    /// # Errors
    /// [`RateLimited`].
    pub fn take_reader(&self, reader: &Reader) -> Result<(), RateLimited> {
        if reader.role() == Role::Provider {
            self.charge_agent(reader.id(), reader.fingerprint())?;
        }
        self.charge(reader.role(), reader.id())
    }

    fn charge(&self, role: Role, id: &str) -> Result<(), RateLimited> {
        let limiter = self.limiters.get(&role).and_then(|ids| ids.get(id));
        let limiter = limiter.ok_or(RateLimited { retry_after: UNKNOWN_RETRY })?;
        limiter
            .check()
            .map_err(|not| RateLimited { retry_after: not.wait_time_from(self.clock.now()) })
    }
}

impl<C: Clock> Quota<C> {
    fn charge_agent(&self, provider: &str, certificate: [u8; 32]) -> Result<(), RateLimited> {
        let Some(agents) = self.agents.get(provider) else { return Ok(()) };
        let charged = agents.check_key(&certificate);
        charged.map_err(|not| RateLimited { retry_after: not.wait_time_from(self.clock.now()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::admission::example::{now, peer, permit, terms};

    /// The example's providers have 10 calls a second and 5 at once.
    fn quota() -> (Quota<FakeRelativeClock>, FakeRelativeClock, Arc<Terms>) {
        let (terms, clock) = (Arc::new(terms()), FakeRelativeClock::default());
        (Quota::with_clock(&terms, clock.clone()), clock, terms)
    }

    #[test]
    fn a_burst_passes_and_the_next_call_does_not() {
        let (quota, clock, terms) = quota();
        let alpha = peer(Role::Provider, "alpha");
        for _ in 0..5 {
            assert!(quota.take(permit(&alpha, &terms)).is_ok());
        }
        let limited = quota.take(permit(&alpha, &terms)).err().unwrap();
        assert_eq!(limited.retry_after, Duration::from_millis(100));
        clock.advance(limited.retry_after - Duration::from_nanos(1));
        assert!(quota.take(permit(&alpha, &terms)).is_err());
        clock.advance(Duration::from_nanos(1));
        assert!(quota.take(permit(&alpha, &terms)).is_ok());
        assert!(quota.take(permit(&alpha, &terms)).is_err());
    }

    #[test]
    fn one_provider_does_not_use_up_another() {
        let (quota, _, terms) = quota();
        let (alpha, beta) = (peer(Role::Provider, "alpha"), peer(Role::Provider, "beta"));
        while quota.take(permit(&alpha, &terms)).is_ok() {}
        let ticket = quota.take(permit(&beta, &terms)).ok().unwrap();
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
        let taken = |peer| (0..100).filter(|_| quota.take(permit(peer, &terms)).is_ok()).count();
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(taken(&one), 3);
        // The provider's five, and what was refused to the one cost it nothing.
        assert_eq!(taken(&other), 2);
        let reader = Reader::admit(&one, &terms, &Role::ALL, now()).ok().unwrap();
        assert!(quota.take_reader(&reader).is_err());
    }

    #[test]
    fn receipts_come_out_of_the_bucket_of_the_reads() {
        let (quota, _, terms) = quota();
        let alpha = peer(Role::Provider, "alpha");
        let reader = Reader::admit(&alpha, &terms, &Role::ALL, now()).ok().unwrap();
        for _ in 0..5 {
            assert_eq!(quota.take_reader(&reader), Ok(()));
        }
        assert!(quota.take_reader(&reader).is_err());
        assert!(quota.take(permit(&alpha, &terms)).is_err());
    }

    #[test]
    fn staff_has_a_rate_too() {
        let (quota, _, terms) = quota();
        let auditor = peer(Role::Auditor, "audit-1");
        let reader = Reader::admit(&auditor, &terms, &Role::ALL, now()).ok().unwrap();
        for _ in 0..STAFF_BURST {
            assert_eq!(quota.take_reader(&reader), Ok(()));
        }
        assert!(quota.take_reader(&reader).is_err());
    }

    #[test]
    fn a_provider_that_left_the_policy_gets_no_ticket() {
        let (_, clock, old) = quota();
        let mut new = terms();
        new.providers.clear();
        let quota = Quota::with_clock(&new, clock);
        let limited = quota.take(permit(&peer(Role::Provider, "alpha"), &old)).err().unwrap();
        assert_eq!(limited.retry_after, UNKNOWN_RETRY);
    }
}
