//! A fault table: the calls by which an entry reaches the disk, each failing in turn while the
//! gateway serves. "Not persisted" is a write that fails. "Persisted but reported as failed" is a
//! sync that fails after its writes: whoever looks next finds them there. "Persisted and never
//! reported" is a process that ends inside a sync that worked. After each the ledger must be sound,
//! have every entry whose reply somebody received, and be taken up by the ordinary start.
//!
//! The faults are `strace`'s: it replaces one call of one thread. So it cannot both make a call and
//! have it fail, and it cannot lose what a failed sync has left in the page cache, as a disk can.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use tonic::{Code, Request};

use crate::disk::assert_unavailable;
use crate::given::{Given, assert_proven, assert_receipts, copied};
use crate::health::Health;
use crate::instance::{Caller, Daemon, Instance, PROGRAM, context};
use greffier::format::checkpoint::Checkpoint;
use greffier::proto::ListRecordsRequest;

const PROVIDER: &str = "provider-01";
/// Reads until a fault must have shown itself: one entry takes several writes and one sync.
const READS: usize = 12;

/// A tracer on every thread of a daemon. Dropped, it lets go.
pub(crate) struct Faults(Child);

impl Faults {
    /// Injects a fault, in the words of strace's `inject`, into calls of a kind: all of them, or
    /// those on one file.
    pub(crate) fn inject(daemon: &Daemon, calls: &str, fault: &str, on: Option<&Path>) -> Faults {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-p", &daemon.id().to_string()]);
        strace.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{fault}")]);
        if let Some(path) = on {
            strace.arg("-P").arg(path);
        }
        let tracer = strace.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut tracer = tracer.expect("strace starts");
        let mut said = BufReader::new(tracer.stderr.take().expect("standard error is piped"));
        let mut line = String::new();
        while !line.contains(" attached") {
            line.clear();
            let read = said.read_line(&mut line).expect("a line that is text");
            assert!(read > 0, "strace did not attach");
        }
        // It may say more, and must not fail for want of a reader.
        tracer.stderr = Some(said.into_inner());
        Faults(tracer)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // The kernel lets go of what a tracer held when it ends. It may have ended with the daemon.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn strace_is_here() -> bool {
    let here = Command::new("strace").arg("-V").output().is_ok();
    if !here {
        eprintln!("SKIPPED: there is no strace");
    }
    here
}

async fn page(caller: &mut Caller, size: i32) -> Result<Given, tonic::Status> {
    let reply = caller.list(size, "", context()).await;
    reply.map(|reply| Given::page(PROVIDER, reply))
}

fn instance() -> Instance {
    let instance = Instance::new();
    instance.widen();
    instance
}

/// Reads in a ledger that nobody writes at the moment, which must be sound. (There are digests of
/// refused calls, too, about once a second.)
fn reads(instance: &Instance, given: &[Given]) -> usize {
    let left = copied(&instance.layout.ledger());
    assert_proven(&left.ledger, &instance.key(), given);
    let ledger = Connection::open(&left.ledger).expect("a copy");
    let count = ledger.query_row("SELECT count(*) FROM reads", [], |row| row.get(0));
    count.expect("a count")
}

/// One daemon through all faults of a kind: each is refused, shown, survived and mended.
async fn errors(calls: &str, error: &str, last: usize) {
    let instance = instance();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let mut health = Health::watch(&daemon.settings(PROVIDER)).await;
    health.until_serving().await;
    let (mut given, mut refused) = (Vec::new(), 0);
    let faults = (1..=last).map(|n| format!("error={error}:when={n}"));
    // The last one is there to stay, until the tracer lets go.
    for fault in faults.chain([format!("error={error}:when=2+")]) {
        eprintln!("{calls}:{fault}");
        let faults = Faults::inject(&daemon, calls, &fault, None);
        let mut failed = None;
        for _ in 0..READS {
            match page(&mut caller, 5).await {
                Ok(reply) => given.push(reply),
                Err(status) => {
                    failed = Some(status);
                    break;
                }
            }
        }
        assert_unavailable(&failed.expect("a fault within so many reads"));
        refused += 1;
        health.until_not_serving().await;
        if fault.ends_with('+') {
            assert_unavailable(&page(&mut caller, 5).await.expect_err("no entry, no data"));
        }
        drop(faults);
        health.until_serving().await;
        reads(&instance, &given);
        given.push(page(&mut caller, 5).await.expect("it can be written again"));
    }
    drop(health);
    daemon.stop().await;
    let unreported = reads(&instance, &given) - given.len();
    assert_receipts(&instance.layout.ledger(), &instance.key(), &given);
    eprintln!("{calls} {error}: {refused} failed, the entries of {unreported} of them stand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_failing_write_or_sync_loses_an_entry_or_releases_a_row() {
    if strace_is_here() {
        tokio::join!(
            errors("pwrite64", "EIO", 9),
            errors("pwrite64", "ENOSPC", 9),
            errors("fdatasync", "EIO", 3),
            errors("fdatasync", "ENOSPC", 3),
        );
    }
}

/// Kills a daemon inside its n-th call of a kind and starts it again, on one instance.
async fn kills(calls: &str, last: usize) {
    let instance = instance();
    let mut given = Vec::new();
    for n in 1..=last {
        eprintln!("{calls}:signal=KILL:when={n}");
        let daemon = instance.serve();
        let mut caller = daemon.client(PROVIDER).await;
        let faults = Faults::inject(&daemon, calls, &format!("signal=KILL:when={n}"), None);
        while let Ok(reply) = page(&mut caller, 5).await {
            given.push(reply);
        }
        assert!(!daemon.ended().await.success());
        drop(faults);
        reads(&instance, &given);
    }
    instance.serve().stop().await;
    reads(&instance, &given);
    assert_receipts(&instance.layout.ledger(), &instance.key(), &given);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_write_or_sync_is_mended_by_the_next_start() {
    if strace_is_here() {
        tokio::join!(kills("pwrite64", 10), kills("fdatasync", 4));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_was_written_and_never_reported_stands() {
    if !strace_is_here() {
        return;
    }
    let instance = instance();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let given = vec![page(&mut caller, 5).await.expect("a page")];
    let before = reads(&instance, &given);
    // The sync is made, and its caller never learns of it.
    let faults = Faults::inject(&daemon, "fdatasync", "delay_exit=600000000:when=1", None);
    let mut request = Request::new(ListRecordsRequest {
        parent: crate::instance::CIR.to_owned(),
        context: Some(context()),
        page_size: 5,
        page_token: String::new(),
    });
    request.set_timeout(Duration::from_secs(2));
    let status = caller.0.records.list_records(request).await.expect_err("no reply");
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
    // The tracer still holds the thread: the daemon has ended when both are gone.
    daemon.signal("KILL");
    drop(faults);
    assert!(!daemon.ended().await.success());
    assert_eq!(reads(&instance, &given), before + 1);
    instance.serve().stop().await;
    assert_eq!(reads(&instance, &given), before + 1);
}

/// Pages of entries that fill a WAL soon.
const LONG: i32 = 400;

/// Reads until SQLite has moved the WAL into the file, with a fault in one of the calls that do so.
async fn checkpoints(calls: &str, fault: &str) {
    let instance = instance();
    let mut daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let (ledger, mut given) = (instance.layout.ledger(), Vec::new());
    let faults = Faults::inject(&daemon, calls, fault, Some(&ledger));
    let begun = || fs::metadata(&ledger).expect("the ledger").modified().expect("a time");
    let (before, mut after) = (begun(), 0);
    // Some reads more, once the file was written or the daemon is gone.
    for _ in 0..2_000 {
        match page(&mut caller, LONG).await {
            Ok(reply) => given.push(reply),
            Err(_) => break,
        }
        after += usize::from(begun() != before);
        if after > READS {
            break;
        }
    }
    eprintln!("{calls}:{fault} after {} reads", given.len() - after);
    if fault.starts_with("signal") {
        assert!(!daemon.ended().await.success());
        drop(faults);
        reads(&instance, &given);
        daemon = instance.serve();
        caller = daemon.client(PROVIDER).await;
    } else {
        assert!(after > READS, "a checkpoint that fails is made later: reads go on");
        drop(faults);
    }
    given.push(page(&mut caller, LONG).await.expect("it can be written"));
    daemon.stop().await;
    reads(&instance, &given);
    assert_receipts(&ledger, &instance.key(), &given);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_while_the_wal_is_moved_into_the_file_harms_nothing() {
    if !strace_is_here() {
        return;
    }
    for (calls, fault) in [
        ("pwrite64", "error=EIO:when=2"),
        ("pwrite64", "error=ENOSPC:when=2"),
        ("pwrite64", "signal=KILL:when=2"),
        ("fdatasync", "signal=KILL:when=1"),
    ] {
        checkpoints(calls, fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_high_water_file_that_cannot_be_written_stops_no_read_and_no_later_start() {
    if !strace_is_here() {
        return;
    }
    let instance = instance();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let faults = Faults::inject(&daemon, "fsync,rename", "error=EIO", None);
    let given = vec![page(&mut caller, 5).await.expect("a page")];
    let mut health = Health::watch(&daemon.settings(PROVIDER)).await;
    health.until_serving().await;
    drop(health);
    daemon.stop().await;
    drop(faults);
    let high_water = fs::read_to_string(instance.layout.high_water()).expect("the old one");
    let behind = Checkpoint::parse(&high_water).expect("a whole checkpoint").size;
    assert!(behind <= given[0].entry());
    instance.serve().stop().await;
    reads(&instance, &given);
}

/// A start that has a new policy to record, with a fault in one of its calls: it serves or it
/// refuses, and the next one serves.
async fn starts(calls: &str, fault: &str) {
    let instance = instance();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let given = [page(&mut caller, 5).await.expect("a page")];
    daemon.kill();
    let mut policy = fs::read_to_string(instance.layout.policy()).expect("the policy");
    policy.push_str("# Another digest is another version.\n");
    fs::write(instance.layout.policy(), policy).expect("a file");
    let mut strace = Command::new("strace");
    // With -D the daemon is the child, and the tracer its grandchild.
    strace.args(["-D", "-f", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    strace.args(["-e", &format!("inject={calls}:{fault}"), PROGRAM]);
    match instance.serve_by(strace) {
        Ok(daemon) => {
            eprintln!("{calls}:{fault}: it serves");
            daemon.kill();
        }
        Err(not) if fault.starts_with("signal") => assert_eq!(not.status.code(), None),
        Err(not) => {
            eprintln!("{calls}:{fault}: {}", not.said.lines().last().unwrap_or_default());
            assert_eq!(not.status.code(), Some(2));
        }
    }
    reads(&instance, &given);
    instance.serve().stop().await;
    assert_eq!(reads(&instance, &given), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_record_its_policy_refuses_and_the_next_one_serves() {
    if !strace_is_here() {
        return;
    }
    for n in 1..=6 {
        starts("fdatasync", &format!("error=EIO:when={n}")).await;
        starts("fdatasync", &format!("signal=KILL:when={n}")).await;
    }
    // The first sixteen or so make the room of the WAL's index.
    for n in [1, 12, 17, 18, 19, 20, 21, 22, 23, 24] {
        starts("pwrite64", &format!("error=ENOSPC:when={n}")).await;
    }
}
