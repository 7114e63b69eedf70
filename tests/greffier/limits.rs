//! How much of the door anybody may take, on both sides of each limit, and that the others find
//! room.

use std::process::Command;
use std::time::{Duration, Instant};

use greffier::proto::GetCheckpointRequest;
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::instance::{Caller, Daemon, Instance, PROGRAM, context, texts};
use crate::pki::{Authority, fingerprint};
use crate::told::{Told, told};
use crate::wire::{Wire, framed, shake};

const LIST: &str = "/greffier.v1.Records/ListRecords";
const TAIL: &str = "/greffier.v1.Alerts/TailAlerts";

fn door(instance: &Instance, limits: &[(&str, i64)]) {
    instance.config(|config| {
        let mut door = toml_edit::Table::new();
        for (key, limit) in limits {
            door.insert(key, toml_edit::value(*limit));
        }
        config.insert("door", toml_edit::Item::Table(door));
        config["tls"]["handshake_timeout_ms"] = toml_edit::value(60_000);
    });
}

/// Refusals of a reason, in all digests.
fn counted(instance: &Instance, reason: &str) -> u64 {
    let digests = instance.refusals();
    let named = digests.iter().flat_map(|d| d.certificates.iter().flat_map(|c| &c.counts));
    let all = named.chain(digests.iter().flat_map(|d| &d.others));
    all.filter(|refusal| &*refusal.reason == reason).map(|refusal| refusal.count).sum()
}

/// A connection from another address of this machine, which says nothing.
async fn silent(daemon: &Daemon, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    socket.connect(daemon.address.parse().unwrap()).await.unwrap()
}

async fn reads(caller: &mut Caller) -> bool {
    caller.list(1, "", context()).await.is_ok()
}

/// Waits until so many of these have been closed.
async fn closed(streams: &[TcpStream], count: usize) {
    let is_closed = |stream: &&TcpStream| match stream.try_read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    };
    let began = Instant::now();
    while streams.iter().filter(is_closed).count() < count {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
    assert_eq!(streams.iter().filter(is_closed).count(), count);
}

#[tokio::test]
async fn an_address_has_its_share_of_open_handshakes_and_gives_way_to_itself() {
    let instance = Instance::new();
    door(&instance, &[("handshakes", 8), ("address_handshakes", 3)]);
    let daemon = instance.serve();
    let mut held = Vec::new();
    for _ in 0..103 {
        held.push(silent(&daemon, "127.0.0.2:0").await);
    }
    // Three are there: the first, or later ones in their place when they had had their time.
    closed(&held, 100).await;
    assert!(reads(&mut daemon.client("provider-02").await).await);
    closed(&held, 100).await;
    daemon.stop().await;
    assert_eq!(counted(&instance, "HANDSHAKES_FULL"), 100);
    instance.assert_sound();
}

/// Somebody who takes a place to shake hands in from each of these addresses, so many times, and
/// comes again whenever it is lost. A part of them begins to say something.
fn crowd(daemon: &Daemon, addresses: impl Iterator<Item = [u8; 4]>, each: usize) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    let gateway: std::net::SocketAddr = daemon.address.parse().unwrap();
    for (n, address) in addresses.flat_map(|a| (0..each).map(move |n| (n, a))) {
        crowd.spawn(async move {
            loop {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((address, 0).into()).unwrap();
                let Ok(mut stream) = socket.connect(gateway).await else { continue };
                if n % 2 == 1 {
                    // The head of a record that holds a ClientHello.
                    let _ = stream.write_all(&[22, 3, 1, 2, 0, 1]).await;
                }
                let _ = stream.read(&mut [0]).await;
            }
        });
    }
    crowd
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_crowds_the_door_keeps_nobody_out() {
    let eight: Vec<_> = (2..10).map(|n| [127, 0, 0, n]).collect();
    let many: Vec<_> = (0..200).map(|n| [127, 0, 1, n]).collect();
    for (addresses, each) in [(eight, 16), (many, 1)] {
        let instance = Instance::new();
        door(&instance, &[("handshakes", 64), ("address_handshakes", 8)]);
        let daemon = instance.serve();
        let crowd = crowd(&daemon, addresses.into_iter(), each);
        // They have every place that strangers can have.
        let full = |text: &str| text.contains("greffier_handshakes 48\n");
        let began = Instant::now();
        let mut tries = 0;
        let wire = loop {
            tries += 1;
            let soc = instance.layout.client("security-soc");
            match shake(&daemon, Some(&soc)).await {
                Ok(stream) => break Wire::over(stream, 65_535).await,
                // Nobody had had the time that anybody is given.
                Err(_) => assert!(began.elapsed() < Duration::from_secs(30)),
            }
        };
        while !full(&wire.ask(http::Method::GET, "/metrics").await.2) {
            assert!(began.elapsed() < Duration::from_secs(30));
            tokio::task::yield_now().await;
        }
        // Familiar by now, and in at the first attempt; so is whoever comes from the same address.
        for name in ["auditor-1", "provider-02", "security-soc", "provider-03"] {
            shake(&daemon, Some(&instance.layout.client(name))).await.unwrap();
        }
        assert!(reads(&mut daemon.client("provider-02").await).await);
        println!("in after {tries} attempts");
        drop(crowd);
        daemon.stop().await;
        assert!(counted(&instance, "HANDSHAKES_FULL") > 0);
        instance.assert_sound();
    }
}

