//! Incidents that fit a wall clock, played against a gateway of their own over gRPC and mutual TLS, with
//! honest agents at work around them: what the thief's clients received, beside what the ledger says. The
//! ledger has no past: it begins when the gateway does.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::incident::{Hands, INCIDENTS, Incident};
use super::ordinary::{AGENTS, Office};
use super::stage::{Ending, Gateway, Stage, settings, waited};
use super::theft::key;
use super::{DrillError, sums};
use crate::format::checkpoint::Checkpoint;
use crate::instance::Made;

pub(crate) mod account;
mod hand;
pub(crate) mod overload;
mod trace;

use account::{Figures, Honest};
use hand::{Hand, HandKnowledge, Loot};

/// Those that are played, by their words.
const LIVE: [&str; 9] = [
    "ofii",
    "ofii-page",
    "ofii-pages",
    "ofii-agents",
    "gael",
    "missions-locales",
    "france-visas",
    "enumeration",
    "restarts",
];
/// What is played of no theft: more callers than the gateway serves.
pub(crate) const OVERLOAD: &str = "anef";
pub(crate) const OVERLOAD_ABOUT: &str = "ANEF: far more callers than are served, then recovery";
/// So many times as long has whoever has to wait for a gateway again and again.
const RESTARTS: u32 = 5;
/// Providers of an instance, and agents of each: those at work, and whoever else a theft goes over.
pub(crate) const PROVIDERS: u32 = 4;
pub(crate) const WITH_AGENTS: u32 = AGENTS + 20;
/// Providers of an instance that is overloaded, and agents of each.
pub(crate) const CROWD_PROVIDERS: u32 = 4;
pub(crate) const CROWD_AGENTS: u32 = AGENTS;
/// The second provider from which somebody takes strangers; its scope must be open for that.
pub(crate) const SECOND: &str = "provider-02";

/// Incidents that are played live, in the order in which all are listed.
pub(crate) fn incidents() -> impl Iterator<Item = &'static Incident> {
    INCIDENTS.iter().filter(|incident| LIVE.contains(&incident.name))
}

/// Those that are not: they take days, or a clock that is set.
pub(crate) fn others() -> impl Iterator<Item = &'static Incident> {
    INCIDENTS.iter().filter(|incident| !LIVE.contains(&incident.name))
}

/// An instance, and what decides what happens on it.
pub(crate) struct Drill {
    pub(crate) made: Made,
    /// Persons in its records.
    pub(crate) persons: u64,
    pub(crate) seed: u64,
    /// How long the thief tries at most, or the crowd calls; a fifth of it is the work before, and after.
    pub(crate) turn: Duration,
}

/// The name of the files of the nth agent of a theft at a provider.
fn hand_name(provider: u32, agent: u32) -> String {
    let agent = if agent == 0 { 1 } else { AGENTS + agent };
    format!("provider-{:02}-agent-{agent}", provider + 1)
}

/// Plays one incident.
pub(crate) async fn run(incident: Incident, drill: Drill) -> Result<Figures, DrillError> {
    let Drill { made, persons, seed, turn } = drill;
    let began = Instant::now();
    let stage = Stage::of(made, persons);
    let key = key(&stage)?;
    let gateway = Gateway::start(&stage.layout).await?;
    let hands: Vec<(u32, u32)> = match incident.hands {
        Hands::OneOf(providers) => (0..providers).map(|provider| (provider, 0)).collect(),
        Hands::Agents(agents) | Hands::NewAgents(agents) | Hands::Drawn(agents) => {
            (0..agents).map(|n| (0, n)).collect()
        }
    };
    let names: Vec<String> = hands.iter().map(|(p, agent)| hand_name(*p, *agent)).collect();
    let thieves: HashSet<&str> = names.iter().map(String::as_str).collect();
    let office = Office::open(&stage, &gateway.address, seed, &thieves)?;
    tokio::time::sleep(turn / 5).await;

    let mut at_work = Vec::new();
    for (n, ((provider, _), name)) in (0..).zip(hands.iter().zip(&names)) {
        let provider = &stage.rosters[*provider as usize].0;
        let known = HandKnowledge::of(&stage, provider)?;
        let settings = settings(&stage.layout, &gateway.address, name);
        at_work.push(Hand::new(incident, settings, known, (seed, n)));
    }
    let (gateway, loot) = steal(incident, at_work, gateway, turn).await?;

    tokio::time::sleep(turn / 5).await;
    let work = office.work.clone();
    let kept = office.close().await?;
    gateway.end(Ending::Asked).await?;
    let taken: HashSet<&str> =
        hands.iter().map(|(provider, _)| &*stage.rosters[*provider as usize].0).collect();
    let honest = Honest::of(&work, &kept, &taken);
    let notes = kept.iter().filter_map(|agent| agent.last.as_ref().map(|(_, note)| note));
    let anchor = notes.max_by_key(|note| Checkpoint::parse(note).map_or(0, |read| read.size));
    let anchors: Vec<String> = anchor.cloned().into_iter().collect();
    let of = |name: &String| sums::fingerprint(&stage.layout, name);
    let certificates = names.iter().map(of).collect::<Result<HashSet<_>, _>>()?;
    let ledger = stage.layout.ledger();
    let traced = waited(move || Ok(trace::trace(&ledger, &key, &anchors, &certificates)?)).await?;
    let providers = taken.len() as u64;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Figures::of(&incident, (seed, providers), &loot, honest, &traced, seconds))
}

/// Everybody at once, or one who has the gateway killed behind each of its replies.
async fn steal(
    incident: Incident,
    mut hands: Vec<Hand>,
    mut gateway: Gateway,
    turn: Duration,
) -> Result<(Gateway, Loot), DrillError> {
    let mut until = Instant::now() + turn;
    let mut all = Loot::default();
    if incident.restarts.is_some() {
        // A start takes longer than a read.
        until += RESTARTS * turn;
        for hand in &mut hands {
            while hand.goes_on(until) {
                if hand.attempt().await {
                    gateway = gateway.restart(Ending::Killed).await?.0;
                    all.restarts += 1;
                }
            }
        }
        hands.into_iter().for_each(|hand| all.add(hand.loot));
        return Ok((gateway, all));
    }
    let mut at_work = tokio::task::JoinSet::new();
    for mut hand in hands {
        at_work.spawn(async move {
            while hand.goes_on(until) {
                hand.attempt().await;
            }
            hand.loot
        });
    }
    while let Some(ended) = at_work.join_next().await {
        all.add(ended.map_err(std::io::Error::other)?);
    }
    Ok((gateway, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_steals_is_not_at_work_but_the_first_agent() {
        let names: HashSet<String> = (0..20).map(|n| hand_name(0, n)).collect();
        assert_eq!(names.len(), 20);
        let at_work = (2..=AGENTS).map(|n| format!("provider-01-agent-{n}"));
        assert_eq!(at_work.filter(|name| names.contains(name)).count(), 0);
        assert!(names.contains(crate::drill::THIEF));
        assert!(names.contains(&format!("provider-01-agent-{}", WITH_AGENTS - 1)));
    }

    #[test]
    fn each_word_is_an_incident_of_one_day_and_the_others_are_named() {
        assert_eq!(incidents().count(), LIVE.len());
        assert!(incidents().all(|incident| incident.days == 1));
        assert_eq!(incidents().count() + others().count(), INCIDENTS.len());
        assert!(INCIDENTS.iter().all(|incident| incident.name != OVERLOAD));
    }
}
