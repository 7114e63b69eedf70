//! The answer for people: the sentence and its limits, then the figures behind it.

use std::fmt::Write as _;

use super::super::table::Table;
use super::super::verdict::sound_in_words;
use super::super::{grouped, time};
use super::Answer;
use super::data::date;
use super::statement::{limits, sentence, span};
use crate::evidence::exposure::{EntryRef, Exposure, Figures};

/// Agents that are listed; those with the most persons come first.
const AGENTS: usize = 20;
/// Headings of every table of figures, behind what the row is of.
const HEADINGS: [&str; 4] = ["persons", "off roster", "rows", "reads"];

pub(super) fn in_words(answer: &Answer) -> String {
    let mut text = format!("{}\n\n{}\n", sound_in_words(&answer.sound), sentence(answer));
    text += "\nThis holds within these limits:\n";
    for limit in limits(answer) {
        text += &format!("- {limit}\n");
    }
    let section = |title: String, table: &Table| format!("\n{title}\n{table}");
    text += &section(
        format!("Received by {} {}", answer.question.provider, span(answer)),
        &totals(&answer.exposure),
    );
    let exposure = &answer.exposure;
    if let (Some(first), Some(last)) = (exposure.total.first, exposure.total.last) {
        text +=
            &format!("  The first of these reads is {}, the last {}.\n", place(first), place(last));
    }
    if exposure.total.reads > 0 {
        let datasets = exposure.datasets.iter().map(|(d, f)| ([d.to_string()], f));
        text += &section("By dataset".into(), &figures(["dataset"], datasets));
        let views = exposure.views.iter().map(|((d, v), f)| ([d.to_string(), v.to_string()], f));
        text += &section("By view".into(), &figures(["dataset", "view"], views));
        text += &agents(exposure);
        let days = exposure.days.iter().map(|(day, f)| ([date(*day)], f));
        text += &section("By day (UTC)".into(), &timed("day", days));
    }
    text += &refused(exposure);
    text.trim_end().to_owned()
}

pub(in crate::cli) fn totals(exposure: &Exposure) -> Table {
    let total = &exposure.total;
    let mut table = Table::new(1, &[]);
    let rows = [
        ("person-records, at most", grouped(total.persons)),
        ("  on its roster in every read", grouped(total.on_roster_only())),
        ("  off its roster in at least one", grouped(total.off_roster)),
        ("rows, a person given again counted again", grouped(total.rows)),
        ("reads released", grouped(total.reads)),
        ("  of which held nobody", grouped(exposure.empty)),
        ("  of which pages of exports", grouped(exposure.exports)),
    ];
    for (what, figure) in rows {
        table.row([what.to_owned(), figure]);
    }
    table
}

fn place(place: EntryRef) -> String {
    format!("entry {}, {}", place.entry, time(place.at))
}

fn cells(figures: &Figures) -> [String; 4] {
    [figures.persons, figures.off_roster, figures.rows, figures.reads].map(grouped)
}

pub(in crate::cli) fn figures<'a, const N: usize>(
    names: [&str; N],
    rows: impl Iterator<Item = ([String; N], &'a Figures)>,
) -> Table {
    let mut table = Table::new(N, &[&names[..], &HEADINGS].concat());
    for (names, figures) in rows {
        table.row(names.into_iter().chain(cells(figures)));
    }
    table
}

/// A table of figures with the times of the first and the last read.
fn timed<'a>(name: &str, rows: impl Iterator<Item = ([String; 1], &'a Figures)>) -> Table {
    let mut table = Table::new(1, &[&[name], &HEADINGS[..], &["first read", "last read"]].concat());
    for (names, figures) in rows {
        let times =
            [figures.first, figures.last].map(|p| p.map_or_else(String::new, |p| time(p.at)));
        table.row(names.into_iter().chain(cells(figures)).chain(times));
    }
    table
}

fn agents(exposure: &Exposure) -> String {
    let mut agents: Vec<_> = exposure.agents.iter().collect();
    agents.sort_by_key(|(tag, figures)| (std::cmp::Reverse(figures.persons), **tag));
    let listed = agents.iter().take(AGENTS).map(|(tag, figures)| ([tag.to_string()], *figures));
    let mut text =
        format!("\nBy agent (tag); agents may have persons in common\n{}", timed("agent", listed));
    if let Some(more) = agents.len().checked_sub(AGENTS).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {} more, whom --csv and --json list", grouped(more as u64));
    }
    text
}

fn refused(exposure: &Exposure) -> String {
    let mut text = String::new();
    if exposure.withheld.is_empty() {
        text += "\nNo read was withheld by the judge.\n";
    } else {
        let mut table = Table::new(1, &["rule", "reads", "persons asked for, at most"]);
        for (rule, withheld) in &exposure.withheld {
            table.row([rule.clone(), grouped(withheld.reads), grouped(withheld.asked)]);
        }
        text += &format!("\nWithheld by the judge: nothing of these reads was given\n{table}");
    }
    if exposure.refused.is_empty() {
        text +=
            "\nNo call that was refused before the judge is counted under this provider's name.\n";
    } else {
        let mut table = Table::new(1, &["reason", "calls"]);
        for (reason, calls) in &exposure.refused {
            table.row([reason.to_string(), grouped(*calls)]);
        }
        text += &format!("\nRefused before the judge, of whichever dataset\n{table}");
    }
    text + &format!(
        "Refused calls are counted in digests, by the time of the digest. One names 16 certificates \
         at most;\nfurther ones, and connections without a good certificate, are counted together: \
         {} in this period.\n",
        grouped(exposure.unnamed)
    )
}
