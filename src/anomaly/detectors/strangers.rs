//! Persons off the roster, day after day: a CUSUM (E. S. Page, Continuous inspection schemes, 1954) over
//! the days of an agent, which the persons on its roster do not make up for.
//!
//! With n persons off the roster on a day, and m the provider's usual number of an agent and day:
//! S = max(0, S + min(n, m + cap) - m - allowance). A day counts so much at most, since a list that comes
//! late is an honest day of fifteen. F, of the same days and uncapped, is for what no late list explains:
//! F = max(0, F + n - m - cap). And for a theft that is spread over agents, of a provider's day with a
//! active agents: P = max(0, P + n - agents x a).
//!
//! m is a moving mean over some 256 days of agents, each capped as in S: then honest days take from S what they
//! add but for the allowance, and a patient thief moves m slowly. Days are UTC days of `at`, on which the agent reads anything.

use std::collections::HashMap;

use super::{Detector, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{Detectors, Level, Rule, Severity, StrangersRule, Tag, Whom, Word, day};

/// Days of agents over which the usual number is taken.
const MEMORY: u64 = 256;
/// The usual number before anything is known of a provider, in thousandths.
const PRIOR: u64 = 300;
/// A person, in the unit of the sums.
const PERSON: u64 = 1_000;
/// Far above any height, and far below where integers end.
const MOST: u64 = 1 << 40;

/// The detector.
#[derive(Debug, Default)]
pub(super) struct StrangersDetector {
    rule: StrangersRule,
    providers: HashMap<Word, Provider>,
}

/// One agent's days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct AgentDays {
    /// S and F up to yesterday, in thousandths.
    sum: u64,
    flood: u64,
    /// Whether it reads today, and the persons off the roster whom it was given, in thousandths, with
    /// what its withheld attempts add.
    active: bool,
    today: u64,
}

/// One provider's days.
#[derive(Clone, Debug)]
struct Provider {
    day: u64,
    /// m, in thousandths.
    usual: u64,
    /// P up to yesterday, in thousandths.
    sum: u64,
    /// Its agents' today, together, and how many of them read.
    today: u64,
    active: u64,
    agents: HashMap<Tag, AgentDays>,
}

impl Default for Provider {
    fn default() -> Provider {
        Provider { day: 0, usual: PRIOR, sum: 0, today: 0, active: 0, agents: HashMap::new() }
    }
}

/// The sums with a read in them.
struct Peaks {
    /// S and F of its agent.
    sum: u64,
    flood: u64,
    /// P.
    whole: u64,
}

/// A sum after a day that adds and takes away so much.
fn step(sum: u64, up: u64, down: u64) -> u64 {
    sum.saturating_add(up).saturating_sub(down).min(MOST)
}

impl AgentDays {
    /// S and F with today.
    fn peaks(&self, rule: &StrangersRule, usual: u64) -> (u64, u64) {
        let persons = self.today;
        let capped = persons.min(usual.saturating_add(rule.cap));
        let sum = step(self.sum, capped, usual.saturating_add(rule.allowance));
        (sum, step(self.flood, persons, usual.saturating_add(rule.cap)))
    }
}

impl Provider {
    /// P behind a day of so many persons and active agents.
    fn sum(&self, rule: &StrangersRule, today: u64, active: u64) -> u64 {
        step(self.sum, today, rule.agents.saturating_mul(active))
    }

    /// The sums with one more read of the day that was begun.
    fn with(&self, rule: &StrangersRule, sighting: &Sighting<'_>) -> Peaks {
        let mut agent = self.agents.get(&sighting.agent).copied().unwrap_or_default();
        let active = self.active + u64::from(!agent.active);
        let (of_agent, of_provider) = strangers(rule, sighting);
        agent.today = agent.today.saturating_add(of_agent);
        let (sum, flood) = agent.peaks(rule, self.usual);
        Peaks { sum, flood, whole: self.sum(rule, self.today.saturating_add(of_provider), active) }
    }

