//! `greffier name-key`: the key of a name, as the agency's extract must hold it.

use std::io::{BufRead as _, BufWriter, Write as _};
use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::{FAILED, NO, failed, print};
use crate::names;

/// Print the key of a name, as a search compares it
///
/// Case, accents, hyphens, apostrophes, spaces and the order of the words make no difference to it:
/// docs/name-keys.md has the rule. Without a name it reads one a line from standard input and
/// prints a key a line, empty where there is none.
///
/// Exit codes: 0 printed, 1 the name has neither a letter nor a digit.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// A name, in one word or several
    name: Vec<String>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    if args.name.is_empty() {
        return match lines() {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has gone away.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::from(FAILED),
            Err(error) => failed(error),
        };
    }
    match names::key(&args.name.join(" ")) {
        Some(key) => print(key),
        None => return ExitCode::from(NO),
    }
    ExitCode::SUCCESS
}

fn lines() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", names::key(&line?).unwrap_or_default())?;
    }
    out.flush()
}
