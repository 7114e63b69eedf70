//! Each budget on both sides of its limit, and what no sequence of reads may get out of one.

mod context;

use proptest::prelude::*;

use super::*;
use crate::format::entry::{Counts, Hash, Head};

/// A budget that is never the tightest here.
const WIDE: u64 = 1 << 40;

fn all(size: u64) -> Budgets {
    Budgets {
        agent_minute: size,
        agent_hour: size,
        agent_day: size,
        provider_day: size,
        provider_30_days: size,
        off_roster_day: size,
        off_roster_30_days: size,
    }
}

/// Everything wide but one budget.
fn only(rule: Rule, size: u64) -> Budgets {
    let mut budgets = all(WIDE);
    let field = match rule {
        Rule::AgentMinute => &mut budgets.agent_minute,
        Rule::AgentHour => &mut budgets.agent_hour,
        Rule::AgentDay => &mut budgets.agent_day,
        Rule::ProviderDay => &mut budgets.provider_day,
        Rule::Provider30Days => &mut budgets.provider_30_days,
        Rule::OffRosterDay => &mut budgets.off_roster_day,
        Rule::OffRoster30Days => &mut budgets.off_roster_30_days,
        _ => panic!("no budget"),
    };
    *field = size;
    budgets
}

fn spans() -> Vec<(Rule, Millis)> {
    AGENT.iter().chain(&PROVIDER).map(|kind| (kind.rule, kind.span)).collect()
}

/// A moment whose wall time runs a day ahead of its ticks.
fn moment(tick: Millis) -> Moment {
    Moment { at: tick + DAY, tick }
}

fn entry(tick: Millis, what: Payload) -> Entry {
    Entry { seq: 0, prev: Hash::default(), now: moment(tick), payload: what }
}

/// Puts a policy in force.
fn enact(budget: &mut PersonBudgets, tick: Millis, providers: &[(&str, Budgets)]) {
    for &(provider, budgets) in providers {
        let rules = ProviderRules {
            provider: provider.into(),
            budgets,
            roster_growth: 50,
            entries_day: None,
            contract: None,
        };
        budget.apply(&entry(tick, Payload::Policy(Policy { section: Section::Provider(rules) })));
    }
    let head = Head { digest: Hash::default(), sections: providers.len() as u64, judge: 1 };
    budget.apply(&entry(tick, Payload::Policy(Policy { section: Section::Head(head) })));
}

fn under(budgets: Budgets) -> PersonBudgets {
    let mut budget = PersonBudgets::default();
    enact(&mut budget, 0, &[("alpha", budgets)]);
    budget
}

/// A page of persons who are all new, and all off the roster.
fn new(persons: u64) -> Facts {
    let counts = Counts {
        agent_day: persons,
        provider_day: persons,
        provider_30_days: persons,
        never: persons,
    };
    Facts { could: persons, could_off: persons, could_never: persons, all: counts, off: counts }
}

fn agent(n: u8) -> Tag {
    Tag([n; 16])
}

fn ruling(budget: &PersonBudgets, tick: Millis, who: (&str, Tag), facts: Facts) -> Ruling {
    let read = undecided(who, facts);
    budget.decide(&JudgeInput::of(1, &read), moment(tick))
}

fn undecided(who: (&str, Tag), facts: Facts) -> Read {
    super::super::tests::read(who.0.into(), who.1, facts, Ruling::PENDING)
}

fn read(who: (&str, Tag), facts: Facts, ruling: Ruling) -> Payload {
    Payload::Read(Box::new(Read { ruling, ..undecided(who, facts) }))
}

/// Rules on a read and folds its entry.
fn take(budget: &mut PersonBudgets, tick: Millis, who: (&str, Tag), facts: Facts) -> Ruling {
    let ruling = ruling(budget, tick, who, facts);
    budget.apply(&entry(tick, read(who, facts, ruling)));
    ruling
}

/// Persons left, as a refusal tells them: exactly of the agent's own budgets.
fn left(rule: Rule, persons: u64) -> Option<u64> {
    let own = AGENT.iter().any(|kind| kind.rule == rule);
    Some(if own { persons } else { coarse(persons) })
}

