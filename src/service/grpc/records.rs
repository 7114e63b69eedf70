//! `greffier.v1.Records`: messages into a read and back. What a read is, `read` says.

use std::sync::Arc;

use http::HeaderValue;
use tonic::{Request, Response, Status};

use super::exports::{Export, Pages};
use super::messages::{
    ask, carried, dataset_name, most_rows, record, record_name, refusal, stopped,
};
use super::status::ApiError;
use crate::admission::{Ask, PresentedToken, TokenDigest};
use crate::places::replies::{Paced, ReplyRoom, Room};
use crate::proto::records_server::Records;
use crate::proto::{
    ExportRecordsRequest, GetRecordRequest, GetRecordResponse, ListRecordsRequest,
    ListRecordsResponse, Proof, Record, SearchRecordsRequest, SearchRecordsResponse,
};
use crate::service::Shared;
use crate::source::{Query, Row, Rows};

/// The service `greffier.v1.Records`, through which providers read.
pub(in crate::service) struct RecordsService(pub(in crate::service) Arc<Shared>);

/// A reply that was released, with its proof and the room that it takes.
struct Reply {
    rows: Vec<Row>,
    next_page: String,
    proof: Proof,
    room: Room,
}

impl Reply {
    /// The reply as gRPC has it, which keeps its room until the client has taken it.
    fn response<T>(
        self,
        message: impl FnOnce(Vec<Record>, String, Option<Proof>) -> T,
    ) -> Response<T> {
        let records = self.rows.into_iter().map(record).collect();
        let mut response = Response::new(message(records, self.next_page, Some(self.proof)));
        response.extensions_mut().insert(ReplyRoom::from(self.room));
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
        let shown = PresentedToken::new(carried.iter().map(HeaderValue::as_bytes));
        let mut room = self.0.room(peer, request.extensions().get(), most_rows(ask)).await?;
        let shown = shown.marked(request.extensions().get::<TokenDigest>());
        let release = self.0.read((peer, &shown), ask, &query).await;
        let release = release.map_err(|why| stopped(&self.0, peer, why, &query))?;
        let (entry, checkpoint) = (release.seq, &*release.checkpoint);
        let Rows { rows, bytes, salt, next_page } =
            release.reply.map_err(|why| refusal(&self.0, why, entry, checkpoint))?;
        if let Query::Get { .. } = query {
            match rows.first() {
                None => return Err(ApiError::not_available(entry, checkpoint).status()),
                Some(row) if row.left_out => {
                    return Err(ApiError::record_too_large(entry, checkpoint).status());
                }
                Some(_) => {}
            }
        }
        room.keep(rows.len(), bytes);
        let (checkpoint, salt) = (checkpoint.to_owned(), salt.to_vec());
        Ok(Reply { rows, next_page, proof: Proof { entry, checkpoint, salt }, room })
    }
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
