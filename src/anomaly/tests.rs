//! The judge as a whole: reads in, rulings and alerts out, and the same again from the entries.

mod blind;
mod first_touch;
mod jobs;
mod volume;

use super::replay::Replay;
use super::*;
use crate::format::entry::{
    Act, Alert, Budgets, Counts, Deed, Detectors, Facts, Hash, Head, Measure, Method, Nonce,
    Payload, Policy, ProviderRules, Read, RosterRule, SearchKey, Section, SignedAct, Statement,
    Tag, Whom, Word,
};
use proptest::prelude::*;

const WIDE: Budgets = Budgets {
    agent_minute: 10_000,
    agent_hour: 10_000,
    agent_day: 10_000,
    provider_day: 10_000,
    provider_30_days: 10_000,
    off_roster_day: 1_000,
    off_roster_30_days: 1_000,
};

/// A ledger in memory, as the registrar writes it.
struct Bench {
    judge: Box<dyn Judge>,
    standing: Standing,
    entries: Vec<Entry>,
    now: Moment,
}

impl Bench {
    fn under(budgets: Budgets) -> Bench {
        let judge = AnomalyJudge::fresh();
        let now = Moment { at: DAY, tick: 0 };
        let standing = Standing::default();
        let mut bench = Bench { judge, standing, entries: Vec::new(), now };
        let policy = |section| Payload::Policy(Policy { section });
        bench.add(policy(Section::Detectors(Detectors::default())));
        for provider in ["alpha", "beta"] {
            let rules = ProviderRules {
                provider: provider.into(),
                budgets,
                roster_growth: 50,
                entries_day: None,
                contract: None,
            };
            bench.add(policy(Section::Provider(rules)));
        }
        let head = Head { digest: Hash::default(), sections: 3, judge: VERSION };
        bench.add(policy(Section::Head(head)));
        bench
    }

    fn add(&mut self, what: Payload) -> u64 {
        let seq = self.entries.len() as u64;
        let entry = Entry { seq, prev: Hash::default(), now: self.now, payload: what };
        self.judge.apply(&entry);
        self.standing.apply(&entry);
        self.entries.push(entry);
        seq
    }

    /// A read as it would be recorded; what was ruled, and the alerts behind it.
    fn read(&mut self, who: (&str, u8), facts: Facts) -> (Ruling, Vec<Alert>) {
        self.ask(who, Method::List, facts, 0, Vec::new())
    }

    /// A search by keys that nobody used before; 1 miss, or somebody new of the roster.
    fn search(&mut self, who: (&str, u8), misses: u64) -> (Ruling, Vec<Alert>) {
        self.search_by(who, misses, self.entries.len() as u64)
    }

    /// A search by two keys, of which only the second has this number in it.
    fn search_by(&mut self, who: (&str, u8), misses: u64, key: u64) -> (Ruling, Vec<Alert>) {
        let facts = if misses > 0 { Facts { could: 1, could_never: 1, ..AGAIN } } else { on(1) };
        let tag = Tag(u128::from(key).to_be_bytes());
        let keys = vec![
            SearchKey { name: "birth_date".into(), tag: Tag([7; 16]) },
            SearchKey { name: "family_key".into(), tag },
        ];
        self.ask(who, Method::Search, facts, misses, keys)
    }

    fn ask(
        &mut self,
        who: (&str, u8),
        method: Method,
        facts: Facts,
        misses: u64,
        keys: Vec<SearchKey>,
    ) -> (Ruling, Vec<Alert>) {
        let read = read(who.0.into(), Tag([who.1; 16]), facts, Ruling::PENDING);
        self.judged(Read { method, misses, keys, ..read })
    }

    /// A read that is not judged yet.
    fn judged(&mut self, read: Read) -> (Ruling, Vec<Alert>) {
        let counted = JudgeInput::of(self.entries.len() as u64, &read);
        let decision = self.judge.decide(&counted, &self.standing, self.now);
        let ruling = decision.ruling;
        self.add(Payload::Read(Box::new(Read { ruling, ..read })));
        for alert in &decision.alerts {
            self.add(Payload::Alert(alert.clone()));
        }
        (ruling, decision.alerts)
    }

    /// So many strangers one by one; how many were released before the first was withheld.
    fn strangers(&mut self, who: (&str, u8), most: u64) -> u64 {
        (0..most).take_while(|_| self.read(who, off(1)).0 == Ruling::RELEASED).count() as u64
    }

