//! `greffier act`: what administrators decide, from the proposal over each one's signature to the
//! gateway. Everything but `submit` works where there is no gateway.

pub(super) mod file;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use super::call::{CallError, Who, block_on};
use super::notice::{LanguageName, print_act};
use super::{failed, print};
use crate::client::Client;
use crate::client::notice::act_json;
use crate::config::Config;
use crate::config::policy::POLICY_MAX;
use crate::files;
use crate::format::entry::{
    Deed, JobTerms, Malformed, Millis, Nonce, PublicKey, Statement, Tag, sha256,
};
use crate::format::personal::PersonalKey;
use crate::format::signer::{BadSecret, random};
use crate::instance::Layout;
use crate::proto::Act;
use crate::registrar::start::StartError;
use crate::registrar::wall;
pub(super) use file::{ActError, ActFile};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Keygen(Keygen),
    Propose(Propose),
    Sign(Sign),
    Show(Show),
    Submit(Submit),
}

pub(super) fn run(command: Command) -> ExitCode {
    match command {
        Command::Keygen(args) => keygen(&args),
        Command::Propose(args) => done(propose(&args), false),
        Command::Sign(args) => done(sign(&args), args.json),
        Command::Show(args) => done(show(&args), args.json),
        Command::Submit(args) => submit(args),
    }
}

/// Make a personal key, with which one administrator signs acts
///
/// It is yours alone: the file is readable by you only, and stays with you. The
/// line that is printed is the public key; give it to the administrators who enrol
/// you (`act propose enrol_key`).
///
/// Exit codes: 0 made, 2 not made.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Keygen {
    /// The file to make; there must be none of this name
    file: PathBuf,
}

/// Write down an act that is to be signed
///
/// It goes to standard output: keep it in a file, have each administrator sign that
/// file with `act sign`, and one of them hand it in with `act submit`. What each
/// deed must name:
///   suspend, reinstate, lift     --provider, and --agent if it is for one agent
///   enrol_key, revoke_key        --admin and --public-key
///   enrol_agent, dismiss_agent   --provider and --agent
///   enrol_roster                 --provider, --dataset and --persons
///   loosen                       --policy
///   declare_job                  --provider, --dataset, --purpose, --view, --rows
///                                and --until
///   approve_job, withdraw_job    --declared
/// Enrolling, loosening, and lifting what a critical alert took, need two
/// administrators; a job is approved by another than who declared it.
///
/// Example:
///   greffier act propose lift --instance here --provider provider-01 \
///     --reason "..." > act.json
///
/// Exit codes: 0 written, 2 not.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Propose {
    /// The deed, that is what is to be done, as in the list above
    deed: String,
    /// Provider id, as in the policy
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Tag of an agent, as alerts have it
    #[arg(long, value_name = "TAG", allow_hyphen_values = true)]
    agent: Option<Tag>,
    /// Id of the administrator whose key it is
    #[arg(long, value_name = "ID")]
    admin: Option<String>,
    /// The key, as `act keygen` printed it
    #[arg(long, value_name = "KEY")]
    public_key: Option<PublicKey>,
    /// Dataset whose roster grows, or for which the job is
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// By how many persons at most
    #[arg(long, value_name = "N")]
    persons: Option<u64>,
    /// The policy file that may come into force; its digest is what is signed
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    job: Job,
    /// Entry number of the act that declared the job
    #[arg(long, value_name = "ENTRY")]
    declared: Option<u64>,
    /// Why, 1 to 256 characters; it becomes part of the ledger, so name no person
    #[arg(long)]
    reason: String,
    /// How long it may be submitted: a number with m, h or d. It is counted from this machine's
    /// clock, and may end 7d behind the time of the ledger's entries at most
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = span)]
    valid_for: Millis,
    /// Which ledger: the first line of every checkpoint of it
    #[arg(long, required_unless_present = "instance")]
    origin: Option<String>,
    /// A development instance: the ledger is its own
    #[arg(long, value_name = "DIR", conflicts_with = "origin")]
    instance: Option<PathBuf>,
}

