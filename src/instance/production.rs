//! What `init` makes for production: keys, a request for the daemon's certificate, and both files
//! of configuration. No authority, no client, no personal key and no record: those are the agency's
//! own, and none of them is ever in this folder.

use std::net::SocketAddr;
use std::path::PathBuf;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::place::BuildFolder;
use super::{
    InstanceError, Layout, Made, Prepared, settings, write_keys, write_public, write_secret,
};

/// What to make for production, as the operator gives it.
#[derive(Clone, Debug)]
pub struct Site {
    /// The folder of the instance, which is absent or empty.
    pub dir: PathBuf,
    /// Name of the ledger, which its checkpoints begin with.
    pub name: String,
    /// Trust domain of the certificates that clients will have.
    pub trust_domain: String,
    /// Names that the daemon answers to.
    pub server_names: Vec<String>,
    /// Address that the daemon will listen on, `ADDRESS:PORT`.
    pub listen: String,
    /// The text of `policy.toml`, which was checked.
    pub policy: String,
}

/// Makes everything but the ledger, under a temporary name beside or in `site.dir`.
///
/// # Errors
/// [`InstanceError`]; nothing is left.
pub fn prepare_site(site: &Site) -> Result<Prepared, InstanceError> {
    check(site)?;
    let place = BuildFolder::take(&site.dir)?;
    let layout = Layout::new(place.work());
    layout.make_folders(&["pki", "keys"])?;
    request(&layout, &site.server_names)?;
    let verifier = write_keys(&layout, &site.name)?;
    write_public(&layout.config(), &settings::site(site))?;
    write_public(&layout.policy(), &site.policy)?;
    let made = Made { layout, rosters: Vec::new(), verifier };
    Ok(Prepared { made, place })
}

/// The daemon's key, and the request that the agency's authority signs.
fn request(layout: &Layout, names: &[String]) -> Result<(), InstanceError> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, names[0].as_str());
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    write_public(&layout.server_request(), &params.serialize_request(&key)?.pem()?)?;
    write_secret(&layout.server_key(), &key.serialize_pem())
}

/// Refuses a plan that cannot be carried out, before anything is made: these texts become part of
/// `config.toml` and of certificates.
fn check(site: &Site) -> Result<(), InstanceError> {
    let fits = |text: &str, signs: &[u8]| {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || signs.contains(&b);
        (1..=128).contains(&text.len()) && text.bytes().all(good)
    };
    let mut texts = vec![
        ("--name", &site.name, &b"./-_"[..]),
        ("--trust-domain", &site.trust_domain, &b".-_"[..]),
    ];
    texts.extend(site.server_names.iter().map(|name| ("--server-name", name, &b".-:"[..])));
    if let Some((what, given, _)) = texts.iter().find(|(_, text, signs)| !fits(text, signs)) {
        return Err(InstanceError::Shape { what, given: (*given).clone() });
    }
    match site.listen.parse::<SocketAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(InstanceError::Listen(site.listen.clone())),
    }
}
