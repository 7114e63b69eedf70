//! Tests of the ledger's clock on machine clocks that the tests move.

use crate::registrar::clock::*;

/// A moment on 2026-11-26, Unix milliseconds.
const AT: Millis = 1_795_651_200_000;
const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;
const LAST: Moment = Moment { at: AT, tick: 5 };
const BUILT: Millis = AT - 100 * DAY;

/// A machine whose clocks the test moves.
#[derive(Clone)]
struct Machine(Arc<Mutex<Readings>>);

impl Machine {
    /// It started a day ago, was never suspended, and has this wall time.
    fn at(wall: Millis) -> Machine {
        Machine(Arc::new(Mutex::new(Readings { wall, monotonic: DAY, boot: DAY })))
    }

    fn clocks(&self) -> Clocks {
        let readings = self.0.clone();
        Clocks::new(BUILT, move || *readings.lock())
    }

    /// Begins where `LAST` is the last entry, number 7.
    fn resume(&self, confirmed: Option<u64>) -> Result<Clock, ClockRefused> {
        Clock::resume(&ClockSettings { clocks: self.clocks(), confirmed }, 7, LAST)
    }

    /// Lets time pass on all the machine's clocks alike.
    fn pass(&self, time: Millis) {
        let mut now = self.0.lock();
        now.wall += time;
        now.monotonic += time;
        now.boot += time;
    }

    /// They do, and somebody looks every second.
    fn live(&self, clock: &Clock, time: Millis) -> Moment {
        for _ in 0..time / SECOND {
            self.pass(SECOND);
            clock.now();
        }
        clock.now()
    }

    /// Sets the wall clock forward or back, in milliseconds.
    fn set(&self, by: i64) {
        let mut now = self.0.lock();
        now.wall = now.wall.checked_add_signed(by).unwrap();
    }

    /// The machine is suspended; its wall clock goes on.
    fn sleep(&self, time: Millis) {
        let mut now = self.0.lock();
        now.wall += time;
        now.boot += time;
    }
}

/// A machine and its clock, a second behind the last entry.
fn running() -> (Machine, Clock) {
    let machine = Machine::at(AT + SECOND);
    let clock = machine.resume(None).expect("a second behind the last entry");
    assert_eq!(clock.now(), Moment { at: AT + SECOND, tick: 5 + SECOND });
    (machine, clock)
}

/// What is to be told, taken: matter, by what, in milliseconds.
fn told(clock: &Clock) -> Vec<(Matter, i64)> {
    let mut all = Vec::new();
    while let Some(warning) = clock.news() {
        clock.told(&warning);
        all.push((warning.matter, signed(warning.observed) - signed(warning.expected)));
    }
    all
}

fn ms(time: Millis) -> i64 {
    signed(time)
}

#[test]
fn a_clock_in_step_is_followed_and_nothing_is_told() {
    let (machine, clock) = running();
    let now = machine.live(&clock, DAY);
    assert_eq!(now, Moment { at: AT + SECOND + DAY, tick: 5 + SECOND + DAY });
    assert_eq!(told(&clock), []);
}

#[test]
fn time_that_is_asked_for_a_thousand_times_a_second_refills_as_much() {
    let (machine, clock) = running();
    // Wall and monotonic time turn to the next millisecond at different moments.
    for _ in 0..MINUTE {
        machine.set(1);
        clock.now();
        machine.pass(1);
        machine.set(-1);
        clock.now();
    }
    let short = 5 + SECOND + MINUTE - clock.now().tick;
    assert!(short <= 1, "{short} ms are lost");
}

#[test]
fn a_clock_that_is_slewed_stays_in_step_and_one_that_runs_faster_does_not_pull_entries_along() {
    let (machine, clock) = running();
    for _ in 0..10_000 {
        machine.set(1);
        machine.live(&clock, SECOND);
    }
    assert_eq!(clock.now().at, AT + SECOND + 10_000 * 1_001);
    assert_eq!(told(&clock), []);
    for _ in 0..599 {
        machine.set(50);
        machine.live(&clock, SECOND);
    }
    let most = AT + SECOND + 10_000 * 1_001 + 599 * 1_001 + TOLERANCE;
    assert!(clock.now().at <= most, "{} of {most}", clock.now().at);
}

#[test]
fn a_suspend_is_followed_at_once_told_and_refills_nothing() {
    let (machine, clock) = running();
    for asleep in [HOUR, 40 * DAY] {
        let before = clock.now();
        machine.sleep(asleep);
        machine.pass(SECOND);
        let now = clock.now();
        assert_eq!((now.at - before.at, now.tick - before.tick), (asleep + SECOND, SECOND));
        assert_eq!(told(&clock), [(Matter::Clock, ms(asleep))]);
    }
}

