//! The time of entries, which everything asks that is compared with them. People read `at`; budgets
//! refill by `tick`. The machine's wall clock is believed as far as its monotonic clock bears it
//! out: whoever can set it moves neither what was written nor what may be read.
//!
//! Certificates and tokens stay on the wall clock alone (`SystemTime`): their times are the word of
//! other machines about the same moment, and a gateway that holds its entries back must not take
//! what has run out for good.

mod refused;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};

use crate::format::entry::{INTEGER_END, Matter, Millis, Moment, Warning};
pub use refused::ClockRefused;

/// How far wall time may stand from what it is believed to be, and still be taken.
const TOLERANCE: Millis = 250;
/// What is believed follows the wall clock by one millisecond for each of so many that pass: a
/// clock that is slewed into step, which is done by less than this, stays within the tolerance.
const MILLIS_PER_DRIFT: Millis = 1_000;
/// The largest step of the wall clock that entries follow while the daemon runs.
const STEP_MAX: Millis = 3_600_000;
/// How long a step must stand before they do.
const STEADY: Millis = 600_000;
/// How much it may change meanwhile: other programs slew the clock.
const STEADY_WITHIN: Millis = 1_000;
/// How long a wall clock may be out of step, and not stand still, before somebody is told.
const ADRIFT: Millis = 2 * STEADY;
/// What budgets may refill by while the daemon was down.
const START_REFILL: Millis = 60_000;
/// How far a start may be from the last entry, either way, unless somebody confirms it.
const START_MAX: Millis = 31 * 86_400_000;

/// What the clocks of a machine say at one moment, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readings {
    /// Since the Unix epoch, 0 before it. Whoever may set the clock moves it.
    pub wall: Millis,
    /// Since some moment, without the time that the machine was suspended (`CLOCK_MONOTONIC`).
    pub monotonic: Millis,
    /// The same with that time (`CLOCK_BOOTTIME`).
    pub boot: Millis,
}

/// Where time comes from: the machine, or whoever plays one.
#[derive(Clone)]
pub struct Clocks {
    read: Arc<dyn Fn() -> Readings + Send + Sync>,
    /// When this program was built, Unix milliseconds: no right clock is before it.
    built: Millis,
}

impl Clocks {
    /// Clocks that say what `read` does, of a program that was built at `built`, Unix milliseconds.
    pub fn new(built: Millis, read: impl Fn() -> Readings + Send + Sync + 'static) -> Clocks {
        Clocks { read: Arc::new(read), built }
    }
}

/// The wall clock and the monotonic clock of this machine.
impl Default for Clocks {
    fn default() -> Clocks {
        let built: Millis =
            env!("GREFFIER_BUILT").parse().expect("the build script writes seconds");
        Clocks::new(built * 1_000, machine)
    }
}

impl fmt::Debug for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clocks").field("built", &self.built).finish_non_exhaustive()
    }
}

/// Wall time now, Unix milliseconds; 0 before 1970. Nothing that is compared with entries asks
/// this.
pub fn wall() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    millis(since)
}

fn machine() -> Readings {
    let of = |id| millis(clock_gettime(id).try_into().unwrap_or_default());
    let mut attempts = 0..3;
    loop {
        let before = of(ClockId::Monotonic);
        let (boot, wall) = (of(ClockId::Boottime), wall());
        let monotonic = of(ClockId::Monotonic);
        // Whoever was interrupted between two readings would take that for a step.
        if monotonic - before <= 10 || attempts.next().is_none() {
            return Readings { wall, monotonic, boot };
        }
    }
}

fn millis(time: Duration) -> Millis {
    u64::try_from(time.as_millis()).unwrap_or(Millis::MAX)
}

/// How time is told at a start.
#[derive(Clone, Debug, Default)]
pub struct ClockSettings {
    /// Where the clocks' readings come from.
    pub clocks: Clocks,
    /// The last entry of the ledger, by which somebody confirms that the clock is right although it
    /// is far from that entry's.
    pub confirmed: Option<u64>,
}

/// The one clock of a ledger, shared by its registrar and everybody who compares anything with
/// entries: no two of them are told times in the wrong order.
#[derive(Clone, Debug)]
pub struct Clock {
    clocks: Clocks,
    time: Arc<Mutex<Time>>,
}

impl Clock {
    /// Time begins with a new ledger, now and at tick 0.
    pub(super) fn found(clocks: &Clocks) -> Result<Clock, ClockRefused> {
        let now = (clocks.read)();
        if now.wall < clocks.built {
            return Err(ClockRefused::BeforeBuild { wall: now.wall, built: clocks.built });
        }
        let time = Time::new(now, Moment { at: now.wall, tick: 0 });
        Ok(Clock { clocks: clocks.clone(), time: Arc::new(Mutex::new(time)) })
    }

