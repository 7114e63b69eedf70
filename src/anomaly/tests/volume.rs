//! The judge on how many persons an agent is given, held against what is usual of it.

use super::*;
use crate::format::entry::{CreepRule, PaceRule};

/// Gets of persons new to an agent, some minutes apart; how many were released before one was withheld.
fn gets(bench: &mut Bench, who: (&str, u8), persons: u64, apart: Millis) -> u64 {
    let released = (0..persons).take_while(|_| {
        let (ruling, _) = bench.ask(who, Method::Get, on(1), 0, Vec::new());
        bench.pass(apart);
        ruling == Ruling::RELEASED
    });
    released.count() as u64
}

/// The next day begins.
fn the_day_ends(bench: &mut Bench) {
    bench.pass(DAY - bench.now.at % DAY);
}

/// A day of so many persons, spread over ten hours.
fn day_of(bench: &mut Bench, who: (&str, u8), persons: u64) -> u64 {
    let released = gets(bench, who, persons, 10 * HOUR / persons);
    the_day_ends(bench);
    released
}

/// A bench with an agent who is given fifteen persons on each of five weeks' days; a week begins.
fn settled() -> Bench {
    let mut bench = Bench::under(WIDE);
    for _ in 0..34 {
        assert_eq!(day_of(&mut bench, A, 15), 15);
    }
    assert!(bench.alerts().is_empty());
    bench
}

fn said(bench: &Bench) -> Vec<(Rule, Severity, u64)> {
    bench.alerts().into_iter().map(|alert| (alert.rule, alert.severity, alert.observed)).collect()
}

#[test]
fn an_hour_of_thirteen_times_the_usual_is_withheld_at_its_last_person() {
    let mut bench = Bench::under(WIDE);
    // Of a newcomer four are usual.
    assert_eq!(gets(&mut bench, A, 60, 1_000), 51);
    let expected = [(Rule::Pace, Severity::Info, 6_500), (Rule::Pace, Severity::High, 13_000)];
    assert_eq!(said(&bench), expected);
    let high = bench.alerts()[1];
    assert_eq!((high.level, high.expected, high.persons), (Level::Agent, 13_000, 51));
    assert_eq!(high.measures, [Measure::Freeze, Measure::CloseOffRoster]);
    // Files of today stay readable, and colleagues work.
    assert_eq!(bench.ask(A, Method::Get, AGAIN, 0, Vec::new()).0, Ruling::RELEASED);
    assert_eq!(gets(&mut bench, ("alpha", 2), 20, 1_000), 20);
    bench.assert_replays();
}

#[test]
fn an_agent_is_held_against_itself_and_not_against_others() {
    let mut bench = settled();
    // Its hours have one or two.
    assert_eq!(gets(&mut bench, A, 60, 1_000), 25);
    // Somebody new begins with what is usual of the peers.
    assert!(gets(&mut bench, ("alpha", 2), 60, 1_000) < 51);
    assert_eq!(gets(&mut bench, ("beta", 3), 60, 1_000), 51);
    bench.assert_replays();
}

#[test]
fn five_times_the_usual_on_three_days_is_high_and_on_two_it_is_not() {
    let mut bench = settled();
    // What is usual rises by a tenth in the week: 5.333, 4.848 and, with the last person, 4.848.
    assert_eq!(day_of(&mut bench, A, 80), 80);
    // Held back from the 73rd on, which is asked for twice.
    assert_eq!(gets(&mut bench, A, 80, 6 * MINUTE), 72);
    assert_eq!(gets(&mut bench, A, 8, 2 * MINUTE), 8);
    the_day_ends(&mut bench);
    assert!(bench.alerts().iter().all(|alert| alert.severity <= Severity::Medium));
    let mut released = 0;
    for _ in 0..90 {
        let (ruling, _) = bench.ask(A, Method::Get, on(1), 0, Vec::new());
        released += u64::from(ruling == Ruling::RELEASED);
        bench.pass(6 * MINUTE);
    }
    assert_eq!(released, 79);
    let high = bench.alerts().into_iter().find(|alert| alert.severity == Severity::High);
    let high = high.expect("an alert");
    assert_eq!((high.rule, high.observed, high.expected), (Rule::Pace, 15_029, 15_000));
    bench.assert_replays();
}

