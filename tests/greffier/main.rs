//! One binary for all integration tests. Each has its own temporary folder, none sleeps, and none
//! needs another to have run.

#[cfg(feature = "serve")]
mod crash;
#[cfg(feature = "serve")]
mod disk;
#[cfg(feature = "serve")]
mod fault;
#[cfg(feature = "serve")]
mod health;
#[cfg(feature = "serve")]
mod instance;
#[cfg(feature = "serve")]
mod medium;
#[cfg(feature = "serve")]
mod proof;
#[cfg(feature = "serve")]
mod start;
