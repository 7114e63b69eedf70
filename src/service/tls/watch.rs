//! Looks once a second whether the door has another certificate to show, or other authorities to
//! believe. Whatever cannot be used leaves what was in force before.

use std::convert::Infallible;
use std::sync::{Arc, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::material::{Identity, Trusted};
use super::{Door, TlsError};
use crate::files::Watched;
use crate::ledger::entry::{Hash, Matter, Warning};
use crate::service::tasks::{Panicked, attempt_blocking};
use crate::service::warnings::Warnings;

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a look may take before it is told of.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files, watched since before they were first read.
pub(super) struct Files {
    pub(super) certificate: Watched,
    pub(super) key: Watched,
    pub(super) client_ca: Watched,
    /// SHA-256 of the authorities' file in force.
    pub(super) believed: Hash,
}

/// What became of a look.
#[derive(Default)]
struct Found {
    identity: Option<Result<(), TlsError>>,
    /// How many authorities there are now, and the digest of their file.
    authorities: Option<Result<(usize, Hash), TlsError>>,
}

/// Looks for ever.
pub(in crate::service) async fn keep(door: Arc<Door>, warnings: Warnings) -> Infallible {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // One file by itself: what is wrong with one leaves the other watched.
        look(&door, &warnings, Door::look_at_identity).await;
        look(&door, &warnings, Door::look_at_authorities).await;
    }
}

async fn look(door: &Arc<Door>, warnings: &Warnings, look: fn(&Door) -> Found) {
    let looking = door.clone();
    let found = attempt_blocking(move || look(&looking));
    match timeout(PATIENCE, found).await {
        Err(_) => tracing::error!("the certificates cannot be read: the disk does not answer"),
        Ok(Err(Panicked)) => {
            tracing::error!(error = %Panicked, "the certificates in force before stay");
        }
        Ok(Ok(found)) => tell(door, warnings, found),
    }
}

impl Door {
    fn look_at_identity(&self) -> Found {
        let Some(mut files) = self.files() else { return Found::default() };
        // Both are looked at, whatever the one says: a look counts for the next.
        let due = [files.certificate.due(), files.key.due()];
        if due == [false, false] {
            return Found::default();
        }
        files.certificate.reading();
        files.key.reading();
        let identity = match Identity::read_anew(&self.settings, &self.provider) {
            Ok(identity) => {
                files.certificate.taken();
                files.key.taken();
                self.show(identity).map(|other| other.then_some(())).transpose()
            }
            Err(error) => Some(Err(error)),
        };
        Found { identity, ..Found::default() }
    }

    fn look_at_authorities(&self) -> Found {
        let Some(mut files) = self.files() else { return Found::default() };
        if !files.client_ca.due() {
            return Found::default();
        }
        files.client_ca.reading();
        let read = Trusted::read(&self.settings.client_ca, self.provider.clone());
        let authorities = match read {
            Ok(trusted) => {
                files.client_ca.taken();
                let (authorities, digest) = (trusted.authorities, trusted.digest);
                let others = files.believed != digest;
                files.believed = digest;
                others.then(|| self.believe(trusted.verifier).map(|()| (authorities, digest)))
            }
            Err(error) => Some(Err(error)),
        };
        Found { authorities, ..Found::default() }
    }

    /// The files, unless an earlier look at them still waits for the disk.
    fn files(&self) -> Option<MutexGuard<'_, Files>> {
        match self.files.try_lock() {
            Ok(files) => Some(files),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Whether this was not what was told of the same files last.
    fn is_news(&self, at: usize, why: Option<String>) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told[at] != why;
        told[at] = why;
        news
    }
}

fn tell(door: &Door, warnings: &Warnings, found: Found) {
    match found.identity {
        Some(Ok(())) => {
            door.is_news(0, None);
            tracing::info!("another certificate of the gateway is shown from here on");
        }
        Some(Err(error)) if door.is_news(0, Some(error.to_string())) => tracing::error!(
            %error,
            "the gateway's certificate and its key are not taken up: it shows the one before"
        ),
        Some(Err(_)) | None => {}
    }
    match found.authorities {
        Some(Ok((authorities, digest))) => {
            door.is_news(1, None);
            tracing::warn!(
                authorities, %digest,
                "other authorities are in force: whom the ones before alone vouched for is refused"
            );
            record(warnings, authorities, Some(digest));
        }
        Some(Err(error)) if door.is_news(1, Some(error.to_string())) => {
            tracing::error!(%error, "the authorities in force before stay");
            record(warnings, 0, None);
        }
        Some(Err(_)) | None => {}
    }
}

/// Whoever watches must hear of it, though it was refused: whoever can write that file lets in whom they
/// like.
fn record(warnings: &Warnings, authorities: usize, digest: Option<Hash>) {
    let warning = Warning::of_figures(Matter::Authorities, authorities as u64, 0);
    warnings.owe(Warning { digest, ..warning });
}
