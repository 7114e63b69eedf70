//! The rosters as they are now, for whoever keeps watch over them: what a provider may meet rests
//! on them, and they are written by others. It knows nothing of what may change, or who may change
//! it.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::Source;
use super::sqlite::{IdClass, RecordId, members};
use crate::admission::{Dataset, Terms, Word};
use crate::format::entry::{Hash, Roster, Tag, sha256};
use crate::format::tag::Tagger;

/// Looks at the rosters over a connection of its own.
pub struct Rosters {
    tagger: Tagger,
    /// The connection and what it is of; none until the first look, and after one that failed.
    reader: Option<(Connection, Of)>,
    /// At the last look: SQLite's count of the changes that others made to the file, the classes of
    /// the ids of what can be read from, and the day.
    seen: Option<(i64, Vec<Option<IdClass>>, u64)>,
    /// The members at the last look whose finding was recorded.
    known: HashMap<(Word, Word), HashSet<Tag>>,
}

/// What a connection is of: the policy's head, and the opening of the records.
type Of = (u64, u64);

/// A roster as it was found, with its members.
pub struct Found {
    /// What the ledger may know of it.
    pub roster: Roster,
    members: HashSet<Tag>,
}

impl Rosters {
    /// A watch that has seen no roster yet.
    pub(super) fn new(tagger: &Tagger) -> Rosters {
        Rosters { tagger: tagger.clone(), reader: None, seen: None, known: HashMap::new() }
    }

    /// The rosters that these terms put together, in the file that reads are of, if they are not
    /// what they were at the last look; all of them on a new `day`. It reads them whole, and waits
    /// for locks.
    ///
    /// # Errors
    /// If the records cannot be read. The next look sees the same again.
    pub fn look(
        &mut self,
        source: &Source,
        terms: &Terms,
        day: u64,
    ) -> Result<Vec<Found>, rusqlite::Error> {
        let of = (terms.head, source.kind.opened());
        let reader = match self.reader.take() {
            Some((reader, was)) if was == of => reader,
            _ => {
                self.seen = None;
                source.kind.another()?
            }
        };
        let found = self.looked(&reader, source, terms, day)?;
        // After an error it is opened anew: it may remember pages of a file that was mended since.
        self.reader = Some((reader, of));
        Ok(found)
    }

    fn looked(
        &mut self,
        reader: &Connection,
        source: &Source,
        terms: &Terms,
        day: u64,
    ) -> Result<Vec<Found>, rusqlite::Error> {
        let version = reader.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        let classes = terms.datasets.keys().map(|name| source.kind.class(name)).collect();
        let now = (version, classes, day);
        if self.seen.as_ref() == Some(&now) {
            return Ok(Vec::new());
        }
        let new_day = self.seen.as_ref().is_none_or(|(.., seen)| *seen != day);
        let mut found = Vec::new();
        for (provider, granted) in &terms.providers {
            for name in granted.datasets.keys() {
                let Some(dataset) = terms.datasets.get(name) else { continue };
                // What cannot be read from shows nobody's roster.
                let Some(class) = source.kind.class(name) else { continue };
                let members = self.members(reader, (name, dataset, class), provider)?;
                let whose = (provider.clone(), name.clone());
                let known = self.known.get(&whose);
                if new_day || known != Some(&members) {
                    found.push(Found { roster: roster(whose, &members, known), members });
                }
            }
        }
        self.seen = Some(now);
        Ok(found)
    }

    /// Takes what was found as recorded.
    pub fn recorded(&mut self, found: Found) {
        let Roster { provider, dataset, .. } = found.roster;
        self.known.insert((provider, dataset), found.members);
    }

    /// Has the next look find everything that was not recorded.
    pub fn look_again(&mut self) {
        self.seen = None;
    }

    fn members(
        &self,
        reader: &Connection,
        (name, dataset, class): (&Word, &Dataset, IdClass),
        provider: &Word,
    ) -> Result<HashSet<Tag>, rusqlite::Error> {
        let mut statement = reader.prepare_cached(&members(dataset))?;
        let mut rows = statement.query([provider])?;
        let (mut members, mut others) = (HashSet::new(), 0_u64);
        while let Some(row) = rows.next()? {
            // What is no id of a record is on no roster that a read could find, and must not hide
            // the others.
            match RecordId::of(row.get_ref(0)?).text(class) {
                Ok(id) => _ = members.insert(self.tagger.subject(provider, name, &id)),
                Err(_) => others += 1,
            }
        }
        if others > 0 {
            let (table, dataset) = (&dataset.roster_table, &**name);
            tracing::error!(
                %provider, dataset, rows = others,
                "{table}.id holds what is no id of the records: nobody is read by it; `greffier policy \
                 check --records` tells what"
            );
        }
        Ok(members)
    }
}

fn roster(
    (provider, dataset): (Word, Word),
    members: &HashSet<Tag>,
    known: Option<&HashSet<Tag>>,
) -> Roster {
    Roster {
        provider,
        dataset,
        persons: members.len() as u64,
        digest: digest(members),
        added: known.map(|known| members.difference(known).count() as u64),
        removed: known.map(|known| known.difference(members).count() as u64),
    }
}

/// SHA-256 over the tags of all members, in order.
fn digest(members: &HashSet<Tag>) -> Hash {
    let mut tags: Vec<&Tag> = members.iter().collect();
    tags.sort_unstable();
    let bytes: Vec<u8> = tags.into_iter().flat_map(|tag| tag.0).collect();
    sha256(&[&bytes])
}
