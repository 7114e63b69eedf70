//! One connection after its handshake: HTTP/2 with bounds, a deadline for every call, and the
//! statuses that tonic makes by itself put into our terms.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower_service::Service as _;

use super::Shared;
use super::status::Fault;
use crate::admission::Peer;

/// Longest that any call may take, whatever deadline it names.
const CALL_MAX: Duration = Duration::from_secs(30);
/// Calls at once on one connection.
const STREAMS: u32 = 256;
/// Bytes of headers of one call.
const HEADERS: u32 = 16 << 10;
/// An idle connection is asked whether it still lives, and dropped if it does not answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);

/// Serves a connection until it ends or the daemon drains.
pub(super) async fn serve(
    stream: TlsStream<TcpStream>,
    peer: Peer,
    routes: Routes,
    shared: Arc<Shared>,
    watcher: Watcher,
) {
    let peer = Arc::new(peer);
    let service =
        service_fn(move |request| call(request, peer.clone(), routes.clone(), shared.clone()));
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .max_pending_accept_reset_streams(32)
        .max_local_error_reset_streams(64)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn call(
    mut request: Request<Incoming>,
    peer: Arc<Peer>,
    mut routes: Routes,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    let limit = deadline(request.headers()).unwrap_or(CALL_MAX).min(CALL_MAX);
    // gRPC health and reflection are standards of their own, with their own statuses.
    let standard = request.uri().path().starts_with("/grpc.");
    request.extensions_mut().insert(peer.clone());
    let Some(response) = within(limit, routes.call(request)).await else {
        return Ok(Fault::deadline().status().into_http());
    };
    match foreign(&response).filter(|_| !standard) {
        None => Ok(response),
        Some(status) => {
            let fault = Fault::transport(status.code(), status.message());
            shared.tally.call(&peer, fault.reason());
            Ok(fault.status().into_http())
        }
    }
}

/// The reply if it comes in time.
async fn within(
    limit: Duration,
    reply: impl Future<Output = Result<Response<Body>, Infallible>>,
) -> Option<Response<Body>> {
    match tokio::time::timeout(limit, reply).await {
        Ok(Ok(response)) => Some(response),
        Ok(Err(never)) => match never {},
        Err(_) => None,
    }
}

/// A status that tonic made by itself: it carries no details, and ours always do.
fn foreign(response: &Response<Body>) -> Option<Status> {
    let status = Status::from_header_map(response.headers())?;
    (status.code() != Code::Ok && status.details().is_empty()).then_some(status)
}

/// `grpc-timeout`: at most eight digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3_600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}
