//! Tails over time: heartbeats, certificates that run out meanwhile, readers that take nothing. The
//! gateway runs in this process, whose clock can be moved.

mod exports;
mod refused;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use greffier::admission::{Keyring, Tokens};
use greffier::anomaly::AnomalyJudge;
use greffier::client::ClientSettings;
use greffier::config::{Config, policy};
use greffier::format::checkpoint::Checkpoint;
use greffier::format::entry::{Act, Deed};
use greffier::format::signer::{Signer, read_key};
use greffier::format::tag::Tagger;
use greffier::instance::Layout;
use greffier::log::Log;
use greffier::proto::alerts_client::AlertsClient;
use greffier::proto::tail_alerts_response::Event;
use greffier::proto::{Heartbeat, TailAlertsRequest, TailAlertsResponse};
use greffier::quota::Quota;
use greffier::registrar::Registrar;
use greffier::registrar::start;
use greffier::registrar::start::JudgeFactory;
use greffier::registrar::{Commits, Ledger, clock};
use greffier::service::door::tls;
use greffier::service::policy::{ActivePolicy, CurrentPolicy};
use greffier::service::read::ReadPath;
use greffier::service::tasks::Tasks;
use greffier::service::watch::sizes::LedgerFile;
use greffier::service::{ServeError, Server};
use greffier::source::{Source, sqlite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status, Streaming};

use crate::instance::{Instance, minted};
use crate::pki::{Authority, Shown};
use crate::signed::{act, personal, statement, whom};
use crate::told::{Told, told};
use crate::wire::{Wire, answered, framed, shake_at};

/// A gateway on this runtime.
pub(crate) struct Gateway {
    address: String,
    layout: Layout,
    ledger: Ledger,
    /// How it ends.
    pub(crate) ended: JoinHandle<Result<(), ServeError>>,
}

impl Gateway {
    /// As `greffier serve` puts it together.
    async fn start(instance: &Instance) -> Gateway {
        Gateway::start_with(instance, Box::new(AnomalyJudge::fresh), Tasks::default()).await
    }

    /// The same with another judge, and with tasks besides its own.
    pub(crate) async fn start_with(
        instance: &Instance,
        judge: Box<JudgeFactory>,
        mut tasks: Tasks,
    ) -> Gateway {
        let layout = instance.layout.clone();
        let config = Config::load(&layout.config()).expect("a configuration");
        let policy = policy::load(&config.policy).expect("a policy");
        let source = sqlite::SqliteSettings { path: config.source.path, readers: 1 };
        let records = sqlite::Sqlite::open(&source, &policy.datasets).expect("the records");
        let tagger = Tagger::new(&read_key(&config.ledger.tag_key).expect("a key"));
        let handles = read_key(&config.handles.key).expect("a key");
        let settings = start::LedgerSettings {
            path: config.ledger.path.clone(),
            high_water: config.ledger.high_water,
            queue: 1_024,
            share: 256,
            clock: clock::ClockSettings::default(),
            commits: Commits::default(),
        };
        let seed = read_key(&config.ledger.signing_key).expect("a key");
        let signer = Signer::new(&config.name, &seed).expect("a name for a note");
        let rules = policy.rules();
        let registrar = Registrar::start(settings, signer, rules, judge);
        let registrar = registrar.expect("a ledger");
        let keyring =
            Keyring::open(&policy.issuers, &policy.folder).expect("the keys of the issuer");
        let terms = policy.terms(registrar.head, &config.trust_domain, &handles, keyring);
        let terms = Arc::new(terms);
        let ledger = registrar.ledger.clone();
        let (quota, source) = (Quota::new(&terms), Source::new(records, tagger));
        let (policies, _) = CurrentPolicy::new(ActivePolicy { terms, quota, source });
        let rooms = ReadPath { policies, tokens: Tokens::default(), ledger: ledger.clone() };
        let tls = tls::TlsSettings {
            certificate: config.tls.certificate,
            key: config.tls.key,
            client_ca: config.tls.client_ca,
            client_crl: config.tls.client_crl,
            handshake_timeout: Duration::from_secs(5),
        };
        let limits = config.door.limits();
        let log = Log::start().expect("standard error");
        let file = LedgerFile { path: config.ledger.path, wal_max: 64 << 20 };
        let server = Server::new(rooms, &tls, limits, file, log).await;
        let server = server.expect("a server");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its number").to_string();
        server.begin(&mut tasks).await;
        let ended = tokio::spawn(server.run(listener, tasks, std::future::pending()));
        Gateway { address, layout, ledger, ended }
    }

