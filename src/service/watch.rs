//! What is looked at while nobody calls, and told: files, records, rosters, certificates, clocks
//! and sizes; the warnings that come of it, and the figures.

pub(in crate::service) mod clock;
pub(in crate::service) mod expiry;
pub(in crate::service) mod extract;
pub(in crate::service) mod figures;
pub(in crate::service) mod keys;
pub(in crate::service) mod latency;
pub(in crate::service) mod rosters;
pub mod sizes;
pub mod warnings;
