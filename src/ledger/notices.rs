//! Alerts, warnings and acts as they are committed, for those who follow them: kept in memory from the start
//! on. Any number of followers costs the registrar nothing: others wake them.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::entry::Entry;

type List = Arc<RwLock<Vec<Arc<Entry>>>>;

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
        let last = list.last().map(|entry| entry.seq);
        list.extend(entries.into_iter().filter(|entry| Some(entry.seq) > last));
    }

    /// Wakes those who wait, on whatever thread runs it: there may be thousands.
    pub(super) fn wake(&self) -> impl FnOnce() + Send + use<> {
        let (list, count) = (self.list.clone(), self.count.clone());
        move || {
            let now = list.read().unwrap_or_else(PoisonError::into_inner).len();
            count.send_replace(now);
        }
    }
}

impl Notices {
    /// Those behind entry `seq`, the first `most` of them.
    pub fn after(&self, seq: u64, most: usize) -> Vec<Arc<Entry>> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let from = list.partition_point(|entry| entry.seq <= seq);
        list[from..].iter().take(most).cloned().collect()
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
