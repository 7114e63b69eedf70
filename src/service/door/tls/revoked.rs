//! Lists of revoked certificates (RFC 5280, section 5): believed if an authority of the clients
//! signed them, each authority exactly once.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use super::TlsError;

/// The lists of revoked certificates of all authorities.
pub(super) struct Lists {
    pub(super) ders: Vec<CertificateRevocationListDer<'static>>,
    /// When the first of them should have been followed by another; none if none says.
    pub(super) good_until: Option<SystemTime>,
}

/// Reads the lists of these authorities from the content of a file.
///
/// # Errors
/// If one is no list, of no authority, not signed by it, not good yet, the second of one, or
/// missing: whoever that authority vouches for would be refused unheard.
pub(super) fn lists(
    path: &Path,
    bytes: &[u8],
    authorities: &[CertificateDer<'_>],
) -> Result<Lists, TlsError> {
    let fault = |why: String| TlsError::Revoked { path: path.to_owned(), why };
    let ders = CertificateRevocationListDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let ders = ders.map_err(|error| TlsError::Pem { path: path.to_owned(), error })?;
    let authorities = authorities.iter().map(|der| {
        let parsed = X509Certificate::from_der(der).map(|(_, certificate)| certificate);
        parsed.map_err(|error| fault(format!("an authority cannot be read: {error}")))
    });
    let authorities = authorities.collect::<Result<Vec<_>, _>>()?;
    let mut listed = vec![false; authorities.len()];
    let mut good_until: Option<u64> = None;
    for der in &ders {
        let (rest, list) = CertificateRevocationList::from_der(der)
            .map_err(|error| fault(format!("one of the lists cannot be read: {error}")))?;
        if !rest.is_empty() {
            return Err(fault("bytes stand behind one of the lists".to_owned()));
        }
        let issuer = list.issuer();
        // Two authorities may have one name while the one takes the place of the other.
        let signer = authorities.iter().position(|authority| {
            authority.subject().as_raw() == issuer.as_raw()
                && list.verify_signature(authority.public_key()).is_ok()
        });
        let Some(signer) = signer else {
            return Err(fault(format!(
                "no authority of `tls.client_ca` signed the list of `{issuer}`"
            )));
        };
        if std::mem::replace(&mut listed[signer], true) {
            return Err(fault(format!("there are two lists of `{issuer}`")));
        }
        if unix(list.last_update().timestamp()) > now() {
            return Err(fault(format!("the list of `{issuer}` is not good yet")));
        }
        let next = list.next_update().map(|next| unix(next.timestamp()));
        good_until = good_until.into_iter().chain(next).min();
    }
    // The same certificate may stand there twice.
    let missing = (0..authorities.len()).find(|&n| {
        let covered = |(other, listed): (usize, &bool)| {
            *listed
                && authorities[other].tbs_certificate.as_ref()
                    == authorities[n].tbs_certificate.as_ref()
        };
        !listed.iter().enumerate().any(covered)
    });
    if let Some(n) = missing {
        return Err(fault(format!("there is no list of `{}`", authorities[n].subject())));
    }
    let good_until = good_until.map(|unix| UNIX_EPOCH + Duration::from_secs(unix));
    Ok(Lists { ders, good_until })
}

fn unix(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or_default()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
