//! The judge as the registrar and the replay see it: it comes to them as a trait, so that its state
//! can be nothing but a fold over the entries.

use super::judge_input::JudgeInput;
use super::standing::Standing;
use crate::format::entry::{Alert, Entry, Moment, Ruling};

/// What the judge decides of a read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Whether the rows may go, and which rule says so.
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
    fn decide(&self, counted: &JudgeInput<'_>, standing: &Standing, now: Moment) -> Decision;
    /// Folds an entry: the only way in which its state changes.
    fn apply(&mut self, entry: &Entry);
}
