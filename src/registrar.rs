//! The registrar: the one thread that counts, judges, writes and signs, and only then wakes those
//! who wait. It owns the file, the chain, the memory and the judge; nobody else touches them.

mod answer;
pub mod clock;
mod core;
pub mod high_water;
pub mod notices;
mod queue;
pub mod recorder;
pub mod rules;
pub mod start;
mod status;
mod waiters;
mod writer;

pub use answer::Unrecorded;
pub use clock::{Clock, wall};
pub use queue::{Claim, Draft, Ledger, OtherDraft, QueuedDraft, Recorded, bind};
pub use status::Status;
pub use writer::Commits;

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;

use crate::format::signer::Signer;
use recorder::{Recorder, Step};
use rules::Rules;
use start::{JudgeFactory, LedgerSettings, StartError};
use status::Vital;

/// Time between two attempts to take up a ledger that could not be written.
const RETRY: Duration = Duration::from_secs(1);
/// Time between two looks at the queue meanwhile.
const GLANCE: Duration = Duration::from_millis(5);

/// What the daemon holds of its registrar.
pub struct Registrar {
    /// The handle by which calls have things recorded.
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
        settings: LedgerSettings,
        signer: Signer,
        rules: Rules,
        factory: Box<JudgeFactory>,
    ) -> Result<Registrar, StartError> {
        let path = settings.high_water.clone();
        let (recorder, ledger, ear) = Recorder::take_up_ledger(settings, signer, rules, factory)?;
        let head = recorder.head().expect("a ledger that was taken up is not in doubt");
        let vital = |thread| Vital { thread, status: recorder.status.clone() };
        let (registrar, keeper) = (vital("registrar"), vital("high-water"));
        let keeper = high_water::keep(path, ear, recorder.newest.subscribe(), keeper);
        let keeper = keeper.map_err(StartError::Thread)?;
        let thread = std::thread::Builder::new().name(registrar.thread.into());
        let run = move || {
            // Dropped behind the recorder: whoever waits has been answered when it tells.
            let _registrar = registrar;
            run(recorder);
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

/// Makes one step after another, until nobody can send any more or the ledger is out of use.
fn run(mut recorder: Recorder) {
    loop {
        match recorder.step() {
            Step::Done => {}
            Step::Idle => match recorder.inbox.blocking_recv() {
                Some(order) => recorder.next = Some(order),
                None => return,
            },
            Step::InDoubt => {
                if !refuse_for(&mut recorder, RETRY) {
                    return;
                }
            }
            Step::Stopped => return,
        }
    }
}

/// Refuses orders for a while; false when nobody can send any more.
fn refuse_for(recorder: &mut Recorder, span: Duration) -> bool {
    let until = Instant::now() + span;
    while Instant::now() < until {
        match recorder.inbox.try_recv() {
            Ok(order) => order.refuse(Unrecorded::Unwritable),
            Err(TryRecvError::Disconnected) => return false,
            Err(TryRecvError::Empty) => std::thread::sleep(GLANCE),
        }
    }
    true
}
