//! Files that hold a secret: written for their owner only, and not read when others could have
//! read or changed them.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::ledger::entry::Hash;

/// No key file is larger, in bytes: whoever names a device or a database by mistake hears of it.
const SECRET_MAX: u64 = 64 * 1024;

/// Why a key file was not read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It is open to others.
    #[error(
        "{} can be read or changed by others (mode {mode:04o}): run `chmod 600 {}`",
        path.display(), path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It cannot be read at all.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not hold what it should.
    #[error("{} does not hold {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
}

/// The text of a key file that nobody but its owner can read or change.
///
/// # Errors
/// [`SecretError`].
pub fn read_secret(path: &Path) -> Result<String, SecretError> {
    let fail = |source| SecretError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    // Asked of the open file: a path could name another one by now.
    let about = file.metadata().map_err(fail)?;
    let mode = about.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Open { path: path.to_owned(), mode });
    }
    if !about.is_file() || about.len() > SECRET_MAX {
        return Err(SecretError::Content { path: path.to_owned(), what: "a key" });
    }
    let mut text = String::new();
    file.take(SECRET_MAX).read_to_string(&mut text).map_err(fail)?;
    Ok(text)
}

/// A key of 32 bytes, written as 64 hexadecimal digits.
///
/// # Errors
/// [`SecretError`].
pub fn read_key(path: &Path) -> Result<[u8; 32], SecretError> {
    let Hash(key) = read_secret(path)?
        .trim_end()
        .parse()
        .map_err(|_| wrong(path, "64 lowercase hexadecimal digits"))?;
    Ok(key)
}

/// The DER of a private key, written as PKCS#8 in PEM.
///
/// # Errors
/// [`SecretError`].
pub fn read_pkcs8(path: &Path) -> Result<Vec<u8>, SecretError> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(read_secret(path)?.as_bytes())
        .map_err(|_| wrong(path, "a private key (PKCS#8 in PEM)"))?;
    Ok(key.secret_pkcs8_der().to_vec())
}

fn wrong(path: &Path, what: &'static str) -> SecretError {
    SecretError::Content { path: path.to_owned(), what }
}

/// Writes a new file with exactly these permissions. It never has more, not even for a moment.
pub(super) fn create(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask takes permissions away; a file meant for everybody gets them back.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_file_that_others_could_open_is_not_read() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("tag.key");
        create(&path, 0o600, "x").unwrap();
        assert_eq!(read_secret(&path).unwrap(), "x");
        for open in [0o640, 0o604, 0o620, 0o602, 0o610, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            let error = read_secret(&path).unwrap_err();
            assert!(matches!(error, SecretError::Open { mode, .. } if mode == open));
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_key(&path), Err(SecretError::Content { .. })));
        assert!(matches!(read_pkcs8(&path), Err(SecretError::Content { .. })));
        let absent = read_secret(&dir.path().join("absent"));
        assert!(matches!(absent, Err(SecretError::File { .. })));
    }
}
