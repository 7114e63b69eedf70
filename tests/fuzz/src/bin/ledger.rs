//! A ledger file that somebody changed: never a panic, never for long, and sound only if it says
//! what it said.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use greffier::format::entry::Hash;
use greffier::verify::store::Store;
use greffier::verify::{Failure, Sound, Trust, scan};
use greffier_fuzz::changed::{Change, Splice, change};
use greffier_fuzz::instance::Instance;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

#[derive(Arbitrary, Debug)]
struct Changes {
    rows: Vec<Change>,
    bytes: Vec<Splice>,
    /// Whether the auditor brings the newest checkpoint.
    anchored: bool,
    all_signatures: bool,
}

struct Real {
    instance: Instance,
    bytes: Vec<u8>,
    leaves: Vec<Hash>,
    newest: [String; 1],
    folder: TempDir,
}

static REAL: LazyLock<Real> = LazyLock::new(|| {
    let (instance, folder) = (Instance::written(), TempDir::new().expect("a folder"));
    let copy = instance.copy(&folder.path().join("copy.sqlite"));
    let mut leaves = Vec::new();
    let trust = Trust { key: &instance.key, anchors: &[], all_signatures: true };
    let sound = scanned(&copy, &trust, &mut leaves).expect("a sound ledger");
    let bytes = fs::read(copy).expect("the copy");
    Real { instance, bytes, leaves, newest: [sound.note], folder }
});

fn scanned(path: &PathBuf, trust: &Trust<'_>, leaves: &mut Vec<Hash>) -> Result<Sound, Failure> {
    let store = Store::open(path)?;
    let sound = scan(&store, trust, &mut |_, _| (), &mut |_, leaf, _| leaves.push(leaf));
    // Whatever was found, receipts and proofs are refused or given.
    for seq in [0, 1, 20, 1 << 40] {
        let _ = (store.body(seq), store.receipt(seq), store.consistency(seq, None));
    }
    sound
}

fuzz_target!(|changes: Changes| {
    let real = &*REAL;
    let path = real.folder.path().join("changed.sqlite");
    fs::write(&path, &real.bytes).expect("a file");
    change(&path, &changes.rows).expect("the real ledger can be changed");
    if !changes.bytes.is_empty() {
        let mut bytes = fs::read(&path).expect("the file");
        changes.bytes.iter().for_each(|splice| splice.apply(&mut bytes));
        fs::write(&path, bytes).expect("a file");
    }
    let anchors = if changes.anchored { &real.newest[..] } else { &[] };
    let trust = Trust { key: &real.instance.key, anchors, all_signatures: changes.all_signatures };
    let mut leaves = Vec::new();
    match scanned(&path, &trust, &mut leaves) {
        Ok(sound) if changes.anchored => {
            assert_eq!(leaves, real.leaves, "sound, and another history");
            assert_eq!(sound.anchored.map(|(seq, _)| seq + 1), Some(real.leaves.len() as u64));
        }
        // Whoever brings no checkpoint is not told of what was cut off the end.
        Ok(_) => assert!(real.leaves.starts_with(&leaves), "sound, and another history"),
        Err(failure) => assert!(!failure.to_string().is_empty()),
    }
});
