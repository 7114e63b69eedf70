//! An attacker at multiples of the pace of those in whose name he reads: what is detected, by rate.

use std::collections::HashSet;

use super::incident::{Hands, Incident, Loot, RATE};
use super::traffic::PersonNumber;

/// How many times as many as the agents' own.
pub(crate) const TIMES: [u64; 8] = [1, 2, 3, 5, 10, 30, 100, 1_000];
/// Over how many agents of one provider.
pub(crate) const AGENTS: [u32; 3] = [1, 5, 20];

/// So many agents of one provider, each at so many times its own pace.
pub(crate) fn incident(times: u64, agents: u32, loot: Loot) -> Incident {
    Incident { times: Some(times), hands: Hands::Drawn(agents), loot, ..RATE }
}

/// What one agent does itself: how many persons it is given on a day on which it is given any. Somebody who is
/// given again on a day is no other person.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    today: HashSet<PersonNumber>,
    persons: u64,
    days: u64,
}

impl Own {
    pub(super) fn given(&mut self, person: PersonNumber) {
        self.today.insert(person);
    }

    pub(super) fn day_ends(&mut self) {
        self.persons += self.today.len() as u64;
        self.days += u64::from(!self.today.is_empty());
        self.today.clear();
    }

    /// So many times the mean, rounded; of whoever is given less than one a day, so many times one.
    pub(super) fn times(&self, times: u64) -> u64 {
        let days = self.days.max(1);
        ((self.persons * times + days / 2) / days).max(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_the_mean_of_active_days_and_at_least_one() {
        let mut own = Own::default();
        assert_eq!(own.times(5), 5);
        for persons in [3, 0, 4, 0] {
            // Everybody twice.
            (0..2 * persons).for_each(|n| own.given(n % persons));
            own.day_ends();
        }
        assert_eq!([1, 2, 10].map(|times| own.times(times)), [4, 7, 35]);
    }
}
