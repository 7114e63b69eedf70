//! From what clients saw and what the ledger says to the figures of the account.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use x509_parser::pem::parse_x509_pem;

use super::DrillError;
use super::account::{Alerts, Contained, Cut, Ordinary, Theft, Verified};
use super::audit::Audit;
use super::ordinary::{AgentDay, Work};
use super::stage::Stage;
use super::thief::{Loot, Plan};
use crate::files;
use crate::format::entry::{Hash, Tag, sha256};
use crate::instance::Layout;

/// The fingerprint of the certificate of this name, as entries have it.
pub(super) fn fingerprint(layout: &Layout, name: &str) -> Result<Hash, DrillError> {
    let (certificate, _) = layout.client(name);
    let pem = files::read(&certificate, files::SMALL)?;
    let (_, pem) = parse_x509_pem(&pem).map_err(std::io::Error::other)?;
    Ok(sha256(&[&pem.contents]))
}

pub(super) fn ordinary(
    stage: &Stage,
    work: &Work,
    agents: u64,
    kept: &[AgentDay],
    audit: &Audit,
) -> Ordinary {
    let mut refusals: Vec<String> = kept.iter().flat_map(|agent| agent.refusals.clone()).collect();
    refusals.sort();
    refusals.dedup();
    let (released, withheld) = audit.others;
    Ordinary {
        providers: stage.rosters.len() as u64,
        agents,
        agents_at_the_end: kept.len() as u64,
        served: work.served.load(Relaxed),
        refused: work.refused.load(Relaxed),
        refusals,
        retried: work.retried.load(Relaxed),
        most_met: kept.iter().map(|agent| agent.met as u64).max().unwrap_or(0),
        released,
        withheld,
        false_alarms: audit.false_alarms,
    }
}

pub(super) fn theft(plan: &Plan, loot: &Loot, audit: &Audit) -> Theft {
    let thief = &audit.thief;
    // Told by the entries alone: which persons stand in replies that arrived, and which do not.
    let arrived = thief.released.iter().filter(|(entry, _)| loot.replies.contains_key(entry));
    let arrived: HashSet<Tag> = arrived.flat_map(|(_, them)| them).copied().collect();
    let cut = thief.released.iter().filter(|(entry, _)| !loot.replies.contains_key(entry));
    let cut = cut.map(|(&entry, them)| Cut { entry, persons: them.len() as u64 }).collect();
    let unaccounted = loot.replies.iter().filter(|(entry, persons)| {
        thief.released.get(entry).is_none_or(|them| them.len() as u64 != **persons)
    });
    let (exposure_persons, exposure_off_roster) = thief.exposed;
    let contained = thief.first.zip(thief.contained).map(|(first, alert)| Contained {
        alert: alert.0,
        entries: alert.0 - first.0,
        milliseconds: alert.1 - first.1,
        persons_after: thief.after,
    });
    Theft {
        agent: thief.agent.map_or_else(String::new, |agent| agent.to_string()),
        tactics: plan.tactics.iter().map(|tactic| tactic.word()).collect(),
        attempts: loot.attempts,
        replies: loot.replies.len() as u64,
        persons_in_replies: loot.persons.len() as u64,
        persons: thief.persons.len() as u64,
        off_roster: thief.off.len() as u64,
        exposure_persons,
        exposure_off_roster,
        unaccounted_replies: unaccounted.count() as u64,
        cut,
        persons_in_cut: thief.persons.difference(&arrived).count() as u64,
        calls_lost: loot.cut,
        withheld: thief.withheld,
        at_the_door: loot.refused(),
        at_the_door_in_digests: thief.refused,
        contained,
    }
}

pub(super) fn alerts(told: &HashSet<u64>, audit: &Audit) -> Alerts {
    let missed = audit.alerts.iter().filter(|entry| !told.contains(entry)).count() as u64;
    Alerts { in_ledger: audit.alerts.len() as u64, told: told.len() as u64, missed }
}

pub(super) fn verified(audit: &Audit) -> Verified {
    let Audit { sound, replay, .. } = audit;
    Verified {
        entries: sound.checkpoint.size,
        checkpoints: sound.checkpoints,
        signatures: sound.signatures,
        anchored_to: sound.anchored.map(|(entry, _)| entry),
        rulings: replay.rulings,
        foreign: replay.foreign,
        first_difference: replay.difference(),
        seconds: audit.seconds,
    }
}
