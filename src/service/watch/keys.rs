//! Looks once a second whether an issuer has new keys, off the path of every call.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::MissedTickBehavior;

use crate::admission::{Terms, Word};
use crate::format::entry::Hash;
use crate::service::Shared;
use crate::service::tasks::{PATIENCE, patiently};

/// Time between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks once a second at the key file of every issuer, for ever.
pub(in crate::service) async fn keep(shared: Arc<Shared>) -> Infallible {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Each by itself: what is wrong with one file leaves the others watched.
    let (mut looks, mut looked_at) = (FuturesUnordered::new(), BTreeSet::new());
    loop {
        tokio::select! {
            Some(issuer) = looks.next() => {
                looked_at.remove(&issuer);
            }
            _ = ticks.tick() => {
                let terms = shared.rooms.policies.now().terms.clone();
                for issuer in terms.keyring.issuers() {
                    if looked_at.insert(issuer.clone()) {
                        looks.push(look(&shared, terms.clone(), issuer.clone()));
                    }
                }
            }
        }
    }
}

/// Looks at the keys of one issuer; of which, when that is done.
async fn look(shared: &Shared, terms: Arc<Terms>, issuer: Word) -> Word {
    let (name, what) = (issuer.clone(), format!("the keys of issuer {issuer}"));
    let reloaded = patiently(&what, PATIENCE, move || terms.keyring.refresh(&name));
    match reloaded.await {
        Err(error) => {
            tracing::error!(%error, "the keys that {issuer} had before stay in force");
        }
        Ok(Some(Err(error))) => {
            tracing::error!(%error, "the keys that {issuer} had before stay in force");
        }
        Ok(Some(Ok((keys, digest)))) => {
            tracing::info!(%issuer, keys, "new keys of an issuer are in force");
            shared.warnings.owe_keys(issuer.clone(), keys, Hash(digest));
        }
        Ok(None) => {}
    }
    issuer
}
