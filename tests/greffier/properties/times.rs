//! Times as people write them: what is read is what another calendar says, and nothing else is.

use greffier::evidence::period::{BadTime, instant};
use proptest::prelude::*;

const DAY: u64 = 86_400_000;
/// Up to the end of the year 9999.
const DAYS: u64 = 2_932_897;

/// Year, month and day of a day since 1970-01-01, counted through the years one by one.
fn calendar(mut day: u64) -> (u64, usize, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 0;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        month += 1;
        if day < days {
            break;
        }
        day -= days;
    }
    (year, month, day + 1)
}

/// A time of day, and an offset in minutes.
fn written(day: u64, of_day: u64, fraction: &str, offset: i64) -> String {
    let (year, month, day) = calendar(day);
    let (hours, minutes, seconds) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let (sign, off) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}{fraction}\
         {sign}{:02}:{:02}",
        off / 60,
        off % 60
    )
}

proptest! {
    #[test]
    fn a_date_is_its_midnight(day in 0..DAYS) {
        let (year, month, of_month) = calendar(day);
        prop_assert_eq!(instant(&format!("{year:04}-{month:02}-{of_month:02}")), Ok(day * DAY));
    }

    #[test]
    fn a_timestamp_is_read_to_the_millisecond(
        day in 1..DAYS - 1,
        of_day in 0..86_400_u64,
        millis in 0..1_000_u64,
        offset in -1_439..1_440_i64,
    ) {
        let utc = (day * DAY + of_day * 1_000 + millis).cast_signed() - offset * 60_000;
        let text = written(day, of_day, &format!(".{millis:03}"), offset);
        prop_assert_eq!(instant(&text), Ok(utc.cast_unsigned()), "{}", text);
    }

    #[test]
    fn finer_parts_round_up(day in 0..DAYS, of_day in 0..86_400_u64, nanos in 0..1_000_000_000_u64) {
        let text = written(day, of_day, &format!(".{nanos:09}"), 0);
        let expected = day * DAY + of_day * 1_000 + nanos.div_ceil(1_000_000);
        prop_assert_eq!(instant(&text), Ok(expected), "{}", text);
    }

    #[test]
    fn no_text_does_harm(text in any::<String>()) {
        let _ = instant(&text);
    }

    #[test]
    fn text_that_is_nearly_a_time_is_read_as_no_other(
        day in 0..DAYS,
        of_day in 0..86_400_u64,
        at in any::<prop::sample::Index>(),
        put in "[-0-9TtZz:.+ \u{661}é\\[]",
    ) {
        let text = written(day, of_day, "", 0);
        let mut edited: Vec<char> = text.chars().collect();
        let at = at.index(edited.len());
        edited.splice(at..=at, put.chars());
        let edited: String = edited.into_iter().collect();
        match instant(&edited) {
            // One letter for the same letter, one sign for another before a zero, or another digit.
            Ok(time) if time == day * DAY + of_day * 1_000 => {
                prop_assert!(
                    edited.eq_ignore_ascii_case(&text) || edited.replace("-00:00", "+00:00") == text,
                    "{} for {}", edited, text
                );
            }
            Ok(_) => {
                let changed = edited.as_bytes()[at];
                prop_assert!(changed.is_ascii_digit(), "{} for {}", edited, text);
            }
            Err(BadTime::Empty) => prop_assert!(false, "a time is no period"),
            Err(_) => {}
        }
    }
}
