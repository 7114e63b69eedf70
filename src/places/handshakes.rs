//! Places to shake hands in, before anything is known of who comes but the network: whoever comes
//! finds one as long as its network has fewer than another. It counts; the time is an argument.

use std::net::IpAddr;

use tokio::time::Instant;

use super::Holder;
use super::crowd::{Crowd, Number, yields};
use super::familiar::Familiar;

/// How many places there are for handshakes.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// How many handshakes there may be in all.
    pub(super) places: usize,
    /// How many handshakes there may be of one network.
    pub(super) of_network: usize,
    /// How many of all places only familiar networks may take.
    pub(super) reserved: usize,
}

/// The place that a handshake has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) familiar: bool,
    network: IpAddr,
    number: Number,
}

/// Who shakes hands now, by network.
pub(super) struct Handshakes<T> {
    room: Room,
    next: Number,
    strangers: Crowd<T>,
    /// Handshakes whose network was familiar when they came.
    known: Crowd<T>,
    familiar: Familiar,
}

impl<T> Handshakes<T> {
    pub(super) fn new(room: Room) -> Handshakes<T> {
        let (strangers, known) = (Crowd::default(), Crowd::default());
        Handshakes { room, next: 0, strangers, known, familiar: Familiar::default() }
    }

    pub(super) fn held(&self) -> usize {
        self.strangers.held() + self.known.held()
    }

    /// Somebody whom the policy knows has come from there.
    pub(super) fn see(&mut self, holder: &Holder, network: IpAddr, now: Instant) {
        self.familiar.see(holder, network, now);
    }

    /// Takes a place. If another is given up for it, whose it was is told by dropping what it left.
    /// None if there is no place and nobody to give one up.
    pub(super) fn enter(&mut self, network: IpAddr, now: Instant, tell: T) -> Option<Taken> {
        self.strangers.ripen(now);
        self.known.ripen(now);
        let familiar = self.familiar.knows(network, now);
        if !self.make_room(network, familiar) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.crowd(familiar).enter(network, number, now, tell);
        Some(Taken { familiar, network, number })
    }

    /// Frees a place, unless it was given up before.
    pub(super) fn leave(&mut self, taken: Taken) {
        drop(self.crowd(taken.familiar).leave(taken.network, taken.number));
    }

    fn crowd(&mut self, familiar: bool) -> &mut Crowd<T> {
        if familiar { &mut self.known } else { &mut self.strangers }
    }

