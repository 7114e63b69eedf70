//! The ledger file, read. It hands out bytes as they lie there and judges only whether the file is
//! one of ours; what the bytes are worth is for `verify`.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use tempfile::TempDir;

use crate::files::beside;
use crate::format::checkpoint::Checkpoint;
use crate::format::entry::{Hash, Malformed};
use crate::format::merkle;
use crate::format::merkle::Hashes;
use crate::format::receipt::Receipt;

/// The schema of a ledger file, statement by statement, as `docs/ledger-format.md` has it.
pub const SCHEMA: &str = include_str!("schema.sql");
/// `application_id` of a ledger file: the letters `gref`.
pub const APPLICATION_ID: i64 = 0x6772_6566;
/// `user_version` of a ledger: the version of the format.
pub const FORMAT: i64 = 1;
/// Levels of the tree in one tile: 2^8 hashes.
pub const TILE_LEVELS: u32 = 8;

/// Why the file could not be read. Nothing is said about the ledger in it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// There is no file at this path.
    #[error("there is no ledger at {}", .0.display())]
    Missing(PathBuf),
    /// The file is not SQLite, or its `application_id` or `user_version` is not that of a ledger.
    #[error("{} is not a greffier ledger", .0.display())]
    NotOurs(PathBuf),
    /// SQLite would change it before showing it.
    #[error(
        "beside {} lies a rollback journal, {}-journal, which no ledger has: SQLite would play it back \
         and show other contents than these. Keep both as they are, find out who put it there, and \
         check a copy of the ledger without it", .0.display(), .0.display()
    )]
    Journal(PathBuf),
    /// The tiles are not what the entries give.
    #[error("the stored hashes of the tree are not those of the entries")]
    Tiles,
    /// The file has a newer format than this program reads; holds its version.
    #[error("the ledger has format {0}; this program reads format {FORMAT}: use a newer one")]
    Newer(i64),
    /// SQLite reports an error; its words say which.
    #[error("the ledger cannot be read: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file could not be copied aside to be read.
    #[error("the ledger cannot be copied to a temporary place to be read: {0}")]
    Copy(#[from] std::io::Error),
    /// A receipt was asked for an entry that is not there.
    #[error("there is no entry {0}")]
    NoEntry(u64),
}

/// A ledger file opened for reading.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    /// Where the file was copied to, if it lies on a medium that SQLite cannot lock.
    _copy: Option<TempDir>,
}

