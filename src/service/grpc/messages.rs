//! What the messages of reads say, in the door's terms; and what comes of reads, in theirs.

use http::header::{AUTHORIZATION, GetAll, HeaderMap, HeaderValue};
use tonic::{Request, Status};

use super::status::ApiError;
use crate::admission::{AdmissionError, Ask, PAGE_DEFAULT, PAGE_MAX, Peer};
use crate::proto::{Context, Field, Record, View};
use crate::service::Shared;
use crate::service::read::ReadError;
use crate::source::{Query, Row, WithheldReason};

/// The tokens that a request carries: one, if it is well made.
pub(in crate::service) fn carried<T>(request: &Request<T>) -> GetAll<'_, HeaderValue> {
    let headers: &HeaderMap = request.metadata().as_ref();
    headers.get_all(AUTHORIZATION)
}

/// The status of a read that was never judged; it is counted.
pub(in crate::service) fn stopped(
    shared: &Shared,
    peer: &Peer,
    why: ReadError,
    query: &Query,
) -> Status {
    tracing::debug!(%why, "a read was refused before the judge");
    shared.refuse_peer(peer, shared.calling(ApiError::from(&as_asked(why, query))))
}

/// The status of a read that the judge withheld.
pub(in crate::service) fn refusal(
    shared: &Shared,
    why: WithheldReason,
    entry: u64,
    checkpoint: &str,
) -> Status {
    let now = shared.rooms.ledger.now().at;
    shared.calling(ApiError::withheld(why, entry, checkpoint, now)).status()
}

/// Most rows that a request can have in its reply. What it may not ask for, the door says.
pub(in crate::service) fn most_rows(ask: &Ask) -> u64 {
    match ask.page_size {
        None => 1,
        Some(0) => PAGE_DEFAULT,
        Some(size) => u64::from(size.unsigned_abs()).min(PAGE_MAX),
    }
}

/// The dataset in a name of the form `datasets/{dataset}`; none if it has another form.
pub(in crate::service) fn dataset_name(parent: &str) -> Option<&str> {
    parent.strip_prefix("datasets/").filter(|dataset| !dataset.contains('/'))
}

/// Dataset and handle in a name of the form `datasets/{dataset}/records/{handle}`; none if it has
/// another form.
pub(in crate::service) fn record_name(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("datasets/")?.split_once("/records/")
}

/// A refusal whose fields are called as the request calls them (`google.rpc.BadRequest`: the path
/// that leads to the field).
fn as_asked(mut stopped: ReadError, query: &Query) -> ReadError {
    let ReadError::Refused(AdmissionError::Malformed(violations)) = &mut stopped else {
        return stopped;
    };
    for violation in violations {
        violation.field = match violation.field {
            "dataset" => {
                let (field, form) = match query {
                    Query::Get { .. } => ("name", "datasets/{dataset}/records/{handle}"),
                    _ => ("parent", "datasets/{dataset}"),
                };
                violation.description = format!("must be {form}");
                field
            }
            "purpose" => "context.purpose",
            "case_reference" => "context.case_reference",
            "view" => "context.view",
            "off_roster_reason" => "context.off_roster_reason",
            "request_id" => "context.request_id",
            other => other,
        };
    }
    stopped
}

/// What the request says about itself; `dataset` is empty if it names none.
pub(in crate::service) fn ask(
    context: Option<Context>,
    dataset: String,
    page_size: Option<i32>,
) -> Ask {
    let context = context.unwrap_or_default();
    let view = match View::try_from(context.view) {
        Ok(View::Unspecified) => None,
        Ok(View::Basic) => Some("BASIC".to_owned()),
        Ok(View::Contact) => Some("CONTACT".to_owned()),
        Ok(View::Full) => Some("FULL".to_owned()),
        // The door says what views there are.
        Err(_) => Some(context.view.to_string()),
    };
    let stated = |text: String| Some(text).filter(|text| !text.is_empty());
    Ask {
        dataset,
        purpose: context.purpose,
        case_reference: context.case_reference,
        view,
        off_roster_reason: stated(context.off_roster_reason),
        request_id: stated(context.request_id),
        page_size,
        job: None,
    }
}

/// The message for a row that may go.
pub(in crate::service) fn record(row: Row) -> Record {
    let fields = row.fields.into_iter().map(|(name, value)| Field { name, value }).collect();
    Record { name: row.name, fields, fields_left_out: row.left_out }
}
