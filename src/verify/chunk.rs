//! Rows of the file, some thousands at a time: read by one thread, parsed and hashed by the others.

use rayon::prelude::*;
use rusqlite::types::ValueRef;

use super::store::{Store, text};
use crate::format::checkpoint::{BadNote, Checkpoint, VerifierKey};
use crate::format::entry::{Entry, Hash, Malformed};
use crate::format::merkle;

/// Rows that are read, parsed and hashed at a time.
const CHUNK: u64 = 4_096;

/// A number, and the bytes of a text; none, if the row has something else in its place.
type Row = (i64, Option<Vec<u8>>);

/// Some rows as they lie in the file.
pub(super) struct Chunk {
    pub(super) bodies: Vec<Row>,
    pub(super) notes: Vec<Row>,
}

impl Chunk {
    /// The rows behind entry number `after`; the last chunk has whatever checkpoints are left.
    pub(super) fn read(store: &Store, after: Option<i64>) -> Result<Chunk, rusqlite::Error> {
        // Numbers below 0 have no place; they sort first and are found there, the lowest of all
        // too.
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

    /// Where the next chunk goes on: behind the last row, or behind everything.
    pub(super) fn last(&self) -> Option<i64> {
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
    ) -> Result<Vec<Row>, rusqlite::Error> {
        let mut statement = store.connection().prepare_cached(sql)?;
        let row = |r: &rusqlite::Row<'_>| {
            // Text that is not UTF-8 is still text to SQLite.
            let text = match r.get_ref(1)? {
                ValueRef::Text(text) => Some(text.to_vec()),
                _ => None,
            };
            Ok((r.get(0)?, text))
        };
        statement.query_map(parameters, row)?.collect()
    }
}

pub(super) type NoteOr = Result<(Checkpoint, String), BadNote>;

/// A chunk whose entries and checkpoints are parsed and hashed.
pub(super) struct Parsed {
    pub(super) entries: Vec<(i64, Hash, Result<Entry, Malformed>)>,
    pub(super) notes: Vec<(i64, NoteOr)>,
}

impl Parsed {
    /// `signatures`: the key to check every checkpoint's signature with, if asked to.
    pub(super) fn from(chunk: Chunk, signatures: Option<&VerifierKey>) -> Parsed {
        let entry = |(seq, body): Row| {
            let class = || Malformed::Json("it is not of the storage class TEXT".to_owned());
            let parsed = body.as_deref().ok_or_else(class).and_then(text).and_then(Entry::parse);
            (seq, merkle::leaf(&body.unwrap_or_default()), parsed)
        };
        let note = |(size, note): Row| {
            let note = note.ok_or(BadNote::Malformed("not of the storage class TEXT"));
            let utf8 = |note| String::from_utf8(note).map_err(|_| BadNote::Malformed("not UTF-8"));
            let note = note.and_then(utf8);
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
