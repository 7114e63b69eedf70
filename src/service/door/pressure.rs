//! Certificates of a provider over which calls and connections without a good token, or calls of
//! one agent beyond its share, come in such numbers that they would use up what their provider has:
//! said in the log and, for whoever watches, in the ledger, once an hour of each. One that was
//! stolen is noticed by that.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::admission::{Peer, Role, Word};
use crate::format::entry::{Hash, Matter, Tag, Warning};
use crate::service::watch::warnings::Warnings;

/// How many that are turned away within [`WITHIN`] are told.
const MANY: u64 = 64;
/// Time within which those that are turned away are counted together.
const WITHIN: Duration = Duration::from_secs(60);
/// Time between two warnings of the same certificate.
const AGAIN: Duration = Duration::from_secs(3_600);
/// Certificates that are remembered; there are only as many as the agency's authority signed.
const CERTIFICATES: usize = 1_024;

/// What was turned away, by certificate.
#[derive(Default)]
pub(in crate::service) struct Pressure(Mutex<HashMap<[u8; 32], TurnedAway>>);

struct TurnedAway {
    since: Instant,
    count: u64,
    told: Option<Instant>,
}

impl TurnedAway {
    /// Whether nothing of it matters any more.
    fn is_over(&self, now: Instant) -> bool {
        self.since + WITHIN <= now && self.told.is_none_or(|told| told + AGAIN <= now)
    }
}

impl Pressure {
    /// Counts a call or a connection that was turned away for want of a good token; how many there
    /// have been of late, if that is to be told.
    fn count(&self, certificate: [u8; 32], now: Instant) -> Option<u64> {
        let mut certificates = self.0.lock();
        if certificates.len() >= CERTIFICATES && !certificates.contains_key(&certificate) {
            certificates.retain(|_, turned_away| !turned_away.is_over(now));
            if certificates.len() >= CERTIFICATES {
                return None;
            }
        }
        let new = || TurnedAway { since: now, count: 0, told: None };
        let turned_away = certificates.entry(certificate).or_insert_with(new);
        if turned_away.since + WITHIN <= now {
            (turned_away.since, turned_away.count) = (now, 0);
        }
        turned_away.count += 1;
        let again = turned_away.told.is_none_or(|told| told + AGAIN <= now);
        if turned_away.count < MANY || !again {
            return None;
        }
        turned_away.told = Some(now);
        Some(turned_away.count)
    }

    /// Counts a call or a connection that was turned away for want of a good token, or because the
    /// agent with this tag has its share of calls, and warns if it is time.
    pub(in crate::service) fn turned_away(
        &self,
        peer: &Peer,
        agent: impl FnOnce(&Word) -> Option<Tag>,
        now: Instant,
        warnings: &Warnings,
    ) {
        let Some((Role::Provider, provider)) = peer.name() else { return };
        let Some(count) = self.count(peer.fingerprint(), now) else { return };
        let (certificate, agent) = (Hash(peer.fingerprint()), agent(provider));
        tracing::warn!(
            %provider, %certificate, agent = agent.map(tracing::field::display),
            network = %peer.network(), count,
            "calls and connections without a good token, or of one agent alone, crowd the door: was the \
             certificate or the token stolen?"
        );
        let matter = Matter::Door { provider: provider.clone(), agent, certificate };
        warnings.owe(Warning { matter, observed: count, expected: MANY });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 32] = [1; 32];

    /// How often it is told, of so many turned away at one moment.
    fn told(pressure: &Pressure, certificate: [u8; 32], count: u64, now: Instant) -> usize {
        (0..count).filter(|_| pressure.count(certificate, now).is_some()).count()
    }

    #[test]
    fn many_within_a_minute_are_told_once_an_hour() {
        let (pressure, start) = (Pressure::default(), Instant::now());
        assert_eq!(told(&pressure, ONE, MANY - 1, start), 0);
        let last = start + WITHIN - Duration::from_millis(1);
        assert_eq!(pressure.count(ONE, last), Some(MANY));
        assert_eq!(told(&pressure, ONE, 1_000, last), 0);
        assert_eq!(told(&pressure, [2; 32], MANY, last), 1, "another certificate");
        assert_eq!(told(&pressure, ONE, 1_000, last + AGAIN - Duration::from_millis(1)), 0);
        assert_eq!(told(&pressure, ONE, 1_000, last + AGAIN), 1);
        // A few in each minute are nobody's concern.
        let few = Pressure::default();
        let minutes = (0..100).map(|n| start + n * WITHIN);
        assert_eq!(minutes.map(|now| told(&few, ONE, MANY - 1, now)).sum::<usize>(), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_over_is_forgotten() {
        let (pressure, start) = (Pressure::default(), Instant::now());
        let certificate = |n: u64| {
            let mut print = [0; 32];
            print[..8].copy_from_slice(&n.to_be_bytes());
            print
        };
        for n in 0..2 * CERTIFICATES as u64 {
            pressure.count(certificate(n), start);
        }
        assert_eq!(pressure.0.lock().len(), CERTIFICATES);
        assert_eq!(told(&pressure, ONE, MANY, start + WITHIN), 1);
        assert_eq!(pressure.0.lock().len(), 1);
    }
}
