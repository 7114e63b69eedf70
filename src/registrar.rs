//! The registrar: the one thread that counts, judges, writes and signs, and only then wakes those
//! who wait. It owns the file, the chain, the memory and the judge; nobody else touches them.

mod answer;
pub mod clock;
mod core;
pub mod high_water;
pub mod notices;
mod queue;
pub mod rules;
pub mod start;
mod status;
mod writer;

pub use answer::Unrecorded;
pub use clock::{Clock, wall};
pub use queue::{Bound, Claim, Draft, Foreign, Ledger, Recorded, bind};
pub use status::Status;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};

use crate::format::entry::{Moment, Ruling, What};
use crate::format::signer::Signer;
use crate::state::Inadmissible;
use crate::state::acts::{Approved, BadAct};
use crate::state::containment::Contained;
use crate::state::growth::Exhausted;
use crate::state::jobs::Jobs;
use crate::state::policies::BadPolicy;
use crate::state::repeats::OtherArguments;
use answer::Answer;
use core::Core;
use high_water::Bell;
use notices::Board;
use queue::{Order, Ruled, Seen, Share, recorded};
use rules::Rules;
use start::{Factory, Settings, StartError};
use status::Vital;
use writer::Commit;

/// Most orders in one commit, whatever becomes of each: whoever waits for it waits no longer.
const BATCH: usize = 512;
/// Between two attempts to take up a ledger that could not be written.
const RETRY: Duration = Duration::from_secs(1);
/// Between two looks at the queue meanwhile.
const GLANCE: Duration = Duration::from_millis(5);

/// What the daemon holds of its registrar.
pub struct Registrar {
    /// The handle that calls use.
    pub ledger: Ledger,
    /// Entry number of the policy head in force.
    pub head: u64,
    threads: [JoinHandle<()>; 2],
}

impl Registrar {
    /// Takes up the ledger and starts the thread. Call it inside a tokio runtime: waiters are woken
    /// there.
    ///
    /// # Errors
    /// [`StartError`]: nothing runs.
    pub fn start(
        settings: Settings,
        signer: Signer,
        rules: Rules,
        factory: Box<Factory>,
    ) -> Result<Registrar, StartError> {
        let (mut core, note) = start::start(&settings, &signer, &rules, &factory, None)?;
        let clock = core.clock.clone();
        let head = core.head();
        let (newest, newest_seen) = watch::channel(Arc::from(note));
        let (status, status_seen) = watch::channel(Status::Writable);
        let (contained, contained_seen) = watch::channel(core.contained().clone());
        let (approved, approved_seen) = watch::channel(core.state.approved());
        let (jobs, jobs_seen) = watch::channel(core.state.jobs().clone());
        let (exhausted, exhausted_seen) = watch::channel(core.state.exhausted().clone());
        let (board, notices) = Board::new();
        board.publish(core.take_notices());
        let seen = Seen {
            newest: newest_seen,
            status: status_seen,
            contained: contained_seen,
            approved: approved_seen,
            jobs: jobs_seen,
            exhausted: exhausted_seen,
            notices,
            ruled: Arc::default(),
        };
        let ruled = seen.ruled.clone();
        let (ledger, inbox) = Ledger::new(settings.queue, settings.share, clock.clone(), seen);
        let vital = |thread| Vital { thread, status: status.clone() };
        let (registrar, keeper) = (vital("registrar"), vital("high-water"));
        let keeper = high_water::keep(settings.high_water.clone(), newest.subscribe(), keeper);
        let (high_water, keeper) = keeper.map_err(StartError::Thread)?;
        let desk = Desk {
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
            exhausted,
            board,
            high_water,
            runtime: Handle::current(),
            ruled,
            many: false,
        };
        let thread = std::thread::Builder::new().name(registrar.thread.into());
        let run = move || {
            // Dropped behind the desk: whoever waits has been answered when it tells.
            let _registrar = registrar;
            desk.run(core);
        };
        let thread = thread.spawn(run).map_err(StartError::Thread)?;
        Ok(Registrar { ledger, head, threads: [thread, keeper] })
    }

