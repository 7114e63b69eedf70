//! A look at every row of a dataset and its rosters, held against what its statements need. It
//! reads a few hundred rows at a time, so that whoever writes the file is never kept waiting.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::super::SourceError;
use super::finding::{DataFinding, FindingEffect};
use super::id::{BadId, IdClass, RecordId};
use super::layout;
use super::select::text;
use super::texts::{Texts, compared, members};
use crate::admission::{Dataset, SearchKey, Word, grammar};
use crate::names;

/// Rows that are read at once.
const ROWS: usize = 500;
/// Places on a roster where nobody is looked for.
const DECOYS: u64 = 1_024;

/// What a look at a dataset found.
pub(super) struct Looked {
    /// The class of its ids; none if it has none.
    pub(super) class: Option<IdClass>,
    pub(super) decoys: Vec<RecordId>,
    pub(super) findings: Vec<DataFinding>,
}

/// Where rows are, and how many of them went by.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// How many rows have been looked at.
    pub done: u64,
    /// Rows in all, as they were counted at the beginning.
    pub all: u64,
}

/// Looks at a dataset and its rosters of these providers.
///
/// # Errors
/// [`SourceError`] if they cannot be looked at now; none if `go_on` broke it off.
pub(super) fn look(
    reader: &Connection,
    (name, dataset): (&Word, &Dataset),
    providers: &[Word],
    go_on: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Looked>, SourceError> {
    let class = sampled(reader, dataset).ok().and_then(|classes| classes.first().copied());
    let texts = Texts::of(dataset, class.unwrap_or(IdClass::Text));
    let mut look = Look::new(name, dataset, go_on);
    match look.all(reader, providers, &texts) {
        Ok(ControlFlow::Continue(())) => {}
        Ok(ControlFlow::Break(())) => return Ok(None),
        // It is the file that is faulty, and that is what was looked for.
        Err(SourceError::Faulty(why)) => {
            let mend = "put a whole extract in its place".to_owned();
            look.whole(format!("table {}", dataset.table), format!("cannot be read: {why}"), mend);
        }
        Err(error) => return Err(error),
    }
    let class = look.class();
    let Look { sample, mut findings, rows, .. } = look;
    findings.extend(rows.into_values());
    findings.sort_by_key(|finding| finding.weight);
    Ok(Some(Looked { class, decoys: sample.ids, findings }))
}

/// The classes that the first ids of a dataset and its roster have, the one of most of them first.
pub(super) fn sampled(reader: &Connection, dataset: &Dataset) -> rusqlite::Result<Vec<IdClass>> {
    let Dataset { table, id_column, roster_table, .. } = dataset;
    let sql = format!(
        r#"SELECT typeof(id) FROM (
             SELECT * FROM (SELECT t."{id_column}" AS id FROM "{table}" t LIMIT 500)
             UNION ALL SELECT * FROM (SELECT r.id AS id FROM "{roster_table}" r LIMIT 500))
           GROUP BY 1 ORDER BY count(*) DESC"#
    );
    let mut classes = reader.prepare(&sql)?;
    let names = classes.query_map([], |row| row.get::<_, String>(0))?;
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    let class = |name: &String| IdClass::ALL.into_iter().find(|class| class.name() == name);
    Ok(names.iter().filter_map(class).collect())
}

/// What the ends of the records' ids, and the first ids of the rosters, show to be wrong with the
/// whole: it takes no longer for a large file. Text sorts behind numbers, and bytes behind text.
pub(super) fn at_first_sight(
    reader: &Connection,
    (name, dataset): (&Word, &Dataset),
) -> rusqlite::Result<Vec<DataFinding>> {
    let Dataset { table, id_column: id, roster_table, .. } = dataset;
    let mut go_on = |_| ControlFlow::Continue(());
    let mut look = Look::new(name, dataset, &mut go_on);
    let of = |sql: &str, classes: &mut Classes| {
        let mut statement = reader.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            classes.add(&RecordId::of(row.get_ref(0)?));
        }
        Ok::<_, rusqlite::Error>(())
    };
    for order in ["ASC", "DESC"] {
        let sql = format!(
            r#"SELECT t."{id}" FROM "{table}" t WHERE t."{id}" IS NOT NULL
               ORDER BY t."{id}" {order} LIMIT 1"#
        );
        of(&sql, &mut look.records)?;
    }
    let sql = format!(r#"SELECT r.id FROM "{roster_table}" r WHERE r.id IS NOT NULL LIMIT 500"#);
    of(&sql, &mut look.roster)?;
    look.classes();
    Ok(look.findings)
}

