//! Honest traffic: what the people of training providers do, day after day, with every feature of their
//! work that an alarm might mistake for a theft. It is drawn under a seed, with integers alone, so the same
//! seed is the same traffic on every machine; each provider has a stream of chance of its own, so that
//! others change nothing of it.

pub(crate) mod calendar;
mod day;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::traffic::PersonNumber;

/// What the world is like. Shares are in thousandths.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Persons of the stock.
    pub(crate) persons: PersonNumber,
    /// Distinct files of an active hour of an office agent: a geometric number of this mean, in tenths
    /// (4.3 on real case work; its 99th percentile there is 19, here 22).
    pub(crate) files_tenths: u64,
    /// Searches for ten opened files.
    pub(crate) searches_of_ten: u64,
    /// Of searches, those that find nobody, besides those that late lists bring about.
    pub(crate) misses: u64,
    /// Of opened files, those off the roster, one by one; half as many again come in bursts of 5 to 12.
    pub(crate) strangers: u64,
    /// Of enrolments, those that the roster shows only days after the first course day.
    pub(crate) late: u64,
    /// Of providers, those where two persons share a log-in; those with a clerk's script; and those whose
    /// work falls by 80 % or doubles for good in the middle of it all.
    pub(crate) odd: u64,
}

impl Default for World {
    fn default() -> World {
        World {
            persons: 2_000_000,
            files_tenths: 43,
            searches_of_ten: 13,
            misses: 80,
            strangers: 13,
            late: 60,
            odd: 40,
        }
    }
}

/// Quantiles of a lognormal of median 250 and sigma 1, at the middle of each twentieth.
const ROSTERS: [u64; 20] = [
    35, 59, 79, 98, 117, 138, 159, 182, 207, 235, 266, 302, 344, 394, 455, 532, 637, 790, 1_055,
    1_775,
];

/// A person at a provider.
#[derive(Clone, Debug)]
struct Colleague {
    /// The number under which it calls; whoever replaces somebody has another.
    number: u32,
    /// Offices look up files; the others have courses.
    office: bool,
    /// Log-ins that are shared do the work of two.
    shared: bool,
    /// Whom an office works on; the group of a course.
    persons: Vec<PersonNumber>,
    /// The weekday on which there is no course, from 0 for Monday.
    free: u64,
    /// Whom it opened today.
    today: Vec<PersonNumber>,
}

/// Persons who have begun a course, and of whom the roster does not know yet.
#[derive(Clone, Debug)]
struct Pending {
    /// The day on which the roster shows them.
    day: u64,
    persons: Vec<PersonNumber>,
}

/// One provider, as it is on a day.
#[derive(Clone, Debug)]
pub(crate) struct HonestProvider {
    world: World,
    number: u32,
    chance: ChaCha8Rng,
    roster: Vec<PersonNumber>,
    agents: Vec<Colleague>,
    pending: Vec<Pending>,
    /// The next agent's number, and the next job's.
    next_agent: u32,
    next_job: u32,
    script: bool,
    /// From this day on, its work is so many thousandths of what it was.
    shift: Option<(u64, u64)>,
}

impl HonestProvider {
    /// A provider as it is on its first day; `number` chooses its chance, and its persons in the stock.
    pub(crate) fn new(world: &World, seed: u64, number: u32, first: u64) -> HonestProvider {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(u64::from(number) + 1);
        let place = chance.random_range(0..ROSTERS.len());
        let size = match chance.random_range(0..1_000) {
            0..3 => chance.random_range(3_500..=6_000),
            _ => {
                let near = ROSTERS[place];
                chance.random_range(near * 85 / 100..=near * 115 / 100)
            }
        };
        let odd = |chance: &mut ChaCha8Rng| chance.random_range(0..1_000) < world.odd;
        let script = odd(&mut chance);
        let shift = odd(&mut chance).then(|| {
            let day = first + chance.random_range(20..80);
            (day, if chance.random_bool(0.5) { 200 } else { 2_000 })
        });
        let mut provider = HonestProvider {
            world: world.clone(),
            number,
            chance,
            roster: Vec::new(),
            agents: Vec::new(),
            pending: Vec::new(),
            next_agent: 0,
            next_job: 0,
            script,
            shift,
        };
        provider.roster = (0..size).map(|_| provider.somebody()).collect();
        provider.roster.sort_unstable();
        provider.roster.dedup();
        let agents = 3 + size / 60;
        for n in 0..agents {
            provider.hire(n * 10 < agents * 3);
        }
        provider
    }