    /// Whether there is a place now.
    fn make_room(&mut self, network: IpAddr, familiar: bool) -> bool {
        let Room { places, of_network, reserved } = self.room;
        let theirs = self.strangers.held_by(network) + self.known.held_by(network);
        if theirs >= of_network {
            let given_up = self.strangers.give_up(network);
            return given_up.or_else(|| self.known.give_up(network)).is_some();
        }
        let full = self.strangers.held() >= places - reserved;
        if self.held() < places && (familiar || !full) {
            return true;
        }
        // Strangers never get at what is reserved. Whoever is familiar competes with all of them.
        let [strangers, mut known] = [self.strangers.most(), self.known.most()];
        if full && !familiar {
            known = None;
        }
        let Some(most) = strangers.max(known) else { return false };
        yields(most, network, theirs) && self.crowd(known == Some(most)).give_up(most.2).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::crowd::RIPE;
    use super::*;

    const ROOM: Room = Room { places: 1_024, of_network: 128, reserved: 256 };
    const MILLI: Duration = Duration::from_millis(1);

    fn network(n: usize) -> IpAddr {
        [10, 1, (n >> 8) as u8, n as u8].into()
    }

    const STAFF: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    /// A door, and the time at it.
    struct Door(Handshakes<()>, Instant);

    impl Door {
        fn new() -> Door {
            Door(Handshakes::new(ROOM), Instant::now())
        }

        fn enter(&mut self, network: IpAddr) -> Option<Taken> {
            self.0.enter(network, self.1, ())
        }

        /// As many as get in of so many from each of so many networks, one network after the other.
        fn flood(&mut self, networks: usize, each: usize) -> usize {
            let all = (0..networks).flat_map(|n| std::iter::repeat_n(n, each));
            all.filter(|n| self.enter(network(*n)).is_some()).count()
        }

        fn there(&mut self, taken: Taken) -> bool {
            self.0.crowd(taken.familiar).leave(taken.network, taken.number).is_some()
        }
    }

    #[test]
    fn whoever_comes_gets_in_while_a_few_networks_crowd_the_door() {
        for networks in [8, 16, 64, 768] {
            let mut door = Door::new();
            assert_eq!(door.flood(networks, 1_024 / networks), 768);
            // Nobody has had the time that anybody is given.
            assert_eq!(door.enter(STAFF), None, "{networks}");
            door.1 += RIPE;
            let staff = door.enter(STAFF).unwrap();
            // It has it, whatever comes meanwhile: those who crowd give way to one another.
            for _ in 1..250 {
                door.1 += MILLI;
                door.flood(networks, 4);
            }
            assert!(door.there(staff), "{networks}");
        }
    }

    #[test]
    fn of_two_thousand_networks_with_one_each_the_oldest_gives_way() {
        let mut door = Door::new();
        assert_eq!(door.flood(2_000, 1), 768);
        door.1 += RIPE;
        let staff = door.enter(STAFF).unwrap();
        // 768 have come since: only then is it the oldest.
        assert_eq!((768..768 + 767).filter(|n| door.enter(network(*n)).is_some()).count(), 767);
        door.1 += RIPE;
        let next = door.enter(network(5_000)).unwrap();
        assert!(!door.there(staff) && door.there(next));
    }

    #[test]
    fn nobody_grows_at_the_cost_of_whoever_has_no_more() {
        let mut door = Door::new();
        let first: Vec<_> = (0..768).map(|n| door.enter(network(n)).unwrap()).collect();
        door.1 += RIPE;
        // A second of the same, when all have one: it gives up its own.
        let own = door.enter(network(0)).unwrap();
        assert!(!door.there(first[0]));
        assert_eq!(door.enter(network(0)), None, "which is young");
        assert!(door.there(own) && first[1..].iter().all(|taken| door.there(*taken)));
    }

    #[test]
    fn a_network_that_has_all_it_may_gives_way_to_itself_alone() {
        let mut door = Door::new();
        let other = door.enter(STAFF).unwrap();
        let first = door.enter(network(1)).unwrap();
        assert_eq!((1..ROOM.of_network).filter(|_| door.enter(network(1)).is_some()).count(), 127);
        assert_eq!(door.enter(network(1)), None);
        door.1 += RIPE;
        assert!(door.enter(network(1)).is_some());
        assert!(!door.there(first) && door.there(other));
        assert_eq!(door.0.held(), 128);
    }

    #[test]
    fn familiar_networks_have_places_that_no_stranger_takes() {
        let mut door = Door::new();
        let (alpha, now) = (Holder::Provider("alpha".into()), door.1);
        door.0.see(&alpha, STAFF, now);
        assert_eq!(door.flood(2_000, 1), 768);
        // At once, and however many networks crowd the door.
        let known: Vec<_> = (0..128).map(|_| door.enter(STAFF).unwrap()).collect();
        assert!(known.iter().all(|taken| taken.familiar));
        for _ in 0..20 {
            door.1 += RIPE;
            door.flood(2_000, 1);
        }
        assert!(known.iter().all(|taken| door.there(*taken)));
        // An hour later it is a stranger.
        door.1 = now + super::super::familiar::REMEMBERED;
        assert!(!door.enter(STAFF).unwrap().familiar);
    }

    #[test]
    fn who_was_known_crowds_nobody_out_either() {
        let mut door = Door::new();
        let thief = Holder::Provider("alpha".into());
        for n in 0..8 {
            door.0.see(&thief, network(n), door.1);
        }
        assert_eq!(door.flood(8, 128), 1_024);
        assert_eq!(door.enter(STAFF), None);
        door.1 += RIPE;
        // A stranger and somebody familiar, each of whom has fewer.
        let stranger = door.enter(STAFF).unwrap();
        door.0.see(&Holder::Nobody, network(100), door.1);
        let familiar = door.enter(network(100)).unwrap();
        assert!(door.there(stranger) && door.there(familiar));
        assert_eq!(door.0.held(), 1_022);
    }

    #[test]
    fn places_that_are_left_are_free_and_nothing_is_kept_of_them() {
        let mut door = Door::new();
        let taken: Vec<_> = (0..700).map(|n| door.enter(network(n)).unwrap()).collect();
        taken.into_iter().for_each(|taken| door.0.leave(taken));
        assert_eq!(door.0.held(), 0);
        door.1 += RIPE;
        assert!(door.enter(STAFF).is_some());
        assert_eq!(door.0.strangers.held_by(network(3)), 0);
    }
}
