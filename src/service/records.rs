//! `greffier.v1.Records`: messages into a read and back. What a read is, `read` says.

use std::sync::Arc;

use http::header::{AUTHORIZATION, GetAll, HeaderMap, HeaderValue};
use tonic::{Request, Response, Status};

use super::Shared;
use super::exports::{Export, Pages};
use super::read::Stopped;
use super::replies::{Held, Room};
use super::status::Fault;
use super::stream::Paced;
use crate::admission::{Ask, Mark, PAGE_DEFAULT, PAGE_MAX, Peer, Refused, Shown};
use crate::proto::records_server::Records;
use crate::proto::{
    Context, ExportRecordsRequest, Field, GetRecordRequest, GetRecordResponse, ListRecordsRequest,
    ListRecordsResponse, Proof, Record, SearchRecordsRequest, SearchRecordsResponse, View,
};
use crate::source::{Query, Refusal, Row, Rows};

/// The service.
pub(super) struct RecordsService(pub(super) Arc<Shared>);

/// A released reply.
struct Reply {
    rows: Vec<Row>,
    next_page: String,
    proof: Proof,
    room: Room,
}

impl Reply {
    /// As gRPC has it. It takes its room until it is taken.
    fn response<T>(
        self,
        message: impl FnOnce(Vec<Record>, String, Option<Proof>) -> T,
    ) -> Response<T> {
        let records = self.rows.into_iter().map(record).collect();
        let mut response = Response::new(message(records, self.next_page, Some(self.proof)));
        response.extensions_mut().insert(Held::from(self.room));
        response
    }
}

impl RecordsService {
    /// Reads, and turns whatever comes of it into a reply or a status.
    async fn read<T>(
        &self,
        request: &Request<T>,
        ask: &Ask,
        query: Query,
    ) -> Result<Reply, Status> {
        let peer = self.0.peer(request)?;
        let carried = carried(request);
        let shown = Shown::new(carried.iter().map(HeaderValue::as_bytes));
        let mut room = self.0.room(peer, request.extensions().get(), most_rows(ask)).await?;
        let shown = shown.marked(request.extensions().get::<Mark>());
        let release = self.0.rooms.read((peer, &shown), ask, &query).await;
        let release = release.map_err(|why| stopped(&self.0, peer, why, &query))?;
        let (entry, checkpoint) = (release.seq, &*release.checkpoint);
        let Rows { rows, bytes, salt, next_page } =
            release.reply.map_err(|why| refusal(&self.0, why, entry, checkpoint))?;
        if let Query::Get { .. } = query {
            match rows.first() {
                None => return Err(Fault::not_available(entry, checkpoint).status()),
                Some(row) if row.left_out => {
                    return Err(Fault::record_too_large(entry, checkpoint).status());
                }
                Some(_) => {}
            }
        }
        room.keep(rows.len(), bytes);
        let (checkpoint, salt) = (checkpoint.to_owned(), salt.to_vec());
        Ok(Reply { rows, next_page, proof: Proof { entry, checkpoint, salt }, room })
    }
}

/// The tokens that a request carries: one, if it is well made.
pub(super) fn carried<T>(request: &Request<T>) -> GetAll<'_, HeaderValue> {
    let headers: &HeaderMap = request.metadata().as_ref();
    headers.get_all(AUTHORIZATION)
}

/// The status of a read that was never judged; it is counted.
pub(super) fn stopped(shared: &Shared, peer: &Peer, why: Stopped, query: &Query) -> Status {
    tracing::debug!(%why, "a read was refused before the judge");
    shared.refuse_peer(peer, shared.calling(Fault::from(&as_asked(why, query))))
}

/// The status of a read that the judge withheld.
pub(super) fn refusal(shared: &Shared, why: Refusal, entry: u64, checkpoint: &str) -> Status {
    let now = shared.rooms.ledger.now().at;
    shared.calling(Fault::withheld(why, entry, checkpoint, now)).status()
}

#[tonic::async_trait]
impl Records for RecordsService {
    type ExportRecordsStream = Pages;

    async fn export_records(
        &self,
        request: Request<ExportRecordsRequest>,
    ) -> Result<Response<Pages>, Status> {
        let mut response = Response::new(Export::open(&self.0, request)?.pages());
        response.extensions_mut().insert(Paced);
        Ok(response)
    }

    async fn get_record(
        &self,
        mut request: Request<GetRecordRequest>,
    ) -> Result<Response<GetRecordResponse>, Status> {
        let message = request.get_mut();
        let (dataset, handle) = match record_name(&message.name) {
            Some((dataset, handle)) => (dataset.to_owned(), handle.to_owned()),
            None => Default::default(),
        };
        let ask = ask(message.context.take(), dataset, None);
        let reply = self.read(&request, &ask, Query::Get { handle }).await?;
        Ok(reply.response(|records, _, proof| GetRecordResponse {
            record: records.into_iter().next(),
            proof,
        }))
    }

    async fn list_records(
        &self,
        mut request: Request<ListRecordsRequest>,
    ) -> Result<Response<ListRecordsResponse>, Status> {
        let message = request.get_mut();
        let dataset = dataset_name(&message.parent).unwrap_or_default().to_owned();
        let ask = ask(message.context.take(), dataset, Some(message.page_size));
        let query = Query::List { page_token: std::mem::take(&mut message.page_token) };
        let reply = self.read(&request, &ask, query).await?;
        Ok(reply.response(|records, next_page_token, proof| ListRecordsResponse {
            records,
            next_page_token,
            proof,
        }))
    }

    async fn search_records(
        &self,
        mut request: Request<SearchRecordsRequest>,
    ) -> Result<Response<SearchRecordsResponse>, Status> {
        let message = request.get_mut();
        let dataset = dataset_name(&message.parent).unwrap_or_default().to_owned();
        let ask = ask(message.context.take(), dataset, Some(message.page_size));
        let values = std::mem::take(&mut message.values).into_iter().collect();
        let search = std::mem::take(&mut message.search);
        let page_token = std::mem::take(&mut message.page_token);
        let query = Query::Search { search, values, page_token };
        let reply = self.read(&request, &ask, query).await?;
        Ok(reply.response(|records, next_page_token, proof| SearchRecordsResponse {
            records,
            next_page_token,
            proof,
        }))
    }
}

/// Most rows that a request can have in its reply. What it may not ask for, the door says.
pub(super) fn most_rows(ask: &Ask) -> u64 {
    match ask.page_size {
        None => 1,
        Some(0) => PAGE_DEFAULT,
        Some(size) => u64::from(size.unsigned_abs()).min(PAGE_MAX),
    }
}

/// `datasets/{dataset}`
pub(super) fn dataset_name(parent: &str) -> Option<&str> {
    parent.strip_prefix("datasets/").filter(|dataset| !dataset.contains('/'))
}

/// `datasets/{dataset}/records/{handle}`
fn record_name(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("datasets/")?.split_once("/records/")
}

/// A refusal whose fields are called as the request calls them (`google.rpc.BadRequest`: the path
/// that leads to the field).
fn as_asked(mut stopped: Stopped, query: &Query) -> Stopped {
    let Stopped::Refused(Refused::Malformed(violations)) = &mut stopped else { return stopped };
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
pub(super) fn ask(context: Option<Context>, dataset: String, page_size: Option<i32>) -> Ask {
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

pub(super) fn record(row: Row) -> Record {
    let fields = row.fields.into_iter().map(|(name, value)| Field { name, value }).collect();
    Record { name: row.name, fields, fields_left_out: row.left_out }
}
