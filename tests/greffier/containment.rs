//! Containment as the ledger has it: alerts in the commit of their read, acts, and what a start
//! finds.

use greffier::format::entry::{
    Acknowledgement, Act, Alert, Deed, Measure, Outcome, Payload, Read, Rule, Ruling, Severity,
    SignedAct, Tag,
};
use greffier::registrar::{Ledger, Unrecorded};
use greffier::state::acts::BadAct;
use greffier::verify::LedgerFault;

use crate::segment::{
    Forge, HEAD, Place, WIDE, access, acknowledgement, get, lift, notes, page, people, read,
    reinstatement, rules, signed_by, statement, suspension, unsound, verified,
};
use crate::signed::whom;

const ALPHA: &str = "alpha-langues";

/// A read of one person off the roster, with a reason.
async fn stranger(ledger: &Ledger, agent: &str, n: u32) -> (Ruling, u64) {
    page(ledger, Read { asked: 1, ..read(ALPHA, agent, &[], &people(ALPHA, n..n + 1)) }).await
}

/// Strangers one by one until one is withheld; how many were given.
async fn theft(ledger: &Ledger, agent: &str) -> u32 {
    for n in 0..100 {
        if stranger(ledger, agent, n).await.0 != Ruling::RELEASED {
            return n;
        }
    }
    100
}

fn agent(name: &str) -> Tag {
    read(ALPHA, name, &[], &[]).agent
}

fn alerts(place: &Place) -> Vec<(u64, Alert)> {
    let alert = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Alert(alert) => Some((entry.seq, alert)),
        _ => None,
    };
    place.entries().into_iter().filter_map(alert).collect()
}

