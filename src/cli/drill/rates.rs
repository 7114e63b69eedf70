//! What is detected by rate: an attacker at multiples of the agents' own pace.

use serde_json::{Value, json};

use super::{before, count_caught, on_all_cores, spread, spread_json, took};
use crate::cli::rate::hours;
use crate::drill::DrillError;
use crate::drill::honest::World;
use crate::drill::incident::{Incident, Loot};
use crate::drill::rates::{AGENTS, TIMES, incident};
use crate::drill::score::{Run, run};

/// One multiple by so many agents: its runs off the roster, and on it.
pub(super) struct Cell {
    pub(super) agents: u32,
    pub(super) times: u64,
    pub(super) runs: [Vec<Run>; 2],
}

/// What is taken, and its word.
const LOOT: [(Loot, &str); 2] =
    [(Loot::Strangers, "off_the_roster"), (Loot::Roster, "on_the_roster")];

/// How many runs there are of so many seeds.
pub(super) fn count(seeds: u64) -> u64 {
    (all().len() * LOOT.len()) as u64 * seeds
}

/// Over how many agents, and how many times as many.
pub(super) fn all() -> Vec<(u32, u64)> {
    let of = |agents| TIMES.map(|times| (agents, times));
    AGENTS.into_iter().flat_map(of).collect()
}

/// Plays these; `done` hears of each run, `told` of each cell.
pub(super) fn play(
    world: &World,
    seeds: u64,
    which: &[(u32, u64)],
    done: &(dyn Fn() + Sync),
    told: &mut dyn FnMut(&Cell),
) -> Result<Vec<Cell>, DrillError> {
    let runs = |incident: Incident| {
        on_all_cores(1..seeds + 1, |seed| {
            let run = run(world, incident, seed);
            done();
            run
        })
    };
    let mut cells = Vec::new();
    for &(agents, times) in which {
        let [off, on] = LOOT.map(|(loot, _)| runs(incident(times, agents, loot)));
        let cell = Cell { agents, times, runs: [off?, on?] };
        told(&cell);
        cells.push(cell);
    }
    Ok(cells)
}

pub(super) fn head(seeds: u64) -> String {
    format!(
        "an attacker at multiples of the agents' own persons a day, in office hours, for\n\
         30 days or until a roster is taken whole; persons before a high alert:\n\
         median/95 %/most; of {seeds} runs, those with one; hours to it: median/95 %\n\
         {:12}{:>32} {:>32}\n\
         {:>6} {:>5} {:>15} {:>5} {:>10} {:>15} {:>5} {:>10}",
        "",
        "off the roster",
        "on the roster",
        "agents",
        "times",
        "persons",
        "runs",
        "hours",
        "persons",
        "runs",
        "hours",
    )
}

pub(super) fn row(cell: &Cell) -> String {
    let mut row = format!("{:>6} {:>5}", cell.agents, cell.times);
    for runs in &cell.runs {
        let persons = spread(runs, persons).map(|n| n.to_string()).join("/");
        let caught = took(runs).map(|[half, most, _]| [half, most].map(hours).join("/"));
        let hours = caught.unwrap_or_else(|| "-".to_owned());
        row += &format!(" {persons:>15} {:>5} {hours:>10}", count_caught(runs));
    }
    row
}

/// Persons before a high alert, wherever they are.
pub(super) fn persons(run: &Run) -> u64 {
    let leak = before(run);
    leak.off + leak.on
}

pub(super) fn as_json(cells: &[Cell]) -> Value {
    let one = |cell: &Cell| {
        let mut told = json!({"agents": cell.agents, "times": cell.times});
        for (runs, (_, word)) in cell.runs.iter().zip(LOOT) {
            told[word] = json!({
                "asked_a_day": spread_json(spread(runs, |run| run.a_day)),
                "persons_before_high": spread_json(spread(runs, persons)),
                "by_budgets_alone": super::floor(runs),
                "caught": count_caught(runs),
                "milliseconds_to_high": took(runs).map(spread_json),
            });
        }
        told
    };
    cells.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::drill::incident::Leak;

    #[test]
    fn a_row_fits_80_columns_however_much_is_taken() {
        let leak = Leak { off: 9_000, on: 999 };
        let run = Run {
            whole: leak,
            before_high: Some(leak),
            took: Some(719 * 3_600_000),
            ..Run::default()
        };
        let runs = vec![run; 9_999];
        let cell = Cell { agents: 20, times: 1_000, runs: [runs.clone(), runs] };
        let text = format!("{}\n{}", head(9_999), row(&cell));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.ends_with(" 9999/9999/9999  9999    719/719"), "{text}");
    }

    #[test]
    fn whoever_is_faster_is_found_sooner_and_each_agent_goes_by_its_own_pace() {
        let which = [(1, 10), (5, 1_000)];
        let (done, mut told) = (AtomicU64::new(0), Vec::new());
        let count = || _ = done.fetch_add(1, Ordering::Relaxed);
        let mut tell = |cell: &Cell| told.push((cell.agents, cell.times));
        let cells = play(&World::default(), 2, &which, &count, &mut tell).unwrap();
        assert_eq!((done.into_inner(), told), (8, which.to_vec()));
        let [slow, fast] = &cells[..] else { panic!("two cells") };
        for (slow, fast) in slow.runs[0].iter().zip(&fast.runs[0]) {
            assert!(fast.took.is_some() && fast.took < slow.took, "{slow:?} {fast:?}");
            // Ten times of one is not 10, but whatever that agent has; of five it is more.
            assert!((20..1_000).contains(&slow.a_day), "{slow:?}");
            assert!(fast.a_day >= 5_000 && fast.a_day > 20 * slow.a_day, "{fast:?}");
        }
        // Whoever has everybody stops.
        let on = slow.runs[1].iter().find(|run| run.took.is_none()).expect("a small roster");
        assert!(
            on.whole.on < 100 && on.whole.on <= on.attempts && on.attempts <= on.a_day,
            "{on:?}"
        );
        let told = as_json(&cells);
        assert_eq!(
            (&told[1]["times"], &told[1]["on_the_roster"]["caught"]),
            (&json!(1_000), &json!(2))
        );
        assert_eq!(
            told[0]["on_the_roster"]["persons_before_high"]["max"],
            json!(persons(&the_most(&cells[0])))
        );
    }

    /// The run that got most on the roster.
    fn the_most(cell: &Cell) -> Run {
        cell.runs[1].iter().max_by_key(|run| persons(run)).expect("runs").clone()
    }
}
