//! What an incident comes to beside honest work, and what honest work alone comes to.

use std::collections::{BTreeMap, HashSet};

use super::DrillError;
use super::acceptance::AcceptanceProvider;
use super::floor::floor;
use super::honest::calendar::{Date, HOUR, number};
use super::honest::{HonestProvider, World};
use super::incident::{Attacker, Incident, Leak, Loot};
use super::offline::{Answer, Offline, provider_id};
use super::rates::Own;
use super::traffic::{AskMethod, AtWork, Event, EventKind, PersonNumber};
use crate::format::entry::{Alert, Budgets, Detectors, Level, Millis, Rule, Severity, Tag};
use crate::instance::budgets_of_roster;

/// How long what happens is one moment to the registrar.
const MOMENT: Millis = 10_000;
/// How long the security team takes to give back what was taken for nothing.
const LIFTED_AFTER: Millis = 2 * HOUR;

/// What one run of an incident came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// All of it.
    pub(crate) whole: Leak,
    /// Up to 1, 7, 30 days after it began.
    pub(crate) within: [Leak; 3],
    /// Before the first high or critical alert about an agent of it, or about its provider as a whole, if there
    /// was one.
    pub(crate) before_high: Option<Leak>,
    /// How long that took, in milliseconds.
    pub(crate) took: Option<Millis>,
    /// How many the budgets alone would have let go; none where no budget is charged.
    pub(crate) floor: Option<Leak>,
    /// Attempts that make up a day, where they follow from what the agents do themselves.
    pub(crate) a_day: u64,
    /// The rule of that alert.
    pub(crate) rule: Option<String>,
    /// Attempts, and those that found nobody and were answered.
    pub(crate) attempts: u64,
    pub(crate) misses: u64,
}

/// What honest work came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control {
    /// Days of providers.
    pub(crate) provider_days: u64,
    /// Reads, and those that were withheld; of these, within what a false alert had taken away.
    pub(crate) reads: u64,
    pub(crate) withheld: u64,
    pub(crate) contained: u64,
    /// Persons disclosed, reads that found nobody, persons off the roster.
    pub(crate) persons: u64,
    pub(crate) misses: u64,
    pub(crate) strangers: u64,
    /// False alerts, by rule and severity.
    pub(crate) alerts: BTreeMap<(String, Severity), u64>,
    /// Of the provider with the most, those that were high or critical.
    pub(crate) worst: u64,
}

impl Control {
    /// False alerts that were high or critical.
    pub(crate) fn grave(&self) -> u64 {
        let grave = self.alerts.iter().filter(|((_, severity), _)| *severity >= Severity::High);
        grave.map(|(_, count)| count).sum()
    }
}

/// Whose honest work it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// That of the drill, on which detectors were set.
    Drill(&'a World),
    /// That of another hand; whether all enrolments are announced there.
    Acceptance(bool),
}

impl Whose<'_> {
    /// One provider, as it is on the first day of all drills.
    fn provider(self, seed: u64, number: u32) -> Box<dyn AtWork> {
        let first = first_day();
        match self {
            Whose::Drill(world) => Box::new(HonestProvider::new(world, seed, number, first)),
            Whose::Acceptance(false) => Box::new(AcceptanceProvider::new(seed, number, first)),
            Whose::Acceptance(true) => Box::new(AcceptanceProvider::announced(seed, number, first)),
        }
    }
}

/// A gateway, and honest providers at work.
struct Bench {
    offline: Offline,
    budgets: Vec<Budgets>,
    providers: Vec<Box<dyn AtWork>>,
    /// Agents of providers who were refused a page, and do not ask for those behind it.
    refused: HashSet<(u32, u32)>,
}

/// The first day of all drills: a Monday.
fn first_day() -> u64 {
    number(Date { year: 2026, month: 2, day: 2 })
}

fn begin() -> Millis {
    first_day() * 24 * HOUR
}

