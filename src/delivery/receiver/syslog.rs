//! Syslog: messages of RFC 5424, over TLS with octet counting (RFC 5425) or by a local datagram socket. It
//! acknowledges nothing.

use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixDatagram};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Answer, ReceiverError, Trouble};
use crate::delivery::dispatch::{Gravity, rfc3339};
use crate::delivery::form::Form;
use crate::delivery::settings::{SyslogTarget, host};
use crate::delivery::spool::Waiting;
use crate::files;

/// How long a connection and a write may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a collector's machine may leave what it is sent unconfirmed, in milliseconds.
const UNHEARD: u32 = 30_000;
/// The facility of audit logs (RFC 5424, 6.2.1).
const LOG_AUDIT: u8 = 13;
/// Structured data names its enterprise; this number is that of examples (RFC 5612), until there is one.
const DATA_ID: &str = "greffier@32473";

pub(in crate::delivery) struct Syslog {
    to: Where,
    form: Form,
    origin: String,
    host: String,
    line: Option<TlsStream<TcpStream>>,
    socket: Option<UnixDatagram>,
}

enum Where {
    Tls { address: String, name: ServerName<'static>, connector: TlsConnector },
    Socket(PathBuf),
}

fn pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, ReceiverError> {
    let bad = |why: String| ReceiverError::File { path: path.display().to_string(), why };
    let text = files::read(path, files::SMALL).map_err(|error| bad(error.to_string()))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| bad(error.to_string()))?;
    if all.is_empty() { Err(bad("there is no certificate in it".to_owned())) } else { Ok(all) }
}

