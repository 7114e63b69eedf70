//! What the registrar does, one step after another: takes what waits, decides, writes and signs it
//! in one commit, and tells those who waited; after a commit in doubt it takes the ledger up again
//! before anything else. It never waits, and knows no thread: whoever runs it says when there is
//! another step.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::answer::{Answer, Unrecorded};
use super::clock::Clock;
use super::core::OpenLedger;
use super::high_water::{Bell, Ear, bell};
use super::notices::Board;
use super::queue::{Draft, Ledger, Published, QueuedDraft, RegistrarRequest, Ruled};
use super::rules::Rules;
use super::start::{self, JudgeFactory, LedgerSettings, StartError};
use super::status::Status;
use super::waiters::{Committed, DecidedRead, Waiters};
use super::writer::Commit;
use crate::format::entry::{Moment, Payload};
use crate::format::signer::Signer;
use crate::state::Inadmissible;
use crate::state::acts::{Approved, BadAct};
use crate::state::containment::Contained;
use crate::state::contracts::Contracts;
use crate::state::growth::Exhausted;
use crate::state::jobs::Jobs;
use crate::state::policies::BadPolicy;
use crate::state::repeats::OtherArguments;

/// Most orders in one commit, whatever becomes of each: whoever waits for it waits no longer.
const BATCH: usize = 512;

/// The registrar without its thread: each call of it makes one step.
pub struct Recorder {
    settings: LedgerSettings,
    signer: Signer,
    rules: Rules,
    factory: Box<JudgeFactory>,
    pub(super) inbox: mpsc::Receiver<RegistrarRequest>,
    clock: Clock,
    pub(super) newest: watch::Sender<Arc<str>>,
    pub(super) status: watch::Sender<Status>,
    contained: watch::Sender<Arc<Contained>>,
    approved: watch::Sender<Arc<Approved>>,
    jobs: watch::Sender<Arc<Jobs>>,
    contracts: watch::Sender<Arc<Contracts>>,
    exhausted: watch::Sender<Arc<Exhausted>>,
    board: Board,
    high_water: Bell,
    runtime: Handle,
    ruled: Arc<Ruled>,
    /// None while the ledger is in doubt. All of it is made again from the file then.
    core: Option<OpenLedger>,
    /// What is taken next, before whatever waits.
    pub(super) next: Option<RegistrarRequest>,
    /// Who waits for rules to be in force that were taken up.
    enacting: Option<Answer<u64>>,
    /// Whether the last commit was of more than one order: then there is more than one caller.
    many: bool,
}

/// What became of one step of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done, and there may be more to do.
    Done,
    /// Nothing waits, so nothing was done.
    Idle,
    /// The ledger cannot be written, or not for sure: the next step takes it up again, and until
    /// then [`Recorder::refuse_waiting`] is to be called now and then.
    InDoubt,
    /// The ledger cannot be taken up again.
    Stopped,
}

/// Whatever ends the recorder, what still waits in the queue is answered.
impl Drop for Recorder {
    fn drop(&mut self) {
        self.inbox.close();
        self.next.take().into_iter().for_each(|order| order.refuse(Unrecorded::Unwritable));
        self.refuse_waiting();
        if let Some(answer) = self.enacting.take() {
            answer.send(Err(Unrecorded::Unwritable));
        }
    }
}

impl Recorder {
    /// Takes up the ledger. Call it inside a tokio runtime: waiters are woken there. The last of
    /// three is for whoever keeps the high-water file.
    pub(super) fn take_up_ledger(
        settings: LedgerSettings,
        signer: Signer,
        rules: Rules,
        factory: Box<JudgeFactory>,
    ) -> Result<(Recorder, Ledger, Ear), StartError> {
        let (mut core, note) = start::start(&settings, &signer, &rules, &factory, None)?;
        let clock = core.clock.clone();
        let (newest, newest_seen) = watch::channel(Arc::from(note));
        let (status, status_seen) = watch::channel(Status::Writable);
        let (contained, contained_seen) = watch::channel(core.contained().clone());
        let (approved, approved_seen) = watch::channel(core.state.approved());
        let (jobs, jobs_seen) = watch::channel(core.state.jobs().clone());
        let (contracts, contracts_seen) = watch::channel(core.state.contracts().clone());
        let (exhausted, exhausted_seen) = watch::channel(core.state.exhausted().clone());
        let (board, notices) = Board::new();
        board.publish(core.take_notices());
        let seen = Published {
            newest: newest_seen,
            status: status_seen,
            contained: contained_seen,
            approved: approved_seen,
            jobs: jobs_seen,
            contracts: contracts_seen,
            exhausted: exhausted_seen,
            notices,
            ruled: Arc::default(),
        };
        let ruled = seen.ruled.clone();
        let (ledger, inbox) = Ledger::new(settings.queue, settings.share, clock.clone(), seen);
        let (high_water, ear) = bell();
        let recorder = Recorder {
            settings,
            signer,
            rules,
            factory,
            inbox,
            clock,
            newest,
            status,
            contained,
            approved,
            jobs,
            contracts,
            exhausted,
            board,
            high_water,
            runtime: Handle::current(),
            ruled,
            core: Some(core),
            next: None,
            enacting: None,
            many: false,
        };
        Ok((recorder, ledger, ear))
    }

