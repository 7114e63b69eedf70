//! What can be said of an entry's integers from its tags alone, without the memory.

use std::collections::{HashMap, HashSet};

use super::acts::{Acts, BadAct};
use super::entry::{
    Alert, Counts, Entry, Method, Millis, Outcome, Read, Rule, Ruling, Severity, Tag, What, Word,
};
use super::growth::Growth;
use super::repeats::{self, Repeats};
use super::rosters::Rosters;
use super::rules::RulesInForce;

const DAY: Millis = 86_400_000;

/// The UTC day of a time.
pub fn day(at: Millis) -> u64 {
    at / DAY
}

/// Why the integers of a read cannot be true.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadFacts {
    /// Rows and tags are two numbers.
    #[error("it lists {tags} subjects for {rows} rows")]
    Rows {
        /// Tags listed.
        tags: u64,
        /// Rows said.
        rows: u64,
    },
    /// A tag twice in one read.
    #[error("it lists one subject twice")]
    Twice,
    /// Withheld, and yet something went.
    #[error("it was withheld and yet lists subjects or a reply")]
    Withheld,
    /// Released without a digest of what went.
    #[error("it was released without a reply digest")]
    Undigested,
    /// More persons new in a shorter span than in a longer one, or than there are.
    #[error("its counts contradict each other")]
    Counts,
    /// More new persons than it could hold.
    #[error("it counts more new persons than it could hold")]
    Could,
    /// A size that does not follow from what was asked.
    #[error("what it could hold does not follow from what was asked")]
    Asked,
    /// Persons off the roster, and no reason to meet them.
    #[error("it lists persons off the roster without a stated reason")]
    Reason,
    /// A ruling that contradicts itself.
    #[error("its ruling contradicts itself")]
    Ruling,
    /// A repeat that is not said to be one, or one that is none.
    #[error("its request id was not first used where it says")]
    Replay,
    /// An alert that does not follow from what stands before it.
    #[error("it is an alert that does not belong to the read before it, or to its incident")]
    Alert,
    /// A roster that does not follow from the one before it, or a warning that has no place.
    #[error(
        "it is a roster or a warning that does not follow from what stands before it, or a warning \
         is missing before it"
    )]
    Roster,
    /// A policy that gives somebody more, and that nobody approved.
    #[error("it loosens the policy before it, and two administrators have not approved it")]
    Loosened,
    /// An export that is not what its job says.
    #[error("it is an export that is not what its job says, or a read of another method in a job")]
    Job,
    /// An entry that somebody's budget had no room for.
    #[error("the budget of entries that it is charged to was used up")]
    Entries,
    /// An act that cannot stand.
    #[error(transparent)]
    Act(#[from] BadAct),
    /// The sum of a day.
    #[error(
        "`{provider}` had {tags} different persons of {listed} listed on this day, \
         but {counted} were counted as new"
    )]
    Day {
        /// Which provider.
        provider: Word,
        /// Different tags so far that day.
        tags: u64,
        /// Tags listed so far that day.
        listed: u64,
        /// Sum of `provider_day`.
        counted: u64,
    },
}

impl BadFacts {
    /// Whether what stands before the entry may be what is wrong.
    pub(super) fn may_come_from_before(&self) -> bool {
        matches!(
            self,
            BadFacts::Day { .. }
                | BadFacts::Replay
                | BadFacts::Alert
                | BadFacts::Act(_)
                | BadFacts::Roster
                | BadFacts::Job
                | BadFacts::Loosened
                | BadFacts::Entries
        )
    }
}

/// One provider's day.
#[derive(Debug, Default)]
struct Day {
    tags: HashSet<Tag>,
    listed: u64,
    counted: u64,
}

/// The running check. Its memory is one day's tags and latest request ids, and a few words for each
/// alert.
#[derive(Debug, Default)]
pub struct Facts {
    today: u64,
    days: HashMap<Word, Day>,
    /// The first day of a segment that follows another: persons may have been met before it.
    partial: Option<u64>,
    /// The read that an alert may stand behind: its number, provider and agent.
    read: Option<(u64, Word, Tag)>,
    /// Request ids.
    repeats: Repeats,
    /// By number, the provider and the incident of each alert.
    alerts: HashMap<u64, (Word, u64)>,
    rosters: Rosters,
    growth: Growth,
    rules: RulesInForce,
    acts: Acts,
}

impl Facts {
    /// Begins with the genesis: `first` if no segment came before.
    pub fn begin(&mut self, first: bool, at: Millis) {
        self.partial = (!first).then(|| day(at));
    }

    /// Checks one entry.
    ///
    /// # Errors
    /// [`BadFacts`].
    pub fn check(&mut self, entry: &Entry) -> Result<(), BadFacts> {
        if !self.rosters.admits(entry) {
            return Err(BadFacts::Roster);
        }
        if !self.rules.admits(entry, &self.acts.approved()) {
            return Err(BadFacts::Loosened);
        }
        if let What::Read(read) = &entry.what
            && !self.acts.jobs().admits_read(read, entry.now.at)
        {
            return Err(BadFacts::Job);
        }
        if self.growth.admits(&entry.what, entry.now.tick).is_err() {
            return Err(BadFacts::Entries);
        }
        self.said(entry)?;
        self.rosters.apply(entry);
        self.growth.apply(entry);
        self.rules.apply(entry);
        self.acts.apply(entry);
        Ok(())
    }