#[test]
fn what_is_left_of_a_provider_s_budget_is_told_in_powers_of_two() {
    let told: Vec<u64> = [0, 1, 2, 3, 4, 7, 8, 400, 1 << 62].map(coarse).to_vec();
    assert_eq!(told, [0, 1, 2, 2, 4, 4, 8, 256, 1 << 62]);
}

const ALPHA: (&str, Tag) = ("alpha", Tag([1; 16]));

#[test]
fn each_budget_holds_its_size_and_not_one_person_more() {
    for (rule, span) in spans() {
        let mut budget = under(only(rule, 5));
        let whole = ruling(&budget, 0, ALPHA, new(6));
        assert_eq!((whole.rule, whole.remaining, whole.fits_at), (Some(rule), left(rule, 5), None));
        for _ in 0..5 {
            assert_eq!(take(&mut budget, 0, ALPHA, new(1)), Ruling::RELEASED, "{rule:?}");
        }
        let next = take(&mut budget, 0, ALPHA, new(1));
        let fits_at = Some(DAY + span / 5);
        let (outcome, remaining) = (Outcome::Withheld, Some(0));
        assert_eq!(next, Ruling { outcome, rule: Some(rule), remaining, fits_at });
        let none = ruling(&budget, 0, ALPHA, new(0));
        assert_eq!(none, Ruling::RELEASED, "what could hold nobody always goes: {rule:?}");
    }
}

#[test]
fn each_budget_fills_again_at_the_millisecond_that_it_named_and_not_before() {
    for (rule, span) in spans() {
        // 7 does not divide any span: the last millisecond is a part of one.
        let mut budget = under(only(rule, 7));
        assert_eq!(take(&mut budget, 3, ALPHA, new(7)), Ruling::RELEASED);
        for persons in 1..=7 {
            let fits_at = ruling(&budget, 10, ALPHA, new(persons)).fits_at.expect("it will fit");
            let tick = 3 + (persons * span).div_ceil(7);
            let before = ruling(&budget, tick - 1, ALPHA, new(persons));
            assert_eq!((before.rule, before.remaining), (Some(rule), left(rule, persons - 1)));
            if AGENT.iter().any(|kind| kind.rule == rule) {
                assert_eq!(fits_at, DAY + tick, "{rule:?}");
                assert_eq!(before.fits_at, Some(fits_at), "asking again names the same time");
            } else {
                // What agents share is named by what is told of it, and never too early.
                assert!(fits_at >= DAY + tick, "{rule:?}");
                let told = coarse(persons - 1);
                let wait = ((persons - told) * span).div_ceil(7);
                assert_eq!(before.fits_at, Some(DAY + tick - 1 + wait), "{rule:?}");
            }
            assert_eq!(ruling(&budget, tick, ALPHA, new(persons)), Ruling::RELEASED);
        }
        assert_eq!(ruling(&budget, 10, ALPHA, new(8)).fits_at, None, "more than it ever holds");
    }
}

#[test]
fn a_full_budget_does_not_overflow_however_long_nobody_reads() {
    for (rule, span) in spans() {
        let mut budget = under(only(rule, 5));
        take(&mut budget, 0, ALPHA, new(5));
        let later = 1_000 * span;
        assert_eq!(ruling(&budget, later, ALPHA, new(6)).remaining, left(rule, 5), "{rule:?}");
        assert_eq!(take(&mut budget, later, ALPHA, new(5)), Ruling::RELEASED);
        assert_eq!(ruling(&budget, later, ALPHA, new(1)).remaining, Some(0));
    }
}

#[test]
fn an_empty_budget_never_fits_anybody() {
    for (rule, _) in spans() {
        let budget = under(only(rule, 0));
        let withheld = ruling(&budget, DAY, ALPHA, new(1));
        assert_eq!((withheld.remaining, withheld.fits_at), (Some(0), None), "{rule:?}");
    }
}

