//! What is contained: taken away by alerts until somebody lifts it or it ends by itself, or by an
//! act until another act gives it back.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::{Finding, HOUR};
use crate::ledger::entry::{
    Act, Alert, Deed, Entry, Level, Measure, Millis, Moment, Outcome, Read, Ruling, Severity, Tag,
    What, Word,
};
use crate::ledger::{Contained, Counted};

/// How long what a medium finding takes away lasts, in ticks.
const TERM: Millis = HOUR;
/// A throttled agent gets one new person in so many ticks.
const PACE: Millis = 10_000;

/// Of one agent.
#[derive(Debug, Default)]
struct Agent {
    /// The tick at which the throttle ends, and that from which the next new person may go.
    throttle: Option<(Millis, Millis)>,
    frozen: bool,
    suspended: bool,
    /// By an act.
    dismissed: bool,
}

/// Of one provider.
#[derive(Debug, Default)]
struct Provider {
    agents: HashMap<Tag, Agent>,
    /// The tick at which its roster is no longer all that it may read.
    roster_only: Option<Millis>,
    no_exports: bool,
    suspended: bool,
    /// By an act.
    dismissed: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Containment {
    providers: HashMap<Word, Provider>,
    published: Arc<Contained>,
}

/// What does not end by itself.
const FOREVER: Millis = Millis::MAX;

impl Measure {
    /// What becomes of the read that brought the measure about.
    pub(super) fn withholds(self, counted: &Counted<'_>, now: Moment) -> Option<Ruling> {
        let facts = &counted.facts;
        match self {
            Measure::Throttle if facts.could_off > 0 => Some(Ruling::contained(None)),
            Measure::Throttle if facts.could > 0 => throttled(facts.could, now.tick + PACE, now),
            Measure::Freeze if facts.could > 0 => Some(Ruling::contained(None)),
            Measure::CloseOffRoster if facts.could_off > 0 => Some(Ruling::contained(None)),
            Measure::SuspendAgent | Measure::SuspendProvider => Some(Ruling::contained(None)),
            _ => None,
        }
    }
}

/// Whether a throttle that lets the next person go at `free` holds back `could`.
fn throttled(could: u64, free: Millis, now: Moment) -> Option<Ruling> {
    match could {
        0 => None,
        1 if now.tick >= free => None,
        1 => Some(Ruling::contained(Some(now.at + (free - now.tick)))),
        _ => Some(Ruling::contained(None)),
    }
}

impl Provider {
    fn contains_any(&self, tick: Millis) -> bool {
        let agents = self.agents.values().any(|agent| {
            agent.frozen || agent.suspended || agent.throttle.is_some_and(|(end, _)| tick < end)
        });
        let closed = self.roster_only.is_some_and(|end| tick < end);
        agents || closed || self.no_exports || self.suspended
    }
}

impl Containment {
    /// What is in force against a read, if anything.
    pub(super) fn holds(&self, counted: &Counted<'_>, now: Moment) -> Option<Ruling> {
        let facts = &counted.facts;
        let provider = self.providers.get(counted.provider)?;
        let closed = provider.roster_only.is_some_and(|end| now.tick < end);
        let exports = provider.no_exports && counted.export.is_some();
        let off = closed && facts.could_off > 0;
        if provider.suspended || provider.dismissed || exports || off {
            return Some(Ruling::contained(None));
        }
        let agent = provider.agents.get(&counted.agent)?;
        if agent.suspended || agent.dismissed || (agent.frozen && facts.could > 0) {
            return Some(Ruling::contained(None));
        }
        match agent.throttle {
            Some((end, _)) if now.tick >= end => None,
            Some(_) if facts.could_off > 0 => Some(Ruling::contained(None)),
            Some((_, free)) => throttled(facts.could, free, now),
            None => None,
        }
    }

    /// Whether alerts have taken anything from a provider that is still taken.
    pub(super) fn any(&self, provider: &Word, tick: Millis) -> bool {
        self.providers.get(provider).is_some_and(|provider| provider.contains_any(tick))
    }

    /// A theft that goes on with a second agent, when the first is suspended, is the provider's; not
    /// if the second would get nobody anyway.
    pub(super) fn follows(
        &self,
        finding: Finding,
        counted: &Counted<'_>,
        outcome: Outcome,
    ) -> Finding {
        let high = finding.severity == Severity::High && outcome == Outcome::Released;
        let second = high && self.second(counted);
        Finding { severity: if second { Severity::Critical } else { finding.severity }, ..finding }
    }

    /// What a finding takes away at once.
    pub(super) fn measures(&self, finding: &Finding, counted: &Counted<'_>) -> Vec<Measure> {
        match (finding.severity, finding.level) {
            (Severity::Info, _) => Vec::new(),
            (Severity::Medium, Level::Agent) => vec![Measure::Throttle],
            (Severity::Medium | Severity::High, Level::Provider) => vec![Measure::CloseOffRoster],
            (Severity::High, Level::Agent) => vec![Measure::Freeze, Measure::CloseOffRoster],
            (Severity::Critical, _) if self.second(counted) => vec![Measure::SuspendProvider],
            (Severity::Critical, _) => {
                vec![Measure::SuspendAgent, Measure::CloseOffRoster, Measure::CloseExports]
            }
        }
    }

