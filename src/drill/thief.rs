//! The thief: a copy of one agent's certificate and key, on another machine, and a session of that agent
//! that makes tokens for it: the worst that can be stolen. To the gateway it is that agent. It knows the protocol and the policy's words, and tries what a thief can try, as fast as it
//! is let, each way until it has had its turn or nothing comes of it any more.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;

use super::caller::{CallError, Caller, by_number, list, search, why};
use super::stage::Ending;
use crate::client::{ClientSettings, ReadRequest, Reply};
use crate::proto::View;

/// Connections of the crowd.
const CROWD: u64 = 50;
/// Between two attempts to reach a gateway that is not there.
const PAUSE: Duration = Duration::from_millis(20);
/// What a policy allows as reasons to meet persons off the roster; the thief has read it.
const REASONS: [&str; 3] = ["walk_in", "transfer", "replacement"];

/// One way to take what one should not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tactic {
    OneByOne,
    HugePages,
    Walk,
    OwnRoster,
    ByKey,
    Crowd,
}

impl Tactic {
    pub(super) const ALL: [Tactic; 6] = [
        Tactic::OneByOne,
        Tactic::HugePages,
        Tactic::Walk,
        Tactic::OwnRoster,
        Tactic::ByKey,
        Tactic::Crowd,
    ];

    /// In one word, for `--json`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Tactic::OneByOne => "one_by_one",
            Tactic::HugePages => "huge_pages",
            Tactic::Walk => "walk",
            Tactic::OwnRoster => "own_roster",
            Tactic::ByKey => "by_key",
            Tactic::Crowd => "crowd",
        }
    }
}

impl fmt::Display for Tactic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tactic::OneByOne => "strangers one at a time, each with a stated reason",
            Tactic::HugePages => "pages of 1 person, and of 500",
            Tactic::Walk => "the whole dataset, page after page",
            Tactic::OwnRoster => "everybody on the provider's own roster",
            Tactic::ByKey => "names with birth dates, and case numbers counted upward",
            Tactic::Crowd => "the same over 50 connections at once",
        })
    }
}

/// What the thief will do.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) tactics: Vec<Tactic>,
    /// The tactic during which the gateway ends and starts again: never the first.
    pub(super) restart: usize,
    pub(super) ending: Ending,
}

impl Plan {
    /// The order that follows from a seed: at least one tactic ends before the restart, and at least
    /// one begins after it.
    pub(super) fn draw(seed: u64) -> Plan {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut tactics = Tactic::ALL.to_vec();
        tactics.shuffle(&mut chance);
        let restart = chance.random_range(1..tactics.len() - 1);
        let ending = if chance.random_bool(0.5) { Ending::Asked } else { Ending::Killed };
        Plan { tactics, restart, ending }
    }
}

/// What the thief has come by.
#[derive(Clone, Debug, Default)]
pub(super) struct Loot {
    pub(super) attempts: u64,
    /// Names of the records in the replies.
    pub(super) persons: HashSet<String>,
    /// Replies: entry, and records in it.
    pub(super) replies: BTreeMap<u64, u64>,
    /// Entries of reads that the judge withheld.
    pub(super) withheld: HashSet<u64>,
    /// Calls refused before the judge, by reason.
    pub(super) at_the_door: BTreeMap<String, u64>,
    /// Calls that had no answer.
    pub(super) cut: u64,
}

impl Loot {
    /// Calls refused before the judge.
    pub(super) fn refused(&self) -> u64 {
        self.at_the_door.values().sum()
    }

    /// What came in since.
    pub(super) fn since(&self, before: &Loot) -> Gain {
        Gain {
            attempts: self.attempts - before.attempts,
            persons: (self.persons.len() - before.persons.len()) as u64,
            withheld: (self.withheld.len() - before.withheld.len()) as u64,
            refused: self.refused() - before.refused(),
            cut: self.cut - before.cut,
        }
    }
}

