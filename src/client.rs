//! The reference client: the other side of the gateway, over the same protocol that any other
//! language uses. What a gateway says of its ledger it believes only as far as it can check it.

pub mod notice;
pub mod tail;
pub mod token;

use std::path::PathBuf;
use std::time::Duration;

use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Status, Streaming};

use token::{Carry, TokenSource};

use crate::files::{self, SecretError};
use crate::format::checkpoint::Checkpoint;
use crate::format::entry;
use crate::format::entry::Millis;
use crate::proto::admin_client::AdminClient;
use crate::proto::alerts_client::AlertsClient;
use crate::proto::ledger_client::LedgerClient;
use crate::proto::records_client::RecordsClient;
use crate::proto::{
    Act, Context, ExportRecordsRequest, ExportRecordsResponse, GetCheckpointRequest,
    GetRecordRequest, ListRecordsRequest, Proof, Record, SearchRecordsRequest, Signature,
    SubmitActRequest,
};

/// How often a gateway is asked whether it still lives, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);

/// Where the gateway is and who calls.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Address of the gateway, `host:port`.
    pub address: String,
    /// Name that the server's certificate must have.
    pub server_name: String,
    /// The authority that signed the server's certificate, PEM.
    pub ca: PathBuf,
    /// Path of the caller's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Path of the caller's private key, PEM.
    pub key: PathBuf,
    /// Where the tokens of the agent come from; none if the certificate stands in for the person,
    /// or no records are read.
    pub token: Option<TokenSource>,
}

/// Reads of records, each with the agent's token.
pub type Records = RecordsClient<InterceptedService<Channel, Carry>>;

/// Why there is no connection to the gateway.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file of the caller's own cannot be used.
    #[error("{}: {error}", path.display())]
    File {
        /// Path of the file that cannot be used.
        path: PathBuf,
        /// The error that the system gives.
        error: std::io::Error,
    },
    /// The caller's private key cannot be read, or others may read it.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// No gateway, or no agreement with it.
    #[error("no connection to {address}: {}", deepest(.error))]
    Connect {
        /// Address at which the gateway was looked for.
        address: String,
        /// What came in place of a connection.
        error: tonic::transport::Error,
    },
}

/// The innermost cause, which says most.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A connection to a gateway, with a client for each of its services.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client for reads of records, `greffier.v1.Records`.
    pub records: Records,
    /// The client for checkpoints, receipts and proofs, `greffier.v1.Ledger`.
    pub ledger: LedgerClient<Channel>,
    /// The client for alerts, `greffier.v1.Alerts`.
    pub alerts: AlertsClient<Channel>,
    /// The client for acts of administrators and what they see of providers, `greffier.v1.Admin`.
    pub admin: AdminClient<Channel>,
}

