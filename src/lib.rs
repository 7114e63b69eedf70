//! A gateway that writes and signs every read of a personal record before it lets the record go.

#[cfg(feature = "serve")]
pub mod instance;
pub mod ledger;