impl Bench {
    fn new(providers: Vec<Box<dyn AtWork>>) -> Result<Bench, DrillError> {
        let budgets: Vec<Budgets> =
            providers.iter().map(|one| budgets_of_roster(one.roster().len() as u64)).collect();
        let offline = Offline::open(&budgets, Detectors::default(), begin())?;
        Ok(Bench { offline, budgets, providers, refused: HashSet::new() })
    }

    /// The gateway's answers; none to what is no ask, or is not asked any more.
    fn ask(&mut self, events: &[Event]) -> Result<Vec<Option<Answer>>, DrillError> {
        let mut asked = Vec::with_capacity(events.len());
        for event in events {
            let EventKind::Ask(ask) = &event.kind else {
                asked.push(true);
                continue;
            };
            let agent = (event.provider, ask.agent);
            let paged = matches!(ask.method, AskMethod::List { .. } | AskMethod::Export { .. });
            if paged && !ask.follows {
                self.refused.remove(&agent);
            }
            asked.push(!(ask.follows && self.refused.contains(&agent)));
        }
        let mut still = asked.iter();
        let kept: Vec<Event> =
            events.iter().filter(|_| *still.next().expect("one each")).cloned().collect();
        let mut answers = self.offline.ask(&kept)?.into_iter();
        let of = |asked: bool| if asked { answers.next().expect("one each") } else { None };
        let answers: Vec<Option<Answer>> = asked.into_iter().map(of).collect();
        for (event, answer) in events.iter().zip(&answers) {
            let EventKind::Ask(ask) = &event.kind else { continue };
            let paged = matches!(ask.method, AskMethod::List { .. } | AskMethod::Export { .. });
            if paged && *answer == Some(Answer::Withheld) {
                self.refused.insert((event.provider, ask.agent));
            }
        }
        Ok(answers)
    }

    /// What honest providers do on a day, in order of time.
    fn day(&mut self, day: u64) -> Vec<Event> {
        let mut events: Vec<Event> =
            self.providers.iter_mut().flat_map(|provider| provider.day(day)).collect();
        events.sort_by_key(|event| (event.at, event.provider));
        events
    }
}

/// Events that are asked together: of one moment, and none of an attacker's.
fn moments(events: &[Event]) -> impl Iterator<Item = &[Event]> {
    events.chunk_by({
        let mut began = 0;
        move |one, other| {
            began = if one.at >= began + MOMENT || began == 0 { one.at } else { began };
            other.at < began + MOMENT
        }
    })
}

fn is_grave(alert: &Alert) -> bool {
    alert.severity >= Severity::High
}

/// Honest work of so many providers for so many days, whatever is taken for nothing given back.
pub(crate) fn control(
    whose: Whose<'_>,
    seed: u64,
    providers: u32,
    days: u64,
) -> Result<Control, DrillError> {
    let mut bench = Bench::new((0..providers).map(|n| whose.provider(seed, n)).collect())?;
    let mut control = Control::default();
    let mut worst = vec![0_u64; providers as usize];
    let mut lifts: Vec<(Millis, Alert)> = Vec::new();
    let mut met: HashSet<(u32, PersonNumber)> = HashSet::new();
    for day in first_day()..first_day() + days {
        control.provider_days += u64::from(providers);
        met.clear();
        for events in moments(&bench.day(day)) {
            let at = events[0].at;
            for (due, alert) in lifts.extract_if(.., |(due, _)| *due <= at) {
                bench.offline.lift(&alert, due)?;
            }
            let answers = bench.ask(events)?;
            for (event, answer) in events.iter().zip(answers) {
                let (EventKind::Ask(ask), Some(answer)) = (&event.kind, answer) else { continue };
                control.reads += 1;
                match answer {
                    Answer::Released(found) => {
                        control.misses += u64::from(found.is_empty());
                        let export = matches!(ask.method, AskMethod::Export { .. });
                        for one in found.iter().filter(|_| !export) {
                            let new = met.insert((event.provider, one.person));
                            control.persons += u64::from(new);
                            control.strangers += u64::from(new && !one.on_roster);
                        }
                    }
                    Answer::Withheld => {
                        control.withheld += 1;
                        let id = provider_id(event.provider);
                        let held = lifts.iter().any(|(_, alert)| alert.provider == id);
                        control.contained += u64::from(held);
                    }
                }
            }
            for (at, alert) in bench.offline.alerts() {
                let rule = word(alert.rule);
                *control.alerts.entry((rule, alert.severity)).or_default() += 1;
                if is_grave(&alert) {
                    let number = (0..providers).find(|n| provider_id(*n) == alert.provider);
                    worst[number.unwrap_or_default() as usize] += 1;
                    lifts.push((at + LIFTED_AFTER, alert));
                }
            }
        }
    }
    control.worst = worst.into_iter().max().unwrap_or_default();
    Ok(control)
}

