//! One disclosure attempt: what was asked, whom it names, what was counted and what was ruled.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Hash, Millis, Tag, Word, is_zero};

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
pub struct SearchKey {
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
    /// Never released to this provider in this ledger.
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
    /// New persons off the roster that it could hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub could_off: u64,
    /// Persons never released to the provider that it could hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub could_never: u64,
    /// Over all its subjects.
    #[serde(default, skip_serializing_if = "Counts::is_zero")]
    pub all: Counts,
    /// Over those off the roster.
    #[serde(default, skip_serializing_if = "Counts::is_zero")]
    pub off: Counts,
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
    /// [`Budgets::agent_minute`](super::Budgets::agent_minute)
    AgentMinute,
    /// [`Budgets::agent_hour`](super::Budgets::agent_hour)
    AgentHour,
    /// [`Budgets::agent_day`](super::Budgets::agent_day)
    AgentDay,
    /// [`Budgets::provider_day`](super::Budgets::provider_day)
    ProviderDay,
    /// [`Budgets::provider_30_days`](super::Budgets::provider_30_days)
    #[serde(rename = "provider_30_days")]
    Provider30Days,
    /// [`Budgets::off_roster_day`](super::Budgets::off_roster_day)
    OffRosterDay,
    /// [`Budgets::off_roster_30_days`](super::Budgets::off_roster_30_days)
    #[serde(rename = "off_roster_30_days")]
    OffRoster30Days,
    /// [`Contract::persons`](super::Contract::persons), and its dates
    Contract,
    /// [`Contract::off_persons`](super::Contract::off_persons)
    ContractOff,
    /// Withholds: a measure in force, or one that this very read brought about.
    Contained,
    /// Withholds an export that does not fit its job any more; the remainder is the job's rows. As the
    /// rule of an alert: an export that its job does not cover at all.
    Job,
    /// Alerts: [`RosterRule`](super::RosterRule)
    Roster,
    /// Alerts: [`StrangersRule`](super::StrangersRule)
    Strangers,
    /// Alerts: [`ProbingRule`](super::ProbingRule)
    Probing,
    /// Alerts: [`PaceRule`](super::PaceRule)
    Pace,
    /// Alerts: [`CreepRule`](super::CreepRule)
    Creep,
    /// Alerts: [`SignsRule`](super::SignsRule)
    Signs,
}

impl Rule {
    /// Whether it withholds reads. The others are detectors': they raise alerts, and what these take
    /// away withholds.
    pub fn withholds(self) -> bool {
        !matches!(
            self,
            Rule::Roster | Rule::Strangers | Rule::Probing | Rule::Pace | Rule::Creep | Rule::Signs
        )
    }
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
