//! TLS 1.3, mutual, and nothing else. A missing, foreign or expired certificate ends here, in the
//! handshake; what the certificate says is for the door.

use std::future::poll_fn;
use std::io;
use std::mem::replace;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
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

/// Why no hands were shaken.
#[derive(Debug)]
pub(super) enum Unopened {
    /// Not a byte came: somebody looked whether the port is open.
    Silent,
    /// Whatever ended the handshake.
    Failed(io::Error),
}

/// Accepts connections.
pub(super) struct Door {
    acceptor: TlsAcceptor,
    /// Whose turn it is to have their handshake worked on: one at a time of those from networks that
    /// are familiar, and
    familiar: Semaphore,
    /// ... one of all others.
    strangers: Semaphore,
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
        let [familiar, strangers] = [(); 2].map(|()| Semaphore::new(1));
        let timeout = settings.handshake_timeout;
        Ok(Door { acceptor, familiar, strangers, timeout, trust_domain, own })
    }

    /// The server's certificate.
    pub(super) fn own(&self) -> Option<Own> {
        self.own
    }

    /// Shakes hands within the time allowed. Who is `familiar` does not wait for the arithmetic of
    /// those who are not.
    ///
    /// # Errors
    /// [`Unopened`]; the caller is told nothing more than TLS tells.
    pub(super) async fn open(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        familiar: bool,
    ) -> Result<(TlsStream<TcpStream>, Peer), Unopened> {
        let turn = if familiar { &self.familiar } else { &self.strangers };
        let mut spoke = false;
        let shake = async {
            // Replies are small and answered one by one: waiting to fill a segment only delays them.
            stream.set_nodelay(true)?;
            if stream.peek(&mut [0]).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            spoke = true;
            in_turn(turn, self.acceptor.accept(stream)).await
        };
        let shaken = tokio::time::timeout(self.timeout, shake).await;
        let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = match shaken {
            Ok(stream) => stream,
            Err(_) if !spoke => return Err(Unopened::Silent),
            Err(error) => return Err(Unopened::Failed(error)),
        };
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let leaf =
            leaf.ok_or_else(|| Unopened::Failed(io::Error::other("no client certificate")))?;
        let peer = Peer::from_certificate(leaf, from, &self.trust_domain);
        Ok((stream, peer))
    }
}

/// Polls a future only while nobody else of the same turn is polled, and in the order in which they
/// came: the arithmetic of a thousand handshakes then has at most one place in the runtime's queue,
/// and calls go on between them.
async fn in_turn<T>(turn: &Semaphore, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        let mine = turn.acquire().await;
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        drop(mine);
        if let Poll::Ready(done) = polled {
            return done;
        }
        // Until it is woken.
        let mut waited = false;
        poll_fn(|_| if replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_one_turn_one_is_at_work_at_a_time_and_whoever_waits_holds_up_nobody() {
        let (turn, at_work) = (Arc::new(Semaphore::new(1)), Arc::new(AtomicUsize::new(0)));
        let silent = tokio::spawn({
            let turn = turn.clone();
            async move { in_turn(&turn, std::future::pending::<()>()).await }
        });
        let mut all = JoinSet::new();
        for _ in 0..200 {
            let (turn, at_work) = (turn.clone(), at_work.clone());
            let mut steps = 5;
            let work = poll_fn(move |cx| {
                assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0);
                std::thread::yield_now();
                at_work.fetch_sub(1, Ordering::SeqCst);
                steps -= 1;
                cx.waker().wake_by_ref();
                if steps == 0 { Poll::Ready(()) } else { Poll::Pending }
            });
            all.spawn(async move { in_turn(&turn, work).await });
        }
        all.join_all().await;
        silent.abort();
    }
}
