//! How long reads take: from the moment at which all of a call is there until its reply is, or its refusal by the judge;
//! the disk is in it, the network is not.

use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::format::entry::{Outcome, word};

/// Upper ends in seconds; a read is some milliseconds, and whoever waits ten seconds is told so.
const ENDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

type Labels = [(&'static str, String); 1];

/// The reads since the start that were ruled on, by what came of them.
#[derive(Debug)]
pub(in crate::service) struct Latency(Family<Labels, Histogram, fn() -> Histogram>);

impl Default for Latency {
    fn default() -> Latency {
        let latency = Latency(Family::new_with_constructor(|| Histogram::new(ENDS)));
        for outcome in [Outcome::Released, Outcome::Withheld] {
            drop(latency.0.get_or_create(&labels(outcome)));
        }
        latency
    }
}

fn labels(outcome: Outcome) -> Labels {
    [("outcome", word(&outcome))]
}

impl Latency {
    /// One more read.
    pub(in crate::service) fn observe(&self, released: bool, took: Duration) {
        let outcome = if released { Outcome::Released } else { Outcome::Withheld };
        self.0.get_or_create(&labels(outcome)).observe(took.as_secs_f64());
    }

    /// Puts the figures with others.
    pub(in crate::service) fn register(&self, sheet: &mut Registry) {
        let help = "How long reads took since the start, the disk included";
        sheet.register_with_unit("read", help, Unit::Seconds, self.0.clone());
    }
}
