//! `greffier drill`: every incident replayed beside honest work, and what each gets.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::rate::upper;
use super::{NO, complain, failed, print};
use crate::drill::DrillError;
use crate::drill::honest::World;
use crate::drill::incident::{INCIDENTS, Incident};
use crate::drill::score::{Control, Leak, Run, control, run as run_incident};
use crate::format::entry::Severity;

mod live;

/// Replay every incident beside honest work, and count whom each would get
///
/// Each incident is played through the registrar and the judge at a simulated time, after four weeks of honest
/// work of the same provider, under so many seeds; then honest work alone, to count what is taken for a theft
/// and is none. The same seeds give the same table on every machine. Nothing is left behind.
///
/// Exit codes: 0 it was run, 1 there is no incident of this name, 2 it could not be run.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Incidents by name; all of them if none is named
    #[arg(value_name = "INCIDENT")]
    incidents: Vec<String>,
    /// How often each is played
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..10_000))]
    seeds: u64,
    /// Months of 30 days of honest work alone, one behind the other, of 110 providers; 0 for none
    #[arg(long, default_value_t = 1)]
    months: u64,
    /// Of a thousand enrolments of honest work, those that the roster shows days late; 0: all are announced
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=1_000))]
    late: u64,
    /// List the incidents
    #[arg(long)]
    list: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    live: live::LiveArgs,
}

/// Honest work alone is of so many ledgers of so many providers each.
const LEDGERS: u64 = 11;
const PROVIDERS: u32 = 10;

pub(super) fn run(args: &Args) -> ExitCode {
    if args.live.live {
        return match args.list {
            true => {
                live::list();
                ExitCode::SUCCESS
            }
            false => live::run(&args.live, &args.incidents, args.json),
        };
    }
    if args.list {
        INCIDENTS.iter().for_each(|one| print(format_args!("{:18} {}", one.name, one.about)));
        return ExitCode::SUCCESS;
    }
    let unknown = args.incidents.iter().find(|name| INCIDENTS.iter().all(|one| one.name != **name));
    if let Some(name) = unknown {
        complain(format_args!("no incident is called {name}: `greffier drill --list` names them"));
        return NO.into();
    }
    match drill(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn drill(args: &Args) -> Result<(), DrillError> {
    let world = World { late: args.late, ..World::default() };
    let named = |one: &&Incident| {
        args.incidents.is_empty() || args.incidents.iter().any(|name| name == one.name)
    };
    let chosen: Vec<Incident> = INCIDENTS.iter().filter(named).copied().collect();
    let bar = super::bar("runs");
    let ledgers = if args.months > 0 { LEDGERS } else { 0 };
    bar.set_length(chosen.len() as u64 * args.seeds + ledgers);
    let done = AtomicU64::new(0);
    let tell = || bar.set_position(done.fetch_add(1, Ordering::Relaxed) + 1);
    let mut out = Vec::new();
    if !args.json {
        print(HEAD);
    }
    for incident in chosen {
        let runs: Vec<Run> = on_all_cores(1..args.seeds + 1, |seed| {
            let run = run_incident(&world, incident, seed);
            tell();
            run
        })?;
        if args.json {
            out.push(as_json(&incident, &runs));
        } else {
            bar.suspend(|| print(row(&incident, &runs)));
        }
    }
    let controls: Vec<Control> = on_all_cores(0..ledgers, |ledger| {
        let control = control(&world, 1_000_000 + ledger, PROVIDERS, 30 * args.months);
        tell();
        control
    })?;
    bar.finish_and_clear();
    let honest = sum(&controls);
    if args.json {
        let honest = (args.months > 0).then(|| honest_json(&honest));
        let told = json!({"seeds": args.seeds, "incidents": out, "honest": honest});
        print(format_args!("{told:#}"));
    } else if args.months > 0 {
        print(honest_text(&honest).trim_end());
    }
    Ok(())
}

/// Does something for each of these numbers, some at once, and has the results in their order. Each of them
/// starts a ledger, which takes the cores of rayon's for a moment: so they have threads of their own.
fn on_all_cores<T: Send>(
    numbers: std::ops::Range<u64>,
    work: impl Fn(u64) -> Result<T, DrillError> + Sync,
) -> Result<Vec<T>, DrillError> {
    let next = AtomicU64::new(numbers.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let some = || {
        let take = || next.fetch_add(1, Ordering::Relaxed);
        let mine = std::iter::from_fn(|| Some(take()).filter(|n| *n < numbers.end));
        mine.map(|n| (n, work(n))).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.flat_map(|part| part.expect("no run panics")).collect()
    });
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, result)| result).collect()
}

const HEAD: &str = "\
persons disclosed: median/95 %/most of the runs
                        before a high alert          in all        high
incident             off the roster   on the roster  off the roster  alerts";

