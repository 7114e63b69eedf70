//! One day of one provider.

use rand::RngExt as _;

use super::calendar::{
    DAY, HOUR, date, in_paris, is_holiday, is_working_day, place_in_month, weekday,
};
use super::{Colleague, HonestProvider, Pending};
use crate::drill::traffic::{Ask, AskMethod, Event, EventKind, Found, PersonNumber};

const MINUTE: u64 = 60_000;
/// Offices work so many hours of those from 8 to 18.
const HOURS: u64 = 7;
/// Rows of a page of a group, and of an export.
const GROUP_PAGE: u64 = 18;
const EXPORT_PAGE: usize = 500;
/// A name that nobody of the stock has.
const NOBODY: u64 = 1 << 40;

impl HonestProvider {
    /// What happens on a day, in order of time. Days are to be asked for one after the other.
    pub(crate) fn day(&mut self, day: u64) -> Vec<Event> {
        let mut events = Vec::new();
        self.rosters(day);
        let open = if weekday(day) == 5 { self.hits(50) } else { is_working_day(day) };
        if open && !is_holiday(day) {
            let mut agents = std::mem::take(&mut self.agents);
            for agent in &mut agents {
                agent.today.clear();
                if weekday(day) == 5 && !self.hits(300) {
                    continue;
                }
                if agent.office {
                    self.office(day, agent, &mut events);
                } else if agent.free != weekday(day) {
                    self.course(day, agent, &mut events);
                }
            }
            self.agents = agents;
            if is_working_day(day) {
                self.export(day, &mut events);
            }
            self.replace();
        }
        events.sort_by_key(|event| event.at);
        events
    }

    /// How much is done, in thousandths of an ordinary day.
    fn activity(&self, day: u64) -> u64 {
        let august = if date(day).month == 8 { 400 } else { 1_000 };
        let shift = self.shift.filter(|(from, _)| day >= *from).map_or(1_000, |(_, to)| to);
        august * shift / 1_000
    }

    fn event(&self, at: u64, kind: EventKind) -> Event {
        Event { at, provider: self.number, kind }
    }

    /// Who comes onto the roster, and who leaves it: before anybody works.
    fn rosters(&mut self, day: u64) {
        let due: Vec<Pending> = self.pending.extract_if(.., |one| one.day <= day).collect();
        due.iter().for_each(|one| self.roster.extend(&one.persons));
        if !is_working_day(day) {
            return;
        }
        // A course lasts half a year: a twenty-sixth of the roster is new each week, on Mondays above all.
        let monday = weekday(day) == 0;
        if self.hits(if monday { 800 } else { 60 }) {
            let week = (self.roster.len() as u64 / 26).clamp(1, 40);
            let size = self.chance.random_range(1..=2 * week).min(40);
            let persons: Vec<_> = (0..size).map(|_| self.somebody()).collect();
            let late = self.hits(self.world.late);
            let behind = if late { self.chance.random_range(1..=4) } else { 0 };
            self.take_in(&persons);
            let gone = (self.roster.len().saturating_sub(10) as u64).min(size) as usize;
            let persons_gone: Vec<_> = self.roster.drain(..gone).collect();
            self.forget(&persons_gone);
            if behind == 0 {
                self.roster.extend(&persons);
            } else {
                self.pending.push(Pending { day: day + behind, persons });
            }
        }
    }

    /// New persons go to the office that has the fewest, and to one course.
    fn take_in(&mut self, persons: &[PersonNumber]) {
        let offices = self.agents.iter_mut().filter(|agent| agent.office);
        if let Some(office) = offices.min_by_key(|agent| agent.persons.len()) {
            office.persons.extend(persons);
        }
        let at = self.chance.random_range(0..self.agents.len().max(1));
        if let Some(agent) = self.agents.get_mut(at).filter(|agent| !agent.office) {
            agent.persons.extend(persons);
            let many = agent.persons.len().saturating_sub(GROUP_PAGE as usize);
            agent.persons.drain(..many);
        }
    }

    fn forget(&mut self, gone: &[PersonNumber]) {
        for agent in &mut self.agents {
            agent.persons.retain(|person| !gone.contains(person));
            let many = agent.persons.len().saturating_sub(90);
            agent.persons.drain(..many);
        }
    }

    fn is_on_roster(&self, person: PersonNumber) -> bool {
        self.roster.contains(&person)
    }

