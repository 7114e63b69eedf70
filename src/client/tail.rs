//! A tail that does not end: it follows alerts, warnings and acts over lost connections and
//! restarts of the gateway, each entry once and in order, and holds every checkpoint that comes
//! with them against the one it remembers.
//!
//! What it goes on from is its [`TailState`]. Keep that after you have dealt with an event, and
//! nothing is lost: a process that ends between the two is given that one event again, and no
//! other.

mod memory;

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::{Client, ClientError, ClientSettings};
use crate::format::checkpoint::{BadNote, Checkpoint, VerifierKey};
use crate::format::entry::Hash;
use crate::proto::tail_alerts_response::Event as Message;
use crate::proto::{
    Act, Alert, GetConsistencyProofRequest, Heartbeat, TailAlertsRequest, TailAlertsResponse,
    Warning,
};
use memory::{Advance, TailMemory};
pub use memory::{BadState, Denounced, TailState};

/// Without a word for so long, not even a heartbeat, a gateway counts as lost.
const SILENCE: Duration = Duration::from_secs(35);
/// How long the gateway may take for the headers of a tail, and for a proof.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two attempts: at first, and at most. Each is shortened by up to half by chance, so that
/// those who lost a gateway together do not come back together.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What a tail has to tell, one thing after another.
#[derive(Debug)]
pub enum Event {
    /// The judge found something and raised an alert.
    Alert(Alert),
    /// Something should be looked at, and a warning says what.
    Warning(Warning),
    /// Somebody decided or acknowledged something, in an act.
    Act(Act),
    /// The gateway lives, and its checkpoint holds.
    Heartbeat {
        /// The gateway's newest checkpoint, whose signature was checked.
        checkpoint: Checkpoint,
        /// Every alert, warning and act up to this entry was sent.
        up_to: u64,
        /// Why it could not be shown, for now, that this ledger goes on from the one remembered.
        unproven: Option<String>,
    },
    /// The gateway is gone, and is being looked for: why.
    Lost(String),
    /// The gateway is there again, and the tail goes on.
    Regained,
}

