//! Ledgers whose last entry is not of now, and the real daemon that takes them up.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greffier::format::entry::{Entry, Matter, Millis, Payload, Warning};
use greffier::registrar::clock::{Clocks, Readings};
use greffier::registrar::wall;

use crate::instance::{Daemon, Instance, NotServing, PROGRAM, context};
use crate::segment::{Place, WIDE, get, rules, verified};
use crate::told::told;

const MINUTE: Millis = 60_000;
const DAY: Millis = 1_440 * MINUTE;
const ALPHA: &str = "alpha-langues";
const PROVIDER: &str = "provider-02";

/// Begun by a clock that stands at `at`.
fn begun(at: Millis) -> Instance {
    let instance = Instance::new();
    instance.begin_at(at);
    instance
}

/// A start that names an entry.
fn confirmed(instance: &Instance, entry: u64) -> Result<Daemon, NotServing> {
    // `serve_by` adds the rest of the arguments, which begin with the command.
    let mut shell = Command::new("sh");
    let serve = format!("exec {PROGRAM} \"$@\" --confirm-clock {entry}");
    shell.args(["-c", &serve, "sh"]);
    instance.serve_by(shell)
}

/// Its last entry's number.
fn last(instance: &Instance) -> u64 {
    instance.entries().pop().expect("a genesis").seq
}

/// What the ledger has told of clocks: number and warning.
fn told_of_clocks(instance: &Instance) -> Vec<(u64, Warning)> {
    let warning = |entry: Entry| match entry.payload {
        Payload::Warning(warning)
            if [Matter::Clock, Matter::ClockHeld].contains(&warning.matter) =>
        {
            Some((entry.seq, warning))
        }
        _ => None,
    };
    instance.entries().into_iter().filter_map(warning).collect()
}

