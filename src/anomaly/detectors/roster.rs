//! Persons off the roster: a Bernoulli CUSUM over disclosures, one count for each person new today.
//! A person off the roster raises the sum, one on it lowers it, never below 0; a long run of
//! strangers is not chance. It is kept for each agent, and for each provider as a whole, so that a
//! theft split over several agents adds up.
//!
//! An attempt off the roster that is withheld anyway adds a fixed amount, whatever it would have
//! found: a refusal must be the same for anyone, and whoever asks for what he will not be given must
//! neither learn who exists nor clear himself with it.

use std::collections::HashMap;

use super::{Detector, Given, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{Counts, Detectors, Level, RosterRule, Rule, Severity, Tag, Whom, Word};

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
fn new(level: Level, given: &Given) -> (u64, u64) {
    let of = |counts: &Counts| match level {
        Level::Agent => counts.agent_day,
        Level::Provider => counts.provider_day,
    };
    let off = of(&given.off);
    (off, of(&given.all).saturating_sub(off))
}

impl RosterDetector {
    /// The sums of a provider and of one agent of it.
    fn sums(&self, sighting: &Sighting<'_>) -> (u64, u64) {
        let sums = self.sums.get(sighting.provider);
        let agent = sums.and_then(|s| s.agents.get(&sighting.agent)).copied().unwrap_or(0);
        (sums.map_or(0, |s| s.whole), agent)
    }

    fn finding(&self, level: Level, sum: u64, sighting: &Sighting<'_>) -> Option<Finding> {
        let peak = self.peak(level, sum, sighting);
        if peak == sum {
            return None;
        }
        let RosterRule { medium, high, .. } = self.rule;
        let (severity, expected) = match peak {
            _ if peak >= high => (Severity::High, high),
            _ if peak >= medium => (Severity::Medium, medium),
            _ if peak >= high / 2 => (Severity::Info, high / 2),
            _ => return None,
        };
        Some(Finding { rule: Rule::Roster, level, severity, observed: peak, expected })
    }

    /// The sum at its highest: those off the roster come first.
    fn peak(&self, level: Level, sum: u64, sighting: &Sighting<'_>) -> u64 {
        let more = match &sighting.given {
            Some(given) => new(level, given).0.saturating_mul(self.rule.off),
            None if sighting.could_off > 0 => self.rule.withheld,
            None => 0,
        };
        // Far above any height, and far below where integers end.
        sum.saturating_add(more).min(1 << 40)
    }

    /// The sum behind a read.
    fn after(&self, level: Level, sum: u64, sighting: &Sighting<'_>) -> u64 {
        let on = sighting.given.map_or(0, |given| new(level, &given).1);
        self.peak(level, sum, sighting).saturating_sub(on.saturating_mul(self.rule.on))
    }
}

impl Detector for RosterDetector {
    fn take_rules(&mut self, rules: &Detectors) {
        self.rule = rules.roster;
    }

    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding> {
        let (whole, agent) = self.sums(sighting);
        let agent = self.finding(Level::Agent, agent, sighting);
        let whole = self.finding(Level::Provider, whole, sighting);
        // What one agent's own reads explain says nothing of the provider.
        let agents = agent.map(|finding| finding.severity);
        let whole = whole.filter(|finding| Some(finding.severity) > agents);
        agent.into_iter().chain(whole).collect()
    }

    fn fold(&mut self, sighting: &Sighting<'_>) {
        let (whole, agent) = self.sums(sighting);
        let whole = self.after(Level::Provider, whole, sighting);
        let agent = self.after(Level::Agent, agent, sighting);
        let sums = self.sums.entry(sighting.provider.clone()).or_default();
        sums.whole = whole;
        // Who has no sum is as if never seen, and not kept for ever.
        if agent == 0 {
            sums.agents.remove(&sighting.agent);
        } else {
            sums.agents.insert(sighting.agent, agent);
        }
    }

    fn lift(&mut self, Whom { provider, agent }: &Whom) {
        match (self.sums.get_mut(provider), agent) {
            (Some(sums), Some(agent)) => drop(sums.agents.remove(agent)),
            (Some(sums), None) => sums.whole = 0,
            (None, _) => {}
        }
    }
}
