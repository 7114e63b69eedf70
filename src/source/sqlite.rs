//! Records in a SQLite file that the daemon never writes. Every statement is made from the policy's
//! own names at the start; nothing that a caller says becomes SQL.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Params, Row};

use super::{Found, Page, SourceError};
use crate::admission::{Dataset, Permit, Word};

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
    get: String,
    /// On the roster; in the whole dataset.
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
}

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
            for (dataset, views) in &statements {
                prepare(&reader, views)
                    .map_err(|error| OpenError::Dataset { dataset: dataset.clone(), error })?;
            }
            readers.push(Mutex::new(reader));
        }
        Ok(Sqlite { readers, next: AtomicUsize::new(0), statements })
    }

    /// The record of an id, if this caller may meet its person.
    pub(super) fn get(&self, permit: &Permit, id: &str) -> Result<Page, SourceError> {
        let sql = &self.statements(permit)?.get;
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
        values: &[(Word, &str)],
    ) -> Result<Page, SourceError> {
        let texts = &self.statements(permit)?.search;
        let texts = texts.get(search).ok_or(rusqlite::Error::InvalidQuery)?;
        let limit = (permit.page_size() + 1).to_string();
        let mut parameters: Vec<&str> = vec![permit.provider(), &limit];
        parameters.extend(values.iter().map(|(_, value)| *value));
        let sql = &texts[usize::from(permit.open())];
        self.select(permit, sql, rusqlite::params_from_iter(parameters))
    }

    fn statements(&self, permit: &Permit) -> Result<&Statements, SourceError> {
        let views = self.statements.get(permit.dataset_name());
        let statements = views.and_then(|views| views.get(permit.view()));
        Ok(statements.ok_or(rusqlite::Error::InvalidQuery)?)
    }

    fn select<P: Params>(
        &self,
        permit: &Permit,
        sql: &str,
        values: P,
    ) -> Result<Page, SourceError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(sql)?;
        let fields = statement.column_count();
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
            found.push(read(row, fields)?);
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
    reader.pragma_update(None, "mmap_size", 1_i64 << 32)?;
    reader.set_prepared_statement_cache_capacity(256);
    reader.busy_timeout(std::time::Duration::from_millis(500))?;
    Ok(reader)
}

fn prepare(reader: &Connection, views: &HashMap<Word, Statements>) -> Result<(), rusqlite::Error> {
    for view in views.values() {
        let searches = view.search.values().flatten();
        for sql in [&view.get].into_iter().chain(&view.list).chain(searches) {
            reader.prepare_cached(sql)?;
        }
    }
    Ok(())
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
    let inner = format!(r#"{select} FROM "{roster}" r JOIN "{table}" t ON t."{id}" = r.id"#);
    let search = |keys: &[Word], on_roster: &str| {
        let keys = keys.iter().map(column).enumerate();
        let keys: Vec<String> = keys.map(|(i, k)| format!(r#"t."{k}" = ?{}"#, i + 3)).collect();
        let keys = keys.join(" AND ");
        format!(r#"{outer} WHERE {keys}{on_roster} ORDER BY t."{id}" LIMIT ?2"#)
    };
    let searches = dataset.searches.iter().map(|s| {
        (s.name.clone(), [search(&s.fields, " AND r.id IS NOT NULL"), search(&s.fields, "")])
    });
    Statements {
        get: format!(r#"{outer} WHERE t."{id}" = ?2"#),
        list: [
            format!("{inner} WHERE r.provider = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3"),
            format!(r#"{outer} WHERE t."{id}" > ?2 ORDER BY t."{id}" LIMIT ?3"#),
        ],
        search: searches.collect(),
    }
}

fn read(row: &Row<'_>, columns: usize) -> Result<Found, rusqlite::Error> {
    let mut values = Vec::with_capacity(columns.saturating_sub(2));
    for i in 2..columns {
        values.push(match row.get_ref(i)? {
            ValueRef::Null => String::new(),
            ValueRef::Integer(n) => n.to_string(),
            ValueRef::Real(x) => x.to_string(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
        });
    }
    Ok(Found { id: row.get(0)?, on_roster: row.get(1)?, values })
}
