//! The floor of an incident: how many of those asked for the budgets alone would let go. No detector below it is
//! to be had without smaller budgets, and what is got above it no detector has to answer for.

use super::honest::calendar::{DAY, is_working_day};
use super::incident::{Incident, Leak, Loot, OFFICE};
use crate::anomaly::budget::ceiling::ceiling;
use crate::format::entry::{Budgets, Level, Millis};

/// Whom an incident asks for at each of its providers, over all its days, and how long that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    off: u64,
    on: u64,
    time: Millis,
}

/// The floor where the providers have these budgets and rosters of so many, all days together, and where its
/// hands ask for so many a day; none of an export, which no budget is charged for.
pub(super) fn floor(
    incident: &Incident,
    begin: u64,
    budgets: &[Budgets],
    rosters: &[u64],
    by_hand: &[u64],
) -> Option<Leak> {
    let asked = asked(incident, begin, by_hand)?;
    let mut floor = Leak::default();
    for (budgets, roster) in budgets.iter().zip(rosters) {
        let agents = incident.hands.needs().max(1).into();
        let most = |off| {
            let of = |level| ceiling(budgets, level, off, asked.time).persons;
            of(Level::Agent).saturating_mul(agents).min(of(Level::Provider))
        };
        let off = asked.off.min(most(true));
        let roster = if incident.loot == Loot::Inflated { u64::MAX } else { *roster };
        floor.off += off;
        floor.on += asked.on.min(roster).min(most(false).saturating_sub(off));
    }
    Some(floor)
}

fn asked(incident: &Incident, begin: u64, by_hand: &[u64]) -> Option<Asked> {
    let (asks, last) = match incident.times {
        Some(_) => {
            let days = (begin..begin + incident.days).filter(|day| is_working_day(*day)).count();
            (by_hand.iter().sum::<u64>() * days as u64, OFFICE)
        }
        None => {
            let days = (0..incident.days).map(|nth| incident.a_day_on(nth));
            let last = incident.a_day_on(incident.days - 1).saturating_sub(1) * incident.every;
            (days.sum(), last)
        }
    };
    let asks = asks.div_ceil(u64::from(incident.hands.providers()));
    let (off, on) = match incident.loot {
        Loot::Strangers | Loot::Middleman => (asks, 0),
        Loot::Among(others) => (asks / (others + 1), asks - asks / (others + 1)),
        Loot::Roster | Loot::Inflated => (0, asks),
        Loot::Pages(page) => (asks * page, 0),
        Loot::Nobody => (0, 0),
        Loot::Existence => (asks.div_ceil(2), 0),
        Loot::Export | Loot::Widened => return None,
    };
    Some(Asked { off, on, time: (incident.days - 1) * DAY + last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::incident::INCIDENTS;
    use crate::drill::rates::incident as rate;

    const BUDGETS: Budgets = Budgets {
        agent_minute: 30,
        agent_hour: 60,
        agent_day: 240,
        provider_day: 900,
        provider_30_days: 700,
        off_roster_day: 20,
        off_roster_30_days: 160,
    };

    fn of(incident: &Incident, by_hand: &[u64]) -> Option<Leak> {
        floor(
            incident,
            20_514,
            &[BUDGETS; 2][..incident.hands.providers() as usize],
            &[400; 2],
            by_hand,
        )
    }

    fn named(name: &str) -> Option<Leak> {
        of(INCIDENTS.iter().find(|one| one.name == name).unwrap(), &[])
    }

    #[test]
    fn a_floor_is_what_is_asked_for_or_what_the_budgets_let_go() {
        let leak = |off, on| Some(Leak { off, on });
        // 3,000 in fifty minutes: what a day's budget held at first, at each provider.
        assert_eq!(named("ofii"), leak(20, 0));
        assert_eq!(named("gael"), leak(40, 0));
        // 90 are asked for, and 160 and three times that were to be had.
        assert_eq!(named("patient-1"), leak(90, 0));
        // Over 89 days and three hours and more, twelve agents: 160, and what 30 days refill.
        assert_eq!(named("patient-agents"), leak(635, 0));
        // By one agent the hour's budget: 60, and what 50 minutes refill.
        assert_eq!(named("roster"), leak(0, 109));
        assert_eq!(named("enumeration"), leak(0, 0));
        assert_eq!(named("widened-export"), None);
        // At a rate, what all hands ask for; over many agents the provider's budgets.
        assert_eq!(of(&rate(1, 1, Loot::Strangers), &[3]), leak(66, 0));
        assert_eq!(of(&rate(1, 5, Loot::Roster), &[1; 5]), leak(0, 110));
        assert_eq!(of(&rate(1_000, 5, Loot::Roster), &[9_000; 5]), leak(0, 400));
    }

    #[test]
    fn smaller_budgets_make_a_lower_floor() {
        let tight = Budgets { off_roster_day: 5, off_roster_30_days: 10, ..BUDGETS };
        for incident in INCIDENTS {
            let of = |budgets: Budgets| {
                floor(incident, 20_514, &[budgets; 2], &[400; 2], &[]).map(|leak| leak.off)
            };
            assert!(of(tight) <= of(BUDGETS), "{}", incident.name);
        }
    }
}
