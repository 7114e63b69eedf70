//! `policy.toml` taken up anew while calls go on: read, held against the records, recorded by the
//! registrar, and only then put into force by one swap. Whatever fails on the way leaves the policy
//! in force as it is. The records, too, when another file is put in their place.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use crate::admission::{KeyFile, Keyring, Terms};
use crate::config::change::Change;
use crate::config::in_force;
use crate::config::policy::{self, Policy, Unusable};
use crate::ledger::entry::{Hash, Matter, Warning, sha256};
use crate::ledger::tag::Tagger;
use crate::ledger::{Ledger, Unrecorded};
use crate::service::policy::{InForce, Swap};
use crate::source::{Source, sqlite};

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);
/// Changes that are logged one by one.
const TOLD: usize = 100;

/// What makes of a policy what the rooms use.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) records: sqlite::Settings,
    pub(super) tagger: Tagger,
    pub(super) trust_domain: String,
    pub(super) handles: [u8; 32],
}

impl Bench {
    /// The records by statements of this policy, each of them tried.
    pub(super) fn source(&self, policy: &Policy) -> Result<Source, sqlite::OpenError> {
        let records = sqlite::Sqlite::open(&self.records, &policy.datasets)?;
        Ok(Source::new(records, self.tagger.clone()))
    }

    /// The terms of a policy that is recorded at `head`.
    pub(super) fn terms(&self, policy: &Policy, head: u64, keyring: Keyring) -> Terms {
        policy.terms(head, &self.trust_domain, &self.handles, keyring)
    }
}

/// What tells one file from another, whatever is written in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    file: Identity,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file that is looked at: for any change, or for another file in its place.
pub(super) struct Watched<T> {
    path: PathBuf,
    tell: fn(&Metadata) -> T,
    /// As it was when it was last read; none: it was not there.
    read: Option<T>,
    /// As it was at the last look.
    seen: Option<T>,
}

