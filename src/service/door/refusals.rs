//! Calls refused before the judge, counted and handed to the ledger once a second, so that whoever
//! is refused leaves a trace of bounded size. What nobody need answer for, handshakes that fail, is
//! handed over once a minute.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::admission::{Peer, Role};
use crate::format::entry::{CertificateRefusals, Hash, Millis, RefusalCount, Refusals, Word};
use crate::registrar::{Clock, Ledger};

/// Certificates that are counted each by itself between two digests; the rest are counted together.
const CERTIFICATES: usize = 1_024;
/// How many certificates a digest names.
const NAMED: usize = 16;
/// Time between two digests of refused calls.
const PAUSE: Duration = Duration::from_secs(1);
/// Time between two digests of failed handshakes: whoever looks for open ports makes them all day.
const HANDSHAKES_PAUSE: Duration = Duration::from_secs(60);
/// Time between two attempts to record the last of them.
const RETRY: Duration = Duration::from_millis(200);
/// How long the attempts to record the last of them may take.
const FINISH: Duration = Duration::from_secs(10);
/// Reason of a connection that ended before its certificate was known good.
pub(in crate::service) const HANDSHAKE: &str = "HANDSHAKE";
/// Reason of a connection for which there was no place to shake hands in.
pub(in crate::service) const HANDSHAKES_FULL: &str = "HANDSHAKES_FULL";

pub(in crate::service) type Counts = BTreeMap<&'static str, u64>;

#[derive(Default)]
struct RefusalTally {
    since: Option<Millis>,
    certificates: HashMap<[u8; 32], (Option<Word>, Counts)>,
    others: Counts,
}

impl RefusalTally {
    /// All refusals of the tally together, by reason.
    fn total(&self) -> Counts {
        let mut total = self.others.clone();
        self.certificates.values().for_each(|(_, counts)| add(&mut total, counts));
        total
    }
}

/// The running count of refusals, and of what the next digests are made.
pub(in crate::service) struct Tally {
    clock: Clock,
    /// What the next digest of calls is made of, and of connections for which there was no place.
    calls: Mutex<RefusalTally>,
    /// What the next digest of failed handshakes is made of.
    handshakes: Mutex<RefusalTally>,
    /// Connections that ended without a byte. They are a figure and nothing more.
    silent: AtomicU64,
    since_start: Mutex<Counts>,
    end: watch::Sender<End>,
}

/// Whether more refusals will be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// No: what there is, is to be handed over.
    Asked,
    /// Counting has ended, and what there was is handed over.
    Done,
}

impl Tally {
    /// Of no call yet; `clock` is that of the ledger that the digests go to.
    pub(in crate::service) fn new(clock: Clock) -> Tally {
        let [calls, handshakes] = [(); 2].map(|()| Mutex::default());
        let (silent, since_start) = (AtomicU64::new(0), Mutex::default());
        let end = watch::Sender::new(End::Open);
        Tally { clock, calls, handshakes, silent, since_start, end }
    }

    /// Has the last counts handed over, and waits for that.
    pub(in crate::service) async fn finish(&self) {
        self.end.send_replace(End::Asked);
        let mut end = self.end.subscribe();
        if timeout(FINISH, end.wait_for(|end| *end == End::Done)).await.is_err() {
            let [calls, handshakes] = [&self.calls, &self.handshakes].map(|of| of.lock().total());
            tracing::error!(?calls, ?handshakes, "the last refusals could not be recorded");
        }
    }