#[test]
fn four_times_the_usual_creeps_up_to_medium_on_the_third_day_and_is_never_high() {
    let mut bench = settled();
    assert_eq!(day_of(&mut bench, A, 60), 60);
    assert_eq!(day_of(&mut bench, A, 60), 60);
    // 2.25, 4.136 and, with the 63rd, 6.204.
    assert_eq!(gets(&mut bench, A, 80, 6 * MINUTE), 62);
    let of_creep: Vec<_> = said(&bench).into_iter().filter(|one| one.0 == Rule::Creep).collect();
    assert_eq!(of_creep.last(), Some(&(Rule::Creep, Severity::Medium, 6_204)));
    let medium = bench.alerts().into_iter().next_back().expect("an alert");
    assert_eq!(medium.measures, [Measure::Throttle]);
    // It goes on within that, and is held back again and again.
    the_day_ends(&mut bench);
    for _ in 0..5 {
        (0..50).for_each(|_| {
            bench.ask(A, Method::Get, on(1), 0, Vec::new());
            bench.pass(10 * MINUTE);
        });
        the_day_ends(&mut bench);
    }
    let of_creep = said(&bench).into_iter().filter(|one| one.0 == Rule::Creep);
    assert!(of_creep.clone().count() > 4);
    assert!(of_creep.into_iter().all(|(_, severity, _)| severity <= Severity::Medium));
    bench.assert_replays();
}

#[test]
fn one_large_day_is_not_told_for_a_fortnight() {
    let mut bench = settled();
    assert_eq!(day_of(&mut bench, A, 110), 110);
    let before = bench.alerts().len();
    for _ in 0..14 {
        assert_eq!(day_of(&mut bench, A, 20), 20);
    }
    assert_eq!(bench.alerts().len(), before);
    bench.assert_replays();
}

#[test]
fn an_august_and_the_september_behind_it_are_ordinary() {
    let mut bench = settled();
    for _ in 0..31 {
        day_of(&mut bench, A, 6);
    }
    for day in 0..30 {
        let persons = if day % 3 == 0 { 20 } else { 15 };
        assert_eq!(day_of(&mut bench, A, persons), persons);
    }
    assert!(bench.alerts().is_empty(), "{:?}", said(&bench));
    bench.assert_replays();
}

#[test]
fn work_that_doubles_for_good_is_never_high() {
    let mut bench = settled();
    for _ in 0..60 {
        day_of(&mut bench, A, 30);
    }
    assert!(bench.alerts().iter().all(|alert| alert.severity < Severity::High));
    // Behind two months it is what is usual.
    let before = bench.alerts().len();
    for _ in 0..30 {
        day_of(&mut bench, A, 40);
    }
    assert_eq!(bench.alerts().len(), before);
    bench.assert_replays();
}

#[test]
fn the_whole_roster_in_lists_is_a_look_and_no_theft() {
    let mut bench = settled();
    for _ in 0..13 {
        assert_eq!(bench.read(A, on(20)).0, Ruling::RELEASED);
    }
    gets(&mut bench, A, 10, 30 * MINUTE);
    the_day_ends(&mut bench);
    assert!(bench.alerts().is_empty(), "{:?}", said(&bench));
    // Day after day it is worth knowing, and then slowed down; it is no flight.
    for _ in 0..5 {
        for _ in 0..13 {
            bench.read(A, on(20));
        }
        the_day_ends(&mut bench);
    }
    assert!(bench.alerts().iter().all(|alert| alert.severity < Severity::High));
    assert!(bench.alerts().iter().any(|alert| alert.severity == Severity::Medium));
    bench.assert_replays();
}

