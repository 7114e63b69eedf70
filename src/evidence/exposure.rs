//! Exposure: the records of how many persons one provider received, at most, in a period.
//!
//! A person is a pair of dataset and record, told apart by its subject tag. What is kept while
//! counting are the tags of this one provider, a number for each in every set that it belongs to,
//! and the sets of one day: the time of entries never decreases, so a day that has ended is
//! figures.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::period::Period;

use crate::format::entry::day;
use crate::format::entry::{
    Entry, Millis, Outcome, Payload, Policy, Read, RefusalCount, Refusals, Section, Tag, Word, word,
};

/// What is asked: who received persons, of what, and when.
#[derive(Clone, Debug)]
pub struct Question {
    /// Id of the provider that received.
    pub provider: Word,
    /// The dataset whose persons are counted; all of them if none is named.
    pub dataset: Option<Word>,
    /// The period in which it received.
    pub period: Period,
}

/// An entry, as a reader finds it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryRef {
    /// Number of the entry.
    pub entry: u64,
    /// Time of the entry, Unix milliseconds.
    pub at: Millis,
}

/// What some released reads come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many different persons are among their rows.
    pub persons: u64,
    /// How many of them were off the roster in at least one of the reads.
    pub off_roster: u64,
    /// How many rows they have: a person given again counts again.
    pub rows: u64,
    /// How many reads there are, those included that held nobody.
    pub reads: u64,
    /// The first of these reads; none if there are none.
    pub first: Option<EntryRef>,
    /// The last of these reads; none if there are none.
    pub last: Option<EntryRef>,
}

impl Figures {
    /// Persons who were on the roster in each of the reads.
    pub fn on_roster_only(&self) -> u64 {
        self.persons - self.off_roster
    }

    /// Figures of two sets of reads that have no person in common.
    fn plus(self, other: &Figures) -> Figures {
        Figures {
            persons: self.persons + other.persons,
            off_roster: self.off_roster + other.off_roster,
            rows: self.rows + other.rows,
            reads: self.reads + other.reads,
            first: [self.first, other.first].into_iter().flatten().min(),
            last: self.last.max(other.last),
        }
    }
}

/// Reads that one rule withheld from the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithheldReads {
    /// How many reads were withheld.
    pub reads: u64,
    /// Persons that they asked for, at most: the sum of what each could have held.
    pub asked: u64,
}

/// The answer to a question of exposure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// The figures over all datasets, which are their sum.
    pub total: Figures,
    /// How many released reads held nobody.
    pub empty: u64,
    /// How many released reads are pages of exports.
    pub exports: u64,
    /// The figures of each dataset, by its name.
    pub datasets: BTreeMap<Word, Figures>,
    /// The figures of each dataset and view, by their names.
    pub views: BTreeMap<(Word, Word), Figures>,
    /// The figures of each agent, by its tag.
    pub agents: BTreeMap<Tag, Figures>,
    /// The figures of each UTC day, in days since 1970-01-01.
    pub days: BTreeMap<u64, Figures>,
    /// The figures of each UTC day and agent.
    pub agent_days: BTreeMap<(u64, Tag), Figures>,
    /// Released reads by who vouched for their agent; none: the client certificate alone.
    pub issuers: BTreeMap<Option<Word>, u64>,
    /// Withheld reads by the rule that withheld them.
    pub withheld: BTreeMap<String, WithheldReads>,
    /// Calls of certificates of this provider that were refused before the judge, by reason. They
    /// are of no dataset, and their time is that of their digest.
    pub refused: BTreeMap<Word, u64>,
    /// Calls refused in the period that no digest has a certificate for.
    pub unnamed: u64,
    /// Time of the ledger's first entry, Unix milliseconds.
    pub begins: Millis,
    /// Whether any read of the ledger, of whichever provider, is of the dataset asked for.
    pub dataset_occurs: bool,
}

/// A person of this provider: a number for a tag.
type Person = u32;

/// Released reads that are counted together.
#[derive(Debug, Default)]
struct Pile {
    met: HashSet<Person>,
    met_off: HashSet<Person>,
    rows: u64,
    reads: u64,
    span: Option<(EntryRef, EntryRef)>,
}

impl Pile {
    fn add(&mut self, place: EntryRef, on: &[Person], off: &[Person]) {
        self.met.extend(on.iter().chain(off));
        self.met_off.extend(off);
        self.rows += (on.len() + off.len()) as u64;
        self.reads += 1;
        let first = self.span.map_or(place, |(first, _)| first);
        self.span = Some((first, place));
    }

    fn figures(&self) -> Figures {
        Figures {
            persons: self.met.len() as u64,
            off_roster: self.met_off.len() as u64,
            rows: self.rows,
            reads: self.reads,
            first: self.span.map(|(first, _)| first),
            last: self.span.map(|(_, last)| last),
        }
    }
}

/// What is counted of one dataset.
#[derive(Debug, Default)]
struct Dataset {
    persons: HashMap<Tag, Person>,
    pile: Pile,
    views: BTreeMap<Word, Pile>,
}

