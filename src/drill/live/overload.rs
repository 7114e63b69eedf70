//! Overload: far more callers than the gateway serves, on loopback and for a bounded time. Who is served, how
//! fast, and how the others are refused; how soon it is as before; and that nothing is lost over it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{CROWD_AGENTS, CROWD_PROVIDERS, Drill, OVERLOAD, trace};
use crate::client::{ClientError, ClientSettings, Reply};
use crate::drill::account::Claim;
use crate::drill::caller::{CallError, Caller, list, why};
use crate::drill::stage::{Ending, Gateway, Stage, settings, waited};
use crate::drill::theft::key;
use crate::drill::{DrillError, sums};
use crate::proto::{Context, View};

/// Calls of each connection at once.
const AT_ONCE: usize = 6;
/// Reads of the lone reader before, and the pause between two of its reads.
const BEFORE: usize = 20;
const PAUSE: Duration = Duration::from_millis(60);
/// How many connect at once before it begins, and how long each tries.
const HANDSHAKES: usize = 32;
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(50);
/// How long it may take until a lone read is as fast as before.
const RECOVERY_MOST: Duration = Duration::from_secs(10);

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    /// Connections that called, or tried to, and for how long.
    pub(crate) callers: u64,
    pub(crate) milliseconds: u64,
    pub(crate) served: u64,
    pub(crate) served_a_second: u64,
    pub(crate) latency: Latency,
    /// Refused by code and reason; connections that were not taken, and calls over one that broke.
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) refused_otherwise: BTreeMap<String, u64>,
    pub(crate) not_connected: u64,
    pub(crate) unanswered: u64,
    /// The lone reader of a provider of its own: before, and meanwhile.
    pub(crate) before: Latency,
    pub(crate) meanwhile: Latency,
    pub(crate) meanwhile_refused: u64,
    /// From the end until a lone read took no longer than the longest before; none if that did not happen.
    pub(crate) recovered_milliseconds: Option<u64>,
    /// Replies whose entry is not there, or holds another number of persons; released reads without a reply.
    pub(crate) unaccounted_replies: u64,
    pub(crate) released_without_reply: u64,
    pub(crate) entries: u64,
    pub(crate) differences: u64,
    pub(crate) seconds: f64,
}

/// How long reads took that were served, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Latency {
    pub(crate) reads: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) most: u64,
}

impl Latency {
    fn of(all: &mut [u64]) -> Latency {
        all.sort_unstable();
        let at = |percent: usize| match (all.len() * percent).div_ceil(100) {
            0 => 0,
            n => all[n - 1],
        };
        Latency { reads: all.len() as u64, p50: at(50), p99: at(99), most: at(100) }
    }
}

/// What callers have come to.
#[derive(Default)]
struct Seen {
    took: Vec<u64>,
    /// Replies: entry, and records.
    replies: BTreeMap<u64, usize>,
    refused: BTreeMap<String, u64>,
    refused_otherwise: BTreeMap<String, u64>,
    not_connected: u64,
    unanswered: u64,
}

impl Seen {
    fn keep(&mut self, began: Instant, done: &Result<Reply, CallError>) {
        match done {
            Ok(reply) => {
                let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.took.push(took);
                self.replies.insert(reply.proof.entry, reply.records.len());
            }
            Err(CallError { reason: None, .. }) => self.unanswered += 1,
            Err(refused) => {
                let reason = refused.reason.as_deref().unwrap_or_default();
                let told = format!("{} {reason}", refused.code());
                let all = if refused.is_of_overload() {
                    &mut self.refused
                } else {
                    &mut self.refused_otherwise
                };
                *all.entry(told).or_default() += 1;
            }
        }
    }

    fn add(&mut self, other: Seen) {
        self.took.extend(other.took);
        self.replies.extend(other.replies);
        self.not_connected += other.not_connected;
        self.unanswered += other.unanswered;
        for (into, from) in [
            (&mut self.refused, other.refused),
            (&mut self.refused_otherwise, other.refused_otherwise),
        ] {
            for (told, count) in from {
                *into.entry(told).or_default() += count;
            }
        }
    }
}

fn context() -> Context {
    why("attendance_report", "GROUP-1", View::Basic)
}

