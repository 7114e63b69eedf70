//! `greffier policy check`: a policy, and the records that are to be read by it, before anything
//! runs.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{NO, bar, failed, print};
use crate::config::policy::{self, Policy, PolicyError};
use crate::source::sqlite::{DataFinding, FindingEffect, examine};

pub(super) fn run(file: &Path, records: Option<&Path>, json: bool) -> ExitCode {
    let policy = match policy::load(file) {
        Ok(policy) => policy,
        Err(PolicyError::Faults { faults, .. }) if json => {
            let faults: Vec<_> = faults
                .iter()
                .map(|f| json!({"line": f.line, "column": f.column, "what": f.what}))
                .collect();
            print(json!({"policy": "faulty", "faults": faults}));
            return ExitCode::from(NO);
        }
        Err(error @ PolicyError::Faults { .. }) => {
            print(error);
            return ExitCode::from(NO);
        }
        Err(error) => return failed(error),
    };
    let Some(path) = records else {
        print(if json { as_json(&policy).to_string() } else { in_words(&policy) });
        return ExitCode::SUCCESS;
    };
    let bar = bar("the records");
    bar.enable_steady_tick(Duration::from_millis(500));
    let mut rows = 0;
    let found = examine(path, &policy.datasets, &policy.providers, &mut |progress| {
        bar.set_length(progress.all);
        bar.set_position(progress.done);
        rows = progress.done;
    });
    bar.finish_and_clear();
    let found = match found {
        Ok(found) => found,
        Err(error) => return failed(error),
    };
    let faulty = found.iter().any(|finding| finding.weight != FindingEffect::Told);
    if json {
        let mut told = as_json(&policy);
        let state = if faulty { "faulty" } else { "good" };
        told["records"] = state.into();
        told["findings"] = found.iter().map(finding_json).collect();
        print(told);
    } else {
        print(in_words(&policy));
        found.iter().for_each(|finding| print(format_args!("{}: {finding}", path.display())));
        print(match faulty {
            true => {
                format!("{}: these records cannot serve the policy as they are", path.display())
            }
            false => format!("{}: good for the policy; {rows} rows looked at", path.display()),
        });
    }
    if faulty { ExitCode::from(NO) } else { ExitCode::SUCCESS }
}

fn finding_json(finding: &DataFinding) -> Value {
    let DataFinding { dataset, place, what, rows, first, weight, mend } = finding;
    json!({
        "dataset": dataset, "place": place, "what": what, "rows": rows, "first_row": first,
        "outcome": weight.word(), "mend": mend,
    })
}

fn in_words(policy: &Policy) -> String {
    format!(
        "good: {} providers, {} datasets; SHA-256 {}",
        policy.providers.len(),
        policy.datasets.len(),
        policy.digest
    )
}

fn as_json(policy: &Policy) -> Value {
    let (providers, datasets) = (policy.providers.len(), policy.datasets.len());
    let digest = policy.digest.to_string();
    json!({"policy": "good", "digest": digest, "providers": providers, "datasets": datasets})
}
