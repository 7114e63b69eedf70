//! `greffier alerts`: what was found, one look at it, and that somebody has seen it.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use super::act::told;
use super::call::{CallError, Who, block_on};
use super::notice::{LanguageName, print_act, print_alert};
use super::{NO, failed, print};
use crate::client::Client;
use crate::client::notice::{act_json, alert_json};
use crate::proto::tail_alerts_response::Event;
use crate::proto::{AcknowledgeAlertRequest, ListAlertsRequest, ListedAlert, TailAlertsRequest};

/// List alerts, look at one, say that it was seen
///
/// Alerts are entries of the ledger and are known by their entry numbers. `greffier
/// tail` follows them as they come.
///
/// Examples, on an instance of `greffier init --dev here`:
///   greffier alerts --instance here list
///   greffier alerts --instance here show 57
///   greffier alerts --instance here ack 57 \
///     --reason "Called the provider, ticket 4711"
///
/// Exit codes: 0 done, 1 refused or no such alert, 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    #[command(flatten)]
    who: Who,
    /// Language of the sentences that are printed
    #[arg(long, global = true, value_enum, default_value = "en")]
    language: LanguageName,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: AlertsCommand,
}

#[derive(Subcommand, Debug)]
enum AlertsCommand {
    /// Alerts, oldest first, and who has seen each
    List {
        /// Only those whose entry is behind this one
        #[arg(long, value_name = "ENTRY", default_value_t = 0, hide_default_value = true)]
        after: u64,
        /// Only those of the incident that began with this alert
        #[arg(long, value_name = "ENTRY", default_value_t = 0, hide_default_value = true)]
        incident: u64,
        /// Only those that nobody has acknowledged
        #[arg(long)]
        open: bool,
    },
    /// The whole incident of an alert: its alerts, who has seen them, and every act on that
    /// provider since it began
    Show {
        /// Entry number of the alert to show
        alert: u64,
    },
    /// Say that you have seen an alert; it lifts nothing
    Ack {
        /// Entry number of the alert that you have seen
        alert: u64,
        /// What you make of it, 1 to 256 characters; it becomes part of the ledger, so name no
        /// person
        #[arg(long)]
        reason: String,
    },
}

pub(super) fn run(args: &Args) -> ExitCode {
    let done = args.who.settings("security-soc").and_then(|settings| {
        block_on(async {
            let mut client = Client::connect(&settings).await?;
            match &args.what {
                AlertsCommand::List { after, incident, open } => {
                    list(args, &mut client, *after, *incident, *open).await
                }
                AlertsCommand::Show { alert } => show(args, &mut client, *alert).await,
                AlertsCommand::Ack { alert, reason } => {
                    let request = AcknowledgeAlertRequest { alert: *alert, reason: reason.clone() };
                    let reply = client.alerts.acknowledge_alert(request).await?.into_inner();
                    told(&reply.act.unwrap_or_default(), args.language, args.json);
                    Ok(ExitCode::SUCCESS)
                }
            }
        })
    });
    done.unwrap_or_else(|error| error.told(args.json))
}

async fn list(
    args: &Args,
    client: &mut Client,
    after: u64,
    incident: u64,
    open: bool,
) -> Result<ExitCode, CallError> {
    let mut after_entry = after;
    loop {
        let request = ListAlertsRequest { after_entry, page_size: 500, incident };
        let page = client.alerts.list_alerts(request).await?.into_inner();
        for listed in page.alerts.iter().filter(|l| !open || l.acknowledgements.is_empty()) {
            print_listed(args, listed);
        }
        after_entry = page.next_after_entry;
        if after_entry == 0 {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn print_listed(args: &Args, listed: &ListedAlert) {
    let Some(alert) = &listed.alert else { return };
    if args.json {
        let mut alert = alert_json(alert);
        alert["acknowledgements"] = listed.acknowledgements.iter().map(act_json).collect();
        return print(alert);
    }
    print_alert(alert, args.language);
    for act in &listed.acknowledgements {
        print_act(act, args.language);
    }
}

/// Alerts, acknowledgements and acts in the order of their entries, up to now.
async fn show(args: &Args, client: &mut Client, alert: u64) -> Result<ExitCode, CallError> {
    let Some(after_entry) = alert.checked_sub(1) else { return Ok(none(args, alert)) };
    let request = ListAlertsRequest { after_entry, page_size: 1, incident: 0 };
    let page = client.alerts.list_alerts(request).await?.into_inner();
    let found = page.alerts.into_iter().filter_map(|listed| listed.alert);
    let Some(found) = found.into_iter().find(|found| found.entry == alert) else {
        return Ok(none(args, alert));
    };
    let request = TailAlertsRequest { after_entry: found.incident.saturating_sub(1) };
    let mut tail = client.alerts.tail_alerts(request).await?.into_inner();
    let mut alerts = Vec::new();
    while let Some(message) = tail.message().await? {
        match message.event {
            Some(Event::Alert(alert)) if alert.incident == found.incident => {
                alerts.push(alert.entry);
                if args.json {
                    print(alert_json(&alert));
                } else {
                    print_alert(&alert, args.language);
                }
            }
            Some(Event::Act(act))
                if act.provider == found.provider || alerts.contains(&act.alert) =>
            {
                if args.json {
                    print(act_json(&act));
                } else {
                    print_act(&act, args.language);
                }
            }
            // With the first heartbeat everything so far was sent.
            Some(Event::Heartbeat(_)) => break,
            _ => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn none(args: &Args, alert: u64) -> ExitCode {
    if args.json {
        print(json!({"error": "NotFound", "reason": "ALERT_NOT_FOUND", "alert": alert}));
    } else {
        failed(format!("entry {alert} is no alert of this ledger"));
    }
    ExitCode::from(NO)
}