/// Rows by the class of their ids, or what else they are.
#[derive(Default)]
struct Classes(BTreeMap<&'static str, u64>);

impl Classes {
    fn add(&mut self, id: &RecordId) {
        *self.0.entry(id.class().map_or_else(|name| name, IdClass::name)).or_default() += 1;
    }

    fn of(&self) -> Vec<IdClass> {
        IdClass::ALL.into_iter().filter(|class| self.0.contains_key(class.name())).collect()
    }

    fn told(&self) -> String {
        let told = self.0.iter().map(|(name, rows)| format!("{rows} {}", name.to_uppercase()));
        told.collect::<Vec<_>>().join(", ")
    }
}

/// Ids spread over all that were seen: the gap between two doubles when there are enough.
struct Sample {
    ids: Vec<RecordId>,
    every: u64,
}

impl Sample {
    fn see(&mut self, n: u64, id: &RecordId) {
        if n.is_multiple_of(self.every) {
            self.ids.push(id.clone());
        }
        if self.ids.len() as u64 > DECOYS {
            let mut nth = 0..;
            self.ids.retain(|_| nth.next().is_some_and(|n: u64| n.is_multiple_of(2)));
            self.every *= 2;
        }
    }
}

/// A look at a dataset that is under way.
struct Look<'a> {
    name: &'a Word,
    dataset: &'a Dataset,
    go_on: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    progress: Progress,
    records: Classes,
    roster: Classes,
    sample: Sample,
    findings: Vec<DataFinding>,
    /// Findings about rows, by place and what is wrong there.
    rows: BTreeMap<(String, String), DataFinding>,
}

