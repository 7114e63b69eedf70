//! Warnings on their way to the ledger. What somebody should look at happens once, and perhaps just
//! when the ledger cannot be written: it waits here until it can.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::admission::Word;
use crate::format::entry::{Hash, Matter, MatterName, Warning};
use crate::registrar::Ledger;

/// How many warnings may wait.
const MOST: usize = 256;
/// Beyond this many only those of a file are taken on: certificates can be many, and leave them
/// room.
const MOST_OF_ANY: usize = 192;
/// Time between two attempts to record a warning.
const RETRY: Duration = Duration::from_secs(1);
/// How long the last ones may take when the daemon ends.
const FINISH: Duration = Duration::from_secs(5);

/// Takes warnings, and has them recorded in their order.
#[derive(Clone)]
pub struct Warnings {
    ledger: Ledger,
    owed: Arc<Owed>,
}

#[derive(Default)]
struct Owed {
    waiting: Mutex<VecDeque<Warning>>,
    /// Warnings of files that wait for their turn, by what they are about.
    paces: Mutex<HashMap<WarningTopic, Pace>>,
    more: Notify,
    /// Whoever hands them over: one at a time, so that none is handed over twice.
    handing: AsyncMutex<()>,
}

/// What a warning of a file is about: whoever writes it again and again has one line of warnings.
type WarningTopic = (MatterName, Option<Word>);

/// The warnings of one file: some may come at once, and then one in a while. No other budget bounds
/// them. What had to wait is told in its order, each content once: keys that were in force for a
/// moment are told of, whatever is written behind them.
#[derive(Default)]
struct Pace {
    /// When the last ones were taken on.
    taken: VecDeque<Instant>,
    late: VecDeque<Warning>,
}

/// Warnings of one file that are told at once.
const AT_ONCE: usize = 8;
/// How long each of them takes up its room.
const EACH: Duration = Duration::from_secs(60);
/// Warnings of one file that wait for their turn.
const LATE: usize = 32;

impl Pace {
    /// When there is room for one more.
    fn next(&self, now: Instant) -> Instant {
        let eldest = self.taken.front().filter(|_| self.taken.len() >= AT_ONCE);
        eldest.map_or(now, |eldest| (*eldest + EACH * AT_ONCE as u32).max(now))
    }

    fn take(&mut self, now: Instant) {
        if self.taken.len() >= AT_ONCE {
            self.taken.pop_front();
        }
        self.taken.push_back(now);
    }

    /// The warning, if it may be told now; otherwise it waits behind the others.
    fn pass(&mut self, warning: Warning, now: Instant) -> Option<Warning> {
        if self.late.is_empty() && self.next(now) <= now {
            self.take(now);
            return Some(warning);
        }
        // The last is what the file says now, also if it has said so before.
        self.late.retain(|late| *late != warning);
        if self.late.len() >= LATE {
            // The first ones tell how it began, and the last is the state of things.
            let lost = self.late.pop_back();
            tracing::error!(?lost, "a warning is not recorded: too many of one file wait");
        }
        self.late.push_back(warning);
        None
    }

    /// The first that waits, if its turn has come.
    fn due(&mut self, now: Instant) -> Option<Warning> {
        if self.next(now) > now {
            return None;
        }
        let first = self.late.pop_front()?;
        self.take(now);
        Some(first)
    }
}

/// The file that it is of, if it is of one that somebody writes.
fn file(matter: &Matter) -> Option<WarningTopic> {
    let issuer = match matter {
        Matter::Keys { issuer, .. } => Some(issuer.clone()),
        Matter::Policy { .. } | Matter::Authorities { .. } | Matter::Revoked => None,
        Matter::Roster { .. }
        | Matter::RosterUnseen { .. }
        | Matter::Certificate(_)
        | Matter::Door { .. }
        | Matter::Clock
        | Matter::ClockHeld
        | Matter::Entries(_)
        | Matter::Wal => return None,
    };
    Some((matter.name(), issuer))
}

impl Warnings {
    pub(in crate::service) fn new(ledger: Ledger) -> Warnings {
        Warnings { ledger, owed: Arc::default() }
    }

    /// Has a warning recorded as soon as the ledger takes it; one of a file that is written again
    /// and again waits for its turn.
    pub fn owe(&self, warning: Warning) {
        let Some(subject) = file(&warning.matter) else { return self.put(warning) };
        let passed = {
            let mut paces = self.owed.paces.lock();
            paces.entry(subject).or_default().pass(warning, Instant::now())
        };
        match passed {
            Some(warning) => self.put(warning),
            // Whoever keeps them has to know when to look.
            None => self.owed.more.notify_one(),
        }
    }

    fn put(&self, warning: Warning) {
        let mut waiting = self.owed.waiting.lock();
        if waiting.len() >= most(&warning.matter) {
            tracing::error!(?warning, "a warning is not recorded: too many wait for the ledger");
            return;
        }
        waiting.push_back(warning);
        self.owed.more.notify_one();
    }

    /// Whoever watches must hear of other keys: by them anybody could be named.
    pub fn owe_keys(&self, issuer: Word, keys: usize, digest: Hash) {
        let matter = Matter::Keys { issuer, digest };
        self.owe(Warning { matter, observed: keys as u64, expected: 0 });
    }

