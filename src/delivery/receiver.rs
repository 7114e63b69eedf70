//! Receivers: whoever takes events, each in its own way.

mod file;
mod mail;
mod syslog;
mod webhook;

use std::time::Duration;

use super::settings::ReceiverFile;
use super::spool::Waiting;
use crate::files::SecretError;

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken.
    Taken,
    /// This event is refused, and why.
    Refused(String),
}

/// Why a receiver takes nothing for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It cannot be reached, or is not able to; it may have said when it will be.
    Unreachable { why: String, wait: Option<Duration> },
    /// It wants nothing any more.
    Gone(String),
}

impl Trouble {
    fn unreachable(why: impl std::fmt::Display) -> Trouble {
        Trouble::Unreachable { why: why.to_string(), wait: None }
    }
}

/// Why a receiver cannot be used as it is set.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// A file that its section names cannot be used.
    #[error("{path}: {why}")]
    File {
        /// Path of the file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A secret cannot be read, or others may read it.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Its address is none.
    #[error("{0}")]
    Address(String),
}

/// A receiver.
pub(super) enum Receiver {
    File(file::JsonLines),
    Syslog(Box<syslog::Syslog>),
    Webhook(Box<webhook::Webhook>),
    Mail(Box<mail::Mail>),
}

impl Receiver {
    /// # Errors
    /// [`ReceiverError`].
    pub(super) fn new(settings: &ReceiverFile, origin: &str) -> Result<Receiver, ReceiverError> {
        Ok(match settings {
            ReceiverFile::File(target) => Receiver::File(file::JsonLines::new(target)),
            ReceiverFile::Syslog(target) => {
                Receiver::Syslog(Box::new(syslog::Syslog::new(target, origin)?))
            }
            ReceiverFile::Webhook(target) => {
                Receiver::Webhook(Box::new(webhook::Webhook::new(target)?))
            }
            ReceiverFile::Mail(target) => {
                Receiver::Mail(Box::new(mail::Mail::new(target, origin)?))
            }
        })
    }

    /// How many events it is given at once.
    pub(super) fn batch(&self) -> usize {
        match self {
            Receiver::File(_) | Receiver::Syslog(_) | Receiver::Mail(_) => 100,
            Receiver::Webhook(_) => 1,
        }
    }

    /// Whether it says what it has taken. What is sent to one that does not is kept for a minute, and sent
    /// again after a connection that was lost.
    pub(super) fn acknowledges(&self) -> bool {
        !matches!(self, Receiver::Syslog(_))
    }

    /// Whether the connection of what was sent last is lost.
    pub(super) async fn lost(&mut self) -> bool {
        match self {
            Receiver::Syslog(syslog) => syslog.lost().await,
            Receiver::File(_) | Receiver::Webhook(_) | Receiver::Mail(_) => false,
        }
    }

    /// How long these may wait for others to go with them.
    pub(super) fn patience(&self, events: &[Waiting]) -> Duration {
        match self {
            Receiver::Mail(mail) => mail.patience(events),
            Receiver::File(_) | Receiver::Syslog(_) | Receiver::Webhook(_) => Duration::ZERO,
        }
    }

    /// Gives it events, in this order; an answer for each.
    ///
    /// # Errors
    /// [`Trouble`]: whether it has taken any of them is not known.
    pub(super) async fn send(&mut self, events: &[Waiting]) -> Result<Vec<Answer>, Trouble> {
        match self {
            Receiver::File(file) => file.send(events),
            Receiver::Syslog(syslog) => syslog.send(events).await,
            Receiver::Webhook(webhook) => webhook.send(events).await,
            Receiver::Mail(mail) => mail.send(events).await,
        }
    }
}