    /// Time goes on from the last entry of a ledger, `seq`.
    pub(super) fn resume(
        settings: &ClockSettings,
        seq: u64,
        last: Moment,
    ) -> Result<Clock, ClockRefused> {
        let ClockSettings { clocks, confirmed } = settings;
        let now = (clocks.read)();
        let far = now.wall.abs_diff(last.at) > START_MAX;
        let early = now.wall < clocks.built;
        match *confirmed {
            Some(named) if named != seq => return Err(ClockRefused::OtherEntry { named, seq }),
            None if early || far => {
                let (wall, last) = (now.wall, last.at);
                let built = early.then_some(clocks.built);
                return Err(ClockRefused::Unconfirmed { seq, last, wall, built });
            }
            Some(_) | None => {}
        }
        let passed = now.wall.saturating_sub(last.at);
        let mut time = Time::new(now, last);
        // What has passed since the last entry is no more than the first of this run may take.
        time.ticks_from -= signed(passed.min(START_REFILL));
        if far || early || now.wall + TOLERANCE < last.at {
            time.news.set.tell(last.at, now.wall);
        }
        Ok(Clock { clocks: clocks.clone(), time: Arc::new(Mutex::new(time)) })
    }

    /// The same clock, behind an entry that was found written.
    pub(super) fn going_on_from(&self, last: Moment) -> Clock {
        let mut time = self.time.lock();
        let Moment { at, tick } = time.last;
        time.last = Moment { at: at.max(last.at), tick: tick.max(last.tick) };
        drop(time);
        self.clone()
    }

    /// The time of an entry that is written now.
    pub fn now(&self) -> Moment {
        let mut time = self.time.lock();
        time.at((self.clocks.read)())
    }

    /// What is to be told of the clocks and has not been.
    pub(super) fn news(&self) -> Option<Warning> {
        let time = self.time.lock();
        time.news.next()
    }

    /// Takes a warning away that has been recorded.
    pub(super) fn told(&self, warning: &Warning) {
        let mut time = self.time.lock();
        time.news.told(warning);
    }
}

/// A step of the wall clock that entries do not follow, or not yet.
#[derive(Clone, Copy, Debug)]
struct ClockStep {
    /// Wall time less what is believed.
    difference: i64,
    /// Monotonic time at which it was seen first.
    since: Millis,
}

/// What is known of time, under the lock of the clock.
#[derive(Debug)]
struct Time {
    last: Moment,
    /// What wall time is believed to be, less monotonic time.
    offset: i64,
    /// How long the machine had been suspended since it started.
    slept: Millis,
    /// Monotonic time up to which what is believed has followed the wall clock.
    slewed: Millis,
    /// Monotonic time less this is what `tick` may be at most.
    ticks_from: i64,
    step: Option<ClockStep>,
    /// Monotonic time since which the wall clock has been out of step, however often it was set.
    adrift: Option<Millis>,
    /// While entries are ahead of what is believed: monotonic time and `at` when that was seen.
    ahead: Option<(Millis, Millis)>,
    news: ClockWarnings,
    /// Monotonic time at which it was told last that entries do not follow the clock.
    held: Option<Millis>,
}

impl Time {
    fn new(now: Readings, last: Moment) -> Time {
        let Readings { wall, monotonic, boot } = now;
        Time {
            last,
            offset: signed(wall) - signed(monotonic),
            slept: boot.saturating_sub(monotonic),
            slewed: monotonic,
            ticks_from: signed(monotonic) - signed(last.tick),
            step: None,
            adrift: None,
            ahead: None,
            news: ClockWarnings::default(),
            held: None,
        }
    }

    fn at(&mut self, now: Readings) -> Moment {
        let believed = unsigned(self.believe(now));
        let at = self.onward(believed, now.monotonic);
        let Moment { at: last, tick } = self.last;
        // What monotonic time gave and `at` did not show yet is not lost: both are read in whole
        // milliseconds, and not at the same moment.
        let due = unsigned(signed(now.monotonic) - self.ticks_from);
        self.last = Moment { at, tick: due.clamp(tick, tick + (at - last)) };
        self.last
    }

