//! `greffier verify`: whether a ledger holds.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::{FAILED, NO, bar, grouped, print, time};
use crate::anomaly::replay::Replay;
use crate::ledger::checkpoint::VerifierKey;
use crate::ledger::store::Store;
use crate::ledger::verify::{Failure, Sound, Trust, scan};

/// Check a whole ledger, offline
///
/// What is checked: its schema, every body, the chain, the tree at every checkpoint,
/// the signature of the last one, the integers against the tags, and the anchors you bring.
///
/// What lies behind the last checkpoint that somebody else holds can be rewritten by whoever has the
/// signing key. Bring such checkpoints with --anchor: replies, receipts and GetCheckpoint have them.
/// A ledger copied without its -wal file is short, and only an anchor shows it.
///
/// Exit codes: 0 sound, 1 not sound, 2 could not be checked.
///
///   greffier verify ledger.sqlite --key key.vkey --anchor kept-by-the-provider.txt
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// The ledger file
    ledger: PathBuf,
    /// The ledger's verifier key (NAME+hex+base64), or a file that holds it
    #[arg(long, value_parser = super::key::key)]
    key: VerifierKey,
    /// A file with a checkpoint (a signed note) that somebody else kept; may be given again
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// Check the signature of every checkpoint, not of the last alone
    #[arg(long)]
    all_signatures: bool,
    /// Rule again on every read and compare with what is recorded
    #[arg(long)]
    replay: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of it.
enum Verdict {
    Sound(Box<Sound>, Replay),
    Differs(Box<Sound>, Replay),
    Failed(Failure),
    NotTried(String),
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
        Verdict::Sound(..) => ExitCode::SUCCESS,
        Verdict::Differs(..) | Verdict::Failed(Failure::Unsound(_)) => ExitCode::from(NO),
        Verdict::Failed(_) | Verdict::NotTried(_) => ExitCode::from(FAILED),
    }
}

fn verify(args: &Args) -> Verdict {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let anchors: Vec<String> = match args.anchor.iter().map(read).collect() {
        Ok(anchors) => anchors,
        Err(error) => return Verdict::NotTried(error),
    };
    let trust = Trust { key: &args.key, anchors: &anchors, all_signatures: args.all_signatures };
    let bar = bar("verifying");
    let mut replay = Replay::default();
    let scanned = Store::open(&args.ledger).map_err(Failure::from).and_then(|store| {
        let mut progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        scan(&store, &trust, &mut progress, &mut |entry, _| {
            if args.replay {
                replay.apply(entry);
            }
        })
    });
    bar.finish_and_clear();
    match scanned {
        Ok(sound) if replay.difference().is_some() => Verdict::Differs(Box::new(sound), replay),
        Ok(sound) => Verdict::Sound(Box::new(sound), replay),
        Err(failure) => Verdict::Failed(failure),
    }
}

fn anchored(sound: &Sound) -> String {
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

fn in_words(args: &Args, verdict: &Verdict, seconds: f64) -> String {
    match verdict {
        Verdict::Sound(sound, replay) => {
            let size = sound.checkpoint.size;
            let mut text = format!(
                "SOUND: {} entries of {}, the last written {}.\n{}.\n\
                 {} checkpoints, {} signature{} checked, {:.1} s.",
                grouped(size),
                sound.checkpoint.origin,
                time(sound.last.at),
                capitalised(&anchored(sound)),
                grouped(sound.checkpoints),
                grouped(sound.signatures),
                if sound.signatures == 1 { "" } else { "s" },
                seconds,
            );
            if args.replay {
                text += &format!(
                    "\n{} rulings and {} alerts came out as recorded.",
                    grouped(replay.rulings),
                    grouped(replay.alerts)
                );
            }
            if replay.foreign > 0 {
                text += &format!(
                    "\n{} rulings and alerts are of another version of the judge and were not compared.",
                    grouped(replay.foreign)
                );
            }
            text
        }
        Verdict::Differs(_, replay) => {
            let entry = replay.difference().unwrap_or(0);
            format!("NOT SOUND: entry {entry} is not what the rules in force give.")
        }
        Verdict::Failed(Failure::Unsound(unsound)) => {
            let held = match unsound.last_sound {
                Some(last) => format!("The last entry before it that holds is {last}."),
                None => "No entry before it holds.".to_owned(),
            };
            format!("NOT SOUND: {}.\n{held}", unsound.detail)
        }
        Verdict::Failed(failure) => format!("NOT CHECKED: {failure}."),
        Verdict::NotTried(why) => format!("NOT CHECKED: {why}."),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn as_json(args: &Args, verdict: &Verdict, seconds: f64) -> Value {
    let sound_json = |sound: &Sound, verdict: &str, replay: &Replay| {
        let compared = args.replay.then(|| {
            let first = replay.difference();
            json!({"rulings": replay.rulings, "alerts": replay.alerts, "foreign": replay.foreign, "first_difference": first})
        });
        json!({
            "verdict": verdict,
            "origin": sound.checkpoint.origin,
            "entries": sound.checkpoint.size,
            "root": sound.checkpoint.root.to_string(),
            "last_at": sound.last.at,
            "checkpoints": sound.checkpoints,
            "signatures": sound.signatures,
            "anchored": sound.anchored.map(|(entry, now)| json!({"entry": entry, "at": now.at})),
            "replay": compared,
            "seconds": seconds,
        })
    };
    match verdict {
        Verdict::Sound(sound, replay) => sound_json(sound, "sound", replay),
        Verdict::Differs(sound, replay) => sound_json(sound, "not_sound", replay),
        Verdict::Failed(Failure::Unsound(unsound)) => json!({
            "verdict": "not_sound",
            "fault": unsound.fault,
            "detail": unsound.detail,
            "first_wrong": unsound.first_wrong,
            "last_sound": unsound.last_sound,
        }),
        Verdict::Failed(failure) => json!({"verdict": "not_checked", "why": failure.to_string()}),
        Verdict::NotTried(why) => json!({"verdict": "not_checked", "why": why}),
    }
}