    /// Where it is, for one of the clients that `init` made.
    pub(crate) fn settings(&self, name: &str) -> ClientSettings {
        let (certificate, key) = self.layout.client(name);
        let token = Some(minted(&self.layout, &certificate));
        let (address, server_name) = (self.address.clone(), "localhost".to_owned());
        ClientSettings { address, server_name, ca: self.layout.ca(), certificate, key, token }
    }

    /// A connection of bytes, with room for so many of each reply.
    async fn wire(&self, shown: &Shown, window: u32) -> Wire {
        let stream = shake_at(&self.address, &self.layout.ca(), Some(shown)).await;
        Wire::over(stream.expect("a handshake"), window).await
    }

    /// Waits for a small call: whatever the connection sent before has come by then.
    async fn settle(&self, wire: &Wire) {
        let status = wire.call("/grpc.health.v1.Health/None", &[], &framed(0, b"")).await;
        assert_ne!(status.code(), Code::Ok);
    }

    /// A client whose window holds 64 KiB: what it does not read stays at the gateway.
    async fn narrow(&self, (certificate, key): Shown) -> AlertsClient<Channel> {
        let read = |path: PathBuf| std::fs::read(path).expect("a PEM file");
        let tls = ClientTlsConfig::new()
            .domain_name("localhost")
            .ca_certificate(Certificate::from_pem(read(self.layout.ca())))
            .identity(Identity::from_pem(read(certificate), read(key)));
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).expect("a URI");
        let endpoint = endpoint.initial_stream_window_size(65_535).tls_config(tls).expect("TLS");
        AlertsClient::new(endpoint.connect().await.expect("a connection"))
    }

    async fn tail(&self, shown: Shown, after_entry: u64) -> Streaming<TailAlertsResponse> {
        let request = TailAlertsRequest { after_entry };
        self.narrow(shown).await.tail_alerts(request).await.expect("a tail").into_inner()
    }

    /// Writes acts, each as long as it may be; the number of the last.
    async fn acts(&self, count: u64) -> u64 {
        let mut last = 0;
        let key = personal(&self.layout, "admin-1");
        let origin = Checkpoint::parse(&self.ledger.newest()).expect("a checkpoint").origin;
        for _ in 0..count {
            let deed = Deed::Suspend(whom("provider-03", ""));
            let statement = statement(deed, &"x".repeat(256));
            let act = act(&origin, statement, &[("admin-1", &key)]);
            last = self.ledger.act(Act::Signed(act)).await.expect("an entry");
        }
        last
    }
}

/// Moves the clock; the network goes on by its own.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Events up to the first heartbeat: entry numbers, and the heartbeat or what came instead.
async fn to_heartbeat(
    tail: &mut Streaming<TailAlertsResponse>,
) -> (Vec<u64>, Result<Heartbeat, Status>) {
    let mut entries = Vec::new();
    loop {
        match tail.message().await.map(|message| message.expect("no end").event) {
            Ok(Some(Event::Act(act))) => entries.push(act.entry),
            Ok(Some(Event::Heartbeat(heartbeat))) => return (entries, Ok(heartbeat)),
            Ok(other) => panic!("{other:?}"),
            Err(status) => return (entries, Err(status)),
        }
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_and_goes_on_where_it_was() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let last = gateway.acts(400).await;
    let soc = || instance.layout.client("security-soc");
    let mut tail = gateway.tail(soc(), 0).await;
    let first = tail.message().await.expect("a message").expect("one").event;
    let Some(Event::Act(first)) = first else { panic!("{first:?}") };
    // What the window holds is on its way before the clock moves.
    let mut fast = gateway.tail(soc(), 0).await;
    let (all, heartbeat) = to_heartbeat(&mut fast).await;
    assert_eq!((all.len(), heartbeat.expect("a heartbeat").up_to_entry), (402, last));
    pass(Duration::from_secs(31)).await;
    let (mut taken, cut) = to_heartbeat(&mut tail).await;
    let cut = told(cut);
    assert_eq!(cut.what(), (Code::Aborted, "TAIL_TOO_SLOW"));
    taken.insert(0, first.entry);
    let before = taken.len();
    assert!(before < 402, "{before}");
    let mut tail = gateway.tail(soc(), taken[before - 1]).await;
    let (rest, heartbeat) = to_heartbeat(&mut tail).await;
    taken.extend(rest);
    assert_eq!(heartbeat.expect("a heartbeat").up_to_entry, last);
    assert_eq!(taken, all);
    eprintln!("cut after {before} of 402 events, and resumed with the other {}", 402 - before);
    // The one that reads is still there.
    assert!(to_heartbeat(&mut fast).await.1.is_ok());
}

/// Until a stream or a connection has been dealt with, on the network's own time.
async fn until(mut holds: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not come");
        tokio::task::yield_now().await;
    }
}