/// The terms of a job: what may be exported, for what and until when.
#[derive(ClapArgs, Debug)]
#[group(id = "declared_job")]
struct Job {
    /// Why the provider exports: a purpose of the dataset
    #[arg(long, requires_all = ["view", "rows", "until"])]
    purpose: Option<String>,
    /// Which fields: BASIC, CONTACT or FULL
    #[arg(long, requires = "purpose")]
    view: Option<String>,
    /// At most so many rows; they stand in for the budgets of persons. A page sent again counts
    /// again
    #[arg(long, value_name = "N", requires = "purpose")]
    rows: Option<u64>,
    /// From when on, as in 2026-12-01T08:00:00Z; now, if left out
    #[arg(long, value_name = "TIME", requires = "purpose")]
    from: Option<jiff::Timestamp>,
    /// Until when, at most 31 days from now
    #[arg(long, value_name = "TIME", requires = "purpose")]
    until: Option<jiff::Timestamp>,
}

impl Job {
    /// The terms, if any are given; clap sees to it that all are.
    fn terms(&self) -> Option<JobTerms> {
        let ms = |time: jiff::Timestamp| u64::try_from(time.as_millisecond()).unwrap_or(0);
        Some(JobTerms {
            purpose: self.purpose.as_deref()?.into(),
            view: self.view.as_deref()?.into(),
            rows: self.rows?,
            from: self.from.map_or_else(wall, ms),
            until: ms(self.until?),
        })
    }
}

/// Sign an act
///
/// It says what you sign, and adds your signature to the file. Read it: whoever has
/// the signatures that it needs can have it done.
///
/// Exit codes: 0 signed, 2 not.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Sign {
    /// The file that `act propose` wrote
    file: PathBuf,
    /// A development instance, which has everybody's personal key
    #[arg(long, value_name = "DIR")]
    instance: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
    /// Print JSON instead of lines of text
    #[arg(long)]
    json: bool,
}

/// Show what an act says, and who has signed it
///
/// Exit codes: 0 shown, 2 it is no act, or a signature in it is false.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Show {
    /// The file that `act propose` wrote
    file: PathBuf,
    /// Print JSON instead of lines of text
    #[arg(long)]
    json: bool,
}

/// Hand in an act that was signed
///
/// You are one of those who signed it. From its entry on it holds.
///
/// Exit codes: 0 done, 1 refused (the reason says why), 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Submit {
    #[command(flatten)]
    who: Who,
    /// The file of the act, with every signature that it needs
    file: PathBuf,
    /// Print JSON instead of lines of text
    #[arg(long)]
    json: bool,
}

/// Who signs an act, and with which personal key.
#[derive(ClapArgs, Debug)]
pub(super) struct Signing {
    /// Id of the administrator who signs; of an instance, admin-1 or as in --as
    #[arg(long, value_name = "ID", required_unless_present = "instance")]
    admin: Option<String>,
    /// Their personal key, as `act keygen` made it
    #[arg(long, value_name = "FILE", required_unless_present = "instance")]
    personal_key: Option<PathBuf>,
}

impl Signing {
    /// Adds the signature; `usual` is who signs in an instance if nobody is named.
    pub(super) fn sign(
        &self,
        act: &mut ActFile,
        instance: Option<&Layout>,
        usual: &str,
    ) -> Result<(), ActError> {
        let admin = self.admin.as_deref().unwrap_or(usual);
        let made = || instance.map(|layout| layout.personal_key(admin));
        let path = self.personal_key.clone().or_else(made).unwrap_or_default();
        act.sign(&admin.into(), &PersonalKey::read(&path)?)
    }
}

/// Longest that a statement may be good for by this machine's clock: the ledger, which may be ahead
/// of it, has a limit of its own.
const LONGEST: Millis = 999 * 86_400_000;

fn span(text: &str) -> Result<Millis, &'static str> {
    let wrong = "must be a number with m, h or d, from 1m to 999d";
    let unit = match text.bytes().last() {
        Some(b'm') => 60_000,
        Some(b'h') => 3_600_000,
        Some(b'd') => 86_400_000,
        _ => return Err(wrong),
    };
    let count = text[..text.len() - 1].parse::<Millis>().ok();
    let span = count.and_then(|count| count.checked_mul(unit));
    span.filter(|span| (60_000..=LONGEST).contains(span)).ok_or(wrong)
}

