//! Everything that is tested from outside, in one binary: each case in a folder of its own.

#[cfg(feature = "serve")]
mod compile;
mod lean;
