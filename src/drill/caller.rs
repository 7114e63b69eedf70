//! One client of the gateway: a certificate, a connection, and what it keeps of its calls. Both the
//! agents and the thief call through it, so that both are served alike.

use std::time::{Duration, Instant};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::client::{Client, ClientError, ClientSettings, ReadRequest, Reply};
use crate::proto::{Context, ExportRecordsRequest, GetReceiptRequest, View};

/// The dataset of a development instance.
pub(super) const CIR: &str = "datasets/cir";
/// Between two attempts of a call that the gateway could not take.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a caller tries: far longer than a restart lasts.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no reply.
#[derive(Clone, Debug)]
pub(super) struct CallError {
    /// The reason of the error, as the README lists them; none if no gateway said it.
    pub(super) reason: Option<String>,
    /// The entry of a read that the judge withheld.
    pub(super) entry: Option<u64>,
    code: Code,
}

impl CallError {
    fn of(status: &Status) -> CallError {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == "greffier");
        let entry = info.and_then(|info| info.metadata.get("entry")?.parse().ok());
        let reason = info.map(|info| info.reason.clone());
        CallError { reason, entry, code: status.code() }
    }

    /// The code of gRPC.
    pub(super) fn code(&self) -> &'static str {
        match self.code {
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::Unavailable => "UNAVAILABLE",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::Internal => "INTERNAL",
            _ => "OTHER",
        }
    }

    /// Whether its code says that there is too much to do: DEADLINE_EXCEEDED, where a message comes late.
    pub(super) fn is_of_overload(&self) -> bool {
        let codes = [Code::ResourceExhausted, Code::Unavailable, Code::DeadlineExceeded];
        codes.contains(&self.code)
    }

    /// Whether the call may simply be made again: UNAVAILABLE (AIP-194), or no answer at all.
    pub(super) fn lost(&self) -> bool {
        self.code == Code::Unavailable || self.reason.is_none()
    }
}

/// A client with its connection.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    /// Calls made again because the gateway was not there.
    pub(super) retried: u64,
}

impl Caller {
    /// Connects.
    pub(super) async fn connect(settings: &ClientSettings) -> Result<Caller, ClientError> {
        Ok(Caller { client: Client::connect(settings).await?, retried: 0 })
    }

    /// Reads once.
    pub(super) async fn once(
        &mut self,
        query: ReadRequest,
        context: Context,
    ) -> Result<Reply, CallError> {
        self.client.read(query, context).await.map_err(|status| CallError::of(&status))
    }

    /// Exports under a job, until it ends: the pages that came, if any did.
    pub(super) async fn export(
        &mut self,
        job: u64,
        page_size: i32,
        context: Context,
    ) -> Result<Vec<Reply>, CallError> {
        let (parent, page_token, context) = (CIR.to_owned(), String::new(), Some(context));
        let request = ExportRecordsRequest { parent, context, job, page_size, page_token };
        let mut pages = Vec::new();
        let ended = async {
            let mut stream = self.client.export(request).await?;
            while let Some(page) = stream.message().await? {
                let (next_page_token, proof) = (page.next_page_token, page.proof);
                let proof = proof.unwrap_or_default();
                pages.push(Reply { records: page.records, next_page_token, proof });
            }
            Ok(())
        };
        match ended.await {
            Err(status) if pages.is_empty() => Err(CallError::of(&status)),
            _ => Ok(pages),
        }
    }

    /// Reads, again and again while the gateway is not there.
    pub(super) async fn read(
        &mut self,
        query: &ReadRequest,
        why: &Context,
    ) -> Result<Reply, CallError> {
        let began = Instant::now();
        loop {
            match self.once(query.clone(), why.clone()).await {
                Err(refused) if refused.lost() && began.elapsed() < PATIENCE => {
                    self.retried += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// The receipt of a read of its own. Whoever comes too often is told so, and comes again.
    pub(super) async fn receipt(&mut self, entry: u64) -> Result<String, CallError> {
        let began = Instant::now();
        loop {
            let receipt = self.client.ledger.get_receipt(GetReceiptRequest { entry }).await;
            match receipt.map_err(|status| CallError::of(&status)) {
                Err(CallError { code: Code::ResourceExhausted, .. })
                    if began.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done.map(|reply| reply.into_inner().receipt),
            }
        }
    }
}

/// Why a read is made.
pub(super) fn why(purpose: &str, case: &str, view: View) -> Context {
    Context {
        purpose: purpose.to_owned(),
        case_reference: case.to_owned(),
        view: view.into(),
        ..Context::default()
    }
}

/// A page.
pub(super) fn list(page_size: i32, page_token: &str) -> ReadRequest {
    let (parent, page_token) = (CIR.to_owned(), page_token.to_owned());
    ReadRequest::List { parent, page_size, page_token }
}

/// Whoever has a case number: one person at most.
pub(super) fn by_number(id: &str) -> ReadRequest {
    search("case_number", &[("id", id)], 1)
}

/// A search.
pub(super) fn search(search: &str, values: &[(&str, &str)], page_size: i32) -> ReadRequest {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let values = values.iter().map(pair).collect();
    let (parent, search, page_token) = (CIR.to_owned(), search.to_owned(), String::new());
    ReadRequest::Search { parent, search, values, page_size, page_token }
}