impl<'a> Look<'a> {
    fn new(
        name: &'a Word,
        dataset: &'a Dataset,
        go_on: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Look<'a> {
        Look {
            name,
            dataset,
            go_on,
            progress: Progress { done: 0, all: 0 },
            records: Classes::default(),
            roster: Classes::default(),
            sample: Sample { ids: Vec::new(), every: 1 },
            findings: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    fn class(&self) -> Option<IdClass> {
        self.records.of().into_iter().chain(self.roster.of()).next()
    }

    fn whole(&mut self, place: String, what: String, mend: String) {
        let (dataset, weight) = (self.name.clone(), FindingEffect::Stops);
        self.findings.push(DataFinding { dataset, place, what, rows: 0, first: 0, weight, mend });
    }

    fn row(&mut self, n: u64, place: String, what: String, weight: FindingEffect) {
        let new = || DataFinding {
            dataset: self.name.clone(),
            place: place.clone(),
            what: what.clone(),
            rows: 0,
            first: n,
            weight,
            mend: String::new(),
        };
        self.rows.entry((place.clone(), what.clone())).or_insert_with(new).rows += 1;
    }

    fn all(
        &mut self,
        reader: &Connection,
        providers: &[Word],
        texts: &Texts,
    ) -> Result<ControlFlow<()>, SourceError> {
        let in_order;
        (self.findings, in_order) = layout::faults(reader, self.name, self.dataset, texts)?;
        if !in_order {
            return Ok(ControlFlow::Continue(()));
        }
        let count = |table: &Word| {
            let sql = format!(r#"SELECT count(*) FROM "{table}""#);
            reader.query_row(&sql, [], |row| row.get::<_, u64>(0))
        };
        self.progress.all = count(&self.dataset.table)? + count(&self.dataset.roster_table)?;
        if self.records(reader)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        for provider in providers {
            if self.members(reader, provider)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.classes();
        Ok(ControlFlow::Continue(()))
    }

    /// Whether all ids are of one class.
    fn classes(&mut self) {
        let Dataset { table, id_column, roster_table, .. } = self.dataset;
        let (of_table, of_roster) = (format!("{table}.{id_column}"), format!("{roster_table}.id"));
        let mend = "ids must all be TEXT, or all INTEGER, in both tables, since 7 and '7' are not one \
                    person: give both columns that type and import them anew";
        let (a, b) = (self.records.of(), self.roster.of());
        let mut wrong = Vec::new();
        for (place, ids, classes) in
            [(&of_table, &a, &self.records), (&of_roster, &b, &self.roster)]
        {
            if ids.len() != 1 && !classes.0.is_empty() {
                wrong.push((
                    place.clone(),
                    format!("holds ids of no one class ({})", classes.told()),
                ));
            }
        }
        if let ([a], [b]) = (&*a, &*b)
            && a != b
        {
            let [a, b] = [a, b].map(|class| class.name().to_uppercase());
            let what =
                format!("holds {b} ids, and {of_table} {a} ids, so that nobody is on a roster");
            wrong.push((of_roster, what));
        }
        for (place, what) in wrong {
            self.whole(place, what, mend.to_owned());
        }
    }

    fn records(&mut self, reader: &Connection) -> Result<ControlFlow<()>, SourceError> {
        let Dataset { table, id_column: id, fields, .. } = self.dataset;
        let mut columns: Vec<Word> = fields.iter().map(|field| field.column.clone()).collect();
        let keys = self.dataset.searches.iter().flat_map(|search| &search.keys);
        columns.extend(keys.map(|key| compared(self.dataset, key)));
        columns.sort_unstable();
        columns.dedup();
        let named: String = columns.iter().map(|column| format!(r#", t."{column}""#)).collect();
        let chunk = |after: &str| {
            format!(
                r#"SELECT t."{id}"{named} FROM "{table}" t WHERE t."{id}" {after}
                   ORDER BY t."{id}" COLLATE BINARY LIMIT {}"#,
                ROWS + 1
            )
        };
        let nulls = format!(r#"SELECT count(*) FROM "{table}" t WHERE t."{id}" IS NULL"#);
        let place = format!("{table}.{id}");
        self.nulls(reader.query_row(&nulls, [], |row| row.get(0))?, place.clone());
        let mut held = |look: &mut Look<'_>, n, id: &RecordId, row: &Row<'_>| {
            look.records.add(id);
            look.sample.see(n, id);
            look.columns(n, &columns, row)
        };
        let texts = (chunk("IS NOT NULL"), chunk("> ?1 COLLATE BINARY"));
        self.in_order(reader, &texts, None, &place, &mut held)
    }

    /// Holds the columns of a row against what is read and searched by.
    fn columns(&mut self, n: u64, columns: &[Word], row: &Row<'_>) -> rusqlite::Result<()> {
        let (dataset, table) = (self.dataset, &self.dataset.table);
        let at = |column: &Word| columns.binary_search(column).map_or(0, |at| at + 1);
        for column in columns.iter().filter(|column| **column != dataset.id_column) {
            if let Err(what) = text(row.get_ref(at(column))?) {
                self.row(n, format!("{table}.{column}"), what.to_owned(), FindingEffect::Absent);
            }
        }
        for search in &dataset.searches {
            for key in &search.keys {
                let column = compared(dataset, key);
                let value = row.get_ref(at(&column))?;
                let what = match key {
                    SearchKey::Date(_) => not_a_date(value),
                    SearchKey::Name { of, .. } => {
                        let mut written = Vec::new();
                        for field in of {
                            let column = dataset.column(field).unwrap_or(field);
                            written.push(text(row.get_ref(at(column))?).unwrap_or_default());
                        }
                        let key = names::key(&written.join(" ")).unwrap_or_default();
                        (text(value).as_deref() != Ok(&*key))
                            .then_some("is not the key of the names beside it (docs/name-keys.md)")
                    }
                    SearchKey::Exact(_) => None,
                };
                if let Some(what) = what {
                    let place = format!("{table}.{column}, by which `{}` searches,", search.name);
                    self.row(n, place, what.to_owned(), FindingEffect::Unfound);
                }
            }
        }
        Ok(())
    }

    /// Looks at the roster of one provider.
    fn members(
        &mut self,
        reader: &Connection,
        provider: &Word,
    ) -> Result<ControlFlow<()>, SourceError> {
        let Dataset { table, id_column: id, roster_table: roster, .. } = self.dataset;
        let members = members(self.dataset);
        let there = format!(
            r#", EXISTS (SELECT 1 FROM "{table}" t WHERE t."{id}" = +r.id COLLATE BINARY) FROM "#
        );
        let members = members.replacen(" FROM ", &there, 1);
        let chunk = |after: &str| {
            let rows = ROWS + 1;
            format!("{members} AND r.id {after} ORDER BY r.id COLLATE BINARY LIMIT {rows}")
        };
        let nulls = format!(
            r#"SELECT count(*) FROM "{roster}" r
               WHERE r.provider = ?1 COLLATE BINARY AND r.id IS NULL"#
        );
        let place = format!("{roster}.id");
        self.nulls(reader.query_row(&nulls, [provider], |row| row.get(0))?, place.clone());
        let mut count = 0;
        let mut held = |look: &mut Look<'_>, n, id: &RecordId, row: &Row<'_>| {
            look.roster.add(id);
            count += 1;
            if !row.get::<_, bool>(1)? {
                let what = "is of a person without a record".to_owned();
                look.row(n, format!("{}.id", look.dataset.roster_table), what, FindingEffect::Told);
            }
            Ok(())
        };
        let texts = (chunk("IS NOT NULL"), chunk("> ?2 COLLATE BINARY"));
        let done = self.in_order(reader, &texts, Some(provider), &place, &mut held)?;
        if count == 0 && done.is_continue() {
            let (dataset, place) = (self.name.clone(), format!("table {roster}"));
            let what = format!("has nobody for the provider {provider}");
            let mend = "check how its column `provider` is written".to_owned();
            let weight = FindingEffect::Told;
            self.findings.push(DataFinding {
                dataset,
                place,
                what,
                rows: 0,
                first: 0,
                weight,
                mend,
            });
        }
        Ok(done)
    }

    fn nulls(&mut self, rows: u64, place: String) {
        for n in 1..=rows {
            self.row(n, place.clone(), BadId::Class("null").to_string(), FindingEffect::Absent);
        }
    }

    /// Every row of a statement in the order of its ids, some at a time: the statement for the
    /// first rows, and the one for those behind an id. What is wrong with the ids themselves is
    /// told.
    fn in_order(
        &mut self,
        reader: &Connection,
        (first, next): &(String, String),
        provider: Option<&Word>,
        place: &str,
        held: &mut dyn FnMut(&mut Look<'_>, u64, &RecordId, &Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<ControlFlow<()>, SourceError> {
        let (mut n, mut after, mut twice) = (0, None::<RecordId>, false);
        loop {
            let mut statement =
                reader.prepare_cached(if after.is_some() { next } else { first })?;
            let mut values: Vec<&dyn rusqlite::ToSql> = Vec::new();
            values.extend(provider.map(|provider| provider as &dyn rusqlite::ToSql));
            values.extend(after.as_ref().map(|id| id as &dyn rusqlite::ToSql));
            let mut rows = statement.query(&*values)?;
            let (mut seen, mut last) = (0, after.clone());
            while let Some(row) = rows.next()? {
                seen += 1;
                let id = RecordId::of(row.get_ref(0)?);
                // The last one says whether the one before it stands once; its turn comes.
                if seen > ROWS && last.as_ref() != Some(&id) {
                    break;
                }
                n += 1;
                if last.as_ref() == Some(&id) {
                    // The first of them was counted as if it were alone.
                    let both = if twice { 1 } else { 2 };
                    for n in (n + 1 - both)..=n {
                        self.row(
                            n,
                            place.to_owned(),
                            BadId::Twice.to_string(),
                            FindingEffect::Absent,
                        );
                    }
                    twice = true;
                    continue;
                }
                twice = false;
                let class = id.class().unwrap_or(IdClass::Text);
                if let Err(why) = id.text(class) {
                    self.row(n, place.to_owned(), why.to_string(), FindingEffect::Absent);
                }
                held(self, n, &id, row)?;
                last = Some(id);
            }
            drop(rows);
            self.progress.done += seen.min(ROWS) as u64;
            if (self.go_on)(self.progress).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if seen <= ROWS {
                return Ok(ControlFlow::Continue(()));
            }
            after = last;
        }
    }
}

/// What is wrong with a value that a search compares with dates.
fn not_a_date(value: ValueRef<'_>) -> Option<&'static str> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.is_empty() || grammar::is_date(text) => None,
            _ => Some("is no date as in 1980-05-31"),
        },
        ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => {
            Some("is a number and no date as in 1980-05-31")
        }
    }
}
