//! The gRPC services: messages into what the rooms are asked, and their answers into replies and
//! statuses. Who comes this far has a connection, a place and a name.

mod admin;
mod alerts;
mod exports;
mod ledger;
mod messages;
mod notice;
mod records;
pub(in crate::service) mod services;
pub(in crate::service) mod status;
pub(in crate::service) mod tail;
