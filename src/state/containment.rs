//! What is contained: taken away by alerts until somebody lifts it or it ends by itself, or by an
//! act until another act gives it back. A fold over the entries: the judge decides what an alert
//! takes away, and this says what that means for the reads behind it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::judge_input::JudgeInput;
use crate::format::entry::{
    Alert, Deed, Entry, Measure, Millis, Moment, Outcome, Payload, Read, Ruling, Tag, Whom, Word,
};

/// How long what a medium finding takes away lasts, in ticks.
const TERM: Millis = 3_600_000;
/// A throttled agent gets one new person in so many ticks.
const PACE: Millis = 10_000;

/// Who is contained so far that the door may refuse a read unseen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contained {
    /// Providers that are suspended whole, by an alert or an act.
    pub providers: HashSet<Word>,
    /// Providers that are kept to their rosters until somebody lifts it.
    pub closed: HashSet<Word>,
    /// Agents that are suspended or dismissed, under their provider.
    pub agents: HashMap<Word, HashSet<Tag>>,
    /// Agents that may take no lists, searches and exports, under their provider.
    pub frozen: HashMap<Word, HashSet<Tag>>,
    /// Providers that may take no exports.
    pub exports: HashSet<Word>,
}

impl Contained {
    /// Whether a read can only be withheld. `page`: it asks for more than one known record; `off`:
    /// it states a reason to meet persons off the roster. The agent is asked for only where it
    /// matters.
    pub fn refuses(&self, provider: &Word, agent: impl Fn() -> Tag, page: bool, off: bool) -> bool {
        let holds = |agents: &HashMap<Word, HashSet<Tag>>| {
            agents.get(provider).is_some_and(|agents| agents.contains(&agent()))
        };
        self.providers.contains(provider)
            || (page && off && self.closed.contains(provider))
            || holds(&self.agents)
            || (page && holds(&self.frozen))
    }
}

/// What is taken away from one agent.
#[derive(Debug, Default)]
struct Agent {
    /// The tick at which the throttle ends, and that from which the next new person may go.
    throttle: Option<(Millis, Millis)>,
    frozen: bool,
    suspended: bool,
    /// Whether an act has dismissed the agent.
    dismissed: bool,
}

/// What is taken away from one provider, and from its agents.
#[derive(Debug, Default)]
struct Provider {
    agents: HashMap<Tag, Agent>,
    /// The tick at which its roster is no longer all that it may read.
    roster_only: Option<Millis>,
    no_exports: bool,
    suspended: bool,
    /// Whether an act has dismissed the provider.
    dismissed: bool,
}

/// Everything that is contained now: a fold over the entries.
#[derive(Debug, Default)]
pub struct Containment {
    providers: HashMap<Word, Provider>,
    published: Arc<Contained>,
}

/// What does not end by itself.
const FOREVER: Millis = Millis::MAX;

/// What becomes of the read that brought a measure about.
pub fn withholds(measure: Measure, counted: &JudgeInput<'_>, now: Moment) -> Option<Ruling> {
    let facts = &counted.facts;
    match measure {
        Measure::Throttle if facts.could_off > 0 => Some(Ruling::contained(None)),
        Measure::Throttle if facts.could > 0 => throttled(facts.could, now.tick + PACE, now),
        Measure::Freeze if facts.could > 0 => Some(Ruling::contained(None)),
        Measure::CloseOffRoster if facts.could_off > 0 => Some(Ruling::contained(None)),
        Measure::SuspendAgent | Measure::SuspendProvider => Some(Ruling::contained(None)),
        _ => None,
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
    pub fn holds(&self, counted: &JudgeInput<'_>, now: Moment) -> Option<Ruling> {
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
    pub fn any(&self, provider: &Word, tick: Millis) -> bool {
        self.providers.get(provider).is_some_and(|provider| provider.contains_any(tick))
    }

    /// Whether another agent of the provider is suspended already.
    pub fn others_suspended(&self, counted: &JudgeInput<'_>) -> bool {
        let provider = self.providers.get(counted.provider);
        let mut agents = provider.into_iter().flat_map(|provider| &provider.agents);
        agents.any(|(tag, agent)| agent.suspended && *tag != counted.agent)
    }

    /// Folds the next entry; reads, alerts and acts change what is contained.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Read(read) => self.charge(read, entry.now.tick),
            Payload::Alert(alert) if !alert.measures.is_empty() => {
                self.alert(alert, entry.now.tick);
                self.publish(&alert.provider, Some(alert.agent));
            }
            Payload::Act(act) => act.deed().into_iter().for_each(|deed| self.deed(deed)),
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

    fn deed(&mut self, deed: &Deed) {
        match deed {
            Deed::Suspend(whom) => self.dismiss(whom, true),
            Deed::Reinstate(whom) => self.dismiss(whom, false),
            Deed::Lift(whom) => self.lift(whom),
            // Nobody is contained by these, or freed.
            Deed::EnrolKey(_)
            | Deed::RevokeKey(_)
            | Deed::EnrolAgent(_)
            | Deed::DismissAgent(_)
            | Deed::EnrolRoster { .. }
            | Deed::Loosen { .. }
            | Deed::DeclareJob { .. }
            | Deed::ApproveJob { .. }
            | Deed::WithdrawJob { .. } => {}
        }
    }

    fn dismiss(&mut self, Whom { provider: id, agent }: &Whom, dismissed: bool) {
        let provider = self.providers.entry(id.clone()).or_default();
        match agent {
            None => provider.dismissed = dismissed,
            Some(agent) => provider.agents.entry(*agent).or_default().dismissed = dismissed,
        }
        self.publish(id, *agent);
    }

    fn lift(&mut self, Whom { provider: id, agent }: &Whom) {
        let provider = self.providers.entry(id.clone()).or_default();
        match agent {
            None => {
                // Not from its agents: the one who is explained is not the one who is not.
                let agents = std::mem::take(&mut provider.agents);
                let dismissed = provider.dismissed;
                *provider = Provider { agents, dismissed, ..Provider::default() };
            }
            Some(agent) => {
                let agent = provider.agents.entry(*agent).or_default();
                *agent = Agent { dismissed: agent.dismissed, ..Agent::default() };
            }
        }
        self.publish(id, *agent);
    }

    /// What is contained, for the door: the same `Arc` as long as nothing of it changes.
    pub fn published(&self) -> &Arc<Contained> {
        &self.published
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
