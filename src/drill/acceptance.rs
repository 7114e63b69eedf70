//! The acceptance world: honest traffic of training providers, each with habits of its own.
//!
//! What it comes to for 110 providers from Monday, 2 February 2026 (the tests hold the bounds):
//!
//! - The first five days, seeds 1 to 3: 110 to 115 distinct persons on the median provider-day, 21,000 to
//!   26,000 a day in all; 99 to 109 of 1,000 searches miss; 15 to 20 of 1,000 opened files are off the
//!   roster; 1.2 to 1.3 searches for an opened file.
//! - A year of 360 days, seed 1: 95 distinct persons on the median working day of a provider, 146 on the
//!   mean one, 5,088 on the greatest (an export); an office agent's busiest day is 3.2 times its mean day in
//!   the median and 6.7 times at worst; it handles 5.0 distinct files in an hour with any, 25 in one of a
//!   hundred, batches and placement mornings included.

mod calendar;
mod chance;
mod habits;
mod people;
mod work;

#[cfg(test)]
mod tests;

use self::calendar::{MINUTE, midnight};
use self::chance::Chance;
use self::habits::Habits;
use self::people::People;
use self::work::{Sitting, Today, Worker};
use super::traffic::{AtWork, Event, EventKind, PersonNumber};

/// Purposes of streams of chance; each worker has two more of its own behind these.
const HABITS: u64 = 0;
const NIGHT: u64 = 1;
const DAY: u64 = 2;
const EXPORTS: u64 = 3;
const CLERKS: u64 = 4;
const PLACEMENT: u64 = 10;
const LISTING: u64 = 20;
const SCRIPT: u64 = 30;
const UPLOADS: u64 = 40;
const CORRECTION: u64 = 60;
const MONTH: u64 = 70;
const WORKERS: u64 = 100;

/// A provider with its roster and its agents.
pub(crate) struct AcceptanceProvider {
    seed: u64,
    number: u32,
    habits: Habits,
    people: People,
    staff: Vec<Worker>,
    /// Export jobs so far, and one approved for the next working day with its rows.
    jobs: u32,
    approved: Option<(u32, u64)>,
}

impl AtWork for AcceptanceProvider {
    /// What its agents do on a day: called once for each day, in order. Sorted by time; the roster is
    /// the same for the whole day.
    fn day(&mut self, day: u64) -> Vec<Event> {
        let mut night = self.chance(day, NIGHT);
        self.people.night(&self.habits, day, &mut night);
        let works = self.habits.works(day);
        let today = Today { provider: self.number, day, midnight: midnight(day), works };
        let mut events = Vec::new();
        let (office, course) = self.levels(day);
        for at in 0..self.staff.len() {
            if self.present(at, day) {
                events.extend(self.work(at, today, office, course));
            }
        }
        if works {
            self.clerks(today, &mut events);
            self.exports(today, &mut events);
        }
        events.sort_by_key(|event| event.at);
        events
    }

    /// Persons on the roster as the agency's table shows them on the day that was made last.
    fn roster(&self) -> Vec<PersonNumber> {
        self.people.roster()
    }
}

impl AcceptanceProvider {
    /// `seed` and `number` choose its chance; `first_day` is in days since 1970-01-01.
    pub(crate) fn new(seed: u64, number: u32, first_day: u64) -> AcceptanceProvider {
        AcceptanceProvider::build(seed, number, first_day, false)
    }

    /// The same with every enrolment shown by the roster on time.
    pub(crate) fn announced(seed: u64, number: u32, first_day: u64) -> AcceptanceProvider {
        AcceptanceProvider::build(seed, number, first_day, true)
    }

    /// Draws the provider.
    fn build(seed: u64, number: u32, first_day: u64, on_time: bool) -> AcceptanceProvider {
        let mut chance = Chance::new(seed, number, first_day, HABITS);
        let habits = Habits::draw(&mut chance, first_day);
        let agents = 3 + habits.size / 60;
        let office = ((agents * habits.office + 500) / 1_000).max(1);
        let per_trainer = chance.within(1_000, 1_900);
        let groups = ((agents - office) * per_trainer / 1_000).clamp(1, 1 + habits.size / 15);
        let people = People::new(&habits, groups, first_day, on_time, &mut chance);
        let mut staff = hire(&habits, agents, office, groups, &mut chance);
        share(&mut staff, first_day, &mut chance);
        replace(&mut staff, first_day, &mut chance);
        AcceptanceProvider { seed, number, habits, people, staff, jobs: 0, approved: None }
    }

    /// Its stream of chance for a purpose on a day.
    fn chance(&self, day: u64, purpose: u64) -> Chance {
        Chance::new(self.seed, self.number, day, purpose)
    }

