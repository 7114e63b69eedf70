//! Whole entries, notes and schemas changed, with as much care as a forger can take.

use std::path::{Path, PathBuf};

use greffier::format::checkpoint::Checkpoint;
use greffier::format::entry::{Entry, Hash, Payload};
use greffier::format::merkle;
use greffier::format::merkle::Frontier;
use greffier::verify::store::{Store, Unreadable};
use greffier::verify::{Failure, LedgerFault, Sound, Trust, Unsound, scan};
use rusqlite::Connection;

use super::{commit_of, ledger, newest};
use crate::segment::{
    Place, access, bodies, key, notes, page, people, read, signer, tampering, unsound, verified,
};

/// A copy to tamper with.
fn copied() -> (Place, PathBuf) {
    let place = ledger();
    let copy = place.copy("copy.sqlite");
    (place, copy)
}

/// What `verify` says without `--all-signatures`.
fn verified_lightly(path: &Path) -> Result<Sound, Failure> {
    let trust = Trust { key: &key(), anchors: &[], all_signatures: false };
    scan(&Store::open(path)?, &trust, &mut |_, _| (), &mut |_, _, _| ())
}

/// Both ways of verifying must find the same.
fn found(path: &Path) -> Unsound {
    let fault = unsound(verified(path, &[]));
    assert_eq!(unsound(verified_lightly(path)), fault, "found with every signature and without");
    fault
}

/// Replaces all entries, from the bodies given.
fn rewrite(path: &Path, bodies: &[String]) {
    let file = tampering(path);
    file.execute("DELETE FROM entries", []).expect("no triggers");
    for (seq, body) in bodies.iter().enumerate() {
        file.execute("INSERT INTO entries VALUES (?1, ?2)", (seq, body)).expect("a row");
    }
}

/// Numbers and links these entries anew, as if they had always stood like this.
fn chained(bodies: &[String]) -> Vec<String> {
    let mut prev = Hash::default();
    let chain = |(seq, body): (u64, &String)| {
        let entry = Entry::parse(body).expect("an entry");
        let body = Entry { seq, prev, ..entry }.encode().expect("an entry");
        prev = merkle::leaf(body.as_bytes());
        body
    };
    (0..).zip(bodies).map(chain).collect()
}

/// The root over these entries.
fn root(bodies: &[String]) -> Hash {
    let mut edge = Frontier::default();
    bodies.iter().for_each(|body| edge.push(merkle::leaf(body.as_bytes())));
    edge.root()
}

/// The same entry, saying that somebody else read it.
fn falsified(body: &str) -> String {
    let other = body.replace(r#""id":"cnil""#, r#""id":"nobody""#).replace("beta-", "bet4-");
    assert_ne!(other, body);
    other
}

/// An `access` entry in the middle of the largest commit, neither its first nor its last.
fn in_the_middle(path: &Path) -> u64 {
    let all = bodies(path);
    let inside = (3..all.len() as u64 - 1).find(|&seq| {
        let commit = commit_of(path, seq);
        all[seq as usize].contains("\"access\"") && commit.start < seq && seq + 1 < commit.end
    });
    inside.expect("a commit of three or more")
}

#[test]
fn a_deleted_entry_is_missing() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    for seq in 0..all.len() as u64 {
        let file = tampering(&copy);
        file.execute("DELETE FROM entries WHERE seq = ?1", [seq]).expect("a row");
        let fault = found(&copy);
        let last = seq + 1 == all.len() as u64;
        assert_eq!(fault.fault, if last { LedgerFault::Truncated } else { LedgerFault::Missing });
        assert_eq!((fault.first_wrong, fault.last_sound), (Some(seq), seq.checked_sub(1)));
        let body = &all[seq as usize];
        file.execute("INSERT INTO entries VALUES (?1, ?2)", (seq, body)).expect("a row");
    }
}

