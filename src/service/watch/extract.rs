//! Keeps watch over the records as a whole: what is wrong with them is logged and counted, and the
//! health service says of each dataset whether it can be read from.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::admission::Word;
use crate::proto::records_server::SERVICE_NAME as RECORDS;
use crate::service::Shared;
use crate::service::tasks::patiently;
use crate::source::extract::Extract;
use crate::source::sqlite::{DataFinding, FindingEffect, Progress};

/// Time between two looks for a cause to look at everything.
const PAUSE: Duration = Duration::from_secs(2);
/// Time between two such looks after one that failed.
const LONGER: Duration = Duration::from_secs(30);
/// How long a look may take before it is told of: it may read every record, and rests half of the
/// time.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// Findings that are logged one by one.
const TOLD: usize = 100;

/// What the health service calls a dataset.
fn name(dataset: &str) -> String {
    format!("{RECORDS}/{dataset}")
}

/// What was said of the datasets, so that only what changes is said again.
#[derive(Default)]
pub(in crate::service) struct DatasetsTold(BTreeMap<Word, bool>);

impl DatasetsTold {
    /// Says of each dataset of the policy in force whether it can be read from.
    async fn say(&mut self, shared: &Shared, health: &mut HealthReporter) {
        if *shared.stopping.borrow() {
            return;
        }
        let standings = shared.rooms.policies.now().source.standings();
        let now = standings.into_iter().map(|s| (s.dataset.clone(), !s.stopped()));
        let now: BTreeMap<Word, bool> = now.collect();
        for (dataset, stands) in
            now.iter().filter(|(name, stands)| self.0.get(*name) != Some(stands))
        {
            let status = if *stands { ServingStatus::Serving } else { ServingStatus::NotServing };
            health.set_service_status(name(dataset), status).await;
        }
        for gone in self.0.keys().filter(|gone| !now.contains_key(*gone)) {
            health.clear_service_status(&name(gone)).await;
        }
        self.0 = now;
    }
}

/// Says nothing of any dataset any more: who watches has been told, and must not keep the drain
/// waiting.
pub(in crate::service) async fn clear(shared: &Shared, health: &mut HealthReporter) {
    for standing in shared.rooms.policies.now().source.standings() {
        let name = name(&standing.dataset);
        health.set_service_status(&*name, ServingStatus::NotServing).await;
        health.clear_service_status(&name).await;
    }
}

/// Looks at the records as a whole again and again, for ever.
pub(in crate::service) async fn keep(
    shared: Arc<Shared>,
    mut health: HealthReporter,
) -> Infallible {
    let (mut extract, mut said) = (Extract::default(), DatasetsTold::default());
    loop {
        said.say(&shared, &mut health).await;
        let (policy, stopping) = (shared.rooms.policies.now(), shared.stopping.subscribe());
        let looked = patiently("the records as a whole", PATIENCE, move || {
            let mut began = Instant::now();
            let mut go_on = |_: Progress| {
                // Half of the time is for those who read.
                std::thread::sleep(began.elapsed());
                began = Instant::now();
                if *stopping.borrow() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let found = extract.look(&policy.source, &policy.terms, &mut go_on);
            (extract, found)
        });
        let pause = match looked.await {
            Ok((again, Ok(found))) => {
                extract = again;
                if let Some(found) = found {
                    tell(&found);
                    said.say(&shared, &mut health).await;
                }
                PAUSE
            }
            Ok((again, Err(error))) => {
                extract = again;
                tracing::warn!(%error, "the records cannot be looked at: looking again soon");
                LONGER
            }
            Err(error) => {
                extract = Extract::default();
                tracing::error!(%error, "the records could not be looked at");
                LONGER
            }
        };
        tokio::time::sleep(pause).await;
    }
}

fn tell(found: &[DataFinding]) {
    for finding in found.iter().take(TOLD) {
        match finding.weight {
            FindingEffect::Told => tracing::warn!("records: {finding}"),
            _ => tracing::error!("records: {finding}"),
        }
    }
    tracing::info!(findings = found.len(), "the records were looked at as a whole");
}
