//! TLS 1.3, mutual, and nothing else. A missing, foreign or expired certificate ends here, in the
//! handshake; what the certificate says is for the door.

mod material;
mod reload;
mod revoked;

use std::future::poll_fn;
use std::io;
use std::mem::replace;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::SingleCertAndKey;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch as channel};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::admission::{Authorities, Peer};
use crate::files::{SecretError, Watched};
use crate::service::watch::expiry::Own;
use material::{Identity, Trusted};
pub(in crate::service) use reload::keep;
use reload::{AuthoritiesFiles, IdentityFiles};

/// The files of the certificates that are shown, and of those that are believed.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Path of the server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Path of the server's private key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// Path of the authorities that clients' certificates come from, PEM.
    pub client_ca: PathBuf,
    /// What it has revoked: CRLs, PEM, one of each authority of `client_ca`.
    pub client_crl: Option<PathBuf>,
    /// How long the whole handshake may take.
    pub handshake_timeout: Duration,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Path of the file that cannot be read.
        path: PathBuf,
        /// The error that the system gives.
        error: io::Error,
    },
    /// A file that is no PEM of its kind.
    #[error("{}: {error}", path.display())]
    Pem {
        /// Path of the file that is no PEM of its kind.
        path: PathBuf,
        /// What is wrong with the file's PEM.
        error: rustls::pki_types::pem::Error,
    },
    /// The private key cannot be read, or others may read it.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Certificate and key do not go together, or TLS cannot use them.
    #[error("the certificate of `tls.certificate` and the key of `tls.key` cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
    /// There is no authority of clients that can be used.
    #[error("{}: the authorities of clients cannot be used: {why}", path.display())]
    Authority {
        /// Path of the file of authorities.
        path: PathBuf,
        /// What is wrong with the authorities, in words.
        why: String,
    },
    /// Lists of revoked certificates that cannot be believed.
    #[error("{}: what is revoked cannot be told: {why}", path.display())]
    Revoked {
        /// Path of the file of revoked certificates.
        path: PathBuf,
        /// What is wrong with the lists, in words.
        why: String,
    },
    /// The server's own certificate is not good at this moment, so whoever connects would refuse
    /// it.
    #[error("{}: the first certificate is not good yet, or not any more", .0.display())]
    NotNow(PathBuf),
}

/// Why a handshake came to nothing.
#[derive(Debug)]
pub(in crate::service) enum Unopened {
    /// Not a byte came: somebody looked whether the port is open.
    Silent,
    /// The handshake failed; holds what ended it.
    Failed(io::Error),
}

/// Accepts connections by TLS 1.3, with the certificates of this moment.
pub(in crate::service) struct Door {
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    /// Looked at by themselves: a disk that does not answer for the one leaves the other watched.
    identity_files: Mutex<IdentityFiles>,
    authorities_files: Mutex<AuthoritiesFiles>,
    current: Mutex<Current>,
    authorities: Arc<Authorities>,
    /// The certificate that the door shows now, for whoever watches its expiry.
    own: channel::Sender<Option<Own>>,
    /// Whose turn it is to have their handshake worked on: one at a time of those from networks
    /// that are familiar.
    familiar: Semaphore,
    /// Whose turn it is among all others, one at a time.
    strangers: Semaphore,
    trust_domain: Arc<str>,
}

/// What the next handshake is made with.
struct Current {
    identity: Identity,
    verifier: Arc<dyn ClientCertVerifier>,
    acceptor: TlsAcceptor,
}

/// Mutual TLS 1.3 with this certificate, and those that the verifier passes.
fn acceptor(
    identity: &Identity,
    verifier: &Arc<dyn ClientCertVerifier>,
    provider: &Arc<CryptoProvider>,
) -> Result<TlsAcceptor, rustls::Error> {
    let shown = SingleCertAndKey::from(identity.certified.clone());
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier.clone())
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session would carry a certificate that may have expired since; HTTP/2 keeps
    // connections open anyway.
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Door {
    pub(in crate::service) fn new(
        settings: &TlsSettings,
        trust_domain: Arc<str>,
    ) -> Result<Door, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = settings.clone();
        // Watched first, and then read.
        let [certificate, key] =
            [&settings.certificate, &settings.key].map(|path| Watched::content(path.clone()));
        let files = AuthoritiesFiles::watched(&settings);
        let identity = Identity::read(&settings, &provider)?;
        let trusted = Trusted::read(&settings, provider.clone())?;
        let verifier = trusted.verifier.clone();
        let identity_files = Mutex::new(IdentityFiles { certificate, key });
        let authorities_files = Mutex::new(files.believing(&trusted));
        let [familiar, strangers] = [(); 2].map(|()| Semaphore::new(1));
        let acceptor = acceptor(&identity, &verifier, &provider)?;
        let own = channel::Sender::new(identity.own);
        let authorities = Arc::new(Authorities::new(verifier.clone()));
        let current = Mutex::new(Current { identity, verifier, acceptor });
        Ok(Door {
            settings,
            provider,
            identity_files,
            authorities_files,
            current,
            authorities,
            own,
            familiar,
            strangers,
            trust_domain,
        })
    }

    /// The certificate that is shown, now and from here on.
    pub(in crate::service) fn own(&self) -> channel::Receiver<Option<Own>> {
        self.own.subscribe()
    }

    /// Shows another certificate from here on; whether it is another. Connections that are open
    /// stay.
    fn show(&self, identity: Identity) -> Result<bool, TlsError> {
        let mut current = self.current.lock();
        if current.identity.is_same(&identity) {
            return Ok(false);
        }
        current.acceptor = acceptor(&identity, &current.verifier, &self.provider)?;
        self.own.send_replace(identity.own);
        current.identity = identity;
        Ok(true)
    }

    /// Believes other authorities from here on: of whom connects, and of whom is connected.
    fn believe(&self, verifier: Arc<dyn ClientCertVerifier>) -> Result<(), TlsError> {
        let mut current = self.current.lock();
        current.acceptor = acceptor(&current.identity, &verifier, &self.provider)?;
        current.verifier = verifier.clone();
        self.authorities.replace(verifier);
        Ok(())
    }

    /// Shakes hands within the time allowed. Who is `familiar` does not wait for the arithmetic of
    /// those who are not.
    ///
    /// # Errors
    /// [`Unopened`]; the caller is told nothing more than TLS tells.
    pub(in crate::service) async fn open(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        familiar: bool,
    ) -> Result<(TlsStream<TcpStream>, Peer), Unopened> {
        let turn = if familiar { &self.familiar } else { &self.strangers };
        let mut spoke = false;
        let shake = async {
            // Replies are small and answered one by one: waiting to fill a segment only delays
            // them.
            stream.set_nodelay(true)?;
            if stream.peek(&mut [0]).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            spoke = true;
            let acceptor = self.current.lock().acceptor.clone();
            in_turn(turn, acceptor.accept(stream)).await
        };
        let shaken = tokio::time::timeout(self.settings.handshake_timeout, shake).await;
        let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = match shaken {
            Ok(stream) => stream,
            Err(_) if !spoke => return Err(Unopened::Silent),
            Err(error) => return Err(Unopened::Failed(error)),
        };
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let leaf = chain.first();
        let leaf =
            leaf.ok_or_else(|| Unopened::Failed(io::Error::other("no client certificate")))?;
        let peer = Peer::from_certificate(leaf, from, &self.trust_domain);
        let peer = peer.vouched(chain, &self.authorities);
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
