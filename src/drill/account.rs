//! The account: every figure of the demonstration, and the claims that they must bear out. It reads
//! figures only, so that each claim can be shown to fail.

use serde::Serialize;
use serde_json::{Value, json};

/// Most persons off the roster that a stolen credential may get.
pub(crate) const OFF_ROSTER_MOST: u64 = 20;
/// Most persons in all.
pub(crate) const PERSONS_MOST: u64 = 100;

/// Most persons off the roster that whoever takes a few a day may get before it is found.
pub(crate) const PATIENT_MOST: u64 = 45;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) seed: u64,
    /// Persons in the stock.
    pub(crate) persons: u64,
    pub(crate) ordinary: Ordinary,
    pub(crate) theft: Theft,
    pub(crate) restart: Restart,
    pub(crate) alerts: Alerts,
    pub(crate) receipts: Receipts,
    pub(crate) ledger: Verified,
    pub(crate) patience: Patience,
    /// Of the whole run.
    pub(crate) seconds: f64,
}

/// The work of everybody but the thief.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ordinary {
    pub(crate) providers: u64,
    pub(crate) agents: u64,
    /// Agents that were there to the end.
    pub(crate) agents_at_the_end: u64,
    /// Replies.
    pub(crate) served: u64,
    /// Errors, after whatever retries.
    pub(crate) refused: u64,
    /// Why.
    pub(crate) refusals: Vec<String>,
    /// Attempts made again while the gateway was not there.
    pub(crate) retried: u64,
    /// Most persons that one agent met.
    pub(crate) most_met: u64,
    /// Released and withheld reads in the ledger.
    pub(crate) released: u64,
    pub(crate) withheld: u64,
    /// Alerts above information on other providers than the thief's.
    pub(crate) false_alarms: u64,
}

/// What came of the theft.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Theft {
    /// Tag of the agent whose certificate was stolen.
    pub(crate) agent: String,
    pub(crate) tactics: Vec<&'static str>,
    pub(crate) attempts: u64,
    pub(crate) replies: u64,
    /// Different persons in the replies.
    pub(crate) persons_in_replies: u64,
    /// Different persons released to it, in the ledger.
    pub(crate) persons: u64,
    pub(crate) off_roster: u64,
    /// The same as `greffier exposure` has them.
    pub(crate) exposure_persons: u64,
    pub(crate) exposure_off_roster: u64,
    /// Replies whose entry is not there, or holds another number of persons.
    pub(crate) unaccounted_replies: u64,
    /// Released reads whose reply never arrived.
    pub(crate) cut: Vec<Cut>,
    /// Different persons in those alone.
    pub(crate) persons_in_cut: u64,
    /// Calls without an answer.
    pub(crate) calls_lost: u64,
    /// Entries of withheld reads.
    pub(crate) withheld: u64,
    /// Refused before the judge: as the thief counts, and as the ledger's digests do.
    pub(crate) at_the_door: u64,
    pub(crate) at_the_door_in_digests: u64,
    pub(crate) contained: Option<Contained>,
}

/// A reply that never arrived.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cut {
    pub(crate) entry: u64,
    pub(crate) persons: u64,
}

/// How soon it was over.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Contained {
    /// The alert that took the access away.
    pub(crate) alert: u64,
    /// From the first read of the attack.
    pub(crate) entries: u64,
    pub(crate) milliseconds: u64,
    /// Persons released to the thief after it.
    pub(crate) persons_after: u64,
}

/// The restart in between.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Restart {
    pub(crate) signal: &'static str,
    /// How long nobody took calls.
    pub(crate) milliseconds: u64,
}

/// Alerts.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Alerts {
    pub(crate) in_ledger: u64,
    /// Those that were told while it happened.
    pub(crate) told: u64,
    /// Those that were not.
    pub(crate) missed: u64,
}

/// Receipts of replies to agents and to the thief.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Receipts {
    pub(crate) asked: u64,
    pub(crate) proven: u64,
}

/// What verification says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verified {
    pub(crate) entries: u64,
    pub(crate) checkpoints: u64,
    pub(crate) signatures: u64,
    /// The last entry that the checkpoint kept by a provider covers.
    pub(crate) anchored_to: Option<u64>,
    pub(crate) rulings: u64,
    /// Rulings and alerts that were not compared.
    pub(crate) foreign: u64,
    /// The first entry that the rules do not give.
    pub(crate) first_difference: Option<u64>,
    pub(crate) seconds: f64,
}

/// What became of a thief who took a few persons off the roster a day, at a simulated time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Patience {
    pub(crate) seed: u64,
    /// It asked for so many a day, for so many days.
    pub(crate) a_day: u64,
    pub(crate) days: u64,
    pub(crate) asked: u64,
    /// The day of the first high alert about it, from 1, and the alert's rule.
    pub(crate) alert_on_day: Option<u64>,
    pub(crate) rule: Option<String>,
    /// Different persons off the roster that it got before that, or at all if there was none; and at all.
    pub(crate) off_roster_before_alert: u64,
    pub(crate) off_roster: u64,
    /// Those whom the budgets alone would let go.
    pub(crate) off_roster_by_budgets_alone: u64,
    /// How long the run took.
    pub(crate) seconds: f64,
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) name: &'static str,
    /// As a sentence.
    pub(crate) says: String,
    pub(crate) holds: bool,
}

impl Figures {
    /// Everything that must hold.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let Figures { theft, ordinary, ledger, patience, .. } = self;
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
                "patience_found",
                patience.alert_on_day.is_some() && patience.off_roster_before_alert <= PATIENT_MOST,
                format!(
                    "whoever takes {} a day is found before it has more than {PATIENT_MOST} off the roster: {}",
                    patience.a_day,
                    match patience.alert_on_day {
                        Some(day) =>
                            format!("with {} on day {day}", patience.off_roster_before_alert),
                        None => format!("it was not, and got {}", patience.off_roster),
                    }
                ),
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
    pub(crate) fn as_json(&self, claims: &[Claim]) -> Value {
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
