//! The replay: the recorded rulings and alerts, made again from the entries alone.

use std::collections::VecDeque;

use super::{AnomalyJudge, VERSION};
use crate::format::entry::{Alert, Entry, Payload, Policy, Section};
use crate::state::judge::Judge;
use crate::state::judge_input::JudgeInput;
use crate::state::standing::Standing;

/// Folds a ledger through the judge and compares.
#[derive(Debug, Default)]
pub struct Replay {
    judge: AnomalyJudge,
    /// Whether the policy in force was judged by this version.
    ours: bool,
    /// Alerts that must come next, and the number of the next of them.
    due: VecDeque<Alert>,
    next: u64,
    /// Rulings compared.
    pub rulings: u64,
    /// Alerts compared.
    pub alerts: u64,
    /// Rulings and alerts of another version of the judge, which were folded and not compared.
    pub foreign: u64,
    first: Option<u64>,
}

impl Replay {
    /// Takes the next entry, with what holds before it.
    pub fn apply(&mut self, entry: &Entry, standing: &Standing) {
        if !matches!(entry.payload, Payload::Alert(_)) && !self.due.is_empty() {
            self.differs(entry.seq);
            self.due.clear();
        }
        self.next = entry.seq + 1;
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Head(head) }) => {
                self.ours = head.judge == VERSION;
            }
            Payload::Read(read) if self.ours => {
                self.rulings += 1;
                let decided =
                    self.judge.decide(&JudgeInput::of(entry.seq, read), standing, entry.now);
                if decided.ruling != read.ruling {
                    self.differs(entry.seq);
                }
                self.due = decided.alerts.into();
            }
            Payload::Alert(alert) if self.ours => {
                self.alerts += 1;
                if self.due.pop_front().as_ref() != Some(alert) {
                    self.differs(entry.seq);
                }
            }
            Payload::Read(_) | Payload::Alert(_) => self.foreign += 1,
            _ => {}
        }
        self.judge.apply(entry);
    }

    fn differs(&mut self, seq: u64) {
        self.first.get_or_insert(seq);
    }

    /// The first entry that is not what the rules in force give; call it behind the last one.
    pub fn difference(&self) -> Option<u64> {
        self.first.or_else(|| (!self.due.is_empty()).then_some(self.next))
    }
}
