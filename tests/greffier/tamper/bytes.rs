//! One byte changed: of a body, of a note, of the file.

use std::path::Path;

use greffier::verify::store::{Store, Unreadable};
use greffier::verify::{Failure, LedgerFault};

use super::{commit_of, small};
use crate::segment::{bodies, notes, scanned, tampering, unsound, verified};

/// Changes every byte of every body whose number has this parity.
fn flip_bodies(parity: u64) {
    let place = small();
    let copy = place.copy("flipped.sqlite");
    let (file, store) = (tampering(&copy), Store::open(&copy).expect("the copy"));
    let write = "UPDATE entries SET body = CAST(?2 AS TEXT) WHERE seq = ?1";
    let mut write = file.prepare(write).expect("our schema");
    let all = bodies(&copy);
    let last = all.len() as u64 - 1;
    assert_eq!(commit_of(&copy, last), last..last + 1);
    for (seq, body) in (0..).zip(&all).filter(|(seq, _)| seq % 2 == parity) {
        for at in 0..body.len() {
            let mut bytes = body.clone().into_bytes();
            bytes[at] ^= [0x01, 0x02, 0x10, 0x20, 0x80][at % 5];
            write.execute((seq, &bytes)).expect("a row");
            let fault = unsound(scanned(&store, &[]));
            assert_eq!(fault.first_wrong, Some(seq), "byte {at} of {seq}: {fault:?}");
            assert_eq!(fault.last_sound, seq.checked_sub(1), "byte {at} of {seq}: {fault:?}");
        }
        write.execute((seq, body.as_bytes())).expect("a row");
    }
    scanned(&store, &[]).expect("every byte is as it was");
}

#[test]
fn a_changed_byte_in_an_even_entry_names_that_entry() {
    flip_bodies(0);
}

#[test]
fn a_changed_byte_in_an_odd_entry_names_that_entry() {
    flip_bodies(1);
}

#[test]
fn a_changed_byte_in_a_note_is_found_when_all_signatures_are_checked() {
    let place = small();
    let copy = place.copy("flipped.sqlite");
    let (file, store) = (tampering(&copy), Store::open(&copy).expect("the copy"));
    let write = "UPDATE checkpoints SET note = CAST(?2 AS TEXT) WHERE size = ?1";
    let mut write = file.prepare(write).expect("our schema");
    let mut before = 0;
    for (size, note) in notes(&copy) {
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= [0x01, 0x02, 0x04, 0x20, 0x80][at % 5];
            write.execute((size, &bytes)).expect("a row");
            let fault = unsound(scanned(&store, &[]));
            assert_eq!(fault.first_wrong, None, "byte {at} of {size}: {fault:?}");
            let vouched = u64::checked_sub(before, 1);
            assert_eq!(fault.last_sound, vouched, "byte {at} of {size}: {fault:?}");
        }
        write.execute((size, note.as_bytes())).expect("a row");
        before = size;
    }
    scanned(&store, &[]).expect("every byte is as it was");
}

/// What the file says, as far as anyone can tell by reading it.
fn said(path: &Path) -> (Vec<String>, Vec<(u64, String)>) {
    (bodies(path), notes(path))
}

#[test]
fn a_changed_byte_of_the_file_changes_nothing_or_is_found() {
    let place = small();
    let copy = place.copy("whole.sqlite");
    let whole = std::fs::read(&copy).expect("the copy");
    let before = said(&copy);
    let damaged = place.file("damaged.sqlite");
    let (mut found, mut unread) = (0, 0);
    for at in (0..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        std::fs::write(&damaged, &bytes).expect("a file");
        match verified(&damaged, &[]) {
            Ok(_) => assert_eq!(said(&damaged), before, "byte {at} of the file"),
            Err(Failure::Unsound(_)) => found += 1,
            // Nothing is said of a file that does not begin like a ledger.
            Err(Failure::Unreadable(_)) => {
                assert!(at < 100, "byte {at} of the file");
                unread += 1;
            }
            Err(other) => panic!("byte {at} of the file: {other:?}"),
        }
    }
    assert!(found > 100 && unread <= 2, "{found} found, {unread} unread");
}

#[test]
fn a_damaged_page_is_found() {
    let place = small();
    let copy = place.copy("whole.sqlite");
    let whole = std::fs::read(&copy).expect("the copy");
    let damaged = place.file("damaged.sqlite");
    let file = tampering(&copy);
    let page = "SELECT rootpage FROM sqlite_schema WHERE name = 'entries'";
    let page: usize = file.query_row(page, [], |row| row.get(0)).expect("a table");
    for garbage in [0x00, 0xff, 0x5a] {
        let mut bytes = whole.clone();
        bytes[(page - 1) * 4_096..page * 4_096].fill(garbage);
        std::fs::write(&damaged, &bytes).expect("a file");
        let fault = unsound(verified(&damaged, &[]));
        assert_eq!(fault.fault, LedgerFault::Schema, "{fault:?}");
    }
}

#[test]
fn a_file_that_was_cut_short_is_never_sound() {
    let place = small();
    let copy = place.copy("whole.sqlite");
    let whole = std::fs::read(&copy).expect("the copy");
    let cut = place.file("cut.sqlite");
    for pages in 0..whole.len() / 4_096 {
        for beyond in [0, 1_000] {
            std::fs::write(&cut, &whole[..pages * 4_096 + beyond]).expect("a file");
            let verdict = verified(&cut, &[]);
            let may = match pages {
                // Nothing is said of a file that is no database.
                0 if beyond == 0 => {
                    matches!(verdict, Err(Failure::Unreadable(Unreadable::NotOurs(_))))
                }
                _ => matches!(verdict, Err(Failure::Unsound(_))),
            };
            assert!(may, "{pages} pages and {beyond} bytes: {verdict:?}");
        }
    }
}
