//! `greffier demo`: a stolen credential, an ordinary day, and what can be proven afterwards.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args as ClapArgs;

use super::{NO, failed, grouped, init};
use crate::client::ClientError;
use crate::verify::Failure;

mod account;
mod audit;
mod caller;
mod ordinary;
mod receipts;
mod report;
mod show;
mod stage;
mod story;
mod sums;
mod thief;
mod watch;

use account::Figures;
use show::Screen;

/// See a stolen credential go for two million records, and count afterwards what it got
///
/// It makes 2,000,000 invented persons and runs the gateway on loopback. The agents of twelve
/// providers do ordinary work through it; then a copy of one agent's certificate tries to take
/// everything, in every way it knows, and the gateway is ended and started again in the middle of it.
/// Afterwards the ledger is verified, and what it says is held against what the thief really got.
///
/// Nothing is staged: it is this program's `init`, `serve`, client and `verify`, with the budgets that
/// `init` gives. Nothing leaves the machine, and the folder goes at the end unless you keep it.
///
/// Exit codes: 0 all that is claimed holds, 1 a claim does not, 2 it could not be run.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Synthetic persons
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(5_000..))]
    rows: u64,
    /// Decides the persons, what the agents do, and the order in which the thief tries its ways
    #[arg(long, default_value_t = 5)]
    seed: u64,
    /// Make the instance here and keep it, to look and check by hand
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print one JSON object at the end, and nothing else
    #[arg(long)]
    json: bool,
    /// Milliseconds for each way of the thief, five times that for the work before it, once after it
    #[arg(long, default_value_t = 2_500, hide = true)]
    turn: u64,
}

/// The provider whose agent's certificate is stolen: the one of scope `open`.
const VICTIM: &str = "provider-01";
/// The agent.
const THIEF: &str = "provider-01-agent-1";
/// Providers of the instance.
const PROVIDERS: u32 = 12;

/// Why it could not be run to its end.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Init(#[from] init::InitError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the gateway: {0}")]
    Gateway(String),
    #[error("the stock: {0}")]
    Stock(#[from] rusqlite::Error),
    #[error("the ledger: {0}")]
    Ledger(#[from] Failure),
    #[error("{0}")]
    System(#[from] std::io::Error),
    #[error("interrupted")]
    Interrupted,
}

impl Failed {
    fn gateway(error: impl std::fmt::Display) -> Failed {
        Failed::Gateway(error.to_string())
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    let screen = Arc::new(Screen::new(args.json));
    match play(args, &screen) {
        Ok(figures) => {
            let claims = figures.claims();
            let holds = claims.iter().all(|claim| claim.holds);
            if args.json {
                screen.json(&figures.as_json(&claims));
            }
            if holds { ExitCode::SUCCESS } else { ExitCode::from(NO) }
        }
        // A ledger that does not hold is an answer.
        Err(Failed::Ledger(Failure::Unsound(unsound))) => {
            failed(format_args!("the ledger does not hold: {unsound}"));
            ExitCode::from(NO)
        }
        Err(error) => failed(error),
    }
}

/// Waits for SIGTERM.
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut term) => drop(term.recv().await),
        // Without it, the interrupt is what ends this.
        Err(_) => std::future::pending().await,
    }
}

fn play(args: &Args, screen: &Arc<Screen>) -> Result<Figures, Failed> {
    let began = Instant::now();
    let temporary = tempfile::tempdir()?;
    let dir = args.keep.clone().unwrap_or_else(|| temporary.path().join("instance"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let played = runtime.block_on(async {
        tokio::select! {
            played = story::tell(args, &dir, screen) => played,
            // The gateway is ended with its handle, and the folder removed.
            _ = tokio::signal::ctrl_c() => Err(Failed::Interrupted),
            () = terminated() => Err(Failed::Interrupted),
        }
    });
    runtime.shutdown_background();
    let mut figures = played?;
    figures.seconds = began.elapsed().as_secs_f64();
    report::show(screen, &figures, args.keep.as_deref());
    Ok(figures)
}
