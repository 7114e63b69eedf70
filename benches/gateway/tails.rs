//! What tails cost: the gateway under load without any, with a thousand, and without again. All the
//! while an administrator suspends and reinstates another provider twice a second, so that every
//! tail is woken and has something to carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use greffier::client::Client;
use greffier::format::entry::{Deed, Nonce, Statement, Whom};
use greffier::format::personal::PersonalKey;
use greffier::format::signer::random;
use greffier::proto::TailAlertsRequest;
use greffier::proto::tail_alerts_response::Event;
use greffier::registrar::wall;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};

use crate::gauge::{Failed, Spread};
use crate::load::{Round, round};
use crate::stand::Stand;

/// Streams on one connection: a gateway allows 256.
const A_CONNECTION: usize = 200;
/// Between two acts.
const PAUSE: Duration = Duration::from_millis(500);
/// The provider that acts are about; nobody reads as it.
const OTHER: &str = "provider-01";

/// Tails that are open, and what has come over them.
struct Tails {
    tasks: JoinSet<()>,
    acts: Arc<AtomicU64>,
}

impl Tails {
    /// Opens so many, as fast as the gateway lets one certificate call.
    async fn open(stand: &Stand, count: usize) -> Result<Tails, Failed> {
        let mut tails = Tails { tasks: JoinSet::new(), acts: Arc::default() };
        let settings = stand.settings("security-soc");
        let mut client = Client::connect(&settings).await?.alerts;
        for n in 0..count {
            if n % A_CONNECTION == 0 {
                client = Client::connect(&settings).await?.alerts;
            }
            let mut events = loop {
                // Only what comes from now on: behind the last entry that there can be.
                let request = TailAlertsRequest { after_entry: stand.newest().await? };
                match client.tail_alerts(request).await {
                    Ok(events) => break events.into_inner(),
                    Err(status) if status.code() == tonic::Code::ResourceExhausted => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    Err(status) => return Err(status.into()),
                }
            };
            let acts = tails.acts.clone();
            tails.tasks.spawn(async move {
                while let Ok(Some(message)) = events.message().await {
                    let act = matches!(message.event, Some(Event::Act(_)));
                    acts.fetch_add(u64::from(act), Ordering::Relaxed);
                }
            });
        }
        Ok(tails)
    }
}

/// Acts that go on until this is dropped; how many there were.
struct Acts(JoinHandle<()>, Arc<AtomicU64>);

impl Acts {
    async fn begin(stand: &Stand) -> Result<Acts, Failed> {
        let mut admin = Client::connect(&stand.settings("admin-1")).await?;
        let key = PersonalKey::read(&stand.layout.personal_key("admin-1"))?;
        let origin = admin.origin().await?;
        let done = Arc::new(AtomicU64::new(0));
        let count = done.clone();
        let act = async move {
            let mut pause = tokio::time::interval(PAUSE);
            loop {
                pause.tick().await;
                let deeds: [fn(Whom) -> Deed; 2] = [Deed::Suspend, Deed::Reinstate];
                for deed in deeds {
                    let Ok(nonce) = random() else { return };
                    let expires = wall() + 60_000;
                    let deed = deed(Whom { provider: OTHER.into(), agent: None });
                    let (reason, nonce) = ("a benchmark".to_owned(), Nonce(nonce));
                    let statement = Statement { deed, reason, nonce, expires };
                    let Ok(text) = statement.encode(&origin) else { return };
                    let signature = key.sign(&"admin-1".into(), &text);
                    let written = admin.submit(text, &[signature]).await;
                    count.fetch_add(u64::from(written.is_ok()), Ordering::Relaxed);
                }
            }
        };
        Ok(Acts(tokio::spawn(act), done))
    }
}

impl Drop for Acts {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Rounds of one kind.
struct Phase {
    name: &'static str,
    rounds: Vec<Round>,
}

impl Phase {
    async fn run(
        name: &'static str,
        stand: &Stand,
        (in_flight, rounds): (usize, usize),
        seconds: Duration,
    ) -> Result<Phase, Failed> {
        let mut phase = Phase { name, rounds: Vec::new() };
        for _ in 0..rounds {
            phase.rounds.push(round(&stand.gateway, in_flight, seconds).await?);
        }
        Ok(phase)
    }

    fn spread(&self, of: fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }
}

/// Measures one level; prints it, or returns it as JSON.
pub(crate) async fn measure(
    stand: &Stand,
    count: usize,
    load: (usize, usize),
    seconds: Duration,
) -> Result<(String, Value), Failed> {
    let acts = Acts::begin(stand).await?;
    let before = Phase::run("no tail", stand, load, seconds).await?;
    let tails = Tails::open(stand, count).await?;
    let said = acts.1.load(Ordering::Relaxed);
    let with = Phase::run("with tails", stand, load, seconds).await?;
    let said = acts.1.load(Ordering::Relaxed) - said;
    let heard = tails.acts.load(Ordering::Relaxed);
    let open = tails.tasks.len();
    drop(tails);
    let after = Phase::run("no tail again", stand, load, seconds).await?;
    let mut lines = vec![format!(
        "{} calls in flight, {open} tails of {count}; {said} acts while they were measured, \
         {heard} carried in all",
        load.0
    )];
    lines.push(format!("{:<16}{:<28}{:<28}{}", "", "calls a second", "p99, us", "CPU, us a call"));
    let mut phases = Vec::new();
    for phase in [&before, &with, &after] {
        let (rate, p99) = (phase.spread(|r| r.rate), phase.spread(|r| r.p99));
        let cpu = phase.spread(|r| r.cpu);
        lines.push(format!("  {:<14}{rate:<28}{p99:<28}{cpu}", phase.name));
        phases.push(json!({
            "phase": phase.name, "rate": rate.json(), "p99_us": p99.json(), "cpu_us": cpu.json(),
        }));
    }
    let json = json!({"in_flight": load.0, "tails": open, "acts": said, "phases": phases});
    Ok((lines.join("\n"), json))
}