#[test]
fn swapped_entries_are_reordered() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    for seq in 0..all.len() - 1 {
        let mut swapped = all.clone();
        swapped.swap(seq, seq + 1);
        rewrite(&copy, &swapped);
        let fault = found(&copy);
        assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Reordered, Some(seq as u64)));
    }
}

#[test]
fn entries_that_were_renumbered_after_a_deletion_or_an_insertion_break_the_chain() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    let renumber = |bodies: Vec<String>| -> Vec<String> {
        let renumber = |(seq, body): (u64, &String)| {
            let entry = Entry::parse(body).expect("an entry");
            Entry { seq, ..entry }.encode().expect("an entry")
        };
        (0..).zip(&bodies).map(renumber).collect()
    };
    for seq in 1..all.len() - 2 {
        let mut fewer = all.clone();
        fewer.remove(seq);
        rewrite(&copy, &renumber(fewer));
        let fault = found(&copy);
        // What stands there now, or the checkpoint before it, is the first that is not as signed.
        assert_eq!(fault.first_wrong, Some(seq as u64), "{fault:?}");
        let mut more = all.clone();
        more.insert(seq, all[all.len() - 1].clone());
        rewrite(&copy, &renumber(more));
        let fault = found(&copy);
        let first = fault.first_wrong.expect("an entry is named");
        assert!(first == seq as u64, "{seq}: {fault:?}");
    }
}

#[test]
fn a_chain_that_was_worked_out_anew_is_refused_from_the_commit_of_the_change_on() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    for (seq, body) in all.iter().enumerate().filter(|(_, body)| body.contains("cnil")) {
        let mut other = all.clone();
        other[seq] = falsified(body);
        rewrite(&copy, &chained(&other));
        let commit = commit_of(&copy, seq as u64);
        let fault = found(&copy);
        assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Edited, Some(commit.start)));
        assert_eq!(fault.last_sound, commit.start.checked_sub(1));
    }
}

#[test]
fn a_chain_worked_out_anew_with_an_entry_more_or_less_is_refused_from_that_commit_on() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    for seq in 1..all.len() - 1 {
        let commit = commit_of(&copy, seq as u64);
        let mut fewer = all.clone();
        fewer.remove(seq);
        let mut more = all.clone();
        more.insert(seq, all[seq].clone());
        for other in [fewer, more] {
            rewrite(&copy, &chained(&other));
            // Twice the same read, or none, may contradict the day's sums before the root does.
            let fault = found(&copy);
            let first = fault.first_wrong.expect("an entry is named");
            assert!(commit.start <= first && first <= commit.end, "{seq}: {fault:?}");
        }
        rewrite(&copy, &all);
    }
}

#[test]
fn a_forger_who_rewrites_the_checkpoints_too_does_not_move_the_verdict() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    let seq = in_the_middle(&copy);
    let commit = commit_of(&copy, seq);
    let mut other = all.clone();
    other[seq as usize] = falsified(&all[seq as usize]);
    let other = chained(&other);
    rewrite(&copy, &other);
    let newest = notes(&copy).len() - 1;
    for (size, note) in notes(&copy).into_iter().take(newest) {
        let text = Checkpoint::parse(&note).expect("a checkpoint").text();
        let forged = Checkpoint {
            root: root(&other[..size as usize]),
            ..Checkpoint::parse(&note).expect("a checkpoint")
        };
        let note = note.replace(&text, &forged.text());
        let sql = "UPDATE checkpoints SET note = ?2 WHERE size = ?1";
        tampering(&copy).execute(sql, (size, note)).expect("a row");
    }
    let fault = found(&copy);
    assert_eq!(
        fault.fault,
        LedgerFault::Stranger,
        "the forged checkpoint behind the edit: {fault:?}"
    );
    assert_eq!(fault.last_sound, commit.start.checked_sub(1));
    // All signatures but the last look right only to who does not check them: it still fails.
    assert!(matches!(verified_lightly(&copy), Err(Failure::Unsound(_))));
}

