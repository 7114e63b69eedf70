//! What waits for one receiver, on disk: an event is in it before the place in the ledger moves on, in one
//! transaction, and leaves it when the receiver has taken it. So whoever kills the process loses nothing, and
//! an event may go twice.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::dispatch::{Dispatch, Gravity};
use super::lanes::Lanes;
use crate::client::tail::TailState;

/// How often a receiver may refuse one event until it is kept apart, and how many it may; beyond those it is
/// asked again and again.
pub(super) const REFUSALS: u32 = 5;
const PARKED_MAX: u32 = 1_000;

const FORM: &str = "greffier deliver 1";

const SCHEMA: &str = "
    CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE waiting (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        gravity INTEGER NOT NULL,
        incident INTEGER,
        body TEXT NOT NULL,
        refused INTEGER NOT NULL DEFAULT 0,
        why TEXT,
        parked INTEGER NOT NULL DEFAULT 0,
        told INTEGER NOT NULL DEFAULT 0,
        sent INTEGER
    ) STRICT;";

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// SQLite cannot read or write it.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// It is another file, or one of another version.
    #[error("it is no spool of this version: `{0}`")]
    Form(String),
    /// It was made of another ledger.
    #[error("it is of the ledger `{0}`: give another `state` folder to another ledger")]
    Origin(String),
    /// What it remembers of the ledger cannot be read.
    #[error("what it remembers of the ledger: {0}")]
    Tail(#[from] crate::client::tail::BadState),
}

/// An event that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) gravity: Gravity,
    pub(super) incident: Option<u64>,
    /// The object that receivers get.
    pub(super) body: String,
}

/// How a spool stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolCounts {
    /// Events that wait to be sent.
    pub waiting: u64,
    /// Events that the receiver refuses, kept apart.
    pub parked: u64,
    /// Events that it has taken so far, repetitions not counted.
    pub delivered: u64,
    /// The last entry of the ledger that was followed.
    pub after: u64,
}

/// The spool of one receiver.
#[derive(Debug)]
pub(super) struct Spool {
    file: Connection,
    lanes: Lanes,
}

fn gravity(number: i64) -> Gravity {
    usize::try_from(number).ok().and_then(|n| Gravity::ALL.get(n).copied()).unwrap_or(Gravity::High)
}

fn about(file: &Connection, key: &str) -> Result<Option<String>, SpoolError> {
    let value = file.query_row("SELECT value FROM about WHERE key = ?1", [key], |row| row.get(0));
    Ok(value.optional()?)
}

fn set(file: &Connection, key: &str, value: &str) -> Result<(), SpoolError> {
    let sql = "INSERT INTO about VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
    file.execute(sql, [key, value])?;
    Ok(())
}

/// How the spool in a file stands, whoever has it open.
pub(super) fn counts(path: &Path) -> Result<SpoolCounts, SpoolError> {
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = Connection::open_with_flags(path, mode)?;
    file.busy_timeout(std::time::Duration::from_secs(5))?;
    counted(&file)
}

fn counted(file: &Connection) -> Result<SpoolCounts, SpoolError> {
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, u64>(0));
    let waiting = number("SELECT count(*) FROM waiting WHERE parked = 0 AND sent IS NULL")?;
    let parked = number("SELECT count(*) FROM waiting WHERE parked = 1")?;
    let delivered = about(file, "delivered")?.and_then(|n| n.parse().ok()).unwrap_or(0);
    let after =
        about(file, "tail")?.map_or(Ok(0), |text| text.parse::<TailState>().map(|t| t.after))?;
    Ok(SpoolCounts { waiting, parked, delivered, after })
}

