//! Persons whom the provider never met, one after another: a Bernoulli CUSUM (E. S. Page, Continuous
//! inspection schemes, 1954) over the persons who are new today to a provider, however many agents they go
//! to. 45 % of them never met before is usual of a morning of enrolments, 95 % of a theft: ln(.95/.45), and
//! ln(.05/.55) for each whom it has met. On recorded case work it is what sees a theft that is spread over
//! agents, and a roster that somebody has put persons on in order to read them.
//!
//! A provider that begins has met nobody: it is let alone for its first days. What is found is of the
//! agent whose read it is, since who goes on with it is to be stopped, one agent after another.

use std::collections::HashMap;

use super::{Detector, Given, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{Detectors, FirstTouchRule, Level, Rule, Severity, Whom, Word, day};

/// Far above any height, and far below where integers end.
const MOST: u64 = 1 << 40;

/// The detector.
#[derive(Debug, Default)]
pub(super) struct FirstTouchDetector {
    rule: FirstTouchRule,
    providers: HashMap<Word, Provider>,
}

/// One provider.
#[derive(Clone, Copy, Debug)]
struct Provider {
    /// The UTC day of `at` on which it was first given anybody.
    since: u64,
    sum: u64,
}

/// Persons new today to a provider: those whom it had never met, and the others.
fn new(given: &Given<'_>) -> (u64, u64) {
    let never = given.all.never.min(given.all.provider_day);
    (never, given.all.provider_day - never)
}

impl FirstTouchDetector {
    /// The sum of a provider at its highest with a read, whom it had never met first; none: it is let alone.
    fn peak(&self, sighting: &Sighting<'_>, given: &Given<'_>) -> Option<u64> {
        let provider = self.providers.get(sighting.provider)?;
        let known = day(sighting.now.at) >= provider.since.saturating_add(self.rule.days);
        let more = new(given).0.saturating_mul(self.rule.never);
        known.then(|| provider.sum.saturating_add(more).min(MOST))
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
        let high = self.rule.high;
        let (severity, expected) = match peak {
            _ if peak >= high => (Severity::High, high),
            _ if peak >= high / 2 => (Severity::Info, high / 2),
            _ => return Vec::new(),
        };
        let (rule, level) = (Rule::FirstTouch, Level::Agent);
        vec![Finding { rule, level, severity, observed: peak, expected }]
    }

    fn fold(&mut self, sighting: &Sighting<'_>) {
        let Some(given) = sighting.given.filter(|given| given.all.provider_day > 0) else { return };
        let sum = self.peak(sighting, &given).unwrap_or(0);
        let sum = sum.saturating_sub(new(&given).1.saturating_mul(self.rule.met));
        let begins = Provider { since: day(sighting.now.at), sum: 0 };
        let provider = self.providers.entry(sighting.provider.clone()).or_insert(begins);
        provider.sum = sum;
    }

    /// Whichever agent of a provider is lifted: what was held against it is of all of them.
    fn lift(&mut self, Whom { provider, .. }: &Whom) {
        if let Some(provider) = self.providers.get_mut(provider) {
            provider.sum = 0;
        }
    }
}
