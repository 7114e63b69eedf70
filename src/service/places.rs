//! How much of the door anybody may take. Before a certificate is known, places are counted by the
//! network that a connection comes from; after it, by whom the certificate names, so that neither a
//! network nor a provider keeps the others out. It counts and refuses to know sockets and messages.

mod crowd;
mod familiar;
mod handshakes;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use self::handshakes::{Handshakes, Room};
use super::replies::Replies;
use crate::admission::{Reader, Role, Word};

/// What the door holds at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections whose handshake is done.
    pub connections: usize,
    /// ... of one provider.
    pub provider_connections: usize,
    /// Calls of one provider that are in flight, over however many connections: until their reply
    /// is taken.
    pub provider_calls: usize,
    /// Replies of one provider that are made and not taken, in MiB.
    pub provider_replies_mib: usize,
    /// Handshakes that are open.
    pub handshakes: usize,
    /// ... from one address: a /32, or a /64 of IPv6.
    pub address_handshakes: usize,
    /// A connection without a call is closed after this.
    pub idle: Duration,
    /// A connection takes no further call after this: its client shakes hands again, and shows its
    /// certificate.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4_096,
            provider_connections: 256,
            provider_calls: 512,
            provider_replies_mib: 64,
            handshakes: 1_024,
            address_handshakes: 128,
            idle: Duration::from_secs(300),
            age: Duration::from_secs(3_600),
        }
    }
}

/// Connections that only staff may take: security gets in while providers flood.
const STAFF_RESERVE: usize = 256;
/// Handshakes for those alone from whose network somebody known has come within the hour.
const FAMILIAR_RESERVE: usize = 256;
/// Connections of one member of staff.
const STAFF_CONNECTIONS: usize = 64;
/// Calls in flight of one member of staff, tails apart.
const STAFF_CALLS: usize = 128;
/// Replies of one member of staff that are made and not taken, in MiB.
const STAFF_REPLIES: usize = 32;
/// Connections of certificates that the policy does not know or that it revoked, all together: they
/// are told so.
const NOBODY: usize = 64;
/// File descriptors for everything else: files, the records, standard streams.
const OTHER_FILES: usize = 256;

impl Limits {
    /// The same, or what so many file descriptors allow: each connection and each handshake has one.
    pub(super) fn within(mut self, descriptors: usize) -> Limits {
        let most = descriptors.saturating_sub(OTHER_FILES).max(descriptors / 2).max(2);
        if self.connections + self.handshakes > most {
            self.handshakes = self.handshakes.min(most / 4).max(1);
            self.connections = self.connections.min(most - self.handshakes);
            self.address_handshakes = self.address_handshakes.min(self.handshakes / 4).max(1);
            self.provider_connections = self.provider_connections.min(self.connections / 4).max(1);
        }
        self
    }

    /// A reserve that leaves providers most of the room.
    fn reserve(&self) -> usize {
        STAFF_RESERVE.min(self.connections / 4)
    }

    fn room(&self) -> Room {
        Room {
            places: self.handshakes,
            of_network: self.address_handshakes,
            reserved: FAMILIAR_RESERVE.min(self.handshakes / 4),
        }
    }
}

/// Who takes places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Provider(Word),
    Staff(Role, Word),
    Nobody,
}

impl Holder {
    /// Whom a certificate names, if the policy knows them.
    fn of(reader: Option<&Reader>) -> Holder {
        match reader {
            None => Holder::Nobody,
            Some(reader) if reader.role() == Role::Provider => {
                Holder::Provider(reader.id().clone())
            }
            Some(reader) => Holder::Staff(reader.role(), reader.id().clone()),
        }
    }
}

/// Told by being dropped: the place was given up.
type Tell = oneshot::Sender<Infallible>;

/// What one holder has.
struct Party {
    connections: usize,
    calls: Arc<Semaphore>,
    replies: Arc<Replies>,
}

#[derive(Default)]
struct Taken {
    connections: usize,
    /// Of these, all but staff's.
    outside: usize,
    /// As many as the policy knows, and `Nobody`.
    parties: HashMap<Holder, Party>,
}

