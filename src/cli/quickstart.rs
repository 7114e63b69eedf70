//! `greffier quickstart`: the main job once, from nothing to a verified ledger.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use clap::Args as ClapArgs;
use serde_json::Value;

use super::{NO, failed, grouped, init, print};
use crate::instance::Layout;

/// Make an instance, serve it, read through it, verify its ledger, and say what was done
///
/// It makes a development instance in a temporary folder, runs the gateway on loopback, reads through it
/// with the reference client, stops it, and verifies what it wrote. Each step is a command of this
/// program that you can run yourself.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    stock: init::Stock,
    /// Make the instance here and keep it
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Which step did not do what it should.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Init(#[from] init::InitError),
    #[error("{0}")]
    System(#[from] std::io::Error),
    #[error("`greffier {command}`: {said}")]
    Step { command: String, said: String },
}

/// Ends the gateway that this program started, however this program ends.
struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    match tour(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ Failed::Step { .. }) => {
            eprintln!("greffier: {error}");
            ExitCode::from(NO)
        }
        Err(error) => failed(error),
    }
}

fn tour(args: &Args) -> Result<(), Failed> {
    let temporary = tempfile::tempdir()?;
    let dir = args.keep.clone().unwrap_or_else(|| temporary.path().join("instance"));
    print("1. init: an instance, with keys, certificates, policy, ledger and synthetic persons");
    let made = init::make(&dir, &args.stock, "127.0.0.1:0")?;
    let layout = Layout::new(&dir);
    let (provider, roster) = made.rosters.last().cloned().unwrap_or_default();
    let (folder, size) = (dir.display(), grouped(roster));
    print(format_args!("   made {folder}; {provider} has {size} persons on its roster"));

    print("2. serve: the gateway, with mutual TLS 1.3 on loopback");
    let (mut gateway, address) = serve(&layout)?;
    print(format_args!("   listening on {address}"));

    let read = |rest: &[&str]| {
        let mut all = vec!["read", "--json", "--instance", path(&dir)?, "--as", &provider];
        all.extend(["--address", &address]);
        all.extend(rest);
        run_json(&all)
    };
    print(format_args!("3. read: as {provider}, over gRPC"));
    let page = read(&["list", "--page-size", "3"])?;
    let records = page["records"].as_array().cloned().unwrap_or_default();
    let name = records.first().and_then(|r| r["name"].as_str()).unwrap_or_default().to_owned();
    print(format_args!("   a page of {}: entry {}", records.len(), page["entry"]));
    let receipt = dir.join("receipt.txt");
    let checkpoint = dir.join("anchor.txt");
    let proof = ["--receipt", path(&receipt)?, "--checkpoint", path(&checkpoint)?];
    let one = read(&[&proof[..], &["--view", "contact", "get", &name]].concat())?;
    print(format_args!("   one record, view CONTACT: entry {}, with its receipt", one["entry"]));
    let greedy = refused(&read(&["list", "--page-size", "500"]))?;
    print(format_args!("   a page of 500: refused, {greedy}"));
    let absent = refused(&read(&["get", "datasets/cir/records/AAAA"]))?;
    print(format_args!("   a record that is not there: refused, {absent}"));

    print("4. stop, and check the proofs offline");
    stop(&mut gateway)?;
    let key = layout.verifier_key();
    let proven = run_step(&["receipt", path(&receipt)?, "--key", path(&key)?])?;
    print(indent(&proven));
    let ledger = layout.ledger();
    let all = ["verify", path(&ledger)?, "--key", path(&key)?, "--replay", "--all-signatures"];
    let sound = run_step(&[&all[..], &["--anchor", path(&checkpoint)?]].concat())?;
    print(indent(&sound));
    if args.keep.is_some() {
        print(format_args!("The instance is in {}; README.txt there goes on.", dir.display()));
    } else {
        print("With --keep DIR the instance stays, to go on by hand.");
    }
    Ok(())
}

fn path(path: &Path) -> Result<&str, Failed> {
    path.to_str().ok_or_else(|| Failed::System(std::io::Error::other("a path that is not UTF-8")))
}

fn greffier(arguments: &[&str]) -> Result<Command, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}

/// Starts the gateway and waits for the line that says where it listens.
fn serve(layout: &Layout) -> Result<(Gateway, String), Failed> {
    let config = layout.config();
    let mut command = greffier(&["serve", "--config", path(&config)?])?;
    command.env("GREFFIER_LOG", "error").stdout(Stdio::piped());
    let mut gateway = Gateway(command.spawn()?);
    let mut line = String::new();
    if let Some(out) = gateway.0.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    match line.trim().strip_prefix("listening on ") {
        Some(address) => Ok((gateway, address.to_owned())),
        None => Err(Failed::Step { command: "serve".into(), said: "it did not start".into() }),
    }
}

/// Asks the gateway to end, as an operator would, and waits until it has.
fn stop(gateway: &mut Gateway) -> Result<(), Failed> {
    let id = gateway.0.id().to_string();
    // The shell has `kill` built in; a program of that name is not everywhere.
    Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status()?;
    let ended = gateway.0.wait()?;
    if ended.success() {
        return Ok(());
    }
    Err(Failed::Step { command: "serve".into(), said: ended.to_string() })
}

fn run_step(arguments: &[&str]) -> Result<String, Failed> {
    let output = greffier(arguments)?.output()?;
    let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if output.status.success() {
        return Ok(said);
    }
    let error = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    let command = arguments.first().map_or_else(String::new, |c| (*c).to_owned());
    Err(Failed::Step { command, said: if said.is_empty() { error } else { said } })
}

fn run_json(arguments: &[&str]) -> Result<Value, Failed> {
    let said = run_step(arguments)?;
    serde_json::from_str(&said).map_err(|error| Failed::System(error.into()))
}

/// The reason of a read that should be refused, and was.
fn refused(outcome: &Result<Value, Failed>) -> Result<String, Failed> {
    let said = match outcome {
        Err(Failed::Step { said, .. }) => said.clone(),
        Err(error) => error.to_string(),
        Ok(reply) => reply.to_string(),
    };
    let json: Value = serde_json::from_str(&said).unwrap_or_default();
    let reason = json["reason"].as_str().map(str::to_owned);
    reason.ok_or(Failed::Step { command: "read".into(), said })
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
