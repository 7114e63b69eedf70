//! Ordinary work: the agents of every provider, each with a certificate and tokens of its own. Trainers
//! have a group, which the first takes as a list again and again and the others look up, and whose files
//! they open; one agent in four is an office, which looks persons of the roster up by their case numbers.
//! It is faster than an office is,
//! but only where that costs no persons: whoever is met again on the same day is no new person.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::DrillError;
use super::caller::{self, CallError, Caller, why};
use super::stage::{Stage, settings};
use crate::client::{ClientError, ClientSettings, ReadRequest, Reply};
use crate::proto::{Context, View};

/// Agents of each provider.
pub(super) const AGENTS: u32 = 4;
/// New persons that an agent may have met for each second of its work before it looks for one more:
/// less than the half person a second that its budget of the minute refills by.
const NEW_PER_SECOND: f64 = 0.4;
/// Most new persons of an agent in the whole run: its budget of the hour is 60.
const NEW_MOST: usize = 25;
/// Persons of a group.
const GROUP: std::ops::RangeInclusive<i32> = 12..=14;
/// The pause between two reads of one agent, in milliseconds.
const PAUSE: std::ops::Range<u64> = 400..1_100;

/// What all agents have done so far.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) served: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) retried: AtomicU64,
}

/// What one agent keeps of its day.
pub(super) struct AgentDay {
    pub(super) provider: String,
    pub(super) caller: Caller,
    /// The last reply that it got: its entry, and the checkpoint with it.
    pub(super) last: Option<(u64, String)>,
    /// Different persons that it met.
    pub(super) met: usize,
    /// Why reads were refused.
    pub(super) refusals: Vec<String>,
}

/// All agents at work.
pub(super) struct Office {
    pub(super) work: Arc<Work>,
    pub(super) agents: u64,
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<Vec<AgentDay>, ClientError>>,
}

impl Office {
    /// Sends everybody to work but these: whoever has a stolen certificate is the thief to the gateway.
    pub(super) fn open(
        stage: &Stage,
        address: &str,
        seed: u64,
        thieves: &HashSet<&str>,
    ) -> Result<Office, DrillError> {
        let (stop, stopped) = watch::channel(false);
        let work = Arc::new(Work::default());
        let mut tasks = JoinSet::new();
        let mut agents = 0;
        for (n, (provider, _)) in (1..).zip(&stage.rosters) {
            let name = |agent| format!("{provider}-agent-{agent}");
            let names = (1..=AGENTS).map(name).filter(|name| !thieves.contains(&**name));
            let them: Vec<ClientSettings> =
                names.map(|name| settings(&stage.layout, address, &name)).collect();
            agents += them.len() as u64;
            let day = Day {
                provider: provider.to_string(),
                roster: stage.roster(provider)?.into(),
                work: work.clone(),
                stopped: stopped.clone(),
                seed: seed.wrapping_mul(1_000).wrapping_add(n),
            };
            tasks.spawn(day.begin(them));
        }
        Ok(Office { work, agents, stop, tasks })
    }

    /// Sends everybody home, and returns what they keep.
    pub(super) async fn close(mut self) -> Result<Vec<AgentDay>, DrillError> {
        // Somebody listens for as long as anybody is at work.
        let _ = self.stop.send(true);
        let mut kept = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            kept.extend(ended.map_err(std::io::Error::other)??);
        }
        Ok(kept)
    }
}

/// A provider's day.
#[derive(Clone)]
struct Day {
    provider: String,
    roster: Arc<[String]>,
    work: Arc<Work>,
    stopped: watch::Receiver<bool>,
    seed: u64,
}

impl Day {
    /// One agent after another takes the next persons of the roster as its group; then all work on.
    async fn begin(self, them: Vec<ClientSettings>) -> Result<Vec<AgentDay>, ClientError> {
        let mut tasks = JoinSet::new();
        for (n, settings) in (0..).zip(&them) {
            let mut agent = self.agent(settings, n).await?;
            if n + 1 < them.len() as u64 {
                agent.take_group(n as usize).await;
            }
            tasks.spawn(agent.work_on());
        }
        let mut kept = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            // An agent that panicked has nothing to show, and is missed in the account.
            kept.extend(ended);
        }
        Ok(kept)
    }

    async fn agent(&self, settings: &ClientSettings, n: u64) -> Result<Agent, ClientError> {
        let caller = Caller::connect(settings).await?;
        let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
        chance.set_stream(n + 1);
        Ok(Agent {
            day: self.clone(),
            caller,
            chance,
            began: Instant::now(),
            group: None,
            met: Vec::new(),
            known: HashSet::new(),
            last: None,
            refusals: Vec::new(),
        })
    }
}

