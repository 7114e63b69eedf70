//! Records in a SQLite file that the daemon never writes. Every statement is made from the policy's
//! own names at the start; nothing that a caller says becomes SQL.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Params, Row};

use super::{Found, Page, SourceError};
use crate::admission::{Dataset, Permit, SearchKey, Word};
use crate::names;

/// Where the file is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The SQLite file.
    pub path: PathBuf,
    /// Connections that read it.
    pub readers: usize,
}

/// Why the file cannot serve the policy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not there, or not SQLite.
    #[error("the records in {} cannot be opened: {error}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's word.
        error: rusqlite::Error,
    },
    /// A search that would read the whole table each time.
    #[error(
        "dataset `{dataset}` has no index for the search `{search}`: make one on all the columns that \
         it compares, or drop the search from the policy"
    )]
    Slow {
        /// Which dataset of the policy.
        dataset: Word,
        /// Which of its searches.
        search: Word,
    },
    /// A column that does not hold the keys of the names beside it.
    #[error(
        "dataset `{dataset}`: the column `{column}` of the search `{search}` does not hold the keys \
         that docs/name-keys.md makes of the names: fill it anew, as `greffier name-key` prints them"
    )]
    Key {
        /// Which dataset of the policy.
        dataset: Word,
        /// Which of its searches.
        search: Word,
        /// Which column of its table.
        column: Word,
    },
    /// A table or column that the policy names is missing.
    #[error("dataset `{dataset}` does not fit the records: {error}")]
    Dataset {
        /// Which dataset of the policy.
        dataset: Word,
        /// SQLite's word.
        error: rusqlite::Error,
    },
}

/// The statements of one view of one dataset.
#[derive(Debug)]
struct Statements {
    /// Each of them on the roster, and in the whole dataset.
    get: [String; 2],
    list: [String; 2],
    search: HashMap<Word, [String; 2]>,
}

/// A small pool of read-only connections. A point read takes a few microseconds, so it is done in
/// the calling task: handing it to another thread would cost more than the read.
#[derive(Debug)]
pub struct Sqlite {
    readers: Vec<Mutex<Connection>>,
    next: AtomicUsize,
    /// By dataset, then view.
    statements: HashMap<Word, HashMap<Word, Statements>>,
    path: PathBuf,
    opened: u64,
}

/// How often records were opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

impl Sqlite {
    /// Opens the file and prepares every statement that the policy can need.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not there or lacks what the policy names.
    pub fn open(
        settings: &Settings,
        datasets: &BTreeMap<Word, Dataset>,
    ) -> Result<Sqlite, OpenError> {
        let mut statements = HashMap::new();
        for (name, dataset) in datasets {
            let views = dataset.views.iter();
            let views = views.map(|(view, fields)| (view.clone(), texts(dataset, fields)));
            statements.insert(name.clone(), views.collect::<HashMap<_, _>>());
        }
        let mut readers = Vec::new();
        for _ in 0..settings.readers.max(1) {
            let reader = connect(&settings.path)
                .map_err(|error| OpenError::Open { path: settings.path.clone(), error })?;
            for (name, views) in &statements {
                let of = |error| OpenError::Dataset { dataset: name.clone(), error };
                prepare(&reader, views).map_err(of)?;
                if let Some(search) = slow(&reader, views).map_err(of)? {
                    return Err(OpenError::Slow { dataset: name.clone(), search });
                }
                if let Some((search, column)) = miskeyed(&reader, &datasets[name]).map_err(of)? {
                    return Err(OpenError::Key { dataset: name.clone(), search, column });
                }
            }
            readers.push(Mutex::new(reader));
        }
        let path = settings.path.clone();
        let (next, opened) = (AtomicUsize::new(0), OPENED.fetch_add(1, Ordering::Relaxed));
        Ok(Sqlite { readers, next, statements, path, opened })
    }

    /// Tells one opening of the records from another: another file may be in their place.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// One more connection, beside those of the pool.
    pub(super) fn another(&self) -> Result<Connection, rusqlite::Error> {
        connect(&self.path)
    }

    /// The record of an id, if this caller may meet its person.
    pub(super) fn get(&self, permit: &Permit, id: &str) -> Result<Page, SourceError> {
        let sql = &self.statements(permit)?.get[usize::from(permit.open())];
        self.select(permit, sql, (permit.provider(), id))
    }

