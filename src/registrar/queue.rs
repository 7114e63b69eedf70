//! The way to the registrar: drafts go in, bounded; what was decided and committed comes out.
//! `Recorded` is proof that a draft's entry is on disk, and nothing else in the crate can make one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::answer::{Answer, Unrecorded};
use super::clock::Clock;
use super::notices::Notices;
use super::rules::Rules;
use super::status::Status;
use crate::format::entry::{
    Access, Act, Hash, Moment, Outcome, Payload, Read, Refusals, Roster, Ruling, Warning, Word,
};
use crate::state::acts::Approved;
use crate::state::containment::Contained;
use crate::state::contracts::Contracts;
use crate::state::growth::Exhausted;
use crate::state::jobs::Jobs;
use crate::state::memory::Reach;

/// A read before it is counted and judged: its entry with the facts still at zero, the subjects it
/// would release listed, and the ruling still to come.
#[derive(Debug)]
pub struct Draft {
    /// The entry so far. Its ruling is [`Ruling::PENDING`], which releases nothing.
    pub read: Box<Read>,
    /// The persons whom the read could return.
    pub reach: Reach,
    /// Digest of all that a caller with a request id asked: the same id with another is refused.
    pub asked: Option<Hash>,
    /// Whether nobody but an agent whom an act has enrolled may be given it.
    pub enrolled: bool,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A draft on its way to the registrar.
#[derive(Debug)]
pub struct QueuedDraft {
    number: u64,
    draft: Draft,
}

/// What stays with the rows: opens for the `Recorded` of their own draft only.
#[derive(Debug)]
pub struct Claim {
    number: u64,
}

/// Ties a draft to what will be released for it, by a number that no caller chooses.
pub fn bind(draft: Draft) -> (QueuedDraft, Claim) {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    (QueuedDraft { number, draft }, Claim { number })
}

/// Proof that a draft was judged and that its entry is committed.
pub struct Recorded {
    number: u64,
    pub(super) ruling: Ruling,
    pub(super) seq: u64,
    pub(super) checkpoint: Arc<str>,
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {:?}", self.seq, self.ruling)
    }
}

/// The proof is of another draft.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("these rows were not drafted with this entry")]
pub struct OtherDraft;

impl Claim {
    /// What was ruled on the draft of this claim: ruling, entry number, checkpoint.
    ///
    /// # Errors
    /// [`OtherDraft`] if `recorded` is of another draft.
    pub fn redeem(self, recorded: Recorded) -> Result<(Ruling, u64, Arc<str>), OtherDraft> {
        if self.number != recorded.number {
            return Err(OtherDraft);
        }
        Ok((recorded.ruling, recorded.seq, recorded.checkpoint))
    }
}

/// Reads since the start, by what was ruled on them and recorded.
#[derive(Debug, Default)]
pub(super) struct Ruled {
    released: AtomicU64,
    withheld: AtomicU64,
}

impl Ruled {
    fn of(&self, outcome: Outcome) -> &AtomicU64 {
        match outcome {
            Outcome::Released => &self.released,
            Outcome::Withheld => &self.withheld,
        }
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.of(outcome).fetch_add(1, Ordering::Relaxed);
    }
}

/// What the registrar is asked to do, and where its answer goes.
pub(super) enum RegistrarRequest {
    /// Judges a read and records it with its ruling.
    Read { bound: QueuedDraft, answer: Answer<Recorded>, share: Share },
    /// Record what needs no judge; answers with its number.
    Note { what: Box<Payload>, answer: Answer<u64> },
    /// Rule by other rules from here on; answers with the number of their head.
    Enact { rules: Box<Rules>, answer: Answer<u64> },
}

impl RegistrarRequest {
    /// Answers whoever waits that nothing was recorded, and why.
    pub(super) fn refuse(self, why: Unrecorded) {
        match self {
            RegistrarRequest::Read { answer, share, .. } => {
                drop(share);
                answer.send(Err(why));
            }
            RegistrarRequest::Note { answer, .. } | RegistrarRequest::Enact { answer, .. } => {
                answer.send(Err(why))
            }
        }
    }
}

impl QueuedDraft {
    pub(super) fn open(self) -> (u64, Draft) {
        (self.number, self.draft)
    }
}

pub(super) fn recorded(number: u64, ruling: Ruling, seq: u64, checkpoint: Arc<str>) -> Recorded {
    Recorded { number, ruling, seq, checkpoint }
}

/// How many drafts each provider has in the queue.
#[derive(Debug)]
struct Shares {
    most: usize,
    held: Mutex<HashMap<Word, usize>>,
}

/// One place in the queue, of one provider's share; free again when dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    provider: Word,
}

impl Shares {
    fn take(self: &Arc<Self>, provider: &Word) -> Result<Share, Unrecorded> {
        let mut held = self.held.lock();
        let count = held.entry(provider.clone()).or_default();
        if *count >= self.most {
            return Err(Unrecorded::Busy);
        }
        *count += 1;
        Ok(Share { shares: self.clone(), provider: provider.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock();
        if let Some(count) = held.get_mut(&self.provider) {
            *count -= 1;
        }
    }
}

/// The handle to the registrar, shared by all calls.
#[derive(Clone)]
pub struct Ledger {
    orders: mpsc::Sender<RegistrarRequest>,
    shares: Arc<Shares>,
    clock: Clock,
    seen: Published,
}

/// What the registrar tells of what was committed.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) newest: watch::Receiver<Arc<str>>,
    pub(super) status: watch::Receiver<Status>,
    pub(super) contained: watch::Receiver<Arc<Contained>>,
    pub(super) approved: watch::Receiver<Arc<Approved>>,
    pub(super) jobs: watch::Receiver<Arc<Jobs>>,
    pub(super) contracts: watch::Receiver<Arc<Contracts>>,
    pub(super) exhausted: watch::Receiver<Arc<Exhausted>>,
    pub(super) notices: Notices,
    pub(super) ruled: Arc<Ruled>,
}

impl Ledger {
    pub(super) fn new(
        queue: usize,
        share: usize,
        clock: Clock,
        seen: Published,
    ) -> (Ledger, mpsc::Receiver<RegistrarRequest>) {
        let (orders, inbox) = mpsc::channel(queue);
        let shares = Arc::new(Shares { most: share, held: Mutex::default() });
        (Ledger { orders, shares, clock, seen }, inbox)
    }

