use std::io::Cursor;

use proptest::prelude::*;

use super::recorded::{RecordedPast, judge_again};
use super::*;
use crate::drill::offline::{Answer, Offline, provider_id};
use crate::drill::traffic::{Ask, AskMethod, Event, EventKind, Found};
use crate::format::entry::{Budgets, Detectors, Level, ProviderRules, Rule, Severity};

const BEGIN: Millis = 1_769_990_400_000;
const HOUR: Millis = 3_600_000;

const BUDGETS: Budgets = Budgets {
    agent_minute: 12,
    agent_hour: 25,
    agent_day: 40,
    provider_day: 90,
    provider_30_days: 600,
    off_roster_day: 20,
    off_roster_30_days: 60,
};

fn terms(providers: u32, budgets: Budgets, entries_day: Option<u64>) -> Terms {
    let rules = (0..providers).map(|number| ProviderRules {
        provider: provider_id(number),
        budgets,
        roster_growth: 50,
        entries_day,
        contract: None,
    });
    let rules = Rules {
        detectors: Detectors::default(),
        staff: None,
        providers: rules.collect(),
        digest: Hash::default(),
        loosens_not: None,
    };
    Terms { rules, open: (0..providers).map(provider_id).collect() }
}

/// What is held against each other: of each read its outcome, and of each alert what it says.
type Told = (Vec<bool>, Vec<(Millis, Word, Rule, Severity, Level, [u64; 4], usize)>);

fn alert(at: Millis, alert: &Alert) -> (Millis, Word, Rule, Severity, Level, [u64; 4], usize) {
    let Alert { provider, rule, severity, level, observed, expected, persons, off, .. } = alert;
    let figures = [*observed, *expected, *persons, *off];
    (at, provider.clone(), *rule, *severity, *level, figures, alert.measures.len())
}

/// A past of the events.
fn past(events: &[Event]) -> Past {
    let mut text = "at,provider,agent,subject,in_roster\n".to_owned();
    for event in events {
        let EventKind::Ask(Ask { agent, method: AskMethod::Get(found), .. }) = &event.kind else {
            panic!("{event:?}")
        };
        let (at, provider) = (event.at, provider_id(event.provider));
        text += &format!("{at},{provider},{agent},{},{}\n", found.person, found.on_roster);
    }
    Past::parse(Cursor::new(text), &mut |_| ()).unwrap()
}

fn judged(events: &[Event], terms: &Terms, lift_after: Option<Millis>) -> (Told, Tally) {
    let past = past(events);
    let mut released = vec![true; past.reads.len()];
    let mut alerts = Vec::new();
    let mut told = |one: &Judged<'_>| {
        let line = one.number as usize - 2;
        released[line] = one.outcome == PastOutcome::Ruled(Ruling::RELEASED);
        alerts.extend(one.alerts.iter().map(|told| alert(one.at, told)));
    };
    let tally = judge(&past, terms, lift_after, &mut told, &mut |_| ());
    ((released, alerts), tally)
}

/// The same through the registrar, over a real ledger; whoever is suspended does not come by the door.
fn recorded(events: &[Event], providers: u32, lift_after: Millis) -> (Told, Offline) {
    let budgets = vec![BUDGETS; providers as usize];
    let mut offline = Offline::open(&budgets, Detectors::default(), BEGIN).unwrap();
    let (mut released, mut alerts) = (Vec::new(), Vec::new());
    let mut lifts: Vec<(Millis, Alert)> = Vec::new();
    for event in events {
        for (due, alert) in lifts.extract_if(.., |(due, _)| *due <= event.at) {
            offline.lift(&alert, due).unwrap();
        }
        let EventKind::Ask(ask) = &event.kind else { panic!("{event:?}") };
        if offline.is_suspended(event.provider, ask.agent) {
            released.push(false);
            continue;
        }
        let answers = offline.ask(std::slice::from_ref(event)).unwrap();
        released.extend(answers.iter().map(|one| matches!(one, Some(Answer::Released(_)))));
        for (at, told) in offline.alerts() {
            alerts.push(alert(at, &told));
            if tally::is_grave(&told) {
                lifts.push((at + lift_after, told));
            }
        }
    }
    ((released, alerts), offline)
}

