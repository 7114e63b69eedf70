//! Honest traffic: what the people of training providers do, day after day, with every feature of
//! their work that an alarm might mistake for a theft. It is drawn under a seed, with integers alone,
//! so the same seed is the same traffic on every machine; each provider has a stream of chance of its
//! own, so that others change nothing of it.

pub(crate) mod calendar;
mod course;
mod day;
mod office;

use std::collections::HashSet;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::traffic::{AtWork, Event, PersonNumber};

/// What the world is like. Shares are in thousandths.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Persons of the stock.
    pub(crate) persons: PersonNumber,
    /// Distinct files of an active hour of an office agent: a geometric number of this mean, in
    /// tenths (4.3 on real case work; its 99th percentile there is 19, here 22).
    pub(crate) files_tenths: u64,
    /// Searches for ten opened files.
    pub(crate) searches_of_ten: u64,
    /// Of searches, those that find nobody: between these, by provider.
    pub(crate) misses: (u64, u64),
    /// Of opened files, those off the roster: between these, by provider. A third of them come in
    /// mornings of 5 to 12.
    pub(crate) strangers: (u64, u64),
    /// Of enrolments, those that the roster shows only days after the first course day.
    pub(crate) late: u64,
    /// Of providers, those with a clerk's script; those whose work falls by 80 % or doubles for good;
    /// those that move to another network; and of agents, those whose log-in two persons share.
    pub(crate) odd: u64,
}

impl Default for World {
    fn default() -> World {
        World {
            persons: 2_000_000,
            files_tenths: 43,
            searches_of_ten: 13,
            misses: (50, 150),
            strangers: (10, 30),
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
/// How much more an agent does on its busiest days than on others, in tenths: quantiles of what real
/// case work has (median 3.2, most 7.5).
const PEAKS: [u64; 10] = [18, 22, 25, 28, 31, 33, 36, 41, 50, 75];

/// A person who works at a provider.
#[derive(Clone, Debug)]
struct Colleague {
    /// The number under which it calls; whoever replaces somebody has another.
    number: u32,
    /// Offices look up files; the others have courses.
    office: bool,
    /// Log-ins that are shared do the work of two.
    shared: bool,
    /// Whether it works from home on one day of five.
    home: bool,
    /// How much more it does on its busiest days, in tenths.
    peak: u64,
    /// Whom an office works on; the group of a course.
    persons: Vec<PersonNumber>,
    /// The weekday on which there is no course, from 0 for Monday; 5: none is free.
    free: u64,
    /// Whom it opened today.
    today: Vec<PersonNumber>,
    /// The network that it calls from today.
    network: u32,
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
    /// Who is on it, by length of stay.
    roster: Vec<PersonNumber>,
    on_roster: HashSet<PersonNumber>,
    agents: Vec<Colleague>,
    pending: Vec<Pending>,
    /// The next agent's number, and the next job's.
    next_agent: u32,
    next_job: u32,
    /// Of searches, and of opened files, in thousandths.
    misses: u64,
    strangers: u64,
    script: bool,
    /// From this day on, its work is so many thousandths of what it was.
    shift: Option<(u64, u64)>,
    /// From this day on, it calls from another network.
    moves: Option<u64>,
}

impl HonestProvider {
    /// A provider as it is on its first day; `number` chooses its chance, and its persons in the
    /// stock.
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
            let day = first + chance.random_range(20..340);
            (day, if chance.random_bool(0.5) { 200 } else { 2_000 })
        });
        let moves = odd(&mut chance).then(|| first + chance.random_range(20..340));
        let misses = chance.random_range(world.misses.0..=world.misses.1);
        let strangers = chance.random_range(world.strangers.0..=world.strangers.1);
        let mut provider = HonestProvider {
            world: world.clone(),
            number,
            chance,
            roster: Vec::new(),
            on_roster: HashSet::new(),
            agents: Vec::new(),
            pending: Vec::new(),
            next_agent: 0,
            next_job: 0,
            misses,
            strangers,
            script,
            shift,
            moves,
        };
        let first: Vec<_> = (0..size).map(|_| provider.somebody()).collect();
        provider.enrol(&first);
        let agents = 3 + size / 60;
        let offices = (agents * 3).div_ceil(10);
        for n in 0..agents {
            let persons = if n < offices {
                provider.roster.iter().skip(n as usize).step_by(offices as usize).copied().collect()
            } else {
                provider.group()
            };
            provider.hire(n < offices, persons);
        }
        provider
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

    /// Whichever of them.
    fn one_of(&mut self, persons: &[PersonNumber]) -> Option<PersonNumber> {
        persons.get(self.chance.random_range(0..persons.len().max(1))).copied()
    }

    /// The roster shows them from now on.
    fn enrol(&mut self, persons: &[PersonNumber]) {
        for person in persons {
            if self.on_roster.insert(*person) {
                self.roster.push(*person);
            }
        }
    }

    fn is_on_roster(&self, person: PersonNumber) -> bool {
        self.on_roster.contains(&person)
    }

    /// A course's group: neighbours on the roster, who came together.
    fn group(&mut self) -> Vec<PersonNumber> {
        let size = self.chance.random_range(12..=18).min(self.roster.len());
        let from = self.chance.random_range(0..=self.roster.len() - size);
        self.roster[from..from + size].to_vec()
    }

    fn hire(&mut self, office: bool, persons: Vec<PersonNumber>) {
        let free = self.chance.random_range(0..10).min(5);
        let shared = self.hits(self.world.odd);
        let home = self.hits(200);
        let peak = PEAKS[self.chance.random_range(0..PEAKS.len())];
        let number = self.next_agent;
        self.next_agent += 1;
        let today = Vec::new();
        let network = 0;
        self.agents.push(Colleague {
            number,
            office,
            shared,
            home,
            peak,
            persons,
            free,
            today,
            network,
        });
    }
}

impl AtWork for HonestProvider {
    fn day(&mut self, day: u64) -> Vec<Event> {
        self.work(day)
    }

