//! The high-water file: the newest checkpoint, kept on a path of the operator's choice, so that a
//! ledger put back to an older state does not start unseen.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Least time between two writes.
const PAUSE: Duration = Duration::from_millis(250);

/// Replaces the file, whole or not at all.
pub(super) fn write(path: &Path, note: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(note.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// A thread that writes the newest checkpoint a few times a second; it ends when the sender is
/// dropped, after writing the last.
pub(super) fn keep(path: PathBuf) -> (Sender<Arc<str>>, JoinHandle<()>) {
    let (newest, notes) = channel::<Arc<str>>();
    let thread = thread::spawn(move || follow(&path, &notes));
    (newest, thread)
}

fn follow(path: &Path, notes: &Receiver<Arc<str>>) {
    let mut failing = false;
    while let Ok(first) = notes.recv() {
        let newest = notes.try_iter().last().unwrap_or(first);
        let written = write(path, &newest);
        if let (Err(error), false) = (&written, failing) {
            tracing::error!(path = %path.display(), %error, "the high-water file cannot be written");
        }
        failing = written.is_err();
        thread::sleep(PAUSE);
    }
}
