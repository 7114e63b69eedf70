//! More persons than is usual of an agent, day after day: a CUSUM (E. S. Page, Continuous inspection schemes,
//! 1954) over the days on which it is given anybody. With n persons new on a day and u what is usual of the
//! agent (in `usual.rs`): S = max(0, S + min(n / u, cap) - allowance).
//!
//! Work that doubles for good does the same, and nothing in the counts tells it from a theft: it is medium
//! at most. Behind a day S is at most the height, so that one large day is not told for a fortnight: on a day
//! that is as usual it is below the height again.

use super::usual::Usual;
use crate::anomaly::Finding;
use crate::format::entry::{CreepRule, Level, Rule, Severity};

/// S behind the last day on which an agent was given anybody, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(u64);

fn ratio(rule: &CreepRule, day: &Usual) -> u64 {
    day.ratio(rule.list).min(rule.cap)
}

impl Sum {
    /// Takes the day that is over.
    pub(super) fn end(&mut self, rule: &CreepRule, day: &Usual) {
        self.0 = self.with(rule, day).min(rule.medium);
    }

    fn with(self, rule: &CreepRule, day: &Usual) -> u64 {
        self.0.saturating_add(ratio(rule, day)).saturating_sub(rule.allowance)
    }
}

/// What the present day of an agent is behind those before it, if anything.
pub(super) fn finding(rule: &CreepRule, before: Sum, day: &Usual) -> Option<Finding> {
    let sum = before.with(rule, day);
    let (severity, expected) = match sum {
        // A day that does not raise it tells nothing new.
        _ if ratio(rule, day) <= rule.allowance => return None,
        _ if sum >= rule.medium => (Severity::Medium, rule.medium),
        _ if sum >= rule.medium / 2 => (Severity::Info, rule.medium / 2),
        _ => return None,
    };
    let (rule, level) = (Rule::Creep, Level::Agent);
    Some(Finding { rule, level, severity, observed: sum, expected })
}
