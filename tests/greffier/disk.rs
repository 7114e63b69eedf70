//! A full disk and a read-only one. Nothing leaves without its entry; health says so at once; and
//! when there is room again, service goes on by itself where the ledger ends.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::fault::{Faults, strace_is_here};
use crate::given::{Given, assert_proven, assert_receipts, copied, newest};
use crate::health::Health;
use crate::instance::{Caller, Daemon, Instance, PROGRAM, context};
use crate::medium::{Disk, Limit, Medium, move_ledger};

const PROVIDER: &str = "provider-02";

/// Asserts that a call was refused because nothing can be written, and that the caller is told when
/// to try again.
pub(crate) fn assert_unavailable(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().expect("ErrorInfo").reason, "LEDGER_UNAVAILABLE");
    let retry = details.retry_info().and_then(|retry| retry.retry_delay);
    assert_eq!(retry, Some(Duration::from_secs(1)));
}

async fn page(caller: &mut Caller) -> Result<Given, Status> {
    let reply = caller.list(5, "", context()).await;
    reply.map(|reply| Given::page(PROVIDER, reply))
}

/// Reads until the ledger refuses; what came before is kept.
pub(crate) async fn read_until_refused(caller: &mut Caller, given: &mut Vec<Given>) -> Status {
    // A page of the file system holds a few entries at most.
    for _ in 0..1_000 {
        match page(caller).await {
            Ok(reply) => given.push(reply),
            Err(status) => return status,
        }
    }
    panic!("a thousand reads were written where there is no room");
}