    /// Hands over what comes, for ever.
    pub(in crate::service) async fn keep(self) -> Infallible {
        loop {
            let next = self.put_due(Instant::now());
            if self.hand_over().await {
                tokio::select! {
                    () = self.owed.more.notified() => {}
                    () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                }
            } else {
                sleep(RETRY).await;
            }
        }
    }

    /// Puts those whose turn has come behind the others; when the next turn is.
    fn put_due(&self, now: Instant) -> Option<Instant> {
        let mut paces = self.owed.paces.lock();
        let due: Vec<Warning> = paces.values_mut().filter_map(|pace| pace.due(now)).collect();
        let waits = paces.values().filter(|pace| !pace.late.is_empty());
        let next = waits.map(|pace| pace.next(now)).min();
        drop(paces);
        due.into_iter().for_each(|warning| self.put(warning));
        next
    }

    /// Hands over what is left when nobody keeps it any more.
    pub(in crate::service) async fn finish(&self) {
        let late: Vec<Warning> = {
            let mut paces = self.owed.paces.lock();
            paces.values_mut().flat_map(|pace| std::mem::take(&mut pace.late)).collect()
        };
        late.into_iter().for_each(|warning| self.put(warning));
        let done = timeout(FINISH, self.hand_over()).await;
        if done != Ok(true) {
            let warnings = self.owed.waiting.lock().len();
            tracing::error!(warnings, "warnings were never recorded: the ledger cannot be written");
        }
    }

    /// Whether nothing waits any more. It goes on when whoever waits for it is ended: the ledger
    /// may have taken by then what still waits here.
    async fn hand_over(&self) -> bool {
        let warnings = self.clone();
        match tokio::spawn(async move { warnings.hand_over_all().await }).await {
            Ok(done) => done,
            // Without a panic it ends only if the runtime has.
            Err(ended) => ended.try_into_panic().is_ok_and(|why| resume_unwind(why)),
        }
    }

    async fn hand_over_all(&self) -> bool {
        let _handing = self.owed.handing.lock().await;
        loop {
            let Some(next) = self.owed.waiting.lock().front().cloned() else { return true };
            match self.ledger.warn(next).await {
                Ok(_) => {}
                Err(error) if error.retry_after().is_some() => return false,
                Err(error) => tracing::error!(%error, "a warning cannot be recorded"),
            }
            self.owed.waiting.lock().pop_front();
        }
    }
}

/// How many may wait for one of this matter to wait too.
fn most(matter: &Matter) -> usize {
    if file(matter).is_some() { MOST } else { MOST_OF_ANY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::CertificateOf;

    #[test]
    fn a_file_that_is_written_again_and_again_is_told_of_now_and_then_and_at_last() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let matter = Matter::Authorities { digest: None };
        let warning = |observed| Warning { matter: matter.clone(), observed, expected: 0 };
        let told = (0..1_000).filter_map(|n| pace.pass(warning(n), start));
        assert_eq!(told.map(|one| one.observed).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
        let turn = start + EACH * AT_ONCE as u32;
        assert_eq!(pace.next(start), turn);
        assert!(pace.due(turn - Duration::from_millis(1)).is_none());
        let mut late = Vec::new();
        while let Some(warning) = pace.due(turn + EACH * (AT_ONCE * late.len()) as u32) {
            late.push(warning.observed);
        }
        // The first of those that waited, and the last.
        assert_eq!(late, (8..39).chain([999]).collect::<Vec<_>>());
        // A day of it, a warning a second: as many as there is room for.
        let (mut pace, mut told) = (Pace::default(), 0);
        for second in 0..86_400 {
            let now = start + Duration::from_secs(second);
            told += usize::from(pace.due(now).is_some());
            told += usize::from(pace.pass(warning(second), now).is_some());
        }
        assert!((1_440..=1_448).contains(&told), "{told}");
    }

    #[test]
    fn what_a_file_said_for_a_moment_is_told_behind_whatever_it_said_since() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let matter = Matter::Policy { digest: None };
        let warning = |n| Warning { matter: matter.clone(), observed: n, expected: 0 };
        // Two contents in turn fill what is told at once; then a third for a moment.
        let told = |n: &u64| usize::from(pace.pass(warning(*n), start).is_some());
        assert_eq!([1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 3, 1, 2].iter().map(told).sum::<usize>(), 8);
        let late: Vec<_> = pace.late.iter().map(|late| late.observed).collect();
        assert_eq!(late, [3, 1, 2]);
    }

    #[test]
    fn warnings_of_certificates_leave_room_for_those_of_files() {
        let digest = Hash::default();
        let of_files = [
            Matter::Policy { digest: None },
            Matter::Keys { issuer: "idp".into(), digest },
            Matter::Authorities { digest: Some(digest) },
            Matter::Revoked,
        ];
        assert!(of_files.iter().all(|matter| most(matter) == MOST));
        let expiring = Matter::Certificate(CertificateOf::Own { certificate: digest });
        assert!([expiring, Matter::Clock].iter().all(|matter| most(matter) < MOST));
    }
}