    fn roster(&self) -> Vec<PersonNumber> {
        self.roster.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::drill::traffic::{Ask, AskMethod, Event, EventKind, Found};

    /// 2026-02-02, a Monday.
    const FIRST: u64 = 20_486;

    fn days(seed: u64, number: u32, days: u64) -> Vec<Event> {
        let mut provider = HonestProvider::new(&World::default(), seed, number, FIRST);
        (FIRST..FIRST + days).flat_map(|day| provider.day(day)).collect()
    }

    fn found(method: &AskMethod) -> Vec<Found> {
        match method {
            AskMethod::Get(found) => vec![*found],
            AskMethod::Search { found, .. } => found.iter().copied().collect(),
            AskMethod::List { found, .. } | AskMethod::Export { found, .. } => found.clone(),
        }
    }

    fn asks(events: &[Event]) -> impl Iterator<Item = (u64, &Ask)> {
        events.iter().filter_map(|event| match &event.kind {
            EventKind::Ask(ask) => Some((event.at, ask)),
            EventKind::Approve { .. } => None,
        })
    }

    #[test]
    fn the_same_seed_is_the_same_traffic_and_another_is_another() {
        assert_eq!(days(7, 3, 28), days(7, 3, 28));
        assert_ne!(days(7, 3, 28), days(8, 3, 28));
        assert_ne!(days(7, 3, 28), days(7, 4, 28));
    }

    #[test]
    fn nobody_is_found_off_the_roster_without_a_reason_and_nobody_twice_in_a_page() {
        let (mut reads, mut strangers) = (0, 0);
        for number in 0..8 {
            for (_, ask) in asks(&days(1, number, 28)) {
                let mut persons = found(&ask.method);
                reads += 1;
                strangers += persons.iter().filter(|found| !found.on_roster).count();
                assert!(ask.reason || persons.iter().all(|found| found.on_roster));
                let all = persons.len();
                persons.sort_unstable_by_key(|found| found.person);
                persons.dedup_by_key(|found| found.person);
                assert_eq!(persons.len(), all);
            }
        }
        assert!(reads > 5_000 && strangers > 20, "{reads} reads, {strangers} strangers");
    }

    #[test]
    fn time_goes_on_within_a_day_and_nobody_works_on_sundays() {
        let events = days(2, 0, 28);
        for day in events.chunk_by(|one, other| one.at / calendar::DAY == other.at / calendar::DAY)
        {
            assert!(day.is_sorted_by_key(|event| event.at));
            assert_ne!(calendar::weekday(day[0].at / calendar::DAY), 6);
        }
    }

    #[test]
    fn the_volume_is_that_of_a_hundred_and_ten_providers() {
        let mut all = 0;
        let mut of_day: Vec<usize> = Vec::new();
        let (mut searches, mut misses, mut opened, mut strange) = (0, 0, 0, 0);
        for number in 0..110 {
            let events = days(5, number, 5);
            let mut met: HashMap<u64, HashSet<u32>> = HashMap::new();
            for (at, ask) in asks(&events) {
                match &ask.method {
                    AskMethod::Export { .. } => continue,
                    AskMethod::Search { found, .. } => {
                        searches += 1;
                        misses += u64::from(found.is_none());
                    }
                    AskMethod::Get(found) => {
                        opened += 1;
                        strange += u64::from(!found.on_roster);
                    }
                    AskMethod::List { .. } => {}
                }
                let persons = found(&ask.method);
                met.entry(at / calendar::DAY)
                    .or_default()
                    .extend(persons.iter().map(|found| found.person));
            }
            of_day.extend(met.values().map(HashSet::len));
            all += met.values().map(HashSet::len).sum::<usize>();
        }
        of_day.sort_unstable();
        let (median, a_day) = (of_day[of_day.len() / 2], all / 5);
        assert!((100..160).contains(&median), "{median} persons of a median provider-day");
        assert!((16_000..24_000).contains(&a_day), "{a_day} persons a day");
        assert!((5..=15).contains(&(misses * 100 / searches)), "{misses} of {searches}");
        assert!((10..=40).contains(&(strange * 1_000 / opened)), "{strange} of {opened}");
    }

    #[test]
    fn every_feature_of_honest_work_occurs_in_a_year() {
        let world = World { odd: 1_000, late: 300, ..World::default() };
        let (mut listed, mut placed, mut burst, mut jobs, mut home) = (0, 0, 0, 0, 0);
        let (mut names, mut agents) = (0, 0);
        for number in 0..5 {
            let mut provider = HonestProvider::new(&world, 11, number, FIRST);
            let mut seen = HashSet::new();
            for day in FIRST..FIRST + 365 {
                let events = provider.day(day);
                let mut strangers: HashMap<u32, HashSet<u32>> = HashMap::new();
                let mut files: HashMap<u32, HashSet<u32>> = HashMap::new();
                for (_, ask) in asks(&events) {
                    seen.insert(ask.agent);
                    home += u64::from(ask.network > 9);
                    listed +=
                        u64::from(matches!(ask.method, AskMethod::List { .. }) && ask.follows);
                    if let AskMethod::Get(found) = ask.method {
                        files.entry(ask.agent).or_default().insert(found.person);
                        if !found.on_roster {
                            strangers.entry(ask.agent).or_default().insert(found.person);
                        }
                    }
                }
                placed += u64::from(files.values().any(|files| files.len() > 60));
                burst += u64::from(strangers.values().any(|persons| persons.len() >= 5));
                let approved = |event: &&Event| matches!(event.kind, EventKind::Approve { .. });
                jobs += events.iter().filter(approved).count();
            }
            names += seen.len();
            agents += provider.agents();
        }
        assert!(listed > 10 && placed > 5 && burst > 20, "{listed} {placed} {burst}");
        assert!(jobs > 100 && home > 100 && names > agents, "{jobs} {home} {names} {agents}");
    }
}
