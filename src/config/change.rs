//! What a policy changes of another, in plain words, each change marked as one that loosens or one
//! that tightens. It compares what the two say and refuses to know who asks, and why.
//!
//! A change tightens only if nobody can come by more through it. Where that is in doubt, it
//! loosens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::policy::Policy;
use crate::admission::{
    AgentAuth, Dataset, Field, Grant, Habits, Issuer, Provider, Purpose, Rate, Role, Scope, Search,
    TokenRequirements, Weights, Word,
};
use crate::format::entry::{Budgets, Contract, Detectors, Hash, ProviderRules, more};

/// One change between two policies, and whether it loosens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether somebody may come by more, or be noticed later.
    pub looser: bool,
    /// The section of the policy that changes.
    pub place: String,
    /// What changes in it, in words.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.looser { "looser" } else { "tighter" };
        write!(f, "{mark}: {}: {}", self.place, self.what)
    }
}

/// Every change from one policy to another, in the order of the file. The order of a list is none.
pub fn changes(old: &Policy, new: &Policy) -> Vec<Change> {
    // Taken apart, so that a key that is added cannot be forgotten here.
    let Policy {
        text: _,
        folder: _,
        digest: _,
        detectors: _,
        rules: _,
        contact: _,
        revoked: _,
        datasets: _,
        weights: _,
        issuers: _,
        providers: _,
        staff: _,
        staff_rules: _,
    } = new;
    let mut found = Found { place: "policy".to_owned(), changes: Vec::new() };
    found.other("contact", old.contact.as_deref(), new.contact.as_deref());
    let hex =
        |policy: &Policy| policy.revoked.iter().map(|print| Hash(*print).to_string()).collect();
    // What is revoked is one certificate less that is good.
    found.set("certificate", &hex(new), &hex(old), REVOKED);
    staff(&mut found, old, new);
    let entries = |policy: &Policy| policy.staff_rules.entries_day;
    found.raised("staff_entries_per_day", entries(old), entries(new));
    weights(&mut found, &old.weights, &new.weights);
    found.map("dataset", &old.datasets, &new.datasets, dataset);
    found.map("issuer", &old.issuers, &new.issuers, issuer);
    found.map("provider", &old.providers, &new.providers, provider);
    for rules in &new.rules {
        let ProviderRules { provider: _, budgets: _, roster_growth: _, entries_day: _, contract } =
            rules;
        let before = old.rules.iter().find(|before| before.provider == rules.provider);
        if let Some(before) = before {
            found.at(format!("provider {}", rules.provider));
            budgets(&mut found, &before.budgets, &rules.budgets);
            found.raised("roster_growth", before.roster_growth, rules.roster_growth);
            found.entries("entries_per_day", before.entries_day, rules.entries_day);
            contracts(&mut found, before.contract.as_ref(), contract.as_ref());
        }
    }
    detectors(&mut found, &old.detectors, &new.detectors);
    found.changes
}

/// The changes found so far, and where the next one is.
struct Found {
    place: String,
    changes: Vec<Change>,
}

