//! Lists of revoked certificates as an authority signs them.

use std::fs;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevocationReason,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use crate::instance::Instance;

/// With and without somebody revoked; the authority's own before one, and two lists.
pub fn seeds(instance: &Instance) -> Vec<Vec<u8>> {
    let authority = fs::read(instance.layout.ca()).expect("a file");
    let (none, one) = (list(instance, &[]), list(instance, &[7]));
    vec![
        none.clone(),
        one.clone(),
        [&authority[..], &[0], &one].concat(),
        [&authority[..], &authority, &[0], &one, &none].concat(),
    ]
}

fn list(instance: &Instance, serials: &[u64]) -> Vec<u8> {
    let read = |path| fs::read_to_string(path).expect("a file");
    let key = KeyPair::from_pem(&read(instance.layout.ca_key())).expect("a key");
    let authority = Issuer::from_ca_cert_pem(&read(instance.layout.ca()), key);
    let authority = authority.expect("an authority");
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock behind 1970");
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(since.as_secs());
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: now,
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: now,
        next_update: now + Duration::from_secs(86_400),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&authority).expect("a list").pem().expect("PEM").into_bytes()
}
