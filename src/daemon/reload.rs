//! `policy.toml` taken up anew while calls go on: read, held against the records, recorded by the
//! registrar, and only then put into force by one swap. Whatever fails on the way leaves the policy
//! in force as it is. The records, too, when another file is put in their place.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::signal::unix::Signal;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::admission::{KeyFileError, Keyring, Terms};
use crate::config::change::Change;
use crate::config::in_force;
use crate::config::policy::{self, POLICY_MAX, Policy, PolicyError};
use crate::files::Watched;
use crate::format::entry::{Hash, Matter, Warning, sha256};
use crate::format::tag::Tagger;
use crate::registrar::{Ledger, Unrecorded};
use crate::service::policy::{ActivePolicy, PolicySwitch};
use crate::service::tasks::{PATIENCE, Panicked, attempt, patiently};
use crate::service::watch::warnings::Warnings;
use crate::source::records_file::{NotOpened, RecordsFile};
use crate::source::{Source, sqlite};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);
/// Changes that are logged one by one.
const TOLD: usize = 100;

/// What makes of a policy what the rooms use.
#[derive(Clone)]
pub(super) struct Builder {
    pub(super) records: sqlite::SqliteSettings,
    pub(super) tagger: Tagger,
    pub(super) trust_domain: String,
    pub(super) handles: [u8; 32],
}

