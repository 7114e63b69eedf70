//! The judge: decides each read from its entry alone. It knows no person, no clock, no file and no
//! chance; its state is a fold over the ledger, so anyone can replay it.
//!
//! A read is held against what is contained already, then against the budgets (an export: against
//! its job); then the detectors look at it, and what they find may still withhold it. The ladder
//! makes alerts of the findings.

#![deny(clippy::float_arithmetic, reason = "what is judged is integers, the same everywhere")]

pub mod budget;
mod contract;
mod detectors;
mod job;
mod ladder;
mod measures;
pub mod replay;
mod signs;

use crate::format::entry::{Entry, Level, Millis, Moment, Outcome, Rule, Ruling, Severity};
use crate::state::containment::withholds;
use crate::state::judge::{Decision, Judge};
use crate::state::judge_input::JudgeInput;
use crate::state::standing::Standing;

/// Version of what the rules mean; a change that rules differently on the same entries raises it.
pub const VERSION: u64 = 7;

/// How many milliseconds a minute has.
pub const MINUTE: Millis = 60_000;
/// How many milliseconds an hour has.
pub const HOUR: Millis = 60 * MINUTE;
/// How many milliseconds a day has.
pub const DAY: Millis = 24 * HOUR;

/// What of a limit that agents share is told to one of them: the largest power of two of it, so
/// that nobody learns from his own refusals what colleagues did.
fn coarse(left: u64) -> u64 {
    left.checked_ilog2().map_or(0, |bits| 1 << bits)
}

/// What a detector says of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Finding {
    rule: Rule,
    level: Level,
    severity: Severity,
    /// What was observed, as the alert says it.
    observed: u64,
    expected: u64,
}

/// The judge: budgets, all detectors, and the ladder of alerts.
#[derive(Debug, Default)]
pub struct AnomalyJudge {
    budget: budget::PersonBudgets,
    detectors: detectors::AllDetectors,
    signs: signs::ManySigns,
    ladder: ladder::Ladder,
}

impl AnomalyJudge {
    /// A judge that has seen nothing.
    pub fn fresh() -> Box<dyn Judge> {
        Box::new(AnomalyJudge::default())
    }
}

impl Judge for AnomalyJudge {
    fn version(&self) -> u64 {
        VERSION
    }

    fn decide(&self, counted: &JudgeInput<'_>, standing: &Standing, now: Moment) -> Decision {
        let Standing { containment, contracts, jobs, days } = standing;
        let held = containment.holds(counted, now);
        let fits = || match &counted.export {
            Some(export) => job::decide(jobs, counted, export, now.at),
            None => self.budget.decide(counted, now),
        };
        let mut ruling = held.unwrap_or_else(|| match fits() {
            // A breach of its job is one under whatever contract.
            breach if breach.rule == Some(Rule::Contained) => breach,
            ruling => contract::decide(contracts, counted, now).unwrap_or(ruling),
        });
        let mut findings = Vec::new();
        if held.is_none() && ruling.outcome == Outcome::Withheld {
            findings.extend(match &counted.export {
                Some(export) => job::breach(export, &ruling),
                None => Some(budget::refused(counted, &ruling)),
            });
        }
        let found = self.detectors.findings(counted, ruling.outcome, now);
        let follows = |finding| measures::follows(containment, finding, counted, ruling.outcome);
        findings.extend(found.into_iter().map(follows));
        findings.extend(self.signs.finding(&findings, counted, now.tick));
        self.ladder.keep_new(&mut findings, counted, now.tick);
        let today = |outcome| {
            [Level::Agent, Level::Provider].map(|level| days.with(level, counted, now.at, outcome))
        };
        let measures = |finding: &Finding, outcome| {
            measures::measures(containment, finding, counted, today(outcome))
        };
        // What is found in a read takes hold with that very read.
        if ruling.outcome == Outcome::Released {
            let mut taken = findings.iter().flat_map(|finding| measures(finding, ruling.outcome));
            ruling = taken.find_map(|m| withholds(m, counted, now)).unwrap_or(Ruling::RELEASED);
        }
        if ruling.outcome == Outcome::Released {
            let mut drained = contract::findings(contracts, counted, now);
            drained.extend(self.budget.drained(counted, now));
            self.ladder.keep_new(&mut drained, counted, now.tick);
            findings.extend(drained);
        }
        let contained = containment.any(counted.provider, now.tick);
        let incident = self.ladder.incident(counted, contained, now.tick);
        let alert = |finding: &Finding| {
            let today = days.with(finding.level, counted, now.at, ruling.outcome);
            let measures = measures(finding, ruling.outcome);
            ladder::alert(finding, incident, measures, today, counted, now)
        };
        Decision { ruling, alerts: findings.iter().map(alert).collect() }
    }

    fn apply(&mut self, entry: &Entry) {
        self.budget.apply(entry);
        self.detectors.apply(entry);
        self.signs.apply(entry);
        self.ladder.apply(entry);
    }
}

#[cfg(test)]
mod tests;
