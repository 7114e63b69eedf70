//! The judge: decides each read from its entry alone. It knows no person, no clock, no file and no
//! chance; its state is a fold over the ledger, so anyone can replay it.

#![deny(clippy::float_arithmetic, reason = "what is judged is integers, the same everywhere")]

pub mod budget;
pub mod replay;

use crate::ledger::entry::{Entry, Moment, Ruling};
use crate::ledger::{Counted, Judge};

/// Version of what the rules mean; a change that rules differently on the same entries raises it.
pub const VERSION: u64 = 1;

/// All detectors together.
#[derive(Debug, Default)]
pub struct Anomaly {
    budget: budget::Budget,
}

impl Anomaly {
    /// A judge that has seen nothing.
    pub fn fresh() -> Box<dyn Judge> {
        Box::new(Anomaly::default())
    }
}

impl Judge for Anomaly {
    fn version(&self) -> u64 {
        VERSION
    }

    fn decide(&self, counted: &Counted<'_>, now: Moment) -> Ruling {
        self.budget.decide(counted, now)
    }

    fn apply(&mut self, entry: &Entry) {
        self.budget.apply(entry);
    }
}
