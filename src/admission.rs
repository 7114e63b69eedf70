//! The door: who calls, for which provider, and for which of the purposes that the policy allows.
//! It refuses to know rows, rates, the ledger and gRPC; the time is an argument.
//!
//! [`Caller`] and [`Permit`] are proofs: private fields, one constructor each, consumed by the next
//! step. Whoever holds a `Permit` holds a certificate that was checked, a token where the policy
//! demands one, and a purpose that the policy grants.

use std::sync::Arc;

mod authorities;
mod caller;
mod case_form;
mod certificate;
#[cfg(test)]
pub(crate) mod example;
pub mod grammar;
mod habits;
mod handle;
mod permit;
mod terms;
mod token;

pub use authorities::Authorities;
pub use caller::{Caller, Principal, authenticate};
pub use case_form::CaseForm;
pub use certificate::{CertificateFault, Peer, Role, host};
pub use habits::{DAYS, Habits, Hours, zone};
pub use handle::{Handles, ID_MAX};
pub use permit::{Ask, PAGE_DEFAULT, PAGE_MAX, Permit, PurposeFault, Violation};
pub use terms::{
    AgentAuth, Algorithm, Dataset, Field, FieldClass, Grant, Issuer, Provider, Purpose, Rate,
    RunBy, Scope, Search, SearchKey, Terms, TokenRequirements, Weights,
};
pub use token::{
    Bearer, KEYS_FILE_MAX, KeyFileError, KeySetFault, Keyring, MissingFactor, PresentedToken,
    Reloaded, StepUp, TOKEN_MAX, TokenDigest, TokenFault, Tokens, agent,
};

/// A name from a closed list of the policy.
pub type Word = Arc<str>;

/// Why the door stays shut; each kind asks something else of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// The certificate is not good, so another is needed.
    #[error("certificate rejected: {0}")]
    Certificate(#[from] CertificateFault),
    /// The token is not good, so another is needed.
    #[error("token rejected: {0}")]
    Token(#[from] TokenFault),
    /// The agent must log in once more, and then another token is needed.
    #[error("step up: {0}")]
    StepUp(#[from] StepUp),
    /// Another purpose, view or scope is needed.
    #[error("{0}")]
    Purpose(#[from] PurposeFault),
    /// The request must be written otherwise; every faulty field is listed.
    #[error("malformed request: {}", listed(.0))]
    Malformed(Vec<Violation>),
}

impl AdmissionError {
    /// The word that errors, counters and the ledger use for it.
    pub fn reason(&self) -> &'static str {
        match self {
            AdmissionError::Certificate(_) => "CERTIFICATE_REJECTED",
            AdmissionError::Token(_) => "TOKEN_REJECTED",
            AdmissionError::StepUp(_) => "STEP_UP_REQUIRED",
            AdmissionError::Purpose(_) => "PURPOSE_NOT_ALLOWED",
            AdmissionError::Malformed(_) => "REQUEST_MALFORMED",
        }
    }
}

fn listed(violations: &[Violation]) -> String {
    let each: Vec<_> =
        violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
    each.join("; ")
}
