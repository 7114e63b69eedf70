//! `greffier policy`: a policy file, before anything runs by it.

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
}

pub(super) fn run(command: &Command) -> ExitCode {
    let Command::Check { policy, json } = command;
    match policy::load(policy) {
        Ok(policy) => {
            print(if *json { as_json(&policy) } else { in_words(&policy) });
            ExitCode::SUCCESS
        }
        Err(Unusable::Faults { faults, .. }) if *json => {
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
