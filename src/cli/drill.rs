//! `greffier drill`: every incident replayed beside honest work, and what each gets.

mod page;
mod plot;
mod rates;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::rate::upper;
use super::{NO, complain, failed, grouped, print};
use crate::drill::DrillError;
use crate::drill::honest::World;
use crate::drill::incident::{INCIDENTS, Incident, Leak};
use crate::drill::score::{Control, Run, Whose, control, run as run_incident};
use crate::files;
use crate::format::entry::Severity;

mod live;

/// Replay every incident beside honest work, and count whom each would get
///
/// Each incident is played through the registrar and the judge at a simulated time, after four weeks of honest
/// work of the same provider (`patient-late`: 180 days), under so many seeds; then honest work alone, to count what is taken for a theft
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
    /// Whose honest work the months are of
    #[arg(long, value_enum, default_value_t = WorldName::Drill)]
    world: WorldName,
    /// Play an attacker at 1 to 1000 times the pace of the agents whose access is used, over 1, 5 and 20 of
    /// them, off the roster and on it; of the incidents, only those that are named
    #[arg(long)]
    rates: bool,
    /// Write it as a page to this file too: tables, and plots of persons against rate, of false alerts, of the
    /// time to containment. If no incident is named, all of them and --rates are played for it. A file that is
    /// there is replaced; the page loads nothing
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// List the incidents
    #[arg(long)]
    list: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    live: live::LiveArgs,
}

/// Whose honest work it is.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WorldName {
    /// The world that detectors were set on
    Drill,
    /// A world of another hand; of `--late` it only knows 0, or else has habits of its own
    Acceptance,
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
    let unwritable = |path: &PathBuf, error| format!("cannot write {}: {error}", path.display());
    if let Some(path) = &args.html
        && let Err(error) = files::can_replace(path)
    {
        return failed(unwritable(path, error));
    }
    let page = match drill(args) {
        Ok(page) => page,
        Err(error) => return failed(&error),
    };
    match &args.html {
        Some(path) => match files::replace(path, &page) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(unwritable(path, error)),
        },
        None => ExitCode::SUCCESS,
    }
}

/// Plays it and tells it; with what may be a page of it.
fn drill(args: &Args) -> Result<String, DrillError> {
    let world = World { late: args.late, ..World::default() };
    let all = args.incidents.is_empty() && args.html.is_some();
    let every = all || args.incidents.is_empty() && !args.rates;
    let rated = all || args.rates;
    let named = |one: &&Incident| every || args.incidents.iter().any(|name| name == one.name);
    let chosen: Vec<Incident> = INCIDENTS.iter().filter(named).copied().collect();
    let bar = super::bar("runs");
    let ledgers = if args.months > 0 { LEDGERS } else { 0 };
    let of_rates = if rated { rates::count(args.seeds) } else { 0 };
    bar.set_length(chosen.len() as u64 * args.seeds + of_rates + ledgers);
    let done = AtomicU64::new(0);
    let tell = || bar.set_position(done.fetch_add(1, Ordering::Relaxed) + 1);
    let mut played = Vec::new();
    let chosen_any = !chosen.is_empty();
    if !args.json && chosen_any {
        print(HEAD);
    }
    for incident in chosen {
        let runs: Vec<Run> = on_all_cores(1..args.seeds + 1, |seed| {
            let run = run_incident(&world, incident, seed);
            tell();
            run
        })?;
        if !args.json {
            bar.suspend(|| print(row(&incident, &runs)));
        }
        played.push((incident, runs));
    }
    let mut cells = Vec::new();
    if rated {
        let say = |text: String| bar.suspend(|| print(text));
        if !args.json {
            let apart = if chosen_any { "\n" } else { "" };
            say(format!("{apart}{}", rates::head(args.seeds)));
        }
        let mut told = |cell: &rates::Cell| {
            if !args.json {
                say(rates::row(cell));
            }
        };
        cells = rates::play(&world, args.seeds, &rates::all(), &tell, &mut told)?;
    }
    let whose = match args.world {
        WorldName::Drill => Whose::Drill(&world),
        WorldName::Acceptance => Whose::Acceptance(args.late == 0),
    };
    let controls: Vec<Control> = on_all_cores(0..ledgers, |ledger| {
        let control = control(whose, 1_000_000 + ledger, PROVIDERS, 30 * args.months);
        tell();
        control
    })?;
    bar.finish_and_clear();
    let honest = sum(&controls);
    if args.json {
        let honest = (args.months > 0).then(|| honest_json(&honest));
        let out: Vec<Value> = played.iter().map(|(one, runs)| as_json(one, runs)).collect();
        let mut told = json!({"seeds": args.seeds, "incidents": out, "honest": honest});
        if rated {
            told["rates"] = rates::as_json(&cells);
        }
        print(format_args!("{told:#}"));
    } else if args.months > 0 {
        print(honest_text(&honest).trim_end());
    }
    Ok(page::page(&page::Played {
        seeds: args.seeds,
        late: args.late,
        incidents: &played,
        cells: &cells,
        honest: Some(&honest).filter(|_| args.months > 0),
    }))
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
persons disclosed: median/95 %/most of the runs; by budgets: how
many the budgets alone would let go, median
                     before a high alert                in all      by    high
incident         off the roster  on the roster off the roster budgets  alerts";

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
    let caught = count_caught(runs);
    let floor = floor(runs).map_or_else(|| "-".to_owned(), |floor| floor.to_string());
    format!(
        "{:16} {:>14} {:>14} {:>14} {floor:>7} {:>4}/{}",
        incident.name,
        text(spread(runs, |run| before(run).off)),
        text(spread(runs, |run| before(run).on)),
        text(spread(runs, |run| run.whole.off)),
        caught,
        runs.len(),
    )
}

