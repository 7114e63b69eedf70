//! TLS 1.3, mutual, and nothing else. A missing, foreign or expired certificate ends here, in the
//! handshake; what the certificate says is for the door.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::expiry::Own;
use crate::admission::Peer;
use crate::files::{SecretError, read_secret};

/// Whose certificates are shown and accepted.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// The authority of the clients, PEM.
    pub client_ca: PathBuf,
    /// For the whole handshake.
    pub handshake_timeout: Duration,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is no PEM of its kind.
    #[error("{}: {error}", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: rustls::pki_types::pem::Error,
    },
    /// The key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// They do not go together.
    #[error("the certificates cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
    /// No usable authority.
    #[error("the client authority cannot be used: {0}")]
    Authority(#[from] rustls::server::VerifierBuilderError),
}

/// Accepts connections.
pub(super) struct Door {
    acceptor: TlsAcceptor,
    timeout: Duration,
    trust_domain: Arc<str>,
    own: Option<Own>,
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |error| TlsError::Pem { path: path.to_owned(), error };
    CertificateDer::pem_file_iter(path).map_err(pem)?.collect::<Result<_, _>>().map_err(pem)
}

impl Door {
    pub(super) fn new(settings: &Settings, trust_domain: Arc<str>) -> Result<Door, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in certificates(&settings.client_ca)? {
            roots.add(authority)?;
        }
        let roots = Arc::new(roots);
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
        let chain = certificates(&settings.certificate)?;
        let own = chain.first().and_then(Own::of);
        let pem = |error| TlsError::Pem { path: settings.key.clone(), error };
        let key = PrivateKeyDer::from_pem_slice(read_secret(&settings.key)?.as_bytes());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key.map_err(pem)?)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // A resumed session would carry a certificate that may have expired since; HTTP/2 keeps
        // connections open anyway.
        config.send_tls13_tickets = 0;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Door { acceptor, timeout: settings.handshake_timeout, trust_domain, own })
    }

    /// The server's certificate.
    pub(super) fn own(&self) -> Option<Own> {
        self.own
    }

    /// Shakes hands within the time allowed.
    ///
    /// # Errors
    /// Whatever ended the handshake; the caller is told nothing more than TLS tells.
    pub(super) async fn open(
        &self,
        stream: TcpStream,
        from: SocketAddr,
    ) -> io::Result<(TlsStream<TcpStream>, Peer)> {
        // Replies are small and answered one by one: waiting to fill a segment only delays them.
        stream.set_nodelay(true)?;
        let shaken = tokio::time::timeout(self.timeout, self.acceptor.accept(stream)).await;
        let stream = shaken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let leaf = leaf.ok_or_else(|| io::Error::other("no client certificate"))?;
        let peer = Peer::from_certificate(leaf, from, &self.trust_domain);
        Ok((stream, peer))
    }
}
