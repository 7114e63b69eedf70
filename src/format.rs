//! Bytes and nothing else: what an entry says, tags, the tree, notes and their signing, receipts.
//! `docs/ledger-format.md` is the contract.

pub mod checkpoint;
pub mod ed25519;
pub mod entry;
pub mod merkle;
#[cfg(feature = "serve")]
pub mod personal;
pub mod receipt;
#[cfg(feature = "serve")]
pub mod signer;
pub mod tag;
