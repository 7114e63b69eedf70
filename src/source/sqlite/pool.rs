//! Connections to the file. A read is done in the calling task, since handing it over would cost
//! more than it does; but nothing that waits is done there. Where the file is locked, every
//! connection in use, or a read long, it goes over to one of a few threads that may wait, and with
//! all of those at work it is refused.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::super::SourceError;
use crate::admission::Word;
use crate::quota::shares::Shares;

/// Reads that may wait at once, each on a thread.
pub(crate) const WAITING: usize = 8;
/// Reads of one provider that may wait at once.
const WAITING_OF_ONE: usize = WAITING / 2;
/// How long one of them waits for a lock of the file.
const PATIENCE: Duration = Duration::from_secs(1);
/// Steps of SQLite's machine between two looks at the limit.
const STEPS: i32 = 1_000;
/// Such spans that a read may take in place: some three milliseconds. A page of 500 records takes
/// fewer.
const IN_PLACE: u32 = 60;
/// Such spans that a read may take on a thread: some two seconds.
const ON_THREAD: u32 = 40_000;

/// Memory for pages of the file that all connections for reads in place may have together, in KiB,
/// and that each of them has at least.
const PAGES: usize = 64 << 10;
const PAGES_OF_ONE: usize = 2 << 10;

/// One connection, and the limit of its reads.
#[derive(Debug)]
struct PooledConnection {
    connection: Connection,
    left: Arc<AtomicU32>,
}

/// A small pool of read-only connections.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    /// For reads in place; none where one found the file faulty, until it is opened again.
    readers: Vec<Mutex<Option<PooledConnection>>>,
    next: AtomicUsize,
    /// Connections for reads that go over to a thread that may wait.
    spare: Mutex<Vec<PooledConnection>>,
    places: Arc<Semaphore>,
    shares: Arc<Shares<Word>>,
}

/// What became of a try to read without waiting.
enum Tried<T> {
    Done(Result<T, SourceError>),
    /// The read would have to wait, so it was not done.
    Busy,
}

impl Pool {
    /// Opens `readers` connections.
    ///
    /// # Errors
    /// As SQLite has them.
    pub(super) fn open(path: PathBuf, readers: usize) -> Result<Pool, rusqlite::Error> {
        let pool = Pool {
            readers: (0..readers.max(1)).map(|_| Mutex::new(None)).collect(),
            path,
            next: AtomicUsize::new(0),
            spare: Mutex::default(),
            places: Arc::new(Semaphore::new(WAITING)),
            shares: Shares::of(WAITING_OF_ONE),
        };
        for reader in &pool.readers {
            *reader.lock() = Some(pool.in_place()?);
        }
        Ok(pool)
    }

    /// Prepares statements on every connection, so that no read has to.
    pub(super) fn prepare(&self, texts: &[&str]) -> Result<(), rusqlite::Error> {
        for reader in &self.readers {
            let reader = reader.lock();
            let Some(open) = &*reader else { continue };
            texts.iter().try_for_each(|sql| open.connection.prepare_cached(sql).map(drop))?;
        }
        Ok(())
    }

