//! Calls refused before the judge, counted and handed to the ledger once a second, so that whoever
//! is refused leaves a trace of bounded size.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::admission::{Peer, Role};
use crate::ledger::entry::{Hash, Millis, Refusal, Refusals, Refused, Word};
use crate::ledger::{Clock, Ledger};

/// Certificates that are counted each by itself between two digests; the rest are counted together.
const CERTIFICATES: usize = 1_024;
/// Certificates that a digest names.
const NAMED: usize = 16;
/// Between two digests.
const PAUSE: Duration = Duration::from_secs(1);
/// Reason of a connection that ended before its certificate was known good.
pub(super) const HANDSHAKE: &str = "HANDSHAKE";
/// Reason of a connection for which there was no place to shake hands in.
pub(super) const HANDSHAKES_FULL: &str = "HANDSHAKES_FULL";

pub(super) type Counts = BTreeMap<&'static str, u64>;

#[derive(Default)]
struct Counted {
    since: Option<Millis>,
    certificates: HashMap<[u8; 32], (Option<Word>, Counts)>,
    others: Counts,
}

/// The running count.
pub(super) struct Tally {
    clock: Clock,
    /// What the next digest is made of.
    counted: Mutex<Counted>,
    since_start: Mutex<Counts>,
}

impl Tally {
    /// Of no call yet; `clock` is that of the ledger that the digests go to.
    pub(super) fn new(clock: Clock) -> Tally {
        Tally { clock, counted: Mutex::default(), since_start: Mutex::default() }
    }

    /// Counts a refused call of a certificate of our CA.
    pub(super) fn call(&self, peer: &Peer, reason: &'static str) {
        self.total(reason);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since.get_or_insert_with(|| self.clock.now().at);
        let full = counted.certificates.len() >= CERTIFICATES;
        let Counted { certificates, others, .. } = &mut *counted;
        let counts = match certificates.get_mut(&peer.fingerprint()) {
            Some((_, counts)) => counts,
            None if full => others,
            None => {
                let name = peer.name().filter(|(role, _)| *role == Role::Provider);
                let provider = name.map(|(_, id)| id.clone());
                &mut certificates.entry(peer.fingerprint()).or_insert((provider, Counts::new())).1
            }
        };
        *counts.entry(reason).or_default() += 1;
    }

    /// Counts a connection that ended before there was a certificate to count it under.
    pub(super) fn handshake(&self, reason: &'static str) {
        self.total(reason);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since.get_or_insert_with(|| self.clock.now().at);
        *counted.others.entry(reason).or_default() += 1;
    }

    fn total(&self, reason: &'static str) {
        let mut counts = self.since_start.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(reason).or_default() += 1;
    }

    /// All since the start, by reason.
    pub(super) fn since_start(&self) -> Counts {
        self.since_start.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands the count to the ledger every second, for ever. What the ledger cannot take now is
    /// kept for the next time.
    pub(super) async fn keep(&self, ledger: &Ledger) {
        let mut ticks = tokio::time::interval(PAUSE);
        // Seconds in which the ledger took nothing are not made up for: one entry a second at most.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.hand_over(ledger).await;
        }
    }

    /// Hands the count over, if there is one.
    pub(super) async fn hand_over(&self, ledger: &Ledger) {
        let counted =
            std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(since) = counted.since else { return };
        if ledger.refusals(digest(since, &counted)).await.is_err() {
            self.put_back(counted);
        }
    }

    fn put_back(&self, old: Counted) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since = old.since;
        let Counted { certificates, others, .. } = &mut *counted;
        add(others, &old.others);
        for (certificate, (provider, counts)) in old.certificates {
            if certificates.len() >= CERTIFICATES && !certificates.contains_key(&certificate) {
                add(others, &counts);
                continue;
            }
            let entry = certificates.entry(certificate).or_insert((provider, Counts::new()));
            add(&mut entry.1, &counts);
        }
    }
}

fn add(to: &mut Counts, from: &Counts) {
    for (reason, count) in from {
        *to.entry(reason).or_default() += count;
    }
}

fn listed(counts: &Counts) -> Vec<Refusal> {
    let refusal =
        |(reason, count): (&&str, &u64)| Refusal { reason: (*reason).into(), count: *count };
    counts.iter().map(refusal).collect()
}

/// The entry: the certificates with the most refusals by name, everyone else together.
fn digest(since: Millis, counted: &Counted) -> Refusals {
    let total = |counts: &Counts| counts.values().sum::<u64>();
    let mut certificates: Vec<_> = counted.certificates.iter().collect();
    // The fingerprint makes the order of equals the same each time.
    certificates.sort_by_key(|(print, (_, counts))| (std::cmp::Reverse(total(counts)), **print));
    let mut others = counted.others.clone();
    for (_, (_, counts)) in certificates.iter().skip(NAMED) {
        add(&mut others, counts);
    }
    let named = certificates.iter().take(NAMED).map(|(print, (provider, counts))| Refused {
        certificate: Hash(**print),
        provider: provider.clone(),
        counts: listed(counts),
    });
    Refusals { since, certificates: named.collect(), others: listed(&others) }
}
