//! What detectors are: folds over reads, each of which says what a read gives away by its own rule.

mod creep;
mod decoy;
mod first_touch;
mod pace;
mod probing;
mod roster;
mod strangers;
mod usual;
mod volume;

use std::fmt;

use super::Finding;
use crate::format::entry::{
    Act, Counts, Deed, Detectors, Entry, Facts, Method, Moment, Outcome, Payload, Policy, Read,
    SearchKey, Section, Tag, Whom, Word,
};
use crate::state::judge_input::JudgeInput;

/// A read as a detector sees it. Of a withheld one that is who asked, how, and for how many: whatever
/// it would have found, a refusal must be the same, and so must what comes of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting<'a> {
    pub(super) provider: &'a Word,
    pub(super) agent: Tag,
    pub(super) method: Method,
    /// Whether new persons off the roster could be in it.
    pub(super) could_off: u64,
    /// What it gives; none if it is withheld.
    pub(super) given: Option<Given<'a>>,
    pub(super) now: Moment,
}

/// What a released read gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    /// Over all its persons.
    pub(super) all: Counts,
    /// Over those off the roster.
    pub(super) off: Counts,
    /// 1 if a get or a search found nobody.
    pub(super) misses: u64,
    /// What a search asks by.
    pub(super) keys: &'a [SearchKey],
    /// How many of its persons are decoys.
    pub(super) decoys: u64,
}

impl<'a> Sighting<'a> {
    /// A read that is being decided, and would have this outcome without the detectors.
    pub(super) fn of(input: &'a JudgeInput<'_>, outcome: Outcome, now: Moment) -> Sighting<'a> {
        let JudgeInput { provider, agent, method, facts, misses, keys, decoys, .. } = *input;
        let Facts { all, off, could_off, .. } = facts;
        let given = Given { all, off, misses, keys, decoys };
        let given = (outcome == Outcome::Released).then_some(given);
        Sighting { provider, agent, method, could_off, given, now }
    }
}

/// One rule over reads that are no exports: what these may do is their jobs' business. Its state is a
/// fold, and integers alone decide.
pub(super) trait Detector: fmt::Debug + Send {
    /// Goes by these rules from here on.
    fn take_rules(&mut self, rules: &Detectors);
    /// What a read gives away.
    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding>;
    /// Folds a read as it was decided.
    fn fold(&mut self, sighting: &Sighting<'_>);
    /// Forgets what was held against an agent, or against a provider as a whole.
    fn lift(&mut self, whom: &Whom);
}

/// All of them, in the order in which their findings stand.
#[derive(Debug)]
pub(super) struct AllDetectors(Vec<Box<dyn Detector>>);

impl Default for AllDetectors {
    fn default() -> AllDetectors {
        AllDetectors(vec![
            Box::new(roster::RosterDetector::default()),
            Box::new(strangers::StrangersDetector::default()),
            Box::new(probing::ProbingDetector::default()),
            Box::new(volume::VolumeDetector::default()),
            Box::new(first_touch::FirstTouchDetector::default()),
            Box::new(decoy::DecoyDetector),
        ])
    }
}

impl AllDetectors {
    /// What a read gives away by any of them.
    pub(super) fn findings(
        &self,
        input: &JudgeInput<'_>,
        outcome: Outcome,
        now: Moment,
    ) -> Vec<Finding> {
        if input.export.is_some() {
            return Vec::new();
        }
        let sighting = Sighting::of(input, outcome, now);
        self.0.iter().flat_map(|detector| detector.findings(&sighting)).collect()
    }

    /// Folds an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Detectors(rules) }) => {
                self.0.iter_mut().for_each(|detector| detector.take_rules(rules));
            }
            Payload::Read(read) if read.job.is_none() => self.fold(entry, read),
            Payload::Act(act) => self.lift(act),
            _ => {}
        }
    }

    fn fold(&mut self, entry: &Entry, read: &Read) {
        let input = JudgeInput::of(entry.seq, read);
        let sighting = Sighting::of(&input, read.ruling.outcome, entry.now);
        self.0.iter_mut().for_each(|detector| detector.fold(&sighting));
    }

    fn lift(&mut self, act: &Act) {
        if let Some(Deed::Lift(whom)) = act.deed() {
            self.0.iter_mut().for_each(|detector| detector.lift(whom));
        }
    }
}
