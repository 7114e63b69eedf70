//! In which order waiting events go: the gravest incident first, and within an incident one after the other.
//! An event that is refused holds up its own incident and nothing else.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use super::dispatch::Gravity;

/// What keeps its order: an incident, or an event that belongs to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum LaneKey {
    Incident(u64),
    Alone(u64),
}

#[derive(Debug, Default)]
struct Lane {
    /// Numbers of its events, the first first.
    waiting: VecDeque<(u64, Gravity)>,
    /// Until when its first is left alone, Unix milliseconds.
    held_until: u64,
}

/// A lane by what decides when it is served: its gravest event, then its first.
type Place = (Reverse<Gravity>, u64, LaneKey);

impl Lane {
    fn place(&self, key: LaneKey) -> Option<Place> {
        let gravest = self.waiting.iter().map(|(_, gravity)| *gravity).max()?;
        Some((Reverse(gravest), self.waiting.front()?.0, key))
    }
}

/// The numbers of events that wait.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<LaneKey, Lane>,
    order: BTreeSet<Place>,
    len: usize,
}

impl Lanes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts an event last in its lane.
    pub(super) fn push(&mut self, number: u64, gravity: Gravity, incident: Option<u64>) {
        let key = incident.map_or(LaneKey::Alone(number), LaneKey::Incident);
        self.change(key, |lane| lane.waiting.push_back((number, gravity)));
        self.len += 1;
    }

    /// The next events, at most so many; none of a lane that is held.
    pub(super) fn next(&self, most: usize, now: u64) -> Vec<u64> {
        let open = self.order.iter().filter_map(|(_, _, key)| self.lanes.get(key));
        let open = open.filter(|lane| lane.held_until <= now);
        open.flat_map(|lane| lane.waiting.iter().map(|(number, _)| *number)).take(most).collect()
    }

    /// When the first of the lanes that are held is free again.
    pub(super) fn free_at(&self, now: u64) -> Option<u64> {
        self.lanes.values().map(|lane| lane.held_until).filter(|until| *until > now).min()
    }

    /// Takes an event away, wherever it stands in its lane.
    pub(super) fn remove(&mut self, number: u64, incident: Option<u64>) {
        let key = incident.map_or(LaneKey::Alone(number), LaneKey::Incident);
        let mut removed = 0;
        self.change(key, |lane| {
            let before = lane.waiting.len();
            lane.waiting.retain(|(other, _)| *other != number);
            removed = before - lane.waiting.len();
            lane.held_until = 0;
        });
        self.len -= removed;
    }

    /// Leaves the lane of an event alone until then.
    pub(super) fn hold(&mut self, number: u64, incident: Option<u64>, until: u64) {
        let key = incident.map_or(LaneKey::Alone(number), LaneKey::Incident);
        self.change(key, |lane| lane.held_until = until);
    }

    fn change(&mut self, key: LaneKey, change: impl FnOnce(&mut Lane)) {
        let lane = self.lanes.entry(key).or_default();
        if let Some(place) = lane.place(key) {
            self.order.remove(&place);
        }
        change(lane);
        match lane.place(key) {
            Some(place) => drop(self.order.insert(place)),
            None => drop(self.lanes.remove(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Gravity::{Critical, High, Info};

    fn lanes(events: &[(u64, Gravity, Option<u64>)]) -> Lanes {
        let mut lanes = Lanes::default();
        for (number, gravity, incident) in events {
            lanes.push(*number, *gravity, *incident);
        }
        lanes
    }

    #[test]
    fn the_gravest_incident_goes_first_and_in_its_order() {
        let mut lanes = lanes(&[
            (1, Info, None),
            (2, Info, Some(50)),
            (3, High, Some(60)),
            (4, Critical, Some(50)),
            (5, High, None),
        ]);
        assert_eq!(lanes.next(9, 0), [2, 4, 3, 5, 1]);
        assert_eq!(lanes.next(2, 0), [2, 4]);
        lanes.remove(4, Some(50));
        assert_eq!(lanes.next(9, 0), [3, 5, 1, 2]);
    }

    #[test]
    fn what_is_refused_holds_up_its_incident_alone() {
        let mut lanes = lanes(&[(1, Critical, Some(50)), (2, Info, Some(50)), (3, Info, Some(60))]);
        lanes.hold(1, Some(50), 1_000);
        assert_eq!(lanes.next(9, 999), [3]);
        assert_eq!(lanes.free_at(999), Some(1_000));
        assert_eq!((lanes.next(9, 1_000), lanes.free_at(1_000)), (vec![1, 2, 3], None));
        lanes.hold(1, Some(50), 2_000);
        // Kept apart, it holds up nobody.
        lanes.remove(1, Some(50));
        assert_eq!(lanes.next(9, 0), [2, 3]);
        assert_eq!(lanes.len(), 2);
    }

    proptest! {
        /// Whatever happens, each event is there once until it is removed, those of one incident in their
        /// order, and no grave one waits behind the lane of a lesser.
        #[test]
        fn nothing_is_lost_and_order_is_kept(
            events in prop::collection::vec((0..4_usize, prop::option::of(0..5_u64)), 1..60),
            removed in prop::collection::vec(0..60_u64, 0..60),
        ) {
            let mut lanes = Lanes::default();
            let mut left = Vec::new();
            for (number, (gravity, incident)) in events.iter().enumerate() {
                let number = number as u64;
                lanes.push(number, Gravity::ALL[*gravity], *incident);
                left.push((number, Gravity::ALL[*gravity], *incident));
            }
            for number in removed {
                if let Some((_, _, incident)) = left.iter().find(|(other, ..)| *other == number) {
                    lanes.remove(number, *incident);
                    left.retain(|(other, ..)| *other != number);
                }
            }
            let order = lanes.next(usize::MAX, 0);
            prop_assert_eq!((order.len(), lanes.len()), (left.len(), left.len()));
            let of = |number: &u64| left.iter().find(|(other, ..)| other == number).copied();
            let order: Vec<_> = order.iter().filter_map(of).collect();
            prop_assert_eq!(order.len(), left.len());
            let lane = |event: &(u64, Gravity, Option<u64>)| event.2.ok_or(event.0);
            let gravest = |event| left.iter().filter(|other| lane(other) == lane(event)).map(|other| other.1).max();
            for pair in order.windows(2) {
                prop_assert!(gravest(&pair[0]) >= gravest(&pair[1]));
            }
            for (n, event) in order.iter().enumerate() {
                let behind = order[n..].iter().filter(|other| lane(other) == lane(event));
                prop_assert!(behind.map(|other| other.0).is_sorted());
            }
        }
    }
}
