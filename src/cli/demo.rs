//! `greffier demo`: a stolen credential, an ordinary day, and what can be proven afterwards.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;

use super::{NO, failed, grouped, init};
use crate::drill::account::Figures;
use crate::drill::{self, Audience, theft};
use crate::instance::Made;
use crate::verify::Failure;

mod report;
mod show;
mod words;

use show::Screen;
use words::Narrator;

/// See a stolen credential go for two million records, and count afterwards what it got
///
/// It makes 2,000,000 invented persons and runs the gateway on loopback. The agents of twelve
/// providers do ordinary work through it; then a copy of one agent's certificate tries to take
/// everything, in every way it knows, and the gateway is ended and started again in the middle of
/// it. Afterwards the ledger is verified, and what it says is held against what the thief really
/// got. Then a thief of two persons a day, over simulated weeks: on which day it is found, and what
/// budgets alone would have let it have.
///
/// Nothing is staged: it is this program's `init`, `serve`, client and `verify`, with the budgets
/// that `init` gives; the simulated weeks are of its registrar and judge. Nothing leaves the machine, and the folder goes at the end unless you keep
/// it.
///
/// Exit codes: 0 all that is claimed holds, 1 a claim does not, 2 it could not be run.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// How many synthetic persons the instance has
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
    /// Milliseconds for each way of the thief, five times that for the work before it, once after
    /// it
    #[arg(long, default_value_t = 2_500, hide = true)]
    turn: u64,
}

/// How many providers the instance has.
const PROVIDERS: u32 = 12;

/// Why it could not be run to its end.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error(transparent)]
    Init(#[from] init::InitError),
    #[error(transparent)]
    Drill(#[from] drill::DrillError),
    #[error("{0}")]
    System(#[from] std::io::Error),
    #[error("interrupted")]
    Interrupted,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let narrator = Arc::new(Narrator::new(Screen::new(args.json)));
    match play(args, &narrator) {
        Ok(figures) => {
            let claims = figures.claims();
            let holds = claims.iter().all(|claim| claim.holds);
            if args.json {
                narrator.screen.json(&figures.as_json(&claims));
            }
            if holds { ExitCode::SUCCESS } else { ExitCode::from(NO) }
        }
        // A ledger that does not hold is an answer.
        Err(DemoError::Drill(drill::DrillError::Ledger(Failure::Unsound(unsound)))) => {
            failed(format_args!("the ledger does not hold: {unsound}"));
            ExitCode::from(NO)
        }
        Err(error) => failed(error),
    }
}

/// Waits until the process is sent SIGTERM.
pub(super) async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut term) => drop(term.recv().await),
        // Without it, the interrupt is what ends this.
        Err(_) => std::future::pending().await,
    }
}

fn play(args: &Args, narrator: &Arc<Narrator>) -> Result<Figures, DemoError> {
    let began = Instant::now();
    let temporary = tempfile::tempdir()?;
    let dir = args.keep.clone().unwrap_or_else(|| temporary.path().join("instance"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let played = runtime.block_on(async {
        tokio::select! {
            played = run_drill(args, &dir, narrator) => played,
            // The gateway is ended with its handle, and the folder removed.
            _ = tokio::signal::ctrl_c() => Err(DemoError::Interrupted),
            () = terminated() => Err(DemoError::Interrupted),
        }
    });
    runtime.shutdown_background();
    let mut figures = played?;
    figures.seconds = began.elapsed().as_secs_f64();
    report::show(&narrator.screen, &figures, args.keep.as_deref());
    Ok(figures)
}

/// Makes the instance, and runs the drill on it.
async fn run_drill(
    args: &Args,
    dir: &Path,
    narrator: &Arc<Narrator>,
) -> Result<Figures, DemoError> {
    let stock = init::Stock {
        persons: args.rows,
        providers: PROVIDERS,
        agents: drill::AGENTS,
        seed: args.seed,
    };
    narrator.agency(stock.persons, stock.providers);
    let dir = dir.to_owned();
    let making = tokio::task::spawn_blocking(move || init::make(&dir, &stock, "127.0.0.1:0"));
    let made: Made = making.await.map_err(std::io::Error::other)??;
    narrator.made(&made);
    let turn = Duration::from_millis(args.turn);
    let drill = theft::Drill { made, persons: args.rows, seed: args.seed, turn };
    let audience: Arc<dyn Audience> = narrator.clone();
    Ok(theft::run(drill, &audience).await?)
}
