//! Ledgers that somebody wrote who has the log's key, and says what did not happen: every entry is
//! chained, numbered and signed as it should be, and contradicts those before it. Beside each
//! stands what did happen, which is sound.

use greffier::anomaly::VERSION;
use greffier::format::entry::{
    Act, Alert, Contract, Counts, Deed, Detectors, Facts, Head, Level, Measure, Method, Outcome,
    Payload, Policy, Read, RefusalCount, Refusals, Roster, Rule, Ruling, Section, Severity,
    Statement, Tag, Whom, sha256,
};
use greffier::verify::LedgerFault;

use crate::segment::{
    Forge, Place, WIDE, access, people, read, refusals, rules, signed_by, statement, unsound,
    verified,
};
use crate::signed::HOUR;

const ALPHA: &str = "alpha-langues";
const AT: u64 = 1_700_000_000_000;
const DAY: u64 = 86_400_000;
/// The first entry behind the policy that such a ledger begins with.
const FIRST: u64 = 8;

fn begun() -> Forge {
    Forge::begun(AT, &rules(&[(ALPHA, WIDE)]))
}

/// What a verifier says of a file with one more checkpoint: the fault, its entry, and why.
fn written(mut forge: Forge) -> Option<(LedgerFault, Option<u64>, String)> {
    let place = Place::new();
    forge.commit();
    forge.write(&place.settings);
    let verdict = verified(&place.settings.path, &[]);
    verdict.is_err().then(|| {
        let fault = unsound(verdict);
        (fault.fault, fault.first_wrong, fault.detail)
    })
}

/// Asserts that these entries behind the policy are sound but for the last, which says this.
fn refused(whats: Vec<Payload>, words: &str) {
    let last = FIRST + whats.len() as u64 - 1;
    let mut forge = begun();
    for what in whats {
        forge.add(what);
    }
    let (fault, first, detail) = written(forge).unwrap_or_else(|| panic!("sound: {words}"));
    assert_eq!((fault, first), (LedgerFault::Facts, Some(last)), "{detail}");
    assert!(detail.contains(words), "{detail}");
}

fn sound(whats: Vec<Payload>) {
    let mut forge = begun();
    for what in whats {
        forge.add(what);
    }
    assert_eq!(written(forge), None);
}

fn counts(agent_day: u64, provider_day: u64, provider_30_days: u64, never: u64) -> Counts {
    Counts { agent_day, provider_day, provider_30_days, never }
}

/// Persons who were released to an agent for the first time, as counted.
fn released(agent: &str, on: &[Tag], off: &[Tag]) -> Read {
    let mut read = read(ALPHA, agent, on, off);
    let (all, of) = ((on.len() + off.len()) as u64, off.len() as u64);
    (read.facts.could, read.facts.could_never) = (read.asked, read.asked);
    read.facts.could_off = if of > 0 { read.asked } else { 0 };
    (read.facts.all, read.facts.off) = (counts(all, all, all, all), counts(of, of, of, of));
    read.ruling = Ruling::RELEASED;
    read
}

fn entry(read: Read) -> Payload {
    Payload::Read(Box::new(read))
}

fn act(deed: fn(Whom) -> Deed, agent: Option<Tag>) -> Payload {
    let statement =
        Statement { expires: AT + HOUR, ..statement(deed(Whom { provider: ALPHA.into(), agent })) };
    Payload::Act(Act::Signed(signed_by(statement, &["admin-1", "admin-2"])))
}

#[test]
fn counts_are_those_of_the_persons_released_before_in_every_one_of_them() {
    let (a, b) = (people(ALPHA, 0..3), people(ALPHA, 2..5));
    let first = || entry(released("a1", &a, &[]));
    // One of the three was given to another agent before, off the roster by now.
    let second = || {
        let mut read = released("a2", &b[1..], &b[..1]);
        read.facts.all = counts(3, 2, 2, 2);
        read.facts.off = counts(1, 0, 0, 0);
        read
    };
    sound(vec![first(), entry(second())]);
    let wrong = "counts are not those of the persons released before";
    type Which = fn(&mut Counts) -> &mut u64;
    let each: [Which; 4] = [
        |c| &mut c.agent_day,
        |c| &mut c.provider_day,
        |c| &mut c.provider_30_days,
        |c| &mut c.never,
    ];
    for (n, count) in each.into_iter().enumerate() {
        let mut fewer = second();
        // What they must be among themselves holds all the same.
        each[n..].iter().for_each(|count| *count(&mut fewer.facts.all) -= 1);
        refused(vec![first(), entry(fewer)], wrong);
        let mut off = second();
        each[..=n].iter().for_each(|count| *count(&mut off.facts.off) = 1);
        if n > 0 {
            refused(vec![first(), entry(off)], wrong);
        }
        let mut more = second();
        let of = count(&mut more.facts.all);
        if *of < 3 {
            each[..=n].iter().for_each(|count| *count(&mut more.facts.all) = 3);
            refused(vec![first(), entry(more)], wrong);
        }
    }
    let mut again = released("a1", &a[..1], &[]);
    again.facts.all = Counts::default();
    (again.facts.could, again.facts.could_never) = (0, 0);
    sound(vec![first(), entry(again.clone())]);
    again.facts.could = 1;
    refused(vec![first(), entry(again.clone())], wrong);
    (again.facts.could, again.facts.could_never) = (1, 1);
    refused(vec![first(), entry(again)], wrong);
}

