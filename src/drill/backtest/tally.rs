//! What a past came to under a policy, counted.

use std::collections::BTreeMap;

use super::PastOutcome;
use crate::format::entry::{Alert, Facts, Millis, Outcome, Ruling, Severity, Word, day, word};

/// Whether an alert is one that somebody is called for.
pub(super) fn is_grave(alert: &Alert) -> bool {
    alert.severity >= Severity::High
}

/// What withholds a read whose budget of entries is used up: no rule of the judge.
pub(crate) const ENTRIES: &str = "entries_per_day";

/// One read, and what became of it.
pub(super) struct Reading<'a> {
    pub(super) at: Millis,
    pub(super) provider: &'a Word,
    pub(super) facts: &'a Facts,
    pub(super) misses: u64,
    /// Whether the past withheld it, so that nobody knows whom it would have given.
    pub(super) unseen: bool,
    pub(super) outcome: PastOutcome,
    pub(super) alerts: &'a [Alert],
}

/// The figures of one provider, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Its first read and its last.
    pub(crate) span: Option<(Millis, Millis)>,
    /// Days from the one to the other, both included, in UTC.
    pub(crate) days: u64,
    pub(crate) reads: u64,
    pub(crate) released: u64,
    /// Of those released, the ones that found nobody.
    pub(crate) misses: u64,
    /// Of those released, the ones that the past withheld.
    pub(crate) unseen: u64,
    /// Different persons released, and those off the roster when they were for the first time.
    pub(crate) persons: u64,
    pub(crate) off: u64,
    /// Reads withheld, by the word of the rule.
    pub(crate) withheld: BTreeMap<String, u64>,
    /// Alerts, by the word of the rule and by severity.
    pub(crate) alerts: BTreeMap<(String, Severity), u64>,
}

impl Figures {
    /// Reads withheld, by whatever rule.
    pub(crate) fn withheld(&self) -> u64 {
        self.withheld.values().sum()
    }

    /// Alerts of a severity, of whatever rule.
    pub(crate) fn alerts(&self, severity: Severity) -> u64 {
        let of = self.alerts.iter().filter(|((_, found), _)| *found == severity);
        of.map(|(_, count)| count).sum()
    }

    /// Alerts that somebody is called for.
    pub(crate) fn grave(&self) -> u64 {
        self.alerts(Severity::High) + self.alerts(Severity::Critical)
    }

    fn add(&mut self, reading: &Reading<'_>) {
        let (first, last) = (self.span.map_or(reading.at, |span| span.0), reading.at);
        self.span = Some((first, last));
        self.days = day(last) - day(first) + 1;
        self.reads += 1;
        match reading.outcome {
            PastOutcome::Ruled(Ruling { outcome: Outcome::Released, .. }) => {
                self.released += 1;
                self.misses += reading.misses;
                self.unseen += u64::from(reading.unseen);
                self.persons += reading.facts.all.never;
                self.off += reading.facts.off.never;
            }
            PastOutcome::Ruled(Ruling { rule, .. }) => {
                let rule = rule.map(|rule| word(&rule)).unwrap_or_default();
                *self.withheld.entry(rule).or_default() += 1;
            }
            PastOutcome::OutOfEntries => {
                *self.withheld.entry(ENTRIES.to_owned()).or_default() += 1;
            }
        }
        for alert in reading.alerts {
            *self.alerts.entry((word(&alert.rule), alert.severity)).or_default() += 1;
        }
    }

    fn sum(&mut self, other: &Figures) {
        let span = self.span.or(other.span).zip(other.span);
        self.span = span.map(|(one, other)| (one.0.min(other.0), one.1.max(other.1)));
        self.days += other.days;
        self.reads += other.reads;
        self.released += other.released;
        self.misses += other.misses;
        self.unseen += other.unseen;
        self.persons += other.persons;
        self.off += other.off;
        for (rule, count) in &other.withheld {
            *self.withheld.entry(rule.clone()).or_default() += count;
        }
        for (key, count) in &other.alerts {
            *self.alerts.entry(key.clone()).or_default() += count;
        }
    }
}

/// The figures of each provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) providers: BTreeMap<Word, Figures>,
}

impl Tally {
    pub(super) fn add(&mut self, reading: &Reading<'_>) {
        // Most reads are of a provider that is known: its name is not taken again.
        if let Some(figures) = self.providers.get_mut(reading.provider) {
            figures.add(reading);
        } else {
            self.providers.entry(reading.provider.clone()).or_default().add(reading);
        }
    }

    /// All providers together; their days are added up.
    pub(crate) fn whole(&self) -> Figures {
        let mut whole = Figures::default();
        self.providers.values().for_each(|figures| whole.sum(figures));
        whole
    }
}