    fn act(&mut self, deed: fn(Whom) -> Deed, provider: &str, agent: Option<u8>) {
        let agent = agent.map(|n| Tag([n; 16]));
        self.decided(deed(Whom { provider: provider.into(), agent }));
    }

    /// The number of the act.
    fn decided(&mut self, deed: Deed) -> u64 {
        let (reason, nonce) = ("an exercise".to_owned(), Nonce([0; 16]));
        let statement = Statement { deed, reason, nonce, expires: 0 };
        let (id, certificate, signatures) = ("admin-1".into(), None, Vec::new());
        self.add(Payload::Act(Act::Signed(SignedAct { id, certificate, statement, signatures })))
    }

    /// Whether the door refuses a call of the roster, unseen.
    fn refused(&self, who: (&str, u8), page: bool) -> bool {
        let agent = || Tag([who.1; 16]);
        self.standing.containment.published().refuses(&who.0.into(), agent, page, false)
    }

    fn alerts(&self) -> Vec<&Alert> {
        let alert = |entry: &'_ Entry| matches!(entry.payload, Payload::Alert(_));
        let alerts = self.entries.iter().filter(|entry| alert(entry));
        alerts
            .filter_map(|e| if let Payload::Alert(a) = &e.payload { Some(a) } else { None })
            .collect()
    }

    fn pass(&mut self, ticks: Millis) {
        self.now = Moment { at: self.now.at + ticks, tick: self.now.tick + ticks };
    }

    /// A second judge comes to the same.
    fn assert_replays(&self) {
        let replay = replayed(&self.entries);
        assert_eq!((replay.difference(), replay.foreign), (None, 0));
    }
}

fn replayed(entries: &[Entry]) -> Replay {
    let (mut replay, mut standing) = (Replay::default(), Standing::default());
    for entry in entries {
        replay.apply(entry, &standing);
        standing.apply(entry);
    }
    replay
}

/// A read of which nothing matters but this.
pub(crate) fn read(provider: Word, agent: Tag, facts: Facts, ruling: Ruling) -> Read {
    Read {
        policy: 3,
        request: None,
        replay_of: None,
        provider,
        certificate: Hash::default(),
        agent,
        issuer: None,
        methods: Vec::new(),
        auth_age: None,
        token: None,
        network: "192.0.2.0/24".into(),
        dataset: "cir".into(),
        purpose: "course_delivery".into(),
        case: agent,
        reason: None,
        method: Method::List,
        view: "BASIC".into(),
        job: None,
        keys: Vec::new(),
        asked: facts.could,
        misses: 0,
        rows: 0,
        on: Vec::new(),
        off: Vec::new(),
        facts,
        context: Vec::new(),
        decoys: 0,
        weight: 0,
        ruling,
        reply: None,
    }
}

fn counts(n: u64) -> Counts {
    Counts { agent_day: n, provider_day: n, provider_30_days: n, never: n }
}

/// New persons, all off the roster.
fn off(n: u64) -> Facts {
    Facts { could: n, could_off: n, could_never: n, all: counts(n), off: counts(n) }
}

/// New persons, all on it, whom the provider met before these 30 days.
fn on(n: u64) -> Facts {
    let all = Counts { never: 0, ..counts(n) };
    Facts { could: n, could_off: 0, could_never: n, all, off: Counts::default() }
}

/// A file that this agent was given today.
const AGAIN: Facts = Facts {
    could: 0,
    could_off: 0,
    could_never: 0,
    all: Counts { agent_day: 0, provider_day: 0, provider_30_days: 0, never: 0 },
    off: Counts { agent_day: 0, provider_day: 0, provider_30_days: 0, never: 0 },
};

const A: (&str, u8) = ("alpha", 1);