/// The values at 50 %, 95 % and 100 % of the runs.
fn spread(runs: &[Run], of: impl Fn(&Run) -> u64) -> [u64; 3] {
    let mut all: Vec<u64> = runs.iter().map(of).collect();
    all.sort_unstable();
    [50, 95, 100].map(|percent| all[(all.len() * percent).div_ceil(100).max(1) - 1])
}

fn before(run: &Run) -> Leak {
    run.before_high.unwrap_or(run.whole)
}

fn row(incident: &Incident, runs: &[Run]) -> String {
    let text = |[half, most, all]: [u64; 3]| format!("{half}/{most}/{all}");
    let caught = runs.iter().filter(|run| run.before_high.is_some()).count();
    format!(
        "{:18} {:>16} {:>15} {:>15} {:>4}/{}",
        incident.name,
        text(spread(runs, |run| before(run).off)),
        text(spread(runs, |run| before(run).on)),
        text(spread(runs, |run| run.whole.off)),
        caught,
        runs.len(),
    )
}

fn as_json(incident: &Incident, runs: &[Run]) -> Value {
    let spread = |of: &dyn Fn(&Run) -> u64| {
        let [p50, p95, max] = spread(runs, of);
        json!({"p50": p50, "p95": p95, "max": max})
    };
    let leak = |of: &dyn Fn(&Run) -> Leak| json!({"off": spread(&|run| of(run).off), "on": spread(&|run| of(run).on)});
    let caught = runs.iter().filter(|run| run.took.is_some()).count();
    json!({
        "name": incident.name,
        "about": incident.about,
        "caught": caught,
        "before_high": leak(&before),
        "whole": leak(&|run| run.whole),
        "within_1_day": leak(&|run| run.within[0]),
        "within_7_days": leak(&|run| run.within[1]),
        "within_30_days": leak(&|run| run.within[2]),
        "milliseconds_to_high": took(runs),
        "attempts": spread(&|run| run.attempts),
        "misses": spread(&|run| run.misses),
    })
}

/// How long the first high alert took, of the runs that had one.
fn took(runs: &[Run]) -> Value {
    let caught: Vec<Run> = runs.iter().filter(|run| run.took.is_some()).cloned().collect();
    if caught.is_empty() {
        return Value::Null;
    }
    let [p50, p95, max] = spread(&caught, |run| run.took.unwrap_or_default());
    json!({"p50": p50, "p95": p95, "max": max})
}

fn sum(controls: &[Control]) -> Control {
    let mut all = Control::default();
    for one in controls {
        all.provider_days += one.provider_days;
        all.reads += one.reads;
        all.withheld += one.withheld;
        all.contained += one.contained;
        all.persons += one.persons;
        all.misses += one.misses;
        all.strangers += one.strangers;
        all.worst = all.worst.max(one.worst);
        for (key, count) in &one.alerts {
            *all.alerts.entry(key.clone()).or_default() += count;
        }
    }
    all
}

fn honest_text(honest: &Control) -> String {
    let months = honest.provider_days as f64 / 30.0;
    let grave = honest.grave();
    let mut text = format!(
        "\nhonest work alone: {months:.0} provider-months, {} reads, {} persons met on a day, {} of them\n\
         off the roster; {} reads found nobody\n\
         false high or critical alerts  {grave}: {:.3} a provider-month, at most {:.3} (95 %); worst provider {}\n\
         reads withheld of 10,000       {:.2}, of them {:.2} by what a false alert took away\n",
        honest.reads,
        honest.persons,
        honest.strangers,
        honest.misses,
        grave as f64 / months,
        upper(grave) / months,
        honest.worst,
        1e4 * honest.withheld as f64 / honest.reads as f64,
        1e4 * honest.contained as f64 / honest.reads as f64,
    );
    let mut rules: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    for ((rule, severity), count) in &honest.alerts {
        rules.entry(rule).or_default()[*severity as usize] += count;
    }
    text += "by rule: information, medium, high, critical\n";
    for (rule, [info, medium, high, critical]) in rules {
        text += &format!("  {rule:20} {info:>7} {medium:>6} {high:>5} {critical:>5}\n");
    }
    text
}

fn honest_json(honest: &Control) -> Value {
    let months = honest.provider_days as f64 / 30.0;
    let severity = |severity: &Severity| serde_json::to_value(severity).unwrap_or_default();
    let alerts = honest.alerts.iter().map(
        |((rule, grave), count)| json!({"rule": rule, "severity": severity(grave), "count": count}),
    );
    json!({
        "provider_months": months,
        "reads": honest.reads,
        "withheld": honest.withheld,
        "withheld_by_false_alerts": honest.contained,
        "persons": honest.persons,
        "off_roster": honest.strangers,
        "misses": honest.misses,
        "high_or_critical": honest.grave(),
        "high_or_critical_a_provider_month_at_most": upper(honest.grave()) / months,
        "worst_provider": honest.worst,
        "alerts": alerts.collect::<Vec<_>>(),
    })
}
