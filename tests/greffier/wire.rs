//! A client of bytes: TLS and HTTP/2 without the gRPC library, for what that library would not
//! send.

use std::io;
use std::path::Path;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Method, Request, StatusCode, request};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Status;

use crate::instance::Daemon;
use crate::pki::Shown;

/// A connection after the client's part of the handshake, which in TLS 1.3 is not yet the server's
/// consent.
pub(crate) async fn shake(
    daemon: &Daemon,
    shown: Option<&Shown>,
) -> io::Result<TlsStream<TcpStream>> {
    shake_at(&daemon.address, &daemon.settings("provider-01").ca, shown).await
}

/// The same with any gateway.
pub(crate) async fn shake_at(
    address: &str,
    ca: &Path,
    shown: Option<&Shown>,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    shake_over(stream, ca, shown).await
}

/// A handshake from another address of this machine.
pub(crate) async fn shake_from(
    daemon: &Daemon,
    from: [u8; 4],
    shown: &Shown,
) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(daemon.address.parse().expect("an address")).await?;
    shake_over(stream, &daemon.settings("provider-01").ca, Some(shown)).await
}

async fn shake_over(
    stream: TcpStream,
    ca: &Path,
    shown: Option<&Shown>,
) -> io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("ca.pem")).expect("an authority");
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_webpki_verifier(verifier.build().expect("a verifier"));
    let mut config = match shown {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_file_iter(certificate).expect("a certificate");
            let chain = chain.collect::<Result<_, _>>().expect("a certificate");
            let key = PrivateKeyDer::from_pem_file(key).expect("a key");
            config.with_client_auth_cert(chain, key).expect("certificate and key")
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// What the server says instead of shaking hands: the text of the alert. Panics if it sends
/// anything else.
pub(crate) async fn alert(daemon: &Daemon, shown: Option<&Shown>) -> String {
    let mut stream = match shake(daemon, shown).await {
        Ok(stream) => stream,
        Err(error) => return error.to_string(),
    };
    let mut byte = [0];
    match stream.read(&mut byte).await {
        Ok(read) => panic!("{read} bytes came through a handshake that had to fail"),
        Err(error) => error.to_string(),
    }
}

/// An HTTP/2 connection, and its end.
pub(crate) struct Wire(SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>);

/// A call that has begun: what will be answered, and where its request goes on.
pub(crate) type Begun = (ResponseFuture, SendStream<Bytes>);

impl Wire {
    pub(crate) async fn open(daemon: &Daemon, shown: &Shown) -> Wire {
        Wire::over(shake(daemon, Some(shown)).await.expect("a handshake"), 65_535).await
    }

    /// A client that makes room for so many bytes of each reply, and for more as it reads.
    pub(crate) async fn over(stream: TlsStream<TcpStream>, window: u32) -> Wire {
        let mut client = h2::client::Builder::new();
        let shaken = client.initial_window_size(window).handshake(stream).await;
        let (send, connection) = shaken.expect("HTTP/2");
        Wire(send, tokio::spawn(connection))
    }

    /// Waits for the end of the connection, which must come without a fault of either side: a
    /// goodbye, or the close behind it if that is read first.
    pub(crate) async fn ended(self) {
        if let Err(error) = self.1.await.expect("a connection does not panic") {
            let goodbye = error.reason() == Some(h2::Reason::NO_ERROR);
            assert!(goodbye || error.is_io(), "{error:?}");
        }
    }

    /// Whether it has.
    pub(crate) fn is_over(&self) -> bool {
        self.1.is_finished()
    }

    /// Whether the gateway has said its goodbye.
    pub(crate) fn takes_no_more(&self) -> bool {
        use futures_util::FutureExt as _;
        self.is_over() || matches!(self.0.clone().ready().now_or_never(), Some(Err(_)))
    }

    /// A request of HTTP without a body, and what it is answered.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> (StatusCode, HeaderMap, String) {
        self.exchange(Request::builder().method(method), path, b"").await
    }

    /// Any request of HTTP, and what it is answered: trailers stand among the headers.
    pub(crate) async fn exchange(
        &self,
        request: request::Builder,
        path: &str,
        body: &[u8],
    ) -> (StatusCode, HeaderMap, String) {
        let request = request.uri(format!("https://localhost{path}")).body(()).expect("a request");
        let mut send = self.0.clone().ready().await.expect("HTTP/2");
        let (response, mut stream) = send.send_request(request, body.is_empty()).expect("HTTP/2");
        if !body.is_empty() {
            // What is refused at its headers takes no more.
            let _ = stream.send_data(Bytes::copy_from_slice(body), true);
        }
        let (mut head, mut body) = response.await.expect("a response").into_parts();
        let mut text = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.expect("data");
            body.flow_control().release_capacity(data.len()).expect("HTTP/2");
            text.extend_from_slice(&data);
        }
        head.headers.extend(body.trailers().await.expect("HTTP/2").unwrap_or_default());
        (head.status, head.headers, String::from_utf8_lossy(&text).into_owned())
    }

    /// Begins a call.
    pub(crate) async fn begin(&self, path: &str, headers: &[(&str, &str)]) -> Begun {
        let mut request = Request::post(format!("https://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let mut send = self.0.clone().ready().await.expect("HTTP/2");
        send.send_request(request, false).expect("HTTP/2")
    }

    /// Ends a call; its status.
    pub(crate) async fn end(&self, begun: Begun, body: &[u8]) -> Status {
        let (response, mut stream) = begun;
        // What is refused at its headers takes no more.
        let _ = stream.send_data(Bytes::copy_from_slice(body), true);
        answered(response).await
    }

    /// A POST of these bytes; the gRPC status, from wherever it stands.
    pub(crate) async fn call(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Status {
        self.end(self.begin(path, headers).await, body).await
    }
}

/// The status of a call, from wherever it stands.
pub(crate) async fn answered(response: ResponseFuture) -> Status {
    let (head, mut body) = response.await.expect("a response").into_parts();
    if let Some(status) = Status::from_header_map(&head.headers) {
        return status;
    }
    while let Some(data) = body.data().await {
        let data = data.expect("data");
        body.flow_control().release_capacity(data.len()).expect("HTTP/2");
    }
    let trailers: HeaderMap = body.trailers().await.expect("HTTP/2").unwrap_or_default();
    Status::from_header_map(&trailers)
        .unwrap_or_else(|| panic!("no gRPC status: {} {:?}", head.status, head.headers))
}

/// A message as gRPC frames it: a flag, the length, the bytes.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    [&[flag][..], &length, message].concat()
}
