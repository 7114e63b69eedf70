//! The registrar: what it counts, what it refuses, and what it remembers across a start.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;

use greffier::anomaly::AnomalyJudge;
use greffier::format::checkpoint::Checkpoint;
use greffier::format::entry::{
    Budgets, Counts, Entry, Facts, Method, Millis, Moment, Outcome, Payload, Read, RefusalCount,
    Refusals, Rule, Ruling, Section,
};
use greffier::format::merkle;
use greffier::format::merkle::Frontier;
use greffier::format::receipt::Receipt;
use greffier::registrar::start::StartError;
use greffier::registrar::{Draft, Ledger, OtherDraft, Unrecorded, bind};
use greffier::state::judge::{Decision, Judge};
use greffier::state::judge_input::JudgeInput;
use greffier::state::memory::Reach;
use greffier::state::standing::Standing;
use greffier::verify::store::{Store, Unreadable};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::segment::{
    Forge, Place, WIDE, access, get, key, page, people, person, read, rules, runtime, tampering,
    verified,
};

const DAY: Millis = 86_400_000;
const ALPHA: &str = "alpha-langues";

fn counts(agent_day: u64, provider_day: u64, provider_30_days: u64, never: u64) -> Counts {
    Counts { agent_day, provider_day, provider_30_days, never }
}

/// The read that an entry is.
fn the_read(place: &Place, seq: u64) -> Read {
    match place.entries().swap_remove(seq as usize).payload {
        Payload::Read(read) => *read,
        other => panic!("entry {seq} is no read: {other:?}"),
    }
}

fn wall() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_millis().try_into().expect("before the year 584 million")
}

#[test]
fn persons_are_new_once_a_day_to_each_agent_and_to_the_provider() {
    let rules = rules(&[(ALPHA, WIDE), ("beta-emploi", WIDE)]);
    let place = Place::created(&rules);
    let seqs = place.run(&rules, async |ledger| {
        let (on, off) = (people(ALPHA, 0..3), people(ALPHA, 3..5));
        let first = page(&ledger, read(ALPHA, "a1", &on, &off)).await.1;
        let again = page(&ledger, read(ALPHA, "a1", &on, &off)).await.1;
        let other = page(&ledger, read(ALPHA, "a2", &people(ALPHA, 2..4), &off[1..])).await.1;
        let elsewhere = get(&ledger, "beta-emploi", "b1", 0).await.1;
        [first, again, other, elsewhere]
    });
    let facts = seqs.map(|seq| the_read(&place, seq).facts);
    let none = Counts::default();
    let all = counts(5, 5, 5, 5);
    let expected = Facts { could: 5, could_off: 5, could_never: 5, all, off: counts(2, 2, 2, 2) };
    assert_eq!(facts[0], expected);
    assert_eq!(facts[1], Facts { could: 5, could_off: 5, could_never: 5, all: none, off: none });
    let expected = Facts {
        could: 3,
        could_off: 3,
        could_never: 3,
        all: counts(3, 0, 0, 0),
        off: counts(1, 0, 0, 0),
    };
    assert_eq!(facts[2], expected);
    let expected =
        Facts { could: 1, could_off: 0, could_never: 1, all: counts(1, 1, 1, 1), off: none };
    assert_eq!(facts[3], expected);
}

