//! Budgets of distinct persons: the only deterministic bound on what a credential can take. Each is
//! a bucket that refills over its span and is charged by the fact of the same name. A read that
//! could hold more new persons than any bucket has left is withheld whole, whatever it found.
//!
//! In a context that tightens a person counts as two to the agent's hour and day.
//!
//! A bucket of size C that refills over a span lets at most 2 C go in any one span: what it held at
//! the beginning and what it refilled.

pub mod ceiling;
mod context;

use std::collections::{HashMap, HashSet};

use context::Contexts;

use super::{DAY, Finding, HOUR, MINUTE, coarse};
use crate::format::entry::{
    Budgets, Entry, Facts, Level, Millis, Moment, Outcome, Payload, Policy, ProviderRules, Read,
    Rule, Ruling, Section, Severity, Tag, Word,
};
use crate::state::bucket::Bucket;
use crate::state::judge_input::JudgeInput;

/// One budget: which rule, what refills it, what a read asks of it and what it is charged.
struct BudgetRule {
    rule: Rule,
    /// How grave it is that it is exhausted; nothing, for the minute's.
    grave: Option<Severity>,
    span: Millis,
    size: fn(&Budgets) -> u64,
    could: fn(&Facts) -> u64,
    charge: fn(&Facts) -> u64,
    /// For how many a person counts in a context that tightens.
    tight: u64,
}

impl BudgetRule {
    /// For how many a person counts.
    fn times(&self, tight: bool) -> u64 {
        if tight { self.tight } else { 1 }
    }
}

const AGENT: [BudgetRule; 3] = [
    BudgetRule {
        rule: Rule::AgentMinute,
        grave: None,
        span: MINUTE,
        size: |b| b.agent_minute,
        could: |f| f.could,
        charge: |f| f.all.agent_day,
        tight: 1,
    },
    BudgetRule {
        rule: Rule::AgentHour,
        grave: Some(Severity::High),
        span: HOUR,
        size: |b| b.agent_hour,
        could: |f| f.could,
        charge: |f| f.all.agent_day,
        tight: 2,
    },
    BudgetRule {
        rule: Rule::AgentDay,
        grave: Some(Severity::High),
        span: DAY,
        size: |b| b.agent_day,
        could: |f| f.could,
        charge: |f| f.all.agent_day,
        tight: 2,
    },
];

const PROVIDER: [BudgetRule; 4] = [
    BudgetRule {
        rule: Rule::ProviderDay,
        grave: Some(Severity::High),
        span: DAY,
        size: |b| b.provider_day,
        could: |f| f.could,
        charge: |f| f.all.provider_day,
        tight: 1,
    },
    BudgetRule {
        rule: Rule::Provider30Days,
        grave: Some(Severity::High),
        span: 30 * DAY,
        size: |b| b.provider_30_days,
        could: |f| f.could,
        charge: |f| f.all.provider_30_days,
        tight: 1,
    },
    BudgetRule {
        rule: Rule::OffRosterDay,
        grave: Some(Severity::Critical),
        span: DAY,
        size: |b| b.off_roster_day,
        could: |f| f.could_off,
        charge: |f| f.off.provider_day,
        tight: 1,
    },
    BudgetRule {
        rule: Rule::OffRoster30Days,
        grave: Some(Severity::High),
        span: 30 * DAY,
        size: |b| b.off_roster_30_days,
        could: |f| f.could_off,
        charge: |f| f.off.provider_30_days,
        tight: 1,
    },
];

/// What is left to one provider and its agents.
#[derive(Debug)]
struct Account {
    budgets: Budgets,
    provider: [Bucket; 4],
    agents: HashMap<Tag, [Bucket; 3]>,
}

fn fresh<const N: usize>(kinds: &[BudgetRule; N], budgets: &Budgets, tick: Millis) -> [Bucket; N] {
    std::array::from_fn(|i| Bucket::full((kinds[i].size)(budgets), kinds[i].span, tick))
}

/// The detector.
#[derive(Debug, Default)]
pub struct PersonBudgets {
    accounts: HashMap<Word, Account>,
    contexts: Contexts,
    /// Providers of the policy in force; the accounts of others are kept but closed.
    open: HashSet<Word>,
    /// Providers of the policy being read, until its head comes.
    coming: HashSet<Word>,
}

