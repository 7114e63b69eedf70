//! How fast a large ledger is written and checked: entries go through the real registrar of this
//! process, without network and source; then `greffier verify` checks the file as anyone would,
//! and `greffier exposure` answers from it.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod check;
#[path = "../gauge/mod.rs"]
mod gauge;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};

use gauge::{Failed, Spread, figure};

/// Writes a ledger and verifies it.
#[derive(Parser, Debug)]
struct Args {
    /// Entries to write
    #[arg(long, default_value_t = 1_000_000)]
    entries: usize,
    /// Reads that wait for the ledger at once; it makes the size of a commit, and a busy gateway
    /// has about as many
    #[arg(long, default_value_t = 24)]
    in_flight: usize,
    /// How often each level of verification runs
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Run this level alone, by its name in the table
    #[arg(long, value_name = "LEVEL")]
    only: Option<String>,
    /// A folder on the disk that is to be measured
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    place: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Given by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is run: the words for it and the arguments. Exposure is asked of one provider of 40, as an
/// auditor would.
const LEVELS: [(&str, &[&str]); 5] = [
    ("default", &["verify"]),
    ("all signatures", &["verify", "--all-signatures"]),
    ("replay", &["verify", "--replay"]),
    ("both", &["verify", "--all-signatures", "--replay"]),
    ("exposure", &["exposure", "--provider", "provider-07"]),
];

fn main() -> ExitCode {
    if !gauge::wanted() {
        println!("nothing measured: run it with `cargo bench --bench verify`");
        return ExitCode::SUCCESS;
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("verify benchmark: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Failed> {
    if args.entries == 0 || args.in_flight == 0 || args.runs == 0 {
        return Err("entries, in-flight and runs are above zero".into());
    }
    let wanted = |level: &&(&str, &[&str])| args.only.as_deref().is_none_or(|only| only == level.0);
    let levels: Vec<_> = LEVELS.iter().filter(wanted).collect();
    if levels.is_empty() {
        return Err("there is no such level".into());
    }
    let folder = tempfile::tempdir_in(&args.place)?;
    let ledger = write::ledger(folder.path(), args.entries, args.in_flight)?;
    let cpus = std::thread::available_parallelism()?.get();
    let mut out = json!({
        "cpus": cpus,
        "entries": ledger.entries,
        "checkpoints": ledger.checkpoints,
        "entries_per_commit": ledger.entries as f64 / ledger.checkpoints as f64,
        "file_bytes": ledger.file_bytes,
        "body_bytes": ledger.body_bytes,
        "appended_per_second": ledger.rate,
        "append_cpu_us": ledger.cpu,
    });
    if !args.json {
        println!(
            "Written: {} entries in {} commits ({} entries each, {} reads waiting at once).\n\
             {} bytes a body, {} MB in all. {} entries a second, {} us of CPU each.\n\n\
             Verified on {cpus} CPUs, each level {} times; medians (least to greatest):\n\
             {:<18}{:<34}{:<24}{:<12}signatures",
            figure(ledger.entries as f64),
            figure(ledger.checkpoints as f64),
            figure(ledger.entries as f64 / ledger.checkpoints as f64),
            args.in_flight,
            figure(ledger.body_bytes),
            figure(ledger.file_bytes as f64 / 1e6),
            figure(ledger.rate),
            figure(ledger.cpu),
            args.runs,
            "level",
            "entries a second",
            "CPU, us an entry",
            "peak, MB",
        );
    }
    for (words, arguments) in levels {
        let runs = (0..args.runs).map(|_| check::run(&ledger, arguments));
        let runs = runs.collect::<Result<Vec<_>, _>>()?;
        let entries = ledger.entries as f64;
        let rate = Spread::of(runs.iter().map(|run| entries / run.seconds));
        let cpu = Spread::of(runs.iter().map(|run| run.cpu * 1e6 / entries));
        let peak = Spread::of(runs.iter().map(|run| run.peak as f64 / 1e6));
        let signatures = runs.first().map_or(0, |run| run.signatures);
        if args.json {
            out["verify"][words] = level_json(rate, cpu, peak, signatures);
        } else {
            let (peak, signatures) = (figure(peak.greatest), figure(signatures as f64));
            println!("{words:<18}{rate:<34}{cpu:<24}{peak:<12}{signatures}");
        }
    }
    if args.json {
        println!("{out}");
    }
    Ok(())
}

fn level_json(rate: Spread, cpu: Spread, peak: Spread, signatures: u64) -> Value {
    json!({
        "entries_per_second": rate.json(),
        "cpu_us_per_entry": cpu.json(),
        "peak_mb": peak.json(),
        "signatures": signatures,
    })
}
