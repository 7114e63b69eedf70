//! The message of a call, which must come soon: until it has, the call holds a place and has paid
//! for nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;

use crate::admission::Peer;
use crate::service::Shared;
use crate::service::grpc::status::ApiError;

/// How long it may take: a message is a few hundred bytes.
const SOON: Duration = Duration::from_secs(3);

/// A body that ends with a refusal if it does not come in time.
pub(in crate::service) struct Prompt {
    body: Incoming,
    /// Whether all of it must come, or its first piece.
    whole: bool,
    due: Instant,
    /// Set once it had to be waited for.
    clock: Option<Pin<Box<Sleep>>>,
    /// Whether what must come has come.
    here: bool,
    /// Where a refusal is counted, and whose it is.
    shared: Arc<Shared>,
    peer: Arc<Peer>,
}

impl Prompt {
    pub(in crate::service) fn new(
        body: Incoming,
        whole: bool,
        shared: Arc<Shared>,
        peer: Arc<Peer>,
    ) -> Prompt {
        let here = body.is_end_stream();
        Prompt { body, whole, due: Instant::now() + SOON, clock: None, here, shared, peer }
    }
}

impl Body for Prompt {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(frame)) => {
                this.here |= !this.whole || this.body.is_end_stream();
                let frame = frame.map_err(|error| Status::from_error(Box::new(error)));
                Poll::Ready(Some(frame))
            }
            Poll::Ready(None) => {
                this.here = true;
                Poll::Ready(None)
            }
            Poll::Pending if this.here => Poll::Pending,
            Poll::Pending => {
                let clock = this.clock.get_or_insert_with(|| Box::pin(sleep_until(this.due)));
                std::task::ready!(clock.as_mut().poll(cx));
                this.here = true;
                Poll::Ready(Some(Err(this
                    .shared
                    .refuse_peer(&this.peer, ApiError::message_late()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
