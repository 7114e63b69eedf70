//! What the ledger says of it all, from one verified scan: nothing here knows what any client saw.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Instant;

use crate::anomaly::replay::Replay;
use crate::evidence::exposure::{Count, Question};
use crate::evidence::period::Period;
use crate::format::checkpoint::VerifierKey;
use crate::format::entry::{
    Alert, Entry, Hash, Measure, Millis, Outcome, Payload, Read, Refusals, Severity, Tag, Word,
};
use crate::verify::store::Store;
use crate::verify::{Failure, Sound, Trust, scan};

/// What the ledger has of whoever holds one certificate.
#[derive(Debug, Default)]
pub(super) struct Traced {
    /// Its tag, as alerts and exposure have it.
    pub(super) agent: Option<Tag>,
    /// Its first read.
    pub(super) first: Option<(u64, Millis)>,
    /// Different persons released to it; those who were off the roster when they were.
    pub(super) persons: HashSet<Tag>,
    pub(super) off: HashSet<Tag>,
    /// Entries of its released reads, with their persons.
    pub(super) released: BTreeMap<u64, Vec<Tag>>,
    pub(super) withheld: u64,
    /// Refused before the judge, as digests say.
    pub(super) refused: u64,
    /// The alert that took its access away, and its time.
    pub(super) contained: Option<(u64, Millis)>,
    /// Persons released to it after that.
    pub(super) after: u64,
    /// Persons and persons off the roster, as `greffier exposure` counts them.
    pub(super) exposed: (u64, u64),
}

/// What the ledger has.
#[derive(Debug)]
pub(super) struct Audit {
    pub(super) sound: Sound,
    pub(super) replay: Replay,
    pub(super) seconds: f64,
    pub(super) thief: Traced,
    /// Reads of everybody else: released and withheld.
    pub(super) others: (u64, u64),
    /// Entry numbers of all alerts.
    pub(super) alerts: Vec<u64>,
    /// How many of them are grave, and of providers other than the thief's.
    pub(super) false_alarms: u64,
}

/// Verifies a ledger in every respect and traces one certificate of one provider through it.
pub(super) fn audit(
    ledger: &Path,
    key: &VerifierKey,
    anchors: &[String],
    (provider, certificate): (&str, Hash),
) -> Result<Audit, Failure> {
    let began = Instant::now();
    let provider: Word = provider.into();
    let question =
        Question { provider: provider.clone(), dataset: None, period: Period::default() };
    let (mut count, mut replay) = (Count::new(question), Replay::default());
    let mut seen = Trace { provider, certificate, ..Trace::default() };
    let trust = Trust { key, anchors, all_signatures: true };
    let store = Store::open(ledger)?;
    let sound = scan(&store, &trust, &mut |_, _| (), &mut |entry, _, state| {
        count.apply(entry);
        replay.apply(entry, state.standing());
        seen.apply(entry);
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let Trace { mut thief, others, alerts, false_alarms, .. } = seen;
    let exposure = count.end().unwrap_or_default();
    let exposed = thief.agent.and_then(|agent| exposure.agents.get(&agent));
    thief.exposed = exposed.map_or((0, 0), |figures| (figures.persons, figures.off_roster));
    Ok(Audit { sound, replay, seconds, thief, others, alerts, false_alarms })
}

#[derive(Default)]
struct Trace {
    provider: Word,
    certificate: Hash,
    thief: Traced,
    others: (u64, u64),
    alerts: Vec<u64>,
    false_alarms: u64,
}

impl Trace {
    fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Read(read) if read.certificate == self.certificate => self.trace(entry, read),
            Payload::Read(read) => match read.ruling.outcome {
                Outcome::Released => self.others.0 += 1,
                Outcome::Withheld => self.others.1 += 1,
            },
            Payload::Alert(alert) => self.alert(entry, alert),
            Payload::Refusals(refusals) => self.refusals(refusals),
            _ => {}
        }
    }

    fn trace(&mut self, entry: &Entry, read: &Read) {
        let thief = &mut self.thief;
        thief.agent = Some(read.agent);
        thief.first.get_or_insert((entry.seq, entry.now.at));
        if read.ruling.outcome == Outcome::Withheld {
            thief.withheld += 1;
            return;
        }
        let them: Vec<Tag> = read.on.iter().chain(&read.off).copied().collect();
        let before = thief.persons.len();
        thief.persons.extend(&them);
        thief.off.extend(&read.off);
        if thief.contained.is_some() {
            thief.after += (thief.persons.len() - before) as u64;
        }
        thief.released.insert(entry.seq, them);
    }

    fn alert(&mut self, entry: &Entry, alert: &Alert) {
        self.alerts.push(entry.seq);
        if alert.provider != self.provider {
            self.false_alarms += u64::from(alert.severity >= Severity::Medium);
            return;
        }
        let ends = [Measure::Freeze, Measure::SuspendAgent, Measure::SuspendProvider];
        let contains = alert.measures.iter().any(|measure| ends.contains(measure));
        if contains && Some(alert.agent) == self.thief.agent {
            self.thief.contained.get_or_insert((entry.seq, entry.now.at));
        }
    }

    fn refusals(&mut self, refusals: &Refusals) {
        let its = refusals.certificates.iter().filter(|r| r.certificate == self.certificate);
        self.thief.refused += its.flat_map(|r| &r.counts).map(|refusal| refusal.count).sum::<u64>();
    }
}
