//! What may follow what: everything that the entries so far say, and whether others may stand
//! behind them. The verifier asks it of each entry that it reads, and the registrar, by the same
//! code, of what it is about to write.
//!
//! Some entries stand or fall together, in one commit: a read and its alerts, a roster and the
//! warning that comes of it, the sections of a policy and their head. A registrar asks for such a
//! group as a whole, before anything of it is written.

pub mod acts;
pub mod bucket;
pub mod containment;
pub mod contracts;
pub mod days;
pub mod growth;
pub mod jobs;
pub mod judge;
pub mod judge_input;
pub mod memory;
pub mod policies;
pub mod reads;
pub mod repeats;
pub mod rosters;
pub mod standing;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::format::entry::{
    Alert, CertificateRefusals, Entry, Facts, Hash, Head, Level, Malformed, Moment, Outcome,
    Payload, Policy, Read, RefusalCount, Refusals, Roster, Rule, Section, Severity, Tag, Warning,
    Word,
};
use acts::{Acts, Approved, BadAct};
use containment::Contained;
use contracts::Contracts;
use days::Today;
use growth::{EntryAccounts, Exhausted, UsedUp};
use jobs::Jobs;
use judge_input::JudgeInput;
use memory::{Memory, Reach};
use policies::{BadPolicy, Policies, Sections};
use reads::BadRead;
use repeats::{OtherArguments, Repeats, RequestId};
use rosters::Rosters;
use standing::Standing;