/// A statement that was never made, good until `expires`.
pub(super) fn statement(deed: Deed, reason: &str, expires: Millis) -> Result<Statement, ActError> {
    Ok(Statement { deed, reason: reason.to_owned(), nonce: Nonce(random()?), expires })
}

/// What was done, or why it was not.
fn done(outcome: Result<String, ActError>, json: bool) -> ExitCode {
    match outcome {
        Ok(text) => {
            print(text);
            ExitCode::SUCCESS
        }
        Err(error) if json => {
            print(json!({"error": error.to_string()}));
            ExitCode::from(super::FAILED)
        }
        Err(error) => failed(error),
    }
}

fn keygen(args: &Keygen) -> ExitCode {
    match PersonalKey::make(&args.file) {
        Ok(key) => {
            print(key.public());
            ExitCode::SUCCESS
        }
        Err(error) => failed(format_args!("{}: {error}", args.file.display())),
    }
}

fn propose(args: &Propose) -> Result<String, ActError> {
    let origin = match (&args.origin, &args.instance) {
        (Some(origin), _) => origin.clone(),
        (None, dir) => origin_of(&Layout::new(dir.as_deref().unwrap_or("".as_ref())))?,
    };
    let digest = match &args.policy {
        Some(path) => {
            Some(sha256(&[&files::read(path, POLICY_MAX as u64).map_err(file::at(path))?]))
        }
        None => None,
    };
    let mut keys = json!({
        "deed": args.deed,
        "provider": args.provider,
        "agent": args.agent,
        "admin": args.admin,
        "key": args.public_key,
        "dataset": args.dataset,
        "persons": args.persons,
        "digest": digest,
        "job": args.job.terms(),
        "declared": args.declared,
    });
    keys.as_object_mut().into_iter().for_each(|keys| keys.retain(|_, value| !value.is_null()));
    let deed = Deed::of_keys(&keys)
        .map_err(|why| ActError::Said(format!("no act `{}`: {why}", args.deed)))?;
    let statement = statement(deed, &args.reason, wall() + args.valid_for)?;
    ActFile::new(&origin, &statement)?.text()
}

/// The name of the ledger that an instance writes.
fn origin_of(layout: &Layout) -> Result<String, ActError> {
    Ok(Config::load(&layout.config())?.name)
}

fn sign(args: &Sign) -> Result<String, ActError> {
    let mut act = ActFile::read(&args.file)?;
    let layout = args.instance.as_deref().map(Layout::new);
    args.signing.sign(&mut act, layout.as_ref(), "admin-1")?;
    let shown = if args.json { act.as_json()?.to_string() } else { act.in_words()? };
    act.write(&args.file)?;
    Ok(shown)
}

fn show(args: &Show) -> Result<String, ActError> {
    let act = ActFile::read(&args.file)?;
    if args.json { Ok(act.as_json()?.to_string()) } else { act.in_words() }
}

fn submit(args: Submit) -> ExitCode {
    let Submit { who, file, json } = args;
    let written = ActFile::read(&file).map_err(CallError::from).and_then(|act| {
        let settings = who.settings("admin-1")?;
        block_on(async {
            let mut client = Client::connect(&settings).await?;
            Ok(client.submit(act.statement, &act.signatures).await?)
        })
    });
    match written {
        Ok(act) => {
            told(&act, LanguageName::En, json);
            ExitCode::SUCCESS
        }
        Err(error) => error.told(json),
    }
}

/// Prints the act that was written, as JSON or as a line of text.
pub(super) fn told(act: &Act, language: LanguageName, json: bool) {
    if json {
        print(act_json(act));
    } else {
        print_act(act, language);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_is_a_minute_at_least_and_999_days_at_most() {
        for (text, ms) in [("1m", 60_000), ("24h", 86_400_000), ("999d", LONGEST)] {
            assert_eq!(span(text), Ok(ms));
        }
        for text in [
            "",
            "h",
            "0m",
            "1000d",
            "23977h",
            "1",
            "-1h",
            "1.5h",
            "1H",
            "é",
            "1é",
            "99999999999999999999d",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