#[test]
fn days_and_windows_end_where_they_end() {
    let a = people(ALPHA, 0..2);
    let later = |days: u64, expected: Counts| {
        let mut forge = begun();
        forge.add(entry(released("a1", &a, &[])));
        forge.pass(days * DAY);
        let mut again = released("a1", &a, &[]);
        again.facts.all = expected;
        forge.add(entry(again));
        written(forge)
    };
    assert_eq!(later(1, counts(2, 2, 0, 0)), None);
    assert_eq!(later(29, counts(2, 2, 0, 0)), None);
    assert_eq!(later(30, counts(2, 2, 2, 0)), None);
    assert!(later(29, counts(2, 2, 2, 0)).is_some());
    assert!(later(30, counts(2, 2, 0, 0)).is_some());
    assert!(later(1, counts(2, 0, 0, 0)).is_some());
}

/// An alert behind the read of entry `last`, of an agent who was given so many on that day.
fn alert(read: &Read, last: u64, persons: u64, measures: Vec<Measure>) -> Alert {
    let severity = match &*measures {
        [] => Severity::Info,
        [Measure::Throttle] => Severity::Medium,
        [Measure::SuspendAgent | Measure::SuspendProvider, ..] => Severity::Critical,
        _ => Severity::High,
    };
    Alert {
        incident: last + 1,
        rule: Rule::Roster,
        severity,
        provider: ALPHA.into(),
        agent: read.agent,
        level: Level::Agent,
        observed: 50_000,
        expected: 45_000,
        since: AT,
        first: FIRST,
        last,
        persons,
        off: 0,
        until: (severity == Severity::Medium).then_some(AT + HOUR),
        measures,
    }
}

#[test]
fn an_alert_has_the_figures_of_its_day() {
    let [a, b] = [people(ALPHA, 0..3), people(ALPHA, 3..5)];
    let (first, second) = (released("a1", &a, &[]), released("a1", &b, &[]));
    let with = |change: fn(&mut Alert)| {
        let mut alert = alert(&second, FIRST + 1, 5, Vec::new());
        change(&mut alert);
        vec![entry(first.clone()), entry(second.clone()), Payload::Alert(alert)]
    };
    sound(with(|_| ()));
    sound(with(|alert| alert.level = Level::Provider));
    let figures = "persons or first read are not those of the day";
    refused(with(|alert| alert.persons -= 1), figures);
    refused(with(|alert| alert.persons += 1), figures);
    refused(with(|alert| alert.off += 1), figures);
    refused(with(|alert| alert.first += 1), figures);
    refused(with(|alert| alert.since += 1), figures);
}

/// What one agent was given before something was taken, and what it is released behind that.
fn behind(taken: Vec<Measure>, next: Read) -> Vec<Payload> {
    let first = released("a1", &people(ALPHA, 0..1), &[]);
    let alert = Payload::Alert(alert(&first, FIRST, 1, taken));
    vec![entry(first), alert, entry(next)]
}