/// Why an entry may not stand where it is to.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Inadmissible {
    /// Its times do not follow those before it.
    #[error("its times do not follow those before it")]
    Clock,
    /// A second genesis, or none at the beginning.
    #[error("it is a genesis and not the first entry, or the first entry and no genesis")]
    Genesis,
    /// A section of a policy, a head, or what stands between them.
    #[error(transparent)]
    Policy(#[from] BadPolicy),
    /// A read that contradicts itself, or what was released before it.
    #[error(transparent)]
    Read(#[from] BadRead),
    /// It names a policy that is not in force.
    #[error("it names policy {0}, which is not in force")]
    Outdated(u64),
    /// A release to somebody who gets nothing.
    #[error("it was released, and what it asked for was contained")]
    Contained,
    /// A release outside the dates of a contract, or beyond its persons.
    #[error("it was released, and the contract of its provider does not cover it")]
    Contract,
    /// A repeat that is not said to be one, or one that is none.
    #[error("its request id was not first used where it says")]
    Replay,
    /// An alert that does not follow from what stands before it.
    #[error("it is an alert that does not belong to the read before it, or to its incident")]
    Alert,
    /// An alert whose figures are not those of the day.
    #[error("it is an alert whose persons or first read are not those of the day before it")]
    AlertFigures,
    /// A roster that does not follow from the one before it, or a warning that has no place.
    #[error(
        "it is a roster or a warning that does not follow from what stands before it, or a warning \
         is missing before it"
    )]
    Roster,
    /// An export that is not what its job says.
    #[error("it is an export that is not what its job says, or a read of another method in a job")]
    Job,
    /// An entry that somebody's budget had no room for.
    #[error("the budget of entries that it is charged to was used up")]
    Entries(#[from] UsedUp),
    /// A digest of refused calls of which nothing was refused, in another order, or of the future.
    #[error("it is a digest of refusals with none, out of order, or from behind its own time")]
    Refusals,
    /// Access to what is not there yet.
    #[error("it says that an entry was given out which did not stand before it")]
    Access,
    /// It is an act that cannot stand; holds the reason.
    #[error(transparent)]
    Act(#[from] BadAct),
    /// The commit ends inside a group.
    #[error("what must stand behind it in the same commit does not")]
    Open,
    /// It has no form that the format allows.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What must, or may, stand behind the last entry in the same commit.
#[derive(Clone, Debug, Default)]
enum Continuation {
    /// Any entry that begins a group may come.
    #[default]
    Nothing,
    /// More sections of the policy must come, or its head.
    Policy,
    /// Exactly this warning must come.
    Warning(Box<Warning>),
    /// Alerts of this read, or whatever begins a group.
    Read(Judged),
}

/// A read, as far as its alerts refer to it.
#[derive(Clone, Debug)]
struct Judged {
    seq: u64,
    provider: Word,
    agent: Tag,
    /// The day of its agent and that of its provider, with it.
    days: [Today; 2],
    /// The first alert of an incident that began with it.
    incident: Option<u64>,
}

/// The facts of a read, counted for the entry of this number. Only [`State::count`] makes one, so
/// what was just counted need not be counted again.
#[derive(Debug)]
pub struct CountedFacts {
    seq: u64,
    facts: Facts,
}

impl CountedFacts {
    /// The facts as they were counted against the memory.
    pub fn facts(&self) -> Facts {
        self.facts
    }
}

/// A fold over all entries so far.
#[derive(Debug, Default)]
pub struct State {
    /// Number that the next entry gets.
    next: u64,
    now: Moment,
    open: Continuation,
    standing: Standing,
    policies: Policies,
    acts: Acts,
    rosters: Rosters,
    growth: EntryAccounts,
    repeats: Repeats,
    memory: Memory,
    /// The provider and the incident of each alert, by its entry number.
    alerts: HashMap<u64, (Word, u64)>,
}

impl State {
    /// Whether a group of entries may stand next, all of them, as it is. Nothing changes.
    ///
    /// # Errors
    /// [`Inadmissible`] of the first that may not.
    pub fn admits(
        &self,
        group: &[Entry],
        counted: Option<&CountedFacts>,
    ) -> Result<(), Inadmissible> {
        let mut open = Cow::Borrowed(&self.open);
        let mut coming = Cow::Borrowed(self.policies.coming());
        for entry in group {
            open = Cow::Owned(self.behind(entry, &open, &coming, counted)?);
            if let (Payload::Policy(policy), true) = (&entry.payload, group.len() > 1) {
                coming.to_mut().take(&policy.section);
            }
        }
        if closed(&open) { Ok(()) } else { Err(Inadmissible::Open) }
    }

    /// Holds the next entry against those before it, and folds it; `check` sees both before that.
    ///
    /// # Errors
    /// [`Inadmissible`]: then the state is worth nothing any more.
    pub fn take(&mut self, entry: &Entry, check: impl FnOnce(&State)) -> Result<(), Inadmissible> {
        let open = self.behind(entry, &self.open, self.policies.coming(), None)?;
        check(self);
        self.fold(entry, None);
        self.open = open;
        Ok(())
    }

    /// Folds a group that was admitted; `asked` is the digest of what a read asked that came with a
    /// request id, where that is known: no entry says.
    pub fn apply(&mut self, group: &[Entry], asked: Option<Hash>) {
        for entry in group {
            self.fold(entry, asked);
        }
        self.open = Continuation::Nothing;
    }

    /// A commit ends here.
    ///
    /// # Errors
    /// [`Inadmissible::Open`] if something must still stand in it.
    pub fn commit(&mut self) -> Result<(), Inadmissible> {
        if !closed(&self.open) {
            return Err(Inadmissible::Open);
        }
        self.open = Continuation::Nothing;
        Ok(())
    }

    fn fold(&mut self, entry: &Entry, asked: Option<Hash>) {
        (self.next, self.now) = (entry.seq + 1, entry.now);
        self.standing.apply(entry);
        self.memory.apply(entry);
        self.repeats.apply(entry, asked);
        self.acts.apply(entry);
        self.rosters.apply(entry);
        self.growth.apply(entry);
        self.policies.apply(entry);
        if let Payload::Alert(alert) = &entry.payload {
            self.alerts.insert(entry.seq, (alert.provider.clone(), alert.incident));
        }
    }

    /// What may stand behind an entry that stands behind `open`, with the sections of a policy that
    /// are `coming`.
    fn behind(
        &self,
        entry: &Entry,
        open: &Continuation,
        coming: &Sections,
        counted: Option<&CountedFacts>,
    ) -> Result<Continuation, Inadmissible> {
        let Entry { seq, now, .. } = *entry;
        let passed = now.at.checked_sub(self.now.at).zip(now.tick.checked_sub(self.now.tick));
        // Time of the judge cannot pass faster than time itself, and begins at the genesis.
        let good = passed.is_some_and(|(at, tick)| tick <= at);
        if !good {
            return Err(Inadmissible::Clock);
        }
        match (open, &entry.payload) {
            (Continuation::Warning(due), Payload::Warning(warning)) if **due == *warning => {
                return Ok(Continuation::Nothing);
            }
            (Continuation::Warning(_), _) => return Err(Inadmissible::Roster),
            (Continuation::Policy, Payload::Policy(_))
            | (Continuation::Nothing | Continuation::Read(_), _) => {}
            (Continuation::Policy, _) => return Err(BadPolicy::Between.into()),
        }
        if (seq == 0) != matches!(entry.payload, Payload::Genesis(_)) {
            return Err(Inadmissible::Genesis);
        }
        self.growth.admits(&entry.payload, now.tick)?;
        match &entry.payload {
            Payload::Genesis(_) => Ok(Continuation::Nothing),
            Payload::Policy(Policy { section }) => {
                self.policies.admits(section, coming, &self.acts.approved())?;
                let ends = matches!(section, Section::Head(_));
                Ok(if ends { Continuation::Nothing } else { Continuation::Policy })
            }
            Payload::Roster(roster) => self.roster(roster, now),
            Payload::Read(read) => self.read(seq, read, now, counted).map(Continuation::Read),
            Payload::Refusals(refusals) if is_digest(refusals, now) => Ok(Continuation::Nothing),
            Payload::Refusals(_) => Err(Inadmissible::Refusals),
            Payload::Alert(alert) => self.alert(seq, alert, open).map(Continuation::Read),
            Payload::Warning(warning) if !warning.matter.is_of_roster() => {
                Ok(Continuation::Nothing)
            }
            Payload::Warning(_) => Err(Inadmissible::Roster),
            Payload::Act(act) => {
                self.acts.check(now.at, act, &self.standing.jobs)?;
                Ok(Continuation::Nothing)
            }
            Payload::Access(access) if access.entry < seq => Ok(Continuation::Nothing),
            Payload::Access(_) => Err(Inadmissible::Access),
        }
    }

    fn roster(&self, roster: &Roster, now: Moment) -> Result<Continuation, Inadmissible> {
        if !self.rosters.follows(roster) || self.rosters.repeats(roster, now.at).is_some() {
            return Err(Inadmissible::Roster);
        }
        let due = self.rosters.due(roster, now.at);
        Ok(due.map_or(Continuation::Nothing, |warning| Continuation::Warning(Box::new(warning))))
    }

    fn read(
        &self,
        seq: u64,
        read: &Read,
        now: Moment,
        proof: Option<&CountedFacts>,
    ) -> Result<Judged, Inadmissible> {
        if self.policies.head().is_none_or(|(head, _)| *head != read.policy) {
            return Err(Inadmissible::Outdated(read.policy));
        }
        if !self.standing.jobs.admits_read(read, now.at) {
            return Err(Inadmissible::Job);
        }
        reads::check(read)?;
        if self.repeats.first(RequestId::of(read).as_ref(), now.at, None) != Ok(read.replay_of) {
            return Err(Inadmissible::Replay);
        }
        let counted = JudgeInput::of(seq, read);
        if read.ruling.outcome == Outcome::Released {
            if self.standing.containment.holds(&counted, now).is_some() {
                return Err(Inadmissible::Contained);
            }
            if self.standing.contracts.withholds(&counted, now.at).is_some() {
                return Err(Inadmissible::Contract);
            }
            let proven = proof.is_some_and(|proof| proof.seq == seq && proof.facts == read.facts);
            if !proven && !self.memory.bears_out(read, now.at) {
                return Err(BadRead::Counted.into());
            }
        }
        let day = |level| self.standing.days.with(level, &counted, now.at, read.ruling.outcome);
        Ok(Judged {
            seq,
            provider: read.provider.clone(),
            agent: read.agent,
            days: [day(Level::Agent), day(Level::Provider)],
            incident: None,
        })
    }

    /// Whether an alert may stand behind its read, and other alerts of it; what may behind that.
    fn alert(&self, seq: u64, alert: &Alert, open: &Continuation) -> Result<Judged, Inadmissible> {
        let Alert { provider, agent, first, last, .. } = alert;
        let Continuation::Read(read) = open else { return Err(Inadmissible::Alert) };
        let behind = (read.seq, &read.provider, read.agent) == (*last, provider, *agent);
        let begins = alert.incident == seq;
        let known = self.alerts.get(&alert.incident);
        let known =
            known.is_some_and(|(whose, incident)| whose == provider && *incident == alert.incident);
        let goes_on = known || read.incident == Some(alert.incident);
        let graded = alert.measures.is_empty() == (alert.severity == Severity::Info)
            && alert.until.is_some() == (alert.severity == Severity::Medium);
        if !(behind && (begins || goes_on) && graded && alert.rule != Rule::Contained) {
            return Err(Inadmissible::Alert);
        }
        let [of_agent, of_provider] = read.days;
        let day = match alert.level {
            Level::Agent => of_agent,
            Level::Provider => of_provider,
        };
        if (Today { first: *first, since: alert.since, persons: alert.persons, off: alert.off })
            != day
        {
            return Err(Inadmissible::AlertFigures);
        }
        let incident = read.incident.or_else(|| begins.then_some(seq));
        Ok(Judged { incident, ..read.clone() })
    }
}

fn closed(open: &Continuation) -> bool {
    matches!(open, Continuation::Nothing | Continuation::Read(_))
}

/// Whether refusals are counted as the format says: each reason once, in order, and none of none.
fn is_digest(refusals: &Refusals, now: Moment) -> bool {
    let Refusals { since, certificates, others } = refusals;
    let counted = |counts: &[RefusalCount]| {
        counts.iter().all(|refusal| refusal.count > 0)
            && counts.windows(2).all(|pair| pair[0].reason < pair[1].reason)
    };
    let total = |counts: &[RefusalCount]| {
        counts.iter().fold(0_u64, |sum, refusal| sum.saturating_add(refusal.count))
    };
    let key = |refused: &CertificateRefusals| {
        (std::cmp::Reverse(total(&refused.counts)), refused.certificate)
    };
    *since <= now.at
        && !(certificates.is_empty() && others.is_empty())
        && counted(others)
        && certificates.iter().all(|one| !one.counts.is_empty() && counted(&one.counts))
        && certificates.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]))
}