#[test]
fn the_thirteenth_stranger_in_a_row_is_withheld_and_whoever_goes_on_is_frozen() {
    let mut bench = Bench::under(WIDE);
    assert_eq!(bench.strangers(A, 20), 12);
    let said: Vec<_> = bench.alerts().iter().map(|a| (a.severity, a.observed, a.off)).collect();
    let info = (Severity::Info, 7 * 3_219, 7);
    // The read that shows it does not count among what was disclosed.
    assert_eq!(said, [info, (Severity::Medium, 13 * 3_219, 12)]);
    // Attempts that get nobody count a fifth each, that thirteenth among them.
    for _ in 0..8 {
        assert_eq!(bench.read(A, off(1)), (Ruling::contained(None), Vec::new()));
    }
    let (ruling, alerts) = bench.read(A, off(1));
    assert_eq!(ruling, Ruling::contained(None));
    assert_eq!((alerts[0].severity, alerts[0].observed), (Severity::High, 12 * 3_219 + 10 * 673));
    assert_eq!(alerts[0].measures, [Measure::Freeze, Measure::CloseOffRoster]);
    assert_eq!((alerts[0].persons, alerts[0].off, alerts[0].until), (12, 12, None));
    // One incident, told once.
    let first = bench.alerts()[0].incident;
    assert!(bench.alerts().iter().all(|alert| alert.incident == first));
    for _ in 0..5 {
        assert_eq!(bench.read(A, off(1)), (Ruling::contained(None), Vec::new()));
    }
    bench.assert_replays();
}

#[test]
fn a_refusal_is_the_same_whomever_it_would_have_found() {
    let probe = |found: u64| {
        let mut bench = Bench::under(Budgets { off_roster_day: 20, ..WIDE });
        let facts = Facts {
            could: 500,
            could_off: 500,
            could_never: 500,
            all: counts(found),
            off: counts(found),
        };
        let said = (0..80).map(|_| {
            let (ruling, alerts) = bench.read(A, facts);
            (ruling, alerts.len())
        });
        said.collect::<Vec<_>>()
    };
    let nobody = probe(0);
    assert_eq!(probe(1), nobody);
    assert_eq!(probe(500), nobody);
    // Who goes on trying is contained all the same.
    let budget = |ruling: &Ruling| ruling.rule == Some(Rule::OffRosterDay);
    assert_eq!(nobody.iter().take_while(|(ruling, _)| budget(ruling)).count(), 60);
    assert_eq!(nobody[79].0, Ruling::contained(None));
}

#[test]
fn a_burst_of_twelve_now_and_then_is_ordinary_and_persons_on_the_roster_make_up_for_it() {
    let mut bench = Bench::under(WIDE);
    for _ in 0..10 {
        assert_eq!(bench.strangers(A, 12), 12);
        for _ in 0..12 {
            for _ in 0..5 {
                assert_eq!(bench.read(A, on(1)).0, Ruling::RELEASED);
            }
            bench.pass(DAY);
        }
    }
    assert!(bench.alerts().iter().all(|alert| alert.severity == Severity::Info));
    bench.assert_replays();
}

/// So many persons off the roster on each of these days, among many on it; how many were released.
fn patient(bench: &mut Bench, who: (&str, u8), a_day: u64, days: u64) -> u64 {
    let mut released = 0;
    for _ in 0..days {
        // It tries as often again as it is refused.
        let now = bench.strangers(who, a_day);
        (0..a_day - now).for_each(|_| drop(bench.read(who, off(1))));
        released += now;
        bench.read(who, on(30));
        bench.pass(DAY);
    }
    released
}

#[test]
fn one_stranger_a_day_is_found_however_many_of_its_roster_an_agent_reads() {
    let mut bench = Bench::under(WIDE);
    let released = patient(&mut bench, A, 1, 100);
    let high = bench.alerts().into_iter().find(|alert| alert.severity == Severity::High);
    assert_eq!(high.map(|alert| (alert.rule, alert.level)), Some((Rule::Strangers, Level::Agent)));
    assert!(released <= 45, "{released}");
    assert!(bench.refused(A, true));
    bench.assert_replays();
}

#[test]
fn what_is_usual_for_an_agent_is_no_finding_and_more_than_that_is() {
    let mut bench = Bench::under(WIDE);
    let high = |bench: &Bench| {
        let high = |a: &&Alert| (a.severity, a.level) == (Severity::High, Level::Agent);
        bench.alerts().into_iter().filter(high).count()
    };
    // A desk for walk-ins, where each day has one; whenever it is frozen, it is given back.
    for _ in 0..365 {
        bench.act(Deed::Lift, "alpha", Some(1));
        bench.strangers(A, 1);
        bench.read(A, on(30));
        bench.pass(DAY);
    }
    assert_eq!(high(&bench), 0, "a sum that is given back each day stays low");
    // By now one a day is usual: left alone, it is no finding for a year. Three a day soon are.
    patient(&mut bench, A, 1, 365);
    assert_eq!(high(&bench), 0);
    assert!(patient(&mut bench, A, 3, 60) <= 45);
    assert_eq!(high(&bench), 1);
    bench.assert_replays();
}

