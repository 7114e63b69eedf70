//! The verified scan: every entry in order, each handed on only after it was checked against the
//! chain. What comes out depends on the file and on what the auditor brings (`Trust`), never on a
//! key or a verdict found in the file.

use std::sync::mpsc::sync_channel;

use rayon::prelude::*;

use super::checkpoint::{BadNote, Checkpoint, VerifierKey};
use super::entry::{Entry, Hash, Malformed, Moment, What};
use super::facts::Facts;
use super::merkle::{self, Frontier};
use super::store::{Store, Unreadable, text};

/// Rows that are read, parsed and hashed at a time.
const CHUNK: u64 = 4_096;

/// What the auditor brings.
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
#[derive(Debug, Clone)]
pub struct Sound {
    /// The last checkpoint, which covers the last entry.
    pub checkpoint: Checkpoint,
    /// The same as a signed note.
    pub note: String,
    /// Leaf hash of the last entry.
    pub leaf: Hash,
    /// The right edge of the tree.
    pub edge: Frontier,
    /// Time of the last entry.
    pub last: Moment,
    /// Checkpoints in the file.
    pub checkpoints: u64,
    /// Signatures checked.
    pub signatures: u64,
    /// The last entry that an anchor covers, and its time.
    pub anchored: Option<(u64, Moment)>,
}

/// What is wrong with a ledger, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Bytes differ from what was signed.
    Edited,
    /// An entry is not there.
    Missing,
    /// An entry stands where none was.
    Inserted,
    /// An entry stands in another's place.
    Reordered,
    /// Entries that a checkpoint covers are not there.
    Truncated,
    /// An anchor has another history.
    Forked,
    /// The signature is not by the key.
    Stranger,
    /// Time goes back.
    Clock,
    /// Not an entry, or not a checkpoint.
    Malformed,
    /// Integers that contradict the tags.
    Facts,
    /// The tables, views or triggers are not ours, or the file is damaged.
    Schema,
}

/// A ledger that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unsound {
    /// What is wrong.
    pub fault: Fault,
    /// The same as a sentence.
    pub detail: String,
    /// The first wrong entry, where one can be named.
    pub first_wrong: Option<u64>,
    /// The last entry before it that holds.
    pub last_sound: Option<u64>,
}

/// Why a scan did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The ledger does not hold.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// It could not be checked.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// An anchor cannot be used.
    #[error("the anchor of size {size} cannot be used: {why}")]
    Anchor {
        /// The size it says; 0 if it says none.
        size: u64,
        /// Why not.
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
                    fault: Fault::Schema,
                    detail: format!("the file is damaged: {error}"),
                    first_wrong: None,
                    last_sound: None,
                })
            }
            _ => Failure::Unreadable(Unreadable::Sqlite(error)),
        }
    }
}

/// Checks the whole ledger. `progress` hears entries done and in all; `visit` gets each entry once
/// it stands in the chain, and must not act on it before the scan has ended well.
///
/// # Errors
/// [`Failure`].
pub fn scan(
    store: &Store,
    trust: &Trust<'_>,
    progress: &mut dyn FnMut(u64, u64),
    visit: &mut dyn FnMut(&Entry, Hash),
) -> Result<Sound, Failure> {
    match pass(store, trust, progress, visit) {
        // Only checkpoints that are known to be signed can tell which entry is the first wrong one.
        Err(Failure::Unsound(fault)) if !trust.all_signatures && fault.fault != Fault::Schema => {
            let trust = Trust { all_signatures: true, ..*trust };
            match pass(store, &trust, progress, &mut |_, _| ()) {
                Err(Failure::Unsound(exact)) => Err(exact.into()),
                _ => Err(fault.into()),
            }
        }
        other => other,
    }
}

