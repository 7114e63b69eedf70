//! How much of the door anybody may take. Before a certificate is known, places are counted by the
//! network that a connection comes from; after it, by whom the certificate names, so that neither a
//! network nor a provider keeps the others out. It counts and refuses to know sockets and messages.

mod crowd;
mod familiar;
mod handshakes;
mod limits;
pub(crate) mod replies;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use self::crowd::{Crowd, Number};
use self::handshakes::Handshakes;
pub use self::limits::Limits;
pub(crate) use self::limits::descriptors;
use self::limits::{NOBODY, STAFF_CALLS, STAFF_CONNECTIONS, STAFF_REPLIES};
use self::replies::Replies;
use crate::admission::{Bearer, Principal, Role, Word, host};
use crate::quota::shares::{Share, Shares};

/// Whoever places are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Provider(Word),
    Staff(Role, Word),
    Nobody,
}

impl Holder {
    /// Whom a certificate names, if the policy knows them.
    fn of(reader: Option<&Principal>) -> Holder {
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

/// What one holder has of the door.
struct Party {
    connections: usize,
    /// Of these, the ones over which no token has come that is good now, where agents have tokens.
    unproven: Crowd<Tell>,
    /// The connections over which a good token has come.
    proven: HashMap<Number, Proven>,
    calls: Arc<Semaphore>,
    replies: Arc<Replies>,
    /// Of the calls, those without a good token, and how many of these each address has.
    tokenless: Arc<Semaphore>,
    addresses: Arc<Shares<IpAddr>>,
    /// How many calls each agent has that a token names.
    agents: Arc<Shares<[u8; 16]>>,
}

/// A connection over which a good token has come.
struct Proven {
    /// The agent of the token, by [`Agent::digest`].
    agent: [u8; 16],
    /// When the token expires, by the monotonic clock.
    until: Instant,
    tell: Tell,
}

impl Party {
    /// Has a connection given up for one more from this network: one without a good token, one
    /// whose token has expired, or the oldest of an agent who has more than so many.
    fn give_way(&mut self, network: IpAddr, share: usize, now: Instant) -> Option<Tell> {
        self.unproven.ripen(now);
        if let Some(tell) = self.unproven.give_way(network) {
            return Some(tell);
        }
        let oldest = |of: &dyn Fn(&Proven) -> bool| {
            let of = self.proven.iter().filter(|(_, proven)| of(proven));
            of.map(|(number, _)| *number).min()
        };
        let mut agents: HashMap<[u8; 16], usize> = HashMap::new();
        for proven in self.proven.values() {
            *agents.entry(proven.agent).or_default() += 1;
        }
        let most = agents.into_iter().max_by_key(|(_, held)| *held);
        let over = oldest(&|proven| proven.until <= now);
        let over = over.or_else(|| {
            let (most, _) = most.filter(|(_, held)| *held > share)?;
            oldest(&|proven| proven.agent == most)
        });
        self.proven.remove(&over?).map(|proven| proven.tell)
    }

    /// Frees the place of a connection, unless it was given up before.
    fn leave(&mut self, network: IpAddr, number: Number) -> Option<Tell> {
        let proven = self.proven.remove(&number).map(|proven| proven.tell);
        proven.or_else(|| self.unproven.leave(network, number))
    }
}

#[derive(Default)]
struct Taken {
    /// The number that the next connection gets.
    next: Number,
    connections: usize,
    /// How many of these connections are not of staff.
    outside: usize,
    /// What each holder has; there are as many as the policy knows, and `Nobody`.
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
}

/// The places of the door, and who has taken them.
pub(crate) struct Places {
    limits: Limits,
    handshakes: Mutex<Handshakes<Tell>>,
    taken: Mutex<Taken>,
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Places {
        let handshakes = Mutex::new(Handshakes::new(limits.room()));
        Places { limits, handshakes, taken: Mutex::default() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A place to shake hands in, if there is one or if one is given up for it.
    pub(crate) fn handshake(self: &Arc<Self>, from: IpAddr, now: Instant) -> Option<Handshake> {
        let (tell, given_up) = oneshot::channel();
        let taken = self.handshakes.lock().enter(host(from), now, tell)?;
        let given_up = GivenUp(Some(given_up));
        Some(Handshake { places: self.clone(), taken, given_up })
    }

    /// Somebody whom the policy knows has shaken hands: they find a place from there for an hour.
    /// Where agents have tokens a certificate alone does not show that, and [`Connection::prove`]
    /// does.
    pub(crate) fn see(&self, reader: &Principal, from: IpAddr, now: Instant) {
        if reader.has_agents() {
            return;
        }
        self.handshakes.lock().see(&Holder::of(Some(reader)), host(from), now);
    }

    /// A connection for whom the certificate names, if the policy knows them. Where agents have
    /// tokens, one over which no token has come that is good now gives way to a new one of the same
    /// provider, and so does the oldest of an agent who has more than a share of them.
    pub(crate) fn connection(
        self: &Arc<Self>,
        reader: Option<&Principal>,
        from: IpAddr,
        now: Instant,
    ) -> Option<(Connection, GivenUp)> {
        let (holder, network) = (Holder::of(reader), host(from));
        let has_agents = reader.is_some_and(Principal::has_agents);
        let Limits { provider_connections, provider_calls, provider_replies_mib, .. } = self.limits;
        let (share, calls, mib) = match holder {
            Holder::Provider(_) => (provider_connections, provider_calls, provider_replies_mib),
            Holder::Staff(..) => (STAFF_CONNECTIONS, STAFF_CALLS, STAFF_REPLIES),
            // They are told that they are nobody, and nothing else.
            Holder::Nobody => (NOBODY.min(provider_connections), NOBODY, 1),
        };
        let mut taken = self.taken.lock();
        let full = !taken.has_room(&self.limits, &holder);
        // It stays when its last connection goes: calls may outlive that by a moment.
        let party = taken.parties.entry(holder.clone()).or_insert_with(|| Party {
            connections: 0,
            unproven: Crowd::default(),
            proven: HashMap::new(),
            calls: Arc::new(Semaphore::new(calls)),
            tokenless: Arc::new(Semaphore::new(self.limits.tokenless())),
            addresses: Shares::of(part(self.limits.tokenless())),
            agents: Shares::of(part(calls)),
            replies: Arc::new(Replies::new(mib << 20)),
        });
        if full || party.connections >= share {
            // It counts no more, whenever it goes.
            drop(party.give_way(network, part(share), now)?);
            party.connections -= 1;
            taken.free(&holder);
        }
        let number = taken.next;
        taken.next += 1;
        taken.take(&holder);
        let (tell, told) = oneshot::channel();
        let party = taken.parties.get_mut(&holder)?;
        party.connections += 1;
        let told = has_agents.then(|| {
            party.unproven.enter(network, number, now, tell);
            told
        });
        let (calls, tokenless) = (party.calls.clone(), party.tokenless.clone());
        let (addresses, agents) = (party.addresses.clone(), party.agents.clone());
        let replies = party.replies.clone();
        drop(taken);
        let connection = Connection {
            places: self.clone(),
            holder,
            network,
            number,
            has_agents,
            proven_until: AtomicU64::new(0),
            calls,
            tokenless,
            addresses,
            agents,
            replies,
        };
        Some((connection, GivenUp(told)))
    }

    /// Connections and handshakes that are open.
    pub(crate) fn taken_now(&self) -> (usize, usize) {
        (self.taken().connections, self.handshakes().held())
    }

    fn handshakes(&self) -> MutexGuard<'_, Handshakes<Tell>> {
        self.handshakes.lock()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock()
    }
}

/// A place for one handshake; dropped, it is free.
pub(crate) struct Handshake {
    places: Arc<Places>,
    taken: handshakes::Taken,
    given_up: GivenUp,
}

impl Handshake {
    /// Whether somebody known has come from the same network of late.
    pub(crate) fn is_familiar(&self) -> bool {
        self.taken.familiar
    }

    /// Whether the place was given up to somebody else.
    pub(crate) fn given_up(&mut self) -> &mut GivenUp {
        &mut self.given_up
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.places.handshakes.lock().leave(self.taken);
    }
}

/// A place for one connection; dropped, it is free.
pub(crate) struct Connection {
    places: Arc<Places>,
    holder: Holder,
    network: IpAddr,
    number: Number,
    /// Whether good tokens must come over it.
    has_agents: bool,
    /// Until when the tokens that came are good, Unix seconds; 0 if none is. It changes with the
    /// places that are taken, under their lock.
    proven_until: AtomicU64,
    calls: Arc<Semaphore>,
    tokenless: Arc<Semaphore>,
    addresses: Arc<Shares<IpAddr>>,
    agents: Arc<Shares<[u8; 16]>>,
    replies: Arc<Replies>,
}

/// An agent, as far as places are concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agent {
    /// The digest of the agent, as [`Bearer::digest`] has it.
    digest: [u8; 16],
    /// When the token expires, Unix seconds.
    until: u64,
}

impl Agent {
    /// The agent of a good token.
    pub(crate) fn of(bearer: &Bearer) -> Agent {
        Agent { digest: bearer.digest(), until: bearer.until() }
    }
}

/// What a call shows of who makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallCredential {
    /// The certificate, and that is enough.
    Certificate,
    /// A good token, and the agent whom it vouches for.
    Token(Agent),
    /// No good token, where agents have some.
    Nothing,
}

/// Whose places are all taken, so that there is none for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlacesFull {
    /// All places of the provider, or of the member of staff, are taken.
    Holder,
    /// All places of one agent, a share of its provider's, are taken.
    Agent,
    /// All places for calls without a good token, or one address's share of them, are taken.
    Tokenless,
}

