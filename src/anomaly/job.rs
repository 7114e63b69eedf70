//! Exports under an approved job: what the job says stands in for the budgets of persons. One that
//! does not fit any more is withheld, and an export of other fields or for another purpose is a breach,
//! critical at once. Who may export at all, and when, is for the door, which knows the jobs too.

use super::Finding;
use crate::format::entry::{Level, Millis, Outcome, Rule, Ruling, Severity};
use crate::state::jobs::{Export, JobFit, Jobs};
use crate::state::judge_input::JudgeInput;

/// Rules on an export.
pub(super) fn decide(
    jobs: &Jobs,
    counted: &JudgeInput<'_>,
    export: &Export<'_>,
    at: Millis,
) -> Ruling {
    match jobs.verdict(counted.provider, export, at) {
        JobFit::Within => Ruling::RELEASED,
        JobFit::Beyond(left) => {
            let (outcome, rule) = (Outcome::Withheld, Some(Rule::Job));
            Ruling { outcome, rule, remaining: Some(left), fits_at: None }
        }
        JobFit::Breach => Ruling::contained(None),
    }
}

/// What an export that its job does not cover gives away; one that does not fit says nothing of who asks.
pub(super) fn breach(export: &Export<'_>, ruling: &Ruling) -> Option<Finding> {
    let (rule, level, severity) = (Rule::Job, Level::Agent, Severity::Critical);
    let found = Finding { rule, level, severity, observed: export.asked, expected: 0 };
    (ruling.rule == Some(Rule::Contained)).then_some(found)
}