#[tokio::test]
async fn a_provider_has_its_share_of_connections_and_is_told_so() {
    let instance = Instance::new();
    door(&instance, &[("provider_connections", 2)]);
    let daemon = instance.serve();
    // An agent with more than one, a quarter, would give way itself.
    let mut one = daemon.client_as("provider-02", "one").await;
    let mut two = daemon.client_as("provider-02", "two").await;
    assert!(reads(&mut one).await && reads(&mut two).await);
    let mut third = daemon.client("provider-02").await;
    let refused = told(third.list(1, "", context()).await);
    assert_eq!(refused.what(), (Code::ResourceExhausted, "CONNECTIONS_FULL"));
    assert!(refused.retry.is_some());
    assert!(reads(&mut daemon.client("provider-03").await).await);
    assert!(reads(&mut one).await && reads(&mut two).await);
    drop(one);
    // The gateway sees that it went a moment later.
    let again = Instant::now();
    while !reads(&mut daemon.client("provider-02").await).await {
        assert!(again.elapsed() < Duration::from_secs(30));
    }
    daemon.stop().await;
    assert!(counted(&instance, "CONNECTIONS_FULL") >= 2, "the connection and its call");
    instance.assert_sound();
}

#[tokio::test]
async fn a_connection_for_which_there_is_no_place_is_closed() {
    let instance = Instance::new();
    door(&instance, &[("provider_connections", 1)]);
    let daemon = instance.serve();
    let shown = instance.layout.client("provider-02");
    let mut one = daemon.client("provider-02").await;
    assert!(reads(&mut one).await);
    let wire = Wire::open(&daemon, &shown).await;
    wire.ended().await;
    assert!(reads(&mut one).await);
}

#[tokio::test]
async fn providers_that_take_every_place_leave_those_of_staff() {
    let instance = Instance::new();
    // A quarter of so few is for staff.
    door(&instance, &[("connections", 16), ("provider_connections", 16)]);
    let daemon = instance.serve();
    let mut flood = Vec::new();
    for n in 0..12 {
        let mut caller = daemon.client_as("provider-02", &format!("agent-{n}")).await;
        assert!(reads(&mut caller).await);
        flood.push(caller);
    }
    for provider in ["provider-02", "provider-03"] {
        let refused = told(daemon.client(provider).await.list(1, "", context()).await);
        assert_eq!(refused.what(), (Code::ResourceExhausted, "CONNECTIONS_FULL"));
    }
    let mut staff = Vec::new();
    for name in ["security-soc", "auditor-1", "security-soc", "auditor-1"] {
        let mut reader = daemon.client(name).await;
        reader.0.ledger.get_checkpoint(GetCheckpointRequest {}).await.unwrap();
        staff.push(reader);
    }
    let mut more = daemon.client("auditor-1").await;
    let refused = told(more.0.ledger.get_checkpoint(GetCheckpointRequest {}).await);
    assert_eq!(refused.what(), (Code::ResourceExhausted, "CONNECTIONS_FULL"));
}