/// What rests on the entries so far.
impl State {
    /// Number that the next entry gets, which is how many there are.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What the judge's rulings rest on: containment, jobs, contracts and the day so far.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The policy in force: entry number and head.
    pub fn head(&self) -> Option<&(u64, Head)> {
        self.policies.head()
    }

    /// Counts the persons of a read that is to be the next entry.
    pub fn count(&self, read: &Read, reach: Reach, now: Moment) -> CountedFacts {
        CountedFacts { seq: self.next, facts: self.memory.count(read, reach, now.at) }
    }

    /// The first read of the request id that a read came with, if there was one.
    ///
    /// # Errors
    /// [`OtherArguments`] if that is known to have asked something else.
    pub fn first_of(
        &self,
        read: &Read,
        now: Moment,
        asked: Option<Hash>,
    ) -> Result<Option<u64>, OtherArguments> {
        self.repeats.first(RequestId::of(read).as_ref(), now.at, asked)
    }

    /// What is to be written of a roster that somebody found, with the warning that comes of it; or
    /// the number of the entry that says so already.
    ///
    /// # Errors
    /// That number.
    pub fn news(&self, mut found: Roster, now: Moment) -> Result<Vec<Payload>, u64> {
        // After a failed commit the ledger may know an older one than whoever looked.
        if !self.rosters.follows(&found) {
            (found.added, found.removed) = (None, None);
        }
        if let Some(seq) = self.rosters.repeats(&found, now.at) {
            return Err(seq);
        }
        let due = self.rosters.due(&found, now.at).map(Payload::Warning);
        Ok([Payload::Roster(found)].into_iter().chain(due).collect())
    }

    /// What is to be told of the budgets that the entry was charged to which was folded last.
    pub fn due(&self) -> Vec<Warning> {
        self.growth.due()
    }

    /// The jobs that acts have declared.
    pub fn jobs(&self) -> &Arc<Jobs> {
        &self.standing.jobs
    }

    /// The contracts of providers, and how much of each is used.
    pub fn contracts(&self) -> &Arc<Contracts> {
        &self.standing.contracts
    }

    /// Who is contained, for the door.
    pub fn contained(&self) -> &Arc<Contained> {
        self.standing.containment.published()
    }

    /// The agents and policies that acts have approved.
    pub fn approved(&self) -> Arc<Approved> {
        self.acts.approved()
    }

    /// Who has used up a budget of entries.
    pub fn exhausted(&self) -> &Arc<Exhausted> {
        self.growth.exhausted()
    }
}