/// A ledger judged again, each of its reads released or not in its order.
fn again(ledger: &Offline, terms: &Terms, lift_after: Option<Millis>) -> (Told, Tally) {
    let past = RecordedPast::open(&ledger.path(), &mut |_, _| ()).unwrap();
    let mut withheld = HashSet::new();
    let mut alerts = Vec::new();
    let mut told = |one: &Judged<'_>| {
        if one.outcome != PastOutcome::Ruled(Ruling::RELEASED) {
            withheld.insert(one.number);
        }
        alerts.extend(one.alerts.iter().map(|told| alert(one.at, told)));
    };
    let tally = judge_again(&past, terms, lift_after, &mut told, &mut |_| ()).unwrap();
    let released = past.reads().unwrap().iter().map(|seq| !withheld.contains(seq)).collect();
    ((released, alerts), tally)
}

fn get(at: Millis, provider: u32, agent: u32, person: u32, on_roster: bool) -> Event {
    let method = AskMethod::Get(Found { person, on_roster });
    let ask = Ask {
        agent,
        case: 0,
        reason: !on_roster,
        full: false,
        network: 0,
        off_hours: false,
        follows: false,
        method,
    };
    Event { at, provider, kind: EventKind::Ask(ask) }
}

/// Work in bursts: who begins one, how many reads it has and how fast, whom it meets.
fn bursts() -> impl Strategy<Value = Vec<Event>> {
    let burst =
        (0_u64..30 * HOUR, 0_u32..2, 0_u32..3, 1_usize..40, 1_u64..90_000, 0_u32..4, 0_u32..200);
    prop::collection::vec(burst, 1..14).prop_map(|bursts| {
        let mut at = BEGIN + HOUR;
        let mut events = Vec::new();
        for (after, provider, agent, reads, pace, strangers, first) in bursts {
            at += after;
            for n in 0..reads {
                at += pace;
                let person = first + n as u32;
                // None, every fourth, every second, all of them.
                let on_roster = match strangers {
                    0 => true,
                    1 => !person.is_multiple_of(4),
                    2 => !person.is_multiple_of(2),
                    _ => false,
                };
                events.push(get(at, provider, agent, person, on_roster));
            }
        }
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_past_is_judged_as_the_registrar_judges_it(events in bursts()) {
        let terms = terms(2, BUDGETS, None);
        let (told, ledger) = recorded(&events, 2, 2 * HOUR);
        prop_assert_eq!(&judged(&events, &terms, Some(2 * HOUR)).0, &told);
        // What it gave back stands in the ledger, as acts.
        let (recorded, tally) = again(&ledger, &terms, None);
        prop_assert_eq!(recorded.1, told.1);
        let count = |told: &[bool]| told.iter().filter(|released| **released).count();
        prop_assert_eq!(count(&recorded.0), count(&told.0));
        prop_assert_eq!(tally.whole().released, count(&told.0) as u64);
    }
}

#[test]
fn what_comes_of_a_past_is_counted() {
    // Thirty strangers in a row, then one of the roster an hour later, and again after five.
    let mut events: Vec<Event> =
        (0..30).map(|n| get(BEGIN + n * 60_000, 0, 0, n as u32, false)).collect();
    events.push(get(BEGIN + HOUR, 0, 0, 100, true));
    events.push(get(BEGIN + 5 * HOUR, 0, 0, 101, true));
    let terms = terms(1, BUDGETS, None);
    let ((released, alerts), tally) = judged(&events, &terms, Some(2 * HOUR));
    assert!(alerts.iter().any(|one| (one.2, one.3) == (Rule::Roster, Severity::High)));
    let whole = tally.whole();
    assert_eq!((whole.reads, whole.released + whole.withheld()), (32, 32));
    assert_eq!((whole.days, whole.span), (1, Some((BEGIN, BEGIN + 5 * HOUR))));
    assert_eq!(whole.persons, whole.off + 1);
    assert_eq!(released[30..], [false, true]);
    assert!(whole.grave() >= 1 && whole.withheld["contained"] >= 2, "{whole:?}");
    // Nobody gives it back.
    let ((released, _), tally) = judged(&events, &terms, None);
    assert_eq!(released[30..], [false, false]);
    assert!(tally.whole().withheld() > whole.withheld());
}

#[test]
fn whoever_may_not_meet_strangers_finds_nobody() {
    let events = [get(BEGIN, 0, 0, 1, false), get(BEGIN + HOUR, 0, 0, 2, true)];
    let terms = Terms { open: HashSet::new(), ..terms(1, BUDGETS, None) };
    let (_, tally) = judged(&events, &terms, None);
    let whole = tally.whole();
    assert_eq!((whole.released, whole.misses, whole.persons, whole.off), (2, 1, 1, 0));
}

#[test]
fn a_budget_of_entries_is_the_doors() {
    // One agent gets a quarter of them.
    let events: Vec<Event> = (0..8).map(|n| get(BEGIN + n, 0, 0, 1, true)).collect();
    let (_, tally) = judged(&events, &terms(1, BUDGETS, Some(20)), None);
    assert_eq!(tally.whole().withheld.get(tally::ENTRIES), Some(&3), "{tally:?}");
}

#[test]
fn providers_are_judged_each_by_itself() {
    let mut events: Vec<Event> =
        (0..40).map(|n| get(BEGIN + n * 1_000, (n % 2) as u32, 0, n as u32, true)).collect();
    let (_, both) = judged(&events, &terms(2, BUDGETS, None), None);
    events.retain(|event| event.provider == 0);
    let (_, alone) = judged(&events, &terms(2, BUDGETS, None), None);
    let id = provider_id(0);
    assert_eq!(both.providers[&id], alone.providers[&id]);
    assert_eq!((both.providers.len(), alone.providers.len()), (2, 1));
    assert_eq!(both.whole().reads, 40);
}

/// Budgets that hold nobody back.
const WIDE: Budgets = Budgets {
    agent_minute: 1_000,
    agent_hour: 1_000,
    agent_day: 1_000,
    provider_day: 1_000,
    ..BUDGETS
};

fn open(budgets: Budgets, events: &[Event]) -> Offline {
    let mut offline = Offline::open(&[budgets; 2], Detectors::default(), BEGIN).unwrap();
    for event in events {
        offline.ask(std::slice::from_ref(event)).unwrap();
    }
    offline
}

#[test]
fn a_ledger_is_judged_as_what_was_read() {
    let mut events: Vec<Event> = (0..120)
        .map(|n| get(BEGIN + n * 20 * 60_000, (n % 2) as u32, 0, n as u32 % 70, n % 9 != 0))
        .collect();
    events.extend((0..20).map(|n| get(BEGIN + 48 * HOUR + n * 1_000, 0, 1, n as u32, true)));
    let ledger = open(WIDE, &events);
    let terms = terms(2, BUDGETS, None);
    let (told, tally) = again(&ledger, &terms, Some(2 * HOUR));
    assert!(tally.whole().withheld() > 0 && !told.1.is_empty(), "{tally:?}");
    assert_eq!((told, tally), judged(&events, &terms, Some(2 * HOUR)));
}

#[test]
fn whom_a_ledger_withheld_then_nobody_knows() {
    let events: Vec<Event> = (0..30).map(|n| get(BEGIN + n, 0, 0, n as u32, true)).collect();
    let (_, tally) = again(&open(BUDGETS, &events), &terms(2, WIDE, None), None);
    let whole = tally.whole();
    assert_eq!((whole.reads, whole.released, whole.unseen), (30, 30, 18));
    assert_eq!(whole.persons, 30, "as their entries count them");
}

#[test]
fn an_export_goes_by_its_job_wherever_that_stands_now() {
    let found = |n| Found { person: n, on_roster: true };
    let export = |at, first: u32| {
        let found = (first..first + 10).map(found).collect();
        let method = AskMethod::Export { job: 7, page: 10, found };
        let EventKind::Ask(ask) = get(at, 0, 0, 0, true).kind else { unreachable!() };
        Event { at, provider: 0, kind: EventKind::Ask(Ask { method, ..ask }) }
    };
    let approve = Event { at: BEGIN, provider: 0, kind: EventKind::Approve { job: 7, rows: 25 } };
    let events = [approve, export(BEGIN + 1, 0), export(BEGIN + 2, 10), export(BEGIN + 3, 20)];
    let (_, tally) = again(&open(BUDGETS, &events), &terms(2, BUDGETS, None), None);
    let whole = tally.whole();
    assert_eq!((whole.released, whole.withheld.get("job")), (2, Some(&1)), "{whole:?}");
}