impl Spool {
    /// Opens the spool in a file, or makes it, for the ledger of this origin.
    pub(super) fn open(path: &Path, origin: &str) -> Result<Spool, SpoolError> {
        let file = Connection::open(path)?;
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.pragma_update(None, "synchronous", "FULL")?;
        file.busy_timeout(std::time::Duration::from_secs(5))?;
        let tables: u64 =
            file.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            let begin = file.unchecked_transaction()?;
            begin.execute_batch(SCHEMA)?;
            set(&begin, "form", FORM)?;
            set(&begin, "origin", origin)?;
            begin.commit()?;
        }
        let form = about(&file, "form")?.unwrap_or_default();
        if form != FORM {
            return Err(SpoolError::Form(form));
        }
        let of = about(&file, "origin")?.unwrap_or_default();
        if of != origin {
            return Err(SpoolError::Origin(of));
        }
        // Whether a receiver that does not acknowledge kept what was sent last, nobody knows.
        file.execute("UPDATE waiting SET sent = NULL", [])?;
        let mut spool = Spool { file, lanes: Lanes::default() };
        spool.fill()?;
        Ok(spool)
    }

    fn fill(&mut self) -> Result<(), SpoolError> {
        let sql = "SELECT number, gravity, incident FROM waiting WHERE parked = 0 AND sent IS NULL \
                   ORDER BY number";
        let mut found = self.file.prepare(sql)?;
        let mut rows = found.query([])?;
        self.lanes = Lanes::default();
        while let Some(row) = rows.next()? {
            self.lanes.push(row.get(0)?, gravity(row.get(1)?), row.get(2)?);
        }
        Ok(())
    }

    /// Where the tail goes on from.
    pub(super) fn tail(&self) -> Result<TailState, SpoolError> {
        Ok(about(&self.file, "tail")?.map_or(Ok(TailState::default()), |text| text.parse())?)
    }

    /// How many events wait to be sent.
    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn counts(&self) -> Result<SpoolCounts, SpoolError> {
        counted(&self.file)
    }

    /// Takes an event in, if there is one, and with it the place from which the tail goes on. An event that
    /// waits already is not taken again.
    pub(super) fn take(
        &mut self,
        dispatch: Option<&Dispatch>,
        tail: Option<&TailState>,
    ) -> Result<(), SpoolError> {
        let both = self.file.unchecked_transaction()?;
        let mut number = None;
        if let Some(dispatch) = dispatch {
            let sql = "INSERT OR IGNORE INTO waiting (id, gravity, incident, body) \
                       VALUES (?1, ?2, ?3, ?4)";
            let Dispatch { id, gravity, incident, body, .. } = dispatch;
            let new =
                both.execute(sql, params![id, *gravity as i64, incident, body.to_string()])?;
            number = (new > 0).then(|| both.last_insert_rowid().unsigned_abs());
        }
        if let Some(tail) = tail {
            set(&both, "tail", &tail.to_string())?;
        }
        both.commit()?;
        if let (Some(number), Some(dispatch)) = (number, dispatch) {
            self.lanes.push(number, dispatch.gravity, dispatch.incident);
        }
        Ok(())
    }

    /// The next events, at most so many.
    pub(super) fn next(&self, most: usize, now: u64) -> Result<Vec<Waiting>, SpoolError> {
        let sql = "SELECT number, id, gravity, incident, body FROM waiting WHERE number = ?1";
        let mut found = self.file.prepare_cached(sql)?;
        let mut waiting = Vec::new();
        for number in self.lanes.next(most, now) {
            waiting.push(found.query_row([number], |row| {
                Ok(Waiting {
                    number: row.get(0)?,
                    id: row.get(1)?,
                    gravity: gravity(row.get(2)?),
                    incident: row.get(3)?,
                    body: row.get(4)?,
                })
            })?);
        }
        Ok(waiting)
    }

    /// When the next event that is held back may go, Unix milliseconds.
    pub(super) fn free_at(&self, now: u64) -> Option<u64> {
        self.lanes.free_at(now)
    }

    /// The receiver has acknowledged these.
    pub(super) fn delivered(&mut self, events: &[Waiting]) -> Result<(), SpoolError> {
        self.count(events, "DELETE FROM waiting WHERE number = ?1")
    }

    /// They were sent to a receiver that acknowledges nothing: kept for a while, to be sent again.
    pub(super) fn sent(&mut self, events: &[Waiting], at: u64) -> Result<(), SpoolError> {
        self.count(events, &format!("UPDATE waiting SET sent = {at} WHERE number = ?1"))
    }

    fn count(&mut self, events: &[Waiting], sql: &str) -> Result<(), SpoolError> {
        let all = self.file.unchecked_transaction()?;
        for event in events {
            all.execute(sql, [event.number])?;
        }
        let before = about(&all, "delivered")?.and_then(|n| n.parse().ok()).unwrap_or(0_u64);
        set(&all, "delivered", &(before + events.len() as u64).to_string())?;
        all.commit()?;
        for event in events {
            self.lanes.remove(event.number, event.incident);
        }
        Ok(())
    }

    /// Forgets what was sent before then.
    pub(super) fn forget_sent(&self, before: u64) -> Result<(), SpoolError> {
        self.file.execute("DELETE FROM waiting WHERE sent < ?1", [before])?;
        Ok(())
    }

    /// What was sent and is still kept is to be sent again.
    pub(super) fn send_again(&mut self) -> Result<(), SpoolError> {
        let again =
            self.file.execute("UPDATE waiting SET sent = NULL WHERE sent IS NOT NULL", [])?;
        if again > 0 {
            let delivered = self.counts()?.delivered.saturating_sub(again as u64);
            set(&self.file, "delivered", &delivered.to_string())?;
            self.fill()?;
        }
        Ok(())
    }

    /// The receiver refuses this event: it is tried again then, or kept apart if that was once too often.
    /// Whether it is.
    pub(super) fn refused(
        &mut self,
        event: &Waiting,
        why: &str,
        again: u64,
    ) -> Result<bool, SpoolError> {
        let sql = "UPDATE waiting SET refused = refused + 1, why = ?2, parked = refused + 1 >= ?3 \
                   AND (SELECT count(*) FROM waiting WHERE parked = 1) < ?4 \
                   WHERE number = ?1 RETURNING parked";
        let asked = params![event.number, why, REFUSALS, PARKED_MAX];
        let parked = self.file.query_row(sql, asked, |row| row.get(0))?;
        if parked {
            self.lanes.remove(event.number, event.incident);
        } else {
            self.lanes.hold(event.number, event.incident, again);
        }
        Ok(parked)
    }

    /// Those kept apart of which nobody was told yet: number, id and why.
    pub(super) fn untold(&self) -> Result<Vec<(u64, String, String)>, SpoolError> {
        let sql = "SELECT number, id, coalesce(why, '') FROM waiting WHERE parked = 1 AND told = 0";
        let mut found = self.file.prepare_cached(sql)?;
        let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Somebody was told of one that is kept apart.
    pub(super) fn told(&self, number: u64) -> Result<(), SpoolError> {
        self.file.execute("UPDATE waiting SET told = 1 WHERE number = ?1", [number])?;
        Ok(())
    }

    /// What is kept apart waits again like everything else; how many that are.
    pub(super) fn retry(&mut self) -> Result<u64, SpoolError> {
        let sql = "UPDATE waiting SET parked = 0, refused = 0, told = 0 WHERE parked = 1";
        let again = self.file.execute(sql, [])?;
        self.fill()?;
        Ok(again as u64)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(entry: u64, gravity: Gravity) -> Dispatch {
        let (id, body) = (format!("0-{entry}"), json!({"entry": entry}));
        Dispatch {
            id,
            gravity,
            incident: Some(50),
            provider: None,
            at: 0,
            entry: Some(entry),
            body,
        }
    }

    fn tail(after: u64) -> TailState {
        TailState { after, checkpoint: None }
    }

    fn entries(spool: &Spool, now: u64) -> Vec<String> {
        spool.next(99, now).unwrap().into_iter().map(|event| event.id).collect()
    }

    #[test]
    fn what_waits_outlives_the_process_and_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let mut spool = Spool::open(&path, "agency.example/reads").unwrap();
        for entry in 1..=3 {
            spool.take(Some(&event(entry, Gravity::Info)), Some(&tail(entry))).unwrap();
        }
        // As whoever was killed between the two asks for it again.
        spool.take(Some(&event(3, Gravity::Info)), Some(&tail(3))).unwrap();
        spool.take(None, Some(&tail(7))).unwrap();
        let first = spool.next(1, 0).unwrap();
        spool.delivered(&first).unwrap();
        drop(spool);
        let spool = Spool::open(&path, "agency.example/reads").unwrap();
        assert_eq!(entries(&spool, 0), ["0-2", "0-3"]);
        assert_eq!(spool.tail().unwrap(), tail(7));
        let counts = SpoolCounts { waiting: 2, parked: 0, delivered: 1, after: 7 };
        assert_eq!((spool.counts().unwrap(), self::counts(&path).unwrap()), (counts, counts));
        let other = Spool::open(&path, "agency.example/other").unwrap_err();
        assert!(matches!(other, SpoolError::Origin(_)), "{other}");
    }

    #[test]
    fn what_is_refused_five_times_is_kept_apart_until_it_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&folder.path().join("a.sqlite"), "a").unwrap();
        for entry in 1..=2 {
            spool.take(Some(&event(entry, Gravity::Info)), None).unwrap();
        }
        let first = spool.next(1, 0).unwrap().remove(0);
        for n in 1..=REFUSALS {
            assert_eq!(spool.refused(&first, "400", 1_000).unwrap(), n == REFUSALS, "{n}");
            // Those of one incident keep their order.
            let expected: &[&str] = if n == REFUSALS { &["0-2"] } else { &[] };
            assert_eq!(entries(&spool, 999), expected);
        }
        assert_eq!(spool.untold().unwrap(), [(1, "0-1".to_owned(), "400".to_owned())]);
        spool.told(1).unwrap();
        assert_eq!(spool.untold().unwrap(), []);
        assert_eq!((spool.counts().unwrap().parked, spool.retry().unwrap()), (1, 1));
        assert_eq!(entries(&spool, 0), ["0-1", "0-2"]);
    }

    #[test]
    fn so_many_are_kept_apart_and_the_next_is_asked_for_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&folder.path().join("a.sqlite"), "a").unwrap();
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
                   INSERT INTO waiting (id, gravity, body, parked) SELECT 'x-' || i, 0, '{}', 1 FROM n";
        spool.file.execute(sql, []).unwrap();
        for (entry, parked) in [(1, true), (2, false)] {
            let one = Dispatch { incident: None, ..event(entry, Gravity::Info) };
            spool.take(Some(&one), None).unwrap();
            let one = spool.next(1, 0).unwrap().remove(0);
            let refused: Vec<bool> =
                (0..REFUSALS).map(|_| spool.refused(&one, "400", 0).unwrap()).collect();
            assert_eq!(refused.last(), Some(&parked));
        }
        assert_eq!((spool.counts().unwrap().parked, spool.len()), (1_000, 1));
    }

    #[test]
    fn what_was_sent_unacknowledged_is_sent_again_until_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let mut spool = Spool::open(&path, "a").unwrap();
        for entry in 1..=3 {
            spool.take(Some(&event(entry, Gravity::Info)), None).unwrap();
        }
        for (n, at) in [(1, 1_000), (1, 2_000)] {
            let sent = spool.next(n, 0).unwrap();
            spool.sent(&sent, at).unwrap();
        }
        assert_eq!(
            (entries(&spool, 0), spool.counts().unwrap().delivered),
            (vec!["0-3".into()], 2)
        );
        spool.forget_sent(2_000).unwrap();
        spool.send_again().unwrap();
        assert_eq!(
            (entries(&spool, 0), spool.counts().unwrap().delivered),
            (vec!["0-2".into(), "0-3".into()], 1)
        );
        let sent = spool.next(1, 0).unwrap();
        spool.sent(&sent, 3_000).unwrap();
        drop(spool);
        // Nor does anybody know after a start.
        assert_eq!(entries(&Spool::open(&path, "a").unwrap(), 0), ["0-2", "0-3"]);
    }
}
