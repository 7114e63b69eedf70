//! Whether the file has what a policy names, and whether its indexes let reads hide who exists.
//! SQLite tells how it would go about each statement; a person who is not there and one who is not
//! on the roster must cost the same looks at the same pages.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _};

use super::finding::{DataFinding, FindingEffect};
use super::texts::{Texts, by_id_alone, compared};
use crate::admission::{Dataset, SearchKey, Word};

/// What is wrong with the tables of a dataset; nothing if reads can be served by these statements.
/// And whether its rows can be looked at in order all the same.
pub(super) fn faults(
    reader: &Connection,
    name: &Word,
    dataset: &Dataset,
    texts: &Texts,
) -> rusqlite::Result<(Vec<DataFinding>, bool)> {
    let layout = Layout { reader, name, dataset };
    let missing = layout.missing()?;
    if !missing.is_empty() {
        return Ok((missing, false));
    }
    let mut faults = layout.views(texts)?;
    let in_order = faults.is_empty();
    for (search, sql) in &texts.candidates {
        let Some(sql) = sql else { continue };
        if !is_one_search(&layout.plan(sql)?) {
            faults.push(layout.no_index_for(search)?);
        }
    }
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    Ok((faults, in_order))
}

struct Layout<'a> {
    reader: &'a Connection,
    name: &'a Word,
    dataset: &'a Dataset,
}

impl Layout<'_> {
    fn fault(&self, place: String, what: &str, mend: String) -> DataFinding {
        let (dataset, what) = (self.name.clone(), what.to_owned());
        DataFinding { dataset, place, what, rows: 0, first: 0, weight: FindingEffect::Stops, mend }
    }

    /// Tables and columns that the policy names and the file has not.
    fn missing(&self) -> rusqlite::Result<Vec<DataFinding>> {
        let Dataset { table, id_column, roster_table, .. } = self.dataset;
        let mut of_table: BTreeSet<Word> =
            self.dataset.fields.iter().map(|field| field.column.clone()).collect();
        of_table.insert(id_column.clone());
        let keys = self.dataset.searches.iter().flat_map(|search| &search.keys);
        of_table.extend(keys.map(|key| compared(self.dataset, key)));
        let of_roster = ["provider", "id"].map(Word::from).into_iter().collect();
        let mut faults = Vec::new();
        for (table, wanted) in [(table, of_table), (roster_table, of_roster)] {
            let sql = "SELECT lower(name) FROM pragma_table_xinfo(?1)";
            let mut columns = self.reader.prepare(sql)?;
            let columns = columns.query_map([table], |row| row.get(0))?;
            let columns: BTreeSet<Word> = columns
                .map(|name| name.map(|name: String| name.into()))
                .collect::<Result<_, _>>()?;
            if columns.is_empty() {
                let mend = "make it, or name another in the policy".to_owned();
                faults.push(self.fault(format!("table {table}"), "is not there", mend));
                continue;
            }
            for column in wanted.difference(&columns) {
                let mend = "add it, or change the policy".to_owned();
                faults.push(self.fault(format!("{table}.{column}"), "is not there", mend));
            }
        }
        Ok(faults)
    }

    /// What is wrong for statements of the views; their plans do not depend on which view it is.
    fn views(&self, texts: &Texts) -> rusqlite::Result<Vec<DataFinding>> {
        let Dataset { table, id_column: id, roster_table: roster, .. } = self.dataset;
        let (mut of_roster, mut of_table) = (true, true);
        for view in texts.views.values() {
            let [get, get_any] = view.get.each_ref().map(|sql| self.plan(sql));
            let [list, list_any] = view.list.each_ref().map(|sql| self.plan(sql));
            let (get, get_any, list, list_any) = (get?, get_any?, list?, list_any?);
            of_roster &= probes(&get, 2, 0) && probes(&list, 1, 1);
            of_table &= rest_searched(&get) && rest_searched(&list);
            of_table &= finds(&get_any) && finds(&list_any);
            of_roster &= rest_covered(&get_any) && rest_covered(&list_any);
        }
        let mut faults = Vec::new();
        let exactly = |table: &Word| self.exactly(table);
        if !of_table {
            let what = "has no index of its ids that SQLite can go by";
            let mend =
                format!("CREATE UNIQUE INDEX {table}_by_{id} ON {table}({id}{})", exactly(table)?);
            faults.push(self.fault(format!("{table}.{id}"), what, mend));
        }
        if !of_roster {
            let what = "has no index of providers and ids that SQLite can go by without looking at \
                        the rows, so that time would tell who exists";
            let exactly = exactly(roster)?;
            let mend = format!(
                "CREATE UNIQUE INDEX {roster}_by_provider_and_id ON {roster}(provider{exactly}, \
                 id{exactly})"
            );
            faults.push(self.fault(format!("table {roster}"), what, mend));
        }
        Ok(faults)
    }

    fn no_index_for(&self, search: &Word) -> rusqlite::Result<DataFinding> {
        let Dataset { table, id_column: id, .. } = self.dataset;
        let keys = self.dataset.search(search).map(|search| &*search.keys).unwrap_or_default();
        debug_assert!(!by_id_alone(self.dataset, keys));
        let column = |key: &SearchKey| compared(self.dataset, key);
        let columns: Vec<Word> = keys.iter().map(column).filter(|column| column != id).collect();
        let mend = format!(
            "CREATE INDEX {table}_by_{search} ON {table}({}, {id}{})",
            columns.join(", "),
            self.exactly(table)?
        );
        let what = "has no index on all the columns that it compares, and on the id behind them: it \
                    would read the table, and time would tell who exists";
        Ok(self.fault(format!("the search `{search}`"), what, mend))
    }

    /// What an index of ids has to say where the table may have another collation.
    fn exactly(&self, table: &Word) -> rusqlite::Result<&'static str> {
        let sql = "SELECT sql FROM sqlite_schema WHERE lower(name) = ?1";
        let text: Option<String> =
            self.reader.query_row(sql, [table], |row| row.get(0)).optional()?.flatten();
        let other = text.is_some_and(|text| text.to_ascii_uppercase().contains("COLLATE"));
        Ok(if other { " COLLATE BINARY" } else { "" })
    }

    /// The steps in which SQLite would do it.
    fn plan(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        let mut plan = self.reader.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let values = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps = plan.query_map(rusqlite::params_from_iter(values), |row| row.get("detail"))?;
        steps.collect()
    }
}

