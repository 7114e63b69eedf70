//! What the calls of one connection share: whose it is, its place, and how many streams are open.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::admission::{Bearer, Peer, Word};
use crate::places;
use crate::service::Shared;
use crate::service::grpc::services::Services;
use crate::service::grpc::status::ApiError;

/// Open streams from which on replies are worth waiting for one another. It costs a turn of the
/// runtime, and with two calls on each of four connections it saved nothing that could be measured.
const SEVERAL: usize = 4;

/// What is shared by the calls of one connection.
pub(in crate::service) struct OpenConnection {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: Arc<Peer>,
    /// The place of the connection; none if there was none to have: then every call is told so.
    pub(super) place: Option<places::Connection>,
    pub(super) services: Arc<Services>,
    streams: Mutex<OpenStreams>,
}

struct OpenStreams {
    open: usize,
    /// Since when it is as many.
    since: Instant,
    /// How many of these are tails: they alone may go on after a goodbye.
    tails: usize,
}

impl OpenConnection {
    pub(in crate::service) fn new(
        shared: Arc<Shared>,
        peer: Peer,
        place: Option<places::Connection>,
        services: Arc<Services>,
    ) -> Arc<OpenConnection> {
        let streams = Mutex::new(OpenStreams { open: 0, since: Instant::now(), tails: 0 });
        Arc::new(OpenConnection { shared, peer: Arc::new(peer), place, services, streams })
    }

    /// One more stream, until this is dropped.
    pub(in crate::service) fn open(self: &Arc<Self>) -> OpenStream {
        self.streams().open += 1;
        OpenStream(self.clone())
    }

    /// One of the open streams is a tail, until this is dropped.
    pub(in crate::service) fn tail(self: &Arc<Self>) -> OpenTail {
        self.streams().tails += 1;
        OpenTail(self.clone())
    }

    pub(in crate::service) fn stopping(&self) -> watch::Receiver<bool> {
        self.shared.stopping.subscribe()
    }

    /// Counts a refusal under the certificate of the peer, and makes its status.
    pub(in crate::service) fn refuse(&self, fault: ApiError) -> Status {
        self.shared.refuse_peer(&self.peer, fault)
    }

    /// The same of a call or a connection over which no good token came, or of one more call of an
    /// agent who has its share.
    pub(in crate::service) fn turn_away(&self, fault: ApiError, bearer: Option<&Bearer>) -> Status {
        let Shared { pressure, warnings, rooms, .. } = &*self.shared;
        let tag = |provider: &Word| bearer.map(|bearer| rooms.tag(provider, bearer));
        pressure.turned_away(&self.peer, tag, Instant::now(), warnings);
        self.refuse(fault)
    }

    fn streams(&self) -> MutexGuard<'_, OpenStreams> {
        self.streams.lock()
    }

    /// Whether several streams of the connection are open.
    pub(super) fn busy(&self) -> bool {
        self.streams().open >= SEVERAL
    }

    /// Whether no stream that is open is a tail.
    pub(super) fn has_no_tails(&self) -> bool {
        self.streams().tails == 0
    }

    /// Since when nothing has been going on.
    pub(super) fn quiet(&self) -> Option<Instant> {
        let streams = self.streams();
        (streams.open == 0).then_some(streams.since)
    }
}

/// A stream that is open, counted until this is dropped.
pub(in crate::service) struct OpenStream(Arc<OpenConnection>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut streams = self.0.streams();
        streams.open -= 1;
        streams.since = Instant::now();
    }
}

/// A tail that is open, counted until this is dropped.
pub(in crate::service) struct OpenTail(Arc<OpenConnection>);

impl Drop for OpenTail {
    fn drop(&mut self) {
        self.0.streams().tails -= 1;
    }
}