/// How it is told that a set of what is allowed became larger, or smaller.
type Told = [&'static str; 2];

const LISTED: Told = ["added", "removed"];
const REVOKED: Told = ["revoked no more", "revoked"];

impl Found {
    fn at(&mut self, place: impl Into<String>) {
        self.place = place.into();
    }

    fn add(&mut self, looser: bool, what: String) {
        self.changes.push(Change { looser, place: self.place.clone(), what });
    }

    /// Notes a figure whose rise loosens, if it changed.
    fn raised(&mut self, name: &str, old: u64, new: u64) {
        if old != new {
            self.add(new > old, format!("{name} {old} -> {new}"));
        }
    }

    /// Notes a figure whose rise tightens, if it changed.
    fn lowered(&mut self, name: &str, old: u64, new: u64) {
        if old != new {
            self.add(new < old, format!("{name} {old} -> {new}"));
        }
    }

    /// A limit of entries; none is no limit.
    fn entries(&mut self, name: &str, old: Option<u64>, new: Option<u64>) {
        let figure = |limit: Option<u64>| limit.map_or("none".to_owned(), |n| n.to_string());
        if old != new {
            self.add(more(new, old), format!("{name} {} -> {}", figure(old), figure(new)));
        }
    }

    /// Something of which nobody can say which way is looser.
    fn other<T: fmt::Display + PartialEq>(&mut self, name: &str, old: Option<T>, new: Option<T>) {
        match (old, new) {
            (old, new) if old == new => {}
            (None, Some(new)) => self.add(true, format!("{name} {new} added")),
            (Some(old), None) => self.add(true, format!("{name} {old} removed")),
            (Some(old), Some(new)) => self.add(true, format!("{name} {old} -> {new}")),
            (None, None) => {}
        }
    }

    /// A set of what is allowed.
    fn set<T: Ord + fmt::Display>(
        &mut self,
        of: &str,
        old: &BTreeSet<T>,
        new: &BTreeSet<T>,
        [more, less]: Told,
    ) {
        for one in new.difference(old) {
            self.add(true, format!("{of} {one} {more}"));
        }
        for one in old.difference(new) {
            self.add(false, format!("{of} {one} {less}"));
        }
    }

    fn words(&mut self, of: &str, old: &[Word], new: &[Word]) {
        let set = |words: &[Word]| words.iter().cloned().collect();
        self.set(of, &set(old), &set(new), LISTED);
    }

    /// What one side has and the other has not; what both have is compared in its own place.
    fn map<T>(
        &mut self,
        of: &str,
        old: &BTreeMap<Word, T>,
        new: &BTreeMap<Word, T>,
        compare: impl Fn(&mut Found, &T, &T),
    ) {
        let place = self.place.clone();
        let names = |map: &BTreeMap<Word, T>| map.keys().cloned().collect();
        self.set(of, &names(old), &names(new), LISTED);
        for (name, new) in new {
            if let Some(old) = old.get(name) {
                let inner = if place == "policy" { String::new() } else { format!("{place}, ") };
                self.at(format!("{inner}{of} {name}"));
                compare(self, old, new);
            }
        }
        self.at(place);
    }
}

/// What weighs less is noticed later.
fn weights(found: &mut Found, old: &Weights, new: &Weights) {
    for (name, old, new) in [
        ("weight identity", old.identity, new.identity),
        ("weight contact", old.contact, new.contact),
        ("weight status", old.status, new.status),
        ("weight sensitive", old.sensitive, new.sensitive),
    ] {
        found.lowered(name, old, new);
    }
}

fn staff(found: &mut Found, old: &Policy, new: &Policy) {
    let none = BTreeSet::new();
    for role in Role::ALL {
        let of = |policy: &Policy| policy.staff.get(&role).unwrap_or(&none).clone();
        let (old, new) = (of(old), of(new));
        for id in new.difference(&old) {
            found.add(true, format!("{role} {id} added"));
        }
        for id in old.difference(&new) {
            // One who watches or decides less is also one who notices less.
            found.add(role != Role::Agency, format!("{role} {id} removed"));
        }
    }
}

fn dataset(found: &mut Found, old: &Dataset, new: &Dataset) {
    // Taken apart, so that a key that is added cannot be forgotten here.
    let Dataset {
        table: _,
        id_column: _,
        roster_table: _,
        fields: _,
        views: _,
        searches: _,
        purposes: _,
        off_roster_reasons: _,
    } = new;
    for (name, old, new) in [
        ("table", &old.table, &new.table),
        ("id_column", &old.id_column, &new.id_column),
        ("roster_table", &old.roster_table, &new.roster_table),
    ] {
        found.other(name, Some(old), Some(new));
    }
    found.words("off-roster reason", &old.off_roster_reasons, &new.off_roster_reasons);
    let fields = |dataset: &Dataset| -> BTreeMap<Word, Field> {
        dataset.fields.iter().map(|field| (field.name.clone(), field.clone())).collect()
    };
    found.map("field", &fields(old), &fields(new), field);
    found.map("view", &old.views, &new.views, |found, old, new| found.words("field", old, new));
    let searches = |dataset: &Dataset| -> BTreeMap<Word, Search> {
        dataset.searches.iter().map(|search| (search.name.clone(), search.clone())).collect()
    };
    found.map("search", &searches(old), &searches(new), search);
    found.map("purpose", &old.purposes, &new.purposes, purpose);
}

fn field(found: &mut Found, old: &Field, new: &Field) {
    found.other("column", Some(&old.column), Some(&new.column));
    if old.class != new.class {
        // Which weighs less, the weights say, and they may change with it.
        found.add(true, format!("class {} -> {}", old.class.word(), new.class.word()));
    }
}

/// A key more finds fewer persons, and may let somebody try out what no view shows.
fn search(found: &mut Found, old: &Search, new: &Search) {
    let by = |search: &Search| {
        let keys: Vec<_> = search.keys.iter().map(ToString::to_string).collect();
        keys.join(", ")
    };
    let same = |one: &Search, other: &Search| one.keys.iter().all(|key| other.keys.contains(key));
    if !(same(old, new) && same(new, old)) {
        found.add(true, format!("by {} -> by {}", by(old), by(new)));
    }
}

fn purpose(found: &mut Found, old: &Purpose, new: &Purpose) {
    // Taken apart, so that a key that is added cannot be forgotten here.
    let Purpose { views: _, case_reference: _ } = new;
    found.words("view", &old.views, &new.views);
    match (&old.case_reference, &new.case_reference) {
        (None, Some(form)) => found.add(false, format!("case references of the form {form} only")),
        // Which of two forms lets more through is not worked out.
        (old, new) => found.other("form of case references", old.as_ref(), new.as_ref()),
    }
}

fn provider(found: &mut Found, old: &Provider, new: &Provider) {
    // Taken apart, so that a key that is added cannot be forgotten here.
    let Provider { id: _, datasets: _, rate: _, agent_rate: _, voucher: _, contact: _, habits: _ } =
        new;
    found.other("contact", old.contact.as_deref(), new.contact.as_deref());
    voucher(found, &old.voucher, &new.voucher);
    rate(found, "all agents together", old.rate, new.rate);
    match (old.agent_rate, new.agent_rate) {
        (Some(old), Some(new)) => rate(found, "each agent", old, new),
        (None, Some(_)) => found.add(false, "each agent has a rate of its own".to_owned()),
        (Some(_), None) => found.add(true, "each agent may use the whole rate".to_owned()),
        (None, None) => {}
    }
    found.map("dataset", &old.datasets, &new.datasets, grant);
    match (&old.habits, &new.habits) {
        (Some(old), Some(new)) => habits(found, old, new),
        (None, Some(_)) => found.add(false, "habits added: other times are marked".to_owned()),
        (Some(_), None) => found.add(true, "habits removed: no time is marked".to_owned()),
        (None, None) => {}
    }
}

/// Who vouches for agents, and what a log-in must show.
fn voucher(found: &mut Found, old: &AgentAuth, new: &AgentAuth) {
    match (old, new) {
        (AgentAuth::Certificate, AgentAuth::Certificate) => {}
        (AgentAuth::Certificate, AgentAuth::Token(new)) => {
            // Budgets that one certificate had alone are now those of each person.
            found.add(true, format!("agents need a token of {}", new.issuer));
        }
        (AgentAuth::Token(old), AgentAuth::Certificate) => {
            found.add(true, format!("agents need no token of {} any more", old.issuer));
        }
        (AgentAuth::Token(old), AgentAuth::Token(new)) => {
            found.other("issuer", Some(&old.issuer), Some(&new.issuer));
            let TokenRequirements { issuer: _, second_factor: _, auth_max_age: _ } = new;
            let (before, after) = (u64::from(old.second_factor), u64::from(new.second_factor));
            found.lowered("second_factor", before, after);
            found.raised("auth_max_age_seconds", old.auth_max_age, new.auth_max_age);
        }
    }
}

fn issuer(found: &mut Found, old: &Issuer, new: &Issuer) {
    // Taken apart, so that a key that is added cannot be forgotten here.
    let Issuer { url: _, audience: _, keys: _, algorithms: _, max_lifetime: _, run_by: _ } = new;
    found.other("url", Some(&old.url), Some(&new.url));
    found.other("audience", Some(&old.audience), Some(&new.audience));
    let keys = |issuer: &Issuer| issuer.keys.display().to_string();
    found.other("keys", Some(keys(old)), Some(keys(new)));
    let words = |issuer: &Issuer| issuer.algorithms.iter().map(|one| one.word()).collect();
    found.set("algorithm", &words(old), &words(new), LISTED);
    found.raised("max_lifetime_seconds", old.max_lifetime, new.max_lifetime);
    found.other("run_by", Some(old.run_by.word()), Some(new.run_by.word()));
}

fn rate(found: &mut Found, of: &str, old: Rate, new: Rate) {
    let name = |what: &str| format!("{what} of {of}");
    let per_second = [old, new].map(|rate| u64::from(rate.requests_per_second));
    found.raised(&name("requests_per_second"), per_second[0], per_second[1]);
    found.raised(&name("burst"), u64::from(old.burst), u64::from(new.burst));
}

fn grant(found: &mut Found, old: &Grant, new: &Grant) {
    // Taken apart, so that a key that is added cannot be forgotten here.
    let Grant { scope: _, purposes: _ } = new;
    if old.scope != new.scope {
        let looser = new.scope == Scope::Open;
        found.add(looser, format!("scope {} -> {}", old.scope.word(), new.scope.word()));
    }
    found.words("purpose", &old.purposes, &new.purposes);
}

fn habits(found: &mut Found, old: &Habits, new: &Habits) {
    let days = |habits: &Habits| habits.day_names().collect::<BTreeSet<_>>();
    found.set("usual day", &days(old), &days(new), LISTED);
    if old.hours != new.hours {
        let wider = new.hours.from < old.hours.from || new.hours.to > old.hours.to;
        found.add(wider, format!("usual hours {} -> {}", old.hours, new.hours));
    }
    let zone = |habits: &Habits| habits.zone.iana_name().unwrap_or("unknown").to_owned();
    found.other("time zone of the habits", Some(zone(old)), Some(zone(new)));
}

fn budgets(found: &mut Found, old: &Budgets, new: &Budgets) {
    // Taken apart, so that a budget that is added cannot be forgotten here.
    let Budgets {
        agent_minute,
        agent_hour,
        agent_day,
        provider_day,
        provider_30_days,
        off_roster_day,
        off_roster_30_days,
    } = *new;
    for (name, old, new) in [
        ("agent_minute", old.agent_minute, agent_minute),
        ("agent_hour", old.agent_hour, agent_hour),
        ("agent_day", old.agent_day, agent_day),
        ("provider_day", old.provider_day, provider_day),
        ("provider_30_days", old.provider_30_days, provider_30_days),
        ("off_roster_day", old.off_roster_day, off_roster_day),
        ("off_roster_30_days", old.off_roster_30_days, off_roster_30_days),
    ] {
        found.raised(&format!("budget {name}"), old, new);
    }
}

/// Without a contract there is no end, and no limit.
fn contracts(found: &mut Found, old: Option<&Contract>, new: Option<&Contract>) {
    match (old, new) {
        (None, None) => {}
        (None, Some(_)) => found.add(false, "contract added".to_owned()),
        (Some(_), None) => found.add(true, "contract removed".to_owned()),
        (Some(old), Some(new)) => {
            let Contract { begins, ends, persons, off_persons } = *new;
            found.lowered("contract begins (Unix ms)", old.begins, begins);
            found.raised("contract ends (Unix ms)", old.ends, ends);
            found.raised("contract persons", old.persons, persons);
            found.raised("contract off_persons", old.off_persons, off_persons);
        }
    }
}

fn detectors(found: &mut Found, old: &Detectors, new: &Detectors) {
    for ((rule, old), (_, new)) in old.rules().into_iter().zip(new.rules()) {
        found.at(format!("detectors.{rule}"));
        for (old, new) in old.iter().zip(&new) {
            if old != new {
                let change = format!("{} {} -> {}", new.name, old.value, new.value);
                found.add(new.loosens(old), change);
            }
        }
    }
}

#[cfg(test)]
mod tests;
