//! In which circumstances a person counts as two, on both sides of each.

use super::*;
use crate::format::entry::{Flag, Word};

const A: (&str, Tag) = ("alpha", Tag([1; 16]));
const B: (&str, Tag) = ("alpha", Tag([2; 16]));

/// A read of so many new persons of the roster.
fn of(who: (&str, Tag), persons: u64) -> Read {
    let facts = Facts { could_off: 0, off: Counts::default(), ..new(persons) };
    undecided(who, facts)
}

fn from(network: &str, read: Read) -> Read {
    Read { network: network.into(), ..read }
}

/// Rules on a read and folds it.
fn pass(budget: &mut PersonBudgets, tick: Millis, read: Read) -> Ruling {
    let ruling = budget.decide(&JudgeInput::of(1, &read), moment(tick));
    budget.apply(&entry(tick, Payload::Read(Box::new(Read { ruling, ..read }))));
    ruling
}

fn hour(remaining: u64, wait: Millis, tick: Millis) -> Ruling {
    Ruling {
        outcome: Outcome::Withheld,
        rule: Some(Rule::AgentHour),
        remaining: Some(remaining),
        fits_at: Some(moment(tick).at + wait),
    }
}

/// Twenty days of two agents, of whom each is given somebody on every day.
fn usual() -> (PersonBudgets, Millis) {
    let mut budget = under(only(Rule::AgentHour, 10));
    for day in 0..20 {
        for who in [A, B] {
            assert_eq!(pass(&mut budget, day * DAY, of(who, 1)), Ruling::RELEASED);
        }
    }
    (budget, 20 * DAY)
}

#[test]
fn off_hours_and_on_two_connections_a_person_counts_as_two() {
    let (mut budget, tick) = usual();
    assert_eq!(pass(&mut budget, tick, of(A, 10)), Ruling::RELEASED);
    for flag in [Flag::OffHours, Flag::ConcurrentSessions] {
        let (mut budget, tick) = usual();
        let tight = |persons| Read { context: vec![flag], ..of(A, persons) };
        // Twelve would have to be left, and ten fit.
        let never = Ruling { fits_at: None, ..hour(5, 0, tick) };
        assert_eq!(pass(&mut budget, tick, tight(6)), never);
        assert_eq!(pass(&mut budget, tick, tight(5)), Ruling::RELEASED);
        // Nothing is left to the same agent in any circumstances; a person is back in six minutes, or twelve.
        assert_eq!(pass(&mut budget, tick, of(A, 1)), hour(0, HOUR / 10, tick));
        assert_eq!(pass(&mut budget, tick, tight(1)), hour(0, HOUR / 5, tick));
    }
}

#[test]
fn neither_the_minute_nor_what_colleagues_share_is_charged_twice() {
    for rule in [Rule::AgentMinute, Rule::ProviderDay, Rule::Provider30Days] {
        let mut budget = under(only(rule, 10));
        let read = Read { context: vec![Flag::OffHours], ..of(A, 10) };
        assert_eq!(pass(&mut budget, 0, read), Ruling::RELEASED, "{rule:?}");
    }
    let mut budget = under(only(Rule::AgentDay, 10));
    let read = |persons| Read { context: vec![Flag::OffHours], ..of(A, persons) };
    assert_eq!(pass(&mut budget, 0, read(6)).rule, Some(Rule::AgentDay));
    assert_eq!(pass(&mut budget, 0, read(5)), Ruling::RELEASED);
}

#[test]
fn a_network_is_new_until_somebody_was_given_from_it_on_three_days() {
    let (mut budget, mut tick) = usual();
    let there = |persons| from("198.51.100.0/24", of(A, persons));
    for _ in 0..3 {
        assert_eq!(pass(&mut budget, tick, there(6)).rule, Some(Rule::AgentHour));
        assert_eq!(pass(&mut budget, tick, there(2)), Ruling::RELEASED);
        assert_eq!(pass(&mut budget, tick + HOUR, there(6)).rule, Some(Rule::AgentHour));
        // Days without it do not count.
        tick += 2 * DAY;
    }
    assert_eq!(pass(&mut budget, tick, there(10)), Ruling::RELEASED, "seen on three days");
}

