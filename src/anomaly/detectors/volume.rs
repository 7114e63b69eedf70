//! How many persons new today an agent is given, held against what is usual of itself: the fold under the
//! rules `pace` and `creep`, whose formulas stand in their files. Exports are not in it: these are their
//! jobs' business. Whom a withheld read would have found is not in it either.

use std::collections::HashMap;

use super::usual::{DAYS, HOURS, NewPersons, Peers, Usual};
use super::{Detector, Sighting, creep, pace};
use crate::anomaly::Finding;
use crate::format::entry::{CreepRule, Detectors, Millis, PaceRule, Tag, Whom, Word, day};

/// Whoever is given nobody new for so many days is as if never seen.
const KEPT: u64 = 120;

/// The detector of both rules.
#[derive(Debug, Default)]
pub(super) struct VolumeDetector {
    pace: PaceRule,
    creep: CreepRule,
    providers: HashMap<Word, Provider>,
}

/// One provider's agents.
#[derive(Debug)]
struct Provider {
    /// The day up to which agents that nobody needs are forgotten.
    swept: u64,
    hours: Peers,
    days: Peers,
    agents: HashMap<Tag, AgentVolume>,
}

impl Default for Provider {
    fn default() -> Provider {
        let (hours, days) = (Peers::at_first(&HOURS), Peers::at_first(&DAYS));
        Provider { swept: 0, hours, days, agents: HashMap::new() }
    }
}

/// One agent's hour and day, and the sums over its days.
#[derive(Clone, Copy, Debug)]
struct AgentVolume {
    hour: Usual,
    day: Usual,
    pace: pace::LastDays,
    creep: creep::Sum,
}

impl AgentVolume {
    fn of_newcomer(provider: &Provider, at: Millis) -> AgentVolume {
        AgentVolume {
            hour: Usual::of_newcomer(&HOURS, &provider.hours, at),
            day: Usual::of_newcomer(&DAYS, &provider.days, at),
            pace: pace::LastDays::default(),
            creep: creep::Sum::default(),
        }
    }
}

impl VolumeDetector {
    /// An agent behind a read that gives it somebody new, and what is then usual at its provider.
    fn after(&self, sighting: &Sighting<'_>) -> Option<(AgentVolume, Peers, Peers)> {
        let persons = NewPersons::of(sighting);
        if persons.is_nobody() {
            return None;
        }
        let at = sighting.now.at;
        let nobody = Provider::default();
        let provider = self.providers.get(sighting.provider).unwrap_or(&nobody);
        let (mut hours, mut days) = (provider.hours, provider.days);
        let known = provider.agents.get(&sighting.agent).filter(|agent| is_kept(agent, at));
        let newcomer = || AgentVolume::of_newcomer(provider, at);
        let mut agent = known.copied().unwrap_or_else(newcomer);
        if agent.hour.is_over(&HOURS, at) {
            agent.hour.begin(&HOURS, at, &mut hours);
        }
        if agent.day.is_over(&DAYS, at) {
            agent.pace.end(&self.pace, &agent.day);
            agent.creep.end(&self.creep, &agent.day);
            agent.day.begin(&DAYS, at, &mut days);
        }
        agent.hour.add(persons);
        agent.day.add(persons);
        Some((agent, hours, days))
    }
}

fn is_kept(agent: &AgentVolume, at: Millis) -> bool {
    day(at) <= agent.day.at().saturating_add(KEPT)
}

impl Detector for VolumeDetector {
    fn take_rules(&mut self, rules: &Detectors) {
        (self.pace, self.creep) = (rules.pace, rules.creep);
    }

    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding> {
        let Some((agent, _, _)) = self.after(sighting) else { return Vec::new() };
        let AgentVolume { hour, day, pace, creep } = &agent;
        let pace = pace::finding(&self.pace, hour, *pace, day);
        pace.into_iter().chain(creep::finding(&self.creep, *creep, day)).collect()
    }

    fn fold(&mut self, sighting: &Sighting<'_>) {
        let Some((agent, hours, days)) = self.after(sighting) else { return };
        let provider = self.providers.entry(sighting.provider.clone()).or_default();
        (provider.hours, provider.days) = (hours, days);
        provider.agents.insert(sighting.agent, agent);
        let (at, today) = (sighting.now.at, day(sighting.now.at));
        if provider.swept != today {
            provider.swept = today;
            provider.agents.retain(|_, agent| is_kept(agent, at));
        }
    }

    fn lift(&mut self, Whom { provider, agent }: &Whom) {
        let provider = self.providers.get_mut(provider);
        let agent = provider.zip(agent.as_ref()).and_then(|(p, agent)| p.agents.get_mut(agent));
        let Some(agent) = agent else { return };
        agent.hour.forget();
        agent.day.forget();
        (agent.pace, agent.creep) = (pace::LastDays::default(), creep::Sum::default());
    }
}
