//! What can be said of an entry's integers from its tags alone, without the memory.

use std::collections::{HashMap, HashSet};

use super::entry::{Counts, Entry, Millis, Outcome, Read, Tag, What, Word};

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

/// One provider's day.
#[derive(Debug, Default)]
struct Day {
    tags: HashSet<Tag>,
    listed: u64,
    counted: u64,
}

/// The running check. Its memory is one day's tags.
#[derive(Debug, Default)]
pub struct Facts {
    today: u64,
    days: HashMap<Word, Day>,
    /// The first day of a segment that follows another: persons may have been met before it.
    partial: Option<u64>,
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
        let What::Read(read) = &entry.what else { return Ok(()) };
        alone(read)?;
        let today = day(entry.now.at);
        if today != self.today {
            self.days.clear();
            self.today = today;
        }
        if read.ruling.outcome == Outcome::Withheld {
            return Ok(());
        }
        if !self.days.contains_key(&read.provider) {
            self.days.insert(read.provider.clone(), Day::default());
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

/// What one read must satisfy by itself.
pub(super) fn alone(read: &Read) -> Result<(), BadFacts> {
    let (on, off) = (read.on.len() as u64, read.off.len() as u64);
    if on + off != read.rows {
        return Err(BadFacts::Rows { tags: on + off, rows: read.rows });
    }
    if read.rows > 1 {
        let mut tags: Vec<&Tag> = read.on.iter().chain(&read.off).collect();
        tags.sort_unstable();
        if tags.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(BadFacts::Twice);
        }
    }
    let facts = &read.facts;
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
