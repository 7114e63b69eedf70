//! What an attack from one provider costs the others: the gateway under a small load of one
//! provider, before, while and after another one's certificate is used to flood it. The attacker is
//! a process of its own, at the lowest priority, and comes from another address of this machine; it
//! shares the CPUs all the same, so what it spends counts against the gateway here.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use greffier::instance::Layout;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::gauge::{Failed, Spread, cpu, figure};
use crate::load::{Round, round};
use crate::stand::Stand;

/// The hidden argument that makes this program the attacker.
pub(crate) const AS_ATTACKER: &str = "--as-attacker";
/// Whose certificate it has; nobody else reads as it.
const ATTACKER: &str = "provider-01";
/// Where it comes from.
const FROM: &str = "127.0.0.2:0";
/// Streams that it opens on one connection.
const A_CONNECTION: usize = 100;
/// Calls of the other provider in flight.
const IN_FLIGHT: usize = 16;
/// After something of the attacker's has been cut, until it is there again.
const AGAIN: Duration = Duration::from_secs(2);
/// The attack is under way before anything is measured.
const UNDER_WAY: Duration = Duration::from_secs(3);

/// What the attacker does.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Attack {
    /// Connections without a word.
    HalfOpen,
    /// Calls whose requests come byte by byte.
    Slow,
    /// Calls that are reset as soon as they are made.
    Reset,
}

/// The attacker's process; ended when dropped.
struct Attacker(Child);

impl Attacker {
    fn start(stand: &Stand, attack: Attack, count: usize) -> Result<Attacker, Failed> {
        let name = attack.to_possible_value().ok_or("an attack has a name")?;
        let mut child = Command::new("nice")
            .args(["-n", "19"])
            .arg(std::env::current_exe()?)
            .arg(AS_ATTACKER)
            .args([stand.disk().as_os_str(), stand.address().as_ref()])
            .args([name.get_name(), &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = [0];
        if let Some(out) = &mut child.stdout {
            out.read_exact(&mut ready)?;
        }
        Ok(Attacker(child))
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Rounds of one kind, and the most memory that the gateway had in them.
struct Phase {
    name: &'static str,
    rounds: Vec<Round>,
    /// MiB.
    peak: f64,
}

impl Phase {
    async fn run(
        name: &'static str,
        stand: &Stand,
        rounds: usize,
        seconds: Duration,
    ) -> Result<Phase, Failed> {
        let pid = stand.gateway.pid();
        reset_peak(pid)?;
        let mut phase = Phase { name, rounds: Vec::new(), peak: 0.0 };
        for _ in 0..rounds {
            phase.rounds.push(round(&stand.gateway, IN_FLIGHT, seconds).await?);
        }
        phase.peak = peak(pid)? as f64 / f64::from(1 << 20);
        Ok(phase)
    }

    fn spread(&self, of: fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }
}

/// The most memory that a process has had since [`reset_peak`], in bytes.
fn peak(pid: u32) -> Result<u64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kilobytes.ok_or("no VmHWM")?.parse::<u64>()? << 10)
}

/// From now on the most memory is what there is now, or becomes.
fn reset_peak(pid: u32) -> Result<(), Failed> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// Measures all three attacks; prints them, or returns them as JSON.
pub(crate) async fn measure(
    stand: &Stand,
    count: usize,
    rounds: usize,
    seconds: Duration,
) -> Result<(String, Value), Failed> {
    let mut lines = Vec::new();
    let mut attacks = Vec::new();
    for &attack in Attack::value_variants() {
        let before = Phase::run("without", stand, rounds, seconds).await?;
        let attacker = Attacker::start(stand, attack, count)?;
        tokio::time::sleep(UNDER_WAY).await;
        let spent = cpu(attacker.0.id())?;
        let with = Phase::run("with", stand, rounds, seconds).await?;
        let spent = cpu(attacker.0.id())? - spent;
        drop(attacker);
        tokio::time::sleep(UNDER_WAY).await;
        let after = Phase::run("without", stand, rounds, seconds).await?;

        let p99 = |phase: &Phase| phase.spread(|round| round.p99).median;
        let ratio = p99(&with) / f64::midpoint(p99(&before), p99(&after));
        lines.push(format!(
            "{attack:?}, {count} of them: p99 with it is {ratio:.2} of p99 without; the attacker \
             spent {:.1} s of CPU meanwhile",
            spent.as_secs_f64()
        ));
        lines.push(format!(
            "  {:<10}{:<28}{:<28}{:<28}{}",
            "", "calls a second", "p50, us", "p99, us", "peak memory, MiB"
        ));
        let mut phases = Vec::new();
        for phase in [&before, &with, &after] {
            let (rate, p50) = (phase.spread(|r| r.rate), phase.spread(|r| r.p50));
            let p99 = phase.spread(|r| r.p99);
            let memory = figure(phase.peak);
            lines.push(format!("  {:<10}{rate:<28}{p50:<28}{p99:<28}{memory}", phase.name));
            phases.push(json!({
                "phase": phase.name, "rate": rate.json(), "p50_us": p50.json(),
                "p99_us": p99.json(), "peak_mib": phase.peak,
            }));
        }
        attacks.push(json!({
            "attack": format!("{attack:?}"), "ratio": ratio, "attacker_cpu_s": spent.as_secs_f64(),
            "phases": phases,
        }));
    }
    Ok((lines.join("\n"), json!({"in_flight": IN_FLIGHT, "count": count, "attacks": attacks})))
}

/// The attacker, until it is ended.
pub(crate) fn attack(arguments: &[String]) -> Result<(), Failed> {
    let [folder, address, attack, count] = arguments else {
        return Err(
            "an attacker is told the instance, the address, what to do and how often".into()
        );
    };
    let attack = Attack::from_str(attack, false)?;
    let (layout, count) = (Layout::new(Path::new(folder)), count.parse::<usize>()?);
    let enemy = Arc::new(Enemy { tls: tls(&layout)?, address: address.clone() });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        let connections = match attack {
            Attack::HalfOpen => count,
            Attack::Slow | Attack::Reset => count.div_ceil(A_CONNECTION),
        };
        for _ in 0..connections {
            let enemy = enemy.clone();
            tasks.spawn(async move {
                loop {
                    // Whatever the gateway does about it, it comes again.
                    let _ = match attack {
                        Attack::HalfOpen => enemy.half_open().await,
                        Attack::Slow => enemy.slow().await,
                        Attack::Reset => enemy.reset().await,
                    };
                    tokio::time::sleep(AGAIN).await;
                }
            });
        }
        std::io::stdout().write_all(b".")?;
        std::io::stdout().flush()?;
        while tasks.join_next().await.is_some() {}
        Ok(())
    })
}

