//! Signals from the first instruction on: a start that takes long can be told what a daemon can.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::instance::{HeldLedger, Instance, PROGRAM};

/// How long a start waits for a ledger that is locked.
const LOCKED: Duration = Duration::from_secs(5);

/// A daemon whose start waits for the ledger. Dropped, it is killed.
struct Start {
    child: Child,
    log: BufReader<ChildStderr>,
    held: Option<HeldLedger>,
}

impl Start {
    fn of(instance: &Instance) -> Start {
        // Another policy, which the start has to record.
        let path = instance.layout.policy();
        let policy = std::fs::read_to_string(&path).expect("a policy");
        std::fs::write(path, policy + "\n# another one\n").expect("a policy");
        let held = instance.hold_ledger();
        let mut serve = Command::new(PROGRAM);
        serve.args(["serve", "--config"]).arg(instance.layout.config());
        let piped = serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program starts");
        let log = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let mut start = Start { child, log, held: Some(held) };
        start.until_said("DEVELOPMENT");
        start
    }

    fn until_said(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.log.read_line(&mut line).expect("text") > 0, "not said: {words}");
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let said = Command::new("kill").args([format!("-{name}"), id]).status();
        assert!(said.expect("kill starts").success());
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_start_that_is_told_to_end_ends_at_once() {
    for name in ["TERM", "INT"] {
        let instance = Instance::new();
        let mut start = Start::of(&instance);
        let told = Instant::now();
        start.signal(name);
        let ended = start.child.wait().expect("a child ends once");
        assert!(told.elapsed() < LOCKED / 2, "{name}: {:?}", told.elapsed());
        assert_eq!((ended.code(), ended.signal()), (Some(0), None), "{name}");
        start.until_said("stopping: the start was not finished");
        drop(start);
        instance.assert_sound();
    }
}

#[test]
fn a_hangup_during_the_start_does_not_end_it_and_is_heeded_when_it_serves() {
    let instance = Instance::new();
    let mut start = Start::of(&instance);
    start.signal("HUP");
    start.signal("HUP");
    start.held.take().expect("held so far").release();
    let mut line = String::new();
    let out = start.child.stdout.take().expect("standard output is piped");
    BufReader::new(out).read_line(&mut line).expect("text");
    assert!(line.starts_with("listening on "), "{line}");
    start.until_said("the policy is the one in force already");
    start.signal("TERM");
    let ended = start.child.wait().expect("a child ends once");
    assert!(ended.success(), "{ended}");
    instance.assert_sound();
}
