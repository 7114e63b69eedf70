//! The gateway's own certificate, and the authorities of the clients', as they change while it
//! serves.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use greffier::format::entry::{Matter, MatterName, Payload, Warning, sha256};
use greffier::proto::TailAlertsRequest;
use http::Method;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use toml_edit::value;

use crate::figures::figure;
use crate::instance::{Caller, Daemon, Instance, context};
use crate::pki::{Authority, Shown};
use crate::told::told;
use crate::wire::{Wire, alert, shake};

const REFUSED: &str = "CERTIFICATE_REJECTED";

/// A certificate for the gateway, of the authority that its clients trust.
fn server(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    authority.sign(&[], |params| {
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into().expect("ASCII")),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(params);
    })
}

/// The certificate that the gateway shows to whoever connects now.
async fn shown(instance: &Instance, daemon: &Daemon) -> Vec<u8> {
    let stream = shake(daemon, Some(&instance.layout.client("provider-02"))).await;
    let stream = stream.expect("a handshake");
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].to_vec()
}

fn der(certificate: &Path) -> Vec<u8> {
    let pem = std::fs::read(certificate).expect("a certificate");
    x509_parser::pem::parse_x509_pem(&pem).expect("PEM").1.contents
}

/// Writes into a file that is there, and keeps who may read it.
fn put(from: &Path, to: &Path) {
    std::fs::write(to, std::fs::read(from).expect("a file")).expect("a file");
}

async fn reads(caller: &mut Caller) {
    caller.list(1, "", context()).await.expect("a page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_certificate_is_shown_once_its_key_is_there_and_open_connections_stay() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut open = daemon.client("provider-02").await;
    reads(&mut open).await;
    let (certificate, key) = (instance.layout.server_certificate(), instance.layout.server_key());
    let before = shown(&instance, &daemon).await;
    let ours = Authority::of(&instance.layout);
    let next = server(&ours, |params| params.not_after = date_time_ymd(2099, 1, 1));
    // The certificate alone does not fit the key.
    put(&next.0, &certificate);
    daemon.until_said("it shows the one before").await;
    assert_eq!(shown(&instance, &daemon).await, before);
    put(&next.1, &key);
    let log = daemon.until_said("another certificate of the gateway is shown").await;
    assert_eq!(log.matches("it shows the one before").count(), 1, "{log}");
    assert_eq!(shown(&instance, &daemon).await, der(&next.0));
    reads(&mut open).await;
    reads(&mut daemon.client("provider-02").await).await;
    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    let (_, _, text) = soc.ask(Method::GET, "/metrics").await;
    let expiry = r#"greffier_certificate_expiry_timestamp_seconds{role="gateway",id=""}"#;
    assert_eq!(figure(&text, expiry), Some(4_070_908_800));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_or_key_that_cannot_be_used_leaves_the_one_before_in_force() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let (certificate, key) = (instance.layout.server_certificate(), instance.layout.server_key());
    let before = shown(&instance, &daemon).await;
    let ours = Authority::of(&instance.layout);
    let over = server(&ours, |params| params.not_after = date_time_ymd(2026, 1, 1));
    put(&over.0, &certificate);
    put(&over.1, &key);
    daemon.until_said("is not good yet, or not any more").await;
    let next = server(&ours, |_| ());
    set_permissions(&key, Permissions::from_mode(0o644)).expect("its owner's");
    put(&next.0, &certificate);
    put(&next.1, &key);
    daemon.until_said("can be read or changed by others").await;
    std::fs::write(&certificate, "no certificate").expect("a file");
    set_permissions(&key, Permissions::from_mode(0o600)).expect("its owner's");
    daemon.until_said("cannot be used").await;
    std::fs::remove_file(&certificate).expect("a file");
    daemon.until_said("No such file").await;
    assert_eq!(shown(&instance, &daemon).await, before);
    put(&next.0, &certificate);
    daemon.until_said("another certificate of the gateway is shown").await;
    assert_eq!(shown(&instance, &daemon).await, der(&next.0));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_runs_out_soon_is_warned_of_when_it_is_taken_up() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400 * 5);
    let ours = Authority::of(&instance.layout);
    let next = server(&ours, |params| params.not_after = soon.into());
    put(&next.1, &instance.layout.server_key());
    put(&next.0, &instance.layout.server_certificate());
    daemon.until_said("the gateway's certificate runs out").await;
    while !warnings(&instance)
        .iter()
        .any(|warning| warning.matter.name() == MatterName::Certificate)
    {
        tokio::task::yield_now().await;
    }
    daemon.stop().await;
    instance.assert_sound();
}

fn warnings(instance: &Instance) -> Vec<Warning> {
    let warning = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Warning(warning) => Some(warning),
        _ => None,
    };
    instance.entries().into_iter().filter_map(warning).collect()
}