#[test]
fn what_is_withheld_or_gives_nobody_new_makes_no_network_usual() {
    let (mut budget, tick) = usual();
    let there = |persons| from("198.51.100.0/24", of(B, persons));
    for day in 0..5 {
        let at = tick + day * DAY;
        assert_eq!(pass(&mut budget, at, there(6)).rule, Some(Rule::AgentHour));
        assert_eq!(pass(&mut budget, at, there(0)), Ruling::RELEASED);
    }
}

#[test]
fn a_provider_that_begins_has_no_network_that_is_new() {
    let mut budget = under(only(Rule::AgentHour, 10));
    for day in 0..3 {
        assert_eq!(pass(&mut budget, day * DAY, of(A, 1)), Ruling::RELEASED);
        let other = from(&format!("198.51.{day}.0/24"), of(B, 10));
        assert_eq!(pass(&mut budget, day * DAY + 1, other), Ruling::RELEASED);
    }
    let other = from("198.51.100.0/24", of(B, 10));
    assert_eq!(pass(&mut budget, 3 * DAY, other).rule, Some(Rule::AgentHour));
}

#[test]
fn of_a_provider_s_networks_the_usual_ones_are_forgotten_last_and_of_one_day_the_first_in_order() {
    let (mut budget, tick) = usual();
    let there = |n: u64, who| from(&format!("10.{}.{}.0/24", n / 256, n % 256), of(who, 1));
    let known = |budget: &PersonBudgets, n: u64| {
        let networks = budget.contexts.networks(&Word::from("alpha"));
        assert!(networks.len() <= 1_024);
        networks.contains(&there(n, A).network)
    };
    // Another agent each, so that nobody is held up by its hour.
    let agent = |n: u64| ("alpha", Tag(u128::from(n).to_be_bytes()));
    for n in 0..1_023 {
        assert_eq!(pass(&mut budget, tick + DAY + n, there(n, agent(n))), Ruling::RELEASED);
    }
    assert!((0..1_023).all(|n| known(&budget, n)));
    // One more, and one of them is forgotten: the first in order, whatever its time of day.
    pass(&mut budget, tick + DAY + 1_023, there(1_023, agent(1_023)));
    let forgotten: Vec<u64> = (0..1_024).filter(|n| !known(&budget, *n)).collect();
    assert_eq!(forgotten, [0]);
    // What is used since then is forgotten behind what is not, and the one that is usual never.
    pass(&mut budget, tick + 2 * DAY, there(1, agent(1)));
    for n in 2_000..3_500 {
        pass(&mut budget, tick + 2 * DAY, there(n, agent(n)));
        assert_eq!(known(&budget, 1), n < 2_000 + 1_022, "{n}");
    }
    assert_eq!(
        pass(&mut budget, tick + 3 * DAY, of(B, 10)),
        Ruling::RELEASED,
        "from the usual one"
    );
}

#[test]
fn what_is_drained_in_such_circumstances_is_told_at_its_end_alone() {
    let (budget, tick) = usual();
    let drained = |persons, context: &[Flag]| {
        let read = Read { context: context.to_vec(), ..of(A, persons) };
        budget.drained(&JudgeInput::of(1, &read), moment(tick))
    };
    let said = |found: Vec<Finding>| -> Vec<_> {
        found.iter().map(|found| (found.severity, found.observed, found.expected)).collect()
    };
    assert_eq!(said(drained(6, &[])), [(Severity::Info, 6, 10)]);
    assert_eq!(said(drained(4, &[Flag::OffHours])), []);
    assert_eq!(said(drained(5, &[Flag::OffHours])), [(Severity::High, 10, 10)]);
}
