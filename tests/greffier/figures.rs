//! `GET /metrics`: who is given figures, and whether they are those of what happened.

use std::path::Path;
use std::sync::Arc;

use greffier::format::entry::Payload;
use http::{Method, StatusCode};
use tokio::task::JoinSet;
use toml_edit::value;

use crate::instance::{Instance, context, texts};
use crate::pki::Authority;
use crate::wire::Wire;

/// Calls of one member of staff at once.
const STAFF_CALLS: usize = 128;

/// The value of one figure.
pub(crate) fn figure(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a whole number"))
}

fn not_after(certificate: &Path) -> u64 {
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
    assert_eq!(now(r#"greffier_read_seconds_count{outcome="released"}"#), Some(1), "{text}");
    assert_eq!(
        now(r#"greffier_read_seconds_bucket{le="+Inf",outcome="withheld"}"#),
        Some(1),
        "{text}"
    );
    assert!(text.contains("greffier_build_info{version=\""), "{text}");
    assert_eq!(now("greffier_tails"), Some(0));
    assert_eq!(now(r#"greffier_alerts_total{severity="info"}"#), Some(1), "{text}");
    assert_eq!(now(r#"greffier_alerts_total{severity="critical"}"#), Some(0));
    assert_eq!(now(r#"greffier_warnings_total{matter="keys"}"#), Some(0));
    assert_eq!(now(r#"greffier_refused_total{reason="FLOOD"}"#), Some(0));
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
    let read = instance.entries().into_iter().find_map(|entry| match entry.payload {
        Payload::Read(read) => Some(read),
        _ => None,
    });
    assert!(!text.contains(&read.expect("a read").agent.to_string()));
}

#[tokio::test]
async fn a_read_whose_caller_has_left_is_counted_too() {
    let instance = Instance::new();
    instance.config(|config| config["ledger"]["share"] = value(1));
    let daemon = instance.serve();
    let (mut one, mut two) =
        (daemon.client("provider-02").await, daemon.client("provider-02").await);
    let held = instance.hold_ledger();
    {
        let (one, two) = (one.list(3, "", context()), two.list(3, "", context()));
        let (one, two) = (std::pin::pin!(one), std::pin::pin!(two));
        // One is refused because the other is with the registrar; then that one's caller leaves.
        let refused = tokio::select! { outcome = one => outcome, outcome = two => outcome };
        assert_eq!(refused.expect_err("the share is taken").code(), tonic::Code::Unavailable);
    }
    held.release();
    // Decided behind it, whenever there is a place again.
    while one.list(3, "", context()).await.is_err() {}
    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    let (.., text) = soc.ask(Method::GET, "/metrics").await;
    assert_eq!(figure(&text, r#"greffier_reads_total{outcome="released"}"#), Some(2), "{text}");
}

#[tokio::test]
async fn figures_are_for_staff() {
    let instance = Instance::new();
    let ours = Authority::of(&instance.layout);
    instance.policy(|policy| policy["staff"]["agency"] = texts(["prometheus"]));
    let daemon = instance.serve();
    let of = |name| instance.layout.client(name);
    let prometheus = ours.client("agency", "prometheus");
    for staff in [of("security-soc"), of("auditor-1"), of("admin-1"), prometheus] {
        let wire = Wire::open(&daemon, &staff).await;
        assert_eq!(wire.ask(Method::GET, "/metrics").await.0, StatusCode::OK);
        let (status, _, text) = wire.ask(Method::HEAD, "/metrics").await;
        assert_eq!((status, &*text), (StatusCode::OK, ""));
        let (status, head, _) = wire.ask(Method::POST, "/metrics").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(head["allow"], "GET, HEAD");
    }
    for shown in [of("provider-02"), ours.client("security", "nobody")] {
        let wire = Wire::open(&daemon, &shown).await;
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let (status, head, text) = wire.ask(method.clone(), "/metrics").await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            assert_eq!(head["content-type"], "text/plain; charset=utf-8");
            let told = if method == Method::HEAD { text.is_empty() } else { text.ends_with('\n') };
            assert!(told && !text.contains("greffier_"), "{text}");
        }
    }
    let soc = Wire::open(&daemon, &of("security-soc")).await;
    let (.., text) = soc.ask(Method::GET, "/metrics").await;
    let refused = r#"greffier_refused_total{reason="CERTIFICATE_REJECTED"}"#;
    assert_eq!(figure(&text, refused), Some(6), "{text}");
}

#[tokio::test]
async fn whoever_asks_for_figures_too_often_is_told_to_wait() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let soc = Arc::new(Wire::open(&daemon, &instance.layout.client("security-soc")).await);
    let mut asked = JoinSet::new();
    for _ in 0..STAFF_CALLS {
        let soc = soc.clone();
        asked.spawn(async move { soc.ask(Method::GET, "/metrics").await.0 });
    }
    let told = asked.join_all().await;
    let count = |status| told.iter().filter(|told| **told == status).count();
    let (given, refused) = (count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS));
    // A hundred at once, and what has come back since.
    assert!(given >= 100 && refused > 0 && given + refused == STAFF_CALLS, "{told:?}");
}
