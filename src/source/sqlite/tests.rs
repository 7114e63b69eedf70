//! The statements that a policy makes, on files of every shape.

use rusqlite::StatementStatus;
use tempfile::TempDir;

use super::*;
use crate::admission::example;

/// The class of the ids that most tests have.
const TEXT: IdClass = IdClass::Text;

/// A file made by these statements.
fn file_of(sql: &str) -> (TempDir, SqliteSettings) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("source.sqlite");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    (dir, SqliteSettings { path, readers: 1 })
}

/// A file with the tables of the example policy, and whatever else is done to it.
fn file(columns: &str, then: &str) -> (TempDir, SqliteSettings) {
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

/// Layouts in which an absent person and one off the roster cost the same looks, and layouts in
/// which they do not; what the latter are told makes them the former.
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
            let id = |id: &str| RecordId::Text(id.as_bytes().to_vec());
            let candidates = texts.candidates["name"].clone().unwrap();
            let name =
                Selection::Matching { candidates, values: vec![id(""), id("a b")], decoy: id("1") };
            [Selection::One(id("1")), Selection::Behind(id("")), name].map(|what| (open, what))
        });
        let found = whats.map(|(open, what)| {
            let held = Arc::new(OpenDataset::new(&"cir".into(), dataset, TEXT));
            let (view, provider) = (texts.views[view].clone(), "alpha".into());
            let select = Select { held, class: TEXT, view, provider, open, most: 10, what };
            Ok(select
                .run(&reader)?
                .found
                .first()
                .expect("the person is there")
                .fields
                .as_ref()
                .unwrap()
                .len())
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

/// An extract as another database or a CSV import would make it: `id` and `roster` are the types of
/// the id columns, and ten persons are of `alpha`, all of them on its roster.
fn extract(id: &str, roster: &str, then: &str) -> String {
    format!(
        "CREATE TABLE dossiers(id {id}, family_name, given_name, email, nationality, name_key);
         CREATE TABLE roster(provider TEXT, id {roster});
         CREATE INDEX dossiers_by_id ON dossiers(id);
         CREATE INDEX dossiers_by_name ON dossiers(name_key, id);
         CREATE INDEX roster_by_provider_and_id ON roster(provider, id);
         WITH RECURSIVE n(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n WHERE n < 19)
         INSERT INTO dossiers SELECT n, 'A', 'B', 'c', 'd', 'a b' FROM n;
         INSERT INTO roster SELECT 'alpha', id FROM dossiers;
         {then}"
    )
}

/// Everything that is wrong with such a file.
fn found(sql: &str) -> Vec<(FindingEffect, String)> {
    let (_dir, settings) = file_of(sql);
    let terms = example::terms();
    let mut providers = terms.providers.clone();
    providers.retain(|id, _| &**id == "alpha");
    let found = examine(&settings.path, &terms.datasets, &providers, &mut |_| {}).unwrap();
    found.iter().map(|finding| (finding.weight, finding.to_string())).collect()
}

/// The ids of a page, of each record by itself, and of a search, for `alpha` on its roster.
fn read_by_alpha(sql: &str) -> [Vec<String>; 3] {
    let (_dir, settings) = file_of(sql);
    let terms = example::terms();
    let file = Sqlite::open(&settings, &terms.datasets).unwrap();
    let held = file.datasets["cir"].clone();
    let reader = connect(&settings.path).unwrap();
    let run = |what| {
        let (held, view) = (held.clone(), held.texts().views["BASIC"].clone());
        let class = held.class();
        let select =
            Select { held, class, view, provider: "alpha".into(), open: false, most: 3, what };
        select.run(&reader).unwrap()
    };
    let ids = |page: &Page| page.found.iter().map(|found| found.id.clone()).collect::<Vec<_>>();
    let (class, mut after, mut pages) = (held.class(), String::new(), Vec::new());
    loop {
        let first = after.is_empty();
        let page = run(Selection::Behind(if first { class.first() } else { class.value(after) }));
        assert!(page.found.len() == 3 || !page.more, "a page is full unless it is the last");
        pages.extend(ids(&page));
        match page.more {
            true => after = page.found.last().unwrap().id.clone(),
            false => break,
        }
    }
    let single = (0..30).flat_map(|n| {
        let spellings = [
            n.to_string(),
            format!("0{n}"),
            format!("{n}.0"),
            format!("{n} "),
            format!("a{n}"),
            format!("A{n}"),
        ];
        spellings.into_iter().flat_map(|id| ids(&run(Selection::One(class.value(id)))))
    });
    let single = single.collect();
    let candidates = held.texts().candidates["name"].clone().unwrap();
    let values = vec![class.first(), RecordId::Text(b"a b".to_vec())];
    let searched = run(Selection::Matching { candidates, values, decoy: held.decoy(&[]) });
    [pages, single, ids(&searched)]
}

fn numbers(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|n| n.to_string()).collect()
}

#[test]
fn ids_are_integers_or_texts_whatever_their_columns_are_declared() {
    let types =
        ["INTEGER", "TEXT", "", "NUMBER(10)", "VARCHAR(20)", "BIGINT", "INTEGER PRIMARY KEY"];
    for declared in types {
        let roster = declared.replace(" PRIMARY KEY", "");
        let sql = extract(declared, &roster, "");
        assert_eq!(found(&sql), [], "{declared}");
        let [pages, single, searched] = read_by_alpha(&sql);
        assert_eq!(pages, numbers(10..20), "{declared}");
        assert_eq!(single, numbers(10..20), "{declared}");
        assert_eq!(searched, numbers(10..13), "{declared}");
    }
}

#[test]
fn an_integer_and_the_text_of_it_are_not_one_person() {
    for (id, roster) in
        [("INTEGER", "TEXT"), ("TEXT", "INTEGER"), ("TEXT", ""), ("BIGINT", "VARCHAR(9)")]
    {
        let to = if roster.is_empty() { "CAST(id AS INTEGER)" } else { "id" };
        let sql = extract(id, roster, &format!("UPDATE roster SET id = {to};"));
        let told = found(&sql);
        assert!(
            told.iter().any(|(weight, line)| *weight == FindingEffect::Stops
                && line.contains("TEXT")
                && line.contains("INTEGER")),
            "{id} {roster}: {told:#?}"
        );
        // Nor would they be if nobody had looked: each is compared as it is stored.
        let [pages, single, searched] = read_by_alpha(&sql);
        assert_eq!([pages, single, searched], [const { Vec::<String>::new() }; 3], "{id} {roster}");
    }
    // One of another class among the others, on either side.
    for stray in [
        "INSERT INTO dossiers SELECT '15', 'A', 'B', 'c', 'd', 'a b';",
        "INSERT INTO roster VALUES ('alpha', '15');",
    ] {
        let told = found(&extract("", "", stray));
        assert!(
            told.iter()
                .any(|(weight, line)| *weight == FindingEffect::Stops && line.contains("1 TEXT")),
            "{told:#?}"
        );
        let [pages, single, _] = read_by_alpha(&extract("", "", stray));
        assert_eq!((pages, single), (numbers(10..20), numbers(10..20)));
    }
}

#[test]
fn texts_are_one_id_only_if_they_are_the_same_bytes() {
    let persons = |collation: &str, ids: &[&str], roster: &[&str]| {
        let row =
            |id: &&str| format!("INSERT INTO dossiers VALUES ('{id}', 'A', 'B', 'c', 'd', 'a b');");
        let member = |id: &&str| format!("INSERT INTO roster VALUES ('alpha', '{id}');");
        let rows: String = ids.iter().map(row).chain(roster.iter().map(member)).collect();
        let sql =
            extract("TEXT", "TEXT", &format!("DELETE FROM dossiers; DELETE FROM roster; {rows}"));
        let sql = sql.replace("id TEXT,", &format!("id TEXT COLLATE {collation},"));
        // As the opening of it would ask for.
        format!(
            "{sql} CREATE INDEX exact_id ON dossiers(id COLLATE BINARY);
                 CREATE INDEX exact_name ON dossiers(name_key, id COLLATE BINARY);"
        )
    };
    for (collation, ids, roster) in [
        ("NOCASE", ["a7", "A7"], ["A7"]),
        ("RTRIM", ["7", "7 "], ["7"]),
        ("BINARY", ["07", "7"], ["7"]),
    ] {
        let [pages, single, searched] = read_by_alpha(&persons(collation, &ids, &roster));
        assert_eq!([&pages, &single, &searched], [&roster; 3], "{collation}");
    }
}

#[test]
fn a_faulty_record_is_answered_as_absent_and_the_others_are_not() {
    let long = "x".repeat(369);
    let text = [
        ("is blob", "UPDATE dossiers SET id = CAST('15' AS BLOB) WHERE id = '15';".to_owned()),
        ("is empty", "UPDATE dossiers SET id = '' WHERE id = '15'; UPDATE roster SET id = '' WHERE id = '15';".into()),
        ("is longer", format!("UPDATE dossiers SET id = '{long}' WHERE id = '15'; UPDATE roster SET id = '{long}' WHERE id = '15';")),
        ("control", "UPDATE dossiers SET id = char(1) WHERE id = '15'; UPDATE roster SET id = char(1) WHERE id = '15';".into()),
        ("not UTF-8", "UPDATE dossiers SET id = CAST(x'31ff' AS TEXT) WHERE id = '15'; UPDATE roster SET id = CAST(x'31ff' AS TEXT) WHERE id = '15';".into()),
        ("is null", "UPDATE dossiers SET id = NULL WHERE id = '15';".into()),
        ("more than one row", "INSERT INTO dossiers SELECT * FROM dossiers WHERE id = '15';".into()),
        ("more than one row", "INSERT INTO roster SELECT * FROM roster WHERE id = '15';".into()),
        ("is blob", "UPDATE dossiers SET family_name = x'00' WHERE id = '15';".into()),
        ("not UTF-8", "UPDATE dossiers SET given_name = CAST(x'c328' AS TEXT) WHERE id = '15';".into()),
    ];
    let but_15: Vec<String> = numbers((10..20).filter(|n| *n != 15));
    for (why, then) in text {
        let sql = extract("TEXT", "TEXT", &then);
        let told = found(&sql);
        assert!(
            told.iter().any(|(weight, line)| *weight == FindingEffect::Absent
                && line.contains(why)
                && line.contains("answered as absent")),
            "{then}: {told:#?}"
        );
        assert!(told.iter().all(|(weight, _)| *weight != FindingEffect::Stops), "{told:#?}");
        let [pages, single, searched] = read_by_alpha(&sql);
        assert_eq!((pages, single), (but_15.clone(), but_15.clone()), "{then}");
        assert_eq!(searched, numbers(10..13));
    }
    // More of them in a row than a page holds do not end a list.
    let many = "UPDATE dossiers SET given_name = x'00' WHERE id BETWEEN '11' AND '18';";
    let [pages, ..] = read_by_alpha(&extract("TEXT", "TEXT", many));
    assert_eq!(pages, ["10", "19"]);
    let twice = "INSERT INTO dossiers SELECT * FROM dossiers WHERE id BETWEEN '11' AND '18';";
    let [pages, ..] = read_by_alpha(&extract("TEXT", "TEXT", twice));
    assert_eq!(pages, ["10", "19"]);
}

#[test]
fn what_stops_a_dataset_or_hides_it_from_a_search_is_told_with_its_rows_and_no_value() {
    let good = extract("TEXT", "TEXT", "");
    for (then, weight, says) in [
        ("UPDATE dossiers SET id = CAST(id AS BLOB);", FindingEffect::Stops, "10 BLOB"),
        (
            "UPDATE dossiers SET name_key = 'b a' WHERE id = '13';",
            FindingEffect::Unfound,
            "in row 4",
        ),
        ("DELETE FROM roster;", FindingEffect::Told, "nobody for the provider alpha"),
        (
            "UPDATE roster SET provider = 'alpha ';",
            FindingEffect::Told,
            "nobody for the provider alpha",
        ),
        ("DELETE FROM dossiers WHERE id = '19';", FindingEffect::Told, "without a record"),
        ("DROP TABLE roster;", FindingEffect::Stops, "table roster is not there"),
        (
            "ALTER TABLE dossiers DROP COLUMN email;",
            FindingEffect::Stops,
            "dossiers.email is not there",
        ),
        ("DROP INDEX dossiers_by_name;", FindingEffect::Stops, "CREATE INDEX dossiers_by_name"),
    ] {
        let told = found(&format!("{good} {then}"));
        assert!(
            told.iter().any(|(w, line)| *w == weight && line.contains(says)),
            "{then}: {told:#?}"
        );
    }
    let real = extract("TEXT", "TEXT", "").replace("id TEXT", "id REAL");
    assert!(
        found(&real).iter().any(|(w, line)| *w == FindingEffect::Stops && line.contains("REAL"))
    );
}

#[test]
fn a_view_of_one_table_serves_and_a_generated_column_too() {
    let view = "ALTER TABLE dossiers RENAME TO stock;
                CREATE VIEW dossiers AS SELECT id, family_name, given_name, email, nationality, name_key FROM stock;";
    let generated = "ALTER TABLE dossiers DROP COLUMN email;
                     ALTER TABLE dossiers ADD COLUMN email TEXT AS (family_name || '@example') VIRTUAL;";
    for then in [view, generated] {
        let sql = extract("TEXT", "TEXT", then);
        assert_eq!(found(&sql), [], "{then}");
        assert_eq!(read_by_alpha(&sql)[0], numbers(10..20), "{then}");
    }
}

#[test]
fn every_row_is_looked_at_however_many_there_are() {
    let many = "WITH RECURSIVE n(n) AS (SELECT 10000 UNION ALL SELECT n + 1 FROM n WHERE n < 12999)
                INSERT INTO dossiers SELECT n, 'A', 'B', 'c', 'd', 'a b' FROM n;
                INSERT INTO dossiers SELECT id, 'A', 'B', x'00', 'd', 'a b' FROM dossiers WHERE id % 500 = 0;";
    let told = found(&extract("TEXT", "TEXT", many));
    let line =
        |says: &str| told.iter().find(|(_, line)| line.contains(says)).map(|(_, l)| l.clone());
    assert!(line("stands in more than one row in 12 rows").is_some(), "{told:#?}");
}
