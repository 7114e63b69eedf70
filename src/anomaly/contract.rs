//! The contract of a provider: what it withholds, and what of it is worth knowing.

use super::{Finding, coarse};
use crate::format::entry::{Level, Moment, Outcome, Ruling, Severity};
use crate::state::contracts::{Contracts, Limit};
use crate::state::judge_input::JudgeInput;

/// Below so many persons nothing is said of how fast a contract is used: any beginning is fast.
const FEW: u64 = 50;

/// Rules on a read that is not within the contract.
pub(super) fn decide(contracts: &Contracts, input: &JudgeInput<'_>, now: Moment) -> Option<Ruling> {
    let (rule, left) = contracts.withholds(input, now.at)?;
    let (outcome, rule) = (Outcome::Withheld, Some(rule));
    Some(Ruling { outcome, rule, remaining: Some(coarse(left)), fits_at: None })
}

/// What a released read says of a contract: a limit that is used up, and each tenth of one that is used more
/// than a tenth ahead of the time that has passed.
pub(super) fn findings(contracts: &Contracts, input: &JudgeInput<'_>, now: Moment) -> Vec<Finding> {
    let Some((limits, passed)) = contracts.used_by(input, now.at) else { return Vec::new() };
    limits.iter().filter_map(|(before, behind)| finding(before, behind, passed)).collect()
}

fn finding(before: &Limit, behind: &Limit, passed: u64) -> Option<Finding> {
    let tenth = |limit: &Limit| limit.used.saturating_mul(10) / limit.most.max(1);
    let ahead = behind.used.saturating_mul(1_000) / behind.most.max(1) > passed + 100;
    let severity = match behind.left() {
        _ if before.used == behind.used => return None,
        0 => Severity::High,
        _ if ahead && behind.used >= FEW && tenth(behind) > tenth(before) => Severity::Info,
        _ => return None,
    };
    let (rule, level) = (behind.rule, Level::Provider);
    Some(Finding { rule, level, severity, observed: behind.used, expected: behind.most })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::entry::{
        Budgets, Contract, Counts, Entry, Facts, Hash, Millis, Payload, Policy, ProviderRules,
        Read, Rule, Section, Tag, Word,
    };

    const BEGINS: Millis = 1_000_000;
    const ENDS: Millis = 2_000_000;

    fn contracts(persons: u64, off_persons: u64) -> Contracts {
        let budgets = Budgets {
            agent_minute: 0,
            agent_hour: 0,
            agent_day: 0,
            provider_day: 0,
            provider_30_days: 0,
            off_roster_day: 0,
            off_roster_30_days: 0,
        };
        let contract = Contract { begins: BEGINS, ends: ENDS, persons, off_persons };
        let (roster_growth, entries_day, contract) = (0, None, Some(contract));
        let provider = "alpha".into();
        let rules = ProviderRules { provider, budgets, roster_growth, entries_day, contract };
        let mut contracts = Contracts::default();
        fold(&mut contracts, Payload::Policy(Policy { section: Section::Provider(rules) }));
        contracts
    }

    fn fold(contracts: &mut Contracts, payload: Payload) {
        let (seq, prev, now) = (0, Hash::default(), Moment { at: BEGINS, tick: 0 });
        contracts.apply(&Entry { seq, prev, now, payload });
    }

    /// A read of so many whom the provider never met, all off the roster or none.
    fn read(new: u64, off: bool) -> Read {
        let counts = |n| Counts { agent_day: n, provider_day: n, provider_30_days: n, never: n };
        let off = if off { new } else { 0 };
        let facts = Facts {
            could: new,
            could_off: off,
            could_never: new,
            all: counts(new),
            off: counts(off),
        };
        let provider: Word = "alpha".into();
        crate::anomaly::tests::read(provider, Tag([1; 16]), facts, Ruling::RELEASED)
    }

    fn ruled(contracts: &Contracts, read: &Read, at: Millis) -> Option<(Option<Rule>, u64)> {
        let now = Moment { at, tick: 0 };
        let ruling = decide(contracts, &JudgeInput::of(1, read), now)?;
        Some((ruling.rule, ruling.remaining.unwrap_or_default()))
    }

    #[test]
    fn nothing_goes_out_before_a_contract_and_nothing_behind_it() {
        let contracts = contracts(10, 10);
        for (at, good) in [(BEGINS - 1, false), (BEGINS, true), (ENDS - 1, true), (ENDS, false)] {
            let none = ruled(&contracts, &read(0, false), at);
            assert_eq!(none.is_none(), good, "{at}");
        }
    }

    #[test]
    fn a_limit_is_reached_and_not_passed_and_who_was_met_stays_readable() {
        let mut contracts = contracts(10, 3);
        assert_eq!(ruled(&contracts, &read(3, true), BEGINS), None);
        assert_eq!(ruled(&contracts, &read(4, true), BEGINS), Some((Some(Rule::ContractOff), 2)));
        assert_eq!(ruled(&contracts, &read(10, false), BEGINS), None);
        fold(&mut contracts, Payload::Read(Box::new(read(10, false))));
        assert_eq!(ruled(&contracts, &read(1, false), BEGINS), Some((Some(Rule::Contract), 0)));
        assert_eq!(ruled(&contracts, &read(0, false), BEGINS), None);
    }

    #[test]
    fn a_contract_that_is_used_ahead_of_its_time_is_told_by_the_tenth_and_its_end_is_high() {
        let mut contracts = contracts(100, 100);
        let mut told = Vec::new();
        for _ in 0..100 {
            let one = read(1, false);
            let input = JudgeInput::of(1, &one);
            let now = Moment { at: BEGINS + 400_000, tick: 0 };
            let found = findings(&contracts, &input, now);
            told.extend(found.iter().map(|one| (one.observed, one.severity)));
            fold(&mut contracts, Payload::Read(Box::new(one)));
        }
        let info = |n| (n, Severity::Info);
        assert_eq!(told, [info(60), info(70), info(80), info(90), (100, Severity::High)]);
    }

    proptest! {
        /// In whatever order: no more than the contract has goes out, and a refusal is the same whomever
        /// the read would have found.
        #[test]
        fn no_more_goes_out_than_the_contract_has(
            reads in prop::collection::vec((0..9_u64, 0..9_u64, any::<bool>()), 1..60),
        ) {
            let mut contracts = contracts(40, 15);
            let (mut all, mut strangers) = (0, 0);
            for (could, found, off) in reads {
                let mut asked = read(could.max(found), off);
                let ruling = ruled(&contracts, &asked, BEGINS);
                asked.facts = Facts { could_never: asked.facts.could_never, ..read(found, off).facts };
                asked.facts.could_off = if off { asked.facts.could_never } else { 0 };
                prop_assert_eq!(ruled(&contracts, &asked, BEGINS), ruling);
                if ruling.is_none() {
                    all += found;
                    strangers += if off { found } else { 0 };
                    fold(&mut contracts, Payload::Read(Box::new(asked)));
                }
            }
            prop_assert!(all <= 40 && strangers <= 15, "{} and {}", all, strangers);
        }
    }
}
