//! Searches that find nobody: a Bernoulli CUSUM over an agent's gets and searches, of p0 = 15 % misses, as
//! honest work has, against p1 = 60 %: a miss adds ln(.6/.15), a find takes ln(.85/.4) away. Lists that
//! come late make ten misses in a row; whoever tries names one after another makes hundreds.
//!
//! A search that is withheld says nothing of what it would have found, and counts as neither.

use std::collections::HashMap;

use super::{Detector, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{
    Detectors, Level, Method, ProbingRule, Rule, Severity, Tag, Whom, Word,
};

/// Far above any height, and far below where integers end.
const MOST: u64 = 1 << 40;

/// The detector.
#[derive(Debug, Default)]
pub(super) struct ProbingDetector {
    rule: ProbingRule,
    /// By provider and agent; an agent without a sum is not kept.
    sums: HashMap<Word, HashMap<Tag, u64>>,
}

impl ProbingDetector {
    fn sum(&self, sighting: &Sighting<'_>) -> u64 {
        let agents = self.sums.get(sighting.provider);
        agents.and_then(|agents| agents.get(&sighting.agent)).copied().unwrap_or(0)
    }

    /// The sum behind a read.
    fn after(&self, sum: u64, sighting: &Sighting<'_>) -> u64 {
        match sighting.given {
            Some(given) if given.misses > 0 => sum.saturating_add(self.rule.miss).min(MOST),
            Some(_) if matches!(sighting.method, Method::Get | Method::Search) => {
                sum.saturating_sub(self.rule.find)
            }
            _ => sum,
        }
    }
}

impl Detector for ProbingDetector {
    fn take_rules(&mut self, rules: &Detectors) {
        self.rule = rules.probing;
    }

    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding> {
        let before = self.sum(sighting);
        let sum = self.after(before, sighting);
        let ProbingRule { medium, high, .. } = self.rule;
        let (severity, expected) = match sum {
            _ if sum <= before => return Vec::new(),
            _ if sum >= high => (Severity::High, high),
            _ if sum >= medium => (Severity::Medium, medium),
            _ if sum >= medium / 2 => (Severity::Info, medium / 2),
            _ => return Vec::new(),
        };
        let (rule, level) = (Rule::Probing, Level::Agent);
        vec![Finding { rule, level, severity, observed: sum, expected }]
    }

    fn fold(&mut self, sighting: &Sighting<'_>) {
        let before = self.sum(sighting);
        let sum = self.after(before, sighting);
        if sum == before {
            return;
        }
        let agents = self.sums.entry(sighting.provider.clone()).or_default();
        if sum == 0 {
            agents.remove(&sighting.agent);
        } else {
            agents.insert(sighting.agent, sum);
        }
    }

    fn lift(&mut self, Whom { provider, agent }: &Whom) {
        if let (Some(agents), Some(agent)) = (self.sums.get_mut(provider), agent) {
            agents.remove(agent);
        }
    }
}
