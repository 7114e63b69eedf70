//! What a backtest tells: for people, and for programs.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::super::rate::upper;
use super::super::table::Table;
use super::super::{grouped, time};
use super::{Source, short};
use crate::drill::backtest::tally::{ENTRIES, Figures, Tally};
use crate::drill::backtest::{Judged, PastOutcome};
use crate::format::entry::{Outcome, Severity, word};

/// Days of a month, as everywhere where a rate is one of months.
const MONTH: f64 = 30.0;

const SEVERITIES: [(Severity, &str); 4] = [
    (Severity::Info, "information"),
    (Severity::Medium, "medium"),
    (Severity::High, "high"),
    (Severity::Critical, "critical"),
];

/// A line for what withheld a read, and one for each of its alerts.
pub(super) fn as_json(policy: &Path, step: &str, judged: &Judged<'_>) -> Vec<Value> {
    let with = |what: &str, detector: String, severity: Value, figures: [Value; 2]| {
        let [observed, expected] = figures;
        json!({
            "policy": policy.display().to_string(),
            (step): judged.number,
            "at": judged.at,
            "provider": judged.provider,
            "agent": judged.agent.to_string(),
            "what": what,
            "detector": detector,
            "severity": severity,
            "observed": observed,
            "expected": expected,
        })
    };
    let could = json!(judged.facts.could);
    let withheld = match judged.outcome {
        PastOutcome::Ruled(ruling) if ruling.outcome == Outcome::Released => None,
        PastOutcome::Ruled(ruling) => {
            let rule = ruling.rule.map(|rule| word(&rule)).unwrap_or_default();
            Some((rule, [could, json!(ruling.remaining)]))
        }
        PastOutcome::OutOfEntries => Some((ENTRIES.to_owned(), [could, Value::Null])),
    };
    let withheld = withheld.map(|(rule, figures)| with("withheld", rule, Value::Null, figures));
    let alerts = judged.alerts.iter().map(|alert| {
        let figures = [json!(alert.observed), json!(alert.expected)];
        with("alert", word(&alert.rule), json!(alert.severity), figures)
    });
    withheld.into_iter().chain(alerts).collect()
}

/// The last line.
pub(super) fn summary(tallies: &[(&Path, Tally)]) -> Value {
    let policies = tallies.iter().map(|(path, tally)| {
        let mut figures = figures_json(&tally.whole());
        let providers = tally.providers.iter();
        let providers = providers.map(|(id, one)| (id.to_string(), figures_json(one)));
        figures["policy"] = json!(path.display().to_string());
        figures["providers"] = Value::Object(providers.collect());
        figures
    });
    json!({"what": "summary", "policies": policies.collect::<Vec<_>>()})
}

fn figures_json(figures: &Figures) -> Value {
    let alerts = figures.alerts.iter().map(
        |((rule, severity), count)| json!({"rule": rule, "severity": severity, "count": count}),
    );
    let rate = Rate::of(figures);
    json!({
        "first": figures.span.map(|span| span.0),
        "last": figures.span.map(|span| span.1),
        "provider_months": rate.as_ref().map(|rate| rate.months),
        "reads": figures.reads,
        "released": figures.released,
        "misses": figures.misses,
        "withheld_in_the_past": figures.unseen,
        "persons": figures.persons,
        "off_roster": figures.off,
        "withheld": figures.withheld(),
        "withheld_by": figures.withheld,
        "alerts": alerts.collect::<Vec<_>>(),
        "high_or_critical": figures.grave(),
        "high_or_critical_a_provider_month": rate.as_ref().map(|rate| rate.seen),
        "high_or_critical_a_provider_month_at_most": rate.as_ref().map(|rate| rate.most),
    })
}

/// High and critical alerts of a provider in a month.
struct Rate {
    months: f64,
    seen: f64,
    /// At 95 %.
    most: f64,
}

impl Rate {
    /// None of a past without a day.
    fn of(figures: &Figures) -> Option<Rate> {
        let months = figures.days as f64 / MONTH;
        let grave = figures.grave();
        let rate = Rate { months, seen: grave as f64 / months, most: upper(grave) / months };
        (figures.days > 0).then_some(rate)
    }
}

/// A figure of each policy, and by how much the second differs.
struct Rows {
    table: Table,
}

impl Rows {
    fn counts(&mut self, label: &str, counts: &[u64]) {
        let mut cells: Vec<String> = counts.iter().map(|count| grouped(*count)).collect();
        if let [one, other] = counts {
            let sign = if other > one {
                "+"
            } else if other < one {
                "-"
            } else {
                ""
            };
            cells.push(format!("{sign}{}", grouped(one.abs_diff(*other))));
        }
        self.table.row([label.to_owned()].into_iter().chain(cells));
    }

    fn rates(&mut self, label: &str, rates: &[f64]) {
        let mut cells: Vec<String> = rates.iter().map(|rate| format!("{rate:.3}")).collect();
        if let [one, other] = rates {
            let apart = other - one;
            cells.push(if apart.abs() < 0.0005 { "0".to_owned() } else { format!("{apart:+.3}") });
        }
        self.table.row([label.to_owned()].into_iter().chain(cells));
    }
}

