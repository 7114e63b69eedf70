//! What an alert says of the day so far: since which read, and how many persons were disclosed.

use std::collections::HashMap;

use super::judge_input::JudgeInput;
use crate::format::entry::{Entry, Facts, Level, Millis, Outcome, Payload, Tag, Word, day};

/// One agent's or one provider's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// Entry number of its first read of the day.
    pub first: u64,
    /// Time of its first read of the day, Unix milliseconds.
    pub since: Millis,
    /// How many different persons were released to it on this day.
    pub persons: u64,
    /// How many of these persons were off the roster.
    pub off: u64,
}

/// The running UTC day of every provider and agent.
#[derive(Debug, Default)]
pub struct Days {
    today: u64,
    providers: HashMap<Word, Today>,
    agents: HashMap<Tag, Today>,
}

impl Today {
    fn begin(seq: u64, at: Millis) -> Today {
        Today { first: seq, since: at, persons: 0, off: 0 }
    }

    fn add(&mut self, level: Level, facts: &Facts) {
        let (persons, off) = match level {
            Level::Agent => (facts.all.agent_day, facts.off.agent_day),
            Level::Provider => (facts.all.provider_day, facts.off.provider_day),
        };
        self.persons += persons;
        self.off += off;
    }
}

impl Days {
    /// The day up to a read and with it, that being its outcome.
    pub fn with(
        &self,
        level: Level,
        counted: &JudgeInput<'_>,
        at: Millis,
        outcome: Outcome,
    ) -> Today {
        let known = match level {
            _ if day(at) != self.today => None,
            Level::Agent => self.agents.get(&counted.agent),
            Level::Provider => self.providers.get(counted.provider),
        };
        let mut today = known.copied().unwrap_or_else(|| Today::begin(counted.seq, at));
        if outcome == Outcome::Released {
            today.add(level, &counted.facts);
        }
        today
    }

    /// Folds the next entry; only reads count, and a new day forgets the one before.
    pub fn apply(&mut self, entry: &Entry) {
        let Payload::Read(read) = &entry.payload else { return };
        let at = entry.now.at;
        if day(at) != self.today {
            *self = Days { today: day(at), ..Days::default() };
        }
        let begin = || Today::begin(entry.seq, at);
        let agent = self.agents.entry(read.agent).or_insert_with(begin);
        let provider = self.providers.entry(read.provider.clone()).or_insert_with(begin);
        if read.ruling.outcome == Outcome::Released {
            agent.add(Level::Agent, &read.facts);
            provider.add(Level::Provider, &read.facts);
        }
    }
}