/// The places that one call has taken, free again when this is dropped.
pub(crate) struct Call {
    _call: OwnedSemaphorePermit,
    _tokenless: Option<(OwnedSemaphorePermit, Share<IpAddr>)>,
    _agent: Option<Share<[u8; 16]>>,
}

/// What one agent may have of its provider's places, or one address of those for calls without a
/// token.
fn part(of: usize) -> usize {
    of.div_ceil(4)
}

impl Connection {
    /// A place for one call, of those that its holder has.
    pub(crate) fn call(&self, shows: CallCredential) -> Result<Call, PlacesFull> {
        let tokenless = match shows {
            CallCredential::Certificate | CallCredential::Token(_) => None,
            CallCredential::Nothing => {
                let share = self.addresses.take(self.network).ok_or(PlacesFull::Tokenless)?;
                let place = self.tokenless.clone().try_acquire_owned();
                Some((place.map_err(|_| PlacesFull::Tokenless)?, share))
            }
        };
        let agent = match shows {
            CallCredential::Token(agent) => {
                Some(self.agents.take(agent.digest).ok_or(PlacesFull::Agent)?)
            }
            CallCredential::Certificate | CallCredential::Nothing => None,
        };
        let call = self.calls.clone().try_acquire_owned().map_err(|_| PlacesFull::Holder)?;
        Ok(Call { _call: call, _tokenless: tokenless, _agent: agent })
    }

