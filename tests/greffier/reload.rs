//! Another policy taken up while calls go on: no call fails, no reply mixes two policies, and what
//! cannot be taken up changes nothing.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use greffier::anomaly::AnomalyJudge;
use greffier::format::entry::{
    Act, Budgets, Deed, Hash, Matter, Payload, Policy, Rule, Section, sha256,
};
use greffier::proto::ListRecordsResponse;
use greffier::registrar::rules::Rules;
use greffier::registrar::{Draft, Ledger, Status as LedgerStatus, Unrecorded, bind};
use greffier::state::memory::Reach;
use tokio::task::JoinSet;
use toml_edit::{DocumentMut, value};
use tonic::{Code, Status};

use crate::given::{Chance, Given, assert_proven};
use crate::instance::{Caller, Daemon, Instance, context, texts};
use crate::pki::fingerprint;
use crate::segment::{
    ADMINS, HEAD, Place, WIDE, page, people, read, rules, runtime, signed_by, statement, verified,
};
use crate::signed::{self, personal, signatures};
use crate::told::told;

const READERS: usize = 16;
const RELOADS: u64 = 24;

/// The policy as it is.
fn written(instance: &Instance) -> String {
    fs::read_to_string(instance.layout.policy()).expect("policy.toml")
}

/// The same with a change.
fn with(text: &str, change: impl FnOnce(&mut DocumentMut)) -> String {
    let mut document: DocumentMut = text.parse().expect("TOML");
    change(&mut document);
    document.to_string()
}

/// Puts a whole file in the place of the policy, so that no look finds half of it.
fn put(instance: &Instance, text: &str) {
    let beside = instance.layout.root().join("policy.new");
    fs::write(&beside, text).expect("a file");
    fs::rename(beside, instance.layout.policy()).expect("in its place");
}

fn reload(instance: &Instance, daemon: &Daemon, text: &str) {
    put(instance, text);
    daemon.signal("HUP");
}

/// Two administrators let a policy into force, whatever it loosens.
async fn approve(instance: &Instance, daemon: &Daemon, text: &str) {
    let mut admin = daemon.client("admin-1").await.0;
    let origin = admin.origin().await.expect("a checkpoint");
    let loosen = Deed::Loosen { digest: sha256(&[text.as_bytes()]) };
    let loosen = signed::statement(loosen, "an exercise");
    let keys = ADMINS.map(|admin| (admin, personal(&instance.layout, admin)));
    let signers: Vec<_> = keys.iter().map(|(admin, key)| (*admin, key)).collect();
    let (text, signatures) = signatures(&origin, &loosen, &signers);
    admin.submit(text, &signatures).await.expect("an act");
}

/// Names of the fields that a reply shows.
fn shown(reply: &ListRecordsResponse) -> Vec<String> {
    let first = reply.records.first().expect("a record");
    first.fields.iter().map(|field| field.name.clone()).collect()
}

/// Reads until the gateway answers so.
async fn until(caller: &mut Caller, so: impl Fn(&Result<ListRecordsResponse, Status>) -> bool) {
    while !so(&caller.list(1, "", context()).await) {}
}

/// Heads of policies by their entry numbers.
fn heads(instance: &Instance) -> HashMap<u64, Hash> {
    let head = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Policy(Policy { section: Section::Head(head) }) => Some((entry.seq, head.digest)),
        _ => None,
    };
    instance.entries().into_iter().filter_map(head).collect()
}

