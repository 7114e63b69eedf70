//! Alerts, warnings and acts as they are committed, for those who follow them: kept in memory from
//! the start on. Any number of followers costs the registrar nothing: others wake them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::format::entry::{
    Acknowledgement, Act, Entry, MatterName, Payload, SecurityDeed, Severity,
};

type List = Arc<RwLock<NoticeLog>>;

/// Acknowledgements that are listed of one alert.
const ACKNOWLEDGEMENTS: usize = 100;

#[derive(Default)]
struct NoticeLog {
    entries: Vec<Arc<Entry>>,
    counts: Counts,
    alerts: Vec<Arc<Entry>>,
    /// The alerts of each incident, by its first one's number.
    incidents: HashMap<u64, Vec<Arc<Entry>>>,
    /// The first acts that acknowledge each alert, by its entry number.
    seen: HashMap<u64, Vec<Arc<Entry>>>,
}

impl NoticeLog {
    fn add(&mut self, entry: Arc<Entry>) {
        self.counts.add(&entry);
        match &entry.payload {
            Payload::Alert(alert) => {
                self.alerts.push(entry.clone());
                self.incidents.entry(alert.incident).or_default().push(entry.clone());
            }
            Payload::Act(Act::Acknowledged(Acknowledgement {
                deed: SecurityDeed::Acknowledge { alert },
                ..
            })) => {
                let seen = self.seen.entry(*alert).or_default();
                if seen.len() < ACKNOWLEDGEMENTS {
                    seen.push(entry.clone());
                }
            }
            _ => {}
        }
        self.entries.push(entry);
    }
}

/// An alert, and who has seen it first.
#[derive(Clone, Debug)]
pub struct AlertAndActs {
    /// The entry of the alert.
    pub alert: Arc<Entry>,
    /// Acts that acknowledge it, at most a hundred.
    pub acknowledgements: Vec<Arc<Entry>>,
}

/// How many alerts and warnings the ledger has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    alerts: [u64; Severity::ALL.len()],
    warnings: [u64; MatterName::ALL.len()],
}

impl Counts {
    fn add(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Alert(alert) => self.alerts[alert.severity as usize] += 1,
            Payload::Warning(warning) => self.warnings[warning.matter.name() as usize] += 1,
            _ => {}
        }
    }

    /// How many alerts the ledger has of each severity.
    pub fn alerts(&self) -> impl Iterator<Item = (Severity, u64)> {
        Severity::ALL.into_iter().zip(self.alerts)
    }

    /// How many warnings the ledger has about each matter.
    pub fn warnings(&self) -> impl Iterator<Item = (MatterName, u64)> {
        MatterName::ALL.into_iter().zip(self.warnings)
    }
}

/// The registrar's side of the notices: it adds to them and says how many there are.
pub(super) struct Board {
    list: List,
    count: Arc<watch::Sender<usize>>,
}

/// All alerts, warnings and acts of the ledger, in order.
#[derive(Clone)]
pub struct Notices {
    list: List,
    count: watch::Receiver<usize>,
}

impl Board {
    pub(super) fn new() -> (Board, Notices) {
        let list = List::default();
        let (count, seen) = watch::channel(0);
        (Board { list: list.clone(), count: Arc::new(count) }, Notices { list, count: seen })
    }

    /// Adds what was committed, but for what is there already. Whoever looks finds it from now on;
    /// whoever waits is told by [`Board::wake`].
    pub(super) fn publish(&self, entries: Vec<Arc<Entry>>) {
        if entries.is_empty() {
            return;
        }
        let mut list = self.list.write();
        let last = list.entries.last().map(|entry| entry.seq);
        for entry in entries.into_iter().filter(|entry| Some(entry.seq) > last) {
            list.add(entry);
        }
    }

    /// Wakes those who wait, on whatever thread runs it: there may be thousands.
    pub(super) fn wake(&self) -> impl FnOnce() + Send + use<> {
        let (list, count) = (self.list.clone(), self.count.clone());
        move || {
            let now = list.read().entries.len();
            count.send_replace(now);
        }
    }
}

