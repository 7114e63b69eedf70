//! What the targets have in common: an instance that the real code made, a ledger with entries of
//! every kind, and what clients send to begin with.

pub mod changed;
pub mod frames;
pub mod instance;
pub mod issuer;
pub mod revoked;

use std::fs;

use tempfile::NamedTempFile;

/// A file to put each input in, for what is read from files only.
pub fn file() -> NamedTempFile {
    NamedTempFile::new().expect("a temporary file")
}

/// Puts an input there.
pub fn put(file: &NamedTempFile, bytes: &[u8]) {
    fs::write(file.path(), bytes).expect("a file that can be written");
}