/// Fills the disk until reads are refused, makes room, and reads again, more than once.
async fn a_disk_that_fills_and_empties(instance: &Instance, medium: &dyn Medium) {
    let (key, ledger) = (instance.key(), medium.file("ledger.sqlite"));
    let daemon = instance.serve_by(medium.program()).expect("it starts");
    let mut caller = daemon.client(PROVIDER).await;
    let mut health = Health::watch(&daemon.settings(PROVIDER)).await;
    health.until_serving().await;
    let mut given = vec![page(&mut caller).await.expect("there is room")];
    for leaving in [0, 4_096, 20_480] {
        medium.fill(daemon.id(), leaving);
        let status = read_until_refused(&mut caller, &mut given).await;
        assert_unavailable(&status);
        health.until_not_serving().await;
        let name = &given[0].names()[0];
        assert_unavailable(&caller.get(name, context()).await.expect_err("no entry, no data"));
        assert_unavailable(&page(&mut caller).await.expect_err("no entry, no data"));
        assert_unavailable(&caller.receipt(given[0].entry()).await.expect_err("no entry"));
        // Nobody writes meanwhile: a copy is whole.
        assert_proven(&copied(&ledger).ledger, &key, &given);
        medium.free(daemon.id());
        health.until_serving().await;
        let again = page(&mut caller).await.expect("there is room again");
        assert!(again.entry() > given.last().expect("there were reads").entry());
        given.push(again);
        let receipt = caller.receipt(given[0].entry()).await.expect("a receipt");
        assert!(receipt.starts_with("c2sp.org/tlog-proof@v1\n"));
    }
    daemon.until_said("the ledger can be written again").await;
    daemon.stop().await;
    let whole = copied(&ledger);
    assert_proven(&whole.ledger, &key, &given);
    assert_receipts(&whole.ledger, &key, &given);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_withholds_everything_and_service_resumes_when_there_is_room() {
    let instance = Instance::new();
    instance.widen();
    let folder = instance.layout.root().join("disk");
    match Disk::small(&folder, 8 << 20) {
        Some(disk) => {
            eprintln!("on a RAM disk of 8 MiB");
            move_ledger(&instance, &folder, |name| disk.file(name));
            a_disk_that_fills_and_empties(&instance, &disk).await;
        }
        None => {
            eprintln!("nothing can be mounted here: with RLIMIT_FSIZE");
            a_disk_that_fills_and_empties(&instance, &limited(&instance)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_on_file_sizes_withholds_everything_as_a_full_disk_does() {
    let instance = Instance::new();
    instance.widen();
    a_disk_that_fills_and_empties(&instance, &limited(&instance)).await;
}

fn limited(instance: &Instance) -> Limit {
    Limit(instance.layout.root().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_full_disk_refuses_and_says_why() {
    let instance = Instance::new();
    instance.widen();
    let folder = instance.layout.root().join("disk");
    let Some(disk) = Disk::small(&folder, 8 << 20) else {
        eprintln!("SKIPPED: nothing can be mounted here");
        return;
    };
    move_ledger(&instance, &folder, |name| disk.file(name));
    let daemon = instance.serve_by(disk.inside(PROGRAM)).expect("it starts");
    let mut caller = daemon.client(PROVIDER).await;
    let mut given = Vec::new();
    disk.fill(daemon.id(), 0);
    assert_unavailable(&read_until_refused(&mut caller, &mut given).await);
    daemon.kill();
    // What the daemon's last attempts and its end gave back is taken too.
    disk.fill(0, 0);
    let not = instance.serve_by(disk.inside(PROGRAM)).expect_err("there is no room");
    assert_eq!(not.status.code(), Some(2), "{}", not.said);
    assert!(not.said.contains("No space left on device"), "{}", not.said);
    disk.free(0);
    let daemon = instance.serve_by(disk.inside(PROGRAM)).expect("there is room again");
    let mut caller = daemon.client(PROVIDER).await;
    given.push(page(&mut caller).await.expect("there is room again"));
    daemon.stop().await;
    assert_proven(&copied(&disk.file("ledger.sqlite")).ledger, &instance.key(), &given);
}

/// `verify` of a ledger with an anchor.
fn verify(mut program: Command, ledger: &Path, instance: &Instance, anchor: &Path) -> String {
    program.arg("verify").arg(ledger).arg("--key").arg(instance.layout.verifier_key());
    let done = program.arg("--anchor").arg(anchor).output().expect("the program starts");
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(done.status.success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_medium_is_not_served_from_and_can_be_verified() {
    let instance = Instance::new();
    instance.widen();
    let folder = instance.layout.root().join("disk");
    let Some(disk) = Disk::small(&folder, 8 << 20) else {
        eprintln!("SKIPPED: nothing can be mounted here");
        return;
    };
    move_ledger(&instance, &folder, |name| disk.file(name));
    let daemon = instance.serve_by(disk.inside(PROGRAM)).expect("it starts");
    let mut caller = daemon.client(PROVIDER).await;
    let given =
        vec![page(&mut caller).await.expect("a page"), page(&mut caller).await.expect("a page")];
    daemon.kill();
    disk.remount_read_only();
    let not = instance.serve_by(disk.inside(PROGRAM)).expect_err("it cannot be written");
    assert_eq!(not.status.code(), Some(2), "{}", not.said);
    assert!(not.said.contains("Read-only file system"), "{}", not.said);
    // The last entries are in the WAL only, which a read-only medium lets nobody replay in place.
    let anchor = instance.layout.root().join("anchor");
    fs::write(&anchor, newest(&given).expect("there were replies")).expect("a file");
    let ledger = folder.join("ledger.sqlite");
    let said = verify(disk.inside(PROGRAM), &ledger, &instance, &anchor);
    assert!(said.contains(&format!("{} entries", given[1].entry() + 1)), "{said}");
}

#[test]
fn a_folder_that_the_daemon_may_not_write_is_not_served_from() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let instance = Instance::new();
    let root = instance.layout.root();
    fs::write(root.join("daemon.log"), "").expect("a log that is there already");
    let all = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o555));
    let mut program = Command::new(PROGRAM);
    // Permissions do not bind root: become nobody.
    if fs::metadata(root).expect("the folder").uid() == 0 {
        let chowned = Command::new("chown").args(["-R", "65534:65534"]).arg(root).status();
        assert!(chowned.expect("chown starts").success());
        all(root.parent().expect("a folder around it")).expect("permissions");
        program = Command::new("setpriv");
        program.args(["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM]);
    }
    all(root).expect("permissions");
    let not = instance.serve_by(program).expect_err("it cannot be written");
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("permissions");
    fs::set_permissions(root.parent().expect("a folder"), fs::Permissions::from_mode(0o755))
        .expect("permissions");
    assert_eq!(not.status.code(), Some(2), "{}", not.said);
    assert!(not.said.contains("Permission denied"), "{}", not.said);
}

/// From one moment on every write of a daemon that runs is refused; `turn` brings that about for as
/// long as what it returns is kept.
async fn a_medium_that_turns_read_only<T>(
    instance: &Instance,
    program: Command,
    ledger: &Path,
    turn: impl FnOnce(&Daemon) -> T,
) {
    let daemon = instance.serve_by(program).expect("it starts");
    let mut caller = daemon.client(PROVIDER).await;
    let mut health = Health::watch(&daemon.settings(PROVIDER)).await;
    health.until_serving().await;
    let mut given = vec![page(&mut caller).await.expect("it can be written")];
    let turned = turn(&daemon);
    let status = read_until_refused(&mut caller, &mut given).await;
    assert_unavailable(&status);
    health.until_not_serving().await;
    assert_unavailable(&page(&mut caller).await.expect_err("no entry, no data"));
    daemon.stop().await;
    drop(turned);
    let whole = copied(ledger);
    assert_proven(&whole.ledger, &instance.key(), &given);
    assert_receipts(&whole.ledger, &instance.key(), &given);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_that_turns_read_only_withholds_everything() {
    let instance = Instance::new();
    instance.widen();
    let folder = instance.layout.root().join("disk");
    if let Some(disk) = Disk::image(&folder, &instance.layout.root().join("image")) {
        eprintln!("on an ext4 image that finds an error");
        move_ledger(&instance, &folder, |name| disk.file(name));
        let ledger = disk.file("ledger.sqlite");
        let turn = |_: &Daemon| assert!(disk.break_down(), "no trigger_fs_error");
        a_medium_that_turns_read_only(&instance, disk.inside(PROGRAM), &ledger, turn).await;
    } else if strace_is_here() {
        eprintln!("no ext4 image can be mounted here: EROFS by strace");
        let turn = |daemon: &Daemon| Faults::inject(daemon, "pwrite64", "error=EROFS", None);
        let (program, ledger) = (Command::new(PROGRAM), instance.layout.ledger());
        a_medium_that_turns_read_only(&instance, program, &ledger, turn).await;
    }
}
