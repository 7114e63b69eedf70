//! `source.sqlite`: the stock of persons and the rosters. It is written once, as fast as the disk
//! takes it; if that fails the whole instance goes, so nothing here is safe against a crash.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, Statement};

use super::person::{self, COLUMNS, Person};
use super::roster::MadeRoster;
use super::{InstanceError, Progress, Stage, write_secret};

/// How many persons one thread hands the other at once.
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
        name_key TEXT NOT NULL,
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

/// The index for the search `name_and_birth_date`.
const INDEX: &str = "CREATE INDEX dossiers_by_name_and_birth_date
    ON dossiers(name_key, birth_date, id)";

/// Writes the whole file of records, persons and rosters.
pub(super) fn write(
    path: &Path,
    seed: u64,
    persons: u64,
    rosters: &[MadeRoster],
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
/// ids, so that the tree only ever grows at its right edge. (Inserts of 16 or of 64 rows took as
/// long as inserts of one.)
fn write_persons(
    db: &Connection,
    seed: u64,
    persons: u64,
    progress: Progress<'_>,
) -> Result<(), rusqlite::Error> {
    let values = ["?"; COLUMNS.len()].join(",");
    let text = format!("INSERT INTO dossiers({}) VALUES ({values})", COLUMNS.join(","));
    let mut insert = db.prepare(&text)?;
    let mut done = 0;
    progress(Stage::Persons, done, persons);
    thread::scope(|scope| {
        let (sender, batches) = mpsc::sync_channel(UNDER_WAY);
        // Room for every batch there is: sending back never waits.
        let (give_back, inserted) = mpsc::sync_channel(UNDER_WAY + 2);
        scope.spawn(move || draw(seed, persons, &sender, &inserted));
        for batch in batches {
            for person in &batch {
                bind(&mut insert, person)?;
                insert.raw_execute()?;
            }
            done += batch.len() as u64;
            progress(Stage::Persons, done, persons);
            // Nobody takes the last ones back, and then they are freed here.
            let _ = give_back.send(batch);
        }
        Ok(())
    })
}

/// Sends all persons in batches; ends early when nobody takes them any more. What was inserted
/// comes back to be freed on the thread that allocated it, out of the other one's way.
fn draw(
    seed: u64,
    persons: u64,
    sender: &SyncSender<Vec<Person>>,
    inserted: &Receiver<Vec<Person>>,
) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut next = 0;
    while next < persons {
        let end = persons.min(next + BATCH);
        let batch = (next..end).map(|n| Person::draw(n, &mut rng)).collect();
        if sender.send(batch).is_err() {
            return;
        }
        inserted.try_iter().for_each(drop);
        next = end;
    }
}

/// Binds one person, in the order of [`COLUMNS`].
fn bind(statement: &mut Statement<'_>, p: &Person) -> Result<(), rusqlite::Error> {
    let texts: [&str; COLUMNS.len() - 1] = [
        &p.id,
        &p.family_name,
        &p.given_name,
        &p.name_key,
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
    for (column, text) in (1..).zip(texts) {
        statement.raw_bind_parameter(column, text)?;
    }
    statement.raw_bind_parameter(COLUMNS.len(), p.hours_attended)
}

/// Writes who is assigned to whom.
fn write_rosters(
    db: &Connection,
    rosters: &[MadeRoster],
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