/// The running count of a question, a fold over all entries.
#[derive(Debug)]
pub struct Count {
    question: Question,
    /// Persons numbered so far, over all datasets.
    persons: Person,
    datasets: BTreeMap<Word, Dataset>,
    agents: BTreeMap<Tag, Pile>,
    today: u64,
    today_all: Pile,
    today_agents: BTreeMap<Tag, Pile>,
    /// Whether an entry names the provider, whatever it asks or is refused.
    provider_occurs: bool,
    /// The part of the answer that needs no set of persons.
    answer: Exposure,
}

impl Count {
    /// A count that has seen no entry yet.
    pub fn new(question: Question) -> Count {
        Count {
            question,
            persons: 0,
            datasets: BTreeMap::new(),
            agents: BTreeMap::new(),
            today: 0,
            today_all: Pile::default(),
            today_agents: BTreeMap::new(),
            provider_occurs: false,
            answer: Exposure::default(),
        }
    }

    /// Takes the next entry of the ledger, from 0 on.
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.now.at;
        match &entry.payload {
            Payload::Genesis(_) => self.answer.begins = at,
            Payload::Policy(Policy { section: Section::Provider(rules) }) => {
                self.provider_occurs |= rules.provider == self.question.provider;
            }
            Payload::Read(read) => self.read(read, EntryRef { entry: entry.seq, at }),
            Payload::Refusals(refusals) => self.refusals(refusals, at),
            _ => {}
        }
    }

    fn read(&mut self, read: &Read, place: EntryRef) {
        let asked_for = self.question.dataset.as_ref().is_none_or(|d| *d == read.dataset);
        self.answer.dataset_occurs |= asked_for;
        if read.provider != self.question.provider {
            return;
        }
        self.provider_occurs = true;
        if !asked_for || !self.question.period.holds(place.at) {
            return;
        }
        if read.ruling.outcome != Outcome::Released {
            let rule = read.ruling.rule.as_ref().map_or_else(|| "none".to_owned(), word);
            let withheld = self.answer.withheld.entry(rule).or_default();
            withheld.reads += 1;
            withheld.asked = withheld.asked.saturating_add(read.asked);
            return;
        }
        self.released(read, place);
    }

    fn released(&mut self, read: &Read, place: EntryRef) {
        let today = day(place.at);
        if today != self.today {
            self.end_day();
            self.today = today;
        }
        self.answer.empty += u64::from(read.rows == 0);
        self.answer.exports += u64::from(read.job.is_some());
        *self.answer.issuers.entry(read.issuer.clone()).or_default() += 1;
        let dataset = self.datasets.entry(read.dataset.clone()).or_default();
        let known = &mut dataset.persons;
        let mut number = |tag: &Tag| {
            *known.entry(*tag).or_insert_with(|| {
                let person = self.persons;
                self.persons = person.checked_add(1).expect("fewer records than 2^32");
                person
            })
        };
        let on: Vec<Person> = read.on.iter().map(&mut number).collect();
        let off: Vec<Person> = read.off.iter().map(&mut number).collect();
        let view = dataset.views.entry(read.view.clone()).or_default();
        let agent = self.agents.entry(read.agent).or_default();
        let agent_today = self.today_agents.entry(read.agent).or_default();
        for pile in [&mut dataset.pile, view, agent, agent_today, &mut self.today_all] {
            pile.add(place, &on, &off);
        }
    }

    fn refusals(&mut self, refusals: &Refusals, at: Millis) {
        let within = self.question.period.holds(at);
        for refused in &refusals.certificates {
            if refused.provider.as_ref() != Some(&self.question.provider) {
                continue;
            }
            self.provider_occurs = true;
            for RefusalCount { reason, count } in refused.counts.iter().filter(|_| within) {
                let all = self.answer.refused.entry(reason.clone()).or_default();
                *all = all.saturating_add(*count);
            }
        }
        for other in refusals.others.iter().filter(|_| within) {
            self.answer.unnamed = self.answer.unnamed.saturating_add(other.count);
        }
    }

    /// Keeps the figures of the day, and drops its persons.
    fn end_day(&mut self) {
        let all = std::mem::take(&mut self.today_all);
        if all.reads > 0 {
            self.answer.days.insert(self.today, all.figures());
        }
        for (agent, pile) in std::mem::take(&mut self.today_agents) {
            self.answer.agent_days.insert((self.today, agent), pile.figures());
        }
    }

    /// The answer, after the last entry; none if no entry names the provider.
    pub fn end(mut self) -> Option<Exposure> {
        self.end_day();
        let mut answer = self.answer;
        for (name, dataset) in &self.datasets {
            let figures = dataset.pile.figures();
            answer.total = answer.total.plus(&figures);
            answer.datasets.insert(name.clone(), figures);
            for (view, pile) in &dataset.views {
                answer.views.insert((name.clone(), view.clone()), pile.figures());
            }
        }
        answer.agents = self.agents.iter().map(|(agent, pile)| (*agent, pile.figures())).collect();
        self.provider_occurs.then_some(answer)
    }
}

#[cfg(test)]
mod tests;
