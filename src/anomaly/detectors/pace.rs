//! Far more persons than is usual of an agent, in an hour or over three days. With n persons new today and
//! u what is usual of the agent (in `usual.rs`): the hour's n / u; and, over the day and the two before it on
//! which the agent was given anybody, the sum of min(n / u, cap), if that of the day itself is above 2.
//!
//! The heights come of peaks over threshold (J. Pickands, Statistical inference using extreme order
//! statistics, 1975): the ratios of honest work above a threshold fall off as an exponential, and a height
//! is where what is left of it is so many a month. On recorded case work the hour's excesses over 5 have a
//! mean of 1.6, those of three days over 7 one of 1.2: 13 and 15 are then passed some 0.015 and 0.002 times a
//! month at a provider of seven agents. Multiples of a standard deviation are passed daily: counts are not
//! normal.

use super::usual::Usual;
use crate::anomaly::Finding;
use crate::format::entry::{Level, PaceRule, Rule, Severity};

/// A day of up to so much tells nothing new of the days before it, in thousandths.
const ORDINARY: u64 = 2_000;

/// The ratios of the last two days on which an agent was given anybody, the older one first, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LastDays([u64; 2]);

fn ratio(rule: &PaceRule, day: &Usual) -> u64 {
    day.ratio(rule.list).min(rule.cap)
}

impl LastDays {
    /// Takes the day that is over.
    pub(super) fn end(&mut self, rule: &PaceRule, day: &Usual) {
        let day = ratio(rule, day);
        // None was given anything if a lift forgot it.
        if day > 0 {
            self.0 = [self.0[1], day];
        }
    }

    /// The three together, if the present day adds to it.
    fn with(self, rule: &PaceRule, day: &Usual) -> u64 {
        let today = ratio(rule, day);
        let two = self.0[0].saturating_add(self.0[1]);
        if today > ORDINARY { two.saturating_add(today) } else { 0 }
    }
}

/// What the present hour and day of an agent are behind its last days, if anything.
pub(super) fn finding(
    rule: &PaceRule,
    hour: &Usual,
    last: LastDays,
    day: &Usual,
) -> Option<Finding> {
    let hour = hour.ratio(rule.list);
    let days = last.with(rule, day);
    let (severity, observed, expected) = match rule {
        _ if hour >= rule.hour => (Severity::High, hour, rule.hour),
        _ if days >= rule.days => (Severity::High, days, rule.days),
        _ if hour >= rule.hour / 2 => (Severity::Info, hour, rule.hour / 2),
        _ if days >= rule.days / 2 => (Severity::Info, days, rule.days / 2),
        _ => return None,
    };
    Some(Finding { rule: Rule::Pace, level: Level::Agent, severity, observed, expected })
}
