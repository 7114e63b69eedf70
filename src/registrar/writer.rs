//! The ledger file, written: by one process, in whole commits that end in a checkpoint.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::files::{self, beside};
use crate::format::entry::Hash;
use crate::format::merkle::Frontier;
use crate::verify::store::{APPLICATION_ID, FORMAT, SCHEMA, TILE_LEVELS};

/// Room that must be there before a writer is opened, in bytes: less would end at the next commit.
const ROOM: usize = 1 << 20;
/// What is left of a WAL that had to grow, once it can be begun again, in bytes: as much as SQLite
/// lets it grow by itself.
const WAL_KEPT: i64 = 4 << 20;
/// How long a commit waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// Another process holds the lock of this ledger file.
    #[error("another process is writing {}: one daemon a ledger", .0.display())]
    Locked(PathBuf),
    /// There is a file already where `init` is to make the ledger.
    #[error("{} exists already: a ledger is made once and never over another", .0.display())]
    Exists(PathBuf),
    /// There is no ledger file, and the daemon never makes one.
    #[error(
        "there is no ledger at {}: `greffier init` makes one; if there was one, it is lost, and \
         what it proved with it, so find it before you make another", .0.display()
    )]
    Missing(PathBuf),
    /// SQLite reports an error; its words say which.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The system reports an error of a file.
    #[error("{}: {error}", path.display())]
    Io {
        /// Path of the file that the error is about.
        path: PathBuf,
        /// The error that the system gives.
        error: io::Error,
    },
}

/// What one commit writes to the ledger file.
#[derive(Debug, Default)]
pub(super) struct Commit {
    /// Bodies of the new entries, the first of them of entry number `first`.
    pub(super) bodies: Vec<String>,
    pub(super) first: u64,
    /// Tiles of the tree that this commit fills, 256 hashes each.
    pub(super) tiles: Vec<Tile>,
}

/// 256 hashes of one level, and their root behind them.
#[derive(Debug)]
pub(super) struct Tile {
    pub(super) level: u32,
    pub(super) n: u64,
    pub(super) hashes: Vec<u8>,
}

/// How a commit reaches the disk: as it is, unless a simulation has disks fail. The commit is made,
/// if at all, by the second argument, on the first.
#[derive(Clone)]
pub struct Commits(Arc<Make>);

/// The function that makes a commit of what it is given to write.
type Make =
    dyn Fn(&Connection, &dyn Fn() -> rusqlite::Result<()>) -> rusqlite::Result<()> + Send + Sync;

impl Commits {
    /// Commits that are made by the function `make`.
    pub fn new(
        make: impl Fn(&Connection, &dyn Fn() -> rusqlite::Result<()>) -> rusqlite::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> Commits {
        Commits(Arc::new(make))
    }
}

/// Every commit is made, and nothing else.
impl Default for Commits {
    fn default() -> Commits {
        Commits::new(|_, commit| commit())
    }
}

impl fmt::Debug for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commits").finish_non_exhaustive()
    }
}

/// The one process that writes the file.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    commits: Commits,
    /// Held as long as the writer lives.
    _lock: Lock,
}

impl Writer {
    /// Makes a new ledger file, mode 0600, and locks it.
    pub(super) fn create(path: &Path) -> Result<Writer, Unwritable> {
        let lock = lock(path)?;
        // Pseudonymised personal data: for its owner only, as are the files that SQLite lays
        // beside.
        match files::create(path, 0o600, "") {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Unwritable::Exists(path.to_owned()));
            }
            Err(error) => return Err(Unwritable::Io { path: path.to_owned(), error }),
        }
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", FORMAT)?;
        connection.execute_batch(SCHEMA)?;
        Self::ready(connection, lock, Commits::default())
    }

    /// Opens the ledger file that is there, and locks it.
    pub(super) fn open(path: &Path, commits: Commits) -> Result<Writer, Unwritable> {
        if !path.exists() {
            return Err(Unwritable::Missing(path.to_owned()));
        }
        let lock = lock(path)?;
        // SQLite hides what the system says of a disk that is full or read-only.
        room(path)?;
        let mode = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::ready(Connection::open_with_flags(path, mode)?, lock, commits)
    }

    fn ready(connection: Connection, lock: Lock, commits: Commits) -> Result<Writer, Unwritable> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
        // The guards are for others. One that somebody adds must not swallow what is written here.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        // Whoever reads the ledger keeps no start waiting: what it holds back stays in the WAL.
        connection.busy_timeout(Duration::ZERO)?;
        settle(&connection)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(Writer { connection, commits, _lock: lock })
    }

    /// Writes entries and the checkpoint that covers them, or nothing. After an error the outcome
    /// is unknown and this writer must not be used again.
    pub(super) fn commit(&mut self, commit: &Commit, note: &str) -> Result<(), rusqlite::Error> {
        let Writer { connection, commits, .. } = self;
        (commits.0)(connection, &|| write(connection, commit, note))
    }
}

