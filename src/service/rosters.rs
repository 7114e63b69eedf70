//! Keeps watch over the rosters: each is an entry once a day and at every change, so that nobody
//! can put persons on one, read them, and take them off again unseen.

use std::time::Duration;

use super::Shared;
use crate::ledger::day;
use crate::source::rosters::Rosters;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// The rosters of the policy in force, after the first look; nothing is served before it.
pub(super) async fn begin(shared: &Shared) -> Option<Rosters> {
    let policy = shared.rooms.policies.now();
    match policy.source.rosters(&policy.terms) {
        Ok(rosters) => look(rosters, shared).await,
        Err(error) => {
            tracing::error!(%error, "the rosters cannot be watched");
            None
        }
    }
}

/// Looks again and again.
pub(super) async fn keep(mut rosters: Rosters, shared: &Shared) {
    loop {
        tokio::time::sleep(PAUSE).await;
        match look(rosters, shared).await {
            Some(again) => rosters = again,
            None => return,
        }
    }
}

/// Records what is found. A look may take a while, so it has a thread of its own.
async fn look(mut rosters: Rosters, shared: &Shared) -> Option<Rosters> {
    let today = day(shared.rooms.ledger.now().at);
    let policy = shared.rooms.policies.now();
    if let Err(error) = rosters.of(&policy.source, &policy.terms) {
        tracing::error!(%error, "the rosters cannot be watched: looking again soon");
        return Some(rosters);
    }
    let looked = tokio::task::spawn_blocking(move || {
        let found = rosters.look(today);
        (rosters, found)
    });
    // It ends without a result only if it panicked or the runtime is gone.
    let (mut rosters, found) = looked.await.ok()?;
    let found = found.unwrap_or_else(|error| {
        tracing::warn!(%error, "the rosters cannot be read: looking again soon");
        Vec::new()
    });
    for one in found {
        match shared.rooms.ledger.roster(one.roster.clone()).await {
            Ok(_) => rosters.recorded(one),
            Err(error) => {
                tracing::warn!(%error, "a roster cannot be recorded: looking again soon");
                rosters.look_again();
            }
        }
    }
    Some(rosters)
}
