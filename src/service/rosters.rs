//! Keeps watch over the rosters: each is an entry once a day and at every change, so that nobody
//! can put persons on one, read them, and take them off again unseen.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Shared;
use super::tasks::patiently;
use crate::ledger::entry::day;
use crate::source::rosters::{Found, Rosters};

/// Between two looks, and
const PAUSE: Duration = Duration::from_secs(2);
/// ... at most, after looks that failed.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a look may take before it is told of: it may read every roster.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rosters of the policy in force, from the first look on that works.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Option<Rosters>>>);

/// Looks again and again.
pub(super) async fn keep(watch: Watch, shared: Arc<Shared>) -> Infallible {
    let mut pause = PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = if watch.look(&shared).await { PAUSE } else { (2 * pause).min(LONGEST) };
    }
}

impl Watch {
    /// Records what is found; says whether it could look. A look may take a while, so it has a thread
    /// of its own.
    pub(super) async fn look(&self, shared: &Shared) -> bool {
        let today = day(shared.rooms.ledger.now().at);
        let (policy, watch) = (shared.rooms.policies.now(), self.clone());
        let looked = patiently("the rosters", PATIENCE, move || {
            let mut held = watch.rosters();
            let rosters = held.get_or_insert_with(|| policy.source.rosters());
            rosters.look(&policy.source, &policy.terms, today)
        });
        let found: Vec<Found> = match looked.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::error!(%error, "the rosters cannot be watched: looking again soon");
                return false;
            }
            Err(error) => {
                tracing::error!(%error, "the rosters cannot be watched: looking again soon");
                return false;
            }
        };
        for one in found {
            let recorded = shared.rooms.ledger.roster(one.roster.clone()).await;
            let mut held = self.rosters();
            let Some(rosters) = &mut *held else { break };
            match recorded {
                Ok(_) => rosters.recorded(one),
                Err(error) => {
                    tracing::warn!(%error, "a roster cannot be recorded: looking again soon");
                    rosters.look_again();
                }
            }
        }
        true
    }

    fn rosters(&self) -> MutexGuard<'_, Option<Rosters>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