    /// Counts a refused call of a certificate of our CA.
    pub(in crate::service) fn call(&self, peer: &Peer, reason: &'static str) {
        self.total(reason);
        let mut counted = self.calls.lock();
        counted.since.get_or_insert_with(|| self.clock.now().at);
        let full = counted.certificates.len() >= CERTIFICATES;
        let RefusalTally { certificates, others, .. } = &mut *counted;
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

    /// Counts a connection for which there was no place to shake hands in, or none any more.
    pub(in crate::service) fn crowded_out(&self) {
        self.connection(&self.calls, HANDSHAKES_FULL);
    }

    /// Counts a handshake that failed.
    pub(in crate::service) fn handshake(&self) {
        self.connection(&self.handshakes, HANDSHAKE);
    }

    /// Counts a connection that ended without a byte.
    pub(in crate::service) fn silent(&self) {
        self.silent.fetch_add(1, Relaxed);
    }

    fn connection(&self, counted: &Mutex<RefusalTally>, reason: &'static str) {
        self.total(reason);
        let mut counted = counted.lock();
        counted.since.get_or_insert_with(|| self.clock.now().at);
        *counted.others.entry(reason).or_default() += 1;
    }

    fn total(&self, reason: &'static str) {
        *self.since_start.lock().entry(reason).or_default() += 1;
    }

    /// All since the start, by reason.
    pub(in crate::service) fn since_start(&self) -> Counts {
        self.since_start.lock().clone()
    }

    /// Connections since the start that ended without a byte.
    pub(in crate::service) fn silent_since_start(&self) -> u64 {
        self.silent.load(Relaxed)
    }

    /// Hands the counts to the ledger until [`finish`](Self::finish): of calls every second; of
    /// handshakes in the second of the first, and from then on every minute. What the ledger cannot
    /// take now is kept for the next time.
    pub(in crate::service) async fn keep(&self, ledger: &Ledger) -> Infallible {
        let mut end = self.end.subscribe();
        let mut ticks = interval(PAUSE);
        // Seconds in which the ledger took nothing are not made up for: one entry a second at most.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut handshakes_due = Instant::now();
        loop {
            // Never given up half way: what was taken is in the ledger by then, or back in its
            // place.
            let over = tokio::select! {
                _ = end.wait_for(|end| *end != End::Open) => true,
                _ = ticks.tick() => false,
            };
            hand_over(&self.calls, ledger).await;
            let now = Instant::now();
            if (over || handshakes_due <= now) && hand_over(&self.handshakes, ledger).await {
                handshakes_due = now + HANDSHAKES_PAUSE;
            }
            if over && [&self.calls, &self.handshakes].iter().all(|of| of.lock().since.is_none()) {
                self.end.send_replace(End::Done);
                return std::future::pending().await;
            }
            if over {
                // Tried again until there is no more time for it.
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Hands a count over; whether there was one, and the ledger has it.
async fn hand_over(counted: &Mutex<RefusalTally>, ledger: &Ledger) -> bool {
    let taken = std::mem::take(&mut *counted.lock());
    let Some(since) = taken.since else { return false };
    let kept = ledger.refusals(digest(since, &taken)).await.is_ok();
    if !kept {
        put_back(&mut counted.lock(), taken, since);
    }
    kept
}

fn put_back(counted: &mut RefusalTally, old: RefusalTally, since: Millis) {
    counted.since = Some(since);
    let RefusalTally { certificates, others, .. } = counted;
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

fn add(to: &mut Counts, from: &Counts) {
    for (reason, count) in from {
        *to.entry(reason).or_default() += count;
    }
}

fn listed(counts: &Counts) -> Vec<RefusalCount> {
    let refusal =
        |(reason, count): (&&str, &u64)| RefusalCount { reason: (*reason).into(), count: *count };
    counts.iter().map(refusal).collect()
}

/// The entry: the certificates with the most refusals by name, everyone else together.
fn digest(since: Millis, counted: &RefusalTally) -> Refusals {
    let total = |counts: &Counts| counts.values().sum::<u64>();
    let mut certificates: Vec<_> = counted.certificates.iter().collect();
    // The fingerprint makes the order of equals the same each time.
    certificates.sort_by_key(|(print, (_, counts))| (std::cmp::Reverse(total(counts)), **print));
    let mut others = counted.others.clone();
    for (_, (_, counts)) in certificates.iter().skip(NAMED) {
        add(&mut others, counts);
    }
    let named =
        certificates.iter().take(NAMED).map(|(print, (provider, counts))| CertificateRefusals {
            certificate: Hash(**print),
            provider: provider.clone(),
            counts: listed(counts),
        });
    Refusals { since, certificates: named.collect(), others: listed(&others) }
}