/// What came of one tactic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gain {
    pub(crate) attempts: u64,
    /// Persons that it had not come by before.
    pub(crate) persons: u64,
    /// Attempts that the judge withheld, that were refused before it, and that had no answer.
    pub(crate) withheld: u64,
    pub(crate) refused: u64,
    pub(crate) cut: u64,
}

/// What a tactic begins with.
#[derive(Clone, Debug)]
pub(super) struct ThiefKnowledge {
    /// Persons of the stock: case numbers go from 1 to this.
    pub(super) persons: u64,
    /// Names and birth dates of some persons, as from a sample that was published.
    pub(super) sample: Vec<[String; 3]>,
}

/// The thief at work.
#[derive(Clone)]
pub(super) struct Thief {
    settings: ClientSettings,
    caller: Option<Caller>,
    known: Arc<ThiefKnowledge>,
    loot: Arc<Mutex<Loot>>,
    chance: ChaCha8Rng,
    /// Why it says that it meets strangers: the same for a turn, as a page leads only to the next one of
    /// the same reason.
    reason: &'static str,
    /// When the turn of the tactic is over.
    until: Instant,
}

/// Whether the turn goes on.
type Turn<T = ()> = ControlFlow<(), T>;

impl Thief {
    pub(super) fn new(settings: ClientSettings, known: ThiefKnowledge, seed: u64) -> Thief {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(1);
        let (loot, known) = (Arc::default(), Arc::new(known));
        let (reason, until) = (REASONS[0], Instant::now());
        Thief { settings, caller: None, known, loot, chance, reason, until }
    }

    /// Attempts so far, and persons in the replies to them.
    pub(super) fn so_far(&self) -> (u64, usize) {
        let loot = self.loot.lock();
        (loot.attempts, loot.persons.len())
    }

    /// What it has come by.
    pub(super) fn loot(&self) -> Loot {
        self.loot.lock().clone()
    }

    /// The receipt of one of its reads: it is entitled to that.
    pub(super) async fn receipt(&mut self, entry: u64) -> Option<String> {
        Caller::connect(&self.settings).await.ok()?.receipt(entry).await.ok()
    }

    /// Tries one tactic for as long as its turn lasts.
    pub(super) async fn try_out(&mut self, tactic: Tactic, turn: Duration) {
        self.until = Instant::now() + turn;
        self.reason = REASONS[self.chance.random_range(0..REASONS.len())];
        let _ = match tactic {
            Tactic::OneByOne => self.one_by_one().await,
            Tactic::HugePages => self.huge_pages().await,
            Tactic::Walk => self.walk().await,
            Tactic::OwnRoster => self.own_roster().await,
            Tactic::ByKey => self.by_key().await,
            Tactic::Crowd => self.crowd().await,
        };
    }

    async fn one_by_one(&mut self) -> Turn {
        loop {
            let somebody = self.somebody();
            self.take(&by_number(&somebody), true).await?;
        }
    }

    async fn huge_pages(&mut self) -> Turn {
        loop {
            for (size, reason) in [(1, true), (1, false), (500, true), (500, false)] {
                self.take(&list(size, ""), reason).await?;
            }
        }
    }

    /// Asks for ever less while it is refused.
    async fn walk(&mut self) -> Turn {
        let (mut token, mut size) = (String::new(), 10);
        loop {
            match self.take(&list(size, &token), true).await? {
                Some(reply) if !reply.next_page_token.is_empty() => token = reply.next_page_token,
                Some(_) => token = String::new(),
                None => size = (size / 2).max(1),
            }
        }
    }

    async fn own_roster(&mut self) -> Turn {
        let (mut token, mut size) = (String::new(), 15);
        loop {
            match self.take(&list(size, &token), false).await? {
                Some(reply) => token = reply.next_page_token,
                None => size = (size / 2).max(1),
            }
        }
    }

