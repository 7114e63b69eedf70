//! The walk along the chain: one entry after another, each against the one before it, and the tree
//! against every checkpoint.

use super::chunk::{NoteOr, Parsed};
use super::store::FORMAT;
use super::{Failure, LedgerFault, Sound, Trust, Unsound, Visit, fault};
use crate::format::checkpoint::{BadNote, Checkpoint};
use crate::format::entry::{Entry, Hash, Malformed, Moment, Payload};
use crate::format::merkle::Frontier;
use crate::state::{Inadmissible, State};

/// A fault that the next entry makes precise.
struct Suspicion {
    /// Leaf of the entry that came last.
    leaf: Hash,
    /// What to say if that entry is not what the next one follows.
    if_edited: Unsound,
    /// What to say if that entry is as the next one has it.
    otherwise: Unsound,
}

/// Where the walk along the chain has come to.
pub(super) struct Walk<'a> {
    trust: &'a Trust<'a>,
    anchors: Vec<Checkpoint>,
    pub(super) edge: Frontier,
    leaf: Hash,
    now: Moment,
    origin: String,
    state: State,
    /// Size of the last checkpoint that matched.
    covered: u64,
    note: Option<(Checkpoint, String)>,
    checkpoints: u64,
    signatures: u64,
    anchored: Option<(u64, Moment)>,
    suspicion: Option<Suspicion>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(trust: &'a Trust<'a>, anchors: Vec<Checkpoint>) -> Walk<'a> {
        Walk {
            trust,
            anchors,
            edge: Frontier::default(),
            leaf: Hash::default(),
            now: Moment::default(),
            origin: String::new(),
            state: State::default(),
            covered: 0,
            note: None,
            checkpoints: 0,
            signatures: 0,
            anchored: None,
            suspicion: None,
        }
    }

    pub(super) fn chunk(&mut self, parsed: Parsed, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let mut notes = parsed.notes.into_iter().peekable();
        let early = |size: i64, next: u64| i128::from(size) <= i128::from(next);
        if let Some((size, _)) = notes.peek()
            && self.edge.size() == 0
            && *size < 1
        {
            let detail = format!("there is a checkpoint of size {size}");
            return Err(self.at(LedgerFault::Malformed, detail, None).into());
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
        Err(self.at(LedgerFault::Truncated, detail, Some(size)).into())
    }

    /// A fault whose first wrong entry is `first`, everything before it being sound.
    fn at(&self, kind: LedgerFault, detail: String, first: Option<u64>) -> Unsound {
        let last = first.unwrap_or_else(|| self.edge.size()).checked_sub(1);
        fault(kind, detail, first, last)
    }

    fn entry(
        &mut self,
        row: i64,
        leaf: Hash,
        entry: Result<Entry, Malformed>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        let seq = self.edge.size();
        let expected = i64::try_from(seq).expect("fewer than 2^63 rows");
        if row > expected {
            self.settle(None)?;
            let detail = format!("entry {seq} is missing");
            return Err(self.at(LedgerFault::Missing, detail, Some(seq)).into());
        }
        if row < expected {
            let detail = format!("a row numbered {row} stands where none belongs");
            return Err(self.at(LedgerFault::Inserted, detail, None).into());
        }
        self.settle(entry.as_ref().ok().map(|entry| entry.prev))?;
        let entry = entry.map_err(|e| {
            self.at(
                LedgerFault::Malformed,
                format!("entry {seq} is no valid entry: {e}"),
                Some(seq),
            )
        })?;
        if entry.seq != seq {
            let detail =
                format!("in the place of entry {seq} stands one that says it is {}", entry.seq);
            return Err(self.at(LedgerFault::Reordered, detail, Some(seq)).into());
        }
        if seq == 0 {
            self.genesis(&entry)?;
        } else if matches!(entry.payload, Payload::Genesis(_)) {
            let detail = format!("entry {seq} is a second genesis");
            return Err(self.at(LedgerFault::Inserted, detail, Some(seq)).into());
        } else if entry.prev != self.leaf {
            // Either the entry before was edited, or the link in this one: the next one tells, or
            // the checkpoint that the one before agrees with.
            let first = if self.covered == seq { seq } else { seq - 1 };
            self.suspicion = Some(Suspicion {
                leaf,
                if_edited: self.edited(seq),
                otherwise: self.edited(first),
            });
        }
        let taken = self.state.take(&entry, |state| visit(&entry, leaf, state));
        // Behind a break of the chain it says nothing: what follows tells which of the two was
        // edited.
        if let Err(error) = taken
            && self.suspicion.is_none()
        {
            let kind = match error {
                Inadmissible::Act(_) => LedgerFault::Act,
                Inadmissible::Clock => LedgerFault::Clock,
                _ => LedgerFault::Facts,
            };
            return Err(self.at(kind, format!("entry {seq}: {error}"), Some(seq)).into());
        }
        self.edge.push(leaf);
        self.leaf = leaf;
        self.now = entry.now;
        Ok(self.anchors_at(seq + 1)?)
    }

    fn edited(&self, seq: u64) -> Unsound {
        self.at(LedgerFault::Edited, format!("entry {seq} is not what was signed"), Some(seq))
    }

    /// Decides a suspicion by what the entry that follows has as its `prev`, or without one.
    fn settle(&mut self, prev: Option<Hash>) -> Result<(), Unsound> {
        let Some(suspicion) = self.suspicion.take() else { return Ok(()) };
        Err(match prev {
            Some(prev) if prev != suspicion.leaf => suspicion.if_edited,
            _ => suspicion.otherwise,
        })
    }

    fn genesis(&mut self, entry: &Entry) -> Result<(), Failure> {
        let Payload::Genesis(genesis) = &entry.payload else {
            let detail = "entry 0 is not a genesis".to_owned();
            return Err(self.at(LedgerFault::Missing, detail, Some(0)).into());
        };
        let key = self.trust.key;
        if genesis.origin != key.name() {
            let detail = format!(
                "the ledger is `{}`, and the key that was given is of `{}`",
                genesis.origin,
                key.name()
            );
            return Err(self.at(LedgerFault::Stranger, detail, Some(0)).into());
        }
        if genesis.key != key.public_text() {
            let detail = "the ledger names another signing key than the one given".to_owned();
            return Err(self.at(LedgerFault::Stranger, detail, Some(0)).into());
        }
        if genesis.format != FORMAT.unsigned_abs() {
            let detail =
                format!("the genesis is of format {}, the file of {FORMAT}", genesis.format);
            return Err(self.at(LedgerFault::Malformed, detail, Some(0)).into());
        }
        if entry.prev != Hash::default() {
            return Err(self.edited(0).into());
        }
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
                return Err(fault(LedgerFault::Forked, detail, Some(first), first.checked_sub(1)));
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
                BadNote::Malformed(_) => LedgerFault::Malformed,
                BadNote::False | BadNote::Unsigned | BadNote::Foreign(_) => LedgerFault::Stranger,
            };
            here(kind, format!("does not hold: {e}"))
        })?;
        self.checkpoints += 1;
        self.signatures += u64::from(self.trust.all_signatures);
        if i64::try_from(checkpoint.size) != Ok(size) || checkpoint.origin != self.origin {
            return Err(here(
                LedgerFault::Edited,
                "was edited: it says another size or origin".into(),
            ));
        }
        let first = std::mem::replace(&mut self.covered, checkpoint.size);
        if checkpoint.size == self.edge.size() {
            if checkpoint.root != self.edge.root() {
                if let Err(error) = Checkpoint::open(&note, self.trust.key) {
                    return Err(here(LedgerFault::Edited, format!("was edited: {error}")));
                }
                self.suspect_batch(first);
            } else if let Err(open) = self.state.commit() {
                let entry = checkpoint.size.saturating_sub(1);
                let detail = format!("a commit ends behind entry {entry}, and {open}");
                return Err(self.at(LedgerFault::Facts, detail, Some(entry)));
            }
        }
        self.note = Some((checkpoint, note));
        Ok(())
    }

    /// The root is not as signed, so an entry since the last checkpoint is wrong; the chain holds
    /// up to here, so it is the last one unless all of them were written anew.
    fn suspect_batch(&mut self, first: u64) {
        let last = self.edge.size() - 1;
        let range = if first == last {
            format!("entry {last} is")
        } else {
            format!("entries {first} to {last} are")
        };
        let detail = format!("{range} not what was signed");
        let otherwise = fault(LedgerFault::Edited, detail, Some(first), first.checked_sub(1));
        let before = self.suspicion.take();
        self.suspicion = Some(match before {
            Some(broken) => broken,
            None => Suspicion { leaf: self.leaf, if_edited: self.edited(last), otherwise },
        });
    }

    pub(super) fn end(mut self) -> Result<Sound, Failure> {
        self.settle(None)?;
        let size = self.edge.size();
        let Some((checkpoint, note)) = self.note.take() else {
            let detail = "there is no checkpoint".to_owned();
            return Err(self.at(LedgerFault::Missing, detail, Some(0)).into());
        };
        if let Some(anchor) = self.anchors.first() {
            let detail = format!(
                "an anchor covers {} entries, but only {size} are there: the end was cut off",
                anchor.size
            );
            return Err(self.at(LedgerFault::Truncated, detail, Some(size)).into());
        }
        Checkpoint::open(&note, self.trust.key).map_err(|e| {
            self.at(LedgerFault::Stranger, format!("the last checkpoint does not hold: {e}"), None)
        })?;
        if checkpoint.size != size {
            let detail = format!("no checkpoint covers entry {}", checkpoint.size);
            return Err(self.at(LedgerFault::Inserted, detail, Some(checkpoint.size)).into());
        }
        Ok(Sound {
            edge: self.edge,
            state: self.state,
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
