//! What a crowd at the door costs those who want in: connections without a certificate, from so
//! many addresses, begin a handshake and leave it there, while staff and another provider come in
//! one after the other.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use greffier::client::Client;
use greffier::proto::GetCheckpointRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::gauge::Failed;
use crate::stand::Stand;

/// Connections that the crowd opens in a second.
const RATE: u32 = 400;
/// Tries of each who wants in.
const TRIES: usize = 20;
/// Between two of them: the crowd is there all the while.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the crowd gathers first.
const GATHER: Duration = Duration::from_secs(4);
/// How long one of them tries to get in before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Who wants in.
const COMERS: [&str; 2] = ["security-soc", "provider-03"];

/// Loopback addresses for the crowd, other than that of whoever wants in.
fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + n)
}

/// Begins a handshake from an address, and holds on until it is closed.
async fn linger(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect(to).await?;
    // The head of a TLS record of 512 bytes, which never come.
    stream.write_all(&[22, 3, 1, 2, 0]).await?;
    while stream.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}

/// A crowd from so many addresses, until it is dropped.
async fn crowd(addresses: u32, to: SocketAddr) {
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut all = JoinSet::new();
    for n in (0..addresses).cycle() {
        ticks.tick().await;
        all.spawn(linger(address(n), to));
        while all.try_join_next().is_some() {}
    }
}

/// How long each of them takes to get in: TCP, TLS, HTTP/2 and one call; none if not at all.
async fn come_in(stand: &Stand, name: &str) -> Vec<Option<Duration>> {
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let began = Instant::now();
        let into = async {
            let mut client = Client::connect(&stand.settings(name)).await?;
            client.ledger.get_checkpoint(GetCheckpointRequest {}).await?;
            Ok::<_, Failed>(())
        };
        let came = timeout(PATIENCE, into).await.is_ok_and(|came| came.is_ok());
        times.push(came.then(|| began.elapsed()));
        tokio::time::sleep(PAUSE).await;
    }
    times.sort_unstable_by_key(|time| time.unwrap_or(Duration::MAX));
    times
}

/// What one of them saw.
struct Seen {
    who: &'static str,
    median: Option<Duration>,
    worst: Option<Duration>,
    /// How many never got in.
    out: usize,
}

impl Seen {
    async fn of(stand: &Stand, who: &'static str) -> Seen {
        let times = come_in(stand, who).await;
        let out = times.iter().filter(|time| time.is_none()).count();
        Seen { who, median: times[TRIES / 2], worst: times[TRIES - 1], out }
    }

    fn text(&self) -> String {
        let ms = |time: Option<Duration>| match time {
            Some(time) => format!("{:8.1}", time.as_secs_f64() * 1e3),
            None => "   never".to_owned(),
        };
        let Seen { who, median, worst, out } = self;
        format!("  {who:<14}median{} worst{} ms, {out} of {TRIES} not", ms(*median), ms(*worst))
    }

    fn json(&self) -> Value {
        let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1e3);
        json!({
            "who": self.who, "median_ms": ms(self.median), "worst_ms": ms(self.worst),
            "not_in": self.out, "tries": TRIES,
        })
    }
}

async fn all(stand: &Stand) -> [Seen; 2] {
    let [staff, provider] = COMERS;
    tokio::join!(Seen::of(stand, staff), Seen::of(stand, provider)).into()
}

/// Measures without a crowd, and with one from each of these numbers of addresses.
pub(crate) async fn measure(stand: &Stand, crowds: &[u32]) -> Result<(String, Value), Failed> {
    let to: SocketAddr = stand.address().parse()?;
    let mut text = vec![format!("{RATE} connections a second that never shake hands")];
    let mut phases = Vec::new();
    for &addresses in [0].iter().chain(crowds) {
        let crowd = (addresses > 0).then(|| tokio::spawn(crowd(addresses, to)));
        if crowd.is_some() {
            tokio::time::sleep(GATHER).await;
        }
        let seen = all(stand).await;
        if let Some(crowd) = crowd {
            crowd.abort();
        }
        text.push(format!("from {addresses} addresses"));
        text.extend(seen.iter().map(Seen::text));
        let seen: Vec<Value> = seen.iter().map(Seen::json).collect();
        phases.push(json!({"addresses": addresses, "in": seen}));
    }
    Ok((text.join("\n"), json!({"rate": RATE, "phases": phases})))
}
