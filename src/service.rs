//! The server: everything is bound before anything is announced, and drained before it ends. The
//! path of a read is in [`read`]; the rest of this room turns sockets and messages into it.

pub mod door;
mod grpc;
pub mod policy;
pub mod read;
pub mod tasks;
pub mod watch;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::{Receiver, Sender};
use tokio::time::Instant;
use tonic::{Request, Status as GrpcStatus};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::admission::{AdmissionError, Ask, Peer, PresentedToken, Principal, Role};
use crate::log::Log;
use crate::places;
use crate::places::replies::{Replies, Room};
use crate::places::{Limits, Places};
use crate::registrar::Status;
use crate::source::{Query, Release};
use door::open_connection::OpenConnection;
use door::{connection, pressure, refusals, tls};
use grpc::services::{self, Services};
use grpc::status::ApiError;
use grpc::tail::TailPlaces;
use read::{ReadError, ReadPath};
use tasks::Tasks;
use watch::sizes::LedgerFile;
use watch::warnings::Warnings;
use watch::{clock, expiry, extract, keys, latency, rosters, sizes};

/// Largest size of a request message, in bytes.
const MESSAGE: usize = 64 << 10;
/// How long calls may take to end when the daemon stops.
const DRAIN: Duration = Duration::from_secs(10);
/// Time between two lines of the log that say that connections cannot be accepted.
const UNACCEPTED: Duration = Duration::from_secs(60);

/// What all calls share: the path of a read, the counts and the places.
struct Shared {
    rooms: ReadPath,
    tally: refusals::Tally,
    places: Arc<Places>,
    warned: expiry::Warned,
    warnings: Warnings,
    pressure: pressure::Pressure,
    certificates: expiry::Certificates,
    /// The certificate that the door shows.
    own: Receiver<Option<expiry::Own>>,
    sizes: sizes::Sizes,
    latency: latency::Latency,
    tails: TailPlaces,
    log: Log,
    /// Says so when the daemon stops: what would go on for ever must end by itself. Whatever must
    /// have ended before the daemon does, listens.
    stopping: Sender<bool>,
}