#[test]
fn an_agent_who_is_away_for_three_months_is_as_if_never_seen() {
    let sum_after = |days: u64| {
        let mut bench = Bench::under(WIDE);
        patient(&mut bench, A, 1, 18);
        bench.pass((days - 1) * DAY);
        bench.strangers(("alpha", 2), 1);
        let before = bench.alerts().len();
        bench.strangers(A, 1);
        bench.alerts().len() - before
    };
    assert_eq!((sum_after(90), sum_after(91)), (1, 0));
}

#[test]
fn fifteen_strangers_a_day_are_a_flood_within_days() {
    let mut bench = Bench::under(WIDE);
    let released = patient(&mut bench, A, 12, 30);
    assert!(released <= 48, "{released}");
    bench.assert_replays();
}

#[test]
fn a_lift_forgets_an_agent_s_strangers_and_not_that_it_reads_on_that_day() {
    let with = |lifted: bool| {
        let mut bench = Bench::under(WIDE);
        for _ in 0..40 {
            bench.strangers(A, 3);
            bench.read(("alpha", 2), on(1));
            if lifted {
                bench.act(Deed::Lift, "alpha", Some(1));
                bench.act(Deed::Lift, "alpha", Some(2));
            }
            bench.read(("alpha", 2), on(1));
            bench.read(A, on(40));
            bench.pass(DAY);
        }
        bench.assert_replays();
        let whole = |a: &&Alert| (a.rule, a.level) == (Rule::Strangers, Level::Provider);
        let alone = bench.alerts().into_iter().filter(|a| a.level == Level::Agent).count();
        (bench.alerts().into_iter().filter(whole).count() > 0, alone)
    };
    let (provider, _) = with(true);
    assert!(provider, "the provider's sum goes on");
    assert!(with(true).1 <= with(false).1);
}

#[test]
fn strangers_of_many_agents_add_up_to_the_provider_s() {
    let mut bench = Bench::under(WIDE);
    let mut released = 0;
    for _ in 0..60 {
        for agent in 1..=12 {
            released += bench.strangers(("alpha", agent), 2);
            bench.read(("alpha", agent), on(30));
        }
        bench.pass(DAY);
    }
    let whole = |a: &&Alert| (a.rule, a.level) == (Rule::Strangers, Level::Provider);
    let high = bench.alerts().into_iter().filter(whole).find(|a| a.severity == Severity::High);
    assert_eq!(high.expect("an alert").measures, [Measure::CloseOffRoster]);
    assert!(released <= 155, "{released}");
    bench.assert_replays();
}

#[test]
fn whoever_tries_one_name_after_another_is_frozen_and_eight_misses_in_a_row_are_ordinary() {
    let mut bench = Bench::under(WIDE);
    for _ in 0..20 {
        for _ in 0..8 {
            assert_eq!(bench.search(A, 1).0, Ruling::RELEASED);
        }
        for _ in 0..10 {
            bench.search(A, 0);
        }
        bench.pass(3 * DAY);
    }
    assert!(bench.alerts().iter().all(|alert| alert.severity == Severity::Info));
    let misses = (0..100).take_while(|_| bench.search(A, 1).0 == Ruling::RELEASED).count();
    assert_eq!(misses, 8);
    // Held back to one in ten seconds, it goes on to the twelfth.
    let tries = (0..10).filter(|_| {
        bench.pass(10_000);
        bench.search(A, 1).0 == Ruling::RELEASED
    });
    assert_eq!(tries.count(), 3);
    assert!(bench.refused(A, true));
    bench.assert_replays();
}

#[test]
fn whoever_looks_at_a_file_of_his_own_between_two_names_clears_himself_of_neither() {
    let mut bench = Bench::under(WIDE);
    bench.ask(A, Method::Get, on(1), 0, Vec::new());
    let misses = (0..200).take_while(|_| {
        let missed = bench.search(A, 1).0 == Ruling::RELEASED;
        bench.ask(A, Method::Get, AGAIN, 0, Vec::new());
        bench.ask(A, Method::Get, AGAIN, 0, Vec::new());
        missed
    });
    assert_eq!(misses.count(), 8);
    bench.assert_replays();
}

