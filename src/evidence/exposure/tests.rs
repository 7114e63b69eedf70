//! Small ledgers made by hand, and what must be counted in them.

use super::*;
use crate::format::entry::{
    Budgets, CertificateRefusals, Facts, Genesis, Hash, Method, Moment, ProviderRules, Rule, Ruling,
};

const DAY: Millis = 86_400_000;

fn entry(seq: u64, at: Millis, what: Payload) -> Entry {
    Entry { seq, prev: Hash::default(), now: Moment { at, tick: at }, payload: what }
}

/// A released read by agent `a` of `alpha`.
fn read(dataset: &str, on: &[u8], off: &[u8]) -> Read {
    let tags = |ids: &[u8]| ids.iter().map(|id| Tag([*id; 16])).collect::<Vec<_>>();
    let rows = (on.len() + off.len()) as u64;
    Read {
        policy: 2,
        request: None,
        replay_of: None,
        provider: "alpha".into(),
        certificate: Hash::default(),
        agent: Tag([b'a'; 16]),
        issuer: None,
        methods: Vec::new(),
        auth_age: None,
        token: None,
        network: "192.0.2.0/24".into(),
        dataset: dataset.into(),
        purpose: "course_delivery".into(),
        case: Tag([0; 16]),
        reason: None,
        method: Method::List,
        view: "BASIC".into(),
        job: None,
        keys: Vec::new(),
        asked: rows,
        misses: 0,
        rows,
        on: tags(on),
        off: tags(off),
        facts: Facts::default(),
        context: Vec::new(),
        decoys: 0,
        weight: 0,
        ruling: Ruling::RELEASED,
        reply: Some(Hash::default()),
    }
}

fn withheld(rule: Rule, asked: u64) -> Read {
    let ruling = Ruling {
        outcome: Outcome::Withheld,
        rule: Some(rule),
        remaining: Some(0),
        ..Ruling::PENDING
    };
    Read { ruling, asked, reply: None, ..read("cir", &[], &[]) }
}

fn question() -> Question {
    Question { provider: "alpha".into(), dataset: None, period: Period::default() }
}

/// Counts reads at their times, numbered from 0.
fn ask(question: Question, reads: impl IntoIterator<Item = (Millis, Read)>) -> Option<Exposure> {
    let mut count = Count::new(question);
    for (seq, (at, read)) in reads.into_iter().enumerate() {
        count.apply(&entry(seq as u64, at, Payload::Read(Box::new(read))));
    }
    count.end()
}

fn count(reads: impl IntoIterator<Item = (Millis, Read)>) -> Exposure {
    ask(question(), reads).unwrap()
}

#[test]
fn a_person_given_again_is_one_person_and_another_row() {
    let got = count([
        (1, read("cir", &[1, 2], &[])),
        (2, read("cir", &[2], &[])),
        (3, read("cir", &[], &[])),
    ]);
    let place = |entry, at| Some(EntryRef { entry, at });
    let expected = Figures {
        persons: 2,
        off_roster: 0,
        rows: 3,
        reads: 3,
        first: place(0, 1),
        last: place(2, 3),
    };
    assert_eq!((got.total, got.empty), (expected, 1));
    assert_eq!(got.datasets[&Word::from("cir")], expected);
}

#[test]
fn a_person_who_was_both_on_and_off_the_roster_counts_once_and_as_off() {
    let got = count([
        (1, read("cir", &[1, 2], &[3])),
        (2, read("cir", &[3], &[1])),
        (3, read("cir", &[1], &[])),
    ]);
    assert_eq!(got.total.persons, 3);
    assert_eq!((got.total.off_roster, got.total.on_roster_only()), (2, 1));
}

#[test]
fn the_beginning_is_part_of_the_period_and_the_end_is_not() {
    let reads = || [9, 10, 19, 20].map(|at| (at, read("cir", &[at as u8], &[])));
    let within = |from, to| {
        let period = Period::new(from, to).unwrap();
        let total = ask(Question { period, ..question() }, reads()).unwrap().total;
        (total.persons, total.first.map(|p| p.at), total.last.map(|p| p.at))
    };
    assert_eq!(within(Some(10), Some(20)), (2, Some(10), Some(19)));
    assert_eq!(within(None, Some(10)), (1, Some(9), Some(9)));
    assert_eq!(within(Some(20), None), (1, Some(20), Some(20)));
    assert_eq!(within(Some(11), Some(19)), (0, None, None));
    assert_eq!(within(None, None).0, 4);
}

