//! What is read for courses: the lists of groups, the attendance of a month, and once in a while the
//! whole roster.

use rand::RngExt as _;

use super::calendar::{HOUR, in_paris, place_in_month};
use super::day::GROUP;
use super::office::MINUTE;
use super::{Colleague, HonestProvider};
use crate::drill::traffic::{AskMethod, Event, EventKind, Found, PersonNumber};

/// Rows of a page of an export, and of a listing of the whole roster.
const EXPORT_PAGE: usize = 500;
const LISTING_PAGE: usize = 20;

impl HonestProvider {
    /// A trainer takes the list of the group, in the morning and after lunch, and opens a file or
    /// two. Whoever is missing on it is looked up, by some with a reason.
    pub(super) fn course(&mut self, day: u64, agent: &mut Colleague, events: &mut Vec<Event>) {
        if !self.hits(self.activity(day).min(1_000) * 95 / 100) {
            return;
        }
        let (on, missing): (Vec<_>, Vec<_>) =
            agent.persons.iter().copied().partition(|person| self.is_on_roster(*person));
        for hour in [8, 13] {
            let at = in_paris(day, hour * HOUR + self.chance.random_range(0..HOUR));
            let list = AskMethod::List { page: GROUP as u64, found: all_of(&on) };
            events.push(self.asked(at, agent, 1_000_000 + agent.number, list));
        }
        agent.today.extend(&on);
        if !missing.is_empty() && self.hits(300) {
            let begin = in_paris(day, 10 * HOUR);
            for (n, person) in (0..).zip(missing) {
                self.late(begin + n * 3 * MINUTE, agent, person, events);
            }
        }
        for _ in 0..self.chance.random_range(0..3_u64) {
            let at = in_paris(day, 15 * HOUR + self.chance.random_range(0..2 * HOUR));
            self.file(at, agent, events);
        }
    }

    /// The attendance of the whole roster, in the first and in the last days of a month; sometimes
    /// twice, when an upload has failed.
    pub(super) fn export(&mut self, day: u64, events: &mut Vec<Event>) {
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
            for (n, page) in (0..).zip(self.roster.chunks(EXPORT_PAGE)) {
                let (size, found) = (page.len() as u64, all_of(page));
                let export = AskMethod::Export { job, page: size, found };
                let event = self.asked(begin + n * 10_000, &agent, 0, export);
                events.push(following(n > 0, event));
            }
        }
    }

    /// Twice a year, somebody takes the list of the whole roster, page after page.
    pub(super) fn listing(&mut self, day: u64, events: &mut Vec<Event>) {
        if !self.hits(8) {
            return;
        }
        let Some(agent) = self.agents.iter().find(|agent| agent.office).cloned() else { return };
        let begin = in_paris(day, 17 * HOUR);
        for (n, page) in (0..).zip(self.roster.chunks(LISTING_PAGE)) {
            let list = AskMethod::List { page: LISTING_PAGE as u64, found: all_of(page) };
            let event = self.asked(begin + n * 15_000, &agent, 0, list);
            events.push(following(n > 0, event));
        }
    }
}

/// Persons of the roster, in order.
fn all_of(persons: &[PersonNumber]) -> Vec<Found> {
    let mut persons = persons.to_vec();
    persons.sort_unstable();
    persons.dedup();
    persons.into_iter().map(|person| Found { person, on_roster: true }).collect()
}

/// An ask that is made only if the page before it came.
fn following(follows: bool, mut event: Event) -> Event {
    if let EventKind::Ask(ask) = &mut event.kind {
        ask.follows = follows;
    }
    event
}
