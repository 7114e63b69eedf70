//! `greffier suspend`, `reinstate` and `lift`: what an administrator decides about access.

use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::call::{CallError, Who, block_on};
use super::notice::{LanguageName, act_json, print_act};
use super::print;
use crate::client::Client;
use crate::proto::{Act, LiftContainmentRequest, ReinstateAccessRequest, SuspendAccessRequest};

/// Stop everything to a provider or to one of its agents, at once
///
/// The act is an entry of the ledger, with who you are and why. From that entry on nothing is
/// released to them: when this command has answered, no read under way escapes it. It lasts until
/// `greffier reinstate`, over any restart.
///
/// Example, on an instance of `greffier init --dev here`:
///   greffier suspend --instance here provider-01 --reason "Ticket 4711: laptop stolen"
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
/// Name whom the suspension named: one of a provider stands when an agent of it is reinstated, and
/// the other way round. What alerts have taken away is given back by `greffier lift`, not by this.
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
/// Look first at what was found (`greffier alerts show`), and lift it when you know what it was: the
/// detectors begin again at 0 for them, so a thief who goes on is noticed as late as the first time.
/// Without --agent it is for the provider as a whole, and leaves its agents as they are: an alert that
/// took from both names both commands. Suspensions by `greffier suspend` stand. Budgets that are used up stay so: they refill with time and by nothing else.
///
/// Exit codes: 0 done, 1 refused (the reason says why), 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Lift {
    #[command(flatten)]
    asked: Asked,
}

/// Whom, and why.
#[derive(ClapArgs, Debug)]
struct Asked {
    #[command(flatten)]
    who: Who,
    /// Provider id, as in the policy
    provider: String,
    /// Tag of one agent, as alerts have it
    #[arg(
        long,
        value_name = "TAG",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    agent: String,
    /// Why, 1 to 256 characters; it becomes part of the ledger, so name no person
    #[arg(long)]
    reason: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn suspend(args: Suspend) -> ExitCode {
    act(args.asked, async |mut client, provider, agent, reason| {
        let request = SuspendAccessRequest { provider, agent, reason };
        Ok(client.admin.suspend_access(request).await?.into_inner().act)
    })
}

pub(super) fn reinstate(args: Reinstate) -> ExitCode {
    act(args.asked, async |mut client, provider, agent, reason| {
        let request = ReinstateAccessRequest { provider, agent, reason };
        Ok(client.admin.reinstate_access(request).await?.into_inner().act)
    })
}

pub(super) fn lift(args: Lift) -> ExitCode {
    act(args.asked, async |mut client, provider, agent, reason| {
        let request = LiftContainmentRequest { provider, agent, reason };
        Ok(client.admin.lift_containment(request).await?.into_inner().act)
    })
}

fn act(
    asked: Asked,
    call: impl AsyncFnOnce(Client, String, String, String) -> Result<Option<Act>, CallError>,
) -> ExitCode {
    let Asked { who, provider, agent, reason, json } = asked;
    let written = who.settings("admin-1").and_then(|settings| {
        block_on(async {
            let client = Client::connect(&settings).await?;
            call(client, provider, agent, reason).await
        })
    });
    match written {
        Ok(act) => {
            told(&act.unwrap_or_default(), LanguageName::En, json);
            ExitCode::SUCCESS
        }
        Err(error) => error.told(json),
    }
}

/// Prints what was written.
pub(super) fn told(act: &Act, language: LanguageName, json: bool) {
    if json {
        print(act_json(act));
    } else {
        print_act(act, language);
    }
}