/// Reads until it is told to stop; any refusal is a failure.
async fn read_on(mut caller: Caller, stop: Arc<AtomicBool>) -> Vec<(Given, Vec<String>)> {
    let mut got = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let reply = caller.list(2, "", context()).await.expect("no call fails by a reload");
        let fields = shown(&reply);
        got.push((Given::page("provider-02", reply), fields));
    }
    got
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_changes_under_load_fails_no_call_and_mixes_into_no_reply() {
    let instance = Instance::new();
    instance.widen();
    let one = written(&instance);
    let narrow = ["family_name", "course"];
    let other = with(&one, |p| p["dataset"]["cir"]["views"]["BASIC"] = texts(narrow));
    let daemon = instance.serve();
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_on(daemon.client("provider-02").await, stop.clone()));
    }
    let mut probe = daemon.client("provider-01").await;
    let wide = shown(&probe.list(1, "", context()).await.expect("a page"));
    assert_ne!(wide, narrow);
    let began = Instant::now();
    for n in 0..RELOADS {
        let (text, fields) = if n % 2 == 0 {
            (&other, narrow.map(str::to_owned).to_vec())
        } else {
            (&one, wide.clone())
        };
        if n % 2 == 1 {
            approve(&instance, &daemon, text).await;
        }
        reload(&instance, &daemon, text);
        until(&mut probe, |reply| shown(reply.as_ref().expect("no call fails")) == fields).await;
    }
    let took = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut got = Vec::new();
    while let Some(reader) = readers.join_next().await {
        got.extend(reader.expect("a reader that was never refused"));
    }
    daemon.stop().await;
    let heads = heads(&instance);
    assert_eq!(heads.len() as u64, 1 + RELOADS);
    let entries = instance.entries();
    for (given, fields) in &got {
        let Payload::Read(read) = &entries[given.entry() as usize].payload else {
            panic!("no read")
        };
        let expected = if heads[&read.policy] == sha256(&[one.as_bytes()]) {
            &wide[..]
        } else {
            &narrow.map(str::to_owned)[..]
        };
        assert_eq!(fields, expected, "entry {}", given.entry());
    }
    let given: Vec<Given> = got.into_iter().map(|(given, _)| given).collect();
    assert_proven(&instance.layout.ledger(), &instance.key(), &given);
    instance.assert_sound();
    eprintln!("{} replies over {RELOADS} reloads in {:.1} s", given.len(), took.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_with_faults_changes_nothing_and_all_of_them_are_logged() {
    let instance = Instance::new();
    let good = written(&instance);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let before = heads(&instance);
    let bad = with(&good, |policy| {
        policy["provider"]["provider-02"]["budgets"]["agent_day"] = value(-1);
        policy["provider"]["provider-03"]["burst"] = value(0);
    });
    reload(&instance, &daemon, &bad);
    let log = daemon.until_said("not put into force").await;
    for (key, says) in
        [("agent_day = -1", "`agent_day` is out of range"), ("burst = 0", "`burst` is")]
    {
        let line = 1 + bad[..bad.find(key).expect(key)].matches('\n').count();
        let told = log.lines().find(|told| told.contains(says)).expect(says);
        assert!(told.contains(&format!("line={line}")) && told.contains("policy.toml"), "{told}");
    }
    // A column that the records do not have is a fault too.
    let other = "email = { column = \"no_such\", class = \"contact\" }";
    assert!(good.contains("email = \"contact\""));
    reload(&instance, &daemon, &good.replace("email = \"contact\"", other));
    daemon.until_said("dossiers.no_such is not there").await;
    assert_eq!(caller.list(5, "", context()).await.expect("a page").records.len(), 5);
    // The same policy again is none that could be put into force, and no entry.
    reload(&instance, &daemon, &good);
    daemon.until_said("the one in force already").await;
    assert_eq!(heads(&instance), before);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changes_is_taken_up_without_a_signal() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let narrow = ["course"];
    let changed =
        with(&written(&instance), |p| p["dataset"]["cir"]["views"]["BASIC"] = texts(narrow));
    let head = sha256(&[changed.as_bytes()]);
    put(&instance, &changed);
    daemon.until_said("another policy is in force").await;
    let reply = daemon.client("provider-02").await.list(1, "", context()).await.expect("a page");
    assert_eq!(shown(&reply), narrow);
    assert!(heads(&instance).values().any(|digest| *digest == head));
    let log = daemon.log();
    assert!(log.contains("tighter: dataset cir, view BASIC: field family_name removed"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_revoked_is_refused_on_its_open_connection() {
    let instance = Instance::new();
    let good = written(&instance);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let mut other = daemon.client("provider-03").await;
    caller.list(1, "", context()).await.expect("a page");
    let print = fingerprint(&instance.layout.client("provider-02").0).to_string();
    reload(&instance, &daemon, &with(&good, |policy| policy["revoked"] = texts([&*print])));
    until(&mut caller, Result::is_err).await;
    let refused = told(caller.list(1, "", context()).await);
    assert_eq!(refused.what(), (Code::Unauthenticated, "CERTIFICATE_REJECTED"));
    other.list(1, "", context()).await.expect("nobody else is revoked");
    // And a provider that the policy no longer names.
    let without = with(&good, |policy| {
        policy["provider"].as_table_mut().expect("providers").remove("provider-03");
    });
    approve(&instance, &daemon, &without).await;
    reload(&instance, &daemon, &without);
    until(&mut other, Result::is_err).await;
    let refused = told(other.list(1, "", context()).await);
    assert_eq!(refused.what(), (Code::Unauthenticated, "CERTIFICATE_REJECTED"));
    until(&mut caller, Result::is_ok).await;
    approve(&instance, &daemon, &good).await;
    reload(&instance, &daemon, &good);
    until(&mut other, Result::is_ok).await;
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_raised_by_a_later_policy_fills_up_only_by_refilling() {
    let instance = Instance::new();
    instance.budgets("provider-02", &[("agent_hour", 5)]);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    caller.list(4, "", context()).await.expect("a page");
    let withheld = told(caller.list(5, "", context()).await);
    assert_eq!(withheld.what(), (Code::ResourceExhausted, "BUDGET_EXHAUSTED"));
    let raised = with(&written(&instance), |policy| {
        policy["provider"]["provider-02"]["budgets"]["agent_hour"] = value(50);
    });
    approve(&instance, &daemon, &raised).await;
    reload(&instance, &daemon, &raised);
    let log = daemon.until_said("another policy is in force").await;
    assert!(log.contains("looser: provider provider-02: budget agent_hour 5 -> 50"), "{log}");
    let withheld = told(caller.list(5, "", context()).await);
    assert_eq!(withheld.what(), (Code::ResourceExhausted, "BUDGET_EXHAUSTED"));
    let last = instance.entries().into_iter().rev().find_map(|entry| match entry.payload {
        Payload::Read(read) => Some(read),
        _ => None,
    });
    let last = last.expect("a read");
    // 50 an hour refill by one in 72 seconds.
    assert_eq!(last.ruling.rule, Some(Rule::AgentHour));
    assert!(last.ruling.remaining.is_some_and(|left| left < 5), "{:?}", last.ruling);
    assert_eq!(heads(&instance).keys().max(), Some(&last.policy));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_loosens_waits_for_two_administrators() {
    let instance = Instance::new();
    instance.widen();
    let good = written(&instance);
    let narrow = with(&good, |p| p["dataset"]["cir"]["views"]["BASIC"] = texts(["course"]));
    put(&instance, &narrow);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let before = heads(&instance);
    reload(&instance, &daemon, &good);
    let log = daemon.until_said("two administrators have not approved it").await;
    let wider = "looser: dataset cir, view BASIC: field family_name added";
    assert!(log.contains(wider), "{log}");
    assert_eq!(shown(&caller.list(1, "", context()).await.expect("a page")), ["course"]);
    assert_eq!(heads(&instance), before);
    let warned =
        |entry: &greffier::format::entry::Entry| matches!(entry.payload, Payload::Warning(_));
    assert_eq!(instance.entries().iter().filter(|entry| warned(entry)).count(), 1);
    // Another one is not what they approved.
    approve(&instance, &daemon, &format!("{good}#")).await;
    assert_eq!(shown(&caller.list(1, "", context()).await.expect("a page")), ["course"]);
    approve(&instance, &daemon, &good).await;
    // The file lies there still, and is taken up by itself.
    until(&mut caller, |reply| shown(reply.as_ref().expect("a page")).len() > 1).await;
    // An approval is for once.
    reload(&instance, &daemon, &narrow);
    until(&mut caller, |reply| shown(reply.as_ref().expect("a page")).len() == 1).await;
    daemon.stop().await;
    put(&instance, &good);
    let not = instance.try_serve().expect_err("a start refuses it too");
    assert!(not.said.contains("greffier act propose loosen"), "{}", not.said);
    put(&instance, &fs::read_to_string(in_force(&instance)).expect("the copy"));
    instance.serve().stop().await;
    instance.assert_sound();
}

/// Where the copy of the policy in force lies.
fn in_force(instance: &Instance) -> PathBuf {
    greffier::config::in_force::path(&instance.layout.ledger())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_while_it_takes_up_a_policy_starts_again_under_it() {
    let instance = Instance::new();
    instance.widen();
    let one = written(&instance);
    let other = with(&one, |p| p["dataset"]["cir"]["views"]["BASIC"] = texts(["course"]));
    let mut chance = Chance(7);
    for round in 0..8 {
        let daemon = instance.serve();
        let mut caller = daemon.client("provider-02").await;
        let text = if round % 2 == 0 { &other } else { &one };
        if round % 2 == 1 {
            approve(&instance, &daemon, text).await;
        }
        reload(&instance, &daemon, text);
        for _ in 0..chance.below(40) {
            caller.list(1, "", context()).await.expect("a page");
        }
        daemon.kill();
        let daemon = instance.serve();
        daemon.client("provider-02").await.list(1, "", context()).await.expect("a page");
        daemon.stop().await;
        let heads = heads(&instance);
        let last = heads.iter().max_by_key(|(seq, _)| **seq).expect("a head").1;
        assert_eq!(*last, sha256(&[text.as_bytes()]), "round {round}");
        instance.assert_sound();
    }
}

const ALPHA: &str = "alpha-langues";

/// Rules as a later policy has them.
fn later(budgets: Budgets) -> Rules {
    let first = rules(&[(ALPHA, budgets)]);
    let loosens_not = Some(first.digest);
    Rules { digest: sha256(&[b"a later policy"]), loosens_not, ..first }
}

/// Two administrators let a policy into force, whatever it loosens.
fn approval(digest: Hash) -> Act {
    Act::Signed(signed_by(statement(Deed::Loosen { digest }), &ADMINS))
}

/// What comes of a draft that was admitted under a head.
async fn under(ledger: &Ledger, policy: u64, n: u32) -> Result<(), Unrecorded> {
    let draft = greffier::format::entry::Read {
        policy,
        ..read(ALPHA, "a1", &people(ALPHA, n..n + 1), &[])
    };
    let (bound, _claim) =
        bind(Draft { read: Box::new(draft), reach: Reach::Page(1), asked: None, enrolled: false });
    ledger.record(bound).await.map(drop)
}

#[test]
fn a_draft_of_an_older_policy_is_not_written() {
    let first = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&first);
    let head = place.run(&first, async |ledger| {
        under(&ledger, HEAD, 1).await.expect("the policy in force");
        assert_eq!(ledger.enact(first.clone()).await, Ok(HEAD), "the same rules are no entry");
        let head = ledger.enact(later(WIDE)).await.expect("other rules");
        assert_eq!(under(&ledger, HEAD, 2).await, Err(Unrecorded::Outdated));
        assert_eq!(under(&ledger, head + 1, 3).await, Err(Unrecorded::Unfit));
        under(&ledger, head, 4).await.expect("the policy in force");
        head
    });
    // Genesis, two keys, four sections and head; a read; four sections and head; a read.
    assert_eq!((head, place.entries().len()), (HEAD + 6, 15));
    let sizes: Vec<u64> =
        crate::segment::notes(&place.settings.path).into_iter().map(|(size, _)| size).collect();
    assert_eq!(sizes, [8, 9, 14, 15], "a policy is a commit of its own");
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn policies_and_reads_that_wait_together_are_written_in_order() {
    let first = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&first);
    place.run(&first, async |ledger| {
        let mut waiting = JoinSet::new();
        for n in 0..200 {
            let ledger = ledger.clone();
            waiting.spawn(async move {
                if n % 20 == 10 {
                    let digest = sha256(&[&[n as u8]]);
                    let rules = Rules { digest, ..later(WIDE) };
                    ledger.act(approval(digest)).await.expect("an approval");
                    return ledger.enact(rules).await.map(drop);
                }
                under(&ledger, HEAD, n).await
            });
        }
        let (mut written, mut outdated) = (0, 0);
        while let Some(done) = waiting.join_next().await {
            match done.expect("no panic") {
                Ok(()) => written += 1,
                // An approval is for the policy that was in force: another one came between.
                Err(Unrecorded::Outdated | Unrecorded::Unapproved) => outdated += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(written + outdated, 200);
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn rules_that_no_entry_can_hold_are_refused_and_nothing_stops() {
    let first = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&first);
    place.run(&first, async |ledger| {
        let mut bad = later(WIDE);
        bad.providers[2].provider = "x\u{7f}".into();
        assert_eq!(ledger.enact(bad).await, Err(Unrecorded::Unfit));
        let mut large = later(WIDE);
        large.providers[0].budgets.agent_day = 1 << 53;
        assert_eq!(ledger.enact(large).await, Err(Unrecorded::Unfit));
        under(&ledger, HEAD, 1).await.expect("the rules in force");
    });
    assert_eq!(place.entries().len(), 9);
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn rules_whose_commit_fails_come_into_force_with_the_recovery() {
    let first = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&first);
    let tight = Budgets { agent_minute: 1, ..WIDE };
    let runtime = runtime();
    let _inside = runtime.enter();
    let registrar = place.start_judged(&first, Box::new(AnomalyJudge::fresh)).expect("a ledger");
    let ledger = registrar.ledger.clone();
    runtime.block_on(async {
        let held = rusqlite::Connection::open(&place.settings.path).expect("the ledger");
        held.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
        let enacting = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.enact(later(tight)).await }
        });
        let mut status = ledger.status();
        let unwritable = |status: &LedgerStatus| matches!(status, LedgerStatus::Unwritable(_));
        status.wait_for(unwritable).await.expect("a registrar that tells");
        held.execute_batch("ROLLBACK").expect("the end of a transaction");
        let head = enacting.await.expect("no panic").expect("in force in the end");
        assert_eq!(head, HEAD + 5);
        assert_eq!(under(&ledger, HEAD, 1).await, Err(Unrecorded::Outdated));
        under(&ledger, head, 1).await.expect("the rules in force");
        let two = read(ALPHA, "a1", &people(ALPHA, 5..7), &[]);
        let (ruling, _) =
            page(&ledger, greffier::format::entry::Read { policy: head, ..two }).await;
        assert_eq!(ruling.rule, Some(Rule::AgentMinute), "{ruling:?}");
    });
    drop(ledger);
    registrar.finish();
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

/// Makes another file of records, changed by some SQL, in the place of the one that is open.
fn replace_records(instance: &Instance, sql: &str) {
    let beside = instance.layout.root().join("records.new");
    fs::copy(instance.layout.source(), &beside).expect("a copy");
    let other = rusqlite::Connection::open(&beside).expect("the copy");
    other.execute_batch(sql).expect("SQL");
    drop(other);
    fs::rename(beside, instance.layout.source()).expect("in its place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_file_in_the_place_of_the_records_is_taken_up_and_its_rosters_are_watched() {
    let instance = Instance::new();
    let before = instance.roster("provider-02");
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let page = caller.list(3, "", context()).await.expect("a page");
    let heads_before = heads(&instance);
    // Without a column of the policy's it is no use: nothing changes.
    replace_records(&instance, "ALTER TABLE dossiers RENAME COLUMN email TO mail");
    daemon.until_said("cannot be used: reads go on in the one before it").await;
    assert_eq!(caller.list(3, "", context()).await.expect("a page").records, page.records);

    let gone = &before[0];
    // What SQLite would play into whatever file has the name.
    let journal = PathBuf::from(format!("{}-journal", instance.layout.source().display()));
    fs::write(&journal, "of the file before").expect("a file");
    replace_records(
        &instance,
        &format!(
            "ALTER TABLE dossiers RENAME COLUMN mail TO email;
             DELETE FROM roster WHERE provider = 'provider-02' AND id = '{gone}'"
        ),
    );
    daemon.until_said("beside it a journal").await;
    // Nor does a policy open it.
    reload(&instance, &daemon, &written(&instance));
    daemon.until_said("the policy was not put into force").await;
    assert!(!daemon.log().contains("reads are of it now"));
    fs::remove_file(&journal).expect("it is there");
    daemon.until_said("reads are of it now").await;
    daemon.until_said("the policy is the one in force already").await;
    let refused = told(caller.get(&page.records[0].name, context()).await);
    assert_eq!(refused.what(), (Code::PermissionDenied, "RECORD_NOT_AVAILABLE"));
    let next = caller.list(3, "", context()).await.expect("a page");
    assert_eq!(next.records[..2], page.records[1..]);
    // Whoever was taken off the roster is in the ledger too, by the next look.
    let removed = |instance: &Instance| {
        instance.entries().into_iter().find_map(|entry| match entry.payload {
            Payload::Roster(roster) if &*roster.provider == "provider-02" => roster.removed,
            _ => None,
        })
    };
    while removed(&instance) != Some(1) {
        tokio::task::yield_now().await;
    }
    assert_eq!(heads(&instance), heads_before);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_come_with_a_policy_are_told_by_their_digest_as_is_a_policy_that_lacks_them() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut named = String::new();
    let other = with(&written(&instance), |p| {
        let (name, issuer) = p["issuer"].as_table_mut().unwrap().iter_mut().next().unwrap();
        named = name.get().to_owned();
        issuer["keys"] = value("other.jwks");
    });
    approve(&instance, &daemon, &other).await;
    reload(&instance, &daemon, &other);
    warned(&instance, Matter::Policy { digest: Some(sha256(&[other.as_bytes()])) }).await;
    let mut keys = fs::read(instance.layout.agents_jwks()).expect("keys");
    keys.push(b'\n');
    fs::write(instance.layout.root().join("other.jwks"), &keys).expect("a file");
    daemon.signal("HUP");
    let digest = sha256(&[&keys]);
    warned(&instance, Matter::Keys { issuer: named.into(), digest }).await;
    daemon.until_said("another policy is in force").await;
    daemon.stop().await;
    instance.assert_sound();
}

/// Waits until the ledger warns so.
async fn warned(instance: &Instance, matter: Matter) {
    let so = |entry: greffier::format::entry::Entry| matches!(entry.payload, Payload::Warning(warning) if warning.matter == matter);
    while !instance.entries().into_iter().any(so) {
        tokio::task::yield_now().await;
    }
}
