//! Decoys: persons whom nobody has a case for, since they do not exist. Whoever opens one by its handle or
//! searches for it goes through the records, and is critical; a page of a list has one for whoever
//! asks, and is high. An export under a job has those of its rosters, and says nothing.

use super::{Detector, Sighting};
use crate::anomaly::Finding;
use crate::format::entry::{Detectors, Level, Method, Rule, Severity, Whom};

/// The detector. It keeps nothing.
#[derive(Debug, Default)]
pub(super) struct DecoyDetector;

impl Detector for DecoyDetector {
    fn take_rules(&mut self, _: &Detectors) {}

    fn findings(&self, sighting: &Sighting<'_>) -> Vec<Finding> {
        let observed = sighting.given.map_or(0, |given| given.decoys);
        if observed == 0 {
            return Vec::new();
        }
        let severity = match sighting.method {
            Method::Get | Method::Search => Severity::Critical,
            Method::List | Method::Export => Severity::High,
        };
        let (rule, level) = (Rule::Decoy, Level::Agent);
        vec![Finding { rule, level, severity, observed, expected: 0 }]
    }

    fn fold(&mut self, _: &Sighting<'_>) {}

    fn lift(&mut self, _: &Whom) {}
}
