//! The load: so many calls in flight, each replaced by the next as soon as it is answered.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use greffier::client::Records;
use greffier::proto::GetRecordRequest;
use tokio::task::JoinSet;

use crate::gauge::Failed;
use crate::stand::{Target, context};

const WARM_UP: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

/// Appends between two rounds whose `fdatasync` is timed.
const APPENDS: usize = 400;

/// What one round came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// Calls answered in a second.
    pub(crate) rate: f64,
    /// Half of the calls took at most this, microseconds.
    pub(crate) p50: f64,
    /// 99 of 100 did.
    pub(crate) p99: f64,
    /// CPU time of the server for one call, microseconds.
    pub(crate) cpu: f64,
    /// The first and the last entry that a reply named.
    pub(crate) entries: (u64, u64),
}

/// What one of the calls in flight saw while it was measured.
struct Seen {
    /// Nanoseconds.
    took: Vec<u64>,
    entries: (u64, u64),
}

/// Loads a server: a warm-up, then the measured time.
pub(crate) async fn round(
    target: &Target,
    in_flight: usize,
    measured: Duration,
) -> Result<Round, Failed> {
    let phase = Arc::new(AtomicU8::new(WARM_UP));
    let names: Arc<[String]> = target.names.as_slice().into();
    let mut callers = JoinSet::new();
    for n in 0..in_flight {
        let client = target.clients[n % target.clients.len()].clone();
        // Callers begin all over the roster.
        let first = n * names.len() / in_flight;
        callers.spawn(calls(client, names.clone(), first, phase.clone()));
    }
    tokio::time::sleep((measured / 4).max(Duration::from_millis(500))).await;
    let (began, cpu_before) = (Instant::now(), target.cpu()?);
    phase.store(MEASURED, Ordering::Relaxed);
    tokio::time::sleep(measured).await;
    phase.store(OVER, Ordering::Relaxed);
    let (lasted, cpu_after) = (began.elapsed(), target.cpu()?);

    let mut took = Vec::new();
    let mut entries = (u64::MAX, 0);
    for seen in callers.join_all().await {
        let seen = seen?;
        took.extend(seen.took);
        entries = (entries.0.min(seen.entries.0), entries.1.max(seen.entries.1));
    }
    if took.is_empty() {
        return Err("no call was answered in the measured time".into());
    }
    took.sort_unstable();
    let calls = took.len() as f64;
    let at = |share: f64| took[((calls * share) as usize).min(took.len() - 1)] as f64 / 1e3;
    Ok(Round {
        rate: calls / lasted.as_secs_f64(),
        p50: at(0.50),
        p99: at(0.99),
        cpu: (cpu_after - cpu_before).as_secs_f64() * 1e6 / calls,
        entries,
    })
}

/// One call after the other.
async fn calls(
    mut client: Records,
    names: Arc<[String]>,
    first: usize,
    phase: Arc<AtomicU8>,
) -> Result<Seen, Failed> {
    let mut seen = Seen { took: Vec::new(), entries: (u64::MAX, 0) };
    for name in names.iter().cycle().skip(first) {
        let request = GetRecordRequest { name: name.clone(), context: Some(context()) };
        let began = Instant::now();
        let reply = client.get_record(request).await?.into_inner();
        let took = began.elapsed();
        let (Some(_), Some(proof)) = (reply.record, reply.proof) else {
            return Err("a reply came without its record or its proof".into());
        };
        match phase.load(Ordering::Relaxed) {
            WARM_UP => {}
            MEASURED => {
                seen.took.push(u64::try_from(took.as_nanos())?);
                seen.entries = (seen.entries.0.min(proof.entry), seen.entries.1.max(proof.entry));
            }
            _ => break,
        }
    }
    Ok(seen)
}

/// Median time of one `fdatasync` after an append of 4 KiB, in microseconds, with nothing else
/// going on.
pub(crate) fn fdatasync(folder: &Path) -> Result<f64, Failed> {
    let path = folder.join("fdatasync");
    let mut file = File::create(&path)?;
    let mut took = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        file.write_all(&[0x5a; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(began.elapsed());
    }
    std::fs::remove_file(&path)?;
    took.sort_unstable();
    Ok(took[APPENDS / 2].as_secs_f64() * 1e6)
}
