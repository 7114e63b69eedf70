//! Keeps watch over the rosters: each is an entry once a day and at every change, so that nobody
//! can put persons on one, read them, and take them off again unseen.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::format::entry::day;
use crate::service::Shared;
use crate::service::tasks::patiently;
use crate::source::rosters::Rosters;

/// Time between two looks at the rosters.
const PAUSE: Duration = Duration::from_secs(2);
/// Most time between two looks, after some that failed.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a look may take before it is told of: it may read every roster.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rosters of the policy in force, from the first look on that works.
#[derive(Clone, Default)]
pub(in crate::service) struct Watch(Arc<Mutex<Option<Rosters>>>);

/// Looks at the rosters again and again, for ever.
pub(in crate::service) async fn keep(watch: Watch, shared: Arc<Shared>) -> Infallible {
    let (mut pause, mut told) = (PAUSE, None);
    loop {
        tokio::time::sleep(pause).await;
        let why = watch.look(&shared).await.err();
        pause = if why.is_none() { PAUSE } else { (2 * pause).min(LONGEST) };
        if told != why {
            match &why {
                Some(why) => tracing::error!("{why}: looking again, and telling when it works"),
                None => tracing::info!("the rosters can be watched and recorded again"),
            }
            told = why;
        }
    }
}

impl Watch {
    /// Records what is found. A look may take a while, so it has a thread of its own.
    ///
    /// # Errors
    /// Why one or all of them could not be looked at or recorded, as a sentence.
    pub(in crate::service) async fn look(&self, shared: &Shared) -> Result<(), String> {
        let today = day(shared.rooms.ledger.now().at);
        let (policy, watch) = (shared.rooms.policies.now(), self.clone());
        let looked = patiently("the rosters", PATIENCE, move || {
            let mut held = watch.0.lock();
            let rosters = held.get_or_insert_with(|| policy.source.rosters());
            rosters.look(&policy.source, &policy.terms, today)
        });
        let cannot = |error: &dyn fmt::Display| format!("the rosters cannot be watched: {error}");
        let found =
            looked.await.map_err(|error| cannot(&error))?.map_err(|error| cannot(&error))?;
        let mut failed = None;
        for one in found {
            let recorded = shared.rooms.ledger.roster(one.roster.clone()).await;
            let mut held = self.0.lock();
            let Some(rosters) = &mut *held else { break };
            match recorded {
                Ok(_) => rosters.recorded(one),
                Err(error) => {
                    failed = Some(format!("a roster cannot be recorded: {error}"));
                    rosters.look_again();
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
