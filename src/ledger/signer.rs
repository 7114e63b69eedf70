//! The secrets of a segment: the signing key and the tag key, read from files that nobody else may
//! read. Checkpoints are signed here and nowhere else.

use std::fs;
use std::io;
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
        "{} can be read by others (mode {mode:03o}): run `chmod 600 {}`, and replace the key if \
         anyone else may have read it", path.display(), path.display()
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

/// The text of a secret file that only its owner can read or write.
///
/// # Errors
/// If it cannot be read, or its mode lets group or others at it.
pub fn read_secret(path: &Path) -> Result<String, BadSecret> {
    let io = |error| BadSecret::Io { path: path.to_owned(), error };
    let mode = fs::metadata(path).map_err(io)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(BadSecret::Lax { path: path.to_owned(), mode });
    }
    fs::read_to_string(path).map_err(io)
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
