//! `greffier drill --live`: the incidents that fit a wall clock, against a gateway that runs, and overload.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use crate::cli::demo::terminated;
use crate::cli::lines::wrapped;
use crate::cli::{NO, complain, failed, grouped, init, print};
use crate::drill::DrillError;
use crate::drill::account::Claim;
use crate::drill::incident::Incident;
use crate::drill::live::{self, Drill, account, overload};
use crate::files;
use crate::instance::Layout;

/// How many columns a line has.
const WIDTH: usize = 110;

#[derive(ClapArgs, Debug)]
pub(super) struct LiveArgs {
    /// Play those that fit a wall clock against a gateway of its own, over gRPC and mutual TLS on
    /// loopback, and count what the thief's clients received; `anef` is overload. Exit code 1 if
    /// something that is claimed does not hold
    #[arg(long, conflicts_with_all = ["seeds", "months", "late"])]
    pub(super) live: bool,
    /// Decides the persons, what honest agents do and whom the thief asks for
    #[arg(long, default_value_t = 1, requires = "live")]
    seed: u64,
    /// How many connections call at once in `anef`
    #[arg(long, default_value_t = 600, requires = "live", value_parser = clap::value_parser!(u64).range(1..=2_000))]
    callers: u64,
    /// How many synthetic persons each instance has
    #[arg(long, default_value_t = 20_000, hide = true, value_parser = clap::value_parser!(u64).range(5_000..))]
    rows: u64,
    /// Milliseconds that a thief tries, or a crowd calls, at most
    #[arg(long, default_value_t = 6_000, hide = true)]
    turn: u64,
}

/// Why it could not be run to its end.
#[derive(Debug, thiserror::Error)]
enum LiveError {
    #[error(transparent)]
    Init(#[from] init::InitError),
    #[error(transparent)]
    Drill(#[from] DrillError),
    #[error("{0}")]
    System(#[from] std::io::Error),
    #[error("interrupted")]
    Interrupted,
}

/// Lists what is played live.
pub(super) fn list() {
    let all = live::incidents().map(|one| (one.name, one.about));
    let all = all.chain([(live::OVERLOAD, live::OVERLOAD_ABOUT)]);
    all.for_each(|(name, about)| print(format_args!("{name:18} {about}")));
}

pub(super) fn run(args: &LiveArgs, names: &[String], json: bool) -> ExitCode {
    let known = |name: &str| {
        name == live::OVERLOAD || live::incidents().any(|incident| incident.name == name)
    };
    if let Some(name) = names.iter().find(|name| !known(name)) {
        let why = match live::others().any(|incident| incident.name == *name) {
            true => "is not played live: it takes days, or what a wall clock does not give",
            false => "is no incident: `greffier drill --live --list` names them",
        };
        complain(format_args!("{name} {why}"));
        return NO.into();
    }
    match play(args, names, json) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => NO.into(),
        Err(error) => failed(error),
    }
}

/// Whether everything holds.
fn play(args: &LiveArgs, names: &[String], json: bool) -> Result<bool, LiveError> {
    let chosen = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let (mut told, mut holds) = (Vec::new(), true);
    if !json {
        print(HEAD);
    }
    for incident in live::incidents().filter(|incident| chosen(incident.name)) {
        let figures = theft(args, *incident)?;
        let claims = figures.claims();
        holds &= claims.iter().all(|claim| claim.holds);
        if json {
            told.push(with(&claims, serde_json::to_value(&figures)));
        } else {
            print(row(&figures));
            broken(&claims);
        }
    }
    let mut crowd = Value::Null;
    if chosen(live::OVERLOAD) {
        let figures = flood(args)?;
        let claims = figures.claims();
        holds &= claims.iter().all(|claim| claim.holds);
        if json {
            crowd = with(&claims, serde_json::to_value(&figures));
        } else {
            print(overloaded(&figures));
            broken(&claims);
        }
    }
    let not_live: Vec<&str> = live::others().map(|incident| incident.name).collect();
    if json {
        let all =
            json!({"holds": holds, "incidents": told, "overload": crowd, "not_live": not_live});
        print(format_args!("{all:#}"));
    } else {
        let text = format!(
            "Not played live, since they take days or what a wall clock does not give: {}.",
            not_live.join(", ")
        );
        print(format_args!("\n{}", wrapped(&text, WIDTH).join("\n")));
        print(if holds { "All that is claimed holds." } else { "NOT ALL THAT IS CLAIMED HOLDS." });
    }
    Ok(holds)
}

fn theft(args: &LiveArgs, incident: Incident) -> Result<account::Figures, LiveError> {
    on_an_instance(args, (live::PROVIDERS, live::WITH_AGENTS), |drill| live::run(incident, drill))
}

fn flood(args: &LiveArgs) -> Result<overload::Figures, LiveError> {
    let size = (live::CROWD_PROVIDERS, live::CROWD_AGENTS);
    on_an_instance(args, size, |drill| overload::run(drill, args.callers))
}

/// Makes an instance of so many providers and agents in a folder that goes at the end, and drills on it.
fn on_an_instance<T, F: Future<Output = Result<T, DrillError>>>(
    args: &LiveArgs,
    (providers, agents): (u32, u32),
    drill: impl FnOnce(Drill) -> F,
) -> Result<T, LiveError> {
    let folder = tempfile::tempdir()?;
    let dir: PathBuf = folder.path().join("instance");
    let stock = init::Stock { persons: args.rows, providers, agents, seed: args.seed };
    let made = init::make_with(&dir, &stock, "127.0.0.1:0", open_second)?;
    let turn = Duration::from_millis(args.turn);
    let drill = drill(Drill { made, persons: args.rows, seed: args.seed, turn });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        tokio::select! {
            done = drill => Ok(done?),
            // The gateway is ended with its handle, and the folder removed.
            _ = tokio::signal::ctrl_c() => Err(LiveError::Interrupted),
            () = terminated() => Err(LiveError::Interrupted),
        }
    });
    runtime.shutdown_background();
    done
}