#[tokio::test]
async fn more_connections_are_no_more_calls() {
    let instance = Instance::new();
    door(&instance, &[("provider_calls", 3)]);
    let daemon = instance.serve();
    let shown = instance.layout.client("provider-02");
    let bearer = instance.bearer("provider-02");
    let carried = [("authorization", &*bearer)];
    let wires = [Wire::open(&daemon, &shown).await, Wire::open(&daemon, &shown).await];
    // Calls whose request does not come: one more than there may be, whichever is the last.
    let mut begun = Vec::new();
    for n in 0..4 {
        begun.push(wires[n % 2].begin(LIST, &carried).await);
    }
    let (answers, requests): (Vec<_>, Vec<_>) = begun.into_iter().unzip();
    let (answer, at, answers) = futures_util::future::select_all(answers).await;
    let status = tonic::Status::from_header_map(answer.unwrap().headers()).unwrap();
    let refused = Told::of(&status);
    assert_eq!(refused.what(), (Code::ResourceExhausted, "CALLS_FULL"));
    assert!(refused.retry.is_some());
    let also = Told::of(&wires[0].call(LIST, &carried, &framed(0, b"")).await);
    assert_eq!(also.reason, "CALLS_FULL");
    assert!(reads(&mut daemon.client("provider-03").await).await);
    // The three end, and their places are free.
    drop((answers, requests, at));
    let mut caller = daemon.client("provider-02").await;
    let again = Instant::now();
    while !reads(&mut caller).await {
        assert!(again.elapsed() < Duration::from_secs(30));
    }
    daemon.stop().await;
    assert!(counted(&instance, "CALLS_FULL") >= 2);
    instance.assert_sound();
}