/// What the ledger says of the authorities' file: how many were in it, each time.
fn authorities(instance: &Instance) -> Vec<u64> {
    let warnings = warnings(instance);
    let of = warnings.iter().filter(|one| matches!(one.matter, Matter::Authorities { .. }));
    of.map(|warning| warning.observed).collect()
}

async fn until(instance: &Instance, told: &[u64]) {
    while authorities(instance) != told {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_no_authority_vouches_for_any_more_is_refused_on_its_open_connection() {
    let instance = Instance::new();
    instance.widen();
    let (ours, other) = (Authority::of(&instance.layout), Authority::foreign("another authority"));
    let file = instance.layout.root().join("clients.pem");
    let one = ours.certificate.clone();
    let both = [one.as_str(), other.certificate.as_str()].concat();
    std::fs::write(&file, &one).expect("a file");
    instance.config(|config| config["tls"]["client_ca"] = value(file.to_str().expect("UTF-8")));
    let daemon = instance.serve();
    let mut old = daemon.client("provider-02").await;
    reads(&mut old).await;
    let theirs = other.client("provider", "provider-02");
    let foreign = alert(&daemon, Some(&theirs)).await;
    assert!(foreign.contains("UnknownCA"), "{foreign}");

    std::fs::write(&file, &both).expect("a file");
    daemon.until_said("other authorities are in force").await;
    let mut new = daemon.client_with(theirs.clone()).await;
    reads(&mut new).await;
    reads(&mut old).await;
    let mut soc = daemon.client_with(other.client("security", "security-soc")).await;
    let tail = soc.0.alerts.tail_alerts(TailAlertsRequest { after_entry: 0 }).await;
    let mut tail = tail.expect("a tail").into_inner();
    tail.message().await.expect("a heartbeat");

    std::fs::write(&file, &one).expect("a file");
    until(&instance, &[2, 1]).await;
    assert_eq!(told(new.list(1, "", context()).await).reason, REFUSED);
    reads(&mut old).await;
    let ended = loop {
        match tail.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends with an error"),
            Err(status) => break status,
        }
    };
    assert_eq!(told(Err::<(), _>(ended)).reason, REFUSED);
    // Its connection was never closed: it serves again when the authority is back.
    std::fs::write(&file, &both).expect("a file");
    until(&instance, &[2, 1, 2]).await;
    reads(&mut new).await;
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authorities_that_cannot_be_used_leave_those_before_and_are_told_of_once() {
    let instance = Instance::new();
    instance.widen();
    let file = instance.layout.root().join("clients.pem");
    let good = Authority::of(&instance.layout).certificate;
    std::fs::write(&file, &good).expect("a file");
    instance.config(|config| config["tls"]["client_ca"] = value(file.to_str().expect("UTF-8")));
    let daemon = instance.serve();
    let mut open = daemon.client("provider-02").await;
    std::fs::write(&file, "").expect("a file");
    daemon.until_said("the authorities in force before stay").await;
    until(&instance, &[0]).await;
    reads(&mut open).await;
    reads(&mut daemon.client("provider-02").await).await;
    // The same content again is the one in force, and no news.
    std::fs::write(&file, &good).expect("a file");
    std::fs::remove_file(&file).expect("a file");
    daemon.until_said("No such file").await;
    until(&instance, &[0, 0]).await;
    reads(&mut open).await;
    std::fs::write(&file, [good.as_str(), &good].concat()).expect("a file");
    until(&instance, &[0, 0, 2]).await;
    reads(&mut open).await;
    let log = daemon.log();
    assert_eq!(log.matches("the authorities in force before stay").count(), 2, "{log}");
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authorities_that_cannot_be_used_are_told_again_by_their_content_and_after_good_ones() {
    let instance = Instance::new();
    let file = instance.layout.root().join("clients.pem");
    let good = Authority::of(&instance.layout).certificate;
    let both = [good.as_str(), &good].concat();
    std::fs::write(&file, &good).expect("a file");
    instance.config(|config| config["tls"]["client_ca"] = value(file.to_str().expect("UTF-8")));
    let daemon = instance.serve();
    let mut told = Vec::new();
    for (content, usable) in [("one", 0), ("another", 0), (&both, 2), ("another", 0), ("one", 0)] {
        std::fs::write(&file, content).expect("a file");
        told.push((usable, Some(sha256(&[content.as_bytes()]))));
        let so_far = || {
            let told = warnings(&instance).into_iter().filter_map(|warning| match warning.matter {
                Matter::Authorities { digest } => Some((warning.observed, digest)),
                _ => None,
            });
            told.collect::<Vec<_>>()
        };
        while so_far() != told {
            tokio::task::yield_now().await;
        }
    }
    daemon.stop().await;
    instance.assert_sound();
}
