//! The replay: the recorded rulings, made again from the entries alone.

use super::{Anomaly, VERSION};
use crate::ledger::entry::{Entry, Policy, Ruling, Section, What};
use crate::ledger::{Counted, Judge};

/// The first entry whose ruling does not come out as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its number.
    pub seq: u64,
    /// What it says.
    pub recorded: Ruling,
    /// What these rules say.
    pub replayed: Ruling,
}

/// Folds a ledger through the judge and compares.
#[derive(Debug, Default)]
pub struct Replay {
    judge: Anomaly,
    /// Whether the policy in force was judged by this version.
    ours: bool,
    /// Rulings compared.
    pub rulings: u64,
    /// Rulings of another version of the judge, which were folded and not compared.
    pub foreign: u64,
    /// Where they first differ.
    pub difference: Option<Difference>,
}

impl Replay {
    /// Takes the next entry.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.what {
            What::Policy(Policy { section: Section::Head(head) }) => {
                self.ours = head.judge == VERSION;
            }
            What::Read(read) if self.ours => {
                self.rulings += 1;
                let replayed = self.judge.decide(&Counted::from(&**read), entry.now);
                if replayed != read.ruling && self.difference.is_none() {
                    let recorded = read.ruling;
                    self.difference = Some(Difference { seq: entry.seq, recorded, replayed });
                }
            }
            What::Read(_) => self.foreign += 1,
            _ => {}
        }
        self.judge.apply(entry);
    }
}