    /// Who is on the roster.
    pub(crate) fn roster(&self) -> &[PersonNumber] {
        &self.roster
    }

    /// How many agents it has.
    pub(crate) fn agents(&self) -> usize {
        self.agents.len()
    }

    fn somebody(&mut self) -> PersonNumber {
        self.chance.random_range(0..self.world.persons)
    }

    fn hits(&mut self, thousandths: u64) -> bool {
        self.chance.random_range(0..1_000) < thousandths
    }

    /// Somebody of the roster.
    fn on_roster(&mut self) -> Option<PersonNumber> {
        if self.roster.is_empty() {
            return None;
        }
        let at = self.chance.random_range(0..self.roster.len());
        Some(self.roster[at])
    }

    fn hire(&mut self, office: bool) {
        let of = if office { 60 } else { self.chance.random_range(12..=18) };
        let mut persons: Vec<_> = (0..of).filter_map(|_| self.on_roster()).collect();
        persons.sort_unstable();
        persons.dedup();
        let free = self.chance.random_range(0..5);
        let shared = self.hits(self.world.odd);
        let number = self.next_agent;
        self.next_agent += 1;
        self.agents.push(Colleague { number, office, shared, persons, free, today: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::traffic::{AskMethod, Event, EventKind, Found};

    /// 2026-02-02, a Monday.
    const FIRST: u64 = 20_486;

    fn month(seed: u64, number: u32) -> Vec<Event> {
        let mut provider = HonestProvider::new(&World::default(), seed, number, FIRST);
        (FIRST..FIRST + 28).flat_map(|day| provider.day(day)).collect()
    }

    fn found(method: &AskMethod) -> Vec<Found> {
        match method {
            AskMethod::Get(found) => vec![*found],
            AskMethod::Search { found, .. } => found.iter().copied().collect(),
            AskMethod::List { found, .. } | AskMethod::Export { found, .. } => found.clone(),
        }
    }

    #[test]
    fn the_same_seed_is_the_same_traffic_and_another_is_another() {
        assert_eq!(month(7, 3), month(7, 3));
        assert_ne!(month(7, 3), month(8, 3));
        assert_ne!(month(7, 3), month(7, 4));
    }

    #[test]
    fn nobody_is_found_off_the_roster_without_a_reason_and_nobody_twice_in_a_page() {
        let (mut reads, mut strangers) = (0, 0);
        for event in (0..8).flat_map(|number| month(1, number)) {
            let EventKind::Ask(ask) = event.kind else { continue };
            let mut persons = found(&ask.method);
            reads += 1;
            strangers += persons.iter().filter(|found| !found.on_roster).count();
            assert!(ask.reason || persons.iter().all(|found| found.on_roster));
            let all = persons.len();
            persons.sort_unstable_by_key(|found| found.person);
            persons.dedup_by_key(|found| found.person);
            assert_eq!(persons.len(), all);
        }
        assert!(reads > 5_000 && strangers > 20, "{reads} reads, {strangers} strangers");
    }

    #[test]
    fn time_goes_on_within_a_day_and_nobody_works_on_sundays() {
        let events = month(2, 0);
        for day in events.chunk_by(|one, other| one.at / calendar::DAY == other.at / calendar::DAY)
        {
            assert!(day.is_sorted_by_key(|event| event.at));
            assert_ne!(calendar::weekday(day[0].at / calendar::DAY), 6);
        }
    }
}
