//! A disk whose commits fail, and files as a crash leaves them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use greffier::registrar::Commits;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use rusqlite::ffi;

/// What the next commit meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Nothing of it is written.
    NotWritten,
    /// All of it is written, and an error is what is told.
    WrittenAndFailed,
    /// The file may not grow: SQLite itself finds out, in the middle of it.
    Full,
    /// The machine dies in the middle of it: files before and after are kept.
    Torn,
}

/// The contents of a ledger's files.
#[derive(Clone, Default)]
pub(crate) struct Files {
    ledger: Vec<u8>,
    wal: Vec<u8>,
}

impl Files {
    pub(crate) fn read(path: &Path) -> Files {
        let read = |path: &Path| fs::read(path).unwrap_or_default();
        Files { ledger: read(path), wal: read(&wal(path)) }
    }

    pub(crate) fn write(&self, path: &Path) {
        fs::write(path, &self.ledger).expect("a file");
        if !self.wal.is_empty() {
            fs::write(wal(path), &self.wal).expect("a file");
        }
    }
}

fn wal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

#[derive(Default)]
struct State {
    fault: Fault,
    /// Of a commit in whose middle the machine died.
    torn: Option<(Files, Files)>,
}

/// The disk, as the registrar's commits meet it.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// The next commit meets this.
    pub(crate) fn set(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fault = fault;
    }

    /// The files before and after the commit in which the machine died.
    pub(crate) fn torn(&self) -> Option<(Files, Files)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).torn.take()
    }

    /// Whether the machine has died.
    pub(crate) fn is_torn(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).torn.is_some()
    }

    /// Commits by this disk.
    pub(crate) fn commits(&self, path: &Path) -> Commits {
        let (disk, path) = (self.clone(), path.to_owned());
        Commits::new(move |connection, commit| {
            let mut state = disk.0.lock().unwrap_or_else(PoisonError::into_inner);
            match std::mem::take(&mut state.fault) {
                Fault::None => commit(),
                Fault::NotWritten => Err(broken()),
                Fault::WrittenAndFailed => commit().and(Err(broken())),
                Fault::Full => full(connection, commit),
                Fault::Torn => {
                    let before = Files::read(&path);
                    commit()?;
                    state.torn = Some((before, Files::read(&path)));
                    Err(broken())
                }
            }
        })
    }
}

fn broken() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR), None)
}

/// Commits to a file that may not grow.
fn full(
    connection: &Connection,
    commit: &dyn Fn() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let limit = |pages: u64| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        connection.query_row(&sql, [], |row| row.get::<_, u64>(0))
    };
    // SQLite takes it for as many as there are.
    limit(1)?;
    let done = commit();
    limit(u64::from(u32::MAX) - 1)?;
    done
}

/// What is on a disk that lost power in the middle of a commit: of the WAL as much as was written,
/// then what lay there before; or, where all of it was written, some of the pages that were being
/// moved into the file. True, if the commit stands.
pub(crate) fn lost_power(
    (before, after): (Files, Files),
    chance: &mut ChaCha8Rng,
) -> (Files, bool) {
    if chance.random_bool(0.3) && before.ledger != after.ledger {
        let mut ledger = after.ledger.clone();
        let pages = ledger.chunks_mut(4_096).zip(before.ledger.chunks(4_096));
        for (page, old) in pages.filter(|_| chance.random_bool(0.5)) {
            page[..old.len()].copy_from_slice(old);
        }
        return (Files { ledger, wal: after.wal }, true);
    }
    let end = chance.random_range(0..=after.wal.len());
    let mut wal = after.wal[..end].to_vec();
    wal.extend_from_slice(before.wal.get(end..).unwrap_or_default());
    (Files { ledger: before.ledger, wal }, false)
}
