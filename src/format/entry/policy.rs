//! The rules as the ledger has them: everything that the judge decides by.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Detectors, Hash, Millis, Word};

/// An entry that states one section of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The section of the policy that this entry states.
    pub section: Section,
}

/// One section of a policy, by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The thresholds that the detectors go by.
    Detectors(Detectors),
    /// The rules for the members of staff.
    Staff(StaffRules),
    /// The budgets and limits of one provider.
    Provider(ProviderRules),
    /// The end of a policy: reads name this entry.
    Head(Head),
}

/// What the judge decides by, for one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderRules {
    /// Id of the provider that the rules are for.
    pub provider: Word,
    /// How many new persons its agents and it may be given, in each span.
    pub budgets: Budgets,
    /// How much a roster may grow in 30 days unasked, in percent of its size before.
    pub roster_growth: u64,
    /// How many ledger entries a day the provider may bring about; none: as many as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries_day: Option<u64>,
    /// The contract under which it is given anybody; none: no end, and no limit that does not
    /// refill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
}

/// The contract under which a provider is given persons: from when to when, and how many ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The first moment of the contract, Unix milliseconds.
    pub begins: Millis,
    /// The first moment behind the contract, Unix milliseconds.
    pub ends: Millis,
    /// How many different persons the provider may ever be given.
    pub persons: u64,
    /// How many of them may ever be off the roster when they are first given.
    pub off_persons: u64,
}

impl Contract {
    /// Whether a moment is within it.
    pub fn includes(&self, at: Millis) -> bool {
        (self.begins..self.ends).contains(&at)
    }

    /// How much of it has passed at a moment, in thousandths.
    pub fn passed(&self, at: Millis) -> u64 {
        let passed = at.saturating_sub(self.begins).saturating_mul(1_000);
        passed / self.ends.saturating_sub(self.begins).max(1)
    }

    /// Whether it allows more than the one `before`.
    fn loosens(&self, before: &Contract) -> bool {
        let Contract { begins, ends, persons, off_persons } = *self;
        begins < before.begins
            || ends > before.ends
            || persons > before.persons
            || off_persons > before.off_persons
    }
}

impl ProviderRules {
    /// Whether the provider may come by more than by the rules `before`.
    pub fn loosens(&self, before: &ProviderRules) -> bool {
        let ProviderRules { provider: _, budgets, roster_growth, entries_day, contract } = self;
        let unbound = |old: &Contract| contract.is_none_or(|new| new.loosens(old));
        before.contract.as_ref().is_some_and(unbound)
            || *roster_growth > before.roster_growth
            || more(*entries_day, before.entries_day)
            || budgets.loosens(&before.budgets)
    }
}

/// What holds for each member of staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffRules {
    /// Ledger entries a day that one may bring about.
    pub entries_day: u64,
}

/// Whether a limit of entries is above `before`; none is no limit.
pub fn more(entries: Option<u64>, before: Option<u64>) -> bool {
    let limit = |entries: Option<u64>| entries.unwrap_or(u64::MAX);
    limit(entries) > limit(before)
}

/// Sizes of the budgets, in persons; each refills over its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// New persons to one agent, over a minute.
    pub agent_minute: u64,
    /// New persons to one agent, over an hour.
    pub agent_hour: u64,
    /// New persons to one agent, over a day.
    pub agent_day: u64,
    /// New persons to the provider, over a day.
    pub provider_day: u64,
    /// New persons to the provider, over 30 days.
    pub provider_30_days: u64,
    /// New persons off its roster, over a day.
    pub off_roster_day: u64,
    /// New persons off its roster, over 30 days.
    pub off_roster_30_days: u64,
}

impl Budgets {
    /// Whether any is larger than `before`.
    pub fn loosens(&self, before: &Budgets) -> bool {
        let sizes = |budgets: &Budgets| {
            // Taken apart, so that a budget that is added cannot be forgotten here.
            let Budgets {
                agent_minute,
                agent_hour,
                agent_day,
                provider_day,
                provider_30_days,
                off_roster_day,
                off_roster_30_days,
            } = *budgets;
            let agent = [agent_minute, agent_hour, agent_day];
            let provider = [provider_day, provider_30_days, off_roster_day, off_roster_30_days];
            agent.into_iter().chain(provider)
        };
        sizes(self).zip(sizes(before)).any(|(now, before)| now > before)
    }
}

/// The last section of a policy, which ends it; reads name its entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// SHA-256 of the policy file, as it was read.
    pub digest: Hash,
    /// How many sections stand before it.
    pub sections: u64,
    /// Version of the judge that rules from here on.
    pub judge: u64,
}