impl PersonBudgets {
    /// Rules on a read.
    pub fn decide(&self, counted: &JudgeInput<'_>, now: Moment) -> Ruling {
        let account = self.accounts.get(counted.provider);
        let Some(account) = account.filter(|_| self.open.contains(counted.provider)) else {
            let (rule, remaining) = (Some(Rule::ProviderDay), Some(0));
            return Ruling { outcome: Outcome::Withheld, rule, remaining, fits_at: None };
        };
        let new = || fresh(&AGENT, &account.budgets, now.tick);
        let agent = account.agents.get(&counted.agent).copied().unwrap_or_else(new);
        let tight = self.contexts.tighten(counted, now.at);
        let own = AGENT.iter().zip(&agent).map(|pair| (true, pair));
        let shared = PROVIDER.iter().zip(&account.provider).map(|pair| (false, pair));
        let mut tightest: Option<(u64, Rule)> = None;
        // None is for ever.
        let mut wait = Some(0);
        for (own, (kind, bucket)) in own.chain(shared) {
            let times = kind.times(tight);
            let could = (kind.could)(&counted.facts).saturating_mul(times);
            let left = bucket.left(kind.span, now.tick);
            if could <= left {
                continue;
            }
            // Of what agents share, neither the order nor the time may say more than is told.
            let left = if own { left / times } else { coarse(left) };
            if tightest.is_none_or(|(least, _)| left < least) {
                tightest = Some((left, kind.rule));
            }
            let longer = if own {
                bucket.wait(kind.span, now.tick, could)
            } else {
                bucket.longest_wait(kind.span, left, could)
            };
            wait = wait.zip(longer).map(|(one, other)| one.max(other));
        }
        let Some((left, rule)) = tightest else { return Ruling::RELEASED };
        let fits_at = wait.map(|wait| now.at + wait);
        let (outcome, rule) = (Outcome::Withheld, Some(rule));
        Ruling { outcome, rule, remaining: Some(left), fits_at }
    }

    /// The budgets that a released read leaves with less than one person, or takes below half.
    pub(super) fn drained(&self, counted: &JudgeInput<'_>, now: Moment) -> Vec<Finding> {
        let account = self.accounts.get(counted.provider).filter(|_| counted.export.is_none());
        let Some(account) = account else { return Vec::new() };
        let Moment { at, tick } = now;
        let tight = self.contexts.tighten(counted, at);
        let new = || fresh(&AGENT, &account.budgets, tick);
        let agent = account.agents.get(&counted.agent).copied().unwrap_or_else(new);
        let agent = AGENT.iter().zip(&agent).map(|pair| (Level::Agent, pair));
        let provider = PROVIDER.iter().zip(&account.provider).map(|pair| (Level::Provider, pair));
        let finding = |(level, (kind, bucket)): (Level, (&BudgetRule, &Bucket))| {
            let grave = kind.grave?;
            let times = kind.times(tight);
            let persons = (kind.charge)(&counted.facts).saturating_mul(times);
            let left = bucket.left(kind.span, tick).saturating_sub(persons);
            let (rule, size) = (kind.rule, bucket.size);
            let severity = match left {
                _ if persons == 0 => return None,
                0 => grave,
                // A quarter of the persons whom it is for is nothing to tell of.
                _ if left < size / 2 && times == 1 => Severity::Info,
                _ => return None,
            };
            Some(Finding { rule, level, severity, observed: size - left, expected: size })
        };
        agent.chain(provider).filter_map(finding).collect()
    }

    /// Folds an entry.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Provider(rules) }) => {
                self.rules(rules, entry.now.tick);
            }
            Payload::Policy(Policy { section: Section::Head(_) }) => {
                self.open = std::mem::take(&mut self.coming);
            }
            // What goes out under a job is charged to the job.
            Payload::Read(read)
                if read.ruling.outcome == Outcome::Released && read.job.is_none() =>
            {
                let tight = self.contexts.tighten(&JudgeInput::of(entry.seq, read), entry.now.at);
                self.charge(read, tight, entry.now.tick);
                self.contexts.fold(read, entry.now.at);
            }
            _ => {}
        }
    }

    fn rules(&mut self, rules: &ProviderRules, tick: Millis) {
        self.coming.insert(rules.provider.clone());
        let budgets = rules.budgets;
        let Some(account) = self.accounts.get_mut(&rules.provider) else {
            let provider = fresh(&PROVIDER, &budgets, tick);
            let account = Account { budgets, provider, agents: HashMap::new() };
            self.accounts.insert(rules.provider.clone(), account);
            return;
        };
        account.budgets = budgets;
        for (kind, bucket) in PROVIDER.iter().zip(&mut account.provider) {
            bucket.resize(kind.span, tick, (kind.size)(&budgets));
        }
        for agent in account.agents.values_mut() {
            for (kind, bucket) in AGENT.iter().zip(agent) {
                bucket.resize(kind.span, tick, (kind.size)(&budgets));
            }
        }
    }

    fn charge(&mut self, read: &Read, tight: bool, tick: Millis) {
        let Some(account) = self.accounts.get_mut(&read.provider) else { return };
        let budgets = &account.budgets;
        let new = || fresh(&AGENT, budgets, tick);
        let agent = account.agents.entry(read.agent).or_insert_with(new);
        let pairs = AGENT.iter().zip(agent).chain(PROVIDER.iter().zip(&mut account.provider));
        for (kind, bucket) in pairs {
            let persons = (kind.charge)(&read.facts).saturating_mul(kind.times(tight));
            if persons > 0 {
                bucket.charge(kind.span, tick, persons);
            }
        }
    }
}

/// A read that a budget withheld: worth knowing.
pub(super) fn refused(counted: &JudgeInput<'_>, ruling: &Ruling) -> Finding {
    let rule = ruling.rule.unwrap_or(Rule::ProviderDay);
    let level =
        if AGENT.iter().any(|kind| kind.rule == rule) { Level::Agent } else { Level::Provider };
    let (observed, expected) = (counted.facts.could, ruling.remaining.unwrap_or(0));
    Finding { rule, level, severity: Severity::Info, observed, expected }
}

#[cfg(test)]
mod tests;