    /// Takes up a ledger for whoever makes the steps, and keeps its high-water file, by hand.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(
        settings: LedgerSettings,
        signer: Signer,
        rules: Rules,
        factory: Box<JudgeFactory>,
    ) -> Result<(Recorder, Ledger), StartError> {
        Recorder::take_up_ledger(settings, signer, rules, factory)
            .map(|(recorder, ledger, _)| (recorder, ledger))
    }

    /// Does what is to be done next.
    pub fn step(&mut self) -> Step {
        let Some(mut core) = self.core.take() else { return self.take_up_again() };
        let Some(first) = self.next.take().or_else(|| self.inbox.try_recv().ok()) else {
            self.core = Some(core);
            return Step::Idle;
        };
        let done = match first {
            RegistrarRequest::Enact { rules, answer } => self.enact(&mut core, *rules, answer),
            RegistrarRequest::Read { .. } | RegistrarRequest::Note { .. } => {
                self.batch(&mut core, first)
            }
        };
        match done {
            Ok(()) => {
                self.take_over(core);
                Step::Done
            }
            Err(why) => {
                // What was counted in memory may not be on disk, or the reverse: keep nothing.
                drop(core);
                tracing::error!(error = %why, "the ledger cannot be written: nothing is released");
                Status::Unwritable(why.to_string()).tell(&self.status);
                Step::InDoubt
            }
        }
    }

    /// Answers what waits in the queue that nothing can be recorded.
    pub fn refuse_waiting(&mut self) {
        while let Ok(order) = self.inbox.try_recv() {
            order.refuse(Unrecorded::Unwritable);
        }
    }

    /// Entry number of the policy head in force; none while the ledger is in doubt.
    pub fn head(&self) -> Option<u64> {
        self.core.as_ref().map(OpenLedger::head)
    }

    /// Goes on with what is true of the file, and tells whoever waits for rules that they are in
    /// force.
    fn take_over(&mut self, core: OpenLedger) {
        if let Some(answer) = self.enacting.take() {
            answer.send(Ok(core.head()));
        }
        self.core = Some(core);
    }

    /// Takes what waits, and writes it in one commit. A policy that comes behind it is left for the
    /// next step: that is a commit of its own.
    fn batch(&mut self, core: &mut OpenLedger, first: RegistrarRequest) -> Result<(), StartError> {
        if self.many {
            // A commit costs about the same for one order as for a hundred. Where processors are
            // short, whoever has more orders to bring runs first; where one is free, this comes
            // back at once.
            std::thread::yield_now();
        }
        let mut batch = core.begin();
        let mut waiters = Waiters::default();
        let now = core.now();
        let mut next = Some(first);
        let mut room = 1..BATCH;
        while let Some(order) =
            next.take_if(|order| !matches!(order, RegistrarRequest::Enact { .. }))
        {
            take(core, &mut batch, &mut waiters, now, order);
            next = if room.next().is_some() { self.inbox.try_recv().ok() } else { None };
        }
        self.many = waiters.are_many();
        if batch.bodies.is_empty() {
            // What they asked for stands in an entry already.
            drop(Committed { waiters, note: self.newest.borrow().clone() });
            self.next = next;
            return Ok(());
        }
        match core.commit(&batch, &self.signer) {
            Ok(note) => {
                let note: Arc<str> = note.into();
                waiters.outcomes().for_each(|outcome| self.ruled.count(outcome));
                // Whoever sees a checkpoint must find every notice that it covers.
                self.tell(core);
                self.newest.send_replace(note.clone());
                self.high_water.ring();
                // Waking costs more than writing: let the runtime do it while the next batch goes
                // on.
                let committed = Committed { waiters, note };
                self.runtime.spawn(async move { drop(committed) });
                self.next = next;
                Ok(())
            }
            Err(error) => {
                waiters.refuse();
                next.into_iter().for_each(|order| order.refuse(Unrecorded::Unwritable));
                Err(error.into())
            }
        }
    }

    /// Takes up rules, and records them unless they are those in force. From here on they are what
    /// a recovery takes up too: a commit that failed may stand in the file, and another policy must
    /// not be written behind it. So whoever waits is answered when they are in force, however they
    /// came to be.
    fn enact(
        &mut self,
        core: &mut OpenLedger,
        rules: Rules,
        answer: Answer<u64>,
    ) -> Result<(), StartError> {
        if let Err(why) = core.admits(&rules, core.now()) {
            answer.send(Err(unrecorded(why)));
            return Ok(());
        }
        (self.rules, self.enacting) = (rules, Some(answer));
        if let Some(note) = core.enact(&self.rules, &self.signer)? {
            self.tell(core);
            self.newest.send_replace(note.into());
            self.high_water.ring();
        }
        Ok(())
    }

    /// Tells the door and those who follow what was committed.
    fn tell(&self, core: &mut OpenLedger) {
        if !Arc::ptr_eq(&self.jobs.borrow(), core.state.jobs()) {
            self.jobs.send_replace(core.state.jobs().clone());
        }
        if !Arc::ptr_eq(&self.contracts.borrow(), core.state.contracts()) {
            self.contracts.send_replace(core.state.contracts().clone());
        }
        if !Arc::ptr_eq(&self.exhausted.borrow(), core.state.exhausted()) {
            self.exhausted.send_replace(core.state.exhausted().clone());
        }
        let notices = core.take_notices();
        if !notices.is_empty() {
            self.contained.send_replace(core.contained().clone());
            self.approved.send_replace(core.state.approved());
            self.board.publish(notices);
            let wake = self.board.wake();
            self.runtime.spawn(async move { wake() });
        }
    }

    /// Takes the ledger up again, by the ordinary start.
    fn take_up_again(&mut self) -> Step {
        let Recorder { settings, signer, rules, factory, clock, .. } = &*self;
        match start::start(settings, signer, rules, factory, Some(clock)) {
            Ok((mut core, note)) => {
                tracing::info!("the ledger can be written again");
                self.tell(&mut core);
                self.newest.send_replace(note.into());
                Status::Writable.tell(&self.status);
                self.take_over(core);
                Step::Done
            }
            Err(error) if error.may_pass() => {
                Status::Unwritable(error.to_string()).tell(&self.status);
                Step::InDoubt
            }
            Err(error) => {
                tracing::error!(%error, "the ledger cannot be taken up again: stopping");
                Status::Stopped(error.to_string()).tell(&self.status);
                Step::Stopped
            }
        }
    }
}

