//! Whoever waits for the registrar is answered, whatever was asked and whatever becomes of it.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use greffier::anomaly::AnomalyJudge;
use greffier::format::entry::{Entry, Matter, Moment, Roster, Warning, sha256};
use greffier::registrar::rules::Rules;
use greffier::registrar::start::JudgeFactory;
use greffier::registrar::{Draft, Ledger, Status, Unrecorded, bind, wall};
use greffier::state::judge::{Decision, Judge};
use greffier::state::judge_input::JudgeInput;
use greffier::state::memory::Reach;
use greffier::state::standing::Standing;
use rusqlite::Connection;

use crate::segment::{
    Place, WIDE, access, person, read, refusals, rules, runtime, suspension, verified,
};

const ALPHA: &str = "alpha-langues";

/// What the registrar was asked, and its answer to come.
type Asked = (&'static str, Pin<Box<dyn Future<Output = Result<u64, Unrecorded>>>>);

fn policy() -> Rules {
    rules(&[(ALPHA, WIDE)])
}

/// Other rules, which loosen nothing.
fn others(rules: &Rules) -> Rules {
    let mut others = Rules { loosens_not: Some(rules.digest), ..rules.clone() };
    others.digest.0[0] ^= 1;
    others
}

fn roster(persons: u64, change: Option<(u64, u64)>) -> Roster {
    Roster {
        provider: ALPHA.into(),
        dataset: "cir".into(),
        persons,
        digest: sha256(&[&persons.to_be_bytes()]),
        added: change.map(|(added, _)| added),
        removed: change.map(|(_, removed)| removed),
    }
}

fn warning() -> Warning {
    Warning { matter: Matter::Policy { digest: None }, observed: 1, expected: 0 }
}

async fn recorded(ledger: Ledger) -> Result<u64, Unrecorded> {
    let tag = person(ALPHA, 1);
    let read = Box::new(read(ALPHA, "a1", &[tag], &[]));
    let draft = Draft { read, reach: Reach::One(tag), asked: None, enrolled: false };
    let (bound, claim) = bind(draft);
    let (_, seq, _) = claim.redeem(ledger.record(bound).await?).expect("the proof of this draft");
    Ok(seq)
}

/// One order of every kind, the policy last: it is a commit of its own.
fn every_kind(ledger: &Ledger, rules: &Rules) -> Vec<Asked> {
    macro_rules! ask {
        ($name:literal, $ledger:ident => $call:expr) => {{
            let $ledger = ledger.clone();
            let asked: Asked = ($name, Box::pin(async move { $call.await }));
            asked
        }};
    }
    let others = others(rules);
    vec![
        ask!("refusals", ledger => ledger.refusals(refusals(wall()))),
        ask!("roster", ledger => ledger.roster(roster(200, None))),
        ask!("warning", ledger => ledger.warn(warning())),
        ask!("act", ledger => ledger.act(suspension(ALPHA))),
        ask!("access", ledger => ledger.access(access(1))),
        ask!("read", ledger => recorded(ledger)),
        ask!("policy", ledger => ledger.enact(others)),
    ]
}

/// Has all of them wait before any is answered.
async fn sent(mut asked: Vec<Asked>) -> Vec<Asked> {
    for (what, answer) in &mut asked {
        let pending = std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_pending()));
        assert!(pending.await, "{what} was answered before the ledger could be written");
    }
    asked
}

/// Keeps the registrar from committing until it is dropped.
fn held(place: &Place) -> Connection {
    let file = Connection::open(&place.settings.path).expect("the ledger");
    file.busy_timeout(std::time::Duration::from_secs(5)).expect("a timeout");
    file.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    file
}

#[test]
fn every_kind_of_order_is_answered_with_its_entry_alone_and_together() {
    let rules = policy();
    let alone = Place::created(&rules);
    let seqs = alone.run(&rules, async |ledger| {
        let mut seqs = Vec::new();
        for (what, answer) in every_kind(&ledger, &rules) {
            seqs.push((what, answer.await));
        }
        seqs
    });
    let together = Place::created(&rules);
    let in_one_commit = together.run(&rules, async |ledger| {
        let hold = held(&together);
        let first = sent(every_kind(&ledger, &rules)).await;
        drop(hold);
        let mut seqs = Vec::new();
        for (what, answer) in first {
            seqs.push((what, answer.await));
        }
        seqs
    });
    for (place, seqs) in [(&alone, seqs), (&together, in_one_commit)] {
        let entries = place.entries();
        for (what, seq) in seqs {
            let seq = seq.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(entries[seq as usize].payload.kind(), what);
        }
        verified(&place.settings.path, &[]).expect("a sound ledger");
    }
}