#[test]
fn nothing_is_released_to_whoever_is_contained() {
    let contained = "what it asked for was contained";
    let new = |agent: &str| released(agent, &people(ALPHA, 5..6), &[]);
    let off = |agent: &str| released(agent, &[], &people(ALPHA, 5..6));
    let again = || {
        let mut read = released("a1", &people(ALPHA, 0..1), &[]);
        read.facts = Facts::default();
        read
    };
    refused(behind(vec![Measure::SuspendAgent], again()), contained);
    sound(behind(vec![Measure::SuspendAgent], new("a2")));
    refused(behind(vec![Measure::SuspendProvider], new("a2")), contained);
    refused(behind(vec![Measure::Freeze], new("a1")), contained);
    sound(behind(vec![Measure::Freeze], again()));
    refused(behind(vec![Measure::CloseOffRoster], off("a2")), contained);
    sound(behind(vec![Measure::CloseOffRoster], new("a2")));
    refused(behind(vec![Measure::Throttle], new("a1")), contained);
    // By an act, and until the act that gives it back.
    let agent = new("a1").agent;
    refused(vec![act(Deed::Suspend, None), entry(new("a1"))], contained);
    refused(vec![act(Deed::Suspend, Some(agent)), entry(new("a1"))], contained);
    sound(vec![act(Deed::Suspend, Some(agent)), entry(new("a2"))]);
    let back =
        vec![act(Deed::Suspend, Some(agent)), act(Deed::Reinstate, Some(agent)), entry(new("a1"))];
    sound(back);
    let mut lifted = behind(vec![Measure::Freeze], new("a1"));
    lifted.insert(2, act(Deed::Lift, Some(agent)));
    sound(lifted);
    // A throttle lets one person go in ten seconds.
    for (passed, good) in [(9_999, false), (10_000, true)] {
        let mut forge = begun();
        let whats = behind(vec![Measure::Throttle], new("a1"));
        for (n, what) in whats.into_iter().enumerate() {
            if n == 2 {
                forge.pass(passed);
            }
            forge.add(what);
        }
        assert_eq!(written(forge).is_none(), good, "{passed}");
    }
}

#[test]
fn a_policy_has_its_sections_in_order_and_a_head_behind_them() {
    let policy = |section| Payload::Policy(Policy { section });
    let detectors = || policy(Section::Detectors(Detectors::default()));
    let rules = rules(&[(ALPHA, WIDE)]);
    let of = |n: usize| policy(Section::Provider(rules.providers[n].clone()));
    let head = |digest: &[u8], sections, judge| {
        policy(Section::Head(Head { digest: sha256(&[digest]), sections, judge }))
    };
    sound(vec![detectors(), of(0), head(b"other", 2, VERSION)]);
    refused(vec![of(0)], "does not belong");
    refused(vec![detectors(), detectors()], "does not belong");
    refused(vec![detectors(), of(1), of(0)], "does not belong");
    refused(vec![detectors(), of(0), of(0)], "does not belong");
    refused(vec![head(b"other", 0, VERSION)], "does not belong");
    refused(vec![detectors(), of(0), head(b"other", 1, VERSION)], "heads 1 sections, but 2");
    refused(vec![detectors(), Payload::Access(access(0))], "stands between the sections");
    let all = || vec![detectors(), of(0), of(1), of(2)];
    let ended = |head: Payload| [all(), vec![head]].concat();
    refused(ended(head(b"policy", 4, VERSION)), "once more");
    sound(ended(head(b"policy", 4, VERSION + 1)));
    refused(ended(head(b"other", 4, VERSION - 1)), "older version of the judge");
    // Without a head at the end the next start would spoil it.
    refused(all(), "what must stand behind it");
}

#[test]
fn a_commit_ends_behind_a_group_and_not_inside_of_it() {
    let commit = |at: usize, whats: Vec<Payload>| {
        let mut forge = begun();
        for (n, what) in whats.into_iter().enumerate() {
            forge.add(what);
            if n == at {
                forge.commit();
            }
        }
        written(forge)
    };
    let first = released("a1", &people(ALPHA, 0..1), &[]);
    let alarmed = || {
        let alert = alert(&first, FIRST, 1, Vec::new());
        vec![entry(first.clone()), Payload::Alert(alert), Payload::Access(access(0))]
    };
    assert_eq!(commit(1, alarmed()), None);
    let (fault, at, detail) = commit(0, alarmed()).expect("an alert in another commit");
    assert_eq!((fault, at), (LedgerFault::Facts, Some(FIRST + 1)), "{detail}");
    let roster = |persons, name: &[u8], changed: Option<(u64, u64)>| {
        Payload::Roster(Roster {
            provider: ALPHA.into(),
            dataset: "cir".into(),
            persons,
            digest: sha256(&[name]),
            added: changed.map(|(added, _)| added),
            removed: changed.map(|(_, removed)| removed),
        })
    };
    let grown = || vec![roster(10, b"a", None), roster(110, b"b", Some((100, 0)))];
    let (_, at, detail) = commit(9, grown()).expect("a warning that is due");
    assert_eq!(at, Some(FIRST + 1), "{detail}");
}

