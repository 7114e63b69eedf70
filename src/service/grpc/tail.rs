//! One tail of alerts: whatever lies behind an entry, then whatever comes, and heartbeats. It is a
//! stream that does work only when the connection has room for its next event, so a slow reader
//! costs its place and a cursor: what it has not taken yet waits on the board that all share. One
//! that takes nothing for too long loses its place: see `stream`.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::stream::{Stream, unfold};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Status};

use super::notice::event;
use super::status::ApiError;
use crate::admission::{Peer, Principal, Role, Word};
use crate::format::checkpoint::Checkpoint;
use crate::proto::tail_alerts_response::Event;
use crate::proto::{Heartbeat, TailAlertsRequest, TailAlertsResponse};
use crate::registrar::notices::Notices;
use crate::service::Shared;

/// Time between two heartbeats of a tail.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Time between something that was sent and the heartbeat that covers it.
const SOON: Duration = Duration::from_secs(1);
/// Each tail is up to so much faster, so that a thousand opened at once do not beat at once.
const SPREAD: Duration = Duration::from_secs(1);

/// The roles that may hear of alerts.
pub(in crate::service) const WATCHERS: [Role; 2] = [Role::Security, Role::Auditor];
/// How many tails may be open at once.
const TAILS: usize = 4_096;
/// How many tails one member of staff may have open at once.
const OWN_TAILS: usize = 1_024;

/// The places for tails, in all and for each member of staff.
pub(in crate::service) struct TailPlaces {
    all: Arc<Semaphore>,
    /// The places of each member of staff whom the policy knows.
    own: Mutex<HashMap<(Role, Word), Arc<Semaphore>>>,
}

impl Default for TailPlaces {
    fn default() -> TailPlaces {
        TailPlaces { all: Arc::new(Semaphore::new(TAILS)), own: Mutex::default() }
    }
}

impl TailPlaces {
    /// How many tails are open.
    pub(in crate::service) fn taken(&self) -> u64 {
        (TAILS - self.all.available_permits()) as u64
    }

    /// A place for one more tail of this reader, if there is one.
    pub(in crate::service) fn take(&self, reader: &Principal) -> Option<TailPlace> {
        let own = {
            let mut own = self.own.lock();
            let own = own.entry((reader.role(), reader.id().clone()));
            own.or_insert_with(|| Arc::new(Semaphore::new(OWN_TAILS))).clone()
        };
        let _own = own.try_acquire_owned().ok()?;
        let _of_all = self.all.clone().try_acquire_owned().ok()?;
        Some(TailPlace { _of_all, _own })
    }
}

/// A place for a tail: one of all, and one of the reader's own.
pub(in crate::service) struct TailPlace {
    _of_all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

/// The stream of messages that a tail sends.
pub(in crate::service) type Events =
    Pin<Box<dyn Stream<Item = Result<TailAlertsResponse, Status>> + Send>>;

/// A heartbeat that is due, with the note that it carries.
struct Beat {
    note: Arc<str>,
    /// How many entries the note covers.
    size: u64,
}

/// One tail that is open, and how far it has come.
pub(in crate::service) struct Tail {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    notices: Notices,
    stopping: watch::Receiver<bool>,
    /// The last entry that was sent, or that the caller named.
    cursor: u64,
    /// The last entry that was sent; 0 before.
    sent: u64,
    beat: Option<Beat>,
    next_beat: Instant,
    period: Duration,
    _place: TailPlace,
}

impl Tail {
    pub(in crate::service) fn open(
        shared: &Arc<Shared>,
        request: &Request<TailAlertsRequest>,
        place: TailPlace,
    ) -> Result<Tail, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let now = Instant::now();
        Ok(Tail {
            shared: shared.clone(),
            peer: peer.ok_or_else(|| ApiError::internal("the caller is not known").status())?,
            notices: shared.rooms.ledger.notices(),
            stopping: shared.stopping.subscribe(),
            cursor: request.get_ref().after_entry,
            sent: 0,
            beat: None,
            next_beat: now,
            period: period(),
            _place: place,
        })
    }

    /// The stream; it ends with the first error.
    pub(in crate::service) fn events(self) -> Events {
        Box::pin(unfold(Some(self), async |tail| {
            let mut tail = tail?;
            match tail.event().await {
                Ok(event) => Some((Ok(TailAlertsResponse { event: Some(event) }), Some(tail))),
                Err(status) => Some((Err(status), None)),
            }
        }))
    }

    async fn event(&mut self) -> Result<Event, Status> {
        loop {
            if *self.stopping.borrow() {
                return Err(ApiError::stopping().status());
            }
            if self.beat.is_none() && self.next_beat <= Instant::now() {
                // Whoever may not open a tail any more may not keep one either.
                self.shared.admit(&self.peer, &WATCHERS)?;
                self.shared.certificates.see(&self.peer, SystemTime::now());
                // One that does not yet cover what was sent would seem to take it back.
                let covers = |beat: &Beat| beat.size > self.sent;
                self.beat = beat(self.shared.rooms.ledger.newest()).filter(covers);
                let pause = if self.beat.is_some() { self.period } else { SOON };
                self.next_beat = Instant::now() + pause;
            }
            // Of what the checkpoint of the heartbeat covers, all was on the board before it.
            let next = self.notices.after(self.cursor, 1).pop();
            let next = next.filter(|e| self.beat.as_ref().is_none_or(|beat| e.seq < beat.size));
            if let Some(entry) = next {
                self.cursor = entry.seq;
                if let Some(event) = event(&entry) {
                    self.sent = entry.seq;
                    // The checkpoint that covers it follows closely: then it is held to it.
                    self.next_beat = self.next_beat.min(Instant::now() + SOON);
                    return Ok(event);
                }
                continue;
            }
            if let Some(Beat { note, size }) = self.beat.take() {
                let checkpoint = note.as_ref().to_owned();
                return Ok(Event::Heartbeat(Heartbeat { checkpoint, up_to_entry: size - 1 }));
            }
            tokio::select! {
                biased;
                _ = self.stopping.changed() => {}
                more = self.notices.more() => if !more { return Err(ApiError::stopping().status()) },
                () = sleep_until(self.next_beat) => {}
            }
        }
    }
}

fn beat(note: Arc<str>) -> Option<Beat> {
    let size = Checkpoint::parse(&note).ok()?.size;
    Some(Beat { note, size })
}

/// A period of its own for each tail: multiples of the golden ratio lie evenly however many there
/// are.
fn period() -> Duration {
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let n = OPENED.fetch_add(1, Ordering::Relaxed);
    let spread = u64::try_from(SPREAD.as_millis()).unwrap_or_default();
    HEARTBEAT - Duration::from_millis(n.wrapping_mul(618) % spread)
}
