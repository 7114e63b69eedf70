//! One stream of a connection, from its first header until its reply is taken. HTTP/2 lets a client
//! take a reply as slowly as it likes, and while it takes nothing nobody asks the reply for more:
//! so a watch beside it looks at the time, gives up what the reply holds, and in the end cuts the
//! stream.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, Response};
use hyper::body::{Body as _, Bytes, Frame};
use hyper::rt::Executor;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tonic::Status;
use tonic::body::Body;

use super::open_connection::{OpenConnection, OpenTail};
use crate::places;
use crate::places::replies::{Endless, Paced, ReplyRoom};
use crate::service::grpc::status::ApiError;

/// How long a client may take to make room for what it is sent: for a whole reply, or for the next
/// event of a tail.
pub(in crate::service) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a client may take when the daemon stops: well within the time to drain.
const LEAVING: Duration = Duration::from_secs(3);
/// Largest piece of a reply that is handed to HTTP/2.
const PIECE: usize = 16 << 10;
/// Largest last piece of a reply. HTTP/2 keeps a piece as soon as there is room for one byte of it,
/// and the last is out of this watch's sight: so it is small. Below 1,024 bytes it is also laid
/// beside those of other replies (see [`super::frames`]).
const LAST: usize = (1 << 10) - 1;

tokio::task_local! {
    static WATCH: Arc<Watch>;
}

/// Runs the streams of one connection, each beside its watch.
#[derive(Clone)]
pub(in crate::service) struct Streams(pub(in crate::service) Arc<OpenConnection>);

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let line = self.0.clone();
        let open = line.open();
        let watch = Arc::new(Watch(Mutex::new(Rest::new())));
        tokio::spawn(WATCH.scope(watch.clone(), async move {
            let (mut stream, mut patience) = (pin!(stream), pin!(watch.patience(&line)));
            poll_fn(|cx| match stream.as_mut().poll(cx) {
                // Until there is something to take, nobody is slow to take it, and no clock is set.
                Poll::Pending if watch.0.lock().since.is_none() => Poll::Pending,
                // Whatever is dropped unfinished is reset.
                Poll::Pending => patience.as_mut().poll(cx),
                Poll::Ready(()) => Poll::Ready(()),
            })
            .await;
            drop(open);
        }));
    }
}

/// What is left of a reply.
struct Rest {
    body: Body,
    /// What of the newest piece of the body is not yet handed on.
    piece: Bytes,
    /// Since when the client has had something to take.
    since: Option<Instant>,
    endless: bool,
    paced: bool,
    /// Why it was given up, in trailers.
    why: Option<HeaderMap>,
    /// The call's place among those of its provider.
    _place: Option<places::Call>,
    /// The room that its reply takes.
    _held: Option<ReplyRoom>,
    _tail: Option<OpenTail>,
}

impl Rest {
    fn new() -> Rest {
        let (body, piece) = (Body::empty(), Bytes::new());
        let (since, why) = (None, None);
        let (endless, paced) = (false, false);
        Rest { body, piece, since, endless, paced, why, _place: None, _held: None, _tail: None }
    }

    /// The next piece, as small as it has to be.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(why) = self.why.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(why))));
        }
        if self.piece.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => self.piece = data,
                Err(other) => return Poll::Ready(Some(Ok(other))),
            }
        }
        let length = match self.piece.len() {
            whole if self.endless || whole <= LAST => whole,
            more => (more - LAST).min(PIECE),
        };
        Poll::Ready(Some(Ok(Frame::data(self.piece.split_to(length)))))
    }
}

struct Watch(Mutex<Rest>);

impl Watch {
    /// Ends when the client has been too slow.
    async fn patience(&self, line: &OpenConnection) {
        let mut stopping = line.stopping();
        loop {
            let leaving = *stopping.borrow_and_update();
            let patience = if leaving { LEAVING } else { PATIENCE };
            let since = self.0.lock().since;
            let due = since.unwrap_or_else(Instant::now) + patience;
            if due <= Instant::now() && (leaving || !self.give_up(line)) {
                return;
            }
            tokio::select! {
                _ = stopping.changed(), if !leaving => {}
                () = sleep_until(due.max(Instant::now())) => {}
            }
        }
    }

    /// A tail gives up its place at once, and its reader finds out why when it reads again: it has
    /// as long again for that. Any other reply is over.
    fn give_up(&self, line: &OpenConnection) -> bool {
        let mut rest = self.0.lock();
        if rest.why.is_some() {
            return false;
        }
        if !rest.endless {
            line.refuse(ApiError::reply_not_taken());
            return false;
        }
        let mut why = HeaderMap::new();
        // It is made of what headers can hold.
        let told = line.refuse(ApiError::tail_too_slow()).add_header(&mut why).is_ok();
        let (why, since) = (Some(why), Some(Instant::now()));
        let given_up = std::mem::replace(&mut *rest, Rest { why, since, ..Rest::new() });
        drop(rest);
        // What a tail holds is not let go of under this lock.
        drop(given_up);
        told
    }
}

/// The body of a reply, watched until the client has taken it.
pub(in crate::service) struct Reply(Arc<Watch>);

/// Has a reply watched, and its call's place kept until the reply is taken.
pub(in crate::service) fn watched(
    response: Response<Body>,
    line: &Arc<OpenConnection>,
    place: Option<places::Call>,
) -> Response<Reply> {
    let watch = WATCH.with(Arc::clone);
    let (mut head, body) = response.into_parts();
    let _held = head.extensions.remove::<ReplyRoom>();
    let endless = head.extensions.get::<Endless>().is_some();
    let paced = endless || head.extensions.get::<Paced>().is_some();
    // Tails have places of their own.
    let (_place, _tail) = (place.filter(|_| !endless), endless.then(|| line.tail()));
    *watch.0.lock() = Rest { body, endless, paced, _place, _held, _tail, ..Rest::new() };
    Response::from_parts(head, Reply(watch))
}

impl hyper::body::Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut rest = self.0.0.lock();
        if rest.paced && rest.piece.is_empty() {
            // It took the last message. A whole reply has one time for all of it, and so has a
            // message.
            rest.since = None;
        }
        let next = rest.next(cx);
        rest.since = match next {
            Poll::Ready(_) => rest.since.or_else(|| Some(Instant::now())),
            // Whatever there was has been taken.
            Poll::Pending => None,
        };
        next
    }

    fn is_end_stream(&self) -> bool {
        let rest = self.0.0.lock();
        rest.why.is_none() && rest.piece.is_empty() && rest.body.is_end_stream()
    }
}
