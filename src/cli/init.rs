//! `greffier init`: a new instance, whole or not at all.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::json;

use super::{bar, failed, grouped, print};
use crate::anomaly::Anomaly;
use crate::config::{in_force, policy};
use crate::instance::{InstanceError, Made, NotFounded, Plan, Stage, prepare};
use crate::ledger::signer::{BadSecret, Signer, read_key};
use crate::ledger::start::{self, StartError};

/// Make a new instance: keys, certificates, configuration, ledger, synthetic records
///
/// It runs as it is: an authority with server and client certificates, keys,
/// commented config.toml and policy.toml, a ledger with its first policy, and a stock of plainly
/// synthetic persons with rosters.
///
/// It is for development: whoever has the folder has every key. It says so at every start.
///
/// Exit codes: 0 made, 2 not made, and nothing is left behind.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// The folder to make; absent or empty
    #[arg(long, value_name = "DIR")]
    dev: PathBuf,
    #[command(flatten)]
    pub(super) stock: Stock,
    /// Address that the gateway will listen on; port 0 takes any that is free
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How much of everything.
#[derive(ClapArgs, Debug, Clone, Copy)]
pub(super) struct Stock {
    /// Synthetic persons
    #[arg(long, default_value_t = 100_000)]
    pub(super) persons: u64,
    /// Providers; the first has scope `open`, the others `roster`
    #[arg(long, default_value_t = 12)]
    pub(super) providers: u32,
    /// Agents of each provider that have a certificate of their own
    #[arg(long, default_value_t = 0)]
    pub(super) agents: u32,
    /// The same seed makes the same persons and rosters
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

/// Why there is no new instance. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub(super) enum InitError {
    #[error(transparent)]
    Instance(#[from] InstanceError),
    #[error(transparent)]
    Policy(#[from] policy::Unusable),
    #[error(transparent)]
    Secret(#[from] BadSecret),
    #[error(transparent)]
    Founding(#[from] NotFounded),
    #[error(transparent)]
    Ledger(#[from] StartError),
    #[error("the copy of the policy: {0}")]
    Copy(#[from] std::io::Error),
}

pub(super) fn run(args: &Args) -> ExitCode {
    let made = match make(&args.dev, &args.stock, &args.listen) {
        Ok(made) => made,
        Err(error) => return failed(error),
    };
    print(if args.json { as_json(&made, &args.stock) } else { in_words(&made, &args.stock) });
    ExitCode::SUCCESS
}

/// Makes an instance: everything but the ledger, then the ledger, then the folder gets its name.
pub(super) fn make(dir: &Path, stock: &Stock, listen: &str) -> Result<Made, InitError> {
    let bar = bar("");
    let mut progress = |stage: Stage, done, total| {
        bar.set_message(stage.to_string());
        bar.set_length(total);
        bar.set_position(done);
    };
    let Stock { persons, providers, agents, seed } = *stock;
    let (dir, listen) = (dir.to_owned(), listen.to_owned());
    let plan = Plan { dir, persons, providers, agents, seed, listen };
    let prepared = prepare(&plan, &mut progress)?;
    bar.finish_and_clear();
    write_ledger(prepared.made())?;
    Ok(prepared.finish()?)
}

/// The first segment: genesis, the administrators' keys and first policy.
fn write_ledger(made: &Made) -> Result<(), InitError> {
    let policy = policy::load(&made.layout.policy())?;
    let seed = read_key(&made.layout.signing_key())?;
    let period = jiff::Timestamp::now().strftime("%Y-%m");
    let origin = format!("{}/{period}", made.verifier.name());
    let signer = Signer::new(&origin, &seed).map_err(BadSecret::from)?;
    let settings = start::Settings {
        path: made.layout.ledger(),
        high_water: made.layout.high_water(),
        queue: 1,
        share: 1,
    };
    let founding = made.layout.founding(&origin)?;
    start::create(&settings, &signer, &policy.rules(), &founding, Anomaly::fresh())?;
    in_force::keep(&settings.path, &policy)?;
    Ok(())
}

fn in_words(made: &Made, stock: &Stock) -> String {
    let root = made.layout.root().display();
    let assigned: u64 = made.rosters.iter().map(|(_, size)| size).sum();
    format!(
        "Made {root} with {} synthetic persons, {} of them on the rosters of {} providers.\n\
         It is for DEVELOPMENT: whoever has this folder has every key.\n\n\
         Run it:      greffier serve --config {root}/config.toml\n\
         Read:        greffier read --instance {root} --as provider-02 list\n\
         Verify:      greffier verify {root}/ledger.sqlite --key {root}/key.vkey\n\
         Understand:  {root}/README.txt",
        grouped(stock.persons),
        grouped(assigned),
        made.rosters.len(),
    )
}

fn as_json(made: &Made, stock: &Stock) -> String {
    let rosters: serde_json::Map<String, serde_json::Value> =
        made.rosters.iter().map(|(id, size)| (id.to_string(), json!(size))).collect();
    json!({
        "instance": made.layout.root(),
        "persons": stock.persons,
        "rosters": rosters,
        "key": made.verifier.to_string(),
    })
    .to_string()
}
