//! What holds of the acceptance world.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::drill::traffic::{Ask, AskMethod, Found};

/// Monday, 2 February 2026.
const FIRST: u64 = 20_486;

/// The persons that an ask gives.
fn given(ask: &Ask) -> &[Found] {
    match &ask.method {
        AskMethod::Get(found) => std::slice::from_ref(found),
        AskMethod::Search { found, .. } => found.as_slice(),
        AskMethod::List { found, .. } | AskMethod::Export { found, .. } => found,
    }
}

/// The asks among events.
fn asks(events: &[Event]) -> impl Iterator<Item = (u64, &Ask)> {
    events.iter().filter_map(|event| match &event.kind {
        EventKind::Ask(ask) => Some((event.at, ask)),
        EventKind::Approve { .. } => None,
    })
}

/// Days of a provider.
fn days(seed: u64, number: u32, days: u64) -> Vec<Vec<Event>> {
    let mut provider = AcceptanceProvider::new(seed, number, FIRST);
    (FIRST..FIRST + days).map(|day| provider.day(day)).collect()
}

/// FNV-1a of 64 bits over numbers.
struct Digest(u64);

impl Digest {
    fn add(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn event(&mut self, event: &Event) {
        self.add(event.at);
        self.add(u64::from(event.provider));
        let ask = match &event.kind {
            EventKind::Approve { job, rows } => {
                self.add(0);
                self.add(u64::from(*job));
                return self.add(*rows);
            }
            EventKind::Ask(ask) => ask,
        };
        let (kind, first, second) = match &ask.method {
            AskMethod::Get(_) => (1, 0, 0),
            AskMethod::Search { sought, .. } => (2, *sought, 0),
            AskMethod::List { page, .. } => (3, *page, 0),
            AskMethod::Export { job, page, .. } => (4, u64::from(*job), *page),
        };
        let flags = [ask.reason, ask.full, ask.off_hours, ask.follows].map(u64::from);
        let numbers = [ask.agent, ask.case, ask.network].map(u64::from);
        let length = given(ask).len() as u64;
        for number in [kind, first, second, length].into_iter().chain(flags).chain(numbers) {
            self.add(number);
        }
        for found in given(ask) {
            self.add(u64::from(found.person) << 1 | u64::from(found.on_roster));
        }
    }
}

#[test]
fn nobody_changes_the_world_unseen() {
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    for number in 0..3 {
        days(1, number, 60).iter().flatten().for_each(|event| digest.event(event));
    }
    assert_eq!(digest.0, 508_463_398_780_454_347);
}

#[test]
fn calendar_knows_the_days() {
    assert_eq!(calendar::number(2026, 2, 2), FIRST);
    assert_eq!(calendar::date(FIRST), (2026, 2, 2));
    assert_eq!(calendar::weekday(FIRST), 0);
    let year = (FIRST..FIRST + 365).filter(|day| calendar::holiday(*day, false));
    let holidays: Vec<(u64, u64)> = year.map(calendar::date).map(|(_, m, d)| (m, d)).collect();
    let moved = [(4, 6), (5, 1), (5, 8), (5, 14), (5, 25), (7, 14), (8, 15), (11, 1), (11, 11)];
    assert_eq!(holidays, [&moved[..], &[(12, 25), (1, 1)]].concat());
    let offset = |month, day| {
        let day = calendar::number(2026, month, day);
        (day * 86_400_000 - midnight(day)) / MINUTE
    };
    assert_eq!([offset(3, 28), offset(3, 29), offset(10, 24), offset(10, 25)], [60, 120, 120, 60]);
}

#[test]
fn chance_is_by_seed_and_number() {
    assert_eq!(days(5, 4, 20), days(5, 4, 20));
    assert_ne!(days(5, 4, 20), days(6, 4, 20));
    let other: Vec<Event> = days(5, 3, 20).concat();
    let same: Vec<Event> = days(5, 4, 20).concat();
    assert_ne!(
        same.iter().map(|e| e.at).collect::<Vec<_>>(),
        other.iter().map(|e| e.at).collect::<Vec<_>>()
    );
}

/// Checks one ask against what its agent was given before and what the roster holds.
fn check(ask: &Ask, roster: &BTreeSet<PersonNumber>, handles: &BTreeSet<(u32, PersonNumber)>) {
    let found = given(ask);
    let distinct: BTreeSet<_> = found.iter().map(|one| one.person).collect();
    assert_eq!(distinct.len(), found.len(), "twice on a page");
    assert!(found.len() <= 500 && ask.network < 256);
    for one in found {
        assert!(one.person < 2_000_000);
        assert_eq!(one.on_roster, roster.contains(&one.person));
        assert!(one.on_roster || ask.reason, "a stranger without a reason");
    }
    match &ask.method {
        AskMethod::Get(one) => assert!(handles.contains(&(ask.agent, one.person))),
        AskMethod::Search { sought, found: Some(one) } => {
            assert_eq!(*sought, u64::from(one.person))
        }
        AskMethod::Search { sought, found: None } => match PersonNumber::try_from(*sought) {
            Ok(person) => assert!(!roster.contains(&person) && !ask.reason),
            Err(_) => assert!(*sought >= 1 << 41),
        },
        AskMethod::List { page, .. } | AskMethod::Export { page, .. } => {
            assert!(found.iter().all(|one| one.on_roster));
            assert!((1..=500).contains(page) && found.len() as u64 <= *page);
        }
    }
}

#[test]
fn every_ask_is_possible() {
    for number in 0..10 {
        let mut provider = AcceptanceProvider::new(2, number, FIRST);
        let mut handles = BTreeSet::new();
        let mut jobs: BTreeMap<u32, u64> = BTreeMap::new();
        for day in FIRST..FIRST + 360 {
            let events = provider.day(day);
            let roster: BTreeSet<_> = provider.roster().into_iter().collect();
            assert_eq!(roster.len(), provider.roster().len());
            assert!(events.is_sorted_by_key(|event| event.at));
            for event in &events {
                assert_eq!((event.provider, event.at / 86_400_000), (number, day));
                let ask = match &event.kind {
                    EventKind::Approve { job, rows } => {
                        assert_eq!(jobs.insert(*job, *rows), None);
                        continue;
                    }
                    EventKind::Ask(ask) => ask,
                };
                assert!((ask.agent as usize) < provider.staff.len());
                check(ask, &roster, &handles);
                let given = given(ask);
                if let AskMethod::Export { job, .. } = ask.method {
                    let left = jobs.get_mut(&job).expect("an approved job");
                    *left = left.checked_sub(given.len() as u64).expect("rows enough");
                } else {
                    handles.extend(given.iter().map(|one| (ask.agent, one.person)));
                }
            }
        }
    }
}

/// Distinct persons given in some events.
fn persons(events: &[Event]) -> u64 {
    let found = asks(events).flat_map(|(_, ask)| given(ask));
    found.map(|one| one.person).collect::<BTreeSet<_>>().len() as u64
}

/// What some traffic comes to.
#[derive(Default)]
struct Totals {
    opens: u64,
    strangers: u64,
    searches: u64,
    misses: u64,
    /// Distinct persons of each working day of a provider.
    sizes: Vec<u64>,
    /// Distinct files of each hour of an office agent with any, without scripts.
    hours: Vec<u64>,
    /// Busiest day over mean day in files of an office agent, in tenths, likewise.
    busiest: Vec<u64>,
}

impl Totals {
    /// Adds days of a provider.
    fn run(&mut self, seed: u64, number: u32, days: u64) {
        let mut provider = AcceptanceProvider::new(seed, number, FIRST);
        let mut of_agents: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for day in FIRST..FIRST + days {
            let events = provider.day(day);
            if provider.habits.works(day) {
                self.sizes.push(persons(&events));
            }
            let (mut by_hour, mut by_day) = (BTreeMap::new(), BTreeMap::new());
            for (at, ask) in asks(&events) {
                self.count(ask);
                let single = matches!(ask.method, AskMethod::Get(_) | AskMethod::Search { .. });
                let office = provider.staff[ask.agent as usize].office;
                for one in given(ask).iter().filter(|_| single && office && ask.case != 7) {
                    let hour = by_hour.entry((ask.agent, at / 3_600_000));
                    hour.or_insert_with(BTreeSet::new).insert(one.person);
                    by_day.entry(ask.agent).or_insert_with(BTreeSet::new).insert(one.person);
                }
            }
            self.hours.extend(by_hour.values().map(|files| files.len() as u64));
            for (agent, files) in by_day {
                of_agents.entry(agent).or_default().push(files.len() as u64);
            }
        }
        for files in of_agents.values().filter(|files| files.len() > 60) {
            let most = files.iter().max().copied().unwrap_or(0);
            self.busiest.push(most * 10 * files.len() as u64 / files.iter().sum::<u64>());
        }
    }

