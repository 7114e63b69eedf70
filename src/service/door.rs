//! The door: sockets into calls. Who may shake hands, hold a connection and have a call open, and
//! how long each may take; what a call says it does not look at.

pub mod connection;
mod form;
mod frames;
pub(in crate::service) mod open_connection;
pub(in crate::service) mod pressure;
pub(in crate::service) mod prompt;
pub(in crate::service) mod refusals;
mod stream;
pub mod tls;
