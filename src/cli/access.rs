//! `greffier suspend`, `reinstate` and `lift`: what an administrator decides about access.

use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::act::{ActFile, Signing, statement, told};
use super::call::{CallError, Who, block_on};
use super::complain;
use super::notice::LanguageName;
use crate::client::Client;
use crate::format::entry::{Deed, Millis, Tag, Whom};
use crate::proto::Act;

/// Who acts in an instance if nobody is named.
const ADMIN: &str = "admin-1";
/// How long the gateway may take an act that is submitted at once: clocks differ.
const MINUTES_10: Millis = 600_000;

/// Stop everything to a provider or to one of its agents, at once
///
/// The act is an entry of the ledger, with your signature and why. From that entry
/// on nothing is released to them: when this command has answered, no read under
/// way escapes it. It lasts until `greffier reinstate`, over any restart.
///
/// Example, on an instance of `greffier init --dev here`:
///   greffier suspend --instance here provider-01 \
///     --reason "Ticket 4711: laptop stolen"
///
/// Exit codes: 0 done, 1 refused (the reason says why), 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Suspend {
    #[command(flatten)]
    asked: Asked,
}

/// Take back a suspension that `greffier suspend` made
///
/// Name whom the suspension named: one of a provider stands when an agent of it is
/// reinstated, and the other way round. What alerts have taken away is given back
/// by `greffier lift`, not by this.
///
/// Exit codes: 0 done, 1 refused (the reason says why), 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Reinstate {
    #[command(flatten)]
    asked: Asked,
}

/// Give back what alerts took from a provider or from one of its agents
///
/// Look first at what was found (`greffier alerts show`), and lift it when you know
/// what it was: the detectors begin again at 0 for them, so a thief who goes on is
/// noticed as late as the first time. Without --agent it is for the provider as a
/// whole, and leaves its agents as they are: an alert that took from both names
/// both commands. What a critical alert took, two administrators lift: see
/// `greffier act`. Suspensions by `greffier suspend` stand. Budgets that are used
/// up stay so: they refill with time and by nothing else.
///
/// Exit codes: 0 done, 1 refused (the reason says why), 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Lift {
    #[command(flatten)]
    asked: Asked,
}

/// Whose access it is about, who signs, and why.
#[derive(ClapArgs, Debug)]
struct Asked {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    signing: Signing,
    /// Provider id, as in the policy
    provider: String,
    /// Tag of one agent, as alerts have it
    #[arg(long, value_name = "TAG", allow_hyphen_values = true)]
    agent: Option<Tag>,
    /// Why, 1 to 256 characters; it becomes part of the ledger, so name no person
    #[arg(long)]
    reason: String,
    /// Print JSON instead of a line of text
    #[arg(long)]
    json: bool,
}

pub(super) fn suspend(args: Suspend) -> ExitCode {
    act(Deed::Suspend, &args.asked)
}

pub(super) fn reinstate(args: Reinstate) -> ExitCode {
    act(Deed::Reinstate, &args.asked)
}

pub(super) fn lift(args: Lift) -> ExitCode {
    act(Deed::Lift, &args.asked)
}

/// Proposes, signs and submits in one step.
fn act(deed: fn(Whom) -> Deed, asked: &Asked) -> ExitCode {
    let deed = deed(Whom { provider: asked.provider.as_str().into(), agent: asked.agent });
    let name = deed.name();
    match block_on(submit(deed, asked)) {
        Ok(act) => {
            told(&act, LanguageName::En, asked.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let second = error.wants_second();
            let code = error.told(asked.json);
            if second && !asked.json {
                complain(how_two_sign(&name, asked));
            }
            code
        }
    }
}

async fn submit(deed: Deed, asked: &Asked) -> Result<Act, CallError> {
    let usual = asked.who.name(ADMIN);
    let mut client = Client::connect(&asked.who.settings(ADMIN)?).await?;
    // By whose time it is good: this machine's clock may be another's.
    let (origin, now) = client.origin_and_time().await?;
    let statement = statement(deed, &asked.reason, now + MINUTES_10)?;
    let mut act = ActFile::new(&origin, &statement)?;
    asked.signing.sign(&mut act, asked.who.instance().as_ref(), usual)?;
    Ok(client.submit(act.statement, &act.signatures).await?)
}

/// What to do when one administrator is not enough.
fn how_two_sign(deed: &str, asked: &Asked) -> String {
    let provider = &asked.provider;
    let agent = asked.agent.map_or_else(String::new, |agent| format!(" --agent={agent}"));
    format!(
        "  Write it down:  greffier act propose {deed} --provider {provider}{agent} \
         --reason \"...\" --origin ORIGIN > act.json\n  \
         Two sign it:    greffier act sign act.json --admin ID --personal-key FILE\n  \
         One hands it in: greffier act submit act.json"
    )
}