#[test]
fn refusals_that_go_on_while_a_commit_is_taken_are_recorded_as_of_its_time() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let seq = place.run(&rules, async |ledger| {
        let others = vec![RefusalCount { reason: "FLOOD".into(), count: 1 }];
        let since = ledger.now().at + DAY;
        let refusals = Refusals { since, certificates: Vec::new(), others };
        ledger.refusals(refusals).await.expect("an entry")
    });
    let entry = place.entries().swap_remove(seq as usize);
    let Payload::Refusals(refusals) = entry.payload else { panic!("{entry:?}") };
    assert_eq!(refusals.since, entry.now.at);
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn a_record_that_this_agent_was_given_today_could_return_nobody_new() {
    let rules = rules(&[(ALPHA, Budgets { agent_day: 1, ..WIDE })]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        assert_eq!(get(&ledger, ALPHA, "a1", 1).await.0, Ruling::RELEASED);
        // The budget is empty, which freezes the agent, and the same person is free.
        let (ruling, seq) = get(&ledger, ALPHA, "a1", 1).await;
        assert_eq!((ruling, the_read(&place, seq).facts.could), (Ruling::RELEASED, 0));
        let (ruling, seq) = get(&ledger, ALPHA, "a1", 2).await;
        assert_eq!((ruling.rule, ruling.remaining), (Some(Rule::Contained), None));
        assert_eq!(the_read(&place, seq).facts.could, 1);
        // To another agent the same person is new; a record that does not exist could be anyone's.
        let (ruling, seq) = get(&ledger, ALPHA, "a2", 1).await;
        assert_eq!((ruling, the_read(&place, seq).facts.could), (Ruling::RELEASED, 1));
        let nobody = Read { method: Method::Get, asked: 1, ..read(ALPHA, "a1", &[], &[]) };
        let nobody = Draft {
            read: Box::new(nobody),
            reach: Reach::One(person(ALPHA, 9)),
            asked: None,
            enrolled: false,
        };
        let (bound, claim) = bind(nobody);
        let recorded = ledger.record(bound).await.expect("a writable ledger");
        let (ruling, ..) = claim.redeem(recorded).expect("its own proof");
        assert_eq!(ruling.outcome, Outcome::Withheld);
    });
}

#[test]
fn a_withheld_read_lists_nobody_and_is_counted_for_nobody() {
    let rules = rules(&[(ALPHA, Budgets { agent_minute: 3, ..WIDE })]);
    let place = Place::created(&rules);
    let (withheld, released) = place.run(&rules, async |ledger| {
        let withheld = page(&ledger, read(ALPHA, "a1", &people(ALPHA, 0..4), &[])).await.1;
        (withheld, page(&ledger, read(ALPHA, "a1", &people(ALPHA, 0..3), &[])).await.1)
    });
    let read = the_read(&place, withheld);
    assert_eq!((read.rows, read.on.len(), read.reply), (0, 0, None));
    assert_eq!(read.facts.all, counts(4, 4, 4, 4));
    assert_eq!(the_read(&place, released).facts.all, counts(3, 3, 3, 3));
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

/// A segment with one released read of one person each, so many days ago.
fn remembered(rules: &greffier::registrar::rules::Rules, days: &[(u32, u64)]) -> Place {
    let place = Place::new();
    let now = wall();
    let mut forge = Forge::begun(now - 40 * DAY, rules);
    for &(n, days) in days {
        forge.pass(now - days * DAY - forge.now.at);
        let mut read = read(ALPHA, "a1", &people(ALPHA, n..n + 1), &[]);
        read.facts =
            Facts { could: 1, could_never: 1, all: counts(1, 1, 1, 1), ..Facts::default() };
        read.ruling = Ruling::RELEASED;
        forge.add(Payload::Read(Box::new(read)));
        forge.commit();
    }
    forge.write(&place.settings);
    place
}

#[test]
fn thirty_days_are_today_and_the_29_before() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = remembered(&rules, &[(1, 31), (2, 30), (3, 29), (4, 1)]);
    let seq = place.run(&rules, async |ledger| {
        page(&ledger, read(ALPHA, "a1", &people(ALPHA, 0..5), &[])).await.1
    });
    // Person 0 was never met; 1 and 2 are out of the window; nobody was met today.
    assert_eq!(the_read(&place, seq).facts.all, counts(5, 5, 3, 1));
}

#[test]
fn a_start_after_any_time_refills_one_minute_and_no_more() {
    let rules = rules(&[(ALPHA, Budgets { agent_minute: 60, agent_hour: 60, ..WIDE })]);
    let place = Place::new();
    let mut forge = Forge::begun(wall() - 20 * DAY, &rules);
    let mut read_60 = read(ALPHA, "a1", &people(ALPHA, 0..60), &[]);
    read_60.facts =
        Facts { could: 60, could_never: 60, all: counts(60, 60, 60, 60), ..Facts::default() };
    read_60.ruling = Ruling::RELEASED;
    forge.add(Payload::Read(Box::new(read_60)));
    forge.commit();
    forge.write(&place.settings);
    place.run(&rules, async |ledger| {
        // Of the hour's 60 persons one has come back in a minute, whatever the clock says.
        let (ruling, seq) = page(&ledger, read(ALPHA, "a1", &people(ALPHA, 60..62), &[])).await;
        assert_eq!((ruling.rule, ruling.remaining), (Some(Rule::AgentHour), Some(1)));
        let tick = place.entries()[seq as usize].now.tick;
        assert!((60_000..120_000).contains(&tick), "{tick}");
    });
}

