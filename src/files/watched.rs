//! A file that is looked at again and again, without reading it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A file that changed so lately may change again without a trace: times of files advance in steps,
/// and a second change within one step, to the same size, looks like the first.
const UNSETTLED: Duration = Duration::from_secs(2);

/// What was read and not taken is due again after this, then after twice as long, and so on.
const SOONEST: Duration = Duration::from_secs(1);
/// What was read and not taken is due again after this at the latest.
const LATEST: Duration = Duration::from_secs(60);

/// What tells one state of a file from another. None of it is read from its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// Which file it is: device and inode.
    place: (u64, u64),
    /// Size and times of the content; none where only another file in its place counts.
    content: Option<Content>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    size: u64,
    /// Seconds and nanoseconds of Unix time.
    modified: (i64, i64),
    /// Of the content and of the rest: a copied time of the one leaves the other.
    changed: (i64, i64),
}

/// A file that is looked at, for any change of it or for another file in its place. Looking asks
/// the file system, which may take as long as the disk does: not where calls are served.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    tell: fn(&Metadata) -> Stamp,
    /// The file as it was when it was last read; none: it was not there.
    read: Option<Stamp>,
    /// The file as it was at the last look.
    seen: Option<Stamp>,
    /// Whether a change since it was last read would show.
    settled: bool,
    /// When what was read is due again, unless it is taken before.
    again: Option<Instant>,
    /// How long after it was read that is.
    wait: Duration,
}

impl Watched {
    /// Watches what is in a file. It is made before the file is read for the first time.
    pub fn content(path: PathBuf) -> Watched {
        Watched::new(path, Stamp::content)
    }

    /// Watches which file it is, whatever is written in it.
    pub fn place(path: PathBuf) -> Watched {
        Watched::new(path, Stamp::place)
    }

    fn new(path: PathBuf, tell: fn(&Metadata) -> Stamp) -> Watched {
        let (read, seen, settled) = (None, None, true);
        let mut watched = Watched { path, tell, read, seen, settled, again: None, wait: SOONEST };
        watched.reading();
        watched.taken();
        watched.seen = watched.read;
        watched
    }

    /// Path of the file that is watched.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks: whether there may be something else to read, and it is the same as at the last look.
    /// What is still being written is left alone. What was read just after a change is due once
    /// more, and may turn out to be the same.
    pub fn due(&mut self) -> bool {
        let now = self.now();
        let still = now == self.seen;
        self.seen = now;
        let again = self.again.is_some_and(|again| again <= Instant::now());
        still && (now != self.read || !self.settled || again)
    }

    /// Whether it is not what was read.
    pub fn changed(&self) -> bool {
        self.now() != self.read
    }

    /// Takes it as read in the state that it has now: read it after this, so that whatever is
    /// written meanwhile is found at a later look. Unless what was read is [`taken`](Self::taken)
    /// it is due again, later and later: the disk may answer then, and whoever failed on it may
    /// not.
    pub fn reading(&mut self) {
        let now = self.now();
        self.wait = if now == self.read { (2 * self.wait).min(LATEST) } else { SOONEST };
        self.again = Some(Instant::now() + self.wait);
        self.read = now;
        let content = self.read.and_then(|stamp| stamp.content);
        self.settled = content.is_none_or(|content| content.settled(SystemTime::now()));
    }

    /// Whether what was read waits to be read again.
    pub fn waits(&self) -> bool {
        self.again.is_some()
    }

    /// Nothing more will come of what was read: it was put to use, or has faults that stay.
    pub fn taken(&mut self) {
        (self.again, self.wait) = (None, SOONEST);
    }

    fn now(&self) -> Option<Stamp> {
        fs::metadata(&self.path).ok().as_ref().map(self.tell)
    }
}

impl Stamp {
    fn place(file: &Metadata) -> Stamp {
        Stamp { place: (file.dev(), file.ino()), content: None }
    }

    fn content(file: &Metadata) -> Stamp {
        let content = Content {
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        };
        Stamp { content: Some(content), ..Stamp::place(file) }
    }
}

impl Content {
    /// Whether the last change lies far enough from `now`, which a clock that was set may have
    /// moved before it.
    fn settled(&self, now: SystemTime) -> bool {
        let changed = u64::try_from(self.changed.0).unwrap_or_default();
        let changed = UNIX_EPOCH + Duration::from_secs(changed);
        let apart = now.duration_since(changed).unwrap_or_else(|ahead| ahead.duration());
        apart > UNSETTLED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_due_when_it_changed_and_holds_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "a").unwrap();
        let mut watched = Watched::content(path.clone());
        let mut place = Watched::place(path.clone());
        watched.settled = true;
        assert!(!watched.due());
        fs::write(&path, "ab").unwrap();
        assert!(!watched.due(), "it may still be being written");
        assert!(watched.due());
        watched.reading();
        watched.taken();
        watched.settled = true;
        assert!(!watched.due());
        assert_eq!([place.due(), place.due()], [false, false], "it is the same file");
        // Another file of the same size in its place.
        fs::write(folder.path().join("other"), "cd").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(!watched.due());
        assert!(watched.due());
        watched.reading();
        assert_eq!([place.due(), place.due()], [false, true]);
        fs::remove_file(&path).unwrap();
        assert_eq!([watched.due(), watched.due()], [false, true]);
        watched.reading();
        watched.taken();
        assert!(!watched.due());
    }

    #[test]
    fn what_was_read_and_not_taken_is_due_again_later_and_later_and_after_a_change_soon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "a").unwrap();
        let mut watched = Watched::content(path.clone());
        let mut waits = Vec::new();
        for _ in 0..8 {
            watched.reading();
            watched.settled = true;
            assert!(!watched.due(), "not yet");
            waits.push(watched.wait.as_secs());
            watched.again = Some(Instant::now());
            assert!(watched.due());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        fs::write(&path, "ab").unwrap();
        watched.reading();
        assert_eq!(watched.wait, SOONEST);
        watched.taken();
        watched.settled = true;
        assert_eq!([watched.due(), watched.due()], [false, false]);
    }

    #[test]
    fn what_was_read_just_after_a_change_is_due_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "a").unwrap();
        let mut watched = Watched::content(path.clone());
        assert!(watched.due(), "another change to the same size might not show");
        assert!(!watched.changed());
        assert!(!Watched::place(path).due(), "of the place only another file counts");
    }

    #[test]
    fn a_change_is_settled_when_it_lies_two_seconds_away() {
        let content = Content { size: 1, modified: (0, 0), changed: (1_000, 500_000_000) };
        let settled = |at| content.settled(UNIX_EPOCH + Duration::from_secs(at));
        assert_eq!([settled(1_000), settled(1_002), settled(1_003)], [false, false, true]);
        assert_eq!([settled(998), settled(997)], [false, true], "the clock was set back");
        let never = Content { changed: (-5, 0), ..content };
        assert!(never.settled(UNIX_EPOCH + Duration::from_secs(10)));
    }
}