#[test]
fn a_suspend_that_the_wall_clock_does_not_show_is_no_way_to_move_it() {
    let (machine, clock) = running();
    machine.sleep(HOUR);
    machine.set(-ms(HOUR));
    let before = clock.now();
    assert_eq!(machine.live(&clock, 10 * MINUTE - SECOND).at, before.at + 10 * MINUTE - SECOND);
    assert_eq!(told(&clock), [(Matter::Clock, ms(HOUR))]);
    machine.live(&clock, MINUTE);
    assert_eq!(told(&clock), [(Matter::Clock, -ms(HOUR))]);
}

#[test]
fn a_step_is_followed_when_it_has_stood_for_ten_minutes_and_not_before() {
    for hour in [ms(HOUR), ms(SECOND), ms(TOLERANCE) + 1] {
        let (machine, clock) = running();
        machine.set(hour);
        let before = clock.now();
        assert_eq!(before.at, AT + SECOND);
        let held = machine.live(&clock, 10 * MINUTE - SECOND);
        assert_eq!(held.at - before.at, 10 * MINUTE - SECOND);
        assert_eq!(told(&clock), []);
        let now = machine.live(&clock, SECOND);
        assert_eq!(ms(now.at - before.at), ms(10 * MINUTE) + hour);
        assert_eq!(now.tick - before.tick, 10 * MINUTE);
        assert_eq!(told(&clock), [(Matter::Clock, hour)]);
    }
}

#[test]
fn a_step_that_does_not_stand_still_is_not_followed_and_told_once() {
    let (machine, clock) = running();
    let before = clock.now();
    for minute in 0..60 {
        machine.set(2_000);
        let now = machine.live(&clock, MINUTE);
        assert_eq!(now.at - before.at, (minute + 1) * MINUTE);
        // It was first seen when the first second had passed.
        let held = if minute == 20 { vec![(Matter::ClockHeld, 42_000)] } else { vec![] };
        assert_eq!(told(&clock), held, "{minute}");
    }
    // When it does, it is followed; and when it runs off again, that is told again.
    machine.live(&clock, 10 * MINUTE);
    assert_eq!(told(&clock), [(Matter::Clock, 120_000)]);
    for _ in 0..22 {
        machine.set(-2_000);
        machine.live(&clock, MINUTE);
    }
    assert_eq!(told(&clock).len(), 1);
}

#[test]
fn a_step_that_stands_still_before_twenty_minutes_have_passed_is_not_held() {
    let (machine, clock) = running();
    machine.set(2_000);
    machine.live(&clock, 9 * MINUTE);
    machine.set(2_000);
    machine.live(&clock, 11 * MINUTE);
    assert_eq!(told(&clock), [(Matter::Clock, 4_000)]);
}

#[test]
fn a_step_of_more_than_an_hour_is_held_and_told_once() {
    for by in [ms(HOUR) + 1, -ms(HOUR) - 1, ms(400 * DAY), -ms(400 * DAY)] {
        let (machine, clock) = running();
        let before = clock.now();
        machine.set(by);
        let now = machine.live(&clock, DAY);
        assert_eq!((now.at - before.at, now.tick - before.tick), (DAY, DAY));
        assert_eq!(told(&clock), [(Matter::ClockHeld, by)]);
        // Set right again, nobody needs to be told.
        machine.set(-by);
        assert_eq!(machine.live(&clock, HOUR).at - before.at, DAY + HOUR);
        assert_eq!(told(&clock), []);
    }
}

#[test]
fn a_clock_that_is_set_all_the_time_is_told_of_every_ten_minutes_at_most() {
    let (machine, clock) = running();
    let before = clock.now();
    let mut all = 0;
    for n in 0..120 {
        machine.set(if n % 2 == 0 { ms(DAY) } else { -ms(DAY) });
        machine.live(&clock, 30 * SECOND);
        all += told(&clock).len();
    }
    assert_eq!(clock.now().at - before.at, HOUR);
    assert!((2..=6).contains(&all), "{all}");
}

#[test]
fn behind_a_clock_that_was_set_back_time_goes_at_half_speed_until_the_clock_has_caught_up() {
    let (machine, clock) = running();
    machine.set(-ms(HOUR));
    clock.now();
    let before = machine.live(&clock, 10 * MINUTE);
    assert_eq!(told(&clock), [(Matter::Clock, -ms(HOUR))]);
    for passed in [HOUR / 2, HOUR, 2 * HOUR] {
        let now = machine.live(&clock, HOUR);
        assert_eq!(now.at - before.at, now.tick - before.tick);
        assert!((now.at - before.at).abs_diff(passed) <= SECOND, "{passed}");
    }
    assert_eq!(told(&clock), []);
}