#[test]
fn a_restart_leaves_budgets_and_memory_as_they_were() {
    let rules = rules(&[(ALPHA, Budgets { provider_day: 3, ..WIDE })]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        page(&ledger, read(ALPHA, "a1", &people(ALPHA, 0..2), &[])).await;
    });
    place.run(&rules, async |ledger| {
        let (ruling, seq) = page(&ledger, read(ALPHA, "a1", &people(ALPHA, 0..2), &[])).await;
        assert_eq!((ruling.rule, ruling.remaining), (Some(Rule::ProviderDay), Some(1)));
        assert_eq!(the_read(&place, seq).facts.all, Counts::default());
        let (ruling, seq) = get(&ledger, ALPHA, "a1", 1).await;
        assert_eq!((ruling, the_read(&place, seq).facts.could), (Ruling::RELEASED, 0));
        assert_eq!(get(&ledger, ALPHA, "a1", 2).await.0, Ruling::RELEASED);
    });
    place.run(&rules, async |ledger| {
        let (ruling, _) = get(&ledger, ALPHA, "a2", 3).await;
        assert_eq!((ruling.rule, ruling.remaining), (Some(Rule::ProviderDay), Some(0)));
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

fn draft(provider: &str, n: u32) -> Draft {
    let tag = person(provider, n);
    Draft {
        read: Box::new(read(provider, "agent", &[tag], &[])),
        reach: Reach::One(tag),
        asked: None,
        enrolled: false,
    }
}

#[test]
fn the_proof_of_another_draft_opens_nothing() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        let (one, its_claim) = bind(draft(ALPHA, 1));
        let (two, _) = bind(draft(ALPHA, 1));
        let of_one = ledger.record(one).await.expect("a writable ledger");
        let of_two = ledger.record(two).await.expect("a writable ledger");
        assert_eq!(its_claim.redeem(of_two).err(), Some(OtherDraft));
        drop(of_one);
    });
}

/// Keeps the registrar from committing until it is dropped.
fn held(place: &Place) -> Connection {
    let file = Connection::open(&place.settings.path).expect("the ledger");
    file.busy_timeout(std::time::Duration::from_secs(5)).expect("a timeout");
    file.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    file
}

#[test]
fn a_provider_has_its_share_of_the_queue_and_not_one_draft_more() {
    let rules = rules(&[(ALPHA, WIDE), ("beta-emploi", WIDE)]);
    let mut place = Place::created(&rules);
    place.settings.share = 2;
    place.run(&rules, async |ledger| {
        let hold = held(&place);
        let record = |provider, n| ledger.record(bind(draft(provider, n)).0);
        let (mut one, mut two) = (pin!(record(ALPHA, 1)), pin!(record(ALPHA, 2)));
        let mut other = pin!(record("beta-emploi", 3));
        poll_fn(|cx| {
            assert!(one.as_mut().poll(cx).is_pending());
            assert!(two.as_mut().poll(cx).is_pending());
            let three = pin!(record(ALPHA, 3)).poll(cx).map(Result::err);
            assert_eq!(three, Poll::Ready(Some(Unrecorded::Busy)));
            assert!(other.as_mut().poll(cx).is_pending(), "the others' share is theirs");
            Poll::Ready(())
        })
        .await;
        drop(hold);
        for done in [one.await, two.await, other.await] {
            done.expect("a writable ledger");
        }
        record(ALPHA, 3).await.expect("its places are free again");
    });
}

#[test]
fn a_client_that_goes_away_does_not_take_its_entry_with_it() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let before = place.entries().len();
    place.run(&rules, async |ledger| {
        let hold = held(&place);
        let mut call = Box::pin(ledger.record(bind(draft(ALPHA, 1)).0));
        assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await);
        drop(call);
        drop(hold);
    });
    assert_eq!(place.entries().len(), before + 1);
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn a_second_daemon_on_one_file_refuses() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let runtime = runtime();
    let _inside = runtime.enter();
    let first = place.start(&rules).expect("the first");
    let second = place.start(&rules).err().expect("a refusal");
    assert!(second.to_string().contains("another process is writing"), "{second}");
    first.finish();
    place.start(&rules).expect("the first has ended").finish();
}

