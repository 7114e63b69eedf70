//! Warnings on their way to the ledger. What somebody should look at happens once, and perhaps just when
//! the ledger cannot be written: it waits here until it can.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::{sleep, timeout};

use crate::admission::Word;
use crate::ledger::Ledger;
use crate::ledger::entry::{Hash, Matter, Warning};

/// Warnings that wait. Each comes of a change that a person made to a file, or of a certificate, and
const MOST: usize = 256;
/// ... of this many only those of a file are taken on: certificates can be many, and leave them room.
const MOST_OF_ANY: usize = 192;
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
    /// Whoever hands them over: one at a time, so that none is handed over twice.
    handing: AsyncMutex<()>,
}

impl Warnings {
    pub(super) fn new(ledger: Ledger) -> Warnings {
        Warnings { ledger, owed: Arc::default() }
    }

    /// Has a warning recorded as soon as the ledger takes it.
    pub fn owe(&self, warning: Warning) {
        let mut waiting = self.waiting();
        if waiting.len() >= most(warning.matter) {
            tracing::error!(?warning, "a warning is not recorded: too many wait for the ledger");
            return;
        }
        waiting.push_back(warning);
        self.owed.more.notify_one();
    }

    /// Whoever watches must hear of other keys: by them anybody could be named.
    pub fn owe_keys(&self, issuer: Word, keys: usize, digest: Hash) {
        let warning = Warning::of_figures(Matter::Keys, keys as u64, 0);
        self.owe(Warning { id: Some(issuer), digest: Some(digest), ..warning });
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

    /// Whether nothing waits any more. It goes on when whoever waits for it is ended: the ledger may
    /// have taken by then what still waits here.
    async fn hand_over(&self) -> bool {
        let warnings = self.clone();
        match tokio::spawn(async move { warnings.hand_over_all().await }).await {
            Ok(done) => done,
            // Without a panic it ends only if the runtime has.
            Err(ended) => ended.try_into_panic().is_ok_and(|why| resume_unwind(why)),
        }
    }

    async fn hand_over_all(&self) -> bool {
        let _handing = self.owed.handing.lock().await;
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

/// How many may wait for one of this matter to wait too.
fn most(matter: Matter) -> usize {
    match matter {
        Matter::Policy | Matter::Keys | Matter::Authorities => MOST,
        _ => MOST_OF_ANY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_certificates_leave_room_for_those_of_files() {
        let of_files = [Matter::Policy, Matter::Keys, Matter::Authorities];
        assert!(of_files.iter().all(|matter| most(*matter) == MOST));
        assert!([Matter::Door, Matter::Certificate].iter().all(|matter| most(*matter) < MOST));
    }
}