#[test]
fn an_entry_edited_in_the_middle_of_a_commit_is_named_although_the_root_is_false_too() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    let seq = in_the_middle(&copy);
    for at in [seq, commit_of(&copy, seq).end - 1] {
        let mut other = all.clone();
        other[at as usize] = all[at as usize].replacen("\"tick\":", "\"tick\":9", 1);
        rewrite(&copy, &other);
        let fault = found(&copy);
        assert_eq!((fault.first_wrong, fault.last_sound), (Some(at), Some(at - 1)));
    }
}

#[test]
fn a_tail_that_was_cut_off_shows_against_an_anchor_alone() {
    let (_place, copy) = copied();
    let anchor = newest(&copy);
    for (size, _) in notes(&copy).into_iter().rev().skip(1) {
        let file = tampering(&copy);
        file.execute("DELETE FROM entries WHERE seq >= ?1", [size]).expect("rows");
        file.execute("DELETE FROM checkpoints WHERE size > ?1", [size]).expect("rows");
        verified(&copy, &[]).expect("a shorter ledger is a ledger");
        let fault = unsound(verified(&copy, std::slice::from_ref(&anchor)));
        assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Truncated, Some(size)));
    }
    let file = tampering(&copy);
    file.execute_batch("DELETE FROM entries; DELETE FROM checkpoints").expect("rows");
    assert_eq!(found(&copy).fault, LedgerFault::Missing);
}

#[test]
fn entries_or_checkpoints_cut_off_alone_show_without_an_anchor() {
    let (_place, copy) = copied();
    let (size, last) = notes(&copy).pop().expect("a checkpoint");
    let file = tampering(&copy);
    file.execute("DELETE FROM checkpoints WHERE size = ?1", [size]).expect("a row");
    let fault = found(&copy);
    assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Inserted, Some(size - 1)));
    file.execute("INSERT INTO checkpoints VALUES (?1, ?2)", (size, last)).expect("a row");
    // Thinned in the middle it is as good as before: any later one covers what they covered.
    file.execute("DELETE FROM checkpoints WHERE size < ?1", [size]).expect("rows");
    verified(&copy, &[]).expect("a thinned ledger");
    file.execute_batch("DELETE FROM checkpoints").expect("rows");
    assert_eq!(found(&copy).fault, LedgerFault::Missing);
}

#[test]
fn a_history_signed_anew_with_the_stolen_key_is_a_fork_against_an_anchor() {
    let (_place, copy) = copied();
    let (anchors, all) = (notes(&copy), bodies(&copy));
    let seq = in_the_middle(&copy);
    let mut other = all.clone();
    other[seq as usize] = falsified(&all[seq as usize]);
    let other = chained(&other);
    rewrite(&copy, &other);
    for (size, _) in &anchors {
        let note = signer().sign(*size, root(&other[..*size as usize]));
        let sql = "UPDATE checkpoints SET note = ?2 WHERE size = ?1";
        tampering(&copy).execute(sql, (*size, note)).expect("a row");
    }
    verified(&copy, &[]).expect("who holds the key can write any history");
    for (size, anchor) in &anchors {
        let verdict = verified(&copy, std::slice::from_ref(anchor));
        if *size <= seq {
            let sound = verdict.expect("nothing before the anchor was changed");
            assert_eq!(sound.anchored.map(|(seq, _)| seq), Some(size - 1));
        } else {
            assert_eq!(unsound(verdict).fault, LedgerFault::Forked);
        }
    }
    // Between two anchors, one that holds and one that does not, lies the first wrong entry.
    let all: Vec<String> = anchors.into_iter().map(|(_, note)| note).collect();
    let fault = unsound(verified(&copy, &all));
    let commit = commit_of(&copy, seq);
    assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Forked, Some(commit.start)));
}