    /// Reads in place for a provider, or, if that would wait, on a thread.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        provider: &Word,
        ask: impl Fn(&Connection) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        match self.try_now(&ask) {
            Tried::Done(done) => return done,
            Tried::Busy => {}
        }
        // One provider's reads that wait leave places to those of the others.
        let share = self.shares.take(provider.clone()).ok_or(SourceError::Busy)?;
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Err(SourceError::Busy);
        };
        let pool = self.clone();
        let waited = tokio::task::spawn_blocking(move || {
            let found = pool.wait(&ask);
            drop((place, share));
            found
        });
        waited.await.unwrap_or(Err(SourceError::Program("a read that waited ended by a panic")))
    }

    fn try_now<T>(&self, ask: impl Fn(&Connection) -> Result<T, SourceError>) -> Tried<T> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        for n in 0..self.readers.len() {
            let reader = self.readers[(turn + n) % self.readers.len()].try_lock();
            let Some(mut reader) = reader else { continue };
            let Some(open) = &*reader else { continue };
            return match open.read(IN_PLACE, ask) {
                Err(SourceError::Busy) => Tried::Busy,
                done => {
                    reader.take_if(|_| spent(&done));
                    Tried::Done(done)
                }
            };
        }
        Tried::Busy
    }

    /// Reads in a thread where waiting is allowed.
    fn wait<T>(
        &self,
        ask: impl Fn(&Connection) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        for reader in &self.readers {
            // Those that were given up are opened here, where that may take a while.
            if let Some(mut reader) = reader.try_lock()
                && reader.is_none()
            {
                *reader = self.in_place().ok();
            }
        }
        let open = self.spare.lock().pop();
        let reader = match open {
            Some(reader) => reader,
            None => PooledConnection::open(&self.path, PATIENCE)?,
        };
        let found = reader.read(ON_THREAD, ask);
        if !spent(&found) {
            self.spare.lock().push(reader);
        }
        found
    }

    fn in_place(&self) -> Result<PooledConnection, rusqlite::Error> {
        let reader = PooledConnection::open(&self.path, Duration::ZERO)?;
        // Negative, it is not a number of pages.
        let pages = (PAGES / self.readers.len()).max(PAGES_OF_ONE) as i64;
        reader.connection.pragma_update(None, "cache_size", -pages)?;
        Ok(reader)
    }
}

/// Whether a connection is not to be used again: it may remember pages of a file that was mended
/// since.
fn spent<T>(found: &Result<T, SourceError>) -> bool {
    matches!(found, Err(SourceError::Faulty(_) | SourceError::Unavailable(_)))
}

impl PooledConnection {
    fn open(
        path: &std::path::Path,
        patience: Duration,
    ) -> Result<PooledConnection, rusqlite::Error> {
        let (mut connection, left) = (connect(path, patience)?, Arc::new(AtomicU32::new(u32::MAX)));
        let limit = left.clone();
        let over = move || limit.fetch_sub(1, Ordering::Relaxed) <= 1;
        connection.progress_handler(STEPS, Some(over))?;
        Ok(PooledConnection { connection, left })
    }

    fn read<T>(
        &self,
        limit: u32,
        ask: impl Fn(&Connection) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        self.left.store(limit, Ordering::Relaxed);
        ask(&self.connection)
    }
}

