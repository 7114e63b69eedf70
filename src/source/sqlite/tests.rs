//! The statements that a policy makes, on files of every shape.

use rusqlite::StatementStatus;
use tempfile::TempDir;

use super::*;
use crate::admission::example;

/// The class of the ids that most tests have.
const TEXT: Class = Class::Text;

/// A file made by these statements.
fn file_of(sql: &str) -> (TempDir, Settings) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("source.sqlite");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    (dir, Settings { path, readers: 1 })
}

/// A file with the tables of the example policy, and whatever else is done to it.
fn file(columns: &str, then: &str) -> (TempDir, Settings) {
    file_of(&format!(
        "CREATE TABLE dossiers(id TEXT PRIMARY KEY, {columns}) WITHOUT ROWID;
         CREATE TABLE roster(provider TEXT, id TEXT, PRIMARY KEY(provider, id)) WITHOUT ROWID;
         {then}"
    ))
}

fn connect(path: &std::path::Path) -> Result<Connection, rusqlite::Error> {
    pool::connect(path, Duration::ZERO)
}

const COLUMNS: &str = "family_name, given_name, email, nationality, name_key";
const INDEX: &str = "CREATE INDEX by_name ON dossiers(name_key, id);";

/// What the opening of such a file says against it, in words.
fn unfit(sql: &str) -> Vec<String> {
    let (_dir, settings) = file_of(sql);
    match Sqlite::open(&settings, &example::terms().datasets) {
        Ok(_) => Vec::new(),
        Err(OpenError::Unfit { findings, .. }) => {
            findings.iter().map(ToString::to_string).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn no_statement_is_planned_anew_for_a_read() {
    let dataset = &example::terms().datasets["cir"];
    let (_dir, settings) = file(COLUMNS, INDEX);
    let reader = connect(&settings.path).unwrap();
    for sql in Texts::of(dataset, TEXT).all() {
        let mut statement = reader.prepare_cached(sql).unwrap();
        for id in ["1", "2", "3"] {
            let values = [&"alpha", &id, &"10"].into_iter();
            let values = values.take(statement.parameter_count());
            let values = rusqlite::params_from_iter(values);
            assert!(statement.query(values).unwrap().next().unwrap().is_none());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
}

/// Layouts in which an absent person and one off the roster cost the same looks, and layouts in which
/// they do not; what the latter are told makes them the former.
#[test]
fn a_layout_that_would_tell_who_exists_is_refused_with_the_index_that_mends_it() {
    let columns = format!("id TEXT NOT NULL, {COLUMNS}");
    let table = |options: &str| format!("CREATE TABLE dossiers({columns}{options};");
    let roster = |options: &str| format!("CREATE TABLE roster(provider TEXT, id TEXT{options};");
    let (bare, keyed) = (table(")"), table(", PRIMARY KEY(id))"));
    let whole = table(", PRIMARY KEY(id)) WITHOUT ROWID");
    let integer = bare.replace("id TEXT NOT NULL", "id INTEGER PRIMARY KEY");
    let (list, set) = (roster(")"), roster(", PRIMARY KEY(provider, id)) WITHOUT ROWID"));
    let unique = roster(", UNIQUE(provider, id))");
    let nocase = bare.replace("id TEXT NOT NULL", "id TEXT COLLATE NOCASE PRIMARY KEY");
    let (short, other) =
        ("CREATE INDEX a ON dossiers(name_key);", "CREATE INDEX a ON dossiers(name_key, email);");
    let by_id = "CREATE UNIQUE INDEX b ON dossiers(id);";
    for good in [
        [&whole, &set, short],
        [&whole, &unique, INDEX],
        [&keyed, &unique, INDEX],
        [&integer, &unique.replace("id TEXT", "id INTEGER"), short],
    ] {
        assert_eq!(unfit(&good.concat()), Vec::<String>::new(), "{good:?}");
    }
    for (bad, mends) in [
        ([&keyed, &set, short], 1),
        ([&keyed, &set, other], 1),
        // It would be sorted if somebody is there.
        ([&whole, &set, other], 1),
        ([&keyed, &list, INDEX], 1),
        ([&keyed, &list, "CREATE INDEX p ON roster(provider);"], 2),
        ([&keyed, &list, "CREATE INDEX p ON roster(id);"], 2),
        ([&bare, &set, ""], 2),
        ([&bare, &list, by_id], 2),
        ([&bare, &list, ""], 3),
        ([&nocase, &set, INDEX], 2),
    ] {
        let mut sql = bad.concat();
        let told = unfit(&sql);
        let indexes: Vec<&str> =
            told.iter().map(|line| line.split_once(": CREATE ").unwrap().1).collect();
        assert_eq!(indexes.len(), mends, "{told:#?}");
        indexes.iter().for_each(|index| sql.push_str(&format!("CREATE {index};")));
        assert_eq!(unfit(&sql), Vec::<String>::new(), "{sql}");
    }
}

#[test]
fn every_table_and_column_that_is_missing_is_told_at_once() {
    let told = unfit(
        "CREATE TABLE dossiers(id TEXT PRIMARY KEY, family_name, email);
         CREATE TABLE roster(person TEXT, id TEXT)",
    );
    for place in
        ["dossiers.given_name", "dossiers.nationality", "dossiers.name_key", "roster.provider"]
    {
        assert!(told.iter().any(|line| line.contains(place)), "{place}: {told:#?}");
    }
    assert_eq!(told.len(), 4);
    assert_eq!(unfit("CREATE TABLE roster(provider, id)").len(), 1);
}

#[test]
fn a_column_without_the_keys_of_its_names_is_refused_at_the_start() {
    let person = |family: &str, given: &str, key: &str| {
        let (_dir, settings) = file(
            COLUMNS,
            &format!(
                "{INDEX} INSERT INTO dossiers(id, family_name, given_name, name_key)
                 VALUES ('1', {family}, {given}, {key});"
            ),
        );
        Sqlite::open(&settings, &example::terms().datasets)
    };
    for (family, given, key) in [
        ("'Lefèvre'", "'Anne-Marie'", "'anne lefevre marie'"),
        ("'Lefèvre'", "NULL", "'lefevre'"),
        ("NULL", "'-'", "NULL"),
        ("NULL", "NULL", "''"),
    ] {
        person(family, given, key).unwrap();
    }
    for key in ["'lefevre anne marie'", "'Lefèvre Anne-Marie'", "NULL"] {
        let wrong = person("'Lefèvre'", "'Anne-Marie'", key).unwrap_err().to_string();
        assert!(wrong.contains("name_key"));
        assert!(!wrong.contains("efèvre"), "a name has no place in a log");
    }
}

#[test]
fn a_statement_names_the_columns_of_its_view_alone() {
    let dataset = &example::terms().datasets["cir"];
    let texts = Texts::of(dataset, TEXT);
    for (name, view) in &texts.views {
        for sql in view.get.iter().chain(&view.list) {
            for field in &dataset.fields {
                let named = sql.contains(&format!(r#""{}""#, field.column));
                assert_eq!(
                    named,
                    dataset.views[name].contains(&field.name),
                    "{}: {sql}",
                    field.name
                );
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
    let texts = Texts::of(dataset, TEXT);
    let rows = |view: &str| -> Vec<Result<usize, SourceError>> {
        let open = [false, true].into_iter();
        let whats = open.flat_map(|open| {
            let id = |id: &str| Id::Text(id.as_bytes().to_vec());
            let candidates = texts.candidates["name"].clone().unwrap();
            let name =
                What::Matching { candidates, values: vec![id(""), id("a b")], decoy: id("1") };
            [What::One(id("1")), What::Behind(id("")), name].map(|what| (open, what))
        });
        let found = whats.map(|(open, what)| {
            let held = Arc::new(Held::new(&"cir".into(), dataset, TEXT));
            let (view, provider) = (texts.views[view].clone(), "alpha".into());
            let select = Select { held, class: TEXT, view, provider, open, most: 10, what };
            Ok(select.run(&reader)?.found.first().expect("the person is there").fields.len())
        });
        found.collect()
    };
    let basic = rows("BASIC");
    assert_eq!(basic.len(), 6);
    assert!(basic.iter().all(|row| matches!(row, Ok(2))), "{basic:?}");
    for view in ["CONTACT", "FULL"] {
        assert!(rows(view).iter().all(Result::is_err), "the columns can be read after all");
    }
}
