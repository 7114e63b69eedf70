//! `greffier policy`: policy files, before anything runs by them.

mod diff;
mod explain;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{NO, failed, print};
use crate::config::policy::{self, Policy, Unusable};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Tell every fault of a policy file at once, each with its line and what to write instead
    ///
    /// Exit codes: 0 good, 1 faulty, 2 could not be read.
    Check {
        /// The policy.toml to check
        policy: PathBuf,
        /// Print JSON
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
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell in plain words what one provider may do, and at most how many persons it can be given
    ///
    /// Exit codes: 0 told, 1 the policy is faulty or does not name the provider, 2 could not be read.
    Explain {
        /// The provider's id
        provider: String,
        /// The policy
        #[arg(long, value_name = "FILE", default_value = "policy.toml")]
        policy: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Check { policy, json } => check(policy, *json),
        Command::Diff { old, new, json } => diff::run(old, new, *json),
        Command::Explain { provider, policy, json } => explain::run(provider, policy, *json),
    }
}

fn check(file: &std::path::Path, json: bool) -> ExitCode {
    match policy::load(file) {
        Ok(policy) => {
            print(if json { as_json(&policy) } else { in_words(&policy) });
            ExitCode::SUCCESS
        }
        Err(Unusable::Faults { faults, .. }) if json => {
            let faults: Vec<_> = faults
                .iter()
                .map(|f| json!({"line": f.line, "column": f.column, "what": f.what}))
                .collect();
            print(json!({"policy": "faulty", "faults": faults}));
            ExitCode::from(NO)
        }
        Err(error @ Unusable::Faults { .. }) => {
            print(error);
            ExitCode::from(NO)
        }
        Err(error) => failed(error),
    }
}

fn in_words(policy: &Policy) -> String {
    format!(
        "good: {} providers, {} datasets; SHA-256 {}",
        policy.providers.len(),
        policy.datasets.len(),
        policy.digest
    )
}

fn as_json(policy: &Policy) -> String {
    let (providers, datasets) = (policy.providers.len(), policy.datasets.len());
    let digest = policy.digest.to_string();
    json!({"policy": "good", "digest": digest, "providers": providers, "datasets": datasets})
        .to_string()
}
