//! At most how many persons all budgets together let go in a time: the promise that a policy makes.
//! It knows budgets alone; that a measure ends a pull earlier, or that a roster is smaller, is not
//! counted on.

use super::{AGENT, BudgetRule, PROVIDER};
use crate::format::entry::{Budgets, Level, Millis, Rule};

/// The most that can go, and the budget that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Persons.
    pub persons: u64,
    /// The budget that lets the fewest go.
    pub rule: Rule,
    /// Its size.
    pub size: u64,
    /// What refills it.
    pub span: Millis,
}

/// The most new persons in any time of this length: persons that the provider was not given on this
/// day or the 29 before, so that each is charged to every budget. `off`: of them off the roster.
///
/// Budgets that are charged alike are one bound: the least of them at each length. None lets more go
/// than it held at first and refilled since; and whoever takes each person as soon as all budgets
/// have one takes exactly as many as the least of them lets go.
pub fn ceiling(budgets: &Budgets, level: Level, off: bool, time: Millis) -> Ceiling {
    let agent = AGENT.iter().filter(|_| level == Level::Agent);
    let off_only =
        |kind: &&BudgetRule| matches!(kind.rule, Rule::OffRosterDay | Rule::OffRoster30Days);
    let provider = PROVIDER.iter().filter(|kind| off || !off_only(kind));
    let most = |kind: &BudgetRule| {
        let (size, span) = ((kind.size)(budgets), kind.span);
        Ceiling { persons: lets_go(size, span, time), rule: kind.rule, size, span }
    };
    let least = agent.chain(provider).map(most).min_by_key(|ceiling| ceiling.persons);
    least.expect("a provider has budgets whatever is asked")
}

/// What a budget held at first, and what it refills.
fn lets_go(size: u64, span: Millis, time: Millis) -> u64 {
    let persons = u128::from(size) * (u128::from(span) + u128::from(time)) / u128::from(span);
    u64::try_from(persons).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Bucket, DAY, HOUR, MINUTE};
    use super::*;

    const BUDGETS: Budgets = Budgets {
        agent_minute: 30,
        agent_hour: 60,
        agent_day: 120,
        provider_day: 400,
        provider_30_days: 1_500,
        off_roster_day: 20,
        off_roster_30_days: 160,
    };

    fn of(level: Level, off: bool, time: Millis) -> (u64, Rule) {
        let Ceiling { persons, rule, .. } = ceiling(&BUDGETS, level, off, time);
        (persons, rule)
    }

    #[test]
    fn the_least_budget_decides_at_each_length() {
        assert_eq!(of(Level::Agent, false, MINUTE), (60, Rule::AgentMinute));
        assert_eq!(of(Level::Agent, false, HOUR), (120, Rule::AgentHour));
        assert_eq!(of(Level::Agent, false, DAY), (240, Rule::AgentDay));
        assert_eq!(of(Level::Agent, false, 30 * DAY), (3_000, Rule::Provider30Days));
        assert_eq!(of(Level::Agent, false, 31 * DAY), (3_050, Rule::Provider30Days));
        assert_eq!(of(Level::Provider, false, MINUTE), (400, Rule::ProviderDay));
        assert_eq!(of(Level::Provider, false, DAY), (800, Rule::ProviderDay));
        assert_eq!(of(Level::Provider, true, DAY), (40, Rule::OffRosterDay));
        assert_eq!(of(Level::Provider, true, 30 * DAY), (320, Rule::OffRoster30Days));
        assert_eq!(of(Level::Agent, true, MINUTE), (20, Rule::OffRosterDay));
    }

    #[test]
    fn the_largest_budgets_do_not_overflow() {
        let most = 10_000_000;
        assert_eq!(lets_go(most, MINUTE, 31 * DAY), most + most * 31 * 24 * 60);
        assert_eq!(lets_go(u64::MAX, MINUTE, 31 * DAY), u64::MAX);
        assert_eq!(lets_go(0, MINUTE, DAY), 0);
    }

    proptest! {
        /// The greedy taker of the largest pages, against buckets as the judge has them.
        #[test]
        fn nobody_takes_more_and_the_greedy_take_as_much(
            sizes in prop::array::uniform3(0_u64..40), steps in 1_u64..200,
        ) {
            let spans = [MINUTE, 7 * MINUTE, 30 * MINUTE];
            let time = steps * 2_500;
            let mut buckets: Vec<_> =
                sizes.iter().zip(spans).map(|(size, span)| Bucket::full(*size, span, 0)).collect();
            let mut taken = 0;
            for tick in 0..=time / 500 {
                let tick = tick * 500;
                let left = buckets.iter().zip(spans).map(|(b, span)| b.left(span, tick)).min();
                let left = left.unwrap_or(0);
                for (bucket, span) in buckets.iter_mut().zip(spans) {
                    bucket.charge(span, tick, left);
                }
                taken += left;
            }
            let least = sizes.iter().zip(spans).map(|(size, span)| lets_go(*size, span, time)).min();
            prop_assert_eq!(Some(taken), least);
        }
    }
}
