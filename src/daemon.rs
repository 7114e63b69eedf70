//! The daemon: puts the rooms together, runs them, and takes up anew what changes while they run.
//! What each of them does it leaves to them.

mod reload;
mod signals;

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::admission::{
    AgentAuth, KeyFileError, Keyring, Provider, RunBy, TokenRequirements, Tokens, Word,
};
use crate::anomaly::AnomalyJudge;
use crate::config::{Config, LogFormat, SettingsError, in_force, policy};
use crate::files::Watched;
use crate::format::signer::{BadSecret, Signer, read_key};
use crate::format::tag::Tagger;
use crate::log::Log;
use crate::quota::Quota;
use crate::registrar::clock;
use crate::registrar::start;
use crate::registrar::start::StartError;
use crate::registrar::{Commits, Registrar};
use crate::service::door::tls;
use crate::service::policy::{ActivePolicy, CurrentPolicy};
use crate::service::read::ReadPath;
use crate::service::tasks::Tasks;
use crate::service::watch::sizes::LedgerFile;
use crate::service::{ServeError, Server};
use crate::source::records_file::RecordsFile;
use crate::source::sqlite;
use reload::{Begun, Builder, Reload, follow};
use signals::Signals;

/// Why the gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file config.toml cannot be used.
    #[error(transparent)]
    Config(#[from] SettingsError),
    /// The policy cannot be read, or has faults.
    #[error(transparent)]
    Policy(#[from] policy::PolicyError),
    /// A key file cannot be used.
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// The ledger is not taken up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The keys of an issuer cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The records do not fit the policy, or cannot be opened.
    #[error(transparent)]
    Source(#[from] sqlite::OpenError),
    /// Nothing can listen at this address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where calls were to be taken.
        address: SocketAddr,
        /// The error that the system gives.
        error: io::Error,
    },
    /// The server could not be set up, or ended.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The level of the log is no level.
    #[error("GREFFIER_LOG={0}: write off, error, warn, info, debug or trace")]
    Level(String),
    /// The system refused something that the daemon needs.
    #[error("{0}")]
    System(#[from] io::Error),
    /// This program failed, by a fault of its own.
    #[error("a fault of this program ended it, and the log tells where: please report it")]
    Panicked,
}

/// Said at every start, whatever the level of the log.
const DEVELOPMENT: &str = "development";

/// How long what is left may take to end after the drain, and the last lines of the log after that.
pub const LEAVE: Duration = Duration::from_secs(2);

/// Runs the gateway by this config.toml, until it is asked to end. `confirmed` is the number of the
/// last entry, for a start whose clock is far from it.
///
/// # Errors
/// [`Error`]. A fault in what runs here, and in none of the tasks, ends the daemon as any other
/// error.
pub fn run(config: &Path, confirmed: Option<u64>, log: &Log) -> Result<(), Error> {
    let served = catch_unwind(AssertUnwindSafe(|| serve(config, confirmed, log)));
    served.unwrap_or(Err(Error::Panicked))
}

fn serve(config: &Path, confirmed: Option<u64>, log: &Log) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (signals, starting) = Signals::take(&runtime, log)?;
    let config = Config::load(config)?;
    begin(log, config.log.format)?;
    let watched = Watched::content(config.policy);
    let records = RecordsFile::at(config.source.path.clone());
    let policy = policy::load(watched.path())?;
    if config.development {
        tracing::warn!(
            target: DEVELOPMENT,
            "this instance is for DEVELOPMENT: one folder holds every key of it"
        );
    }
    let keyring = Keyring::open(&policy.issuers, &policy.folder)?;
    let builder = Builder {
        records: sqlite::SqliteSettings {
            path: config.source.path,
            readers: config.source.readers,
        },
        tagger: Tagger::new(&read_key(&config.ledger.tag_key)?),
        trust_domain: config.trust_domain,
        handles: read_key(&config.handles.key)?,
    };
    let source = builder.source(&policy)?;
    let ledger = start::LedgerSettings {
        path: config.ledger.path,
        high_water: config.ledger.high_water,
        queue: config.ledger.queue,
        share: config.ledger.share,
        clock: clock::ClockSettings { confirmed, ..clock::ClockSettings::default() },
        commits: Commits::default(),
    };
    let signer = Signer::new(&config.name, &read_key(&config.ledger.signing_key)?);
    let signer = signer.map_err(BadSecret::from)?;
    let (rules, changes) = in_force::compared(&ledger.path, &policy);
    for change in changes.iter().filter(|change| change.looser) {
        tracing::warn!("policy: {change}");
    }
    let tls = tls::TlsSettings {
        certificate: config.tls.certificate,
        key: config.tls.key,
        client_ca: config.tls.client_ca,
        client_crl: config.tls.client_crl,
        handshake_timeout: Duration::from_millis(config.tls.handshake_timeout_ms),
    };

    let registrar = {
        let _inside = runtime.enter();
        Registrar::start(ledger.clone(), signer, rules, Box::new(AnomalyJudge::fresh))?
    };
    for (provider, issuer) in own_issuers(&policy) {
        let enrolled = registrar.ledger.approved().agents(&provider);
        tracing::warn!(
            %provider, %issuer, enrolled,
            "a provider runs this issuer: only those of its agents are served whom acts have enrolled"
        );
    }
    let served = runtime.block_on(async {
        let address = config.listen;
        let listener = listen(address);
        let listener = listener.map_err(|error| Error::Listen { address, error })?;
        // Only what the registrar took up is in force.
        in_force::keep(&ledger.path, &policy)?;
        let terms = builder.terms(&policy, registrar.head, keyring);
        let (policies, swap) = CurrentPolicy::new(ActivePolicy {
            quota: Quota::new(&terms),
            terms: terms.into(),
            source,
        });
        let tokens = Tokens::default();
        let rooms = ReadPath { policies, tokens, ledger: registrar.ledger.clone() };
        let wal_max = config.ledger.wal_mib << 20;
        let ledger_file = LedgerFile { path: ledger.path.clone(), wal_max };
        let server =
            Server::new(rooms, &tls, config.door.limits(), ledger_file, log.clone()).await?;
        let recorder = registrar.ledger.clone();
        let (warnings, path) = (server.warnings(), ledger.path);
        let begun =
            Begun { builder, watched, records, policy, swap, ledger: recorder, warnings, path };
        let Signals { hangup, mut end } = signals;
        let mut tasks = Tasks::default();
        let reload = Arc::new(Mutex::new((Reload::new(begun), hangup)));
        tasks.run("policy", move || follow(reload.clone()));
        if let Some(within) = sd_notify::watchdog_enabled() {
            tasks.run("watchdog", move || stay_alive(within / 3));
        }
        server.begin(&mut tasks).await;
        let address = listener.local_addr()?;
        drop(starting);
        tracing::info!(%address, "taking calls");
        announce(address)?;
        tell_system(NotifyState::Ready);
        let shutdown = async {
            end.asked().await;
            tell_system(NotifyState::Stopping);
            tracing::info!("stopping: open calls may end");
        };
        Ok::<(), Error>(server.run(listener, tasks, shutdown).await?)
    });
    // What still holds the ledger must be gone before its thread can end.
    runtime.shutdown_timeout(LEAVE);
    registrar.finish();
    served
}

/// Connections that the system keeps until they are taken, as far as `net.core.somaxconn` allows: a
/// crowd of thousands must not have a first packet dropped, which comes again after a second.
const BACKLOG: u32 = 4_096;

/// Listens, also where connections of a daemon before are still about to end.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The providers that run their own issuers, and these.
fn own_issuers(policy: &policy::Policy) -> Vec<(Word, Word)> {
    let own = |(id, provider): (&Word, &Provider)| {
        let AgentAuth::Token(TokenRequirements { issuer, .. }) = &provider.voucher else {
            return None;
        };
        let run_by = policy.issuers.get(issuer)?.run_by;
        (run_by == RunBy::Provider).then(|| (id.clone(), issuer.clone()))
    };
    policy.providers.iter().filter_map(own).collect()
}

/// Tells systemd, if it asked to be told (`Type=notify`).
fn tell_system(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

/// Tells it again and again that tasks go on here (`WatchdogSec=`).
async fn stay_alive(pause: Duration) -> Infallible {
    let mut beats = tokio::time::interval(pause);
    loop {
        beats.tick().await;
        tell_system(NotifyState::Watchdog);
    }
}

/// Says on standard output where calls are taken, and waits for nobody to read it.
fn announce(address: SocketAddr) -> io::Result<()> {
    let announcing = thread::Builder::new().name("announcement".to_owned());
    let announced = announcing.spawn(move || {
        let mut out = io::stdout().lock();
        // In one piece, for whoever waits for a line.
        let line = format!("listening on {address}\n");
        if let Err(error) = out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
            tracing::warn!(%error, "standard output cannot be written: nobody is told the address");
        }
    });
    announced.map(drop)
}

/// Has everything that is traced, and whatever panics, go to the log.
fn begin(log: &Log, format: LogFormat) -> Result<(), Error> {
    let level = match std::env::var("GREFFIER_LOG") {
        Ok(level) => level.parse::<LevelFilter>().map_err(|_| Error::Level(level))?,
        Err(_) => LevelFilter::INFO,
    };
    // Other crates may trace what they carry, and what they carry are records: never below a
    // warning. HTTP/2 warns of every connection that misbehaves, and whoever floods must not fill
    // the log.
    let filter = EnvFilter::new(format!("warn,h2=error,greffier={level},{DEVELOPMENT}=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone());
    // Its own errors would go to standard error by a way that panics.
    let lines = lines.log_internal_errors(false);
    match format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => {
            use io::IsTerminal as _;
            lines.with_ansi(io::stderr().is_terminal()).with_target(false).init();
        }
    }
    Log::take_panics();
    Ok(())
}
