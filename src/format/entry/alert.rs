//! What the judge found: alerts, and what they take away.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Millis, Rule, Tag, Word};

/// How grave a finding is, and with that what is contained at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is worth knowing, and nothing is contained.
    Info,
    /// The agent is throttled for an hour.
    Medium,
    /// The agent is frozen, and the provider kept to its roster, until somebody lifts it.
    High,
    /// The agent, or the provider, is suspended until somebody lifts it.
    Critical,
}

impl Severity {
    /// Each of them, the least grave first.
    pub const ALL: [Severity; 4] =
        [Severity::Info, Severity::Medium, Severity::High, Severity::Critical];
}

/// Whose reads a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The rule counts the reads of one agent.
    Agent,
    /// The rule counts the reads of all agents of the provider.
    Provider,
}

/// What an alert takes away from an agent or its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The agent is given one new person in ten seconds, and only persons on the roster.
    Throttle,
    /// The agent is given only files that it was given today.
    Freeze,
    /// The agent is given nothing.
    SuspendAgent,
    /// The provider is given only persons on its roster.
    CloseOffRoster,
    /// The provider may take no exports.
    CloseExports,
    /// The provider, with all its agents, is given nothing.
    SuspendProvider,
}

impl Measure {
    /// Whether it is the agent that it takes from, and not the provider as a whole.
    pub fn of_agent(self) -> bool {
        matches!(self, Measure::Throttle | Measure::Freeze | Measure::SuspendAgent)
    }
}

/// What a rule found. It stands in the commit of the read that brought it about, right behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Alert {
    pub incident: u64,
    pub rule: Rule,
    pub severity: Severity,
    pub provider: Word,
    pub agent: Tag,
    pub level: Level,
    pub observed: u64,
    pub expected: u64,
    pub since: Millis,
    pub first: u64,
    pub last: u64,
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub persons: u64,
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub off: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}
