//! Certificates that `init` does not make: signed by the instance's authority or by a stranger,
//! with whatever names and times a test wants.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use greffier::format::entry::{Hash, sha256};
use greffier::instance::Layout;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Certificate and key, PEM files.
pub(crate) type Shown = (PathBuf, PathBuf);

/// What the authority of a development instance calls itself.
pub(crate) const AUTHORITY: &str = "greffier development authority";

/// Somebody who signs certificates; they lie in a folder that goes with it.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    pub(crate) certificate: String,
    folder: TempDir,
}

impl Authority {
    /// The instance's own.
    pub(crate) fn of(layout: &Layout) -> Authority {
        let certificate = std::fs::read_to_string(layout.ca()).expect("ca.pem");
        let key = std::fs::read_to_string(layout.ca_key()).expect("ca.key");
        let key = KeyPair::from_pem(&key).expect("a key");
        let issuer = Issuer::from_ca_cert_pem(&certificate, key).expect("an authority");
        Authority::new(issuer, certificate)
    }

    fn new(issuer: Issuer<'static, KeyPair>, certificate: String) -> Authority {
        Authority { issuer, certificate, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Another one, by whatever name.
    pub(crate) fn foreign(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Authority::new(Issuer::new(params, key), certificate)
    }

    /// A certificate for these URIs, as good as those of `init` but for what `change` changes.
    pub(crate) fn sign(&self, uris: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let uri = |uri: &&str| SanType::URI((*uri).try_into().expect("ASCII"));
        params.subject_alt_names = uris.iter().map(uri).collect();
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let stem = std::fs::read_dir(self.folder.path()).expect("the folder").count();
        let write = |kind, text: &str| {
            let path = self.folder.path().join(format!("{stem}.{kind}"));
            greffier::files::create(&path, 0o600, text).expect("a file to write");
            path
        };
        (write("pem", &certificate.pem()), write("key", &key.serialize_pem()))
    }

    /// Its list of these certificates, revoked, PEM; good for a day from now but for what `change`
    /// changes.
    pub(crate) fn revoke(
        &self,
        revoked: &[&Path],
        change: impl FnOnce(&mut CertificateRevocationListParams),
    ) -> String {
        let now = SystemTime::now();
        let revoked = revoked.iter().map(|certificate| RevokedCertParams {
            serial_number: serial(certificate).into(),
            revocation_time: now.into(),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let mut params = CertificateRevocationListParams {
            this_update: (now - Duration::from_secs(86_400)).into(),
            next_update: (now + Duration::from_secs(86_400)).into(),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        change(&mut params);
        params.signed_by(&self.issuer).expect("a list").pem().expect("PEM")
    }

    /// A good certificate for a role and an id.
    pub(crate) fn client(&self, role: &str, id: &str) -> Shown {
        self.sign(&[&format!("spiffe://greffier.example/{role}/{id}")], |_| {})
    }
}

fn serial(certificate: &Path) -> Vec<u8> {
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let (_, certificate) = X509Certificate::from_der(&certificate).expect("a certificate");
    certificate.raw_serial().to_vec()
}

/// SHA-256 of a certificate, as the policy lists it and entries name it.
pub(crate) fn fingerprint(certificate: &Path) -> Hash {
    sha256(&[&CertificateDer::from_pem_file(certificate).expect("a certificate")])
}