#[test]
fn a_start_refills_a_minute_at_most() {
    for (down, refilled) in [(MINUTE - 1, MINUTE - 1), (MINUTE, MINUTE), (31 * DAY, MINUTE)] {
        let clock = Machine::at(AT + down).resume(None).expect("31 days at most");
        assert_eq!(clock.now(), Moment { at: AT + down, tick: 5 + refilled });
        assert_eq!(told(&clock), []);
    }
}

#[test]
fn a_start_more_than_31_days_from_the_last_entry_needs_its_number() {
    for by in [ms(31 * DAY) + 1, -ms(31 * DAY) - 1, ms(400 * DAY)] {
        let machine = Machine::at(AT.checked_add_signed(by).unwrap());
        let refused = machine.resume(None).expect_err("too far");
        let told_to = refused.to_string();
        assert!(matches!(refused, ClockRefused::Unconfirmed { built: None, .. }), "{told_to}");
        assert!(told_to.contains("--confirm-clock 7"), "{told_to}");
        let other = ClockRefused::OtherEntry { named: 6, seq: 7 };
        assert_eq!(machine.resume(Some(6)).expect_err("another entry"), other);
        let clock = machine.resume(Some(7)).expect("a confirmed start");
        assert_eq!(told(&clock), [(Matter::Clock, by)]);
    }
    for by in [ms(31 * DAY), -ms(31 * DAY)] {
        Machine::at(AT.checked_add_signed(by).unwrap()).resume(None).expect("31 days, no more");
    }
    // It is not left in a unit file: where none is needed, a false one is refused too.
    assert!(Machine::at(AT).resume(Some(6)).is_err());
    assert!(Machine::at(AT).resume(Some(7)).is_ok());
}

#[test]
fn a_start_before_the_program_was_built_needs_the_number_too() {
    let last = Moment { at: BUILT, tick: 5 };
    let resume = |wall, confirmed| {
        let clocks = Machine::at(wall).clocks();
        Clock::resume(&ClockSettings { clocks, confirmed }, 7, last)
    };
    let refused = resume(BUILT - 1, None).expect_err("before the build").to_string();
    assert!(refused.contains("was built") && refused.contains("--confirm-clock 7"), "{refused}");
    assert_eq!(told(&resume(BUILT - 1, Some(7)).expect("confirmed")), [(Matter::Clock, -1)]);
    assert!(resume(BUILT, None).is_ok());
    // A new ledger has no entry to name.
    let found = |wall| Clock::found(&Machine::at(wall).clocks());
    assert!(matches!(found(BUILT - 1), Err(ClockRefused::BeforeBuild { .. })));
    assert_eq!(found(BUILT).expect("not before").now(), Moment { at: BUILT, tick: 0 });
}

#[test]
fn a_ledger_that_is_ahead_of_the_clock_goes_on_from_its_last_entry_and_says_so() {
    let machine = Machine::at(AT - 5 * MINUTE);
    let clock = machine.resume(None).expect("five minutes");
    assert_eq!(clock.now(), LAST);
    assert_eq!(told(&clock), [(Matter::Clock, -ms(5 * MINUTE))]);
    let now = machine.live(&clock, 10 * MINUTE);
    assert_eq!(now, Moment { at: AT + 5 * MINUTE, tick: 5 + 5 * MINUTE });
    let now = machine.live(&clock, MINUTE);
    assert_eq!(now, Moment { at: AT + 6 * MINUTE, tick: 5 + 6 * MINUTE });
    // Less than what a clock may differ by is nothing to tell.
    let clock = Machine::at(AT - TOLERANCE).resume(None).expect("a start");
    assert_eq!(told(&clock), []);
}

#[test]
fn what_was_not_recorded_is_told_in_one_with_what_follows() {
    let (machine, clock) = running();
    machine.sleep(HOUR);
    clock.now();
    let first = clock.news().expect("an hour asleep");
    machine.sleep(HOUR);
    clock.now();
    // The first was recorded meanwhile: what came since must not go with it.
    clock.told(&first);
    assert_eq!(told(&clock), [(Matter::Clock, ms(2 * HOUR))]);
}

#[test]
fn the_machine_has_the_three_clocks_and_they_go_on() {
    let clocks = Clocks::default();
    let (first, second) = ((clocks.read)(), (clocks.read)());
    assert!(first.boot >= first.monotonic && second.monotonic >= first.monotonic);
    assert!(first.wall.abs_diff(wall()) < HOUR && clocks.built <= first.wall);
}