#[test]
fn a_lift_forgets_the_days_of_an_agent_and_not_what_is_usual_of_it() {
    let mut bench = settled();
    assert_eq!(gets(&mut bench, A, 60, 1_000), 25);
    assert_eq!(gets(&mut bench, A, 60, 1_000), 0);
    bench.act(Deed::Lift, "alpha", None);
    assert_eq!(gets(&mut bench, A, 60, 1_000), 0);
    bench.act(Deed::Lift, "alpha", Some(1));
    bench.act(Deed::Lift, "alpha", Some(9));
    assert_eq!(gets(&mut bench, A, 60, 1_000), 25);
    bench.assert_replays();
}

#[test]
fn a_busy_day_is_one_kind_of_sign_whoever_counts_it() {
    let mut bench = Bench::under(Budgets { agent_hour: 50, ..WIDE });
    assert_eq!(gets(&mut bench, A, 40, 1_000), 40);
    let mut rules: Vec<_> = said(&bench).into_iter().map(|one| (one.0, one.1)).collect();
    rules.sort_by_key(|one| format!("{:?}", one.0));
    assert_eq!(rules, [(Rule::AgentHour, Severity::Info), (Rule::Pace, Severity::Info)]);
    bench.assert_replays();
}

proptest! {
    /// Whatever work it is: the fold rules the same again, and what is found is of one agent, above its
    /// height and of no more than its severity.
    #[test]
    fn any_work_replays_and_creep_is_never_high(
        days in prop::collection::vec((0..4_u8, 0..40_u64, 0..60_u64, 0..DAY * 2), 1..60),
    ) {
        let mut bench = Bench::under(WIDE);
        for (who, files, listed, ticks) in days {
            let who = (["alpha", "beta"][usize::from(who / 2)], who);
            gets(&mut bench, who, files, MINUTE);
            bench.read(who, on(listed));
            if files % 13 == 0 {
                bench.act(Deed::Lift, who.0, Some(who.1));
            }
            bench.pass(ticks);
        }
        bench.assert_replays();
        for alert in bench.alerts() {
            prop_assert!(alert.observed >= alert.expected || alert.rule == Rule::Signs);
            prop_assert_eq!(alert.level, Level::Agent);
            prop_assert!(alert.rule != Rule::Creep || alert.severity <= Severity::Medium);
        }
    }

    /// What a withheld read would have found changes nothing.
    #[test]
    fn whom_a_refusal_would_have_found_is_in_no_sum(found in 0..40_u64, tries in 0..60_u64) {
        let probe = |found: u64| {
            let mut bench = Bench::under(Budgets { agent_minute: 30, ..WIDE });
            for _ in 0..tries {
                let facts = Facts { could: 500, could_never: 500, ..on(found) };
                bench.ask(A, Method::Get, facts, 0, Vec::new());
            }
            bench.pass(HOUR);
            (gets(&mut bench, A, 60, 3_000), said(&bench))
        };
        prop_assert_eq!(probe(found), probe(0));
    }

    /// Rules of any figures neither overflow nor panic.
    #[test]
    fn any_pace_can_be_judged_by(
        figures in prop::array::uniform4(any::<u64>()), persons in any::<u64>(), list in any::<bool>(),
    ) {
        let [list_at_most, cap, high, allowance] = figures;
        let pace = PaceRule { list: list_at_most, cap, hour: high, days: high };
        let creep = CreepRule { list: list_at_most, cap, allowance, medium: high };
        let rules = Detectors { pace, creep, ..Detectors::default() };
        let mut bench = Bench::under(WIDE);
        bench.add(Payload::Policy(Policy { section: Section::Detectors(rules) }));
        let method = if list { Method::List } else { Method::Get };
        for _ in 0..40 {
            let facts = Facts { could: 1, ..on(persons % (1 << 53)) };
            bench.ask(A, method, facts, 0, Vec::new());
            bench.pass(DAY);
        }
        bench.assert_replays();
    }
}
