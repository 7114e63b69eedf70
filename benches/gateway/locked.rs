//! What a lock on the records costs those who do not read them: staff are asked for all the while,
//! first with the records free, then with another program holding them, under a load of reads.

use std::time::{Duration, Instant};

use greffier::client::Client;
use greffier::proto::{Context, GetCheckpointRequest, GetRecordRequest, ListAlertsRequest, View};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::Code;

use crate::gauge::Failed;
use crate::stand::Stand;

/// Reads in flight.
const READS: usize = 64;
/// Between two calls of one member of staff, who may call 20 times a second.
const PAUSE: Duration = Duration::from_millis(100);

/// Latencies of calls, in order.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn of(mut times: Vec<Duration>) -> Latencies {
        times.sort_unstable();
        Latencies(times)
    }

    /// In milliseconds.
    fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share) as usize).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    fn text(&self) -> String {
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| self.at(share));
        format!("p50 {p50:8.2}  p99 {p99:8.2}  most {most:8.2} ms of {} calls", self.0.len())
    }

    fn json(&self) -> Value {
        json!({"calls": self.0.len(), "p50_ms": self.at(0.5), "p99_ms": self.at(0.99)})
    }
}

/// What happened in one phase.
struct Phase {
    name: &'static str,
    alerts: Latencies,
    checkpoints: Latencies,
    answered: Latencies,
    refused: Latencies,
}

async fn staff(stand: &Stand, name: &str, until: Instant) -> Result<Latencies, Failed> {
    let mut client = Client::connect(&stand.settings(name)).await?;
    let (mut times, mut pause) = (Vec::new(), tokio::time::interval(PAUSE));
    while Instant::now() < until {
        pause.tick().await;
        let began = Instant::now();
        match name {
            "auditor-1" => drop(client.ledger.get_checkpoint(GetCheckpointRequest {}).await?),
            _ => drop(client.alerts.list_alerts(ListAlertsRequest::default()).await?),
        }
        times.push(began.elapsed());
    }
    Ok(Latencies::of(times))
}

/// Reads one after the other; those that were answered, and those that were refused.
async fn reads(stand: &Stand, until: Instant) -> (Latencies, Latencies) {
    let target = &stand.gateway;
    let mut tasks = JoinSet::new();
    for n in 0..READS {
        let mut client = target.clients[n % target.clients.len()].clone();
        let names: Vec<String> = target.names.iter().skip(n).step_by(READS).cloned().collect();
        tasks.spawn(async move {
            let (mut answered, mut refused) = (Vec::new(), Vec::new());
            for name in names.into_iter().cycle() {
                let began = Instant::now();
                if began >= until {
                    break;
                }
                let context = Context {
                    purpose: "course_delivery".to_owned(),
                    case_reference: "CASE/2026-1".to_owned(),
                    view: View::Basic.into(),
                    ..Context::default()
                };
                let request = GetRecordRequest { name, context: Some(context) };
                match client.get_record(request).await {
                    Ok(_) => answered.push(began.elapsed()),
                    Err(status) => {
                        refused.push(began.elapsed());
                        if status.code() == Code::Unavailable {
                            // As a client that is told to come again later; sooner than it is told.
                            tokio::time::sleep(PAUSE).await;
                        }
                    }
                }
            }
            (answered, refused)
        });
    }
    let (answered, refused): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().unzip();
    (Latencies::of(answered.concat()), Latencies::of(refused.concat()))
}

impl Phase {
    async fn run(name: &'static str, stand: &Stand, seconds: Duration) -> Result<Phase, Failed> {
        let until = Instant::now() + seconds;
        let (alerts, checkpoints, (answered, refused)) = tokio::join!(
            staff(stand, "security-soc", until),
            staff(stand, "auditor-1", until),
            reads(stand, until)
        );
        Ok(Phase { name, alerts: alerts?, checkpoints: checkpoints?, answered, refused })
    }

    fn rows(&self) -> [(&'static str, &Latencies); 4] {
        [
            ("ListAlerts", &self.alerts),
            ("GetCheckpoint", &self.checkpoints),
            ("reads answered", &self.answered),
            ("reads refused", &self.refused),
        ]
    }
}

/// Measures, for so long with the records free and as long with them locked.
pub(crate) async fn measure(stand: &Stand, seconds: Duration) -> Result<(String, Value), Failed> {
    let free = Phase::run("free", stand, seconds).await?;
    let other = Connection::open(stand.layout.source())?;
    other.execute_batch("BEGIN EXCLUSIVE")?;
    let locked = Phase::run("locked", stand, seconds).await?;
    other.execute_batch("ROLLBACK")?;
    let (mut text, mut phases) = (Vec::new(), Vec::new());
    for phase in [free, locked] {
        text.push(format!(
            "records {} for {} s, {READS} reads in flight",
            phase.name,
            seconds.as_secs()
        ));
        text.extend(phase.rows().map(|(name, times)| format!("  {name:<16}{}", times.text())));
        let rows = phase.rows().map(|(name, times)| (name.to_owned(), times.json()));
        let rows: serde_json::Map<String, Value> = rows.into_iter().collect();
        phases.push(json!({"records": phase.name, "calls": rows}));
    }
    Ok((text.join("\n"), json!({"seconds": seconds.as_secs(), "phases": phases})))
}
