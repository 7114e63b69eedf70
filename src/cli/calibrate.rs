//! `greffier calibrate`: sizes of budgets that a recorded past bears out.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::backtest::{Failure, Source, open, short};
use super::lines::wrapped;
use super::rate::upper;
use super::table::Table;
use super::{NO, complain, failed, grouped, print};
use crate::drill::backtest::calibrate::{BLOCK, DAYS_MIN, Proposal, SIZED, Wanted, propose};
use crate::drill::backtest::events::Past;
use crate::format::entry::word;

/// Propose sizes for the budgets agent_hour, agent_day and provider_day from a recorded past
///
/// For each provider, months are made of its own days, drawn in blocks of a week, and each budget gets the least
/// size under which the judge raises no more high alerts in them than are wanted. Then the past itself is judged
/// under all three, to say how few alerts it can support. Nothing is written.
///
/// The past is CSV, as for `greffier backtest`; every person counts as one of the roster. It should be one
/// without a theft, for what happened in it is taken for honest. A budget must also hold a page, which no past
/// of single reads shows.
///
/// Exit codes: 0 proposed, 1 the past is faulty, 2 it could not be read.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// The past, as CSV; /dev/stdin for what is piped in
    past: PathBuf,
    /// High alerts of honest work that each of the budgets may bring about, a provider-month
    #[arg(long, value_name = "RATE", default_value_t = 0.02, value_parser = rate)]
    rate: f64,
    /// Months that are drawn
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    months: u64,
    /// The same seed proposes the same
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.0..=1_000.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0 to 1000, as 0.02".to_owned())
}

pub(super) fn run(args: &Args) -> ExitCode {
    match open(&args.past) {
        Ok(Source::Events(past)) => calibrate(args, &past),
        Ok(Source::Ledger(_)) => {
            complain("a ledger is no past to calibrate by, for its budgets have shaped it: CSV");
            return NO.into();
        }
        Err(Failure::Faulty(why)) => {
            complain(why);
            return NO.into();
        }
        Err(Failure::Unread(why)) => return failed(why),
    }
    ExitCode::SUCCESS
}

fn calibrate(args: &Args, past: &Past) {
    let wanted = Wanted { rate: args.rate, months: args.months, seed: args.seed };
    let bar = super::bar("providers");
    bar.set_length(past.providers.len() as u64);
    let mut proposals = Vec::new();
    for (number, _) in (0..).zip(&past.providers) {
        proposals.push(propose(past, number, wanted));
        bar.inc(1);
    }
    bar.finish_and_clear();
    proposals.sort_by(|one, other| one.provider.cmp(&other.provider));
    if args.json {
        print(as_json(wanted, &proposals));
    } else {
        print(in_words(wanted, &proposals).trim_end());
    }
}

/// Months and alerts of the providers that have a proposal.
fn together(proposals: &[Proposal]) -> (f64, u64) {
    let sized = proposals.iter().filter(|one| one.sizes.is_some());
    sized.fold((0.0, 0), |(months, seen), one| (months + one.days as f64 / 30.0, seen + one.seen))
}

fn in_words(wanted: Wanted, proposals: &[Proposal]) -> String {
    let Wanted { rate, months, .. } = wanted;
    let mut text = format!(
        "{} months drawn for each provider, in blocks of {BLOCK} days of its own;\n\
         at most {rate} high alerts a provider-month wanted of each budget\n\n",
        grouped(months),
    );
    let names = SIZED.map(|rule| word(&rule));
    let headings = ["", "days", &*names[0], &*names[1], &*names[2], "alerts", "at most"];
    let mut table = Table::new(1, &headings);
    for one in proposals {
        let sizes = one.sizes.map(|sizes| sizes.map(grouped));
        let sizes = sizes.unwrap_or_else(|| ["-"; 3].map(str::to_owned));
        let most = upper(one.seen) * 30.0 / one.days.max(1) as f64;
        let (seen, most) = match one.sizes {
            Some(_) => (grouped(one.seen), format!("{most:.2}")),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let cells = [vec![short(&one.provider), grouped(one.days)], sizes.into(), vec![seen, most]];
        table.row(cells.concat());
    }
    text += &table.to_string();
    text += "\nalerts: high ones in the past by these sizes; at most: a month, at 95 %\n";
    if proposals.iter().any(|one| one.sizes.is_none()) {
        text += &format!("-: fewer than {DAYS_MIN} days\n");
    }
    let (months, seen) = together(proposals);
    if months > 0.0 {
        let most = upper(seen) / months;
        let support = format!(
            "All together: {seen} in {months:.1} provider-months: at most {most:.2} a month at 95 %. \
             That is what this past can support; drawing it again makes it no longer."
        );
        text += &wrapped(&support, 80).join("\n");
    }
    text
}

fn as_json(wanted: Wanted, proposals: &[Proposal]) -> Value {
    let (months, seen) = together(proposals);
    let one = |one: &Proposal| {
        let budgets = one.sizes.map(|sizes| {
            let pairs = SIZED.iter().zip(sizes);
            pairs.map(|(rule, size)| (word(rule), json!(size))).collect::<serde_json::Map<_, _>>()
        });
        let most = one.sizes.map(|_| upper(one.seen) * 30.0 / one.days as f64);
        json!({
            "provider": one.provider,
            "days": one.days,
            "budgets": budgets,
            "high": one.seen,
            "high_a_month_at_most": most,
        })
    };
    json!({
        "rate": wanted.rate,
        "months": wanted.months,
        "seed": wanted.seed,
        "providers": proposals.iter().map(one).collect::<Vec<_>>(),
        "provider_months": months,
        "high": seen,
        "high_a_provider_month_at_most": (months > 0.0).then(|| upper(seen) / months),
    })
}