    /// A good token has come over it: until that expires it gives way to nobody, unless its agent
    /// has more than a share. Who comes from its network is familiar from here on.
    pub(crate) fn prove(&self, agent: Agent) {
        let until = agent.until;
        if !self.has_agents || self.proven_until.load(Ordering::Relaxed) >= until {
            return;
        }
        let (now, unix) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH));
        let left = Duration::from_secs(until).saturating_sub(unix.unwrap_or_default());
        let mut taken = self.places.taken.lock();
        let Some(party) = taken.parties.get_mut(&self.holder) else { return };
        // Unless it had to give way already.
        let Some(tell) = party.leave(self.network, self.number) else { return };
        let proven = Proven { agent: agent.digest, until: now + left, tell };
        party.proven.insert(self.number, proven);
        let first = self.proven_until.swap(until, Ordering::Relaxed) == 0;
        drop(taken);
        if first {
            self.places.handshakes().see(&self.holder, self.network, now);
        }
    }

    /// A bad token has come over it: whatever came before, it gives way.
    pub(crate) fn disprove(&self) {
        if self.proven_until.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut taken = self.places.taken();
        self.proven_until.store(0, Ordering::Relaxed);
        let Some(party) = taken.parties.get_mut(&self.holder) else { return };
        if let Some(proven) = party.proven.remove(&self.number) {
            party.unproven.enter_again(self.network, self.number, proven.tell);
        }
    }

    /// The room that its holder has for replies.
    pub(crate) fn replies(&self) -> &Arc<Replies> {
        &self.replies
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        let Some(party) = taken.parties.get_mut(&self.holder) else { return };
        if self.has_agents && party.leave(self.network, self.number).is_none() {
            // It was given up, and counts no more.
            return;
        }
        party.connections -= 1;
        taken.free(&self.holder);
    }
}

/// Whether a place was given up.
pub(crate) struct GivenUp(Option<oneshot::Receiver<Infallible>>);

impl GivenUp {
    /// Returns when the place is given up, which may be never.
    pub(crate) async fn told(&mut self) {
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

#[cfg(test)]
mod tests;
