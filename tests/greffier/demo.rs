//! `greffier demo`, and what its kept ledger says when it is counted by other means: SQLite's JSON
//! functions on the bodies, without a line of this crate.

use std::path::Path;
use std::process::{Command, Output};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::instance::PROGRAM;
use crate::pki::fingerprint;
use greffier::instance::Layout;

/// A short run.
fn demo(more: &[&str]) -> Output {
    let mut demo = Command::new(PROGRAM);
    demo.args(["demo", "--rows", "20000", "--turn", "1500"]).args(more);
    demo.output().expect("the program starts")
}

/// One number out of a ledger file.
fn number(ledger: &Connection, sql: &str) -> u64 {
    ledger.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// Holds the figures against the ledger that was kept.
fn assert_counted(dir: &Path, told: &Value) {
    let layout = Layout::new(dir);
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let ledger = Connection::open_with_flags(layout.ledger(), mode).expect("the ledger");
    let stolen = fingerprint(&layout.client("provider-01-agent-1").0);
    let its = format!("body ->> 'kind' = 'read' AND body ->> 'certificate' = '{stolen}'");
    let tags = |list: &str| {
        format!("SELECT tag.value FROM entries, json_each(body, '$.{list}') tag WHERE {its}")
    };
    let count = |sql: &str| number(&ledger, &format!("SELECT count(*) FROM ({sql})"));
    let theft = &told["theft"];
    let persons = count(&format!("{} UNION {}", tags("on"), tags("off")));
    let off = count(&format!("SELECT DISTINCT * FROM ({})", tags("off")));
    assert_eq!(theft["persons"], persons);
    assert_eq!(theft["off_roster"], off);
    assert!(persons <= 100 && off <= 20, "{persons} persons, {off} of them off the roster");
    let reads = |more: &str| count(&format!("SELECT * FROM entries WHERE {its} AND {more}"));
    let withheld = "body ->> '$.ruling.outcome' = 'withheld'";
    assert_eq!(theft["withheld"], reads(withheld));
    let released = reads("body ->> '$.ruling.outcome' = 'released'");
    let cut = theft["cut"].as_array().expect("a list").len() as u64;
    assert_eq!(theft["replies"].as_u64().expect("a number") + cut, released);
    let agent: String = ledger
        .query_row(
            &format!("SELECT body ->> 'agent' FROM entries WHERE {its} LIMIT 1"),
            [],
            |row| row.get(0),
        )
        .expect("a read of the thief's");
    assert_eq!(theft["agent"], agent);

    let others = format!("SELECT * FROM entries WHERE body ->> 'kind' = 'read' AND NOT ({its})");
    assert_eq!(told["ordinary"]["released"], count(&others));
    assert_eq!(count(&format!("{others} AND {withheld}")), 0);
    let new = number(
        &ledger,
        "SELECT max(n) FROM (SELECT sum(body ->> '$.facts.all.agent_day') n FROM entries \
         WHERE body ->> '$.ruling.outcome' = 'released' GROUP BY body ->> 'agent')",
    );
    assert!(new <= 61, "an agent met {new} new persons");
    assert_eq!(told["ledger"]["entries"], count("SELECT * FROM entries"));
    assert_eq!(told["ledger"]["checkpoints"], count("SELECT * FROM checkpoints"));
    let alerts = count("SELECT * FROM entries WHERE body ->> 'kind' = 'alert'");
    assert_eq!(
        (&told["alerts"]["in_ledger"], &told["alerts"]["told"]),
        (&alerts.into(), &alerts.into())
    );
    let heads = count("SELECT * FROM entries WHERE body -> '$.section.head' IS NOT NULL");
    assert_eq!(heads, 1, "the restart went on under the same policy");
}

/// Has the kept files checked by the commands that the demonstration names.
fn assert_by_hand(dir: &Path, told: &Value) {
    let file = |name: &str| dir.join(name).to_str().expect("UTF-8").to_owned();
    let (ledger, key) = (file("ledger.sqlite"), file("key.vkey"));
    let says = |command: &[&str]| {
        let done = Command::new(PROGRAM).args(command).args(["--key", &key, "--json"]).output();
        let done = done.expect("the program starts");
        assert!(done.status.success(), "{command:?}: {done:?}");
        serde_json::from_slice::<Value>(&done.stdout).expect("JSON")
    };
    let anchor = file("anchor.txt");
    let all = ["--all-signatures", "--replay", "--anchor", &anchor];
    let sound = says(&[&["verify", &ledger], &all[..]].concat());
    assert_eq!(sound["verdict"], "sound");
    assert_eq!(sound["anchored"]["entry"], told["ledger"]["anchored_to"]);
    let exposure = says(&["exposure", &ledger, "--provider", "provider-01"]);
    let agents = exposure["agents"].as_array().expect("a list");
    let its = agents.iter().find(|one| one["agent"] == told["theft"]["agent"]);
    let persons = its.map_or(0, |one| one["persons"].as_u64().expect("a number"));
    assert_eq!(told["theft"]["persons"], persons);
    assert_eq!(says(&["receipt", &file("receipt.txt")])["proven"], true);
}

fn assert_holds(seed: &str) {
    let around = tempfile::tempdir().expect("a temporary folder");
    let dir = around.path().join("kept");
    let done = demo(&["--json", "--seed", seed, "--keep", dir.to_str().expect("UTF-8")]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    let told: Value = serde_json::from_str(&said).expect("one object and nothing else");
    assert_eq!(told["holds"], true);
    assert_eq!(
        (&told["seed"], &told["persons"]),
        (&seed.parse::<u64>().unwrap().into(), &20_000.into())
    );
    assert_counted(&dir, &told);
    assert_by_hand(&dir, &told);
}

#[test]
fn what_it_claims_is_what_its_ledger_says_when_killed() {
    assert_holds("2");
}

#[test]
fn what_it_claims_is_what_its_ledger_says_when_asked_to_end() {
    assert_holds("1");
}

#[test]
fn piped_it_says_plain_lines_and_every_phase_and_the_sql_that_counts_the_same() {
    let around = tempfile::tempdir().expect("a temporary folder");
    let dir = around.path().join("kept");
    let done = demo(&["--seed", "5", "--keep", dir.to_str().expect("UTF-8")]);
    let said = String::from_utf8(done.stdout).expect("UTF-8");
    assert!(done.status.success(), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains('\r'), "{said}");
    for phase in 1..=5 {
        assert!(said.contains(&format!("\n{phase}. ")), "{said}");
    }
    assert!(said.contains("> HIGH ") && !said.contains("DOES NOT HOLD"), "{said}");

    let line = said.lines().find(|line| line.contains("disclosed to the thief (at most 100)"));
    let told = line.and_then(|line| line.split_whitespace().last()?.parse::<u64>().ok());
    let (_, sql) = said.split_once("ledger.sqlite \"").expect("a query in quotes");
    let (sql, _) = sql.split_once('"').expect("its end");
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let ledger = Connection::open_with_flags(dir.join("ledger.sqlite"), mode).expect("the ledger");
    assert_eq!(told, Some(number(&ledger, sql)), "{said}");
}

#[test]
fn what_cannot_be_run_is_told_with_2() {
    let around = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(around.path().join("theirs"), "x").expect("a file");
    let done = demo(&["--keep", around.path().to_str().expect("UTF-8")]);
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("is not empty"));
}
