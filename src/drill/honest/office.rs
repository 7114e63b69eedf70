//! What an office does on a day: it looks persons up, and opens their files.

use rand::RngExt as _;

use super::calendar::{HOUR, in_paris, weekday};
use super::{Colleague, HonestProvider};
use crate::drill::traffic::{AskMethod, Event, EventKind, Found, PersonNumber};

pub(super) const MINUTE: u64 = 60_000;
/// Offices work so many hours of those from 8 to 18.
const HOURS: usize = 7;
/// A name that nobody of the stock has.
const NOBODY: u64 = 1 << 40;

impl HonestProvider {
    pub(super) fn office(&mut self, day: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        let busy = match self.chance.random_range(0..1_000) {
            0..8 => agent.peak * 100,
            8..40 => 1_800,
            _ => 950,
        };
        let times = if agent.shared { 2 } else { 1 };
        let mean = self.world.files_tenths * times * busy * self.activity(day) / 1_000_000;
        let mut hours: Vec<u64> = (8..18).collect();
        while hours.len() > HOURS {
            let at = self.chance.random_range(0..hours.len());
            hours.remove(at);
        }
        for hour in hours {
            for _ in 0..self.geometric(mean).min(45) {
                let at = in_paris(day, hour * HOUR + self.chance.random_range(0..HOUR));
                self.file(at, agent, events);
            }
        }
        if self.script && agent.number == 0 && weekday(day) == 2 {
            self.clerk(day, agent, events);
        }
        // A third of the strangers come in mornings of 8.5 on average, of some 28 files a day.
        if self.hits(self.strangers * 11 / 10) {
            self.burst(day, agent, events);
        }
    }

    /// How many, of a geometric law with this mean in tenths.
    fn geometric(&mut self, mean_tenths: u64) -> u64 {
        let mut n = 0;
        while n < 200 && self.chance.random_range(0..mean_tenths + 10) < mean_tenths {
            n += 1;
        }
        n
    }

    /// One file: searched for, found or not, and opened.
    pub(super) fn file(&mut self, at: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        if self.hits(self.strangers * 2 / 3) {
            let person = self.somebody();
            self.stranger(at, agent, person, events);
            return;
        }
        if !agent.today.is_empty() && self.hits(200) {
            // The same file once more.
            let today = std::mem::take(&mut agent.today);
            let again = self.one_of(&today).filter(|person| self.is_on_roster(*person));
            agent.today = today;
            if let Some(person) = again {
                let get = AskMethod::Get(Found { person, on_roster: true });
                events.push(self.asked(at + 30_000, agent, person, get));
            }
        }
        let own = if self.hits(800) { self.one_of(&agent.persons) } else { None };
        let known = own.or_else(|| {
            let at = self.chance.random_range(0..self.roster.len().max(1));
            self.roster.get(at).copied()
        });
        let Some(person) = known else { return };
        if self.is_on_roster(person) {
            self.open(at, agent, person, events);
        } else {
            self.late(at, agent, person, events);
        }
    }

    /// Somebody of the roster.
    fn open(
        &mut self,
        at: u64,
        agent: &mut Colleague,
        person: PersonNumber,
        events: &mut Vec<Event>,
    ) {
        let found = Found { person, on_roster: true };
        if !agent.today.contains(&person) {
            // A name that is misspelled, sometimes twice or thrice.
            let misspelled = self.misses * self.world.searches_of_ten / 10 / 2;
            if self.hits(misspelled) {
                for n in 1..=self.chance.random_range(1..=3) {
                    self.search(at - n * 9_000, agent, NOBODY + at + n, None, false, events);
                }
            }
            let more = self.world.searches_of_ten.saturating_sub(10) * 100;
            if self.hits(more.saturating_sub(misspelled)) {
                let sought = u64::from(person);
                self.search(at - 4_000, agent, sought, Some(found), false, events);
            }
            self.search(at, agent, u64::from(person), Some(found), false, events);
            agent.today.push(person);
        }
        events.push(self.asked(at + 4_000, agent, person, AskMethod::Get(found)));
    }

    /// The list is late: nobody is found, twice or so, and some then say why they need the file.
    pub(super) fn late(
        &mut self,
        at: u64,
        agent: &mut Colleague,
        person: PersonNumber,
        events: &mut Vec<Event>,
    ) {
        for n in 0..self.chance.random_range(1..=3) {
            self.search(at + n * 20_000, agent, u64::from(person), None, false, events);
        }
        if self.hits(300) {
            self.stranger(at + MINUTE, agent, person, events);
        }
    }

    fn search(
        &mut self,
        at: u64,
        agent: &Colleague,
        sought: u64,
        found: Option<Found>,
        reason: bool,
        events: &mut Vec<Event>,
    ) {
        let case = found.map_or((sought % 1_000_000) as u32, |found| found.person);
        let search = AskMethod::Search { sought, found };
        events.push(stating(reason, self.asked(at, agent, case, search)));
    }

    /// Somebody off the roster, for a stated reason: a walk-in, a transfer, or a list that is late.
    pub(super) fn stranger(
        &mut self,
        at: u64,
        agent: &mut Colleague,
        person: PersonNumber,
        events: &mut Vec<Event>,
    ) {
        let found = Found { person, on_roster: self.is_on_roster(person) };
        self.search(at, agent, u64::from(person), Some(found), true, events);
        let get = self.asked(at + 9_000, agent, person, AskMethod::Get(found));
        events.push(stating(true, get));
        agent.today.push(person);
    }

    /// A morning of walk-ins: five to twelve persons off the roster.
    fn burst(&mut self, day: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        let begin = in_paris(day, 9 * HOUR);
        for n in 0..self.chance.random_range(5..=12) {
            let person = self.somebody();
            let at = begin + n * 7 * MINUTE + self.chance.random_range(0..5 * MINUTE);
            self.stranger(at, agent, person, events);
        }
    }

    /// Persons who are placed in one morning, of whom each is opened within three hours.
    pub(super) fn place(
        &mut self,
        day: u64,
        agent: &mut Colleague,
        persons: &[PersonNumber],
        events: &mut Vec<Event>,
    ) {
        let begin = in_paris(day, 9 * HOUR);
        for person in persons {
            let at = begin + self.chance.random_range(0..3 * HOUR);
            self.open(at, agent, *person, events);
        }
    }

    /// A script that looks up those of a list, one every twenty seconds.
    fn clerk(&mut self, day: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        let begin = in_paris(day, 12 * HOUR);
        let persons: Vec<_> = agent.persons.iter().copied().take(25).collect();
        for (n, person) in (0..).zip(persons) {
            if self.is_on_roster(person) {
                let found = Some(Found { person, on_roster: true });
                self.search(begin + n * 20_000, agent, u64::from(person), found, false, events);
                agent.today.push(person);
            }
        }
    }
}

/// An ask, with or without a reason to meet persons off the roster.
fn stating(reason: bool, mut event: Event) -> Event {
    if let EventKind::Ask(ask) = &mut event.kind {
        ask.reason = reason;
    }
    event
}
