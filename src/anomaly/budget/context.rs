//! Circumstances that make budgets stricter: a read outside its provider's hours, by a token that another
//! open connection carried, or from a network that its provider was not given persons on three days before.
//! None of them is found to be anything.

use std::collections::{BTreeMap, HashMap};

use crate::format::entry::{Millis, Read, Word, day};
use crate::state::judge_input::JudgeInput;

/// So many networks are kept of a provider: of those that are not usual yet the latest go last, and of the usual
/// ones likewise, behind all others.
const NETWORKS: usize = 1_024;
/// On so many days must somebody have been given from a network: behind them it is usual.
const USUAL: u64 = 3;

/// The networks of providers.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    providers: HashMap<Word, Networks>,
}

/// Of one provider. Days are UTC days of `at`.
#[derive(Debug, Default)]
struct Networks {
    /// On which days it was given anybody.
    days: Days,
    /// By network, on which days from there.
    known: BTreeMap<Word, Days>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Days {
    /// How many they are, the last included, up to one more than make it usual.
    count: u64,
    last: u64,
}

impl Days {
    fn add(&mut self, today: u64) {
        if self.count == 0 || self.last < today {
            *self = Days { count: (self.count + 1).min(USUAL + 1), last: today };
        }
    }

    /// How many of them are before a day.
    fn before(&self, today: u64) -> u64 {
        self.count - u64::from(self.last >= today)
    }
}

impl Contexts {
    /// Whether the circumstances of a read make budgets stricter.
    pub(super) fn tighten(&self, input: &JudgeInput<'_>, at: Millis) -> bool {
        let networks = self.providers.get(input.provider);
        let new = |networks: &Networks| networks.is_new(input.network, day(at));
        !input.context.is_empty() || networks.is_some_and(new)
    }

    /// Folds a released read: what is withheld, or gives nobody new, makes nothing usual.
    pub(super) fn fold(&mut self, read: &Read, at: Millis) {
        if read.facts.all.agent_day == 0 {
            return;
        }
        let today = day(at);
        let networks = self.providers.entry(read.provider.clone()).or_default();
        networks.days.add(today);
        networks.add(&read.network, today);
    }
}

#[cfg(test)]
impl Contexts {
    /// Those that are kept of a provider.
    pub(super) fn networks(&self, provider: &Word) -> Vec<Word> {
        self.providers[provider].known.keys().cloned().collect()
    }
}

impl Networks {
    /// A provider that begins has nothing usual yet.
    fn is_new(&self, network: &Word, today: u64) -> bool {
        let known = self.known.get(network);
        self.days.before(today) >= USUAL && known.is_none_or(|days| days.before(today) < USUAL)
    }

    fn add(&mut self, network: &Word, today: u64) {
        if let Some(days) = self.known.get_mut(network) {
            days.add(today);
            return;
        }
        if self.known.len() == NETWORKS {
            // Of those of one day the first in order.
            let oldest = self.known.iter().min_by_key(|(_, days)| (days.count > USUAL, days.last));
            if let Some(oldest) = oldest.map(|(network, _)| network.clone()) {
                self.known.remove(&oldest);
            }
        }
        self.known.entry(network.clone()).or_default().add(today);
    }
}
