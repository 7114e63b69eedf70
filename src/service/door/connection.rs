//! One connection after its handshake: HTTP/2 with bounds, and when it ends.

mod call;

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::server::TlsStream;

use super::frames::{FrameCounts, Frames, STREAMS};
use super::open_connection::OpenConnection;
use super::stream::{PATIENCE, Streams};
use crate::places::{self, Limits};
use crate::service::MESSAGE;
use crate::service::grpc::status::ApiError;

/// Longest that any call may take until its reply begins, whatever deadline it names: its request,
/// too, must have come by then.
const CALL_MAX: Duration = Duration::from_secs(30);
/// Bytes of headers of one call; [`call`] has how many they may be.
const HEADERS: u32 = 16 << 10;
/// Bytes of requests that wait to be read, on one connection; one has at most half of it.
const WINDOW: u32 = 2 * MESSAGE as u32;
/// Bytes of one reply that HTTP/2 may keep while the network takes none.
const SEND: usize = 32 << 10;
/// Streams that a client opens and resets before anybody has looked at them: it may take back all
/// its calls at once.
const PENDING_RESETS: usize = STREAMS as usize;
/// Streams that are reset because a client broke the rules.
const ERROR_RESETS: usize = 64;
/// An idle connection is asked whether it still lives, and dropped if it does not answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);
/// How long a client may take to go once it has been told to and has no call left.
const GOODBYE: Duration = Duration::from_secs(2);
/// A connection that there is no place for: long enough to tell the client so.
const TURNED_AWAY: Duration = Duration::from_secs(1);

/// Serves a connection until it ends, has been idle, is old, or the daemon drains; or until its
/// place is given up, and then it says so: nobody waits for an answer of it who has shown who
/// calls.
pub(in crate::service) async fn serve(
    stream: TlsStream<TcpStream>,
    line: &Arc<OpenConnection>,
    given_up: &mut places::GivenUp,
) -> bool {
    tokio::select! {
        () = coalesced(drive(stream, line), || line.busy()) => false,
        () = given_up.told() => true,
    }
}

/// A future that, while it is busy, lets the tasks that are ready on its worker run once before it
/// is polled. The answers of one commit wake their connection one by one; polled for each, it
/// writes a TLS record for each, or two. In what order tasks run is tokio's to change: with another
/// one this is slower, and no less right.
pub async fn coalesced<T>(future: impl Future<Output = T>, busy: impl Fn() -> bool) -> T {
    let mut future = pin!(future);
    let mut behind = false;
    poll_fn(|cx| {
        behind = !behind && busy();
        if behind {
            // tokio puts a task that wakes itself at the back of its worker's queue.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        future.as_mut().poll(cx)
    })
    .await
}

/// Drives HTTP/2 and the clocks of a connection.
async fn drive(stream: TlsStream<TcpStream>, line: &Arc<OpenConnection>) {
    let of_call = line.clone();
    let service = service_fn(move |request| call::call(request, of_call.clone()));
    let mut http = http2::Builder::new(Streams(line.clone()));
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .initial_stream_window_size(WINDOW / 2)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    let seen = FrameCounts::default();
    let stream = Frames::new(stream, seen.clone());
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut stopping = line.stopping();
    let mut end = End::new(line, &seen);
    let mut calmed = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    calmed = told_to_calm_down(&error);
                    tracing::debug!(%error, "a connection ended");
                }
                break;
            }
            _ = stopping.wait_for(|stopping| *stopping), if end.said.is_none() => {
                end.said = Some(Instant::now());
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(end.next()) => match end.due() {
                Due::Nothing => {}
                Due::Goodbye => connection.as_mut().graceful_shutdown(),
                // A client that does not take its leave is left.
                Due::Cut => break,
            }
        }
    }
    if calmed || seen.flooded() {
        line.refuse(ApiError::flood());
    }
}

/// Whether HTTP/2 itself closed a connection because of what its client sent.
fn told_to_calm_down(error: &hyper::Error) -> bool {
    let error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_some_and(|e| e.is_library() && e.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM))
}

/// When a connection is told to end, and when it is cut.
struct End<'a> {
    line: &'a OpenConnection,
    seen: &'a FrameCounts,
    idle: Duration,
    old: Instant,
    /// When the client was told that the connection ends; none if it was not yet.
    said: Option<Instant>,
}

enum Due {
    Nothing,
    Goodbye,
    Cut,
}

impl<'a> End<'a> {
    fn new(line: &'a OpenConnection, seen: &'a FrameCounts) -> End<'a> {
        let Limits { idle, age, .. } = *line.shared.places.limits();
        let age = if line.place.is_some() { age } else { TURNED_AWAY };
        End { line, seen, idle, old: Instant::now() + age, said: None }
    }

    /// When to look at the connection again.
    fn next(&self) -> Instant {
        let now = Instant::now();
        let quiet = self.line.quiet().unwrap_or(now);
        match self.said {
            None => self.old.min(quiet + self.idle).min(now + PATIENCE),
            Some(said) => said.max(quiet) + GOODBYE,
        }
    }

    fn due(&mut self) -> Due {
        let now = Instant::now();
        if self.seen.stalled().is_some_and(|since| since + PATIENCE <= now) {
            return Due::Cut;
        }
        let quiet = self.line.quiet();
        let Some(said) = self.said else {
            let idle = quiet.is_some_and(|since| since + self.idle <= now);
            if now < self.old && !idle {
                return Due::Nothing;
            }
            self.said = Some(now);
            return Due::Goodbye;
        };
        let gone = quiet.is_some_and(|since| said.max(since) + GOODBYE <= now);
        // Calls have ended by themselves by then; what is left is whoever watches the health.
        let late = said + CALL_MAX + PATIENCE <= now && self.line.has_no_tails();
        if gone || late { Due::Cut } else { Due::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::mpsc;

    use super::*;

    /// How often a future is polled that three tasks wake, one after the other.
    async fn polls(busy: bool) -> u32 {
        let (sender, mut inbox) = mpsc::channel(3);
        let polls = Arc::new(AtomicU32::new(0));
        let counted = polls.clone();
        let receiver = coalesced(
            poll_fn(move |cx| {
                counted.fetch_add(1, Ordering::Relaxed);
                while let Poll::Ready(sent) = inbox.poll_recv(cx) {
                    if sent.is_none() {
                        return Poll::Ready(());
                    }
                }
                Poll::Pending
            }),
            move || busy,
        );
        let receiving = tokio::spawn(receiver);
        tokio::task::yield_now().await;
        for sender in [sender.clone(), sender.clone(), sender] {
            tokio::spawn(async move { sender.send(()).await.unwrap() });
        }
        receiving.await.unwrap();
        polls.load(Ordering::Relaxed)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_busy_future_is_polled_once_for_all_that_is_ready_and_an_idle_one_at_once() {
        let measured = async |busy| tokio::spawn(polls(busy)).await.unwrap();
        let (busy, idle) = (measured(true).await, measured(false).await);
        // Before anything is sent, and when everything is.
        assert_eq!(busy, 2);
        assert!(idle > busy, "{idle}");
    }
}
