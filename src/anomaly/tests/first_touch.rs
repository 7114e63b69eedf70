//! The judge on persons whom a provider never met, and on decoys.

use super::*;
use crate::format::entry::FirstTouchRule;

/// A person of the roster whom the provider never met.
fn unmet() -> Facts {
    all_unmet(1)
}

fn all_unmet(n: u64) -> Facts {
    Facts { could: n, could_never: n, all: counts(n), ..on(n) }
}

fn get(bench: &mut Bench, who: (&str, u8), facts: Facts) -> Ruling {
    bench.pass(1_000);
    bench.ask(who, Method::Get, facts, 0, Vec::new()).0
}

/// A bench whose provider began so many days ago, and has met its people since.
fn begun(days: u64) -> Bench {
    let mut bench = Bench::under(WIDE);
    get(&mut bench, A, on(1));
    bench.pass(days * DAY - bench.now.at % DAY);
    bench
}

fn said(bench: &Bench) -> Vec<(Severity, u64)> {
    let of = bench.alerts().into_iter().filter(|alert| alert.rule == Rule::FirstTouch);
    of.map(|alert| (alert.severity, alert.observed)).collect()
}

/// So many by each of twenty agents in turn; how many were given before the first was withheld.
fn by_twenty(bench: &mut Bench, persons: u64) -> u64 {
    let taken = (0..persons)
        .take_while(|n| get(bench, ("alpha", (n % 20) as u8 + 10), unmet()) == Ruling::RELEASED);
    taken.count() as u64
}

#[test]
fn sixty_persons_whom_the_provider_never_met_are_one_too_many_whoever_takes_them() {
    let mut bench = begun(61);
    // 60 x 747 is below 45,000, and the next is above it.
    assert_eq!(by_twenty(&mut bench, 100), 60);
    let said = said(&bench);
    assert_eq!(said.first(), Some(&(Severity::Info, 23_157)), "half of it");
    assert_eq!(said.last(), Some(&(Severity::High, 45_567)));
    assert_eq!(said.len(), 21, "each agent once");
    let high = bench.alerts().last().copied().cloned().expect("one");
    assert_eq!((high.level, high.expected), (Level::Agent, 45_000));
    assert_eq!(high.measures, [Measure::Freeze, Measure::CloseOffRoster]);
    // The next agent is frozen with its next such person, and nobody with one who was met.
    assert_eq!(get(&mut bench, ("alpha", 40), on(1)), Ruling::RELEASED);
    assert_eq!(get(&mut bench, ("alpha", 41), unmet()), Ruling::RELEASED, "2,398 less");
    bench.assert_replays();
}

/// A bench where others have taken as many as they may.
fn filled() -> Bench {
    let mut bench = begun(61);
    assert_eq!(by_twenty(&mut bench, 60), 60);
    bench
}

#[test]
fn a_colleague_of_a_thief_is_slowed_down_and_frozen_with_his_own_fourth() {
    let mut bench = filled();
    let colleague = ("alpha", 40);
    for n in 0..3 {
        bench.pass(HOUR);
        let (ruling, alerts) = bench.ask(colleague, Method::Get, unmet(), 0, Vec::new());
        assert_eq!(
            (ruling.rule, ruling.fits_at),
            (Some(Rule::Contained), Some(bench.now.at + 10_000)),
            "{n}"
        );
        assert_eq!(alerts.len(), 1);
        assert_eq!((alerts[0].rule, alerts[0].severity), (Rule::FirstTouch, Severity::Medium));
        assert_eq!((&*alerts[0].measures, alerts[0].expected), (&[Measure::Throttle][..], 45_000));
        bench.pass(10_000);
        assert_eq!(get(&mut bench, colleague, unmet()), Ruling::RELEASED);
    }
    bench.pass(HOUR);
    let (ruling, alerts) = bench.ask(colleague, Method::Get, unmet(), 0, Vec::new());
    assert_eq!((ruling, alerts[0].severity), (Ruling::contained(None), Severity::High));
    assert_eq!(alerts[0].measures, [Measure::Freeze, Measure::CloseOffRoster]);
    bench.assert_replays();
}

#[test]
fn a_sum_that_others_filled_suspends_no_provider() {
    let mut bench = filled();
    // Somebody is suspended.
    assert_eq!(decoys(&mut bench, ("alpha", 2), Method::Get, 1).1[0].severity, Severity::Critical);
    bench.pass(HOUR);
    let (ruling, alerts) = bench.ask(("alpha", 40), Method::List, all_unmet(4), 0, Vec::new());
    assert_eq!((ruling, alerts[0].severity), (Ruling::contained(None), Severity::High));
    assert_eq!(get(&mut bench, ("alpha", 41), on(1)), Ruling::RELEASED, "the provider is not");
    // By any other rule the second is critical.
    assert_eq!(bench.read(("alpha", 42), on(600)).1, Vec::new());
    let (_, alerts) = decoys(&mut bench, ("alpha", 42), Method::List, 1);
    assert_eq!(alerts[0].severity, Severity::Critical);
    assert_eq!(alerts[0].measures, [Measure::SuspendAgent, Measure::SuspendProvider]);
    bench.assert_replays();
}

