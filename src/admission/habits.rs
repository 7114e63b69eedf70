//! When a provider works. What comes at another time is not refused: its entry says so, for whoever
//! looks at it afterwards.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// The days of a week, as the policy calls them.
pub const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The usual days and hours of a provider, by the clocks where it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Whether the provider works on each day of the week, from Monday on.
    pub days: [bool; 7],
    /// The hours in which it works on each of these days.
    pub hours: Hours,
    /// The time zone that days and hours are of.
    pub zone: TimeZone,
}

/// From one minute of a day up to another, which is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// First minute of the hours, counted from midnight.
    pub from: u16,
    /// Minutes after midnight, at most 1440.
    pub to: u16,
}

/// The clocks where a provider works: those of its habits, or else of Paris.
pub fn zone(habits: Option<&Habits>) -> Option<TimeZone> {
    let its = habits.map(|habits| habits.zone.clone());
    its.or_else(|| TimeZone::get("Europe/Paris").ok())
}

impl Habits {
    /// Whether a moment is one of them.
    pub fn include(&self, at: SystemTime) -> bool {
        // A time that no calendar has is no usual one.
        let Ok(at) = Timestamp::try_from(at) else { return false };
        let there = at.to_zoned(self.zone.clone());
        let weekday: Weekday = there.weekday();
        let day = usize::from(weekday.to_monday_zero_offset().unsigned_abs());
        let minute = i16::from(there.hour()) * 60 + i16::from(there.minute());
        let minute = minute.unsigned_abs();
        self.days[day] && self.hours.from <= minute && minute < self.hours.to
    }

    /// English names of the days on which it works, from Monday on.
    pub fn day_names(&self) -> impl Iterator<Item = &'static str> {
        DAYS.into_iter().zip(self.days).filter_map(|(name, usual)| usual.then_some(name))
    }
}

impl Hours {
    /// What hours must be, in words for a message.
    pub const MUST_BE: &str = "a beginning and a later end, as in 08:00-19:30 or 00:00-24:00";

    /// Reads hours of the form `HH:MM-HH:MM`; none if they have another or end before they begin.
    pub fn parse(text: &str) -> Option<Hours> {
        let (from, to) = text.split_once('-')?;
        let hours = Hours { from: minute(from)?, to: minute(to)? };
        (hours.from < hours.to).then_some(hours)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hours { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// Minutes after midnight of a time `HH:MM`, which is at most 24:00.
fn minute(text: &str) -> Option<u16> {
    let [h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let two = |tens: &u8, ones: &u8| {
        let digit = |b: &u8| b.is_ascii_digit().then(|| u16::from(b - b'0'));
        Some(10 * digit(tens)? + digit(ones)?)
    };
    let (hour, minute) = (two(h1, h2)?, two(m1, m2)?);
    let at = hour * 60 + minute;
    (minute < 60 && at <= 24 * 60).then_some(at)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn office() -> Habits {
        let days = [true, true, true, true, true, false, false];
        let hours = Hours::parse("08:00-19:00").unwrap();
        Habits { days, hours, zone: TimeZone::get("Europe/Paris").unwrap() }
    }

    fn at(text: &str) -> SystemTime {
        let at: Timestamp = text.parse().unwrap();
        UNIX_EPOCH + Duration::from_secs(at.as_second().unsigned_abs())
    }

    #[test]
    fn hours_are_those_of_the_clocks_there() {
        let office = office();
        for (time, usual) in [
            // A Wednesday in winter, one hour ahead of UTC, and one in summer, two.
            ("2026-01-14T06:59:59Z", false),
            ("2026-01-14T07:00:00Z", true),
            ("2026-01-14T17:59:59Z", true),
            ("2026-01-14T18:00:00Z", false),
            ("2026-07-15T06:00:00Z", true),
            ("2026-07-15T17:00:00Z", false),
            // Sunday there, and still Saturday night in UTC.
            ("2026-01-17T23:30:00Z", false),
            ("2026-01-18T10:00:00Z", false),
        ] {
            assert_eq!(office.include(at(time)), usual, "{time}");
        }
    }

    #[test]
    fn a_time_that_no_calendar_has_is_unusual() {
        let always = Habits { days: [true; 7], hours: Hours { from: 0, to: 1440 }, ..office() };
        assert!(always.include(UNIX_EPOCH) && always.include(UNIX_EPOCH - Duration::from_secs(1)));
        assert!(!always.include(UNIX_EPOCH + Duration::from_secs(1 << 60)));
    }

    #[test]
    fn hours_have_a_beginning_and_a_later_end() {
        for good in ["08:00-19:30", "00:00-24:00", "23:59-24:00"] {
            assert_eq!(Hours::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "8:00-19:00",
            "08:00",
            "19:00-08:00",
            "08:00-08:00",
            "08:00-24:01",
            "08:60-09:00",
            "08:00-19:00 ",
            "25:00-26:00",
            "+8:00-19:00",
            "08:00-19:00-20:00",
        ] {
            assert_eq!(Hours::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_hours_panic(text in any::<String>()) {
            if let Some(hours) = Hours::parse(&text) {
                prop_assert_eq!(hours.to_string(), text);
            }
        }

        #[test]
        fn every_minute_of_a_week_is_usual_or_not(minutes in 0..u32::MAX / 2) {
            let moment = UNIX_EPOCH + Duration::from_secs(u64::from(minutes) * 60);
            let all = Habits { days: [true; 7], hours: Hours { from: 0, to: 1440 }, ..office() };
            prop_assert!(all.include(moment));
            let none = Habits { days: [false; 7], ..all };
            prop_assert!(!none.include(moment));
        }
    }
}
