//! Circumstances that make budgets stricter: a read outside its provider's hours, by a token that another
//! open connection carried, or from a network that its provider calls from for the first day. None of them
//! is found to be anything.

use std::collections::{BTreeMap, HashMap};

use crate::format::entry::{Millis, Read, Word, day};
use crate::state::judge_input::JudgeInput;

/// So many networks are kept of a provider, those of the latest days.
const NETWORKS: usize = 1_024;

/// The networks of providers.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    providers: HashMap<Word, Networks>,
}

/// Of one provider. Days are UTC days of `at`.
#[derive(Debug)]
struct Networks {
    /// The first day.
    since: u64,
    /// By network, the first and the last day.
    known: BTreeMap<Word, Days>,
}

#[derive(Clone, Copy, Debug)]
struct Days {
    first: u64,
    last: u64,
}

impl Contexts {
    /// Whether the circumstances of a read make budgets stricter.
    pub(super) fn tighten(&self, input: &JudgeInput<'_>, at: Millis) -> bool {
        let networks = self.providers.get(input.provider);
        let new = |networks: &Networks| networks.is_new(input.network, day(at));
        !input.context.is_empty() || networks.is_some_and(new)
    }

    /// Folds a released read: what is withheld makes nothing usual.
    pub(super) fn fold(&mut self, read: &Read, at: Millis) {
        let today = day(at);
        let begin = || Networks { since: today, known: BTreeMap::new() };
        let networks = self.providers.entry(read.provider.clone()).or_insert_with(begin);
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
        self.since < today && known.is_none_or(|days| days.first >= today)
    }

    fn add(&mut self, network: &Word, today: u64) {
        if let Some(days) = self.known.get_mut(network) {
            days.last = days.last.max(today);
            return;
        }
        if self.known.len() == NETWORKS {
            // Of those of one day the first in order.
            let oldest = self.known.iter().min_by_key(|(_, days)| days.last);
            if let Some(oldest) = oldest.map(|(network, _)| network.clone()) {
                self.known.remove(&oldest);
            }
        }
        self.known.insert(network.clone(), Days { first: today, last: today });
    }
}