const LIST: &str = "/greffier.v1.Records/ListRecords";
const CHECKPOINT: &str = "/greffier.v1.Ledger/GetCheckpoint";
const TAIL: &str = "/greffier.v1.Alerts/TailAlerts";

fn door(instance: &Instance, key: &str, seconds: i64) {
    instance.config(|config| {
        let mut door = toml_edit::Table::new();
        door.insert(key, toml_edit::value(seconds));
        config.insert("door", toml_edit::Item::Table(door));
    });
}

#[tokio::test]
async fn a_tail_that_takes_nothing_at_all_is_reset_after_twice_that_time() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let wire = gateway.wire(&instance.layout.client("security-soc"), 0).await;
    let (answer, mut request) = wire.begin(TAIL, &[]).await;
    request.send_data(framed(0, b"").into(), true).unwrap();
    let mut events = answer.await.unwrap().into_body();
    gateway.settle(&wire).await;
    pass(Duration::from_secs(31)).await;
    gateway.settle(&wire).await;
    let mut next = std::pin::pin!(events.data());
    assert!(next.as_mut().now_or_never().is_none(), "it has lost its place, and may hear why");
    pass(Duration::from_secs(31)).await;
    let reset = next.await.expect("an end").expect_err("a reset");
    assert_eq!(reset.reason(), Some(h2::Reason::CANCEL));
}

#[tokio::test]
async fn a_reply_that_is_not_taken_is_cut_and_one_that_is_taken_in_time_is_whole() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let shown = instance.layout.client("auditor-1");
    let wire = gateway.wire(&shown, 1).await;
    let ask = async || {
        let (answer, mut request) = wire.begin(CHECKPOINT, &[]).await;
        request.send_data(framed(0, b"").into(), true).unwrap();
        answer.await.unwrap().into_body()
    };
    let (mut taken, mut left) = (ask().await, wire_zero(&gateway, &shown).await);
    // The window opens by what was read: byte by byte.
    let mut bytes = 0;
    while let Some(data) = taken.data().await {
        let data = data.unwrap();
        bytes += data.len();
        taken.flow_control().release_capacity(data.len()).unwrap();
    }
    assert!(bytes > 100, "{bytes}");
    let status = Status::from_header_map(&taken.trailers().await.unwrap().unwrap()).unwrap();
    assert_eq!(status.code(), Code::Ok);
    gateway.settle(&left.0).await;
    pass(Duration::from_secs(29)).await;
    gateway.settle(&left.0).await;
    let mut next = std::pin::pin!(left.1.data());
    assert!(next.as_mut().now_or_never().is_none());
    pass(Duration::from_secs(2)).await;
    let reset = next.await.expect("an end").expect_err("a reset");
    assert_eq!(reset.reason(), Some(h2::Reason::CANCEL));
}

/// A call on a connection of its own whose client makes no room for its reply.
async fn wire_zero(gateway: &Gateway, shown: &Shown) -> (Wire, h2::RecvStream) {
    let wire = gateway.wire(shown, 0).await;
    let (answer, mut request) = wire.begin(CHECKPOINT, &[]).await;
    request.send_data(framed(0, b"").into(), true).unwrap();
    let body = answer.await.unwrap().into_body();
    (wire, body)
}

