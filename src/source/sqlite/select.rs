//! One read of the file. A record that is not as it must be is passed over as if it were not there,
//! and noted.

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Row};

use super::super::page::{Found, Page, name_length};
use super::super::{RowFault, SourceError};
use super::dataset::OpenDataset;
use super::id::{BadId, IdClass, RecordId};
use super::texts::View;
use crate::admission::Word;

/// A read, with all that it needs: it may go from one thread to another.
pub(super) struct Select {
    pub(super) held: Arc<OpenDataset>,
    pub(super) class: IdClass,
    pub(super) view: Arc<View>,
    pub(super) provider: Word,
    /// Whether persons off the roster may be met.
    pub(super) open: bool,
    /// How many records may be found at most.
    pub(super) most: u64,
    pub(super) what: Selection,
}

/// Which records are looked for.
pub(super) enum Selection {
    /// The record with this id.
    One(RecordId),
    /// The records whose ids come behind this one.
    Behind(RecordId),
    /// The records whose ids a statement names.
    Matching {
        candidates: Arc<str>,
        /// The id before, then a value for each key.
        values: Vec<RecordId>,
        /// Whom to look for on the roster where the statement names nobody: else whoever is there
        /// and not on the roster would cost a look more than whoever is not there.
        decoy: RecordId,
    },
}

/// A row that waits to be told whether the next one has the same id.
struct Last {
    id: RecordId,
    row: Result<Found, RowFault>,
    twice: bool,
}

impl Select {
    pub(super) fn run(&self, reader: &Connection) -> Result<Page, SourceError> {
        match &self.what {
            Selection::One(id) => {
                let mut page = Page::of_one(self.most);
                self.one(&mut self.get(reader)?, id, &mut page)?;
                Ok(page)
            }
            Selection::Behind(id) => self.behind(reader, id),
            Selection::Matching { candidates, values, decoy } => {
                self.matching(reader, candidates, values, decoy)
            }
        }
    }

