//! The ledger's write-ahead log while another process reads the ledger and does not let go.

use std::fs;
use std::time::{Duration, Instant};

use greffier::client::tail::{Event, Tail, TailState};
use http::Method;
use rusqlite::{Connection, OpenFlags};
use toml_edit::value;

use crate::figures::figure;
use crate::instance::{Caller, Instance, context};
use crate::segment::{Place, WIDE, rules, runtime};
use crate::wire::Wire;

const PROVIDER: &str = "provider-02";
const MIB: u64 = 1 << 20;

/// A reader that was forgotten: it sees the ledger as it was, for as long as it lives.
fn forgotten(ledger: &std::path::Path) -> Connection {
    let reader = Connection::open_with_flags(ledger, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let reader = reader.expect("the ledger");
    let count = "BEGIN; SELECT count(*) FROM entries";
    reader.execute_batch(count).expect("a transaction that reads");
    reader
}

fn wal(instance: &Instance) -> u64 {
    let ledger = instance.layout.ledger();
    let wal = ledger.with_file_name("ledger.sqlite-wal");
    assert!(wal.exists(), "{}", wal.display());
    fs::metadata(wal).expect("a WAL").len()
}

/// Reads pages until the WAL is as it should be.
async fn read_until(instance: &Instance, caller: &mut Caller, good: impl Fn(u64) -> bool) {
    for _ in 0..5_000 {
        if good(wal(instance)) {
            return;
        }
        caller.list(500, "", context()).await.expect("a page");
    }
    panic!("the WAL has {} bytes", wal(instance));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_reader_is_told_of_and_what_it_held_back_is_given_back() {
    let instance = Instance::new();
    instance.widen();
    instance.config(|config| config["ledger"]["wal_mib"] = value(8));
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    caller.list(1, "", context()).await.expect("a page");
    let reader = forgotten(&instance.layout.ledger());
    read_until(&instance, &mut caller, |wal| wal > 8 * MIB).await;

    let settings = daemon.settings("security-soc");
    let mut tail = Tail::new(settings, instance.key(), TailState::default()).expect("no state");
    let warning = loop {
        if let Event::Warning(warning) = tail.next().await.expect("a ledger that holds") {
            break warning;
        }
    };
    assert_eq!((&*warning.matter, warning.expected), ("wal", 8 * MIB));
    assert!(warning.observed >= 8 * MIB, "{}", warning.observed);
    assert!(warning.sentences[0].text.contains("another process reads"), "{warning:?}");
    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    let (_, _, text) = soc.ask(Method::GET, "/metrics").await;
    assert!(figure(&text, "greffier_ledger_wal_bytes").is_some_and(|bytes| bytes >= 8 * MIB));
    assert!(figure(&text, "greffier_ledger_bytes").is_some_and(|bytes| bytes > 0));

    drop(reader);
    read_until(&instance, &mut caller, |wal| wal <= 5 * MIB).await;
    daemon.stop().await;
    instance.assert_sound();
}

#[test]
fn a_forgotten_reader_keeps_no_start_waiting() {
    let rules = rules(&[("alpha-langues", WIDE)]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        crate::segment::get(&ledger, "alpha-langues", "a1", 1).await;
    });
    let reader = forgotten(&place.settings.path);
    place.run(&rules, async |ledger| {
        crate::segment::get(&ledger, "alpha-langues", "a1", 2).await;
    });
    let runtime = runtime();
    let _inside = runtime.enter();
    let began = Instant::now();
    let registrar = place.start(&rules).expect("a ledger that can be taken up");
    let took = began.elapsed();
    registrar.finish();
    drop(reader);
    // SQLite's patience with whoever reads would be five seconds.
    assert!(took < Duration::from_secs(4), "{took:?}");
}