#[test]
fn what_others_have_filled_is_no_sign_of_whoever_reads_next() {
    let mut bench = begun(61);
    assert_eq!(by_twenty(&mut bench, 50), 50);
    let who = ("alpha", 40);
    assert_eq!(bench.ask(who, Method::Get, unmet(), 0, Vec::new()).1[0].rule, Rule::FirstTouch);
    // Seven strangers in a row are one, and would be medium with another.
    bench.strangers(who, 7);
    assert!(bench.alerts().iter().any(|alert| alert.rule == Rule::Roster));
    assert!(bench.alerts().iter().all(|alert| alert.rule != Rule::Signs));
    bench.assert_replays();
}

#[test]
fn for_sixty_days_a_provider_meets_whom_it_likes() {
    for (days, taken) in [(59, 100), (60, 60)] {
        let mut bench = begun(days);
        assert_eq!(by_twenty(&mut bench, 100), taken, "behind {days} days");
    }
}

#[test]
fn one_who_was_met_makes_up_for_three_who_were_not() {
    let mut bench = begun(61);
    for _ in 0..40 {
        for n in 0..3 {
            assert_eq!(get(&mut bench, ("alpha", n + 20), unmet()), Ruling::RELEASED);
        }
        assert_eq!(get(&mut bench, A, on(1)), Ruling::RELEASED);
    }
    assert!(said(&bench).is_empty());
    bench.assert_replays();
}

#[test]
fn a_lift_of_one_agent_begins_anew_for_all_and_another_provider_has_its_own() {
    let mut bench = begun(61);
    assert_eq!(by_twenty(&mut bench, 60), 60);
    for n in 0..61 {
        assert_eq!(get(&mut bench, ("beta", n % 20), unmet()), Ruling::RELEASED);
    }
    assert_eq!(by_twenty(&mut bench, 1), 0);
    bench.act(Deed::Lift, "alpha", Some(10));
    bench.act(Deed::Lift, "alpha", None);
    assert_eq!(by_twenty(&mut bench, 100), 60);
    bench.assert_replays();
}

proptest! {
    /// The sum is what its formula says, and a rule of any figures neither overflows nor panics.
    #[test]
    fn the_sum_is_that_of_the_formula(
        never in 1..1_u64 << 30, takes in 1..1_u64 << 30, high in 1..1_u64 << 34, own in 0..1_u64 << 32,
        days in prop::collection::vec((0..3_u8, 0..50_u64, 0..50_u64), 1..30),
    ) {
        let first_touch = FirstTouchRule { never, met: takes, days: 0, high, own };
        let mut bench = Bench::under(WIDE);
        let detectors = Detectors { first_touch, ..Detectors::default() };
        bench.add(Payload::Policy(Policy { section: Section::Detectors(detectors) }));
        let (mut sum, mut own_of, mut begun) = (0_u64, [0_u64; 3], false);
        for (agent, new, known) in days {
            // What was said before is no news, and a throttle is over.
            bench.pass(2 * HOUR);
            let all = Counts { never: new, ..counts(new + known) };
            let facts = Facts { could: new + known, could_off: 0, could_never: new, all, off: counts(0) };
            let who = ("alpha", agent);
            let (ruling, alerts) = bench.read(who, facts);
            let (peak, mine) = if begun { (sum + new * never, own_of[usize::from(agent)] + new * never) } else { (0, 0) };
            let found = alerts.iter().find(|alert| alert.rule == Rule::FirstTouch);
            let expected = match peak {
                _ if new == 0 || !begun || peak < high / 2 => None,
                _ if peak < high => Some((Severity::Info, peak)),
                _ if mine < own => Some((Severity::Medium, peak)),
                _ => Some((Severity::High, peak)),
            };
            prop_assert_eq!(found.map(|found| (found.severity, found.observed)), expected);
            if ruling == Ruling::RELEASED && new + known > 0 {
                sum = peak.saturating_sub(known * takes);
                own_of[usize::from(agent)] = mine.saturating_sub(known * takes);
                if sum == 0 {
                    own_of = [0; 3];
                }
                begun = true;
            }
            prop_assert!(ruling == Ruling::RELEASED || expected.is_some());
            if expected.is_some_and(|(severity, _)| severity == Severity::High) {
                break;
            }
        }
        bench.assert_replays();
    }
}

/// A read with so many decoys in it.
fn decoys(bench: &mut Bench, who: (&str, u8), method: Method, decoys: u64) -> (Ruling, Vec<Alert>) {
    let read = read(who.0.into(), Tag([who.1; 16]), on(3), Ruling::PENDING);
    bench.judged(Read { method, decoys, ..read })
}

#[test]
fn a_decoy_that_is_opened_is_critical_and_one_on_a_list_is_high() {
    for method in [Method::Get, Method::Search] {
        let mut bench = Bench::under(WIDE);
        assert_eq!(decoys(&mut bench, A, method, 0), (Ruling::RELEASED, Vec::new()));
        let (ruling, alerts) = decoys(&mut bench, A, method, 1);
        assert_eq!(ruling, Ruling::contained(None));
        assert_eq!((alerts[0].rule, alerts[0].severity), (Rule::Decoy, Severity::Critical));
        assert_eq!((alerts[0].observed, alerts[0].expected), (1, 0));
        assert!(alerts[0].measures.contains(&Measure::SuspendAgent));
        bench.assert_replays();
    }
    let mut bench = Bench::under(WIDE);
    let (ruling, alerts) = decoys(&mut bench, A, Method::List, 2);
    assert_eq!(ruling, Ruling::contained(None));
    assert_eq!((alerts[0].severity, alerts[0].observed), (Severity::High, 2));
    assert_eq!(alerts[0].measures, [Measure::Freeze, Measure::CloseOffRoster]);
    bench.assert_replays();
}
