//! The ledger: what is written, how it is proven, and the one thread that decides and records.
//! It imports no other room; the judge comes to it as a trait, so that its state can be nothing but
//! a fold over the entries.
//!
//! To trust `verify`, read `entry`, `merkle`, `checkpoint`, `receipt`, `facts`, `bucket`, `growth`, `acts`,
//! `jobs`, `repeats`, `rosters`, `rules`, `store` and `verify`, and no more.

pub mod acts;
pub mod bucket;
pub mod checkpoint;
pub mod containment;
pub mod days;
pub mod ed25519;
pub mod entry;
pub mod growth;
pub mod jobs;
mod memory;
pub mod merkle;
mod policies;
mod reads;
pub mod receipt;
mod repeats;
mod rosters;
pub mod standing;
pub mod state;
pub mod store;
pub mod tag;
pub mod verify;

#[cfg(feature = "serve")]
mod answer;
#[cfg(feature = "serve")]
pub mod clock;
#[cfg(feature = "serve")]
mod core;
#[cfg(feature = "serve")]
pub mod high_water;
#[cfg(feature = "serve")]
pub mod notices;
#[cfg(feature = "serve")]
pub mod personal;
#[cfg(feature = "serve")]
mod queue;
#[cfg(feature = "serve")]
pub mod registrar;
#[cfg(feature = "serve")]
pub mod rules;
#[cfg(feature = "serve")]
pub mod signer;
#[cfg(feature = "serve")]
pub mod start;
#[cfg(feature = "serve")]
mod status;
#[cfg(feature = "serve")]
mod writer;

#[cfg(feature = "serve")]
pub use answer::Unrecorded;
#[cfg(feature = "serve")]
pub use queue::{Bound, Claim, Draft, Foreign, Ledger, Recorded, bind};
#[cfg(feature = "serve")]
pub use status::Status;

#[cfg(feature = "serve")]
pub use clock::{Clock, wall};
pub use memory::Reach;

use entry::{Alert, Entry, Facts, Moment, Read, Ruling, Tag, Word};
use jobs::Export;
use standing::Standing;

/// What the judge may know of a read: what its entry says of it before the ruling, and no tags of
/// persons, since a withheld read has none to replay from.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// Number of the entry that it becomes.
    pub seq: u64,
    /// For whom.
    pub provider: &'a Word,
    /// Who.
    pub agent: Tag,
    /// The draft's persons, counted against the memory.
    pub facts: Facts,
    /// The job that it is a page of.
    pub export: Option<Export<'a>>,
}

impl<'a> Counted<'a> {
    /// The read of entry `seq`.
    pub fn of(seq: u64, read: &'a Read) -> Counted<'a> {
        let export = Export::of(read);
        Counted { seq, provider: &read.provider, agent: read.agent, facts: read.facts, export }
    }
}

/// What the judge decides of a read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Whether the rows may go.
    pub ruling: Ruling,
    /// What stands right behind the read's entry, in the same commit.
    pub alerts: Vec<Alert>,
}

/// The judge as the registrar and the replay see it. Deterministic: the same entries lead to the
/// same state, and the same state to the same ruling.
pub trait Judge: Send {
    /// Version of its rules' meaning; recorded in the head of each policy.
    fn version(&self) -> u64;
    /// Rules on a read, with what holds before it. Changes nothing.
    fn decide(&self, counted: &Counted<'_>, standing: &Standing, now: Moment) -> Decision;
    /// Folds an entry: the only way in which its state changes.
    fn apply(&mut self, entry: &Entry);
}
