//! Contracts: from when to when a provider may be given anybody, and how many different persons in
//! all. The one bound that never refills: judge and verifier ask it by this code.
//!
//! Who was given to a provider before its contract began counts too, so a renewed one keeps who was
//! met.

use std::collections::HashMap;

use super::judge_input::JudgeInput;
use crate::format::entry::{
    Contract, Entry, Millis, Outcome, Payload, Policy, ProviderRules, Rule, Section, Word,
};

/// What is known of one provider's contract, and how much of it is used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The contract in the last policy that names the provider; none if it has none.
    pub contract: Option<Contract>,
    /// How many different persons were given to the provider so far.
    pub persons: u64,
    /// How many of them were off the roster when they were first given.
    pub off: u64,
}

/// One limit of a contract, and how much of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The rule that the limit belongs to: [`Rule::Contract`] or [`Rule::ContractOff`].
    pub rule: Rule,
    /// How many different persons were given under it.
    pub used: u64,
    /// How many different persons may be given under it.
    pub most: u64,
}

impl Limit {
    /// How many more different persons may be given.
    pub fn left(&self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

/// A fold over all entries that counts every provider's persons against its contract.
#[derive(Clone, Debug, Default)]
pub struct Contracts {
    providers: HashMap<Word, Known>,
}

impl Known {
    /// The two limits of the contract, that of all persons first; none without a contract.
    fn limits(&self) -> Option<[Limit; 2]> {
        let Contract { persons, off_persons, .. } = self.contract?;
        let all = Limit { rule: Rule::Contract, used: self.persons, most: persons };
        let off = Limit { rule: Rule::ContractOff, used: self.off, most: off_persons };
        Some([all, off])
    }
}

impl Contracts {
    /// What is known of a provider.
    pub fn of(&self, provider: &str) -> Option<&Known> {
        self.providers.get(provider)
    }

    /// What a read may not be given by, if anything: the rule, and the persons who are left by it.
    pub fn withholds(&self, input: &JudgeInput<'_>, at: Millis) -> Option<(Rule, u64)> {
        let known = self.providers.get(input.provider)?;
        if known.contract.is_some_and(|contract| !contract.includes(at)) {
            return Some((Rule::Contract, 0));
        }
        let [all, off] = known.limits()?;
        let new = input.facts.could_never;
        let strangers = input.facts.could_off > 0;
        let over = |limit: &Limit, counts: bool| counts && new > limit.left();
        let limit = [(all, true), (off, strangers)].into_iter().find(|(one, on)| over(one, *on));
        limit.map(|(limit, _)| (limit.rule, limit.left()))
    }

    /// The limits of a provider that a released read uses up by so many persons, each before and
    /// behind it, with how much of the contract's time has passed by then, in thousandths.
    pub fn used_by(
        &self,
        input: &JudgeInput<'_>,
        at: Millis,
    ) -> Option<([(Limit, Limit); 2], u64)> {
        let known = self.providers.get(input.provider)?;
        let contract = known.contract?;
        let [all, off] = known.limits()?;
        let more = |limit: Limit, n: u64| (limit, Limit { used: limit.used + n, ..limit });
        let facts = &input.facts;
        let pairs = [more(all, facts.all.never), more(off, facts.off.never)];
        Some((pairs, contract.passed(at)))
    }

    /// Whether an entry can change anything here.
    pub(super) fn concerns(entry: &Entry) -> bool {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Provider(_) }) => true,
            Payload::Read(read) => {
                read.ruling.outcome == Outcome::Released && read.facts.all.never > 0
            }
            _ => false,
        }
    }

    /// Folds the next entry; policies and released reads count.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Provider(rules) }) => {
                let ProviderRules { provider, contract, .. } = rules;
                self.providers.entry(provider.clone()).or_default().contract = *contract;
            }
            Payload::Read(read) if read.ruling.outcome == Outcome::Released => {
                let known = self.providers.entry(read.provider.clone()).or_default();
                known.persons += read.facts.all.never;
                known.off += read.facts.off.never;
            }
            _ => {}
        }
    }
}
