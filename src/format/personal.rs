//! Personal keys of administrators, as those who hold them use them: to sign the statement of an
//! act. The gateway never has one.

use std::io;
use std::path::Path;

use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::entry::{
    Act, Deed, Hash, Malformed, Millis, Nonce, OwnedKey, PublicKey, Signature, SignatureBytes,
    SignedAct, Statement, Word,
};
use super::signer::{BadSecret, random, read_key};
use crate::files;
use crate::format::entry::message;

/// The private half of a personal key.
#[derive(Debug)]
pub struct PersonalKey(Ed25519KeyPair);

impl PersonalKey {
    /// The key that follows from a seed of 32 bytes (RFC 8032).
    pub fn new(seed: &[u8; 32]) -> PersonalKey {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        PersonalKey(pair.expect("every 32 bytes are an Ed25519 seed"))
    }

    /// Reads the seed, in hex, from a file that nobody but its owner can read.
    ///
    /// # Errors
    /// As [`read_key`].
    pub fn read(path: &Path) -> Result<PersonalKey, BadSecret> {
        Ok(PersonalKey::new(&read_key(path)?))
    }

    /// Makes a new one, in a new file that nobody but its owner can read.
    ///
    /// # Errors
    /// If there is such a file already, or it cannot be written.
    pub fn make(path: &Path) -> io::Result<PersonalKey> {
        let seed = random()?;
        files::create(path, 0o600, &format!("{}\n", Hash(seed)))?;
        Ok(PersonalKey::new(&seed))
    }

    /// The public half, which is enrolled.
    pub fn public(&self) -> PublicKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(public)
    }

    /// Signs a statement, given as its exact text.
    pub fn sign(&self, admin: &Word, statement: &str) -> Signature {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(&message(statement)).as_ref());
        let signature = SignatureBytes(signature);
        Signature { admin: admin.clone(), key: self.public(), signature }
    }

    /// The enrolment of this key that stands behind the genesis of the ledger `origin`.
    ///
    /// # Errors
    /// If the names cannot stand in an entry.
    pub fn founding(
        &self,
        origin: &str,
        admin: &Word,
        nonce: Nonce,
        expires: Millis,
    ) -> Result<Act, Malformed> {
        let reason = "a key that this ledger begins with";
        let deed = Deed::EnrolKey(OwnedKey { admin: admin.clone(), key: self.public() });
        let statement = Statement { deed, reason: reason.to_owned(), nonce, expires };
        let signatures = vec![self.sign(admin, &statement.encode(origin)?)];
        Ok(Act::Signed(SignedAct { id: admin.clone(), certificate: None, statement, signatures }))
    }
}