#[test]
fn a_ledger_that_was_put_back_to_an_older_state_does_not_start() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let older = place.copy("older.sqlite");
    place.run(&rules, async |ledger| get(&ledger, ALPHA, "a1", 1).await);
    for suffix in ["-wal", "-shm"] {
        // The last one to close may have removed them.
        let _ = std::fs::remove_file(beside(&place.settings.path, suffix));
    }
    std::fs::copy(older, &place.settings.path).expect("a copy");
    let refused = place.refused(&rules);
    assert!(matches!(refused, StartError::Behind { .. }), "{refused}");
    assert!(refused.to_string().contains("the end was cut off"), "{refused}");
}

fn beside(path: &std::path::Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

#[test]
fn without_its_high_water_file_a_ledger_does_not_start() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let kept = std::fs::read_to_string(&place.settings.high_water).expect("a note");
    std::fs::remove_file(&place.settings.high_water).expect("a file");
    let refused = place.refused(&rules);
    assert!(matches!(refused, StartError::HighWater { .. }), "{refused}");
    for other in ["", "nonsense", &kept.replace("=\n", "A=\n")] {
        std::fs::write(&place.settings.high_water, other).expect("a file");
        assert!(matches!(place.refused(&rules), StartError::HighWater { .. }));
    }
    std::fs::write(&place.settings.high_water, kept).expect("a file");
    place.run(&rules, async |_| ());
}

#[test]
fn an_edited_ledger_and_a_missing_one_do_not_start() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    tampering(&place.settings.path)
        .execute("UPDATE entries SET body = replace(body, '1000', '2000') WHERE seq = 4", [])
        .expect("a row");
    assert!(matches!(place.refused(&rules), StartError::Unsound(_)));
    let none = Place::new();
    assert!(none.refused(&rules).to_string().contains("there is no ledger"));
    assert!(!none.settings.path.exists(), "a start makes no ledger");
}

/// The same judge under another version.
struct Newer(Box<dyn Judge>);

impl Judge for Newer {
    fn version(&self) -> u64 {
        self.0.version() + 1
    }

    fn decide(&self, counted: &JudgeInput<'_>, standing: &Standing, now: Moment) -> Decision {
        self.0.decide(counted, standing, now)
    }

    fn apply(&mut self, entry: &Entry) {
        self.0.apply(entry);
    }
}

#[test]
fn a_policy_is_written_anew_when_its_digest_or_the_judge_changes_and_only_then() {
    let mut rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let heads = || -> Vec<u64> {
        let entries = place.entries();
        let head = |e: &&Entry| matches!(&e.payload, Payload::Policy(p) if matches!(p.section, Section::Head(_)));
        entries.iter().filter(head).map(|e| e.seq).collect()
    };
    place.run(&rules, async |_| ());
    assert_eq!(heads(), [7]);
    rules.loosens_not = Some(rules.digest);
    rules.digest.0[0] ^= 1;
    place.run(&rules, async |_| ());
    place.run(&rules, async |_| ());
    assert_eq!(heads(), [7, 12]);
    let runtime = runtime();
    let _inside = runtime.enter();
    let newer = || Box::new(|| Box::new(Newer(AnomalyJudge::fresh())) as Box<dyn Judge>);
    for _ in 0..2 {
        let registrar = place.start_judged(&rules, newer()).expect("a sound ledger");
        assert_eq!(registrar.head, 17);
        registrar.finish();
    }
    assert_eq!(heads(), [7, 12, 17]);
    // Rules do not go back to what an older program means by them, and its replay says nothing.
    let older = place.refused(&rules);
    assert!(matches!(older, StartError::Older), "{older}");
    let mut verify = std::process::Command::new(crate::instance::PROGRAM);
    verify.arg("verify").arg(&place.settings.path).args(["--key", &key().to_string()]);
    let said = verify.output().expect("the program starts");
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("Not looked at"), "{said:?}");
    // Nothing was ruled yet by the other.
    let said = verify.arg("--replay").output().expect("the program starts");
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

