//! One call, from its headers to its reply: who calls, whether it is a call, whether there is a
//! place for it and a token with it; a deadline; and the statuses that tonic makes by itself put
//! into our terms.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::body::Body;
use tonic::{Code, Status};

use super::{CALL_MAX, OpenConnection};
use crate::admission::{AdmissionError, Bearer, PresentedToken, Principal};
use crate::places;
use crate::places::{Agent, CallCredential, PlacesFull};
use crate::service::door::form;
use crate::service::door::prompt::Prompt;
use crate::service::door::stream::{Reply, watched};
use crate::service::grpc::services;
use crate::service::grpc::status::ApiError;
use crate::service::read::ReadError;
use crate::service::watch::figures;

/// How many headers one call may have.
const METADATA: usize = 64;

/// Answers one call, or a request for figures.
pub(super) async fn call(
    request: Request<Incoming>,
    line: Arc<OpenConnection>,
) -> Result<Response<Reply>, Infallible> {
    let answered = match request.uri().path() {
        figures::PATH => answer_figures(&request, &line),
        _ => answer(request, &line).await,
    };
    let (response, place) = match answered {
        Ok((response, place)) => (response, Some(place)),
        Err(refused) => (*refused, None),
    };
    Ok(watched(response, &line, place))
}

/// A reply with the place that its call has, or a refusal of a call that had none.
type Answered = Result<(Response<Body>, places::Call), Box<Response<Body>>>;

fn answer_figures(request: &Request<Incoming>, line: &OpenConnection) -> Answered {
    let refused = |status: Status| Box::new(figures::refused(&status, request.method()));
    let reader = known(request, line).map_err(refused)?;
    let shows =
        if reader.has_agents() { CallCredential::Nothing } else { CallCredential::Certificate };
    let place = place(line, shows, None).map_err(refused)?;
    Ok((figures::answer(&line.shared, &line.peer, request.method()), place))
}

async fn answer(mut request: Request<Incoming>, line: &OpenConnection) -> Answered {
    let refused = |status: Status| Box::new(status.into_http());
    let reader = known(&request, line).map_err(refused)?;
    let limit = form::deadline(request.method(), request.headers());
    let unfit =
        |unfit: form::Unfit| Box::new(unfit.response(request.method(), |fault| line.refuse(fault)));
    let limit = limit.map_err(unfit)?;
    let bearer =
        if reader.has_agents() { bearer(&mut request, line).map_err(refused)? } else { None };
    let shows = match &bearer {
        Some(bearer) => CallCredential::Token(Agent::of(bearer)),
        None if reader.has_agents() => CallCredential::Nothing,
        None => CallCredential::Certificate,
    };
    let place = place(line, shows, bearer.as_ref()).map_err(refused)?;
    // gRPC health and reflection are standards of their own, with their own statuses.
    let standard = request.uri().path().starts_with("/grpc.");
    // Reflection is a conversation, of which the first word must come.
    let whole = !request.uri().path().starts_with("/grpc.reflection.");
    let (shared, peer) = (line.shared.clone(), line.peer.clone());
    let mut request = request.map(|body| Prompt::new(body, whole, shared, peer));
    request.extensions_mut().insert(line.peer.clone());
    if let Some(place) = &line.place {
        request.extensions_mut().insert(place.replies().clone());
    }
    let limit = limit.unwrap_or(CALL_MAX).min(CALL_MAX);
    let response = match within(limit, line.services.call(request)).await {
        None => ApiError::deadline().status().into_http(),
        Some(response) => match foreign(&response).filter(|_| !standard) {
            None => response,
            Some(status) => {
                line.refuse(ApiError::transport(status.code(), status.message())).into_http()
            }
        },
    };
    Ok((response, place))
}

/// Who calls, if the policy knows them and there is a place for the connection: whatever is called,
/// health and reflection too.
fn known(request: &Request<Incoming>, line: &OpenConnection) -> Result<Principal, Status> {
    if request.headers().len() > METADATA {
        return Err(line.refuse(ApiError::too_much_metadata(METADATA)));
    }
    if line.place.is_none() {
        return Err(line.refuse(ApiError::connections_full()));
    }
    line.shared.known(&line.peer).map_err(|refused| line.refuse((&refused).into()))
}

/// Who bears the good token that a call of a provider carries whose agents have some. A read must
/// carry one: without, it is told so before it takes a place.
fn bearer(
    request: &mut Request<Incoming>,
    line: &OpenConnection,
) -> Result<Option<Bearer>, Status> {
    let must = services::takes_token(request.uri().path());
    if !must && !request.headers().contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    let carried = request.headers().get_all(AUTHORIZATION).iter();
    let shown = PresentedToken::new(carried.map(HeaderValue::as_bytes));
    let (held, mark) = (line.shared.rooms.check_headers(&line.peer, &shown), shown.mark());
    if let Some(mark) = mark {
        request.extensions_mut().insert(mark);
    }
    let why = match held {
        Ok(bearer) => return Ok(bearer),
        Err(why) => why,
    };
    if let (ReadError::Refused(AdmissionError::Token(_)), Some(_), Some(place)) =
        (&why, mark, &line.place)
    {
        place.disprove();
    }
    if !must {
        return Ok(None);
    }
    tracing::debug!(%why, "a read was refused at its headers");
    match why {
        // It is known who calls, and that is all there is to it.
        ReadError::Contained => Err(line.refuse(line.shared.calling((&why).into()))),
        _ => Err(line.turn_away((&why).into(), None)),
    }
}

/// A place for a call, by what it shows; `bearer` is whose the token is, if it shows one.
fn place(
    line: &OpenConnection,
    shows: CallCredential,
    bearer: Option<&Bearer>,
) -> Result<places::Call, Status> {
    let place = line.place.as_ref().ok_or_else(|| line.refuse(ApiError::connections_full()))?;
    if let CallCredential::Token(agent) = shows {
        place.prove(agent);
    }
    place.call(shows).map_err(|full| match full {
        PlacesFull::Holder => line.refuse(ApiError::calls_full()),
        PlacesFull::Agent => line.turn_away(ApiError::agents_calls_full(), bearer),
        PlacesFull::Tokenless => line.turn_away(ApiError::calls_full(), None),
    })
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