/// Why a tail ended. One that only lost its gateway does not.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The ledger is not the one that it was: call for help.
    #[error(transparent)]
    Denounced(#[from] Denounced),
    /// The gateway knows the caller and does not let it.
    #[error("{}", .0.message())]
    Refused(Box<Status>),
    /// A file of the caller's own cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Why there is no next message, for now.
enum Gone {
    Connection(ClientError),
    Status(Box<Status>),
    Silent,
}

impl From<Status> for Gone {
    fn from(status: Status) -> Gone {
        Gone::Status(Box::new(status))
    }
}

/// An open stream of alerts, and the connection that it comes over.
struct AlertStream {
    client: Client,
    stream: Streaming<TailAlertsResponse>,
}

/// A tail of alerts, warnings and acts that does not end with its connection.
pub struct Tail {
    settings: ClientSettings,
    memory: TailMemory,
    line: Option<AlertStream>,
    /// What came and was not returned yet: dropping the future of `next` loses nothing.
    heard: Option<Message>,
    lost: bool,
    attempts: u32,
    not_before: Instant,
}

impl Tail {
    /// A tail of the ledger of `key`, from where `state` ended. Nothing is connected yet.
    ///
    /// # Errors
    /// If the checkpoint in `state` is not one that `key` signed.
    pub fn new(
        settings: ClientSettings,
        key: VerifierKey,
        state: TailState,
    ) -> Result<Tail, BadNote> {
        Ok(Tail {
            settings,
            memory: TailMemory::new(key, state)?,
            line: None,
            heard: None,
            lost: false,
            attempts: 0,
            not_before: Instant::now(),
        })
    }

    /// What to go on from when everything that was returned so far is dealt with.
    pub fn state(&self) -> &TailState {
        self.memory.state()
    }

    /// The next event, however long it takes. It may be dropped and called again.
    ///
    /// # Errors
    /// [`Ended`]: there is no next.
    pub async fn next(&mut self) -> Result<Event, Ended> {
        loop {
            let gone = match self.hear().await {
                Ok(()) if self.lost => {
                    self.lost = false;
                    self.memory.regained();
                    return Ok(Event::Regained);
                }
                Ok(()) => match self.told().await? {
                    Some(event) => return Ok(event),
                    None => continue,
                },
                Err(gone) => gone,
            };
            if let Some(event) = self.lose(gone)? {
                return Ok(event);
            }
        }
    }

    /// Connects if need be, and waits until there is a message.
    async fn hear(&mut self) -> Result<(), Gone> {
        while self.heard.is_none() {
            let line = match &mut self.line {
                Some(line) => line,
                None => {
                    sleep_until(self.not_before).await;
                    let line = open(&self.settings, self.memory.state().after).await?;
                    self.line.insert(line)
                }
            };
            let message = timeout(SILENCE, line.stream.message()).await;
            let message = message.map_err(|_| Gone::Silent)??;
            let message = message.ok_or_else(|| Status::unavailable("the stream ended"))?;
            self.heard = message.event;
            self.attempts = 0;
        }
        Ok(())
    }

    /// What was heard, held against the memory; none if it is nothing to tell.
    async fn told(&mut self) -> Result<Option<Event>, Denounced> {
        if let Some(Message::Heartbeat(heartbeat)) = &self.heard {
            let heartbeat = heartbeat.clone();
            let event = self.heartbeat(&heartbeat).await;
            self.heard = None;
            return event.map(Some);
        }
        let entry = match &self.heard {
            Some(Message::Alert(alert)) => alert.entry,
            Some(Message::Warning(warning)) => warning.entry,
            Some(Message::Act(act)) => act.entry,
            _ => return Ok(None),
        };
        self.memory.follows(entry)?;
        Ok(match self.heard.take() {
            Some(Message::Alert(alert)) => Some(Event::Alert(alert)),
            Some(Message::Warning(warning)) => Some(Event::Warning(warning)),
            Some(Message::Act(act)) => Some(Event::Act(act)),
            _ => None,
        })
    }

    /// Holds the checkpoint of a heartbeat against the one that is remembered, with a proof of the
    /// gateway's where they differ.
    async fn heartbeat(&mut self, heartbeat: &Heartbeat) -> Result<Event, Denounced> {
        let (checkpoint, seen) = self.memory.look(&heartbeat.checkpoint)?;
        let proof = match (seen, &mut self.line) {
            (Advance::Same, _) => None,
            (Advance::Grown { from }, Some(line)) => {
                Some(prove(&mut line.client, from, checkpoint.size).await)
            }
            (Advance::Grown { .. }, None) => Some(Err("it is gone".to_owned())),
        };
        let mut unproven = None;
        match proof {
            Some(Ok(hashes)) => self.memory.grow(&heartbeat.checkpoint, &checkpoint, &hashes)?,
            Some(Err(why)) => {
                self.memory.owe(checkpoint.size, Instant::now())?;
                unproven = Some(why);
            }
            None => {}
        }
        self.memory.claim(heartbeat.up_to_entry);
        Ok(Event::Heartbeat { checkpoint, up_to: heartbeat.up_to_entry, unproven })
    }

    /// Goes on without the gateway, if there is hope that it comes back.
    fn lose(&mut self, gone: Gone) -> Result<Option<Event>, Ended> {
        self.line = None;
        let (why, wait) = match gone {
            Gone::Connection(error @ (ClientError::File { .. } | ClientError::Key(_))) => {
                return Err(error.into());
            }
            Gone::Connection(error) => (error.to_string(), None),
            Gone::Silent => ("it does not answer".to_owned(), None),
            Gone::Status(status) if is_final(status.code()) => return Err(Ended::Refused(status)),
            Gone::Status(status) => {
                let wait = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
                (status.message().to_owned(), wait)
            }
        };
        let pause = PAUSE.saturating_mul(1 << self.attempts.min(10)).min(PAUSE_MAX);
        let pause = pause.mul_f64(rand::random_range(0.5..=1.0));
        self.not_before = Instant::now() + pause.max(wait.unwrap_or_default().min(PAUSE_MAX));
        self.attempts += 1;
        let news = !std::mem::replace(&mut self.lost, true);
        Ok(news.then_some(Event::Lost(why)))
    }
}

/// Whether the same call would be refused again.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::Unimplemented
    )
}

/// Connects, and has the gateway send what lies behind an entry.
async fn open(settings: &ClientSettings, after_entry: u64) -> Result<AlertStream, Gone> {
    let mut client = Client::connect(settings).await.map_err(Gone::Connection)?;
    let request = TailAlertsRequest { after_entry };
    let stream = timeout(ANSWER, client.alerts.tail_alerts(request)).await;
    let stream = stream.map_err(|_| Gone::Silent)??.into_inner();
    Ok(AlertStream { client, stream })
}

/// The proof that the ledger of `from` entries is the beginning of that of `to`; or why there is
/// none for now.
async fn prove(client: &mut Client, from: u64, to: u64) -> Result<Vec<Hash>, String> {
    let request = GetConsistencyProofRequest { first_size: from, second_size: to };
    let proof = timeout(ANSWER, client.ledger.get_consistency_proof(request)).await;
    let proof = proof.map_err(|_| "it does not answer".to_owned())?;
    let proof = proof.map_err(|status| status.message().to_owned())?.into_inner();
    // A hash of another length makes a proof that does not hold.
    let hash = |bytes: &Vec<u8>| Some(Hash(bytes.as_slice().try_into().ok()?));
    Ok(proof.hashes.iter().filter_map(hash).collect())
}