fn as_json(incident: &Incident, runs: &[Run]) -> Value {
    let spread = |of: &dyn Fn(&Run) -> u64| spread_json(spread(runs, of));
    let leak = |of: &dyn Fn(&Run) -> Leak| json!({"off": spread(&|run| of(run).off), "on": spread(&|run| of(run).on)});
    let caught = count_caught(runs);
    json!({
        "name": incident.name,
        "about": incident.about,
        "caught": caught,
        "before_high": leak(&before),
        "whole": leak(&|run| run.whole),
        "by_budgets_alone": floors(runs).map(|[off, on]| json!({"off": spread_json(off), "on": spread_json(on)})),
        "within_1_day": leak(&|run| run.within[0]),
        "within_7_days": leak(&|run| run.within[1]),
        "within_30_days": leak(&|run| run.within[2]),
        "milliseconds_to_high": took(runs).map(spread_json),
        "attempts": spread(&|run| run.attempts),
        "misses": spread(&|run| run.misses),
    })
}

fn count_caught(runs: &[Run]) -> usize {
    runs.iter().filter(|run| run.took.is_some()).count()
}

/// How many the budgets alone would have let go, off the roster and on it.
fn floors(runs: &[Run]) -> Option<[[u64; 3]; 2]> {
    let all = runs.iter().all(|run| run.floor.is_some());
    let of = |leak: fn(Leak) -> u64| spread(runs, |run| run.floor.map_or(0, leak));
    all.then(|| [of(|leak| leak.off), of(|leak| leak.on)])
}

/// The median of them all.
fn floor(runs: &[Run]) -> Option<u64> {
    let of = |run: &Run| run.floor.map_or(0, |leak| leak.off + leak.on);
    floors(runs).map(|_| spread(runs, of)[0])
}

/// How long the first high alert took, of the runs that had one.
fn took(runs: &[Run]) -> Option<[u64; 3]> {
    let caught: Vec<Run> = runs.iter().filter(|run| run.took.is_some()).cloned().collect();
    (!caught.is_empty()).then(|| spread(&caught, |run| run.took.unwrap_or_default()))
}

fn spread_json([p50, p95, max]: [u64; 3]) -> Value {
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
    text += "by rule: information, medium, high, critical\n";
    for (rule, [info, medium, high, critical]) in by_rule(honest) {
        text += &format!("  {rule:20} {info:>7} {medium:>6} {high:>5} {critical:>5}\n");
    }
    text
}

/// Alerts of each rule, by severity.
fn by_rule(honest: &Control) -> BTreeMap<&str, [u64; 4]> {
    let mut rules: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    for ((rule, severity), count) in &honest.alerts {
        rules.entry(rule).or_default()[*severity as usize] += count;
    }
    rules
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