/// The places of the door.
pub(super) struct Places {
    limits: Limits,
    handshakes: Mutex<Handshakes<Tell>>,
    taken: Mutex<Taken>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Places {
        let handshakes = Mutex::new(Handshakes::new(limits.room()));
        Places { limits, handshakes, taken: Mutex::default() }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A place to shake hands in, if there is one or if one is given up for it.
    pub(super) fn handshake(self: &Arc<Self>, from: IpAddr, now: Instant) -> Option<Handshake> {
        let (tell, given_up) = oneshot::channel();
        let taken = self.handshakes().enter(network(from), now, tell)?;
        Some(Handshake { places: self.clone(), taken, given_up })
    }

    /// Somebody whom the policy knows has shaken hands: they find a place from there for an hour.
    pub(super) fn see(&self, reader: &Reader, from: IpAddr, now: Instant) {
        self.handshakes().see(&Holder::of(Some(reader)), network(from), now);
    }

    /// A connection for whom the certificate names, if the policy knows them.
    pub(super) fn connection(self: &Arc<Self>, reader: Option<&Reader>) -> Option<Connection> {
        let holder = Holder::of(reader);
        let (share, calls, mib) = match holder {
            Holder::Provider(_) => {
                let Limits { provider_connections, provider_calls, .. } = self.limits;
                (provider_connections, provider_calls, self.limits.provider_replies_mib)
            }
            Holder::Staff(..) => (STAFF_CONNECTIONS, STAFF_CALLS, STAFF_REPLIES),
            // They are told that they are nobody, and nothing else.
            Holder::Nobody => (NOBODY.min(self.limits.provider_connections), NOBODY, 1),
        };
        let outside = !matches!(holder, Holder::Staff(..));
        let mut taken = self.taken();
        let open = self.limits.connections - self.limits.reserve();
        if taken.connections >= self.limits.connections || (outside && taken.outside >= open) {
            return None;
        }
        // It stays when its last connection goes: calls may outlive that by a moment.
        let party = taken.parties.entry(holder.clone());
        let party = party.or_insert_with(|| {
            let calls = Arc::new(Semaphore::new(calls));
            let replies = Arc::new(Replies::new(mib << 20));
            Party { connections: 0, calls, replies }
        });
        if party.connections >= share {
            return None;
        }
        party.connections += 1;
        let (calls, replies) = (party.calls.clone(), party.replies.clone());
        taken.connections += 1;
        taken.outside += usize::from(outside);
        drop(taken);
        Some(Connection { places: self.clone(), holder, calls, replies })
    }

    /// Connections and handshakes that are open.
    pub(super) fn taken_now(&self) -> (usize, usize) {
        (self.taken().connections, self.handshakes().held())
    }

    fn handshakes(&self) -> MutexGuard<'_, Handshakes<Tell>> {
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for one handshake; dropped, it is free.
pub(super) struct Handshake {
    places: Arc<Places>,
    taken: handshakes::Taken,
    given_up: oneshot::Receiver<Infallible>,
}

impl Handshake {
    /// Whether somebody known has come from the same network of late.
    pub(super) fn is_familiar(&self) -> bool {
        self.taken.familiar
    }

    /// Returns when the place was given up to somebody else.
    pub(super) async fn given_up(&mut self) {
        let Err(_dropped) = (&mut self.given_up).await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.places.handshakes().leave(self.taken);
    }
}

/// A place for one connection; dropped, it is free.
pub(super) struct Connection {
    places: Arc<Places>,
    holder: Holder,
    calls: Arc<Semaphore>,
    replies: Arc<Replies>,
}

impl Connection {
    /// A place for one call, of those that its holder has.
    pub(super) fn call(&self) -> Option<OwnedSemaphorePermit> {
        self.calls.clone().try_acquire_owned().ok()
    }

    /// The room that its holder has for replies.
    pub(super) fn replies(&self) -> &Arc<Replies> {
        &self.replies
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.connections -= 1;
        taken.outside -= usize::from(!matches!(self.holder, Holder::Staff(..)));
        if let Some(party) = taken.parties.get_mut(&self.holder) {
            party.connections -= 1;
        }
    }
}

/// What one subscriber of a network has for itself: an IPv4 address, or 64 bits of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// How many files the process may have open, if the system says so. The soft limit, which a process
/// can raise only by a call that this program does not make.
pub(super) fn descriptors() -> Option<usize> {
    soft_limit(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

fn soft_limit(limits: &str) -> Option<usize> {
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    files.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::admission::example::{peer, terms};

    fn reader(role: Role, id: &str) -> Reader {
        let now = crate::admission::example::now();
        Reader::admit(&peer(role, id), &terms(), &Role::ALL, now).ok().unwrap()
    }

    fn places(change: impl FnOnce(&mut Limits)) -> Arc<Places> {
        let mut limits = Limits::default();
        change(&mut limits);
        Arc::new(Places::new(limits))
    }

    fn from(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_of_handshakes_and_no_more() {
        // A quarter is for who is familiar.
        let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (6, 3));
        let start = Instant::now();
        let take = |text| places.handshake(from(text), start);
        let mut held: Vec<_> = (0..3).map(|_| take("192.0.2.1").unwrap()).collect();
        assert!(take("192.0.2.1").is_none());
        assert!(take("::ffff:192.0.2.1").is_none());
        held.push(take("192.0.2.2").unwrap());
        held.push(take("192.0.2.3").unwrap());
        assert!(take("192.0.2.4").is_none(), "the whole is taken");
        drop(held.remove(0));
        assert!(take("192.0.2.1").is_some());
        held.clear();
        assert_eq!(places.taken_now(), (0, 0));
    }

    #[tokio::test]
    async fn whose_place_is_given_up_is_told_and_leaves_what_was_taken_for_it() {
        let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (2, 1));
        let start = Instant::now();
        let mut first = places.handshake(from("192.0.2.1"), start).unwrap();
        let second = places.handshake(from("192.0.2.1"), start + Duration::from_secs(1)).unwrap();
        first.given_up().await;
        drop(first);
        assert_eq!(places.taken_now(), (0, 1));
        drop(second);
        assert_eq!(places.taken_now(), (0, 0));
    }

    #[test]
    fn whom_the_policy_knows_finds_a_place_where_strangers_crowd() {
        let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (4, 3));
        let start = Instant::now();
        places.see(&reader(Role::Security, "soc-1"), from("192.0.2.9"), start);
        let strangers = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].into_iter();
        let held: Vec<_> = strangers.filter_map(|of| places.handshake(from(of), start)).collect();
        assert_eq!(held.len(), 3);
        assert!(places.handshake(from("192.0.2.9"), start).is_some_and(|of| of.is_familiar()));
    }

    #[test]
    fn an_address_of_ipv6_is_its_first_64_bits() {
        assert_eq!(network(from("2001:db8:1:2:3:4:5:6")), from("2001:db8:1:2::"));
        assert_ne!(network(from("2001:db8:1:3::")), network(from("2001:db8:1:2::")));
    }

    #[test]
    fn a_provider_has_its_share_of_connections_and_of_calls() {
        let places = places(|limits| {
            (limits.provider_connections, limits.provider_calls) = (2, 3);
        });
        let (alpha, beta) = (reader(Role::Provider, "alpha"), reader(Role::Provider, "beta"));
        let one = places.connection(Some(&alpha)).unwrap();
        let two = places.connection(Some(&alpha)).unwrap();
        assert!(places.connection(Some(&alpha)).is_none());
        let other = places.connection(Some(&beta)).unwrap();
        // More connections are no more calls.
        let calls = [one.call(), one.call(), two.call()];
        assert!(calls.iter().all(Option::is_some));
        assert!(one.call().is_none() && two.call().is_none());
        assert!(other.call().is_some());
        drop((calls, one));
        assert!(two.call().is_some());
        assert!(places.connection(Some(&alpha)).is_some());
    }

    #[test]
    fn providers_and_strangers_leave_room_for_staff() {
        let places = places(|limits| {
            (limits.connections, limits.provider_connections) = (8, 100);
        });
        let alpha = reader(Role::Provider, "alpha");
        let flood: Vec<_> = (0..100).map_while(|_| places.connection(Some(&alpha))).collect();
        assert_eq!(flood.len(), 6);
        assert!(places.connection(None).is_none());
        let soc = reader(Role::Security, "soc-1");
        let staff: Vec<_> = (0..100).map_while(|_| places.connection(Some(&soc))).collect();
        assert_eq!(staff.len(), 2);
        drop(flood);
        assert!(places.connection(None).is_some());
        drop(staff);
        let taken = places.taken();
        assert_eq!((taken.connections, taken.outside), (0, 0));
    }

    #[test]
    fn strangers_share_a_few_places_and_staff_have_a_share_each() {
        let places = places(|_| {});
        let strangers: Vec<_> = (0..1_000).map_while(|_| places.connection(None)).collect();
        assert_eq!(strangers.len(), NOBODY);
        let soc = reader(Role::Security, "soc-1");
        let staff: Vec<_> = (0..1_000).map_while(|_| places.connection(Some(&soc))).collect();
        assert_eq!(staff.len(), STAFF_CONNECTIONS);
        assert!(places.connection(Some(&reader(Role::Auditor, "audit-1"))).is_some());
    }

    #[test]
    fn places_never_exceed_what_the_files_allow() {
        let whole = Limits::default();
        let enough = whole.connections + whole.handshakes + OTHER_FILES;
        assert_eq!(whole.clone().within(enough), whole);
        for files in [1, 2, 3, 10, 256, 511, 512, 1_024, enough - 1] {
            let fits = whole.clone().within(files);
            assert!(fits.connections + fits.handshakes <= files.max(2), "{files}: {fits:?}");
            assert!(fits.connections >= 1 && fits.handshakes >= 1, "{files}: {fits:?}");
            assert!(fits.reserve() < fits.connections, "{files}: {fits:?}");
            assert!(fits.provider_connections <= fits.connections, "{files}: {fits:?}");
        }
        let usual = whole.within(1_024);
        assert_eq!((usual.connections, usual.provider_connections), (576, 144));
    }

    #[test]
    fn the_limit_of_files_is_the_soft_one() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             95834                95834                processes \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(text), Some(1_024));
        assert_eq!(soft_limit("Max open files            unlimited  unlimited  files"), None);
        assert_eq!(soft_limit(""), None);
        assert!(descriptors().is_some());
    }
}
