//! Looks at the machine's clocks every second, so that a step which the ledger is to follow, or to
//! tell of, is seen while nobody calls.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::registrar::Ledger;

/// Time between two looks at the clocks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks at the clocks again and again, for ever.
pub(in crate::service) async fn keep(ledger: Ledger) -> Infallible {
    let mut looks = interval(PAUSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(error) = ledger.watch_clock().await {
            tracing::debug!(%error, "what the clocks did cannot be recorded yet");
        }
    }
}
