//! What the papers say of tests: each that they name is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

use std::fs;
use std::path::Path;

/// The tests that a page names: `file::test`, a file of tests/greffier or src without its ending.
fn named(page: &str) -> Vec<(String, String)> {
    let quoted = page.split('`').skip(1).step_by(2);
    let tests = quoted.filter_map(|text| text.split_once("::"));
    let word = |text: &str| {
        text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
    };
    let tests = tests.filter(|(file, test)| word(&file.replace('/', "_")) && word(test));
    tests.map(|(file, test)| (file.to_owned(), test.to_owned())).collect()
}

fn is_there(file: &str, test: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["tests/greffier", "src"].iter().any(|folder| {
        let text = fs::read_to_string(root.join(folder).join(file).with_extension("rs"));
        text.is_ok_and(|text| {
            let (_, rest) = text.split_once(&format!("fn {test}(")).unwrap_or_default();
            !rest.is_empty()
        })
    })
}

#[test]
fn every_test_that_a_paper_names_is_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (page, least) in [("conformity.md", 20), ("fr/menaces.md", 20)] {
        let text = fs::read_to_string(docs.join(page)).unwrap();
        let tests = named(&text);
        assert!(tests.len() >= least, "{page} names {} tests", tests.len());
        let missing: Vec<_> = tests.iter().filter(|(file, test)| !is_there(file, test)).collect();
        assert!(missing.is_empty(), "{page} names what is not there: {missing:?}");
    }
    assert!(!is_there("crash", "a_test_that_nobody_wrote"));
}

#[test]
fn every_row_of_the_table_of_clauses_has_a_test_or_says_that_there_is_none() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformity.md");
    let page = fs::read_to_string(page).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| C")).collect();
    assert!(rows.len() >= 40, "{}", rows.len());
    for row in rows {
        let shown = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(shown == "no test" || named(shown).len() == 1, "{row}");
    }
}
