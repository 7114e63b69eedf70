//! A recorded past, judged again: what a policy would have ruled of it. State and judge are those of the
//! gateway; there is no ledger, since nothing of it is evidence.
//!
//! A read that was withheld would have gone on in the past as it did: whoever was refused and came back, or
//! gave up, is not known, and is taken to have asked what the past says.

pub(crate) mod attack;
pub(crate) mod calibrate;
pub(crate) mod events;
pub(crate) mod recorded;
pub(crate) mod tally;

use std::collections::{HashSet, VecDeque};
use std::fmt;

use crate::anomaly::AnomalyJudge;
use crate::format::entry::{
    Act, Alert, Deed, Entry, Facts, Hash, Method, Millis, Moment, Nonce, Outcome, Payload, Read,
    Ruling, SignedAct, Statement, Tag, Whom, Word,
};
use crate::registrar::rules::Rules;
use crate::state::growth::Requester;
use crate::state::judge::{Decision, Judge};
use crate::state::judge_input::JudgeInput;
use crate::state::memory::Reach;
use crate::state::{CountedFacts, State};
use events::{Past, PastRead};
use tally::{Reading, Tally};

/// Reads between two reports of progress.
const STRIDE: u64 = 4_096;

/// A policy as a backtest goes by it.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) rules: Rules,
    /// The providers that may meet persons off their rosters, if they state a reason.
    pub(crate) open: HashSet<Word>,
}

/// What was ruled of one read, if it was not simply released.
pub(crate) struct Judged<'a> {
    /// Its line, or its entry.
    pub(crate) number: u64,
    pub(crate) at: Millis,
    pub(crate) provider: &'a Word,
    pub(crate) agent: &'a dyn fmt::Display,
    /// As it was counted.
    pub(crate) facts: Facts,
    pub(crate) outcome: PastOutcome,
    pub(crate) alerts: &'a [Alert],
}

/// What becomes of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PastOutcome {
    /// The judge ruled on it.
    Ruled(Ruling),
    /// Its budget of entries was used up: the door refuses it.
    OutOfEntries,
}

/// How the persons of a read are counted.
enum Counting {
    /// Against whom this policy has released so far.
    Anew(Reach),
    /// As the past counted them, for nobody knows any more who they were.
    Recorded(Facts),
}

/// What is due once somebody has looked at a grave alert.
struct Lift {
    at: Millis,
    provider: Word,
    agent: Tag,
}

/// The gateway, as far as rulings depend on it.
struct Bench {
    state: State,
    judge: Box<dyn Judge>,
    now: Moment,
    /// How long it takes to give back what a grave alert took; none: nobody does.
    lift_after: Option<Millis>,
    lifts: VecDeque<Lift>,
}

impl Bench {
    fn new(rules: &Rules, begin: Millis, lift_after: Option<Millis>) -> Bench {
        let judge = AnomalyJudge::fresh();
        let now = Moment { at: begin, tick: 0 };
        let sections = rules.entries(judge.version());
        let mut bench =
            Bench { state: State::default(), judge, now, lift_after, lifts: VecDeque::new() };
        bench.fold(sections, None);
        bench
    }

    /// Folds what stands or falls together, and has it back.
    fn fold(&mut self, group: Vec<Payload>, counted: Option<&CountedFacts>) -> Vec<Entry> {
        let (now, prev) = (self.now, Hash::default());
        let entry = |(seq, payload)| Entry { seq, prev, now, payload };
        let group: Vec<Entry> = (self.state.next()..).zip(group).map(entry).collect();
        // What the gateway would not write comes of a mistake here.
        debug_assert!(counted.is_none() || self.state.admits(&group, counted) == Ok(()));
        self.state.apply(&group, None);
        group.iter().for_each(|entry| self.judge.apply(entry));
        group
    }

    /// Lets time pass until then, and has given back what is due by it.
    fn pass_to(&mut self, now: Moment) {
        while let Some(lift) = self.lifts.pop_front_if(|lift| lift.at <= now.at) {
            let at = lift.at.max(self.now.at);
            let tick = now.tick.saturating_sub(now.at - at).max(self.now.tick);
            self.now = Moment { at, tick };
            for agent in [Some(lift.agent), None] {
                let whom = Whom { provider: lift.provider.clone(), agent };
                self.fold(vec![Payload::Act(lifted(whom))], None);
            }
        }
        self.now = now;
    }

