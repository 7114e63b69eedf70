//! A dataset as it is held: its statements, the class of its ids, and what was found wrong with it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::finding::{DataFinding, FindingEffect};
use super::id::{IdClass, RecordId};
use super::texts::Texts;
use crate::admission::{Dataset, Word};

/// Time between two lines of the log about records that are passed over.
const BETWEEN: Duration = Duration::from_secs(1);

/// One dataset of the file, as it is served.
#[derive(Debug)]
pub(super) struct OpenDataset {
    pub(super) name: Word,
    pub(super) dataset: Dataset,
    texts: [Texts; 2],
    class: AtomicU8,
    /// Where on a roster to look for nobody.
    decoys: Mutex<Arc<[RecordId]>>,
    hasher: RandomState,
    /// What the last look at it found.
    findings: Mutex<Arc<[DataFinding]>>,
    /// How many records reads have passed over since the opening.
    passed_over: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl OpenDataset {
    pub(super) fn new(name: &Word, dataset: &Dataset, class: IdClass) -> OpenDataset {
        OpenDataset {
            name: name.clone(),
            dataset: dataset.clone(),
            texts: IdClass::ALL.map(|class| Texts::of(dataset, class)),
            class: AtomicU8::new(class as u8),
            decoys: Mutex::new(Arc::new([])),
            hasher: RandomState::new(),
            findings: Mutex::new(Arc::new([])),
            passed_over: AtomicU64::new(0),
            told: Mutex::new(None),
        }
    }

    /// The class that its ids have.
    pub(super) fn class(&self) -> IdClass {
        IdClass::ALL[usize::from(self.class.load(Ordering::Relaxed))]
    }

    pub(super) fn texts(&self) -> &Texts {
        &self.texts[self.class() as usize]
    }

    /// Takes up what a look at the whole found.
    pub(super) fn looked_at(
        &self,
        class: IdClass,
        decoys: Vec<RecordId>,
        findings: Vec<DataFinding>,
    ) {
        self.class.store(class as u8, Ordering::Relaxed);
        *self.decoys.lock() = decoys.into();
        *self.findings.lock() = findings.into();
    }

    /// Adds findings to those of the last look.
    pub(super) fn found(&self, more: Vec<DataFinding>) {
        let mut findings = self.findings.lock();
        *findings = findings.iter().cloned().chain(more).collect();
    }

    pub(super) fn findings(&self) -> Arc<[DataFinding]> {
        self.findings.lock().clone()
    }

    /// Why nothing is read from it, if that is so.
    pub(super) fn stopped(&self) -> Option<String> {
        let findings = self.findings.lock();
        findings.iter().find(|f| f.weight == FindingEffect::Stops).map(ToString::to_string)
    }

    /// Where to look for nobody, the same for the same values.
    pub(super) fn decoy(&self, values: &[RecordId]) -> RecordId {
        let decoys = self.decoys.lock().clone();
        let texts = values.iter().map(|value| match value {
            RecordId::Text(bytes) | RecordId::Blob(bytes) => bytes.as_slice(),
            RecordId::Integer(_) | RecordId::Real(_) | RecordId::Null => &[],
        });
        let hash = self.hasher.hash_one(texts.collect::<Vec<_>>());
        match decoys.len() {
            0 => self.class().first().beside(),
            n => decoys[(hash % n as u64) as usize].beside(),
        }
    }

    /// Counts a record that was passed over; how many there were, if the log should have it.
    pub(super) fn pass_over(&self) -> Option<u64> {
        let count = self.passed_over.fetch_add(1, Ordering::Relaxed) + 1;
        let (mut told, now) = (self.told.lock(), Instant::now());
        if told.is_some_and(|told| now.duration_since(told) < BETWEEN) {
            return None;
        }
        *told = Some(now);
        Some(count)
    }

    /// Records that reads passed over since it was opened.
    pub(super) fn passed_over(&self) -> u64 {
        self.passed_over.load(Ordering::Relaxed)
    }
}
