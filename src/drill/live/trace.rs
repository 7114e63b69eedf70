//! What the ledger says of whoever holds certain certificates, from one verified scan.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::anomaly::replay::Replay;
use crate::format::checkpoint::VerifierKey;
use crate::format::entry::{
    Alert, Hash, Level, Millis, Outcome, Payload, Read, Severity, Tag, Word,
};
use crate::verify::store::Store;
use crate::verify::{Failure, Sound, Trust, scan};

/// The first high or critical alert about them, or about a provider of theirs as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) entry: u64,
    pub(super) at: Millis,
}

/// A person of a provider.
type Person = (Word, Tag);

/// All of it.
pub(super) struct Traced {
    pub(super) sound: Sound,
    pub(super) replay: Replay,
    /// Their released reads: entry, persons on the roster and off it.
    pub(super) released: BTreeMap<u64, (Vec<Person>, Vec<Person>)>,
    pub(super) withheld: u64,
    pub(super) first: Option<Millis>,
    pub(super) found: Option<Found>,
    /// Everybody else's released reads, and medium or graver alerts about other providers.
    pub(super) others: u64,
    pub(super) false_alarms: u64,
}

impl Traced {
    /// Different persons in released reads before an entry: in all, and off the roster.
    pub(super) fn persons(&self, before: u64) -> (u64, u64) {
        let reads = || self.released.range(..before).map(|(_, read)| read);
        let off: HashSet<&Person> = reads().flat_map(|(_, off)| off).collect();
        let all: HashSet<&Person> = reads().flat_map(|(on, off)| on.iter().chain(off)).collect();
        (all.len() as u64, off.len() as u64)
    }

    /// Persons in reads whose reply did not arrive, and in none that did.
    pub(super) fn only_in_others(&self, arrived: impl Fn(u64) -> bool) -> u64 {
        let all = |there: bool| {
            let reads = self.released.iter().filter(|(entry, _)| arrived(**entry) == there);
            reads.flat_map(|(_, (on, off))| on.iter().chain(off)).collect::<HashSet<_>>()
        };
        all(false).difference(&all(true)).count() as u64
    }
}

/// Verifies a ledger in every respect, and traces the certificates.
pub(super) fn trace(
    ledger: &Path,
    key: &VerifierKey,
    anchors: &[String],
    certificates: &HashSet<Hash>,
) -> Result<Traced, Failure> {
    let mut replay = Replay::default();
    let mut seen = Seen::default();
    let trust = Trust { key, anchors, all_signatures: true };
    let store = Store::open(ledger)?;
    let sound = scan(&store, &trust, &mut |_, _| (), &mut |entry, _, state| {
        replay.apply(entry, state.standing());
        match &entry.payload {
            Payload::Read(read) if certificates.contains(&read.certificate) => {
                seen.read(entry.seq, entry.now.at, read);
            }
            Payload::Read(read) => {
                seen.others += u64::from(read.ruling.outcome == Outcome::Released);
            }
            Payload::Alert(alert) => {
                seen.alert(Found { entry: entry.seq, at: entry.now.at }, alert)
            }
            _ => {}
        }
    })?;
    let Seen { released, withheld, first, found, others, false_alarms, .. } = seen;
    Ok(Traced { sound, replay, released, withheld, first, found, others, false_alarms })
}

#[derive(Default)]
struct Seen {
    providers: HashSet<Word>,
    agents: HashSet<Tag>,
    released: BTreeMap<u64, (Vec<Person>, Vec<Person>)>,
    withheld: u64,
    first: Option<Millis>,
    found: Option<Found>,
    others: u64,
    false_alarms: u64,
}

impl Seen {
    fn read(&mut self, entry: u64, at: Millis, read: &Read) {
        self.providers.insert(read.provider.clone());
        self.agents.insert(read.agent);
        self.first.get_or_insert(at);
        if read.ruling.outcome == Outcome::Withheld {
            self.withheld += 1;
            return;
        }
        let of = |tags: &[Tag]| tags.iter().map(|tag| (read.provider.clone(), *tag)).collect();
        self.released.insert(entry, (of(&read.on), of(&read.off)));
    }

    fn alert(&mut self, alert_entry: Found, alert: &Alert) {
        let theirs = self.providers.contains(&alert.provider);
        let about = alert.level == Level::Provider || self.agents.contains(&alert.agent);
        if theirs && about && alert.severity >= Severity::High {
            self.found.get_or_insert(alert_entry);
        }
        self.false_alarms += u64::from(!theirs && alert.severity >= Severity::Medium);
    }
}
