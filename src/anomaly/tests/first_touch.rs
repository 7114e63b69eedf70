//! The judge on persons whom a provider never met, and on decoys.

use super::*;
use crate::format::entry::FirstTouchRule;

/// A person of the roster whom the provider never met.
fn unmet() -> Facts {
    Facts { could_never: 1, all: counts(1), ..on(1) }
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
        never in 1..1_u64 << 30, takes in 1..1_u64 << 30, high in 1..1_u64 << 40,
        days in prop::collection::vec((0..50_u64, 0..50_u64), 1..30),
    ) {
        let first_touch = FirstTouchRule { never, met: takes, days: 0, high };
        let mut bench = Bench::under(WIDE);
        let detectors = Detectors { first_touch, ..Detectors::default() };
        bench.add(Payload::Policy(Policy { section: Section::Detectors(detectors) }));
        let (mut sum, mut begun) = (0_u64, false);
        for (n, (new, known)) in days.into_iter().enumerate() {
            let all = Counts { never: new, ..counts(new + known) };
            let facts = Facts { could: new + known, could_off: 0, could_never: new, all, off: counts(0) };
            let who = ("alpha", n as u8 + 10);
            let (ruling, alerts) = bench.read(who, facts);
            let peak = if begun { (sum + new * never).min(1 << 40) } else { 0 };
            let found = alerts.iter().find(|alert| alert.rule == Rule::FirstTouch);
            if let Some(found) = found {
                prop_assert_eq!(found.observed, peak);
                prop_assert_eq!(found.severity >= Severity::High, peak >= high);
            }
            if ruling == Ruling::RELEASED && new + known > 0 {
                prop_assert!(peak < high || new == 0);
                sum = peak.saturating_sub(known * takes);
                begun = true;
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
