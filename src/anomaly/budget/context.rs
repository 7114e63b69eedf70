//! Circumstances that make budgets stricter: a read outside its provider's hours, by a token that another
//! open connection carried, from a network that its provider calls from for the first day, or by an agent
//! that was given somebody on few days so far. None of them is found to be anything.

use std::collections::{BTreeMap, HashMap};

use crate::format::entry::{Millis, Read, Tag, Word, day};
use crate::state::judge_input::JudgeInput;

/// So many networks are kept of a provider, those of the latest days.
const NETWORKS: usize = 1_024;
/// An agent that was given somebody on fewer days is young.
const YOUNG: u64 = 10;
/// An agent that was given nobody for more than so many days is as if never seen.
const FORGOTTEN: u64 = 90;

/// What is known of providers and their agents.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    providers: HashMap<Word, Known>,
}

/// Of one provider. Days are UTC days of `at`.
#[derive(Debug)]
struct Known {
    /// The first day.
    since: u64,
    /// By network, the first and the last day.
    networks: BTreeMap<Word, Days>,
    /// The day up to which agents that nobody needs are forgotten.
    swept: u64,
    agents: HashMap<Tag, Active>,
}

#[derive(Clone, Copy, Debug)]
struct Days {
    first: u64,
    last: u64,
}

/// On how many days an agent was given somebody, and the last of them.
#[derive(Clone, Copy, Debug)]
struct Active {
    days: u64,
    last: u64,
}

impl Active {
    fn is_kept(&self, today: u64) -> bool {
        today <= self.last.saturating_add(FORGOTTEN)
    }
}

impl Contexts {
    /// Whether the circumstances of a read make budgets stricter.
    pub(super) fn tighten(&self, input: &JudgeInput<'_>, at: Millis) -> bool {
        let known = self.providers.get(input.provider);
        !input.context.is_empty() || known.is_some_and(|known| known.is_unusual(input, day(at)))
    }

    /// Folds a released read: what is withheld makes nothing usual.
    pub(super) fn fold(&mut self, read: &Read, at: Millis) {
        let today = day(at);
        let begin = || Known::new(today);
        let known = self.providers.entry(read.provider.clone()).or_insert_with(begin);
        known.sweep(today);
        known.call_from(&read.network, today);
        if read.facts.all.agent_day > 0 {
            known.give_to(read.agent, today);
        }
    }
}

#[cfg(test)]
impl Contexts {
    /// Those that are kept of a provider.
    pub(super) fn networks(&self, provider: &Word) -> Vec<Word> {
        self.providers[provider].networks.keys().cloned().collect()
    }
}

impl Known {
    fn new(today: u64) -> Known {
        let (networks, agents) = (BTreeMap::new(), HashMap::new());
        Known { since: today, networks, swept: today, agents }
    }

    /// A provider that begins has nothing usual yet.
    fn is_unusual(&self, input: &JudgeInput<'_>, today: u64) -> bool {
        let network = self.networks.get(input.network);
        let new = network.is_none_or(|days| days.first == today) && self.since < today;
        let agent = self.agents.get(&input.agent).filter(|agent| agent.is_kept(today));
        let young = agent.is_none_or(|agent| agent.days < YOUNG);
        new || (young && self.since.saturating_add(YOUNG) <= today)
    }

    fn sweep(&mut self, today: u64) {
        if self.swept != today {
            self.swept = today;
            self.agents.retain(|_, agent| agent.is_kept(today));
        }
    }

    fn call_from(&mut self, network: &Word, today: u64) {
        if let Some(days) = self.networks.get_mut(network) {
            days.last = today;
            return;
        }
        if self.networks.len() == NETWORKS {
            // Of those of one day the first in order.
            let oldest = self.networks.iter().min_by_key(|(_, days)| days.last);
            if let Some(oldest) = oldest.map(|(network, _)| network.clone()) {
                self.networks.remove(&oldest);
            }
        }
        self.networks.insert(network.clone(), Days { first: today, last: today });
    }

    fn give_to(&mut self, agent: Tag, today: u64) {
        let agent = self.agents.entry(agent).or_insert(Active { days: 0, last: 0 });
        if agent.last != today {
            (agent.days, agent.last) = (agent.days + 1, today);
        }
    }
}
