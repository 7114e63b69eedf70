//! Whether the pages of the records that a read looks at tell an absent person from one off the
//! roster: counted from outside, on a gateway that runs under `strace`, with nothing of the file
//! remembered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::instance::{Caller, Instance, PROGRAM, context};

const PROVIDER: &str = "provider-02";
/// Persons of each kind.
const PERSONS: usize = 40;

/// Ordinary tables, with the indexes that a start asks for.
const ROWIDS: &str = "
    BEGIN;
    ALTER TABLE dossiers RENAME TO dossiers_of_init;
    ALTER TABLE roster RENAME TO roster_of_init;
    DROP INDEX dossiers_by_name_and_birth_date;
    CREATE TABLE dossiers AS SELECT * FROM dossiers_of_init ORDER BY random();
    CREATE TABLE roster AS SELECT * FROM roster_of_init ORDER BY random();
    DROP TABLE dossiers_of_init;
    DROP TABLE roster_of_init;
    CREATE UNIQUE INDEX dossiers_by_id ON dossiers(id);
    CREATE INDEX dossiers_by_name_and_birth_date ON dossiers(name_key, birth_date, id);
    CREATE UNIQUE INDEX roster_by_provider_and_id ON roster(provider, id);
    COMMIT;";

/// Reads of the records file that the kernel was asked for, by file descriptor.
fn reads(trace: &Path) -> BTreeMap<String, usize> {
    let trace = std::fs::read_to_string(trace).expect("a trace");
    let mut counts = BTreeMap::new();
    for line in trace.lines().filter(|line| line.contains("source.sqlite>")) {
        let Some((_, call)) = line.split_once("pread64(") else { continue };
        let descriptor = call.split('<').next().unwrap_or_default();
        *counts.entry(descriptor.to_owned()).or_default() += 1;
    }
    counts
}

/// Whom a read looks for, and how.
enum Whom {
    Handle(String),
    /// Family name, given name, date of birth.
    Name(String, String, String),
}

async fn ask(caller: &mut Caller, whom: &Whom) {
    match whom {
        Whom::Handle(name) => drop(caller.get(name, context()).await.expect_err("nobody")),
        Whom::Name(family, given, born) => {
            let values =
                [("family_name", &**family), ("given_name", &**given), ("birth_date", &**born)];
            let found = caller.search("name_and_birth_date", &values, 1, context()).await;
            assert!(found.expect("nobody").records.is_empty());
        }
    }
}

/// How many reads of the file it takes to look for each, with nothing of it in SQLite's memory:
/// each time somebody else has written to it.
async fn cold(
    caller: &mut Caller,
    source: &Connection,
    trace: &Path,
    whom: &[Whom],
) -> Vec<BTreeMap<String, usize>> {
    let mut counts = Vec::new();
    for whom in whom {
        source.execute("UPDATE written SET times = times + 1", []).expect("SQL");
        let before = reads(trace);
        ask(caller, whom).await;
        let mut after = reads(trace);
        after.iter_mut().for_each(|(of, count)| *count -= before.get(of).unwrap_or(&0));
        counts.push(after);
    }
    counts
}