/// One way through the file.
fn pass(
    store: &Store,
    trust: &Trust<'_>,
    progress: &mut dyn FnMut(u64, u64),
    visit: &mut dyn FnMut(&Entry, Hash),
) -> Result<Sound, Failure> {
    let anchors = open_anchors(trust)?;
    let _snapshot = store.connection().unchecked_transaction()?;
    if let Some(detail) = store.structure_fault()? {
        return Err(fault(Fault::Schema, detail, None, None).into());
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

fn fault(fault: Fault, detail: String, first: Option<u64>, last: Option<u64>) -> Unsound {
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

/// Some rows as they lie in the file.
struct Chunk {
    bodies: Vec<(i64, Vec<u8>)>,
    notes: Vec<(i64, Vec<u8>)>,
}

impl Chunk {
    /// The rows behind entry number `after`; the last chunk has whatever checkpoints are left.
    fn read(store: &Store, after: Option<i64>) -> Result<Chunk, rusqlite::Error> {
        // Numbers below 0 have no place; they sort first and are found there, the lowest of all too.
        let from = after.map_or(Some(i64::MIN), |after| after.checked_add(1));
        let Some(from) = from else {
            return Ok(Chunk { bodies: Vec::new(), notes: Vec::new() });
        };
        let sql = "SELECT seq, body FROM entries WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
        let bodies = Self::select(store, sql, (from, CHUNK))?;
        let to = if bodies.len() < CHUNK as usize { i64::MAX } else { bodies[bodies.len() - 1].0 };
        // A checkpoint is read with the last entry that it covers.
        let from = if after.is_none() { from } else { from.saturating_add(1) };
        let sql =
            "SELECT size, note FROM checkpoints WHERE size >= ?1 AND size <= ?2 ORDER BY size";
        let notes = Self::select(store, sql, (from, to.saturating_add(1)))?;
        Ok(Chunk { bodies, notes })
    }

    /// From where the next chunk goes on: behind the last row, or behind everything.
    fn last(&self) -> Option<i64> {
        if self.bodies.len() < CHUNK as usize {
            Some(i64::MAX)
        } else {
            self.bodies.last().map(|b| b.0)
        }
    }

    fn select<P: rusqlite::Params>(
        store: &Store,
        sql: &str,
        parameters: P,
    ) -> Result<Vec<(i64, Vec<u8>)>, rusqlite::Error> {
        let mut statement = store.connection().prepare_cached(sql)?;
        let row = |r: &rusqlite::Row<'_>| {
            // Text that is not UTF-8 is still bytes; anything else cannot be, the table is STRICT.
            Ok((r.get(0)?, r.get_ref(1)?.as_bytes_or_null()?.unwrap_or_default().to_vec()))
        };
        statement.query_map(parameters, row)?.collect()
    }
}

type NoteOr = Result<(Checkpoint, String), BadNote>;

/// The same, parsed and hashed.
struct Parsed {
    entries: Vec<(i64, Hash, Result<Entry, Malformed>)>,
    notes: Vec<(i64, NoteOr)>,
}

impl Parsed {
    /// `signatures`: the key to check every checkpoint's signature with, if asked to.
    fn from(chunk: Chunk, signatures: Option<&VerifierKey>) -> Parsed {
        let entry = |(seq, body): (i64, Vec<u8>)| {
            (seq, merkle::leaf(&body), text(&body).and_then(Entry::parse))
        };
        let note = |(size, note): (i64, Vec<u8>)| {
            let note = String::from_utf8(note).map_err(|_| BadNote::Malformed("not UTF-8"));
            let parsed = note.and_then(|note| match signatures {
                Some(key) => Ok((Checkpoint::open(&note, key)?, note)),
                None => Ok((Checkpoint::parse(&note)?, note)),
            });
            (size, parsed)
        };
        Parsed {
            entries: chunk.bodies.into_par_iter().map(entry).collect(),
            notes: chunk.notes.into_par_iter().map(note).collect(),
        }
    }
}

/// A fault that the next entry makes precise.
struct Suspicion {
    /// Leaf of the entry that came last.
    leaf: Hash,
    /// What to say if that entry is not what the next one follows.
    if_edited: Unsound,
    /// What to say otherwise.
    otherwise: Unsound,
}

/// Where the scan is.
struct Walk<'a> {
    trust: &'a Trust<'a>,
    anchors: Vec<Checkpoint>,
    edge: Frontier,
    leaf: Hash,
    now: Moment,
    origin: String,
    facts: Facts,
    /// Size of the last checkpoint that matched.
    covered: u64,
    note: Option<(Checkpoint, String)>,
    checkpoints: u64,
    signatures: u64,
    anchored: Option<(u64, Moment)>,
    suspicion: Option<Suspicion>,
}

impl<'a> Walk<'a> {
    fn new(trust: &'a Trust<'a>, anchors: Vec<Checkpoint>) -> Walk<'a> {
        Walk {
            trust,
            anchors,
            edge: Frontier::default(),
            leaf: Hash::default(),
            now: Moment::default(),
            origin: String::new(),
            facts: Facts::default(),
            covered: 0,
            note: None,
            checkpoints: 0,
            signatures: 0,
            anchored: None,
            suspicion: None,
        }
    }

    fn chunk(
        &mut self,
        parsed: Parsed,
        visit: &mut dyn FnMut(&Entry, Hash),
    ) -> Result<(), Failure> {
        let mut notes = parsed.notes.into_iter().peekable();
        let early = |size: i64, next: u64| i128::from(size) <= i128::from(next);
        if let Some((size, _)) = notes.peek()
            && self.edge.size() == 0
            && *size < 1
        {
            let detail = format!("there is a checkpoint of size {size}");
            return Err(self.at(Fault::Malformed, detail, None).into());
        }
        for (row, leaf, entry) in parsed.entries {
            self.entry(row, leaf, entry, visit)?;
            while let Some((size, note)) = notes.next_if(|(size, _)| early(*size, self.edge.size()))
            {
                self.checkpoint(size, note)?;
            }
        }
        let Some((covered, _)) = notes.next() else { return Ok(()) };
        self.settle(None)?;
        let size = self.edge.size();
        let detail = format!("a checkpoint covers {covered} entries, but only {size} are there");
        Err(self.at(Fault::Truncated, detail, Some(size)).into())
    }

    /// A fault whose first wrong entry is `first`, everything before it being sound.
    fn at(&self, kind: Fault, detail: String, first: Option<u64>) -> Unsound {
        let last = first.unwrap_or_else(|| self.edge.size()).checked_sub(1);
        fault(kind, detail, first, last)
    }

    fn entry(
        &mut self,
        row: i64,
        leaf: Hash,
        entry: Result<Entry, Malformed>,
        visit: &mut dyn FnMut(&Entry, Hash),
    ) -> Result<(), Failure> {
        let seq = self.edge.size();
        let expected = i64::try_from(seq).expect("fewer than 2^63 rows");
        if row > expected {
            self.settle(None)?;
            let detail = format!("entry {seq} is missing");
            return Err(self.at(Fault::Missing, detail, Some(seq)).into());
        }
        if row < expected {
            let detail = format!("a row numbered {row} stands where none belongs");
            return Err(self.at(Fault::Inserted, detail, None).into());
        }
        self.settle(entry.as_ref().ok().map(|e| (e.prev, leaf)))?;
        let entry = entry.map_err(|e| {
            self.at(Fault::Malformed, format!("entry {seq} is no valid entry: {e}"), Some(seq))
        })?;
        if entry.seq != seq {
            let detail =
                format!("in the place of entry {seq} stands one that says it is {}", entry.seq);
            return Err(self.at(Fault::Reordered, detail, Some(seq)).into());
        }
        if seq == 0 {
            self.genesis(&entry)?;
        } else if matches!(entry.what, What::Genesis(_)) {
            let detail = format!("entry {seq} is a second genesis");
            return Err(self.at(Fault::Inserted, detail, Some(seq)).into());
        } else if entry.prev != self.leaf {
            // Either the entry before was edited, or the link in this one: the next one tells, or the
            // checkpoint that the one before agrees with.
            let first = if self.covered == seq { seq } else { seq - 1 };
            self.suspicion = Some(Suspicion {
                leaf,
                if_edited: self.edited(seq),
                otherwise: self.edited(first),
            });
        }
        if entry.now.at < self.now.at || entry.now.tick < self.now.tick {
            let detail = format!("entry {seq} is earlier than the one before it");
            return Err(self.suspicion_or(Fault::Clock, detail, seq).into());
        }
        if let Err(error) = self.facts.check(&entry) {
            return Err(self
                .suspicion_or(Fault::Facts, format!("entry {seq}: {error}"), seq)
                .into());
        }
        visit(&entry, leaf);
        self.edge.push(leaf);
        self.leaf = leaf;
        self.now = entry.now;
        Ok(self.anchors_at(seq + 1)?)
    }

    fn edited(&self, seq: u64) -> Unsound {
        self.at(Fault::Edited, format!("entry {seq} is not what was signed"), Some(seq))
    }

    /// A break of the chain comes before whatever else is wrong behind it.
    fn suspicion_or(&mut self, kind: Fault, detail: String, seq: u64) -> Unsound {
        let other = self.at(kind, detail, Some(seq));
        self.suspicion.take().map_or(other, |s| s.otherwise)
    }

    /// Decides a suspicion by the entry that follows, given as its `prev` and leaf; or without one.
    fn settle(&mut self, next: Option<(Hash, Hash)>) -> Result<(), Unsound> {
        let Some(suspicion) = self.suspicion.take() else { return Ok(()) };
        Err(match next {
            Some((prev, _)) if prev != suspicion.leaf => suspicion.if_edited,
            _ => suspicion.otherwise,
        })
    }

    fn genesis(&mut self, entry: &Entry) -> Result<(), Failure> {
        let What::Genesis(genesis) = &entry.what else {
            let detail = "entry 0 is not a genesis".to_owned();
            return Err(self.at(Fault::Missing, detail, Some(0)).into());
        };
        let key = self.trust.key.of_segment(&genesis.origin);
        let key = key.ok_or_else(|| {
            let detail = format!("the ledger is `{}`, not one of the key given", genesis.origin);
            self.at(Fault::Stranger, detail, Some(0))
        })?;
        if genesis.key != key.public_text() {
            let detail = "the ledger names another signing key than the one given".to_owned();
            return Err(self.at(Fault::Stranger, detail, Some(0)).into());
        }
        let prev = genesis.previous.as_ref().map_or(Hash::default(), |p| p.leaf);
        if entry.prev != prev {
            return Err(self.edited(0).into());
        }
        self.facts.begin(genesis.previous.is_none(), entry.now.at);
        self.origin.clone_from(&genesis.origin);
        match self.anchors.iter().find(|anchor| anchor.origin != genesis.origin) {
            None => Ok(()),
            Some(anchor) => Err(Failure::Anchor {
                size: anchor.size,
                why: format!("it is of `{}`, this ledger is `{}`", anchor.origin, genesis.origin),
            }),
        }
    }

    fn anchors_at(&mut self, size: u64) -> Result<(), Unsound> {
        while let Some(anchor) = self.anchors.first().filter(|anchor| anchor.size == size) {
            if anchor.root != self.edge.root() {
                let detail =
                    format!("the first {size} entries are not those that an anchor covers");
                let first = self.anchored.map_or(0, |(seq, _)| seq + 1);
                return Err(fault(Fault::Forked, detail, Some(first), first.checked_sub(1)));
            }
            self.anchored = Some((size - 1, self.now));
            self.anchors.remove(0);
        }
        Ok(())
    }

    fn checkpoint(&mut self, size: i64, note: NoteOr) -> Result<(), Unsound> {
        // What a checkpoint that does not hold was to cover, nothing vouches for yet.
        let last = self.covered.checked_sub(1);
        let here = |kind, why: String| {
            fault(kind, format!("the checkpoint of size {size} {why}"), None, last)
        };
        if note.is_err() {
            self.settle(None)?;
        }
        let (checkpoint, note) = note.map_err(|e| {
            let kind = match &e {
                BadNote::Malformed(_) => Fault::Malformed,
                BadNote::False | BadNote::Unsigned | BadNote::Foreign(_) => Fault::Stranger,
            };
            here(kind, format!("does not hold: {e}"))
        })?;
        self.checkpoints += 1;
        self.signatures += u64::from(self.trust.all_signatures);
        if i64::try_from(checkpoint.size) != Ok(size) || checkpoint.origin != self.origin {
            return Err(here(Fault::Edited, "was edited: it says another size or origin".into()));
        }
        let first = std::mem::replace(&mut self.covered, checkpoint.size);
        if checkpoint.size == self.edge.size() && checkpoint.root != self.edge.root() {
            if let Err(error) = Checkpoint::open(&note, self.trust.key) {
                return Err(here(Fault::Edited, format!("was edited: {error}")));
            }
            self.suspect_batch(first);
        }
        self.note = Some((checkpoint, note));
        Ok(())
    }

    /// The root is not as signed, so an entry since the last checkpoint is wrong; the chain holds up
    /// to here, so it is the last one unless all of them were written anew.
    fn suspect_batch(&mut self, first: u64) {
        let last = self.edge.size() - 1;
        let range = if first == last {
            format!("entry {last} is")
        } else {
            format!("entries {first} to {last} are")
        };
        let detail = format!("{range} not what was signed");
        let otherwise = fault(Fault::Edited, detail, Some(first), first.checked_sub(1));
        let before = self.suspicion.take();
        self.suspicion = Some(match before {
            Some(broken) => broken,
            None => Suspicion { leaf: self.leaf, if_edited: self.edited(last), otherwise },
        });
    }

    fn end(mut self) -> Result<Sound, Failure> {
        self.settle(None)?;
        let size = self.edge.size();
        let Some((checkpoint, note)) = self.note.take() else {
            let detail = "there is no checkpoint".to_owned();
            return Err(self.at(Fault::Missing, detail, Some(0)).into());
        };
        if let Some(anchor) = self.anchors.first() {
            let detail = format!(
                "an anchor covers {} entries, but only {size} are there: the end was cut off",
                anchor.size
            );
            return Err(self.at(Fault::Truncated, detail, Some(size)).into());
        }
        Checkpoint::open(&note, self.trust.key).map_err(|e| {
            self.at(Fault::Stranger, format!("the last checkpoint does not hold: {e}"), None)
        })?;
        if checkpoint.size != size {
            let detail = format!("no checkpoint covers entry {}", checkpoint.size);
            return Err(self.at(Fault::Inserted, detail, Some(checkpoint.size)).into());
        }
        Ok(Sound {
            edge: self.edge,
            leaf: self.leaf,
            last: self.now,
            checkpoints: self.checkpoints,
            signatures: self.signatures.max(1),
            anchored: self.anchored,
            checkpoint,
            note,
        })
    }
}
