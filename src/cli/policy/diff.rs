//! `greffier policy diff`: what a policy changes of another.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::super::{NO, failed, print};
use crate::config::change::{Change, changes};
use crate::config::policy;

pub(super) fn run(old: &Path, new: &Path, json: bool) -> ExitCode {
    let (old, new) = match (policy::load(old), policy::load(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(one), Err(other)) => return failed(format!("{one}\n{other}")),
        (Err(error), _) | (_, Err(error)) => return failed(error),
    };
    let found = changes(&old, &new);
    let looser = found.iter().filter(|change| change.looser).count();
    if json {
        let (old, new) = (old.digest.to_string(), new.digest.to_string());
        let changes: Vec<_> = found.iter().map(as_json).collect();
        print(json!({"old": old, "new": new, "looser": looser, "changes": changes}));
    } else {
        found.iter().for_each(print);
        let (of, are) = (found.len(), if looser == 1 { "is" } else { "are" });
        print(match of {
            0 => "nothing changes".to_owned(),
            _ => format!("{looser} of {of} changes {are} looser"),
        });
    }
    if looser == 0 { ExitCode::SUCCESS } else { ExitCode::from(NO) }
}

fn as_json(change: &Change) -> serde_json::Value {
    json!({"looser": change.looser, "place": change.place, "what": change.what})
}
