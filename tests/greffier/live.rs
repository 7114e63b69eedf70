//! `greffier drill --live`: incidents against a gateway that runs, and more callers than it serves.

use std::process::{Command, Output};

use serde_json::Value;

use crate::instance::PROGRAM;

fn drill(args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["drill", "--live", "--rows", "5000"]).args(args);
    command.output().expect("the program starts")
}

/// The object of a run in which everything that is claimed holds.
fn held(args: &[&str]) -> Value {
    let done = drill(args);
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}{err}");
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(told["holds"], true);
    told
}

fn claims(figures: &Value) -> Vec<&String> {
    figures["claims"].as_object().expect("claims").keys().collect()
}

#[test]
fn a_thief_at_full_speed_receives_a_dozen_over_the_wire_and_the_ledger_has_as_many() {
    let told = held(&["ofii", "--turn", "3000", "--json"]);
    let one = &told["incidents"][0];
    let count = |key: &str| one[key].as_u64().expect("a number");
    assert_eq!(one["name"], "ofii");
    assert!((1..=20).contains(&count("received")), "{one}");
    assert_eq!(count("received"), count("persons"));
    assert_eq!(count("received_before_alert"), count("persons_before_alert"));
    assert!(one["alert"]["entry"].as_u64().is_some_and(|entry| entry < count("entries")), "{one}");
    assert_eq!(count("withheld"), count("withheld_in_ledger"));
    assert!(count("attempts") > count("replies") && one["honest"]["served"] != 0, "{one}");
    assert_eq!(claims(one).len(), 6);
    assert!(told["overload"].is_null() && told["incidents"].as_array().map(Vec::len) == Some(1));
    let not_live = told["not_live"].as_array().expect("names");
    assert!(not_live.contains(&"patient-1".into()) && !not_live.contains(&"ofii".into()));
}

#[test]
fn more_callers_than_are_served_are_told_so_and_nothing_is_lost() {
    let told = held(&["anef", "--callers", "120", "--turn", "3000", "--json"]);
    let flood = &told["overload"];
    let count = |key: &str| flood[key].as_u64().expect("a number");
    assert!(count("served") > 0 && count("entries") > count("served"), "{flood}");
    assert!(flood["refused"]["RESOURCE_EXHAUSTED RATE_LIMITED"].as_u64() > Some(0), "{flood}");
    assert!(flood["recovered_milliseconds"].is_u64(), "{flood}");
    assert_eq!([count("unaccounted_replies"), count("differences")], [0, 0]);
    let (usual, meanwhile) = (&flood["before"], &flood["meanwhile"]);
    assert!(usual["p50"].as_u64() > Some(0) && meanwhile["reads"].as_u64() > Some(0), "{flood}");
    assert_eq!(claims(flood).len(), 5);
    assert_eq!(told["incidents"].as_array().map(Vec::len), Some(0));
}

#[test]
fn what_takes_weeks_is_not_played_live_and_said_so() {
    for (name, why) in [("patient-1", "is not played live"), ("nothing", "is no incident")] {
        let done = drill(&[name]);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!((done.status.code(), said.contains(why)), (Some(1), true), "{said}");
    }
    let listed = drill(&["--list"]);
    let text = String::from_utf8_lossy(&listed.stdout);
    let names: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"anef") && names.contains(&"restarts"), "{text}");
    assert!(!names.contains(&"patient-1"), "{text}");
}
