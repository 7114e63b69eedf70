//! Certificates that their authority has revoked: at the start, and while the gateway serves.

use std::time::{Duration, SystemTime};

use greffier::format::entry::{MatterName, Payload};
use toml_edit::value;

use crate::instance::{Caller, Instance, context};
use crate::pki::Authority;
use crate::told::told;
use crate::wire::alert;

const PROVIDER: &str = "provider-02";
const STAYS: &str = "the authorities in force before stay";
const OTHERS: &str = "other authorities are in force";

/// An instance whose configuration names a file of lists, with this in it.
fn instance(list: &str) -> (Instance, impl Fn(&str)) {
    let instance = Instance::new();
    instance.widen();
    let file = instance.layout.root().join("clients.crl");
    std::fs::write(&file, list).expect("a file");
    instance.config(|config| config["tls"]["client_crl"] = value(file.to_str().expect("UTF-8")));
    (instance, move |list: &str| std::fs::write(&file, list).expect("a file"))
}

async fn reads(caller: &mut Caller) {
    caller.list(1, "", context()).await.expect("a page");
}

fn warned(instance: &Instance, matter: MatterName) -> usize {
    let of = |what: &Payload| matches!(what, Payload::Warning(warning) if warning.matter.name() == matter);
    instance.entries().iter().filter(|entry| of(&entry.payload)).count()
}

async fn until_warned(instance: &Instance, matter: MatterName, times: usize) {
    while warned(instance, matter) < times {
        tokio::task::yield_now().await;
    }
    assert_eq!(warned(instance, matter), times);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_certificate_gets_in_no_more_and_is_refused_where_it_is_in() {
    let (instance, publish) = instance("");
    let ours = Authority::of(&instance.layout);
    let (stolen, good) = (ours.client("provider", PROVIDER), ours.client("provider", PROVIDER));
    let (none, one) =
        (ours.revoke(&[], |_| ()), ours.revoke(&[&stolen.0], |list| list.crl_number = 2.into()));
    publish(&none);
    let daemon = instance.serve();
    let mut thief = daemon.client_with(stolen.clone()).await;
    let mut owner = daemon.client_with(good.clone()).await;
    reads(&mut thief).await;
    publish(&one);
    daemon.until_said(OTHERS).await;
    assert_eq!(told(thief.list(1, "", context()).await).reason, "CERTIFICATE_REJECTED");
    let ended = alert(&daemon, Some(&stolen)).await;
    assert!(ended.contains("Revoked"), "{ended}");
    reads(&mut owner).await;
    reads(&mut daemon.client_with(good).await).await;
    until_warned(&instance, MatterName::Authorities, 1).await;
    // A start knows it too.
    daemon.stop().await;
    let daemon = instance.serve();
    assert!(alert(&daemon, Some(&stolen)).await.contains("Revoked"));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_cannot_be_believed_leave_those_before_and_refuse_a_start() {
    let (instance, publish) = instance("");
    let ours = Authority::of(&instance.layout);
    let stolen = ours.client("provider", PROVIDER);
    let good = ours.revoke(&[&stolen.0], |_| ());
    publish(&good);
    let daemon = instance.serve();
    let stranger = Authority::foreign("another authority").revoke(&[], |_| ());
    // By its name it is ours, by its signature nobody's.
    let impostor = Authority::foreign(crate::pki::AUTHORITY).revoke(&[], |_| ());
    let soon = SystemTime::now() + Duration::from_secs(3_600);
    let wrong = [
        ("", "there is no list of"),
        ("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "cannot be read"),
        (&*stranger, "no authority of `tls.client_ca` signed"),
        (&*impostor, "no authority of `tls.client_ca` signed"),
        (&*[good.as_str(), good.as_str()].concat(), "there are two lists of"),
        (&*ours.revoke(&[], |list| list.this_update = soon.into()), "is not good yet"),
    ];
    for (n, (list, why)) in wrong.iter().enumerate() {
        publish(list);
        until_warned(&instance, MatterName::Authorities, n + 1).await;
        let log = daemon.until_said(why).await;
        assert_eq!(log.matches(STAYS).count(), n + 1, "{log}");
        assert!(alert(&daemon, Some(&stolen)).await.contains("Revoked"), "{why}");
    }
    daemon.stop().await;
    instance.assert_sound();
    for (list, why) in wrong {
        publish(list);
        let refused = instance.try_serve().expect_err("no start").said;
        assert!(refused.contains(why) && refused.contains("clients.crl"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_are_over_hold_and_are_told_of_once() {
    let (instance, publish) = instance("");
    let ours = Authority::of(&instance.layout);
    let (stolen, good) = (ours.client("provider", PROVIDER), ours.client("provider", PROVIDER));
    let over = SystemTime::now() - Duration::from_secs(60);
    publish(&ours.revoke(&[&stolen.0], |list| list.next_update = over.into()));
    let daemon = instance.serve();
    daemon.until_said("the lists of revoked certificates of `tls.client_crl` are over").await;
    until_warned(&instance, MatterName::Revoked, 1).await;
    assert!(alert(&daemon, Some(&stolen)).await.contains("Revoked"));
    reads(&mut daemon.client_with(good).await).await;
    // Another that is over is told of again; one that is good is not.
    publish(&ours.revoke(&[], |list| list.next_update = over.into()));
    until_warned(&instance, MatterName::Revoked, 2).await;
    publish(&ours.revoke(&[&stolen.0], |list| list.crl_number = 3.into()));
    until_warned(&instance, MatterName::Authorities, 2).await;
    assert!(alert(&daemon, Some(&stolen)).await.contains("Revoked"));
    daemon.stop().await;
    assert_eq!(warned(&instance, MatterName::Revoked), 2);
    instance.assert_sound();
}
