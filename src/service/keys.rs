//! Looks once a second whether an issuer has new keys, off the path of every call.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Shared;
use crate::admission::Word;
use crate::ledger::entry::{Hash, Matter, Warning};

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks for ever.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let terms = shared.rooms.policies.now().terms.clone();
        // A disk that does not answer keeps a thread waiting, and no call.
        let reloaded = tokio::task::spawn_blocking(move || terms.keyring.refresh());
        let Ok(reloaded) = tokio::time::timeout(PATIENCE, reloaded).await else {
            tracing::error!(
                "the key files of the issuers cannot be read: the disk does not answer"
            );
            continue;
        };
        for reloaded in reloaded.unwrap_or_default() {
            let issuer = reloaded.issuer;
            match reloaded.outcome {
                Ok((keys, digest)) => {
                    tracing::info!(%issuer, keys, "new keys of an issuer are in force");
                    record(&shared, issuer, keys, Hash(digest)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the keys that {issuer} had before stay in force");
                }
            }
        }
    }
}

/// Whoever watches must hear of new keys: by them anybody could be named.
async fn record(shared: &Shared, issuer: Word, keys: usize, digest: Hash) {
    let warning = Warning {
        matter: Matter::Keys,
        provider: None,
        dataset: None,
        role: None,
        id: Some(issuer),
        certificate: None,
        digest: Some(digest),
        observed: keys as u64,
        expected: 0,
    };
    if let Err(error) = shared.rooms.ledger.warn(warning).await {
        tracing::warn!(%error, "that an issuer has new keys could not be recorded");
    }
}