/// An instance, its records changed by `layout`, and the persons to look for: by handle and by
/// name, those off the roster and those who are not there.
async fn prepared(layout: &str) -> (Instance, [Vec<Whom>; 4]) {
    let instance = Instance::of(20_000, 3);
    instance.widen();
    // One connection, so that its reads can be told from those of the watches.
    instance.config(|config| config["source"]["readers"] = toml_edit::value(1));
    let source = instance.source();
    source.execute_batch("CREATE TABLE written(times); INSERT INTO written VALUES (0);").unwrap();
    source.execute_batch(layout).unwrap();
    let names: Vec<_> = {
        let sql = "SELECT family_name, given_name, birth_date FROM dossiers WHERE id NOT IN
                   (SELECT id FROM roster WHERE provider = ?1) ORDER BY random() LIMIT ?2";
        let mut rows = source.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows = rows.query_map((PROVIDER, PERSONS), row).unwrap();
        rows.collect::<Result<Vec<(String, String, String)>, _>>().unwrap()
    };
    // The same names, born on a day on which nobody is.
    let nobody =
        names.iter().map(|(a, b, _)| Whom::Name(a.clone(), b.clone(), "1899-01-01".into()));
    let nobody = nobody.collect();
    let off = names.iter().map(|(a, b, c)| Whom::Name(a.clone(), b.clone(), c.clone())).collect();
    let daemon = instance.serve();
    let page = daemon.client(PROVIDER).await.list(2 * PERSONS as i32, "", context()).await;
    let handles: Vec<String> = page.unwrap().records.into_iter().map(|r| r.name).collect();
    daemon.stop().await;
    let roster = instance.roster(PROVIDER);
    for (n, id) in roster.iter().enumerate().take(2 * PERSONS) {
        source
            .execute("DELETE FROM roster WHERE provider = ?1 AND id = ?2", (PROVIDER, id))
            .unwrap();
        if n % 2 == 1 {
            source.execute("DELETE FROM dossiers WHERE id = ?1", [id]).unwrap();
        }
    }
    let [off_handles, nobody_handles] = [0, 1]
        .map(|kind| handles.iter().skip(kind).step_by(2).cloned().map(Whom::Handle).collect());
    (instance, [off_handles, nobody_handles, off, nobody])
}

/// Whether strace can follow a process here.
fn strace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    let follows = tried.is_ok_and(|status| status.success());
    if !follows {
        eprintln!("SKIPPED: the count of page reads: strace is not there, or may follow nothing");
    }
    follows
}

async fn compare(layout: &str) {
    if !strace() {
        return;
    }
    let (instance, whom) = prepared(layout).await;
    let trace: PathBuf = instance.layout.root().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-y", "-e", "trace=pread64", "-o"]).arg(&trace).arg(PROGRAM);
    let daemon = instance.serve_by(strace).unwrap();
    // From then on the decoys are spread over the roster.
    daemon.until_said("the records were looked at as a whole").await;
    let authority = crate::pki::Authority::of(&instance.layout);
    let mut caller = daemon.client_with(authority.client("provider", PROVIDER)).await;
    let (source, mut sums) = (instance.source(), Vec::new());
    for whom in &whom {
        let counts = cold(&mut caller, &source, &trace, whom).await;
        // The descriptor that every read went through is the one of reads.
        let all = counts[0].keys().filter(|of| counts.iter().all(|c| c.get(*of) > Some(&0)));
        let all: Vec<&String> = all.collect();
        assert_eq!(all.len(), 1, "{counts:?}");
        sums.push(counts.iter().map(|count| count[all[0]]).sum::<usize>());
    }
    daemon.stop().await;
    let [off_get, nobody_get, off_search, nobody_search] = sums[..] else { panic!("four kinds") };
    let like = |a: usize, b: usize| 20 * a.abs_diff(b) <= a.max(b);
    assert!(like(off_get, nobody_get), "get: {off_get} off the roster, {nobody_get} absent");
    assert!(like(off_search, nobody_search), "search: {off_search} off, {nobody_search} absent");
    // A look at less than a page each would have counted nothing.
    assert!(sums.iter().all(|sum| *sum >= 2 * PERSONS), "{sums:?}");
    eprintln!(
        "page reads for {PERSONS} persons each: get {off_get} off, {nobody_get} absent; search {off_search} off, {nobody_search} absent"
    );
}

#[tokio::test]
async fn absent_and_off_the_roster_read_as_many_pages_in_tables_without_rowid() {
    compare("").await;
}

#[tokio::test]
async fn absent_and_off_the_roster_read_as_many_pages_in_ordinary_tables() {
    compare(ROWIDS).await;
}
