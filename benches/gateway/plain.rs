//! The service that the gateway is measured against: the same TLS, the same HTTP/2, the same query,
//! the same reply and the same allocator, and nothing else. No admission, no handle, no limit, no
//! entry, no proof. This program runs it as a process of its own, so that its CPU time can be told
//! apart.
//!
//! It is served as tonic and hyper serve by themselves. What the gateway does better there is taken
//! off what its audit costs; `--coalesced` has this service, too, lay the replies of a connection
//! together. It goes through tonic's router all the same.

use std::convert::Infallible;
use std::error::Error as _;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use greffier::instance::Layout;
use greffier::proto::records_server::{Records, RecordsServer};
use greffier::proto::{
    ExportRecordsRequest, ExportRecordsResponse, Field, GetRecordRequest, GetRecordResponse,
    ListRecordsRequest, ListRecordsResponse, Proof, Record, SearchRecordsRequest,
    SearchRecordsResponse,
};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tower_service::Service as _;

use crate::gauge::Failed;
use crate::stand::{COALESCED, PLAINTEXT, PROVIDER};

/// The view that reads without one get, as the policy of a new instance has it.
const FIELDS: [&str; 6] =
    ["family_name", "given_name", "course", "course_site", "course_level", "hours_attended"];

/// Serves until standard input ends.
pub(crate) fn serve(dir: &Path, how: &[String]) -> Result<(), Failed> {
    let is = |word: &str| how.iter().any(|said| said == word);
    let (coalesced, plaintext) = (is(COALESCED), is(PLAINTEXT));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let layout = Layout::new(dir);
        let acceptor = acceptor(&layout)?;
        let records = RecordsServer::new(Service(Arc::new(Plain::open(&layout)?)));
        let routes = Routes::new(records.max_decoding_message_size(64 << 10)).prepare();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
        let mut ended = std::pin::pin!(ended);
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, routes) = (accepted?.0, routes.clone());
                    stream.set_nodelay(true)?;
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        if plaintext {
                            return connection(stream, routes, coalesced).await;
                        }
                        match acceptor.accept(stream).await {
                            Ok(stream) => connection(stream, routes, coalesced).await,
                            Err(error) => eprintln!("plain server: a handshake failed: {error}"),
                        }
                    });
                }
                _ = &mut ended => return Ok(()),
            }
        }
    })
}

/// As the gateway sets it up.
fn acceptor(layout: &Layout) -> Result<TlsAcceptor, Failed> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(layout.ca())? {
        roots.add(authority?)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let chain = CertificateDer::pem_file_iter(layout.server_certificate())?;
    let key = PrivateKeyDer::from_pem_file(layout.server_key())?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier.build()?)
        .with_single_cert(chain.collect::<Result<_, _>>()?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// As the gateway serves one, but for what it does to lay replies together, unless that is wanted.
async fn connection<S>(stream: S, routes: Routes, coalesced: bool)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let open = Arc::new(AtomicUsize::new(0));
    let counted = open.clone();
    let service = service_fn(move |request| {
        let (mut routes, open) = (routes.clone(), counted.clone());
        open.fetch_add(1, Ordering::Relaxed);
        async move {
            let reply = routes.call(request).await.unwrap_or_else(|no| match no {});
            open.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, Infallible>(reply)
        }
    });
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .max_header_list_size(16 << 10)
        .max_pending_accept_reset_streams(32)
        .max_local_error_reset_streams(64)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10));
    let ended = if coalesced {
        // Four with the one that is being answered, as at the gateway.
        let serving = http.serve_connection(Whole(TokioIo::new(stream)), service);
        greffier::service::door::connection::coalesced(serving, || {
            open.load(Ordering::Relaxed) >= 3
        })
        .await
    } else {
        http.serve_connection(TokioIo::new(stream), service).await
    };
    if let Err(error) = ended {
        // A client that has what it wanted just goes.
        if error.source().is_none() {
            eprintln!("plain server: a connection ended: {error}");
        }
    }
}

/// A connection that takes no vectored writes, as the gateway's.
struct Whole<S>(TokioIo<S>);

impl<S: AsyncRead + Unpin> Read for Whole<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> Write for Whole<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What an export sends.
type Exported = Pin<Box<dyn Stream<Item = Result<ExportRecordsResponse, Status>> + Send>>;

/// The service.
#[derive(Clone)]
struct Service(Arc<Plain>);

/// The records, read as the gateway reads them.
struct Plain {
    readers: Vec<Mutex<Connection>>,
    next: AtomicUsize,
    sql: String,
    list: String,
    /// A checkpoint of the gateway's, so that both replies are of one length.
    checkpoint: String,
}