    fn said(&mut self, entry: &Entry) -> Result<(), BadFacts> {
        let read = match &entry.what {
            What::Read(read) => read,
            What::Alert(alert) => return self.alert(entry.seq, alert),
            other => {
                self.read = None;
                let What::Act(act) = other else { return Ok(()) };
                return Ok(self.acts.check(entry.now.at, act)?);
            }
        };
        alone(read)?;
        let id = repeats::Id::of(read);
        if self.repeats.first(id.as_ref(), entry.now.at, None) != Ok(read.replay_of) {
            return Err(BadFacts::Replay);
        }
        self.repeats.apply(entry, None);
        self.read = Some((entry.seq, read.provider.clone(), read.agent));
        let today = day(entry.now.at);
        if today != self.today {
            self.days.clear();
            self.today = today;
        }
        if read.ruling.outcome == Outcome::Withheld {
            return Ok(());
        }
        let day = self.days.entry(read.provider.clone()).or_default();
        day.tags.extend(read.on.iter().chain(&read.off));
        day.listed += read.rows;
        day.counted += read.facts.all.provider_day;
        let tags = day.tags.len() as u64;
        let few = day.counted < tags && self.partial != Some(today);
        if few || day.counted > day.listed {
            let (listed, counted) = (day.listed, day.counted);
            return Err(BadFacts::Day { provider: read.provider.clone(), tags, listed, counted });
        }
        Ok(())
    }
}

impl Facts {
    fn alert(&mut self, seq: u64, alert: &Alert) -> Result<(), BadFacts> {
        let Alert { provider, agent, last, .. } = alert;
        let behind =
            self.read.as_ref().is_some_and(|read| *read == (*last, provider.clone(), *agent));
        let begins = alert.incident == seq;
        let of = self.alerts.get(&alert.incident);
        let goes_on =
            of.is_some_and(|(whose, first)| whose == provider && *first == alert.incident);
        let counts = alert.first <= *last && alert.off <= alert.persons;
        let graded = alert.measures.is_empty() == (alert.severity == Severity::Info)
            && alert.until.is_some() == (alert.severity == Severity::Medium);
        if !(behind && (begins || goes_on) && counts && graded && alert.rule != Rule::Contained) {
            return Err(BadFacts::Alert);
        }
        self.alerts.insert(seq, (provider.clone(), alert.incident));
        Ok(())
    }
}

/// What one read must satisfy by itself.
pub(super) fn alone(read: &Read) -> Result<(), BadFacts> {
    let (on, off) = (read.on.len() as u64, read.off.len() as u64);
    if on + off != read.rows {
        return Err(BadFacts::Rows { tags: on + off, rows: read.rows });
    }
    let facts = &read.facts;
    let could = facts.could == read.asked || (facts.could == 0 && read.method == Method::Get);
    let could_off = if read.reason.is_some() { facts.could } else { 0 };
    let one = read.method != Method::Get || read.asked == 1;
    if !(could && one && facts.could_off == could_off && read.rows <= read.asked) {
        return Err(BadFacts::Asked);
    }
    if read.reason.is_none() && off > 0 {
        return Err(BadFacts::Reason);
    }
    let ruling = &read.ruling;
    let ruled = match ruling.outcome {
        Outcome::Released => *ruling == Ruling::RELEASED,
        Outcome::Withheld => match ruling.rule {
            None | Some(Rule::Roster) => false,
            Some(Rule::Contained) => ruling.remaining.is_none(),
            Some(_) => ruling.remaining.is_some(),
        },
    };
    if !ruled {
        return Err(BadFacts::Ruling);
    }
    if read.rows > 1 {
        let mut tags: Vec<&Tag> = read.on.iter().chain(&read.off).collect();
        tags.sort_unstable();
        if tags.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(BadFacts::Twice);
        }
    }
    let falling = |c: &Counts| {
        c.agent_day >= c.provider_day
            && c.provider_day >= c.provider_30_days
            && c.provider_30_days >= c.never
    };
    let within = facts.off.agent_day <= facts.all.agent_day
        && facts.off.provider_day <= facts.all.provider_day
        && facts.off.provider_30_days <= facts.all.provider_30_days
        && facts.off.never <= facts.all.never;
    if !(falling(&facts.all) && falling(&facts.off) && within) {
        return Err(BadFacts::Counts);
    }
    if facts.all.agent_day > facts.could || facts.off.agent_day > facts.could_off {
        return Err(BadFacts::Could);
    }
    match read.ruling.outcome {
        Outcome::Withheld if read.rows > 0 || read.reply.is_some() => Err(BadFacts::Withheld),
        Outcome::Released if read.reply.is_none() => Err(BadFacts::Undigested),
        Outcome::Released if facts.all.agent_day > read.rows || facts.off.agent_day > off => {
            Err(BadFacts::Counts)
        }
        _ => Ok(()),
    }
}