    /// What becomes of a read, and the alerts that come of it.
    fn read(
        &mut self,
        mut read: Box<Read>,
        counting: Counting,
        now: Moment,
    ) -> (PastOutcome, Facts, Vec<Alert>) {
        self.pass_to(now);
        let agent = read.agent;
        let (facts, counted) = match counting {
            Counting::Anew(reach) => {
                let counted = self.state.count(&read, reach, now);
                (counted.facts(), Some(counted))
            }
            Counting::Recorded(facts) => (facts, None),
        };
        let (page, off) = (read.method != Method::Get, read.reason.is_some());
        let contained = self.state.contained();
        let export = read.job.is_some() && contained.exports.contains(&read.provider);
        if export || contained.refuses(&read.provider, || agent, page, off) {
            return (PastOutcome::Ruled(Ruling::contained(None)), facts, Vec::new());
        }
        let caller = || Requester::Agent(agent);
        if self.state.exhausted().caller(&read.provider, caller, || now.tick).is_err() {
            return (PastOutcome::OutOfEntries, facts, Vec::new());
        }
        read.facts = facts;
        read.policy = self.state.head().map_or(0, |(head, _)| *head);
        let input = JudgeInput::of(self.state.next(), &read);
        let Decision { ruling, alerts } = self.judge.decide(&input, self.state.standing(), now);
        read.ruling = ruling;
        if ruling.outcome == Outcome::Withheld {
            (read.rows, read.reply) = (0, None);
            read.on.clear();
            read.off.clear();
        }
        let mut group = Vec::with_capacity(1 + alerts.len());
        group.push(Payload::Read(read));
        group.extend(alerts.into_iter().map(Payload::Alert));
        let folded = self.fold(group, counted.as_ref());
        let alert = |entry: Entry| match entry.payload {
            Payload::Alert(alert) => Some(alert),
            _ => None,
        };
        let alerts: Vec<Alert> = folded.into_iter().filter_map(alert).collect();
        if let Some(after) = self.lift_after {
            let grave = alerts.iter().filter(|alert| tally::is_grave(alert));
            let at = now.at.saturating_add(after);
            let lift = |alert: &Alert| Lift { at, provider: alert.provider.clone(), agent };
            self.lifts.extend(grave.map(lift));
        }
        (PastOutcome::Ruled(ruling), facts, alerts)
    }
}

/// What a duty officer decides who found nothing wrong. Nobody checks signatures here.
fn lifted(whom: Whom) -> Act {
    let (deed, reason) = (Deed::Lift(whom), String::new());
    let statement = Statement { deed, reason, nonce: Nonce::default(), expires: 0 };
    Act::Signed(SignedAct {
        id: "duty".into(),
        certificate: None,
        statement,
        signatures: Vec::new(),
    })
}

/// The tag of an agent or a subject of a past: its numbers. Who is equal has an equal one, and no key is needed.
fn tag(kind: u8, provider: u32, number: u32) -> Tag {
    let mut tag = [0; 16];
    tag[0] = kind;
    tag[4..8].copy_from_slice(&provider.to_be_bytes());
    tag[8..12].copy_from_slice(&number.to_be_bytes());
    Tag(tag)
}

/// The words that no line of a past has, and that no rule looks at.
struct Filler {
    network: Word,
    dataset: Word,
    purpose: Word,
    reason: Word,
    view: Word,
}

impl Filler {
    fn new() -> Filler {
        Filler {
            network: "192.0.2.0/24".into(),
            dataset: "past".into(),
            purpose: "past".into(),
            reason: "past".into(),
            view: "BASIC".into(),
        }
    }

    /// The read of one person. Whoever may not meet persons off the roster finds nobody there.
    fn get(&self, one: &PastRead, provider: &Word, is_open: bool) -> (Box<Read>, Reach) {
        let agent = tag(1, one.provider, one.agent);
        let subject = tag(2, one.provider, one.subject);
        let stranger = !one.in_roster && is_open;
        let on = if one.in_roster { vec![subject] } else { Vec::new() };
        let off = if stranger { vec![subject] } else { Vec::new() };
        let rows = (on.len() + off.len()) as u64;
        let read = Read {
            policy: 0,
            request: None,
            replay_of: None,
            provider: provider.clone(),
            certificate: Hash::default(),
            agent,
            issuer: None,
            methods: Vec::new(),
            auth_age: None,
            token: None,
            network: self.network.clone(),
            dataset: self.dataset.clone(),
            purpose: self.purpose.clone(),
            case: tag(3, one.provider, one.agent),
            reason: stranger.then(|| self.reason.clone()),
            method: Method::Get,
            view: self.view.clone(),
            job: None,
            keys: Vec::new(),
            asked: 1,
            misses: 1 - rows,
            rows,
            on,
            off,
            facts: Facts::default(),
            context: Vec::new(),
            decoys: 0,
            weight: rows,
            ruling: Ruling::PENDING,
            reply: Some(Hash::default()),
        };
        (Box::new(read), Reach::One(subject))
    }
}

/// Judges a past under a policy that names all of its providers. `told` hears of every read that was not simply
/// released, and `passed`, now and then, how many were judged.
pub(crate) fn judge(
    past: &Past,
    terms: &Terms,
    lift_after: Option<Millis>,
    told: &mut dyn FnMut(&Judged<'_>),
    passed: &mut dyn FnMut(u64),
) -> Tally {
    let begin = past.reads.first().map_or(0, |first| first.at);
    let mut bench = Bench::new(&terms.rules, begin, lift_after);
    let mut tally = Tally::default();
    let filler = Filler::new();
    let open: Vec<bool> = past.providers.iter().map(|one| terms.open.contains(&one.id)).collect();
    for (n, one) in (1..).zip(&past.reads) {
        let provider = &past.providers[one.provider as usize];
        let (read, reach) = filler.get(one, &provider.id, open[one.provider as usize]);
        let misses = read.misses;
        let now = Moment { at: one.at, tick: one.at - begin };
        let (outcome, facts, alerts) = bench.read(read, Counting::Anew(reach), now);
        tally.add(&Reading {
            at: one.at,
            provider: &provider.id,
            facts: &facts,
            misses,
            unseen: false,
            outcome,
            alerts: &alerts,
        });
        if outcome != PastOutcome::Ruled(Ruling::RELEASED) || !alerts.is_empty() {
            told(&Judged {
                number: one.line,
                at: one.at,
                provider: &provider.id,
                agent: &provider.agents[one.agent as usize],
                facts,
                outcome,
                alerts: &alerts,
            });
        }
        if n % STRIDE == 0 {
            passed(n);
        }
    }
    tally
}

#[cfg(test)]
mod tests;
