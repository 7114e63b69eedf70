//! How much of the door anybody may take. Before a certificate is known, places are counted by the
//! network that a connection comes from; after it, by whom the certificate names, so that neither a
//! network nor a provider keeps the others out. It counts and refuses to know sockets and messages.

mod crowd;
mod familiar;
mod handshakes;
mod limits;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use self::crowd::{Crowd, Number};
use self::handshakes::Handshakes;
pub use self::limits::Limits;
pub(super) use self::limits::descriptors;
use self::limits::{NOBODY, STAFF_CALLS, STAFF_CONNECTIONS, STAFF_REPLIES};
use super::replies::Replies;
use crate::admission::{Reader, Role, Word};

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

    fn is_staff(&self) -> bool {
        matches!(self, Holder::Staff(..))
    }
}

/// Told by being dropped: the place was given up.
type Tell = oneshot::Sender<Infallible>;

/// What one holder has.
struct Party {
    connections: usize,
    /// Of these, the ones over which no good token has come so far, where agents have tokens.
    unproven: Crowd<Tell>,
    calls: Arc<Semaphore>,
    replies: Arc<Replies>,
    /// ... of them for calls without a good token.
    tokenless: Arc<Semaphore>,
}

#[derive(Default)]
struct Taken {
    /// Number of the next connection.
    next: Number,
    connections: usize,
    /// Of these, all but staff's.
    outside: usize,
    /// As many as the policy knows, and `Nobody`.
    parties: HashMap<Holder, Party>,
}

impl Taken {
    /// Whether there is room for one more of theirs in the whole.
    fn has_room(&self, limits: &Limits, holder: &Holder) -> bool {
        let open = limits.connections - limits.reserve();
        self.connections < limits.connections && (holder.is_staff() || self.outside < open)
    }

    fn take(&mut self, holder: &Holder) {
        self.connections += 1;
        self.outside += usize::from(!holder.is_staff());
    }

    fn free(&mut self, holder: &Holder) {
        self.connections -= 1;
        self.outside -= usize::from(!holder.is_staff());
    }

    fn party(&mut self, holder: &Holder) -> Option<&mut Crowd<Tell>> {
        self.parties.get_mut(holder).map(|party| &mut party.unproven)
    }
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
        let given_up = GivenUp(Some(given_up));
        Some(Handshake { places: self.clone(), taken, given_up })
    }

    /// Somebody whom the policy knows has shaken hands: they find a place from there for an hour.
    pub(super) fn see(&self, reader: &Reader, from: IpAddr, now: Instant) {
        self.handshakes().see(&Holder::of(Some(reader)), network(from), now);
    }

    /// A connection for whom the certificate names, if the policy knows them. Where agents have tokens,
    /// one over which no good token has come gives way to a new one of the same provider.
    pub(super) fn connection(
        self: &Arc<Self>,
        reader: Option<&Reader>,
        from: IpAddr,
        now: Instant,
    ) -> Option<(Connection, GivenUp)> {
        let (holder, network) = (Holder::of(reader), network(from));
        let proven = reader.is_none_or(|reader| !reader.has_agents());
        let Limits { provider_connections, provider_calls, provider_replies_mib, .. } = self.limits;
        let (share, calls, mib) = match holder {
            Holder::Provider(_) => (provider_connections, provider_calls, provider_replies_mib),
            Holder::Staff(..) => (STAFF_CONNECTIONS, STAFF_CALLS, STAFF_REPLIES),
            // They are told that they are nobody, and nothing else.
            Holder::Nobody => (NOBODY.min(provider_connections), NOBODY, 1),
        };
        let mut taken = self.taken();
        let full = !taken.has_room(&self.limits, &holder);
        // It stays when its last connection goes: calls may outlive that by a moment.
        let party = taken.parties.entry(holder.clone()).or_insert_with(|| Party {
            connections: 0,
            unproven: Crowd::default(),
            calls: Arc::new(Semaphore::new(calls)),
            tokenless: Arc::new(Semaphore::new(self.limits.tokenless())),
            replies: Arc::new(Replies::new(mib << 20)),
        });
        party.unproven.ripen(now);
        if full || party.connections >= share {
            // It counts no more, whenever it goes.
            drop(party.unproven.give_way(network)?);
            party.connections -= 1;
            taken.free(&holder);
        }
        let number = taken.next;
        taken.next += 1;
        taken.take(&holder);
        let (tell, told) = oneshot::channel();
        let party = taken.parties.get_mut(&holder)?;
        party.connections += 1;
        let told = (!proven).then(|| {
            party.unproven.enter(network, number, now, tell);
            told
        });
        let (calls, tokenless) = (party.calls.clone(), party.tokenless.clone());
        let replies = party.replies.clone();
        drop(taken);
        let proven = if proven { None.into() } else { OnceLock::new() };
        let places = self.clone();
        let connection =
            Connection { places, holder, network, number, proven, calls, tokenless, replies };
        Some((connection, GivenUp(told)))
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
    given_up: GivenUp,
}

impl Handshake {
    /// Whether somebody known has come from the same network of late.
    pub(super) fn is_familiar(&self) -> bool {
        self.taken.familiar
    }

    /// Whether the place was given up to somebody else.
    pub(super) fn given_up(&mut self) -> &mut GivenUp {
        &mut self.given_up
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
    network: IpAddr,
    number: Number,
    /// Set when a good token has come over it, or need not: with what would have told of its being given
    /// up, which is not to be told.
    proven: OnceLock<Option<Tell>>,
    calls: Arc<Semaphore>,
    tokenless: Arc<Semaphore>,
    replies: Arc<Replies>,
}

/// Places for one call.
pub(super) struct Call {
    _call: OwnedSemaphorePermit,
    _tokenless: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// A place for one call, of those that its holder has: any of them if it comes with a good token, or
    /// need not.
    pub(super) fn call(&self, good: bool) -> Option<Call> {
        let tokenless = match good {
            true => None,
            false => Some(self.tokenless.clone().try_acquire_owned().ok()?),
        };
        let call = self.calls.clone().try_acquire_owned().ok()?;
        Some(Call { _call: call, _tokenless: tokenless })
    }

    /// A good token has come over it: it gives way to nobody any more.
    pub(super) fn prove(&self) {
        if self.proven.get().is_some() {
            return;
        }
        let mut taken = self.places.taken();
        // Unless it had to already.
        let left = taken.party(&self.holder).and_then(|of| of.leave(self.network, self.number));
        if let Some(tell) = left {
            // Nobody else sets it: who leaves, leaves once.
            let _ = self.proven.set(Some(tell));
        }
    }

    /// The room that its holder has for replies.
    pub(super) fn replies(&self) -> &Arc<Replies> {
        &self.replies
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        let unproven = self.proven.get().is_none();
        let left = taken.party(&self.holder).and_then(|of| of.leave(self.network, self.number));
        if unproven && left.is_none() {
            // It was given up, and counts no more.
            return;
        }
        taken.free(&self.holder);
        if let Some(party) = taken.parties.get_mut(&self.holder) {
            party.connections -= 1;
        }
    }
}

/// Whether a place was given up.
pub(super) struct GivenUp(Option<oneshot::Receiver<Infallible>>);

impl GivenUp {
    /// Returns when it is.
    pub(super) async fn told(&mut self) {
        match &mut self.0 {
            Some(told) => {
                let Err(_dropped) = told.await;
                // It is told once.
                self.0 = None;
            }
            None => std::future::pending().await,
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

#[cfg(test)]
mod tests;
