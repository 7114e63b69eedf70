//! greffier stands between a public agency's personal records and the subcontractors that must read
//! some of them. See `ARCHITECTURE.md` for the rooms and who may import whom.

// One function says what is wrong, whether or not anybody reads it; the macros panic if nobody can.
#![warn(clippy::print_stderr)]

// The door: who calls, for whom, for what.
#[cfg(feature = "serve")]
pub mod admission;
// Alerts and acts in plain sentences.
pub mod alert;
// The judge: budgets of persons.
pub mod anomaly;
// The command line.
pub mod cli;
// The reference client.
#[cfg(feature = "serve")]
pub mod client;
// The two files of configuration.
#[cfg(feature = "serve")]
pub mod config;
// What composes the rooms and runs them.
#[cfg(feature = "serve")]
pub mod daemon;
// Whoever is to be told of alerts, told: a process of its own.
#[cfg(feature = "serve")]
pub mod delivery;
// Traffic and attacks, and the account of what came of them.
#[cfg(feature = "serve")]
pub mod drill;
// Questions asked of a verified ledger.
pub mod evidence;
// Files that others write: read, replaced, watched.
pub mod files;
// What is written, byte for byte, and how it is proven.
pub mod format;
// What `init` makes.
#[cfg(feature = "serve")]
pub mod instance;
// The program's own log: written by a thread that nobody waits for.
#[cfg(feature = "serve")]
pub mod log;
// The key of a name, however it is written.
pub mod names;
// Who may take how many places at the door.
#[cfg(feature = "serve")]
pub mod places;
// The generated code of the gRPC surface.
#[cfg(feature = "serve")]
pub mod proto;
// Request rates.
#[cfg(feature = "serve")]
pub mod quota;
// The one thread that decides and records.
#[cfg(feature = "serve")]
pub mod registrar;
// The server, and the path of a read.
#[cfg(feature = "serve")]
pub mod service;
// Where the records lie.
#[cfg(feature = "serve")]
pub mod source;
// What may follow what in the ledger: all that its entries say so far.
pub mod state;
// A ledger, read and checked.
pub mod verify;
