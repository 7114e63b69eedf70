//! Persons off the roster, day after day: a CUSUM (E. S. Page, Continuous inspection schemes, 1954) over
//! the days of an agent, which the persons on its roster do not make up for.
//!
//! With n persons off the roster on a day of an agent, and m the number that is usual for it:
//! S = max(0, S + min(n, m + cap) - m - allowance). A day counts so much at most, since a list that comes
//! late is an honest day of fifteen. F, of the same days and uncapped, is for what no late list explains:
//! F = max(0, F + n - m - cap). And for a theft that is spread over agents, of a provider's day with N
//! such persons and a active agents: P = max(0, P + N - agents x a).
//!
//! m is the agent's own moving mean over some 128 of its days, each capped as in S: then honest days take
//! from S what they add but for the allowance, whether they are those of a trainer or of a desk for walk-ins,
//! and a patient thief moves m slowly. Days are UTC days of `at`, on which the agent reads anything.

use std::collections::HashMap;

use super::{Detector, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{Detectors, Level, Rule, Severity, StrangersRule, Tag, Whom, Word, day};

/// Days of an agent over which its usual number is taken.
const MEMORY: u64 = 128;
/// The usual number of an agent of whom nothing is known, in thousandths.
const PRIOR: u64 = 300;
/// An agent who has not read for more than so many days is as if never seen.
const FORGOTTEN: u64 = 90;
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

/// One agent's days. All but the day are in thousandths of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AgentDays {
    /// m, `MEMORY` times, up to the day before the last on which it read.
    usual: u64,
    /// S and F, up to the same day.
    sum: u64,
    flood: u64,
    /// The last day on which it read, and the persons off the roster whom it was given on it, with what its
    /// withheld attempts add.
    day: u64,
    today: u64,
}

impl Default for AgentDays {
    fn default() -> AgentDays {
        AgentDays { usual: PRIOR * MEMORY, sum: 0, flood: 0, day: 0, today: 0 }
    }
}

/// One provider's days.
#[derive(Clone, Debug, Default)]
struct Provider {
    day: u64,
    /// P up to yesterday, in thousandths.
    sum: u64,
    /// Its agents' today, together, and how many of them read.
    today: u64,
    active: u64,
    agents: HashMap<Tag, AgentDays>,
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
    /// S and F with the last day.
    fn peaks(&self, rule: &StrangersRule) -> (u64, u64) {
        let (usual, persons) = (self.usual / MEMORY, self.today);
        let most = usual.saturating_add(rule.cap);
        let sum = step(self.sum, persons.min(most), usual.saturating_add(rule.allowance));
        (sum, step(self.flood, persons, most))
    }

    /// The same agent on a day, before it reads: if that is another than its last, the last is folded in.
    fn on(self, day: u64, rule: &StrangersRule) -> AgentDays {
        if self.day == day {
            return self;
        }
        let (sum, flood) = self.peaks(rule);
        let usual = self.usual / MEMORY;
        let counts = self.today.min(usual.saturating_add(rule.cap));
        AgentDays { usual: self.usual - usual + counts, sum, flood, day, today: 0 }
    }
}

impl Provider {
    /// P with today.
    fn sum(&self, rule: &StrangersRule) -> u64 {
        step(self.sum, self.today, rule.agents.saturating_mul(self.active))
    }

    /// An agent on the day that has begun, before it reads; and whether it does so for the first time then.
    fn agent(&self, tag: Tag, rule: &StrangersRule) -> (AgentDays, bool) {
        let known = self.agents.get(&tag).copied();
        let first = known.is_none_or(|agent| agent.day != self.day);
        let agent = known.map(|agent| agent.on(self.day, rule));
        (agent.unwrap_or(AgentDays { day: self.day, ..AgentDays::default() }), first)
    }

    /// The day of a read begins, if it is another one: what was today is folded into the sum.
    fn turn(&mut self, today: u64, rule: &StrangersRule) {
        if today != self.day {
            (self.sum, self.day, self.today, self.active) = (self.sum(rule), today, 0, 0);
            self.agents.retain(|_, agent| today <= agent.day.saturating_add(FORGOTTEN));
        }
    }

    /// Adds a read of the day that was begun; gives its agent with it.
    fn add(&mut self, rule: &StrangersRule, sighting: &Sighting<'_>) -> AgentDays {
        let (mut agent, first) = self.agent(sighting.agent, rule);
        let (of_agent, of_provider) = strangers(rule, sighting);
        self.active += u64::from(first);
        agent.today = agent.today.saturating_add(of_agent).min(MOST);
        self.today = self.today.saturating_add(of_provider).min(MOST);
        agent
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
        let known = self.providers.get(sighting.provider);
        // Without the agents: of these, one is looked at.
        let mut provider = known
            .map_or_else(Provider::default, |known| Provider { agents: HashMap::new(), ..*known });
        if let Some(agent) = known.and_then(|known| known.agents.get(&sighting.agent)) {
            provider.agents.insert(sighting.agent, *agent);
        }
        provider.turn(today, &self.rule);
        let (sum, flood) = provider.add(&self.rule, sighting).peaks(&self.rule);
        Peaks { sum, flood, whole: provider.sum(&self.rule) }
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
        let agent = provider.add(&rule, sighting);
        provider.agents.insert(sighting.agent, agent);
    }

    fn lift(&mut self, Whom { provider, agent }: &Whom) {
        let Some(provider) = self.providers.get_mut(provider) else { return };
        match agent {
            Some(agent) => {
                // That it reads today stays true, and what is usual for it.
                if let Some(days) = provider.agents.get_mut(agent) {
                    (days.sum, days.flood, days.today) = (0, 0, 0);
                }
            }
            None => (provider.sum, provider.today) = (0, 0),
        }
    }
}