#[test]
fn the_tightest_budget_is_named_and_the_time_is_when_all_fit() {
    let mut budget = under(Budgets { agent_minute: 4, provider_day: 6, ..all(WIDE) });
    take(&mut budget, 0, ALPHA, new(4));
    let withheld = ruling(&budget, 0, ALPHA, new(3));
    assert_eq!((withheld.rule, withheld.remaining), (Some(Rule::AgentMinute), Some(0)));
    // The minute's would be there at 45 s; the third person of the day takes a sixth of a day.
    assert_eq!(withheld.fits_at, Some(DAY + DAY / 6));
    let never = ruling(&budget, 0, ALPHA, new(5));
    assert_eq!(never.fits_at, None, "one budget that never fits is enough");
}

#[test]
fn a_budget_is_charged_what_was_new_and_not_what_could_have_been() {
    let mut budget = under(all(10));
    let found = Facts { could: 10, could_off: 10, could_never: 10, ..new(2) };
    assert_eq!(take(&mut budget, 0, ALPHA, found), Ruling::RELEASED);
    assert_eq!(ruling(&budget, 0, ALPHA, new(8)), Ruling::RELEASED);
    assert_eq!(ruling(&budget, 0, ALPHA, new(9)).remaining, Some(8));
}

#[test]
fn a_withheld_read_is_charged_to_nobody() {
    let mut budget = under(all(5));
    for _ in 0..9 {
        assert_eq!(take(&mut budget, 0, ALPHA, new(6)).outcome, Outcome::Withheld);
    }
    assert_eq!(take(&mut budget, 0, ALPHA, new(5)), Ruling::RELEASED);
}

#[test]
fn agents_share_their_provider_s_budgets_and_nobody_else_s() {
    let mut budget = PersonBudgets::default();
    let budgets = Budgets { agent_day: 3, provider_day: 5, ..all(WIDE) };
    enact(&mut budget, 0, &[("alpha", budgets), ("beta", budgets)]);
    assert_eq!(take(&mut budget, 0, ALPHA, new(3)), Ruling::RELEASED);
    let same = ruling(&budget, 0, ALPHA, new(1));
    assert_eq!((same.rule, same.remaining), (Some(Rule::AgentDay), Some(0)));
    let other = ruling(&budget, 0, ("alpha", agent(2)), new(3));
    assert_eq!((other.rule, other.remaining), (Some(Rule::ProviderDay), Some(2)));
    // The same tag at another provider is another person.
    assert_eq!(take(&mut budget, 0, ("beta", agent(1)), new(3)), Ruling::RELEASED);
}

#[test]
fn a_provider_without_rules_reads_nothing() {
    let mut budget = under(all(5));
    for provider in ["beta", "", "ALPHA"] {
        let withheld = ruling(&budget, 0, (provider, agent(1)), new(0));
        assert_eq!((withheld.outcome, withheld.fits_at), (Outcome::Withheld, None));
        assert_eq!(withheld.remaining, Some(0));
    }
    // Sections are in force with their head, and not before.
    let rules = ProviderRules {
        provider: "beta".into(),
        budgets: all(5),
        roster_growth: 50,
        entries_day: None,
        contract: None,
    };
    budget.apply(&entry(0, Payload::Policy(Policy { section: Section::Provider(rules) })));
    assert_eq!(ruling(&budget, 0, ("beta", agent(1)), new(1)).outcome, Outcome::Withheld);
}

#[test]
fn a_provider_that_was_removed_is_closed_and_comes_back_with_what_it_had_left() {
    let mut budget = under(all(5));
    take(&mut budget, 0, ALPHA, new(5));
    enact(&mut budget, 0, &[("beta", all(5))]);
    assert_eq!(ruling(&budget, 0, ALPHA, new(0)).outcome, Outcome::Withheld);
    enact(&mut budget, 0, &[("alpha", all(5))]);
    assert_eq!(ruling(&budget, 0, ALPHA, new(1)).remaining, Some(0));
    let other = ruling(&budget, 0, ("alpha", agent(2)), new(1));
    assert_eq!((other.rule, other.remaining), (Some(Rule::ProviderDay), Some(0)));
}

