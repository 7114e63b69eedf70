//! What one entry says, and its bytes. `docs/ledger-format.md` is the contract; this file is its
//! code. It knows nothing of files, keys or rules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod body;
mod digest;
mod notice;

pub use body::{BODY_MAX, INTEGER_END, Malformed, TEXT_MAX};
pub use digest::{Hash, Tag, sha256};
pub use notice::{Act, Alert, Deed, Level, Measure, Severity};

/// A name from a closed list of the policy: a provider, a dataset, a purpose, a view.
pub type Word = Arc<str>;
/// Milliseconds: since the Unix epoch for `at`, since the genesis for `tick`.
pub type Millis = u64;

/// The two times of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moment {
    /// The gateway's clock, Unix milliseconds.
    pub at: Millis,
    /// The judge's clock: see `docs/ledger-format.md`.
    pub tick: Millis,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Entry number, from 0.
    pub seq: u64,
    /// Leaf hash of the entry before.
    pub prev: Hash,
    /// When it was written.
    pub now: Moment,
    /// What it says.
    pub what: What,
}

/// The kinds of entry that this version writes and reads.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Entry 0 of a segment.
    Genesis(Genesis),
    /// A part of the rules, or their head.
    Policy(Policy),
    /// One disclosure attempt.
    Read(Box<Read>),
    /// A digest of calls refused before the judge.
    Refusals(Refusals),
    /// What a rule found, and what was contained.
    Alert(Alert),
    /// What somebody decided.
    Act(Act),
    /// Somebody was given a part of the ledger.
    Access(Access),
}

impl What {
    /// The word that stands under `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Genesis(_) => "genesis",
            What::Policy(_) => "policy",
            What::Read(_) => "read",
            What::Refusals(_) => "refusals",
            What::Alert(_) => "alert",
            What::Act(_) => "act",
            What::Access(_) => "access",
        }
    }
}

/// The first entry of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Version of the format.
    pub format: u64,
    /// `<ledger name>/<period>`.
    pub origin: String,
    /// Ed25519 public key, standard base64 of 32 bytes.
    pub key: String,
    /// Where the segment before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Digest of the judge's state; none in a first segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Hash>,
}

/// The end of the segment before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its origin.
    pub origin: String,
    /// Its size, in entries.
    pub size: u64,
    /// Its root at that size.
    pub root: Hash,
    /// Its last leaf hash.
    pub leaf: Hash,
}

/// A policy entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Which part of the policy.
    pub section: Section,
}

/// One part of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// What the detectors go by.
    Detectors(Detectors),
    /// The rules for one provider.
    Provider(ProviderRules),
    /// The end of a policy: reads name this entry.
    Head(Head),
}

/// What the judge decides by, for one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderRules {
    /// Provider id.
    pub provider: Word,
    /// Budgets of persons.
    pub budgets: Budgets,
}

/// Sizes of the budgets, in persons; each refills over its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// New persons to one agent, over a minute.
    pub agent_minute: u64,
    /// ... over an hour.
    pub agent_hour: u64,
    /// ... over a day.
    pub agent_day: u64,
    /// New persons to the provider, over a day.
    pub provider_day: u64,
    /// ... over 30 days.
    pub provider_30_days: u64,
    /// New persons off its roster, over a day.
    pub off_roster_day: u64,
    /// ... over 30 days.
    pub off_roster_30_days: u64,
}

/// What the detectors go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detectors {
    /// Persons off the roster.
    pub roster: RosterRule,
}

/// The roster detector: a sum that each new person off the roster raises and each on it lowers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterRule {
    /// What a person off the roster adds, in thousandths.
    pub off: u64,
    /// What a person on it takes away, in thousandths.
    pub on: u64,
    /// From this sum on the finding is medium.
    pub medium: u64,
    /// From this sum on it is high; half of it is information.
    pub high: u64,
}

/// A Bernoulli CUSUM of 2 % against 50 % (E. S. Page, Continuous inspection schemes, 1954): ln(.5/.02)
/// and -ln(.5/.98). Bursts of up to twelve are ordinary; the thirteenth in a row is not.
impl Default for RosterRule {
    fn default() -> RosterRule {
        RosterRule { off: 3_219, on: 673, medium: 40_000, high: 45_000 }
    }
}

/// The end of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// SHA-256 of the policy file.
    pub digest: Hash,
    /// How many sections stand before it.
    pub sections: u64,
    /// Version of the judge that rules from here on.
    pub judge: u64,
}

/// How a record was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// One record by its handle.
    Get,
    /// A page.
    List,
    /// By exact declared keys.
    Search,
    /// A page of an approved job.
    Export,
}

