//! What a thief in a recorded past gets, told for people and for programs.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::super::lines::wrapped;
use super::super::rate::{hours, upper};
use super::super::table::Table;
use super::super::{bar, grouped};
use crate::drill::backtest::attack::{AGENTS, Got, TIMES, play};
use crate::drill::backtest::events::Past;
use crate::drill::backtest::tally::Figures;
use crate::drill::backtest::{Terms, judge};
use crate::format::entry::Millis;

/// What thieves got over so many agents at so many times their pace; none where no provider has as many.
struct Cell {
    agents: usize,
    times: u64,
    runs: Option<Vec<Got>>,
}

impl Cell {
    fn caught(&self) -> usize {
        self.runs.iter().flatten().filter(|got| got.took.is_some()).count()
    }

    fn persons(&self) -> Option<[u64; 3]> {
        spread(self.runs.iter().flatten().map(|got| got.persons).collect())
    }

    fn took(&self) -> Option<[u64; 3]> {
        spread(self.runs.iter().flatten().filter_map(|got| got.took).collect())
    }
}

/// The values at 50 %, 95 % and 100 %.
fn spread(mut all: Vec<u64>) -> Option<[u64; 3]> {
    all.sort_unstable();
    let at = |percent: usize| all.get((all.len() * percent).div_ceil(100).max(1) - 1).copied();
    Some([at(50)?, at(95)?, at(100)?])
}

/// Plays every theft and judges the past without one; the account, for a program or for people.
pub(super) fn run(
    past: &Past,
    terms: &Terms,
    lift_after: Option<Millis>,
    seeds: u64,
    json: bool,
) -> String {
    let honest = judge(past, terms, lift_after, &mut |_| (), &mut |_| ()).whole();
    let bar = bar("thefts");
    bar.set_length((AGENTS.len() * TIMES.len()) as u64 * seeds);
    let mut cells = Vec::new();
    for agents in AGENTS {
        for times in TIMES {
            let one = |seed| {
                let got = play(past, terms, lift_after, (agents, times), seed);
                bar.inc(1);
                got
            };
            let runs = (1..seeds + 1).into_par_iter().map(one).collect();
            cells.push(Cell { agents, times, runs });
        }
    }
    bar.finish_and_clear();
    if json {
        format!("{:#}", as_json(past, seeds, &cells, &honest))
    } else {
        in_words(past, seeds, &cells, &honest)
    }
}

fn place(past: &Past) -> &'static str {
    if past.rosters { "off the roster, where that is open" } else { "on the roster" }
}

fn in_words(past: &Past, seeds: u64, cells: &[Cell], honest: &Figures) -> String {
    let about = format!(
        "A thief in this past, from a drawn moment of work in its second half on: persons whom nobody there has \
         met ({}), at multiples of the agents' own persons a day. Persons before the first high alert; of {} \
         runs those with one; hours to it: median / 95 % / most.",
        place(past),
        grouped(seeds),
    );
    let mut text = wrapped(&about, 80).join("\n") + "\n\n";
    let mut table = Table::new(0, &["agents", "times", "persons", "runs", "hours"]);
    let joined =
        |three: Option<[String; 3]>| three.map_or("-".to_owned(), |three| three.join(" / "));
    for cell in cells {
        table.row([
            cell.agents.to_string(),
            grouped(cell.times),
            joined(cell.persons().map(|persons| persons.map(grouped))),
            if cell.runs.is_some() { cell.caught().to_string() } else { "-".to_owned() },
            joined(cell.took().map(|took| took.map(hours))),
        ]);
    }
    text += &table.to_string();
    if cells.iter().any(|cell| cell.runs.is_none()) {
        text += "  -: no provider has as many agents at work\n";
    }
    let months = honest.days as f64 / 30.0;
    let grave = honest.grave();
    let without = format!(
        "Without a thief: {} high or critical in {months:.1} provider-months: {:.2} a month, at most {:.2} \
         (95 %, Poisson)",
        grouped(grave),
        grave as f64 / months,
        upper(grave) / months,
    );
    text += "\n";
    text += &wrapped(&without, 80).join("\n");
    text
}

fn as_json(past: &Past, seeds: u64, cells: &[Cell], honest: &Figures) -> Value {
    let spread = |three: Option<[u64; 3]>| {
        three.map(|[p50, p95, max]| json!({"p50": p50, "p95": p95, "max": max}))
    };
    let cell = |cell: &Cell| {
        json!({
            "agents": cell.agents,
            "times": cell.times,
            "persons_before_high": spread(cell.persons()),
            "caught": cell.runs.as_ref().map(|_| cell.caught()),
            "milliseconds_to_high": spread(cell.took()),
        })
    };
    let months = honest.days as f64 / 30.0;
    json!({
        "seeds": seeds,
        "off_the_roster": past.rosters,
        "thefts": cells.iter().map(cell).collect::<Vec<_>>(),
        "provider_months": months,
        "high_or_critical": honest.grave(),
        "high_or_critical_a_provider_month_at_most": upper(honest.grave()) / months,
    })
}