    /// The records behind an id.
    pub(super) fn list(&self, permit: &Permit, after: &str) -> Result<Page, SourceError> {
        let sql = &self.statements(permit)?.list[usize::from(permit.open())];
        self.select(permit, sql, (permit.provider(), after, permit.page_size() + 1))
    }

    /// The records with these values, in the order of the search's keys.
    pub(super) fn search(
        &self,
        permit: &Permit,
        search: &str,
        values: &[(Word, Cow<'_, str>)],
    ) -> Result<Page, SourceError> {
        let texts = &self.statements(permit)?.search;
        let texts = texts.get(search).ok_or(SourceError::Program("a search without statements"))?;
        let limit = permit.page_size().to_string();
        let mut parameters: Vec<&str> = vec![permit.provider(), &limit];
        parameters.extend(values.iter().map(|(_, value)| &**value));
        let sql = &texts[usize::from(permit.open())];
        self.select(permit, sql, rusqlite::params_from_iter(parameters))
    }

    fn statements(&self, permit: &Permit) -> Result<&Statements, SourceError> {
        let views = self.statements.get(permit.dataset_name());
        let statements = views.and_then(|views| views.get(permit.view()));
        statements.ok_or(SourceError::Program("a dataset or view without statements"))
    }

    fn select<P: Params>(
        &self,
        permit: &Permit,
        sql: &str,
        values: P,
    ) -> Result<Page, SourceError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            // A person off the roster is as absent as one who is not there.
            if !(row.get(1)? || permit.open()) {
                continue;
            }
            if found.len() as u64 == permit.page_size() {
                return Ok(Page { found, more: true });
            }
            found.push(read(row, permit.view_fields())?);
        }
        Ok(Page { found, more: false })
    }

    /// A connection that is free, or the next in turn.
    fn reader(&self) -> MutexGuard<'_, Connection> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let at = |i: usize| &self.readers[(turn + i) % self.readers.len()];
        (0..self.readers.len())
            .find_map(|i| at(i).try_lock().ok())
            .unwrap_or_else(|| at(0).lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, mode)?;
    reader.pragma_update(None, "trusted_schema", false)?;
    // Others write this file: if one of them cuts it short, a read through a map ends the process.
    reader.pragma_update(None, "mmap_size", 0)?;
    // Else the planner looks at the values bound, and SQLite parses and plans the statement anew for
    // every read.
    reader.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    reader.set_prepared_statement_cache_capacity(256);
    reader.busy_timeout(std::time::Duration::from_millis(500))?;
    Ok(reader)
}

fn prepare(reader: &Connection, views: &HashMap<Word, Statements>) -> Result<(), rusqlite::Error> {
    for view in views.values() {
        let searches = view.search.values().flatten();
        for sql in view.get.iter().chain(&view.list).chain(searches) {
            reader.prepare_cached(sql)?;
        }
    }
    Ok(())
}

/// A search that no index serves, if there is one.
fn slow(
    reader: &Connection,
    views: &HashMap<Word, Statements>,
) -> Result<Option<Word>, rusqlite::Error> {
    for (name, texts) in views.values().flat_map(|view| &view.search) {
        for sql in texts {
            let mut plan = reader.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let values = vec![rusqlite::types::Null; plan.parameter_count()];
            let mut steps = plan.query(rusqlite::params_from_iter(values))?;
            while let Some(step) = steps.next()? {
                if step.get::<_, String>("detail")?.starts_with("SCAN") {
                    return Ok(Some(name.clone()));
                }
            }
        }
    }
    Ok(None)
}

/// Records whose key is looked at when the file is opened: one rule for all of it made them, and a
/// wrong one shows in the first.
const LOOKED_AT: u32 = 100;