impl Builder {
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

/// The files that are looked at.
struct Files {
    policy: Watched,
    records: RecordsFile,
}

/// What a look at the files found.
struct Look {
    /// Whether there may be another policy to read.
    policy: bool,
    /// Another file is in the place of the records.
    records: bool,
    /// That file waits to be opened again.
    waits: bool,
}

impl Files {
    fn look(&mut self) -> Look {
        let (policy, records) = (self.policy.due(), self.records.due());
        Look { policy, records, waits: self.records.waits() }
    }
}

/// Why the policy in force stays.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    /// The file cannot be read, or has faults.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The records are not taken up: they lack what it names, or another file is in their place.
    #[error(transparent)]
    Records(#[from] NotOpened),
    /// The keys of an issuer cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// This program failed on what it read.
    #[error(transparent)]
    Failed(#[from] Panicked),
    /// The policy cannot be recorded, for now or at all.
    #[error("the policy cannot be recorded: {0}")]
    Ledger(#[from] Unrecorded),
}

impl ReloadError {
    /// Whether the same file may be taken up later, without a change that anybody would be told of.
    fn may_pass(&self) -> bool {
        match self {
            ReloadError::Policy(PolicyError::File { .. }) => true,
            ReloadError::Records(NotOpened::Unfit(_))
            | ReloadError::Keys(_)
            | ReloadError::Failed(_) => true,
            ReloadError::Policy(PolicyError::Faults { .. }) => false,
            ReloadError::Records(NotOpened::Journal(_)) | ReloadError::Ledger(_) => false,
        }
    }
}

/// Takes up the policy anew whenever there is cause to.
pub(super) struct Reload {
    builder: Builder,
    /// One work on them follows the other.
    files: Arc<Mutex<Files>>,
    /// The policy that is in force now.
    policy: Policy,
    /// The digest of what was last read of its file; none if it is to be taken up whatever it says.
    read: Option<Hash>,
    /// Whether what was read waits for the ledger, or for a journal to go.
    owed: bool,
    /// Whether the copy of the policy in force could not be written yet.
    owes_copy: bool,
    /// Why the policy, and why the records, were last not taken up: that is told once.
    told: Option<String>,
    told_of_records: Option<String>,
    swap: PolicySwitch,
    ledger: Ledger,
    warnings: Warnings,
    /// Path of the ledger, beside which the copy of the policy lies.
    path: PathBuf,
    /// The digest of a policy that waits for its approval.
    refused: Option<Hash>,
}

/// What the policy in force was taken from, and where it goes.
pub(super) struct Begun {
    pub(super) builder: Builder,
    /// The policy's file, and below the records': both are watched since before they were read.
    pub(super) watched: Watched,
    pub(super) records: RecordsFile,
    pub(super) policy: Policy,
    pub(super) swap: PolicySwitch,
    pub(super) ledger: Ledger,
    pub(super) warnings: Warnings,
    /// Path of the ledger, beside which the copy of the policy lies.
    pub(super) path: PathBuf,
}

impl Reload {
    pub(super) fn new(begun: Begun) -> Reload {
        let Begun { builder, watched, records, policy, swap, ledger, warnings, path } = begun;
        let files = Arc::new(Mutex::new(Files { policy: watched, records }));
        let read = Some(policy.digest);
        let (owed, told, told_of_records, refused) = (false, None, None, None);
        Reload {
            builder,
            files,
            policy,
            read,
            owed,
            owes_copy: false,
            told,
            told_of_records,
            swap,
            ledger,
            warnings,
            path,
            refused,
        }
    }

    /// Looks at the files, and takes up what has changed; what was `asked` for, in any case.
    async fn look(&mut self, asked: bool) {
        let look = self.blocking(Files::look).await;
        let look = look.unwrap_or(Look { policy: false, records: false, waits: true });
        if look.records {
            let taken = attempt(self.take_up_records()).await;
            let why = taken.map_err(ReloadError::Failed).and_then(|taken| taken).err();
            self.tell_of_records(why);
        } else if !look.waits {
            self.told_of_records = None;
        }
        if self.owes_copy {
            self.keep().await;
        }
        let again = asked || self.owed || self.is_approved();
        if !(look.policy || again) {
            return;
        }
        let outcome = attempt(self.take_up(again)).await;
        let outcome = outcome.map_err(ReloadError::Failed).and_then(|outcome| outcome);
        // The ledger may be writable at the next look, and the journal gone. What may pass
        // otherwise is due again later and later; a fault of the file waits for its next state.
        let digest = self.read;
        let may_pass = matches!(&outcome, Err(why) if why.may_pass());
        self.owed = match &outcome {
            Err(ReloadError::Ledger(why)) => why.retry_after().is_some(),
            Err(ReloadError::Records(NotOpened::Journal(_))) => true,
            _ => false,
        };
        if may_pass {
            self.read = None;
        } else {
            self.files.lock().policy.taken();
        }
        let why = outcome.err();
        let told = why.as_ref().map(ToString::to_string);
        if let Some(why) = why.filter(|_| asked || self.told != told) {
            kept(&why);
            self.warn(digest, &why);
        }
        self.told = told;
    }

    /// Hears once of each reason why other records were not taken up.
    fn tell_of_records(&mut self, why: Option<ReloadError>) {
        let told = why.as_ref().map(ToString::to_string);
        if let Some(why) = why.filter(|_| self.told_of_records != told) {
            tracing::error!(
                error = %why,
                "another file is in the place of the records and cannot be used: reads go on in the \
                 one before it"
            );
        }
        self.told_of_records = told;
    }

    /// Whether the policy that was refused for want of an approval has it now.
    fn is_approved(&self) -> bool {
        self.refused.is_some_and(|digest| self.ledger.approved().policy(&digest))
    }

    /// Has those who watch hear of it: whoever can write the file may not be who should.
    fn warn(&self, digest: Option<Hash>, why: &ReloadError) {
        if let Some(warning) = warning(digest, why) {
            self.warnings.owe(warning);
        }
    }

    /// Does work on the files that waits for the disk, on a thread of its own. A disk that does not
    /// answer keeps that one thread waiting, and is told of.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Files) -> T + Send + 'static,
    ) -> Result<T, ReloadError> {
        let files = self.files.clone();
        let locked = move || work(&mut files.lock());
        Ok(patiently("the policy or the records", PATIENCE, locked).await?)
    }

    /// Opens the records anew, by the statements of the policy in force.
    async fn take_up_records(&mut self) -> Result<(), ReloadError> {
        let (policy, builder) = (self.policy.clone(), self.builder.clone());
        let now = self.swap.now();
        let before = now.clone();
        let opened = self.blocking(move |files| {
            files.records.open_other(|| builder.source(&policy), &before.source)
        });
        let source = opened.await??;
        let quota = now.quota.renewed(&now.terms);
        self.swap.put(ActivePolicy { terms: now.terms.clone(), quota, source });
        self.files.lock().records.taken();
        tracing::info!("another file is in the place of the records: reads are of it now");
        Ok(())
    }

    /// Reads the file and puts what it says into force; what was read before is read `again` only
    /// if there is cause to.
    async fn take_up(&mut self, again: bool) -> Result<(), ReloadError> {
        let (builder, before, now) = (self.builder.clone(), self.read, self.swap.now());
        let read = self.blocking(move |files| {
            files.policy.reading();
            let path = files.policy.path();
            let bytes = crate::files::read(path, POLICY_MAX as u64);
            let digest = bytes.as_ref().ok().map(|bytes| sha256(&[bytes]));
            if digest == before && !again {
                return (digest, Ok(None));
            }
            let made = || {
                let policy = policy::parse_file(path, bytes)?;
                let source = files.records.open(|| builder.source(&policy), &now.source)?;
                let keyring = Keyring::open(&policy.issuers, &policy.folder)?;
                Ok::<_, ReloadError>(Some((policy, source, keyring)))
            };
            (digest, made())
        });
        let (digest, made) = read.await?;
        self.read = digest;
        let Some((policy, source, keyring)) = made? else { return Ok(()) };
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
        let terms = Arc::new(self.builder.terms(&policy, head, keyring));
        let before = self.swap.now();
        let quota = before.quota.renewed(&terms);
        self.swap.put(ActivePolicy { terms: terms.clone(), quota, source });
        // Their files are none of the policy's text: whatever came with it is told by itself.
        for (issuer, keys, digest) in terms.keyring.others_than(&before.terms.keyring) {
            tracing::info!(%issuer, keys, "new keys of an issuer are in force");
            self.warnings.owe_keys(issuer, keys, Hash(digest));
        }
        tell(&policy, head, &changes);
        self.policy = policy;
        self.keep().await;
        Ok(())
    }

    /// Keeps a copy of the policy that is in force now; if that cannot be, it is owed.
    async fn keep(&mut self) {
        let (path, policy) = (self.path.clone(), self.policy.clone());
        let kept = self.blocking(move |_| in_force::keep(&path, &policy)).await;
        let kept = kept.map_err(|why| why.to_string());
        let kept = kept.and_then(|kept| kept.map_err(|error| error.to_string()));
        let owed = std::mem::replace(&mut self.owes_copy, kept.is_err());
        match kept {
            Ok(()) if owed => tracing::info!("the copy of the policy in force is written"),
            Err(error) if !owed => {
                tracing::error!(%error, "the copy of the policy in force cannot be written");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Follows the files, and the signal that says they changed.
pub(super) async fn follow(reload: Arc<AsyncMutex<(Reload, Signal)>>) -> Infallible {
    let mut held = reload.lock().await;
    let (reload, hangup) = &mut *held;
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            _ = looks.tick() => false,
        };
        reload.look(asked).await;
    }
}

/// What a ledger says of a policy that has faults.
fn warning(digest: Option<Hash>, why: &ReloadError) -> Option<Warning> {
    let observed = match why {
        ReloadError::Policy(PolicyError::Faults { faults, .. }) => faults.len() as u64,
        ReloadError::Records(NotOpened::Journal(_)) => return None,
        ReloadError::Policy(_) | ReloadError::Records(_) | ReloadError::Keys(_) => 1,
        ReloadError::Ledger(Unrecorded::Unapproved) => 1,
        ReloadError::Ledger(_) | ReloadError::Failed(_) => return None,
    };
    Some(Warning { matter: Matter::Policy { digest }, observed, expected: 0 })
}

/// Hears of every policy that was not put into force, with all its faults.
fn kept(why: &ReloadError) {
    match why {
        ReloadError::Policy(PolicyError::Faults { path, faults }) => {
            for fault in faults {
                let (line, column) = (fault.line, fault.column);
                tracing::error!(file = %path.display(), line, column, "policy: {}", fault.what);
            }
        }
        _ => tracing::error!("policy: {why}"),
    }
    tracing::error!("the policy was not put into force: the one before it stays");
}

/// Logs which policy came into force, and what it changes.
fn tell(policy: &Policy, head: u64, changes: &[Change]) {
    for change in changes.iter().take(TOLD) {
        tracing::info!(looser = change.looser, "policy: {change}");
    }
    let looser = changes.iter().filter(|change| change.looser).count();
    let (all, digest) = (changes.len(), policy.digest);
    tracing::info!(entry = head, %digest, changes = all, looser, "another policy is in force");
}