#[test]
fn whoever_misses_the_same_person_again_and_again_is_no_prober() {
    let mut bench = Bench::under(WIDE);
    // A group whose list is late: eight names, ten times over.
    for _ in 0..10 {
        for name in 0..8 {
            assert_eq!(bench.search_by(A, 1, name).0, Ruling::RELEASED);
        }
    }
    // They are told by all of their keys: another name is another miss, and the ninth is medium.
    bench.search_by(A, 1, 8);
    assert_eq!(bench.alerts().last().map(|alert| alert.severity), Some(Severity::Medium));
    // The list comes, they are found, and are misses no more: eight others are ordinary.
    bench.pass(HOUR);
    (0..9).for_each(|name| drop(bench.search_by(A, 0, name)));
    for name in 20..28 {
        assert_eq!(bench.search_by(A, 1, name).0, Ruling::RELEASED);
    }
    assert_eq!(bench.alerts().last().map(|alert| alert.severity), Some(Severity::Info));
    bench.assert_replays();
}

#[test]
fn of_an_agent_s_misses_the_last_thirty_two_are_known_again() {
    let again = |others: u64| {
        let mut bench = Bench::under(WIDE);
        // A find for each miss keeps the sum low, and never at 0.
        (0..6).for_each(|n| drop(bench.search_by(A, 1, 1_000 + n)));
        bench.search_by(A, 1, 0);
        for name in 1..=others {
            bench.pass(DAY);
            bench.search(A, 0);
            bench.search_by(A, 1, name);
        }
        // Where it is said again after an hour that the sum is high, it has grown.
        bench.pass(HOUR);
        bench.search_by(A, 1, 0).1.is_empty()
    };
    assert_eq!((again(31), again(32)), (true, false));
}

#[test]
fn small_signs_of_different_kinds_add_up_and_of_one_kind_do_not() {
    let mut bench = Bench::under(Budgets { agent_hour: 60, ..WIDE });
    // Past half of an hour's budget, again and again.
    for _ in 0..5 {
        bench.read(A, on(31));
        bench.pass(2 * HOUR);
    }
    assert!(bench.alerts().iter().all(|alert| alert.severity == Severity::Info));
    let before = bench.alerts().len();
    // Then strangers in a row.
    bench.strangers(A, 7);
    let said: Vec<_> = bench.alerts()[before..].iter().map(|a| (a.rule, a.severity)).collect();
    assert_eq!(said, [(Rule::Roster, Severity::Info), (Rule::Signs, Severity::Medium)]);
    // And then misses, within three days.
    bench.pass(DAY);
    for _ in 0..8 {
        bench.search(A, 1);
    }
    let last = bench.alerts().into_iter().next_back().expect("an alert").clone();
    assert_eq!((last.rule, last.severity), (Rule::Signs, Severity::High));
    assert_eq!((last.observed, last.expected), (3, 3));
    bench.assert_replays();
}

#[test]
fn a_page_of_strangers_freezes_at_once_and_is_withheld() {
    let mut bench = Bench::under(WIDE);
    let mixed =
        Facts { could: 500, could_off: 500, could_never: 500, all: counts(500), off: counts(14) };
    let (ruling, alerts) = bench.read(A, mixed);
    // Those off the roster come first: the others do not make up for them beforehand.
    assert_eq!(ruling, Ruling::contained(None));
    assert_eq!((alerts.len(), alerts[0].severity, alerts[0].observed), (1, Severity::High, 45_066));
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(None));
    assert_eq!(bench.read(A, AGAIN).0, Ruling::RELEASED);
    // Another agent of the provider keeps to its roster, and works.
    assert_eq!(bench.read(("alpha", 2), off(1)).0, Ruling::contained(None));
    assert_eq!(bench.read(("alpha", 2), on(15)).0, Ruling::RELEASED);
    assert_eq!(bench.read(("beta", 3), off(1)).0, Ruling::RELEASED);
    bench.assert_replays();
}

