//! The verified scan: every entry in order, each handed on only after it was checked against the
//! chain. What comes out depends on the file and on what the auditor brings (`Trust`), never on a
//! key or a verdict found in the file.

use std::sync::mpsc::sync_channel;

use crate::format::checkpoint::{Checkpoint, VerifierKey};
use crate::format::entry::{Entry, Hash, Moment};
use crate::format::merkle::Frontier;
use crate::state::State;
use store::{Store, Unreadable};

mod chunk;
pub mod store;
mod walk;

use chunk::{Chunk, Parsed};
use walk::Walk;

/// What the auditor brings to a verification.
#[derive(Debug)]
pub struct Trust<'a> {
    /// The key that the ledger must be signed by.
    pub key: &'a VerifierKey,
    /// Checkpoints that somebody else kept: signed notes.
    pub anchors: &'a [String],
    /// Check the signature of every checkpoint, not of the last alone.
    pub all_signatures: bool,
}

/// What a ledger that holds has shown.
#[derive(Debug)]
pub struct Sound {
    /// The last checkpoint, which covers the last entry.
    pub checkpoint: Checkpoint,
    /// The last checkpoint as the signed note that the file has.
    pub note: String,
    /// What the entries say, folded into one state.
    pub state: State,
    /// Leaf hash of the last entry.
    pub leaf: Hash,
    /// The right edge of the tree.
    pub edge: Frontier,
    /// Time of the last entry, by both clocks.
    pub last: Moment,
    /// How many checkpoints the file has.
    pub checkpoints: u64,
    /// How many signatures of checkpoints were checked.
    pub signatures: u64,
    /// The last entry that an anchor covers, and its time.
    pub anchored: Option<(u64, Moment)>,
}

/// What is wrong with a ledger, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerFault {
    /// The bytes of an entry or a checkpoint differ from what was signed.
    Edited,
    /// An entry between others is not there.
    Missing,
    /// An entry stands where none was.
    Inserted,
    /// An entry stands in another's place.
    Reordered,
    /// Entries that a checkpoint covers are not there.
    Truncated,
    /// An anchor tells of another history than the file.
    Forked,
    /// The signature is not by the key.
    Stranger,
    /// The times of an entry do not follow those before it.
    Clock,
    /// A row is not an entry, or not a checkpoint.
    Malformed,
    /// An act stands there that its signatures do not carry.
    Act,
    /// An entry says what those before it do not allow, such as integers that contradict the tags.
    Facts,
    /// The tables, views or triggers are not ours, or the file is damaged.
    Schema,
}

/// A ledger that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unsound {
    /// What is wrong with it, in one word.
    pub fault: LedgerFault,
    /// What is wrong with it, as a sentence.
    pub detail: String,
    /// The first wrong entry, where one can be named.
    pub first_wrong: Option<u64>,
    /// The last entry before it that holds.
    pub last_sound: Option<u64>,
}

/// Why a scan did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The ledger was checked and does not hold.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// The ledger could not be checked.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// An anchor that the auditor brought cannot be used.
    #[error("the anchor of size {size} cannot be used: {why}")]
    Anchor {
        /// The size it says; 0 if it says none.
        size: u64,
        /// Why the anchor cannot be used.
        why: String,
    },
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Failure {
        match unreadable {
            Unreadable::Sqlite(error) => error.into(),
            other => Failure::Unreadable(other),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        // A page that SQLite finds damaged is a fault of the file, not of the reading.
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Failure::Unsound(Unsound {
                    fault: LedgerFault::Schema,
                    detail: format!("the file is damaged: {error}"),
                    first_wrong: None,
                    last_sound: None,
                })
            }
            _ => Failure::Unreadable(Unreadable::Sqlite(error)),
        }
    }
}

/// What a scan hands on: an entry, its leaf, and what those before it say.
pub type Visit<'a> = dyn FnMut(&Entry, Hash, &State) + 'a;

/// Checks the whole ledger. `progress` hears entries done and in all; `visit` gets each entry that
/// may stand where it does, and must not act on it before the scan has ended well.
///
/// # Errors
/// [`Failure`].
pub fn scan(
    store: &Store,
    trust: &Trust<'_>,
    progress: &mut dyn FnMut(u64, u64),
    visit: &mut Visit<'_>,
) -> Result<Sound, Failure> {
    match pass(store, trust, progress, visit) {
        // Only checkpoints that are known to be signed can tell which entry is the first wrong one.
        Err(Failure::Unsound(fault))
            if !trust.all_signatures && fault.fault != LedgerFault::Schema =>
        {
            let trust = Trust { all_signatures: true, ..*trust };
            match pass(store, &trust, progress, &mut |_, _, _| ()) {
                Err(Failure::Unsound(exact)) => Err(exact.into()),
                _ => Err(fault.into()),
            }
        }
        other => other,
    }
}

/// Makes one pass through the whole file.
fn pass(
    store: &Store,
    trust: &Trust<'_>,
    progress: &mut dyn FnMut(u64, u64),
    visit: &mut Visit<'_>,
) -> Result<Sound, Failure> {
    let anchors = open_anchors(trust)?;
    let _snapshot = store.connection().unchecked_transaction()?;
    if let Some(detail) = store.structure_fault()? {
        return Err(fault(LedgerFault::Schema, detail, None, None).into());
    }
    let total = rows(store)?;
    let mut walk = Walk::new(trust, anchors);
    // One thread parses and hashes a chunk (on all cores) while this one reads the next and walks
    // the one before.
    std::thread::scope(|scope| {
        let (to_parse, chunks) = sync_channel::<Chunk>(1);
        let (to_walk, parsed) = sync_channel::<Parsed>(1);
        let signatures = trust.all_signatures.then_some(trust.key);
        scope.spawn(move || {
            for chunk in chunks {
                if to_walk.send(Parsed::from(chunk, signatures)).is_err() {
                    break;
                }
            }
        });
        let mut after = None;
        let mut under_way = 0;
        loop {
            let chunk = Chunk::read(store, after)?;
            let ended = chunk.bodies.is_empty() && chunk.notes.is_empty();
            if !ended {
                after = chunk.last();
                to_parse.send(chunk).expect("the parsing thread lives as long as its channel");
                under_way += 1;
            }
            while under_way > usize::from(!ended) {
                let parsed = parsed.recv().expect("one answer for every chunk");
                walk.chunk(parsed, visit)?;
                progress(walk.edge.size(), total);
                under_way -= 1;
            }
            if ended {
                break;
            }
        }
        Ok::<(), Failure>(())
    })?;
    walk.end()
}

fn fault(fault: LedgerFault, detail: String, first: Option<u64>, last: Option<u64>) -> Unsound {
    Unsound { fault, detail, first_wrong: first, last_sound: last }
}

fn open_anchors(trust: &Trust<'_>) -> Result<Vec<Checkpoint>, Failure> {
    let mut anchors = Vec::new();
    for note in trust.anchors {
        let size = Checkpoint::parse(note).map_or(0, |anchor| anchor.size);
        let anchor = Checkpoint::open(note, trust.key);
        anchors.push(anchor.map_err(|e| Failure::Anchor { size, why: e.to_string() })?);
    }
    anchors.sort_by_key(|anchor| anchor.size);
    Ok(anchors)
}

fn rows(store: &Store) -> Result<u64, rusqlite::Error> {
    let last: Option<i64> =
        store.connection().query_row("SELECT max(seq) FROM entries", [], |row| row.get(0))?;
    Ok(last.map_or(0, |last| last.saturating_add(1).max(0).unsigned_abs()))
}
