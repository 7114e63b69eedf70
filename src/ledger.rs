//! The ledger: what is written, how it is proven, and the one thread that decides and records.
//! It imports no other room; the judge comes to it as a trait, so that its state can be nothing but
//! a fold over the entries.
//!
//! To trust `verify`, read `entry`, `merkle`, `checkpoint`, `receipt`, `facts`, `store` and
//! `verify`, and no more.

pub mod checkpoint;
pub mod entry;
pub mod facts;
pub mod merkle;
pub mod receipt;
pub mod store;
pub mod tag;
pub mod verify;

#[cfg(feature = "serve")]
mod clock;
#[cfg(feature = "serve")]
mod high_water;
#[cfg(feature = "serve")]
mod memory;
#[cfg(feature = "serve")]
mod queue;
#[cfg(feature = "serve")]
pub mod registrar;
#[cfg(feature = "serve")]
pub mod signer;
#[cfg(feature = "serve")]
pub mod start;
#[cfg(feature = "serve")]
mod writer;

#[cfg(feature = "serve")]
pub use queue::{Bound, Claim, Draft, Foreign, Ledger, Reach, Recorded, Status, Unrecorded, bind};

use entry::{Entry, Facts, Moment, Read, Ruling, Tag, Word};

/// What the judge may know of a read: what its entry says of it before the ruling, and no tags of
/// persons, since a withheld read has none to replay from.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// For whom.
    pub provider: &'a Word,
    /// Who.
    pub agent: Tag,
    /// The draft's persons, counted against the memory.
    pub facts: Facts,
}

impl<'a> From<&'a Read> for Counted<'a> {
    fn from(read: &'a Read) -> Counted<'a> {
        Counted { provider: &read.provider, agent: read.agent, facts: read.facts }
    }
}

/// The judge as the registrar and the replay see it. Deterministic: the same entries lead to the
/// same state, and the same state to the same ruling.
pub trait Judge: Send {
    /// Version of its rules' meaning; recorded in the head of each policy.
    fn version(&self) -> u64;
    /// Rules on a read. Changes nothing.
    fn decide(&self, counted: &Counted<'_>, now: Moment) -> Ruling;
    /// Folds an entry: the only way in which its state changes.
    fn apply(&mut self, entry: &Entry);
}
