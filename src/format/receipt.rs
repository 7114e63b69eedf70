//! Receipts: one self-contained file that proves one entry (`c2sp.org/tlog-proof@v1`).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{BadNote, Checkpoint, VerifierKey};
use super::entry::{Entry, Hash, Malformed};
use super::merkle;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Longest path: a tree of 2^53 entries.
const PATH_MAX: usize = 53;

/// A body, its place, the path to the root, and the checkpoint that signs the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The body of the entry, exactly as it is hashed.
    pub body: String,
    /// Number of the entry, counted from 0.
    pub index: u64,
    /// The inclusion path, hashes of the tree with the lowest level first (RFC 6962 section 2.1.1).
    pub path: Vec<Hash>,
    /// The signed note of the checkpoint, exactly as the ledger has it.
    pub checkpoint: String,
}

/// What a receipt that holds has proven.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The entry that stands in the ledger, parsed from the receipt's body.
    pub entry: Entry,
    /// The checkpoint that covers the entry, its signature checked.
    pub checkpoint: Checkpoint,
}

/// Why a receipt proves nothing of an entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadReceipt {
    /// The text has not the form of a receipt (C2SP tlog-proof).
    #[error("malformed receipt: {0}")]
    Malformed(&'static str),
    /// The checkpoint is malformed, of another ledger, or not signed by the key that was given.
    #[error(transparent)]
    Checkpoint(#[from] BadNote),
    /// The body is not an entry in the one form that the format allows.
    #[error("malformed entry: {0}")]
    Entry(#[from] Malformed),
    /// The body is not where the checkpoint has it.
    #[error("the entry is not at number {index} under this checkpoint: it was edited or forged")]
    NotIncluded {
        /// The place that the receipt names.
        index: u64,
    },
}

impl Receipt {
    /// Checks the receipt against a key; nothing else is needed.
    ///
    /// # Errors
    /// [`BadReceipt`] says what fails.
    pub fn check(&self, key: &VerifierKey) -> Result<Proven, BadReceipt> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        let leaf = merkle::leaf(self.body.as_bytes());
        let root = merkle::root_of_inclusion(self.index, checkpoint.size, leaf, &self.path);
        if root != Some(checkpoint.root) {
            return Err(BadReceipt::NotIncluded { index: self.index });
        }
        let entry = Entry::parse(&self.body)?;
        if entry.seq != self.index {
            return Err(BadReceipt::NotIncluded { index: self.index });
        }
        Ok(Proven { entry, checkpoint })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        writeln!(f, "extra {}", STANDARD.encode(&self.body))?;
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash.0))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Receipt {
    type Err = BadReceipt;

    fn from_str(text: &str) -> Result<Receipt, BadReceipt> {
        let wrong = BadReceipt::Malformed;
        let (proof, checkpoint) =
            text.split_once("\n\n").ok_or(wrong("no empty line before the checkpoint"))?;
        let mut lines = proof.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(wrong("it does not begin with c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let extra = extra.ok_or(wrong("no `extra` line with the entry"))?;
        let body = STANDARD.decode(extra).map_err(|_| wrong("`extra` is not base64"))?;
        let body = String::from_utf8(body).map_err(|_| wrong("the entry is not UTF-8"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let canonical =
            |n: &&str| n.bytes().all(|b| b.is_ascii_digit()) && (*n == "0" || !n.starts_with('0'));
        let index = index.filter(canonical).and_then(|n| n.parse().ok());
        let index = index.ok_or(wrong("no `index` line"))?;
        let mut path = Vec::new();
        for line in lines {
            let hash = STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok());
            path.push(Hash(hash.ok_or(wrong("a path line is not base64 of 32 bytes"))?));
            if path.len() > PATH_MAX {
                return Err(wrong("the path is longer than any ledger's"));
            }
        }
        Ok(Receipt { body, index, path, checkpoint: checkpoint.to_owned() })
    }
}
