//! Everything that is tested from outside, in one binary. Each case has its own temporary folder,
//! none sleeps, and none needs another to have run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

mod lean;
mod properties;

#[cfg(feature = "serve")]
mod access;
#[cfg(feature = "serve")]
mod agents;
#[cfg(feature = "serve")]
mod answers;
#[cfg(feature = "serve")]
mod backtest;
#[cfg(feature = "serve")]
mod budgets;
#[cfg(feature = "serve")]
mod certificates;
#[cfg(feature = "serve")]
mod clock;
#[cfg(feature = "serve")]
mod compile;
#[cfg(feature = "serve")]
mod containment;
#[cfg(feature = "serve")]
mod contracts;
#[cfg(feature = "serve")]
mod crash;
#[cfg(feature = "serve")]
mod deliver;
#[cfg(feature = "serve")]
mod demo;
#[cfg(feature = "serve")]
mod disk;
#[cfg(feature = "serve")]
mod doors;
#[cfg(feature = "serve")]
mod drill;
#[cfg(feature = "serve")]
mod enrolled;
#[cfg(feature = "serve")]
mod entries;
#[cfg(feature = "serve")]
mod errors;
#[cfg(feature = "serve")]
mod existence;
#[cfg(feature = "serve")]
mod expiry;
#[cfg(feature = "serve")]
mod exposure;
#[cfg(feature = "serve")]
mod extract;
#[cfg(feature = "serve")]
mod fault;
#[cfg(feature = "serve")]
mod figures;
#[cfg(feature = "serve")]
mod flood;
#[cfg(feature = "serve")]
mod forged;
#[cfg(feature = "serve")]
mod form;
#[cfg(feature = "serve")]
mod founding;
#[cfg(feature = "serve")]
mod given;
#[cfg(feature = "serve")]
mod golden;
#[cfg(feature = "serve")]
mod health;
#[cfg(feature = "serve")]
mod hostile;
#[cfg(feature = "serve")]
mod instance;
#[cfg(feature = "serve")]
mod issuer;
#[cfg(feature = "serve")]
mod jobs;
#[cfg(feature = "serve")]
mod limits;
#[cfg(feature = "serve")]
mod live;
#[cfg(feature = "serve")]
mod log;
#[cfg(feature = "serve")]
mod medium;
#[cfg(feature = "serve")]
mod misjudged;
#[cfg(feature = "serve")]
mod named;
#[cfg(feature = "serve")]
mod operation;
#[cfg(feature = "serve")]
mod pages;
#[cfg(feature = "serve")]
mod pki;
#[cfg(feature = "serve")]
mod policy;
#[cfg(feature = "serve")]
mod proofs;
#[cfg(feature = "serve")]
mod refused;
#[cfg(feature = "serve")]
mod registrar;
#[cfg(feature = "serve")]
mod reload;
#[cfg(feature = "serve")]
mod repeats;
#[cfg(feature = "serve")]
mod replies;
#[cfg(feature = "serve")]
mod revoked;
#[cfg(feature = "serve")]
mod rosters;
#[cfg(feature = "serve")]
mod scopes;
#[cfg(feature = "serve")]
mod segment;
#[cfg(feature = "serve")]
mod signals;
#[cfg(feature = "serve")]
mod signed;
#[cfg(feature = "serve")]
mod simulation;
#[cfg(feature = "serve")]
mod sizes;
#[cfg(feature = "serve")]
mod slow;
#[cfg(feature = "serve")]
mod start;
#[cfg(feature = "serve")]
mod stolen;
#[cfg(feature = "serve")]
mod supervised;
#[cfg(feature = "serve")]
mod tail;
#[cfg(feature = "serve")]
mod tamper;
#[cfg(feature = "serve")]
mod theft;
#[cfg(feature = "serve")]
mod tokens;
#[cfg(feature = "serve")]
mod told;
#[cfg(feature = "serve")]
mod untrue;
#[cfg(feature = "serve")]
mod vectors;
#[cfg(feature = "serve")]
mod watch;
#[cfg(feature = "serve")]
mod wire;
#[cfg(feature = "serve")]
mod wrong_calls;