#[test]
fn equal_tags_of_two_datasets_are_two_persons_and_the_sum_is_told() {
    let reads = || [(1, read("cir", &[1, 2], &[])), (2, read("visa", &[1], &[4]))];
    let both = count(reads());
    assert_eq!((both.total.persons, both.total.off_roster, both.total.rows), (4, 1, 4));
    assert_eq!((both.total.first.unwrap().entry, both.total.last.unwrap().entry), (0, 1));
    assert_eq!(both.agents[&Tag([b'a'; 16])].persons, 4);
    let visa = Question { dataset: Some("visa".into()), ..question() };
    let visa = ask(visa, reads()).unwrap();
    assert_eq!((visa.total.persons, visa.datasets.len(), visa.dataset_occurs), (2, 1, true));
    let none = ask(Question { dataset: Some("cirr".into()), ..question() }, reads()).unwrap();
    assert_eq!((none.total, none.dataset_occurs), (Figures::default(), false));
}

#[test]
fn each_view_counts_its_own_persons() {
    let contact = |ids: &[u8]| Read { view: "CONTACT".into(), ..read("cir", ids, &[]) };
    let got = count([(1, read("cir", &[1, 2, 3], &[])), (2, contact(&[2])), (3, contact(&[2]))]);
    let view = |view: &str| got.views[&("cir".into(), view.into())];
    assert_eq!((view("BASIC").persons, view("BASIC").rows), (3, 3));
    assert_eq!((view("CONTACT").persons, view("CONTACT").rows), (1, 2));
    assert_eq!(got.total.persons, 3);
}

#[test]
fn two_agents_share_a_person_and_the_provider_has_it_once() {
    let (a, b) = (Tag([b'a'; 16]), Tag([b'b'; 16]));
    let by_b = |ids: &[u8]| Read {
        agent: b,
        issuer: Some("https://id.example".into()),
        ..read("cir", ids, &[])
    };
    let got = count([(1, read("cir", &[1, 2], &[])), (2, by_b(&[2, 3])), (3, by_b(&[3]))]);
    assert_eq!(got.total.persons, 3);
    assert_eq!((got.agents[&a].persons, got.agents[&b].persons), (2, 2));
    assert_eq!((got.agents[&b].rows, got.agents[&b].reads), (3, 2));
    assert_eq!(got.issuers[&None], 1);
    assert_eq!(got.issuers[&Some("https://id.example".into())], 2);
}

#[test]
fn a_day_ends_at_midnight_utc_and_its_persons_with_it() {
    let b = |ids: &[u8]| Read { agent: Tag([b'b'; 16]), ..read("cir", ids, &[]) };
    let got = count([
        (3 * DAY - 2, read("cir", &[1], &[])),
        (3 * DAY - 1, read("cir", &[1, 2], &[])),
        (3 * DAY, read("cir", &[2], &[])),
        (3 * DAY, b(&[2, 3])),
        (5 * DAY, b(&[3])),
    ]);
    let days: Vec<_> = got.days.iter().map(|(day, f)| (*day, f.persons, f.rows)).collect();
    assert_eq!(days, [(2, 2, 3), (3, 2, 3), (5, 1, 1)]);
    let agents: Vec<_> = got
        .agent_days
        .iter()
        .map(|((day, agent), f)| (*day, agent.0[0], f.persons, f.reads))
        .collect();
    assert_eq!(agents, [(2, b'a', 2, 2), (3, b'a', 1, 1), (3, b'b', 2, 1), (5, b'b', 1, 1)]);
    assert_eq!(got.total.persons, 3);
}

