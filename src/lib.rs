//! greffier stands between a public agency's personal records and the subcontractors that must read
//! some of them. See `ARCHITECTURE.md` for the rooms and who may import whom.

/// The judge: budgets of persons.
pub mod anomaly;
/// What is written, how it is proven, and the one thread that decides and records.
pub mod ledger;
/// The generated code of the gRPC surface.
#[cfg(feature = "serve")]
pub mod proto;
