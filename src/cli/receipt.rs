//! `greffier receipt`: what one receipt proves.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::json;

use super::{NO, failed, print, time};
use crate::files;
use crate::format::checkpoint::VerifierKey;
use crate::format::entry::{Payload, word};
use crate::format::receipt::{Proven, Receipt};

/// Check one receipt, offline
///
/// It proves that the entry in it stands in the ledger under a checkpoint that
/// the key signed. Nothing else is needed, neither the ledger nor the gateway.
///
/// Exit codes: 0 proven, 1 not proven, 2 could not be read.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// The receipt, as `greffier read --receipt` or GetReceipt gave it
    receipt: PathBuf,
    /// The ledger's verifier key, or a file that holds it
    #[arg(long, value_parser = super::verdict::verifier_key)]
    key: VerifierKey,
    /// Print JSON instead of lines of text
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let text = match files::read_input(&args.receipt, files::SMALL) {
        Ok(text) => text,
        Err(error) => return failed(format!("{}: {error}", args.receipt.display())),
    };
    let receipt = text.parse::<Receipt>();
    match receipt.and_then(|receipt| Ok((receipt.check(&args.key)?, receipt.body))) {
        Ok((proven, body)) => {
            print(if args.json { as_json(&proven, &body) } else { in_words(&proven) });
            ExitCode::SUCCESS
        }
        Err(error) if args.json => {
            print(json!({"proven": false, "error": error.to_string()}));
            ExitCode::from(NO)
        }
        Err(error) => {
            print(format_args!("NOT PROVEN: {error}"));
            ExitCode::from(NO)
        }
    }
}

fn as_json(proven: &Proven, body: &str) -> String {
    let entry: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let checkpoint = &proven.checkpoint;
    let checkpoint = json!({
        "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.to_string(),
    });
    json!({"proven": true, "entry": entry, "checkpoint": checkpoint}).to_string()
}

fn in_words(proven: &Proven) -> String {
    let (entry, checkpoint) = (&proven.entry, &proven.checkpoint);
    let what = match &entry.payload {
        Payload::Read(read) => {
            let method = word(&read.method);
            format!(
                "{} received {} record{} of {} ({method}, view {}) for {}",
                read.provider,
                read.rows,
                if read.rows == 1 { "" } else { "s" },
                read.dataset,
                read.view,
                read.purpose
            )
        }
        other => format!("an entry of kind {}", other.kind()),
    };
    format!(
        "PROVEN: entry {} of {}, written {}: {what}.\nIt is covered by the checkpoint of size {}.",
        entry.seq,
        checkpoint.origin,
        time(entry.now.at),
        checkpoint.size
    )
}
