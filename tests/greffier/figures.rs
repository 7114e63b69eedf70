//! `GET /metrics`: who is given figures, and whether they are those of what happened.

use http::{Method, StatusCode};

use crate::instance::{Instance, context};
use crate::pki::Authority;
use crate::wire::Wire;

/// The value of one figure.
fn figure(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a whole number"))
}

fn not_after(certificate: &std::path::Path) -> u64 {
    let pem = std::fs::read(certificate).expect("a certificate");
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).expect("PEM");
    let end = pem.parse_x509().expect("X.509").validity().not_after.timestamp();
    u64::try_from(end).expect("after 1970")
}

#[tokio::test]
async fn the_figures_are_those_of_what_happened() {
    let instance = Instance::new();
    instance.budgets("provider-02", &[("agent_minute", 5)]);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let page = caller.list(3, "", context()).await.expect("three persons");
    caller.list(500, "", context()).await.expect_err("more than remain");
    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    let (status, head, text) = soc.ask(Method::GET, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(head["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let now = |name: &str| figure(&text, name);
    assert_eq!(now(r#"greffier_reads_total{outcome="released"}"#), Some(1));
    assert_eq!(now(r#"greffier_reads_total{outcome="withheld"}"#), Some(1));
    assert_eq!(now("greffier_ledger_entries"), Some(instance.entries().len() as u64));
    assert_eq!(now("greffier_ledger_writable"), Some(1));
    assert_eq!(now("greffier_connections"), Some(2));
    assert_eq!(now(r#"greffier_alerts_total{severity="info"}"#), Some(1), "{text}");
    assert_eq!(now(r#"greffier_contained{what="agents_suspended"}"#), Some(0));
    let expiry = "greffier_certificate_expiry_timestamp_seconds";
    let (certificate, _) = instance.layout.client("provider-02");
    let of = |role: &str, id: &str| now(&format!(r#"{expiry}{{role="{role}",id="{id}"}}"#));
    assert_eq!(of("provider", "provider-02"), Some(not_after(&certificate)));
    assert_eq!(of("gateway", ""), Some(not_after(&instance.layout.server_certificate())));
    assert_eq!(of("provider", "provider-01"), None);
    for record in &page.records {
        let id = &record.fields.iter().find(|field| field.name == "family_name");
        assert!(id.is_some_and(|name| !text.contains(&name.value)));
    }
    let read = instance.entries().into_iter().find_map(|entry| match entry.what {
        greffier::ledger::entry::What::Read(read) => Some(read),
        _ => None,
    });
    assert!(!text.contains(&read.expect("a read").agent.to_string()));
}

#[tokio::test]
async fn figures_are_for_staff() {
    let instance = Instance::new();
    let daemon = instance.serve();
    for staff in ["security-soc", "auditor-1", "admin-1"] {
        let wire = Wire::open(&daemon, &instance.layout.client(staff)).await;
        assert_eq!(wire.ask(Method::GET, "/metrics").await.0, StatusCode::OK, "{staff}");
        let (status, head, text) = wire.ask(Method::POST, "/metrics").await;
        assert_eq!((status, &*text), (StatusCode::METHOD_NOT_ALLOWED, ""));
        assert_eq!(head["allow"], "GET");
    }
    let ours = Authority::of(&instance.layout);
    for (shown, refused) in [
        (instance.layout.client("provider-02"), StatusCode::UNAUTHORIZED),
        (ours.client("security", "nobody"), StatusCode::UNAUTHORIZED),
    ] {
        let wire = Wire::open(&daemon, &shown).await;
        let (status, _, text) = wire.ask(Method::GET, "/metrics").await;
        assert_eq!((status, &*text), (refused, ""));
    }
    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    let (.., text) = soc.ask(Method::GET, "/metrics").await;
    let refused = r#"greffier_refused_total{reason="CERTIFICATE_REJECTED"}"#;
    assert_eq!(figure(&text, refused), Some(2), "{text}");
}

#[tokio::test]
async fn whoever_asks_for_figures_too_often_is_told_to_wait() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    for n in 0.. {
        match soc.ask(Method::GET, "/metrics").await.0 {
            StatusCode::OK => assert!(n < 10_000),
            refused => {
                assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
                assert!(n >= 100, "{n}");
                return;
            }
        }
    }
}
