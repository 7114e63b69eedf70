//! The rosters as they are now, for whoever keeps watch over them: what a provider may meet rests on
//! them, and they are written by others. It knows nothing of what may change, or who may change it.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::Source;
use super::sqlite::Sqlite;
use crate::admission::{Terms, Word};
use crate::ledger::entry::{Hash, Roster, Tag, sha256};
use crate::ledger::tag::Tagger;

/// One roster: whose, of what, and the statement that finds its members.
struct Place {
    provider: Word,
    dataset: Word,
    sql: String,
}

/// Looks at the rosters over a connection of its own.
pub struct Rosters {
    reader: Connection,
    tagger: Tagger,
    places: Vec<Place>,
    /// Of the policy that they are of, and of the file.
    head: u64,
    opened: u64,
    /// SQLite's count of the changes that others made to the file, and the day, at the last look.
    seen: Option<(i64, u64)>,
    /// The members at the last look whose finding was recorded.
    known: HashMap<(Word, Word), HashSet<Tag>>,
}

/// A roster as it was found, with its members.
pub struct Found {
    /// What the ledger may know of it.
    pub roster: Roster,
    members: HashSet<Tag>,
}

impl Rosters {
    /// Of every provider and dataset that the terms put together.
    ///
    /// # Errors
    /// If the records cannot be opened.
    pub(super) fn open(
        kind: &Sqlite,
        tagger: &Tagger,
        terms: &Terms,
    ) -> Result<Rosters, rusqlite::Error> {
        let (reader, tagger) = (kind.another()?, tagger.clone());
        let (places, known) = (places(terms), HashMap::new());
        let (head, opened) = (terms.head, kind.opened());
        Ok(Rosters { reader, tagger, places, head, opened, seen: None, known })
    }

    /// Goes on with the rosters of these terms, if they are others, in the file that reads are of.
    ///
    /// # Errors
    /// If the records cannot be opened.
    pub fn of(&mut self, source: &Source, terms: &Terms) -> Result<(), rusqlite::Error> {
        let now = (terms.head, source.kind.opened());
        if (self.head, self.opened) != now {
            self.reader = source.kind.another()?;
            (self.head, self.opened) = now;
            (self.places, self.seen) = (places(terms), None);
        }
        Ok(())
    }

    /// The rosters that are not what they were at the last look; all of them on a new `day`.
    ///
    /// # Errors
    /// If the records cannot be read. The next look sees the same again.
    pub fn look(&mut self, day: u64) -> Result<Vec<Found>, rusqlite::Error> {
        let version = self.reader.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        let new_day = self.seen.is_none_or(|(_, seen)| seen != day);
        if !new_day && self.seen.is_some_and(|(seen, _)| seen == version) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for place in &self.places {
            let members = self.members(place)?;
            let known = self.known.get(&(place.provider.clone(), place.dataset.clone()));
            if new_day || known != Some(&members) {
                found.push(Found { roster: roster(place, &members, known), members });
            }
        }
        self.seen = Some((version, day));
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

    fn members(&self, place: &Place) -> Result<HashSet<Tag>, rusqlite::Error> {
        let Place { provider, dataset, sql } = place;
        let mut statement = self.reader.prepare_cached(sql)?;
        let mut rows = statement.query([provider])?;
        let mut members = HashSet::new();
        while let Some(row) = rows.next()? {
            // What is no text is on no roster that a read could find, and must not hide the others.
            if let Ok(id) = row.get_ref(0)?.as_str() {
                members.insert(self.tagger.subject(provider, dataset, id));
            }
        }
        Ok(members)
    }
}

/// Every provider and dataset that the terms put together.
fn places(terms: &Terms) -> Vec<Place> {
    let mut places = Vec::new();
    for (provider, granted) in &terms.providers {
        for name in granted.datasets.keys() {
            let Some(dataset) = terms.datasets.get(name) else { continue };
            // Names of the policy are plain identifiers.
            let table = &dataset.roster_table;
            let sql = format!(r#"SELECT id FROM "{table}" WHERE provider = ?1"#);
            places.push(Place { provider: provider.clone(), dataset: name.clone(), sql });
        }
    }
    places
}

fn roster(place: &Place, members: &HashSet<Tag>, known: Option<&HashSet<Tag>>) -> Roster {
    Roster {
        provider: place.provider.clone(),
        dataset: place.dataset.clone(),
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
