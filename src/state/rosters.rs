//! The rosters as their entries tell them, and whether one grew by more than it may unasked: what a
//! provider may meet rests on its roster, so whoever can inflate one must not go unseen. Budgets
//! are sizes of the policy and do not follow a roster.

use std::collections::{HashMap, VecDeque};

use crate::format::entry::{
    Deed, Entry, Hash, Matter, Millis, Payload, Policy, Roster, Section, Warning, Word, day,
};

/// Days that growth is added up over, today among them.
const WINDOW: u64 = 30;
/// So many persons may always be added: small rosters grow by whole classes.
const LEAST: u64 = 20;

/// One roster as its last entry tells it.
#[derive(Clone, Debug)]
struct KnownRoster {
    digest: Hash,
    persons: u64,
    /// Number of the roster's last entry.
    seq: u64,
    day: u64,
    /// How it grew within the window of 30 days, oldest first.
    growth: VecDeque<RosterGrowth>,
    /// The growth that was warned of last.
    told: u64,
}

#[derive(Clone, Copy, Debug)]
struct RosterGrowth {
    day: u64,
    before: u64,
    added: u64,
}

/// All rosters of a ledger: a fold over its entries.
#[derive(Debug, Default)]
pub(super) struct Rosters {
    known: HashMap<(Word, Word), KnownRoster>,
    /// How much the rosters of each provider may grow in 30 days unasked, in percent.
    may_grow: HashMap<Word, u64>,
    /// How many persons a roster may grow by besides, and since which day.
    enrolled: HashMap<(Word, Word), Vec<(u64, u64)>>,
}

fn key(roster: &Roster) -> (Word, Word) {
    (roster.provider.clone(), roster.dataset.clone())
}

impl Rosters {
    /// Whether a roster follows from the one before it.
    pub(super) fn follows(&self, roster: &Roster) -> bool {
        match (self.known.get(&key(roster)), roster.added.zip(roster.removed)) {
            (None, changed) => changed.is_none(),
            (Some(_), None) => roster.added.is_none() && roster.removed.is_none(),
            (Some(known), Some((added, removed))) => {
                let same = added == 0 && removed == 0;
                known.persons.checked_add(added) == roster.persons.checked_add(removed)
                    && removed <= known.persons
                    && same == (known.digest == roster.digest)
            }
        }
    }

    /// The entry that says this already, if it is of the same day.
    pub(super) fn repeats(&self, roster: &Roster, at: Millis) -> Option<u64> {
        let known = self.known.get(&key(roster))?;
        (known.digest == roster.digest && known.day == day(at)).then_some(known.seq)
    }

    /// What must stand right behind this roster.
    pub(super) fn due(&self, roster: &Roster, at: Millis) -> Option<Warning> {
        self.after(roster, day(at)).1
    }

    /// Folds the next entry; rosters, provider rules and acts that enrol growth count.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Provider(rules) }) => {
                self.may_grow.insert(rules.provider.clone(), rules.roster_growth);
            }
            Payload::Act(act) => {
                if let Some(Deed::EnrolRoster { provider, dataset, persons }) = act.deed() {
                    let key = (provider.clone(), dataset.clone());
                    self.enrolled.entry(key).or_default().push((day(entry.now.at), persons.get()));
                }
            }
            Payload::Roster(roster) => {
                let (known, _) = self.after(roster, day(entry.now.at));
                self.known.insert(key(roster), KnownRoster { seq: entry.seq, ..known });
            }
            _ => {}
        }
    }

    /// What is known with this roster, and what must be told of it.
    fn after(&self, roster: &Roster, today: u64) -> (KnownRoster, Option<Warning>) {
        let &Roster { persons, digest, .. } = roster;
        let Some(known) = self.known.get(&key(roster)) else {
            let growth = VecDeque::new();
            return (KnownRoster { digest, persons, seq: 0, day: today, growth, told: 0 }, None);
        };
        let mut known = known.clone();
        // Of what changed while nobody looked, only what it grew by is known, and all may be new.
        let unseen = roster.added.is_none() && known.digest != digest;
        let added = roster.added.unwrap_or_else(|| persons.saturating_sub(known.persons));
        if added > 0 {
            known.growth.push_back(RosterGrowth { day: today, before: known.persons, added });
        }
        (known.digest, known.persons, known.day) = (digest, persons, today);
        while known.growth.front().is_some_and(|growth| growth.day + WINDOW <= today) {
            known.growth.pop_front();
        }
        let observed = known.growth.iter().map(|growth| growth.added).sum();
        let before = known.growth.front().map_or(persons, |growth| growth.before);
        let percent = self.may_grow.get(&roster.provider).copied().unwrap_or(0);
        let enrolled = self.enrolled.get(&key(roster)).into_iter().flatten();
        let enrolled = enrolled.filter(|(since, _)| since + WINDOW > today);
        let enrolled = enrolled.fold(0_u64, |sum, (_, persons)| sum.saturating_add(*persons));
        let expected = (before.saturating_mul(percent) / 100).max(LEAST).saturating_add(enrolled);
        let grew = observed > expected && observed > known.told;
        if observed <= expected {
            known.told = 0;
        } else if !unseen {
            // Of what came unseen the growth is still to be told, behind the next entry.
            known.told = known.told.max(observed);
        }
        let (provider, dataset) = key(roster);
        let said = if unseen {
            Some((Matter::RosterUnseen { provider, dataset }, persons))
        } else {
            grew.then_some((Matter::Roster { provider, dataset }, observed))
        };
        (known, said.map(|(matter, observed)| Warning { matter, observed, expected }))
    }
}

#[cfg(test)]
mod tests;
