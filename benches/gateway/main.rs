//! What the audit costs. The gateway is measured against a service that is the same but for it: the
//! same TLS, the same query, the same reply. Both run as processes of their own on this machine,
//! and so does the load; rounds alternate between them, and ratios are taken pair by pair, since
//! only what was measured at one time can be compared.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod crowds;
mod flood;
#[path = "../gauge/mod.rs"]
mod gauge;
mod load;
mod locked;
mod nginx;
mod pages;
mod plain;
mod report;
mod stand;
mod tails;
mod tokens;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};

use gauge::Failed;
use report::{Level, NGINX, PLAIN, Pair};
use stand::Stand;

/// The gateway's, so that the plain service has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The gateway against the same service without audit.
#[derive(Parser, Debug)]
struct Args {
    /// Calls in flight, one level after the other
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 256])]
    levels: Vec<usize>,
    /// Pairs of rounds at each level
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Measured seconds of a round, after a warm-up of a quarter of that
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Instead: the gateway with so many tails of alerts open, against itself without
    #[arg(long, value_name = "N")]
    tails: Option<usize>,
    /// Instead: the gateway called with agents' tokens, against itself without
    #[arg(long, conflicts_with_all = ["tails", "flood"])]
    tokens: bool,
    /// Instead: the gateway flooded by one provider, so many connections or calls, and another
    /// one's calls
    #[arg(long, value_name = "N", conflicts_with = "tails")]
    flood: Option<usize>,
    /// Instead: what staff wait while another program holds the records for so many seconds
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["tails", "flood", "tokens"])]
    locked: Option<u64>,
    /// Instead: how long staff and a provider take to get in while a crowd from so many addresses
    /// begins handshakes and never ends them
    #[arg(
        long, value_name = "ADDRESSES", value_delimiter = ',',
        conflicts_with_all = ["tails", "flood", "tokens", "locked"]
    )]
    crowds: Vec<u32>,
    /// Have the plain service, too, lay the replies of a connection together
    #[arg(long)]
    coalesced: bool,
    /// Have the plain service stand behind nginx, where that is installed: mutual TLS, a limit of
    /// requests and a log of accesses there, and none of them in the service
    #[arg(long, conflicts_with_all = ["coalesced", "tails", "tokens", "flood"])]
    nginx: bool,
    /// Instead: pages of 500 and exports, by rows; --levels says how many are read at once
    #[arg(long, conflicts_with_all = ["tails", "tokens", "flood"])]
    pages: bool,
    /// A folder on the disk that the ledger is to be measured on
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    place: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Given by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let ended = match (arguments.next(), arguments.next()) {
        (Some(first), Some(dir)) if first == stand::AS_PLAIN => {
            let how: Vec<String> = std::env::args().skip(3).collect();
            plain::serve(Path::new(&dir), &how)
        }
        (Some(first), Some(_)) if first == flood::AS_ATTACKER => {
            let told: Vec<String> = std::env::args().skip(2).collect();
            flood::attack(&told)
        }
        _ if !gauge::wanted() => {
            println!("nothing measured: run it with `cargo bench --bench gateway`");
            Ok(())
        }
        _ => run(&Args::parse()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway benchmark: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Failed> {
    let seconds = Duration::try_from_secs_f64(args.seconds)?;
    if args.levels.contains(&0) || args.pairs == 0 || seconds.is_zero() {
        return Err("levels, pairs and seconds are above zero".into());
    }
    let cpus = std::thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let plain: &[&str] = match (args.nginx, args.coalesced) {
        (true, _) => &[stand::PLAINTEXT],
        (_, true) => &[stand::COALESCED],
        _ => &[],
    };
    let stand = runtime.block_on(Stand::set_up(&args.place, args.tokens, plain))?;
    if !args.json {
        println!(
            "{} pairs of rounds of {} s at each level; load and servers share {cpus} CPUs.\n\
             Figures are medians (least to greatest).",
            args.pairs, args.seconds
        );
    }
    if let Some(count) = args.flood {
        let measured = flood::measure(&stand, count, args.pairs, seconds);
        let (text, json) = runtime.block_on(measured)?;
        println!("{}", if args.json { json.to_string() } else { text });
        return Ok(());
    }
    if let Some(seconds) = args.locked {
        let measured = locked::measure(&stand, Duration::from_secs(seconds));
        let (text, json) = runtime.block_on(measured)?;
        println!("{}", if args.json { json.to_string() } else { text });
        return Ok(());
    }
    if !args.crowds.is_empty() {
        let (text, json) = runtime.block_on(crowds::measure(&stand, &args.crowds))?;
        println!("{}", if args.json { json.to_string() } else { text });
        return Ok(());
    }
    if args.nginx && !args.json {
        println!("`nginx` is the plain service behind nginx, and its CPU that of both.");
    }
    let mut levels: Vec<Value> = Vec::new();
    for &in_flight in &args.levels {
        if args.pages {
            let load = (in_flight, args.pairs);
            let (text, json) = runtime.block_on(pages::measure(&stand, load, seconds))?;
            if args.json {
                levels.push(json)
            } else {
                println!("\n{text}")
            }
            continue;
        }
        if let Some(count) = args.tails {
            let load = (in_flight, args.pairs);
            let measured = tails::measure(&stand, count, load, seconds);
            let (text, json) = runtime.block_on(measured)?;
            if args.json {
                levels.push(json)
            } else {
                println!("\n{text}")
            }
            continue;
        }
        if let Some(vouched) = &stand.vouched {
            let load = (in_flight, args.pairs);
            let measured = tokens::measure(&stand.gateway, vouched, load, seconds);
            let (text, json) = runtime.block_on(measured)?;
            if args.json {
                levels.push(json)
            } else {
                println!("\n{text}")
            }
            continue;
        }
        let level = runtime.block_on(level(&stand, in_flight, args.pairs, seconds))?;
        if args.json {
            levels.push(level.json());
        } else {
            println!("\n{}", level.text());
        }
    }
    if args.json {
        println!("{}", json!({"cpus": cpus, "seconds": args.seconds, "levels": levels}));
    }
    Ok(())
}

async fn level(
    stand: &Stand,
    in_flight: usize,
    pairs: usize,
    seconds: Duration,
) -> Result<Level, Failed> {
    let against = if stand.plain.is_fronted() { NGINX } else { PLAIN };
    let mut level = Level { against, in_flight, pairs: Vec::new() };
    for _ in 0..pairs {
        let fdatasync = if in_flight == 1 { Some(load::fdatasync(stand.disk())?) } else { None };
        let plain = load::round(&stand.plain, in_flight, seconds).await?;
        let gateway = load::round(&stand.gateway, in_flight, seconds).await?;
        let (first, last) = gateway.entries;
        let commits = stand.commits(first, last)?;
        level.pairs.push(Pair { plain, gateway, commits, fdatasync });
    }
    Ok(level)
}
