//! The memory: which persons each provider and agent were given, and when last. It turns the
//! persons of a draft into integers and is the only part that knows them. It is folded from the
//! ledger at every start, so there is no second file to lose, to forge or to keep.

use std::collections::{HashMap, HashSet};

use crate::format::entry::{Counts, Entry, Facts, Method, Millis, Payload, Read, Tag, day};

/// Days that "new in 30 days" looks at, today among them.
const WINDOW: u64 = 30;

/// Whom a read could return, whatever it does return.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// The person of one handle, whether or not there is one.
    One(Tag),
    /// A page of at most this many persons.
    Page(u64),
}

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
    /// The facts of a read that is written at `at`.
    pub(super) fn count(&self, read: &Read, reach: Reach, at: Millis) -> Facts {
        let (all, off) = self.counts(read, at);
        let could = match reach {
            Reach::One(tag) => u64::from(!self.was_given(read.agent, tag, day(at))),
            Reach::Page(size) => size,
        };
        let could_off = if read.reason.is_some() { could } else { 0 };
        let could_never = match reach {
            Reach::One(tag) => u64::from(!self.last.contains_key(&tag)),
            Reach::Page(size) => size,
        };
        Facts { could, could_off, could_never, all, off }
    }

    /// Whether a released read has the facts that the reads before it give. Of a record that was
    /// asked for by its handle and not found, only who asked can tell whether it could have been
    /// new.
    pub(super) fn bears_out(&self, read: &Read, at: Millis) -> bool {
        let (all, off) = self.counts(read, at);
        let Facts { could, could_never, .. } = read.facts;
        let one = (could, could_never) == (all.agent_day, all.never);
        let could = read.method != Method::Get || read.rows == 0 || one;
        could && (all, off) == (read.facts.all, read.facts.off)
    }

    /// Remembers the subjects whom an entry released.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let Payload::Read(read) = &entry.payload else { return };
        self.turn(entry.now.at);
        for &tag in read.on.iter().chain(&read.off) {
            self.last.insert(tag, self.today);
            // A file that was exported was not opened: to see it again, perhaps in a wider view, is
            // a disclosure of its own.
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

    /// Whether an agent was given somebody on this day.
    fn was_given(&self, agent: Tag, tag: Tag, today: u64) -> bool {
        today == self.today && self.agents.contains(&(agent, tag))
    }

    /// All persons of a read, and those off the roster.
    fn counts(&self, read: &Read, at: Millis) -> (Counts, Counts) {
        let today = day(at);
        let mut off = Counts::default();
        read.off.iter().for_each(|tag| self.add(&mut off, read.agent, *tag, today));
        let mut all = off;
        read.on.iter().for_each(|tag| self.add(&mut all, read.agent, *tag, today));
        (all, off)
    }

    fn add(&self, counts: &mut Counts, agent: Tag, tag: Tag, today: u64) {
        let last = self.last.get(&tag).copied();
        counts.agent_day += u64::from(!self.was_given(agent, tag, today));
        counts.provider_day += u64::from(last != Some(today));
        let recent = last.is_some_and(|last| last + WINDOW > today);
        counts.provider_30_days += u64::from(!recent);
        counts.never += u64::from(last.is_none());
    }
}
