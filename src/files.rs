//! Files that people and other programs write: read within a bound, kept secret, replaced whole,
//! watched for change. One way to do each, and no room has another. It knows nothing of what is in
//! them.

mod appended;
mod watched;

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};

pub use appended::Appended;
pub use watched::Watched;

/// Most bytes of a file that a person could have written: a certificate, a note, a receipt, an act.
pub const SMALL: u64 = 1 << 20;

/// Most bytes of a file that holds one secret.
const SECRET_MAX: u64 = 64 << 10;

/// Why the text of a secret file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read at all.
    #[error("{}: {error}", path.display())]
    Io {
        /// Path of the file that cannot be read.
        path: PathBuf,
        /// The error that the system gives.
        error: io::Error,
    },
    /// Others than its owner may read or change it.
    #[error(
        "{} can be read or changed by others (mode {mode:04o}): run `chmod 600 {}`, and replace the \
         key if anyone else may have had it", path.display(), path.display()
    )]
    Lax {
        /// Path of the file that others may read.
        path: PathBuf,
        /// Permission bits of the file, as in `chmod`.
        mode: u32,
    },
}

/// Reads a regular file of at most `most` bytes. It never waits for a writer, as whoever opens a
/// pipe does.
///
/// # Errors
/// The system's; [`ErrorKind::InvalidInput`] if it is no regular file, and
/// [`ErrorKind::FileTooLarge`] if it has more bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, _) = open(path)?;
    bounded(file, most)
}

/// The same of a file of text.
///
/// # Errors
/// As [`read`]; [`ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    text(read(path, most)?)
}

/// Reads what a person names on a command line, which may be a pipe: text of at most `most` bytes.
///
/// # Errors
/// As [`read_text`], but that anything may be read.
pub fn read_input(path: &Path, most: u64) -> io::Result<String> {
    text(bounded(File::open(path)?, most)?)
}

/// Opens what a person names on a command line, which may be a pipe, to be read as it comes; with its size, 0
/// of a pipe.
///
/// # Errors
/// The system's.
pub fn open_input(path: &Path) -> io::Result<(impl Read, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// The text of a secret file that nobody but its owner can read or change.
///
/// # Errors
/// [`SecretError`].
pub fn read_secret(path: &Path) -> Result<String, SecretError> {
    let io = |error| SecretError::Io { path: path.to_owned(), error };
    // Its permissions are asked of the open file: the path could name another one by now.
    let (file, about) = open(path).map_err(io)?;
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Lax { path: path.to_owned(), mode });
    }
    text(bounded(file, SECRET_MAX).map_err(io)?).map_err(io)
}

/// Locks a file for this process, as long as what is returned lives; none: another process has it.
///
/// # Errors
/// The system's, of a file that cannot be made.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    Ok(rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(file))
}

/// Writes a new file with exactly these permissions; it never has more, not even for a moment. What
/// was written lasts.
///
/// # Errors
/// The system's; [`ErrorKind::AlreadyExists`] if there is such a file.
pub fn create(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask takes permissions away; a file meant for everybody gets them back.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Replaces a file, whole or not at all; what was written lasts. Where the path is a link, it is
/// the file behind it that is replaced; what is no regular file, such as a terminal, is written
/// into.
///
/// # Errors
/// The system's, and the file may be either the old one or the new.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = target(path)?;
    if fs::metadata(&target).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return OpenOptions::new().write(true).open(&target)?.write_all(text.as_bytes());
    }
    let new = beside(&target, ".new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &target)?;
    // The name is durable only when its folder is.
    match target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// Whether [`replace`] could, as far as that is known beforehand; the file stays as it is.
///
/// # Errors
/// Those of [`replace`]; [`ErrorKind::IsADirectory`] of a folder.
pub fn can_replace(path: &Path) -> io::Result<()> {
    let target = target(path)?;
    match fs::metadata(&target) {
        Ok(about) if about.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(about) if !about.is_file() => {
            return OpenOptions::new().write(true).open(&target).map(drop);
        }
        _ => {}
    }
    let new = beside(&target, ".new");
    File::create(&new)?;
    fs::remove_file(&new)
}

/// The file that a path stands for, whether or not there is one.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path.to_owned()),
        found => found,
    }
}

/// The path of a file beside another: its whole name, and `suffix`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let at_once = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag of open(2) is an int of C");
    let file = OpenOptions::new().read(true).custom_flags(at_once).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok((file, about))
}

/// All that there is to read, if it is not more than `most` bytes.
fn bounded(from: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte over the limit is enough to be told so.
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("it is larger than {most} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests;
