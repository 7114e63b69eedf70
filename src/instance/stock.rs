//! `source.sqlite`: the stock of persons and the rosters. It is written once, as fast as the disk
//! takes it; if that fails the whole instance goes, so nothing here is safe against a crash.

use std::iter;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, Statement};

use super::person::{self, COLUMNS, Person};
use super::roster::Roster;
use super::{InstanceError, Progress, Stage, write_secret};

/// Persons of one INSERT. More gain nothing; see `BATCH` for what crosses the threads.
const ROWS: usize = 16;
/// Persons handed over at once, a multiple of [`ROWS`].
const BATCH: u64 = 4_096;
/// Batches under way: enough that neither thread waits for the other's hiccups.
const UNDER_WAY: usize = 4;
/// The stream of the seed's generator that persons come from.
const STREAM: u64 = 1;

/// While building: no journal, nothing waited for, nobody else in the file. None of these settings
/// stays in it, so that it ends in SQLite's default journal mode: such a file can be read where
/// nothing may be written, which one in WAL mode cannot.
const BUILDING: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -262144;";

/// Without rowid: a read by id is one descent instead of two, and a page in id order is one scan.
const TABLES: &str = "
    CREATE TABLE dossiers(
        id TEXT PRIMARY KEY,
        family_name TEXT NOT NULL,
        given_name TEXT NOT NULL,
        birth_date TEXT NOT NULL,
        nationality TEXT NOT NULL,
        entry_date TEXT NOT NULL,
        stay_reason TEXT NOT NULL,
        email TEXT NOT NULL,
        telephone TEXT NOT NULL,
        course TEXT NOT NULL,
        course_site TEXT NOT NULL,
        course_level TEXT NOT NULL,
        hours_attended INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE roster(
        provider TEXT NOT NULL,
        id TEXT NOT NULL,
        PRIMARY KEY(provider, id)
    ) STRICT, WITHOUT ROWID;";

/// For the search `name_and_birth_date`.
const INDEX: &str = "CREATE INDEX dossiers_by_name_and_birth_date
    ON dossiers(family_name, given_name, birth_date)";

/// Writes the whole file.
pub(super) fn write(
    path: &Path,
    seed: u64,
    persons: u64,
    rosters: &[Roster],
    progress: Progress<'_>,
) -> Result<(), InstanceError> {
    // Made here and not by SQLite, so that others never see what is in it.
    write_secret(path, "")?;
    let mut db = Connection::open(path)?;
    db.execute_batch(BUILDING)?;
    let all = db.transaction()?;
    all.execute_batch(TABLES)?;
    write_persons(&all, seed, persons, progress)?;
    progress(Stage::Index, 0, 1);
    all.execute_batch(INDEX)?;
    progress(Stage::Index, 1, 1);
    write_rosters(&all, rosters, progress)?;
    all.commit()?;
    db.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Draws the persons on a thread of its own and inserts them on this one, in the order of their
/// ids, so that the tree only ever grows at its right edge.
fn write_persons(
    db: &Connection,
    seed: u64,
    persons: u64,
    progress: Progress<'_>,
) -> Result<(), rusqlite::Error> {
    let mut many = db.prepare(&insert(ROWS))?;
    let mut one = db.prepare(&insert(1))?;
    let mut done = 0;
    progress(Stage::Persons, done, persons);
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(UNDER_WAY);
        scope.spawn(move || draw(seed, persons, &sender));
        for batch in batches {
            let rows = batch.chunks_exact(ROWS);
            for person in rows.remainder() {
                bind(&mut one, 0, person)?;
                one.raw_execute()?;
            }
            for persons in rows {
                for (row, person) in persons.iter().enumerate() {
                    bind(&mut many, row, person)?;
                }
                many.raw_execute()?;
            }
            done += batch.len() as u64;
            progress(Stage::Persons, done, persons);
        }
        Ok(())
    })
}

/// Sends all persons in batches; ends early when nobody takes them any more.
fn draw(seed: u64, persons: u64, sender: &SyncSender<Vec<Person>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut next = 0;
    while next < persons {
        let end = persons.min(next + BATCH);
        let batch = (next..end).map(|n| Person::draw(n, &mut rng)).collect();
        if sender.send(batch).is_err() {
            return;
        }
        next = end;
    }
}

/// The text of an INSERT of so many rows.
fn insert(rows: usize) -> String {
    let row = format!("({})", vec!["?"; COLUMNS.len()].join(","));
    let rows: Vec<&str> = iter::repeat_n(row.as_str(), rows).collect();
    format!("INSERT INTO dossiers({}) VALUES {}", COLUMNS.join(","), rows.join(","))
}

/// Binds one person as row `row` of `statement`, in the order of [`COLUMNS`].
fn bind(statement: &mut Statement<'_>, row: usize, p: &Person) -> Result<(), rusqlite::Error> {
    let first = row * COLUMNS.len() + 1;
    let texts: [&str; COLUMNS.len() - 1] = [
        &p.id,
        &p.family_name,
        &p.given_name,
        &p.birth_date,
        p.nationality,
        &p.entry_date,
        p.stay_reason,
        &p.email,
        &p.telephone,
        p.course,
        &p.course_site,
        p.course_level,
    ];
    for (column, text) in texts.into_iter().enumerate() {
        statement.raw_bind_parameter(first + column, text)?;
    }
    statement.raw_bind_parameter(first + texts.len(), p.hours_attended)
}

/// Writes who is assigned to whom.
fn write_rosters(
    db: &Connection,
    rosters: &[Roster],
    progress: Progress<'_>,
) -> Result<(), rusqlite::Error> {
    let mut insert = db.prepare("INSERT INTO roster(provider, id) VALUES (?, ?)")?;
    for (done, roster) in (0..).zip(rosters) {
        progress(Stage::Rosters, done, rosters.len() as u64);
        for &member in &roster.members {
            insert.execute((roster.provider.as_ref(), person::id(member)))?;
        }
    }
    progress(Stage::Rosters, rosters.len() as u64, rosters.len() as u64);
    Ok(())
}
