//! The patient thief: a stranger or two a day, below every budget, over simulated weeks, through registrar and
//! judge over a ledger of their own, beside what the budgets alone would have let go.

use std::time::Instant;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::DrillError;
use super::account::Patience;
use super::honest::World;
use super::honest::calendar::HOUR;
use super::incident::{INCIDENTS, Incident};
use super::score::{Run, run};

/// Its word among the incidents.
const NAME: &str = "patient-2";

/// The incident that is played.
pub(crate) fn incident() -> Incident {
    *INCIDENTS.iter().find(|incident| incident.name == NAME).expect("it is one of them")
}

/// One run, under a seed that follows from this one.
pub(super) fn play(seed: u64) -> Result<Patience, DrillError> {
    let began = Instant::now();
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(2_000);
    let (world, incident, seed) = (World::default(), incident(), chance.random::<u32>().into());
    let figures = figures(&incident, seed, &run(&world, incident, seed)?);
    Ok(Patience { seconds: began.elapsed().as_secs_f64(), ..figures })
}

fn figures(incident: &Incident, seed: u64, run: &Run) -> Patience {
    Patience {
        seed,
        a_day: incident.a_day,
        days: incident.days,
        asked: incident.a_day * incident.days,
        alert_on_day: run.took.map(|took| took / (24 * HOUR) + 1),
        rule: run.rule.clone(),
        off_roster_before_alert: run.before_high.unwrap_or(run.whole).off,
        off_roster: run.whole.off,
        off_roster_by_budgets_alone: run.floor.unwrap_or(run.whole).off,
        seconds: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::incident::Leak;

    #[test]
    fn a_patient_thief_is_caught_within_weeks_and_by_the_budgets_alone_much_later() {
        let told = play(5).unwrap();
        let day = told.alert_on_day.expect("a high alert");
        assert!((2..=30).contains(&day) && told.seconds > 0.0, "{told:?}");
        assert!((2..=45).contains(&told.off_roster_before_alert), "{told:?}");
        assert!(told.off_roster_by_budgets_alone > 2 * told.off_roster, "{told:?}");
    }

    #[test]
    fn the_day_of_an_alert_is_counted_from_one() {
        let leak = |off| Leak { off, on: 0 };
        let caught = Run {
            whole: leak(16),
            before_high: Some(leak(15)),
            took: Some(7 * 24 * HOUR + 1),
            floor: Some(leak(160)),
            ..Run::default()
        };
        let told = figures(&incident(), 9, &caught);
        assert_eq!(
            (told.alert_on_day, told.off_roster_before_alert, told.off_roster),
            (Some(8), 15, 16)
        );
        assert_eq!((told.off_roster_by_budgets_alone, told.asked), (160, 180));
        let never = figures(&incident(), 9, &Run { whole: leak(160), ..Run::default() });
        assert_eq!((never.alert_on_day, never.off_roster_before_alert), (None, 160));
    }
}
