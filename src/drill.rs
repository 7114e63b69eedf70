//! Drills: traffic and attacks on a gateway, and an account of what came of them. One kind calls a
//! gateway that runs as in earnest, as any client does, and counts what clients saw against what
//! the ledger says. The other (`offline`) brings months of honest work and every kind of incident
//! to registrar and judge at a simulated time. It knows no screen: whoever runs a drill is told
//! what happens.

pub(crate) mod acceptance;
pub(crate) mod account;
mod audit;
pub(crate) mod backtest;
mod caller;
mod floor;
pub(crate) mod honest;
pub(crate) mod incident;
pub(crate) mod live;
mod offline;
mod ordinary;
pub(crate) mod patience;
pub(crate) mod rates;
mod receipts;
pub(crate) mod score;
mod stage;
mod sums;
pub(crate) mod theft;
pub(crate) mod thief;
mod traffic;
mod watch;

use std::time::Duration;

use crate::client::ClientError;
use crate::proto::Alert;
use crate::verify::Failure;
use account::Patience;
use incident::Incident;
use thief::{Gain, Tactic};

/// Agents of each provider that an instance for drills has.
pub(crate) const AGENTS: u32 = ordinary::AGENTS;
/// The provider whose agent's certificate is stolen: the one of scope `open`.
pub(crate) const VICTIM: &str = "provider-01";
/// The agent whose certificate is stolen, by the name of its files.
pub(crate) const THIEF: &str = "provider-01-agent-1";

/// What happens in a drill, told as it happens.
#[derive(Debug)]
pub(crate) enum Happening<'a> {
    /// So many agents begin their work.
    WorkBegins { agents: u64 },
    /// What the agents have done so far.
    Work(Progress),
    /// Somebody has an agent's certificate, and begins to take so many records.
    TheftBegins { persons: u64 },
    /// The thief tries another way to come by records.
    Tries(Tactic),
    /// What came of the way that the thief tried.
    Gains(Gain),
    /// The gateway was ended by this signal and started again; nobody answered for so long.
    Restarted { signal: &'static str, lasted: Duration },
    /// The gateway is stopped, and what is left is counted.
    Ended,
    /// Somebody else takes a few persons a day, at a simulated time.
    PatienceBegins(Incident),
    /// What came of that.
    Patience(&'a Patience),
    /// The security team was sent an alert.
    Alert(&'a Alert),
    /// How far everybody is, several times a second.
    Now(Progress),
}

/// How far agents and thief have come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Reads of the agents that were served, refused, and made again.
    pub(crate) served: u64,
    pub(crate) refused: u64,
    pub(crate) retried: u64,
    /// Attempts of the thief, and persons in the replies to them.
    pub(crate) attempts: u64,
    pub(crate) stolen: u64,
}

/// Whoever is told what happens in a drill.
pub(crate) trait Audience: Send + Sync + 'static {
    /// Takes one thing that happens, as it happens.
    fn hear(&self, happening: &Happening<'_>);
}

/// Why it could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrillError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the gateway: {0}")]
    Gateway(String),
    #[error("the stock: {0}")]
    Stock(#[from] rusqlite::Error),
    #[error("the ledger: {0}")]
    Ledger(#[from] Failure),
    #[error("{0}")]
    System(#[from] std::io::Error),
}

impl DrillError {
    fn gateway(error: impl std::fmt::Display) -> DrillError {
        DrillError::Gateway(error.to_string())
    }
}
