//! The account: every figure of the demonstration, and the claims that they must bear out. It reads
//! figures only, so that each claim can be shown to fail.

use serde::Serialize;
use serde_json::{Value, json};

/// Most persons off the roster that a stolen credential may get.
pub(super) const OFF_ROSTER_MOST: u64 = 20;
/// Most persons in all.
pub(super) const PERSONS_MOST: u64 = 100;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) seed: u64,
    /// Persons in the stock.
    pub(super) persons: u64,
    pub(super) ordinary: Ordinary,
    pub(super) theft: Theft,
    pub(super) restart: Restart,
    pub(super) alerts: Alerts,
    pub(super) receipts: Receipts,
    pub(super) ledger: Verified,
    /// Of the whole run.
    pub(super) seconds: f64,
}

/// The work of everybody but the thief.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ordinary {
    pub(super) providers: u64,
    pub(super) agents: u64,
    /// Agents that were there to the end.
    pub(super) agents_at_the_end: u64,
    /// Replies.
    pub(super) served: u64,
    /// Errors, after whatever retries.
    pub(super) refused: u64,
    /// Why.
    pub(super) refusals: Vec<String>,
    /// Attempts made again while the gateway was not there.
    pub(super) retried: u64,
    /// Most persons that one agent met.
    pub(super) most_met: u64,
    /// Released and withheld reads in the ledger.
    pub(super) released: u64,
    pub(super) withheld: u64,
    /// Alerts above information on other providers than the thief's.
    pub(super) false_alarms: u64,
}

/// What came of the theft.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Theft {
    /// Tag of the agent whose certificate was stolen.
    pub(super) agent: String,
    pub(super) tactics: Vec<&'static str>,
    pub(super) attempts: u64,
    pub(super) replies: u64,
    /// Different persons in the replies.
    pub(super) persons_in_replies: u64,
    /// Different persons released to it, in the ledger.
    pub(super) persons: u64,
    pub(super) off_roster: u64,
    /// The same as `greffier exposure` has them.
    pub(super) exposure_persons: u64,
    pub(super) exposure_off_roster: u64,
    /// Replies whose entry is not there, or holds another number of persons.
    pub(super) unaccounted_replies: u64,
    /// Released reads whose reply never arrived.
    pub(super) cut: Vec<Cut>,
    /// Different persons in those alone.
    pub(super) persons_in_cut: u64,
    /// Calls without an answer.
    pub(super) calls_lost: u64,
    /// Entries of withheld reads.
    pub(super) withheld: u64,
    /// Refused before the judge: as the thief counts, and as the ledger's digests do.
    pub(super) at_the_door: u64,
    pub(super) at_the_door_in_digests: u64,
    pub(super) contained: Option<Contained>,
}

/// A reply that never arrived.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Cut {
    pub(super) entry: u64,
    pub(super) persons: u64,
}

/// How soon it was over.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Contained {
    /// The alert that took the access away.
    pub(super) alert: u64,
    /// From the first read of the attack.
    pub(super) entries: u64,
    pub(super) milliseconds: u64,
    /// Persons released to the thief after it.
    pub(super) persons_after: u64,
}

/// The restart in between.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Restart {
    pub(super) signal: &'static str,
    /// How long nobody took calls.
    pub(super) milliseconds: u64,
}

/// Alerts.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Alerts {
    pub(super) in_ledger: u64,
    /// Those that were told while it happened.
    pub(super) told: u64,
    /// Those that were not.
    pub(super) missed: u64,
}

/// Receipts of replies to agents and to the thief.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Receipts {
    pub(super) asked: u64,
    pub(super) proven: u64,
}

/// What verification says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verified {
    pub(super) entries: u64,
    pub(super) checkpoints: u64,
    pub(super) signatures: u64,
    /// The last entry that the checkpoint kept by a provider covers.
    pub(super) anchored_to: Option<u64>,
    pub(super) rulings: u64,
    /// Rulings and alerts that were not compared.
    pub(super) foreign: u64,
    /// The first entry that the rules do not give.
    pub(super) first_difference: Option<u64>,
    pub(super) seconds: f64,
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) name: &'static str,
    /// As a sentence.
    pub(super) says: String,
    pub(super) holds: bool,
}