/// The word of a rule in the ledger.
fn word(rule: Rule) -> String {
    let word = serde_json::to_value(rule).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One run of an incident.
pub(crate) fn run(world: &World, incident: Incident, seed: u64) -> Result<Run, DrillError> {
    // A theft over many agents is one at a provider that has as many.
    let agents = |seed| HonestProvider::new(world, seed, 0, first_day()).agents() as u32;
    let seeds = (0..).map(|n| seed + 1_000 * n).map(|seed| (seed, agents(seed)));
    let mut enough = seeds.filter(|(_, agents)| *agents >= incident.hands.needs());
    let (of_provider, agents) = enough.next().expect("some provider is as large");
    let mut attacker = Attacker::new(incident, seed, world.persons, agents);
    let honest = Whose::Drill(world);
    let providers = 0..incident.hands.providers();
    let mut bench = Bench::new(providers.map(|n| honest.provider(of_provider, n)).collect())?;
    let numbers = attacker.hands();
    let hands: Vec<Tag> = numbers.iter().map(|(p, a)| bench.offline.agent(*p, *a)).collect();
    let (mut own, mut by_hand) = (vec![Own::default(); hands.len()], Vec::new());
    // Whoever is on a roster on any day of it.
    let mut known = vec![HashSet::<PersonNumber>::new(); bench.providers.len()];
    // What is found of an honest agent meanwhile is a false alert, and catches nobody.
    let theirs = |alert: &Alert| alert.level == Level::Provider || hands.contains(&alert.agent);
    let mut run = Run::default();
    let mut got: HashSet<(u32, PersonNumber)> = HashSet::new();
    let mut lifts: Vec<(Millis, Alert)> = Vec::new();
    let start = first_day() + incident.warm_up;
    let mut leak = Leak::default();
    let mut began = None;
    for day in first_day()..start + incident.days {
        let mut events: Vec<(bool, Event)> =
            bench.day(day).into_iter().map(|event| (false, event)).collect();
        if day == start
            && let Some(times) = incident.times
        {
            by_hand = own.iter().map(|own| own.times(times)).collect();
            run.a_day = by_hand.iter().sum();
            attacker.at_pace(by_hand.clone());
        }
        if day >= start {
            let rosters: Vec<_> =
                bench.providers.iter().map(|provider| provider.roster()).collect();
            for (known, roster) in known.iter_mut().zip(&rosters) {
                known.extend(roster);
            }
            events.extend(
                attacker.day(day, day - start, &rosters).into_iter().map(|event| (true, event)),
            );
            events.sort_by_key(|(theirs, event)| (event.at, *theirs));
            began = began.or_else(|| events.iter().find(|(theirs, _)| *theirs).map(|e| e.1.at));
        }
        let mut refused = 0;
        for moment in events
            .chunk_by(|one, other| !one.0 && !other.0 && one.1.at / MOMENT == other.1.at / MOMENT)
        {
            let (attack, at) = (moment[0].0, moment[0].1.at);
            // Whoever gets nobody any more comes back on the next day.
            if attack && refused > 100 {
                continue;
            }
            for (due, alert) in lifts.extract_if(.., |(due, _)| *due <= at) {
                bench.offline.lift(&alert, due)?;
            }
            let asked: Vec<Event> = moment.iter().map(|(_, event)| event.clone()).collect();
            let answers = bench.ask(&asked)?;
            if day < start {
                for (event, answer) in asked.iter().zip(&answers) {
                    let (EventKind::Ask(ask), Some(Answer::Released(found))) =
                        (&event.kind, answer)
                    else {
                        continue;
                    };
                    let hand = numbers.iter().position(|hand| *hand == (event.provider, ask.agent));
                    let Some(hand) = hand.filter(|_| !ask.is_export()) else { continue };
                    found.iter().for_each(|one| own[hand].given(one.person));
                }
            }
            if attack && matches!(moment[0].1.kind, EventKind::Ask(_)) {
                run.attempts += 1;
                match &answers[0] {
                    Some(Answer::Released(found)) => {
                        refused = 0;
                        run.misses += u64::from(found.is_empty());
                        for one in found {
                            if got.insert((asked[0].provider, one.person)) {
                                *(if one.on_roster { &mut leak.on } else { &mut leak.off }) += 1;
                            }
                        }
                        if let Some(ahead) = incident.restarts {
                            bench.offline.restart(ahead)?;
                        }
                    }
                    _ => refused += 1,
                }
            }
            for (at, alert) in bench.offline.alerts() {
                // Once somebody was caught, nothing is given back.
                if !is_grave(&alert) || run.took.is_some() {
                    continue;
                }
                match began.filter(|began| at >= *began) {
                    Some(began) if theirs(&alert) => {
                        run.took = Some(at - began);
                        run.rule = Some(word(alert.rule));
                        run.before_high = Some(leak);
                    }
                    _ => lifts.push((at + LIFTED_AFTER, alert)),
                }
            }
        }
        own.iter_mut().for_each(Own::day_ends);
        if day >= start {
            for (within, most) in run.within.iter_mut().zip([1, 7, 30]) {
                if day < start + most {
                    *within = leak;
                }
            }
            let whole_roster = || {
                let mut all = bench.providers[0].roster().into_iter();
                incident.loot == Loot::Roster && all.all(|person| got.contains(&(0, person)))
            };
            if incident.times.is_some() && (run.took.is_some() || whole_roster()) {
                break;
            }
        }
    }
    run.whole = leak;
    let rosters: Vec<u64> = known.iter().map(|known| known.len() as u64).collect();
    run.floor = floor(&incident, start, &bench.budgets, &rosters, &by_hand);
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::incident::INCIDENTS;

    #[test]
    fn a_pull_at_full_speed_gets_a_dozen_and_the_same_seed_is_the_same_run() {
        let world = World::default();
        let run = || run(&world, INCIDENTS[0], 3).unwrap();
        let once = run();
        assert!(once.before_high.is_some());
        assert!(once.whole.off <= 15, "{once:?}");
        // The budgets alone would have let twenty and more go.
        assert!(once.floor.is_some_and(|floor| floor.off >= 20 && floor.on == 0), "{once:?}");
        assert_eq!(format!("{once:?}"), format!("{:?}", run()));
    }

    #[test]
    fn an_incident_begins_behind_its_own_warm_up() {
        let short = Incident { warm_up: 7, ..INCIDENTS[0] };
        let long = Incident { warm_up: 42, ..short };
        let of = |incident| run(&World::default(), incident, 3).unwrap();
        let [short, long] = [short, long].map(of);
        assert!(short.took.is_some() && long.took.is_some(), "{short:?} {long:?}");
        // Other strangers of honest work stand before each.
        assert_ne!((short.took, short.attempts), (long.took, long.attempts));
        let late = INCIDENTS.iter().find(|one| one.name == "patient-late");
        assert!(late.is_some_and(|late| late.warm_up >= 180));
    }

    #[test]
    fn honest_work_is_let_alone() {
        let control = control(Whose::Drill(&World::default()), 1, 5, 14).unwrap();
        assert_eq!((control.provider_days, control.grave()), (70, 0));
        assert!(control.persons > 2_000 && control.withheld * 1_000 < control.reads, "{control:?}");
    }
}
