//! Records in a SQLite file that the daemon never writes, and that others do. Every statement is
//! made from the policy's own names at the start; nothing that a caller says becomes SQL.

mod check;
mod dataset;
mod finding;
mod id;
mod layout;
mod pool;
mod select;
mod texts;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::{Page, RowFault, SourceError, Wanted};
use crate::admission::{Dataset, Permit, Provider, SearchKey, Word};
use crate::format::entry::Tag;
use crate::names;
pub use check::Progress;
use dataset::OpenDataset;
pub use finding::{DataFinding, FindingEffect};
pub(super) use id::{IdClass, RecordId};
use pool::Pool;
use select::{Select, Selection};
pub(super) use texts::members;
use texts::{Texts, compared};

/// Where the file of records is, and how many connections read it.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// Path of the SQLite file.
    pub path: PathBuf,
    /// How many connections read the file.
    pub readers: usize,
}

/// Why the file cannot serve the policy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is not there, or is not a SQLite file.
    #[error("the records in {} cannot be opened: {error}", path.display())]
    Open {
        /// Path of the file that cannot be opened.
        path: PathBuf,
        /// What SQLite says of it.
        error: String,
    },
    /// A table or column that the policy names is missing, or an index without which reads would be
    /// slow, or would tell who exists.
    #[error("the records in {} do not fit the policy:{}", path.display(), Lines(findings))]
    Unfit {
        /// Path of the file that does not fit the policy.
        path: PathBuf,
        /// Everything in it that does not fit.
        findings: Vec<DataFinding>,
    },
}

/// How a dataset stands: what was passed over, and what the last look found.
#[derive(Debug)]
pub struct DatasetStatus {
    /// Name of the dataset.
    pub dataset: Word,
    /// Records that reads passed over as if they were not there, since the records were opened.
    pub passed_over: u64,
    /// What the last look at the whole found.
    pub findings: Arc<[DataFinding]>,
}

impl DatasetStatus {
    /// Whether nothing can be read from it.
    pub fn stopped(&self) -> bool {
        self.findings.iter().any(|finding| finding.weight == FindingEffect::Stops)
    }
}

/// Prints findings, each on a line of its own.
struct Lines<'a>(&'a [DataFinding]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

/// How long an opening of the records waits for a lock of the file.
const AT_OPENING: Duration = Duration::from_secs(5);
/// How long a look at the whole, which comes again and again, waits for it.
const AT_A_LOOK: Duration = Duration::from_secs(1);

/// The file, and how each dataset is read from it.
#[derive(Debug)]
pub struct Sqlite {
    pool: Arc<Pool>,
    datasets: HashMap<Word, Arc<OpenDataset>>,
    path: PathBuf,
    opened: u64,
}

/// How often this process has opened records.
static OPENED: AtomicU64 = AtomicU64::new(0);

impl Sqlite {
    /// Opens the file, holds its tables and indexes against the policy, and prepares every
    /// statement that reads can need. It waits for locks.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not there or lacks what the policy names.
    pub fn open(
        settings: &SqliteSettings,
        datasets: &BTreeMap<Word, Dataset>,
    ) -> Result<Sqlite, OpenError> {
        let path = settings.path.clone();
        let of = |error: rusqlite::Error| OpenError::Open {
            path: path.clone(),
            error: error.to_string(),
        };
        let reader = pool::connect(&path, AT_OPENING).map_err(of)?;
        let (mut held, mut findings) = (HashMap::new(), Vec::new());
        for (name, dataset) in datasets {
            let (opened, unfit) = opened(&reader, name, dataset).map_err(of)?;
            held.insert(name.clone(), Arc::new(opened));
            findings.extend(unfit);
        }
        if !findings.is_empty() {
            return Err(OpenError::Unfit { path, findings });
        }
        let pool = Pool::open(path.clone(), settings.readers).map_err(of)?;
        for held in held.values() {
            pool.prepare(&held.texts().all()).map_err(of)?;
        }
        let opened = OPENED.fetch_add(1, Ordering::Relaxed);
        Ok(Sqlite { pool: Arc::new(pool), datasets: held, path, opened })
    }

