//! Looks once a second whether the door has another certificate to show, or other authorities to
//! believe. Whatever cannot be used leaves what was in force before.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::material::{Identity, Trusted, content};
use super::{Door, TlsError};
use crate::files::Watched;
use crate::ledger::entry::{Hash, Matter, Warning, sha256};
use crate::service::tasks::{PATIENCE, patiently};
use crate::service::warnings::Warnings;

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// The files of what is shown, watched since before they were first read.
pub(super) struct IdentityFiles {
    pub(super) certificate: Watched,
    pub(super) key: Watched,
}

/// The file of those who are believed, watched since before it was first read.
pub(super) struct AuthoritiesFile {
    pub(super) client_ca: Watched,
    /// SHA-256 of what is in force.
    pub(super) believed: Hash,
}

/// What became of reading the authorities.
struct Read {
    /// SHA-256 of the file, if it could be read.
    digest: Option<Hash>,
    /// How many there are now; none if they are those of before.
    others: Result<Option<usize>, TlsError>,
}

/// Looks for ever.
pub(in crate::service) async fn keep(door: Arc<Door>, warnings: Warnings) -> Infallible {
    // One by itself: what is wrong with one leaves the other watched.
    tokio::join!(keep_identity(&door), keep_authorities(&door, &warnings)).0
}

async fn keep_identity(door: &Arc<Door>) -> Infallible {
    let (mut ticks, mut told) = (ticks(), None);
    loop {
        ticks.tick().await;
        let looking = door.clone();
        let what = "the gateway's certificate and its key";
        let read = match patiently(what, PATIENCE, move || looking.look_at_identity()).await {
            Ok(None) => continue,
            Ok(Some(read)) => read.map_err(|error| error.to_string()),
            Err(panicked) => Err(panicked.to_string()),
        };
        if let Ok(true) = &read {
            tracing::info!("another certificate of the gateway is shown from here on");
        }
        let why = read.err();
        if let Some(error) = why.as_ref().filter(|_| told != why) {
            tracing::error!(
                error,
                "the gateway's certificate and its key are not taken up: it shows the one before"
            );
        }
        told = why;
    }
}

async fn keep_authorities(door: &Arc<Door>, warnings: &Warnings) -> Infallible {
    let (mut ticks, mut told) = (ticks(), None);
    loop {
        ticks.tick().await;
        let looking = door.clone();
        let look = move || looking.look_at_authorities();
        let (digest, others) = match patiently("the authorities", PATIENCE, look).await {
            Ok(None) => continue,
            Ok(Some(read)) => (read.digest, read.others.map_err(|error| error.to_string())),
            Err(panicked) => (None, Err(panicked.to_string())),
        };
        if let Ok(Some(authorities)) = others {
            tracing::warn!(
                authorities,
                digest = digest.map(tracing::field::display),
                "other authorities are in force: whom the ones before alone vouched for is refused"
            );
            record(warnings, authorities, digest);
        }
        // What is wrong is told once of each content, and again if it was good in between.
        let why = others.err().map(|error| (error, digest));
        if let Some((error, _)) = why.as_ref().filter(|_| told != why) {
            tracing::error!(error, "the authorities in force before stay");
            record(warnings, 0, digest);
        }
        told = why;
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Door {
    /// Whether another certificate is shown from here on; none if there was nothing to read.
    fn look_at_identity(&self) -> Option<Result<bool, TlsError>> {
        let mut files = self.identity_files.lock().unwrap_or_else(PoisonError::into_inner);
        // Both are looked at, whatever the one says: a look counts for the next.
        let due = [files.certificate.due(), files.key.due()];
        if due == [false, false] {
            return None;
        }
        files.certificate.reading();
        files.key.reading();
        let read = Identity::read_anew(&self.settings, &self.provider);
        let shown = read.and_then(|identity| self.show(identity));
        if shown.is_ok() {
            files.certificate.taken();
            files.key.taken();
        }
        Some(shown)
    }

    /// None if there was nothing to read.
    fn look_at_authorities(&self) -> Option<Read> {
        let mut file = self.authorities_file.lock().unwrap_or_else(PoisonError::into_inner);
        if !file.client_ca.due() {
            return None;
        }
        file.client_ca.reading();
        let path = &self.settings.client_ca;
        let bytes = content(path);
        let digest = bytes.as_ref().ok().map(|bytes| sha256(&[bytes]));
        let read = bytes.and_then(|bytes| Trusted::parse(path, &bytes, self.provider.clone()));
        let others = read.and_then(|trusted| {
            let Trusted { verifier, digest, authorities } = trusted;
            if file.believed == digest {
                return Ok(None);
            }
            self.believe(verifier)?;
            file.believed = digest;
            Ok(Some(authorities))
        });
        if others.is_ok() {
            file.client_ca.taken();
        }
        Some(Read { digest, others })
    }
}

/// Whoever watches must hear of it, though it was refused: whoever can write that file lets in whom they
/// like.
fn record(warnings: &Warnings, authorities: usize, digest: Option<Hash>) {
    let warning = Warning::of_figures(Matter::Authorities, authorities as u64, 0);
    warnings.owe(Warning { digest, ..warning });
}