fn connector(target: &SyslogTarget) -> Result<TlsConnector, ReceiverError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &target.ca {
        for certificate in pem(path)? {
            roots.add(certificate).map_err(|error| ReceiverError::File {
                path: path.display().to_string(),
                why: error.to_string(),
            })?;
        }
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(|error| ReceiverError::Address(error.to_string()))?
        .with_root_certificates(roots);
    let config = match (&target.certificate, &target.key) {
        (Some(certificate), Some(key)) => {
            let bad = |why: String| ReceiverError::File { path: key.display().to_string(), why };
            let secret = files::read_secret(key)?;
            let secret = PrivateKeyDer::from_pem_slice(secret.as_bytes());
            let secret = secret.map_err(|error| bad(error.to_string()))?;
            let config = config.with_client_auth_cert(pem(certificate)?, secret);
            config.map_err(|error| bad(error.to_string()))?
        }
        _ => config.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Syslog {
    pub(super) fn new(target: &SyslogTarget, origin: &str) -> Result<Syslog, ReceiverError> {
        let to = match (&target.address, &target.socket) {
            (Some(address), _) => {
                let name = target.server_name.as_deref().unwrap_or_else(|| host(address));
                let bad = |_| ReceiverError::Address(format!("`{name}` is no name of a server"));
                Where::Tls {
                    address: address.clone(),
                    name: ServerName::try_from(name.to_owned()).map_err(bad)?,
                    connector: connector(target)?,
                }
            }
            (None, socket) => Where::Socket(socket.clone().unwrap_or_default()),
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(Syslog {
            to,
            form: target.form,
            origin: origin.to_owned(),
            host,
            line: None,
            socket: None,
        })
    }

    /// Whether the collector has ended the connection: what it was sent last may be lost.
    pub(super) async fn lost(&mut self) -> bool {
        let Some(line) = &mut self.line else { return false };
        let mut byte = [0; 64];
        // A collector says nothing; what can be read is its end.
        match timeout(Duration::ZERO, line.read(&mut byte)).await {
            Err(_) => false,
            Ok(Ok(n)) if n > 0 => false,
            Ok(_) => {
                self.line = None;
                true
            }
        }
    }

    pub(super) async fn send(&mut self, events: &[Waiting]) -> Result<Vec<Answer>, Trouble> {
        let sent = timeout(PATIENCE, self.write(events)).await;
        let sent = sent.unwrap_or_else(|_| Err("it does not answer".to_owned()));
        sent.map_err(|why| {
            (self.line, self.socket) = (None, None);
            Trouble::unreachable(why)
        })?;
        Ok(vec![Answer::Taken; events.len()])
    }

    async fn write(&mut self, events: &[Waiting]) -> Result<(), String> {
        let messages: Vec<String> = events
            .iter()
            .map(|event| message(event, self.form, &self.origin, &self.host))
            .collect();
        let said = |error: std::io::Error| error.to_string();
        match &self.to {
            Where::Socket(path) => {
                let socket = match self.socket.take() {
                    Some(socket) => socket,
                    None => {
                        let socket = UnixDatagram::unbound().map_err(said)?;
                        socket.connect(path).map_err(said)?;
                        socket
                    }
                };
                for message in &messages {
                    socket.send(message.as_bytes()).await.map_err(said)?;
                }
                self.socket = Some(socket);
            }
            Where::Tls { address, name, connector } => {
                let line = match &mut self.line {
                    Some(line) => line,
                    None => {
                        let at = address.clone();
                        let found = tokio::task::spawn_blocking(move || at.to_socket_addrs());
                        let found =
                            found.await.map_err(|error| error.to_string())?.map_err(said)?;
                        let found: Vec<_> = found.collect();
                        let tcp = TcpStream::connect(&*found).await.map_err(said)?;
                        // A collector that vanished is noticed while what it was sent is still kept.
                        rustix::net::sockopt::set_tcp_user_timeout(&tcp, UNHEARD)
                            .map_err(|error| said(error.into()))?;
                        let line = connector.connect(name.clone(), tcp).await.map_err(said)?;
                        self.line.insert(line)
                    }
                };
                let frames: String =
                    messages.iter().map(|message| format!("{} {message}", message.len())).collect();
                line.write_all(frames.as_bytes()).await.map_err(said)?;
                line.flush().await.map_err(said)?;
            }
        }
        Ok(())
    }
}

/// The severity of syslog (RFC 5424, 6.2.1).
fn severity(gravity: Gravity) -> u8 {
    match gravity {
        Gravity::Critical => 2,
        Gravity::High => 3,
        Gravity::Medium => 4,
        Gravity::Info => 6,
    }
}

/// A value of structured data: quotes, backslashes and brackets are escaped (6.3.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

/// One message: the head, entry number and origin as structured data, and the whole object.
fn message(event: &Waiting, form: Form, origin: &str, host: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
    let priority = LOG_AUDIT * 8 + severity(event.gravity);
    let at = body["at"].as_str().map_or_else(|| rfc3339(0), str::to_owned);
    let kind = body["type"].as_str().unwrap_or("-");
    let mut data =
        format!("{DATA_ID} id=\"{}\" origin=\"{}\"", escaped(&event.id), escaped(origin));
    if let Some(entry) = body["entry"].as_u64() {
        data.push_str(&format!(" entry=\"{entry}\""));
    }
    let visible =
        |text: &str| -> String { text.chars().filter(char::is_ascii_graphic).take(255).collect() };
    let host = visible(host);
    let host = if host.is_empty() { "-" } else { &host };
    format!("<{priority}>1 {at} {host} greffier - {kind} [{data}] {}", form.text(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_head_its_data_and_its_object() {
        let body = r#"{"at":"2026-11-22T10:02:03.000Z","type":"alert","entry":57,"text":"]\""}"#;
        let event = Waiting {
            number: 1,
            id: "0123-57".to_owned(),
            gravity: Gravity::High,
            incident: Some(50),
            body: body.to_owned(),
        };
        assert_eq!(
            message(&event, Form::Json, "agency.example/\"reads\"]", "gateway 1"),
            format!(
                "<107>1 2026-11-22T10:02:03.000Z gateway1 greffier - alert [greffier@32473 \
                 id=\"0123-57\" origin=\"agency.example/\\\"reads\\\"\\]\" entry=\"57\"] {body}"
            )
        );
    }
}
