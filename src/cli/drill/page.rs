//! What a drill came to, as one page: tables and plots, with nothing loaded from anywhere and no script.

use std::fmt::Write as _;

use super::plot::{Line, bars, durations, escape, lines};
use super::rates::{Cell, persons};
use super::{before, by_rule, count_caught, floors, spread, took};
use crate::cli::grouped;
use crate::cli::rate::{hours, upper};
use crate::drill::incident::Incident;
use crate::drill::rates::{AGENTS, TIMES};
use crate::drill::score::{Control, Run};

/// Everything that was played.
pub(super) struct Played<'a> {
    pub(super) seeds: u64,
    pub(super) late: u64,
    pub(super) incidents: &'a [(Incident, Vec<Run>)],
    pub(super) cells: &'a [Cell],
    pub(super) honest: Option<&'a Control>,
}

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; color: #111; background: #fff; max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #bbb; padding: .2rem .6rem; text-align: right; vertical-align: top }
th:first-child, td:first-child, .word { text-align: left }
thead th { border-bottom: 2px solid #111; vertical-align: bottom }
.wide { overflow-x: auto }
svg { display: block; width: 100%; max-width: 45rem; margin: 1rem 0 2rem }
svg text { font-size: 12px; fill: #111 }
.end { text-anchor: end }
.middle { text-anchor: middle }
.grid { stroke: #ccc; stroke-width: 1 }
.axis, .spread { stroke: #111; stroke-width: 1 }
.spread { stroke-width: .8 }
.mark, .full { fill: #111; stroke: #111 }
.open { fill: #fff }
.hatched { fill: url(#hatched); stroke: #111 }
polyline { fill: none; stroke: #111; stroke-width: 1.5 }
@media print { body { margin: 0; max-width: none } svg, tr { break-inside: avoid } }
";

/// A table: headings, and rows of cells.
fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &[String]| -> String {
        cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect()
    };
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let mut out = format!(
        "<div class=\"wide\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n",
        cells("th", &headings)
    );
    for row in rows {
        let _ = writeln!(out, "<tr>{}</tr>", cells("td", &row));
    }
    out + "</tbody>\n</table></div>\n"
}

fn of_three(three: [u64; 3]) -> String {
    three.map(grouped).join(" / ")
}

fn in_hours(three: Option<[u64; 3]>) -> String {
    three.map_or_else(|| "–".to_owned(), |three| three.map(hours).join(" / "))
}

/// The page. The same figures are the same page.
pub(super) fn page(played: &Played<'_>) -> String {
    let mut body = format!(
        "<h1>What a drill came to</h1>\n\
         <p>greffier {}. Each incident is played under {} seeds, through the registrar and the judge at a \
         simulated time, beside honest work. Of three figures the first is the median of the runs, the second \
         holds in 95 of 100, the third is the worst. Of a thousand enrolments of honest work {} are late on the \
         roster.</p>\n",
        escape(env!("CARGO_PKG_VERSION")),
        grouped(played.seeds),
        grouped(played.late),
    );
    if !played.incidents.is_empty() {
        body += &incidents(played.incidents);
    }
    if !played.cells.is_empty() {
        body += &rates(played.cells);
    }
    if let Some(honest) = played.honest {
        body += &control(honest);
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>greffier drill</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

fn incidents(all: &[(Incident, Vec<Run>)]) -> String {
    let headings = [
        "incident",
        "",
        "off the roster, before a high alert",
        "on the roster, before a high alert",
        "off the roster, in all",
        "by the budgets alone: off, on (median)",
        "runs with a high alert",
        "hours to it",
    ];
    let row = |(incident, runs): &(Incident, Vec<Run>)| {
        let floor =
            floors(runs).map(|[off, on]| format!("{}, {}", grouped(off[0]), grouped(on[0])));
        vec![
            incident.name.to_owned(),
            incident.about.to_owned(),
            of_three(spread(runs, |run| before(run).off)),
            of_three(spread(runs, |run| before(run).on)),
            of_three(spread(runs, |run| run.whole.off)),
            floor.unwrap_or_else(|| "–".to_owned()),
            format!("{} of {}", count_caught(runs), runs.len()),
            in_hours(took(runs)),
        ]
    };
    let times: Vec<_> = all.iter().map(|(incident, runs)| (incident.name, took(runs))).collect();
    format!(
        "<h2>Whom an incident gets</h2>\n{}\
         <p>By the budgets alone: how many of those asked for the budgets would let go, had no detector ended it; \
         exports are charged to their jobs.</p>\n\
         <h2>Time to containment</h2>\n\
         <p>From the first attempt to the first high alert, which contains at once: the mark is the median, the \
         strokes are 95 of 100 and the most.</p>\n{}",
        table(&headings, all.iter().map(row)),
        durations("Time to containment, by incident", &times),
    )
}

fn rates(cells: &[Cell]) -> String {
    let mut out = "<h2>Persons leaked against the rate of the attack</h2>\n\
         <p>An attacker at a multiple of what the agents used are given themselves on a day, in office hours, for \
         30 days at most or until a roster is taken whole. Marks are medians of the persons before the first high \
         alert, or in all where there is none; the thin strokes go up to 95 of 100.</p>\n"
        .to_owned();
    for (n, what) in ["off the roster", "on the roster"].into_iter().enumerate() {
        let line = |agents: u32| {
            let of = cells.iter().filter(|cell| cell.agents == agents);
            let point = |cell: &Cell| {
                let [half, most, _] = spread(&cell.runs[n], persons);
                [cell.times, half, most]
            };
            let name = if agents == 1 { "1 agent".to_owned() } else { format!("{agents} agents") };
            Line { name, points: of.map(point).collect() }
        };
        let (across, up) = ("times the agents' own pace", format!("persons {what}"));
        let title = format!("Persons {what} against the rate of the attack");
        out += &format!("<h3>Persons {what}</h3>\n");
        out += &lines(&title, across, &up, &TIMES, &AGENTS.map(line));
        let headings = ["agents", "times", "persons", "runs with a high alert", "hours to it"];
        let row = |cell: &Cell| {
            let runs = &cell.runs[n];
            vec![
                cell.agents.to_string(),
                grouped(cell.times),
                of_three(spread(runs, persons)),
                format!("{} of {}", count_caught(runs), runs.len()),
                in_hours(took(runs)),
            ]
        };
        out += &table(&headings, cells.iter().map(row));
    }
    out
}

fn control(honest: &Control) -> String {
    let months = honest.provider_days as f64 / 30.0;
    let of_10_000 = |n: u64| format!("{:.2}", 1e4 * n as f64 / honest.reads.max(1) as f64);
    let grave = honest.grave();
    let figures = [
        ("provider-months", format!("{months:.0}")),
        ("reads", grouped(honest.reads)),
        ("persons met on a day", grouped(honest.persons)),
        ("of them off the roster", grouped(honest.strangers)),
        ("reads that found nobody", grouped(honest.misses)),
        ("false high or critical alerts", grouped(grave)),
        ("a provider-month", format!("{:.3}", grave as f64 / months)),
        ("at most, at 95 % (Poisson)", format!("{:.3}", upper(grave) / months)),
        ("of the provider with most", grouped(honest.worst)),
        ("reads withheld of 10,000", of_10_000(honest.withheld)),
        ("of these, by what a false alert took away", of_10_000(honest.contained)),
    ];
    let figures = figures.map(|(label, figure)| vec![label.to_owned(), figure]);
    let rules = by_rule(honest);
    let counts: Vec<(&str, [u64; 2])> = rules
        .iter()
        .map(|(rule, [_, medium, high, critical])| (*rule, [high + critical, *medium]))
        .collect();
    let rows = rules
        .iter()
        .map(|(rule, counts)| [rule.to_string()].into_iter().chain(counts.map(grouped)).collect());
    format!(
        "<h2>Control: honest work alone</h2>\n<p>The same table with no attack in it.</p>\n{}\
         <h3>False alerts by rule</h3>\n{}{}",
        table(&["", ""], figures),
        bars("False alerts by rule", ["high or critical", "medium"], &counts),
        table(&["rule", "information", "medium", "high", "critical"], rows),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::incident::INCIDENTS;
    use crate::drill::incident::Leak;
    use crate::format::entry::Severity;

    /// That every element is closed, in order, and every attribute quoted.
    fn assert_balanced(page: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a page");
        while let Some((text, tag)) = rest.split_once('<') {
            assert!(!text.contains('>'), "{text}");
            let (tag, behind) = tag.split_once('>').expect("a tag that ends");
            assert!(tag.matches('"').count().is_multiple_of(2), "<{tag}>");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(tag.split_whitespace().next().expect("a name"));
            }
            rest = behind;
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
        for (at, _) in page.match_indices('&') {
            let entity = page[at..].split(';').next().unwrap_or_default();
            assert!(["&amp", "&lt", "&gt", "&quot", "&#39"].contains(&entity), "{entity}");
        }
    }

    fn run(off: u64, took: Option<u64>) -> Run {
        let whole = Leak { off, on: 3 };
        Run { whole, before_high: took.map(|_| whole), took, floor: Some(whole), ..Run::default() }
    }

    fn played(test: impl FnOnce(&str)) {
        let runs = || vec![run(12, Some(0)), run(1_660, Some(7_200_000))];
        let mut incidents: Vec<_> = INCIDENTS.iter().map(|one| (*one, runs())).collect();
        incidents[2].1 = vec![run(0, None)];
        incidents
            .push((Incident { name: "<b>&\"", about: "</td><script>", ..INCIDENTS[0] }, runs()));
        let cell = |agents| move |times| Cell { agents, times, runs: [runs(), vec![run(0, None)]] };
        let cells: Vec<Cell> = AGENTS.iter().flat_map(|agents| TIMES.map(cell(*agents))).collect();
        let mut honest = Control { provider_days: 300, reads: 9, ..Control::default() };
        honest.alerts.insert(("strangers<".to_owned(), Severity::High), 7);
        honest.alerts.insert(("probing".to_owned(), Severity::Medium), 31);
        let (incidents, cells, honest) = (&incidents[..], &cells[..], Some(&honest));
        test(&page(&Played { seeds: 2, late: 60, incidents, cells, honest }));
    }

    #[test]
    fn a_page_is_well_formed_and_has_every_incident_rate_and_rule() {
        played(|page| {
            assert_balanced(page);
            for incident in INCIDENTS {
                assert!(page.contains(&format!("<td>{}</td>", incident.name)), "{}", incident.name);
                assert!(page.contains(&format!(">{}</text>", incident.name)), "{}", incident.name);
            }
            assert!(
                page.contains("<td>&lt;b&gt;&amp;&quot;</td><td>&lt;/td&gt;&lt;script&gt;</td>")
            );
            assert!(page.contains("12 / 1,660 / 1,660") && page.contains("no high alert"));
            assert_eq!(page.matches("<svg").count(), 4);
            assert!(page.contains("strangers&lt;</text>") && page.contains("<td>31</td>"));
            assert!(["NaN", "inf\""].iter().all(|no| !page.contains(no)));
        });
    }

    #[test]
    fn a_page_loads_nothing_and_runs_nothing() {
        played(|page| {
            let page = page.to_lowercase();
            for no in ["http", "//", "<script", "<link", "<img", "src=", "href", "@import"] {
                assert!(!page.contains(no), "{no}");
            }
        });
    }

    #[test]
    fn whatever_was_not_played_has_no_place() {
        let none = Played { seeds: 1, late: 0, incidents: &[], cells: &[], honest: None };
        let page = page(&none);
        assert_balanced(&page);
        assert!(!page.contains("<svg") && !page.contains("<h2>"), "{page}");
    }
}
