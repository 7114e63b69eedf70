//! What a finding takes away, by its severity and by what is contained already.

use super::Finding;
use crate::format::entry::{Level, Measure, Outcome, Rule, Severity};
use crate::state::containment::Containment;
use crate::state::days::Today;
use crate::state::judge_input::JudgeInput;

/// A theft that goes on with a second agent, when the first is suspended, is the provider's; not if
/// the second would get nobody anyway, nor by a sum that the first has filled.
pub(super) fn follows(
    containment: &Containment,
    finding: Finding,
    counted: &JudgeInput<'_>,
    outcome: Outcome,
) -> Finding {
    let high = finding.severity == Severity::High && outcome == Outcome::Released;
    let own = finding.rule != Rule::FirstTouch;
    let second = high && own && containment.others_suspended(counted);
    Finding { severity: if second { Severity::Critical } else { finding.severity }, ..finding }
}

/// What a finding takes away at once. `today`: the day of the agent and that of its provider, with the read.
pub(super) fn measures(
    containment: &Containment,
    finding: &Finding,
    counted: &JudgeInput<'_>,
    today: [Today; 2],
) -> Vec<Measure> {
    match (finding.severity, finding.level) {
        (Severity::Info, _) => Vec::new(),
        (Severity::Medium, Level::Agent) => vec![Measure::Throttle],
        (Severity::Medium | Severity::High, Level::Provider) => vec![Measure::CloseOffRoster],
        (Severity::High, Level::Agent) => vec![Measure::Freeze, Measure::CloseOffRoster],
        (Severity::Critical, Level::Agent) if containment.others_suspended(counted) => {
            vec![Measure::SuspendAgent, Measure::SuspendProvider]
        }
        (Severity::Critical, Level::Provider) if containment.others_suspended(counted) => {
            vec![Measure::SuspendProvider]
        }
        // Whoever happens to take the last of what others took is not who took it.
        (Severity::Critical, Level::Provider) if !took_most(today) => {
            vec![Measure::CloseOffRoster, Measure::CloseExports]
        }
        (Severity::Critical, _) => {
            vec![Measure::SuspendAgent, Measure::CloseOffRoster, Measure::CloseExports]
        }
    }
}

/// Whether an agent was given more than half of the persons off the roster whom its provider was.
fn took_most([agent, provider]: [Today; 2]) -> bool {
    agent.off.saturating_mul(2) > provider.off
}