impl<T: Copy + PartialEq> Watched<T> {
    /// Made before the file is read for the first time.
    pub(super) fn new(path: PathBuf, tell: fn(&Metadata) -> T) -> Watched<T> {
        let mut watched = Watched { path, tell, read: None, seen: None };
        watched.reading();
        watched.seen = watched.read;
        watched
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks: whether there is something else to read, and it is the same as at the last look. What is
    /// still being written is left alone.
    fn due(&mut self) -> bool {
        let now = self.now();
        let still = now == self.seen;
        self.seen = now;
        still && now != self.read
    }

    /// Whether it is not what was read.
    fn changed(&self) -> bool {
        self.now() != self.read
    }

    /// The file is read now.
    fn reading(&mut self) {
        self.read = self.now();
    }

    fn now(&self) -> Option<T> {
        fs::metadata(&self.path).ok().as_ref().map(self.tell)
    }
}

impl Identity {
    pub(super) fn of(file: &Metadata) -> Identity {
        Identity(file.dev(), file.ino())
    }
}

impl Stamp {
    pub(super) fn of(file: &Metadata) -> Stamp {
        Stamp {
            file: Identity::of(file),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

/// Why the policy in force stays.
#[derive(Debug, thiserror::Error)]
enum Kept {
    /// The file cannot be read, or has faults.
    #[error(transparent)]
    Policy(#[from] Unusable),
    /// SQLite would play a journal into the wrong file.
    #[error(
        "another file is in the place of the records, and beside it a journal that may be of the one \
         before, {}: it is opened when that is gone", .0.display()
    )]
    Journal(PathBuf),
    /// The records lack what it names.
    #[error(transparent)]
    Records(#[from] sqlite::OpenError),
    /// The keys of an issuer cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyFile),
    /// It cannot be recorded, for now or at all.
    #[error("the policy cannot be recorded: {0}")]
    Ledger(#[from] Unrecorded),
}

/// Takes up the policy anew whenever there is cause to.
pub(super) struct Reload {
    pub(super) bench: Bench,
    pub(super) watched: Watched<Stamp>,
    /// SQLite sees what is written in the file that it has open, and nothing of another one.
    pub(super) records: Watched<Identity>,
    /// Whether another file of them waits until no journal lies beside it.
    pub(super) waits_for_journal: bool,
    /// The policy in force.
    pub(super) policy: Policy,
    pub(super) swap: Swap,
    pub(super) ledger: Ledger,
    /// Of the ledger.
    pub(super) path: PathBuf,
    /// The digest of a policy that waits for its approval.
    pub(super) refused: Option<Hash>,
}

impl Reload {
    /// Follows the file, and the signal that says it changed.
    pub(super) async fn follow(mut self, mut hangup: Signal) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut owed = false;
        loop {
            tokio::select! {
                _ = hangup.recv() => {}
                _ = looks.tick() => {
                    if self.records.due() {
                        self.take_up_records().await;
                    } else {
                        self.waits_for_journal = false;
                    }
                    if !(self.watched.due() || owed || self.is_approved()) {
                        continue;
                    }
                }
            }
            self.watched.reading();
            let outcome = self.take_up().await;
            // The ledger may be writable at the next look, and the journal gone; a fault of the file
            // waits for its next state.
            let was_owed = owed;
            owed = match &outcome {
                Err(Kept::Ledger(why)) => why.retry_after().is_some(),
                Err(Kept::Journal(_)) => true,
                Err(Kept::Policy(_) | Kept::Records(_) | Kept::Keys(_)) | Ok(()) => false,
            };
            match outcome {
                Err(why) if !(owed && was_owed) => {
                    kept(self.watched.path(), &why);
                    self.warn(&why).await;
                }
                // Said once; or done.
                Err(_) | Ok(()) => {}
            }
        }
    }

    /// Whether the policy that was refused for want of an approval has it now.
    fn is_approved(&self) -> bool {
        self.refused.is_some_and(|digest| self.ledger.approved().policy(&digest))
    }

    /// Has those who watch hear of it: whoever can write the file may not be who should.
    async fn warn(&self, why: &Kept) {
        let Some(warning) = warning(self.watched.path(), why) else { return };
        if let Err(error) = self.ledger.warn(warning).await {
            tracing::warn!(%error, "that the policy was refused could not be recorded");
        }
    }

    /// Holds another file of the records to having no journal beside it, before anything opens it.
    fn hold_journal(&self) -> Result<(), Kept> {
        match journal(self.records.path()).filter(|_| self.records.changed()) {
            Some(journal) => Err(Kept::Journal(journal)),
            None => Ok(()),
        }
    }

    /// Opens the records anew, by the statements of the policy in force.
    async fn take_up_records(&mut self) {
        let free = self.hold_journal();
        let waited = std::mem::replace(&mut self.waits_for_journal, free.is_err());
        if let Err(why) = free {
            if !waited {
                tracing::error!("{why}; reads go on in the one before");
            }
            return;
        }
        self.records.reading();
        let (policy, bench) = (self.policy.clone(), self.bench.clone());
        let opened = tokio::task::spawn_blocking(move || bench.source(&policy));
        // It ends without a result only if it panicked or the runtime is gone.
        let Ok(opened) = opened.await else { return };
        match opened {
            Ok(source) => {
                let now = self.swap.now();
                let quota = now.quota.renewed(&now.terms);
                self.swap.put(InForce { terms: now.terms.clone(), quota, source });
                tracing::info!("another file is in the place of the records: reads are of it now");
            }
            Err(error) => tracing::error!(
                %error,
                "another file is in the place of the records and cannot be used: reads go on in the \
                 one before it"
            ),
        }
    }

    /// Reads the file and puts what it says into force.
    async fn take_up(&mut self) -> Result<(), Kept> {
        self.hold_journal()?;
        let (path, bench) = (self.watched.path().to_owned(), self.bench.clone());
        let read = tokio::task::spawn_blocking(move || {
            let policy = policy::load(&path)?;
            let (source, keyring) =
                (bench.source(&policy)?, Keyring::open(&policy.issuers, &policy.folder)?);
            Ok::<_, Kept>((policy, source, keyring))
        });
        let (policy, source, keyring) = read.await.map_err(|_| Unrecorded::Unwritable)??;
        if policy.digest == self.policy.digest {
            tracing::info!(digest = %policy.digest, "the policy is the one in force already");
            return Ok(());
        }
        let (rules, changes) = in_force::against(&self.policy, &policy);
        let enacted = self.ledger.enact(rules).await;
        self.refused = None;
        if let Err(Unrecorded::Unapproved) = &enacted {
            self.refused = Some(policy.digest);
            for change in changes.iter().filter(|change| change.looser).take(TOLD) {
                tracing::error!("policy: {change}");
            }
        }
        let head = enacted?;
        if let Err(error) = in_force::keep(&self.path, &policy) {
            tracing::error!(%error, "the copy of the policy in force could not be written");
        }
        let terms = Arc::new(self.bench.terms(&policy, head, keyring));
        let quota = self.swap.now().quota.renewed(&terms);
        self.swap.put(InForce { terms, quota, source });
        tell(&policy, head, &changes);
        self.policy = policy;
        Ok(())
    }
}

/// A journal that SQLite would play into the file beside it, whichever file it was written for.
fn journal(records: &Path) -> Option<PathBuf> {
    let beside = |suffix| {
        let mut name = records.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let holds = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    ["-wal", "-journal"].into_iter().map(beside).find(holds)
}

/// What a ledger says of a policy that has faults.
fn warning(path: &Path, why: &Kept) -> Option<Warning> {
    let observed = match why {
        Kept::Policy(Unusable::Faults { faults, .. }) => faults.len() as u64,
        Kept::Policy(_) | Kept::Records(_) | Kept::Keys(_) => 1,
        Kept::Ledger(Unrecorded::Unapproved) => 1,
        Kept::Ledger(_) | Kept::Journal(_) => return None,
    };
    let text = policy::bytes(path).ok();
    Some(Warning {
        matter: Matter::Policy,
        provider: None,
        dataset: None,
        role: None,
        id: None,
        certificate: None,
        digest: text.map(|text| sha256(&[text.as_slice()])),
        observed,
        expected: 0,
    })
}

/// Hears of every policy that was not put into force, with all its faults.
fn kept(path: &Path, why: &Kept) {
    match why {
        Kept::Policy(Unusable::Faults { path, faults }) => {
            for fault in faults {
                let (line, column) = (fault.line, fault.column);
                tracing::error!(file = %path.display(), line, column, "policy: {}", fault.what);
            }
        }
        Kept::Policy(_) | Kept::Records(_) | Kept::Keys(_) | Kept::Ledger(_) | Kept::Journal(_) => {
            tracing::error!(file = %path.display(), "policy: {why}");
        }
    }
    tracing::error!("the policy was not put into force: the one before it stays");
}

/// Says what came into force.
fn tell(policy: &Policy, head: u64, changes: &[Change]) {
    for change in changes.iter().take(TOLD) {
        tracing::info!(looser = change.looser, "policy: {change}");
    }
    let looser = changes.iter().filter(|change| change.looser).count();
    let (all, digest) = (changes.len(), policy.digest);
    tracing::info!(entry = head, %digest, changes = all, looser, "another policy is in force");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_due_when_it_changed_and_holds_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "a").unwrap();
        let mut watched = Watched::new(path.clone(), Stamp::of);
        let mut place = Watched::new(path.clone(), Identity::of);
        assert!(!watched.due());
        fs::write(&path, "ab").unwrap();
        assert!(!watched.due(), "it may still be being written");
        assert!(watched.due());
        watched.reading();
        assert!(!watched.due());
        assert_eq!([place.due(), place.due()], [false, false], "it is the same file");
        // Another file of the same size in its place.
        fs::write(folder.path().join("other"), "cd").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(!watched.due());
        assert!(watched.due());
        watched.reading();
        assert_eq!([place.due(), place.due()], [false, true]);
        fs::remove_file(&path).unwrap();
        assert_eq!([watched.due(), watched.due()], [false, true]);
        watched.reading();
        assert!(!watched.due());
    }
}
