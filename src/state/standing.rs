//! What holds at a moment for whoever reads: what is contained, the jobs that exports go by, and
//! what each was given today. Folds over the entries that name no person, so the judge may ask
//! them, and the verifier holds its rulings to them.

use std::sync::Arc;

use super::containment::Containment;
use super::contracts::Contracts;
use super::days::Days;
use super::jobs::Jobs;
use crate::format::entry::Entry;

/// The folds that rulings rest on, besides those of the detectors.
#[derive(Debug, Default)]
pub struct Standing {
    /// What alerts and acts have taken away.
    pub containment: Containment,
    /// From when to when each provider may be given persons, and how many in all: the same `Arc` as
    /// long as nobody is given to any for the first time.
    pub contracts: Arc<Contracts>,
    /// The jobs that acts have declared: the same `Arc` as long as nothing of them changes.
    pub jobs: Arc<Jobs>,
    /// How many persons each agent and provider was given today.
    pub days: Days,
}

impl Standing {
    /// Folds the next entry into all of these.
    pub fn apply(&mut self, entry: &Entry) {
        self.containment.apply(entry);
        if Contracts::concerns(entry) {
            Arc::make_mut(&mut self.contracts).apply(entry);
        }
        if Jobs::concerns(entry) {
            Arc::make_mut(&mut self.jobs).apply(entry);
        }
        self.days.apply(entry);
    }
}
