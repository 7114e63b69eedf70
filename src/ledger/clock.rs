//! The time of entries. Wall time is what people read, monotonic time is what cannot be moved;
//! this file lets neither outrun the other, and never goes back.

use std::time::{Instant, SystemTime};

use super::entry::{Millis, Moment};

/// How far wall time may run ahead of monotonic time.
const TOLERANCE: Millis = 250;
/// One millisecond more for each of so many that pass: a clock that is slewed into step, which is
/// done by less than this, stays within it.
const MILLIS_PER_DRIFT: Millis = 1_000;
/// What budgets may refill by while the daemon was down.
const START_REFILL: Millis = 60_000;

/// The clock is behind what was already written.
#[derive(Debug, thiserror::Error)]
#[error(
    "this machine's clock is {behind} ms behind the last entry of the ledger: set the clock; the \
     gateway starts when it has passed that time"
)]
pub struct ClockBehind {
    behind: Millis,
}

#[derive(Debug)]
pub(super) struct Clock {
    /// When this run began, by both clocks.
    began: (Instant, Millis),
    last: Moment,
    /// Monotonic milliseconds of this run at the last entry.
    run: Millis,
    /// Whether wall time is being held.
    held: bool,
}

/// Wall time now, Unix milliseconds; 0 before 1970.
pub fn wall() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

impl Clock {
    /// Goes on from the last entry, whatever time has passed since.
    pub(super) fn resume(last: Moment) -> Result<Clock, ClockBehind> {
        let (now, at) = (Instant::now(), wall());
        let passed = at.checked_sub(last.at).ok_or_else(|| ClockBehind { behind: last.at - at })?;
        let tick = last.tick + passed.min(START_REFILL);
        Ok(Clock { began: (now, at), last: Moment { at, tick }, run: 0, held: false })
    }

    /// The time of the next entry.
    pub(super) fn now(&mut self) -> Moment {
        self.at(Instant::now(), wall())
    }

    fn at(&mut self, now: Instant, wall: Millis) -> Moment {
        let last = self.last;
        let run = now.saturating_duration_since(self.began.0).as_millis();
        let run = u64::try_from(run).unwrap_or(Millis::MAX);
        let latest = self.began.1 + run + TOLERANCE + run / MILLIS_PER_DRIFT;
        let at = wall.clamp(last.at, latest.max(last.at));
        let held = at != wall;
        if held && !self.held {
            tracing::warn!(wall, held_at = at, "the clock stepped: entries hold the last time");
        }
        self.held = held;
        let tick = last.tick + (run - self.run).min(at - last.at);
        self.run = run;
        self.last = Moment { at, tick };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn clock(at: Millis) -> (Instant, Clock) {
        let now = Instant::now();
        let moment = Moment { at, tick: 5 };
        (now, Clock { began: (now, at), last: moment, run: 0, held: false })
    }

    #[test]
    fn a_clock_moved_ahead_neither_moves_entries_nor_refills() {
        let (start, mut clock) = clock(1_000_000);
        let later = start + Duration::from_secs(1);
        let moved = clock.at(later, 1_000_000 + 86_400_000);
        assert_eq!(moved, Moment { at: 1_001_251, tick: 1_005 });
    }

    #[test]
    fn a_clock_moved_back_holds_and_does_not_refill() {
        let (start, mut clock) = clock(1_000_000);
        let moved = clock.at(start + Duration::from_secs(1), 500_000);
        assert_eq!(moved, Moment { at: 1_000_000, tick: 5 });
    }

    #[test]
    fn a_clock_in_step_is_followed() {
        let (start, mut clock) = clock(1_000_000);
        let moved = clock.at(start + Duration::from_secs(1), 1_001_000);
        assert_eq!(moved, Moment { at: 1_001_000, tick: 1_005 });
    }

    #[test]
    fn a_start_refills_one_minute_at_most_and_refuses_a_clock_behind() {
        let last = Moment { at: wall() - 3_600_000, tick: 7 };
        let clock = Clock::resume(last).expect("an hour has passed");
        assert_eq!(clock.last.tick, 60_007);
        assert!(Clock::resume(Moment { at: wall() + 60_000, tick: 7 }).is_err());
    }
}
