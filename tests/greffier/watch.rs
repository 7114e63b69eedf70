//! The commands of those who watch and of those who act, as they meet them.

use std::process::{Command, Output};

use greffier::format::entry::{Payload, Severity};
use serde_json::Value;

use crate::instance::{Daemon, Instance, PROGRAM, context};
use crate::pki::Authority;

/// Runs a command of the program against the daemon, with the instance's certificates.
pub(crate) fn run(instance: &Instance, daemon: &Daemon, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg(args[0]).arg("--instance").arg(instance.layout.root());
    command.arg("--address").arg(&daemon.address).args(&args[1..]);
    command.output().expect("the program starts")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

pub(crate) fn lines(out: &Output) -> Vec<Value> {
    assert!(out.status.success(), "{}", text(&out.stderr));
    text(&out.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn an_incident_is_listed_shown_acknowledged_and_lifted_by_commands() {
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("agent_minute", 5)]);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    caller.list(6, "", context()).await.expect_err("more than a minute's");
    let authority = Authority::of(&instance.layout);
    let mut colleague = daemon.client_with(authority.client("provider", "provider-02")).await;
    colleague.list(6, "", context()).await.expect_err("more than a minute's");
    let run = |args: &[&str]| run(&instance, &daemon, args);
    let listed = lines(&run(&["alerts", "list", "--json"]));
    let alerts: Vec<_> = instance
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.payload {
            Payload::Alert(alert) => Some((entry.seq, alert)),
            _ => None,
        })
        .collect();
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    assert_eq!(listed.len(), alerts.len());
    let first = alerts[0].0.to_string();
    for (line, (seq, alert)) in listed.iter().zip(&alerts) {
        assert_eq!(line["entry"], *seq);
        assert_eq!((line["severity"].as_str(), alert.severity), (Some("info"), Severity::Info));
        assert_eq!(
            line["text"]["en"].as_str().map(|text| text.contains("left of its")),
            Some(true)
        );
    }
    assert!(run(&["suspend", "provider-02", "--reason", "a call"]).status.success());
    assert!(run(&["alerts", "ack", &first, "--reason", "seen"]).status.success());
    assert!(run(&["suspend", "provider-03", "--reason", "another matter"]).status.success());
    let stands = lines(&run(&["providers", "--json"]));
    let suspended = |id: &str| {
        stands.iter().find(|line| line["provider"] == id).expect("listed")["suspended"].as_bool()
    };
    let all = ["provider-01", "provider-02", "provider-03"].map(suspended);
    assert_eq!(all, [Some(false), Some(true), Some(true)]);
    assert!(run(&["lift", "provider-02", "--reason", "a clerk"]).status.success());
    assert!(run(&["reinstate", "provider-02", "--reason", "a clerk"]).status.success());
    let table = text(&run(&["providers"]).stdout);
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_ascii_whitespace().collect()).collect();
    assert!(rows.contains(&vec!["provider-02", "open", "0", "0", "0"]), "{table}");
    assert!(rows.contains(&vec!["provider-03", "suspended", "0", "0", "0"]), "{table}");
    let shown = lines(&run(&["alerts", "show", &first, "--json"]));
    let kinds: Vec<&str> = shown
        .iter()
        .map(|line| line["deed"].as_str().or(line["kind"].as_str()).expect("a word"))
        .collect();
    let mut expected = vec!["alert"; alerts.len()];
    expected.extend(["suspend", "acknowledge", "lift", "reinstate"]);
    assert_eq!(kinds, expected);
    let entries: Vec<u64> = shown.iter().filter_map(|line| line["entry"].as_u64()).collect();
    assert!(entries.is_sorted() && entries.len() == shown.len());

    let open = lines(&run(&["alerts", "list", "--json", "--open"]));
    assert_eq!(open.len(), alerts.len() - 1);
    let plain = run(&["tail", "--once"]);
    let said = text(&plain.stdout);
    assert!(plain.status.success() && !said.contains('\u{1b}'), "{said}");
    // Two keys that the ledger begins with, and five acts.
    assert_eq!(said.lines().count(), alerts.len() + 2 + 5);
    let french = text(&run(&["tail", "--once", "--language", "fr"]).stdout);
    assert!(french.contains("a essuyé un refus") && french.contains("Acte"), "{french}");
    caller.list(1, "", context()).await.expect("given back");
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn commands_that_are_refused_say_why_and_end_with_1() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let last = instance.entries().len();
    for (args, words) in [
        (&["suspend", "provider-99", "--reason", "x"][..], "provider must be the id"),
        (
            &["lift", "provider-01", "--reason", "x", "--as", "security-soc", "--admin", "admin-1"],
            "CERTIFICATE_",
        ),
        (&["providers", "--as", "security-soc"], "CERTIFICATE_"),
        (&["alerts", "ack", "1", "--reason", "x"], "ALERT_NOT_FOUND"),
        (&["alerts", "show", "1"], "is no alert"),
        (&["alerts", "show", "0"], "is no alert"),
        (&["alerts", "--as", "admin-1", "list"], "CERTIFICATE_REJECTED"),
    ] {
        let out = run(&instance, &daemon, args);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
        let json = run(&instance, &daemon, &[args, &["--json"]].concat());
        assert_eq!(json.status.code(), Some(1), "{args:?}");
        let told: Value = serde_json::from_slice(&json.stdout).expect("JSON");
        assert!(told["reason"].is_string(), "{told}");
    }
    for (args, words) in [
        (&["suspend", "provider-01", "--agent", "-x", "--reason", "x"][..], "22 characters"),
        (&["lift", "provider-01", "--reason", ""], "the reason is empty"),
        (&["lift", "provider-01", "--reason", "a\nb"], "a control character"),
        (&["suspend", "provider-01", "--reason", "x", "--admin", "admin-9"], "admin-9.key"),
    ] {
        let out = run(&instance, &daemon, args);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "nothing is tried, {args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let acts = |entry: &greffier::format::entry::Entry| matches!(entry.payload, Payload::Act(_));
    assert!(!instance.entries()[last..].iter().any(acts));
    daemon.stop().await;
}
