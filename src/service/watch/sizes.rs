//! How large the ledger's files are: a figure, and a warning when its write-ahead log does not stop
//! growing. That happens when another process reads the ledger and does not let go: nothing that
//! was written since can then be taken out of the log, and the disk fills without anybody being
//! told.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io};

use tokio::time::{MissedTickBehavior, interval};

use crate::files::beside;
use crate::format::entry::{Matter, Warning};
use crate::service::Shared;
use crate::service::tasks::{PATIENCE, patiently};

/// Time between two looks at the files.
const PAUSE: Duration = Duration::from_secs(5);

/// The ledger as the server needs it.
#[derive(Clone, Debug)]
pub struct LedgerFile {
    /// The file; its write-ahead log lies beside it.
    pub path: PathBuf,
    /// Size of that log from which on somebody is warned, in bytes.
    pub wal_max: u64,
}

/// What was found at the last look.
#[derive(Debug)]
pub(in crate::service) struct Sizes {
    file: LedgerFile,
    ledger: AtomicU64,
    wal: AtomicU64,
    free: AtomicU64,
    /// What was told last, while it goes on; 0 if it does not.
    told: AtomicU64,
    /// Whether the last look found nothing.
    unseen: AtomicBool,
}

impl Sizes {
    pub(in crate::service) fn new(file: LedgerFile) -> Sizes {
        let [ledger, wal, free, told] = std::array::from_fn(|_| AtomicU64::new(0));
        Sizes { file, ledger, wal, free, told, unseen: AtomicBool::new(false) }
    }

    /// Bytes of the ledger and of its write-ahead log.
    pub(in crate::service) fn now(&self) -> (u64, u64) {
        (self.ledger.load(Ordering::Relaxed), self.wal.load(Ordering::Relaxed))
    }

    /// Bytes that are free where the ledger lies, for its user.
    pub(in crate::service) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// The sizes cannot be told: those of before stay, and it is logged once.
    fn cannot(&self, error: &io::Error) {
        if !self.unseen.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the sizes of the ledger's files cannot be told");
        }
    }

    /// Keeps what was found; what is to be told of it, again whenever it has doubled.
    fn found(&self, ledger: u64, wal: u64) -> Option<Warning> {
        self.unseen.store(false, Ordering::Relaxed);
        self.ledger.store(ledger, Ordering::Relaxed);
        self.wal.store(wal, Ordering::Relaxed);
        if wal < self.file.wal_max {
            self.told.store(0, Ordering::Relaxed);
            return None;
        }
        let told = self.told.load(Ordering::Relaxed);
        let news = told == 0 || wal / 2 >= told;
        news.then_some(Warning { matter: Matter::Wal, observed: wal, expected: self.file.wal_max })
    }
}

/// Looks at the size of the files again and again, for ever.
pub(in crate::service) async fn keep(shared: Arc<Shared>) -> Infallible {
    let mut looks = interval(PAUSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        look(&shared).await;
    }
}

async fn look(shared: &Shared) {
    let path = shared.sizes.file.path.clone();
    let found = patiently("the sizes of the ledger's files", PATIENCE, move || {
        let size = |path: &Path| fs::metadata(path).map(|file| file.len());
        // There is no log where nothing was written since the last one was done away with.
        let wal = match size(&beside(&path, "-wal")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            wal => wal,
        };
        let disk = rustix::fs::statvfs(&path)?;
        Ok::<_, io::Error>((size(&path)?, wal?, disk.f_bavail.saturating_mul(disk.f_frsize)))
    });
    let (ledger, wal, free) = match found.await {
        Ok(Ok(sizes)) => sizes,
        Ok(Err(error)) => return shared.sizes.cannot(&error),
        Err(_) => return,
    };
    shared.sizes.free.store(free, Ordering::Relaxed);
    let Some(warning) = shared.sizes.found(ledger, wal) else { return };
    tracing::warn!(
        bytes = wal,
        "the ledger's write-ahead log grows: who reads it and does not end?"
    );
    match shared.rooms.ledger.warn(warning).await {
        Ok(_) => shared.sizes.told.store(wal, Ordering::Relaxed),
        Err(error) => tracing::warn!(%error, "that could not be recorded: again soon"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_from_the_limit_on_and_again_when_it_has_doubled() {
        let sizes = Sizes::new(LedgerFile { path: PathBuf::new(), wal_max: 100 });
        let told = |wal| {
            let warning = sizes.found(7, wal)?;
            sizes.told.store(wal, Ordering::Relaxed);
            Some((warning.observed, warning.expected))
        };
        assert_eq!(told(99), None);
        assert_eq!(told(100), Some((100, 100)));
        assert_eq!((told(150), told(199)), (None, None));
        assert_eq!(told(200), Some((200, 100)));
        assert_eq!((told(99), sizes.now()), (None, (7, 99)));
        assert_eq!(told(101), Some((101, 100)));
    }
}
