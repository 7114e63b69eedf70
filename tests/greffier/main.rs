//! Everything that is tested from outside, in one binary. Each case has its own temporary folder,
//! none sleeps, and none needs another to have run.

mod lean;
mod properties;

#[cfg(feature = "serve")]
mod compile;
#[cfg(feature = "serve")]
mod golden;
#[cfg(feature = "serve")]
mod registrar;
#[cfg(feature = "serve")]
mod segment;
#[cfg(feature = "serve")]
mod tamper;
