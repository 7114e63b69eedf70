//! Certificates that run out: said in the log while there is time to make new ones, each at most
//! once a day, in the ledger at 30, 7 and 1 days, and in the figures always. It knows days and
//! names; what a certificate may do is not its business.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::interval;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::warnings::Warnings;
use crate::admission::{Peer, Principal, Role, Terms, Word};
use crate::format::entry::{CertificateOf, Hash, Matter, Warning, sha256};

/// From how many days ahead on it is said. Each is said more urgently than the one before.
const AHEAD: [u64; 3] = [30, 7, 1];
const DAY: u64 = 86_400;
/// Certificates that are remembered. Beyond it, warnings are forgotten and said again, and the
/// figures lack a certificate that was not shown before until another has not been shown for a day.
const REMEMBERED: usize = 4_096;

/// A certificate of a caller that will run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) struct Expiring {
    pub(in crate::service) role: Role,
    pub(in crate::service) id: Word,
    /// SHA-256 of the certificate's DER form.
    pub(in crate::service) fingerprint: [u8; 32],
    /// Whole days, 0 on its last.
    pub(in crate::service) days_left: u64,
    /// One of [`AHEAD`], if it was not warned of from there yet.
    ahead: Option<u64>,
}

/// Which day each certificate was last warned of, and from how many days ahead.
#[derive(Default)]
pub(in crate::service) struct Warned(Mutex<HashMap<[u8; 32], (u64, u64)>>);

impl Warned {
    /// What to warn of, if this certificate runs out soon and was not warned of today.
    fn due(&self, peer: &Peer, now: SystemTime) -> Option<Expiring> {
        let (role, id) = peer.name()?;
        let days_left = days_left(peer.not_after()?, now)?;
        let today = unix(now) / DAY;
        let fingerprint = peer.fingerprint();
        let mut warned = self.0.lock();
        let last = warned.get(&fingerprint).copied();
        if last.is_some_and(|(day, _)| day == today) {
            return None;
        }
        let ahead = ahead(days_left);
        if warned.len() >= REMEMBERED {
            warned.clear();
        }
        warned.insert(fingerprint, (today, ahead));
        let ahead = last.is_none_or(|(_, before)| before != ahead).then_some(ahead);
        Some(Expiring { role, id: id.clone(), fingerprint, days_left, ahead })
    }

    /// Looks at the certificate of somebody whom the policy knows; warns if it is time.
    pub(in crate::service) fn look(&self, peer: &Peer, now: SystemTime, warnings: &Warnings) {
        let Some(expiring) = self.due(peer, now) else { return };
        let Expiring { role, id, fingerprint, days_left, ahead } = expiring;
        let certificate = Hash(fingerprint);
        tracing::warn!(
            %role, %id, %certificate, days_left,
            "a client's certificate runs out: it needs a new one"
        );
        if let Some(ahead) = ahead {
            warnings.owe(warning(Some((role, id)), certificate, days_left, ahead));
        }
    }
}

/// Certificates that callers have shown, for the figures: whoever calls shakes hands again within
/// the hour or so, a tail is seen at each heartbeat, and whoever has a new certificate shows the
/// old one no more.
#[derive(Default)]
pub(in crate::service) struct Certificates(Mutex<HashMap<[u8; 32], Certificate>>);

struct Certificate {
    peer: Peer,
    /// When the certificate was last shown.
    last: SystemTime,
}

impl Certificates {
    /// Remembers the certificate of somebody whom the policy knows.
    pub(in crate::service) fn see(&self, peer: &Peer, now: SystemTime) {
        let (print, seen) = (peer.fingerprint(), Certificate { peer: peer.clone(), last: now });
        let mut known = self.0.lock();
        if known.len() >= REMEMBERED && !known.contains_key(&print) {
            known.retain(|_, certificate| certificate.is_recent(now));
        }
        if known.len() < REMEMBERED || known.contains_key(&print) {
            known.insert(print, seen);
        }
    }

