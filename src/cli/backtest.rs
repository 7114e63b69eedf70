//! `greffier backtest`: a recorded past, judged again under a policy.

mod attack;
mod report;

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::lines::wrapped;
use super::{NO, complain, failed, print};
use crate::admission::{Dataset, Grant, Scope};
use crate::config::policy::{self, Policy, PolicyError};
use crate::drill::backtest::events::{EventsError, Past};
use crate::drill::backtest::recorded::{RecordedPast, judge_again};
use crate::drill::backtest::tally::Tally;
use crate::drill::backtest::{Judged, Terms, judge};
use crate::files;
use crate::format::entry::{Millis, Word};

/// Judge a recorded past again under a policy: what it would have withheld and alerted
///
/// Nothing is written, and no gateway is asked. The past is a CSV file, each line
/// of it one read of one person, or a ledger, whose reads are judged anew instead
/// of as they were; the ledger is not checked, which is what `greffier verify`
/// does. Reads are counted and judged as the gateway does it: budgets, detectors,
/// what alerts take away. A read that is withheld here is not asked again, unless
/// the past says so.
///
/// Exit codes: 0 it was judged, 1 the past or a policy is faulty or a policy does
/// not name a provider of the past, 2 something could not be read.
///
///   greffier backtest policy.toml last-year.csv --compare tighter.toml
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment, after_long_help = FORM)]
pub(super) struct Args {
    /// The policy to try
    policy: PathBuf,
    /// The past: CSV (/dev/stdin for what is piped in), or a ledger
    past: PathBuf,
    /// A second policy: what it gives of the same past is told beside it
    #[arg(long, value_name = "POLICY")]
    compare: Option<PathBuf>,
    /// Judge providers that a policy does not name by the rules of this one of it, each by itself. Without it
    /// they are an error: the gateway serves nobody whom its policy does not name
    #[arg(long = "as", value_name = "PROVIDER")]
    like: Option<String>,
    /// How long it takes until somebody gives back what a high or critical alert took, as `2h` or `90m`; 0: never
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = time_span)]
    lift_after: Millis,
    /// Play thieves in the past instead: by 1, 5 and 20 of its agents, at 1, 10, 100 and 1000 times their own persons
    /// a day, and tell what each gets before the first high alert. With --json, one object
    #[arg(long, conflicts_with = "compare")]
    attack: bool,
    /// How many thieves of each kind are played
    #[arg(long, default_value_t = 20, requires = "attack", value_parser = clap::value_parser!(u64).range(1..10_000))]
    seeds: u64,
    /// Print a line of JSON for each alert and each read withheld, and a last one with the figures
    #[arg(long)]
    json: bool,
}

const FORM: &str = "\
The CSV: a header `at,provider,agent,subject` or `at,provider,agent,subject,in_roster`, then a line \
for each read, in order of time. `at` is a time as in 2026-01-31T08:30:00+01:00, or milliseconds since \
1970; `in_roster` is 1, 0, true or false, and without it everybody is on the roster. Names are compared \
byte by byte; of subjects none is kept. What no line says is taken to be usual: lists, searches and \
exports, the hours, the network, the weight of fields.

A ledger: its reads and acts are taken as they stand, its policies, rulings and alerts are not. A read \
that was withheld then has no persons in it: it is judged by the figures that its entry has, and the \
persons of one that is released here stay unknown.

Keys of --json: policy, line (of a ledger: entry), at (Unix milliseconds), provider, agent, what (withheld or alert), \
detector, severity (null for a read withheld), observed, expected; of the last line: what (summary) \
and policies, each with its figures.";

/// Why nothing can be told.
pub(super) enum Failure {
    /// What was brought is not as it should be.
    Faulty(String),
    /// It cannot be read.
    Unread(String),
}

/// A past, as it was brought.
pub(super) enum Source {
    Events(Past),
    Ledger(RecordedPast),
}

impl Source {
    fn providers(&self) -> Vec<Word> {
        match self {
            Source::Events(past) => past.providers.iter().map(|one| one.id.clone()).collect(),
            Source::Ledger(past) => past.providers.clone(),
        }
    }

    /// What is judged, one after another.
    fn length(&self) -> u64 {
        match self {
            Source::Events(past) => past.reads.len() as u64,
            Source::Ledger(past) => past.size,
        }
    }

    /// What one of them is.
    fn step(&self) -> &'static str {
        match self {
            Source::Events(_) => "line",
            Source::Ledger(_) => "entry",
        }
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    match backtest(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Faulty(why)) => {
            complain(why);
            NO.into()
        }
        Err(Failure::Unread(why)) => failed(why),
    }
}

