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
fn a_network_is_new_until_the_end_of_its_first_day() {
    let (mut budget, tick) = usual();
    let there = |persons| from("198.51.100.0/24", of(A, persons));
    assert_eq!(pass(&mut budget, tick, there(6)).rule, Some(Rule::AgentHour));
    assert_eq!(pass(&mut budget, tick, there(2)), Ruling::RELEASED);
    assert_eq!(pass(&mut budget, tick + HOUR, there(6)).rule, Some(Rule::AgentHour));
    assert_eq!(pass(&mut budget, tick + DAY, there(10)), Ruling::RELEASED, "seen yesterday");
    let elsewhere = from("203.0.113.0/24", of(B, 6));
    assert_eq!(pass(&mut budget, tick + DAY, elsewhere.clone()).rule, Some(Rule::AgentHour));
    // What is withheld makes nothing usual.
    assert_eq!(pass(&mut budget, tick + 2 * DAY, elsewhere).rule, Some(Rule::AgentHour));
}

#[test]
fn the_first_day_of_a_provider_has_no_network_that_is_new() {
    let mut budget = under(only(Rule::AgentHour, 10));
    assert_eq!(pass(&mut budget, 0, of(A, 1)), Ruling::RELEASED);
    assert_eq!(pass(&mut budget, 1, from("198.51.100.0/24", of(B, 10))), Ruling::RELEASED);
}

#[test]
fn of_a_provider_s_networks_the_one_longest_unused_is_forgotten_first() {
    let (mut budget, tick) = usual();
    for n in 0..1_023_u64 {
        let read = from(&format!("10.{}.{}.0/24", n / 256, n % 256), of(B, 0));
        assert_eq!(pass(&mut budget, tick + DAY + n, read), Ruling::RELEASED);
    }
    let known = |budget: &PersonBudgets| budget.contexts.networks(&Word::from("alpha"));
    assert_eq!(known(&budget).len(), 1_024);
    assert!(known(&budget).contains(&"192.0.2.0/24".into()));
    pass(&mut budget, tick + 2 * DAY, from("198.51.100.0/24", of(B, 0)));
    assert_eq!(known(&budget).len(), 1_024);
    assert!(!known(&budget).contains(&"192.0.2.0/24".into()));
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
