//! Persons whom the provider never met, one after another: a Bernoulli CUSUM (E. S. Page, Continuous
//! inspection schemes, 1954) over the persons who are new today to a provider, however many agents they go
//! to. 45 % of them never met before is usual of a morning of enrolments, 95 % of a theft: ln(.95/.45), and
//! ln(.05/.55) for each whom it has met. On recorded case work it is what sees a theft that is spread over
//! agents, and a roster that somebody has put persons on in order to read them.
//!
//! A provider that begins has met nobody: it is let alone for its first days. What is found is of the
//! agent whose read it is, since who goes on with it is to be stopped, one agent after another. But the sum
//! is of all: high is only who has a sum of his own, by the same formula, since that of the provider began,
//! and a colleague who happens to read somebody new beside a theft is medium.

use std::collections::HashMap;

use super::{Detector, Given, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{
    Detectors, FirstTouchRule, Level, Rule, Severity, Tag, Whom, Word, day,
};

/// Far above any height, and far below where integers end.
const MOST: u64 = 1 << 40;

/// The detector.
#[derive(Debug, Default)]
pub(super) struct FirstTouchDetector {
    rule: FirstTouchRule,
    providers: HashMap<Word, Provider>,
}

/// One provider.
#[derive(Debug)]
struct Provider {
    /// The UTC day of `at` on which it was first given anybody.
    since: u64,
    sum: u64,
    /// Those of its agents, above 0, since its own was 0.
    agents: HashMap<Tag, u64>,
}

/// The sums of a provider and of one agent.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    provider: u64,
    agent: u64,
}

impl Sums {
    fn map(self, sum: impl Fn(u64) -> u64) -> Sums {
        Sums { provider: sum(self.provider), agent: sum(self.agent) }
    }
}

/// Persons new today to a provider: those whom it had never met, and the others.
fn new(given: &Given<'_>) -> (u64, u64) {
    let never = given.all.never.min(given.all.provider_day);
    (never, given.all.provider_day - never)
}

impl FirstTouchDetector {
    /// The sums at their highest with a read, whom the provider had never met first; none: it is let alone.
    fn peak(&self, sighting: &Sighting<'_>, given: &Given<'_>) -> Option<Sums> {
        let provider = self.providers.get(sighting.provider)?;
        let known = day(sighting.now.at) >= provider.since.saturating_add(self.rule.days);
        let agent = provider.agents.get(&sighting.agent).copied().unwrap_or(0);
        let more = new(given).0.saturating_mul(self.rule.never);
        let sums = Sums { provider: provider.sum, agent };
        known.then(|| sums.map(|sum| sum.saturating_add(more).min(MOST)))
    }
}

impl Detector for FirstTouchDetector {
    fn take_rules(&mut self, rules: &Detectors) {
        self.rule = rules.first_touch;
    }

    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding> {
        let given = sighting.given.as_ref().filter(|given| new(given).0 > 0);
        let Some(peak) = given.and_then(|given| self.peak(sighting, given)) else {
            return Vec::new();
        };
        let FirstTouchRule { high, own, .. } = self.rule;
        let (severity, expected) = match peak.provider {
            sum if sum < high / 2 => return Vec::new(),
            sum if sum < high => (Severity::Info, high / 2),
            _ if peak.agent < own => (Severity::Medium, high),
            _ => (Severity::High, high),
        };
        let (rule, level, observed) = (Rule::FirstTouch, Level::Agent, peak.provider);
        vec![Finding { rule, level, severity, observed, expected }]
    }

    fn fold(&mut self, sighting: &Sighting<'_>) {
        let Some(given) = sighting.given.filter(|given| given.all.provider_day > 0) else { return };
        let less = new(&given).1.saturating_mul(self.rule.met);
        let peak = self.peak(sighting, &given).unwrap_or_default();
        let sums = peak.map(|sum| sum.saturating_sub(less));
        let begin = || Provider { since: day(sighting.now.at), sum: 0, agents: HashMap::new() };
        let provider = self.providers.entry(sighting.provider.clone()).or_insert_with(begin);
        provider.sum = sums.provider;
        match sums {
            Sums { provider: 0, .. } => provider.agents.clear(),
            Sums { agent: 0, .. } => drop(provider.agents.remove(&sighting.agent)),
            Sums { agent, .. } => drop(provider.agents.insert(sighting.agent, agent)),
        }
    }

    /// Whichever agent of a provider is lifted: what was held against it is of all of them.
    fn lift(&mut self, Whom { provider, .. }: &Whom) {
        if let Some(provider) = self.providers.get_mut(provider) {
            provider.sum = 0;
            provider.agents.clear();
        }
    }
}
