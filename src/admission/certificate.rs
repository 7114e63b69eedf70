//! What a client certificate says. The chain was checked in the handshake; this file reads the name
//! out of the leaf, and knows nothing of the policy.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::authorities::{Authorities, PresentedChain};
use super::{Word, grammar};

/// What an organisation or a person is here; one certificate has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A subcontractor of the agency, whose agents read records.
    Provider,
    /// A member of staff who follows alerts and the ledger.
    Security,
    /// A member of staff who reads the ledger.
    Auditor,
    /// An administrator, who submits acts.
    Admin,
    /// The agency whose records these are.
    Agency,
}

impl Role {
    /// All roles, in the order of the enum.
    pub const ALL: [Role; 5] =
        [Role::Provider, Role::Security, Role::Auditor, Role::Admin, Role::Agency];

    /// The word in certificates, in the policy and in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Role::Provider => "provider",
            Role::Security => "security",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
            Role::Agency => "agency",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = CertificateFault;

    fn from_str(text: &str) -> Result<Role, CertificateFault> {
        Role::ALL.into_iter().find(|r| r.word() == text).ok_or(CertificateFault::Role)
    }
}

/// Why a certificate whose chain is good is still refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It is not one whole X.509 certificate, or has an extension that cannot be read.
    #[error("it cannot be read")]
    Unreadable,
    /// It may sign others, so whoever holds it could name anybody.
    #[error("it is the certificate of an authority, used as a client's")]
    Authority,
    /// The certificate has no URI among its alternative names.
    #[error("it has no URI among its alternative names")]
    Nameless,
    /// More than one could be meant.
    #[error("it has more than one URI among its alternative names")]
    Ambiguous,
    /// The URI is not `spiffe://<trust domain>/<role>/<id>`.
    #[error("its URI is not spiffe://<trust domain>/<role>/<id> in this trust domain")]
    Foreign,
    /// The role is none of [`Role`].
    #[error("its URI names no known role")]
    Role,
    /// The id is not of the shape [`grammar::ID`].
    #[error("its URI has an id that is not {}", grammar::ID)]
    Id,
    /// Its authority, or one between, is none of this gateway's any more, or has expired.
    #[error("no authority in force vouches for it")]
    Untrusted,
    /// Past its last second; connections can outlive certificates.
    #[error("it has expired")]
    Expired,
    /// Listed by fingerprint in the policy.
    #[error("it is revoked")]
    Revoked,
    /// The policy does not know this role and id.
    #[error("the policy does not know whom it names")]
    Unknown,
    /// A good certificate of somebody who has no business with this service.
    #[error("its role may not call this service")]
    Elsewhere,
}

/// What is known of the other side of a connection; made once, when the handshake is done.
#[derive(Clone, Debug)]
pub struct Peer {
    fingerprint: [u8; 32],
    /// The fingerprint in lowercase hex: it stands in for the person where no token is carried.
    agent: Word,
    leaf: Result<Leaf, CertificateFault>,
    network: Word,
    host: IpAddr,
    connection: Connection,
    /// What its authorities are asked for, for as long as the connection is open.
    vouched: Option<Arc<PresentedChain>>,
}

/// What tells one connection from another for as long as it is open.
pub(super) type Connection = Arc<()>;

#[derive(Clone, Debug)]
struct Leaf {
    role: Role,
    id: Word,
    /// The last second in which the certificate is good, Unix time.
    not_after: i64,
}

