//! Whether the ledger can be written, and the threads that it cannot do without.

use tokio::sync::watch;

/// Whether the ledger can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The ledger can be written.
    Writable,
    /// The ledger cannot be written for now; holds the reason.
    Unwritable(String),
    /// The ledger will not be written again in this run; holds the reason.
    Stopped(String),
}

impl Status {
    /// Tells it, unless the ledger is out of use for this run: that is the last word.
    pub(super) fn tell(self, told: &watch::Sender<Status>) {
        told.send_if_modified(|before| {
            let more = !matches!(before, Status::Stopped(_));
            if more {
                *before = self;
            }
            more
        });
    }
}

/// Held by a thread that the ledger cannot do without: if it dies, the ledger is out of use.
pub(super) struct Vital {
    pub(super) thread: &'static str,
    pub(super) status: watch::Sender<Status>,
}

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let why = format!("the thread `{}` died, and the log tells where", self.thread);
            Status::Stopped(why).tell(&self.status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_dies_leaves_the_ledger_out_of_use_for_good() {
        let (status, seen) = watch::channel(Status::Writable);
        let die = |dies: bool| {
            let vital = Vital { thread: "vital", status: status.clone() };
            let thread = std::thread::Builder::new().spawn(move || {
                let _vital = vital;
                assert!(!dies, "a thread that dies, as this test wants it to");
            });
            thread.unwrap().join().is_err()
        };
        assert!(!die(false));
        assert_eq!(*seen.borrow(), Status::Writable);
        assert!(die(true));
        Status::Writable.tell(&status);
        assert!(matches!(&*seen.borrow(), Status::Stopped(why) if why.contains("`vital` died")));
    }
}