/// Opens the file for reading only; `patience` is how long it waits for a lock.
pub(super) fn connect(
    path: &std::path::Path,
    patience: Duration,
) -> Result<Connection, rusqlite::Error> {
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, mode)?;
    reader.busy_timeout(patience)?;
    reader.pragma_update(None, "trusted_schema", false)?;
    // Others write this file: if one of them cuts it short, a read through a map ends the process.
    reader.pragma_update(None, "mmap_size", 0)?;
    // Else the planner looks at the values bound, and SQLite parses and plans the statement anew
    // for every read.
    reader.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    reader.set_prepared_statement_cache_capacity(256);
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use tempfile::TempDir;

    use super::*;

    fn pool() -> (TempDir, Arc<Pool>, Connection) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("source.sqlite");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (7)").unwrap();
        let pool = Pool::open(path, 1).unwrap();
        (dir, pool.into(), other)
    }

    fn alpha() -> Word {
        "alpha".into()
    }

    #[tokio::test]
    async fn one_provider_has_half_of_the_places_where_reads_wait() {
        let (_dir, pool, other) = pool();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let shares: Vec<_> =
            (0..WAITING_OF_ONE).map(|_| pool.shares.take(alpha()).unwrap()).collect();
        let here = thread::current().id();
        let refused = move |reader: &Connection| {
            assert_eq!(thread::current().id(), here, "it waits where there is no place");
            seven(reader)
        };
        assert!(matches!(pool.read(&alpha(), refused).await, Err(SourceError::Busy)));
        drop(shares);
        other.execute_batch("COMMIT").unwrap();
        let beta = "beta".into();
        assert!(matches!(pool.read(&beta, seven).await, Ok(7)));
    }

    fn seven(reader: &Connection) -> Result<i64, SourceError> {
        Ok(reader.query_row("SELECT x FROM t", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_lock_is_waited_out_on_another_thread() {
        let (_dir, pool, other) = pool();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let (tries, tried) = mpsc::sync_channel::<ThreadId>(2);
        let provider = alpha();
        let read = pool.read(&provider, move |reader| {
            tries.send(thread::current().id()).unwrap();
            seven(reader)
        });
        let unlock = thread::Builder::new().spawn(move || {
            let tried = [tried.recv().unwrap(), tried.recv().unwrap()];
            other.execute_batch("COMMIT").unwrap();
            tried
        });
        assert!(matches!(read.await, Ok(7)));
        let [first, second] = unlock.unwrap().join().unwrap();
        assert_eq!(first, thread::current().id());
        assert_ne!(second, first);
    }

    #[tokio::test]
    async fn a_lock_that_stays_is_said_so() {
        let (_dir, pool, other) = pool();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert!(matches!(pool.read(&alpha(), seven).await, Err(SourceError::Busy)));
        other.execute_batch("COMMIT").unwrap();
        assert!(matches!(pool.read(&alpha(), seven).await, Ok(7)));
    }

    #[tokio::test]
    async fn no_more_reads_wait_than_may_and_one_more_is_refused_at_once() {
        let (_dir, pool, other) = pool();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let (here, (begun, begins)) = (thread::current().id(), mpsc::sync_channel(WAITING));
        let (go, goes) = mpsc::sync_channel(WAITING);
        let goes = Arc::new(Mutex::new(goes));
        let mut waiting = tokio::task::JoinSet::new();
        for n in 0..WAITING {
            // Half of them are one provider's, which is as many as there may be.
            let provider = if n < WAITING_OF_ONE { alpha() } else { "beta".into() };
            let (pool, begun, goes) = (pool.clone(), begun.clone(), goes.clone());
            waiting.spawn(async move {
                let ask = move |reader: &Connection| {
                    if thread::current().id() != here {
                        begun.send(()).unwrap();
                        goes.lock().recv().unwrap();
                    }
                    seven(reader)
                };
                pool.read(&provider, ask).await
            });
        }
        // This runtime has one thread: each of them has begun to wait when it comes back here.
        tokio::task::yield_now().await;
        begins.iter().take(WAITING).for_each(drop);
        let refused = move |reader: &Connection| {
            assert_eq!(thread::current().id(), here, "it waits where there is no place");
            seven(reader)
        };
        let gamma = "gamma".into();
        assert!(matches!(pool.read(&gamma, refused).await, Err(SourceError::Busy)));
        other.execute_batch("COMMIT").unwrap();
        (0..WAITING).for_each(|_| go.send(()).unwrap());
        let done = waiting.join_all().await;
        assert!(done.iter().all(|read| matches!(read, Ok(7))), "{done:?}");
        assert!(matches!(pool.read(&alpha(), seven).await, Ok(7)));
    }

    #[tokio::test]
    #[expect(clippy::await_holding_lock, reason = "that it is held is what is tested")]
    async fn a_connection_in_use_is_not_waited_for() {
        let (_dir, pool, _other) = pool();
        let reader = pool.readers[0].lock();
        let here = thread::current().id();
        let away = move |reader: &Connection| {
            assert_ne!(thread::current().id(), here);
            seven(reader)
        };
        let read = pool.read(&alpha(), away).await;
        drop(reader);
        assert!(matches!(read, Ok(7)));
    }

    /// Counts to `n` in SQLite, which takes steps as a long read does.
    fn count(reader: &Connection, n: u64) -> Result<u64, SourceError> {
        let sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?1)
                   SELECT max(n) FROM c";
        Ok(reader.query_row(sql, [n], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_long_read_goes_on_elsewhere_and_one_without_end_is_ended() {
        let (_dir, pool, _other) = pool();
        let here = thread::current().id();
        let long = move |reader: &Connection| {
            let counted = count(reader, 20_000);
            assert_eq!(thread::current().id() == here, counted.is_err());
            counted
        };
        assert!(matches!(pool.read(&alpha(), long).await, Ok(20_000)));
        let short = move |reader: &Connection| {
            assert_eq!(thread::current().id(), here);
            count(reader, 1_000)
        };
        assert!(matches!(pool.read(&alpha(), short).await, Ok(1_000)));
        assert!(matches!(
            pool.read(&alpha(), |r| count(r, u64::MAX >> 1)).await,
            Err(SourceError::Busy)
        ));
    }
}
