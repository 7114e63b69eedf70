//! A past that a gateway recorded: its ledger, read and not checked. Reads and acts are taken as they stand;
//! policies, rulings and alerts are not, for those are what is asked.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;

use super::tally::{Reading, Tally};
use super::{Bench, Counting, Judged, PastOutcome, Terms};
use crate::format::entry::{
    Act, Alert, Deed, Entry, Malformed, Method, Millis, Outcome, Payload, Read, Ruling, Word,
};
use crate::state::memory::Reach;
use crate::verify::store::{Store, Unreadable};

/// Entries between two reports of progress.
const STRIDE: u64 = 1_024;

/// Why a ledger could not be judged again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordedError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("entry {entry}: {why}")]
    Malformed { entry: u64, why: Malformed },
}

/// A ledger.
pub(crate) struct RecordedPast {
    store: Store,
    /// Entries that its newest checkpoint covers.
    pub(crate) size: u64,
    /// The providers of its reads.
    pub(crate) providers: Vec<Word>,
}

/// As much of an entry as tells whose it is.
#[derive(Deserialize)]
struct Whose {
    kind: String,
    provider: Option<Word>,
}

impl RecordedPast {
    /// Opens a ledger; `passed` hears, now and then, of how many entries so many were looked at.
    ///
    /// # Errors
    /// [`RecordedError`].
    pub(crate) fn open(
        path: &Path,
        passed: &mut dyn FnMut(u64, u64),
    ) -> Result<RecordedPast, RecordedError> {
        let store = Store::open(path)?;
        let newest = store.newest_checkpoint().map_err(Unreadable::Sqlite)?;
        let size = newest.map_or(0, |(size, _)| size);
        let mut providers = BTreeSet::new();
        for seq in 0..size {
            if seq % STRIDE == 0 {
                passed(seq, size);
            }
            let body = store.body(seq)?;
            let whose: Result<Whose, _> = serde_json::from_str(&body);
            let whose = whose.map_err(|error| RecordedError::Malformed {
                entry: seq,
                why: Malformed::Json(error.to_string()),
            })?;
            if let ("read", Some(provider)) = (&*whose.kind, whose.provider)
                && !providers.contains(&provider)
            {
                providers.insert(provider);
            }
        }
        Ok(RecordedPast { store, size, providers: providers.into_iter().collect() })
    }

    /// The numbers of its reads.
    #[cfg(test)]
    pub(super) fn reads(&self) -> Result<Vec<u64>, RecordedError> {
        let read = |seq| {
            let entry = self.entry(seq);
            entry.map(|entry| matches!(entry.payload, Payload::Read(_)).then_some(seq)).transpose()
        };
        (0..self.size).filter_map(read).collect()
    }

    fn entry(&self, seq: u64) -> Result<Entry, RecordedError> {
        let entry = Entry::parse(&self.store.body(seq)?);
        entry.map_err(|why| RecordedError::Malformed { entry: seq, why })
    }
}

/// The ledger as it would have become.
struct Again<'a> {
    bench: Bench,
    tally: Tally,
    /// By the number of the entry that declared a job in the past, its number here.
    jobs: HashMap<u64, u64>,
    told: &'a mut dyn FnMut(&Judged<'_>),
}

impl Again<'_> {
    fn read(&mut self, entry: &Entry, read: &Read) {
        let counting = counting(read);
        let unseen = read.ruling.outcome == Outcome::Withheld;
        let mut draft = Box::new(read.clone());
        // What a repeat repeats has another number here.
        (draft.request, draft.replay_of) = (None, None);
        draft.job = read.job.map(|job| self.jobs.get(&job).copied().unwrap_or(u64::MAX));
        draft.ruling = Ruling::PENDING;
        draft.reply = Some(read.reply.unwrap_or_default());
        let (outcome, facts, alerts): (_, _, Vec<Alert>) =
            self.bench.read(draft, counting, entry.now);
        let at = entry.now.at;
        self.tally.add(&Reading {
            at,
            provider: &read.provider,
            facts: &facts,
            misses: read.misses,
            unseen,
            outcome,
            alerts: &alerts,
        });
        if outcome != PastOutcome::Ruled(Ruling::RELEASED) || !alerts.is_empty() {
            (self.told)(&Judged {
                number: entry.seq,
                at,
                provider: &read.provider,
                agent: &read.agent,
                facts,
                outcome,
                alerts: &alerts,
            });
        }
    }

    /// What somebody decided stands. An act about a job that is not here has nothing to be about.
    fn act(&mut self, entry: &Entry, act: &Act) {
        let mut act = act.clone();
        if let Act::Signed(signed) = &mut act
            && let Deed::ApproveJob { declared } | Deed::WithdrawJob { declared } =
                &mut signed.statement.deed
        {
            let Some(job) = self.jobs.get(declared) else { return };
            *declared = *job;
        }
        let declares = matches!(act.deed(), Some(Deed::DeclareJob { .. }));
        self.bench.pass_to(entry.now);
        let folded = self.bench.fold(vec![Payload::Act(act)], None);
        if declares {
            self.jobs.extend(folded.first().map(|declared| (entry.seq, declared.seq)));
        }
    }
}

/// How the persons of a recorded read are counted: anew, where its entry names them.
fn counting(read: &Read) -> Counting {
    let one = read.on.iter().chain(&read.off).next();
    match (read.ruling.outcome, read.method, one) {
        (Outcome::Withheld, ..) | (_, Method::Get, None) => Counting::Recorded(read.facts),
        (Outcome::Released, Method::Get, Some(tag)) => Counting::Anew(Reach::One(*tag)),
        (Outcome::Released, Method::List | Method::Search | Method::Export, _) => {
            Counting::Anew(Reach::Page(read.asked))
        }
    }
}

/// Judges a ledger again under a policy that names all of its providers, as [`judge`](super::judge) does a
/// past.
///
/// # Errors
/// [`RecordedError`].
pub(crate) fn judge_again(
    past: &RecordedPast,
    terms: &Terms,
    lift_after: Option<Millis>,
    told: &mut dyn FnMut(&Judged<'_>),
    passed: &mut dyn FnMut(u64),
) -> Result<Tally, RecordedError> {
    if past.size == 0 {
        return Ok(Tally::default());
    }
    let bench = Bench::new(&terms.rules, past.entry(0)?.now.at, lift_after);
    let mut again = Again { bench, tally: Tally::default(), jobs: HashMap::new(), told };
    for seq in 0..past.size {
        if seq % STRIDE == 0 {
            passed(seq);
        }
        let entry = past.entry(seq)?;
        match &entry.payload {
            Payload::Read(read) => again.read(&entry, read),
            Payload::Act(act) => again.act(&entry, act),
            Payload::Genesis(_)
            | Payload::Policy(_)
            | Payload::Roster(_)
            | Payload::Refusals(_)
            | Payload::Alert(_)
            | Payload::Warning(_)
            | Payload::Access(_) => {}
        }
    }
    Ok(again.tally)
}
