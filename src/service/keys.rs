//! Looks once a second whether an issuer has new keys, off the path of every call.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Shared;

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for ever.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let terms = shared.rooms.policies.now().terms.clone();
        // A disk that does not answer keeps a thread waiting, and no call.
        let reloaded = tokio::task::spawn_blocking(move || terms.keyring.refresh()).await;
        for reloaded in reloaded.unwrap_or_default() {
            let issuer = reloaded.issuer;
            match reloaded.outcome {
                Ok(keys) => tracing::info!(%issuer, keys, "new keys of an issuer are in force"),
                Err(error) => {
                    tracing::error!(%error, "the keys that {issuer} had before stay in force");
                }
            }
        }
    }
}