    fn get<'c>(&self, reader: &'c Connection) -> Result<CachedStatement<'c>, SourceError> {
        Ok(reader.prepare_cached(&self.view.get[usize::from(self.open)])?)
    }

    /// Adds the record of an id, if there is one, and one only.
    fn one(
        &self,
        get: &mut CachedStatement<'_>,
        id: &RecordId,
        page: &mut Page,
    ) -> Result<(), SourceError> {
        let mut rows = get.query((&self.provider, id))?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            match &mut last {
                None => last = Some(self.last(row, page)?),
                Some(Last { twice, .. }) => *twice = true,
            }
        }
        self.settle(last, page);
        Ok(())
    }

    /// Reads as many records as are wanted, however many are passed over.
    fn behind(&self, reader: &Connection, after: &RecordId) -> Result<Page, SourceError> {
        let mut list = reader.prepare_cached(&self.view.list[usize::from(self.open)])?;
        let (mut page, mut after) = (Page::of(self.most), after.clone());
        let limit = self.most + 1;
        loop {
            let mut rows = list.query((&self.provider, &after, limit))?;
            let (mut seen, mut last) = (0, None::<Last>);
            while let Some(row) = rows.next()? {
                seen += 1;
                if let Some(last) = &mut last
                    && last.id == RecordId::of(row.get_ref(0)?)
                {
                    last.twice = true;
                    continue;
                }
                let next = self.last(row, &page)?;
                if let Some(last) = last.replace(next) {
                    after = last.id.clone();
                    self.settle(Some(last), &mut page);
                }
                if page.is_full() {
                    page.more = true;
                    return Ok(page);
                }
            }
            match last {
                // Whether it stands once, what follows says.
                Some(last) if seen == limit && !last.twice => {}
                Some(last) if seen == limit => {
                    after = last.id.clone();
                    self.settle(Some(last), &mut page);
                }
                last => {
                    self.settle(last, &mut page);
                    return Ok(page);
                }
            }
        }
    }

    fn matching(
        &self,
        reader: &Connection,
        candidates: &str,
        values: &[RecordId],
        decoy: &RecordId,
    ) -> Result<Page, SourceError> {
        // One look at the file, whoever is found.
        let _snapshot = reader.unchecked_transaction()?;
        let (mut page, mut get) = (Page::of(self.most), self.get(reader)?);
        let mut candidates = reader.prepare_cached(candidates)?;
        let mut rows = candidates.query(rusqlite::params_from_iter(values))?;
        let mut before = None;
        while let Some(row) = rows.next()? {
            let id = RecordId::of(row.get_ref(0)?);
            if before.as_ref() != Some(&id) {
                self.one(&mut get, &id, &mut page)?;
            }
            before = Some(id);
            // Whether somebody lies behind it is not looked at.
            if page.is_full() {
                break;
            }
        }
        if before.is_none() {
            self.one(&mut get, decoy, &mut page)?;
        }
        Ok(page)
    }

    fn last(&self, row: &Row<'_>, page: &Page) -> Result<Last, SourceError> {
        let id = RecordId::of(row.get_ref(0)?);
        Ok(Last { row: self.read(&id, row, page)?, id, twice: false })
    }

    /// Adds a row, or notes why not.
    fn settle(&self, last: Option<Last>, page: &mut Page) {
        match last {
            None => {}
            Some(Last { id, twice: true, .. }) => {
                page.faults.push(self.bad_id(id.text(self.class).ok(), BadId::Twice));
            }
            Some(Last { row: Ok(found), .. }) => {
                page.add(name_length(&self.held.name, &found.id), found);
            }
            Some(Last { row: Err(fault), .. }) => page.faults.push(fault),
        }
    }

    fn bad_id(&self, id: Option<String>, why: BadId) -> RowFault {
        let dataset = &self.held.dataset;
        let place = format!("{}.{}", dataset.table, dataset.id_column);
        RowFault { id, place, what: why.to_string() }
    }

    /// A row with the fields of its view, which follow the two columns that every statement has.
    /// What the page does not hold is not copied.
    fn read(
        &self,
        id: &RecordId,
        row: &Row<'_>,
        page: &Page,
    ) -> Result<Result<Found, RowFault>, SourceError> {
        let id = match id.text(self.class) {
            Ok(id) => id,
            Err(why) => return Ok(Err(self.bad_id(None, why))),
        };
        let mut values = Vec::with_capacity(self.view.fields.len());
        for (n, name) in (2..).zip(&self.view.fields) {
            match text(row.get_ref(n)?) {
                Ok(value) => values.push((name, value)),
                Err(what) => {
                    let dataset = &self.held.dataset;
                    let column = dataset.column(name).unwrap_or(name);
                    let place = format!("{}.{column}", dataset.table);
                    return Ok(Err(RowFault { id: Some(id), place, what: what.to_owned() }));
                }
            }
        }
        let lengths = values.iter().map(|(name, value)| name.len() + value.len());
        let fields = page.holds(name_length(&self.held.name, &id), lengths).then(|| {
            let owned =
                |(name, value): (&Word, Cow<'_, str>)| (name.to_string(), value.into_owned());
            values.into_iter().map(owned).collect()
        });
        Ok(Ok(Found { id, on_roster: row.get(1)?, fields }))
    }
}

/// The value of a field as text; what is wrong with it if it has none.
pub(super) fn text(value: ValueRef<'_>) -> Result<Cow<'_, str>, &'static str> {
    match value {
        ValueRef::Null => Ok(Cow::Borrowed("")),
        ValueRef::Integer(n) => Ok(n.to_string().into()),
        ValueRef::Real(x) => Ok(x.to_string().into()),
        ValueRef::Text(bytes) => {
            std::str::from_utf8(bytes).map(Cow::from).map_err(|_| "is not UTF-8")
        }
        ValueRef::Blob(_) => Err("is blob"),
    }
}
