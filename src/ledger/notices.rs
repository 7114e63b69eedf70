//! Alerts, warnings and acts as they are committed, for those who follow them: kept in memory from the start
//! on. Any number of followers costs the registrar nothing: others wake them.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::entry::{Entry, Matter, Severity, What};

type List = Arc<RwLock<Kept>>;

#[derive(Default)]
struct Kept {
    entries: Vec<Arc<Entry>>,
    counts: Counts,
}

/// How many alerts and warnings the segment has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    alerts: [u64; Severity::ALL.len()],
    warnings: [u64; Matter::ALL.len()],
}

impl Counts {
    fn add(&mut self, entry: &Entry) {
        match &entry.what {
            What::Alert(alert) => self.alerts[alert.severity as usize] += 1,
            What::Warning(warning) => self.warnings[warning.matter as usize] += 1,
            _ => {}
        }
    }

    /// Alerts of each severity.
    pub fn alerts(&self) -> impl Iterator<Item = (Severity, u64)> {
        Severity::ALL.into_iter().zip(self.alerts)
    }

    /// Warnings about each matter.
    pub fn warnings(&self) -> impl Iterator<Item = (Matter, u64)> {
        Matter::ALL.into_iter().zip(self.warnings)
    }
}

/// The registrar's side.
pub(super) struct Board {
    list: List,
    count: Arc<watch::Sender<usize>>,
}

/// All alerts, warnings and acts of the segment, in order.
#[derive(Clone)]
pub struct Notices {
    list: List,
    count: watch::Receiver<usize>,
}

impl Board {
    pub(super) fn new() -> (Board, Notices) {
        let list = List::default();
        let (count, seen) = watch::channel(0);
        (Board { list: list.clone(), count: Arc::new(count) }, Notices { list, count: seen })
    }

    /// Adds what was committed, but for what is there already. Whoever looks finds it from now on;
    /// whoever waits is told by [`Board::wake`].
    pub(super) fn publish(&self, entries: Vec<Arc<Entry>>) {
        if entries.is_empty() {
            return;
        }
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let last = list.entries.last().map(|entry| entry.seq);
        for entry in entries.into_iter().filter(|entry| Some(entry.seq) > last) {
            list.counts.add(&entry);
            list.entries.push(entry);
        }
    }

    /// Wakes those who wait, on whatever thread runs it: there may be thousands.
    pub(super) fn wake(&self) -> impl FnOnce() + Send + use<> {
        let (list, count) = (self.list.clone(), self.count.clone());
        move || {
            let now = list.read().unwrap_or_else(PoisonError::into_inner).entries.len();
            count.send_replace(now);
        }
    }
}

impl Notices {
    /// Those behind entry `seq`, the first `most` of them.
    pub fn after(&self, seq: u64, most: usize) -> Vec<Arc<Entry>> {
        let entries = &self.list.read().unwrap_or_else(PoisonError::into_inner).entries;
        let from = entries.partition_point(|entry| entry.seq <= seq);
        entries[from..].iter().take(most).cloned().collect()
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        self.list.read().unwrap_or_else(PoisonError::into_inner).counts
    }

    /// One of them.
    pub fn get(&self, seq: u64) -> Option<Arc<Entry>> {
        self.after(seq.checked_sub(1)?, 1).into_iter().find(|entry| entry.seq == seq)
    }

    /// Waits until there are more than when this was last called; false if none will come.
    pub async fn more(&mut self) -> bool {
        self.count.changed().await.is_ok()
    }
}
