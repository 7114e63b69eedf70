//! What is usual of an agent: a moving mean of the persons new to it in an hour, or on a day, in which it is
//! given any. Inputs are winsorised at five times the mean. A newcomer's begins at the mean of the
//! provider's agents and learns quickly: the k-th hour or day moves it by 1/k, until so many are known that it
//! is an exponentially weighted moving average. From then on it rises at most a tenth a week, so
//! that a thief who grows slowly is no habit yet; and it falls at most a fiftieth, so that behind a
//! quiet month (August) it is what it was before, and work that begins again is no alert.
//!
//! What lists give counts up to so many times the mean: a look at the whole roster is honest, and it tells
//! nothing of how many files somebody works on.

use super::Sighting;
use crate::format::entry::{Method, Millis};

/// A person, and one time what is usual, in the unit of means and ratios.
const ONE: u64 = 1_000;
/// A count moves a mean as if it were so many times that mean, at most.
const WINSORISED: u64 = 5;
/// By how many percent of itself a mean may have changed at the end of a week.
const FALLEN: u64 = 98;
const RISEN: u64 = 110;
/// How many agents' hours or days the mean of a provider is taken over, and how many the mean counts for
/// before any is known.
const PEERS: u64 = 256;
const PEERS_AT_FIRST: u64 = 8;
/// Far above any count, and far below where integers end.
const MOST: u64 = 1 << 40;

/// The hours, or the days.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) long: Millis,
    /// How many of them are in a week.
    week: u64,
    /// How many of them a mean is taken over, and how many that of the peers counts for at first.
    memory: u64,
    at_first: u64,
    /// The mean before anything is known of a provider, and the smallest one, in thousandths.
    prior: u64,
    least: u64,
}

pub(super) const HOURS: Span =
    Span { long: 3_600_000, week: 168, memory: 64, at_first: 16, prior: 4_000, least: 2_000 };
pub(super) const DAYS: Span =
    Span { long: 86_400_000, week: 7, memory: 20, at_first: 5, prior: 15_000, least: 5_000 };

/// Persons new today to an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NewPersons {
    /// By gets and searches.
    files: u64,
    listed: u64,
}

impl NewPersons {
    /// Those of a read that is released.
    pub(super) fn of(sighting: &Sighting<'_>) -> NewPersons {
        let persons = sighting.given.map_or(0, |given| given.all.agent_day.min(MOST));
        match sighting.method {
            Method::List => NewPersons { files: 0, listed: persons },
            Method::Get | Method::Search | Method::Export => {
                NewPersons { files: persons, listed: 0 }
            }
        }
    }

    pub(super) fn is_nobody(self) -> bool {
        self.total() == 0
    }

    /// In thousandths.
    fn total(self) -> u64 {
        (self.files + self.listed) * ONE
    }

    fn add(&mut self, more: NewPersons) {
        self.files = (self.files + more.files).min(MOST);
        self.listed = (self.listed + more.listed).min(MOST);
    }
}

/// The mean of a provider's agents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peers {
    mean: u64,
    known: u64,
}

impl Peers {
    pub(super) fn at_first(span: &Span) -> Peers {
        Peers { mean: span.prior, known: PEERS_AT_FIRST }
    }

    fn learn(&mut self, persons: u64) {
        self.known = (self.known + 1).min(PEERS);
        self.mean = moved(self.mean, self.known, persons);
    }
}

/// A mean over so many, moved by one of them.
fn moved(mean: u64, known: u64, persons: u64) -> u64 {
    (mean * (known - 1) + persons.min(mean * WINSORISED)) / known
}

/// The mean of one agent, and its present hour or day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    mean: u64,
    /// How many hours or days it is made of, the peers' among them.
    known: u64,
    /// The week that it was last moved in, and the mean at its beginning.
    week: u64,
    before: u64,
    /// The present hour or day, by its number since 1970.
    at: u64,
    now: NewPersons,
}

impl Usual {
    /// That of an agent of whom nothing is known, in its first hour or on its first day.
    pub(super) fn of_newcomer(span: &Span, peers: &Peers, at: Millis) -> Usual {
        let (mean, at) = (peers.mean.max(span.least), at / span.long);
        let (known, now) = (span.at_first, NewPersons::default());
        Usual { mean, known, week: at / span.week, before: mean, at, now }
    }

    /// The number of its present hour or day.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How many times the usual number it is given now, in thousandths; of lists up to `list`.
    pub(super) fn ratio(&self, list: u64) -> u64 {
        let listed = (self.now.listed * ONE).min(self.mean.saturating_mul(list) / ONE);
        (self.now.files * ONE).saturating_add(listed).saturating_mul(ONE) / self.mean
    }

    /// Whether the hour or the day of a read is another one.
    pub(super) fn is_over(&self, span: &Span, at: Millis) -> bool {
        self.at != at / span.long
    }

    /// Begins the one of a read; what was given in the one before moves the means.
    pub(super) fn begin(&mut self, span: &Span, at: Millis, peers: &mut Peers) {
        if !self.now.is_nobody() {
            self.learn(span);
            peers.learn(self.now.total());
        }
        (self.at, self.now) = (at / span.long, NewPersons::default());
    }

    fn learn(&mut self, span: &Span) {
        let week = self.at / span.week;
        if self.week != week {
            (self.week, self.before) = (week, self.mean);
        }
        let settled = self.known >= span.memory;
        self.known = (self.known + 1).min(span.memory);
        self.mean = moved(self.mean, self.known, self.now.total());
        if settled {
            let percent = |percent| self.before * percent / 100;
            self.mean = self.mean.clamp(percent(FALLEN), percent(RISEN));
        }
        self.mean = self.mean.max(span.least);
        if !settled {
            self.before = self.mean;
        }
    }

    /// Counts a read.
    pub(super) fn add(&mut self, persons: NewPersons) {
        self.now.add(persons);
    }

    /// Forgets whom it was given in the present hour or day, and not what is usual.
    pub(super) fn forget(&mut self) {
        self.now = NewPersons::default();
    }
}