/// Has so many small entries recorded.
async fn fill(ledger: &Ledger, count: u64) {
    for from in (0..count).step_by(1_000) {
        let mut tasks = JoinSet::new();
        for n in from..count.min(from + 1_000) {
            let ledger = ledger.clone();
            tasks.spawn(async move { ledger.access(access(n % 7)).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic").expect("a writable ledger");
        }
    }
}

/// Receipts of these entries, which all must hold.
fn receipts(store: &Store, seqs: impl Iterator<Item = u64>) -> Vec<String> {
    let check = |seq| {
        let receipt = store.receipt(seq).expect("an entry");
        let proven = receipt.check(&key()).expect("a receipt that holds");
        assert_eq!(proven.entry.seq, seq);
        assert_eq!(receipt.to_string().parse::<Receipt>().as_ref(), Ok(&receipt));
        receipt.to_string()
    };
    seqs.map(check).collect()
}

/// The same receipts come of the bodies alone as of the stored tiles.
fn tiles_only_save_time(place: &Place, seqs: &[u64]) {
    let copy = place.copy("copy.sqlite");
    let with = receipts(&Store::open(&copy).expect("the copy"), seqs.iter().copied());
    let removed = tampering(&copy).execute("DELETE FROM tiles", []).expect("rows");
    assert!(removed > 0);
    let without = receipts(&Store::open(&copy).expect("the copy"), seqs.iter().copied());
    assert_eq!(with, without);
}

#[test]
fn every_entry_has_a_receipt_across_full_tiles_and_starts() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    for more in [250, 3, 1, 400] {
        // A start takes the unfinished tiles up where they were.
        place.run(&rules, async |ledger| fill(&ledger, more).await);
        let size = place.entries().len() as u64;
        receipts(&place.store(), 0..size);
        assert!(place.store().receipt(size).is_err());
    }
    let size = place.entries().len() as u64;
    assert_eq!(size, 662);
    tiles_only_save_time(&place, &[0, 1, 255, 256, 300, 511, 512, size - 1]);
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn receipts_hold_across_a_full_tile_of_tiles() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| fill(&ledger, 65_540).await);
    let tiles = "SELECT count(*), max(level) FROM tiles";
    let file = Connection::open(&place.settings.path).expect("the ledger");
    let tiles = file.query_row(tiles, [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(tiles, Ok((256 + 1, 1)));
    tiles_only_save_time(&place, &[0, 65_535, 65_536]);
    let around = (65_500..65_543).chain((0..65_543).step_by(997));
    receipts(&place.store(), around);
}

#[test]
fn any_two_sizes_have_a_proof_that_the_ledger_only_grew_and_no_others_have() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| fill(&ledger, 600).await);
    let (store, mut edge) = (place.store(), Frontier::default());
    let mut roots = vec![edge.root()];
    for body in crate::segment::bodies(&place.settings.path) {
        edge.push(merkle::leaf(body.as_bytes()));
        roots.push(edge.root());
    }
    let newest = edge.size();
    let sizes = [1, 2, 3, 5, 255, 256, 257, 300, 511, 512, 513, newest - 1, newest];
    for old in sizes {
        for new in sizes {
            let proof = store.consistency(old, Some(new));
            if old > new {
                assert!(matches!(proof, Err(Unreadable::NoEntry(_))), "{old} in {new}");
                continue;
            }
            let (path, _) = proof.expect("a proof");
            let (from, to) = (roots[old as usize], roots[new as usize]);
            assert!(merkle::is_consistent(old, from, new, to, &path), "{old} in {new}");
            let other = roots[old as usize - 1];
            assert!(!merkle::is_consistent(old, other, new, to, &path), "{old} in {new}");
        }
    }
    let (_, note) = store.consistency(1, None).expect("a proof");
    assert_eq!(Checkpoint::parse(&note).expect("a checkpoint").size, newest);
    for (old, new) in [(0, None), (1, Some(newest + 1)), (newest + 1, None), (u64::MAX, None)] {
        assert!(store.consistency(old, new).is_err(), "{old} in {new:?}");
    }
}
