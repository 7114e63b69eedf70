//! `greffier policy`: policy files, before anything runs by them.

mod check;
mod diff;
mod explain;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Tell every fault of a policy file at once, each with its line and what to write instead
    ///
    /// With --records it also reads a whole records file as the gateway would, and tells all that
    /// is wrong with it: tables, columns and indexes that are missing, ids that are none, rows that
    /// would be answered as absent, searches that would not find them, damage. It names places and
    /// counts rows, and never shows what is in one. Exit codes: 0 good, 1 faulty, 2 could not be
    /// read.
    Check {
        /// The policy file that is to be checked
        policy: PathBuf,
        /// A records file (SQLite) to hold against it; it is read and never written
        #[arg(long, value_name = "FILE")]
        records: Option<PathBuf>,
        /// Print JSON instead of lines of text
        #[arg(long)]
        json: bool,
    },
    /// Tell what a policy changes of another: every change, and whether it loosens
    ///
    /// A change tightens only if nobody can come by more through it; where that is in doubt, it
    /// loosens. Exit codes: 0 nothing is looser, 1 something is, 2 one of them cannot be read or is
    /// faulty.
    Diff {
        /// The policy that is in force
        old: PathBuf,
        /// The policy that is to come
        new: PathBuf,
        /// Print JSON instead of lines of text
        #[arg(long)]
        json: bool,
    },
    /// Tell in plain words what one provider may do, and at most how many persons it can be given
    ///
    /// Exit codes: 0 told, 1 the policy is faulty or does not name the provider, 2 could not be
    /// read.
    Explain {
        /// Id of the provider, as in the policy
        provider: String,
        /// The policy file that names the provider
        #[arg(long, value_name = "FILE", default_value = "policy.toml")]
        policy: PathBuf,
        /// Print JSON instead of lines of text
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Check { policy, records, json } => check::run(policy, records.as_deref(), *json),
        Command::Diff { old, new, json } => diff::run(old, new, *json),
        Command::Explain { provider, policy, json } => explain::run(provider, policy, *json),
    }
}
