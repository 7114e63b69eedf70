//! Delivery: follows a gateway's ledger and tells receivers of its alerts, warnings and acts; a process of its
//! own, so that no receiver ever touches the gateway. For each receiver there is a courier, with a tail, a place in the
//! ledger and a thread of its own.
//!
//! At least once, in order within an incident, the gravest first; what a receiver refuses for good is kept apart
//! and told by the others.

mod courier;
mod dispatch;
mod form;
mod lanes;
mod receiver;
pub mod settings;
mod spool;

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};

use crate::client::ClientSettings;
use crate::client::tail::{Denounced, Tail};
use crate::files;
use crate::format::checkpoint::{BadNote, VerifierKey};
use courier::{Courier, Say, Told};
pub use dispatch::Gravity;
use dispatch::Sender;
use receiver::Receiver;
pub use receiver::ReceiverError;
use settings::DeliverySettings;
use spool::Spool;
pub use spool::{SpoolCounts, SpoolError};

/// Why a delivery cannot begin, or go on.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// A file or folder of its own cannot be used.
    #[error("{}: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The error that the system gives.
        error: std::io::Error,
    },
    /// Another process delivers from this folder.
    #[error("{}: another `greffier deliver` uses this folder", .0.display())]
    Busy(PathBuf),
    /// The file of the ledger's key holds none.
    #[error("{}: it holds no verifier key", .0.display())]
    Key(PathBuf),
    /// A receiver cannot be used as it is set.
    #[error("receiver.{name}: {error}")]
    Receiver {
        /// Its name.
        name: String,
        /// What is wrong.
        error: ReceiverError,
    },
    /// A spool cannot be used.
    #[error("{0}")]
    Spool(#[from] SpoolError),
    /// The checkpoint that a spool remembers is not one of this ledger.
    #[error("the checkpoint that is remembered: {0}")]
    Note(#[from] BadNote),
    /// The ledger is not the one that it was.
    #[error(transparent)]
    Denounced(#[from] Denounced),
    /// A courier has ended as none should.
    #[error("the courier of `{0}` broke down")]
    Broken(String),
}

/// A delivery that is ready to begin.
pub struct Delivery {
    couriers: Vec<Ready>,
    /// Held as long as this is: one process at a time.
    _lock: fs::File,
}

/// A courier that has not set out.
struct Ready {
    name: String,
    settings: settings::ReceiverFile,
    sender: Sender,
    spool: Spool,
    gateway: ClientSettings,
    key: VerifierKey,
    receiver: Receiver,
}

fn spool_path(state: &Path, name: &str) -> PathBuf {
    state.join(format!("{name}.sqlite"))
}

/// How the spool of each receiver stands, whether a delivery runs or not; none if there was none yet.
///
/// # Errors
/// [`SpoolError`].
pub fn status(
    settings: &DeliverySettings,
) -> Result<Vec<(String, Option<SpoolCounts>)>, SpoolError> {
    let one = |name: &String| {
        let path = spool_path(&settings.state, name);
        let counts = if path.exists() { Some(spool::counts(&path)?) } else { None };
        Ok((name.clone(), counts))
    };
    settings.receiver.keys().map(one).collect()
}

impl Delivery {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// [`DeliveryError`] says what to change.
    pub fn new(settings: &DeliverySettings) -> Result<Delivery, DeliveryError> {
        // Where this process has none yet; another one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = |path: &Path| {
            let path = path.to_owned();
            move |error| DeliveryError::File { path, error }
        };
        let state = &settings.state;
        // What waits is for its receivers alone.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(file(state))?;
        let lock = state.join("lock");
        let locked = files::lock(&lock).map_err(file(&lock))?;
        let locked = locked.ok_or_else(|| DeliveryError::Busy(state.clone()))?;
        let path = &settings.ledger_key;
        let text = files::read_text(path, files::SMALL).map_err(file(path))?;
        let key: VerifierKey = text.trim().parse().map_err(|_| DeliveryError::Key(path.clone()))?;
        let mut couriers = Vec::new();
        for (name, receiver) in &settings.receiver {
            let spool = Spool::open(&spool_path(state, name), key.name())?;
            // What it remembers must be of this ledger.
            Tail::new(settings.gateway.client(), key.clone(), spool.tail()?)?;
            let bad = |error| DeliveryError::Receiver { name: name.clone(), error };
            couriers.push(Ready {
                name: name.clone(),
                settings: receiver.clone(),
                sender: Sender::new(key.name()),
                receiver: Receiver::new(receiver, key.name()).map_err(bad)?,
                spool,
                gateway: settings.gateway.client(),
                key: key.clone(),
            });
        }
        Ok(Delivery { couriers, _lock: locked })
    }

    /// What receivers refused is to be tried again; how many events that are.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn retry(&mut self) -> Result<u64, SpoolError> {
        self.couriers.iter_mut().map(|courier| courier.spool.retry()).sum()
    }

    /// Delivers until `stop` says so. `say` hears what an operator should know, a sentence at a time.
    ///
    /// # Errors
    /// The first courier's that could not go on; the others are stopped then, and end what is under way.
    pub fn run(
        self,
        stop: Arc<watch::Sender<bool>>,
        say: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<(), DeliveryError> {
        let channels: Vec<(mpsc::Sender<Told>, mpsc::Receiver<Told>)> =
            self.couriers.iter().map(|_| mpsc::channel(64)).collect();
        let senders: Vec<_> = channels.iter().map(|(sender, _)| sender.clone()).collect();
        let say: Say = Arc::new(say);
        let mut threads = Vec::new();
        for (n, (ready, (_, heard))) in self.couriers.into_iter().zip(channels).enumerate() {
            let others = senders.iter().enumerate().filter(|(other, _)| *other != n);
            let others = others.map(|(_, sender)| sender.clone()).collect();
            let (stop, say, name) = (stop.clone(), say.clone(), ready.name.clone());
            let work = move || {
                let name = ready.name.clone();
                let work = || set_out(ready, say, others, heard, stop.subscribe());
                let ended = catch_unwind(AssertUnwindSafe(work));
                let ended = ended.unwrap_or(Err(DeliveryError::Broken(name)));
                if ended.is_err() {
                    let _ = stop.send(true);
                }
                ended
            };
            let thread = std::thread::Builder::new().name(format!("to {name}")).spawn(work);
            let system = |error| DeliveryError::File { path: PathBuf::from(&name), error };
            threads.push((name.clone(), thread.map_err(system)?));
        }
        drop(senders);
        let mut first = Ok(());
        for (name, thread) in threads {
            let ended = thread.join().unwrap_or(Err(DeliveryError::Broken(name)));
            first = first.and(ended);
        }
        first
    }
}

/// One courier's thread.
fn set_out(
    ready: Ready,
    say: Say,
    others: Vec<mpsc::Sender<Told>>,
    heard: mpsc::Receiver<Told>,
    stop: watch::Receiver<bool>,
) -> Result<(), DeliveryError> {
    let Ready { name, settings, sender, spool, gateway, key, receiver } = ready;
    let tail = |state| Tail::new(gateway.clone(), key.clone(), state);
    let system = |error| DeliveryError::File { path: PathBuf::from(&name), error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system)?;
    let (spool, came, went) = (RefCell::new(spool), Notify::new(), Notify::new());
    let courier = Courier { name, settings, sender, spool, came, went, say, others };
    runtime.block_on(courier.run(tail, receiver, heard, stop))
}
