//! Searches that find nobody: a Bernoulli CUSUM over an agent's gets and searches, of p0 = 15 % misses, as
//! honest work has, against p1 = 60 %: a miss adds ln(.6/.15), a find takes 2 ln(.85/.4) away. Whoever misses
//! somebody tries again, and finds the person when the list has come; whoever tries names one after another
//! misses another each time. So a search by the keys of one of the agent's last misses that finds nobody
//! again counts as neither, and one that finds somebody takes back what that miss added.
//!
//! Otherwise a find is one of somebody new to the agent on this day, and counts for the search and for the look
//! at what it found: whoever could look at one file again and again would clear himself of all that he tries in
//! between.
//!
//! A search that is withheld says nothing of what it would have found, and counts as neither too.

use std::collections::{HashMap, VecDeque};

use super::{Detector, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{
    Detectors, Hash, Level, Method, ProbingRule, Rule, SearchKey, Severity, Tag, Whom, Word, sha256,
};

/// Far above any height, and far below where integers end.
const MOST: u64 = 1 << 40;
/// So many misses of an agent are known again.
const KNOWN: usize = 32;

/// The detector.
#[derive(Debug, Default)]
pub(super) struct ProbingDetector {
    rule: ProbingRule,
    /// By provider and agent; an agent without a sum is not kept.
    agents: HashMap<Word, HashMap<Tag, Misses>>,
}

/// What an agent missed.
#[derive(Debug, Default)]
struct Misses {
    sum: u64,
    /// What stands for the keys of its last misses, the oldest first.
    sought: VecDeque<Hash>,
}

/// What stands for all the keys of a search.
fn sought(keys: &[SearchKey]) -> Hash {
    let all: Vec<&[u8]> =
        keys.iter().flat_map(|SearchKey { name, tag }| [name.as_bytes(), &tag.0]).collect();
    sha256(&all)
}

impl Misses {
    /// Which of the last misses were by these keys.
    fn known(&self, keys: &[SearchKey]) -> Option<usize> {
        // Most agents have missed nobody lately: then nothing is to be worked out.
        let any = !self.sought.is_empty() && !keys.is_empty();
        let sought = any.then(|| sought(keys))?;
        self.sought.iter().position(|known| *known == sought)
    }
}

impl ProbingDetector {
    /// The sum before a read, and behind it; and which of the last misses it tries again.
    fn sums(&self, sighting: &Sighting<'_>) -> (u64, u64, Option<usize>) {
        let misses = self.agents.get(sighting.provider).and_then(|all| all.get(&sighting.agent));
        let sum = misses.map_or(0, |misses| misses.sum);
        let ProbingRule { miss, find, .. } = self.rule;
        let Some(given) = sighting.given else { return (sum, sum, None) };
        let counts = matches!(sighting.method, Method::Get | Method::Search);
        let known = misses.filter(|_| counts).and_then(|misses| misses.known(given.keys));
        let after = match known {
            Some(_) if given.misses > 0 => sum,
            Some(_) => sum.saturating_sub(miss),
            None if given.misses > 0 => sum.saturating_add(miss).min(MOST),
            // Whoever was given to the agent today is there whenever it likes: that is no find.
            None if counts && given.all.agent_day > 0 => sum.saturating_sub(find),
            None => sum,
        };
        (sum, after, known)
    }
}

impl Detector for ProbingDetector {
    fn take_rules(&mut self, rules: &Detectors) {
        self.rule = rules.probing;
    }

    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding> {
        let (before, sum, _) = self.sums(sighting);
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
        let (before, sum, known) = self.sums(sighting);
        if sum == before {
            return;
        }
        let agents = self.agents.entry(sighting.provider.clone()).or_default();
        if sum == 0 {
            agents.remove(&sighting.agent);
            return;
        }
        let misses = agents.entry(sighting.agent).or_default();
        misses.sum = sum;
        match (known, sighting.given) {
            (Some(found), _) => drop(misses.sought.remove(found)),
            (None, Some(given)) if given.misses > 0 && !given.keys.is_empty() => {
                misses.sought.push_back(sought(given.keys));
                if misses.sought.len() > KNOWN {
                    misses.sought.pop_front();
                }
            }
            _ => {}
        }
    }

    fn lift(&mut self, Whom { provider, agent }: &Whom) {
        if let (Some(agents), Some(agent)) = (self.agents.get_mut(provider), agent) {
            agents.remove(agent);
        }
    }
}
