//! What one agent does at one sitting.

use super::calendar::MINUTE;
use super::chance::Chance;
use super::habits::{Habits, Spell, spell};
use super::people::{Paper, People};
use crate::drill::traffic::{Ask, AskMethod, Event, EventKind, Found, PersonNumber};

/// Numbers from here on are nobody of the stock.
const NOBODY: u64 = 1 << 41;
/// Records on a page of a clerk's script.
const SCRIPT_PAGE: usize = 100;
/// Milliseconds of a second.
const SECOND: u64 = 1_000;

/// Somebody who works for a provider.
pub(crate) struct Worker {
    /// The agent number, and those of others that it uses at times.
    pub(crate) login: u32,
    pub(crate) borrows: Vec<Spell>,
    pub(crate) office: bool,
    /// Working days of the week, Monday first.
    pub(crate) week: [bool; 6],
    /// First day, and day behind the last.
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Minutes after the opening when the day begins.
    pub(crate) begins: u64,
    /// A trainer's course in the evening.
    pub(crate) evening: bool,
    /// Groups of a trainer.
    pub(crate) groups: Vec<usize>,
    /// Whom it was given lately, with the day and the agent number.
    pub(crate) handles: Vec<(u64, u32, PersonNumber)>,
}

/// A provider's day.
#[derive(Clone, Copy)]
pub(crate) struct Today {
    pub(crate) provider: u32,
    pub(crate) day: u64,
    /// Midnight in Paris in milliseconds since 1970 UTC.
    pub(crate) midnight: u64,
    /// Whether the provider works.
    pub(crate) works: bool,
}

/// What goes with an ask beside its method.
#[derive(Clone, Copy, Default)]
struct Manner {
    case: u32,
    reason: bool,
    full: bool,
    follows: bool,
}

/// Somebody at a screen: asks one after another in order of time.
pub(crate) struct Sitting<'a> {
    habits: &'a Habits,
    people: &'a mut People,
    worker: &'a mut Worker,
    today: Today,
    chance: Chance,
    login: u32,
    network: u32,
    /// Chance of a misspelt name today, in thousandths.
    clumsy: u64,
    /// Whom it can open without a search.
    handles: Vec<PersonNumber>,
    known: usize,
    /// Milliseconds since 1970 UTC.
    clock: u64,
    events: Vec<Event>,
}