#[tokio::test]
async fn a_start_far_from_the_last_entry_is_confirmed_by_its_number_once() {
    for at in [wall() - 32 * DAY, wall() + 32 * DAY] {
        let instance = begun(at);
        let entry = last(&instance);
        let not = instance.try_serve().expect_err("32 days away");
        assert_eq!(not.status.code(), Some(2), "{}", not.said);
        assert!(not.said.contains(&format!("--confirm-clock {entry}")), "{}", not.said);
        assert!(not.said.contains("set it if it is wrong"), "{}", not.said);
        let not = confirmed(&instance, entry - 1).expect_err("another entry");
        assert!(not.said.contains("names another entry than the last"), "{}", not.said);
        assert_eq!(last(&instance), entry, "nothing was written by a start that was refused");

        let daemon = confirmed(&instance, entry).expect("a confirmed start");
        let page = daemon.client(PROVIDER).await.list(1, "", context()).await;
        page.expect("a page");
        daemon.stop().await;
        let told = told_of_clocks(&instance);
        let [(seq, warning)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((*seq, &warning.matter), (entry + 1, &Matter::Clock));
        assert!(
            warning.expected.abs_diff(at) < MINUTE && warning.observed.abs_diff(wall()) < MINUTE
        );
        // What stands in a unit file names an entry that is not the last any more.
        assert!(confirmed(&instance, entry).is_err());
        instance.assert_sound();
    }
}

#[tokio::test]
async fn a_start_within_31_days_needs_nobody() {
    let instance = begun(wall() - 30 * DAY);
    instance.serve().stop().await;
    assert!(told_of_clocks(&instance).is_empty());
    let ahead = begun(wall() + 30 * DAY);
    ahead.serve().stop().await;
    assert_eq!(told_of_clocks(&ahead).len(), 1);
    for instance in [instance, ahead] {
        instance.serve().stop().await;
        instance.assert_sound();
    }
}

#[tokio::test]
async fn behind_a_clock_that_was_set_back_everything_goes_by_the_time_of_the_entries() {
    let instance = Instance::new();
    instance.budgets(PROVIDER, &[("agent_day", 5)]);
    let at = wall() + 10 * MINUTE;
    instance.begin_at(at);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    caller.list(3, "", context()).await.expect("a page");
    let refused = told(caller.list(3, "", context()).await);
    let entry = refused.entry();
    let wrong = greffier::proto::Context { purpose: "none".to_owned(), ..context() };
    let no_purpose = told(caller.list(1, "", wrong).await);
    assert_eq!(no_purpose.reason, "PURPOSE_NOT_ALLOWED");
    daemon.stop().await;

    let entries = instance.entries();
    assert!(entries.iter().all(|entry| entry.now.at >= at));
    assert!(entries.last().expect("entries").now.at < at + 10 * MINUTE);
    // When it fits is a time of entries, and so is the moment that it is counted from.
    let fits: Millis = refused.metadata["fits_at_unix_ms"].parse().expect("a time");
    let written = entries[entry as usize].now.at;
    let retry = refused.retry.expect("RetryInfo");
    assert!(retry <= Duration::from_millis(fits - written), "{retry:?}");
    assert!(retry + Duration::from_secs(60) > Duration::from_millis(fits - written), "{retry:?}");
    // So is that of the first refusal in a digest.
    let digest = entries.iter().find_map(|entry| match &entry.payload {
        Payload::Refusals(refusals) => Some((refusals.since, entry.now.at)),
        _ => None,
    });
    let (since, of) = digest.expect("a refused call");
    assert!((written..=of).contains(&since), "{since} is not from {written} to {of}");
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_is_suspended_at_once_though_the_ledger_is_weeks_ahead() {
    let instance = begun(wall() + 20 * DAY);
    let daemon = instance.serve();
    let mut suspend = Command::new(PROGRAM);
    suspend.args(["suspend", PROVIDER, "--reason", "an exercise"]);
    suspend.args(["--address", &daemon.address, "--instance"]).arg(instance.layout.root());
    let done = suspend.output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let refused = told(daemon.client(PROVIDER).await.list(1, "", context()).await);
    assert_eq!(refused.reason, "ACCESS_CONTAINED");
    daemon.stop().await;
    instance.assert_sound();
}

#[test]
fn entries_and_whoever_asks_hold_one_time_while_the_clock_is_set() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let mut place = Place::created(&rules);
    let begun = Readings { wall: wall(), monotonic: DAY, boot: DAY };
    let machine = Arc::new(Mutex::new(begun));
    let pass = |time: Millis, set: Millis| {
        let mut now = machine.lock().expect("no panic");
        now.wall += time + set;
        now.monotonic += time;
        now.boot += time;
    };
    let clocks = machine.clone();
    place.settings.clock.clocks = Clocks::new(0, move || *clocks.lock().expect("no panic"));
    let at = |seq: u64| place.entries()[usize::try_from(seq).expect("few entries")].now;
    let told = || {
        let told = place.entries().into_iter().filter_map(|entry| match entry.payload {
            Payload::Warning(warning) => {
                Some((warning.matter, warning.observed - warning.expected))
            }
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    place.run(&rules, async |ledger| {
        let (_, first) = get(&ledger, ALPHA, "a1", 1).await;
        // An hour and no more: it is followed when it has stood for ten minutes.
        pass(1_000, 60 * MINUTE);
        let before = ledger.now();
        let (_, second) = get(&ledger, ALPHA, "a1", 2).await;
        assert_eq!((before, ledger.now()), (at(second), at(second)));
        assert_eq!(at(second).at - at(first).at, 1_000);
        for _ in 0..600 {
            pass(1_000, 0);
            ledger.watch_clock().await.expect("a ledger that takes it");
        }
        assert_eq!(told(), [(Matter::Clock, 60 * MINUTE)]);
        let (_, third) = get(&ledger, ALPHA, "a1", 3).await;
        let passed = (at(third).at - at(first).at, at(third).tick - at(first).tick);
        assert_eq!(passed, (601_000 + 60 * MINUTE, 601_000));
        // More than an hour: it is not followed, and told at once.
        pass(1_000, DAY);
        ledger.watch_clock().await.expect("a ledger that takes it");
        ledger.watch_clock().await.expect("a ledger that takes it");
        assert_eq!(told()[1..], [(Matter::ClockHeld, DAY)]);
        let (_, fourth) = get(&ledger, ALPHA, "a1", 4).await;
        assert_eq!(at(fourth).at - at(third).at, 1_000);
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}