impl Shared {
    /// Who is on the other side of the connection that a request came over.
    fn peer<'a, T>(&self, request: &'a Request<T>) -> Result<&'a Peer, GrpcStatus> {
        let peer = request.extensions().get::<Arc<Peer>>();
        // Every connection inserts it; without it there is nobody to answer.
        let peer = peer.map(Arc::as_ref);
        peer.ok_or_else(|| ApiError::internal("the caller is not known").status())
    }

    /// Reads, and keeps how long that took.
    async fn read(
        &self,
        caller: (&Peer, &PresentedToken<'_>),
        ask: &Ask,
        query: &Query,
    ) -> Result<Release, ReadError> {
        let began = Instant::now();
        let release = self.rooms.read(caller, ask, query).await;
        if let Ok(release) = &release {
            self.latency.observe(release.reply.is_ok(), began.elapsed());
        }
        release
    }

    /// Room for a reply of at most so many rows, for whoever calls.
    async fn room(
        &self,
        peer: &Peer,
        replies: Option<&Arc<Replies>>,
        rows: u64,
    ) -> Result<Room, GrpcStatus> {
        // Every connection that has a place inserts it; without one no call comes so far.
        let replies = replies.ok_or_else(|| ApiError::internal("there is no place").status())?;
        let room = replies.room_soon(rows).await;
        room.ok_or_else(|| self.refuse_peer(peer, ApiError::replies_full()))
    }

    /// Who calls, if it is one of these roles and does not call too often.
    fn reader<T>(&self, request: &Request<T>, roles: &[Role]) -> Result<Principal, GrpcStatus> {
        self.reader_of(self.peer(request)?, roles)
    }

    /// The member of staff whom this peer is, if the policy knows one of these roles for it and its
    /// rate allows the call.
    fn reader_of(&self, peer: &Peer, roles: &[Role]) -> Result<Principal, GrpcStatus> {
        let policy = self.rooms.policies.now();
        let admitted = Principal::admit(peer, &policy.terms, roles, SystemTime::now());
        let reader = admitted.map_err(|refused| self.refuse_peer(peer, (&refused).into()))?;
        let taken = policy.quota.take_reader(&reader);
        taken.map_err(|limited| self.refuse_peer(peer, (&limited).into()))?;
        Ok(reader)
    }

    /// Holds a peer against the policy at this moment.
    fn admit(&self, peer: &Peer, roles: &[Role]) -> Result<Principal, GrpcStatus> {
        let policy = self.rooms.policies.now();
        let admitted = Principal::admit(peer, &policy.terms, roles, SystemTime::now());
        admitted.map_err(|refused| self.refuse_peer(peer, (&refused).into()))
    }

    /// A refusal with whom to call about it.
    fn calling(&self, fault: ApiError) -> ApiError {
        fault.calling(self.rooms.policies.now().terms.contact.as_deref())
    }

    /// Who a peer is, if the policy knows it at this moment, whatever its role.
    fn known(&self, peer: &Peer) -> Result<Principal, AdmissionError> {
        let now = SystemTime::now();
        let policy = self.rooms.policies.now();
        let reader = Principal::admit(peer, &policy.terms, &Role::ALL, now)?;
        self.warned.look(peer, now, &self.warnings);
        Ok(reader)
    }

    /// Counts a refusal under the certificate of the caller, and makes its status.
    fn refuse<T>(&self, request: &Request<T>, fault: ApiError) -> GrpcStatus {
        match self.peer(request) {
            Ok(peer) => self.refuse_peer(peer, fault),
            Err(_) => fault.status(),
        }
    }

    fn refuse_peer(&self, peer: &Peer, fault: ApiError) -> GrpcStatus {
        self.tally.call(peer, fault.reason());
        fault.status()
    }
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// Reflection could not be set up.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The ledger cannot be taken up again.
    #[error("the ledger is out of use: {0}")]
    Ledger(String),
    /// A task that the gateway cannot do without died again and again.
    #[error("the task `{0}` died twice within a minute, and the log tells where: please report it")]
    Task(&'static str),
}

/// A server that is ready to run.
pub struct Server {
    door: Arc<tls::Door>,
    services: Arc<Services>,
    shared: Arc<Shared>,
    health: HealthReporter,
}

impl Server {
    /// Sets everything up; nothing is accepted yet. `ledger_file` is read for receipts, and the
    /// figures tell how many lines the log has lost.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn new(
        rooms: ReadPath,
        tls: &tls::TlsSettings,
        limits: Limits,
        ledger_file: LedgerFile,
        log: Log,
    ) -> Result<Server, ServeError> {
        let trust_domain = rooms.policies.now().terms.trust_domain.clone();
        let door = Arc::new(tls::Door::new(tls, trust_domain)?);
        let shared = Arc::new(Shared {
            tally: refusals::Tally::new(rooms.ledger.clock().clone()),
            warnings: Warnings::new(rooms.ledger.clone()),
            rooms,
            places: Arc::new(Places::new(fitting(limits))),
            warned: expiry::Warned::default(),
            pressure: pressure::Pressure::default(),
            certificates: expiry::Certificates::default(),
            own: door.own(),
            log,
            sizes: sizes::Sizes::new(ledger_file.clone()),
            latency: latency::Latency::default(),
            tails: TailPlaces::default(),
            stopping: Sender::new(false),
        });
        let (services, health) = Services::new(&shared, ledger_file.path)?;
        Ok(Server { door, services: Arc::new(services), shared, health })
    }

    /// Serves until `shutdown` says so, the ledger is out of use or one of the tasks is given up;
    /// then lets calls end.
    ///
    /// # Errors
    /// [`ServeError::Ledger`] and [`ServeError::Task`].
    pub async fn run(
        mut self,
        listener: TcpListener,
        mut tasks: Tasks,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let mut status = self.shared.rooms.ledger.status();
        let now = status.borrow_and_update().clone();
        announce(&self.health, &now).await;
        let mut shutdown = std::pin::pin!(shutdown);
        let mut said: Option<Instant> = None;
        let ended = loop {
            tokio::select! {
                name = tasks.given_up() => break Err(ServeError::Task(name)),
                accepted = listener.accept() => match accepted {
                    Ok((stream, from)) => self.connection(stream, from),
                    // Whoever came is gone again: the next one waits.
                    Err(error) if is_of_one(&error) => {}
                    Err(error) => {
                        // Out of file descriptors, as a rule: waiting lets some be freed.
                        if said.is_none_or(|said| said.elapsed() > UNACCEPTED) {
                            said = Some(Instant::now());
                            tracing::warn!(%error, "connections cannot be accepted");
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                stopped = follow(&mut status, &self.health) => {
                    if let Some(why) = stopped { break Err(ServeError::Ledger(why)) }
                }
                () = &mut shutdown => break Ok(()),
            }
        };
        drop(listener);
        self.shared.stopping.send_replace(true);
        for service in services::NAMES {
            self.health.set_service_status(service, ServingStatus::NotServing).await;
            // Who watches has been told, and must not keep the drain waiting.
            self.health.clear_service_status(service).await;
        }
        extract::clear(&self.shared, &mut self.health).await;
        if tokio::time::timeout(DRAIN, self.shared.stopping.closed()).await.is_err() {
            tracing::warn!("calls were still open after the time to drain");
        }
        self.shared.tally.finish().await;
        // A task drops what it holds of the ledger only when it has ended.
        tasks.stop().await;
        self.shared.warnings.finish().await;
        ended
    }

    /// Begins what the server does besides serving. The first look at the rosters has ended before
    /// anything is served; if it failed the log tells, and the watch looks again until it can.
    pub async fn begin(&self, tasks: &mut Tasks) {
        let watch = rosters::Watch::default();
        // Whoever keeps it up looks again, and tells.
        let _ = watch.look(&self.shared).await;
        let shared = self.shared.clone();
        tasks.run("refusals", move || {
            let shared = shared.clone();
            async move { shared.tally.keep(&shared.rooms.ledger).await }
        });
        let shared = self.shared.clone();
        tasks.run("rosters", move || rosters::keep(watch.clone(), shared.clone()));
        let (shared, health) = (self.shared.clone(), self.health.clone());
        tasks.run("records", move || extract::keep(shared.clone(), health.clone()));
        let shared = self.shared.clone();
        tasks.run("keys", move || keys::keep(shared.clone()));
        let shared = self.shared.clone();
        tasks.run("sizes", move || sizes::keep(shared.clone()));
        let ledger = self.shared.rooms.ledger.clone();
        tasks.run("clock", move || clock::keep(ledger.clone()));
        let warnings = self.warnings();
        tasks.run("warnings", move || warnings.clone().keep());
        let (own, warnings) = (self.shared.own.clone(), self.warnings());
        tasks.run("expiry", move || expiry::watch(own.clone(), warnings.clone()));
        let (door, warnings) = (self.door.clone(), self.warnings());
        tasks.run("certificates", move || tls::keep(door.clone(), warnings.clone()));
    }

    /// Takes what somebody should look at, for the ledger.
    pub fn warnings(&self) -> Warnings {
        self.shared.warnings.clone()
    }

    /// Takes a connection in if there is a place to shake hands in, and serves it if there is one
    /// for whom its certificate names. Until then it holds the first place, and may have to give it
    /// up.
    fn connection(&self, stream: TcpStream, from: SocketAddr) {
        let Some(mut place) = self.shared.places.handshake(from.ip(), Instant::now()) else {
            self.shared.tally.crowded_out();
            return;
        };
        let (door, services, shared) =
            (self.door.clone(), self.services.clone(), self.shared.clone());
        let mut stopping = shared.stopping.subscribe();
        tokio::spawn(async move {
            let familiar = place.is_familiar();
            let opened = tokio::select! {
                opened = door.open(stream, from, familiar) => opened,
                () = place.given_up().told() => return shared.tally.crowded_out(),
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            let (stream, peer) = match opened {
                Ok(opened) => opened,
                Err(tls::Unopened::Silent) => return shared.tally.silent(),
                Err(tls::Unopened::Failed(error)) => {
                    tracing::debug!(%error, "a handshake failed");
                    return shared.tally.handshake();
                }
            };
            let reader = shared.known(&peer).ok();
            if let Some(reader) = &reader {
                shared.certificates.see(&peer, SystemTime::now());
                shared.places.see(reader, from.ip(), Instant::now());
            }
            let now = Instant::now();
            match shared.places.connection(reader.as_ref(), from.ip(), now) {
                Some((connection, mut given_up)) => {
                    drop(place);
                    let line = OpenConnection::new(shared, peer, Some(connection), services);
                    if connection::serve(stream, &line, &mut given_up).await {
                        line.turn_away(ApiError::connections_full(), None);
                    }
                }
                // It is told so, as long as nobody needs the place that it shook hands in.
                None => {
                    let line = OpenConnection::new(shared, peer, None, services);
                    match reader {
                        Some(reader) if reader.has_agents() => {
                            line.turn_away(ApiError::connections_full(), None)
                        }
                        _ => line.refuse(ApiError::connections_full()),
                    };
                    connection::serve(stream, &line, place.given_up()).await;
                }
            }
        });
    }
}

/// Whether it is the fault of the connection that was to be accepted, and not of this machine.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The limits, or those that the system's number of open files allows.
fn fitting(limits: Limits) -> Limits {
    let Some(files) = places::descriptors() else { return limits };
    let fitting = limits.clone().within(files);
    if fitting != limits {
        tracing::warn!(
            files,
            connections = fitting.connections,
            wanted = limits.connections,
            "fewer connections than the configuration wants: raise LimitNOFILE, or `ulimit -n`"
        );
    }
    fitting
}

/// Waits for news of the ledger and tells them; why it is out of use for good, if it is.
async fn follow(status: &mut Receiver<Status>, health: &HealthReporter) -> Option<String> {
    if status.changed().await.is_err() {
        return Some("its thread ended".to_owned());
    }
    let now = status.borrow_and_update().clone();
    announce(health, &now).await;
    if let Status::Stopped(why) = now { Some(why) } else { None }
}

async fn announce(health: &HealthReporter, status: &Status) {
    let serving = match status {
        Status::Writable => ServingStatus::Serving,
        Status::Unwritable(_) | Status::Stopped(_) => ServingStatus::NotServing,
    };
    for service in services::NAMES {
        health.set_service_status(service, serving).await;
    }
}