/// Takes one order into the batch, or answers it at once where it is refused.
fn take(
    core: &mut OpenLedger,
    batch: &mut Commit,
    waiters: &mut Waiters,
    now: Moment,
    order: RegistrarRequest,
) {
    match order {
        RegistrarRequest::Read { bound, answer, share } => match read(core, batch, now, bound) {
            Ok(verdict) => waiters.reads.push((answer, verdict, share)),
            Err(why) => {
                drop(share);
                answer.send(Err(why));
            }
        },
        RegistrarRequest::Note { what, answer } => match note(core, batch, now, *what) {
            Ok(seq) => waiters.notes.push((answer, seq)),
            Err(unrecorded) => answer.send(Err(unrecorded)),
        },
        RegistrarRequest::Enact { .. } => order.refuse(Unrecorded::Unfit),
    }
}

/// Adds what is not judged, unless its entry is not one that a verifier would pass.
fn note(
    core: &mut OpenLedger,
    batch: &mut Commit,
    now: Moment,
    what: Payload,
) -> Result<u64, Unrecorded> {
    let added = match what {
        Payload::Roster(found) => core.add_roster(batch, now, found),
        // What administrators write is theirs to mend.
        act @ Payload::Act(_) => core.add(batch, now, vec![act]).map_err(|why| match why {
            Inadmissible::Malformed(_) => BadAct::Form.into(),
            why => why,
        }),
        // Calls are refused while a commit goes on: the digest is of the time of this one at most.
        Payload::Refusals(mut refusals) => {
            refusals.since = refusals.since.min(now.at);
            core.add(batch, now, vec![Payload::Refusals(refusals)])
        }
        what => core.add(batch, now, vec![what]),
    };
    added.map_err(unrecorded)
}

/// Counts, judges and adds one read, unless it was admitted under an older policy, its agent is not
/// enrolled and must be, its request id stands for another, or its entry is not one that a verifier
/// would pass.
fn read(
    core: &mut OpenLedger,
    batch: &mut Commit,
    now: Moment,
    bound: QueuedDraft,
) -> Result<DecidedRead, Unrecorded> {
    let (number, Draft { mut read, reach, asked, enrolled }) = bound.open();
    if read.policy < core.head() {
        return Err(Unrecorded::Outdated);
    }
    // The door has asked; who was dismissed since is given nothing behind the act.
    if enrolled && !core.state.approved().agent(&read.provider, read.agent) {
        return Err(Unrecorded::NotEnrolled(read.agent));
    }
    let first = core.state.first_of(&read, now, asked);
    read.replay_of = first.map_err(|OtherArguments| Unrecorded::OtherArguments)?;
    let (seq, ruling) = core.add_read(batch, now, read, reach, asked).map_err(unrecorded)?;
    Ok(DecidedRead { number, ruling, seq })
}

/// What whoever waits is told of entries that may not stand. But for acts that cannot be and
/// budgets that are used up it is a fault of the gateway, of its judge perhaps, and not to be
/// overlooked.
fn unrecorded(why: Inadmissible) -> Unrecorded {
    match why {
        Inadmissible::Act(bad) => Unrecorded::Act(bad),
        Inadmissible::Entries(used_up) => Unrecorded::Entries(used_up),
        Inadmissible::Policy(BadPolicy::Loosened) => Unrecorded::Unapproved,
        why => {
            tracing::error!(%why, "an entry would not pass verification and was not written");
            Unrecorded::Unfit
        }
    }
}
