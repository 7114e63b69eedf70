//! Persons off the roster: a Bernoulli CUSUM over disclosures, one count for each person new today.
//! A person off the roster raises the sum, one on it lowers it, never below 0; a long run of
//! strangers is not chance. It is kept for each agent, and for each provider as a whole, so that a
//! theft split over several agents adds up.
//!
//! An export is its job's business: the persons on the roster whom it holds clear nobody.
//!
//! An attempt off the roster that is withheld anyway adds a fixed amount, whatever it would have
//! found: a refusal must be the same for anyone, and whoever asks for what he will not be given must
//! neither learn who exists nor clear himself with it.

use std::collections::HashMap;

use super::Finding;
use crate::format::entry::{
    Counts, Deed, Detectors, Entry, Facts, Level, Outcome, Payload, Policy, RosterRule, Rule,
    Section, Severity, Tag, Whom, Word,
};
use crate::state::judge_input::JudgeInput;

/// The detector.
#[derive(Debug, Default)]
pub(super) struct RosterDetector {
    rule: RosterRule,
    sums: HashMap<Word, Sums>,
}

/// The sums of one provider.
#[derive(Debug, Default)]
struct Sums {
    whole: u64,
    agents: HashMap<Tag, u64>,
}

/// Persons new at a level: off the roster, and on it.
fn new(level: Level, facts: &Facts) -> (u64, u64) {
    let of = |counts: &Counts| match level {
        Level::Agent => counts.agent_day,
        Level::Provider => counts.provider_day,
    };
    let off = of(&facts.off);
    (off, of(&facts.all).saturating_sub(off))
}

impl RosterDetector {
    /// What a read gives away that would have this outcome without it. `alarmed`: something grave was
    /// found at another provider, and half of a height counts as medium here.
    pub(super) fn findings(
        &self,
        counted: &JudgeInput<'_>,
        outcome: Outcome,
        alarmed: bool,
    ) -> Vec<Finding> {
        if counted.export.is_some() {
            return Vec::new();
        }
        let sums = self.sums.get(counted.provider);
        let agent = sums.and_then(|s| s.agents.get(&counted.agent)).copied().unwrap_or(0);
        let whole = sums.map_or(0, |s| s.whole);
        let peak = |level, sum| self.peak(level, sum, &counted.facts, outcome);
        let agent = self.finding(Level::Agent, agent, peak(Level::Agent, agent), alarmed);
        let whole = self.finding(Level::Provider, whole, peak(Level::Provider, whole), alarmed);
        // What one agent's own reads explain says nothing of the provider.
        let agents = agent.map(|finding| finding.severity);
        let whole = whole.filter(|finding| Some(finding.severity) > agents);
        agent.into_iter().chain(whole).collect()
    }

    fn finding(&self, level: Level, sum: u64, peak: u64, alarmed: bool) -> Option<Finding> {
        if peak == sum {
            return None;
        }
        let RosterRule { medium, high, .. } = self.rule;
        let (severity, expected) = match peak {
            _ if peak >= high => (Severity::High, high),
            _ if peak >= medium => (Severity::Medium, medium),
            _ if alarmed && peak >= medium / 2 => (Severity::Medium, medium / 2),
            _ if peak >= high / 2 => (Severity::Info, high / 2),
            _ => return None,
        };
        Some(Finding { rule: Rule::Roster, level, severity, observed: peak, expected })
    }

    /// The sum at its highest: those off the roster come first.
    fn peak(&self, level: Level, sum: u64, facts: &Facts, outcome: Outcome) -> u64 {
        let more = match outcome {
            Outcome::Released => new(level, facts).0.saturating_mul(self.rule.off),
            Outcome::Withheld if facts.could_off > 0 => self.rule.withheld,
            Outcome::Withheld => 0,
        };
        // Far above any height, and far below where integers end.
        sum.saturating_add(more).min(1 << 40)
    }

    /// Folds an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Detectors(Detectors { roster }) }) => {
                self.rule = *roster;
            }
            Payload::Read(read) if read.job.is_none() => {
                let outcome = read.ruling.outcome;
                let after = |level, sum: u64| {
                    let (_, on) = new(level, &read.facts);
                    let down = match outcome {
                        Outcome::Released => on.saturating_mul(self.rule.on),
                        Outcome::Withheld => 0,
                    };
                    self.peak(level, sum, &read.facts, outcome).saturating_sub(down)
                };
                let (mut whole, mut agent) = self.sums.get(&read.provider).map_or((0, 0), |sums| {
                    (sums.whole, sums.agents.get(&read.agent).copied().unwrap_or(0))
                });
                (whole, agent) = (after(Level::Provider, whole), after(Level::Agent, agent));
                let sums = self.sums.entry(read.provider.clone()).or_default();
                sums.whole = whole;
                // Who has no sum is as if never seen, and not kept for ever.
                if agent == 0 {
                    sums.agents.remove(&read.agent);
                } else {
                    sums.agents.insert(read.agent, agent);
                }
            }
            Payload::Act(act) => {
                let Some(Deed::Lift(Whom { provider, agent })) = act.deed() else { return };
                match (self.sums.get_mut(provider), agent) {
                    (Some(sums), Some(agent)) => drop(sums.agents.remove(agent)),
                    (Some(sums), None) => sums.whole = 0,
                    (None, _) => {}
                }
            }
            _ => {}
        }
    }
}