#[tokio::test]
async fn headers_are_bounded_in_number_and_in_bytes() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client("provider-02")).await;
    let names: Vec<String> = (0..63).map(|n| format!("x-{n}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "y")).collect();
    // Content type and `te` are two of the 64.
    let looked_at = Told::of(&wire.call(LIST, &headers[..62], &framed(0, b"")).await);
    assert_eq!(looked_at.reason, "TOKEN_REJECTED");
    let refused = Told::of(&wire.call(LIST, &headers, &framed(0, b"")).await);
    assert_eq!(refused.what(), (Code::InvalidArgument, "REQUEST_TOO_LARGE"));
    let long = "y".repeat(15 << 10);
    let looked_at = Told::of(&wire.call(LIST, &[("x", &long)], &framed(0, b"")).await);
    assert_eq!(looked_at.reason, "TOKEN_REJECTED");
    // Too many bytes are answered by HTTP/2 itself.
    let longer = "y".repeat(17 << 10);
    let (answer, _request) = wire.begin(LIST, &[("x", &longer)]).await;
    let answer = answer.await;
    assert!(answer.map_or(true, |answer| answer.status() == 431));
}

#[tokio::test]
async fn a_request_that_does_not_come_ends_with_its_deadline() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client("provider-02")).await;
    let bearer = instance.bearer("provider-02");
    let headers = [("grpc-timeout", "200m"), ("authorization", &*bearer)];
    let (answer, mut request) = wire.begin(LIST, &headers).await;
    request.send_data(framed(0, b"").split_off(4).into(), false).unwrap();
    let status = tonic::Status::from_header_map(answer.await.unwrap().headers()).unwrap();
    assert_eq!(Told::of(&status).what(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
}

#[tokio::test]
async fn health_and_reflection_are_for_whom_the_policy_knows_in_any_role() {
    let instance = Instance::new();
    let ours = Authority::of(&instance.layout);
    let revoked = ours.client("provider", "provider-02");
    let print = fingerprint(&revoked.0).to_string();
    instance.policy(|policy| policy["revoked"] = texts([print.as_str()]));
    let daemon = instance.serve();
    let client = |shown: &(std::path::PathBuf, std::path::PathBuf)| {
        daemon.settings_of(shown.0.clone(), shown.1.clone())
    };
    let question = || ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let known = ["provider-02", "security-soc", "auditor-1", "admin-1", "agency-1"];
    for name in known {
        let channel = channel(&client(&instance.layout.client(name))).await;
        let mut health = HealthClient::new(channel.clone());
        health.check(HealthCheckRequest::default()).await.unwrap();
        let mut reflection = ServerReflectionClient::new(channel);
        let asked = tokio_stream::once(question());
        reflection.server_reflection_info(asked).await.unwrap();
    }
    let strangers = [
        revoked,
        ours.client("provider", "provider-99"),
        ours.client("auditor", "nobody"),
        ours.sign(&[], |_| {}),
    ];
    for shown in &strangers {
        let channel = channel(&client(shown)).await;
        let mut health = HealthClient::new(channel.clone());
        let rejected = (Code::Unauthenticated, "CERTIFICATE_REJECTED");
        let check = health.check(HealthCheckRequest::default()).await;
        assert_eq!(told(check.map(drop)).what(), rejected);
        let watch = health.watch(HealthCheckRequest::default()).await;
        assert_eq!(told(watch.map(drop)).what(), rejected);
        let mut reflection = ServerReflectionClient::new(channel);
        let asked = reflection.server_reflection_info(tokio_stream::once(question())).await;
        assert_eq!(told(asked.map(drop)).what(), rejected);
    }
    daemon.stop().await;
    assert_eq!(counted(&instance, "CERTIFICATE_REJECTED"), 3 * strangers.len() as u64);
}

async fn channel(settings: &greffier::client::ClientSettings) -> tonic::transport::Channel {
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
    let read = |path| std::fs::read(path).unwrap();
    let tls = ClientTlsConfig::new()
        .domain_name(&settings.server_name)
        .ca_certificate(Certificate::from_pem(read(&settings.ca)))
        .identity(Identity::from_pem(read(&settings.certificate), read(&settings.key)));
    let endpoint = Endpoint::from_shared(format!("https://{}", settings.address)).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn a_tail_and_a_client_that_read_nothing_do_not_hold_the_end_of_the_daemon() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let soc = instance.layout.client("security-soc");
    // No room for one byte of the reply, ever.
    let stream = shake(&daemon, Some(&soc)).await.unwrap();
    let wire = Wire::over(stream, 0).await;
    let (answer, mut request) = wire.begin(TAIL, &[]).await;
    request.send_data(framed(0, b"").into(), true).unwrap();
    let tail = answer.await.unwrap();
    assert_eq!(tail.status(), 200);
    // One that answers nothing at all, not even a goodbye.
    let mute = shake(&daemon, Some(&soc)).await.unwrap();
    let began = Instant::now();
    daemon.terminate();
    assert!(daemon.ended().await.success());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop((tail, mute));
    instance.assert_sound();
}

#[tokio::test]
async fn certificates_that_run_out_are_said_in_the_log() {
    let instance = Instance::new();
    let ours = Authority::of(&instance.layout);
    let in_days =
        |days: u64| std::time::SystemTime::now() + Duration::from_secs(days * 86_400 + 60);
    let daemon = instance.serve();
    assert!(reads(&mut daemon.client("provider-02").await).await);
    assert!(!daemon.log().contains("runs out"), "{}", daemon.log());
    daemon.stop().await;
    let (certificate, key) = ours.sign(&[], |params| {
        params.not_after = in_days(6).into();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    });
    std::fs::copy(certificate, instance.layout.server_certificate()).unwrap();
    let key = std::fs::read(key).unwrap();
    std::fs::write(instance.layout.server_key(), key).unwrap();
    let daemon = instance.serve();
    let shown = ours.sign(&["spiffe://greffier.example/provider/provider-02"], |params| {
        params.not_after = in_days(29).into();
    });
    for _ in 0..3 {
        let mut caller = daemon.client_with(shown.clone()).await;
        assert!(reads(&mut caller).await && reads(&mut caller).await);
    }
    let stranger = ours.sign(&["spiffe://greffier.example/provider/provider-99"], |params| {
        params.not_after = in_days(3).into();
    });
    assert!(!reads(&mut daemon.client_with(stranger).await).await);
    let log = daemon.until_said("days_left=29").await;
    let own: Vec<_> = log.lines().filter(|line| line.contains("gateway's certificate")).collect();
    assert_eq!(own.len(), 1, "{log}");
    assert!(own[0].contains("WARN") && own[0].contains("days_left=6"), "{log}");
    let clients: Vec<_> = log.lines().filter(|line| line.contains("client's")).collect();
    assert_eq!(clients.len(), 1, "{log}");
    let print = fingerprint(&shown.0).to_string();
    for word in ["provider", "provider-02", "days_left=29", &print] {
        assert!(clients[0].contains(word), "{word} in {log}");
    }
}

#[tokio::test]
async fn the_door_takes_no_more_than_the_system_allows_files() {
    let instance = Instance::new();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 400; exec \"$0\" \"$@\"", PROGRAM]);
    let daemon = instance.serve_by(shell).unwrap();
    daemon.until_said("LimitNOFILE").await;
    assert!(reads(&mut daemon.client("provider-02").await).await);
    daemon.stop().await;
    // The log goes on in the same file: nothing is added to it where there is room.
    let daemon = instance.serve();
    let log = instance.layout.root().join("daemon.log");
    daemon.stop().await;
    let log = std::fs::read_to_string(log).expect("the log");
    assert_eq!(log.matches("LimitNOFILE").count(), 1, "{log}");
}
