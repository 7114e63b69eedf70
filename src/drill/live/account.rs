//! The account of one incident that was played live, and what must hold of it. It reads figures only, so
//! that each claim can be shown to fail.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::hand::Loot;
use super::trace::Traced;
use crate::drill::account::{Claim, OFF_ROSTER_MOST, PERSONS_MOST};
use crate::drill::incident::Incident;
use crate::drill::ordinary::{AgentDay, Work};

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) seed: u64,
    /// Providers that it takes from.
    pub(crate) providers: u64,
    pub(crate) attempts: u64,
    pub(crate) replies: u64,
    /// Those of them without a record.
    pub(crate) misses: u64,
    /// Different persons in the replies that the thief's clients received before the first high alert, and
    /// in all.
    pub(crate) received_before_alert: u64,
    pub(crate) received: u64,
    /// Different persons released to it by the ledger before that alert, and in all; those off the roster.
    pub(crate) persons_before_alert: u64,
    pub(crate) persons: u64,
    pub(crate) off_roster: u64,
    /// Those of them who stand in no reply that arrived.
    pub(crate) persons_in_lost_replies: u64,
    /// Replies whose entry is not there, or holds another number of persons.
    pub(crate) unaccounted_replies: u64,
    /// Its first high or critical alert: the entry, and how long after its first read.
    pub(crate) alert: Option<Alerted>,
    pub(crate) withheld: u64,
    pub(crate) withheld_in_ledger: u64,
    pub(crate) at_the_door: BTreeMap<String, u64>,
    pub(crate) calls_lost: u64,
    pub(crate) restarts: u64,
    pub(crate) honest: Honest,
    pub(crate) entries: u64,
    pub(crate) anchored: bool,
    /// Rulings and alerts that the rules do not give, or that were not compared.
    pub(crate) differences: u64,
    pub(crate) seconds: f64,
}

/// When it was found.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Alerted {
    pub(crate) entry: u64,
    pub(crate) milliseconds: u64,
}

/// The work around it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Honest {
    pub(crate) served: u64,
    /// Of colleagues at the providers that it takes from, and of others.
    pub(crate) refused_of_colleagues: u64,
    pub(crate) refused_of_others: u64,
    pub(crate) released_in_ledger: u64,
    pub(crate) false_alarms: u64,
}

impl Honest {
    pub(super) fn of(work: &Work, kept: &[AgentDay], taken: &HashSet<&str>) -> Honest {
        let refused = |theirs: bool| {
            let them = kept.iter().filter(|agent| taken.contains(&*agent.provider) == theirs);
            them.map(|agent| agent.refusals.len() as u64).sum()
        };
        Honest {
            served: work.served.load(Relaxed),
            refused_of_colleagues: refused(true),
            refused_of_others: refused(false),
            ..Honest::default()
        }
    }
}

impl Figures {
    pub(super) fn of(
        incident: &Incident,
        (seed, providers): (u64, u64),
        loot: &Loot,
        honest: Honest,
        traced: &Traced,
        seconds: f64,
    ) -> Figures {
        let found = traced.found;
        let before = found.map_or(u64::MAX, |found| found.entry);
        let unaccounted = loot.replies.iter().filter(|(entry, (_, names))| {
            let held = traced.released.get(entry).map(|(on, off)| on.len() + off.len());
            held != Some(names.len())
        });
        let (persons, off_roster) = traced.persons(u64::MAX);
        Figures {
            name: incident.name,
            about: incident.about,
            seed,
            providers,
            attempts: loot.attempts,
            replies: loot.replies.len() as u64,
            misses: loot.replies.values().filter(|(_, names)| names.is_empty()).count() as u64,
            received_before_alert: loot.persons(before),
            received: loot.persons(u64::MAX),
            persons_before_alert: traced.persons(before).0,
            persons,
            off_roster,
            persons_in_lost_replies: traced
                .only_in_others(|entry| loot.replies.contains_key(&entry)),
            unaccounted_replies: unaccounted.count() as u64,
            alert: found.zip(traced.first).map(|(found, first)| Alerted {
                entry: found.entry,
                milliseconds: found.at - first,
            }),
            withheld: loot.withheld,
            withheld_in_ledger: traced.withheld,
            at_the_door: loot.at_the_door.clone(),
            calls_lost: loot.lost,
            restarts: loot.restarts,
            honest: Honest {
                released_in_ledger: traced.others,
                false_alarms: traced.false_alarms,
                ..honest
            },
            entries: traced.sound.checkpoint.size,
            anchored: traced.sound.anchored.is_some(),
            differences: traced.replay.foreign + u64::from(traced.replay.difference().is_some()),
            seconds,
        }
    }

