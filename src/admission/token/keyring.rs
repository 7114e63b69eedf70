//! The keys of all issuers, each set in a file that may change while the daemon runs. A new set
//! counts from the next call on; a file that cannot be read leaves the old set in force.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ring::digest::{SHA256, digest};

use super::jwks::{KEYS_FILE_MAX, KeySet, KeySetFault};
use super::{Issuer, Word};

/// Why the keys of an issuer cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFile {
    /// There is no such file, or it is shut.
    #[error(
        "cannot read the keys of issuer {issuer}, {}: {reason}; put the issuer's JWK Set there, or \
         correct `keys` in [issuer.{issuer}] of the policy", .path.display()
    )]
    Unreadable {
        /// Of whom.
        issuer: Word,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// It can be read, and is no key set.
    #[error("the keys of issuer {issuer}, {}: {fault}", .path.display())]
    Faulty {
        /// Of whom.
        issuer: Word,
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        fault: KeySetFault,
    },
}

/// A file that changed.
#[derive(Debug)]
pub struct Reloaded {
    /// Whose keys.
    pub issuer: Word,
    /// How many keys there are now and SHA-256 of their file, or why the old ones stay in force.
    pub outcome: Result<(usize, [u8; 32]), KeyFile>,
}

/// The issuers of the policy with their keys.
#[derive(Default)]
pub struct Keyring(BTreeMap<Word, Watched>);

struct Watched {
    issuer: Issuer,
    keys: RwLock<Arc<KeySet>>,
    /// What the file was when it was last read; none if it was not there.
    seen: Mutex<Option<Stamp>>,
}

/// What changes with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    /// Of the content and of the rest; a copied time of the one leaves the other.
    changed: [(i64, i64); 2],
}

impl Stamp {
    fn of(file: &Metadata) -> Stamp {
        let changed = [(file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec())];
        Stamp { inode: (file.dev(), file.ino()), size: file.size(), changed }
    }
}

impl Keyring {
    /// Reads the keys of every issuer; their files are in `folder`, unless the policy says where.
    ///
    /// # Errors
    /// [`KeyFile`] of the first whose keys cannot be had.
    pub fn open(issuers: &BTreeMap<Word, Issuer>, folder: &Path) -> Result<Keyring, KeyFile> {
        let watched = |(name, issuer): (&Word, &Issuer)| {
            let issuer = &Issuer { keys: folder.join(&issuer.keys), ..issuer.clone() };
            let (keys, stamp, _) = read(name, issuer)?;
            let (keys, seen) = (RwLock::new(Arc::new(keys)), Mutex::new(Some(stamp)));
            Ok((name.clone(), Watched { issuer: issuer.clone(), keys, seen }))
        };
        Ok(Keyring(issuers.iter().map(watched).collect::<Result<_, KeyFile>>()?))
    }

    /// An issuer and its keys at this moment.
    pub(super) fn get(&self, name: &str) -> Option<(&Issuer, Arc<KeySet>)> {
        let watched = self.0.get(name)?;
        let keys = watched.keys.read().unwrap_or_else(PoisonError::into_inner);
        Some((&watched.issuer, keys.clone()))
    }

    /// Reads again what has changed. It waits for the disk: not for the path of a call.
    pub fn refresh(&self) -> Vec<Reloaded> {
        self.0.iter().filter_map(|(name, watched)| watched.refresh(name)).collect()
    }
}

impl Watched {
    fn refresh(&self, name: &Word) -> Option<Reloaded> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = fs::metadata(&self.issuer.keys).ok().map(|file| Stamp::of(&file));
        if *seen == found {
            return None;
        }
        *seen = found;
        let outcome = read(name, &self.issuer).map(|(keys, stamp, digest)| {
            *seen = Some(stamp);
            let count = keys.len();
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            (count, digest)
        });
        Some(Reloaded { issuer: name.clone(), outcome })
    }
}

/// The keys, and what the file was before they were read: whatever is written into it afterwards
/// changes it.
fn read(name: &Word, issuer: &Issuer) -> Result<(KeySet, Stamp, [u8; 32]), KeyFile> {
    let unreadable = |reason| {
        let (issuer, path) = (name.clone(), issuer.keys.clone());
        KeyFile::Unreadable { issuer, path, reason }
    };
    // A pipe would keep whoever opens it waiting.
    if !fs::metadata(&issuer.keys).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
    }
    let file = File::open(&issuer.keys).map_err(unreadable)?;
    let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
    let mut bytes = Vec::new();
    // One byte over the limit is enough to be told so.
    file.take(KEYS_FILE_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let keys = KeySet::parse(&bytes, &issuer.algorithms).map_err(|fault| {
        let (issuer, path) = (name.clone(), issuer.keys.clone());
        KeyFile::Faulty { issuer, path, fault }
    })?;
    let mut print = [0; 32];
    print.copy_from_slice(digest(&SHA256, &bytes).as_ref());
    Ok((keys, stamp, print))
}