impl Client {
    /// Connects, with mutual TLS.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn connect(settings: &ClientSettings) -> Result<Client, ClientError> {
        let read = |path: &PathBuf| {
            let file = |error| ClientError::File { path: path.clone(), error };
            files::read(path, files::SMALL).map_err(file)
        };
        let tls = ClientTlsConfig::new()
            .domain_name(&settings.server_name)
            .ca_certificate(Certificate::from_pem(read(&settings.ca)?))
            .identity(Identity::from_pem(
                read(&settings.certificate)?,
                files::read_secret(&settings.key)?,
            ));
        let address = || settings.address.clone();
        let failed = |error| ClientError::Connect { address: address(), error };
        let endpoint = Endpoint::from_shared(format!("https://{}", settings.address))
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map_err(failed)?;
        let endpoint = endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true);
        // A gateway that vanished without a word is noticed while nothing is asked of it.
        let endpoint = endpoint.http2_keep_alive_interval(PING).keep_alive_timeout(PONG);
        let channel = endpoint.connect().await.map_err(failed)?;
        Ok(Client {
            records: RecordsClient::with_interceptor(
                channel.clone(),
                Carry(settings.token.clone()),
            ),
            ledger: LedgerClient::new(channel.clone()),
            alerts: AlertsClient::new(channel.clone()),
            admin: AdminClient::new(channel),
        })
    }

    /// Asks for which ledger statements are to be signed. Whoever signs sees it in the statement.
    ///
    /// # Errors
    /// The gateway's refusal, or what became of the connection.
    pub async fn origin(&mut self) -> Result<String, Status> {
        Ok(self.origin_and_time().await?.0)
    }

    /// The same, and the time of the gateway's entries, Unix milliseconds.
    ///
    /// # Errors
    /// The gateway's refusal, or what became of the connection.
    pub async fn origin_and_time(&mut self) -> Result<(String, Millis), Status> {
        let newest = self.ledger.get_checkpoint(GetCheckpointRequest {}).await?.into_inner();
        let parsed = Checkpoint::parse(&newest.checkpoint);
        let origin = parsed.map_err(|error| Status::data_loss(error.to_string()))?.origin;
        Ok((origin, newest.at_unix_ms))
    }

    /// Submits a statement with its signatures; the act as it was written.
    ///
    /// # Errors
    /// The gateway's refusal, or what became of the connection.
    pub async fn submit(
        &mut self,
        statement: String,
        signatures: &[entry::Signature],
    ) -> Result<Act, Status> {
        let signature = |one: &entry::Signature| Signature {
            admin: one.admin.as_ref().to_owned(),
            key: one.key.0.to_vec(),
            signature: one.signature.0.to_vec(),
        };
        let signatures = signatures.iter().map(signature).collect();
        let request = SubmitActRequest { statement, signatures };
        let written = self.admin.submit_act(request).await?.into_inner().act;
        written.ok_or_else(|| Status::data_loss("a reply without the act"))
    }

    /// Exports under an approved job; each page is a read, and proven by itself.
    ///
    /// # Errors
    /// The gateway's refusal, or what became of the connection.
    pub async fn export(
        &mut self,
        request: ExportRecordsRequest,
    ) -> Result<Streaming<ExportRecordsResponse>, Status> {
        Ok(self.records.export_records(request).await?.into_inner())
    }

    /// Reads: whatever is asked for, in the form that all replies have.
    ///
    /// # Errors
    /// The gateway's refusal, or what became of the connection.
    pub async fn read(&mut self, query: ReadRequest, context: Context) -> Result<Reply, Status> {
        let context = Some(context);
        let (records, next_page_token, proof) = match query {
            ReadRequest::Get { name } => {
                let request = GetRecordRequest { name, context };
                let reply = self.records.get_record(request).await?.into_inner();
                (reply.record.into_iter().collect(), String::new(), reply.proof)
            }
            ReadRequest::List { parent, page_size, page_token } => {
                let request = ListRecordsRequest { parent, context, page_size, page_token };
                let reply = self.records.list_records(request).await?.into_inner();
                (reply.records, reply.next_page_token, reply.proof)
            }
            ReadRequest::Search { parent, search, values, page_size, page_token } => {
                let values = values.into_iter().collect();
                let request =
                    SearchRecordsRequest { parent, context, search, values, page_size, page_token };
                let reply = self.records.search_records(request).await?.into_inner();
                (reply.records, reply.next_page_token, reply.proof)
            }
        };
        Ok(Reply { records, next_page_token, proof: proof.unwrap_or_default() })
    }
}

/// What a read asks the gateway for.
#[derive(Clone, Debug)]
pub enum ReadRequest {
    /// Asks for one record by its name.
    Get {
        /// Name of the record: `datasets/DATASET/records/HANDLE`.
        name: String,
    },
    /// Asks for a page of a dataset.
    List {
        /// Name of the dataset: `datasets/DATASET`.
        parent: String,
        /// How many records the page has at most, 1 to 500.
        page_size: i32,
        /// Token that came with the page before; empty for the first page.
        page_token: String,
    },
    /// Asks for records by exact values of a search.
    Search {
        /// Name of the dataset: `datasets/DATASET`.
        parent: String,
        /// Name of a search that the dataset declares.
        search: String,
        /// A value for each of its fields.
        values: Vec<(String, String)>,
        /// How many records the page has at most, 1 to 500.
        page_size: i32,
        /// Token that came with the page before; empty for the first page.
        page_token: String,
    },
}

/// What a read was given, and the proof of it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The records, in the order in which they came.
    pub records: Vec<Record>,
    /// Empty on the last page of a list; of a search, on one that was not full.
    pub next_page_token: String,
    /// The proof that the read stands in the ledger.
    pub proof: Proof,
}
