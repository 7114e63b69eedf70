//! What clients were given, held against the ledger: whatever happened to the gateway, each reply
//! must have its entry, its digest and its receipt, and the ledger must go back to every checkpoint
//! that a client keeps.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use greffier::anomaly::replay::Replay;
use greffier::format::checkpoint::{Checkpoint, VerifierKey};
use greffier::format::entry::{Hash, Outcome, Payload, Read, sha256};
use greffier::proto::{
    GetRecordResponse, ListRecordsResponse, Proof, Record, SearchRecordsResponse,
};
use greffier::verify::store::Store;
use greffier::verify::{Sound, Trust, scan};
use tempfile::TempDir;

/// A reply as its client keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    provider: String,
    records: Vec<Record>,
    proof: Proof,
}

impl Given {
    pub(crate) fn page(provider: &str, reply: ListRecordsResponse) -> Given {
        let proof = reply.proof.expect("a reply has a proof");
        Given { provider: provider.to_owned(), records: reply.records, proof }
    }

    pub(crate) fn one(provider: &str, reply: GetRecordResponse) -> Given {
        let records = reply.record.into_iter().collect();
        let proof = reply.proof.expect("a reply has a proof");
        Given { provider: provider.to_owned(), records, proof }
    }

    pub(crate) fn found(provider: &str, reply: SearchRecordsResponse) -> Given {
        let proof = reply.proof.expect("a reply has a proof");
        Given { provider: provider.to_owned(), records: reply.records, proof }
    }

    pub(crate) fn entry(&self) -> u64 {
        self.proof.entry
    }

    pub(crate) fn checkpoint(&self) -> &str {
        &self.proof.checkpoint
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.records.iter().map(|record| record.name.clone()).collect()
    }

    /// The digest of the format page, made from what was received.
    fn digest(&self) -> Hash {
        let mut bytes = self.proof.salt.clone();
        let length = |n: usize| u32::try_from(n).expect("a short text").to_be_bytes();
        for record in &self.records {
            bytes.extend(length(record.fields.len()));
            let fields = record.fields.iter().flat_map(|field| [&field.name, &field.value]);
            for text in [&record.name].into_iter().chain(fields) {
                bytes.extend(length(text.len()));
                bytes.extend(text.as_bytes());
            }
        }
        sha256(&[&bytes])
    }

    /// Asserts that an entry is that of this reply.
    fn assert_is(&self, read: &Read) {
        assert_eq!(*read.provider, *self.provider);
        assert_eq!(read.ruling.outcome, Outcome::Released);
        assert_eq!(read.rows, self.records.len() as u64);
        assert_eq!(read.reply, Some(self.digest()), "entry {} is of another reply", self.entry());
    }
}

/// The checkpoint of the largest size among what clients keep.
pub(crate) fn newest(given: &[Given]) -> Option<String> {
    let size = |note: &&String| Checkpoint::parse(note).expect("a checkpoint").size;
    given.iter().map(|given| &given.proof.checkpoint).max_by_key(size).cloned()
}

/// Asserts that a ledger is sound in every respect, rules the same again, goes back to every
/// checkpoint that was given, and has the entry of every reply.
pub(crate) fn assert_proven(ledger: &Path, key: &VerifierKey, given: &[Given]) -> Sound {
    let mut anchors: Vec<String> = given.iter().map(|g| g.proof.checkpoint.clone()).collect();
    anchors.sort();
    anchors.dedup();
    let trust = Trust { key, anchors: &anchors, all_signatures: true };
    let store = Store::open(ledger).expect("a ledger that can be read");
    let mut replay = Replay::default();
    let mut reads = HashMap::new();
    let sound = scan(&store, &trust, &mut |_, _| (), &mut |entry, _, state| {
        replay.apply(entry, state.standing());
        if let Payload::Read(read) = &entry.payload {
            reads.insert(entry.seq, read.clone());
        }
    });
    let sound = sound.unwrap_or_else(|failure| panic!("not sound: {failure:?}"));
    assert!(replay.difference().is_none() && replay.foreign == 0, "{:?}", replay.difference());
    for given in given {
        let entry = given.entry();
        let read = reads.get(&entry).unwrap_or_else(|| panic!("entry {entry} is not there"));
        given.assert_is(read);
        // Its signature was checked as an anchor's.
        let under = Checkpoint::parse(&given.proof.checkpoint).expect("an anchor that held");
        assert!(under.size > entry, "the checkpoint of the reply does not cover its entry");
    }
    sound
}

/// Asserts that every reply has a receipt that holds and is of its entry.
pub(crate) fn assert_receipts(ledger: &Path, key: &VerifierKey, given: &[Given]) {
    let store = Store::open(ledger).expect("a ledger that can be read");
    for given in given {
        let receipt = store.receipt(given.entry()).expect("a receipt");
        match receipt.check(key).expect("a receipt that holds").entry.payload {
            Payload::Read(proven) => given.assert_is(&proven),
            other => panic!("entry {} is no read: {other:?}", given.entry()),
        }
    }
}

/// A ledger copied as it lies, with its WAL, so that looking at it does not mend it.
pub(crate) struct Copied {
    pub(crate) ledger: PathBuf,
    _folder: TempDir,
}

/// Copies a ledger that nobody writes at the moment.
pub(crate) fn copied(from: &Path) -> Copied {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = folder.path().join("ledger.sqlite");
    fs::copy(from, &ledger).expect("a copy");
    let wal = from.with_extension("sqlite-wal");
    if wal.exists() {
        fs::copy(wal, ledger.with_extension("sqlite-wal")).expect("a copy");
    }
    Copied { ledger, _folder: folder }
}

/// Chance that comes out the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number under `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
