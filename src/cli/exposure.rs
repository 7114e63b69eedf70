//! `greffier exposure`: the records of how many persons a provider received, at most.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args as ClapArgs;
use serde_json::json;

use super::verdict::{Brought, Unverified};
use super::{FAILED, complain, failed, print};
use crate::evidence::exposure::{Count, Exposure, Question};
use crate::evidence::period::{Period, instant};
use crate::format::entry::Millis;
use crate::verify::Sound;

pub(super) mod data;
pub(super) mod report;
pub(super) mod statement;

/// Say how many persons' records a provider received, at most
///
/// The ledger is checked first, as `greffier verify` does; from one that is not
/// sound there is no answer. Counted are persons: pairs of dataset and record, told
/// apart by the tags in the entries. A person given again is one person and another
/// row. No name is needed, and none is in a ledger.
///
/// The answer begins with a sentence that an agency may sign, and the limits it
/// holds within.
///
/// T is a date such as 2026-11-01, which is its midnight in UTC, or an RFC 3339
/// time such as 2026-11-01T08:30:00+01:00. The beginning is part of the period, the
/// end is not.
///
/// Exit codes: 0 answered from a sound ledger, 1 the ledger is not sound, 2 could
/// not be tried.
///
///   greffier exposure ledger.sqlite --key key.vkey --provider provider-02 \
///     --from 2026-11-01 --to 2026-12-01 --anchor kept-by-the-provider.txt
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment, after_long_help = FORMS)]
pub(super) struct Args {
    #[command(flatten)]
    brought: Brought,
    /// The provider's id, as in the policy
    #[arg(long, value_name = "ID")]
    provider: String,
    /// One dataset; without it all are counted, and their sum
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Count from this time on; without it, from the first entry
    #[arg(long, value_name = "T", value_parser = instant)]
    from: Option<Millis>,
    /// Count up to this time, and without it; if not given, up to the last entry
    #[arg(long, value_name = "T", value_parser = instant)]
    to: Option<Millis>,
    /// Print JSON instead of lines of text
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print one line for each UTC day and agent, with a heading
    #[arg(long)]
    csv: bool,
}

const FORMS: &str = "\
Columns of --csv: day, agent (its tag), persons, off_roster (those of them who were off the roster \
at least once on that day), rows, reads, first_entry, first_at, last_entry, last_at (the first and \
the last released read; times in UTC).

Keys of --json; times are Unix milliseconds, places are {entry, at}:
  verdict, origin, entries, root, last_at, checkpoints, signatures, anchored
                     as `greffier verify --json` has them
  provider, dataset, from, to
                     what was asked
  persons, off_roster, on_roster_only, rows, reads, first, last
                     over all released reads; first and last are places
  empty_reads        released reads that held nobody
  exports            released reads that are pages of exports
  datasets, views, agents, days, agent_days
                     lists with the same keys each, and dataset, view, agent or
                     day
  issuers            released reads by who vouched for their agent; null: the
                     certificate alone
  withheld           list of rule, reads, asked (persons asked for, at most)
  refused            list of reason, calls: refused before the judge
  refused_unnamed    refused calls of certificates that no digest names: they
                     may be anyone's
  sentence, limits   what may be signed
  seconds            how long it took";

/// An answer, and what it rests on.
pub(super) struct Answer {
    pub(super) question: Question,
    pub(super) sound: Sound,
    pub(super) exposure: Exposure,
}

/// Why a question about the ledger has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error(transparent)]
    Unverified(#[from] Unverified),
    #[error(
        "no entry of this ledger names provider `{0}`: no policy, no read, no refused call; look at \
         how it is spelt"
    )]
    Unknown(String),
}

pub(super) fn run(args: &Args) -> ExitCode {
    let began = Instant::now();
    let period = match Period::new(args.from, args.to) {
        Ok(period) => period,
        Err(error) => return failed(error),
    };
    let question = Question {
        provider: args.provider.as_str().into(),
        dataset: args.dataset.as_deref().map(Into::into),
        period,
    };
    match answer(&args.brought, question) {
        Ok(answer) => {
            if args.json {
                print(data::as_json(&answer, began.elapsed().as_secs_f64()));
            } else if args.csv {
                print(data::as_csv(&answer.exposure));
            } else {
                print(report::in_words(&answer));
            }
            ExitCode::SUCCESS
        }
        // A table of nothing would read as an answer.
        Err(Unanswered::Unverified(unverified)) if args.csv => {
            complain(unverified.in_words());
            unverified.code()
        }
        Err(unanswered) => unanswered.told(args.json),
    }
}

impl Unanswered {
    /// Says why, and gives the exit code.
    pub(super) fn told(&self, json: bool) -> ExitCode {
        match self {
            Unanswered::Unverified(unverified) => {
                if json {
                    print(unverified.as_json());
                } else {
                    print(unverified.in_words());
                }
                unverified.code()
            }
            Unanswered::Unknown(_) if json => {
                print(json!({"verdict": "not_answered", "why": self.to_string()}));
                ExitCode::from(FAILED)
            }
            Unanswered::Unknown(_) => failed(self),
        }
    }
}

/// Counts while the ledger is checked.
pub(super) fn answer(brought: &Brought, question: Question) -> Result<Answer, Unanswered> {
    let mut count = Count::new(question.clone());
    let sound = brought.scan("counting", false, &mut |entry, _| count.apply(entry))?;
    let unknown = || Unanswered::Unknown(question.provider.to_string());
    let exposure = count.end().ok_or_else(unknown)?;
    Ok(Answer { question, sound, exposure })
}

#[cfg(test)]
mod tests;