#[test]
fn nothing_is_released_outside_of_a_contract_or_beyond_its_persons() {
    let under = |begins, ends, whats: Vec<Payload>| {
        let mut rules = rules(&[(ALPHA, WIDE)]);
        let contract = Contract { begins, ends, persons: 5, off_persons: 2 };
        rules.providers[0].contract = Some(contract);
        let mut forge = Forge::begun(AT, &rules);
        for what in whats {
            forge.add(what);
        }
        written(forge)
    };
    let on = |n| entry(released("a1", &people(ALPHA, 0..n), &[]));
    let off = |n| entry(released("a1", &[], &people(ALPHA, 0..n)));
    assert_eq!(under(AT, AT + 1, vec![on(5)]), None);
    assert_eq!(under(AT, AT + 1, vec![off(2)]), None);
    let cases = [
        (AT + 1, AT + 2, vec![on(1)], FIRST),
        (AT - 1, AT, vec![on(1)], FIRST),
        (AT, AT + 1, vec![on(6)], FIRST),
        (AT, AT + 1, vec![off(3)], FIRST),
        (AT, AT + 1, vec![off(2), entry(released("a2", &people(ALPHA, 5..9), &[]))], FIRST + 1),
    ];
    for (begins, ends, whats, wrong) in cases {
        let (fault, at, detail) = under(begins, ends, whats).expect("what is not sound");
        assert_eq!((fault, at), (LedgerFault::Facts, Some(wrong)), "{detail}");
        assert!(detail.contains("the contract of its provider does not cover it"), "{detail}");
    }
}

#[test]
fn small_things_are_as_the_format_has_them() {
    let one = || released("a1", &people(ALPHA, 0..1), &[]);
    let with = |change: fn(&mut Read)| {
        let mut read = one();
        change(&mut read);
        vec![entry(read)]
    };
    sound(with(|read| read.method = Method::Get));
    let found_nobody = |method, misses, outcome| {
        let mut read = released("a1", &[], &[]);
        (read.method, read.misses, read.asked) = (method, misses, 1);
        (read.facts.could, read.facts.could_never) = (1, 1);
        if outcome == Outcome::Withheld {
            (read.ruling, read.reply) = (Ruling::contained(None), None);
        }
        vec![entry(read)]
    };
    for (method, missed) in [(Method::Get, 1), (Method::Search, 1), (Method::List, 0)] {
        sound(found_nobody(method, missed, Outcome::Released));
        refused(found_nobody(method, 1 - missed, Outcome::Released), "it missed is not what");
        refused(found_nobody(method, 2, Outcome::Released), "it missed is not what");
        // Of a withheld one only that what cannot miss did not.
        sound(found_nobody(method, 0, Outcome::Withheld));
        sound(found_nobody(method, missed, Outcome::Withheld));
        refused(found_nobody(method, missed + 1, Outcome::Withheld), "it missed is not what");
    }
    refused(with(|read| read.misses = 1), "it missed is not what");
    for network in ["192.0.2.0/24", "2001:db8:1::/48", "::/48"] {
        let mut read = one();
        read.network = network.into();
        sound(vec![entry(read)]);
    }
    for network in [
        "192.0.2.1/24",
        "192.0.2.0/32",
        "192.0.2.17",
        "2001:db8:1:2::/48",
        "2001:db8:1::/64",
        "2001:0db8:1::/48",
        "192.0.2.0/24 ",
        "lan",
    ] {
        let mut read = one();
        read.network = network.into();
        refused(vec![entry(read)], "its network is not");
    }
    let digest = |change: fn(&mut Refusals)| {
        let mut digest = refusals(AT);
        change(&mut digest);
        vec![Payload::Refusals(digest)]
    };
    sound(digest(|_| ()));
    let words = "a digest of refusals";
    refused(digest(|digest| digest.since += 1), words);
    refused(digest(|digest| digest.others[0].count = 0), words);
    refused(digest(|digest| digest.certificates[0].counts.reverse()), words);
    refused(digest(|digest| digest.certificates[0].counts.clear()), words);
    refused(
        digest(|digest| (digest.certificates, digest.others) = (Vec::new(), Vec::new())),
        words,
    );
    refused(
        digest(|digest| {
            let more = RefusalCount { reason: "RATE_LIMITED".into(), count: 100 };
            let mut other = digest.certificates[0].clone();
            (other.certificate, other.counts) = (sha256(&[b"other"]), vec![more]);
            digest.certificates.push(other);
        }),
        words,
    );
    sound(vec![Payload::Access(access(FIRST - 1))]);
    refused(vec![Payload::Access(access(FIRST))], "given out which did not stand before it");
    let deed = Deed::Suspend(Whom { provider: ALPHA.into(), agent: None });
    let mut unsigned = signed_by(statement(deed), &["admin-1"]);
    unsigned.signatures.clear();
    let mut forge = begun();
    forge.add(Payload::Act(Act::Signed(unsigned)));
    assert_eq!(written(forge).map(|(fault, ..)| fault), Some(LedgerFault::Act));
}