#[test]
fn an_alert_stands_behind_its_read_in_one_commit_and_takes_hold_with_it() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let given = place.run(&rules, async |ledger| theft(&ledger, "a1").await);
    assert_eq!(given, 12);
    let sizes: Vec<u64> = notes(&place.settings.path).into_iter().map(|(size, _)| size).collect();
    let alerts = alerts(&place);
    assert_eq!(alerts.len(), 2);
    for (seq, alert) in &alerts {
        assert_eq!((alert.last + 1, alert.agent), (*seq, agent("a1")));
        assert!(!sizes.contains(seq), "a checkpoint stands between a read and its alert");
    }
    let (_, medium) = &alerts[1];
    assert_eq!((medium.severity, medium.persons, medium.off), (Severity::Medium, 12, 12));
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn a_restart_after_every_read_frees_nobody_and_a_lift_does() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let mut given = 0;
    for n in 0..20 {
        let (ruling, _) = place.run(&rules, async |ledger| stranger(&ledger, "a1", n).await);
        given += u32::from(ruling == Ruling::RELEASED);
    }
    assert_eq!(given, 12);
    place.run(&rules, async |ledger| {
        // Whatever it tries, it is held.
        let many = Read { asked: 20, ..read(ALPHA, "a1", &[], &people(ALPHA, 20..40)) };
        assert_eq!(page(&ledger, many).await.0, Ruling::contained(None));
        let (ruling, _) = get(&ledger, ALPHA, "a1", 50).await;
        assert_eq!(ruling.rule, Some(Rule::Contained));
        ledger.act(lift(ALPHA, None, &["admin-1"])).await.expect("a writable ledger");
        assert_eq!(get(&ledger, ALPHA, "a1", 50).await.0.rule, Some(Rule::Contained));
        ledger.act(lift(ALPHA, Some(agent("a1")), &["admin-1"])).await.expect("a writable ledger");
        assert_eq!(get(&ledger, ALPHA, "a1", 50).await.0, Ruling::RELEASED);
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn a_suspension_holds_from_its_entry_on() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let act = place.run(&rules, async |ledger| {
        let mut reads = tokio::task::JoinSet::new();
        // Of eight persons: how many of them come before the act is chance, and so many are no theft.
        for n in 0..200 {
            let ledger = ledger.clone();
            reads.spawn(async move { get(&ledger, ALPHA, "a1", n % 8).await });
        }
        let act = ledger.act(suspension(ALPHA)).await.expect("a writable ledger");
        for n in 200..300 {
            assert_eq!(get(&ledger, ALPHA, "a2", n).await.0, Ruling::contained(None));
        }
        while let Some(read) = reads.join_next().await {
            let (ruling, seq) = read.expect("no panic");
            assert_eq!(ruling == Ruling::RELEASED, seq < act, "entry {seq}, suspended by {act}");
        }
        ledger.act(reinstatement(ALPHA)).await.expect("a writable ledger");
        assert_eq!(get(&ledger, ALPHA, "a1", 400).await.0, Ruling::RELEASED);
        act
    });
    let released = |entry: &greffier::format::entry::Entry| match &entry.payload {
        Payload::Read(read) => read.ruling.outcome == Outcome::Released,
        _ => false,
    };
    let entries = place.entries();
    let behind = entries[act as usize..].iter().filter(|entry| released(entry)).count();
    assert_eq!(behind, 1, "only what was read behind the reinstatement");
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn an_act_that_says_too_little_is_not_written() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let before = place.entries().len();
    place.run(&rules, async |ledger| {
        let whole = || signed_by(statement(Deed::Suspend(whom(ALPHA, ""))), &["admin-1"]);
        let because = |reason: &str| {
            let mut act = whole();
            act.statement.reason = reason.to_owned();
            Act::Signed(act)
        };
        let wrong = [
            Act::Signed(SignedAct { certificate: None, ..whole() }),
            because(" "),
            because(&"x".repeat(257)),
            because("a\nb"),
            // There is no alert yet.
            Act::Acknowledged(acknowledgement(&ledger)),
        ];
        for act in wrong {
            let refused = Err(Unrecorded::Act(BadAct::Form));
            assert_eq!(ledger.act(act.clone()).await, refused, "{act:?}");
        }
    });
    assert_eq!(place.entries().len(), before);
    place.run(&rules, async |ledger| {
        theft(&ledger, "a1").await;
        let longest = Acknowledgement { reason: "é".repeat(256), ..acknowledgement(&ledger) };
        ledger.act(Act::Acknowledged(longest)).await.expect("an alert that is there");
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn whoever_follows_hears_everything_once_and_after_a_start_again() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let heard = place.run(&rules, async |ledger| {
        let mut notices = ledger.notices();
        theft(&ledger, "a1").await;
        ledger.act(Act::Acknowledged(acknowledgement(&ledger))).await.expect("a writable ledger");
        assert!(notices.more().await);
        let first = notices.after(HEAD, 2);
        let rest = notices.after(first[1].seq, usize::MAX);
        assert_eq!((first.len(), rest.len()), (2, 1));
        assert_eq!(notices.get(rest[0].seq).as_deref(), Some(&*rest[0]));
        assert!(notices.get(rest[0].seq + 1).is_none());
        [first, rest].concat()
    });
    let again = place.run(&rules, async |ledger| ledger.notices().after(HEAD, usize::MAX));
    assert_eq!(again, heard);
}

/// An alert that nothing before it explains, signed all the same.
fn forged(change: impl FnOnce(&mut Alert), elsewhere: bool) -> Option<LedgerFault> {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::new();
    let mut forge = Forge::begun(1_700_000_000_000, &rules);
    let mut released = read(ALPHA, "a1", &people(ALPHA, 0..1), &[]);
    released.ruling = Ruling::RELEASED;
    released.facts.could = released.asked;
    released.facts.could_never = released.asked;
    let one = greffier::format::entry::Counts {
        agent_day: 1,
        provider_day: 1,
        provider_30_days: 1,
        never: 1,
    };
    released.facts.all = one;
    let seq = forge.add(Payload::Read(Box::new(released)));
    if elsewhere {
        forge.add(Payload::Access(access(0)));
    }
    let mut alert = Alert {
        incident: seq + 1 + u64::from(elsewhere),
        rule: Rule::Roster,
        severity: Severity::High,
        provider: ALPHA.into(),
        agent: agent("a1"),
        level: greffier::format::entry::Level::Agent,
        observed: 50_000,
        expected: 45_000,
        since: 1_700_000_000_000,
        first: seq,
        last: seq,
        persons: 1,
        off: 0,
        measures: vec![Measure::Freeze],
        until: None,
    };
    change(&mut alert);
    forge.add(Payload::Alert(alert));
    forge.commit();
    forge.write(&place.settings);
    let verdict = verified(&place.settings.path, &[]);
    verdict.is_err().then(|| unsound(verdict).fault)
}

#[test]
fn an_alert_that_does_not_belong_where_it_stands_is_found_though_signed() {
    // Sound as far as it goes without a replay.
    assert_eq!(forged(|_| (), false), None);
    assert_eq!(forged(|_| (), true), Some(LedgerFault::Facts));
    assert_eq!(
        forged(|alert| alert.provider = "beta-emploi".into(), false),
        Some(LedgerFault::Facts)
    );
    assert_eq!(forged(|alert| alert.agent = agent("a2"), false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.incident -= 1, false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.last -= 1, false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.first += 1, false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.measures.clear(), false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.until = Some(alert.since), false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.severity = Severity::Medium, false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.off = 2, false), Some(LedgerFault::Facts));
    assert_eq!(forged(|alert| alert.rule = Rule::Contained, false), Some(LedgerFault::Facts));
}