    /// The levels of the office and of the courses on a day, in thousandths.
    fn levels(&self, day: u64) -> (u64, u64) {
        let mut chance = self.chance(day, DAY);
        let of_week = self.habits.week.get(calendar::weekday(day) as usize).copied().unwrap_or(0);
        let course = self.habits.level(day) * (1_000 + of_week).min(2_000) / 2_000;
        let rush = if chance.happens(15) { chance.within(1_400, 2_600) } else { 1_000 };
        let end = self.habits.place_in_month(day).1 < 3;
        let month = if end { self.habits.month_end } else { 1_000 };
        let noise = chance.within(800, 1_200);
        let office = self.habits.level(day) * of_week / 1_000 * rush / 1_000 * month / 1_000;
        (office * noise / 1_000, course)
    }

    /// Whether a worker is there on a day.
    fn present(&self, at: usize, day: u64) -> bool {
        let worker = &self.staff[at];
        let purpose = WORKERS + 2 * at as u64;
        let away = self.chance((day + 3) / 7, purpose).happens(75);
        let ill = self.chance(day, purpose).happens(30);
        (worker.from..worker.until).contains(&day) && !away && !ill
    }

    /// What one worker does of its usual work.
    fn work(&mut self, at: usize, today: Today, office: u64, course: u64) -> Vec<Event> {
        let mut chance = self.chance(today.day, WORKERS + 2 * at as u64 + 1);
        let worker = &mut self.staff[at];
        let weekday = calendar::weekday(today.day) as usize;
        let due = today.works && worker.week.get(weekday).copied().unwrap_or(false);
        let own = chance.within(550, 1_350);
        let teaches = chance.happens(course);
        let homework = chance.happens(self.habits.homework / 5);
        let is_office = worker.office;
        let mut sitting = Sitting::new(&self.habits, &mut self.people, worker, today, chance);
        match (due, is_office) {
            (true, true) => sitting.office(office * own / 1_000),
            (true, false) if teaches => sitting.course(course),
            (false, false) if homework => sitting.at_home(),
            _ => {}
        }
        sitting.end()
    }

    /// Office workers employed on a day.
    fn employed(&self, day: u64) -> Vec<usize> {
        let office = (0..self.staff.len()).filter(|at| self.staff[*at].office);
        office.filter(|at| (self.staff[*at].from..self.staff[*at].until).contains(&day)).collect()
    }

    /// One of them who is there, by chance; somebody comes in where nobody is.
    fn clerk(&self, day: u64, chance: &mut Chance) -> usize {
        let employed = self.employed(day);
        let there = employed.iter().copied().filter(|at| self.present(*at, day));
        let there: Vec<usize> = there.collect();
        chance.one(if there.is_empty() { &employed } else { &there }).unwrap_or(0)
    }

    /// Placement mornings, whole-roster listings and scripts.
    fn clerks(&mut self, today: Today, events: &mut Vec<Event>) {
        let mut chance = self.chance(today.day, CLERKS);
        let level = self.habits.level(today.day).min(1_000);
        let placement = std::mem::take(&mut self.people.placement);
        let helpers = chance.within(1, 2) as usize;
        let share = placement.len().div_ceil(helpers).max(1);
        for (turn, persons) in placement.chunks(share).enumerate() {
            let at = self.clerk(today.day, &mut chance);
            let own = self.chance(today.day, PLACEMENT + turn as u64);
            events.extend(self.sit(at, today, own, |sitting| sitting.placement(persons)));
        }
        if chance.happens(self.habits.lists_roster * level / 1_000) {
            let (at, own) = (self.clerk(today.day, &mut chance), self.chance(today.day, LISTING));
            let minute = chance.within(self.habits.opens, self.habits.closes - 30);
            events.extend(self.sit(at, today, own, |sitting| {
                sitting.until(minute);
                sitting.list_roster();
            }));
        }
        let runs = self.habits.script.as_ref().map_or(0, |script| script.runs);
        if chance.happens(runs * level / 1_000) {
            let own = self.chance(today.day, SCRIPT);
            let at = self.employed(today.day).first().copied().unwrap_or(0);
            events.extend(self.sit(at, today, own, |sitting| sitting.run_script()));
        }
    }

    /// Exports of attendance that are due, with their approval, and the approval for tomorrow's.
    fn exports(&mut self, today: Today, events: &mut Vec<Event>) {
        let mut chance = self.chance(today.day, EXPORTS);
        let late = self.habits.closes - 90;
        if self.due(today.day) {
            let mut minute = chance.within(self.habits.opens + 20, late);
            let at = self.clerk(today.day, &mut chance);
            let attempts = 1 + u64::from(chance.happens(self.habits.uploads_fail));
            for attempt in 1..=attempts {
                let before = if attempt == 1 { chance.within(2, 15) } else { 1 };
                let (job, rows) = match self.approved.take() {
                    Some(approved) => approved,
                    None => self.approve(today, minute - before, &mut chance, events),
                };
                let breaks = attempt < attempts && chance.happens(500);
                let own = self.chance(today.day, UPLOADS + attempt);
                events.extend(self.sit(at, today, own, |sitting| {
                    sitting.until(minute);
                    sitting.export(job, rows, breaks);
                }));
                minute += chance.within(15, 60);
            }
        }
        let next = self.habits.next(today.day);
        let ahead = self.due(next) && chance.happens(self.habits.approved_ahead);
        if ahead && self.approved.is_none() {
            let minute = chance.within(840, 1_020);
            self.approved = Some(self.approve(today, minute, &mut chance, events));
        }
    }

