//! Checkpoints: the size and root of a ledger, as C2SP signed notes (`c2sp.org/signed-note`,
//! `c2sp.org/tlog-checkpoint`). This file reads and checks them; `signer` makes them.

use std::fmt;
use std::str::FromStr;

use super::ed25519;
use super::entry::{Hash, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Algorithm byte of Ed25519 in keys and key ids.
const ED25519_BYTE: u8 = 1;
/// Most signature lines that a note may have.
const LINES_MAX: usize = 100;

/// A name and an Ed25519 public key: `NAME+hex8+base64(0x01, key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// Why text is not a verifier key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadKey {
    /// The text is not a verifier key of the form `NAME+HEX+BASE64` (C2SP signed-note).
    #[error("a verifier key reads NAME+8 hex digits+base64 of 33 bytes")]
    Form,
    /// Notes cannot carry such a name: it is empty, or has white space or a plus sign.
    #[error("a key's name has no white space, no plus sign, and is not empty")]
    Name,
    /// The type byte names another algorithm than Ed25519 (0x01).
    #[error("the key is not an Ed25519 key (type 0x01)")]
    Algorithm,
    /// A key by which anybody can sign.
    #[error("the key is no key: signatures pass by it without a private one")]
    Weak,
    /// The id belongs to another name or key.
    #[error("the key id does not follow from the name and the key: it was mistyped or altered")]
    Id,
}

impl VerifierKey {
    /// # Errors
    /// If `name` cannot stand in a note, or anybody can sign by the key.
    pub fn new(name: &str, public: [u8; 32]) -> Result<VerifierKey, BadKey> {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.contains(bad) {
            return Err(BadKey::Name);
        }
        if !ed25519::is_key(&public) {
            return Err(BadKey::Weak);
        }
        Ok(VerifierKey { name: name.to_owned(), public })
    }

    /// The name: of a log, its ledger's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Ed25519 public key, as its 32 raw bytes.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The public key as a genesis has it: standard base64 of 32 bytes.
    pub fn public_text(&self) -> String {
        STANDARD.encode(self.public)
    }

    pub(super) fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[ED25519_BYTE], &self.public]);
        [hash.0[0], hash.0[1], hash.0[2], hash.0[3]]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_BYTE];
        key.extend_from_slice(&self.public);
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<VerifierKey, BadKey> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadKey::Form);
        };
        let key = STANDARD.decode(key).map_err(|_| BadKey::Form)?;
        let Some((&algorithm, public)) = key.split_first() else { return Err(BadKey::Form) };
        if algorithm != ED25519_BYTE {
            return Err(BadKey::Algorithm);
        }
        let public = public.try_into().map_err(|_| BadKey::Form)?;
        let key = VerifierKey::new(name, public)?;
        if id.len() != 8 || u32::from_str_radix(id, 16) != Ok(u32::from_be_bytes(key.id())) {
            return Err(BadKey::Id);
        }
        Ok(key)
    }
}

/// What a checkpoint says: which ledger has which root at which size (C2SP tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the ledger, the first line of the note.
    pub origin: String,
    /// Size of the ledger: how many entries the root covers.
    pub size: u64,
    /// Merkle root over the first `size` entries (RFC 6962 section 2.1).
    pub root: Hash,
}

/// Why a note is not a checkpoint of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadNote {
    /// The text is not a signed note, or the note's text is not a checkpoint.
    #[error("malformed checkpoint: {0}")]
    Malformed(&'static str),
    /// The note is of another ledger than the key names; holds that ledger's origin.
    #[error("the checkpoint is of `{0}`, which is not the ledger that the key names")]
    Foreign(String),
    /// No signature on the note is by the key that was given.
    #[error("no signature by the key that was given")]
    Unsigned,
    /// The key that was given signed the note, as it says, and the signature is false.
    #[error("the signature is false")]
    False,
}

impl Checkpoint {
    /// The text that is signed: origin, size and base64 root, each on a line of its own.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// Reads a note without asking who signed it.
    ///
    /// # Errors
    /// [`BadNote::Malformed`].
    pub fn parse(note: &str) -> Result<Checkpoint, BadNote> {
        let (text, _) = halves(note)?;
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(BadNote::Malformed("the text has not exactly three lines"));
        };
        let canonical = size.bytes().all(|b| b.is_ascii_digit()) && !size.starts_with('0');
        let size = size.parse().ok().filter(|_| canonical);
        let size = size.ok_or(BadNote::Malformed("the size is not a positive integer"))?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let root = Hash(root.ok_or(BadNote::Malformed("the root is not base64 of 32 bytes"))?);
        if origin.is_empty() {
            return Err(BadNote::Malformed("the origin is empty"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }

    /// Reads a note and checks that this key signed it, whose name is the ledger's.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn open(note: &str, key: &VerifierKey) -> Result<Checkpoint, BadNote> {
        let checkpoint = Checkpoint::parse(note)?;
        if checkpoint.origin != key.name() {
            return Err(BadNote::Foreign(checkpoint.origin));
        }
        let (text, lines) = halves(note)?;
        let id = key.id();
        let mut signed = false;
        for (name, signature) in lines {
            if name == key.name() && signature[..4] == id {
                if !ed25519::verifies(key.public(), text.as_bytes(), &signature[4..]) {
                    return Err(BadNote::False);
                }
                signed = true;
            }
        }
        if signed { Ok(checkpoint) } else { Err(BadNote::Unsigned) }
    }
}

/// Signature lines: the name of each, and key id with signature.
type Lines<'a> = Vec<(&'a str, Vec<u8>)>;

/// The signed text of a note, and its signature lines: names with key id and signature.
fn halves(note: &str) -> Result<(&str, Lines<'_>), BadNote> {
    let wrong = BadNote::Malformed;
    if note.contains(|c: char| c != '\n' && c.is_control()) {
        return Err(wrong("control characters"));
    }
    let split = note.rfind("\n\n").ok_or(wrong("no empty line before the signatures"))?;
    let (text, signatures) = (&note[..=split], &note[split + 2..]);
    let signatures = signatures.strip_suffix('\n').ok_or(wrong("it does not end in a newline"))?;
    let mut lines = Vec::new();
    for line in signatures.split('\n') {
        if lines.len() == LINES_MAX {
            return Err(wrong("more than 100 signature lines"));
        }
        let line = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
        let (name, signature) = line.ok_or(wrong("a signature line of another form"))?;
        let signature =
            STANDARD.decode(signature).map_err(|_| wrong("a signature is not base64"))?;
        if name.is_empty() || name.contains('+') || signature.len() < 5 {
            return Err(wrong("a signature line of another form"));
        }
        lines.push((name, signature));
    }
    Ok((text, lines))
}
