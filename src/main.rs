//! Parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use greffier::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