/// Opens the scope of a second provider, so that a theft at two providers takes strangers at both.
fn open_second(layout: &Layout) -> std::io::Result<()> {
    let section = |scope| format!("[provider.{}.dataset.cir]\nscope = \"{scope}\"", live::SECOND);
    let policy = files::read_text(&layout.policy(), files::SMALL)?;
    files::replace(&layout.policy(), &policy.replacen(&section("roster"), &section("open"), 1))
}

const HEAD: &str = "\
persons that the thief's clients received, and those that the ledger says were released to it
                    before a high alert          in all       off the                    high alert  reads of others
incident             received   ledger   received   ledger    roster misses attempts     after ms  served/refused";

fn row(figures: &account::Figures) -> String {
    let honest = &figures.honest;
    let alert = figures.alert.map_or("none".to_owned(), |alert| grouped(alert.milliseconds));
    format!(
        "{:18} {:>10} {:>8} {:>10} {:>8} {:>9} {:>6} {:>8} {:>12} {:>8}/{}",
        figures.name,
        figures.received_before_alert,
        figures.persons_before_alert,
        figures.received,
        figures.persons,
        figures.off_roster,
        figures.misses,
        grouped(figures.attempts),
        alert,
        grouped(honest.served),
        honest.refused_of_colleagues + honest.refused_of_others,
    )
}

fn overloaded(figures: &overload::Figures) -> String {
    let milliseconds = |latency: &overload::Latency| {
        let [p50, p99] = [latency.p50, latency.p99].map(|micros| micros as f64 / 1_000.0);
        format!("median {p50:.1} ms, 99 % {p99:.1} ms")
    };
    let mut text = format!(
        "\n{}: {} connections for {:.1} s\n  served      {} reads, {} a second: {}\n",
        figures.name,
        grouped(figures.callers),
        figures.milliseconds as f64 / 1_000.0,
        grouped(figures.served),
        grouped(figures.served_a_second),
        milliseconds(&figures.latency),
    );
    for (told, count) in figures.refused.iter().chain(&figures.refused_otherwise) {
        text += &format!("  refused     {} with {told}\n", grouped(*count));
    }
    text += &format!(
        "              {} connections were not taken, {} calls had no answer\n",
        grouped(figures.not_connected),
        grouped(figures.unanswered)
    );
    text += &format!(
        "  lone reader {} before; {} of {} served meanwhile: {}\n",
        milliseconds(&figures.before),
        grouped(figures.meanwhile.reads),
        grouped(figures.meanwhile.reads + figures.meanwhile_refused),
        milliseconds(&figures.meanwhile),
    );
    let recovered = figures.recovered_milliseconds;
    text += &format!(
        "  recovery    {}\n  ledger      {} entries, {} replies without one, {} released without a reply",
        recovered.map_or("none".to_owned(), |after| format!("{} ms", grouped(after))),
        grouped(figures.entries),
        figures.unaccounted_replies,
        figures.released_without_reply,
    );
    text
}

/// Says what does not hold.
fn broken(claims: &[Claim]) {
    for claim in claims.iter().filter(|claim| !claim.holds) {
        print(format_args!("  DOES NOT HOLD  {}", claim.says));
    }
}

fn with(claims: &[Claim], figures: serde_json::Result<Value>) -> Value {
    let mut object = figures.unwrap_or_default();
    object["holds"] = claims.iter().all(|claim| claim.holds).into();
    for claim in claims {
        object["claims"][claim.name] = claim.holds.into();
    }
    object
}
