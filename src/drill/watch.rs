//! Who watches: the security team's tail of alerts, shown as they come and kept by their numbers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::{Audience, DrillError, Happening};
use crate::client::tail::{Event, Tail, TailState};
use crate::client::{Client, ClientSettings};
use crate::format::checkpoint::VerifierKey;
use crate::proto::ListAlertsRequest;

/// How long to wait for the last of them.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was told.
#[derive(Clone, Debug, Default)]
struct Told {
    alerts: HashSet<u64>,
    ended: Option<String>,
}

/// The tail, followed by a task of its own.
pub(super) struct Watch {
    settings: ClientSettings,
    told: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to follow.
    pub(super) fn begin(
        settings: ClientSettings,
        key: VerifierKey,
        audience: Arc<dyn Audience>,
    ) -> Result<Watch, DrillError> {
        let mut tail =
            Tail::new(settings.clone(), key, TailState::default()).map_err(DrillError::gateway)?;
        let told: Arc<Mutex<Told>> = Arc::default();
        let keep = told.clone();
        let task = tokio::spawn(async move {
            loop {
                let event = tail.next().await;
                let mut told = keep.lock();
                match event {
                    Ok(Event::Alert(alert)) => {
                        told.alerts.insert(alert.entry);
                        audience.hear(&Happening::Alert(&alert));
                    }
                    Ok(_) => {}
                    Err(ended) => {
                        told.ended = Some(ended.to_string());
                        return;
                    }
                }
            }
        });
        Ok(Watch { settings, told, task })
    }

    /// Waits until every alert that there is was told, and returns their numbers.
    pub(super) async fn end(self) -> Result<HashSet<u64>, DrillError> {
        let mut client = Client::connect(&self.settings).await?;
        let mut all = HashSet::new();
        let mut request = ListAlertsRequest { page_size: 500, ..ListAlertsRequest::default() };
        loop {
            let page = client.alerts.list_alerts(request).await.map_err(DrillError::gateway)?;
            let page = page.into_inner();
            all.extend(page.alerts.iter().filter_map(|listed| Some(listed.alert.as_ref()?.entry)));
            request.after_entry = page.next_after_entry;
            if request.after_entry == 0 {
                break;
            }
        }
        let began = Instant::now();
        loop {
            let told = self.told.lock().clone();
            if let Some(ended) = told.ended {
                return Err(DrillError::Gateway(format!("the tail of alerts ended: {ended}")));
            }
            // Who was not told by then is missed in the account.
            if told.alerts.is_superset(&all) || began.elapsed() > PATIENCE {
                self.task.abort();
                return Ok(told.alerts);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
