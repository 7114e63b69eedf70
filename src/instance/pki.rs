//! The certificates of a development instance: one authority, the daemon, and one client for every
//! role. A production authority is the agency's own, and its key is not in a folder beside.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
    date_time_ymd,
};

use super::{
    ADMINS, InstanceError, Layout, Progress, Stage, TRUST_DOMAIN, write_public, write_secret,
};
use crate::format::entry::Word;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// How long the authority lasts: ten years.
const AUTHORITY_DAYS: u32 = 3_653;
/// How long the others last: a year and a month to renew in.
const LEAF_DAYS: u32 = 397;
/// Names that the daemon answers to.
const SERVER_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Who else has a certificate: role and id. The providers' are made from the plan.
pub(super) const STAFF: [(&str, &str); 5] = [
    ("security", "security-soc"),
    ("auditor", "auditor-1"),
    ("admin", ADMINS[0]),
    ("admin", ADMINS[1]),
    ("agency", "agency-1"),
];

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Makes all certificates and keys of the folder `pki/`.
pub(super) fn write(
    layout: &Layout,
    providers: &[Word],
    agents: u32,
    now: SystemTime,
    progress: Progress<'_>,
) -> Result<(), InstanceError> {
    let agent = |id| (1..=agents).map(move |n| ("provider", id, format!("{id}-agent-{n}")));
    let agents = providers.iter().flat_map(|id| agent(id.as_ref()));
    let providers = providers.iter().map(|id| ("provider", id.as_ref()));
    let others = providers.chain(STAFF).map(|(role, id)| (role, id, id.to_owned()));
    let clients: Vec<_> = others.chain(agents).collect();
    let total = clients.len() as u64 + 2;
    progress(Stage::Certificates, 0, total);

    let authority = authority(now)?;
    write_public(&layout.ca(), &authority.pem())?;
    write_secret(&layout.ca_key(), &authority.key().serialize_pem())?;
    progress(Stage::Certificates, 1, total);

    let server = (layout.server_certificate(), layout.server_key());
    write_leaf(&authority, server_params(now)?, server)?;
    for (done, (role, id, name)) in (2..).zip(clients) {
        progress(Stage::Certificates, done, total);
        write_leaf(&authority, client_params(role, id, &name, now)?, layout.client(&name))?;
    }
    progress(Stage::Certificates, total, total);
    Ok(())
}

/// The authority, which signs itself and may sign no further authority.
fn authority(now: SystemTime) -> Result<Authority, InstanceError> {
    let mut params = params("greffier development authority", AUTHORITY_DAYS, now);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    Ok(CertifiedIssuer::self_signed(params, key)?)
}

fn server_params(now: SystemTime) -> Result<CertificateParams, InstanceError> {
    let mut params = leaf_params("localhost", ExtendedKeyUsagePurpose::ServerAuth, now);
    params.subject_alt_names =
        CertificateParams::new(SERVER_NAMES.map(String::from))?.subject_alt_names;
    Ok(params)
}

/// A client is its one URI; the common name is for people and means nothing. Agents of one provider
/// have the same URI: what tells them apart is the certificate itself.
fn client_params(
    role: &str,
    id: &str,
    name: &str,
    now: SystemTime,
) -> Result<CertificateParams, InstanceError> {
    let mut params = leaf_params(name, ExtendedKeyUsagePurpose::ClientAuth, now);
    let uri = format!("spiffe://{TRUST_DOMAIN}/{role}/{id}");
    params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
    Ok(params)
}

fn leaf_params(name: &str, usage: ExtendedKeyUsagePurpose, now: SystemTime) -> CertificateParams {
    let mut params = params(name, LEAF_DAYS, now);
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params
}

/// What all of them say: who, and from an hour ago (clocks differ) for so many days.
fn params(name: &str, days: u32, now: SystemTime) -> CertificateParams {
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(since_epoch.as_secs());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - HOUR;
    params.not_after = params.not_before + DAY * days;
    params
}

/// Makes a key, has the authority sign for it, and writes both.
fn write_leaf(
    authority: &Authority,
    params: CertificateParams,
    (certificate, private): (PathBuf, PathBuf),
) -> Result<(), InstanceError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    write_public(&certificate, &params.signed_by(&key, authority)?.pem())?;
    write_secret(&private, &key.serialize_pem())
}
