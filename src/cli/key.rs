//! `greffier key`: the key of one segment, for tools that know only signed notes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::{failed, print};
use crate::files;
use crate::format::checkpoint::VerifierKey;
use crate::format::entry::{Entry, Malformed, What};
use crate::verify::store::{Store, Unreadable};

/// Print the verifier key of one segment, as other tools take it
///
/// The key that you hold names the ledger; each segment signs
/// under its own origin, from which its key id follows. Go's sumdb/note, for one, wants that one.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// A segment's file
    ledger: PathBuf,
    /// The ledger's verifier key, or a file that holds it
    #[arg(long, value_parser = key)]
    key: VerifierKey,
}

#[derive(Debug, thiserror::Error)]
enum KeyError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("entry 0 is no genesis: {0}")]
    Malformed(#[from] Malformed),
    #[error("the ledger is not of this key: run `greffier verify` for the details")]
    Foreign,
}

/// A key given as itself or as a file.
pub(super) fn key(text: &str) -> Result<VerifierKey, String> {
    let from_file = files::read_input(text.as_ref(), files::SMALL);
    let key = from_file.as_deref().unwrap_or(text).parse::<VerifierKey>();
    key.map_err(|error| format!("{error} (and no file of this name holds one)"))
}

pub(super) fn run(args: &Args) -> ExitCode {
    match segment_key(args) {
        Ok(key) => {
            print(key);
            ExitCode::SUCCESS
        }
        Err(error) => failed(error),
    }
}

fn segment_key(args: &Args) -> Result<VerifierKey, KeyError> {
    let body = Store::open(&args.ledger)?.body(0)?;
    match Entry::parse(&body)?.what {
        What::Genesis(genesis) if genesis.key == args.key.public_text() => {
            args.key.of_segment(&genesis.origin).ok_or(KeyError::Foreign)
        }
        _ => Err(KeyError::Foreign),
    }
}