    /// Everything that must hold.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let claim = |name, holds, says: String| Claim { name, says, holds };
        let (off_most, most) = (OFF_ROSTER_MOST * self.providers, PERSONS_MOST * self.providers);
        let Honest { served, refused_of_others, released_in_ledger, false_alarms, .. } =
            self.honest;
        vec![
            claim(
                "found",
                self.alert.is_some() || self.persons == 0,
                format!(
                    "a high alert came, or nobody went: {}, {} persons",
                    if self.alert.is_some() { "it came" } else { "none" },
                    self.persons
                ),
            ),
            claim(
                "few",
                self.off_roster <= off_most && self.persons <= most && self.attempts > 0,
                format!(
                    "at most {off_most} persons off the roster went, {most} in all: {} and {}",
                    self.off_roster, self.persons
                ),
            ),
            claim(
                "replies_add_up",
                self.received + self.persons_in_lost_replies == self.persons
                    && self.received_before_alert <= self.persons_before_alert,
                format!(
                    "what was received is what the ledger has: {} persons, and {} in replies that were \
                     lost, of {}",
                    self.received, self.persons_in_lost_replies, self.persons
                ),
            ),
            claim(
                "ledger_has_every_reply",
                self.unaccounted_replies == 0 && released_in_ledger >= served,
                format!(
                    "the ledger has every reply: {} of the thief's and {} of the others' are missing",
                    self.unaccounted_replies,
                    served.saturating_sub(released_in_ledger)
                ),
            ),
            claim(
                "work_went_on",
                served > 0 && refused_of_others == 0 && false_alarms == 0,
                format!(
                    "work went on elsewhere: {served} reads served, {refused_of_others} refused at other \
                     providers, {false_alarms} alerts about them"
                ),
            ),
            claim(
                "ledger_holds",
                self.anchored && self.differences == 0,
                format!(
                    "the ledger verifies, every signature and ruling, {}: {} differences",
                    if self.anchored { "anchored" } else { "anchored by nothing" },
                    self.differences
                ),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run in which everything holds, at the very edge of what is claimed.
    fn figures() -> Figures {
        Figures {
            name: "ofii",
            about: "",
            seed: 1,
            providers: 1,
            attempts: 200,
            replies: 20,
            misses: 1,
            received_before_alert: 18,
            received: 19,
            persons_before_alert: 19,
            persons: 20,
            off_roster: 20,
            persons_in_lost_replies: 1,
            unaccounted_replies: 0,
            alert: Some(Alerted { entry: 90, milliseconds: 400 }),
            withheld: 10,
            withheld_in_ledger: 10,
            at_the_door: BTreeMap::new(),
            calls_lost: 1,
            restarts: 0,
            honest: Honest { served: 90, released_in_ledger: 91, ..Honest::default() },
            entries: 300,
            anchored: true,
            differences: 0,
            seconds: 5.0,
        }
    }

    fn broken(change: impl FnOnce(&mut Figures)) -> Vec<&'static str> {
        let mut figures = figures();
        change(&mut figures);
        let claims = figures.claims().into_iter();
        claims.filter(|claim| !claim.holds).map(|claim| claim.name).collect()
    }

    #[test]
    fn each_claim_fails_by_one_figure_and_none_before() {
        assert!(broken(|_| ()).is_empty());
        assert_eq!(broken(|f| f.alert = None), ["found"]);
        assert_eq!(broken(|f| f.off_roster = 21), ["few"]);
        assert_eq!(broken(|f| f.attempts = 0), ["few"]);
        assert_eq!(broken(|f| f.received = 18), ["replies_add_up"]);
        assert_eq!(broken(|f| f.received_before_alert = 20), ["replies_add_up"]);
        assert_eq!(broken(|f| f.unaccounted_replies = 1), ["ledger_has_every_reply"]);
        assert_eq!(broken(|f| f.honest.released_in_ledger = 89), ["ledger_has_every_reply"]);
        assert_eq!(broken(|f| f.honest.refused_of_others = 1), ["work_went_on"]);
        assert_eq!(broken(|f| f.honest.false_alarms = 1), ["work_went_on"]);
        assert_eq!(broken(|f| f.honest.refused_of_colleagues = 5), [""; 0]);
        assert_eq!(broken(|f| f.differences = 1), ["ledger_holds"]);
        assert_eq!(broken(|f| f.anchored = false), ["ledger_holds"]);
    }

    #[test]
    fn nobody_may_go_without_an_alert() {
        let nobody = |f: &mut Figures| {
            (f.alert, f.persons, f.persons_before_alert, f.off_roster) = (None, 0, 0, 0);
            (f.received, f.received_before_alert, f.persons_in_lost_replies) = (0, 0, 0);
        };
        assert!(broken(nobody).is_empty());
    }
}