impl Store {
    /// Opens a ledger where it lies, as its daemon does.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn in_place(path: &Path) -> Result<Store, Unreadable> {
        held_against(path)?;
        Self::ours(path, connect(path)?, None)
    }

    /// Opens a ledger for reading. A file on a read-only medium is copied, with its `-wal`, to a
    /// temporary place first, since SQLite cannot read a WAL without writing beside it.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn open(path: &Path) -> Result<Store, Unreadable> {
        held_against(path)?;
        let (connection, copy) = match connect(path) {
            Ok(connection) => (connection, None),
            Err(error) if is_no_database(&error) => {
                return Err(Unreadable::NotOurs(path.to_owned()));
            }
            Err(error) if !is_read_only(&error) => return Err(error.into()),
            Err(_) => {
                let copy = TempDir::new()?;
                let to = copy.path().join("ledger.sqlite");
                fs::copy(path, &to)?;
                let wal = beside(path, "-wal");
                if wal.exists() {
                    fs::copy(wal, beside(&to, "-wal"))?;
                }
                (connect(&to)?, Some(copy))
            }
        };
        Self::ours(path, connection, copy)
    }

    fn ours(
        path: &Path,
        connection: Connection,
        copy: Option<TempDir>,
    ) -> Result<Store, Unreadable> {
        let ours: i64 = connection.pragma_query_value(None, "application_id", |r| r.get(0))?;
        let format: i64 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
        match (ours, format) {
            (APPLICATION_ID, FORMAT) => Ok(Store { connection, _copy: copy }),
            (APPLICATION_ID, newer) if newer > FORMAT => Err(Unreadable::Newer(newer)),
            _ => Err(Unreadable::NotOurs(path.to_owned())),
        }
    }

    /// The connection, for `verify` and for the writer's own reads.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What is wrong with the schema or the file's structure, if anything.
    ///
    /// # Errors
    /// Only if SQLite cannot say.
    pub fn structure_fault(&self) -> Result<Option<String>, rusqlite::Error> {
        let ours = Connection::open_in_memory()?;
        ours.execute_batch(SCHEMA)?;
        let (found, expected) = (schema_of(&self.connection)?, schema_of(&ours)?);
        if let Some(object) = found.iter().find(|o| !expected.contains(o)) {
            return Ok(Some(format!(
                "the schema has {} `{}`, not as it should be",
                object[0], object[1]
            )));
        }
        if let Some(object) = expected.iter().find(|o| !found.contains(o)) {
            return Ok(Some(format!("the schema lacks {} `{}`", object[0], object[1])));
        }
        let encoding: String =
            self.connection.pragma_query_value(None, "encoding", |row| row.get(0))?;
        if encoding != "UTF-8" {
            return Ok(Some(format!("the file keeps its text as {encoding}, not as UTF-8")));
        }
        let check: String =
            self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if check != "ok" {
            return Ok(Some(format!("the file is damaged: {check}")));
        }
        // Not every SQLite holds rows that are there to the constraints of today. Those of entries
        // and checkpoints are looked at as they are read.
        let sql = "SELECT level, n FROM tiles WHERE typeof(level) <> 'integer' \
                   OR typeof(n) <> 'integer' OR typeof(hashes) <> 'blob' LIMIT 1";
        let odd = self.connection.query_row(sql, [], |_| Ok(())).optional()?;
        Ok(odd.map(|()| "a row of `tiles` is not of the storage classes of its columns".to_owned()))
    }

    /// The newest checkpoint, as the file has it.
    ///
    /// # Errors
    /// As SQLite has them.
    pub fn newest_checkpoint(&self) -> Result<Option<(u64, String)>, rusqlite::Error> {
        let sql = "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }

    /// The bytes of entry `seq`.
    ///
    /// # Errors
    /// [`Unreadable::NoEntry`], or as SQLite has them.
    pub fn body(&self, seq: u64) -> Result<String, Unreadable> {
        let mut statement =
            self.connection.prepare_cached("SELECT body FROM entries WHERE seq = ?1")?;
        // No row has a number that SQLite cannot hold.
        let row = i64::try_from(seq).map_err(|_| Unreadable::NoEntry(seq))?;
        let body = statement.query_row([row], |row| row.get(0)).optional()?;
        body.ok_or(Unreadable::NoEntry(seq))
    }

    /// The receipt of entry `seq` under the newest checkpoint.
    ///
    /// # Errors
    /// [`Unreadable::NoEntry`], or as SQLite has them.
    pub fn receipt(&self, seq: u64) -> Result<Receipt, Unreadable> {
        // One snapshot: the checkpoint and the hashes belong together.
        let _snapshot = self.connection.unchecked_transaction()?;
        let (size, checkpoint) = self.newest_checkpoint()?.ok_or(Unreadable::NoEntry(seq))?;
        if seq >= size {
            return Err(Unreadable::NoEntry(seq));
        }
        let (body, path) = (self.body(seq)?, merkle::inclusion(seq, size, self)?);
        // Tiles are no evidence, and whoever can write the file can write them.
        let root = merkle::root_of_inclusion(seq, size, merkle::leaf(body.as_bytes()), &path);
        if Checkpoint::parse(&checkpoint).ok().map(|c| c.root) != root {
            return Err(Unreadable::Tiles);
        }
        Ok(Receipt { body, index: seq, path, checkpoint })
    }

    /// The proof that the tree of `old` entries is the beginning of that of `new`, or of the newest
    /// checkpoint's; and that checkpoint.
    ///
    /// # Errors
    /// [`Unreadable::NoEntry`] if a size is 0 or more than there are entries, or `old` is above
    /// `new`; or as SQLite has them.
    pub fn consistency(
        &self,
        old: u64,
        new: Option<u64>,
    ) -> Result<(Vec<Hash>, String), Unreadable> {
        // One snapshot: the checkpoint and the hashes belong together.
        let _snapshot = self.connection.unchecked_transaction()?;
        let (size, checkpoint) = self.newest_checkpoint()?.ok_or(Unreadable::NoEntry(0))?;
        let new = new.unwrap_or(size);
        if old == 0 || old > new || new > size {
            return Err(Unreadable::NoEntry(old.max(new)));
        }
        Ok((merkle::consistency(old, new, self)?, checkpoint))
    }

    /// The hashes of a tile that was stored when it was full, and their root; none if it is not.
    ///
    /// # Errors
    /// As SQLite has them.
    pub fn tile(&self, level: u32, n: u64) -> Result<Option<Vec<u8>>, rusqlite::Error> {
        let sql = "SELECT hashes FROM tiles WHERE level = ?1 AND n = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row((level, n), |row| row.get(0)).optional()
    }
}

