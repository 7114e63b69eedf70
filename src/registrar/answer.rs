//! What the registrar answers, and that it does: whoever waits is told something, whatever becomes
//! of what was asked.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::format::entry::Tag;
use crate::state::acts::BadAct;
use crate::state::growth::UsedUp;

/// Why a draft has no entry. Nothing may be released.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unrecorded {
    /// The queue, or the provider's share of it, is full.
    #[error("the ledger is busy")]
    Busy,
    /// The entry could not be written to the ledger file.
    #[error("the ledger cannot be written")]
    Unwritable,
    /// The registrar let go of it without a word, which is a fault of the gateway: its entry may
    /// stand.
    #[error("the ledger did not say what became of it")]
    Unanswered,
    /// The same agent asked something else with this request id.
    #[error("this request id was used with other arguments")]
    OtherArguments,
    /// Its entry would not be one that the format allows.
    #[error("the entry is not one that can be written")]
    Unfit,
    /// No act has enrolled its agent, whom only the provider knows.
    #[error("agent {0} is not enrolled")]
    NotEnrolled(Tag),
    /// Whoever brings it about has used up a budget of entries.
    #[error(transparent)]
    Entries(#[from] UsedUp),
    /// It is an act that cannot stand; holds the reason.
    #[error(transparent)]
    Act(#[from] BadAct),
    /// It is a policy that loosens the one in force, and nobody approved that.
    #[error(
        "it is looser than the policy in force, and two administrators have not approved it: \
         `greffier act propose loosen --policy FILE`"
    )]
    Unapproved,
    /// It was admitted under a policy that is in force no more: admit it again under the new one.
    #[error("another policy came into force")]
    Outdated,
}

impl Unrecorded {
    /// How long to wait before trying again; none if waiting does not help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Unrecorded::Busy | Unrecorded::Outdated => Some(Duration::from_millis(100)),
            Unrecorded::Unwritable => Some(Duration::from_secs(1)),
            Unrecorded::Entries(UsedUp { wait }) => Some(Duration::from_millis(*wait)),
            Unrecorded::OtherArguments
            | Unrecorded::NotEnrolled(_)
            | Unrecorded::Unapproved
            | Unrecorded::Unanswered
            | Unrecorded::Unfit
            | Unrecorded::Act(_) => None,
        }
    }
}

/// Where an answer goes. Whoever waits is told something, whatever becomes of the order: one that
/// is dropped without an answer is answered as a fault of the registrar, and logged as one.
pub(super) struct Answer<T>(Option<oneshot::Sender<Result<T, Unrecorded>>>);

impl<T> Answer<T> {
    pub(super) fn new() -> (Answer<T>, Answered<T>) {
        let (answer, answered) = oneshot::channel();
        (Answer(Some(answer)), Answered(answered))
    }

    /// Answers. Whoever waited may have left; what was done stands all the same.
    pub(super) fn send(mut self, outcome: Result<T, Unrecorded>) {
        if let Some(answer) = self.0.take() {
            drop(answer.send(outcome));
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        let Some(answer) = self.0.take() else { return };
        if answer.send(Err(Unrecorded::Unanswered)).is_ok() {
            tracing::error!("the registrar let go of an order without an answer");
        }
    }
}

/// The end of an answer that somebody waits at.
pub(super) struct Answered<T>(oneshot::Receiver<Result<T, Unrecorded>>);

impl<T> Answered<T> {
    pub(super) async fn wait(self) -> Result<T, Unrecorded> {
        // An answer that is dropped answers.
        self.0.await.unwrap_or(Err(Unrecorded::Unanswered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_is_dropped_is_an_answer() {
        let (answer, answered) = Answer::<u64>::new();
        drop(answer);
        assert_eq!(answered.wait().await, Err(Unrecorded::Unanswered));
        let (answer, answered) = Answer::new();
        answer.send(Ok(7));
        assert_eq!(answered.wait().await, Ok(7));
    }
}