impl<'a> Sitting<'a> {
    /// Begins.
    pub(crate) fn new(
        habits: &'a Habits,
        people: &'a mut People,
        worker: &'a mut Worker,
        today: Today,
        mut chance: Chance,
    ) -> Sitting<'a> {
        let login = spell(&worker.borrows, today.day).unwrap_or(u64::from(worker.login)) as u32;
        let usual = spell(&habits.networks, today.day).unwrap_or(0) as u32;
        let network = if chance.happens(habits.telework) { 8 + login % 240 } else { usual };
        let bad_day = if chance.happens(80) { 4 } else { 1 };
        let clumsy = (habits.misspells * bad_day).min(450);
        let own = worker.handles.iter().filter(|(day, of, _)| *day < today.day && *of == login);
        let handles: Vec<PersonNumber> = own.map(|(_, _, person)| *person).collect();
        let (known, clock) = (handles.len(), today.midnight);
        let events = Vec::new();
        Sitting {
            habits,
            people,
            worker,
            today,
            chance,
            login,
            network,
            clumsy,
            handles,
            known,
            clock,
            events,
        }
    }

    /// Ends it: what was asked.
    pub(crate) fn end(self) -> Vec<Event> {
        let (day, login) = (self.today.day, self.login);
        let new = self.handles[self.known..].iter().map(|person| (day, login, *person));
        self.worker.handles.extend(new);
        let old = self.worker.handles.len().saturating_sub(150);
        self.worker.handles.drain(..old);
        self.events
    }

    /// An office agent's day at this level in thousandths.
    pub(crate) fn office(&mut self, level: u64) {
        let begins = self.habits.opens + self.worker.begins;
        let late = self.chance.happens(self.habits.overtime);
        let ends = self.habits.closes.min(begins + 510) + if late { 90 } else { 0 };
        let calls = self.chance.happens(self.habits.strangers * level.min(2_000) / 750);
        let bursts = calls.then(|| self.chance.within(begins / 60 + 1, ends / 60 - 1));
        let bulk = self.chance.happens(350).then(|| self.chance.within(begins / 60, ends / 60 - 1));
        for hour in begins / 60..ends / 60 {
            let share = if hour == 12 { 250 } else { self.habits.active };
            if self.chance.happens(share * level.min(1_000) / 1_000) {
                let files = self.habits.counts.draw(&mut self.chance) * level.max(1_000);
                let files = self.chance.about(files);
                for minute in self.minutes(files, (hour * 60).max(begins), hour * 60 + 59) {
                    self.until(minute);
                    self.task();
                }
            }
            if bursts == Some(hour) {
                self.until(hour * 60 + 15);
                self.transfers();
            }
            if bulk == Some(hour) && self.people.papers.len() > 6 {
                self.until(hour * 60 + 15);
                self.bulk();
            }
        }
    }

    /// A trainer's course day: the group's list twice, some files after it.
    pub(crate) fn course(&mut self, level: u64) {
        let begins = self.habits.opens + self.worker.begins;
        let start = if self.worker.evening { self.chance.within(1_080, 1_110) } else { begins };
        let second = if self.worker.evening { 100 } else { self.chance.within(170, 330) };
        let morning = self.teaches(0);
        let second_group = self.chance.happens(self.habits.afternoons);
        let afternoon = if second_group { self.teaches(1) } else { morning };
        let more = self.chance.happens(level.saturating_sub(1_000));
        let other = more.then(|| self.chance.below(self.people.groups() as u64) as usize);
        let days_in = self.today.day - self.worker.from.min(self.today.day);
        let halves = [(start, morning), (start + second, afternoon)];
        for (minute, group) in halves {
            let late = self.chance.below(20);
            self.until(minute + late);
            for group in group.into_iter().chain(other) {
                self.attend(group);
            }
            if second_group {
                self.until(minute + 120);
                group.into_iter().for_each(|group| self.attend(group));
            }
        }
        if self.worker.from > 0 && days_in < 4 {
            self.worker.groups.clone().into_iter().for_each(|group| self.go_through(group, 450));
        }
        if self.chance.happens(60) {
            self.task();
        }
        if self.chance.happens(self.habits.homework) {
            self.at_home();
        }
    }

    /// The group of a trainer today, by turns; at times that of an absent colleague.
    fn teaches(&mut self, turn: usize) -> Option<usize> {
        if self.chance.happens(40) {
            return Some(self.chance.below(self.people.groups() as u64) as usize);
        }
        let own = &self.worker.groups;
        let turn = self.today.day as usize + self.worker.login as usize + turn;
        own.get(turn % own.len().max(1)).copied()
    }

    /// A trainer prepares at home.
    pub(crate) fn at_home(&mut self) {
        self.network = 8 + self.login % 240;
        let minute = self.chance.within(1_170, 1_320);
        self.until(minute);
        if let Some(group) = self.chance.one(&self.worker.groups) {
            self.attend(group);
        }
    }

    /// Lists a group, or the whole roster where that is the habit, and opens some of it.
    fn attend(&mut self, group: usize) {
        let of_group = self.people.group(group);
        let case = 10 + group as u32;
        if self.habits.lists_all {
            self.list_roster();
        } else if !of_group.is_empty() {
            self.list(false, of_group.len(), &of_group, case);
            if self.chance.happens(40) {
                self.list(false, of_group.len(), &of_group, case);
            }
        }
        for _ in 0..self.chance.about(self.habits.peeks / 2) {
            if let Some(person) = self.chance.one(&of_group) {
                if self.handles.contains(&person) {
                    self.open(person, case, false);
                } else {
                    self.look_up(person, case, false, false);
                }
            }
        }
    }

    /// Lists a group and opens its files, as a new trainer does, or an office that prints certificates.
    fn go_through(&mut self, group: usize, share: u64) {
        let of_group = self.people.group(group);
        let case = 10 + group as u32;
        if !of_group.is_empty() {
            self.list(false, of_group.len(), &of_group, case);
        }
        for person in of_group {
            if self.chance.happens(share) {
                self.open(person, case, false);
            }
        }
    }

    /// Somebody of the roster; where each office agent has persons of its own, mostly one of these.
    fn client(&mut self) -> Option<PersonNumber> {
        let mut person = self.people.somebody(&mut self.chance)?;
        for _ in 0..self.habits.portfolios {
            if (person + self.login).is_multiple_of(3) {
                break;
            }
            person = self.people.somebody(&mut self.chance)?;
        }
        Some(person)
    }

    /// One thing that an office agent has to do.
    fn task(&mut self) {
        let due = self.people.papers.iter().position(|paper| paper.from <= self.today.day);
        if self.chance.happens(self.habits.strangers * 2 / 3) {
            let person = self.people.stranger(self.habits, self.today.day, &mut self.chance);
            let told = self.chance.happens(self.habits.forewarned);
            let case = self.case(person);
            self.look_up(person, case, told, true);
        } else if self.chance.happens(10) {
            let times = self.chance.within(1, 3);
            self.misses(times, 5);
        } else if let Some(at) = due.filter(|_| self.chance.happens(600)) {
            self.register(at);
        } else if self.chance.happens(self.habits.handles) && !self.handles.is_empty() {
            let latest = self.handles.len().saturating_sub(60);
            if let Some(person) = self.chance.one(&self.handles[latest..]) {
                let case = self.case(person);
                self.open(person, case, false);
            }
        } else if self.chance.happens(15) {
            let group = self.chance.below(self.people.groups() as u64) as usize;
            self.attend(group);
        } else if self.chance.happens(5) {
            let group = self.chance.below(self.people.groups() as u64) as usize;
            self.go_through(group, 950);
        } else if let Some(person) = self.client() {
            let case = self.case(person);
            self.look_up(person, case, false, false);
        }
    }

    /// Looks at a new enrolment; comes back another day where it is not shown yet and nobody insists.
    fn register(&mut self, at: usize) {
        let Some(paper) = self.people.papers.remove(at) else { return };
        let case = self.case(paper.person);
        let persists = self.chance.happens(self.habits.impatient);
        let told = persists && self.chance.happens(250 + 200 * paper.tries);
        if !self.look_up(paper.person, case, told, persists) && paper.tries < 4 {
            let from = self.today.day + self.chance.within(1, 4);
            self.people.papers.push_back(Paper { from, tries: paper.tries + 1, ..paper });
        }
    }

    /// Works off new enrolments one after another.
    fn bulk(&mut self) {
        for _ in 0..self.chance.within(5, 25) {
            let due = self.people.papers.iter().position(|paper| paper.from <= self.today.day);
            let Some(at) = due else { return };
            self.clock += self.chance.within(20, 150) * SECOND;
            self.register(at);
        }
    }

    /// Several transfers at once, as when another site closes.
    fn transfers(&mut self) {
        let told = self.chance.happens(self.habits.forewarned);
        let case = 3_000_000 + (self.today.day % 10_000) as u32;
        for _ in 0..self.chance.within(5, 12) {
            let person = self.people.stranger(self.habits, self.today.day, &mut self.chance);
            self.clock += self.chance.within(10, 300) * SECOND;
            self.look_up(person, case, told, true);
        }
    }

    /// A morning with the persons who come to be placed: at their arrival, and some again after the test.
    pub(crate) fn placement(&mut self, persons: &[PersonNumber]) {
        let minutes = self.minutes(persons.len() as u64, 540, 700);
        for (minute, person) in minutes.into_iter().zip(persons) {
            self.until(minute);
            let told = self.chance.happens(600);
            self.look_up(*person, 6, told, true);
        }
        for person in persons {
            if self.chance.happens(300) && self.handles.contains(person) {
                self.open(*person, 6, false);
            }
        }
    }

    /// Pages through the whole roster; some stop before its end or ask for a page again.
    pub(crate) fn list_roster(&mut self) {
        let roster = self.people.roster();
        let usual = self.habits.page;
        let size = if roster.len() > usual * 30 { 500 } else { usual };
        for (page, persons) in roster.chunks(size).enumerate() {
            self.list(page > 0, size, persons, 4);
            if self.chance.happens(20) {
                self.list(page > 0, size, persons, 4);
            }
            if self.chance.happens(15) {
                return;
            }
        }
    }

    /// Exports the roster under a job; an upload that fails breaks it off behind one of its pages.
    pub(crate) fn export(&mut self, job: u32, rows: u64, breaks: bool) {
        let mut roster = self.people.roster();
        roster.truncate(rows as usize);
        let pages = roster.len().div_ceil(self.habits.export_page) as u64;
        let last = if breaks { 1 + self.chance.below(pages) } else { pages };
        for (page, persons) in
            roster.chunks(self.habits.export_page).enumerate().take(last as usize)
        {
            let found = self.found(persons);
            let manner = Manner { case: 2, follows: page > 0, ..Manner::default() };
            let page = self.habits.export_page as u64;
            self.ask((1, 12), manner, AskMethod::Export { job, page, found });
        }
    }

    /// Runs a clerk's script; at times it stops early and is started again.
    pub(crate) fn run_script(&mut self) {
        let Some(script) = &self.habits.script else { return };
        self.until(script.starts);
        let mut persons = self.people.roster();
        let first =
            self.chance.below((persons.len() as u64).saturating_sub(script.files) + 1) as usize;
        persons.drain(..first);
        persons.truncate(script.files as usize);
        let stops = self.chance.happens(100);
        let again = persons.len() / 3;
        for share in [if stops { again } else { 0 }, persons.len()] {
            for (page, persons) in persons[..share].chunks(SCRIPT_PAGE).enumerate() {
                if !script.searches {
                    self.list(page > 0, SCRIPT_PAGE, persons, 7);
                }
            }
            for person in &persons[..share] {
                self.clock += script.pause + self.chance.below(script.pause / 8 + 1);
                let manner = Manner { case: 7, full: script.full, ..Manner::default() };
                let found = self.people.record(*person);
                let sought = u64::from(*person);
                let search = AskMethod::Search { sought, found: Some(found) };
                let method = if script.searches { search } else { AskMethod::Get(found) };
                self.ask((0, 0), manner, method);
            }
        }
    }

    /// Searches somebody, after slips, and mostly opens the file; whether the person was found. `told`
    /// states the reason at once, `persists` after a search in vain, for somebody off the roster.
    fn look_up(&mut self, person: PersonNumber, case: u32, told: bool, persists: bool) -> bool {
        let off = !self.people.has(person);
        let mut reason = self.chance.happens(self.habits.ticks) || off && told;
        if self.chance.happens(self.clumsy) {
            self.misses(1, case);
        }
        self.search(person, case, reason);
        if off && !reason {
            if self.chance.happens(self.habits.insists) {
                self.search(person, case, false);
            }
            if !persists {
                return false;
            }
            reason = true;
            self.search(person, case, true);
        }
        if self.chance.happens(100) {
            self.search(person, case, reason);
        }
        if self.chance.happens(self.habits.opens_found) {
            self.open(person, case, reason);
        }
        true
    }

    /// Searches in vain for a misspelt name or somebody nowhere, some of it twice.
    fn misses(&mut self, times: u64, case: u32) {
        for _ in 0..times {
            let sought = NOBODY + self.chance.below(1 << 40);
            for _ in 0..1 + u64::from(self.chance.happens(self.habits.insists)) {
                let manner = Manner { case, ..Manner::default() };
                self.ask((5, 40), manner, AskMethod::Search { sought, found: None });
            }
        }
    }

    /// One search.
    fn search(&mut self, person: PersonNumber, case: u32, reason: bool) {
        let found = Some(self.people.record(person)).filter(|found| found.on_roster || reason);
        if found.is_some() {
            self.handles.push(person);
        }
        let manner = Manner { case, reason, ..Manner::default() };
        let sought = u64::from(person);
        self.ask((5, 45), manner, AskMethod::Search { sought, found });
    }

    /// Opens a file by its handle, some files twice.
    fn open(&mut self, person: PersonNumber, case: u32, reason: bool) {
        let found = self.people.record(person);
        let full = self.worker.office && self.chance.happens(self.habits.full);
        let manner = Manner { case, reason: reason || !found.on_roster, full, follows: false };
        self.ask((2, 25), manner, AskMethod::Get(found));
        if self.chance.happens(30) {
            self.ask((20, 240), manner, AskMethod::Get(found));
        }
    }

    /// One page of a list, of so many records at most.
    fn list(&mut self, follows: bool, page: usize, persons: &[PersonNumber], case: u32) {
        let found = self.found(persons);
        self.handles.extend(persons);
        let manner = Manner { case, follows, ..Manner::default() };
        self.ask((3, 40), manner, AskMethod::List { page: page as u64, found });
    }

    /// The records of several.
    fn found(&self, persons: &[PersonNumber]) -> Vec<Found> {
        persons.iter().map(|person| self.people.record(*person)).collect()
    }

    /// The case reference for a person, by the provider's habit.
    fn case(&self, person: PersonNumber) -> u32 {
        match self.habits.cases {
            0 => 1_000 + person,
            1 => self.people.group_of(person).map_or(5, |group| 10 + group as u32),
            _ => 3,
        }
    }

    /// So many minutes between both, in order.
    fn minutes(&mut self, count: u64, from: u64, to: u64) -> Vec<u64> {
        let mut minutes: Vec<u64> = (0..count).map(|_| self.chance.within(from, to)).collect();
        minutes.sort_unstable();
        minutes
    }

    /// Waits until about a minute of the day.
    pub(crate) fn until(&mut self, minute: u64) {
        let about = self.today.midnight + minute * MINUTE + self.chance.below(MINUTE);
        self.clock = self.clock.max(about);
    }

    /// Asks after some seconds.
    fn ask(&mut self, seconds: (u64, u64), manner: Manner, method: AskMethod) {
        self.clock += 1 + self.chance.within(seconds.0 * SECOND, seconds.1 * SECOND);
        let minute = (self.clock - self.today.midnight) / MINUTE;
        let declared =
            self.today.works && (self.habits.opens..self.habits.closes).contains(&minute);
        let Manner { case, reason, full, follows } = manner;
        let (agent, network) = (self.login, self.network);
        let ask = Ask { agent, case, reason, full, network, off_hours: !declared, follows, method };
        let provider = self.today.provider;
        self.events.push(Event { at: self.clock, provider, kind: EventKind::Ask(ask) });
    }
}