    /// The time that an entry would have that is written now: whatever is compared with entries
    /// asks this, and not the machine's clock.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The clock that entries are written by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Looks at the machine's clocks, and records what is to be told of them. Called every second,
    /// so that what stands for ten minutes was seen to.
    ///
    /// # Errors
    /// [`Unrecorded`]: it is told the next time.
    pub async fn watch_clock(&self) -> Result<(), Unrecorded> {
        self.now();
        while let Some(warning) = self.clock.news() {
            self.warn(warning.clone()).await?;
            self.clock.told(&warning);
        }
        Ok(())
    }

    /// Has a read judged and recorded. Dropping the future takes nothing back: an entry that was
    /// accepted is written whether or not anyone still waits.
    ///
    /// # Errors
    /// [`Unrecorded`]: nothing may be released.
    pub async fn record(&self, bound: QueuedDraft) -> Result<Recorded, Unrecorded> {
        let share = self.shares.take(&bound.draft.read.provider)?;
        let (answer, answered) = Answer::new();
        self.send(RegistrarRequest::Read { bound, answer, share })?;
        answered.wait().await
    }

    /// Records a digest of refused calls.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub async fn refusals(&self, refusals: Refusals) -> Result<u64, Unrecorded> {
        self.note(Payload::Refusals(refusals)).await
    }

    /// Records a roster as it was found, unless that is what it was today already; answers with the
    /// number of the entry that says so.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub async fn roster(&self, roster: Roster) -> Result<u64, Unrecorded> {
        self.note(Payload::Roster(roster)).await
    }

    /// Records what somebody should look at.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub async fn warn(&self, warning: Warning) -> Result<u64, Unrecorded> {
        self.note(Payload::Warning(warning)).await
    }

    /// Records what somebody decided; it holds for every read that is decided after it.
    ///
    /// # Errors
    /// [`Unrecorded`]; [`Unrecorded::Act`] if a verifier would not pass it.
    pub async fn act(&self, act: Act) -> Result<u64, Unrecorded> {
        self.note(Payload::Act(act)).await
    }

    /// Records that somebody is given a part of the ledger; give it only after this.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub async fn access(&self, access: Access) -> Result<u64, Unrecorded> {
        self.note(Payload::Access(access)).await
    }

    /// Puts rules into force, which the registrar records unless they are those in force already.
    /// Once they are taken up they come into force, if need be with the recovery of the ledger: the
    /// answer may take as long as that.
    ///
    /// # Errors
    /// [`Unrecorded`]: they were not taken up, and those in force go on.
    pub async fn enact(&self, rules: Rules) -> Result<u64, Unrecorded> {
        let (answer, answered) = Answer::new();
        self.send(RegistrarRequest::Enact { rules: Box::new(rules), answer })?;
        answered.wait().await
    }

    async fn note(&self, what: Payload) -> Result<u64, Unrecorded> {
        let (answer, answered) = Answer::new();
        self.send(RegistrarRequest::Note { what: Box::new(what), answer })?;
        answered.wait().await
    }

    fn send(&self, order: RegistrarRequest) -> Result<(), Unrecorded> {
        // What would wait for a recovery would be charged to callers who have long left.
        if *self.seen.status.borrow() != Status::Writable {
            order.refuse(Unrecorded::Unwritable);
            return Err(Unrecorded::Unwritable);
        }
        let (why, order) = match self.orders.try_send(order) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Full(order)) => (Unrecorded::Busy, order),
            Err(mpsc::error::TrySendError::Closed(order)) => (Unrecorded::Unwritable, order),
        };
        order.refuse(why.clone());
        Err(why)
    }

    /// The newest checkpoint, a signed note.
    pub fn newest(&self) -> Arc<str> {
        self.seen.newest.borrow().clone()
    }

    /// Follows whether the ledger can be written.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.seen.status.clone()
    }

    /// Who is contained so far that a read of theirs need not be drafted.
    pub fn contained(&self) -> Arc<Contained> {
        self.seen.contained.borrow().clone()
    }

    /// The jobs that acts have declared, and how far each has come.
    pub fn jobs(&self) -> Arc<Jobs> {
        self.seen.jobs.borrow().clone()
    }

    /// The contracts of providers, and how much of each is used.
    pub fn contracts(&self) -> Arc<Contracts> {
        self.seen.contracts.borrow().clone()
    }

    /// Who has used up a budget of entries.
    pub fn exhausted(&self) -> Arc<Exhausted> {
        self.seen.exhausted.borrow().clone()
    }

    /// The agents and policies that acts have approved, as of the newest commit.
    pub fn approved(&self) -> Arc<Approved> {
        self.seen.approved.borrow().clone()
    }

    /// How many reads have been ruled on so since the start.
    pub fn ruled(&self, outcome: Outcome) -> u64 {
        self.seen.ruled.of(outcome).load(Ordering::Relaxed)
    }

    /// A follower of the alerts, warnings and acts of the ledger.
    pub fn notices(&self) -> Notices {
        self.seen.notices.clone()
    }
}
