//! `greffier deliver`: alerts, warnings and acts to whoever is to be told.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::table::Table;
use super::{NO, complain, failed, grouped, print, safe};
use crate::delivery::settings::DeliverySettings;
use crate::delivery::{Delivery, DeliveryError, status};

/// Deliver alerts, warnings and acts: files, syslog, webhooks, e-mail
///
/// It follows a gateway as `greffier tail` does, with a certificate of role
/// security, holds its ledger to its word, and tells each receiver: JSON lines,
/// syslog over TLS (RFC 5424 and 5425), webhooks (Standard Webhooks 1.0.0), e-mail;
/// as its own objects or as OCSF findings. Receivers that are slow, away or refuse
/// hold up nobody else, and never the gateway.
///
/// Each event goes at least once: it waits on disk until its receiver has taken it,
/// over kills and restarts. Those of one incident keep their order, and the gravest
/// incident goes first. What a receiver refuses five times is kept apart, and the
/// others are told; --retry tries that again. They are told too of a gateway that
/// is silent for a minute, of a receiver that cannot be reached, and of a ledger
/// that is not what it was. docs/delivery.md has all of it.
///
/// Example of deliver.toml:
///   state = "/var/lib/greffier-deliver"
///   ledger_key = "key.vkey"
///   [gateway]
///   address = "gateway.example:8443"
///   ca = "ca.pem"
///   certificate = "soc.pem"
///   key = "soc.key"
///   [receiver.lines]
///   kind = "file"
///   path = "/var/log/greffier/alerts.jsonl"
///   [receiver.duty]
///   kind = "webhook"
///   at_least = "high"
///   url = "https://duty.example/hook"
///   secret = "whsec"
///
/// Exit codes: 0 stopped as asked, 1 the ledger was denounced, 2 it could not be
/// tried.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// Whom to follow and whom to tell
    #[arg(long, value_name = "FILE", default_value = "deliver.toml")]
    config: PathBuf,
    /// Say what is wrong with the file and everything that it names, and end
    #[arg(long, conflicts_with_all = ["status", "retry"])]
    check: bool,
    /// Show for each receiver what waits, was refused and delivered, and end
    #[arg(long, conflicts_with = "retry")]
    status: bool,
    /// Begin by trying again what receivers have refused
    #[arg(long)]
    retry: bool,
    /// With --status: print JSON
    #[arg(long, requires = "status")]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let settings = match DeliverySettings::load(&args.config) {
        Ok(settings) => settings,
        Err(error) => return failed(error),
    };
    if args.status {
        return shown(&settings, args.json);
    }
    let delivery = Delivery::new(&settings);
    if args.check {
        return match delivery {
            Ok(_) => {
                print(format_args!("{}: nothing is wrong with it", args.config.display()));
                ExitCode::SUCCESS
            }
            Err(error) => failed(error),
        };
    }
    match delivery.and_then(|delivery| delivered(delivery, args.retry)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(DeliveryError::Denounced(why)) => {
            complain(format_args!("greffier: DENOUNCED: {}", safe(&why.to_string())));
            ExitCode::from(NO)
        }
        Err(error) => failed(error),
    }
}

fn delivered(mut delivery: Delivery, retry: bool) -> Result<(), DeliveryError> {
    if retry {
        let again = delivery.retry()?;
        complain(format_args!("greffier: {again} refused events are tried again"));
    }
    let stop = Arc::new(watch::Sender::new(false));
    let signals = stop.clone();
    let hear = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asked = runtime.and_then(|runtime| {
            runtime.block_on(async {
                let mut term = signal(SignalKind::terminate())?;
                let mut int = signal(SignalKind::interrupt())?;
                tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
                Ok(())
            })
        });
        if let Err(error) = asked {
            complain(format_args!("greffier: no signals are heard: {error}"));
        }
        signals.send_replace(true);
    };
    if let Err(error) = std::thread::Builder::new().name("signals".to_owned()).spawn(hear) {
        complain(format_args!("greffier: no signals are heard: {error}"));
    }
    delivery.run(stop, |text| complain(format_args!("greffier: {}", safe(text))))
}

/// How each receiver stands.
fn shown(settings: &DeliverySettings, as_json: bool) -> ExitCode {
    let all = match status(settings) {
        Ok(all) => all,
        Err(error) => return failed(error),
    };
    if as_json {
        let one = |(name, counts): &(String, Option<crate::delivery::SpoolCounts>)| {
            let counts = counts.unwrap_or_default();
            json!({
                "receiver": name,
                "waiting": counts.waiting,
                "parked": counts.parked,
                "delivered": counts.delivered,
                "after": counts.after,
            })
        };
        print(json!({"receivers": all.iter().map(one).collect::<Vec<_>>()}));
        return ExitCode::SUCCESS;
    }
    let mut table = Table::new(1, &["receiver", "waiting", "refused", "delivered", "up to entry"]);
    for (name, counts) in all {
        let counts = counts.unwrap_or_default();
        let numbers = [counts.waiting, counts.parked, counts.delivered, counts.after];
        table.row([name].into_iter().chain(numbers.map(grouped)));
    }
    print(table);
    ExitCode::SUCCESS
}
