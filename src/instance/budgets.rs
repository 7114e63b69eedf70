//! First budgets of a provider, in persons, from the size of its roster. The base rates stand in
//! for a history that a new instance does not have; all of it is integers, in tenths where it
//! must be.

use crate::format::entry::Budgets;

/// Distinct persons of an active hour of an agent, in tenths: the mean measured on real case work.
const AGENT_HOUR_TENTHS: u64 = 43;
/// Distinct persons of an agent's day: seven such hours in an office, or two group lists of 15.
const AGENT_DAY: u64 = 30;
/// Enrolments in 30 days: weekly batches of 1 to 40.
const ENROLMENTS: u64 = 88;

/// Where a provider's budgets come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    /// How many persons are on its roster.
    pub(super) roster: u64,
    /// How many agents it has: three, and one more for every 60 persons.
    pub(super) agents: u64,
    /// How many different persons it meets on a day.
    pub(super) day: u64,
}

impl Base {
    /// The figures of a provider with so many persons on its roster.
    pub(super) fn of_roster(roster: u64) -> Base {
        let agents = 3 + roster / 60;
        // A day meets nobody twice, so no more than the roster; and it is never under one agent's.
        let day = (agents * AGENT_DAY).min(roster).max(AGENT_DAY);
        Base { roster, agents, day }
    }

    /// The budgets that follow from these figures.
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

/// The budgets of a provider with so many persons on its roster.
pub(crate) fn budgets_of_roster(roster: u64) -> Budgets {
    Base::of_roster(roster).budgets()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_follow_the_formula() {
        let of = |roster| Base::of_roster(roster).budgets();
        // 9 agents, base 270.
        let middle = of(412);
        assert_eq!((middle.agent_minute, middle.agent_hour, middle.agent_day), (30, 60, 240));
        assert_eq!((middle.provider_day, middle.provider_30_days), (918, 706));
        assert_eq!((middle.off_roster_day, middle.off_roster_30_days), (20, 160));
        // 103 agents, base 3,090.
        let large = of(6_000);
        assert_eq!((large.provider_day, large.provider_30_days), (10_506, 9_088));
        assert_eq!((large.off_roster_day, large.off_roster_30_days), (154, 1_232));
        // One person, base 30.
        let small = of(1);
        assert_eq!((small.provider_day, small.provider_30_days), (102, 89));
    }
}
