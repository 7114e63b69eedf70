//! The judge as the registrar and the replay see it: it comes to them as a trait, so that its state can be
//! nothing but a fold over the entries.

use super::jobs::Export;
use super::standing::Standing;
use crate::format::entry::{Alert, Entry, Facts, Moment, Read, Ruling, Tag, Word};

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
