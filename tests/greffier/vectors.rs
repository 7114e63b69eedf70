//! The ledgers in `docs/vectors/ledgers`: whole files, sound and not, with what a verifier says of each.
//! `GREFFIER_MAKE_VECTORS=1 cargo test --test greffier vectors::` makes them again.

use std::fs;
use std::path::{Path, PathBuf};

use greffier::format::entry::{Act, Counts, Deed, Payload, Read, Ruling, Statement, Tag, Whom};
use greffier::verify::Failure;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::segment::{
    Forge, Place, WIDE, key, people, read, rules, signed_by, statement, tampering, verified,
};
use crate::signed::HOUR;
use crate::tamper::small;

const ALPHA: &str = "alpha-langues";
const AT: u64 = 1_793_923_200_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vectors/ledgers")
}

/// What a verifier says of a file, with every signature checked.
fn verdict(path: &Path) -> Value {
    match verified(path, &[]) {
        Ok(sound) => json!({"verdict": "sound", "entries": sound.checkpoint.size}),
        Err(Failure::Unsound(unsound)) => json!({
            "verdict": "not_sound",
            "first_wrong": unsound.first_wrong,
            "why": unsound.detail,
        }),
        Err(other) => panic!("{}: {other}", path.display()),
    }
}

#[test]
fn each_ledger_of_the_vectors_has_the_verdict_that_stands_beside_it() {
    if std::env::var_os("GREFFIER_MAKE_VECTORS").is_some() {
        make();
    }
    let list = fs::read_to_string(folder().join("verdicts.json")).expect("a list");
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["key"], key().to_string());
    let files = list["files"].as_object().expect("files");
    for (name, expected) in files {
        // Read from a copy: nothing may be laid beside the vectors.
        let place = Place::new();
        let copy = place.file(name);
        fs::copy(folder().join(name), &copy).expect("a copy");
        assert_eq!(&verdict(&copy), expected, "{name}");
    }
    let there = fs::read_dir(folder()).expect("the folder").count();
    assert_eq!((files.len() + 1, files.len() >= 8), (there, true));
}

/// Persons who were released for the first time, as counted.
fn released(on: &[Tag]) -> Read {
    let mut read = read(ALPHA, "a1", on, &[]);
    let n = read.rows;
    read.facts.could = n;
    read.facts.all = Counts { agent_day: n, provider_day: n, provider_30_days: n, never: n };
    read.ruling = Ruling::RELEASED;
    read
}

/// A ledger with these entries behind its first policy, all of it signed as it should be.
fn forged(name: &str, whats: Vec<Payload>) {
    let mut forge = Forge::begun(AT, &rules(&[(ALPHA, WIDE)]));
    for what in whats {
        forge.add(what);
    }
    forge.commit();
    let place = Place::new();
    forge.write(&place.settings);
    compact(&place.settings.path, name);
}

/// A whole copy that is no longer a WAL, among the vectors.
fn compact(from: &Path, name: &str) -> PathBuf {
    let to = folder().join(name);
    let _ = fs::remove_file(&to);
    let from = Connection::open(from).expect("a ledger");
    from.execute("VACUUM INTO ?1", [to.to_str()]).expect("a copy");
    to
}

/// Makes them again, with other nonces and signatures.
fn make() {
    fs::create_dir_all(folder()).expect("the folder");
    let real = small();
    compact(&real.settings.path, "sound.sqlite");
    for (name, change) in [
        (
            "body-edited.sqlite",
            "UPDATE entries SET body = replace(body, 'enrolment', 'placement') WHERE seq = 8",
        ),
        ("entry-missing.sqlite", "DELETE FROM entries WHERE seq = 10"),
        ("end-without-checkpoint.sqlite", "DELETE FROM checkpoints WHERE size > 12"),
    ] {
        let path = compact(&real.settings.path, name);
        tampering(&path).execute_batch(change).expect("a change");
        let _ = fs::remove_file(path.with_extension("sqlite-journal"));
    }
    let persons = people(ALPHA, 0..3);
    let entry = |read: Read| Payload::Read(Box::new(read));
    let mut low = released(&persons);
    low.facts.all.never = 2;
    forged("count-too-low.sqlite", vec![entry(low)]);
    let deed = Deed::Suspend(Whom { provider: ALPHA.into(), agent: None });
    let suspend = Statement { expires: AT + HOUR, ..statement(deed) };
    let suspend = Payload::Act(Act::Signed(signed_by(suspend, &["admin-1"])));
    forged("released-though-suspended.sqlite", vec![suspend, entry(released(&persons))]);
    let mut again = released(&persons);
    again.facts.all = Counts::default();
    forged("given-again.sqlite", vec![entry(released(&persons)), entry(again)]);
    let mut outdated = released(&persons);
    outdated.policy -= 1;
    forged("another-policy.sqlite", vec![entry(outdated)]);
    let mut files = serde_json::Map::new();
    for file in fs::read_dir(folder()).expect("the folder") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "sqlite") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.insert(name, verdict(&path));
        }
    }
    let list = json!({"key": key().to_string(), "files": files});
    fs::write(folder().join("verdicts.json"), format!("{list:#}\n")).expect("a list");
}