    /// When the first certificate of each caller runs out, Unix time: of those that they have shown
    /// within a day and that the policy still takes.
    pub(in crate::service) fn soonest(
        &self,
        terms: &Terms,
        now: SystemTime,
    ) -> BTreeMap<(Role, Word), u64> {
        let known = self.0.lock();
        let mut soonest = BTreeMap::new();
        for Certificate { peer, last } in known.values().filter(|known| known.is_recent(now)) {
            // When it was shown it had not run out.
            let Ok(reader) = Principal::admit(peer, terms, &Role::ALL, *last) else { continue };
            let not_after = peer.not_after().and_then(|at| u64::try_from(at).ok());
            let Some(not_after) = not_after else { continue };
            let first = soonest.entry((reader.role(), reader.id().clone())).or_insert(not_after);
            *first = not_after.min(*first);
        }
        soonest
    }
}

impl Certificate {
    fn is_recent(&self, now: SystemTime) -> bool {
        unix(self.last) + DAY > unix(now)
    }
}

/// The least of [`AHEAD`] that is not past.
fn ahead(days_left: u64) -> u64 {
    AHEAD.into_iter().rfind(|ahead| days_left <= *ahead).unwrap_or(AHEAD[0])
}

fn warning(whose: Option<(Role, Word)>, certificate: Hash, days_left: u64, ahead: u64) -> Warning {
    let of = match whose {
        Some((role, id)) => CertificateOf::Client { role: role.word().into(), id, certificate },
        None => CertificateOf::Own { certificate },
    };
    Warning { matter: Matter::Certificate(of), observed: days_left, expected: ahead }
}

/// The certificate of the gateway itself, and when it is good.
#[derive(Clone, Copy)]
pub(in crate::service) struct Own {
    /// The first second in which the certificate is good, Unix time.
    not_before: i64,
    /// The last second in which the certificate is good, Unix time.
    not_after: i64,
    fingerprint: Hash,
}

impl Own {
    /// What matters of a certificate, if it can be read.
    pub(in crate::service) fn of(certificate: &CertificateDer<'_>) -> Option<Own> {
        let (_, read) = X509Certificate::from_der(certificate).ok()?;
        let times = read.validity();
        let (not_before, not_after) = (times.not_before.timestamp(), times.not_after.timestamp());
        Some(Own { not_before, not_after, fingerprint: sha256(&[certificate]) })
    }

    /// The last second in which the certificate is good, Unix time.
    pub(in crate::service) fn not_after(self) -> u64 {
        u64::try_from(self.not_after).unwrap_or_default()
    }

