//! Pages of a roster and exports under a job, by rows: the gateway against the plain service that
//! sends the same rows, in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greffier::client::{Client, Records};
use greffier::format::entry::{Deed, JobTerms, Nonce, Statement};
use greffier::format::personal::PersonalKey;
use greffier::format::signer::random;
use greffier::proto::{ExportRecordsRequest, ListRecordsRequest};
use greffier::registrar::wall;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::gauge::{Failed, Spread};
use crate::stand::{PAGE, PROVIDER, Stand, Target, context};

const DAY: u64 = 86_400_000;
const WARM_UP: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

/// How rows are asked for.
#[derive(Clone, Copy)]
enum Way {
    List,
    /// Under this job.
    Export(u64),
}

/// A quantity of a round, and what it is called.
type Quantity = (&'static str, fn(&Round) -> f64);

/// What one round came to: rows in a second, and CPU time of the server for one, microseconds.
#[derive(Clone, Copy)]
struct Round {
    rate: f64,
    cpu: f64,
}

/// Measures one level, lists and then exports: the text, and the same as JSON.
pub(crate) async fn measure(
    stand: &Stand,
    (at_once, pairs): (usize, usize),
    seconds: Duration,
) -> Result<(String, Value), Failed> {
    let job = job(stand).await?;
    let mut lines = vec![format!(
        "{:<32}{:<32}{:<32}{}",
        format!("{at_once} at once"),
        "plain",
        "gateway",
        "gateway / plain, by pairs"
    )];
    let mut ways = Vec::new();
    for (name, way) in [("pages of 500", Way::List), ("an export", Way::Export(job))] {
        let mut rounds = Vec::new();
        for _ in 0..pairs {
            let plain = round(&stand.plain, way, at_once, seconds).await?;
            rounds.push((plain, round(&stand.gateway, way, at_once, seconds).await?));
        }
        let figures: [Quantity; 2] =
            [("rows a second", |round| round.rate), ("CPU, us a row", |round| round.cpu)];
        let mut way = json!({"way": name});
        for (words, of) in figures {
            let plain = Spread::of(rounds.iter().map(|pair| of(&pair.0)));
            let gateway = Spread::of(rounds.iter().map(|pair| of(&pair.1)));
            let ratio = Spread::of(rounds.iter().map(|pair| of(&pair.1) / of(&pair.0)));
            let title = format!("{name}, {words}");
            lines.push(format!("  {title:<30}{plain:<32}{gateway:<32}{ratio}"));
            way[words] = json!({
                "plain": plain.json(), "gateway": gateway.json(), "ratio": ratio.json(),
            });
        }
        ways.push(way);
    }
    Ok((lines.join("\n"), json!({"at_once": at_once, "ways": ways})))
}

/// An approved job that no round uses up.
async fn job(stand: &Stand) -> Result<u64, Failed> {
    let mut admins = [
        (Client::connect(&stand.settings("admin-1")).await?, "admin-1"),
        (Client::connect(&stand.settings("admin-2")).await?, "admin-2"),
    ];
    let origin = admins[0].0.origin().await?;
    let now = wall();
    let terms = JobTerms {
        purpose: "course_delivery".into(),
        view: "BASIC".into(),
        rows: 1 << 40,
        from: now - 1,
        until: now + DAY,
    };
    let mut declared = None;
    for (admin, name) in &mut admins {
        let (provider, dataset, job) = (PROVIDER.into(), "cir".into(), terms.clone());
        let deed = match declared {
            None => Deed::DeclareJob { provider, dataset, job },
            Some(declared) => Deed::ApproveJob { declared },
        };
        let (reason, nonce, expires) =
            ("a benchmark".to_owned(), Nonce(random()?), wall() + DAY / 24);
        let text = Statement { deed, reason, nonce, expires }.encode(&origin)?;
        let key = PersonalKey::read(&stand.layout.personal_key(name))?;
        let signature = key.sign(&(*name).into(), &text);
        let act = admin.submit(text, &[signature]).await?;
        declared = declared.or(Some(act.entry));
    }
    declared.ok_or_else(|| "no job was declared".into())
}

async fn round(
    target: &Target,
    way: Way,
    at_once: usize,
    measured: Duration,
) -> Result<Round, Failed> {
    let (phase, rows) = (Arc::new(AtomicU8::new(WARM_UP)), Arc::new(AtomicU64::new(0)));
    let mut readers = JoinSet::new();
    for n in 0..at_once {
        let client = target.clients[n % target.clients.len()].clone();
        readers.spawn(read(client, way, phase.clone(), rows.clone()));
    }
    tokio::time::sleep((measured / 4).max(Duration::from_millis(500))).await;
    let (began, cpu_before) = (Instant::now(), target.cpu()?);
    phase.store(MEASURED, Ordering::Relaxed);
    tokio::time::sleep(measured).await;
    phase.store(OVER, Ordering::Relaxed);
    let (lasted, cpu_after) = (began.elapsed(), target.cpu()?);
    for ended in readers.join_all().await {
        ended?;
    }
    let rows = rows.load(Ordering::Relaxed) as f64;
    if rows == 0.0 {
        return Err("no page came in the measured time".into());
    }
    let cpu = (cpu_after - cpu_before).as_secs_f64() * 1e6 / rows;
    Ok(Round { rate: rows / lasted.as_secs_f64(), cpu })
}

/// The roster again and again; the rows that came while it is measured are counted. Whether to go
/// on.
async fn read(
    mut client: Records,
    way: Way,
    phase: Arc<AtomicU8>,
    rows: Arc<AtomicU64>,
) -> Result<(), Failed> {
    let came = |records: usize| match phase.load(Ordering::Relaxed) {
        WARM_UP => true,
        MEASURED => {
            rows.fetch_add(records as u64, Ordering::Relaxed);
            true
        }
        _ => false,
    };
    let (parent, mut page_token) = ("datasets/cir".to_owned(), String::new());
    loop {
        let (parent, context, page_size) = (parent.clone(), Some(context()), PAGE);
        match way {
            Way::List => {
                let request = ListRecordsRequest { parent, context, page_size, page_token };
                let page = client.list_records(request).await?.into_inner();
                page_token = page.next_page_token;
                if !came(page.records.len()) {
                    return Ok(());
                }
            }
            Way::Export(job) => {
                let request = ExportRecordsRequest { parent, context, job, page_size, page_token };
                let mut pages = client.export_records(request).await?.into_inner();
                page_token = String::new();
                while let Some(page) = pages.message().await? {
                    if !came(page.records.len()) {
                        return Ok(());
                    }
                }
            }
        }
    }
}