impl Plain {
    fn open(layout: &Layout) -> Result<Plain, Failed> {
        let fields: String = FIELDS.iter().map(|field| format!(r#", t."{field}""#)).collect();
        let sql = format!(
            r#"SELECT t."id", r.id IS NOT NULL{fields} FROM "roster" r
               CROSS JOIN "dossiers" t ON t."id" = r.id WHERE r.provider = ?1 AND r.id = ?2"#
        );
        let list = format!(
            r#"SELECT t."id", r.id IS NOT NULL{fields} FROM "roster" r CROSS JOIN "dossiers" t
               ON t."id" = r.id WHERE r.provider = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3"#
        );
        let count = std::thread::available_parallelism()?.get();
        let readers = (0..count).map(|_| connect(&layout.source()).map(Mutex::new));
        let checkpoint = std::fs::read_to_string(layout.high_water())?;
        let readers = readers.collect::<Result<_, _>>()?;
        Ok(Plain { readers, next: AtomicUsize::new(0), sql, list, checkpoint })
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let at = |i: usize| &self.readers[(turn + i) % self.readers.len()];
        (0..self.readers.len())
            .find_map(|i| at(i).try_lock().ok())
            .unwrap_or_else(|| at(0).lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A page of the provider's roster, and the id that the next one begins behind.
    fn page(&self, after: &str, size: i32) -> Result<(Vec<Record>, String), rusqlite::Error> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&self.list)?;
        let mut rows = statement.query((PROVIDER, after, size + 1))?;
        let (mut records, mut last) = (Vec::new(), String::new());
        while let Some(row) = rows.next()? {
            if records.len() == size as usize {
                return Ok((records, last));
            }
            last = row.get(0)?;
            let name = format!("datasets/cir/records/{last}");
            records.push(Record { name, fields: fields(row)?, fields_left_out: false });
        }
        Ok((records, String::new()))
    }

    /// A page as a reply has it, and where the next one begins.
    fn reply(&self, after: &str, size: i32) -> Result<ExportRecordsResponse, Status> {
        let page = self.page(after, size).map_err(|error| Status::internal(error.to_string()))?;
        let (records, next_page_token) = page;
        let proof = Proof { entry: 1, checkpoint: self.checkpoint.clone(), salt: vec![0; 16] };
        Ok(ExportRecordsResponse { records, next_page_token, proof: Some(proof) })
    }

    /// The fields of a record on the provider's roster.
    fn get(&self, id: &str) -> Result<Option<Vec<Field>>, rusqlite::Error> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&self.sql)?;
        let mut rows = statement.query((PROVIDER, id))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(if row.get(1)? { Some(fields(row)?) } else { None })
    }
}

/// The fields of a row, which follow the two columns that every statement has.
fn fields(row: &Row<'_>) -> Result<Vec<Field>, rusqlite::Error> {
    let mut fields = Vec::with_capacity(FIELDS.len());
    for (i, name) in (2..).zip(FIELDS) {
        let value = match row.get_ref(i)? {
            ValueRef::Integer(n) => n.to_string(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
        };
        fields.push(Field { name: name.to_owned(), value });
    }
    Ok(fields)
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, mode)?;
    reader.pragma_update(None, "trusted_schema", false)?;
    reader.pragma_update(None, "mmap_size", 1_i64 << 32)?;
    reader.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(reader)
}

#[tonic::async_trait]
impl Records for Service {
    type ExportRecordsStream = Exported;

    async fn export_records(
        &self,
        request: Request<ExportRecordsRequest>,
    ) -> Result<Response<Exported>, Status> {
        let (plain, size) = (self.clone(), request.into_inner().page_size);
        let pages = stream::unfold(Some(String::new()), move |after| {
            let plain = plain.clone();
            async move {
                let reply = plain.0.reply(&after?, size);
                let next = reply.as_ref().ok().map(|page| page.next_page_token.clone());
                Some((reply, next.filter(|next| !next.is_empty())))
            }
        });
        Ok(Response::new(Box::pin(pages)))
    }

    async fn get_record(
        &self,
        request: Request<GetRecordRequest>,
    ) -> Result<Response<GetRecordResponse>, Status> {
        let name = request.into_inner().name;
        let id = name.rsplit_once('/').map_or("", |(_, id)| id);
        let found = self.0.get(id).map_err(|error| Status::internal(error.to_string()))?;
        let fields = found.ok_or_else(|| Status::not_found("no such record"))?;
        let proof = Proof { entry: 1, checkpoint: self.0.checkpoint.clone(), salt: vec![0; 16] };
        Ok(Response::new(GetRecordResponse {
            record: Some(Record { name, fields, fields_left_out: false }),
            proof: Some(proof),
        }))
    }

    async fn list_records(
        &self,
        request: Request<ListRecordsRequest>,
    ) -> Result<Response<ListRecordsResponse>, Status> {
        let ListRecordsRequest { page_size, page_token, .. } = request.into_inner();
        let ExportRecordsResponse { records, next_page_token, proof } =
            self.0.reply(&page_token, page_size)?;
        Ok(Response::new(ListRecordsResponse { records, next_page_token, proof }))
    }

    async fn search_records(
        &self,
        _: Request<SearchRecordsRequest>,
    ) -> Result<Response<SearchRecordsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
