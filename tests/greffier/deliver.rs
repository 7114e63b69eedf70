//! `greffier deliver`: every alert to every receiver, through kills, refusals and silence.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use ring::hmac;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::given::Chance;
use crate::instance::{Daemon, Instance, PROGRAM};
use crate::pki::Authority;
use crate::tail::{Aside, act, lasting, notices, raise};

const KILLS: u64 = 50;
const SECRET: &[u8] = b"a secret of no use anywhere else";
/// Tells "never" from "soon".
const LONG: Duration = Duration::from_secs(120);

/// What a receiver was told, whoever it is: the object.
type Heard = mpsc::Receiver<Value>;

/// Somebody who listens over TLS on a port of his own, and can go away and come back.
struct Listening {
    /// Its own for good, whoever listens.
    port: TcpListener,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    work: Arc<dyn Fn(tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> Work + Send + Sync>,
    running: Option<JoinHandle<()>>,
}

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Listening {
    fn new(
        authority: &Authority,
        work: impl Fn(tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> Work
        + Send
        + Sync
        + 'static,
    ) -> Listening {
        let (certificate, key) = authority.sign(&[], |params| {
            params.subject_alt_names =
                vec![SanType::DnsName("localhost".try_into().expect("ASCII"))];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        let chain = CertificateDer::pem_file_iter(certificate).expect("a file");
        let chain = chain.collect::<Result<_, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
        let config = config.expect("TLS 1.3").with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).expect("a certificate and its key");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let port = TcpListener::bind("127.0.0.1:0").expect("a port");
        port.set_nonblocking(true).expect("its option");
        let address = port.local_addr().expect("its number");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut listening =
            Listening { port, address, acceptor, work: Arc::new(work), running: None };
        listening.come();
        listening
    }

    /// Listens, for the first time or again.
    fn come(&mut self) {
        let port = self.port.try_clone().expect("a port");
        let listener = tokio::net::TcpListener::from_std(port).expect("a listener");
        let (acceptor, work) = (self.acceptor.clone(), self.work.clone());
        self.running = Some(tokio::spawn(async move {
            let mut lines = JoinSet::new();
            loop {
                let Ok((tcp, _)) = listener.accept().await else { continue };
                let (acceptor, work) = (acceptor.clone(), work.clone());
                lines.spawn(async move {
                    if let Ok(line) = acceptor.accept(tcp).await {
                        work(line).await;
                    }
                });
            }
        }));
    }

    /// Breaks all connections off, and takes no more.
    async fn go(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }
}

/// A webhook: what it was told of which it says `answer`, and whose signature is good.
fn hook(
    authority: &Authority,
    answer: impl Fn(&Value) -> Option<StatusCode> + Send + Sync + 'static,
) -> (Listening, Heard) {
    let (told, heard) = mpsc::channel(100_000);
    let answer = Arc::new(answer);
    let serve = move |line| -> Work {
        let (told, answer) = (told.clone(), answer.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (told, answer) = (told.clone(), answer.clone());
            async move {
                let Some(body) = signed(request).await else { return silent().await };
                let Some(status) = answer(&body) else { return silent().await };
                if status.is_success() {
                    let _ = told.send(body).await;
                }
                let response = Response::builder().status(status).body(Empty::<Bytes>::new());
                Ok::<_, Infallible>(response.expect("a response"))
            }
        });
        Box::pin(async move {
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(line), service).await;
        })
    };
    (Listening::new(authority, serve), heard)
}

async fn silent() -> Result<Response<Empty<Bytes>>, Infallible> {
    std::future::pending().await
}

/// The object of a request, whose id, time and signature are those of Standard Webhooks.
async fn signed(request: Request<Incoming>) -> Option<Value> {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers[name].to_str().expect("text").to_owned();
    let (id, at, signature) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let body = body.collect().await.ok()?.to_bytes();
    let mut signed = format!("{id}.{at}.").into_bytes();
    signed.extend(&body);
    let given = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    hmac::verify(&key, &signed, &given.expect("base64")).expect("a good signature");
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{id}");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["id"], id);
    Some(body)
}

/// A collector of syslog over TLS: frames by octets.
fn collector(authority: &Authority) -> (Listening, Heard) {
    let (told, heard) = mpsc::channel(100_000);
    let collect = move |mut line: tokio_rustls::server::TlsStream<tokio::net::TcpStream>| -> Work {
        let told = told.clone();
        Box::pin(async move {
            let mut bytes = Vec::new();
            while line.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {
                while let Some(frame) = frame(&mut bytes) {
                    let (head, body) = frame.split_once("] {").expect("data and an object");
                    assert!(head.starts_with("<1"), "{head}");
                    let body: Value = serde_json::from_str(&format!("{{{body}")).expect("JSON");
                    let _ = told.send(body).await;
                }
            }
        })
    };
    (Listening::new(authority, collect), heard)
}

/// Takes the first whole frame away.
fn frame(bytes: &mut Vec<u8>) -> Option<String> {
    let space = bytes.iter().position(|b| *b == b' ')?;
    let len: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().expect("a length");
    if bytes.len() < space + 1 + len {
        return None;
    }
    let rest = bytes.split_off(space + 1 + len);
    let frame = std::mem::replace(bytes, rest).split_off(space + 1);
    Some(String::from_utf8(frame).expect("UTF-8"))
}

/// A delivery's settings, in the folder of an instance.
struct Delivery {
    config: PathBuf,
}

impl Delivery {
    /// `receivers` are sections of TOML.
    fn new(instance: &Instance, address: &str, authority: &Authority, receivers: &str) -> Delivery {
        let root = instance.layout.root();
        let (certificate, key) = instance.layout.client("security-soc");
        let show = |path: &Path| path.display().to_string();
        fs::write(root.join("receivers.pem"), &authority.certificate).expect("a file");
        let secret = root.join("whsec");
        let text = format!("whsec_{}", STANDARD.encode(SECRET));
        let _ = fs::remove_file(&secret);
        greffier::files::create(&secret, 0o600, &text).expect("a file");
        let text = format!(
            "state = \"deliver\"\nledger_key = \"{}\"\n[gateway]\naddress = \"{address}\"\n\
             server_name = \"localhost\"\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n{receivers}",
            show(&instance.layout.verifier_key()),
            show(&instance.layout.ca()),
            show(&certificate),
            show(&key),
        );
        let config = root.join("deliver.toml");
        fs::write(&config, text).expect("a file");
        Delivery { config }
    }

    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["deliver", "--config"]).arg(&self.config).args(options).stdin(Stdio::null());
        command
    }

    fn start(&self, options: &[&str]) -> Running {
        let child = self.command(options).stderr(Stdio::null()).spawn();
        Running(child.expect("the program starts"))
    }

    fn status(&self, receiver: &str) -> Value {
        let said = self.command(&["--status", "--json"]).output().expect("the program starts");
        assert!(said.status.success(), "{said:?}");
        let all: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        let all = all["receivers"].as_array().expect("a list");
        all.iter().find(|one| one["receiver"] == receiver).expect("a receiver").clone()
    }
}

