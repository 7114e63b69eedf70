//! Who holds places that anybody may take, by the network that each came from. When there are no
//! more, the network with the most gives one up: so a crowd is as large as it likes while there is
//! room, and under pressure no larger than the others. Every step takes the time that a search
//! among the networks takes, however many there are. It counts; the time is an argument.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// No place is given up sooner: so long anybody has for what has to be done in it.
pub(super) const RIPE: Duration = Duration::from_millis(250);

/// Number of a place that is held: one that was taken later has a higher number.
pub(super) type Number = u64;

/// What a network has: more places rank higher, and among equals whose oldest is older.
pub(super) type Rank = (usize, Reverse<Number>, IpAddr);

/// Whether the one gives way to one more of a network that has so many.
pub(super) fn yields((held, _, whose): Rank, network: IpAddr, theirs: usize) -> bool {
    held > theirs || whose == network
}

/// The places that are held, each with what is told when it is given up.
pub(super) struct Crowd<T> {
    networks: HashMap<IpAddr, BTreeMap<Number, T>>,
    /// Ranks of the networks that have a place which may be given up.
    ranks: BTreeSet<Rank>,
    /// Places too young for it, in the order in which they were taken.
    young: VecDeque<(Instant, Number, IpAddr)>,
    /// Number from which on places are too young to be given up.
    ripe: Number,
    held: usize,
}

impl<T> Default for Crowd<T> {
    fn default() -> Crowd<T> {
        Crowd {
            networks: HashMap::new(),
            ranks: BTreeSet::new(),
            young: VecDeque::new(),
            ripe: 0,
            held: 0,
        }
    }
}

impl<T> Crowd<T> {
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn held_by(&self, network: IpAddr) -> usize {
        self.networks.get(&network).map_or(0, BTreeMap::len)
    }

    /// Takes a place; numbers rise from one to the next.
    pub(super) fn enter(&mut self, network: IpAddr, number: Number, now: Instant, tell: T) {
        self.young.push_back((now, number, network));
        self.change(network, |held| held.insert(number, tell));
        self.held += 1;
    }

    /// Takes a place that was left before, with its number: it is as old as it was.
    pub(super) fn enter_again(&mut self, network: IpAddr, number: Number, tell: T) {
        self.change(network, |held| held.insert(number, tell));
        self.held += 1;
    }

    /// Frees a place, unless it was given up before.
    pub(super) fn leave(&mut self, network: IpAddr, number: Number) -> Option<T> {
        let left = self.change(network, |held| held.remove(&number));
        self.held -= usize::from(left.is_some());
        left
    }

    /// Has places that are old enough by now count as such.
    pub(super) fn ripen(&mut self, now: Instant) {
        while let Some(&(taken, number, network)) = self.young.front() {
            if taken + RIPE > now {
                return;
            }
            self.young.pop_front();
            self.ripe = number + 1;
            // Which may be its network's first.
            self.ranks.extend(self.rank(network));
        }
    }

    /// The network to give up a place, with how many it has and its oldest.
    pub(super) fn most(&self) -> Option<Rank> {
        self.ranks.last().copied()
    }

    /// Has a place given up for one more of this network, if it may be: nobody grows at the cost of
    /// somebody who has no more.
    pub(super) fn give_way(&mut self, network: IpAddr) -> Option<T> {
        let most = self.most()?;
        if yields(most, network, self.held_by(network)) { self.give_up(most.2) } else { None }
    }

    /// The oldest place of a network, if it may be given up; it is free.
    pub(super) fn give_up(&mut self, network: IpAddr) -> Option<T> {
        let (_, Reverse(oldest), _) = self.rank(network)?;
        self.leave(network, oldest)
    }

    fn rank(&self, network: IpAddr) -> Option<Rank> {
        let held = self.networks.get(&network)?;
        let (oldest, _) = held.first_key_value()?;
        (*oldest < self.ripe).then_some((held.len(), Reverse(*oldest), network))
    }

