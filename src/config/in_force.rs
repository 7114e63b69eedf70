//! The copy of the policy in force, beside the ledger: what another policy is compared with, and
//! what to put back when that one was not meant. It proves nothing: a copy that is not the policy
//! whose digest the ledger has is none.

use std::io;
use std::path::{Path, PathBuf};

use super::change::{Change, changes};
use super::policy::{self, Policy};
use crate::files;
use crate::registrar::rules::Rules;

/// Where it lies: the ledger's path and `.policy.toml`.
pub fn path(ledger: &Path) -> PathBuf {
    files::beside(ledger, ".policy.toml")
}

/// Keeps a policy that came into force.
///
/// # Errors
/// If the file cannot be written.
pub fn keep(ledger: &Path, policy: &Policy) -> io::Result<()> {
    files::replace(&path(ledger), &policy.text)
}

/// The rules of a policy, and what it changes of the one in force, if that can be said.
pub fn compared(ledger: &Path, policy: &Policy) -> (Rules, Vec<Change>) {
    match policy::load(&path(ledger)) {
        Ok(before) => against(&before, policy),
        Err(_) => (policy.rules(), Vec::new()),
    }
}

/// The rules of a policy, and what it changes of another.
pub fn against(before: &Policy, policy: &Policy) -> (Rules, Vec<Change>) {
    let changes = changes(before, policy);
    let looser = changes.iter().any(|change| change.looser);
    let loosens_not = (!looser).then_some(before.digest);
    (Rules { loosens_not, ..policy.rules() }, changes)
}