    /// Whether it is within its times.
    pub(in crate::service) fn is_good(self, now: SystemTime) -> bool {
        let now = i64::try_from(unix(now)).unwrap_or(i64::MAX);
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Warns at once, at every change and every day, while the certificate that is shown runs out.
pub(in crate::service) async fn watch(
    mut own: watch::Receiver<Option<Own>>,
    warnings: Warnings,
) -> Infallible {
    let mut days = interval(Duration::from_secs(DAY));
    let mut before = None;
    loop {
        tokio::select! {
            _ = days.tick() => {}
            Ok(()) = own.changed() => {}
        }
        let shown = *own.borrow_and_update();
        let Some(Own { not_after, fingerprint, .. }) = shown else { continue };
        let now = SystemTime::now();
        match days_left(not_after, now) {
            Some(days_left) => {
                tracing::warn!(
                    days_left,
                    "the gateway's certificate runs out: put a new one and its key in their place"
                );
                let ahead = ahead(days_left);
                let told = Some((fingerprint, ahead));
                if std::mem::replace(&mut before, told) != told {
                    warnings.owe(warning(None, fingerprint, days_left, ahead));
                }
            }
            None if i64::try_from(unix(now)).unwrap_or(i64::MAX) > not_after => {
                tracing::warn!("the gateway's certificate has run out: no client will connect");
            }
            None => {}
        }
    }
}

/// Whole days until then, if it is not over and near enough to be said.
fn days_left(not_after: i64, now: SystemTime) -> Option<u64> {
    let left = u64::try_from(not_after).ok()?.checked_sub(unix(now))?;
    (left <= AHEAD[0] * DAY).then_some(left / DAY)
}

fn unix(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::example::{DOMAIN, address, der, terms};

    /// The last good moment, 2 January 2026 at midnight, Unix seconds.
    const END: u64 = 1_767_312_000;

    fn peer() -> Peer {
        let der = der(&["spiffe://cir.example/provider/alpha"], |params| {
            params.not_after = rcgen::date_time_ymd(2026, 1, 2);
        });
        Peer::from_certificate(&der, address(), DOMAIN)
    }

    fn before(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(END - seconds)
    }

    #[test]
    fn a_certificate_is_warned_of_from_thirty_days_ahead_to_its_last_second() {
        for (seconds, days) in [
            (31 * DAY, None),
            (30 * DAY + 1, None),
            (30 * DAY, Some(30)),
            (7 * DAY, Some(7)),
            (DAY, Some(1)),
            (DAY - 1, Some(0)),
            (0, Some(0)),
        ] {
            let due = Warned::default().due(&peer(), before(seconds));
            assert_eq!(due.map(|due| due.days_left), days, "{seconds} s before");
        }
        assert_eq!(days_left(END as i64, UNIX_EPOCH + Duration::from_secs(END + 1)), None);
    }

    #[test]
    fn each_certificate_is_warned_of_once_a_day() {
        let (warned, alpha, other) = (Warned::default(), peer(), peer());
        let due = |peer: &Peer, seconds| warned.due(peer, before(seconds));
        let first = due(&alpha, 5 * DAY).unwrap();
        assert_eq!((first.role, &*first.id), (Role::Provider, "alpha"));
        assert_eq!((first.fingerprint, first.days_left), (alpha.fingerprint(), 5));
        assert_eq!(due(&alpha, 5 * DAY), None);
        assert_eq!(due(&alpha, 4 * DAY + 1), None, "the same day");
        assert!(due(&other, 5 * DAY).is_some());
        let later = due(&alpha, 4 * DAY).unwrap();
        assert_eq!((first.ahead, later.days_left, later.ahead), (Some(7), 4, None));
        let last = due(&alpha, DAY).unwrap();
        assert_eq!((last.days_left, last.ahead), (1, Some(1)));
    }

    fn ending(year: i32) -> Peer {
        let der = der(&["spiffe://cir.example/provider/alpha"], |params| {
            params.not_after = rcgen::date_time_ymd(year, 1, 2);
        });
        Peer::from_certificate(&der, address(), DOMAIN)
    }

    #[test]
    fn the_figures_have_the_first_certificate_that_each_caller_shows_within_a_day() {
        let (known, old, new) = (Certificates::default(), ending(2026), ending(2030));
        let soonest = |terms: &Terms, now| Vec::from_iter(known.soonest(terms, now));
        let alpha = |at| vec![((Role::Provider, Word::from("alpha")), at)];
        known.see(&old, before(DAY));
        known.see(&new, before(100));
        assert_eq!(soonest(&terms(), before(100)), alpha(END));
        let later = END + 4 * 365 * DAY + DAY;
        // One that is revoked, and one that is shown no more.
        let revoked = Terms { revoked: [old.fingerprint()].into(), ..terms() };
        assert_eq!(soonest(&revoked, before(100)), alpha(later));
        assert_eq!(soonest(&terms(), before(0)), alpha(later));
        let after = UNIX_EPOCH + Duration::from_secs(END + DAY);
        assert_eq!(soonest(&terms(), after), vec![]);
    }

    #[test]
    fn certificates_that_are_shown_are_remembered_within_a_bound() {
        let (known, new, now) = (Certificates::default(), ending(2030), before(0));
        let old = peer();
        let fill = |last| {
            let full = (0..REMEMBERED).map(|n| {
                let mut print = [0; 32];
                print[..8].copy_from_slice(&n.to_be_bytes());
                (print, Certificate { peer: old.clone(), last })
            });
            known.0.lock().extend(full);
        };
        let has = |peer: &Peer| known.0.lock().contains_key(&peer.fingerprint());
        known.see(&old, before(DAY - 1));
        fill(before(DAY - 1));
        known.0.lock().remove(&[0; 32]);
        // One that it has is seen again, and another finds no room.
        known.see(&old, now);
        known.see(&new, now);
        assert_eq!((has(&old), has(&new)), (true, false));
        assert_eq!(known.0.lock().len(), REMEMBERED);
        // Those of days ago make room.
        fill(before(DAY));
        known.see(&new, now);
        assert_eq!((has(&old), has(&new)), (true, true));
        assert_eq!(known.0.lock().len(), 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let warned = Warned::default();
        let full = (0..REMEMBERED).map(|n| {
            let mut print = [0; 32];
            print[..8].copy_from_slice(&n.to_be_bytes());
            (print, (0, 30))
        });
        warned.0.lock().extend(full);
        assert!(warned.due(&peer(), before(DAY)).is_some());
        assert_eq!(warned.0.lock().len(), 1);
    }
}
