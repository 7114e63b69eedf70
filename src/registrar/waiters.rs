//! Those who wait for a commit: told what became of it, whatever that is.

use std::sync::Arc;

use super::answer::{Answer, Unrecorded};
use super::queue::{Recorded, Share, recorded};
use crate::format::entry::{Outcome, Ruling};

/// Those who wait for a commit, with what they will be told.
#[derive(Default)]
pub(super) struct Waiters {
    pub(super) reads: Vec<(Answer<Recorded>, DecidedRead, Share)>,
    pub(super) notes: Vec<(Answer<u64>, u64)>,
}

/// What was decided on a read.
pub(super) struct DecidedRead {
    /// Number of the draft that was decided on.
    pub(super) number: u64,
    pub(super) ruling: Ruling,
    pub(super) seq: u64,
}

/// Those who waited for what is on disk now. They are told when this is dropped, wherever that is:
/// a runtime that ends drops what it does not run.
pub(super) struct Committed {
    pub(super) waiters: Waiters,
    pub(super) note: Arc<str>,
}

impl Drop for Committed {
    fn drop(&mut self) {
        std::mem::take(&mut self.waiters).wake(&self.note);
    }
}

impl Waiters {
    /// Whether more than one of them waits.
    pub(super) fn are_many(&self) -> bool {
        self.reads.len() + self.notes.len() > 1
    }

    /// What was decided on the reads among them.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.reads.iter().map(|(_, verdict, _)| verdict.ruling.outcome)
    }

    fn wake(self, note: &Arc<str>) {
        for (answer, DecidedRead { number, ruling, seq }, share) in self.reads {
            // First the place in the queue: whoever is answered may come back at once.
            drop(share);
            answer.send(Ok(recorded(number, ruling, seq, note.clone())));
        }
        for (answer, seq) in self.notes {
            answer.send(Ok(seq));
        }
    }

    /// Tells everybody that nothing was recorded.
    pub(super) fn refuse(self) {
        for (answer, _, share) in self.reads {
            drop(share);
            answer.send(Err(Unrecorded::Unwritable));
        }
        for (answer, _) in self.notes {
            answer.send(Err(Unrecorded::Unwritable));
        }
    }
}