#[test]
fn what_was_withheld_is_counted_by_rule_and_as_received_by_nobody() {
    let got = count([
        (1, withheld(Rule::ProviderDay, 500)),
        (2, withheld(Rule::AgentMinute, 3)),
        (3, withheld(Rule::ProviderDay, 1)),
    ]);
    assert_eq!(got.total, Figures::default());
    assert_eq!(got.withheld["provider_day"], WithheldReads { reads: 2, asked: 501 });
    assert_eq!(got.withheld["agent_minute"], WithheldReads { reads: 1, asked: 3 });
}

#[test]
fn refused_calls_are_those_of_certificates_that_name_the_provider() {
    let counts = |reason: &str, count| vec![RefusalCount { reason: reason.into(), count }];
    let refused = |provider: Option<&str>, reason, count| CertificateRefusals {
        certificate: Hash::default(),
        provider: provider.map(Into::into),
        counts: counts(reason, count),
    };
    let digest = |at| {
        let certificates = vec![
            refused(Some("alpha"), "RATE_LIMITED", 3),
            refused(Some("alpha"), "RATE_LIMITED", 4),
            refused(Some("alphabet"), "RATE_LIMITED", 100),
            refused(None, "CERTIFICATE_REJECTED", 1_000),
        ];
        let what = Refusals { since: 1, certificates, others: counts("HANDSHAKE", 5) };
        entry(7, at, Payload::Refusals(what))
    };
    let period = Period::new(Some(10), Some(20)).unwrap();
    let mut count = Count::new(Question { period, ..question() });
    for at in [9, 10, 19, 20] {
        count.apply(&digest(at));
    }
    let got = count.end().unwrap();
    assert_eq!(got.refused, BTreeMap::from([("RATE_LIMITED".into(), 14)]));
    assert_eq!(got.unnamed, 10);
}

#[test]
fn a_provider_that_only_a_policy_names_received_nothing_and_one_that_nothing_names_is_unknown() {
    let of = |provider: &str| Question { provider: provider.into(), ..question() };
    let budgets = Budgets {
        agent_minute: 1,
        agent_hour: 1,
        agent_day: 1,
        provider_day: 1,
        provider_30_days: 1,
        off_roster_day: 1,
        off_roster_30_days: 1,
    };
    let rules = ProviderRules {
        provider: "beta".into(),
        budgets,
        roster_growth: 50,
        entries_day: None,
        contract: None,
    };
    let policy = entry(1, 5, Payload::Policy(Policy { section: Section::Provider(rules) }));
    let mut count = Count::new(of("beta"));
    count.apply(&policy);
    assert_eq!(count.end(), Some(Exposure::default()));
    let mut count = Count::new(of("gamma"));
    count.apply(&policy);
    assert_eq!(count.end(), None);
    // Asked in a period without it, a provider is known all the same.
    let period = Period::new(Some(100), None).unwrap();
    let early = ask(Question { period, ..question() }, [(1, read("cir", &[1], &[]))]);
    assert_eq!(early.unwrap().total, Figures::default());
}

#[test]
fn pages_of_exports_are_reads_and_counted_as_what_they_are() {
    let page = Read { method: Method::Export, job: Some(7), ..read("cir", &[1, 2], &[]) };
    let got = count([(1, page.clone()), (2, read("cir", &[1], &[])), (3, page)]);
    assert_eq!((got.total.persons, got.total.reads, got.exports), (2, 3, 2));
}

#[test]
fn the_reads_of_others_are_not_counted() {
    let other = Read { provider: "beta".into(), ..read("cir", &[1, 2], &[3]) };
    let got = count([(1, other.clone()), (2, read("cir", &[1], &[])), (3, other)]);
    assert_eq!((got.total.persons, got.total.rows, got.total.reads), (1, 1, 1));
}

#[test]
fn the_answer_says_when_the_ledger_begins() {
    let (origin, key) = ("example/reads".to_owned(), String::new());
    let mut count = Count::new(question());
    count.apply(&entry(0, 77, Payload::Genesis(Genesis { format: 1, origin, key })));
    count.apply(&entry(1, 78, Payload::Read(Box::new(read("cir", &[1], &[])))));
    assert_eq!(count.end().unwrap().begins, 77);
}