/// One agent at work.
struct Agent {
    day: Day,
    caller: Caller,
    chance: ChaCha8Rng,
    began: Instant,
    /// Size of the page of the roster that is its group.
    group: Option<i32>,
    /// Names of the records that it was given today.
    met: Vec<String>,
    known: HashSet<String>,
    last: Option<(u64, String)>,
    refusals: Vec<String>,
}

impl Agent {
    /// Meets its group. A page token is its agent's own, so that a list leads nobody else to a page
    /// behind the first.
    async fn take_group(&mut self, n: usize) {
        let size = self.chance.random_range(GROUP);
        if n == 0 {
            self.group = Some(size);
            return self.attend().await;
        }
        let roster = self.day.roster.clone();
        let first = n * *GROUP.end() as usize;
        for id in roster.iter().skip(first).take(size as usize) {
            self.read(&caller::by_number(id), &why("attendance_report", "GROUP-1", View::Basic))
                .await;
        }
    }

    async fn work_on(mut self) -> AgentDay {
        let mut stopped = self.day.stopped.clone();
        while !*stopped.borrow() {
            let pause = Duration::from_millis(self.chance.random_range(PAUSE));
            tokio::select! {
                _ = tokio::time::sleep(pause) => self.act().await,
                // Closed or said: either way the day is over.
                _ = stopped.changed() => break,
            }
        }
        let Agent { day, caller, last, refusals, known, .. } = self;
        AgentDay { provider: day.provider, caller, last, met: known.len(), refusals }
    }

    /// The next thing that it does.
    async fn act(&mut self) {
        let since = self.began.elapsed();
        let room = (since.as_secs_f64() * NEW_PER_SECOND) as usize;
        let may_meet = self.known.len() < room.min(NEW_MOST);
        match self.chance.random_range(0..100) {
            0..50 if may_meet || self.met.is_empty() => self.look_up().await,
            50..60 if self.group.is_some() => self.attend().await,
            _ => self.open().await,
        }
    }

    /// The list of the group, as for an attendance sheet.
    async fn attend(&mut self) {
        let Some(size) = self.group else { return };
        self.read(&caller::list(size, ""), &why("attendance_report", "GROUP-1", View::Basic)).await;
    }

    /// A file that was given today, once more.
    async fn open(&mut self) {
        if self.met.is_empty() {
            return;
        }
        let one = self.chance.random_range(0..self.met.len());
        let query = ReadRequest::Get { name: self.met[one].clone() };
        self.read(&query, &why("course_delivery", "COURSE-7", View::Contact)).await;
    }

    /// Somebody on the roster, by case number.
    async fn look_up(&mut self) {
        let Some(last) = self.day.roster.len().checked_sub(1) else { return };
        let id = &self.day.roster[self.chance.random_range(0..=last)];
        let query = caller::by_number(id);
        self.read(&query, &why("exam_registration", "EXAM-3", View::Full)).await;
    }

    async fn read(&mut self, query: &ReadRequest, why: &Context) {
        let before = self.caller.retried;
        let done = self.caller.read(query, why).await;
        self.day.work.retried.fetch_add(self.caller.retried - before, Relaxed);
        match done {
            Ok(reply) => {
                self.day.work.served.fetch_add(1, Relaxed);
                self.keep(&reply);
            }
            Err(CallError { reason, .. }) => {
                self.day.work.refused.fetch_add(1, Relaxed);
                self.refusals.push(reason.unwrap_or_else(|| "no answer".to_owned()));
            }
        }
    }

    fn keep(&mut self, reply: &Reply) {
        for record in &reply.records {
            if self.known.insert(record.name.clone()) {
                self.met.push(record.name.clone());
            }
        }
        self.last = Some((reply.proof.entry, reply.proof.checkpoint.clone()));
    }
}