#[test]
fn a_withheld_page_of_the_roster_clears_nobody() {
    let mut bench = Bench::under(Budgets { agent_minute: 30, ..WIDE });
    assert_eq!(bench.strangers(A, 12), 12);
    let (ruling, _) = bench.read(A, on(500));
    assert_eq!(ruling.rule, Some(Rule::AgentMinute));
    assert_eq!(bench.strangers(A, 1), 0);
    bench.assert_replays();
}

#[test]
fn a_theft_split_over_agents_adds_up_to_the_provider_s() {
    let mut bench = Bench::under(WIDE);
    let released: u64 = (1..=20).map(|agent| bench.strangers(("alpha", agent), 2)).sum();
    assert_eq!(released, 12);
    let medium = bench.alerts().into_iter().find(|alert| alert.severity == Severity::Medium);
    let medium = medium.expect("an alert");
    assert_eq!(
        (medium.level, &*medium.measures),
        (Level::Provider, &[Measure::CloseOffRoster][..])
    );
    assert!(bench.read(("alpha", 5), on(3)).0 == Ruling::RELEASED);
    bench.assert_replays();
}

#[test]
fn a_throttle_lets_one_person_go_in_ten_seconds_and_ends_after_an_hour() {
    let mut bench = Bench::under(WIDE);
    bench.strangers(A, 13);
    let fits = bench.now.at + 10_000;
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(Some(fits)));
    assert_eq!(bench.read(A, AGAIN).0, Ruling::RELEASED);
    bench.pass(10_000);
    assert_eq!(bench.read(A, on(2)).0, Ruling::contained(None));
    assert_eq!(bench.read(A, on(1)).0, Ruling::RELEASED);
    bench.pass(9_999);
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(Some(bench.now.at + 1)));
    bench.pass(HOUR);
    assert_eq!(bench.read(A, on(20)).0, Ruling::RELEASED);
    bench.assert_replays();
}

#[test]
fn an_exhausted_hour_freezes_and_an_exhausted_off_roster_budget_suspends() {
    let mut bench = Bench::under(Budgets { agent_hour: 60, off_roster_day: 10, ..WIDE });
    let (ruling, alerts) = bench.read(A, on(60));
    assert_eq!(ruling, Ruling::RELEASED);
    let said: Vec<_> = alerts.iter().map(|a| (a.rule, a.severity, a.persons)).collect();
    assert_eq!(said, [(Rule::AgentHour, Severity::High, 60)]);
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(None));

    assert_eq!(bench.strangers(("beta", 2), 20), 10);
    let critical = bench.alerts().into_iter().find(|a| a.severity == Severity::Critical);
    let critical = critical.expect("an alert").clone();
    assert_eq!((critical.rule, critical.off), (Rule::OffRosterDay, 10));
    assert_eq!(critical.measures[0], Measure::SuspendAgent);
    assert_eq!(bench.read(("beta", 2), AGAIN).0, Ruling::contained(None));
    assert!(bench.refused(("beta", 2), false));
    assert!(bench.refused(A, true));
    assert!(!bench.refused(A, false));
    bench.assert_replays();
}

#[test]
fn whoever_takes_the_last_of_a_day_that_somebody_else_took_is_not_suspended() {
    let mut bench = Bench::under(Budgets { off_roster_day: 20, ..WIDE });
    for n in 0..20 {
        // Colleagues at work on the roster.
        bench.read(("alpha", 3), on(5));
        let who = if n < 12 { A } else { ("alpha", 2) };
        assert_eq!(bench.read(who, off(1)).0, Ruling::RELEASED);
    }
    let last = bench.alerts().into_iter().next_back().expect("an alert").clone();
    assert_eq!((last.rule, last.severity), (Rule::OffRosterDay, Severity::Critical));
    assert_eq!(last.measures, [Measure::CloseOffRoster, Measure::CloseExports]);
    assert_eq!(bench.read(("alpha", 2), on(1)).0, Ruling::RELEASED);
    assert_eq!(bench.read(A, off(1)).0, Ruling::contained(None));
    bench.assert_replays();
}

