//! Warnings on their way to the ledger. What somebody should look at happens once, and perhaps just when
//! the ledger cannot be written: it waits here until it can.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::ledger::Ledger;
use crate::ledger::entry::Warning;

/// Warnings that wait. Each comes of a change that a person made to a file, or of a certificate.
const MOST: usize = 256;
/// Between two attempts.
const RETRY: Duration = Duration::from_secs(1);
/// How long the last ones may take when the daemon ends.
const FINISH: Duration = Duration::from_secs(5);

/// Takes warnings, and has them recorded in their order.
#[derive(Clone)]
pub struct Warnings {
    ledger: Ledger,
    owed: Arc<Owed>,
}

#[derive(Default)]
struct Owed {
    waiting: Mutex<VecDeque<Warning>>,
    more: Notify,
}

impl Warnings {
    pub(super) fn new(ledger: Ledger) -> Warnings {
        Warnings { ledger, owed: Arc::default() }
    }

    /// Has a warning recorded as soon as the ledger takes it.
    pub fn owe(&self, warning: Warning) {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST {
            tracing::error!(?warning, "a warning is not recorded: too many wait for the ledger");
            return;
        }
        waiting.push_back(warning);
        self.owed.more.notify_one();
    }

    /// Hands over what comes, for ever.
    pub(super) async fn keep(self) -> Infallible {
        loop {
            if self.hand_over().await {
                self.owed.more.notified().await;
            } else {
                sleep(RETRY).await;
            }
        }
    }

    /// Hands over what is left when nobody keeps it any more.
    pub(super) async fn finish(&self) {
        let done = timeout(FINISH, self.hand_over()).await;
        if done != Ok(true) {
            let warnings = self.waiting().len();
            tracing::error!(warnings, "warnings were never recorded: the ledger cannot be written");
        }
    }

    /// Whether nothing waits any more.
    async fn hand_over(&self) -> bool {
        loop {
            let Some(next) = self.waiting().front().cloned() else { return true };
            match self.ledger.warn(next).await {
                Ok(_) => {}
                Err(error) if error.retry_after().is_some() => return false,
                Err(error) => tracing::error!(%error, "a warning cannot be recorded"),
            }
            self.waiting().pop_front();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Warning>> {
        self.owed.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