    fn count(&mut self, ask: &Ask) {
        match &ask.method {
            AskMethod::Get(found) => {
                self.opens += 1;
                self.strangers += u64::from(!found.on_roster);
            }
            AskMethod::Search { found, .. } => {
                self.searches += 1;
                self.misses += u64::from(found.is_none());
            }
            _ => {}
        }
    }

    /// Misses per search, strangers per opened file, searches per opened file, in thousandths.
    fn rates(&self) -> [u64; 3] {
        let opens = self.opens.max(1);
        [
            self.misses * 1_000 / self.searches.max(1),
            self.strangers * 1_000 / opens,
            self.searches * 1_000 / opens,
        ]
    }
}

/// The least, the median, the one of 99 in 100, and the greatest.
fn quantiles(numbers: &mut [u64]) -> [u64; 4] {
    numbers.sort_unstable();
    [0, 50, 99, 100].map(|percent| numbers[(numbers.len() - 1) * percent / 100])
}

#[test]
fn volume_is_plausible() {
    for seed in 1..4 {
        let mut totals = Totals::default();
        (0..110).for_each(|number| totals.run(seed, number, 5));
        let a_day = totals.sizes.iter().sum::<u64>() / 5;
        let [_, median, _, _] = quantiles(&mut totals.sizes);
        let [misses, strangers, searches] = totals.rates();
        assert!((15_000..32_000).contains(&a_day));
        assert!((85..150).contains(&median));
        assert!((50..150).contains(&misses));
        assert!((10..30).contains(&strangers));
        assert!((1_000..1_500).contains(&searches));
    }
}

#[test]
fn a_year_is_plausible() {
    let mut totals = Totals::default();
    (0..20).for_each(|number| totals.run(1, number, 360));
    let mean = |all: &[u64]| all.iter().sum::<u64>() * 10 / all.len() as u64;
    let hour = mean(&totals.hours);
    let (hours, busiest) = (quantiles(&mut totals.hours), quantiles(&mut totals.busiest));
    assert!((25..42).contains(&busiest[1]) && busiest[3] < 120);
    assert!((38..60).contains(&hour) && (15..30).contains(&hours[2]));
}

/// Marks of the features in a day's events.
fn features(events: &[Event], roster: &BTreeSet<PersonNumber>, seen: &mut BTreeMap<&str, u64>) {
    let mut mark = |what, yes: bool| *seen.entry(what).or_default() += u64::from(yes);
    let (mut vain, mut missed, mut strangers) = (0, BTreeSet::new(), BTreeMap::new());
    let mut jobs = BTreeSet::new();
    let (mut placed, mut listed, mut lines) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for (at, ask) in asks(events) {
        mark("off hours", ask.off_hours);
        mark("all fields", ask.full);
        mark("script", ask.case == 7);
        mark("network moved", ask.network == 1);
        mark("line failed", ask.network == 2);
        mark("at home", ask.network >= 8);
        lines.entry(ask.agent).or_insert_with(BTreeSet::new).insert(ask.network);
        mark("needless reason", ask.reason && given(ask).iter().all(|one| one.on_roster));
        match &ask.method {
            AskMethod::Search { sought, found: None } => {
                mark("misspelt", *sought >= 1 << 41);
                mark("sent again", *sought == vain);
                missed.insert(*sought);
                vain = *sought;
            }
            AskMethod::Search { sought, found: Some(one) } => {
                mark("reason after a miss", missed.contains(sought) && !one.on_roster);
                placed.extend(Some(one.person).filter(|_| ask.case == 6));
            }
            AskMethod::Get(one) if !one.on_roster => {
                let hour = (ask.agent, at / 3_600_000);
                strangers.entry(hour).or_insert_with(BTreeSet::new).insert(one.person);
            }
            AskMethod::Get(_) => {}
            AskMethod::List { found, .. } => {
                mark("group list", !ask.follows && (12..19).contains(&found.len()));
                listed.extend(found.iter().map(|one| one.person).filter(|_| ask.case == 4));
            }
            AskMethod::Export { job, .. } => {
                mark("export of several pages", ask.follows);
                jobs.insert(*job);
            }
        }
    }
    mark("one stranger", strangers.values().any(|persons| persons.len() == 1));
    mark("burst of strangers", strangers.values().any(|persons| persons.len() > 4));
    mark("placement morning", placed.len() > 25);
    mark("whole roster listed", listed.len() == roster.len());
    mark("one log-in from two networks", lines.values().any(|networks| networks.len() > 1));
    mark("double export", jobs.len() > 1);
}

#[test]
fn every_feature_occurs() {
    let mut seen = BTreeMap::new();
    for number in 0..16 {
        let mut provider = AcceptanceProvider::new(7, number, FIRST);
        let agents = provider.staff.iter().filter(|worker| worker.from == 0).count();
        *seen.entry("replaced").or_default() += u64::from(provider.staff.len() > agents);
        let shared = provider.staff.iter().any(|worker| !worker.borrows.is_empty());
        *seen.entry("shared log-in").or_default() += u64::from(shared);
        for level in [("lost contract", 200), ("won contract", 2_000)] {
            let has = provider.habits.shifts.iter().any(|(_, _, what)| *what == level.1);
            *seen.entry(level.0).or_default() += u64::from(has);
        }
        for day in FIRST..FIRST + 360 {
            let events = provider.day(day);
            let roster = provider.roster().into_iter().collect();
            features(&events, &roster, &mut seen);
            let some = u64::from(!events.is_empty());
            *seen.entry("shown late").or_default() += provider.people.unshown() as u64;
            match calendar::weekday(day) {
                5 => *seen.entry("Saturday").or_default() += some,
                6 => *seen.entry("Sunday").or_default() += some,
                _ => *seen.entry("day without work").or_default() += 1 - some,
            }
        }
    }
    assert!(seen.values().all(|times| *times > 0), "{seen:?}");
}

#[test]
fn announced_differs_by_late_enrolments_only() {
    let (mut late, mut known) = (0, 0);
    for number in 0..12 {
        let mut usual = AcceptanceProvider::new(4, number, FIRST);
        let mut announced = AcceptanceProvider::announced(4, number, FIRST);
        assert_eq!(
            (usual.roster(), usual.staff.len()),
            (announced.roster(), announced.staff.len())
        );
        for day in FIRST..FIRST + 90 {
            let (some, others) = (usual.day(day), announced.day(day));
            let vain = |events: &[Event]| {
                let in_vain = |ask: &Ask| {
                    let AskMethod::Search { sought, found: None } = ask.method else {
                        return false;
                    };
                    sought < 1 << 41
                };
                asks(events).filter(|(_, ask)| in_vain(ask)).count()
            };
            (late, known) = (late + vain(&some), known + vain(&others));
            assert_eq!(announced.people.unshown(), 0);
        }
        let (some, others) = (usual.people.enrolments(), announced.people.enrolments());
        let differ = some.symmetric_difference(&others).count();
        assert!(differ * 4 <= some.len(), "{differ} of {}", some.len());
    }
    assert!(late > known * 5 / 4);
}
