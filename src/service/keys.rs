//! Looks once a second whether an issuer has new keys, off the path of every call.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use tokio::time::MissedTickBehavior;

use super::Shared;
use super::tasks::attempt_blocking;
use crate::admission::{Terms, Word};
use crate::ledger::entry::{Hash, Matter, Warning};

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks for ever.
pub(super) async fn keep(shared: Arc<Shared>) -> Infallible {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let terms = shared.rooms.policies.now().terms.clone();
        let issuers: Vec<Word> = terms.keyring.issuers().cloned().collect();
        // Each by itself: what is wrong with one file leaves the others watched.
        join_all(issuers.into_iter().map(|issuer| look(&shared, &terms, issuer))).await;
    }
}

/// Looks at the keys of one issuer.
async fn look(shared: &Shared, terms: &Arc<Terms>, issuer: Word) {
    let (terms, name) = (terms.clone(), issuer.clone());
    // A disk that does not answer keeps a thread waiting, and no call.
    let reloaded = attempt_blocking(move || terms.keyring.refresh(&name));
    match tokio::time::timeout(PATIENCE, reloaded).await {
        Err(_) => tracing::error!(
            %issuer,
            "the key file of an issuer cannot be read: the disk does not answer"
        ),
        Ok(Err(error)) => {
            tracing::error!(%error, "the keys that {issuer} had before stay in force");
        }
        Ok(Ok(Some(Err(error)))) => {
            tracing::error!(%error, "the keys that {issuer} had before stay in force");
        }
        Ok(Ok(Some(Ok((keys, digest))))) => {
            tracing::info!(%issuer, keys, "new keys of an issuer are in force");
            record(shared, issuer, keys, Hash(digest));
        }
        Ok(Ok(None)) => {}
    }
}

/// Whoever watches must hear of new keys: by them anybody could be named.
fn record(shared: &Shared, issuer: Word, keys: usize, digest: Hash) {
    let warning = Warning::of_figures(Matter::Keys, keys as u64, 0);
    shared.warnings.owe(Warning { id: Some(issuer), digest: Some(digest), ..warning });
}