/// A search and its key column, if that does not hold the keys of the names beside it. Nobody would
/// be found by such a column, and nobody would be told.
fn miskeyed(
    reader: &Connection,
    dataset: &Dataset,
) -> Result<Option<(Word, Word)>, rusqlite::Error> {
    for (search, key) in dataset.searches.iter().flat_map(|s| s.keys.iter().map(move |k| (s, k))) {
        let SearchKey::Name { of, column } = key else { continue };
        let named = |name: &Word| format!(r#", t."{}""#, dataset.column(name).unwrap_or(name));
        let (table, fields) = (&dataset.table, of.iter().map(named).collect::<String>());
        let sql = format!(r#"SELECT t."{column}"{fields} FROM "{table}" t LIMIT {LOOKED_AT}"#);
        let mut statement = reader.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let value = |i: usize| row.get::<_, Option<String>>(i).map(Option::unwrap_or_default);
            let written: Vec<String> = (1..=of.len()).map(value).collect::<Result<_, _>>()?;
            if names::key(&written.join(" ")).unwrap_or_default() != value(0)? {
                return Ok(Some((search.name.clone(), column.clone())));
            }
        }
    }
    Ok(None)
}

/// The statements of a view. Names come from the policy, which allows only plain identifiers.
fn texts(dataset: &Dataset, fields: &[Word]) -> Statements {
    let (table, id, roster) = (&dataset.table, &dataset.id_column, &dataset.roster_table);
    let column = |name: &Word| dataset.column(name).unwrap_or(name).clone();
    let fields: String = fields.iter().map(|f| format!(r#", t."{}""#, column(f))).collect();
    let select = format!(r#"SELECT t."{id}", r.id IS NOT NULL{fields}"#);
    let outer = format!(
        r#"{select} FROM "{table}" t LEFT JOIN "{roster}" r ON r.provider = ?1 AND r.id = t."{id}""#
    );
    let inner = format!(r#"{select} FROM "{roster}" r CROSS JOIN "{table}" t ON t."{id}" = r.id"#);
    let compared = |key: &SearchKey| match key {
        SearchKey::Exact(field) | SearchKey::Date(field) => column(field),
        SearchKey::Name { column, .. } => column.clone(),
    };
    let keys = |keys: &[SearchKey], of: &str| {
        let keys = keys.iter().map(compared).enumerate();
        let keys = keys.map(|(i, k)| format!(r#"{of}."{k}" = ?{}"#, i + 3));
        keys.collect::<Vec<_>>().join(" AND ")
    };
    // The record of a person off the roster is not even fetched: a page read from disk would tell
    // that there is one. CROSS JOIN keeps the order: index, roster, record.
    let on_roster = |search: &[SearchKey]| {
        let keys = keys(search, "i");
        format!(
            r#"{select} FROM "{table}" i CROSS JOIN "{roster}" r ON r.provider = ?1
               AND r.id = i."{id}" CROSS JOIN "{table}" t ON t."{id}" = i."{id}"
               WHERE {keys} ORDER BY t."{id}" LIMIT ?2"#
        )
    };
    let anybody = |search: &[SearchKey]| {
        let keys = keys(search, "t");
        format!(r#"{outer} WHERE {keys} ORDER BY t."{id}" LIMIT ?2"#)
    };
    let searches = dataset.searches.iter();
    let searches = searches.map(|s| (s.name.clone(), [on_roster(&s.keys), anybody(&s.keys)]));
    Statements {
        // The roster is asked first and alone decides: whether there is such a person at all makes
        // no difference to what is done, and so none to the time it takes.
        get: [
            format!("{inner} WHERE r.provider = ?1 AND r.id = ?2"),
            format!(r#"{outer} WHERE t."{id}" = ?2"#),
        ],
        list: [
            format!("{inner} WHERE r.provider = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3"),
            format!(r#"{outer} WHERE t."{id}" > ?2 ORDER BY t."{id}" LIMIT ?3"#),
        ],
        search: searches.collect(),
    }
}

/// A row with the fields of its view, which follow the two columns that every statement has.
fn read(row: &Row<'_>, names: &[Word]) -> Result<Found, rusqlite::Error> {
    let mut fields = Vec::with_capacity(names.len());
    for (i, name) in (2..).zip(names) {
        let value = match row.get_ref(i)? {
            ValueRef::Null => String::new(),
            ValueRef::Integer(n) => n.to_string(),
            ValueRef::Real(x) => x.to_string(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
        };
        fields.push((name.as_ref().to_owned(), value));
    }
    Ok(Found { id: row.get(0)?, on_roster: row.get(1)?, fields })
}

#[cfg(test)]
mod tests;
