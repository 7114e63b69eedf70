//! Where an instance is built, and how it gets its name: under a temporary name first, so that a
//! failure leaves nothing behind and nobody ever meets half an instance.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{InstanceError, at};

/// A folder to build in, and the one to become.
pub(super) struct BuildFolder {
    target: PathBuf,
    work: TempDir,
    /// The target exists. Then it stays the same folder (it may be a mount, or where somebody's
    /// shell stands) and its contents are moved in; otherwise the whole folder is renamed.
    exists: bool,
}

impl BuildFolder {
    /// Begins beside `target` if that does not exist, in it if it is an empty folder.
    pub(super) fn take(target: &Path) -> Result<BuildFolder, InstanceError> {
        let exists = match fs::read_dir(target) {
            Ok(mut entries) => match entries.next() {
                None => true,
                Some(_) => return Err(InstanceError::Occupied(target.to_owned())),
            },
            Err(e) if e.kind() == ErrorKind::NotFound => false,
            Err(e) if e.kind() == ErrorKind::NotADirectory => {
                return Err(InstanceError::NotAFolder(target.to_owned()));
            }
            Err(e) => return Err(at(target)(e)),
        };
        let around = if exists { target } else { parent(target) };
        if !around.is_dir() {
            return Err(InstanceError::NoParent(around.to_owned()));
        }
        let work = tempfile::Builder::new()
            .prefix(".greffier-init-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(around)
            .map_err(at(around))?;
        Ok(BuildFolder { target: target.to_owned(), work, exists })
    }

    /// The folder in which to build the instance.
    pub(super) fn work(&self) -> &Path {
        self.work.path()
    }

    /// Moves what was built to its name, or removes it.
    pub(super) fn settle(self) -> Result<PathBuf, InstanceError> {
        if self.exists {
            move_in(self.work.path(), &self.target).map_err(at(&self.target))?;
        } else {
            fs::rename(self.work.path(), &self.target).map_err(at(&self.target))?;
            // Renamed: there is nothing left for the guard to remove.
            let _ = self.work.keep();
        }
        Ok(self.target)
    }
}

/// The folder that `path` is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Moves what is in `from` to `to`; on failure moves it back, so that it goes with `from`.
fn move_in(from: &Path, to: &Path) -> io::Result<()> {
    let names: Vec<_> =
        fs::read_dir(from)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    for (done, name) in names.iter().enumerate() {
        // A plain rename would replace a file that somebody else just put there.
        let moved = if to.join(name).exists() {
            Err(io::Error::new(ErrorKind::AlreadyExists, "the folder is no longer empty"))
        } else {
            fs::rename(from.join(name), to.join(name))
        };
        if let Err(error) = moved {
            for name in &names[..done] {
                // The first error is the one to report.
                let _ = fs::rename(to.join(name), from.join(name));
            }
            return Err(error);
        }
    }
    Ok(())
}