#[tokio::test]
async fn whoever_watches_the_health_and_takes_what_comes_is_not_cut() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let wire = gateway.wire(&instance.layout.client("auditor-1"), 65_535).await;
    let (answer, mut request) = wire.begin("/grpc.health.v1.Health/Watch", &[]).await;
    request.send_data(framed(0, b"").into(), true).unwrap();
    let mut news = answer.await.unwrap().into_body();
    assert!(news.data().await.unwrap().is_ok());
    for _ in 0..4 {
        gateway.settle(&wire).await;
        pass(Duration::from_secs(25)).await;
    }
    gateway.settle(&wire).await;
    assert!(news.data().now_or_never().is_none());
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_has_three_seconds() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let wire = gateway.wire(&instance.layout.client("provider-02"), 65_535).await;
    let request = framed(0, &[0; 100]);
    let bearer = instance.bearer("provider-02");
    let carried = [("authorization", &*bearer)];
    let (mut late, mut in_time) =
        (wire.begin(LIST, &carried).await, wire.begin(LIST, &carried).await);
    for byte in &request[..28] {
        for begun in [&mut late, &mut in_time] {
            begun.1.send_data(vec![*byte].into(), false).unwrap();
        }
        gateway.settle(&wire).await;
        pass(Duration::from_millis(100)).await;
    }
    let malformed = Told::of(&wire.end(in_time, &request[28..]).await);
    assert_eq!(malformed.code, Code::InvalidArgument);
    pass(Duration::from_millis(400)).await;
    let ended = Told::of(&answered(late.0).await);
    assert_eq!(ended.what(), (Code::DeadlineExceeded, "MESSAGE_LATE"));
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_and_one_with_a_tail_is_not() {
    let instance = Instance::new();
    door(&instance, "idle_seconds", 20);
    let gateway = Gateway::start(&instance).await;
    let idle = gateway.wire(&instance.layout.client("auditor-1"), 65_535).await;
    let mut tail = gateway.tail(instance.layout.client("security-soc"), u64::MAX).await;
    assert!(to_heartbeat(&mut tail).await.1.is_ok());
    gateway.settle(&idle).await;
    pass(Duration::from_secs(19)).await;
    assert!(!idle.is_over());
    // A call begins the time anew.
    gateway.settle(&idle).await;
    pass(Duration::from_secs(19)).await;
    gateway.settle(&idle).await;
    assert!(!idle.is_over());
    assert!(to_heartbeat(&mut tail).await.1.is_ok());
    pass(Duration::from_secs(21)).await;
    idle.ended().await;
    assert!(to_heartbeat(&mut tail).await.1.is_ok());
}

#[tokio::test]
async fn an_old_connection_lets_its_calls_end_and_takes_no_more() {
    let instance = Instance::new();
    door(&instance, "age_seconds", 40);
    let gateway = Gateway::start(&instance).await;
    let shown = instance.layout.client("auditor-1");
    let wire = gateway.wire(&shown, 65_535).await;
    let mut tail = gateway.tail(instance.layout.client("security-soc"), u64::MAX).await;
    assert!(to_heartbeat(&mut tail).await.1.is_ok());
    for _ in 0..3 {
        pass(Duration::from_secs(9)).await;
        gateway.settle(&wire).await;
        assert!(to_heartbeat(&mut tail).await.1.is_ok());
    }
    pass(Duration::from_secs(12)).await;
    let begun = wire.begin(CHECKPOINT, &[]).await;
    gateway.settle(&wire).await;
    pass(Duration::from_secs(2)).await;
    until(|| wire.takes_no_more()).await;
    let status = wire.end(begun, &framed(0, b"")).await;
    assert_eq!(status.code(), Code::Ok, "{status:?}");
    wire.ended().await;
    // A tail goes on: its certificate is looked at with every heartbeat.
    for _ in 0..5 {
        pass(Duration::from_secs(10)).await;
        assert!(to_heartbeat(&mut tail).await.1.is_ok());
    }
    gateway.settle(&gateway.wire(&shown, 65_535).await).await;
}

#[tokio::test]
async fn heartbeats_come_every_ten_seconds_with_the_newest_checkpoint() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let mut tail = gateway.tail(instance.layout.client("auditor-1"), u64::MAX).await;
    let mut size = 0;
    for _ in 0..5 {
        let (entries, heartbeat) = to_heartbeat(&mut tail).await;
        let heartbeat = heartbeat.expect("a heartbeat");
        let checkpoint = Checkpoint::open(&heartbeat.checkpoint, &instance.key());
        let checkpoint = checkpoint.expect("a checkpoint of this ledger");
        // Nothing lies behind the entry that was named; the claim is for what does.
        assert_eq!((entries.len(), heartbeat.up_to_entry), (0, checkpoint.size - 1));
        assert!(checkpoint.size > size);
        size = checkpoint.size;
        gateway.acts(3).await;
        pass(Duration::from_secs(10)).await;
    }
}

#[tokio::test]
async fn a_certificate_that_runs_out_ends_its_tail_at_the_next_heartbeat() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let authority = Authority::of(&instance.layout);
    let end = SystemTime::now() + Duration::from_secs(5);
    let shown = authority.sign(&["spiffe://greffier.example/security/security-soc"], |params| {
        params.not_after = end.into();
    });
    let mut tail = gateway.tail(shown, u64::MAX).await;
    assert!(to_heartbeat(&mut tail).await.1.is_ok());
    // Good to its last second, whole.
    while SystemTime::now() < end + Duration::from_secs(1) {
        tokio::task::yield_now().await;
    }
    pass(Duration::from_secs(10)).await;
    let ended = told(to_heartbeat(&mut tail).await.1);
    assert_eq!(ended.what(), (Code::Unauthenticated, "CERTIFICATE_REJECTED"));
}