#[test]
fn a_larger_size_fills_nothing_up_and_a_smaller_one_holds_at_once() {
    for (rule, span) in spans() {
        let mut budget = under(only(rule, 5));
        take(&mut budget, 0, ALPHA, new(4));
        enact(&mut budget, 0, &[("alpha", only(rule, 50))]);
        let grown = ruling(&budget, 0, ALPHA, new(2));
        assert_eq!((grown.rule, grown.remaining), (Some(rule), Some(1)));
        assert_eq!(grown.fits_at, Some(DAY + span / 50), "it refills by its new size");
        enact(&mut budget, span, &[("alpha", only(rule, 3))]);
        assert_eq!(ruling(&budget, span, ALPHA, new(4)).remaining, left(rule, 3), "{rule:?}");
        enact(&mut budget, span, &[("alpha", only(rule, 50))]);
        assert_eq!(ruling(&budget, span, ALPHA, new(4)).remaining, left(rule, 3), "{rule:?}");
    }
}

#[test]
fn a_refusal_is_the_same_for_all_that_colleagues_took_between_two_powers_of_two() {
    let budgets = Budgets { agent_minute: 30, ..only(Rule::OffRoster30Days, 64) };
    for (asked, own) in [(30, 2), (40, 0), (30, 14)] {
        let told = |colleagues: u64, tick| {
            let mut budget = under(budgets);
            for n in 0..colleagues {
                let who = ("alpha", agent(u8::try_from(100 + n).expect("few")));
                assert_eq!(take(&mut budget, tick, who, new(1)), Ruling::RELEASED);
            }
            let again = Facts { off: Counts::default(), ..new(own) };
            take(&mut budget, DAY, ALPHA, again);
            ruling(&budget, DAY, ALPHA, new(asked))
        };
        // From 31 persons down to 17, taken on that day or as it began.
        let first = told(36, DAY);
        assert_eq!(first.outcome, Outcome::Withheld);
        for (colleagues, tick) in [(35, DAY), (40, DAY), (47, DAY), (36, DAY - HOUR)] {
            assert_eq!(told(colleagues, tick), first, "{asked} asked, {colleagues} of colleagues");
        }
    }
}

proptest! {
    #[test]
    fn in_no_window_does_more_go_than_the_size_and_what_it_refilled(
        which in 0..7_usize,
        size in 1..40_u64,
        reads in prop::collection::vec((0..100_u64, 0..12_u64), 1..60),
    ) {
        let (rule, span) = spans()[which];
        let mut budget = under(only(rule, size));
        let mut tick = 0;
        let mut gone = Vec::new();
        for (percent, persons) in reads {
            tick += span * percent / 1_000;
            if take(&mut budget, tick, ALPHA, new(persons)) == Ruling::RELEASED {
                gone.push((tick, persons));
            }
        }
        for from in 0..gone.len() {
            let mut sum = 0;
            for &(to, persons) in &gone[from..] {
                sum += persons;
                let refilled = u128::from(to - gone[from].0) * u128::from(size);
                let most = u128::from(size * span) + refilled;
                prop_assert!(u128::from(sum * span) <= most, "{rule:?}: {sum} in a window");
            }
        }
    }

    #[test]
    fn folding_the_same_entries_leads_to_the_same_rulings(
        size in 1..40_u64,
        reads in prop::collection::vec((0..200_000_u64, 0..12_u64, 0..3_u8), 1..60),
    ) {
        let mut budget = under(all(size));
        let mut entries = Vec::new();
        let mut tick = 0;
        for (passed, persons, who) in reads {
            tick += passed;
            let who = ("alpha", agent(who));
            let ruled = ruling(&budget, tick, who, new(persons));
            let entry = entry(tick, read(who, new(persons), ruled));
            budget.apply(&entry);
            entries.push((who, persons, ruled, entry));
        }
        let mut again = under(all(size));
        for (who, persons, ruled, entry) in entries {
            prop_assert_eq!(ruling(&again, entry.now.tick, who, new(persons)), ruled);
            again.apply(&entry);
        }
    }
}