#[test]
fn a_theft_that_goes_on_with_a_second_agent_suspends_the_provider() {
    let mut bench = Bench::under(Budgets { off_roster_day: 5, ..WIDE });
    assert_eq!(bench.strangers(("alpha", 1), 9), 5);
    // The second gets nobody, and what it asks for is the provider's affair only when it does.
    for _ in 0..100 {
        assert_eq!(bench.read(("alpha", 2), off(1)).0, Ruling::contained(None));
    }
    assert_eq!(bench.read(("alpha", 3), on(1)).0, Ruling::RELEASED);
    bench.act(Deed::Lift, "alpha", Some(2));
    bench.act(Deed::Lift, "alpha", None);
    assert_eq!(bench.read(("alpha", 1), AGAIN).0, Ruling::contained(None));
    bench.pass(DAY);
    assert_eq!(bench.strangers(("alpha", 2), 9), 5);
    let last = bench.alerts().into_iter().next_back().expect("an alert").clone();
    assert_eq!(
        (last.severity, &*last.measures),
        (Severity::Critical, &[Measure::SuspendProvider][..])
    );
    assert_eq!(bench.read(("alpha", 3), AGAIN).0, Ruling::contained(None));
    assert_eq!(bench.read(("beta", 4), on(1)).0, Ruling::RELEASED);
    bench.assert_replays();
}

#[test]
fn a_budget_past_half_is_worth_knowing_once_an_hour() {
    let mut bench = Bench::under(Budgets { agent_hour: 60, ..WIDE });
    assert_eq!(bench.read(A, on(30)), (Ruling::RELEASED, Vec::new()));
    let (_, alerts) = bench.read(A, on(1));
    let said = |a: &Alert| (a.rule, a.severity, a.observed, a.expected, a.measures.len());
    let said: Vec<_> = alerts.iter().map(said).collect();
    assert_eq!(said, [(Rule::AgentHour, Severity::Info, 31, 60, 0)]);
    assert_eq!(bench.read(A, on(28)), (Ruling::RELEASED, Vec::new()));
    assert_eq!(bench.read(A, on(1)).1[0].severity, Severity::High);
    bench.assert_replays();
}

#[test]
fn something_critical_elsewhere_moves_no_height_here() {
    let mut bench = Bench::under(Budgets { off_roster_day: 9, ..WIDE });
    bench.strangers(("beta", 9), 20);
    assert!(bench.alerts().iter().any(|alert| alert.severity == Severity::Critical));
    assert_eq!(bench.strangers(A, 8), 8);
    assert!(bench.read(A, on(15)).0 == Ruling::RELEASED);
    bench.assert_replays();
}

#[test]
fn acts_take_and_give_and_a_lift_begins_anew() {
    let mut bench = Bench::under(WIDE);
    bench.act(Deed::Suspend, "alpha", Some(1));
    assert_eq!(bench.read(A, AGAIN).0, Ruling::contained(None));
    assert_eq!(bench.read(("alpha", 2), on(1)).0, Ruling::RELEASED);
    // What an act took, only its counterpart gives back.
    bench.act(Deed::Lift, "alpha", None);
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(None));
    bench.act(Deed::Reinstate, "alpha", Some(1));
    assert_eq!(bench.read(A, on(1)).0, Ruling::RELEASED);
    bench.act(Deed::Suspend, "alpha", None);
    assert!(bench.refused(("alpha", 7), false));
    assert_eq!(bench.read(("alpha", 7), AGAIN).0, Ruling::contained(None));
    bench.act(Deed::Reinstate, "alpha", None);
    assert!(!bench.refused(("alpha", 7), true) && !bench.refused(A, true));

    bench.read(A, off(14));
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(None));
    bench.act(Deed::Reinstate, "alpha", None);
    bench.act(Deed::Lift, "alpha", None);
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(None));
    bench.act(Deed::Lift, "alpha", Some(1));
    // The sums began anew, and so does the telling.
    assert_eq!(bench.strangers(A, 20), 12);
    bench.assert_replays();
}

#[test]
fn what_is_lifted_for_one_agent_frees_no_other() {
    let mut bench = Bench::under(WIDE);
    bench.read(A, off(14));
    bench.read(("alpha", 2), on(1));
    bench.act(Deed::Lift, "alpha", None);
    bench.read(("alpha", 2), off(14));
    bench.act(Deed::Lift, "alpha", Some(2));
    bench.act(Deed::Lift, "alpha", None);
    assert_eq!(bench.read(("alpha", 2), off(1)).0, Ruling::RELEASED);
    assert_eq!(bench.read(A, on(1)).0, Ruling::contained(None));
    bench.assert_replays();
}

