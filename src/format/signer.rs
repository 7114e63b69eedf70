//! The secrets of a ledger: the signing key and the tag key, read from files that nobody else may
//! read. Checkpoints are signed here and nowhere else.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::checkpoint::{BadKey, Checkpoint, VerifierKey};
use super::entry::Hash;
use crate::files::{SecretError, read_secret};

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    /// The file cannot be read, or others may read it.
    #[error(transparent)]
    File(#[from] SecretError),
    /// The file holds no key of the form that is expected.
    #[error("{} holds no key of the expected form ({form})", path.display())]
    Form {
        /// Path of the file that holds no key.
        path: PathBuf,
        /// The form that is expected, in words.
        form: &'static str,
    },
    /// The name cannot be that of a key.
    #[error(transparent)]
    Name(#[from] BadKey),
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

/// Signs the checkpoints of one ledger.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    key: VerifierKey,
    /// What precedes the signature, base64-decoded: the key id.
    id: [u8; 4],
}

impl Signer {
    /// From a 32-byte seed (RFC 8032), for the ledger `origin`.
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

    /// The key that verifies this ledger.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The signed note of a size and root of this ledger.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.key.name().to_owned(), size, root }.text();
        let mut signature = self.id.to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.key.name(), STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_file_that_is_no_key_is_refused_with_the_form_expected() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("tag.key");
        files::create(&path, 0o600, "x").unwrap();
        assert!(matches!(read_key(&path), Err(BadSecret::Form { .. })));
        let key = dir.path().join("key");
        files::create(&key, 0o600, &"00".repeat(32)).unwrap();
        assert_eq!(read_key(&key).unwrap(), [0; 32]);
        let lax = dir.path().join("lax");
        files::create(&lax, 0o640, &"00".repeat(32)).unwrap();
        assert!(matches!(read_key(&lax), Err(BadSecret::File(SecretError::Lax { .. }))));
        assert!(matches!(
            read_key(&dir.path().join("absent")),
            Err(BadSecret::File(SecretError::Io { .. }))
        ));
    }
}
