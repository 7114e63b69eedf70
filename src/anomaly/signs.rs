//! Many small signs: what several detectors say at the edge of their rules is more than each alone.
//! A sign is a finding below high; signs of one agent add up if they are of different families, whether
//! they come of one read or of days.

use std::collections::HashMap;

use super::{DAY, Finding};
use crate::format::entry::{
    Alert, Deed, Detectors, Entry, Level, Millis, Payload, Policy, Rule, Section, Severity,
    SignsRule, Tag, Whom, Word,
};
use crate::state::judge_input::JudgeInput;

/// How far back signs count towards medium, and towards high, in ticks.
const NEAR: Millis = DAY;
const FAR: Millis = 3 * DAY;

/// Rules that see the same thing in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Volume,
    Strangers,
    Probing,
}

const FAMILIES: usize = 3;

/// The family of a rule; none: it is no sign, but what it is.
fn family(rule: Rule) -> Option<Family> {
    match rule {
        Rule::AgentMinute
        | Rule::AgentHour
        | Rule::AgentDay
        | Rule::ProviderDay
        | Rule::Provider30Days
        | Rule::Pace
        | Rule::Creep => Some(Family::Volume),
        Rule::OffRosterDay | Rule::OffRoster30Days | Rule::Roster | Rule::Strangers => {
            Some(Family::Strangers)
        }
        Rule::Probing => Some(Family::Probing),
        // The sum of first touch is of all: who reads next has done nothing more for it.
        Rule::FirstTouch
        | Rule::Contained
        | Rule::Job
        | Rule::Decoy
        | Rule::Signs
        | Rule::Contract
        | Rule::ContractOff => None,
    }
}

/// The tick of the last sign of each family.
type Signs = [Option<Millis>; FAMILIES];

/// What was a sign, of whom.
#[derive(Debug, Default)]
pub(super) struct ManySigns {
    rule: SignsRule,
    agents: HashMap<Word, HashMap<Tag, Signs>>,
}

/// A sign, if a finding or an alert is one.
fn sign(rule: Rule, level: Level, severity: Severity) -> Option<Family> {
    (level == Level::Agent && severity < Severity::High).then(|| family(rule)).flatten()
}

impl ManySigns {
    /// What the findings of a read come to with those before it.
    pub(super) fn finding(
        &self,
        findings: &[Finding],
        counted: &JudgeInput<'_>,
        tick: Millis,
    ) -> Option<Finding> {
        let agents = self.agents.get(counted.provider);
        let mut signs =
            agents.and_then(|agents| agents.get(&counted.agent)).copied().unwrap_or_default();
        let mut new = false;
        for finding in findings {
            if let Some(family) = sign(finding.rule, finding.level, finding.severity) {
                signs[family as usize] = Some(tick);
                new = true;
            }
        }
        let within = |span: Millis| {
            let near = |at: &&Millis| tick < at.saturating_add(span);
            signs.iter().flatten().filter(near).count() as u64
        };
        let (near, far) = (within(NEAR), within(FAR));
        let (severity, observed, expected) = match self.rule {
            _ if !new => return None,
            SignsRule { high, .. } if far >= high => (Severity::High, far, high),
            SignsRule { medium, .. } if near >= medium => (Severity::Medium, near, medium),
            SignsRule { .. } => return None,
        };
        Some(Finding { rule: Rule::Signs, level: Level::Agent, severity, observed, expected })
    }

    /// Folds an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Detectors(Detectors { signs, .. }) }) => {
                self.rule = *signs;
            }
            Payload::Alert(alert) => self.alert(alert, entry.now.tick),
            Payload::Act(act) => {
                let Some(Deed::Lift(Whom { provider, agent: Some(agent) })) = act.deed() else {
                    return;
                };
                if let Some(agents) = self.agents.get_mut(provider) {
                    agents.remove(agent);
                }
            }
            _ => {}
        }
    }

    fn alert(&mut self, alert: &Alert, tick: Millis) {
        let Some(family) = sign(alert.rule, alert.level, alert.severity) else { return };
        let agents = self.agents.entry(alert.provider.clone()).or_default();
        // Whose signs are all old is as if never seen, and not kept for ever.
        agents.retain(|_, signs| signs.iter().flatten().any(|at| tick < at.saturating_add(FAR)));
        agents.entry(alert.agent).or_default()[family as usize] = Some(tick);
    }
}
