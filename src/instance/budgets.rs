//! First budgets of a provider, in persons, from the size of its roster. The base rates stand in
//! for a history that a new instance does not have; all of it is integers, in tenths where it
//! must be.

use crate::ledger::entry::Budgets;

/// Distinct persons of an active hour of an agent, in tenths: the mean measured on real case work.
const AGENT_HOUR_TENTHS: u64 = 43;
/// Distinct persons of an agent's day: seven such hours in an office, or two group lists of 15.
const AGENT_DAY: u64 = 30;
/// Enrolments in 30 days: weekly batches of 1 to 40.
const ENROLMENTS: u64 = 88;

/// Where a provider's budgets come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    /// Persons on its roster.
    pub(super) roster: u64,
    /// Its agents: three, and one more for every 60 persons.
    pub(super) agents: u64,
    /// Distinct persons of its day.
    pub(super) day: u64,
}

impl Base {
    /// Of a provider with so many persons on its roster.
    pub(super) fn of_roster(roster: u64) -> Base {
        let agents = 3 + roster / 60;
        // A day meets nobody twice, so no more than the roster; and it is never under one agent's.
        let day = (agents * AGENT_DAY).min(roster).max(AGENT_DAY);
        Base { roster, agents, day }
    }

    /// The budgets that follow.
    pub(super) fn budgets(self) -> Budgets {
        let off_roster_day = (self.day * 5 / 100).max(20);
        Budgets {
            agent_minute: 30,
            agent_hour: (12 * AGENT_HOUR_TENTHS / 10).max(60),
            agent_day: (8 * AGENT_DAY).max(120),
            provider_day: self.day * 34 / 10,
            provider_30_days: self.roster * 3 / 2 + ENROLMENTS,
            off_roster_day,
            off_roster_30_days: 8 * off_roster_day,
        }
    }
}