#[test]
fn what_is_lifted_from_an_agent_stays_taken_from_the_provider() {
    let mut bench = Bench::under(WIDE);
    bench.read(A, off(14));
    bench.act(Deed::Lift, "alpha", Some(1));
    assert_eq!(bench.read(A, on(3)).0, Ruling::RELEASED);
    assert_eq!(bench.read(A, off(1)).0, Ruling::contained(None));
    bench.assert_replays();
}

#[test]
fn an_alert_left_out_or_put_in_is_a_difference() {
    let mut bench = Bench::under(WIDE);
    bench.strangers(A, 14);
    let found = |entries: &[Entry]| replayed(entries).difference();
    let at =
        bench.entries.iter().position(|e| matches!(e.payload, Payload::Alert(_))).expect("one");
    let mut without = bench.entries.clone();
    without.remove(at);
    assert_eq!(found(&without), Some(bench.entries[at + 1].seq));
    let mut twice = bench.entries.clone();
    twice.insert(at, bench.entries[at].clone());
    assert!(found(&twice).is_some());
    let mut other = bench.entries.clone();
    if let Payload::Alert(alert) = &mut other[at].payload {
        alert.persons += 1;
    }
    assert_eq!(found(&other), Some(at as u64));
    assert_eq!(found(&bench.entries[..=at]), None);
    assert_eq!(found(&bench.entries[..at]), Some(at as u64));
}

/// A step of somebody's day.
#[derive(Debug, Clone)]
enum Step {
    Read(u8, u64, u64),
    Pass(Millis),
    Act(u8, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_u8, 0..20_u64, 0..20_u64).prop_map(|(who, on, off)| Step::Read(who, on, off)),
        2 => (0..2 * HOUR).prop_map(Step::Pass),
        1 => (0..4_u8, any::<bool>()).prop_map(|(deed, agent)| Step::Act(deed, agent)),
    ]
}

proptest! {
    /// Whatever happens: the fold rules the same again, and between two lifts no provider is given
    /// more persons off its roster than the detector's run and the budget allow.
    #[test]
    fn any_day_replays_and_keeps_its_bounds(steps in prop::collection::vec(step(), 1..120)) {
        let mut bench = Bench::under(Budgets { agent_hour: 60, off_roster_day: 20, ..WIDE });
        let mut passed = 0;
        let mut given = std::collections::HashMap::<&str, u64>::new();
        let mut lifted = false;
        for step in steps {
            match step {
                Step::Read(who, on, off) => {
                    let provider = ["alpha", "beta"][usize::from(who / 2)];
                    let facts = Facts {
                        could: on + off,
                        could_off: off, could_never: on + off,
                        all: counts(on + off),
                        off: counts(off),
                    };
                    let (ruling, _) = bench.read((provider, who), facts);
                    if ruling == Ruling::RELEASED {
                        *given.entry(provider).or_default() += off;
                    }
                }
                Step::Pass(ticks) => {
                    bench.pass(ticks);
                    passed += ticks;
                }
                Step::Act(deed, agent) => {
                    let deeds: [fn(Whom) -> Deed; 4] =
                        [Deed::Suspend, Deed::Reinstate, Deed::Lift, Deed::Lift];
                    lifted |= usize::from(deed) >= 2;
                    bench.act(deeds[usize::from(deed)], "alpha", agent.then_some(1));
                }
            }
        }
        bench.assert_replays();
        let refilled = 20 + 20 * passed / DAY + 1;
        for (provider, persons) in given {
            prop_assert!(persons <= refilled, "{provider} was given {persons}, lifted: {lifted}");
        }
    }

    /// A rule of any figures neither overflows nor panics.
    #[test]
    fn any_rule_can_be_judged_by(
        off_step in any::<u64>(), on_step in any::<u64>(), medium in any::<u64>(),
        high in any::<u64>(), withheld in any::<u64>(), persons in any::<u64>(),
    ) {
        let roster = RosterRule { off: off_step, on: on_step, withheld, medium, high };
        let mut bench = Bench::under(WIDE);
        bench.add(Payload::Policy(Policy { section: Section::Detectors(Detectors { roster, ..Detectors::default() }) }));
        for _ in 0..3 {
            let persons = persons % (1 << 53);
            let facts = Facts { could: 5, could_off: 5, could_never: 5, all: counts(persons), off: counts(persons / 2) };
            bench.read(A, facts);
        }
        bench.assert_replays();
    }
}
