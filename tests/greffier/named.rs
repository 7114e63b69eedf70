//! Searches by names as people write them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use greffier::names;
use greffier::proto::View;

use crate::instance::{Instance, context, off_roster};

/// Gives the first person on the roster another name, with its key, and returns who it is.
fn renamed(instance: &Instance, family: &str, given: &str) -> (String, String) {
    let id = instance.roster("provider-02")[0].clone();
    let key = names::key(&format!("{family} {given}")).expect("a name");
    let source = instance.source();
    let sql = "UPDATE dossiers SET family_name = ?2, given_name = ?3, name_key = ?4 WHERE id = ?1";
    source.execute(sql, [&*id, family, given, &*key]).expect("SQL");
    let born = "SELECT birth_date FROM dossiers WHERE id = ?1";
    let born = source.query_row(born, [&id], |row| row.get(0)).expect("the person");
    (id, born)
}

#[tokio::test]
async fn a_person_is_found_by_every_spelling_of_the_name_and_the_ledger_knows_one_key() {
    let instance = Instance::new();
    instance.widen();
    let (_, born) = renamed(&instance, "Sørensen-Œuvrard", "Anne-Laure É.");
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let mut keys = Vec::new();
    for (family, given) in [
        ("Sørensen-Œuvrard", "Anne-Laure É."),
        ("SORENSEN OEUVRARD", "ANNE LAURE E"),
        ("anne laure e.", "sorensen oeuvrard"),
        ("Œuvrard Sørensen", "É. Laure-Anne"),
        ("Sorensen’Oeuvrard", "Anne\u{2010}Laure E\u{301}"),
    ] {
        let values = [("family_name", family), ("given_name", given), ("birth_date", &born)];
        let found = caller.search("name_and_birth_date", &values, 5, context()).await.unwrap();
        assert_eq!(found.records.len(), 1, "{family} {given}");
        // What is recorded leaves, and never its key.
        assert_eq!(found.records[0].fields[0].value, "Sørensen-Œuvrard");
        assert!(found.records[0].fields.iter().all(|field| field.name != "name_key"));
        keys.push(instance.read(found.proof.unwrap().entry).keys);
    }
    assert_eq!(
        keys[0].iter().map(|key| &*key.name).collect::<Vec<_>>(),
        ["name_key", "birth_date"]
    );
    assert!(keys.iter().all(|each| *each == keys[0]));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_part_of_a_name_finds_nobody() {
    let instance = Instance::new();
    instance.widen();
    let (_, born) = renamed(&instance, "Sørensen-Œuvrard", "Anne-Laure");
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    for (family, given) in
        [("Sorensen", "Anne Laure"), ("Sorensen Oeuvrard", "Anne"), ("Soren", "Ann"), ("S%", "_ a")]
    {
        let values = [("family_name", family), ("given_name", given), ("birth_date", &born)];
        let none = caller.search("name_and_birth_date", &values, 5, context()).await.unwrap();
        assert!(none.records.is_empty(), "{family} {given}");
        assert_eq!(instance.read(none.proof.unwrap().entry).misses, 1);
    }
}

#[tokio::test]
async fn somebody_off_the_roster_has_no_name_either_unless_a_reason_is_stated() {
    let instance = Instance::new();
    instance.widen();
    let (_, born) = renamed(&instance, "Zzyzxova", "Quetzalcoatla");
    let daemon = instance.serve();
    let mut open = daemon.client("provider-01").await;
    let values =
        [("family_name", "ZZYZXOVA"), ("given_name", "quetzalcoatla"), ("birth_date", &*born)];
    let nobody = [("family_name", "Nobody"), ("given_name", "Atall"), ("birth_date", &*born)];
    let mut full = context();
    (full.purpose, full.view) = ("exam_registration".to_owned(), View::Full.into());
    let mut entries = Vec::new();
    for values in [&values, &nobody] {
        let none = open.search("name_and_birth_date", values, 5, full.clone()).await.unwrap();
        assert!(none.records.is_empty());
        let mut entry = instance.read(none.proof.unwrap().entry);
        // The digest is salted, and the tags are of what was searched.
        (entry.reply, entry.keys) = (None, Vec::new());
        entries.push(entry);
    }
    assert_eq!(entries[0], entries[1]);
    let hit = open.search("name_and_birth_date", &values, 5, off_roster()).await.unwrap();
    assert_eq!(instance.read(hit.proof.unwrap().entry).off.len(), 1);
}

#[test]
fn a_daemon_does_not_start_on_keys_that_are_not_those_of_the_rule() {
    let instance = Instance::new();
    instance.source().execute_batch("UPDATE dossiers SET name_key = upper(name_key)").expect("SQL");
    let refused = instance.try_serve().unwrap_err();
    for says in ["`name_key`", "name_and_birth_date", "docs/name-keys.md", "greffier name-key"] {
        assert!(refused.said.contains(says), "{}", refused.said);
    }
    assert!(!refused.said.to_lowercase().contains("synth"), "{}", refused.said);
}

#[test]
fn the_command_prints_the_key_of_a_name_or_of_one_a_line() {
    let program = || Command::new(env!("CARGO_BIN_EXE_greffier"));
    let one = program().args(["name-key", "LEFÈVRE", "Anne-Marie"]).output().expect("it starts");
    assert_eq!((one.status.code(), &*one.stdout), (Some(0), &b"anne lefevre marie\n"[..]));
    let none = program().args(["name-key", "’"]).output().expect("it starts");
    assert_eq!((none.status.code(), none.stdout.len()), (Some(1), 0));
    let mut lines = program();
    let lines = lines.arg("name-key").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut lines = lines.spawn().expect("it starts");
    let mut input = lines.stdin.take().expect("a pipe");
    input.write_all("Müller Zoë\n-\nzoe MULLER\n".as_bytes()).expect("it reads");
    drop(input);
    let done = lines.wait_with_output().expect("it ends");
    assert_eq!((done.status.code(), &*done.stdout), (Some(0), &b"muller zoe\n\nmuller zoe\n"[..]));
}
