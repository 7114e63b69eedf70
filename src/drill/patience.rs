//! The patient thief: a stranger or two a day, below every budget, over simulated weeks, through registrar and
//! judge over a ledger of their own; and the same thief with detectors that find nothing, for what the budgets
//! alone would have let go.

use std::time::Instant;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::DrillError;
use super::account::Patience;
use super::honest::World;
use super::honest::calendar::HOUR;
use super::incident::{INCIDENTS, Incident};
use super::score::{Run, run_under};
use crate::format::entry::{
    CreepRule, Detectors, Figure, Looser, PaceRule, ProbingRule, RosterRule, SignsRule,
    StrangersRule,
};

/// Its word among the incidents.
const NAME: &str = "patient-2";
/// A height that nothing reaches.
const FAR: u64 = 1_000_000_000;

/// The incident that is played.
pub(crate) fn incident() -> Incident {
    *INCIDENTS.iter().find(|incident| incident.name == NAME).expect("it is one of them")
}

/// Both runs, under one seed that follows from this one.
pub(super) fn play(seed: u64) -> Result<Patience, DrillError> {
    let began = Instant::now();
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(2_000);
    let (world, incident, seed) = (World::default(), incident(), chance.random::<u32>().into());
    let caught = run_under(&world, incident, seed, Detectors::default())?;
    let alone = run_under(&world, incident, seed, blind())?;
    let figures = figures(&incident, seed, &caught, &alone);
    Ok(Patience { seconds: began.elapsed().as_secs_f64(), ..figures })
}

fn figures(incident: &Incident, seed: u64, caught: &Run, alone: &Run) -> Patience {
    Patience {
        seed,
        a_day: incident.a_day,
        days: incident.days,
        asked: incident.a_day * incident.days,
        alert_on_day: caught.took.map(|took| took / (24 * HOUR) + 1),
        rule: caught.rule.clone(),
        off_roster_before_alert: caught.before_high.unwrap_or(caught.whole).off,
        off_roster: caught.whole.off,
        off_roster_by_budgets_alone: alone.whole.off,
        seconds: 0.0,
    }
}

/// Detectors that find nothing.
fn blind() -> Detectors {
    fn blunt(figures: Vec<Figure>) -> impl FnMut(&'static str) -> u64 {
        move |name| match figures.iter().find(|figure| figure.name == name) {
            Some(Figure { looser: Looser::Lower, .. }) => 1,
            _ => FAR,
        }
    }
    Detectors {
        roster: RosterRule::of(&mut blunt(RosterRule::default().figures())),
        strangers: StrangersRule::of(&mut blunt(StrangersRule::default().figures())),
        probing: ProbingRule::of(&mut blunt(ProbingRule::default().figures())),
        pace: PaceRule::of(&mut blunt(PaceRule::default().figures())),
        creep: CreepRule::of(&mut blunt(CreepRule::default().figures())),
        signs: SignsRule::of(&mut blunt(SignsRule::default().figures())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::score::Leak;

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
            ..Run::default()
        };
        let alone = Run { whole: leak(160), ..Run::default() };
        let told = figures(&incident(), 9, &caught, &alone);
        assert_eq!(
            (told.alert_on_day, told.off_roster_before_alert, told.off_roster),
            (Some(8), 15, 16)
        );
        assert_eq!((told.off_roster_by_budgets_alone, told.asked), (160, 180));
        let never = figures(&incident(), 9, &alone, &alone);
        assert_eq!((never.alert_on_day, never.off_roster_before_alert), (None, 160));
    }
}
