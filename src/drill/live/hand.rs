//! One agent in a thief's hands: what an incident has it ask, over a connection of its own, and what it
//! received. It knows who is on the roster, so that it asks for nobody else where it wants strangers.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::client::{ClientSettings, Reply};
use crate::drill::DrillError;
use crate::drill::caller::{CallError, Caller, by_number, list, search, why};
use crate::drill::incident::{Incident, Loot as Wanted};
use crate::drill::stage::Stage;
use crate::format::entry::Word;
use crate::proto::View;

/// Whoever gets nobody so often in a row goes away.
const REFUSED_MOST: u64 = 100;
/// Between two attempts where the gateway says not so fast, or is not there.
const PAUSE: Duration = Duration::from_millis(20);

/// What was received, by everybody together.
#[derive(Clone, Debug, Default)]
pub(super) struct Loot {
    pub(super) attempts: u64,
    /// Replies by their entries: the provider, and the names of the records.
    pub(super) replies: BTreeMap<u64, (Word, Vec<String>)>,
    /// Reads that the judge withheld, calls refused before it by reason, and calls without an answer.
    pub(super) withheld: u64,
    pub(super) at_the_door: BTreeMap<String, u64>,
    pub(super) lost: u64,
    /// How often the gateway was killed behind a reply.
    pub(super) restarts: u64,
}

impl Loot {
    pub(super) fn add(&mut self, other: Loot) {
        self.attempts += other.attempts;
        self.replies.extend(other.replies);
        self.withheld += other.withheld;
        self.lost += other.lost;
        self.restarts += other.restarts;
        for (reason, count) in other.at_the_door {
            *self.at_the_door.entry(reason).or_default() += count;
        }
    }

    /// Different persons in the replies before an entry.
    pub(super) fn persons(&self, before: u64) -> u64 {
        let replies = self.replies.range(..before).map(|(_, reply)| reply);
        let all = replies.flat_map(|(provider, names)| names.iter().map(move |n| (provider, n)));
        all.collect::<HashSet<_>>().len() as u64
    }
}

/// What it knows of the records.
pub(super) struct HandKnowledge {
    provider: Word,
    persons: u64,
    roster: HashSet<String>,
}

impl HandKnowledge {
    pub(super) fn of(stage: &Stage, provider: &Word) -> Result<HandKnowledge, DrillError> {
        let roster = stage.roster(provider)?.into_iter().collect();
        Ok(HandKnowledge { provider: provider.clone(), persons: stage.persons, roster })
    }
}

/// One agent.
pub(super) struct Hand {
    incident: Incident,
    settings: ClientSettings,
    known: HandKnowledge,
    chance: ChaCha8Rng,
    caller: Option<Caller>,
    page: String,
    refused: u64,
    pub(super) loot: Loot,
}

impl Hand {
    pub(super) fn new(
        incident: Incident,
        settings: ClientSettings,
        known: HandKnowledge,
        (seed, n): (u64, u64),
    ) -> Hand {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(3_000 + n);
        let (caller, page, loot) = (None, String::new(), Loot::default());
        Hand { incident, settings, known, chance, caller, page, refused: 0, loot }
    }

    /// Whether it tries again.
    pub(super) fn goes_on(&self, until: Instant) -> bool {
        let Incident { a_day, .. } = self.incident;
        self.loot.attempts < a_day && self.refused < REFUSED_MOST && Instant::now() < until
    }

    /// Tries once; whether somebody was received.
    pub(super) async fn attempt(&mut self) -> bool {
        let mut caller = match self.caller.take() {
            Some(caller) => caller,
            None => match Caller::connect(&self.settings).await {
                Ok(caller) => caller,
                Err(_) => {
                    tokio::time::sleep(PAUSE).await;
                    return false;
                }
            },
        };
        self.loot.attempts += 1;
        let done = self.ask(&mut caller).await;
        let received =
            matches!(&done, Ok(replies) if replies.iter().any(|r| !r.records.is_empty()));
        self.refused = if done.is_ok() { 0 } else { self.refused + 1 };
        let lost = matches!(&done, Err(refused) if refused.lost());
        if !lost {
            self.caller = Some(caller);
        }
        if self.keep(done) {
            tokio::time::sleep(PAUSE).await;
        }
        received
    }

    async fn ask(&mut self, caller: &mut Caller) -> Result<Vec<Reply>, CallError> {
        let (purpose, view) = if self.incident.full {
            ("exam_registration", View::Full)
        } else {
            ("course_delivery", View::Basic)
        };
        let roster = why(purpose, "COURSE-9", view);
        let mut anybody = roster.clone();
        anybody.off_roster_reason = "transfer".to_owned();
        let one = |reply| vec![reply];
        match self.incident.loot {
            Wanted::Pages(size) => {
                let size = i32::try_from(size).unwrap_or(i32::MAX);
                let done = caller.once(list(size, &self.page), anybody).await;
                self.page =
                    done.as_ref().map_or(String::new(), |reply| reply.next_page_token.clone());
                done.map(one)
            }
            Wanted::Nobody => {
                let family = format!("Nobody{}", letters(self.loot.attempts));
                let values = [
                    ("family_name", &*family),
                    ("given_name", "Absent"),
                    ("birth_date", "1931-02-03"),
                ];
                caller.once(search("name_and_birth_date", &values, 1), roster).await.map(one)
            }
            Wanted::Export => {
                caller.export(0, 500, why("attendance_report", "COURSE-9", View::Basic)).await
            }
            _ => {
                let somebody = self.stranger();
                caller.once(by_number(&somebody), anybody).await.map(one)
            }
        }
    }

    /// The case number of somebody off the roster.
    fn stranger(&mut self) -> String {
        loop {
            let id = format!("CIR-{:07}", self.chance.random_range(1..=self.known.persons));
            if !self.known.roster.contains(&id) {
                return id;
            }
        }
    }

    /// Keeps what came of an attempt; whether it should wait.
    fn keep(&mut self, done: Result<Vec<Reply>, CallError>) -> bool {
        match done {
            Ok(replies) => {
                for reply in replies {
                    let names = reply.records.into_iter().map(|record| record.name).collect();
                    let reply = (reply.proof.entry, (self.known.provider.clone(), names));
                    self.loot.replies.extend([reply]);
                }
                false
            }
            Err(refused) if refused.lost() => {
                self.loot.lost += 1;
                true
            }
            Err(CallError { entry: Some(_), .. }) => {
                self.loot.withheld += 1;
                false
            }
            Err(CallError { reason, .. }) => {
                let reason = reason.unwrap_or_default();
                let limited = reason == "RATE_LIMITED";
                *self.loot.at_the_door.entry(reason).or_default() += 1;
                limited
            }
        }
    }
}

/// A number in letters: names have no digits.
fn letters(n: u64) -> String {
    n.to_string().bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_counts_once_and_only_before_the_entry() {
        let mut loot = Loot::default();
        let reply = |provider: &str, names: &[&str]| {
            (provider.into(), names.iter().map(|name| (*name).to_owned()).collect())
        };
        loot.replies.insert(5, reply("a", &["x", "y"]));
        loot.replies.insert(7, reply("a", &["x"]));
        loot.replies.insert(9, reply("b", &["x"]));
        assert_eq!([5, 6, 9, 10].map(|before| loot.persons(before)), [0, 2, 2, 3]);
        assert_ne!(letters(12), letters(21));
    }
}