    /// Whether another agent of the provider is suspended already.
    fn second(&self, counted: &Counted<'_>) -> bool {
        let provider = self.providers.get(counted.provider);
        let mut agents = provider.into_iter().flat_map(|provider| &provider.agents);
        agents.any(|(tag, agent)| agent.suspended && *tag != counted.agent)
    }

    /// Folds an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.what {
            What::Read(read) => self.charge(read, entry.now.tick),
            What::Alert(alert) if !alert.measures.is_empty() => {
                self.alert(alert, entry.now.tick);
                self.publish(&alert.provider, Some(alert.agent));
            }
            What::Act(act) => {
                let Some(provider) = &act.provider else { return };
                self.act(act, provider);
                self.publish(provider, act.agent);
            }
            _ => {}
        }
    }

    /// A throttled agent was given something.
    fn charge(&mut self, read: &Read, tick: Millis) {
        let persons = read.facts.all.agent_day;
        if persons == 0 || read.ruling.outcome == Outcome::Withheld {
            return;
        }
        let provider = self.providers.get_mut(&read.provider);
        let agent = provider.and_then(|provider| provider.agents.get_mut(&read.agent));
        if let Some((_, free)) = agent.and_then(|agent| agent.throttle.as_mut()) {
            *free = tick.max(*free).saturating_add(persons.saturating_mul(PACE));
        }
    }

    fn alert(&mut self, alert: &Alert, tick: Millis) {
        let end = if alert.until.is_some() { tick.saturating_add(TERM) } else { FOREVER };
        let provider = self.providers.entry(alert.provider.clone()).or_default();
        for measure in &alert.measures {
            match measure {
                Measure::Throttle | Measure::Freeze | Measure::SuspendAgent => {
                    let agent = provider.agents.entry(alert.agent).or_default();
                    match measure {
                        Measure::Throttle => agent.throttle = Some((end, tick + PACE)),
                        Measure::Freeze => agent.frozen = true,
                        _ => agent.suspended = true,
                    }
                }
                Measure::CloseOffRoster => {
                    provider.roster_only = Some(provider.roster_only.unwrap_or(0).max(end));
                }
                Measure::CloseExports => provider.no_exports = true,
                Measure::SuspendProvider => provider.suspended = true,
            }
        }
    }

    fn act(&mut self, act: &Act, provider: &Word) {
        let provider = self.providers.entry(provider.clone()).or_default();
        match (act.deed, act.agent) {
            (Deed::Suspend, None) => provider.dismissed = true,
            (Deed::Reinstate, None) => provider.dismissed = false,
            (Deed::Suspend, Some(agent)) => {
                provider.agents.entry(agent).or_default().dismissed = true;
            }
            (Deed::Reinstate, Some(agent)) => {
                provider.agents.entry(agent).or_default().dismissed = false;
            }
            (Deed::Lift, None) => {
                // Not from its agents: the one who is explained is not the one who is not.
                let agents = std::mem::take(&mut provider.agents);
                let dismissed = provider.dismissed;
                *provider = Provider { agents, dismissed, ..Provider::default() };
            }
            (Deed::Lift, Some(agent)) => {
                let agent = provider.agents.entry(agent).or_default();
                *agent = Agent { dismissed: agent.dismissed, ..Agent::default() };
            }
            // Nobody is contained by these, or freed.
            (
                Deed::Acknowledge
                | Deed::EnrolKey
                | Deed::RevokeKey
                | Deed::EnrolAgent
                | Deed::DismissAgent
                | Deed::EnrolRoster
                | Deed::Loosen
                | Deed::DeclareJob
                | Deed::ApproveJob
                | Deed::WithdrawJob,
                _,
            ) => {}
        }
    }

    /// For the door.
    pub(super) fn published(&self) -> Arc<Contained> {
        self.published.clone()
    }

    /// Tells the door what became of a provider, and of one agent of it.
    fn publish(&mut self, id: &Word, agent: Option<Tag>) {
        let Some(provider) = self.providers.get(id) else { return };
        let published = Arc::make_mut(&mut self.published);
        put(&mut published.providers, id, provider.suspended || provider.dismissed);
        put(&mut published.closed, id, provider.roster_only == Some(FOREVER));
        put(&mut published.exports, id, provider.no_exports);
        let Some((tag, agent)) = agent.and_then(|tag| Some((tag, provider.agents.get(&tag)?)))
        else {
            return;
        };
        let whole = agent.suspended || agent.dismissed;
        put(published.agents.entry(id.clone()).or_default(), &tag, whole);
        put(published.frozen.entry(id.clone()).or_default(), &tag, agent.frozen);
    }
}

fn put<T: Eq + Hash + Clone>(set: &mut HashSet<T>, one: &T, is_in: bool) {
    if is_in {
        set.insert(one.clone());
    } else {
        set.remove(one);
    }
}
