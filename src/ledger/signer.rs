//! The secrets of a segment: the signing key and the tag key, read from files that nobody else may
//! read. Checkpoints are signed here and nowhere else.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::checkpoint::{BadKey, Checkpoint, VerifierKey};
use super::entry::Hash;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    /// Not readable.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// Others may read it.
    #[error(
        "{} can be read or changed by others (mode {mode:04o}): run `chmod 600 {}`, and replace the \
         key if anyone else may have had it", path.display(), path.display()
    )]
    Lax {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key.
    #[error("{} holds no key of the expected form ({form})", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What should be there.
        form: &'static str,
    },
    /// The name cannot be that of a key.
    #[error(transparent)]
    Name(#[from] BadKey),
}

/// No key file is larger, in bytes: whoever names a device or a database by mistake hears of it.
const SECRET_MAX: u64 = 64 << 10;

/// The text of a secret file that nobody but its owner can read or change.
///
/// # Errors
/// If it cannot be read, or its mode lets group or others at it.
pub fn read_secret(path: &Path) -> Result<String, BadSecret> {
    let io = |error| BadSecret::Io { path: path.to_owned(), error };
    let file = File::open(path).map_err(io)?;
    // Asked of the open file: the path could name another one by now.
    let about = file.metadata().map_err(io)?;
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(BadSecret::Lax { path: path.to_owned(), mode });
    }
    if !about.is_file() || about.len() > SECRET_MAX {
        return Err(BadSecret::Form { path: path.to_owned(), form: "a small file of text" });
    }
    let mut text = String::new();
    file.take(SECRET_MAX).read_to_string(&mut text).map_err(io)?;
    Ok(text)
}

/// A secret file of 32 bytes in lowercase hex.
///
/// # Errors
/// As [`read_secret`], or if it holds something else.
pub fn read_key(path: &Path) -> Result<[u8; 32], BadSecret> {
    let text = read_secret(path)?;
    let form = "64 lowercase hexadecimal digits";
    let key: Hash =
        text.trim().parse().map_err(|_| BadSecret::Form { path: path.to_owned(), form })?;
    Ok(key.0)
}

/// 32 bytes of the system's randomness.
///
/// # Errors
/// If the system has none.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(bytes)
}

/// Signs the checkpoints of one segment.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    key: VerifierKey,
    /// What precedes the signature, base64-decoded: the key id.
    id: [u8; 4],
}

impl Signer {
    /// From a 32-byte seed (RFC 8032), for the segment `origin`.
    ///
    /// # Errors
    /// If `origin` cannot stand in a note.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Signer, BadKey> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are an Ed25519 seed");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        let key = VerifierKey::new(origin, public)?;
        let id = key.id();
        Ok(Signer { pair, key, id })
    }

    /// The key that verifies this segment.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The signed note of a size and root of this segment.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.key.name().to_owned(), size, root }.text();
        let mut signature = self.id.to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.key.name(), STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_key_file_that_others_could_open_is_not_read() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("tag.key");
        fs::write(&path, "00".repeat(32)).unwrap();
        for open in [0o640, 0o604, 0o620, 0o602, 0o610, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            let error = read_key(&path).unwrap_err();
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())));
            assert!(matches!(error, BadSecret::Lax { mode, .. } if mode == open));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_key(&path).unwrap(), [0; 32]);
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_with_the_form_expected() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("tag.key");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_key(&path), Err(BadSecret::Form { .. })));
        assert!(matches!(read_key(&dir.path().join("absent")), Err(BadSecret::Io { .. })));
    }
}
