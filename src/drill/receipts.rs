//! Receipts, of replies to agents and to the thief alike: asked for over gRPC while the gateway runs,
//! and checked without it.

use super::DrillError;
use super::account::Receipts;
use super::ordinary::AgentDay;
use super::thief::{Loot, Thief};
use crate::files;
use crate::format::checkpoint::{Checkpoint, VerifierKey};
use crate::format::entry::Payload;
use crate::format::receipt::Receipt;
use crate::instance::Layout;

/// How many of the agents, and of the thief's replies, are asked for.
const EACH: usize = 6;

/// What was gathered.
pub(super) struct Gathered {
    asked: u64,
    /// Those that hold, and of which entry; the thief's first.
    proven: Vec<String>,
    /// The newest checkpoint that an agent of another provider has.
    pub(super) anchor: String,
}

/// Asks for receipts and checks each.
pub(super) async fn gather(
    agents: &mut [AgentDay],
    (thief, loot): (&mut Thief, &Loot),
    key: &VerifierKey,
) -> Result<Gathered, DrillError> {
    let anchor = anchor(agents).ok_or_else(|| DrillError::gateway("nobody kept a checkpoint"))?;
    let (mut asked, mut proven) = (0, Vec::new());
    let replies = loot.replies.iter().filter(|(_, persons)| **persons > 0);
    for (&entry, &persons) in replies.take(EACH) {
        asked += 1;
        let receipt = thief.receipt(entry).await;
        proven.extend(receipt.filter(|text| holds(text, entry, Some(persons), key)));
    }
    let step = (agents.len() / EACH).max(1);
    for agent in agents.iter_mut().step_by(step).take(EACH) {
        let Some((entry, _)) = agent.last else { continue };
        asked += 1;
        let receipt = agent.caller.receipt(entry).await.ok();
        proven.extend(receipt.filter(|text| holds(text, entry, None, key)));
    }
    Ok(Gathered { asked, proven, anchor })
}

/// The checkpoint of the largest size among what agents of other providers keep.
fn anchor(agents: &[AgentDay]) -> Option<String> {
    let others = agents.iter().filter(|agent| agent.provider != super::VICTIM);
    let notes = others.filter_map(|agent| agent.last.as_ref().map(|(_, note)| note));
    notes.max_by_key(|note| Checkpoint::parse(note).map_or(0, |read| read.size)).cloned()
}

/// Whether a receipt proves that a read of this number released so many persons.
fn holds(receipt: &str, entry: u64, persons: Option<u64>, key: &VerifierKey) -> bool {
    let proven = receipt.parse::<Receipt>().and_then(|receipt| receipt.check(key));
    let Ok(proven) = proven else { return false };
    match proven.entry.payload {
        Payload::Read(read) => {
            proven.entry.seq == entry && persons.is_none_or(|persons| read.rows == persons)
        }
        _ => false,
    }
}

impl Gathered {
    pub(super) fn counted(&self) -> Receipts {
        Receipts { asked: self.asked, proven: self.proven.len() as u64 }
    }

    /// Lays the anchor and one receipt beside the ledger, for whoever goes on by hand.
    pub(super) fn write(&self, layout: &Layout) -> Result<(), DrillError> {
        files::replace(&layout.root().join("anchor.txt"), &self.anchor)?;
        if let Some(receipt) = self.proven.first() {
            files::replace(&layout.root().join("receipt.txt"), receipt)?;
        }
        Ok(())
    }
}
