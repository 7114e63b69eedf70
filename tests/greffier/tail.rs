//! Tails of alerts: through kills, restarts and slow reading, and what they denounce.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use greffier::client::tail::{Denounced, Ended, Event, Tail, TailState};
use greffier::client::{Client, ClientSettings};
use greffier::format::checkpoint::VerifierKey;
use greffier::format::entry::{Deed, Payload};
use greffier::instance::Layout;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::given::Chance;
use crate::instance::{Caller, Daemon, Instance, PROGRAM, context, minted};
use crate::pki::{Authority, Shown};
use crate::signed::{submit, whom};

const KILLS: u64 = 50;

/// An instance whose daemons all listen on one port, which was free when it was made.
pub(crate) fn lasting(instance: &Instance) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
    instance.config(|config| config["listen"] = toml_edit::value(free.to_string()));
}

/// Entry numbers of all alerts, warnings and acts.
pub(crate) fn notices(instance: &Instance) -> Vec<u64> {
    let entries = instance.entries().into_iter();
    let notice =
        |what: &Payload| matches!(what, Payload::Alert(_) | Payload::Warning(_) | Payload::Act(_));
    entries.filter(|entry| notice(&entry.payload)).map(|entry| entry.seq).collect()
}

pub(crate) async fn act(settings: &ClientSettings, suspend: bool, reason: &str) -> Option<u64> {
    let mut client = Client::connect(settings).await.ok()?;
    let layout = Layout::new(settings.ca.ancestors().nth(2).expect("the instance"));
    let whom = whom("provider-03", "");
    let what = if suspend { Deed::Suspend(whom) } else { Deed::Reinstate(whom) };
    let act = submit(&mut client, &layout, what, reason, &["admin-1"]).await;
    act.ok().map(|act| act.entry)
}

/// Somebody new asks for more than an agent may have in a minute: an alert.
async fn alarm(
    layout: &Layout,
    settings: &ClientSettings,
    (certificate, key): Shown,
) -> Option<()> {
    let token = Some(minted(layout, &certificate));
    let settings = ClientSettings { certificate, key, token, ..settings.clone() };
    let mut caller = Caller(Client::connect(&settings).await.ok()?);
    // Withheld, with an alert behind it, if the gateway is there.
    caller.list(6, "", context()).await.err().map(drop)
}

/// The program `greffier tail --json` with a state, and what it has printed.
struct Printing {
    child: Child,
    lines: tokio::sync::mpsc::Receiver<u64>,
}