    /// Tells one opening of the records from another: another file may be in their place.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// One more connection, beside those of the pool.
    pub(super) fn another(&self) -> Result<Connection, rusqlite::Error> {
        pool::connect(&self.path, AT_A_LOOK)
    }

    /// The class that the ids of a dataset have; none if nothing can be read from it.
    pub(super) fn class(&self, dataset: &str) -> Option<IdClass> {
        let held = self.datasets.get(dataset).filter(|held| held.stopped().is_none());
        held.map(|held| held.class())
    }

    /// What this caller may have of what it wants.
    pub(super) async fn read(&self, permit: &Permit, wanted: Wanted) -> Result<Page, SourceError> {
        let held = self.datasets.get(permit.dataset_name());
        let held = held.ok_or(SourceError::Program("a dataset without statements"))?;
        if let Some(why) = held.stopped() {
            return Err(SourceError::Faulty(why));
        }
        let select = select(held, permit, wanted)?;
        self.pool.read(permit.provider(), move |reader| select.run(reader)).await
    }

    /// Looks at a dataset as a whole over a connection, and takes up what it finds. Whether it is
    /// settled: it has ids, and can be read from; none if `go_on` broke the look off.
    pub(super) fn look(
        &self,
        reader: &Connection,
        dataset: &str,
        providers: &[Word],
        go_on: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<bool>, SourceError> {
        let Some(held) = self.datasets.get(dataset) else { return Ok(Some(true)) };
        let of = (&held.name, &held.dataset);
        let Some(looked) = check::look(reader, of, providers, go_on)? else { return Ok(None) };
        let settled = looked.class.is_some();
        held.looked_at(looked.class.unwrap_or(IdClass::Text), looked.decoys, looked.findings);
        Ok(Some(settled && held.stopped().is_none()))
    }

    /// How each dataset stands, in the order of their names.
    pub(super) fn standings(&self) -> Vec<DatasetStatus> {
        let standing = |held: &Arc<OpenDataset>| DatasetStatus {
            dataset: held.name.clone(),
            passed_over: held.passed_over(),
            findings: held.findings(),
        };
        let mut standings: Vec<DatasetStatus> = self.datasets.values().map(standing).collect();
        standings.sort_by(|a, b| a.dataset.cmp(&b.dataset));
        standings
    }

    /// Counts and logs a record that was passed over.
    pub(super) fn tell(&self, dataset: &str, fault: &RowFault, subject: Option<Tag>) {
        let Some(held) = self.datasets.get(dataset) else { return };
        if let Some(so_far) = held.pass_over() {
            let RowFault { place, what, .. } = fault;
            let subject = subject.map(tracing::field::display);
            let file = self.path.display();
            tracing::error!(%file, dataset, subject, so_far, "{place} {what}: answered as absent");
        }
    }
}

/// Everything that is wrong with a file, before it is anybody's records. It reads the whole file,
/// and tells `go_on` how many rows of each dataset it has looked at.
///
/// # Errors
/// [`OpenError::Open`] if it cannot be read at all.
pub fn examine(
    path: &Path,
    datasets: &BTreeMap<Word, Dataset>,
    providers: &BTreeMap<Word, Provider>,
    go_on: &mut dyn FnMut(Progress),
) -> Result<Vec<DataFinding>, OpenError> {
    let of = |error: String| OpenError::Open { path: path.to_owned(), error };
    let reader = pool::connect(path, AT_OPENING).map_err(|error| of(error.to_string()))?;
    let mut findings = Vec::new();
    for (name, dataset) in datasets {
        let granted = |(_, provider): &(_, &Provider)| provider.datasets.contains_key(name);
        let granted: Vec<Word> =
            providers.iter().filter(granted).map(|(id, _)| id.clone()).collect();
        let mut go_on = |progress| {
            go_on(progress);
            ControlFlow::Continue(())
        };
        let looked = check::look(&reader, (name, dataset), &granted, &mut go_on);
        findings
            .extend(looked.map_err(|e| of(e.to_string()))?.into_iter().flat_map(|l| l.findings));
    }
    findings.extend(damages(&reader).map_err(|error| of(error.to_string()))?);
    Ok(findings)
}

/// What SQLite finds wrong with the structure of the file.
fn damages(reader: &Connection) -> Result<Vec<DataFinding>, rusqlite::Error> {
    let mut check = reader.prepare("PRAGMA integrity_check(20)")?;
    let said = check.query_map([], |row| row.get::<_, String>(0))?;
    let said: Vec<String> = said.collect::<Result<_, _>>()?;
    let damaged = said.into_iter().filter(|line| line != "ok").map(|line| DataFinding {
        dataset: "".into(),
        place: "the file".to_owned(),
        what: format!("is damaged: {line}"),
        rows: 0,
        first: 0,
        weight: FindingEffect::Stops,
        mend: "make the extract anew".to_owned(),
    });
    Ok(damaged.collect())
}

/// A dataset as it is at first sight, and why it cannot be read from.
fn opened(
    reader: &Connection,
    name: &Word,
    dataset: &Dataset,
) -> Result<(OpenDataset, Vec<DataFinding>), rusqlite::Error> {
    let texts = Texts::of(dataset, IdClass::Text);
    let (mut unfit, _) = layout::faults(reader, name, dataset, &texts)?;
    if !unfit.is_empty() {
        return Ok((OpenDataset::new(name, dataset, IdClass::Text), unfit));
    }
    let classes = check::sampled(reader, dataset)?;
    let held = OpenDataset::new(name, dataset, classes.first().copied().unwrap_or(IdClass::Text));
    // Until the first look at the whole ends, no id of another class is to be answered as absent.
    let stops = check::at_first_sight(reader, (name, dataset))?;
    if !stops.is_empty() {
        held.found(stops);
    }
    if let Some((search, column)) = miskeyed(reader, dataset)? {
        unfit.push(DataFinding {
            dataset: name.clone(),
            place: format!("the column `{column}` of the search `{search}`"),
            what: "does not hold the keys that docs/name-keys.md makes of the names".to_owned(),
            rows: 0,
            first: 0,
            weight: FindingEffect::Stops,
            mend: "fill it anew, as `greffier name-key` prints them".to_owned(),
        });
    }
    Ok((held, unfit))
}

/// A read, with all that it takes.
fn select(held: &Arc<OpenDataset>, permit: &Permit, wanted: Wanted) -> Result<Select, SourceError> {
    let (class, texts) = (held.class(), held.texts());
    let view = texts.views.get(permit.view());
    let view = view.ok_or(SourceError::Program("a view without statements"))?.clone();
    let what = match wanted {
        Wanted::One(id) => Selection::One(class.value(id)),
        Wanted::Behind(id) if id.is_empty() => Selection::Behind(class.first()),
        Wanted::Behind(id) => Selection::Behind(class.value(id)),
        Wanted::Matching { search, values, after } => {
            let candidates = texts.candidates.get(&*search);
            let keys = held.dataset.search(&search).map(|search| &search.keys);
            let (Some(candidates), Some(keys)) = (candidates, keys) else {
                return Err(SourceError::Program("a search without statements"));
            };
            let is_id = |key: &SearchKey| compared(&held.dataset, key) == held.dataset.id_column;
            let value = |(key, value): (&SearchKey, String)| match is_id(key) {
                true => class.value(value),
                false => RecordId::Text(value.into_bytes()),
            };
            let mut values: Vec<RecordId> = keys.iter().zip(values).map(value).collect();
            match candidates {
                None if after.is_empty() => Selection::One(values.swap_remove(0)),
                // Its one record was on the page before.
                None => Selection::One(class.value("\u{1}".to_owned())),
                Some(candidates) => {
                    let decoy = held.decoy(&values);
                    let first = after.is_empty();
                    values.insert(0, if first { class.first() } else { class.value(after) });
                    Selection::Matching { candidates: candidates.clone(), values, decoy }
                }
            }
        }
    };
    let most = permit.page_size();
    let (held, provider) = (held.clone(), permit.provider().clone());
    Ok(Select { held, class, view, provider, open: permit.open(), most, what })
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
            let mut texts = Vec::new();
            for i in 0..=of.len() {
                texts.extend(select::text(row.get_ref(i)?));
            }
            // What is no text is another fault, and of its row alone.
            let [key, written @ ..] = &*texts else { continue };
            if written.len() == of.len()
                && names::key(&written.join(" ")).unwrap_or_default() != *key
            {
                return Ok(Some((search.name.clone(), column.clone())));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
