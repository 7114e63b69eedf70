//! One disclosure attempt: what was asked, whom it names, what was counted and what was ruled.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Hash, Millis, Tag, Word, is_zero};

/// How a record was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// One record is asked for by its handle.
    Get,
    /// A page of records is asked for.
    List,
    /// Records are searched by exact values of declared keys.
    Search,
    /// A page of an approved job is asked for.
    Export,
}

/// Name and tagged value of a search key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchKey {
    /// Name of the key, as the dataset declares it.
    pub name: Word,
    /// Tag of the value that was searched for.
    pub tag: Tag,
}

/// A circumstance of a read that makes the judge stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The read came outside the hours of its provider.
    OffHours,
    /// Another open connection carried the same token.
    ConcurrentSessions,
}

/// Distinct persons of one read, counted against the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Persons whom this agent had not been given that day, in reads that are no export.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub agent_day: u64,
    /// Persons whom this provider had not been given that day.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub provider_day: u64,
    /// Persons whom this provider had not been given within 30 days.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub provider_30_days: u64,
    /// Persons whom this provider had never been given in this ledger.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub never: u64,
}

/// The integers that the judge folds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// How many persons that are new today to the agent the read could hold; budgets go by this
    /// alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub could: u64,
    /// How many of these could be off the roster; 0 unless a reason is stated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub could_off: u64,
    /// How many persons whom the provider was never given the read could hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub could_never: u64,
    /// Counts over all subjects of the read.
    #[serde(default, skip_serializing_if = "Counts::is_zero")]
    pub all: Counts,
    /// Counts over its subjects who are off the roster.
    #[serde(default, skip_serializing_if = "Counts::is_zero")]
    pub off: Counts,
}

impl Counts {
    fn is_zero(&self) -> bool {
        *self == Counts::default()
    }
}

/// Whether the rows of a read may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rows may leave, as they were asked for.
    Released,
    /// The rows may not leave, none of them.
    Withheld,
}

/// The rules that withhold a read or raise an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Withholds by the budget [`Budgets::agent_minute`](super::Budgets::agent_minute).
    AgentMinute,
    /// Withholds by the budget [`Budgets::agent_hour`](super::Budgets::agent_hour).
    AgentHour,
    /// Withholds by the budget [`Budgets::agent_day`](super::Budgets::agent_day).
    AgentDay,
    /// Withholds by the budget [`Budgets::provider_day`](super::Budgets::provider_day).
    ProviderDay,
    /// Withholds by the budget [`Budgets::provider_30_days`](super::Budgets::provider_30_days).
    #[serde(rename = "provider_30_days")]
    Provider30Days,
    /// Withholds by the budget [`Budgets::off_roster_day`](super::Budgets::off_roster_day).
    OffRosterDay,
    /// Withholds by the budget [`Budgets::off_roster_30_days`](super::Budgets::off_roster_30_days).
    #[serde(rename = "off_roster_30_days")]
    OffRoster30Days,
    /// Withholds by the limit [`Contract::persons`](super::Contract::persons), or outside the
    /// contract's dates.
    Contract,
    /// Withholds by the limit [`Contract::off_persons`](super::Contract::off_persons).
    ContractOff,
    /// Withholds: a measure in force, or one that this very read brought about.
    Contained,
    /// Withholds an export that does not fit its job any more; the remainder is the job's rows. As
    /// the rule of an alert: an export that its job does not cover at all.
    Job,
    /// Alerts by the detector that [`RosterRule`](super::RosterRule) sets.
    Roster,
    /// Alerts by the detector that [`StrangersRule`](super::StrangersRule) sets.
    Strangers,
    /// Alerts by the detector that [`ProbingRule`](super::ProbingRule) sets.
    Probing,
    /// Alerts by the detector that [`PaceRule`](super::PaceRule) sets.
    Pace,
    /// Alerts by the detector that [`CreepRule`](super::CreepRule) sets.
    Creep,
    /// Alerts by the detector that [`FirstTouchRule`](super::FirstTouchRule) sets.
    FirstTouch,
    /// Alerts of a decoy among the rows.
    Decoy,
    /// Alerts when several kinds of signs come together, as [`SignsRule`](super::SignsRule) sets.
    Signs,
}

impl Rule {
    /// Whether it withholds reads. The others are detectors': they raise alerts, and what these
    /// take away withholds.
    pub fn withholds(self) -> bool {
        !matches!(
            self,
            Rule::Roster
                | Rule::Strangers
                | Rule::Probing
                | Rule::Pace
                | Rule::Creep
                | Rule::FirstTouch
                | Rule::Decoy
                | Rule::Signs
        )
    }
}

/// What the judge ruled on a read, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// Whether the rows are released or withheld.
    pub outcome: Outcome,
    /// [`Rule::Contained`], or the budget with the smallest remainder among those that do not hold
    /// the read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Persons left in the budget that withheld the read; of [`Rule::Job`], rows left under the
    /// job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// When all budgets, or the throttle, would hold the read, Unix milliseconds; none if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits_at: Option<Millis>,
}

impl Ruling {
    /// The ruling of a read that is not judged yet, which releases nothing.
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
    pub job: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<SearchKey>,
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