/// One connection, and its calls one behind the other, several at once: whoever is met again on a day is no
/// new person, so that budgets refuse nothing of it.
async fn crowd(caller: Caller, settings: ClientSettings, until: Instant) -> Seen {
    let mut seen = Seen::default();
    let mut connected = Some(caller);
    while Instant::now() < until {
        let caller = match connected.take() {
            Some(caller) => Ok(caller),
            None => Caller::connect(&settings).await,
        };
        let Ok(caller) = caller else {
            seen.not_connected += 1;
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let mut calls = JoinSet::new();
        for _ in 0..AT_ONCE {
            let mut caller = caller.clone();
            calls.spawn(async move {
                let mut seen = Seen::default();
                while Instant::now() < until {
                    let began = Instant::now();
                    let done = caller.once(list(1, ""), context()).await;
                    seen.keep(began, &done);
                    if done.is_err_and(|refused| refused.lost()) {
                        break;
                    }
                }
                seen
            });
        }
        while let Some(Ok(some)) = calls.join_next().await {
            seen.add(some);
        }
    }
    seen
}

/// A connection, from as many attempts as it takes.
async fn connect(settings: ClientSettings) -> Result<(Caller, ClientSettings), ClientError> {
    let began = Instant::now();
    loop {
        match Caller::connect(&settings).await {
            Ok(caller) => return Ok((caller, settings)),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// A lone read.
async fn alone(caller: &mut Caller, seen: &mut Seen) -> Option<u64> {
    let began = Instant::now();
    let done = caller.once(list(1, ""), context()).await;
    seen.keep(began, &done);
    done.ok().and_then(|_| seen.took.last().copied())
}

/// From the first lone read to the figures, with so many connections.
pub(crate) async fn run(drill: Drill, callers: u64) -> Result<Figures, DrillError> {
    let Drill { made, persons, seed, turn } = drill;
    let all = Instant::now();
    let stage = Stage::of(made, persons);
    let key = key(&stage)?;
    let gateway = Gateway::start(&stage.layout).await?;
    let name = |n: u64| {
        let (providers, agents) = (u64::from(CROWD_PROVIDERS - 1), u64::from(CROWD_AGENTS));
        format!("provider-{:02}-agent-{}", n % providers + 1, n / providers % agents + 1)
    };
    let lone = format!("provider-{CROWD_PROVIDERS:02}-agent-1");
    let of = |name: &str| settings(&stage.layout, &gateway.address, name);

    let (mut before, mut meanwhile) = (Seen::default(), Seen::default());
    let mut caller = Caller::connect(&of(&lone)).await?;
    for _ in 0..BEFORE {
        alone(&mut caller, &mut before).await;
        tokio::time::sleep(PAUSE).await;
    }
    let usual = Latency::of(&mut before.took.clone());

    let them = stream::iter((0..callers).map(|n| connect(of(&name(n)))));
    let them: Vec<_> = them.buffer_unordered(HANDSHAKES).try_collect().await?;
    let (began, over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let until = began + turn;
    let bystander = {
        let (mut caller, over) = (caller.clone(), over.clone());
        tokio::spawn(async move {
            while !over.load(Relaxed) {
                alone(&mut caller, &mut meanwhile).await;
                tokio::time::sleep(PAUSE).await;
            }
            meanwhile
        })
    };
    let mut tasks = JoinSet::new();
    for (caller, settings) in them {
        tasks.spawn(crowd(caller, settings, until));
    }
    let mut seen = Seen::default();
    while let Some(ended) = tasks.join_next().await {
        seen.add(ended.map_err(std::io::Error::other)?);
    }
    let milliseconds = millis(began.elapsed());
    let ended = Instant::now();
    over.store(true, Relaxed);
    let meanwhile = bystander.await.map_err(std::io::Error::other)?;

    let (mut after, mut recovered) = (Seen::default(), None);
    while recovered.is_none() && ended.elapsed() < RECOVERY_MOST {
        let took = alone(&mut caller, &mut after).await;
        recovered = took.filter(|took| *took <= usual.most).map(|_| millis(ended.elapsed()));
        if recovered.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    gateway.end(Ending::Asked).await?;

    let names: HashSet<String> = (0..callers).map(name).chain([lone]).collect();
    let fingerprints = names.iter().map(|name| sums::fingerprint(&stage.layout, name));
    let certificates = fingerprints.collect::<Result<HashSet<_>, _>>()?;
    let ledger = stage.layout.ledger();
    let traced = waited(move || Ok(trace::trace(&ledger, &key, &[], &certificates)?)).await?;
    let replies = [&before, &meanwhile, &seen, &after];
    let replies: BTreeMap<u64, usize> =
        replies.iter().flat_map(|seen| seen.replies.iter().map(|(e, n)| (*e, *n))).collect();
    let unaccounted = replies.iter().filter(|(entry, records)| {
        let held = traced.released.get(entry).map(|(on, off)| on.len() + off.len());
        held != Some(**records)
    });
    let without = traced.released.keys().filter(|entry| !replies.contains_key(entry));
    let served = seen.took.len() as u64;
    Ok(Figures {
        name: OVERLOAD,
        seed,
        callers,
        milliseconds,
        served,
        served_a_second: served * 1_000 / milliseconds.max(1),
        latency: Latency::of(&mut seen.took),
        refused: seen.refused,
        refused_otherwise: seen.refused_otherwise,
        not_connected: seen.not_connected,
        unanswered: seen.unanswered,
        before: usual,
        meanwhile: Latency::of(&mut meanwhile.took.clone()),
        meanwhile_refused: [&meanwhile.refused, &meanwhile.refused_otherwise]
            .iter()
            .flat_map(|all| all.values())
            .sum(),
        recovered_milliseconds: recovered,
        unaccounted_replies: unaccounted.count() as u64,
        released_without_reply: without.count() as u64,
        entries: traced.sound.checkpoint.size,
        differences: traced.replay.foreign + u64::from(traced.replay.difference().is_some()),
        seconds: all.elapsed().as_secs_f64(),
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Figures {
    /// Everything that must hold.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let claim = |name, holds, says: String| Claim { name, says, holds };
        let refused: u64 = self.refused.values().sum();
        let otherwise: u64 = self.refused_otherwise.values().sum();
        vec![
            claim(
                "some_served",
                self.served > 0,
                format!("some are served meanwhile: {} reads", self.served),
            ),
            claim(
                "others_refused",
                refused > 0 && otherwise == 0,
                format!(
                    "the others are refused with RESOURCE_EXHAUSTED, UNAVAILABLE or DEADLINE_EXCEEDED: \
                     {refused} calls, and {otherwise} otherwise"
                ),
            ),
            claim(
                "recovered",
                self.recovered_milliseconds.is_some(),
                match self.recovered_milliseconds {
                    Some(after) => format!("a lone read is as fast as before after {after} ms"),
                    None => "a lone read is as fast as before: it was not".to_owned(),
                },
            ),
            claim(
                "nothing_lost",
                self.unaccounted_replies == 0,
                format!(
                    "every reply has its entry in the ledger: {} have not",
                    self.unaccounted_replies
                ),
            ),
            claim(
                "ledger_holds",
                self.differences == 0 && self.entries > self.served,
                format!(
                    "the ledger verifies, every signature and ruling: {} entries, {} differences",
                    self.entries, self.differences
                ),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            name: OVERLOAD,
            seed: 1,
            callers: 500,
            milliseconds: 3_000,
            served: 1_000,
            served_a_second: 333,
            latency: Latency::default(),
            refused: [("ResourceExhausted RATE_LIMITED".to_owned(), 9_000)].into(),
            refused_otherwise: BTreeMap::new(),
            not_connected: 40,
            unanswered: 0,
            before: Latency::default(),
            meanwhile: Latency::default(),
            meanwhile_refused: 0,
            recovered_milliseconds: Some(12),
            unaccounted_replies: 0,
            released_without_reply: 3,
            entries: 1_050,
            differences: 0,
            seconds: 6.0,
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
        assert_eq!(broken(|f| f.served = 0), ["some_served"]);
        assert_eq!(broken(|f| f.refused.clear()), ["others_refused"]);
        let internal = |f: &mut Figures| f.refused_otherwise.extend([("INTERNAL".to_owned(), 1)]);
        assert_eq!(broken(internal), ["others_refused"]);
        assert_eq!(broken(|f| f.recovered_milliseconds = None), ["recovered"]);
        assert_eq!(broken(|f| f.unaccounted_replies = 1), ["nothing_lost"]);
        assert_eq!(broken(|f| f.differences = 1), ["ledger_holds"]);
        assert_eq!(broken(|f| f.entries = 1_000), ["ledger_holds"]);
    }

    #[test]
    fn the_latencies_are_those_at_half_and_at_99_of_100() {
        let mut all: Vec<u64> = (1..=200).rev().collect();
        let Latency { reads, p50, p99, most } = Latency::of(&mut all);
        assert_eq!((reads, p50, p99, most), (200, 100, 198, 200));
        assert_eq!(Latency::of(&mut []).p99, 0);
    }
}