    /// Changes what a network has, and with that its rank.
    fn change<R>(&mut self, network: IpAddr, how: impl FnOnce(&mut BTreeMap<Number, T>) -> R) -> R {
        if let Some(before) = self.rank(network) {
            self.ranks.remove(&before);
        }
        let held = self.networks.entry(network).or_default();
        let done = how(held);
        // A network that has none is forgotten: there are more networks than memory.
        if held.is_empty() {
            self.networks.remove(&network);
        }
        self.ranks.extend(self.rank(network));
        done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    /// What a crowd has to say, told the long way.
    #[derive(Default)]
    struct Plain(Vec<(Number, IpAddr, Instant)>);

    impl Plain {
        fn most(&self, now: Instant) -> Option<(usize, Reverse<Number>, IpAddr)> {
            let count = |network| self.0.iter().filter(|(_, of, _)| *of == network).count();
            let oldest = |network| self.0.iter().find(|(_, of, _)| *of == network).unwrap();
            let ripe = self.0.iter().filter(|(_, network, _)| oldest(*network).2 + RIPE <= now);
            ripe.map(|(_, of, _)| (count(*of), Reverse(oldest(*of).0), *of)).max()
        }
    }

    #[test]
    fn the_oldest_of_the_network_with_the_most_is_given_up() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        for (number, of) in [1, 2, 2, 1, 1, 3].into_iter().enumerate() {
            crowd.enter(network(of), number as u64, start, number);
        }
        crowd.ripen(start + RIPE);
        for (of, oldest) in [(1, 0), (2, 1), (1, 3), (2, 2), (1, 4), (3, 5)] {
            let (_, _, most) = crowd.most().unwrap();
            assert_eq!((most, crowd.give_up(most)), (network(of), Some(oldest)));
        }
        assert_eq!((crowd.most(), crowd.held()), (None, 0));
        assert!(crowd.networks.is_empty() && crowd.ranks.is_empty() && crowd.young.is_empty());
    }

    #[test]
    fn no_place_is_given_up_before_its_time() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        crowd.enter(network(1), 0, start, ());
        crowd.enter(network(1), 1, start + RIPE, ());
        crowd.ripen(start + RIPE - Duration::from_nanos(1));
        assert_eq!((crowd.most(), crowd.give_up(network(1))), (None, None));
        crowd.ripen(start + RIPE);
        assert_eq!(crowd.give_up(network(1)), Some(()));
        assert_eq!((crowd.most(), crowd.give_up(network(1)), crowd.held()), (None, None, 1));
    }

    proptest! {
        #[test]
        fn it_counts_as_one_would_by_hand(
            steps in prop::collection::vec((0_u8..4, 0_u8..6, 0_u64..200), 1..200),
        ) {
            let (mut crowd, mut plain) = (Crowd::default(), Plain::default());
            let mut now = Instant::now();
            for (number, (what, of, later)) in steps.into_iter().enumerate() {
                now += Duration::from_millis(later);
                crowd.ripen(now);
                let network = network(of);
                match what {
                    0 | 1 => {
                        crowd.enter(network, number as u64, now, number);
                        plain.0.push((number as u64, network, now));
                    }
                    2 => {
                        let at = plain.0.len().checked_sub(1).map(|last| usize::from(of).min(last));
                        if let Some(at) = at {
                            let (number, network, _) = plain.0.remove(at);
                            prop_assert!(crowd.leave(network, number).is_some());
                            prop_assert!(crowd.leave(network, number).is_none());
                        }
                    }
                    _ => {
                        if let Some((_, Reverse(oldest), network)) = plain.most(now) {
                            prop_assert_eq!(crowd.give_up(network), Some(oldest as usize));
                            plain.0.retain(|(number, _, _)| *number != oldest);
                        }
                    }
                }
                prop_assert_eq!(crowd.most(), plain.most(now));
                prop_assert_eq!(crowd.held(), plain.0.len());
            }
        }
    }
}
