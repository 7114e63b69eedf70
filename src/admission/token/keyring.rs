//! The keys of all issuers, each set in a file that may change while the daemon runs. A new set
//! counts from the next call on; a file that cannot be read leaves the old set in force.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use ring::digest::{SHA256, digest};

use super::jwks::{KEYS_FILE_MAX, KeySet, KeySetFault};
use super::{Issuer, Word};
use crate::files::{self, Watched};

/// Why the keys of an issuer cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file, or it is shut.
    #[error(
        "cannot read the keys of issuer {issuer}, {}: {reason}; put the issuer's JWK Set there, or \
         correct `keys` in [issuer.{issuer}] of the policy", .path.display()
    )]
    Unreadable {
        /// Name of the issuer in the policy.
        issuer: Word,
        /// Path of the file of its keys.
        path: PathBuf,
        /// The error that the system gives.
        reason: io::Error,
    },
    /// The file can be read, and is no key set.
    #[error("the keys of issuer {issuer}, {}: {fault}", .path.display())]
    Faulty {
        /// Name of the issuer in the policy.
        issuer: Word,
        /// Path of the file of its keys.
        path: PathBuf,
        /// What is wrong, and what to do.
        fault: KeySetFault,
    },
}

/// How many keys there are now and SHA-256 of their file, or why the old ones stay in force.
pub type Reloaded = Result<(usize, [u8; 32]), KeyFileError>;

/// The issuers of the policy with their keys.
#[derive(Default)]
pub struct Keyring(BTreeMap<Word, KeySetFile>);

struct KeySetFile {
    issuer: Issuer,
    in_force: RwLock<ActiveKeys>,
    known: Mutex<LastRead>,
}

/// The keys that count, and SHA-256 of the file that they are from.
#[derive(Clone)]
struct ActiveKeys {
    keys: Arc<KeySet>,
    digest: [u8; 32],
}

/// The file of a key set, as it was last read.
struct LastRead {
    file: Watched,
    /// SHA-256 of it; none if it could not be read.
    print: Option<[u8; 32]>,
}

impl Keyring {
    /// Reads the keys of every issuer; their files are in `folder`, unless the policy says where.
    ///
    /// # Errors
    /// [`KeyFileError`] of the first whose keys cannot be had.
    pub fn open(issuers: &BTreeMap<Word, Issuer>, folder: &Path) -> Result<Keyring, KeyFileError> {
        let watched = |(name, issuer): (&Word, &Issuer)| {
            let issuer = &Issuer { keys: folder.join(&issuer.keys), ..issuer.clone() };
            let file = Watched::content(issuer.keys.clone());
            let bytes = read(name, issuer)?;
            let (keys, digest) = (Arc::new(parse(name, issuer, &bytes)?), digest_of(&bytes));
            let in_force = RwLock::new(ActiveKeys { keys, digest });
            let known = Mutex::new(LastRead { file, print: Some(digest) });
            Ok((name.clone(), KeySetFile { issuer: issuer.clone(), in_force, known }))
        };
        Ok(Keyring(issuers.iter().map(watched).collect::<Result<_, KeyFileError>>()?))
    }

    /// An issuer and its keys at this moment.
    pub(super) fn get(&self, name: &str) -> Option<(&Issuer, Arc<KeySet>)> {
        let watched = self.0.get(name)?;
        Some((&watched.issuer, watched.in_force().keys))
    }

    /// The issuers whose keys are not from the file that those of `before` are from, or that it
    /// does not have: each with how many keys it has, and SHA-256 of their file.
    pub fn others_than(&self, before: &Keyring) -> Vec<(Word, usize, [u8; 32])> {
        let other = |(name, file): (&Word, &KeySetFile)| {
            let ActiveKeys { keys, digest } = file.in_force();
            let known = before.0.get(name).map(|file| file.in_force().digest);
            (known != Some(digest)).then(|| (name.clone(), keys.len(), digest))
        };
        self.0.iter().filter_map(other).collect()
    }

    /// Names of the issuers whose keys these are.
    pub fn issuers(&self) -> impl Iterator<Item = &Word> {
        self.0.keys()
    }

    /// Reads the keys of one issuer again, if they have changed and hold still since the call
    /// before. It waits for the disk: not for the path of a call.
    pub fn refresh(&self, issuer: &Word) -> Option<Reloaded> {
        self.0.get(issuer)?.refresh(issuer)
    }
}

impl KeySetFile {
    fn in_force(&self) -> ActiveKeys {
        self.in_force.read().clone()
    }

    fn refresh(&self, name: &Word) -> Option<Reloaded> {
        // An earlier look may still wait for the disk.
        let mut known = self.known.try_lock()?;
        if !known.file.due() {
            return None;
        }
        known.file.reading();
        let bytes = read(name, &self.issuer);
        let print = bytes.as_ref().ok().map(|bytes| digest_of(bytes));
        // What could not be read is read again, later and later.
        if print.is_some() && known.print == print {
            known.file.taken();
        }
        if known.print == print {
            return None;
        }
        let parsed = bytes.and_then(|bytes| Ok((parse(name, &self.issuer, &bytes)?, bytes)));
        // Not before: what cannot even be parsed is tried again, and told again.
        known.print = print;
        if print.is_some() {
            known.file.taken();
        }
        Some(parsed.map(|(keys, bytes)| {
            let (count, digest) = (keys.len(), digest_of(&bytes));
            *self.in_force.write() = ActiveKeys { keys: Arc::new(keys), digest };
            (count, digest)
        }))
    }
}

fn read(name: &Word, issuer: &Issuer) -> Result<Vec<u8>, KeyFileError> {
    files::read(&issuer.keys, KEYS_FILE_MAX as u64).map_err(|reason| {
        if reason.kind() == io::ErrorKind::FileTooLarge {
            return faulty(name, issuer, KeySetFault::TooLarge);
        }
        let (issuer, path) = (name.clone(), issuer.keys.clone());
        KeyFileError::Unreadable { issuer, path, reason }
    })
}

fn parse(name: &Word, issuer: &Issuer, bytes: &[u8]) -> Result<KeySet, KeyFileError> {
    let keys =
        KeySet::parse(bytes, &issuer.algorithms).map_err(|fault| faulty(name, issuer, fault))?;
    // Once for each set that is taken up: a token by one of these will be refused, and nobody is
    // told why.
    for key in keys.passed_over() {
        tracing::warn!(issuer = %name, key = key.name, "a key is passed over: {}", key.why);
    }
    Ok(keys)
}

fn faulty(name: &Word, issuer: &Issuer, fault: KeySetFault) -> KeyFileError {
    let (issuer, path) = (name.clone(), issuer.keys.clone());
    KeyFileError::Faulty { issuer, path, fault }
}

fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut print = [0; 32];
    print.copy_from_slice(digest(&SHA256, bytes).as_ref());
    print
}
