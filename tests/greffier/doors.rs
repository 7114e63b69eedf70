//! Who comes in: what ends in the handshake, and what ends at the door.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use greffier::ledger::entry::What;
use greffier::proto::GetCheckpointRequest;
use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose, SanType, date_time_ymd};
use tonic::Code;

use crate::instance::{Instance, context, texts};
use crate::pki::{AUTHORITY, Authority, Shown, fingerprint};
use crate::told::{Told, told};
use crate::wire::{Wire, alert};

const ALPHA: &str = "spiffe://greffier.example/provider/provider-02";
const REJECTED: (Code, &str) = (Code::Unauthenticated, "CERTIFICATE_REJECTED");

fn assert_no_reads(instance: &Instance) {
    assert!(!instance.entries().iter().any(|entry| matches!(entry.what, What::Read(_))));
}

#[tokio::test]
async fn a_certificate_that_is_not_ours_and_good_now_ends_in_the_handshake() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let ours = Authority::of(&instance.layout);
    let (foreign, namesake) =
        (Authority::foreign("another authority"), Authority::foreign(AUTHORITY));
    let expired = ours.sign(&[ALPHA], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = ours.sign(&[ALPHA], |params| params.not_before = date_time_ymd(2999, 1, 1));
    let authority = ours.sign(&[ALPHA], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let ca = (instance.layout.ca(), instance.layout.ca_key());
    let server = (instance.layout.server_certificate(), instance.layout.server_key());
    let foreign = foreign.client("provider", "provider-02");
    let namesake = namesake.client("provider", "provider-02");
    let cases: [(&str, Option<&Shown>, &str); 8] = [
        ("none", None, "CertificateRequired"),
        ("of another authority", Some(&foreign), "UnknownCA"),
        ("of a namesake of our authority", Some(&namesake), "DecryptError"),
        ("expired", Some(&expired), "CertificateExpired"),
        ("not yet valid", Some(&early), "CertificateExpired"),
        ("of an authority, our own", Some(&ca), ""),
        ("of an authority, with a provider's name", Some(&authority), ""),
        ("of a server", Some(&server), ""),
    ];
    for (case, shown, expected) in cases {
        let alert = alert(&daemon, shown).await;
        assert!(alert.contains("received fatal alert"), "{case}: {alert}");
        assert!(alert.contains(expected), "{case}: {alert}");
    }
    daemon.stop().await;
    assert_no_reads(&instance);
    let others: u64 =
        instance.refusals().iter().flat_map(|digest| &digest.others).map(|r| r.count).sum();
    assert_eq!(others, 8);
    instance.assert_sound();
}

/// A TLS 1.2 ClientHello, by hand: the suites and groups of any modern client, and no word of 1.3.
fn hello_of_tls_1_2() -> Vec<u8> {
    let name = b"\x00\x00\x00\x0e\x00\x0c\x00\x00\x09localhost";
    let groups = b"\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17";
    let points = b"\x00\x0b\x00\x02\x01\x00";
    let signatures = b"\x00\x0d\x00\x08\x00\x06\x04\x03\x08\x04\x04\x01";
    let master_secret = b"\x00\x17\x00\x00";
    let extensions = [&name[..], groups, points, signatures, master_secret].concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    // ECDHE with AES-128-GCM and with ChaCha20, for ECDSA and RSA.
    hello.extend(b"\x00\x08\xc0\x2b\xc0\x2f\xcc\xa9\xcc\xa8");
    hello.extend(b"\x01\x00");
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let handshake = [&[1, 0][..], &(hello.len() as u16).to_be_bytes(), &hello].concat();
    [&[22, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
}

#[test]
fn a_client_of_tls_1_2_is_told_so_and_nothing_else() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    stream.write_all(&hello_of_tls_1_2()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // One record: an alert, fatal, protocol_version.
    assert_eq!((answer[0], &answer[3..]), (21, &[0, 2, 2, 70][..]), "{answer:02x?}");
}

#[test]
fn a_client_that_says_nothing_is_dropped_in_time() {
    let instance = Instance::new();
    instance.config(|config| config["tls"]["handshake_timeout_ms"] = toml_edit::value(200));
    let daemon = instance.serve();
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    let mut answer = Vec::new();
    assert_eq!(stream.read_to_end(&mut answer).unwrap_or(0), 0);
}

#[tokio::test]
async fn a_certificate_of_ours_that_names_nobody_known_is_rejected_at_the_door() {
    let instance = Instance::new();
    let ours = Authority::of(&instance.layout);
    let revoked = ours.client("provider", "provider-02");
    let print = fingerprint(&revoked.0).to_string();
    instance.policy(|policy| policy["revoked"] = texts([print.as_str()]));
    let daemon = instance.serve();
    let two = ["spiffe://greffier.example/provider/provider-02", ALPHA];
    let plain = |uri: &str| ours.sign(&[uri], |_| {});
    let cases = [
        ("two URIs", ours.sign(&two, |_| {})),
        ("no name", ours.sign(&[], |_| {})),
        (
            "a DNS name",
            ours.sign(&[], |params| {
                let name = "provider-02.greffier.example".try_into().unwrap();
                params.subject_alt_names = vec![SanType::DnsName(name)];
            }),
        ),
        ("another trust domain", plain("spiffe://elsewhere.example/provider/provider-02")),
        ("a longer trust domain", plain("spiffe://greffier.example.org/provider/provider-02")),
        ("another spelling", plain("SPIFFE://greffier.example/provider/provider-02")),
        ("a longer path", plain("spiffe://greffier.example/provider/provider-02/x")),
        ("an unknown role", plain("spiffe://greffier.example/prefect/provider-02")),
        ("an unknown provider", ours.client("provider", "provider-99")),
        ("an id in capitals", ours.client("provider", "PROVIDER-02")),
        ("an unknown auditor", ours.client("auditor", "auditor-9")),
        ("a provider's id in another role", ours.client("auditor", "provider-02")),
        (
            "the right to sign",
            ours.sign(&[ALPHA], |params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
        ),
        ("revoked", revoked),
    ];
    let attempts = 2 * cases.len() as u64;
    for (case, shown) in cases {
        let mut caller = daemon.client_with(shown).await;
        let page = told(caller.list(1, "", context()).await);
        assert_eq!(page.what(), REJECTED, "{case}");
        assert_eq!(page.french, "Certificat refusé.", "{case}");
        let checkpoint = told(caller.0.ledger.get_checkpoint(GetCheckpointRequest {}).await);
        assert_eq!(checkpoint.what(), REJECTED, "{case}");
    }
    // The same name on a certificate that is not revoked.
    let mut good = daemon.client_with(ours.client("provider", "provider-02")).await;
    assert_eq!(good.list(1, "", context()).await.unwrap().records.len(), 1);
    daemon.stop().await;
    assert_eq!(counted(&instance, "CERTIFICATE_REJECTED"), attempts);
    instance.assert_sound();
}

/// Calls that the ledger says were refused for this reason.
fn counted(instance: &Instance, reason: &str) -> u64 {
    let digests = instance.refusals();
    let named = digests.iter().flat_map(|d| d.certificates.iter().flat_map(|c| &c.counts));
    let all = named.chain(digests.iter().flat_map(|d| &d.others));
    all.filter(|refusal| &*refusal.reason == reason).map(|refusal| refusal.count).sum()
}

#[tokio::test]
async fn a_role_is_good_for_its_own_service_only() {
    let instance = Instance::new();
    let daemon = instance.serve();
    for staff in ["auditor-1", "security-soc", "admin-1", "agency-1"] {
        let mut caller = daemon.client(staff).await;
        let page = told(caller.list(1, "", context()).await);
        assert_eq!(page.what(), REJECTED, "{staff}");
        let get = told(caller.get("datasets/cir/records/AAAA", context()).await);
        assert_eq!(get.what(), REJECTED, "{staff}");
        let search = caller.search("case_number", &[("id", "0000001")], 1, context()).await;
        assert_eq!(told(search).what(), REJECTED, "{staff}");
    }
    for staff in ["admin-1", "agency-1"] {
        let mut caller = daemon.client(staff).await;
        assert_eq!(told(caller.receipt(0).await).what(), REJECTED, "{staff}");
    }
    let mut agency = daemon.client("agency-1").await;
    let checkpoint = agency.0.ledger.get_checkpoint(GetCheckpointRequest {}).await;
    assert_eq!(told(checkpoint).what(), REJECTED);
    for reader in ["auditor-1", "security-soc", "provider-02", "admin-1"] {
        let mut caller = daemon.client(reader).await;
        caller.0.ledger.get_checkpoint(GetCheckpointRequest {}).await.unwrap();
    }
    daemon.stop().await;
    assert_no_reads(&instance);
}

#[tokio::test]
async fn a_refused_caller_is_not_told_what_it_asked_for_wrongly() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let ours = Authority::of(&instance.layout);
    let unknown = ours.client("provider", "provider-99");
    let mut caller = daemon.client_with(unknown.clone()).await;
    let mut wrong = context();
    wrong.purpose = "Not A Word".to_owned();
    let page = told(caller.list(-1, "garbage", wrong).await);
    assert_eq!((page.what(), page.fields.len()), (REJECTED, 0));
    assert_eq!(told(caller.get("no name", context()).await).what(), REJECTED);
    let wire = Wire::open(&daemon, &unknown).await;
    let malformed = Told::of(&wire.call("/greffier.v1.Records/ListRecords", &[], b"junk").await);
    assert!(!malformed.metadata.contains_key("entry"));
    assert_no_reads(&instance);
}