fn backtest(args: &Args) -> Result<(), Failure> {
    let paths: Vec<&Path> =
        [Some(&args.policy), args.compare.as_ref()].into_iter().flatten().map(|p| &**p).collect();
    let policies = paths.iter().map(|path| load(path)).collect::<Result<Vec<_>, _>>()?;
    let past = open(&args.past)?;
    let ids = past.providers();
    let mut all = Vec::new();
    for (path, policy) in paths.iter().zip(&policies) {
        all.push(terms(path, policy, &ids, args.like.as_deref())?);
    }
    let lift_after = Some(args.lift_after).filter(|after| *after > 0);
    if args.attack {
        let Source::Events(past) = &past else {
            let why = "a ledger is no past to attack, for its budgets have shaped it: CSV";
            return Err(Failure::Faulty(why.to_owned()));
        };
        if past.reads.is_empty() {
            return Err(Failure::Faulty(format!("{}: there is no read", args.past.display())));
        }
        print(attack::run(past, &all[0], lift_after, args.seeds, args.json));
        return Ok(());
    }
    let bar = super::bar("judging");
    bar.set_length(past.length() * all.len() as u64);
    let mut tallies: Vec<(&Path, Tally)> = Vec::new();
    for (n, (path, terms)) in (0..).zip(paths.iter().zip(&all)) {
        let mut told = |judged: &Judged<'_>| {
            if args.json {
                let lines = report::as_json(path, past.step(), judged);
                bar.suspend(|| lines.iter().for_each(print));
            }
        };
        let mut passed = |done| bar.set_position(n * past.length() + done);
        let tally = match &past {
            Source::Events(past) => judge(past, terms, lift_after, &mut told, &mut passed),
            Source::Ledger(past) => judge_again(past, terms, lift_after, &mut told, &mut passed)
                .map_err(|error| unread(&args.past, error))?,
        };
        tallies.push((path, tally));
    }
    bar.finish_and_clear();
    if args.json {
        print(report::summary(&tallies));
    } else {
        print(report::in_words(&past, &tallies).trim_end());
    }
    Ok(())
}

fn load(path: &Path) -> Result<Policy, Failure> {
    policy::load(path).map_err(|error| match error {
        PolicyError::Faults { .. } => Failure::Faulty(error.to_string()),
        PolicyError::File { path, reason } => {
            Failure::Unread(format!("cannot read the policy {}: {reason}", path.display()))
        }
    })
}

/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// What every file begins with that gzip made.
const GZIP: &[u8] = &[0x1f, 0x8b];

fn unread(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Unread(format!("{}: {error}", path.display()))
}

/// Opens a past, whichever form it has.
pub(super) fn open(path: &Path) -> Result<Source, Failure> {
    let (file, size) = files::open_input(path).map_err(|error| unread(path, error))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let begins = file.fill_buf().map_err(|error| unread(path, error))?;
    if begins.starts_with(GZIP) {
        let path = path.display();
        let why = format!("{path} is gzip: zcat {path} | greffier backtest POLICY /dev/stdin");
        return Err(Failure::Faulty(why));
    }
    let bar = super::bar("reading");
    if begins.starts_with(SQLITE) {
        let past = RecordedPast::open(path, &mut |done, size| {
            bar.set_length(size);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        return past.map(Source::Ledger).map_err(|error| unread(path, error));
    }
    bar.set_length(size);
    let past = Past::parse(file, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    past.map(Source::Events).map_err(|error| match error {
        EventsError::Unreadable(error) => unread(path, error),
        faulty => Failure::Faulty(format!("{}: {faulty}", path.display())),
    })
}

/// A policy with rules for every provider of the past.
fn terms(path: &Path, policy: &Policy, ids: &[Word], like: Option<&str>) -> Result<Terms, Failure> {
    let mut rules = policy.rules();
    let named = |id: &str| policy.rules.iter().find(|rules| *rules.provider == *id);
    let open = |id: &str| policy.providers.get(id).is_some_and(|one| is_open(policy, one));
    let unnamed: Vec<&Word> = ids.iter().filter(|id| named(id).is_none()).collect();
    let mut opened: HashSet<Word> = ids.iter().filter(|id| open(id)).cloned().collect();
    if unnamed.is_empty() {
        return Ok(Terms { rules, open: opened });
    }
    let (path, list) = (path.display(), some_of(&unnamed));
    let Some(like) = like else {
        return Err(Failure::Faulty(paragraph(&format!(
            "{path} does not name providers of the past: {list}. Write them as the policy does, or \
             say with --as PROVIDER by whose rules they are judged"
        ))));
    };
    let Some(of) = named(like) else {
        let why =
            format!("{path} names no provider {like}, by whose rules others are to be judged");
        return Err(Failure::Faulty(paragraph(&why)));
    };
    complain(paragraph(&format!("{path} does not name {list}: judged by the rules of {like}")));
    for id in unnamed {
        let mut of = of.clone();
        of.provider = id.clone();
        rules.providers.push(of);
        opened.extend(open(like).then(|| id.clone()));
    }
    rules.providers.sort_by(|one, other| one.provider.cmp(&other.provider));
    Ok(Terms { rules, open: opened })
}

/// Whether a provider may meet anybody off its roster.
fn is_open(policy: &Policy, provider: &crate::admission::Provider) -> bool {
    let open = |(name, grant): (&Word, &Grant)| {
        let reasons = |dataset: &Dataset| !dataset.off_roster_reasons.is_empty();
        grant.scope == Scope::Open && policy.datasets.get(name).is_some_and(reasons)
    };
    provider.datasets.iter().any(open)
}

/// A few names, and how many more there are.
fn some_of(names: &[&Word]) -> String {
    let first: Vec<&str> = names.iter().take(5).map(|name| &***name).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn paragraph(text: &str) -> String {
    wrapped(text, 80).join("\n")
}

/// Most characters of a provider's id in a table.
const ID_MAX: usize = 24;

/// An id that leaves room for figures beside it.
pub(super) fn short(id: &str) -> String {
    if id.chars().count() <= ID_MAX {
        return id.to_owned();
    }
    id.chars().take(ID_MAX - 1).chain(['…']).collect()
}

/// A span of time in milliseconds.
fn time_span(text: &str) -> Result<Millis, String> {
    let expected = || "expected a time as 2h, 90m or 1h 30m, or 0".to_owned();
    if text == "0" {
        return Ok(0);
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    let span = Millis::try_from(span.as_millis()).map_err(|_| expected())?;
    Some(span).filter(|span| *span > 0).ok_or_else(expected)
}
