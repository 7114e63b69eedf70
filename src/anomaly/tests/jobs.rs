//! The judge on exports: beside budgets and detectors, and the same again from the entries.

use super::*;
use crate::format::entry::{Contract, JobTerms};

/// Entry number of the job that [`opened`] declares.
const JOB: u64 = 4;

/// A bench on which a provider has a job of so many rows.
fn opened(budgets: Budgets, rows: u64) -> Bench {
    let mut bench = Bench::under(budgets);
    let (purpose, view) = ("course_delivery".into(), "BASIC".into());
    let job = JobTerms { purpose, view, rows, from: 0, until: 400 * DAY };
    let (provider, dataset) = ("alpha".into(), "cir".into());
    assert_eq!(bench.decided(Deed::DeclareJob { provider, dataset, job }), JOB);
    bench.decided(Deed::ApproveJob { declared: JOB });
    bench
}

/// A page of so many persons, as it would be recorded.
fn export(bench: &mut Bench, agent: u8, view: &str, persons: u64) -> (Ruling, Vec<Alert>) {
    let of = Read {
        method: Method::Export,
        job: Some(JOB),
        asked: persons,
        view: view.into(),
        ..read("alpha".into(), Tag([agent; 16]), on(persons), Ruling::PENDING)
    };
    let counted = JudgeInput::of(bench.entries.len() as u64, &of);
    let Decision { ruling, alerts } = bench.judge.decide(&counted, &bench.standing, bench.now);
    let rows = if ruling == Ruling::RELEASED { persons } else { 0 };
    bench.add(Payload::Read(Box::new(Read { rows, ruling, ..of })));
    for alert in &alerts {
        bench.add(Payload::Alert(alert.clone()));
    }
    (ruling, alerts)
}

#[test]
fn an_export_takes_nothing_of_the_budgets_and_clears_nobody() {
    let small = Budgets { agent_minute: 5, agent_hour: 5, agent_day: 5, ..WIDE };
    let mut bench = opened(small, 1_000);
    for _ in 0..10 {
        assert_eq!(export(&mut bench, 1, "BASIC", 100), (Ruling::RELEASED, Vec::new()));
    }
    assert_eq!(bench.read(("alpha", 1), on(5)).0, Ruling::RELEASED, "the budgets are full");
    bench.assert_replays();
    // A thousand persons on the roster do not make up for strangers.
    let mut bench = opened(WIDE, 1_000);
    for _ in 0..10 {
        export(&mut bench, 1, "BASIC", 100);
    }
    assert_eq!(bench.strangers(("alpha", 1), 100), 12);
    bench.assert_replays();
}

#[test]
fn a_contained_agent_exports_nothing_and_a_breach_closes_the_exports() {
    let mut bench = opened(WIDE, 1_000);
    bench.strangers(("alpha", 1), 100);
    let (ruling, alerts) = export(&mut bench, 1, "BASIC", 10);
    assert_eq!((ruling.rule, alerts.len()), (Some(Rule::Contained), 0), "throttled");
    let (ruling, alerts) = export(&mut bench, 2, "CONTACT", 10);
    assert_eq!(ruling, Ruling::contained(None));
    assert_eq!((alerts[0].rule, alerts[0].severity), (Rule::Job, Severity::Critical));
    assert!(bench.standing.containment.published().exports.contains("alpha"));
    let (ruling, alerts) = export(&mut bench, 3, "BASIC", 10);
    assert_eq!((ruling, alerts.len()), (Ruling::contained(None), 0));
    bench.act(Deed::Lift, "alpha", None);
    assert!(!bench.standing.containment.published().exports.contains("alpha"));
    assert_eq!(export(&mut bench, 3, "BASIC", 10).0, Ruling::RELEASED);
    bench.assert_replays();
}

#[test]
fn a_breach_of_a_job_is_one_outside_of_the_contract_too() {
    let mut bench = opened(WIDE, 1_000);
    let contract = Some(Contract { begins: 0, ends: 1, persons: 9, off_persons: 9 });
    let (provider, entries_day) = ("alpha".into(), None);
    let rules = ProviderRules { provider, budgets: WIDE, roster_growth: 50, entries_day, contract };
    bench.add(Payload::Policy(Policy { section: Section::Provider(rules) }));
    let (ruling, alerts) = export(&mut bench, 1, "BASIC", 10);
    assert_eq!((ruling.rule, alerts.len()), (Some(Rule::Contract), 0));
    let (ruling, alerts) = export(&mut bench, 1, "CONTACT", 10);
    assert_eq!(ruling, Ruling::contained(None));
    assert_eq!((alerts[0].rule, alerts[0].severity), (Rule::Job, Severity::Critical));
    bench.assert_replays();
}

proptest! {
    #[test]
    fn any_exports_among_reads_replay_and_stay_within_the_job(
        steps in prop::collection::vec((0_u8..12, 0_u8..3, 1_u64..40), 0..80),
        rows in 1_u64..300,
    ) {
        let mut bench = opened(Budgets { agent_hour: 60, ..WIDE }, rows);
        let mut out = 0;
        for (step, agent, n) in steps {
            match step {
                0 => drop(bench.decided(Deed::WithdrawJob { declared: JOB })),
                1 => bench.act(Deed::Lift, "alpha", None),
                2 => bench.act(Deed::Lift, "alpha", Some(agent)),
                3 => drop(bench.read(("alpha", agent), on(n))),
                4 => drop(bench.read(("alpha", agent), off(n % 9))),
                5 => bench.pass(n * 60_000),
                6 => {
                    let (ruling, _) = export(&mut bench, agent, "CONTACT", n);
                    prop_assert_eq!(ruling.outcome, Outcome::Withheld);
                }
                _ => {
                    let (ruling, alerts) = export(&mut bench, agent, "BASIC", n);
                    prop_assert!(alerts.is_empty());
                    out += if ruling == Ruling::RELEASED { n } else { 0 };
                }
            }
        }
        prop_assert!(out <= rows);
        bench.assert_replays();
    }
}