/// The process; dropped, it is killed.
struct Running(Child);

impl Running {
    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("its own child");
        assert_eq!(self.0.wait().expect("an end").code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn section(name: &str, kind: &str, rest: &str) -> String {
    format!("[receiver.{name}]\nkind = \"{kind}\"\n{rest}\n")
}

fn webhook(name: &str, hook: &Listening, rest: &str) -> String {
    let url = format!("url = \"https://localhost:{}/hook\"", hook.address.port());
    section(name, "webhook", &format!("{url}\nca = \"receivers.pem\"\nsecret = \"whsec\"\n{rest}"))
}

fn entry(event: &Value) -> Option<u64> {
    event["entry"].as_u64()
}

/// The objects of all lines that are whole.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits until a file has a line of which this is true.
async fn until_line(path: &Path, is: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            if let Some(line) = lines(path).into_iter().find(&is) {
                return line;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, found).await.expect("a line that comes")
}

/// Within an incident each entry comes for the first time behind those before it.
fn in_order(events: &[Value]) {
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for event in events {
        let (Some(incident), Some(entry)) = (event["incident"].as_u64(), entry(event)) else {
            continue;
        };
        if seen.insert(entry) {
            let before = last.insert(incident, entry);
            assert!(before < Some(entry), "entry {entry} of {incident} came behind {before:?}");
        }
    }
}

/// Takes what was heard, until every one of these entries was.
async fn all_of(heard: &mut Heard, events: &mut Vec<Value>, entries: &[u64]) {
    let mut missing: BTreeSet<u64> = entries.iter().copied().collect();
    events.iter().filter_map(entry).for_each(|entry| {
        missing.remove(&entry);
    });
    while !missing.is_empty() {
        let event = tokio::time::timeout(LONG, heard.recv()).await;
        let event =
            event.unwrap_or_else(|_| panic!("never told of {missing:?}")).expect("a receiver");
        entry(&event).iter().for_each(|entry| {
            missing.remove(entry);
        });
        events.push(event);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_fifty_kills_of_delivery_gateway_and_receivers_nothing_is_lost() {
    let began = Instant::now();
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("agent_minute", 5)]);
    lasting(&instance);
    let mut daemon = instance.serve();
    let authority = Authority::foreign("receivers");
    let (mut hooked, mut told) = hook(&authority, |_| Some(StatusCode::NO_CONTENT));
    let (mut collecting, mut collected) = collector(&authority);
    let receivers = [
        webhook("duty", &hooked, ""),
        section(
            "siem",
            "syslog",
            &format!(
                "address = \"localhost:{}\"\nca = \"receivers.pem\"",
                collecting.address.port()
            ),
        ),
        section("lines", "file", "path = \"alerts.jsonl\""),
    ];
    let delivery = Delivery::new(&instance, &daemon.address, &authority, &receivers.concat());
    let (up, is_up) = watch::channel(0);
    let (stop, stopped) = watch::channel(false);
    let raising = raise(&instance, daemon.settings("security-soc"), is_up, stopped);

    let mut chance = Chance(20_261_127);
    let mut events = [Vec::new(), Vec::new()];
    let (mut kills, mut seen) = ([0; 4], BTreeSet::new());
    let mut running = delivery.start(&[]);
    for kill in 1..=KILLS {
        let enough = seen.len() as u64 + 1 + chance.below(4);
        while (seen.len() as u64) < enough {
            let event = tokio::time::timeout(LONG, async {
                tokio::select! {
                    event = told.recv() => (0, event),
                    event = collected.recv() => (1, event),
                }
            });
            let (of, event) = event.await.expect("a delivery that goes on");
            let event = event.expect("a receiver");
            seen.extend(entry(&event));
            events[of].push(event);
        }
        let whom = match chance.below(10) {
            0..4 => 0,
            4..6 => 1,
            6..8 => 2,
            _ => 3,
        };
        kills[whom] += 1;
        match whom {
            0 => {
                running.kill();
                running = delivery.start(&[]);
            }
            1 => {
                daemon.kill();
                daemon = instance.serve();
                up.send_replace(kill);
            }
            2 => {
                hooked.go().await;
                hooked.come();
            }
            _ => {
                collecting.go().await;
                collecting.come();
            }
        }
    }
    stop.send_replace(true);
    let raised = raising.await.expect("raising does not panic");
    let written = notices(&instance);
    let [by_hook, by_syslog] = &mut events;
    all_of(&mut told, by_hook, &written).await;
    all_of(&mut collected, by_syslog, &written).await;
    let file = instance.layout.root().join("alerts.jsonl");
    until_line(&file, |line| entry(line) == written.last().copied()).await;
    running.stop();
    let by_file = lines(&file);
    let mut repeats = Vec::new();
    for told in [&*by_hook, &*by_syslog, &by_file] {
        in_order(told);
        let entries: Vec<u64> = told.iter().filter_map(entry).collect();
        let once: BTreeSet<u64> = entries.iter().copied().collect();
        assert_eq!(once.iter().copied().collect::<Vec<_>>(), written);
        repeats.push(entries.len() - once.len());
    }
    eprintln!(
        "{KILLS} kills ({kills:?} of delivery, gateway, webhook, collector): {raised} calls answered, {} \
         alerts and acts written, none lost; told again to webhook, collector, file: {repeats:?}; {:.1} s",
        written.len(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!(delivery.status("duty")["waiting"], 0);
    daemon.stop().await;
    instance.assert_sound();
}

async fn suspended(daemon: &Daemon, times: u64) -> Vec<u64> {
    let admin = daemon.settings("admin-1");
    let mut entries = Vec::new();
    for n in 0..times {
        entries.push(act(&admin, n % 2 == 0, "an exercise").await.expect("an act"));
    }
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_refuses_is_kept_apart_told_by_others_and_tried_again_when_asked() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let acts = suspended(&daemon, 3).await;
    let authority = Authority::foreign("receivers");
    let bad = acts[1];
    let (refuses, refusing) = watch::channel(true);
    let (hooked, mut told) = hook(&authority, move |event| {
        let refused = entry(event) == Some(bad) && *refusing.borrow();
        Some(if refused { StatusCode::BAD_REQUEST } else { StatusCode::OK })
    });
    // Somebody who takes connections and never answers.
    let (deaf, _) = hook(&authority, |_| None);
    let receivers = [
        webhook("duty", &hooked, ""),
        webhook("deaf", &deaf, ""),
        section("lines", "file", "path = \"alerts.jsonl\""),
    ];
    let delivery = Delivery::new(&instance, &daemon.address, &authority, &receivers.concat());
    let running = delivery.start(&[]);
    // Everybody else is told, the others of this receiver too.
    let file = instance.layout.root().join("alerts.jsonl");
    let mut events = Vec::new();
    let others: Vec<u64> = notices(&instance).into_iter().filter(|entry| *entry != bad).collect();
    all_of(&mut told, &mut events, &others).await;
    let parked = until_line(&file, |line| line["data"]["matter"] == "event_parked").await;
    assert_eq!((&parked["type"], &parked["severity"]), (&"delivery".into(), &"high".into()));
    assert_eq!(parked["data"]["receiver"], "duty");
    assert!(parked["data"]["id"].as_str().expect("an id").ends_with(&format!("-{bad}")));
    assert_eq!(delivery.status("duty")["parked"], 1);
    // The file is renamed away: the next line is in a new one.
    let away = instance.layout.root().join("alerts.1");
    fs::rename(&file, &away).expect("a file");
    let more = suspended(&daemon, 1).await;
    until_line(&file, |line| entry(line) == Some(more[0])).await;
    let all: BTreeSet<u64> = lines(&away).iter().chain(&lines(&file)).filter_map(entry).collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), notices(&instance));
    assert_eq!(delivery.status("lines")["waiting"], 0);
    // Two of one folder do not run together.
    let second = delivery.command(&[]).output().expect("the program starts");
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another"), "{second:?}");
    running.stop();
    refuses.send_replace(false);
    let running = delivery.start(&["--retry"]);
    all_of(&mut told, &mut events, &[bad]).await;
    running.stop();
    assert_eq!(delivery.status("duty")["parked"], 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_receiver_is_told_of_its_provider_from_its_gravity_on() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let authority = Authority::foreign("receivers");
    suspended(&daemon, 2).await;
    let receivers = [
        section("all", "file", "path = \"all.jsonl\""),
        section("grave", "file", "path = \"grave.jsonl\"\nat_least = \"high\""),
        section("other", "file", "path = \"other.jsonl\"\nprovider = \"provider-01\""),
    ];
    let delivery = Delivery::new(&instance, &daemon.address, &authority, &receivers.concat());
    let said = delivery.command(&["--check"]).output().expect("the program starts");
    assert!(said.status.success(), "{said:?}");
    let running = delivery.start(&[]);
    let root = instance.layout.root().to_owned();
    let last = notices(&instance).last().copied();
    until_line(&root.join("all.jsonl"), |line| entry(line) == last).await;
    running.stop();
    let of = |name: &str| lines(&root.join(name));
    assert!(of("all.jsonl").iter().any(|line| line["provider"] == "provider-03"));
    assert!(of("grave.jsonl").is_empty());
    assert!(of("other.jsonl").iter().all(|line| line["provider"] != "provider-03"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_is_another_is_denounced_to_every_receiver() {
    let instance = Instance::new();
    instance.serve().stop().await;
    let early = Aside::copy(&instance);
    let daemon = instance.serve();
    suspended(&daemon, 2).await;
    let authority = Authority::foreign("receivers");
    let (hooked, mut told) = hook(&authority, |_| Some(StatusCode::OK));
    let receivers =
        [webhook("duty", &hooked, ""), section("lines", "file", "path = \"alerts.jsonl\"")]
            .concat();
    let delivery = Delivery::new(&instance, &daemon.address, &authority, &receivers);
    let running = delivery.start(&[]);
    let mut events = Vec::new();
    all_of(&mut told, &mut events, &notices(&instance)).await;
    let file = instance.layout.root().join("alerts.jsonl");
    until_line(&file, |line| entry(line) == notices(&instance).last().copied()).await;
    running.stop();
    daemon.stop().await;

    early.put_back();
    let daemon = instance.serve();
    let delivery = Delivery::new(&instance, &daemon.address, &authority, &receivers);
    let said: Output = delivery.command(&[]).output().expect("the program starts");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let denounced = |event: &Value| event["data"]["matter"] == "ledger_denounced";
    assert_eq!(until_line(&file, denounced).await["severity"], "critical");
    let by_hook = async { while !denounced(&told.recv().await.expect("a receiver")) {} };
    tokio::time::timeout(LONG, by_hook).await.expect("the other is told too");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_silent_is_told_of_and_that_it_is_back() {
    let instance = Instance::new();
    lasting(&instance);
    let daemon = instance.serve();
    let authority = Authority::foreign("receivers");
    let receivers = section("lines", "file", "path = \"alerts.jsonl\"");
    let delivery = Delivery::new(&instance, &daemon.address, &authority, &receivers);
    let running = delivery.start(&[]);
    let acts = suspended(&daemon, 1).await;
    let file = instance.layout.root().join("alerts.jsonl");
    until_line(&file, |line| entry(line) == Some(acts[0])).await;
    daemon.kill();
    let silent = until_line(&file, |line| line["data"]["matter"] == "gateway_silent").await;
    assert_eq!(silent["severity"], "high");
    let daemon = instance.serve();
    until_line(&file, |line| line["data"]["matter"] == "gateway_back").await;
    running.stop();
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_gateway_does_not_let_follow_says_so_and_goes_on_when_it_is_let() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let authority = Authority::foreign("receivers");
    let receivers = section("lines", "file", "path = \"alerts.jsonl\"");
    let delivery = Delivery::new(&instance, &daemon.address, &authority, &receivers);
    let shown = |name: &str| {
        let ((from, key), (to, to_key)) =
            (instance.layout.client(name), instance.layout.client("security-soc"));
        (fs::read(from).expect("a file"), fs::read(key).expect("a file"), to, to_key)
    };
    let (good, good_key, certificate, key) = shown("security-soc");
    // A provider's, in its place.
    let (other, other_key, ..) = shown("provider-02");
    fs::write(&certificate, other).expect("a file");
    fs::write(&key, other_key).expect("a file");
    let running = delivery.start(&[]);
    let file = instance.layout.root().join("alerts.jsonl");
    until_line(&file, |line| line["data"]["matter"] == "following_refused").await;
    fs::write(&certificate, good).expect("a file");
    fs::write(&key, good_key).expect("a file");
    until_line(&file, |line| line["data"]["matter"] == "gateway_back").await;
    let acts = suspended(&daemon, 1).await;
    until_line(&file, |line| entry(line) == Some(acts[0])).await;
    running.stop();
    daemon.stop().await;
}
