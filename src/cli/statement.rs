//! `greffier statement`: what a provider ever received, for both sides to sign.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::exposure::data::{as_json, date, extend};
use super::exposure::report::{figures, totals};
use super::exposure::statement::{limits, sentence};
use super::exposure::{Answer, answer};
use super::lines::wrapped;
use super::print;
use super::table::Table;
use super::verdict::{Brought, sound_in_words};
use super::{grouped, time};
use crate::evidence::exposure::{EntryRef, Question};
use crate::evidence::period::Period;
use crate::format::entry::{Contract, day};
use crate::state::contracts::Known;

/// Columns of a line: it is printed on paper.
const WIDTH: usize = 80;

/// Say what a provider ever received, and how much of its contract is used, to sign
///
/// The ledger is checked first, as `greffier verify` does; from one that is not
/// sound there is no statement. Counted are persons, as `greffier exposure` counts
/// them, from the ledger's first entry to its last. No name is needed, and none is
/// in a ledger.
///
/// Exit codes: 0 stated from a sound ledger, 1 the ledger is not sound, 2 could not
/// be tried.
///
///   greffier statement provider-02 ledger.sqlite --key key.vkey \
///     --anchor kept-by-the-provider.txt
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment, after_long_help = FORM)]
pub(super) struct Args {
    /// The provider's id, as in the policy
    provider: String,
    #[command(flatten)]
    brought: Brought,
    /// Print JSON instead of the statement as text
    #[arg(long)]
    json: bool,
}

const FORM: &str = "\
Keys of --json: those of `greffier exposure --json`, and contract, null if there is none: begins, \
ends (Unix milliseconds; the first moment, and the first after it), persons, off_persons (the \
limits), used_persons, used_off_persons.";

pub(super) fn run(args: &Args) -> ExitCode {
    let began = Instant::now();
    let question = Question {
        provider: args.provider.as_str().into(),
        dataset: None,
        period: Period::default(),
    };
    match answer(&args.brought, question) {
        Ok(answer) => {
            if args.json {
                let mut all = as_json(&answer, began.elapsed().as_secs_f64());
                extend(&mut all, json!({"contract": contract_as_json(account(&answer))}));
                print(all);
            } else {
                print(in_words(&answer));
            }
            ExitCode::SUCCESS
        }
        Err(unanswered) => unanswered.told(args.json),
    }
}

fn account(answer: &Answer) -> Option<&Known> {
    answer.sound.state.standing().contracts.of(&answer.question.provider)
}

fn contract_as_json(account: Option<&Known>) -> Value {
    let under = account.and_then(|account| Some((account.contract?, account)));
    let Some((Contract { begins, ends, persons, off_persons }, used)) = under else {
        return Value::Null;
    };
    json!({
        "begins": begins,
        "ends": ends,
        "persons": persons,
        "off_persons": off_persons,
        "used_persons": used.persons,
        "used_off_persons": used.off,
    })
}

/// A paragraph, each line behind so many spaces.
fn paragraph(text: &str, first: &str, rest: &str) -> String {
    let lines = wrapped(text, WIDTH - rest.len());
    let line = |(n, line)| format!("{}{line}\n", if n == 0 { first } else { rest });
    lines.iter().enumerate().map(line).collect()
}

fn in_words(answer: &Answer) -> String {
    let (provider, exposure) = (&answer.question.provider, &answer.exposure);
    let mut text: String =
        sound_in_words(&answer.sound).lines().map(|line| paragraph(line, "", "")).collect();
    text += &format!("\nStatement of what {provider} received\n\n");
    text += &paragraph(&sentence(answer), "", "");
    text += &format!("\n{}", totals(exposure));
    if let (Some(first), Some(last)) = (exposure.total.first, exposure.total.last) {
        let of = |read: EntryRef| date(day(read.at));
        text += &format!("  Its first day (UTC) was {}, its last {}.\n", of(first), of(last));
    }
    if exposure.total.reads > 0 {
        let datasets = exposure.datasets.iter().map(|(d, f)| ([d.to_string()], f));
        text += &format!("\nBy dataset\n{}", figures(["dataset"], datasets));
        let views = exposure.views.iter().map(|((d, v), f)| ([d.to_string(), v.to_string()], f));
        text += &format!("\nBy view\n{}", figures(["dataset", "view"], views));
    }
    text += &format!("\nContract\n{}", contract(answer));
    text += "\nThis holds within these limits:\n";
    for limit in limits(answer) {
        text += &paragraph(&limit, "- ", "  ");
    }
    let (line, of) = ("_".repeat(36), "name, date, signature");
    let provider = format!("for {provider}");
    text += &format!("\n{:<40}{provider}\n\n\n{line:<40}{line}\n{of:<40}{of}", "for the agency");
    text
}

/// The days of the contract, its limits, and how much of them is used.
fn contract(answer: &Answer) -> String {
    let account = account(answer).copied().unwrap_or_default();
    let Some(Contract { begins, ends, persons, off_persons }) = account.contract else {
        let none = "None: neither a day nor a number of persons ends its reading.";
        return paragraph(none, "  ", "  ");
    };
    let last = answer.sound.last.at;
    let stands = match last {
        last if last < begins => "had not begun",
        last if last >= ends => "was over",
        _ => "went on",
    };
    let (from, to) = (time(begins), time(ends));
    let days = format!("From {from} on, and before {to}. By the ledger's last entry it {stands}.");
    let mut table = Table::new(1, &["persons ever", "at most", "given", "left"]);
    let rows = [
        ("in all", persons, account.persons),
        ("off its roster when given first", off_persons, account.off),
    ];
    for (what, most, used) in rows {
        let figures = [most, used, most.saturating_sub(used)].map(grouped);
        table.row([what.to_owned()].into_iter().chain(figures));
    }
    paragraph(&days, "  ", "  ") + &table.to_string()
}
