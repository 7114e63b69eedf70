//! What a start refuses to take up: a ledger that another daemon writes, one that was put back to
//! an older state, one whose high-water file is gone.

use std::fs;

use crate::given::{Given, assert_proven, copied};
use crate::instance::{Instance, NotServing, context};

async fn read_once(instance: &Instance) -> Given {
    let daemon = instance.serve();
    let page = daemon.client("provider-02").await.list(5, "", context()).await;
    let given = Given::page("provider-02", page.expect("a page"));
    daemon.stop().await;
    given
}

fn refused(instance: &Instance) -> NotServing {
    let not = instance.try_serve().expect_err("a start that is refused");
    assert_eq!(not.status.code(), Some(2), "{}", not.said);
    not
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_one_ledger_refuses_and_the_first_goes_on() {
    let instance = Instance::new();
    let first = instance.serve();
    let mut caller = first.client("provider-02").await;
    let before = caller.list(5, "", context()).await.expect("a page");
    let not = refused(&instance);
    assert!(not.said.contains("another process is writing"), "{}", not.said);
    assert!(not.said.contains("one daemon a ledger"), "{}", not.said);
    let after = caller.list(5, "", context()).await.expect("a page");
    first.stop().await;
    let given = [before, after].map(|page| Given::page("provider-02", page));
    assert_proven(&instance.layout.ledger(), &instance.key(), &given);
    instance.serve().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_put_back_to_an_older_copy_does_not_start() {
    let instance = Instance::new();
    read_once(&instance).await;
    let (ledger, aside) = (instance.layout.ledger(), instance.layout.root().join("newer"));
    let older = copied(&ledger);
    let given = read_once(&instance).await;
    fs::rename(&ledger, &aside).expect("the newer one, aside");
    fs::copy(&older.ledger, &ledger).expect("the older one, in its place");
    let not = refused(&instance);
    assert!(not.said.contains("does not go on from its high-water file"), "{}", not.said);
    assert!(not.said.contains("an older copy"), "{}", not.said);
    // The right one is still right.
    fs::rename(&aside, &ledger).expect("the newer one, back");
    instance.serve().stop().await;
    assert_proven(&ledger, &instance.key(), &[given]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_without_its_high_water_file_does_not_start_until_one_is_put_there() {
    let instance = Instance::new();
    let given = read_once(&instance).await;
    let high_water = instance.layout.high_water();
    fs::remove_file(&high_water).expect("the high-water file");
    let not = refused(&instance);
    assert!(not.said.contains(high_water.to_str().expect("UTF-8")), "{}", not.said);
    assert!(not.said.contains("put the newest checkpoint there that you trust"), "{}", not.said);
    fs::write(&high_water, "no checkpoint").expect("a file");
    let not = refused(&instance);
    assert!(not.said.contains("put the newest checkpoint there that you trust"), "{}", not.said);
    // Any checkpoint of a reply is one.
    fs::write(&high_water, given.checkpoint()).expect("a file");
    instance.serve().stop().await;
    assert_proven(&instance.layout.ledger(), &instance.key(), &[given]);
}

#[test]
fn a_missing_ledger_is_not_made_anew() {
    let instance = Instance::new();
    fs::remove_file(instance.layout.ledger()).expect("the ledger");
    let not = refused(&instance);
    assert!(not.said.contains("there is no ledger at"), "{}", not.said);
    assert!(!instance.layout.ledger().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_moves_what_a_kill_left_in_the_wal_into_the_file() {
    let instance = Instance::new();
    let ledger = instance.layout.ledger();
    let daemon = instance.serve();
    let page = daemon.client("provider-02").await.list(5, "", context()).await;
    let given = Given::page("provider-02", page.expect("a page"));
    daemon.kill();
    let wal = ledger.with_extension("sqlite-wal");
    assert!(fs::metadata(&wal).expect("a WAL").len() > 0);
    let daemon = instance.serve();
    assert_eq!(fs::metadata(&wal).expect("a WAL").len(), 0);
    daemon.kill();
    fs::remove_file(&wal).expect("an empty file");
    assert_proven(&ledger, &instance.key(), &[given]);
}