fn write(connection: &Connection, commit: &Commit, note: &str) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO entries VALUES (?1, ?2)")?;
        for (seq, body) in (commit.first..).zip(&commit.bodies) {
            once(insert.execute((seq, body))?)?;
        }
        // Derived data: a row that somebody laid there before is found at the next start.
        let mut insert =
            transaction.prepare_cached("INSERT OR IGNORE INTO tiles VALUES (?1, ?2, ?3)")?;
        for tile in &commit.tiles {
            insert.execute((tile.level, tile.n, &tile.hashes))?;
        }
        let size = commit.first + commit.bodies.len() as u64;
        let mut insert = transaction.prepare_cached("INSERT INTO checkpoints VALUES (?1, ?2)")?;
        once(insert.execute((size, note))?)?;
    }
    transaction.commit()
}

/// One row, or the file does something else than it is told.
fn once(rows: usize) -> Result<(), rusqlite::Error> {
    if rows == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(rows)) }
}

/// Moves what is in the WAL into the file and syncs that. A sync that failed can leave entries
/// which the system shows and will never write; whatever is committed behind them in the WAL would
/// be lost with them when the power fails.
fn settle(connection: &Connection) -> Result<(), rusqlite::Error> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let held: bool = connection.query_row(sql, [], |row| row.get(0))?;
    if held {
        tracing::warn!("somebody reads the ledger: what was in its WAL stays there for now");
    }
    Ok(())
}

/// A lock that ends with the process, however it ends.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would leave it with a child that has been forked and not yet become its program.
        let _ = self.0.unlock();
    }
}

fn lock(path: &Path) -> Result<Lock, Unwritable> {
    let name = beside(path, ".lock");
    let io = |error| Unwritable::Io { path: name.clone(), error };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Unwritable::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

/// Whether the file's folder takes writes, tried with a file that is removed at once.
pub(super) fn room(path: &Path) -> Result<(), Unwritable> {
    let probe = beside(path, ".room");
    let write = || {
        let mut file = File::create(&probe)?;
        file.write_all(&vec![0; ROOM])?;
        file.sync_all()
    };
    let written: io::Result<()> = write();
    // What matters is whether it could be written; a probe left behind is overwritten next time.
    let _ = fs::remove_file(&probe);
    written.map_err(|error| Unwritable::Io { path: probe, error })
}

/// The tiles at the right edge that are not yet full, lowest level first.
#[derive(Debug, Default)]
pub(super) struct Edge {
    levels: Vec<(u64, Vec<u8>)>,
}

impl Edge {
    /// Adds a leaf; tiles that become full go to `full`.
    pub(super) fn push(&mut self, leaf: Hash, full: &mut Vec<Tile>) {
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push((0, Vec::new()));
            }
            let (n, hashes) = &mut self.levels[level];
            hashes.extend_from_slice(&hash.0);
            if hashes.len() < 32 << TILE_LEVELS {
                break;
            }
            let mut root = Frontier::default();
            for hash in hashes.chunks_exact(32) {
                root.push(Hash(hash.try_into().expect("chunks of 32 bytes")));
            }
            hash = root.root();
            let level = u32::try_from(level).expect("a tree has few levels");
            hashes.extend_from_slice(&hash.0);
            full.push(Tile { level, n: *n, hashes: std::mem::take(hashes) });
            *n += 1;
        }
    }
}