    /// The day of a read begins, if it is another one: what was today is folded into the sums.
    fn turn(&mut self, today: u64, rule: &StrangersRule) {
        if today == self.day {
            return;
        }
        self.sum = self.sum(rule, self.today, self.active);
        let usual = self.usual;
        let mut active: Vec<u64> = Vec::new();
        self.agents.retain(|_, agent| {
            if agent.active {
                active.push(agent.today.min(usual.saturating_add(rule.cap)));
                let (sum, flood) = agent.peaks(rule, usual);
                *agent = AgentDays { sum, flood, ..AgentDays::default() };
            }
            // Who has no sum is as if never seen, and not kept for ever.
            agent.sum > 0 || agent.flood > 0
        });
        // In order, so that the same days give the same mean.
        active.sort_unstable();
        for persons in active {
            self.usual = (self.usual * (MEMORY - 1) + persons) / MEMORY;
        }
        (self.day, self.today, self.active) = (today, 0, 0);
    }

    fn add(&mut self, rule: &StrangersRule, sighting: &Sighting<'_>) {
        let agent = self.agents.entry(sighting.agent).or_default();
        self.active += u64::from(!agent.active);
        agent.active = true;
        let (of_agent, of_provider) = strangers(rule, sighting);
        agent.today = agent.today.saturating_add(of_agent).min(MOST);
        self.today = self.today.saturating_add(of_provider).min(MOST);
    }
}

/// What a read adds to the day of its agent, and to that of its provider.
fn strangers(rule: &StrangersRule, sighting: &Sighting<'_>) -> (u64, u64) {
    let persons = |n: u64| n.saturating_mul(PERSON);
    match sighting.given {
        Some(given) => (persons(given.off.agent_day), persons(given.off.provider_day)),
        None if sighting.could_off > 0 => (rule.withheld, rule.withheld),
        None => (0, 0),
    }
}

impl StrangersDetector {
    fn peaks(&self, sighting: &Sighting<'_>) -> Peaks {
        let today = day(sighting.now.at);
        match self.providers.get(sighting.provider) {
            Some(provider) if provider.day == today => provider.with(&self.rule, sighting),
            known => {
                let mut provider = known.cloned().unwrap_or_default();
                provider.turn(today, &self.rule);
                provider.with(&self.rule, sighting)
            }
        }
    }
}

impl Detector for StrangersDetector {
    fn take_rules(&mut self, rules: &Detectors) {
        self.rule = rules.strangers;
    }

    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding> {
        if strangers(&self.rule, sighting).0 == 0 {
            return Vec::new();
        }
        let StrangersRule { medium, high, flood, provider: whole, .. } = self.rule;
        let peaks = self.peaks(sighting);
        let rule = Rule::Strangers;
        let found = |level, severity, observed, expected| {
            Some(Finding { rule, level, severity, observed, expected })
        };
        let agent = match (peaks.sum, peaks.flood) {
            (sum, _) if sum >= high => found(Level::Agent, Severity::High, sum, high),
            (_, sum) if sum >= flood => found(Level::Agent, Severity::High, sum, flood),
            (sum, _) if sum >= medium => found(Level::Agent, Severity::Medium, sum, medium),
            (sum, _) if sum >= high / 2 => found(Level::Agent, Severity::Info, sum, high / 2),
            _ => None,
        };
        let graver = agent.is_some_and(|agent| agent.severity >= Severity::High);
        let together = match peaks.whole {
            _ if graver => None,
            sum if sum >= whole => found(Level::Provider, Severity::High, sum, whole),
            sum if sum >= whole / 2 => found(Level::Provider, Severity::Info, sum, whole / 2),
            _ => None,
        };
        agent.into_iter().chain(together).collect()
    }

    fn fold(&mut self, sighting: &Sighting<'_>) {
        let rule = self.rule;
        let provider = self.providers.entry(sighting.provider.clone()).or_default();
        provider.turn(day(sighting.now.at), &rule);
        provider.add(&rule, sighting);
    }

    fn lift(&mut self, Whom { provider, agent }: &Whom) {
        let Some(provider) = self.providers.get_mut(provider) else { return };
        match agent {
            Some(agent) => {
                // That it reads today stays true.
                if let Some(days) = provider.agents.get_mut(agent) {
                    *days = AgentDays { active: days.active, ..AgentDays::default() };
                }
            }
            None => (provider.sum, provider.today) = (0, 0),
        }
    }
}
