//! Jobs as the entries tell them: what was declared, by whom it was approved, and how much has gone
//! out under each. A fold that the verifier, the judge and the door share.

use std::collections::HashMap;

use crate::format::entry::{
    Act, Deed, Entry, JobTerms, Method, Millis, Outcome, Payload, Read, Rule, SignedAct, Word,
};

/// Longest that a job may last, from its declaration on: what two persons approved is not for ever.
pub const LASTS_MAX: Millis = 31 * 86_400_000;

/// What is known of one declared job.
#[derive(Clone, Debug)]
struct JobState {
    provider: Word,
    dataset: Word,
    terms: JobTerms,
    /// Who declared it: somebody else approves it.
    declarer: Word,
    approved: bool,
    withdrawn: bool,
    /// How many rows were released under it.
    rows: u64,
}

/// All jobs of a ledger, by the entry that declared each.
#[derive(Clone, Debug, Default)]
pub struct Jobs(HashMap<u64, JobState>);

/// What a read under a job says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The entry that declared the job.
    pub job: u64,
    /// Which dataset the records are of.
    pub dataset: &'a Word,
    /// The purpose that the read states.
    pub purpose: &'a Word,
    /// The view, that is which fields are asked for.
    pub view: &'a Word,
    /// How many rows are asked for.
    pub asked: u64,
}

/// What a job says of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobFit {
    /// The export stays within the job's terms and rows.
    Within,
    /// It is the job's, and does not fit: so many rows are left, none if the job is over. Whoever
    /// asks cannot know what another of the provider took, or an administrator withdrew, a moment
    /// before.
    Beyond(u64),
    /// Other fields, another purpose or other records than the job says: no moment makes that good.
    Breach,
}

impl<'a> Export<'a> {
    /// What a read says of its job; none if it is no export.
    pub fn of(read: &'a Read) -> Option<Export<'a>> {
        let Read { dataset, purpose, view, asked, .. } = read;
        read.job.map(|job| Export { job, dataset, purpose, view, asked: *asked })
    }
}

impl Jobs {
    /// How many rows may still go out under a job of this provider and dataset at `at`; none if it
    /// is not one, not approved, over, or not of this time.
    pub fn left(&self, job: u64, provider: &str, dataset: &str, at: Millis) -> Option<u64> {
        let known = self.0.get(&job)?;
        let open = known.approved && !known.withdrawn && *known.provider == *provider;
        let now = (known.terms.from..known.terms.until).contains(&at);
        let left = known.terms.rows.saturating_sub(known.rows);
        (open && now && *known.dataset == *dataset).then_some(left)
    }

    /// Holds an export to its job.
    pub fn verdict(&self, provider: &str, export: &Export<'_>, at: Millis) -> JobFit {
        let Export { job, dataset, purpose, view, asked } = *export;
        let covers = |known: &&JobState| {
            let JobState { terms, .. } = known;
            known.dataset == *dataset && terms.purpose == *purpose && terms.view == *view
        };
        if self.0.get(&job).filter(covers).is_none() {
            return JobFit::Breach;
        }
        match self.left(job, provider, dataset, at).unwrap_or(0) {
            left if asked <= left => JobFit::Within,
            left => JobFit::Beyond(left),
        }
    }

    /// Whether a read may stand here: an export names a job of its provider, and what is released
    /// is what the job allows.
    pub(super) fn admits_read(&self, read: &Read, at: Millis) -> bool {
        let Some(export) = Export::of(read) else {
            return read.method != Method::Export && read.ruling.rule != Some(Rule::Job);
        };
        let released = read.ruling.outcome == Outcome::Released;
        read.method == Method::Export
            && read.reason.is_none()
            && self.0.get(&export.job).is_some_and(|known| known.provider == read.provider)
            && (!released || self.verdict(&read.provider, &export, at) == JobFit::Within)
    }

    /// Whether an act can be, if it is about a job: that is approved by somebody else than who
    /// declared it, once.
    pub(super) fn admits_act(&self, act: &SignedAct, at: Millis) -> bool {
        match &act.statement.deed {
            Deed::DeclareJob { job, .. } => {
                let lasts = job.until.saturating_sub(at);
                job.rows > 0 && job.from < job.until && (1..=LASTS_MAX).contains(&lasts)
            }
            Deed::ApproveJob { declared } => self.0.get(declared).is_some_and(|known| {
                let others = act.signatures.iter().any(|one| one.admin != known.declarer);
                let open = !known.approved && !known.withdrawn && at < known.terms.until;
                open && known.declarer != act.id && others
            }),
            Deed::WithdrawJob { declared } => {
                self.0.get(declared).is_some_and(|known| !known.withdrawn)
            }
            Deed::Suspend(_)
            | Deed::Reinstate(_)
            | Deed::Lift(_)
            | Deed::EnrolKey(_)
            | Deed::RevokeKey(_)
            | Deed::EnrolAgent(_)
            | Deed::DismissAgent(_)
            | Deed::EnrolRoster { .. }
            | Deed::Loosen { .. } => true,
        }
    }

    /// Whether an entry can change anything here.
    pub(super) fn concerns(entry: &Entry) -> bool {
        match &entry.payload {
            Payload::Read(read) => read.job.is_some(),
            Payload::Act(act) => matches!(
                act.deed(),
                Some(Deed::DeclareJob { .. } | Deed::ApproveJob { .. } | Deed::WithdrawJob { .. })
            ),
            _ => false,
        }
    }

    /// Folds an entry that was checked.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Read(read) if read.ruling.outcome == Outcome::Released => {
                if let Some(known) = read.job.and_then(|job| self.0.get_mut(&job)) {
                    known.rows += read.rows;
                }
            }
            Payload::Act(Act::Signed(act)) => self.act(act, entry.seq),
            _ => {}
        }
    }

    fn act(&mut self, act: &SignedAct, seq: u64) {
        match &act.statement.deed {
            Deed::ApproveJob { declared } => {
                if let Some(known) = self.0.get_mut(declared) {
                    known.approved = true;
                }
            }
            Deed::WithdrawJob { declared } => {
                if let Some(known) = self.0.get_mut(declared) {
                    known.withdrawn = true;
                }
            }
            Deed::DeclareJob { provider, dataset, job } => {
                let known = JobState {
                    provider: provider.clone(),
                    dataset: dataset.clone(),
                    terms: job.clone(),
                    declarer: act.id.clone(),
                    approved: false,
                    withdrawn: false,
                    rows: 0,
                };
                self.0.insert(seq, known);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