    /// Waits until everything accepted is written and the threads have ended; call it when every
    /// other handle is dropped.
    pub fn finish(self) {
        let Registrar { ledger, threads, .. } = self;
        drop(ledger);
        for thread in threads {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

/// Everything of the registrar that outlives a failed commit.
struct Desk {
    settings: Settings,
    signer: Signer,
    rules: Rules,
    factory: Box<Factory>,
    inbox: mpsc::Receiver<Order>,
    clock: Clock,
    newest: watch::Sender<Arc<str>>,
    status: watch::Sender<Status>,
    contained: watch::Sender<Arc<Contained>>,
    approved: watch::Sender<Arc<Approved>>,
    jobs: watch::Sender<Arc<Jobs>>,
    exhausted: watch::Sender<Arc<Exhausted>>,
    board: Board,
    high_water: Bell,
    runtime: Handle,
    ruled: Arc<Ruled>,
    /// Whether the last commit was of more than one order: then there is more than one caller.
    many: bool,
}

/// Those who wait for a commit, with what they will be told.
#[derive(Default)]
struct Waiters {
    reads: Vec<(Answer<Recorded>, Verdict, Share)>,
    notes: Vec<(Answer<u64>, u64)>,
}

/// What is left to do after a commit: a policy that must not be part of it.
type Done = Result<Option<Order>, StartError>;
/// The same, and who waits for the rules to be in force.
type Enacting = (Done, Option<Answer<u64>>);

/// Those who waited for what is on disk now. They are told when this is dropped, wherever that is: a
/// runtime that ends drops what it does not run.
struct Committed {
    waiters: Waiters,
    note: Arc<str>,
}

impl Drop for Committed {
    fn drop(&mut self) {
        std::mem::take(&mut self.waiters).wake(&self.note);
    }
}

struct Verdict {
    number: u64,
    ruling: Ruling,
    seq: u64,
}

/// Whatever ends the thread, what still waits in the queue is answered.
impl Drop for Desk {
    fn drop(&mut self) {
        self.inbox.close();
        while let Ok(order) = self.inbox.try_recv() {
            order.refuse(Unrecorded::Unwritable);
        }
    }
}

impl Desk {
    fn run(mut self, mut core: Core) {
        let mut next = self.inbox.blocking_recv();
        while let Some(first) = next {
            let (done, enacted) = match first {
                Order::Enact { rules, answer } => self.enact(&mut core, *rules, answer),
                Order::Read { .. } | Order::Note { .. } => (self.batch(&mut core, first), None),
            };
            let left = match done {
                Ok(left) => left,
                Err(why) => {
                    // What was counted in memory may not be on disk, or the reverse: keep nothing.
                    drop(core);
                    let Some(again) = self.recover(&why) else {
                        if let Some(answer) = enacted {
                            answer.send(Err(Unrecorded::Unwritable));
                        }
                        return;
                    };
                    core = again;
                    None
                }
            };
            if let Some(answer) = enacted {
                answer.send(Ok(core.head()));
            }
            next = left.or_else(|| self.inbox.blocking_recv());
        }
    }

    /// Takes what waits, and writes it in one commit. Returns a policy that came behind it: that is
    /// a commit of its own.
    fn batch(&mut self, core: &mut Core, first: Order) -> Done {
        if self.many {
            // A commit costs about the same for one order as for a hundred. Where processors are
            // short, whoever has more orders to bring runs first; where one is free, this comes back
            // at once.
            std::thread::yield_now();
        }
        let mut batch = core.begin();
        let mut waiters = Waiters::default();
        let now = core.now();
        let mut next = Some(first);
        let mut room = 1..BATCH;
        while let Some(order) = next.take_if(|order| !matches!(order, Order::Enact { .. })) {
            take(core, &mut batch, &mut waiters, now, order);
            next = if room.next().is_some() { self.inbox.try_recv().ok() } else { None };
        }
        self.many = waiters.reads.len() + waiters.notes.len() > 1;
        if batch.bodies.is_empty() {
            // What they asked for stands in an entry already.
            drop(Committed { waiters, note: self.newest.borrow().clone() });
            return Ok(next);
        }
        match core.commit(&batch, &self.signer) {
            Ok(note) => {
                let note: Arc<str> = note.into();
                waiters.reads.iter().for_each(|(_, v, _)| self.ruled.count(v.ruling.outcome));
                // Whoever sees a checkpoint must find every notice that it covers.
                self.tell(core);
                self.newest.send_replace(note.clone());
                self.high_water.ring();
                // Waking costs more than writing: let the runtime do it while the next batch goes on.
                let committed = Committed { waiters, note };
                self.runtime.spawn(async move { drop(committed) });
                Ok(next)
            }
            Err(error) => {
                waiters.refuse();
                next.into_iter().for_each(|order| order.refuse(Unrecorded::Unwritable));
                Err(error.into())
            }
        }
    }

    /// Takes up rules, and records them unless they are those in force. From here on they are what a
    /// recovery takes up too: a commit that failed may stand in the file, and another policy must not
    /// be written behind it. So whoever waits is answered when they are in force, however they came
    /// to be.
    fn enact(&mut self, core: &mut Core, rules: Rules, answer: Answer<u64>) -> Enacting {
        if let Err(why) = core.admits(&rules, core.now()) {
            answer.send(Err(unrecorded(why)));
            return (Ok(None), None);
        }
        self.rules = rules;
        let done = core.enact(&self.rules, &self.signer).map(|note| {
            if let Some(note) = note {
                self.tell(core);
                self.newest.send_replace(note.into());
                self.high_water.ring();
            }
            None
        });
        (done.map_err(StartError::from), Some(answer))
    }

    /// Tells the door and those who follow what was committed.
    fn tell(&self, core: &mut Core) {
        if !Arc::ptr_eq(&self.jobs.borrow(), core.state.jobs()) {
            self.jobs.send_replace(core.state.jobs().clone());
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

    /// Refuses everything until the ledger can be taken up again, by the ordinary start.
    fn recover(&mut self, why: &StartError) -> Option<Core> {
        tracing::error!(error = %why, "the ledger cannot be written: nothing is released");
        Status::Unwritable(why.to_string()).tell(&self.status);
        loop {
            if !self.refuse_for(RETRY) {
                return None;
            }
            let Desk { settings, signer, rules, factory, clock, .. } = &*self;
            match start::start(settings, signer, rules, factory, Some(clock)) {
                Ok((mut core, note)) => {
                    tracing::info!("the ledger can be written again");
                    self.tell(&mut core);
                    self.newest.send_replace(note.into());
                    Status::Writable.tell(&self.status);
                    return Some(core);
                }
                Err(error) if error.may_pass() => {
                    Status::Unwritable(error.to_string()).tell(&self.status);
                }
                Err(error) => {
                    tracing::error!(%error, "the ledger cannot be taken up again: stopping");
                    Status::Stopped(error.to_string()).tell(&self.status);
                    return None;
                }
            }
        }
    }

    /// Refuses orders for a while; false when nobody can send any more.
    fn refuse_for(&mut self, span: Duration) -> bool {
        let until = Instant::now() + span;
        while Instant::now() < until {
            match self.inbox.try_recv() {
                Ok(order) => order.refuse(Unrecorded::Unwritable),
                Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => std::thread::sleep(GLANCE),
            }
        }
        true
    }
}

/// One order into the batch.
fn take(core: &mut Core, batch: &mut Commit, waiters: &mut Waiters, now: Moment, order: Order) {
    match order {
        Order::Read { bound, answer, share } => match read(core, batch, now, bound) {
            Ok(verdict) => waiters.reads.push((answer, verdict, share)),
            Err(why) => {
                drop(share);
                answer.send(Err(why));
            }
        },
        Order::Note { what, answer } => match note(core, batch, now, *what) {
            Ok(seq) => waiters.notes.push((answer, seq)),
            Err(unrecorded) => answer.send(Err(unrecorded)),
        },
        Order::Enact { .. } => order.refuse(Unrecorded::Unfit),
    }
}

/// Adds what is not judged, unless its entry is not one that a verifier would pass.
fn note(core: &mut Core, batch: &mut Commit, now: Moment, what: What) -> Result<u64, Unrecorded> {
    let added = match what {
        What::Roster(found) => core.add_roster(batch, now, found),
        // What administrators write is theirs to mend.
        act @ What::Act(_) => core.add(batch, now, vec![act]).map_err(|why| match why {
            Inadmissible::Malformed(_) => BadAct::Form.into(),
            why => why,
        }),
        // Calls are refused while a commit goes on: the digest is of the time of this one at most.
        What::Refusals(mut refusals) => {
            refusals.since = refusals.since.min(now.at);
            core.add(batch, now, vec![What::Refusals(refusals)])
        }
        what => core.add(batch, now, vec![what]),
    };
    added.map_err(unrecorded)
}

/// Counts, judges and adds one read, unless it was admitted under an older policy, its agent is not
/// enrolled and must be, its request id stands for another, or its entry is not one that a verifier
/// would pass.
fn read(
    core: &mut Core,
    batch: &mut Commit,
    now: Moment,
    bound: Bound,
) -> Result<Verdict, Unrecorded> {
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
    Ok(Verdict { number, ruling, seq })
}

/// What whoever waits is told of entries that may not stand. But for acts that cannot be and budgets
/// that are used up it is a fault of the gateway, of its judge perhaps, and not to be overlooked.
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

impl Waiters {
    fn wake(self, note: &Arc<str>) {
        for (answer, Verdict { number, ruling, seq }, share) in self.reads {
            // First the place in the queue: whoever is answered may come back at once.
            drop(share);
            answer.send(Ok(recorded(number, ruling, seq, note.clone())));
        }
        for (answer, seq) in self.notes {
            answer.send(Ok(seq));
        }
    }

    fn refuse(self) {
        for (answer, _, share) in self.reads {
            drop(share);
            answer.send(Err(Unrecorded::Unwritable));
        }
        for (answer, _) in self.notes {
            answer.send(Err(Unrecorded::Unwritable));
        }
    }
}