    /// An office looks persons up and opens their files.
    fn office(&mut self, day: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        let busy = match self.chance.random_range(0..1_000) {
            0..4 => 3_500,
            4..30 => 2_000,
            _ => 900,
        };
        let times = if agent.shared { 2 } else { 1 };
        let mean = self.world.files_tenths * times * busy * self.activity(day) / 1_000_000;
        let mut hours: Vec<u64> = (8..18).collect();
        for _ in 0..hours.len() as u64 - HOURS {
            let at = self.chance.random_range(0..hours.len());
            hours.remove(at);
        }
        for hour in hours {
            let files = self.geometric(mean).min(45);
            for _ in 0..files {
                let at = in_paris(day, hour * HOUR + self.chance.random_range(0..HOUR));
                self.file(at, agent, events);
            }
        }
        if self.script && agent.number == 0 && weekday(day) == 2 {
            self.clerk(day, agent, events);
        }
        if self.hits(self.world.strangers / 4) {
            self.burst(day, agent, events);
        }
        if self.hits(20) {
            self.listing(day, agent, events);
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
    fn file(&mut self, at: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        if self.hits(self.world.strangers) {
            let person = self.somebody();
            self.stranger(at, agent, person, events);
            return;
        }
        let again = !agent.today.is_empty() && self.hits(250);
        let from = if again { &agent.today } else { &agent.persons };
        let known = from.get(self.chance.random_range(0..from.len().max(1))).copied();
        let known = if self.hits(700) || again { known } else { self.on_roster() };
        let Some(person) = known else { return };
        if !self.is_on_roster(person) {
            // The list is late: nobody is found, twice or so, and some then say why they need the file.
            for n in 0..self.chance.random_range(1..=3) {
                self.search(at + n * 20_000, agent, u64::from(person), None, false, events);
            }
            if self.hits(300) {
                self.stranger(at + MINUTE, agent, person, events);
            }
            return;
        }
        if !agent.today.contains(&person) {
            let searches = self.world.searches_of_ten / 10;
            let more = u64::from(self.hits(self.world.searches_of_ten % 10 * 100));
            for n in 1..searches + more {
                let miss = self.hits(self.world.misses * 3);
                let found = (!miss).then_some(Found { person, on_roster: true });
                let sought = if miss { NOBODY + at } else { u64::from(person) };
                self.search(at - n * 15_000, agent, sought, found, false, events);
            }
            if self.hits(self.world.misses * 7 / 10) {
                self.search(at - 5_000, agent, NOBODY + at, None, false, events);
            }
            let found = Some(Found { person, on_roster: true });
            self.search(at, agent, u64::from(person), found, false, events);
            agent.today.push(person);
        }
        let get = AskMethod::Get(Found { person, on_roster: true });
        events.push(self.asked(at + 4_000, agent, person, false, get));
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
        events.push(self.asked(at, agent, case, reason, search));
    }

    /// Somebody off the roster, for a stated reason: a walk-in, a transfer, or a list that is late.
    fn stranger(
        &mut self,
        at: u64,
        agent: &mut Colleague,
        person: PersonNumber,
        events: &mut Vec<Event>,
    ) {
        let found = Found { person, on_roster: self.is_on_roster(person) };
        self.search(at, agent, u64::from(person), Some(found), true, events);
        events.push(self.asked(at + 9_000, agent, person, true, AskMethod::Get(found)));
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

    /// The first pages of the roster, by a small provider or for a look.
    fn listing(&mut self, day: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        let begin = in_paris(day, 17 * HOUR);
        let mut persons: Vec<_> = self.roster.iter().copied().take(40).collect();
        persons.sort_unstable();
        persons.dedup();
        for (n, page) in (0..).zip(persons.chunks(20)) {
            let found = page.iter().map(|&person| Found { person, on_roster: true }).collect();
            let list = AskMethod::List { page: 20, found };
            events.push(self.asked(begin + n * 2 * MINUTE, agent, 0, false, list));
        }
    }

    /// A script that opens the files of a list, one every twenty seconds.
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

    /// A trainer takes the list of the group, in the morning and after lunch, and opens a file or two.
    fn course(&mut self, day: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        if !self.hits(self.activity(day).min(1_000) * 9 / 10) {
            return;
        }
        let mut group: Vec<_> = agent.persons.iter().copied().take(GROUP_PAGE as usize).collect();
        group.sort_unstable();
        group.dedup();
        for hour in [8, 13] {
            let at = in_paris(day, hour * HOUR + self.chance.random_range(0..HOUR));
            let on = group.iter().copied().filter(|person| self.roster.contains(person));
            let found = on.map(|person| Found { person, on_roster: true }).collect();
            let list = AskMethod::List { page: GROUP_PAGE, found };
            events.push(self.asked(at, agent, 1_000_000 + agent.number, false, list));
        }
        agent.today.extend(&group);
        for _ in 0..self.chance.random_range(0..3_u64) {
            let at = in_paris(day, 15 * HOUR + self.chance.random_range(0..2 * HOUR));
            self.file(at, agent, events);
        }
    }

    /// The attendance of the whole roster, in the first and in the last days of a month; sometimes twice.
    fn export(&mut self, day: u64, events: &mut Vec<Event>) {
        let (first, last) = place_in_month(day);
        if first != u64::from(self.number) % 3 && last != u64::from(self.number) % 3 {
            return;
        }
        let Some(agent) = self.agents.iter().find(|agent| agent.office).cloned() else { return };
        for again in 0..1 + u64::from(self.hits(100)) {
            let job = self.next_job;
            self.next_job += 1;
            let rows = self.roster.len() as u64 + EXPORT_PAGE as u64;
            let begin = in_paris(day, (16 + again) * HOUR);
            let approve = EventKind::Approve { job, rows };
            events.push(self.event(begin - 30 * MINUTE, approve));
            let mut roster = self.roster.clone();
            roster.sort_unstable();
            roster.dedup();
            for (n, page) in (0..).zip(roster.chunks(EXPORT_PAGE)) {
                let found = page.iter().map(|&person| Found { person, on_roster: true }).collect();
                let page = page.len() as u64;
                let export = AskMethod::Export { job, page, found };
                events.push(self.asked(begin + n * 10_000, &agent, 0, false, export));
            }
        }
    }

    /// A trainer leaves and another takes over the group, under another number.
    fn replace(&mut self) {
        let at = self.chance.random_range(0..self.agents.len().max(1));
        if self.hits(3)
            && let Some(agent) = self.agents.get_mut(at)
        {
            agent.number = self.next_agent;
            self.next_agent += 1;
        }
    }

    fn asked(
        &self,
        at: u64,
        agent: &Colleague,
        case: u32,
        reason: bool,
        method: AskMethod,
    ) -> Event {
        let time = at % DAY;
        let off_hours = !(6 * HOUR..18 * HOUR).contains(&time);
        let ask =
            Ask { agent: agent.number, case, reason, full: false, network: 0, off_hours, method };
        self.event(at, EventKind::Ask(ask))
    }
}
