//! `greffier drill`: what whoever runs it is told.

use std::process::{Command, Output};

use serde_json::Value;

use crate::instance::PROGRAM;

fn drill(args: &[&str]) -> Output {
    Command::new(PROGRAM).arg("drill").args(args).output().expect("the program starts")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn an_incident_is_told_in_a_row_of_80_columns_and_the_same_each_time() {
    let args = ["ofii", "ofii-page", "--seeds", "2", "--months", "0"];
    let once = drill(&args);
    assert!(once.status.success());
    let rows = text(&once);
    assert!(rows.lines().any(|row| row.starts_with("ofii-page ")), "{rows}");
    assert!(rows.lines().all(|row| row.chars().count() <= 80), "{rows}");
    assert_eq!(text(&drill(&args)), rows);
}

#[test]
fn a_program_is_told_the_same_in_json() {
    let told = drill(&["enumeration", "--seeds", "2", "--months", "0", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let incident = &told["incidents"][0];
    assert_eq!((&incident["name"], &incident["caught"]), (&"enumeration".into(), &2.into()));
    assert_eq!(incident["whole"]["off"]["max"], 0);
    assert_eq!(incident["by_budgets_alone"]["off"]["max"], 0);
    assert!(incident["misses"]["max"].as_u64() <= Some(12), "{incident}");
}

#[test]
fn an_incident_that_is_none_is_refused_by_name() {
    let refused = drill(&["offi"]);
    assert_eq!(refused.status.code(), Some(1));
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(says.contains("no incident is called offi") && says.contains("--list"), "{says}");
    let list = text(&drill(&["--list"]));
    assert!(list.lines().count() > 15 && list.contains("patient-1 "), "{list}");
}

#[test]
fn a_page_is_written_whole_and_a_path_that_cannot_be_is_told_before_anything_is_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    std::fs::write(&page, "before").expect("a file");
    let write = |path: &std::path::Path| {
        let path = path.to_str().expect("text");
        drill(&["ofii", "existence", "--seeds", "1", "--months", "0", "--html", path])
    };
    let once = write(&page);
    assert!(once.status.success() && text(&once).contains("existence "));
    let found = std::fs::read_to_string(&page).expect("a page");
    assert!(found.starts_with("<!DOCTYPE html>") && found.ends_with("</html>\n"), "{found}");
    assert!(found.contains("<td>ofii</td>") && found.contains("<td>existence</td>"), "{found}");
    assert!(!found.contains("gael") && !found.contains("http"), "{found}");
    for bad in [folder.path().join("none").join("page.html"), folder.path().to_owned()] {
        let refused = write(&bad);
        assert_eq!((refused.status.code(), text(&refused)), (Some(2), String::new()));
        let says = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            says.contains("cannot write") && says.contains(bad.to_str().expect("text")),
            "{says}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}
