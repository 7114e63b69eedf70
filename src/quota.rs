//! Request rates, before any work on a database: GCRA, one state for each provider and each member
//! of staff. It counts calls and refuses to know persons; those are the judge's.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Limit, RateLimiter};

use crate::admission::{Permit, Reader, Role, Terms, Word};

/// Calls a second of one member of staff in the long run; each can be a ledger entry.
const STAFF_PER_SECOND: u32 = 20;
/// Calls of one member of staff at once.
const STAFF_BURST: u32 = 100;
/// When to come again, said to somebody whom the policy no longer knows: soon, since the next
/// attempt is refused for that reason.
const UNKNOWN_RETRY: Duration = Duration::from_secs(1);

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The rates of everybody whom the policy knows.
pub struct Quota<C: Clock = DefaultClock> {
    limiters: BTreeMap<Role, HashMap<Word, Limiter<C>>>,
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
        let limiter = |per_second, burst| {
            // The policy allows no zero; were there one, it would be the strictest rate there is.
            let at_least_1 = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
            let limit = Limit::per_second(at_least_1(per_second)).allow_burst(at_least_1(burst));
            RateLimiter::direct_with_clock(limit, clock.clone())
        };
        let providers = terms.providers.values();
        let providers =
            providers.map(|p| (p.id.clone(), limiter(p.requests_per_second, p.burst))).collect();
        let mut limiters = BTreeMap::from([(Role::Provider, providers)]);
        for (role, ids) in &terms.staff {
            let staff = ids.iter().map(|id| (id.clone(), limiter(STAFF_PER_SECOND, STAFF_BURST)));
            limiters.insert(*role, staff.collect());
        }
        Quota { limiters, clock }
    }

    /// Charges one read to the provider.
    ///
    /// # Errors
    /// [`RateLimited`], and the permit is spent.
    pub fn take(&self, permit: Permit) -> Result<Ticket, RateLimited> {
        self.charge(Role::Provider, permit.provider())?;
        Ok(Ticket { permit })
    }

    /// Charges one call that is no read of records; a provider's comes out of the same bucket as its reads.
    ///
    /// # Errors
    /// [`RateLimited`].
    pub fn take_reader(&self, reader: &Reader) -> Result<(), RateLimited> {
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