impl Notices {
    /// Alerts, warnings and acts behind entry `seq`, the first `most` of them.
    pub fn after(&self, seq: u64, most: usize) -> Vec<Arc<Entry>> {
        let entries = &self.list.read().entries;
        let from = entries.partition_point(|entry| entry.seq <= seq);
        entries[from..].iter().take(most).cloned().collect()
    }

    /// The alerts behind entry `seq`, of one incident or of all, the first `most` of them. It costs
    /// as much as what is returned, however many there are.
    pub fn alerts(&self, seq: u64, incident: Option<u64>, most: usize) -> Vec<AlertAndActs> {
        let list = self.list.read();
        let of = |incident| list.incidents.get(&incident).map_or(&[][..], Vec::as_slice);
        let alerts = incident.map_or(list.alerts.as_slice(), of);
        let from = alerts.partition_point(|entry| entry.seq <= seq);
        let seen = |alert: &Arc<Entry>| AlertAndActs {
            alert: alert.clone(),
            acknowledgements: list.seen.get(&alert.seq).cloned().unwrap_or_default(),
        };
        alerts[from..].iter().take(most).map(seen).collect()
    }

    /// How many alerts and warnings the ledger has, by severity and matter.
    pub fn counts(&self) -> Counts {
        self.list.read().counts
    }

    /// The alert, warning or act with this entry number; none if that entry is another.
    pub fn get(&self, seq: u64) -> Option<Arc<Entry>> {
        self.after(seq.checked_sub(1)?, 1).into_iter().find(|entry| entry.seq == seq)
    }

    /// Waits until there are more than when this was last called; false if none will come.
    pub async fn more(&mut self) -> bool {
        self.count.changed().await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::{Alert, Hash, Moment};

    fn alert() -> Alert {
        let body = include_str!("../../docs/vectors/bodies.jsonl").lines().nth(9);
        match Entry::parse(body.expect("an alert")).expect("a body").payload {
            Payload::Alert(alert) => alert,
            other => panic!("{other:?}"),
        }
    }

    fn entry(seq: u64, what: Payload) -> Arc<Entry> {
        Arc::new(Entry { seq, prev: Hash::default(), now: Moment::default(), payload: what })
    }

    /// Alerts 1 to 6, the odd ones of incident 1 and the even ones of incident 2; whoever likes has
    /// seen the first.
    fn notices(acknowledgements: u64) -> Notices {
        let (board, notices) = Board::new();
        let of = |seq| Payload::Alert(Alert { incident: 2 - seq % 2, ..alert() });
        let mut entries: Vec<_> = (1..=6).map(|seq| entry(seq, of(seq))).collect();
        let (id, certificate, reason) = ("soc-1".into(), Hash::default(), "seen".to_owned());
        let deed = SecurityDeed::Acknowledge { alert: 1 };
        let act = Act::Acknowledged(Acknowledgement { id, certificate, deed, reason });
        entries.extend((0..acknowledgements).map(|n| entry(7 + n, Payload::Act(act.clone()))));
        board.publish(entries);
        notices
    }

    fn numbers(alerts: &[AlertAndActs]) -> Vec<u64> {
        alerts.iter().map(|one| one.alert.seq).collect()
    }

    #[test]
    fn as_many_alerts_are_taken_out_as_are_asked_for_of_one_incident_or_of_all() {
        let notices = notices(0);
        assert_eq!(numbers(&notices.alerts(0, None, 4)), [1, 2, 3, 4]);
        assert_eq!(numbers(&notices.alerts(4, None, 4)), [5, 6]);
        assert_eq!(numbers(&notices.alerts(1, Some(1), 9)), [3, 5]);
        assert_eq!(numbers(&notices.alerts(1, Some(2), 1)), [2]);
        assert!(notices.alerts(0, Some(3), 9).is_empty());
    }

    #[test]
    fn of_those_who_have_seen_an_alert_the_first_hundred_are_listed() {
        for (acts, listed) in [(0, 0), (100, 100), (101, 100)] {
            let alerts = notices(acts).alerts(0, None, 2);
            let acts = alerts[0].acknowledgements.len();
            assert_eq!((acts, alerts[1].acknowledgements.len()), (listed, 0));
            assert!(alerts[0].acknowledgements.first().is_none_or(|first| first.seq == 7));
        }
    }
}
