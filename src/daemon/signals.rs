//! The signals of the daemon, from its first instruction on.

use std::io;
use std::process;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::LEAVE;
use crate::log::Log;

/// Signals from the moment on that this was made, whenever they are asked for.
pub(super) struct Signals {
    /// SIGHUP, by which somebody says that the files have changed.
    pub(super) hangup: Signal,
    /// SIGTERM or SIGINT, by which somebody asks for the end.
    pub(super) end: End,
}

pub(super) struct End {
    term: Signal,
    int: Signal,
}

/// That the start goes on: until this is dropped, whatever asks the daemon to end ends it at once.
pub(super) struct Starting(
    #[expect(dead_code, reason = "it counts when it is dropped")] oneshot::Sender<()>,
);

impl Signals {
    /// Takes the signals over from the system, which would end the daemon by SIGHUP too.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn take(runtime: &Runtime, log: &Log) -> io::Result<(Signals, Starting)> {
        let _inside = runtime.enter();
        let signals = Signals { hangup: signal(SignalKind::hangup())?, end: End::new()? };
        let (starting, started) = oneshot::channel();
        runtime.spawn(end_the_start(End::new()?, started, log.clone()));
        Ok((signals, Starting(starting)))
    }
}

impl End {
    fn new() -> io::Result<End> {
        let (term, int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(End { term, int })
    }

    /// Waits until either of them comes.
    pub(super) async fn asked(&mut self) {
        tokio::select! { _ = self.term.recv() => {}, _ = self.int.recv() => {} }
    }
}

/// What a start has done by then stands, as after a crash, and the next one takes it up.
async fn end_the_start(mut end: End, started: oneshot::Receiver<()>, log: Log) {
    tokio::select! {
        // Whoever has read that calls are taken gets a drain.
        biased;
        _ = started => {}
        () = end.asked() => {
            tracing::info!("stopping: the start was not finished");
            log.flush(LEAVE);
            process::exit(0);
        }
    }
}
