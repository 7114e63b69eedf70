//! `greffier verify`: whether a ledger holds.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::verdict::{Brought, Unverified, not_looked_at, sound_as_json, sound_in_words};
use super::{FAILED, NO, grouped, print};
use crate::anomaly::replay::Replay;
use crate::verify::Sound;

/// Check a whole ledger, offline
///
/// What is checked: its schema, every body, the chain, the tree at every
/// checkpoint, the signature of the last one, every count of a released read
/// against the tags, acts, alerts and containment, and the anchors you bring.
/// Whether rulings and alerts are those that the rules give, and none is missing,
/// is looked at with --replay.
///
/// What lies behind the last checkpoint that somebody else holds can be rewritten
/// by whoever has the signing key. Bring such checkpoints with --anchor: replies,
/// receipts and GetCheckpoint have them. A ledger copied without its -wal file is
/// short, and only an anchor shows it.
///
/// With --json, `not_looked_at` lists what the verdict says nothing of: `rulings`
/// (without --replay), `signatures` (of checkpoints before the last, without
/// --all-signatures), `anchor` (no checkpoint that was brought covers the last
/// entry).
///
/// Exit codes: 0 sound, 1 not sound, 2 could not be checked, by --replay also
/// because another version of the judge ruled.
///
///   greffier verify ledger.sqlite --key key.vkey --anchor kept-by-the-provider.txt
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    #[command(flatten)]
    brought: Brought,
    /// Check the signature of every checkpoint, not of the last alone
    #[arg(long)]
    all_signatures: bool,
    /// Rule again on every read and compare with what is recorded
    #[arg(long)]
    replay: bool,
    /// Print JSON instead of lines of text
    #[arg(long)]
    json: bool,
}

/// What came of a verification, and of the replay if it was asked for.
enum VerifyOutcome {
    Sound(Box<Sound>, Replay),
    Differs(Box<Sound>, Replay),
    /// Some of it was ruled by rules that this program does not know.
    Foreign(Box<Sound>, Replay),
    Unverified(Unverified),
}

pub(super) fn run(args: &Args) -> ExitCode {
    let began = Instant::now();
    let verdict = verify(args);
    let seconds = began.elapsed().as_secs_f64();
    if args.json {
        print(as_json(args, &verdict, seconds));
    } else {
        print(in_words(args, &verdict, seconds));
    }
    match verdict {
        VerifyOutcome::Sound(..) => ExitCode::SUCCESS,
        VerifyOutcome::Differs(..) => ExitCode::from(NO),
        VerifyOutcome::Foreign(..) => ExitCode::from(FAILED),
        VerifyOutcome::Unverified(unverified) => unverified.code(),
    }
}

fn verify(args: &Args) -> VerifyOutcome {
    let mut replay = Replay::default();
    let scanned = args.brought.scan("verifying", args.all_signatures, &mut |entry, state| {
        if args.replay {
            replay.apply(entry, state.standing());
        }
    });
    match scanned {
        Ok(sound) if replay.difference().is_some() => {
            VerifyOutcome::Differs(Box::new(sound), replay)
        }
        Ok(sound) if replay.foreign > 0 => VerifyOutcome::Foreign(Box::new(sound), replay),
        Ok(sound) => VerifyOutcome::Sound(Box::new(sound), replay),
        Err(unverified) => VerifyOutcome::Unverified(unverified),
    }
}

/// Says why a replay says nothing: another version of the judge ruled.
fn foreign(replay: &Replay) -> String {
    format!(
        "{} rulings and alerts are of another version of the judge, whose rules this program does not \
         have: replay the ledger with the program that ruled",
        grouped(replay.foreign)
    )
}

fn in_words(args: &Args, verdict: &VerifyOutcome, seconds: f64) -> String {
    match verdict {
        VerifyOutcome::Sound(sound, replay) => {
            let mut text = format!(
                "{}\n{} checkpoints, {} signature{} checked, {:.1} s.",
                sound_in_words(sound),
                grouped(sound.checkpoints),
                grouped(sound.signatures),
                if sound.signatures == 1 { "" } else { "s" },
                seconds,
            );
            if args.replay {
                let (rulings, alerts) = (grouped(replay.rulings), grouped(replay.alerts));
                text += &format!("\n{rulings} rulings and {alerts} alerts came out as recorded.");
            }
            let unseen = not_looked_at(sound, args.replay);
            let unseen: Vec<&str> = unseen.into_iter().filter_map(|(_, words)| words).collect();
            if !unseen.is_empty() {
                text += &format!("\nNot looked at: {}.", unseen.join("; "));
            }
            text
        }
        VerifyOutcome::Differs(_, replay) => {
            let entry = replay.difference().unwrap_or(0);
            format!("NOT SOUND: entry {entry} is not what the rules in force give.")
        }
        VerifyOutcome::Foreign(sound, replay) => {
            format!("NOT CHECKED: {}. But for that:\n{}", foreign(replay), sound_in_words(sound))
        }
        VerifyOutcome::Unverified(unverified) => unverified.in_words(),
    }
}

fn as_json(args: &Args, verdict: &VerifyOutcome, seconds: f64) -> Value {
    let sound_json = |sound: &Sound, verdict: &str, replay: &Replay| {
        let compared = args.replay.then(|| {
            let first = replay.difference();
            json!({"rulings": replay.rulings, "alerts": replay.alerts, "foreign": replay.foreign, "first_difference": first})
        });
        let mut said = sound_as_json(sound, verdict, args.replay && replay.foreign == 0);
        said["replay"] = json!(compared);
        said["seconds"] = json!(seconds);
        said
    };
    match verdict {
        VerifyOutcome::Sound(sound, replay) => sound_json(sound, "sound", replay),
        VerifyOutcome::Differs(sound, replay) => sound_json(sound, "not_sound", replay),
        VerifyOutcome::Foreign(sound, replay) => {
            let mut said = sound_json(sound, "not_checked", replay);
            said["why"] = json!(foreign(replay));
            said
        }
        VerifyOutcome::Unverified(unverified) => unverified.as_json(),
    }
}
