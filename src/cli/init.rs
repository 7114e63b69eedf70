//! `greffier init`: a new instance, whole or not at all.

mod production;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::json;

use super::act::ActError;
use super::{bar, failed, grouped, print};
use crate::anomaly::AnomalyJudge;
use crate::config::{SettingsError, in_force, policy};
use crate::format::entry::{Act, Word};
use crate::format::signer::{BadSecret, Signer, read_key};
use crate::instance::{InstanceError, Layout, Made, NotFounded, Plan, Stage, prepare};
use crate::registrar::Commits;
use crate::registrar::clock;
use crate::registrar::start;
use crate::registrar::start::StartError;
use crate::registrar::wall;
use production::Production;

/// How long the enrolments of a development instance are good, in milliseconds.
const FOUNDED: u64 = 3_600_000;

/// Make a new instance: keys, configuration, ledger
///
/// For production it makes no authority, no client and no record: it asks your
/// authority for the gateway's certificate, begins the ledger with the personal
/// keys of the administrators and your policy, and says what is left to do. Each
/// administrator sends the enrolment of a key, signed by that very key:
///   greffier act keygen me.key
///   greffier act propose enrol_key --admin ID --public-key KEY --origin NAME \
///       --reason "..." > me.json
///   greffier act sign me.json --admin ID --personal-key me.key
/// where NAME is the ledger's. Then:
///   greffier init DIR --name NAME --trust-domain DOMAIN --server-name HOST \
///       --policy policy.toml --admin me.json --admin another.json
///
/// With --dev it makes everything that runs: an authority with server and client
/// certificates, keys, commented config.toml and policy.toml, a ledger with its
/// first policy, and a stock of plainly synthetic persons with rosters. Whoever has
/// the folder has every key. It says so at every start.
///
/// Exit codes: 0 made, 2 not made, and nothing is left behind.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// For development: the folder to make; absent or empty
    #[arg(long, value_name = "DIR", required_unless_present = "dir", conflicts_with = "dir")]
    dev: Option<PathBuf>,
    #[command(flatten)]
    production: Production,
    #[command(flatten)]
    pub(super) stock: Stock,
    /// Address that the gateway will listen on; port 0 takes any that is free
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: String,
    /// Print JSON instead of lines of text
    #[arg(long)]
    json: bool,
}

/// How much of everything a development instance has.
#[derive(ClapArgs, Debug, Clone, Copy)]
pub(super) struct Stock {
    /// How many synthetic persons there are
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
    Policy(#[from] policy::PolicyError),
    #[error(transparent)]
    Secret(#[from] BadSecret),
    #[error(transparent)]
    Founding(#[from] NotFounded),
    #[error(transparent)]
    Ledger(#[from] StartError),
    #[error("the copy of the policy: {0}")]
    Copy(#[from] std::io::Error),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error(transparent)]
    Config(#[from] SettingsError),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("enrol two administrators or more (--admin): one alone cannot enrol another")]
    Founders,
    #[error("`{0}` is no administrator of the policy: write admin = [\"{0}\"] under [staff]")]
    Unknown(Word),
    #[error(
        "{} is signed for {signed_for}, and this ledger begins as {ours}: propose and sign it again \
         with --origin {ours}", path.display()
    )]
    Elsewhere { path: PathBuf, signed_for: String, ours: String },
}

pub(super) fn run(args: &Args) -> ExitCode {
    let done = match &args.dev {
        Some(dir) => make(dir, &args.stock, &args.listen).map(|made| {
            if args.json { as_json(&made, &args.stock) } else { in_words(&made, &args.stock) }
        }),
        None => production::make(&args.production, &args.listen).map(|(made, founders)| {
            if args.json {
                production::as_json(&made)
            } else {
                production::in_words(&made, &founders)
            }
        }),
    };
    match done {
        Ok(text) => {
            print(text);
            ExitCode::SUCCESS
        }
        Err(error) => failed(error),
    }
}

/// Makes an instance: everything but the ledger, then the ledger, then the folder gets its name.
pub(super) fn make(dir: &Path, stock: &Stock, listen: &str) -> Result<Made, InitError> {
    make_with(dir, stock, listen, |_| Ok(()))
}

/// The same with something changed before the ledger begins, which may be the policy.
pub(super) fn make_with(
    dir: &Path,
    stock: &Stock,
    listen: &str,
    change: impl FnOnce(&Layout) -> std::io::Result<()>,
) -> Result<Made, InitError> {
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
    change(&prepared.made().layout)?;
    let name = prepared.made().verifier.name();
    let founding = prepared.made().layout.founding(name, wall() + FOUNDED)?;
    write_ledger(prepared.made(), &founding)?;
    Ok(prepared.finish()?)
}

/// The ledger: genesis, the administrators' keys and first policy.
fn write_ledger(made: &Made, founding: &[Act]) -> Result<(), InitError> {
    let policy = policy::load(&made.layout.policy())?;
    let seed = read_key(&made.layout.signing_key())?;
    let signer = Signer::new(made.verifier.name(), &seed).map_err(BadSecret::from)?;
    let settings = start::LedgerSettings {
        path: made.layout.ledger(),
        high_water: made.layout.high_water(),
        queue: 1,
        share: 1,
        clock: clock::ClockSettings::default(),
        commits: Commits::default(),
    };
    start::create(&settings, &signer, &policy.rules(), founding, AnomalyJudge::fresh())?;
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
