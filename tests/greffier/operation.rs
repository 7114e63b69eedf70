//! The daemon as its operator meets it.

use std::fs::{Permissions, rename, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::instance::{Daemon, Instance, NotServing, context};

/// A channel for the services that the reference client does not use.
async fn channel(daemon: &Daemon) -> Channel {
    let settings = daemon.settings("provider-02");
    let read = |path| std::fs::read(path).expect("a PEM file");
    let tls = ClientTlsConfig::new()
        .domain_name("localhost")
        .ca_certificate(Certificate::from_pem(read(&settings.ca)))
        .identity(Identity::from_pem(read(&settings.certificate), read(&settings.key)));
    let endpoint = Endpoint::from_shared(format!("https://{}", daemon.address)).expect("a URI");
    endpoint.tls_config(tls).expect("TLS").connect().await.expect("a connection")
}

fn serving(status: ServingStatus) -> i32 {
    tonic_health::pb::health_check_response::ServingStatus::from(status) as i32
}

#[tokio::test]
async fn health_says_serving_for_the_server_and_each_service() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut health = HealthClient::new(channel(&daemon).await);
    let rooms = ["Records", "Ledger", "Alerts", "Admin"].map(|s| format!("greffier.v1.{s}"));
    for service in [String::new()].into_iter().chain(rooms) {
        let request = HealthCheckRequest { service: service.clone() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status, serving(ServingStatus::Serving), "{service}");
    }
    let unknown = HealthCheckRequest { service: "greffier.v1.Nobody".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_the_services() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut reflection = ServerReflectionClient::new(channel(&daemon).await);
    let ask =
        |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let symbol = "greffier.v1.Records.ListRecords".to_owned();
    let questions = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(symbol)),
        ask(MessageRequest::FileContainingSymbol("google.rpc.ErrorInfo".to_owned())),
    ];
    let mut answers = reflection
        .server_reflection_info(tokio_stream::iter(questions))
        .await
        .unwrap()
        .into_inner();
    let listed = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = listed else { panic!("{listed:?}") };
    let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    let rooms = ["Records", "Ledger", "Alerts", "Admin"].map(|s| format!("greffier.v1.{s}"));
    for service in rooms.into_iter().chain(["grpc.health.v1.Health".to_owned()]) {
        assert!(names.contains(&service), "{service} not in {names:?}");
    }
    for _ in 0..2 {
        let file = answers.message().await.unwrap().unwrap().message_response.unwrap();
        assert!(matches!(file, MessageResponse::FileDescriptorResponse(_)), "{file:?}");
    }
}

#[tokio::test]
async fn older_tools_are_told_the_services_too() {
    use tonic_reflection::pb::v1alpha as old;
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut reflection =
        old::server_reflection_client::ServerReflectionClient::new(channel(&daemon).await);
    let list = old::server_reflection_request::MessageRequest::ListServices(String::new());
    let question =
        old::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let answers = reflection.server_reflection_info(tokio_stream::iter([question])).await;
    let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
    let told = answer.message_response.unwrap();
    let old::server_reflection_response::MessageResponse::ListServicesResponse(told) = told else {
        panic!("{told:?}")
    };
    assert!(told.service.iter().any(|service| service.name == "greffier.v1.Records"));
}

#[tokio::test]
async fn a_call_in_flight_ends_well_while_the_daemon_drains() {
    let instance = Instance::new();
    instance.config(|config| config["ledger"]["share"] = toml_edit::value(1));
    let daemon = instance.serve();
    let (mut one, mut two) =
        (daemon.client("provider-02").await, daemon.client("provider-02").await);
    let mut health = HealthClient::new(channel(&daemon).await);
    let watch = health.watch(HealthCheckRequest { service: String::new() }).await;
    let mut watch = watch.unwrap().into_inner();
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.status, serving(ServingStatus::Serving));

    // A read waits for the ledger when the daemon is told to stop: it is there once another one
    // finds the provider's share of the queue taken.
    let held = instance.hold_ledger();
    let (one, two) = (one.list(3, "", context()), two.list(3, "", context()));
    let (mut one, mut two) = (std::pin::pin!(one), std::pin::pin!(two));
    let (refused, in_flight) = tokio::select! {
        outcome = &mut one => (outcome, two),
        outcome = &mut two => (outcome, one),
    };
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unavailable);
    daemon.terminate();
    let told = watch.message().await.unwrap().unwrap();
    assert_eq!(told.status, serving(ServingStatus::NotServing));
    held.release();
    let page = in_flight.await.unwrap();
    let began = Instant::now();
    let ended = daemon.ended().await;
    assert!(ended.success(), "{ended}");
    assert!(began.elapsed() < Duration::from_secs(8), "a watcher of health held the daemon");
    assert_eq!((page.records.len(), instance.read(page.proof.unwrap().entry).rows), (3, 3));
    instance.assert_sound();
}

/// Asserts that the daemon does not start, with exit code 2, and says why in these words.
fn assert_refused(started: Result<Daemon, NotServing>, words: &[&str]) {
    let NotServing { status, said } = started.expect_err("the daemon must not start");
    assert_eq!(status.code(), Some(2), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn a_second_daemon_on_one_ledger_does_not_start() {
    let instance = Instance::new();
    let daemon = instance.serve();
    assert_refused(instance.try_serve(), &["another process is writing", "one daemon a ledger"]);
    let mut caller = daemon.client("provider-02").await;
    assert_eq!(caller.list(1, "", context()).await.unwrap().records.len(), 1);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let instance = Instance::new();
    let layout = &instance.layout;
    let keys = [layout.signing_key(), layout.tag_key(), layout.handle_key(), layout.server_key()];
    for key in keys {
        for mode in [0o640, 0o604, 0o620] {
            set_permissions(&key, Permissions::from_mode(mode)).unwrap();
            let name = key.file_name().unwrap().to_str().unwrap();
            assert_refused(instance.try_serve(), &[name]);
        }
        set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    }
    assert!(instance.try_serve().is_ok());
}

#[test]
fn a_missing_ledger_is_never_made_anew() {
    let instance = Instance::new();
    let ledger = instance.layout.ledger();
    rename(&ledger, ledger.with_extension("away")).unwrap();
    assert_refused(instance.try_serve(), &["there is no ledger at", "init", "find it"]);
    assert!(!ledger.exists());
    rename(ledger.with_extension("away"), &ledger).unwrap();
    rename(instance.layout.high_water(), ledger.with_extension("mark")).unwrap();
    assert_refused(instance.try_serve(), &["high-water", "checkpoint"]);
}

#[test]
fn a_faulty_configuration_is_refused_with_its_faults() {
    let instance = Instance::new();
    instance.config(|config| config["lissen"] = toml_edit::value("x"));
    assert_refused(instance.try_serve(), &["lissen"]);
    instance.config(|config| {
        config.remove("lissen");
    });
    instance.policy(|policy| {
        policy["provider"]["provider-02"]["budgets"]["agent_day"] = toml_edit::value(-1);
        policy["provider"]["provider-03"]["budgets"]["agent_hour"] = toml_edit::value(-1);
    });
    assert_refused(instance.try_serve(), &["agent_day", "agent_hour"]);
}

#[tokio::test]
async fn a_development_instance_says_so_at_every_start() {
    let instance = Instance::new();
    for _ in 0..2 {
        let daemon = instance.serve();
        daemon.until_said("DEVELOPMENT").await;
        daemon.stop().await;
    }
    let starts = std::fs::read_to_string(instance.layout.root().join("daemon.log")).unwrap();
    assert_eq!(starts.matches("DEVELOPMENT").count(), 2);
}