/// The account for people.
pub(super) fn in_words(past: &Source, tallies: &[(&Path, Tally)]) -> String {
    let wholes: Vec<Figures> = tallies.iter().map(|(_, tally)| tally.whole()).collect();
    let mut text = String::new();
    for ((path, _), label) in tallies.iter().zip(["policy", "compared"]) {
        text += &format!("{label:<10}{}\n", path.display());
    }
    text += &format!("past      {}\n\n", about(past, &wholes[0]));
    text += &figures(&wholes);
    text += "\nby provider\n";
    text += &by_provider(tallies);
    text
}

/// So many of something.
fn some(n: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(n), if n == 1 { "" } else { "s" })
}

fn about(past: &Source, whole: &Figures) -> String {
    let Some((first, last)) = whole.span else { return "no read".to_owned() };
    let day = |at| time(at).chars().take(10).collect::<String>();
    let (what, agents) = match past {
        Source::Events(past) => {
            let subjects: u64 = past.providers.iter().map(|one| u64::from(one.subjects)).sum();
            let agents: u64 = past.providers.iter().map(|one| one.agents.len() as u64).sum();
            (format!(" of {}", some(subjects, "person")), format!(", {}", some(agents, "agent")))
        }
        Source::Ledger(_) => (" of a ledger".to_owned(), String::new()),
    };
    format!(
        "{}{what}, {} to {} (UTC)\n          {}{agents}; {:.1} provider-months of 30 days",
        some(whole.reads, "read"),
        day(first),
        day(last),
        some(past.providers().len() as u64, "provider"),
        whole.days as f64 / MONTH,
    )
}

fn figures(wholes: &[Figures]) -> String {
    let headings: &[&str] =
        if wholes.len() > 1 { &["", "policy", "compared", "difference"] } else { &[] };
    let mut rows = Rows { table: Table::new(1, headings) };
    let each = |of: &dyn Fn(&Figures) -> u64| wholes.iter().map(of).collect::<Vec<u64>>();
    rows.counts("released", &each(&|one| one.released));
    if wholes.iter().any(|one| one.misses > 0) {
        rows.counts("  with nobody in it", &each(&|one| one.misses));
    }
    if wholes.iter().any(|one| one.unseen > 0) {
        rows.counts("  withheld in the past", &each(&|one| one.unseen));
    }
    rows.counts("different persons released", &each(&|one| one.persons));
    rows.counts("  off the roster", &each(&|one| one.off));
    rows.counts("withheld", &each(&Figures::withheld));
    let rules: BTreeSet<&String> = wholes.iter().flat_map(|one| one.withheld.keys()).collect();
    for rule in rules {
        let count = |one: &Figures| one.withheld.get(rule).copied().unwrap_or_default();
        rows.counts(&format!("  by {rule}"), &each(&count));
    }
    rows.counts("alerts", &each(&|one| one.alerts.values().sum()));
    let kinds: BTreeSet<_> = wholes.iter().flat_map(|one| one.alerts.keys()).collect();
    for kind in kinds {
        let (rule, severity) = kind;
        let name = SEVERITIES.iter().find(|(one, _)| one == severity).map_or("", |(_, name)| name);
        let count = |one: &Figures| one.alerts.get(kind).copied().unwrap_or_default();
        rows.counts(&format!("  {rule}, {name}"), &each(&count));
    }
    rows.counts("high or critical", &each(&Figures::grave));
    let rates: Vec<Rate> = wholes.iter().filter_map(Rate::of).collect();
    if !rates.is_empty() {
        let each = |of: fn(&Rate) -> f64| rates.iter().map(of).collect::<Vec<f64>>();
        rows.rates("  a provider-month", &each(|rate| rate.seen));
        rows.rates("  at most, at 95 % (Poisson)", &each(|rate| rate.most));
    }
    rows.table.to_string()
}

fn by_provider(tallies: &[(&Path, Tally)]) -> String {
    let [(_, first), rest @ ..] = tallies else { return String::new() };
    let none = Figures::default();
    let mut table = match rest {
        [] => Table::new(1, &["", "reads", "released", "withheld", "medium", "high", "critical"]),
        _ => Table::new(1, &["", "reads", "withheld", "compared", "high", "compared"]),
    };
    for (id, one) in &first.providers {
        let mut counts = vec![one.reads];
        match rest {
            [] => {
                let severities = [Severity::Medium, Severity::High, Severity::Critical];
                counts.extend([one.released, one.withheld()]);
                counts.extend(severities.map(|severity| one.alerts(severity)));
            }
            [(_, second), ..] => {
                let other = second.providers.get(id).unwrap_or(&none);
                counts.extend([one.withheld(), other.withheld(), one.grave(), other.grave()]);
            }
        }
        table.row([short(id)].into_iter().chain(counts.into_iter().map(grouped)));
    }
    let note = if rest.is_empty() { "" } else { "  high: high and critical alerts\n" };
    format!("{table}{note}")
}
