//! The policy in force. All that a read needs of it comes from one [`ActivePolicy`], taken once at
//! its beginning, so that no read mixes two policies. It refuses to know files; whoever holds the
//! other end puts another policy in its place.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::admission::Terms;
use crate::quota::Quota;
use crate::registrar::Unrecorded;
use crate::source::Source;

/// One policy, as the rooms use it.
pub struct ActivePolicy {
    /// What the door holds calls against.
    pub terms: Arc<Terms>,
    /// Request rates of everybody whom this policy names.
    pub quota: Quota,
    /// The records, by statements of this policy.
    pub source: Source,
}

/// The policy in force at any moment.
#[derive(Clone)]
pub struct CurrentPolicy(watch::Receiver<Arc<ActivePolicy>>);

/// Where another policy comes into force: one swap, seen by every call that begins after it.
pub struct PolicySwitch(watch::Sender<Arc<ActivePolicy>>);

impl CurrentPolicy {
    /// Beginning with a policy; the swap is for whoever reloads it.
    pub fn new(first: ActivePolicy) -> (CurrentPolicy, PolicySwitch) {
        let (swap, now) = watch::channel(Arc::new(first));
        (CurrentPolicy(now), PolicySwitch(swap))
    }

    /// The policy that is in force at this moment.
    pub fn now(&self) -> Arc<ActivePolicy> {
        self.0.borrow().clone()
    }

    /// The policy that came after one that is outdated, as soon as it is in force. The registrar is
    /// ahead of the swap by the moment that the swap takes.
    ///
    /// # Errors
    /// [`Unrecorded::Outdated`] if none has come by then.
    pub(super) async fn after(
        &self,
        outdated: &ActivePolicy,
        until: Instant,
    ) -> Result<Arc<ActivePolicy>, Unrecorded> {
        let mut policies = self.0.clone();
        let newer = policies.wait_for(|policy| policy.terms.head > outdated.terms.head);
        match timeout_at(until, newer).await {
            Ok(Ok(newer)) => Ok(newer.clone()),
            _ => Err(Unrecorded::Outdated),
        }
    }
}

impl PolicySwitch {
    /// The policy that is in force at this moment.
    pub fn now(&self) -> Arc<ActivePolicy> {
        self.0.borrow().clone()
    }

    /// Puts another policy into force. Calls that are under way go on with what they took.
    pub fn put(&self, next: ActivePolicy) {
        self.0.send_replace(Arc::new(next));
    }
}
