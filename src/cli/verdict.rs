//! What every command that scans a whole ledger takes, and what it says of the ledger: one text, so
//! that no answer sounds surer than the verdict it rests on.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::{FAILED, NO, bar, grouped, time};
use crate::files;
use crate::format::checkpoint::VerifierKey;
use crate::format::entry::Entry;
use crate::state::State;
use crate::verify::store::Store;
use crate::verify::{Failure, Sound, Trust, scan};

#[derive(ClapArgs, Debug)]
pub(super) struct Brought {
    /// The ledger file that is to be read
    ledger: PathBuf,
    /// The ledger's verifier key (NAME+hex+base64), or a file that holds it
    #[arg(long, value_parser = verifier_key)]
    key: VerifierKey,
    /// A file with a checkpoint (a signed note) that somebody else kept; may be given again
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
}

/// A verifier key given as itself or as a file.
pub(super) fn verifier_key(text: &str) -> Result<VerifierKey, String> {
    let from_file = files::read_input(text.as_ref(), files::SMALL);
    let key = from_file.as_deref().unwrap_or(text).parse::<VerifierKey>();
    key.map_err(|error| format!("{error} (and no file of this name holds one)"))
}

/// Why nothing can be said from a ledger.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unverified {
    /// The ledger is not sound, or could not be checked.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// What was brought could not be read.
    #[error("{0}")]
    NotTried(String),
}

impl Brought {
    /// Checks the ledger, with a bar of this name. What `visit` gathers counts only if it is sound.
    pub(super) fn scan(
        &self,
        name: &'static str,
        all_signatures: bool,
        visit: &mut dyn FnMut(&Entry, &State),
    ) -> Result<Sound, Unverified> {
        let read = |path: &PathBuf| {
            let unread = |error| Unverified::NotTried(format!("{}: {error}", path.display()));
            files::read_input(path, files::SMALL).map_err(unread)
        };
        let anchors = self.anchor.iter().map(read).collect::<Result<Vec<String>, _>>()?;
        let trust = Trust { key: &self.key, anchors: &anchors, all_signatures };
        let bar = bar(name);
        let scanned = Store::open(&self.ledger).map_err(Failure::from).and_then(|store| {
            let mut progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            scan(&store, &trust, &mut progress, &mut |entry, _, state| visit(entry, state))
        });
        bar.finish_and_clear();
        Ok(scanned?)
    }
}

impl Unverified {
    pub(super) fn code(&self) -> ExitCode {
        match self {
            Unverified::Failed(Failure::Unsound(_)) => ExitCode::from(NO),
            Unverified::Failed(_) | Unverified::NotTried(_) => ExitCode::from(FAILED),
        }
    }

    pub(super) fn in_words(&self) -> String {
        match self {
            Unverified::Failed(Failure::Unsound(unsound)) => {
                let held = match unsound.last_sound {
                    Some(last) => format!("The last entry before it that holds is {last}."),
                    None => "No entry before it holds.".to_owned(),
                };
                format!("NOT SOUND: {}.\n{held}", unsound.detail)
            }
            other => format!("NOT CHECKED: {other}."),
        }
    }

    pub(super) fn as_json(&self) -> Value {
        match self {
            Unverified::Failed(Failure::Unsound(unsound)) => json!({
                "verdict": "not_sound",
                "fault": unsound.fault,
                "detail": unsound.detail,
                "first_wrong": unsound.first_wrong,
                "last_sound": unsound.last_sound,
            }),
            other => json!({"verdict": "not_checked", "why": other.to_string()}),
        }
    }
}

/// How far a ledger is held by what others keep.
pub(super) fn anchored(sound: &Sound) -> String {
    let last = sound.checkpoint.size - 1;
    match sound.anchored {
        None => "unanchored: bring a checkpoint that somebody else kept (--anchor)".to_owned(),
        Some((entry, now)) if entry == last => {
            format!("anchored up to its last entry, {entry} at {}", time(now.at))
        }
        Some((entry, now)) => {
            format!("anchored up to entry {entry} at {}; unanchored after it", time(now.at))
        }
    }
}

/// The first lines of every answer from a sound ledger.
pub(super) fn sound_in_words(sound: &Sound) -> String {
    format!(
        "SOUND: {} entries of {}, the last written {}.\n{}.",
        grouped(sound.checkpoint.size),
        sound.checkpoint.origin,
        time(sound.last.at),
        capitalised(&anchored(sound)),
    )
}

/// What a sound verdict says nothing of, unless `replayed`, in words that stay; and as people read
/// it, where [`sound_in_words`] has not said so.
pub(super) fn not_looked_at(sound: &Sound, replayed: bool) -> Vec<(&'static str, Option<&str>)> {
    let rulings = "whether rulings and alerts are those that the rules give, and none is missing \
                   (--replay)";
    let signatures = "the signatures of checkpoints before the last (--all-signatures)";
    let anchored = sound.anchored.is_some_and(|(entry, _)| entry + 1 == sound.checkpoint.size);
    let all = [
        (replayed, "rulings", Some(rulings)),
        (sound.signatures == sound.checkpoints, "signatures", Some(signatures)),
        (anchored, "anchor", None),
    ];
    all.into_iter().filter(|(seen, ..)| !seen).map(|(_, word, words)| (word, words)).collect()
}

/// The verdict on a sound ledger for `--json`: the keys that every answer has.
pub(super) fn sound_as_json(sound: &Sound, verdict: &str, replayed: bool) -> Value {
    let unseen = not_looked_at(sound, replayed);
    json!({
        "verdict": verdict,
        "origin": sound.checkpoint.origin,
        "entries": sound.checkpoint.size,
        "root": sound.checkpoint.root.to_string(),
        "last_at": sound.last.at,
        "checkpoints": sound.checkpoints,
        "signatures": sound.signatures,
        "anchored": sound.anchored.map(|(entry, now)| json!({"entry": entry, "at": now.at})),
        "not_looked_at": unseen.into_iter().map(|(word, _)| word).collect::<Vec<_>>(),
    })
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
