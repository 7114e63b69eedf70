//! The ladder: which findings are news, which incident they belong to, and the alerts made of them.

use std::collections::HashMap;

use super::{Finding, HOUR};
use crate::format::entry::{
    Alert, Deed, Entry, Level, Measure, Millis, Moment, Payload, Rule, Severity, Tag, Whom, Word,
};
use crate::state::days::Today;
use crate::state::judge_input::JudgeInput;

/// How long a finding that contains nothing for good is not repeated, and how long after its last
/// alert an incident goes on, in ticks.
const QUIET: Millis = HOUR;

/// What was said last of one rule and level.
#[derive(Clone, Copy, Debug)]
struct LastAlert {
    severity: Severity,
    tick: Millis,
}

impl LastAlert {
    fn stands(&self, tick: Millis) -> bool {
        self.severity >= Severity::High || tick < self.tick.saturating_add(QUIET)
    }
}

/// Of one provider.
#[derive(Debug)]
struct Incident {
    /// Number of its first alert; none once the provider was lifted.
    first: Option<u64>,
    /// Tick of its last.
    last: Millis,
    /// By rule, and by agent where the rule counts agents.
    said: HashMap<(Rule, Option<Tag>), LastAlert>,
}

/// What has been said, and what is news.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    incidents: HashMap<Word, Incident>,
}

fn of(level: Level, agent: Tag) -> Option<Tag> {
    match level {
        Level::Agent => Some(agent),
        Level::Provider => None,
    }
}

impl Ladder {
    /// Drops the findings that have been said already, as gravely.
    pub(super) fn keep_new(
        &self,
        findings: &mut Vec<Finding>,
        counted: &JudgeInput<'_>,
        tick: Millis,
    ) {
        let Some(incident) = self.incidents.get(counted.provider) else { return };
        findings.retain(|finding| {
            let said = incident.said.get(&(finding.rule, of(finding.level, counted.agent)));
            !said.is_some_and(|said| said.stands(tick) && said.severity >= finding.severity)
        });
    }

    /// The incident that the alerts of a read belong to; `contained`: something of it still is.
    pub(super) fn incident(&self, counted: &JudgeInput<'_>, contained: bool, tick: Millis) -> u64 {
        let known = self.incidents.get(counted.provider);
        let known =
            known.filter(|incident| contained || tick < incident.last.saturating_add(QUIET));
        // The first alert stands right behind its read.
        known.and_then(|incident| incident.first).unwrap_or(counted.seq + 1)
    }

    /// Folds an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let tick = entry.now.tick;
        match &entry.payload {
            Payload::Alert(alert) => {
                let incident = self.incidents.entry(alert.provider.clone());
                let incident = incident.or_insert_with(|| Incident {
                    first: None,
                    last: tick,
                    said: HashMap::new(),
                });
                (incident.first, incident.last) = (Some(alert.incident), tick);
                let severity = alert.severity;
                let key = (alert.rule, of(alert.level, alert.agent));
                incident.said.insert(key, LastAlert { severity, tick });
            }
            Payload::Act(act) => {
                let Some(Deed::Lift(Whom { provider, agent })) = act.deed() else { return };
                if let Some(incident) = self.incidents.get_mut(provider) {
                    incident.said.retain(|(_, whose), _| whose != agent);
                    incident.first = incident.first.filter(|_| agent.is_some());
                }
            }
            _ => {}
        }
    }
}

/// The alert of a finding.
pub(super) fn alert(
    finding: &Finding,
    incident: u64,
    measures: Vec<Measure>,
    today: Today,
    counted: &JudgeInput<'_>,
    now: Moment,
) -> Alert {
    let Finding { rule, level, severity, observed, expected } = *finding;
    let Today { first, since, persons, off } = today;
    Alert {
        incident,
        rule,
        severity,
        provider: counted.provider.clone(),
        agent: counted.agent,
        level,
        observed,
        expected,
        since,
        first,
        last: counted.seq,
        persons,
        off,
        measures,
        until: (severity == Severity::Medium).then(|| now.at + QUIET),
    }
}