impl Peer {
    /// Reads the leaf certificate. A faulty one still makes a peer: its calls are refused, and
    /// counted under its fingerprint.
    pub fn from_certificate(der: &[u8], addr: SocketAddr, trust_domain: &str) -> Peer {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, der).as_ref());
        Peer {
            fingerprint,
            agent: hex(&fingerprint).into(),
            leaf: leaf(der, trust_domain),
            network: network(addr.ip()).into(),
            host: host(addr.ip()),
            connection: Connection::default(),
            vouched: None,
        }
    }

    /// Holds the peer to the authorities in force, by the whole `chain` that it has shown.
    pub fn vouched(self, chain: &[CertificateDer<'_>], by: &Arc<Authorities>) -> Peer {
        let vouched = PresentedChain::new(chain, by.clone());
        Peer { vouched: Some(Arc::new(vouched)), ..self }
    }

    /// SHA-256 of the certificate's DER form.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Role and id, if the certificate names them well; the policy may still not know them.
    pub fn name(&self) -> Option<(Role, &Word)> {
        self.leaf.as_ref().ok().map(|leaf| (leaf.role, &leaf.id))
    }

    /// The last second in which the certificate is good, Unix time.
    pub fn not_after(&self) -> Option<i64> {
        self.leaf.as_ref().ok().map(|leaf| leaf.not_after)
    }

    /// Where it calls from, cut to /24 or /48.
    pub fn network(&self) -> &Word {
        &self.network
    }

    /// Address of the subscriber within the network: see [`host`].
    pub fn host(&self) -> IpAddr {
        self.host
    }

    /// What the person is called whom the certificate stands for: its fingerprint in lowercase hex.
    pub fn agent(&self) -> &Word {
        &self.agent
    }

    /// Makes it the same certificate over another connection.
    #[cfg(test)]
    pub(super) fn reconnect(&mut self) {
        self.connection = Connection::default();
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The name, if the certificate is good and has not run out at `unix` seconds, and an authority
    /// in force vouches for it.
    pub(super) fn good_name(&self, unix: i64) -> Result<(Role, &Word), CertificateFault> {
        let leaf = self.leaf.as_ref().map_err(|fault| *fault)?;
        if unix > leaf.not_after {
            return Err(CertificateFault::Expired);
        }
        let at = u64::try_from(unix).unwrap_or_default();
        if self.vouched.as_ref().is_some_and(|vouched| !vouched.holds(at)) {
            return Err(CertificateFault::Untrusted);
        }
        Ok((leaf.role, &leaf.id))
    }
}

fn leaf(der: &[u8], trust_domain: &str) -> Result<Leaf, CertificateFault> {
    let unreadable = |_| CertificateFault::Unreadable;
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| CertificateFault::Unreadable)?;
    // x509-parser passes over an extension that it cannot read. A basic constraint that is passed
    // over is one that was never checked.
    let broken = |extension: &ParsedExtension<'_>| {
        matches!(extension, ParsedExtension::ParseError { .. } | ParsedExtension::Unparsed)
    };
    if !rest.is_empty() || certificate.iter_extensions().any(|e| broken(e.parsed_extension())) {
        return Err(CertificateFault::Unreadable);
    }
    let constraints = certificate.basic_constraints().map_err(unreadable)?;
    let usage = certificate.key_usage().map_err(unreadable)?;
    if constraints.is_some_and(|c| c.value.ca)
        || usage.is_some_and(|u| u.value.key_cert_sign() || u.value.crl_sign())
    {
        return Err(CertificateFault::Authority);
    }
    let names = certificate.subject_alternative_name().map_err(unreadable)?;
    let names = names.map_or(&[][..], |n| &n.value.general_names);
    if names.iter().any(|n| matches!(n, GeneralName::Invalid(..))) {
        return Err(CertificateFault::Unreadable);
    }
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uri = uris.next().ok_or(CertificateFault::Nameless)?;
    if uris.next().is_some() {
        return Err(CertificateFault::Ambiguous);
    }
    let (role, id) = parts(uri, trust_domain).ok_or(CertificateFault::Foreign)?;
    let role = role.parse()?;
    if !grammar::is_id(id) {
        return Err(CertificateFault::Id);
    }
    Ok(Leaf { role, id: id.into(), not_after: certificate.validity().not_after.timestamp() })
}

/// Role and id of `spiffe://<trust domain>/<role>/<id>`. Compared byte by byte: a URI in another
/// spelling is another name.
fn parts<'a>(uri: &'a str, trust_domain: &str) -> Option<(&'a str, &'a str)> {
    let path = uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?.strip_prefix('/')?;
    path.split_once('/')
}