impl Figures {
    /// Everything that must hold.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let (theft, ordinary, ledger) = (&self.theft, &self.ordinary, &self.ledger);
        let claim = |name, holds, says: String| Claim { name, says, holds };
        vec![
            claim(
                "few_off_roster",
                theft.off_roster <= OFF_ROSTER_MOST,
                format!(
                    "the thief received at most {OFF_ROSTER_MOST} persons off the roster: {}",
                    theft.off_roster
                ),
            ),
            claim(
                "few_in_all",
                theft.persons <= PERSONS_MOST,
                format!("the thief received at most {PERSONS_MOST} persons: {}", theft.persons),
            ),
            claim(
                "contained",
                theft.contained.is_some_and(|contained| contained.persons_after == 0),
                match theft.contained {
                    None => "the thief was contained: it was not".to_owned(),
                    Some(Contained { persons_after, .. }) => {
                        format!("once contained it received nobody more: {persons_after}")
                    }
                },
            ),
            claim(
                "work_went_on",
                ordinary.refused == 0 && ordinary.withheld == 0 && ordinary.served > 0,
                format!(
                    "ordinary work went on: {} reads served, {} refused, {} withheld",
                    ordinary.served, ordinary.refused, ordinary.withheld
                ),
            ),
            claim(
                "everybody_worked",
                ordinary.agents_at_the_end == ordinary.agents,
                format!(
                    "all {} agents worked to the end: {}",
                    ordinary.agents, ordinary.agents_at_the_end
                ),
            ),
            claim(
                "nobody_else_accused",
                ordinary.false_alarms == 0,
                format!(
                    "no other provider was restricted: {} alerts above information",
                    ordinary.false_alarms
                ),
            ),
            claim(
                "ledger_has_every_reply",
                theft.unaccounted_replies == 0 && ordinary.released >= ordinary.served,
                format!(
                    "the ledger has every reply: {} of the thief's and {} of the others' are missing",
                    theft.unaccounted_replies,
                    ordinary.served.saturating_sub(ordinary.released)
                ),
            ),
            claim(
                "replies_add_up",
                theft.persons_in_replies <= theft.persons
                    && theft.persons_in_replies + theft.persons_in_cut == theft.persons,
                format!(
                    "what the thief received is what the ledger counts: {} persons, and {} in replies cut off, of {}",
                    theft.persons_in_replies, theft.persons_in_cut, theft.persons
                ),
            ),
            claim(
                "exposure_agrees",
                theft.exposure_persons == theft.persons
                    && theft.exposure_off_roster == theft.off_roster,
                format!(
                    "`greffier exposure` comes to the same: {} persons, {} off the roster",
                    theft.exposure_persons, theft.exposure_off_roster
                ),
            ),
            claim(
                "alerts_told",
                self.alerts.missed == 0 && self.alerts.told > 0,
                format!(
                    "every alert was told as it happened: {} of {}",
                    self.alerts.told, self.alerts.in_ledger
                ),
            ),
            claim(
                "receipts_proven",
                self.receipts.proven == self.receipts.asked && self.receipts.asked > 0,
                format!("every receipt holds: {} of {}", self.receipts.proven, self.receipts.asked),
            ),
            claim(
                "ledger_holds",
                ledger.first_difference.is_none()
                    && ledger.foreign == 0
                    && ledger.signatures >= ledger.checkpoints
                    && ledger.anchored_to.is_some(),
                format!(
                    "the ledger holds: {} of {} checkpoints by signature, {} rulings made again, \
                     {}",
                    ledger.signatures,
                    ledger.checkpoints,
                    ledger.rulings,
                    match (ledger.first_difference, ledger.anchored_to) {
                        (Some(entry), _) => format!("entry {entry} came out otherwise"),
                        (None, Some(entry)) => format!("anchored up to entry {entry}"),
                        (None, None) => "anchored by nothing".to_owned(),
                    }
                ),
            ),
        ]
    }

    /// One object, with the claims.
    pub(super) fn as_json(&self, claims: &[Claim]) -> Value {
        let all = claims.iter().all(|claim| claim.holds);
        let claims: serde_json::Map<_, _> =
            claims.iter().map(|claim| (claim.name.to_owned(), claim.holds.into())).collect();
        let mut object = json!({"holds": all, "claims": claims});
        if let (Value::Object(object), Ok(Value::Object(figures))) =
            (&mut object, serde_json::to_value(self))
        {
            object.extend(figures);
        }
        object
    }
}

#[cfg(test)]
mod tests;
