//! How much of the door anybody may take. Before a certificate is known, places are counted by the
//! network that a connection comes from; after it, by whom the certificate names, so that neither a
//! network nor a provider keeps the others out. It counts and refuses to know sockets and messages.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
            handshakes: 1_024,
            address_handshakes: 128,
            idle: Duration::from_secs(300),
            age: Duration::from_secs(3_600),
        }
    }
}

/// Connections that only staff may take: security gets in while providers flood.
const STAFF_RESERVE: usize = 256;
/// Connections of one member of staff.
const STAFF_CONNECTIONS: usize = 64;
/// Calls in flight of one member of staff, tails apart.
const STAFF_CALLS: usize = 128;
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
}

/// Who takes places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Provider(Word),
    Staff(Role, Word),
    Nobody,
}

/// What one holder has.
struct Party {
    connections: usize,
    calls: Arc<Semaphore>,
}

#[derive(Default)]
struct Taken {
    handshakes: usize,
    addresses: HashMap<IpAddr, usize>,
    connections: usize,
    /// Of these, all but staff's.
    outside: usize,
    /// As many as the policy knows, and `Nobody`.
    parties: HashMap<Holder, Party>,
}

/// The places of the door.
pub(super) struct Places {
    limits: Limits,
    taken: Mutex<Taken>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Places {
        Places { limits, taken: Mutex::default() }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A place to shake hands in, if the address has not had its share.
    pub(super) fn handshake(self: &Arc<Self>, from: IpAddr) -> Option<Handshake> {
        let address = address(from);
        let mut taken = self.taken();
        let of_address = taken.addresses.get(&address).copied().unwrap_or_default();
        if taken.handshakes >= self.limits.handshakes
            || of_address >= self.limits.address_handshakes
        {
            return None;
        }
        taken.handshakes += 1;
        taken.addresses.insert(address, of_address + 1);
        drop(taken);
        Some(Handshake { places: self.clone(), address })
    }

    /// A connection for whom the certificate names, if the policy knows them.
    pub(super) fn connection(self: &Arc<Self>, reader: Option<&Reader>) -> Option<Connection> {
        let holder = match reader {
            None => Holder::Nobody,
            Some(reader) if reader.role() == Role::Provider => {
                Holder::Provider(reader.id().clone())
            }
            Some(reader) => Holder::Staff(reader.role(), reader.id().clone()),
        };
        let (share, calls) = match holder {
            Holder::Provider(_) => (self.limits.provider_connections, self.limits.provider_calls),
            Holder::Staff(..) => (STAFF_CONNECTIONS, STAFF_CALLS),
            Holder::Nobody => (NOBODY.min(self.limits.provider_connections), NOBODY),
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
            Party { connections: 0, calls }
        });
        if party.connections >= share {
            return None;
        }
        party.connections += 1;
        let calls = party.calls.clone();
        taken.connections += 1;
        taken.outside += usize::from(outside);
        drop(taken);
        Some(Connection { places: self.clone(), holder, calls })
    }

    /// Connections and handshakes that are open.
    pub(super) fn taken_now(&self) -> (usize, usize) {
        let taken = self.taken();
        (taken.connections, taken.handshakes)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for one handshake; dropped, it is free.
pub(super) struct Handshake {
    places: Arc<Places>,
    address: IpAddr,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.handshakes -= 1;
        // An address that has none is forgotten: there are more addresses than memory.
        match taken.addresses.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.addresses.remove(&self.address)),
        }
    }
}

/// A place for one connection; dropped, it is free.
pub(super) struct Connection {
    places: Arc<Places>,
    holder: Holder,
    calls: Arc<Semaphore>,
}

impl Connection {
    /// A place for one call, of those that its holder has.
    pub(super) fn call(&self) -> Option<OwnedSemaphorePermit> {
        self.calls.clone().try_acquire_owned().ok()
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
fn address(ip: IpAddr) -> IpAddr {
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
        let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (5, 3));
        let take = |text| places.handshake(from(text));
        let mut held: Vec<_> = (0..3).map(|_| take("192.0.2.1").unwrap()).collect();
        assert!(take("192.0.2.1").is_none());
        assert!(take("::ffff:192.0.2.1").is_none());
        held.push(take("192.0.2.2").unwrap());
        held.push(take("192.0.2.3").unwrap());
        assert!(take("192.0.2.4").is_none(), "the whole is taken");
        drop(held.remove(0));
        assert!(take("192.0.2.1").is_some());
        held.clear();
        assert!(places.taken().addresses.is_empty());
        assert_eq!(places.taken().handshakes, 0);
    }

    #[test]
    fn an_address_of_ipv6_is_its_first_64_bits() {
        assert_eq!(address(from("2001:db8:1:2:3:4:5:6")), from("2001:db8:1:2::"));
        assert_ne!(address(from("2001:db8:1:3::")), address(from("2001:db8:1:2::")));
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