#[test]
fn a_roster_that_is_no_news_is_answered_with_the_entry_that_says_it() {
    let rules = policy();
    let place = Place::created(&rules);
    let (first, length) = place.run(&rules, async |ledger| {
        let first = ledger.roster(roster(200, None)).await.expect("an entry");
        assert_eq!(ledger.roster(roster(200, Some((0, 0)))).await, Ok(first));
        // Nor is it news under another policy.
        ledger.enact(others(&rules)).await.expect("a policy that loosens nothing");
        assert_eq!(ledger.roster(roster(200, None)).await, Ok(first));
        (first, place.entries().len())
    });
    // Nor after a start on the same day; if a day ended meanwhile, it is.
    let again = place.run(&others(&rules), async |ledger| ledger.roster(roster(200, None)).await);
    let again = again.expect("an answer");
    assert!(again == first || again == length as u64, "{again}");
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn what_cannot_stand_is_refused_for_what_it_is_and_the_rest_of_its_commit_stands() {
    let rules = policy();
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        let hold = held(&place);
        // One of a roster stands behind its roster only.
        let matter = Matter::Roster { provider: ALPHA.into(), dataset: "cir".into() };
        let unfit = Warning { matter, ..warning() };
        let loose = Rules { loosens_not: None, ..others(&rules) };
        let mut outdated = read(ALPHA, "a1", &[], &[]);
        outdated.policy = 0;
        let outdated =
            Draft { read: Box::new(outdated), reach: Reach::Page(0), asked: None, enrolled: false };
        let act = suspension(ALPHA);
        let [suspended, again] = [act.clone(), act].map(|act| ledger.act(act));
        let calls = async {
            tokio::join!(
                ledger.warn(unfit),
                ledger.record(bind(outdated).0),
                suspended,
                again,
                ledger.refusals(refusals(wall())),
                ledger.enact(loose),
            )
        };
        let release = async {
            tokio::task::yield_now().await;
            drop(hold);
        };
        let ((warned, read, suspended, again, refused, enacted), ()) = tokio::join!(calls, release);
        assert_eq!(warned, Err(Unrecorded::Unfit));
        assert_eq!(read.err(), Some(Unrecorded::Outdated));
        assert!(suspended.is_ok(), "{suspended:?}");
        assert!(matches!(again, Err(Unrecorded::Act(_))), "{again:?}");
        assert!(refused.is_ok(), "{refused:?}");
        assert_eq!(enacted, Err(Unrecorded::Unapproved));
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn every_kind_of_order_is_refused_when_its_commit_fails_and_when_the_ledger_is_out_of_use() {
    let rules = policy();
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        let hold = held(&place);
        let asked = sent(every_kind(&ledger, &rules)).await;
        // A table that is gone: no commit works, and no start takes the ledger up again.
        hold.execute_batch("DROP TABLE tiles; ALTER TABLE checkpoints RENAME TO others; COMMIT")
            .expect("SQL");
        drop(hold);
        for (what, answer) in asked {
            assert_eq!(answer.await, Err(Unrecorded::Unwritable), "{what}");
        }
        let mut status = ledger.status();
        let stopped = status.wait_for(|status| matches!(status, Status::Stopped(_))).await;
        assert!(stopped.is_ok());
        drop(stopped);
        for (what, answer) in every_kind(&ledger, &rules) {
            assert_eq!(answer.await, Err(Unrecorded::Unwritable), "{what}");
        }
    });
}

#[test]
fn what_waits_for_a_recovery_is_refused_and_a_policy_that_was_taken_up_comes_into_force_by_it() {
    let rules = policy();
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        let hold = held(&place);
        let mut asked = every_kind(&ledger, &rules);
        let (_, enacted) = asked.pop().expect("the policy is the last");
        let enacted = sent(vec![("policy", enacted)]).await.remove(0).1;
        for (what, answer) in sent(asked).await {
            // When SQLite has waited long enough for the lock.
            assert_eq!(answer.await, Err(Unrecorded::Unwritable), "{what}");
        }
        drop(hold);
        let head = enacted.await.expect("the rules are in force");
        assert_eq!(place.entries()[head as usize].payload.kind(), "policy");
        let others = others(&rules);
        assert_eq!(ledger.enact(others).await, Ok(head), "in force already");
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

/// A judge with a fault in it.
pub(crate) struct Faulty(Box<dyn Judge>);

impl Faulty {
    /// Has the registrar die of its first read.
    pub(crate) fn factory() -> Box<JudgeFactory> {
        Box::new(|| Box::new(Faulty(AnomalyJudge::fresh())) as Box<dyn Judge>)
    }
}

impl Judge for Faulty {
    fn version(&self) -> u64 {
        self.0.version()
    }

    fn decide(&self, _: &JudgeInput<'_>, _: &Standing, _: Moment) -> Decision {
        panic!("a judge that panics, as this test wants it to")
    }

    fn apply(&mut self, entry: &Entry) {
        self.0.apply(entry);
    }
}

#[test]
fn every_kind_of_order_is_answered_when_the_registrar_panics() {
    let rules = policy();
    let place = Place::created(&rules);
    let runtime = runtime();
    let _inside = runtime.enter();
    let registrar = place.start_judged(&rules, Faulty::factory()).expect("a sound ledger");
    let ledger = registrar.ledger.clone();
    runtime.block_on(async {
        let hold = held(&place);
        let asked = sent(every_kind(&ledger, &rules)).await;
        drop(hold);
        for (what, answer) in asked {
            let answer = answer.await;
            match what {
                // Its panic took its answer with it; what was behind it in the queue was not begun.
                "read" => assert_eq!(answer, Err(Unrecorded::Unanswered)),
                "policy" => assert_eq!(answer, Err(Unrecorded::Unwritable)),
                // In its commit, or in one before.
                _ => assert!(matches!(answer, Ok(_) | Err(Unrecorded::Unanswered)), "{what}"),
            }
        }
        let mut status = ledger.status();
        let stopped = status.wait_for(|status| matches!(status, Status::Stopped(_))).await;
        assert!(stopped.is_ok(), "its end is seen");
        drop(stopped);
        for (what, answer) in every_kind(&ledger, &rules) {
            assert_eq!(answer.await, Err(Unrecorded::Unwritable), "{what}");
        }
    });
    drop(ledger);
    registrar.finish();
    verified(&place.settings.path, &[]).expect("a sound ledger");
}
