//! What the registrar knows of the entries: each of these is a fold over them, and an entry changes
//! all of them at once, whether it was read at a start or written just now.

use std::sync::Arc;

use super::Judge;
use super::acts::Acts;
use super::entry::{Entry, Hash, Head, Policy, Section, What};
use super::growth::Growth;
use super::memory::Memory;
use super::repeats::Repeats;
use super::rosters::Rosters;
use super::rules::RulesInForce;

/// The folds of the registrar; made again from the file when a commit is in doubt.
pub(super) struct Fold {
    pub(super) judge: Box<dyn Judge>,
    pub(super) memory: Memory,
    pub(super) repeats: Repeats,
    pub(super) acts: Acts,
    pub(super) rosters: Rosters,
    pub(super) growth: Growth,
    pub(super) rules: RulesInForce,
    /// The policy in force: entry number and head.
    pub(super) head: Option<(u64, Head)>,
    /// Alerts, warnings and acts that nobody has taken yet.
    pub(super) notices: Vec<Arc<Entry>>,
}

impl Fold {
    /// Of no entry, with a judge of none.
    pub(super) fn new(judge: Box<dyn Judge>) -> Fold {
        Fold {
            judge,
            memory: Memory::default(),
            repeats: Repeats::default(),
            acts: Acts::default(),
            rosters: Rosters::default(),
            growth: Growth::default(),
            rules: RulesInForce::default(),
            head: None,
            notices: Vec::new(),
        }
    }

    /// With what was asked by a read that came with a request id, where that is known: no entry says.
    pub(super) fn apply(&mut self, entry: &Entry, asked: Option<Hash>) {
        self.judge.apply(entry);
        self.memory.apply(entry);
        self.repeats.apply(entry, asked);
        self.acts.apply(entry);
        self.rosters.apply(entry);
        self.growth.apply(entry);
        self.rules.apply(entry);
        match &entry.what {
            What::Policy(Policy { section: Section::Head(head) }) => {
                self.head = Some((entry.seq, head.clone()));
            }
            What::Alert(_) | What::Warning(_) | What::Act(_) => {
                self.notices.push(Arc::new(entry.clone()));
            }
            _ => {}
        }
    }
}
