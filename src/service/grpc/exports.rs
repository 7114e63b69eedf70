//! `Records.ExportRecords`: the pages of an approved job, one after another. Each is a read of its
//! own and takes the whole path, so whatever is decided meanwhile holds from the next page on. A
//! page is fetched when the connection has room for it, so a slow reader costs one page of memory.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{Stream, unfold};
use http::HeaderValue;
use tokio::sync::watch;
use tonic::{Request, Status};

use super::messages::{ask, carried, dataset_name, most_rows, record, refusal, stopped};
use super::status::ApiError;
use crate::admission::{Ask, PAGE_DEFAULT, PAGE_MAX, Peer, PresentedToken};
use crate::format::entry::Rule;
use crate::places::replies::{Replies, Room};
use crate::proto::{ExportRecordsRequest, ExportRecordsResponse, Proof};
use crate::service::Shared;
use crate::service::read::ReadError;
use crate::source::{Query, Release, Rows, WithheldReason};

/// The stream of messages that an export sends, a page in each.
pub(in crate::service) type Pages =
    Pin<Box<dyn Stream<Item = Result<ExportRecordsResponse, Status>> + Send>>;

/// Longest that an export waits for its turn when it comes too often.
const TURN: Duration = Duration::from_secs(1);

/// One export that is under way, and where its next page begins.
pub(in crate::service) struct Export {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    /// The tokens that came with the call: each page is a call of whoever they vouch for.
    carried: Vec<HeaderValue>,
    stopping: watch::Receiver<bool>,
    ask: Ask,
    job: u64,
    /// Where the next page begins; none behind the last.
    next: Option<String>,
    replies: Option<Arc<Replies>>,
    /// What the page takes that is being sent.
    room: Option<Room>,
}

impl Export {
    pub(in crate::service) fn open(
        shared: &Arc<Shared>,
        mut request: Request<ExportRecordsRequest>,
    ) -> Result<Export, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let peer = peer.ok_or_else(|| ApiError::internal("the caller is not known").status())?;
        let carried = carried(&request).iter().cloned().collect();
        let replies = request.extensions().get().cloned();
        let message = request.get_mut();
        let dataset = dataset_name(&message.parent).unwrap_or_default().to_owned();
        let job = message.job;
        let mut ask = ask(message.context.take(), dataset, Some(message.page_size));
        ask.job = Some(job);
        let next = Some(std::mem::take(&mut message.page_token));
        let stopping = shared.stopping.subscribe();
        let shared = shared.clone();
        Ok(Export { shared, peer, carried, stopping, ask, job, next, replies, room: None })
    }

    /// The stream; it ends with the first error.
    pub(in crate::service) fn pages(self) -> Pages {
        Box::pin(unfold(Some(self), async |export| {
            let mut export = export?;
            match export.page().await {
                Ok(Some(page)) => Some((Ok(page), Some(export))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        }))
    }

    async fn page(&mut self) -> Result<Option<ExportRecordsResponse>, Status> {
        let Some(page_token) = self.next.take() else { return Ok(None) };
        let query = Query::Export { page_token };
        // The page before has been taken, or this one would not be asked for.
        self.room = None;
        let mut room = self.room().await?;
        let release = loop {
            if *self.stopping.borrow() {
                return Err(ApiError::stopping().status());
            }
            let shown = PresentedToken::new(self.carried.iter().map(HeaderValue::as_bytes));
            let caller = (&*self.peer, &shown);
            match self.shared.read(caller, &self.sized(), &query).await {
                // Another export of the job was faster: what it left is asked for.
                Ok(Release {
                    reply: Err(WithheldReason { rule: Some(Rule::Job), remaining: 1.., .. }),
                    ..
                }) => {}
                Ok(release) => break release,
                // A client cannot slow down what the gateway sends, so the gateway waits.
                Err(ReadError::RateLimited(limited)) => {
                    tokio::time::sleep(limited.retry_after.min(TURN)).await;
                }
                Err(why) => return Err(stopped(&self.shared, &self.peer, why, &query)),
            }
        };
        let (entry, checkpoint) = (release.seq, &*release.checkpoint);
        let rows = release.reply.map_err(|why| refusal(&self.shared, why, entry, checkpoint))?;
        let Rows { rows, bytes, salt, next_page } = rows;
        room.keep(rows.len(), bytes);
        self.room = Some(room);
        let proof = Proof { entry, checkpoint: checkpoint.to_owned(), salt: salt.to_vec() };
        self.next = Some(next_page.clone()).filter(|next| !next.is_empty());
        let records = rows.into_iter().map(record).collect();
        let next_page_token = next_page;
        Ok(Some(ExportRecordsResponse { records, next_page_token, proof: Some(proof) }))
    }

    /// Room for a page, however long its provider's other replies take it.
    async fn room(&self) -> Result<Room, Status> {
        let replies = self.replies.as_ref();
        let replies = replies.ok_or_else(|| ApiError::internal("there is no place").status())?;
        let mut stopping = self.stopping.clone();
        tokio::select! {
            room = replies.room(most_rows(&self.ask)) => Ok(room),
            _ = stopping.wait_for(|stopping| *stopping) => Err(ApiError::stopping().status()),
        }
    }

    /// What is asked for next: the job's last page is as large as what it still allows. A size that
    /// nobody may ask for stays as it is, for the door.
    fn sized(&self) -> Ask {
        let mut ask = self.ask.clone();
        let provider = self.peer.name().map(|(_, id)| id.clone()).unwrap_or_default();
        let ledger = &self.shared.rooms.ledger;
        let left = ledger.jobs().left(self.job, &provider, &ask.dataset, ledger.now().at);
        let size = match ask.page_size.and_then(|size| u64::try_from(size).ok()) {
            Some(0) => Some(PAGE_DEFAULT),
            other => other.filter(|size| *size <= PAGE_MAX),
        };
        if let (Some(size), Some(left @ 1..)) = (size, left)
            && let Ok(fits) = i32::try_from(size.min(left))
        {
            ask.page_size = Some(fits);
        }
        ask
    }
}