/// Whether a step goes by an index: nothing is read but what it compares.
fn is_search(step: &str) -> bool {
    step.starts_with("SEARCH ") && !step.contains("AUTOMATIC") && !step.contains("ANY(")
}

/// Whether a step puts rows in order, which an index would have them in already.
fn sorts(step: &str) -> bool {
    step.starts_with("USE TEMP")
}

/// Whether it needs nothing but the one tree: an index that holds all that is wanted, or a table
/// that is its own index.
fn is_covered(step: &str) -> bool {
    let ways = [" USING COVERING INDEX ", " USING PRIMARY KEY ", " USING INTEGER PRIMARY KEY "];
    is_search(step) && ways.iter().any(|way| step.contains(way))
}

/// How many columns a step fixes, and how many it goes on from.
fn compares(step: &str) -> (usize, usize) {
    let terms = step.rsplit_once('(').map_or("", |(_, terms)| terms);
    (terms.matches("=?").count(), terms.matches(">?").count())
}

/// Whether it asks the roster first, in one tree, by so many columns.
fn probes(plan: &[String], fixed: usize, from: usize) -> bool {
    let fits = |step: &String| {
        let by_id = step.contains(" USING INTEGER PRIMARY KEY ") && from == 0;
        is_covered(step) && (compares(step) == (fixed, from) || by_id)
    };
    plan.first().is_some_and(fits)
}

/// Whether what comes behind the first step goes by an index.
fn rest_searched(plan: &[String]) -> bool {
    plan.len() > 1 && plan[1..].iter().all(|step| is_search(step) || sorts(step))
}

/// Whether it begins with the ids of the table.
fn finds(plan: &[String]) -> bool {
    plan.first().is_some_and(|step| is_search(step) && compares(step) != (0, 0))
        && !plan.iter().any(|step| sorts(step))
}

/// Whether the roster is then asked in one tree.
fn rest_covered(plan: &[String]) -> bool {
    plan.len() > 1 && plan[1..].iter().all(|step| is_covered(step) || sorts(step))
}

/// Whether a search is one look at one tree.
fn is_one_search(plan: &[String]) -> bool {
    matches!(plan, [step] if is_covered(step) && compares(step).0 > 0)
}
