//! Looks once a second whether the door has another certificate to show, or other authorities to
//! believe. Whatever cannot be used leaves what was in force before.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::material::{Contents, Identity, Trusted};
use super::{Door, TlsError, TlsSettings};
use crate::files::Watched;
use crate::format::entry::{Hash, Matter, Warning};
use crate::service::tasks::{PATIENCE, patiently};
use crate::service::watch::warnings::Warnings;

/// Time between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// The files of what is shown, watched since before they were first read.
pub(super) struct IdentityFiles {
    pub(super) certificate: Watched,
    pub(super) key: Watched,
}

/// The files of those who are believed, and of what they revoked, watched since before they were
/// first read.
pub(super) struct AuthoritiesFiles {
    client_ca: Watched,
    client_crl: Option<Watched>,
    /// SHA-256 of what is in force.
    believed: Hash,
    /// Until when the lists in force are good, unless that was told.
    lists_good_until: Option<SystemTime>,
}

impl AuthoritiesFiles {
    /// The files of the authorities, watched from here on.
    pub(super) fn watched(settings: &TlsSettings) -> AuthoritiesFiles {
        let client_ca = Watched::content(settings.client_ca.clone());
        let client_crl = settings.client_crl.clone().map(Watched::content);
        let (believed, lists_good_until) = (Hash::default(), None);
        AuthoritiesFiles { client_ca, client_crl, believed, lists_good_until }
    }

    /// The same files, of which these authorities are in force.
    pub(super) fn believing(self, trusted: &Trusted) -> AuthoritiesFiles {
        let Trusted { digest, lists_good_until, .. } = *trusted;
        AuthoritiesFiles { believed: digest, lists_good_until, ..self }
    }

    fn due(&mut self) -> bool {
        // Both are looked at, whatever the one says: a look counts for the next.
        let due = [self.client_ca.due(), self.client_crl.as_mut().is_some_and(Watched::due)];
        due != [false, false]
    }

    fn each(&mut self, what: fn(&mut Watched)) {
        what(&mut self.client_ca);
        self.client_crl.iter_mut().for_each(what);
    }
}

/// What became of reading the authorities.
struct Read {
    /// SHA-256 of the file, if it could be read.
    digest: Option<Hash>,
    /// How many there are now; none if they are those of before.
    others: Result<Option<usize>, TlsError>,
}

/// Looks once a second at both kinds of files, for ever.
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
        if door.lists_are_over() {
            tracing::error!(
                "the lists of revoked certificates of `tls.client_crl` are over: what they revoke stays \
                 revoked, and nothing that was revoked since is known; have the authority publish others"
            );
            warnings.owe(Warning { matter: Matter::Revoked, observed: 0, expected: 0 });
        }
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
        let mut files = self.identity_files.lock();
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

    /// Reads the files of the authorities; none if there was nothing to read.
    fn look_at_authorities(&self) -> Option<Read> {
        let mut files = self.authorities_files.lock();
        if !files.due() {
            return None;
        }
        files.each(Watched::reading);
        let contents = Contents::read(&self.settings);
        let digest = contents.as_ref().ok().map(Contents::digest);
        let parsed = |contents| Trusted::parse(&self.settings, &contents, self.provider.clone());
        let others = contents.and_then(parsed).and_then(|trusted| {
            if files.believed == trusted.digest {
                return Ok(None);
            }
            self.believe(trusted.verifier)?;
            (files.believed, files.lists_good_until) = (trusted.digest, trusted.lists_good_until);
            Ok(Some(trusted.authorities))
        });
        if others.is_ok() {
            files.each(Watched::taken);
        }
        Some(Read { digest, others })
    }

    /// Whether the lists of what is revoked are over by now, the first time that it is asked of
    /// them.
    fn lists_are_over(&self) -> bool {
        let good_until = &mut self.authorities_files.lock().lists_good_until;
        good_until.take_if(|until| *until < SystemTime::now()).is_some()
    }
}

/// Whoever watches must hear of it, though it was refused: whoever can write that file lets in whom
/// they like.
fn record(warnings: &Warnings, authorities: usize, digest: Option<Hash>) {
    let (matter, observed) = (Matter::Authorities { digest }, authorities as u64);
    warnings.owe(Warning { matter, observed, expected: 0 });
}
