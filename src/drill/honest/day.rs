//! One day of one provider.

use rand::RngExt as _;

use super::calendar::{DAY, HOUR, date, is_holiday, is_working_day, weekday};
use super::{Colleague, HonestProvider, Pending};
use crate::drill::traffic::{Ask, AskMethod, Event, EventKind, PersonNumber};

/// The most persons of a group of a course.
pub(super) const GROUP: usize = 18;

impl HonestProvider {
    /// What happens on a day, in order of time. Days are to be asked for one after the other.
    pub(super) fn work(&mut self, day: u64) -> Vec<Event> {
        let mut events = Vec::new();
        let due: Vec<Pending> = self.pending.extract_if(.., |one| one.day <= day).collect();
        due.iter().for_each(|one| self.enrol(&one.persons));
        if is_working_day(day) {
            self.batch(day);
        }
        let open = if weekday(day) == 5 { self.hits(50) } else { is_working_day(day) };
        if open && !is_holiday(day) {
            let mut agents = std::mem::take(&mut self.agents);
            let placed = self.placement(day, &mut agents);
            for agent in &mut agents {
                agent.today.clear();
                agent.network = self.network(day, agent);
                if weekday(day) == 5 && !self.hits(300) {
                    continue;
                }
                if agent.office {
                    self.office(day, agent, &mut events);
                } else if agent.free != weekday(day) {
                    self.course(day, agent, &mut events);
                }
            }
            if let (Some(persons), Some(agent)) = (placed, agents.first_mut()) {
                self.place(day, agent, &persons, &mut events);
            }
            self.agents = agents;
            if is_working_day(day) {
                self.export(day, &mut events);
                self.listing(day, &mut events);
            }
            self.replace();
        }
        events.sort_by_key(|event| event.at);
        events
    }

    /// How much is done, in thousandths of an ordinary day.
    pub(super) fn activity(&self, day: u64) -> u64 {
        let august = if date(day).month == 8 { 400 } else { 1_000 };
        let shift = self.shift.filter(|(from, _)| day >= *from).map_or(1_000, |(_, to)| to);
        august * shift / 1_000
    }

    /// The network that somebody calls from today: 0 is the usual one, 1 the one the provider moves
    /// to, and others are people's homes.
    fn network(&mut self, day: u64, agent: &Colleague) -> u32 {
        if agent.home && self.hits(200) {
            return 10 + agent.number % 200;
        }
        u32::from(self.moves.is_some_and(|from| day >= from))
    }

    /// A batch of a week comes onto the roster, on Mondays above all, and as many leave it: a course
    /// lasts half a year.
    fn batch(&mut self, day: u64) {
        let monday = weekday(day) == 0;
        if !self.hits(if monday { 800 } else { 60 }) {
            return;
        }
        let week = (self.roster.len() as u64 / 26).clamp(1, 40);
        let size = self.chance.random_range(1..=2 * week).min(40);
        let persons: Vec<_> = (0..size).map(|_| self.somebody()).collect();
        let late = self.hits(self.world.late);
        self.leave(persons.len());
        if late {
            let behind = self.chance.random_range(1..=4);
            self.pending.push(Pending { day: day + behind, persons: persons.clone() });
        } else {
            self.enrol(&persons);
        }
        if let Some(office) = self.least_office() {
            self.agents[office].persons.extend(&persons);
        }
        // They begin a course together.
        let courses: Vec<usize> =
            (0..self.agents.len()).filter(|n| !self.agents[*n].office).collect();
        if !courses.is_empty() {
            let at = courses[self.chance.random_range(0..courses.len())];
            let group = &mut self.agents[at].persons;
            group.extend(&persons);
            let many = group.len().saturating_sub(GROUP);
            group.drain(..many);
        }
    }

    fn least_office(&self) -> Option<usize> {
        let offices = (0..self.agents.len()).filter(|n| self.agents[*n].office);
        offices.min_by_key(|n| self.agents[*n].persons.len())
    }

    /// So many of those who have been there longest leave; ten always stay.
    fn leave(&mut self, persons: usize) {
        let gone = self.roster.len().saturating_sub(10).min(persons);
        for person in self.roster.drain(..gone) {
            self.on_roster.remove(&person);
        }
        let pending: Vec<PersonNumber> =
            self.pending.iter().flat_map(|one| one.persons.iter().copied()).collect();
        for agent in &mut self.agents {
            let stays =
                |person: &PersonNumber| self.on_roster.contains(person) || pending.contains(person);
            agent.persons.retain(stays);
        }
        for at in 0..self.agents.len() {
            if !self.agents[at].office && self.agents[at].persons.len() < 6 {
                self.agents[at].persons = self.group();
            }
        }
    }

    /// Six times a year, thirty to sixty persons are placed at the provider in one morning, as many
    /// as it can take.
    fn placement(&mut self, day: u64, agents: &mut [Colleague]) -> Option<Vec<PersonNumber>> {
        if !self.hits(24) || !is_working_day(day) || self.activity(day) < 500 {
            return None;
        }
        let most = (self.roster.len() / 4).max(12) as u64;
        let size = self.chance.random_range(30..=60).min(most) as usize;
        let persons: Vec<_> = (0..size).map(|_| self.somebody()).collect();
        self.leave(size);
        self.enrol(&persons);
        let stays = |person: &PersonNumber| self.on_roster.contains(person);
        agents.iter_mut().for_each(|agent| agent.persons.retain(stays));
        agents.first_mut()?.persons.extend(&persons);
        Some(persons)
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

    pub(super) fn event(&self, at: u64, kind: EventKind) -> Event {
        Event { at, provider: self.number, kind }
    }

    pub(super) fn asked(&self, at: u64, agent: &Colleague, case: u32, method: AskMethod) -> Event {
        let time = at % DAY;
        let off_hours = !(6 * HOUR..18 * HOUR).contains(&time);
        let ask = Ask {
            agent: agent.number,
            case,
            reason: false,
            full: false,
            network: agent.network,
            off_hours,
            follows: false,
            method,
        };
        self.event(at, EventKind::Ask(ask))
    }
}
