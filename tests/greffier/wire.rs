//! A client of bytes: TLS and HTTP/2 without the gRPC library, for what that library would not
//! send.

use std::io;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let ca = daemon.settings("provider-01").ca;
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
    let stream = TcpStream::connect(&daemon.address).await?;
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

/// An HTTP/2 connection.
pub(crate) struct Wire(SendRequest<Bytes>);

impl Wire {
    pub(crate) async fn open(daemon: &Daemon, shown: &Shown) -> Wire {
        let stream = shake(daemon, Some(shown)).await.expect("a handshake");
        let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        Wire(send)
    }

    /// A POST of these bytes; the gRPC status, from wherever it stands.
    pub(crate) async fn call(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Status {
        let mut request = Request::post(format!("https://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let mut send = self.0.clone().ready().await.expect("HTTP/2");
        let (response, mut stream) = send.send_request(request, false).expect("HTTP/2");
        stream.send_data(Bytes::copy_from_slice(body), true).expect("HTTP/2");
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
}

/// A message as gRPC frames it: a flag, the length, the bytes.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    [&[flag][..], &length, message].concat()
}
