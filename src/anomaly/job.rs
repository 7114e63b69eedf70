//! Exports under an approved job: what the job says stands in for the budgets of persons, and an
//! export that asks for anything else is a breach, critical at once. Who may export at all, and when,
//! is for the door, which knows the jobs too.

use super::Finding;
use crate::ledger::Counted;
use crate::ledger::entry::{Entry, Level, Millis, Rule, Ruling, Severity};
use crate::ledger::jobs::{self, Export};

/// The jobs, folded.
#[derive(Debug, Default)]
pub(super) struct Jobs(jobs::Jobs);

impl Jobs {
    /// Rules on an export.
    pub(super) fn decide(&self, counted: &Counted<'_>, export: &Export<'_>, at: Millis) -> Ruling {
        self.0.rule(counted.provider, export, at)
    }

    /// Folds an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        self.0.apply(entry);
    }
}

/// What an export that its job does not cover gives away.
pub(super) fn breach(export: &Export<'_>, ruling: &Ruling) -> Finding {
    let (observed, expected) = (export.asked, ruling.remaining.unwrap_or(0));
    let (rule, level, severity) = (Rule::Job, Level::Agent, Severity::Critical);
    Finding { rule, level, severity, observed, expected }
}
