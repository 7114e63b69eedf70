//! `greffier tail`: alerts, warnings and acts as they come, from a ledger that is held to its word.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::json;

use super::call::{CallError, Who};
use super::notice::{LanguageName, print_act, print_alert, print_warning};
use super::{NO, complain, failed, grouped, print};
use crate::client::notice::{act_json, alert_json, warning_json};
use crate::client::tail::{BadState, Ended, Event, Tail, TailState};
use crate::files;
use crate::format::checkpoint::{BadNote, VerifierKey};

/// Follow alerts, warnings and acts as they are written, and denounce a ledger that was changed
///
/// Each alert says in a plain sentence who, which rule, how many persons in which
/// entries, what was contained and what clears it. The tail follows for ever: when
/// the gateway is away it says so on standard error, looks for it, and goes on
/// where it was. No alert is lost.
///
/// Every few seconds the gateway sends its newest checkpoint. The tail checks the
/// signature, and has the gateway prove that the ledger only grew since the one
/// before. A ledger that is shorter than it was, or another, or signed by another
/// key is DENOUNCED, and the tail ends with exit code 1. So is a gateway that owes
/// its proof for ten minutes.
///
/// With --state it remembers both over restarts: the last entry that was printed
/// and the newest checkpoint. Keep that file on another machine than the gateway's.
/// The state is written after the line: whoever is killed between the two prints
/// that one entry again at the next start, and none is ever left out. A reader that
/// counts drops entry numbers that it has seen.
///
/// Examples, on an instance of `greffier init --dev here`:
///   greffier tail --instance here --state soc.state
///   greffier tail --instance here --once --json --after 57
///
/// Exit codes: 0 caught up (with --once), 1 denounced or refused, 2 could not be
/// tried.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    #[command(flatten)]
    who: Who,
    /// Print what lies behind this entry; by default what the state says, or everything
    #[arg(long, value_name = "ENTRY")]
    after: Option<u64>,
    /// Go on from this file, and keep it up to date; it is made if it is not there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The ledger's verifier key, or a file that holds it; an instance has its own
    #[arg(
        long,
        value_name = "VKEY",
        required_unless_present = "instance",
        value_parser = super::verdict::verifier_key
    )]
    ledger_key: Option<VerifierKey>,
    /// End when everything that there is so far was printed
    #[arg(long, visible_alias = "until-caught-up")]
    once: bool,
    /// Print heartbeats too, not only what comes
    #[arg(long, short)]
    verbose: bool,
    /// Language of the sentences that are printed
    #[arg(long, value_enum, default_value = "en")]
    language: LanguageName,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Why there is no tail, or no more of it.
#[derive(Debug, thiserror::Error)]
enum TailError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{}: {error}", path.display())]
    State { path: PathBuf, error: BadState },
    #[error("the state's checkpoint: {0}")]
    Note(#[from] BadNote),
    #[error("{0}")]
    Key(String),
    #[error(transparent)]
    Ended(#[from] Ended),
    #[error("not proven that the ledger only grew: {0}")]
    Unproven(String),
    #[error("the gateway is not there: {0}")]
    NotThere(String),
}

pub(super) fn run(args: Args) -> ExitCode {
    match follow(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(TailError::Ended(Ended::Denounced(why))) => {
            if args.json {
                print(json!({"kind": "denounced", "why": why.to_string()}));
            }
            complain(format_args!("greffier: DENOUNCED: {why}"));
            complain(
                "greffier: keep the state and what this printed, believe nothing that the gateway \
                 says, and have its ledger verified against them",
            );
            ExitCode::from(NO)
        }
        Err(TailError::Ended(Ended::Refused(status))) => {
            CallError::Refused(status).told(args.json);
            ExitCode::from(NO)
        }
        Err(TailError::Call(error)) => error.told(args.json),
        Err(error) => failed(error),
    }
}

fn follow(args: &Args) -> Result<(), TailError> {
    let settings = args.who.settings("security-soc")?;
    let mut state = load(args.state.as_deref())?;
    state.after = args.after.unwrap_or(state.after);
    let key = match (&args.ledger_key, args.who.instance()) {
        (Some(key), _) => key.clone(),
        (None, Some(layout)) => {
            let path = layout.verifier_key();
            super::verdict::verifier_key(&path.to_string_lossy()).map_err(TailError::Key)?
        }
        (None, None) => unreachable!("clap asks for a key where there is no instance"),
    };
    let mut tail = Tail::new(settings, key, state)?;
    // A state that cannot be kept is said now, not at the first alert.
    save(args, &tail)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CallError::from)?.block_on(async {
        loop {
            let event = tail.next().await?;
            let caught_up = matches!(event, Event::Heartbeat { .. });
            let unproven = match &event {
                Event::Heartbeat { unproven, .. } => unproven.clone(),
                _ => None,
            };
            tell(args, event)?;
            save(args, &tail)?;
            match unproven {
                Some(why) if args.once => return Err(TailError::Unproven(why)),
                None if args.once && caught_up => return Ok(()),
                _ => {}
            }
        }
    })
}

/// Prints an event; the gateway's comings and goings are for standard error.
fn tell(args: &Args, event: Event) -> Result<(), TailError> {
    match event {
        Event::Alert(alert) if args.json => print(alert_json(&alert)),
        Event::Alert(alert) => print_alert(&alert, args.language),
        Event::Warning(warning) if args.json => print(warning_json(&warning)),
        Event::Warning(warning) => print_warning(&warning, args.language),
        Event::Act(act) if args.json => print(act_json(&act)),
        Event::Act(act) => print_act(&act, args.language),
        Event::Heartbeat { checkpoint, up_to, unproven } => {
            if let Some(why) = &unproven {
                let grew = "that the ledger only grew";
                complain(format_args!("greffier: not proven for now {grew}: {why}"));
            }
            let proven = unproven.is_none();
            if args.verbose && args.json {
                let size = checkpoint.size;
                print(json!({
                    "kind": "heartbeat", "up_to": up_to, "size": size, "proven": proven,
                }));
            } else if args.verbose {
                let grew = if proven { "" } else { "; not proven" };
                print(format_args!(
                    "heartbeat: {} entries, all up to {up_to} sent{grew}",
                    grouped(checkpoint.size)
                ));
            }
        }
        Event::Lost(why) if args.once => return Err(TailError::NotThere(why)),
        Event::Lost(why) => {
            complain(format_args!("greffier: lost the gateway ({why}); looking for it"));
        }
        Event::Regained => complain("greffier: the gateway is there again"),
    }
    Ok(())
}

/// The state to go on from; a file that is not there is a beginning.
fn load(path: Option<&Path>) -> Result<TailState, TailError> {
    let Some(path) = path else { return Ok(TailState::default()) };
    match files::read_input(path, files::SMALL) {
        Ok(text) => {
            let bad = |error| TailError::State { path: path.to_owned(), error };
            text.parse().map_err(bad)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(TailState::default()),
        Err(error) => Err(CallError::file(path)(error).into()),
    }
}

fn save(args: &Args, tail: &Tail) -> Result<(), TailError> {
    let Some(path) = &args.state else { return Ok(()) };
    files::replace(path, &tail.state().to_string()).map_err(CallError::file(path))?;
    Ok(())
}