#[test]
fn rows_numbered_where_none_belong_are_inserted() {
    let (_place, copy) = copied();
    let file = tampering(&copy);
    let body = &bodies(&copy)[3];
    let size = bodies(&copy).len() as i64;
    for (row, kind) in [
        (-1, LedgerFault::Inserted),
        (i64::MIN, LedgerFault::Inserted),
        (size, LedgerFault::Reordered),
        (i64::MAX, LedgerFault::Missing),
    ] {
        file.execute("INSERT INTO entries VALUES (?1, ?2)", (row, body)).expect("a row");
        assert_eq!(found(&copy).fault, kind, "row {row}");
        file.execute("DELETE FROM entries WHERE seq = ?1", [row]).expect("a row");
    }
    let (_, note) = notes(&copy).pop().expect("a checkpoint");
    for row in [i64::MIN, -1, 0, 1, size + 1, i64::MAX] {
        file.execute("INSERT INTO checkpoints VALUES (?1, ?2)", (row, &note)).expect("a row");
        found(&copy);
        file.execute("DELETE FROM checkpoints WHERE size = ?1", [row]).expect("a row");
    }
    verified(&copy, &[]).expect("everything is as it was");
}

#[test]
fn another_genesis_or_a_clock_that_goes_back_is_refused_though_signed() {
    let (_place, copy) = copied();
    let all = bodies(&copy);
    let size = all.len() as u64;
    let appended = |what: Payload, at: u64| {
        let last = Entry::parse(&all[all.len() - 1]).expect("an entry");
        let now = greffier::format::entry::Moment { at: last.now.at + at - 1_000, ..last.now };
        let entry = Entry { seq: size, prev: Hash::default(), now, payload: what };
        let mut longer = all.clone();
        longer.push(entry.encode().expect("an entry"));
        let longer = chained(&longer);
        rewrite(&copy, &longer);
        let note = signer().sign(size + 1, root(&longer));
        let sql = "INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2)";
        tampering(&copy).execute(sql, (size + 1, note)).expect("a row");
        verified(&copy, &[])
    };
    let genesis = Entry::parse(&all[0]).expect("an entry").payload;
    appended(Payload::Access(access(1)), 1_000).expect("an entry like others");
    for (result, kind) in [
        (appended(genesis, 1_000), LedgerFault::Inserted),
        (appended(Payload::Access(access(1)), 999), LedgerFault::Clock),
    ] {
        let fault = unsound(result);
        assert_eq!((fault.fault, fault.first_wrong), (kind, Some(size)));
    }
    let mut read = read("beta-emploi", "b1", &people("beta-emploi", 20..22), &[]);
    read.ruling = greffier::format::entry::Ruling::RELEASED;
    let fault = unsound(appended(Payload::Read(Box::new(read)), 1_000));
    assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Facts, Some(size)));
}

#[test]
fn a_changed_schema_is_refused() {
    for change in [
        "DROP TRIGGER entries_stay",
        "DROP VIEW reads",
        "DROP VIEW reads; CREATE VIEW reads AS SELECT seq FROM entries",
        "CREATE TABLE more(x)",
        "CREATE INDEX more ON entries(body)",
        "CREATE VIEW more AS SELECT 1",
        "CREATE TRIGGER more AFTER INSERT ON entries BEGIN SELECT 1; END",
        "DROP TABLE tiles",
        "PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = replace(sql, 'ABORT', 'IGNORE') WHERE type = 'trigger'",
        "PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = sql || ' ' WHERE name = 'entries_stay'",
    ] {
        let place = Place::created(&super::policy());
        let copy = place.copy("copy.sqlite");
        verified(&copy, &[]).expect("a sound copy");
        tampering(&copy).execute_batch(change).expect("a change of the schema");
        let fault = found(&copy);
        assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Schema, None), "{change}");
    }
}