impl Hashes for Store {
    type Error = Unreadable;

    fn hash(&self, level: u32, n: u64) -> Result<Hash, Unreadable> {
        let (row, above) = (level / TILE_LEVELS, level % TILE_LEVELS);
        // The root of a full tile stands behind its hashes.
        if above == 0
            && row > 0
            && let Some(tile) = self.tile(row - 1, n)?
            && let Some(root) = tile.get(32 << TILE_LEVELS..)
        {
            return root.try_into().map(Hash).map_err(|_| Unreadable::Tiles);
        }
        // The tile that holds the hashes from which this one follows, and their place in it.
        let (width, first) = (1_usize << above, n << above);
        let place = (first % (1 << TILE_LEVELS)) as usize * 32;
        if let Some(tile) = self.tile(row, first >> TILE_LEVELS)?
            && let Some(hashes) = tile.get(place..place + width * 32)
        {
            let mut edge = merkle::Frontier::default();
            for hash in hashes.chunks_exact(32) {
                edge.push(Hash(hash.try_into().expect("chunks of 32 bytes")));
            }
            return Ok(edge.root());
        }
        if level == 0 {
            return Ok(merkle::leaf(self.body(n)?.as_bytes()));
        }
        Ok(merkle::node(&self.hash(level - 1, 2 * n)?, &self.hash(level - 1, 2 * n + 1)?))
    }
}

/// A file, and no journal beside it: SQLite would play that back into the file for whoever opens it
/// next, and show what nobody here has checked.
fn held_against(path: &Path) -> Result<(), Unreadable> {
    if !path.is_file() {
        return Err(Unreadable::Missing(path.to_owned()));
    }
    if beside(path, "-journal").exists() {
        return Err(Unreadable::Journal(path.to_owned()));
    }
    Ok(())
}

/// Opens with the precautions due to a file from elsewhere, and proves that it can be read.
fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, mode)?;
    // Evidence is left as it was found: the last reader does not fold the WAL into the file.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A file that is cut short while it is read must end in an error, not this process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn is_no_database(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase)
}

/// Whether SQLite failed because it could not write beside the file.
fn is_read_only(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

/// Every object of a schema: kind, name, table, text.
fn schema_of(connection: &Connection) -> Result<Vec<[String; 4]>, rusqlite::Error> {
    let sql = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?]))?;
    rows.collect()
}

/// A body as the file has it, before anyone has looked at it.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|e| Malformed::Json(format!("not UTF-8: {e}")))
}