    /// The agency approves a job for the roster, mostly with some rows to spare.
    fn approve(
        &mut self,
        today: Today,
        minute: u64,
        chance: &mut Chance,
        events: &mut Vec<Event>,
    ) -> (u32, u64) {
        let (size, job) = (self.people.roster().len() as u64, self.jobs);
        let rows = if chance.happens(300) { size } else { size + size / 10 + 20 };
        self.jobs += 1;
        let at = today.midnight + minute * MINUTE;
        events.push(Event { at, provider: self.number, kind: EventKind::Approve { job, rows } });
        (job, rows)
    }

    /// Whether an export is due on a working day: on one of the first or last three of its month.
    fn due(&self, day: u64) -> bool {
        let first = day + 1 - calendar::date(day).2;
        let mut chance = self.chance(first, MONTH);
        let (before, behind) = self.habits.place_in_month(day);
        let (start, end) = (chance.below(3), chance.below(3));
        let corrected = self.chance(day, CORRECTION).happens(self.habits.corrects);
        let hit = |place: u64, usual| place == usual || place < 3 && corrected;
        let [starts, ends] = self.habits.exports;
        calendar::weekday(day) < 5 && (starts && hit(before, start) || ends && hit(behind, end))
    }

    /// One sitting of a worker beside its usual work.
    fn sit(
        &mut self,
        at: usize,
        today: Today,
        chance: Chance,
        work: impl FnOnce(&mut Sitting<'_>),
    ) -> Vec<Event> {
        let worker = &mut self.staff[at];
        let mut sitting = Sitting::new(&self.habits, &mut self.people, worker, today, chance);
        work(&mut sitting);
        sitting.end()
    }
}

/// The staff at the start: office agents first, then trainers with their groups.
fn hire(
    habits: &Habits,
    agents: u64,
    office: u64,
    groups: u64,
    chance: &mut Chance,
) -> Vec<Worker> {
    let trainers = (agents - office).max(1);
    let one = |login: u64| {
        let is_office = login < office;
        let turn = login.saturating_sub(office);
        let own = (0..groups).filter(|group| group % trainers == turn % trainers);
        let mut own: Vec<usize> = own.map(|group| group as usize).collect();
        if own.is_empty() {
            own.push((turn % groups) as usize);
        }
        let mut week = [true; 6];
        let part_time = chance.happens(if is_office { 200 } else { 350 });
        for _ in 0..if part_time { chance.within(1, 3) } else { 0 } {
            week[chance.below(5) as usize] = false;
        }
        week[5] = chance.happens(450);
        Worker {
            login: login as u32,
            borrows: Vec::new(),
            office: is_office,
            week,
            from: 0,
            until: u64::MAX,
            begins: chance.within(0, 4) * 15,
            evening: !is_office && chance.happens(habits.evenings),
            groups: own,
            handles: Vec::new(),
        }
    };
    (0..agents).map(one).collect()
}

/// Some share a log-in, for good or for some days.
fn share(staff: &mut [Worker], first_day: u64, chance: &mut Chance) {
    let pairs = if chance.happens(250) { chance.within(1, 3) } else { 0 };
    for _ in 0..pairs {
        let borrower = chance.below(staff.len() as u64) as usize;
        let own = &staff[borrower];
        let alike = staff.iter().filter(|it| it.office == own.office && it.login != own.login);
        let logins: Vec<u32> = alike.map(|other| other.login).collect();
        let Some(login) = chance.one(&logins) else { continue };
        let spell = if chance.happens(400) {
            (0, u64::MAX, u64::from(login))
        } else {
            let from = first_day + chance.below(350);
            (from, from + chance.within(1, 20), u64::from(login))
        };
        staff[borrower].borrows.push(spell);
    }
}

/// Some are replaced during the year by somebody with a new agent number; how many.
fn replace(staff: &mut Vec<Worker>, first_day: u64, chance: &mut Chance) {
    for at in 0..staff.len() {
        if chance.happens(180) {
            let from = first_day + chance.within(10, 350);
            let login = staff.len() as u32;
            let old = &mut staff[at];
            old.until = from;
            let new = Worker {
                login,
                borrows: Vec::new(),
                from,
                until: u64::MAX,
                groups: old.groups.clone(),
                handles: Vec::new(),
                ..*old
            };
            staff.push(new);
        }
    }
}
