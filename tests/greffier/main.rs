//! One binary for all integration tests. Each has its own temporary folder, none sleeps, and none
//! needs another to have run.

mod properties;
#[cfg(feature = "serve")]
mod segment;

#[cfg(feature = "serve")]
mod golden;
#[cfg(feature = "serve")]
mod registrar;
#[cfg(feature = "serve")]
mod tamper;
