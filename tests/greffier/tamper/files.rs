//! Files that hold a ledger and are not laid out as one.

use std::process::Command;

use greffier::verify::store::{APPLICATION_ID, FORMAT, SCHEMA, Unreadable};
use greffier::verify::{Failure, LedgerFault};
use rusqlite::Connection;

use super::small;
use crate::instance::PROGRAM;
use crate::segment::{bodies, key, notes, tampering, unsound, verified};

#[test]
fn the_format_page_has_the_schema_to_the_letter() {
    let page = include_str!("../../../docs/ledger-format.md");
    let (_, behind) = page.split_once("```sql\n").expect("the schema");
    let (schema, _) = behind.split_once("```\n").expect("its end");
    assert_eq!(schema, SCHEMA);
}

#[test]
fn the_schema_needs_nothing_that_sqlite_3_26_does_not_have() {
    for newer in ["STRICT", "->", "GENERATED", "RETURNING"] {
        assert!(!SCHEMA.contains(newer), "{newer}");
    }
}

#[test]
fn a_database_in_utf_16_is_refused_and_said_to_be_one() {
    let place = small();
    let path = place.file("utf-16.sqlite");
    for encoding in ["UTF-16le", "UTF-16be"] {
        let _ = std::fs::remove_file(&path);
        let file = Connection::open(&path).expect("a new file");
        file.pragma_update(None, "encoding", encoding).expect("a pragma");
        file.pragma_update(None, "application_id", APPLICATION_ID).expect("a pragma");
        file.pragma_update(None, "user_version", FORMAT).expect("a pragma");
        file.execute_batch(SCHEMA).expect("our schema");
        for (seq, body) in bodies(&place.settings.path).iter().enumerate() {
            file.execute("INSERT INTO entries VALUES (?1, ?2)", (seq, body)).expect("a row");
        }
        for (size, note) in notes(&place.settings.path) {
            file.execute("INSERT INTO checkpoints VALUES (?1, ?2)", (size, note)).expect("a row");
        }
        let fault = unsound(verified(&path, &[]));
        assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Schema, None));
        assert!(fault.detail.contains(encoding), "{}", fault.detail);
    }
}

#[test]
fn a_value_of_another_storage_class_is_refused_and_named() {
    let place = small();
    let class = "storage class";
    for (change, named) in [
        ("UPDATE entries SET body = CAST(body AS BLOB) WHERE seq = 3", "entry 3"),
        (
            "UPDATE checkpoints SET note = CAST(note AS BLOB) \
             WHERE size = (SELECT min(size) FROM checkpoints)",
            "checkpoint",
        ),
        ("INSERT INTO tiles VALUES ('a', 7, x'00')", "`tiles`"),
        ("INSERT INTO tiles VALUES (7, 0.5, x'00')", "`tiles`"),
        ("INSERT INTO tiles VALUES (0, 7, 'a')", "`tiles`"),
    ] {
        let copy = place.copy("class.sqlite");
        let file = tampering(&copy);
        let refused = file.execute_batch(change).expect_err("the schema lets nothing else in");
        assert!(refused.to_string().contains("CHECK constraint failed"), "{refused}");
        file.execute_batch("PRAGMA ignore_check_constraints = ON").expect("a pragma");
        file.execute_batch(change).expect("nothing checks");
        let fault = unsound(verified(&copy, &[]));
        assert!(fault.detail.contains(named) && fault.detail.contains(class), "{}", fault.detail);
        drop(file);
        std::fs::remove_file(&copy).expect("the copy");
    }
}

#[test]
fn a_rollback_journal_beside_a_ledger_is_named_and_nothing_is_read() {
    let place = small();
    let copy = place.copy("copy.sqlite");
    verified(&copy, &[]).expect("a sound copy");
    std::fs::write(place.file("copy.sqlite-journal"), "").expect("a file");
    let verdict = verified(&copy, &[]);
    assert!(matches!(verdict, Err(Failure::Unreadable(Unreadable::Journal(_)))), "{verdict:?}");
    let mut verify = Command::new(PROGRAM);
    verify.arg("verify").arg(&copy).args(["--key", &key().to_string()]);
    let said = verify.output().expect("the program");
    assert_eq!(said.status.code(), Some(2));
    let words = String::from_utf8_lossy(&said.stdout);
    assert!(words.contains("NOT CHECKED") && words.contains("copy.sqlite-journal"), "{words}");
    assert!(words.contains("check a copy of the ledger without it"), "{words}");
}