#[test]
fn an_anchor_of_another_ledger_or_that_is_none_cannot_be_used() {
    let (_place, copy) = copied();
    let (size, _) = notes(&copy).pop().expect("a checkpoint");
    let sign = |origin: &str, seed| {
        let signer = greffier::format::signer::Signer::new(origin, &[seed; 32]).expect("a name");
        signer.sign(size, root(&bodies(&copy)))
    };
    let stranger = sign(key().name(), 8);
    // The same key under another name, though it begins like this one, is another ledger's.
    let [foreign, above, below] =
        ["other.example/reads", "registry.example", "registry.example/reads/2026-12"]
            .map(|name| sign(name, 7));
    for anchor in [stranger, foreign, above, below, newest(&copy).replace('=', ""), String::new()] {
        let verdict = verified(&copy, std::slice::from_ref(&anchor));
        assert!(matches!(verdict, Err(Failure::Anchor { .. })), "{anchor:?}: {verdict:?}");
    }
}

#[test]
fn a_ledger_of_another_key_is_a_stranger_s() {
    let (_place, copy) = copied();
    let store = Store::open(&copy).expect("the copy");
    for (origin, seed) in [(key().name(), 8), ("other.example/reads", 7), ("registry.example", 7)] {
        let other = greffier::format::signer::Signer::new(origin, &[seed; 32]).expect("a name");
        let trust = Trust { key: other.key(), anchors: &[], all_signatures: true };
        let fault = unsound(scan(&store, &trust, &mut |_, _| (), &mut |_, _, _| ()));
        assert_eq!((fault.fault, fault.first_wrong), (LedgerFault::Stranger, Some(0)));
    }
}

#[test]
fn what_is_no_ledger_of_this_format_is_said_to_be_so() {
    let place = Place::created(&super::policy());
    let missing = verified(&place.file("none.sqlite"), &[]);
    assert!(matches!(missing, Err(Failure::Unreadable(Unreadable::Missing(_)))), "{missing:?}");
    let newer = place.copy("newer.sqlite");
    tampering(&newer).pragma_update(None, "user_version", 2).expect("a pragma");
    let newer = verified(&newer, &[]);
    assert!(matches!(newer, Err(Failure::Unreadable(Unreadable::Newer(2)))), "{newer:?}");
    let text = place.file("text.sqlite");
    std::fs::write(&text, "no database at all, however long this may go on".repeat(99))
        .expect("a file");
    let empty = place.file("empty.sqlite");
    std::fs::write(&empty, "").expect("a file");
    let other = place.file("other.sqlite");
    Connection::open(&other).and_then(|c| c.execute_batch("CREATE TABLE t(x)")).expect("a file");
    for path in [text, empty, other] {
        let ours = verified(&path, &[]);
        assert!(matches!(ours, Err(Failure::Unreadable(Unreadable::NotOurs(_)))), "{ours:?}");
    }
}

#[test]
fn a_file_copied_without_its_wal_is_short_and_only_an_anchor_shows_it() {
    let place = Place::created(&super::policy());
    let path = &place.settings.path;
    let (short, whole) = (place.file("short.sqlite"), place.file("whole.sqlite"));
    place.run(&super::policy(), async |ledger| {
        // A reader that stays keeps what follows in the WAL.
        let reader = Connection::open(path).expect("the ledger");
        reader.execute_batch("BEGIN; SELECT count(*) FROM entries").expect("a snapshot");
        page(&ledger, read("beta-emploi", "b1", &people("beta-emploi", 0..2), &[])).await;
        std::fs::copy(path, &short).expect("a copy");
        std::fs::copy(path, &whole).expect("a copy");
        let wal = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
        std::fs::copy(wal(path), wal(&whole)).expect("a copy");
    });
    let anchor = [newest(path)];
    let fewer = verified(&short, &[]).expect("a shorter ledger is a ledger");
    assert_eq!(fewer.checkpoint.size + 1, bodies(path).len() as u64);
    assert_eq!(unsound(verified(&short, &anchor)).fault, LedgerFault::Truncated);
    verified(&whole, &anchor).expect("the WAL has the rest");
}