    async fn by_key(&mut self) -> Turn {
        let known = self.known.clone();
        for n in 1..=known.persons {
            let [family, given, born] = &known.sample[n as usize % known.sample.len()];
            let values = [("family_name", &**family), ("given_name", given), ("birth_date", born)];
            self.take(&search("name_and_birth_date", &values, 1), true).await?;
            self.take(&by_number(&format!("CIR-{n:07}")), n % 2 == 0).await?;
        }
        Turn::Continue(())
    }

    /// Many connections, each of which does a little of everything.
    async fn crowd(&mut self) -> Turn {
        let mut crowd = JoinSet::new();
        for n in 0..CROWD {
            let mut one = self.clone();
            one.caller = None;
            one.chance.set_stream(2 + n);
            crowd.spawn(one.a_little_of_everything(n % 2 == 0));
        }
        while let Some(ended) = crowd.join_next().await {
            // Every one of them ends with the turn.
            drop(ended);
        }
        Turn::Continue(())
    }

    async fn a_little_of_everything(mut self, stranger: bool) -> Turn {
        loop {
            let somebody = self.somebody();
            self.take(&by_number(&somebody), true).await?;
            self.take(&list(10, ""), stranger).await?;
            self.take(&list(1, ""), false).await?;
        }
    }

    /// The case number of somebody, most likely a stranger.
    fn somebody(&mut self) -> String {
        format!("CIR-{:07}", self.chance.random_range(1..=self.known.persons))
    }

    /// Tries one read, and keeps what comes of it. It breaks off when the turn is over.
    async fn take(&mut self, query: &ReadRequest, stranger: bool) -> Turn<Option<Reply>> {
        if Instant::now() >= self.until {
            return Turn::Break(());
        }
        let mut caller = self.connected().await?;
        let mut context = why("course_delivery", "COURSE-9", View::Contact);
        if stranger {
            context.off_roster_reason = self.reason.to_owned();
        }
        let done = caller.once(query.clone(), context).await;
        let pause = self.keep(&done);
        if !matches!(&done, Err(refused) if refused.lost()) {
            self.caller = Some(caller);
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        Turn::Continue(done.ok())
    }

    /// Keeps what came of an attempt; says how long to wait, if that is worth it.
    fn keep(&self, done: &Result<Reply, CallError>) -> Option<Duration> {
        let mut loot = self.loot.lock();
        loot.attempts += 1;
        match done {
            Ok(reply) => {
                loot.replies.insert(reply.proof.entry, reply.records.len() as u64);
                loot.persons.extend(reply.records.iter().map(|record| record.name.clone()));
                None
            }
            Err(refused) if refused.lost() => {
                loot.cut += 1;
                Some(PAUSE)
            }
            Err(CallError { entry: Some(entry), .. }) => {
                loot.withheld.insert(*entry);
                None
            }
            Err(CallError { reason, .. }) => {
                let reason = reason.clone().unwrap_or_default();
                let limited = reason == "RATE_LIMITED";
                *loot.at_the_door.entry(reason).or_default() += 1;
                limited.then_some(PAUSE)
            }
        }
    }

    async fn connected(&mut self) -> Turn<Caller> {
        loop {
            if let Some(caller) = self.caller.take() {
                return Turn::Continue(caller);
            }
            match Caller::connect(&self.settings).await {
                Ok(caller) => return Turn::Continue(caller),
                Err(_) if Instant::now() >= self.until => return Turn::Break(()),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_all_tactics_and_the_restart_between_two_of_them() {
        let mut endings = HashSet::new();
        let mut first = HashSet::new();
        for seed in 0..200 {
            let Plan { tactics, restart, ending } = Plan::draw(seed);
            let words: HashSet<_> = tactics.iter().map(|tactic| tactic.word()).collect();
            assert_eq!((words.len(), tactics.len()), (Tactic::ALL.len(), Tactic::ALL.len()));
            assert!(restart > 0 && restart + 1 < tactics.len());
            endings.insert(ending.signal());
            first.insert(tactics[0].word());
        }
        assert_eq!((endings.len(), first.len()), (2, Tactic::ALL.len()));
    }
}