impl Printing {
    fn start(instance: &Instance, daemon: &str, state: &Path) -> Printing {
        let mut child = tail(instance, daemon)
            .arg("--json")
            .arg("--state")
            .arg(state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let (sender, lines) = tokio::sync::mpsc::channel(100_000);
        tokio::task::spawn_blocking(move || {
            for line in out.lines().map_while(Result::ok) {
                // A line that a kill has cut in two is none.
                let Ok(line) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
                let entry = line["entry"].as_u64().expect("an alert or an act");
                let _ = sender.blocking_send(entry);
            }
        });
        Printing { child, lines }
    }

    /// SIGKILL; everything that it printed and that was not yet taken.
    async fn kill(mut self) -> Vec<u64> {
        self.child.kill().expect("a child that runs");
        self.child.wait().expect("a child ends once");
        let mut rest = Vec::new();
        while let Some(entry) = self.lines.recv().await {
            rest.push(entry);
        }
        rest
    }
}

fn tail(instance: &Instance, address: &str) -> Command {
    let mut tail = Command::new(PROGRAM);
    tail.args(["tail", "--instance"]).arg(instance.layout.root()).args(["--address", address]);
    tail.stdin(Stdio::null());
    tail
}

/// `greffier tail --once --json` to its end.
fn once(instance: &Instance, daemon: &Daemon, state: &Path) -> Output {
    let mut tail = tail(instance, &daemon.address);
    tail.args(["--once", "--json", "--state"]).arg(state).output().expect("the program starts")
}

fn entries(out: &Output) -> Vec<u64> {
    let text = String::from_utf8(out.stdout.clone()).expect("JSON is UTF-8");
    let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    text.lines().filter_map(|line| parse(line)["entry"].as_u64()).collect()
}

/// Follows with the library, and now and then drops everything but the state; every entry that it
/// was given, in order, once `enough` says which is the last.
async fn follow(
    settings: ClientSettings,
    key: VerifierKey,
    mut enough: watch::Receiver<Option<u64>>,
) -> Vec<u64> {
    let mut chance = Chance(7);
    let (mut state, mut given) = (TailState::default(), Vec::new());
    loop {
        let mut tail = Tail::new(settings.clone(), key.clone(), state).expect("a good state");
        for _ in 0..=chance.below(30) {
            // Dropping the future must lose nothing, so a change of mind comes at any moment.
            let event = tokio::select! {
                biased;
                _ = enough.changed() => continue,
                event = tail.next() => event.expect("a ledger that nobody changed"),
            };
            match event {
                Event::Alert(alert) => given.push(alert.entry),
                Event::Warning(warning) => given.push(warning.entry),
                Event::Act(act) => given.push(act.entry),
                Event::Heartbeat { up_to, .. } if enough.borrow().is_some_and(|n| up_to >= n) => {
                    return given;
                }
                _ => {}
            }
        }
        state = tail.state().clone();
    }
}

/// Raises alerts and acts until told to stop, waiting for a gateway where there is none.
pub(crate) fn raise(
    instance: &Instance,
    settings: ClientSettings,
    mut up: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
) -> JoinHandle<u64> {
    let (certificate, key) = instance.layout.client("admin-1");
    let admin = ClientSettings { certificate, key, ..settings.clone() };
    let (authority, layout) = (Authority::of(&instance.layout), instance.layout.clone());
    tokio::spawn(async move {
        let mut told = 0;
        for n in 0_u64.. {
            if *stop.borrow() {
                break;
            }
            up.borrow_and_update();
            let done = match n % 3 {
                0 => alarm(&layout, &settings, authority.client("provider", "provider-02")).await,
                1 => act(&admin, true, "round").await.map(drop),
                _ => act(&admin, false, "round").await.map(drop),
            };
            match done {
                Some(()) => told += 1,
                // A daemon was killed, or is not yet up: the next one is waited for.
                None if *stop.borrow() => break,
                None => drop(tokio::time::timeout(PATIENCE, up.changed()).await),
            }
        }
        told
    })
}

/// A call may also fail because of a rate; nobody says when that is over.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_fifty_kills_of_tail_and_gateway_no_alert_is_lost_or_repeated() {
    let began = Instant::now();
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("agent_minute", 5)]);
    lasting(&instance);
    let state = instance.layout.root().join("soc.state");
    let mut daemon = instance.serve();
    let settings = daemon.settings("security-soc");
    let (up, is_up) = watch::channel(0);
    let (stop, stopped) = watch::channel(false);
    let (enough, is_enough) = watch::channel(None);
    let raising = raise(&instance, settings.clone(), is_up, stopped);
    let following = tokio::spawn(follow(settings, instance.key(), is_enough));

    let mut chance = Chance(20_261_122);
    let (mut printed, mut daemons, mut tails) = (Vec::new(), 0, 0);
    let mut printing = Printing::start(&instance, &daemon.address, &state);
    for kill in 1..=KILLS {
        for _ in 0..=chance.below(6) {
            printed.push(printing.lines.recv().await.expect("a tail that goes on"));
        }
        if chance.below(10) < 3 {
            daemon.kill();
            daemon = instance.serve();
            up.send_replace(kill);
            daemons += 1;
        } else {
            printed.extend(printing.kill().await);
            printing = Printing::start(&instance, &daemon.address, &state);
            tails += 1;
        }
    }
    stop.send_replace(true);
    let raised = raising.await.expect("raising does not panic");
    printed.extend(printing.kill().await);
    let last = once(&instance, &daemon, &state);
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    printed.extend(entries(&last));

    let written = notices(&instance);
    enough.send_replace(written.last().copied());
    let followed = following.await.expect("a tail that ends well");
    assert_eq!(followed, written, "the library gives each entry once, in order");
    let once: BTreeSet<u64> = printed.iter().copied().collect();
    let lost = written.iter().filter(|entry| !once.contains(entry)).count();
    let repeats = printed.len() - once.len();
    eprintln!(
        "{KILLS} kills ({tails} of the tail, {daemons} of the gateway): {raised} calls answered, {} \
         alerts and acts written, {lost} lost; printed again after a kill: {repeats}; {:.1} s",
        written.len(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!(lost, 0);
    assert_eq!(once.into_iter().collect::<Vec<_>>(), written);
    // At most the one line between printing and keeping the state, for each kill.
    assert!(repeats as u64 <= tails);
    daemon.stop().await;
    instance.assert_sound();
}

/// The ledger and its high-water file, put aside.
pub(crate) struct Aside(Vec<(PathBuf, PathBuf)>);

impl Aside {
    /// Of a stopped daemon.
    pub(crate) fn copy(instance: &Instance) -> Aside {
        let files = [instance.layout.ledger(), instance.layout.high_water()];
        let pair = |file: PathBuf| {
            let mut copy = file.clone().into_os_string();
            copy.push(".early");
            let copy = PathBuf::from(copy);
            std::fs::copy(&file, &copy).expect("a copy");
            (file, copy)
        };
        Aside(files.map(pair).to_vec())
    }

    pub(crate) fn put_back(&self) {
        for (file, copy) in &self.0 {
            for suffix in ["-wal", "-shm"] {
                let mut beside = file.clone().into_os_string();
                beside.push(suffix);
                // A daemon that ended well leaves none.
                let _ = std::fs::remove_file(beside);
            }
            std::fs::copy(copy, file).expect("a copy");
        }
    }
}

#[tokio::test]
async fn an_older_or_forked_ledger_is_denounced_and_the_tail_ends_with_1() {
    let instance = Instance::new();
    let state = instance.layout.root().join("soc.state");
    let daemon = instance.serve();
    daemon.stop().await;
    let early = Aside::copy(&instance);
    let daemon = instance.serve();
    let admin = daemon.settings("admin-1");
    for suspend in [true, false, true, false] {
        act(&admin, suspend, "before").await.expect("an act");
    }
    let seen = once(&instance, &daemon, &state);
    assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
    assert_eq!(entries(&seen), notices(&instance));
    let again = once(&instance, &daemon, &state);
    assert_eq!((again.status.success(), entries(&again).len()), (true, 0));
    daemon.stop().await;

    early.put_back();
    let daemon = instance.serve();
    let denounced = |words: &str| {
        let out = once(&instance, &daemon, &state);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("DENOUNCED") && said.contains(words), "{said}");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(text.contains(r#""kind":"denounced""#), "{text}");
    };
    denounced("shorter than it was");
    // The state is not brought down with it: the next look says the same.
    denounced("shorter than it was");
    let admin = daemon.settings("admin-1");
    for suspend in [true, false, true, false, true, false] {
        act(&admin, suspend, "after").await.expect("an act");
    }
    denounced("rewritten or forked");
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_tail_that_is_open_denounces_the_gateway_that_comes_back_with_less() {
    let instance = Instance::new();
    lasting(&instance);
    instance.serve().stop().await;
    let early = Aside::copy(&instance);
    let daemon = instance.serve();
    act(&daemon.settings("admin-1"), true, "before").await.expect("an act");
    let mut tail =
        Tail::new(daemon.settings("security-soc"), instance.key(), TailState::default()).unwrap();
    let mut seen = Vec::new();
    loop {
        match tail.next().await.expect("a good ledger") {
            Event::Act(act) => seen.push(act.entry),
            Event::Heartbeat { unproven, .. } => {
                assert_eq!(unproven, None);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, notices(&instance));
    // A tail that is open does not hold up the end of the daemon, and is told of it.
    let began = Instant::now();
    daemon.terminate();
    let lost = tail.next().await.expect("not the end of the tail");
    let Event::Lost(why) = lost else { panic!("{lost:?}") };
    assert!(why.contains("stopping"), "{why}");
    assert!(daemon.ended().await.success());
    assert!(began.elapsed() < std::time::Duration::from_secs(9), "{:?}", began.elapsed());
    early.put_back();
    let daemon = instance.serve();
    assert!(matches!(tail.next().await, Ok(Event::Regained)));
    let ended = tail.next().await.err();
    let shorter = matches!(ended, Some(Ended::Denounced(Denounced::Shorter { .. })));
    assert!(shorter, "{ended:?}");
    drop(daemon);
}

#[tokio::test]
async fn a_gateway_of_another_key_is_denounced() {
    let (instance, other) = (Instance::new(), Instance::new());
    let daemon = instance.serve();
    let out = tail(&instance, &daemon.address)
        .args(["--once", "--ledger-key"])
        .arg(other.layout.verifier_key())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("DENOUNCED"), "{said}");
}

#[tokio::test]
async fn who_may_not_tail_and_whoever_finds_no_gateway_is_told_at_once() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let run = |args: &[&str]| {
        let out = tail(&instance, &daemon.address).args(args).output().expect("it starts");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        (out.status.code(), said)
    };
    let (code, said) = run(&["--as", "provider-01"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("CERTIFICATE_REJECTED"), "{said}");
    let (code, said) = run(&["--once", "--state", "/nowhere/at/all"]);
    assert_eq!(code, Some(2), "{said}");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a number");
    let (code, said) = run(&["--once", "--server-name", "localhost"]);
    assert_eq!(code, Some(0), "{said}");
    let out = tail(&instance, &gone.to_string()).arg("--once").output().expect("it starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("not there"), "{said}");
}
