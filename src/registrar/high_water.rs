//! The high-water file: the newest checkpoint, kept on a path of the operator's choice, so that a
//! ledger put back to an older state does not start unseen.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

use super::status::Vital;
use crate::files;

/// Shortest time between two writes of the file.
const PAUSE: Duration = Duration::from_millis(250);

/// Rings when there is a newer checkpoint. One ring waits at most; it is for all that came since.
#[derive(Debug)]
pub(super) struct Bell {
    rings: SyncSender<()>,
    /// Nothing is ever sent: that it is gone tells a keeper at rest that the daemon ends.
    _hung: SyncSender<()>,
}

impl Bell {
    pub(super) fn ring(&self) {
        // If it rings already, the keeper will see the newest anyway.
        let _ = self.rings.try_send(());
    }
}

/// The end of the bell that the keeper of the file waits at.
#[derive(Debug)]
pub(super) struct Ear {
    rings: Receiver<()>,
    taken_down: Receiver<()>,
}

/// A bell, and the ear for it.
pub(super) fn bell() -> (Bell, Ear) {
    let (bell, rings) = sync_channel(1);
    let (hung, taken_down) = sync_channel(0);
    (Bell { rings: bell, _hung: hung }, Ear { rings, taken_down })
}

/// A thread that writes the newest checkpoint a few times a second; it ends when the bell is
/// dropped, after writing the last.
pub(super) fn keep(
    path: PathBuf,
    ear: Ear,
    newest: watch::Receiver<Arc<str>>,
    vital: Vital,
) -> io::Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name(vital.thread.to_owned());
    thread.spawn(move || {
        let _vital = vital;
        follow(&path, &ear.rings, &ear.taken_down, &newest);
    })
}

fn follow(
    path: &Path,
    rings: &Receiver<()>,
    taken_down: &Receiver<()>,
    newest: &watch::Receiver<Arc<str>>,
) {
    let mut failing = false;
    while rings.recv().is_ok() {
        loop {
            let newest = newest.borrow().clone();
            let written = files::replace(path, &newest);
            match (&written, failing) {
                (Err(error), false) => {
                    let path = path.display();
                    tracing::error!(%path, %error, "the high-water file cannot be written");
                }
                (Ok(()), true) => tracing::info!("the high-water file can be written again"),
                _ => {}
            }
            failing = written.is_err();
            // The disk rests, but not when the daemon ends. A ring meanwhile waits and wakes
            // nobody: at full load there are thousands in one pause.
            let ends = taken_down.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected);
            // What could not be written is written when it can, though nothing may come behind it.
            if ends || !failing {
                break;
            }
        }
    }
}
