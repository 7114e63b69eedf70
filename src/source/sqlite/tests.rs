//! The statements that a policy makes, on files of every shape.

use rusqlite::StatementStatus;
use tempfile::TempDir;

use super::*;
use crate::admission::example;

/// A file with the tables of the example policy, and whatever else is done to it.
fn file(columns: &str, then: &str) -> (TempDir, Settings) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("source.sqlite");
    let tables = format!(
        "CREATE TABLE dossiers(id TEXT PRIMARY KEY, {columns}) WITHOUT ROWID;
         CREATE TABLE roster(provider TEXT, id TEXT, PRIMARY KEY(provider, id)) WITHOUT ROWID;
         {then}"
    );
    Connection::open(&path).unwrap().execute_batch(&tables).unwrap();
    (dir, Settings { path, readers: 1 })
}

const COLUMNS: &str = "family_name, given_name, email, nationality, name_key";
const INDEX: &str = "CREATE INDEX by_name ON dossiers(name_key);";

#[test]
fn no_statement_is_planned_anew_for_a_read() {
    let dataset = &example::terms().datasets["cir"];
    let (_dir, settings) = file(COLUMNS, INDEX);
    let reader = connect(&settings.path).unwrap();
    for view in dataset.views.values() {
        let texts = texts(dataset, view);
        let searches = texts.search.values().flatten();
        for sql in texts.get.iter().chain(&texts.list).chain(searches) {
            let mut statement = reader.prepare_cached(sql).unwrap();
            for id in ["1", "2", "3"] {
                let values = [&"alpha", &"10", &id].into_iter();
                let values = values.take(statement.parameter_count());
                let values = rusqlite::params_from_iter(values);
                assert!(statement.query(values).unwrap().next().unwrap().is_none());
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}

#[test]
fn a_search_by_name_goes_by_an_index_of_the_key_column_or_there_is_no_start() {
    let datasets = example::terms().datasets;
    let (_dir, settings) = file(COLUMNS, INDEX);
    Sqlite::open(&settings, &datasets).unwrap();
    let (_dir, settings) = file(COLUMNS, "CREATE INDEX by_name ON dossiers(family_name);");
    let slow = Sqlite::open(&settings, &datasets).unwrap_err();
    assert!(matches!(slow, OpenError::Slow { search, .. } if &*search == "name"));
    let (_dir, settings) = file("family_name, given_name, email, nationality", "");
    let missing = Sqlite::open(&settings, &datasets).unwrap_err();
    assert!(matches!(missing, OpenError::Dataset { .. }), "{missing}");
}

/// Whether a search by name of somebody off the roster reads nothing but the index and the roster.
#[test]
fn the_record_of_a_person_off_the_roster_is_not_fetched_by_a_search() {
    let (_dir, settings) = file(COLUMNS, INDEX);
    let reader = connect(&settings.path).unwrap();
    let texts = texts(&example::terms().datasets["cir"], &["family_name".into()]);
    let sql = format!("EXPLAIN QUERY PLAN {}", texts.search["name"][0]);
    let mut plan = reader.prepare(&sql).unwrap();
    let steps: Vec<String> = plan
        .query_map(["", "10", ""], |row| row.get("detail"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let at = |part: &str| steps.iter().position(|step| step.contains(part));
    let index = at("SEARCH i USING COVERING INDEX by_name").unwrap();
    let roster = at("SEARCH r USING PRIMARY KEY").unwrap();
    let record = at("SEARCH t USING PRIMARY KEY").unwrap();
    assert!(index < roster && roster < record, "{steps:#?}");
}

#[test]
fn a_column_without_the_keys_of_its_names_is_refused_at_the_start() {
    let datasets = example::terms().datasets;
    let person = |family: &str, given: &str, key: &str| {
        format!(
            "{INDEX} INSERT INTO dossiers(id, family_name, given_name, name_key)
             VALUES ('1', {family}, {given}, {key});"
        )
    };
    for (family, given, key) in [
        ("'Lefèvre'", "'Anne-Marie'", "'anne lefevre marie'"),
        ("'Lefèvre'", "NULL", "'lefevre'"),
        ("NULL", "'-'", "NULL"),
        ("NULL", "NULL", "''"),
    ] {
        let (_dir, settings) = file(COLUMNS, &person(family, given, key));
        Sqlite::open(&settings, &datasets).unwrap();
    }
    for key in ["'lefevre anne marie'", "'Lefèvre Anne-Marie'", "NULL"] {
        let (_dir, settings) = file(COLUMNS, &person("'Lefèvre'", "'Anne-Marie'", key));
        let wrong = Sqlite::open(&settings, &datasets).unwrap_err();
        assert!(matches!(&wrong, OpenError::Key { column, .. } if &**column == "name_key"));
        assert!(!wrong.to_string().contains("efèvre"), "a name has no place in a log");
    }
}

#[test]
fn a_statement_names_the_columns_of_its_view_alone() {
    let dataset = &example::terms().datasets["cir"];
    for view in dataset.views.values() {
        let texts = texts(dataset, view);
        let searches = texts.search.values().flatten();
        for sql in texts.get.iter().chain(&texts.list).chain(searches) {
            for field in &dataset.fields {
                let named = sql.contains(&format!(r#""{}""#, field.column));
                assert_eq!(named, view.contains(&field.name), "{}: {sql}", field.name);
            }
            assert!(!sql.contains('*'));
        }
    }
}

/// What is not in the view cannot be read here at all, so nothing can have read it.
#[test]
fn a_field_outside_of_the_view_is_never_fetched() {
    let columns = "family_name, given_name, name_key";
    let overflow = "abs(-9223372036854775807 - length(id))";
    let view = format!(
        "INSERT INTO dossiers VALUES ('1', 'A', 'B', 'a b'); INSERT INTO roster VALUES ('alpha', '1');
         ALTER TABLE dossiers RENAME TO stock;
         CREATE VIEW dossiers AS SELECT *, {overflow} AS email, {overflow} AS nationality FROM stock;"
    );
    let (_dir, settings) = file(columns, &view);
    let dataset = &example::terms().datasets["cir"];
    let reader = connect(&settings.path).unwrap();
    let rows = |view: &str| -> Vec<Result<usize, rusqlite::Error>> {
        let fields = &dataset.views[view];
        let texts = texts(dataset, fields);
        let parameters = |third: &'static str| vec!["alpha", "10", third];
        let get = texts.get.iter().map(|sql| (sql, vec!["alpha", "1"]));
        let list = texts.list.iter().map(|sql| (sql, vec!["alpha", "", "10"]));
        let number = texts.search["case_number"].iter().map(|sql| (sql, parameters("1")));
        let name = texts.search["name"].iter().map(|sql| (sql, parameters("a b")));
        let fetch = |(sql, values): (&String, Vec<&str>)| {
            let mut statement = reader.prepare(sql)?;
            let mut rows = statement.query(rusqlite::params_from_iter(values))?;
            let row = rows.next()?.expect("the person is there");
            Ok(super::read(row, fields)?.fields.len())
        };
        get.chain(list).chain(number).chain(name).map(fetch).collect()
    };
    let basic = rows("BASIC");
    assert_eq!(basic.len(), 8);
    assert!(basic.iter().all(|row| matches!(row, Ok(2))), "{basic:?}");
    for view in ["CONTACT", "FULL"] {
        assert!(rows(view).iter().all(Result::is_err), "the columns can be read after all");
    }
}