    /// What wall time is believed to be.
    fn believe(&mut self, now: Readings) -> i64 {
        let slept = now.boot.saturating_sub(now.monotonic);
        let believed = signed(now.monotonic) + self.offset;
        if slept > self.slept + TOLERANCE {
            let woken = believed + signed(slept - self.slept);
            self.offset += woken - believed;
            (self.slept, self.step) = (slept, None);
            self.news.set.tell(unsigned(believed), unsigned(woken));
        }
        let believed = signed(now.monotonic) + self.offset;
        let difference = signed(now.wall) - believed;
        if difference.unsigned_abs() <= TOLERANCE {
            self.slew(difference, now.monotonic);
            self.adrift = None;
            if self.step.take().is_some() {
                tracing::info!("the clock is back in step with the entries");
            }
            return signed(now.wall);
        }
        if self.follows(difference, believed, now) {
            self.offset += difference;
            (self.step, self.adrift, self.slewed) = (None, None, now.monotonic);
            self.news.set.tell(unsigned(believed), now.wall);
            return signed(now.wall);
        }
        believed
    }

    /// Whether a step of the wall clock is followed now.
    fn follows(&mut self, difference: i64, believed: i64, now: Readings) -> bool {
        let same = |step: &ClockStep| step.difference.abs_diff(difference) <= STEADY_WITHIN;
        let step = self.step.filter(same).unwrap_or_else(|| {
            let wall = now.wall;
            tracing::warn!(wall, believed, "the clock was set: entries go on by monotonic time");
            ClockStep { difference, since: now.monotonic }
        });
        self.step = Some(step);
        let adrift = *self.adrift.get_or_insert(now.monotonic);
        if difference.unsigned_abs() <= STEP_MAX {
            let follows = now.monotonic.saturating_sub(step.since) >= STEADY;
            let long = now.monotonic.saturating_sub(adrift) >= ADRIFT;
            if !follows && long && self.held.is_none_or(|held| held < adrift) {
                self.held = Some(now.monotonic);
                self.news.held.tell(unsigned(believed), now.wall);
            }
            return follows;
        }
        // Once for each, and not for each of many that come one after another.
        let new = self
            .held
            .is_none_or(|held| step.since > held && now.monotonic.saturating_sub(held) >= STEADY);
        if new {
            self.held = Some(now.monotonic);
            self.news.held.tell(unsigned(believed), now.wall);
        }
        false
    }

    /// Lets what is believed follow a wall clock in step, so slowly that nobody gains by it.
    fn slew(&mut self, difference: i64, monotonic: Millis) {
        let passed = monotonic.saturating_sub(self.slewed);
        let most = signed((passed / MILLIS_PER_DRIFT).min(TOLERANCE));
        self.offset += difference.clamp(-most, most);
        self.slewed += passed - passed % MILLIS_PER_DRIFT;
    }

    /// The time of the next entry: what is believed, or, while earlier entries are ahead of that,
    /// theirs and half of what passes, until it has caught up.
    fn onward(&mut self, believed: Millis, monotonic: Millis) -> Millis {
        if believed >= self.last.at {
            self.ahead = None;
            return believed;
        }
        let (since, from) = *self.ahead.get_or_insert((monotonic, self.last.at));
        (from + monotonic.saturating_sub(since) / 2).max(self.last.at)
    }
}

/// What is to be told of the clocks, at most one of each: a later one goes on from the first.
#[derive(Debug)]
struct ClockWarnings {
    /// The warning that the clock was set and entries follow it.
    set: Untold,
    /// The warning that entries do not follow the clock.
    held: Untold,
}

#[derive(Debug)]
struct Untold {
    matter: Matter,
    /// The times of entries and of the clock.
    times: Option<(Millis, Millis)>,
}

impl Default for ClockWarnings {
    fn default() -> ClockWarnings {
        let none = |matter| Untold { matter, times: None };
        ClockWarnings { set: none(Matter::Clock), held: none(Matter::ClockHeld) }
    }
}

impl ClockWarnings {
    fn next(&self) -> Option<Warning> {
        [&self.set, &self.held].into_iter().find_map(Untold::warning)
    }

    fn told(&mut self, warning: &Warning) {
        for told in [&mut self.set, &mut self.held] {
            if told.warning().as_ref() == Some(warning) {
                told.times = None;
            }
        }
    }
}

impl Untold {
    fn tell(&mut self, entries: Millis, clock: Millis) {
        let entries = self.times.map_or(entries, |(entries, _)| entries);
        self.times = Some((entries, clock));
    }

    fn warning(&self) -> Option<Warning> {
        let (entries, clock) = self.times?;
        // A clock can say what no entry can hold.
        let [expected, observed] = [entries, clock].map(|at| at.min(INTEGER_END - 1));
        Some(Warning { matter: self.matter.clone(), observed, expected })
    }
}

/// Milliseconds as a number that may be subtracted from a smaller one.
fn signed(ms: Millis) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 4)
}

fn unsigned(ms: i64) -> Millis {
    u64::try_from(ms).unwrap_or(0)
}