/// Name and tagged value of a search key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// As declared by the dataset.
    pub name: Word,
    /// Of the value as searched.
    pub tag: Tag,
}

/// Circumstances that tighten the judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Outside the provider's hours.
    OffHours,
    /// A network not seen for this provider.
    NewNetwork,
    /// A credential with few active days.
    YoungCredential,
    /// Sessions at once.
    ConcurrentSessions,
}

/// Distinct persons of one read, counted against the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// New today to this agent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub agent_day: u64,
    /// New today to this provider.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub provider_day: u64,
    /// New in 30 days to this provider.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub provider_30_days: u64,
    /// Never released to this provider in this segment.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub never: u64,
}

/// The integers that the judge folds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// New persons that the read could hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub could: u64,
    /// ... off the roster.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub could_off: u64,
    /// Over all its subjects.
    #[serde(default, skip_serializing_if = "Counts::is_zero")]
    pub all: Counts,
    /// Over those off the roster.
    #[serde(default, skip_serializing_if = "Counts::is_zero")]
    pub off: Counts,
}

/// What is 0 is left out of a body.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Counts {
    fn is_zero(&self) -> bool {
        *self == Counts::default()
    }
}

/// Whether the rows may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They may.
    Released,
    /// They may not, none of them.
    Withheld,
}

/// The rules that withhold a read or raise an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// [`Budgets::agent_minute`]
    AgentMinute,
    /// [`Budgets::agent_hour`]
    AgentHour,
    /// [`Budgets::agent_day`]
    AgentDay,
    /// [`Budgets::provider_day`]
    ProviderDay,
    /// [`Budgets::provider_30_days`]
    #[serde(rename = "provider_30_days")]
    Provider30Days,
    /// [`Budgets::off_roster_day`]
    OffRosterDay,
    /// [`Budgets::off_roster_30_days`]
    #[serde(rename = "off_roster_30_days")]
    OffRoster30Days,
    /// Withholds: a measure in force, or one that this very read brought about.
    Contained,
    /// Alerts: [`RosterRule`]
    Roster,
}

/// The word that a body has for a value of a closed list.
pub fn word<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// What the judge ruled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// Released or withheld.
    pub outcome: Outcome,
    /// [`Rule::Contained`], or the budget with the smallest remainder among those that do not hold
    /// the read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Persons left in that budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// When all budgets, or the throttle, would hold the read, Unix milliseconds; none if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits_at: Option<Millis>,
}

impl Ruling {
    /// No ruling yet: releases nothing.
    pub const PENDING: Ruling =
        Ruling { outcome: Outcome::Withheld, rule: None, remaining: None, fits_at: None };
    /// Withheld by a measure; `fits_at`: when it would let the read go, if it will.
    pub const fn contained(fits_at: Option<Millis>) -> Ruling {
        let (outcome, rule) = (Outcome::Withheld, Some(Rule::Contained));
        Ruling { outcome, rule, remaining: None, fits_at }
    }

    /// The ruling that lets the rows go.
    pub const RELEASED: Ruling =
        Ruling { outcome: Outcome::Released, rule: None, remaining: None, fits_at: None };
}

/// One disclosure attempt. Field by field as in `docs/ledger-format.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Read {
    pub policy: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<u64>,
    pub provider: Word,
    pub certificate: Hash,
    pub agent: Tag,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Word>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_age: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Hash>,
    pub network: Word,
    pub dataset: Word,
    pub purpose: Word,
    pub case: Tag,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Word>,
    pub method: Method,
    pub view: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    pub asked: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub misses: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Tag>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<Tag>,
    pub facts: Facts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Flag>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decoys: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight: u64,
    pub ruling: Ruling,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Hash>,
}

/// Calls refused before the judge, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// The first of them.
    pub since: Millis,
    /// The certificates with the most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Refused>,
    /// Everyone else together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Refusal>,
}

/// Refused calls of one certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Its fingerprint.
    pub certificate: Hash,
    /// The provider in it, known to the policy or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Word>,
    /// How many, by reason.
    pub counts: Vec<Refusal>,
}

/// How many calls were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// As in the gateway's errors.
    pub reason: Word,
    /// How many.
    pub count: u64,
}

/// Somebody was given a part of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Role in the certificate.
    pub role: Word,
    /// Id in it.
    pub id: Word,
    /// Its fingerprint.
    pub certificate: Hash,
    /// What was given.
    pub what: Given,
    /// Of which entry.
    pub entry: u64,
}

/// Parts of the ledger that are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A receipt, which holds the body.
    Receipt,
}