/// What one subscriber of a network has for itself: an IPv4 address, or 64 bits of IPv6. It is
/// counted by and written down nowhere.
pub fn host(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// The network of an address: enough to notice another one, too little to point at a person.
fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyUsagePurpose, SanType};

    use super::super::example::{DOMAIN, address, der};
    use super::*;

    fn fault(der: &[u8]) -> Option<CertificateFault> {
        Peer::from_certificate(der, address(), DOMAIN).leaf.err()
    }

    fn with(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        der(&["spiffe://cir.example/provider/alpha"], change)
    }

    #[test]
    fn a_good_certificate_names_role_and_id() {
        let der = with(|_| ());
        let peer = Peer::from_certificate(&der, address(), DOMAIN);
        assert_eq!(peer.name(), Some((Role::Provider, &"alpha".into())));
        assert_eq!(&peer.fingerprint()[..], digest(&SHA256, &der).as_ref());
        assert_eq!(peer.agent().len(), 64);
        assert_eq!(&**peer.network(), "127.0.0.0/24");
    }

    #[test]
    fn every_role_has_its_word() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("Provider".parse::<Role>(), Err(CertificateFault::Role));
    }

    #[test]
    fn a_certificate_without_one_uri_is_refused() {
        assert_eq!(fault(&der(&[], |_| ())), Some(CertificateFault::Nameless));
        let dns = der(&[], |p| {
            p.subject_alt_names = vec![SanType::DnsName("alpha.example".try_into().unwrap())];
        });
        assert_eq!(fault(&dns), Some(CertificateFault::Nameless));
        let two = ["spiffe://cir.example/provider/alpha", "spiffe://cir.example/provider/beta"];
        assert_eq!(fault(&der(&two, |_| ())), Some(CertificateFault::Ambiguous));
        let twice = ["spiffe://cir.example/provider/alpha"; 2];
        assert_eq!(fault(&der(&twice, |_| ())), Some(CertificateFault::Ambiguous));
    }

    #[test]
    fn a_uri_of_another_form_is_refused() {
        use CertificateFault::{Foreign, Id, Role};
        for (uri, expected) in [
            ("spiffe://other.example/provider/alpha", Foreign),
            ("spiffe://cir.example.evil/provider/alpha", Foreign),
            ("spiffe://cir.example:1/provider/alpha", Foreign),
            ("SPIFFE://cir.example/provider/alpha", Foreign),
            ("https://cir.example/provider/alpha", Foreign),
            ("spiffe://cir.example/provider", Foreign),
            ("spiffe://cir.example/", Foreign),
            ("spiffe://cir.example/root/alpha", Role),
            ("spiffe://cir.example//alpha", Role),
            ("spiffe://cir.example/provider/", Id),
            ("spiffe://cir.example/provider/alpha/", Id),
            ("spiffe://cir.example/provider/alpha/beta", Id),
            ("spiffe://cir.example/provider/Alpha", Id),
            ("spiffe://cir.example/provider/alpha?x", Id),
            ("spiffe://cir.example/provider/al%70ha", Id),
        ] {
            assert_eq!(fault(&der(&[uri], |_| ())), Some(expected), "{uri}");
        }
    }

    #[test]
    fn an_authority_is_refused_as_a_client() {
        let ca = with(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        assert_eq!(fault(&ca), Some(CertificateFault::Authority));
        let signer = with(|p| p.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
        assert_eq!(fault(&signer), Some(CertificateFault::Authority));
        assert_eq!(fault(&with(|p| p.is_ca = IsCa::ExplicitNoCa)), None);
    }

    #[test]
    fn a_broken_or_longer_certificate_is_refused() {
        let mut der = with(|_| ());
        assert_eq!(fault(b""), Some(CertificateFault::Unreadable));
        assert_eq!(fault(&der[..der.len() - 1]), Some(CertificateFault::Unreadable));
        der.push(0);
        assert_eq!(fault(&der), Some(CertificateFault::Unreadable));
    }

    #[test]
    fn basic_constraints_that_cannot_be_read_are_not_passed_over() {
        let broken = with(|p| {
            p.custom_extensions =
                vec![rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 9])];
        });
        assert_eq!(fault(&broken), Some(CertificateFault::Unreadable));
    }

    #[test]
    fn a_certificate_is_good_to_its_last_second() {
        let der = with(|p| p.not_after = rcgen::date_time_ymd(2026, 1, 2));
        let peer = Peer::from_certificate(&der, address(), DOMAIN);
        let last = 1_767_312_000;
        assert!(peer.good_name(last).is_ok());
        assert_eq!(peer.good_name(last + 1).err(), Some(CertificateFault::Expired));
    }

    #[test]
    fn a_host_is_an_address_or_the_first_64_bits_of_one() {
        let host = |text: &str| host(text.parse().unwrap());
        let same = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(host("2001:db8:1:2:3:4:5:6"), same("2001:db8:1:2::"));
        assert_ne!(host("2001:db8:1:3::"), host("2001:db8:1:2::"));
        assert_eq!(host("::ffff:192.0.2.1"), same("192.0.2.1"));
        assert_ne!(host("192.0.2.1"), host("192.0.2.2"));
    }

    #[test]
    fn a_network_tells_no_host() {
        for (ip, expected) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2::77", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(network(ip.parse().unwrap()), expected);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(fault(&bytes).is_some());
        }

        #[test]
        fn a_changed_certificate_never_panics(
            at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut der = with(|_| ());
            let at = at.index(der.len());
            der[at] = byte;
            let _ = fault(&der);
        }
    }
}
