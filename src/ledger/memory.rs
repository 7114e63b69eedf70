//! The memory: which persons each provider and agent were given, and when last. It turns the
//! persons of a draft into integers and is the only part that knows them. It is folded from the
//! segment at every start, so there is no second file to lose, to forge or to keep.

use std::collections::{HashMap, HashSet};

use super::entry::{Counts, Entry, Facts, Millis, Read, Tag, What};
use super::facts::day;
use super::queue::Reach;

/// Days that "new in 30 days" looks at, today among them.
const WINDOW: u64 = 30;

/// A subject's tag is made for one provider, so it stands for the pair.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The day on which each was released last.
    last: HashMap<Tag, u64>,
    today: u64,
    /// Agents and the subjects they were given today.
    agents: HashSet<(Tag, Tag)>,
}

impl Memory {
    /// The facts of a draft that is written at `at`.
    pub(super) fn count(&mut self, read: &Read, reach: Reach, at: Millis) -> Facts {
        self.turn(at);
        let off = self.counts(read.agent, read.off.iter());
        let all = self.counts(read.agent, read.on.iter().chain(&read.off));
        let could = match reach {
            Reach::One(tag) if self.agents.contains(&(read.agent, tag)) => 0,
            Reach::One(_) => 1,
            Reach::Page(size) => size,
        };
        let could_off = if read.reason.is_some() { could } else { 0 };
        Facts { could, could_off, all, off }
    }

    /// Remembers what an entry released.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let What::Read(read) = &entry.what else { return };
        self.turn(entry.now.at);
        for &tag in read.on.iter().chain(&read.off) {
            self.last.insert(tag, self.today);
            // A file that was exported was not opened: to see it again, perhaps in a wider view, is a
            // disclosure of its own.
            if read.job.is_none() {
                self.agents.insert((read.agent, tag));
            }
        }
    }

    /// Another day begins with nobody given to any agent.
    fn turn(&mut self, at: Millis) {
        let today = day(at);
        if today != self.today {
            self.today = today;
            self.agents.clear();
        }
    }

    fn counts<'a>(&self, agent: Tag, tags: impl Iterator<Item = &'a Tag>) -> Counts {
        let mut counts = Counts::default();
        for tag in tags {
            let last = self.last.get(tag).copied();
            counts.agent_day += u64::from(!self.agents.contains(&(agent, *tag)));
            counts.provider_day += u64::from(last != Some(self.today));
            let recent = last.is_some_and(|last| last + WINDOW > self.today);
            counts.provider_30_days += u64::from(!recent);
            counts.never += u64::from(last.is_none());
        }
        counts
    }
}
