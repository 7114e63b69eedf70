//! What one entry says, and its bytes. `docs/ledger-format.md` is the contract; this file is its
//! code. It knows nothing of files, keys or rules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod act;
mod alert;
mod body;
mod detectors;
mod digest;
mod policy;
mod read;
mod roster;
mod warning;

pub use act::{
    Acknowledgement, Act, Deed, JobTerms, OwnedKey, ProviderAgent, STATEMENT_MAX, SecurityDeed,
    Signature, SignedAct, Statement, Whom, message,
};
pub use alert::{Alert, Level, Measure, Severity};
pub use body::{BODY_MAX, INTEGER_END, Malformed, NAME_MAX, TEXT_MAX};
pub use detectors::{
    CreepRule, Detectors, Figure, FirstTouchRule, Looser, PaceRule, ProbingRule, RosterRule,
    SignsRule, StrangersRule,
};
pub use digest::{Hash, Nonce, PublicKey, SignatureBytes, Tag, sha256};
pub use policy::{Budgets, Contract, Head, Policy, ProviderRules, Section, StaffRules, more};
pub use read::{Counts, Facts, Flag, Method, Outcome, Read, Rule, Ruling, SearchKey};
pub use roster::Roster;
pub use warning::{CertificateOf, EntryBudget, Matter, MatterName, Warning};

/// A name, as of a provider, a dataset, a purpose, a view: 1 to 64 letters, digits, `_` and `-`.
pub type Word = Arc<str>;
/// Milliseconds: since the Unix epoch for `at`, since the genesis for `tick`.
pub type Millis = u64;

/// The UTC day of a time.
pub fn day(at: Millis) -> u64 {
    at / 86_400_000
}

/// The two times of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moment {
    /// Time of the entry by the gateway's clock, Unix milliseconds; it never decreases.
    pub at: Millis,
    /// Time of the entry by the judge's clock, milliseconds since the ledger began; budgets refill
    /// by it, and a moved wall clock does not advance it.
    pub tick: Millis,
}

/// One entry, which is one row of the ledger's table `entries`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Number of the entry; entries are contiguous from 0.
    pub seq: u64,
    /// Leaf hash of the entry before.
    pub prev: Hash,
    /// When the entry was written, by both clocks.
    pub now: Moment,
    /// What the entry says, by its kind.
    pub payload: Payload,
}

/// The kinds of entry that this version writes and reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// The first entry, number 0: the format's version, the ledger's name and its key.
    Genesis(Genesis),
    /// A part of the rules, or their head.
    Policy(Policy),
    /// A provider's roster, as it was found.
    Roster(Roster),
    /// One attempt to read records, released or withheld.
    Read(Box<Read>),
    /// A digest of calls refused before the judge.
    Refusals(Refusals),
    /// What a rule found, and what was contained.
    Alert(Alert),
    /// What somebody should look at; it takes nothing away.
    Warning(Warning),
    /// What an administrator or whoever watches decided or acknowledged.
    Act(Act),
    /// Somebody was given a part of the ledger.
    Access(Access),
}

impl Payload {
    /// The word that stands under `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Payload::Genesis(_) => "genesis",
            Payload::Policy(_) => "policy",
            Payload::Roster(_) => "roster",
            Payload::Read(_) => "read",
            Payload::Refusals(_) => "refusals",
            Payload::Alert(_) => "alert",
            Payload::Warning(_) => "warning",
            Payload::Act(_) => "act",
            Payload::Access(_) => "access",
        }
    }
}

/// The first entry of a ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Version of the ledger format; this program writes and reads 1.
    pub format: u64,
    /// The ledger's name: what its checkpoints begin with.
    pub origin: String,
    /// Ed25519 public key, standard base64 of 32 bytes.
    pub key: String,
}

/// What is 0 is left out of a body.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The word that a body has for a value of a closed list.
pub fn word<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Calls refused before the judge, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// Time of the first refusal in this digest, Unix milliseconds.
    pub since: Millis,
    /// The certificates that were refused most often, at most 16 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateRefusals>,
    /// Counts of all further certificates together, and of connections without a good one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<RefusalCount>,
}

/// Refused calls of one client certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRefusals {
    /// Fingerprint of the certificate: SHA-256 of its DER form.
    pub certificate: Hash,
    /// The provider in it, known to the policy or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Word>,
    /// How many calls were refused, for each reason.
    pub counts: Vec<RefusalCount>,
}

/// How many calls were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalCount {
    /// The reason, a word as in the gateway's errors, such as `HANDSHAKE`.
    pub reason: Word,
    /// How many calls or connections were refused for it.
    pub count: u64,
}

/// Somebody was given a part of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Role in the certificate of whoever asked.
    pub role: Word,
    /// Id in the certificate of whoever asked.
    pub id: Word,
    /// Fingerprint of that certificate: SHA-256 of its DER form.
    pub certificate: Hash,
    /// Which part of the ledger was given out.
    pub what: Given,
    /// Number of the entry that it was about.
    pub entry: u64,
}

/// Parts of the ledger that are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A receipt, which holds the body.
    Receipt,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_bodies() {
        assert_eq!(word(&Rule::OffRoster30Days), "off_roster_30_days");
        assert_eq!(word(&Method::Get), "get");
        assert_eq!(word(&Measure::CloseOffRoster), "close_off_roster");
    }
}