struct Enemy {
    tls: TlsConnector,
    address: String,
}

impl Enemy {
    async fn connect(&self) -> Result<TcpStream, Failed> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(FROM.parse()?)?;
        Ok(socket.connect(self.address.parse()?).await?)
    }

    async fn half_open(&self) -> Result<(), Failed> {
        self.connect().await?.read_exact(&mut [0]).await?;
        Ok(())
    }

    async fn http(&self) -> Result<SendRequest<Bytes>, Failed> {
        let name = ServerName::try_from("localhost")?;
        let stream = self.tls.connect(name, self.connect().await?).await?;
        let (send, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(send)
    }

    async fn slow(&self) -> Result<(), Failed> {
        let send = self.http().await?;
        let mut streams = JoinSet::new();
        for _ in 0..A_CONNECTION {
            let send = send.clone();
            streams.spawn(async move {
                let (mut response, mut stream) =
                    send.ready().await?.send_request(request()?, false)?;
                loop {
                    tokio::select! {
                        answered = &mut response => {
                            answered?;
                            return Ok::<(), Failed>(());
                        }
                        () = tokio::time::sleep(Duration::from_secs(1)) => {
                            stream.send_data(Bytes::from_static(b"\0"), false)?;
                        }
                    }
                }
            });
        }
        while streams.join_next().await.is_some() {}
        Ok(())
    }

    async fn reset(&self) -> Result<(), Failed> {
        let mut send = self.http().await?;
        loop {
            send = send.ready().await?;
            let (_, mut stream) = send.send_request(request()?, false)?;
            stream.send_reset(h2::Reason::CANCEL);
            tokio::task::yield_now().await;
        }
    }
}

fn request() -> Result<Request<()>, Failed> {
    let request = Request::post("https://localhost/greffier.v1.Records/ListRecords");
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    Ok(request.body(())?)
}

fn tls(layout: &Layout) -> Result<TlsConnector, Failed> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(layout.ca())?)?;
    let (certificate, key): (PathBuf, PathBuf) = layout.client(ATTACKER);
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
