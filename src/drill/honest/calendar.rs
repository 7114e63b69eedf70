//! French working days and Paris time, by rule: a drill is the same on every machine, whatever it knows of
//! time zones.

/// Milliseconds of a day, and of an hour.
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const HOUR: u64 = 3_600_000;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
}

/// The date of a day since 1970-01-01 (H. Hinnant, chrono-compatible low-level date algorithms).
pub(crate) fn date(day: u64) -> Date {
    let z = day + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    Date { year, month, day: of_year - (153 * shifted + 2) / 5 + 1 }
}

/// The number of a date, in days since 1970-01-01.
pub(crate) fn number(date: Date) -> u64 {
    let year = date.year - u64::from(date.month <= 2);
    let era = year / 400;
    let year_of_era = year % 400;
    let shifted = if date.month > 2 { date.month - 3 } else { date.month + 9 };
    let of_year = (153 * shifted + 2) / 5 + date.day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

/// 0 for Monday to 6 for Sunday.
pub(crate) fn weekday(day: u64) -> u64 {
    (day + 3) % 7
}

/// Easter Sunday of a year (J. Meeus, Astronomical Algorithms).
fn easter(year: u64) -> u64 {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l + 114 - 7 * m;
    number(Date { year, month: sum / 31, day: sum % 31 + 1 })
}

/// Whether a day is a public holiday in France.
pub(crate) fn is_holiday(day: u64) -> bool {
    let Date { year, month, day: of_month } = date(day);
    let fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
    let moving = [1, 39, 50].map(|behind| easter(year) + behind);
    fixed.contains(&(month, of_month)) || moving.contains(&day)
}

/// Whether offices are open: from Monday to Friday, and on no holiday.
pub(crate) fn is_working_day(day: u64) -> bool {
    weekday(day) < 5 && !is_holiday(day)
}

/// The place of a working day in its month: from the first, and from the last, both from 0.
pub(crate) fn place_in_month(day: u64) -> (u64, u64) {
    let Date { year, month, .. } = date(day);
    let first = number(Date { year, month, day: 1 });
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let next = number(Date { year, month, day: 1 });
    let working = |days: std::ops::Range<u64>| days.filter(|day| is_working_day(*day)).count();
    (working(first..day) as u64, working(day + 1..next) as u64)
}

/// The last Sunday of a month of 31 days.
fn last_sunday(year: u64, month: u64) -> u64 {
    let last = number(Date { year, month, day: 31 });
    last - (weekday(last) + 1) % 7
}

/// The moment of a time of day in Paris, in milliseconds since 1970.
pub(crate) fn in_paris(day: u64, time: u64) -> u64 {
    let year = date(day).year;
    // The clocks change at night, on a Sunday.
    let summer = (last_sunday(year, 3)..last_sunday(year, 10)).contains(&day);
    day * DAY + time - if summer { 2 * HOUR } else { HOUR }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: u64, month: u64, day: u64) -> u64 {
        number(Date { year, month, day })
    }

    #[test]
    fn dates_and_numbers_are_the_same_days() {
        assert_eq!((day(1970, 1, 1), day(2000, 3, 1), day(2026, 11, 26)), (0, 11_017, 20_783));
        for number_of in 0..40_000 {
            assert_eq!(number(date(number_of)), number_of);
        }
    }

    #[test]
    fn holidays_are_those_of_france() {
        for (month, of_month) in [(1, 1), (4, 6), (5, 1), (5, 14), (5, 25), (8, 15), (12, 25)] {
            assert!(is_holiday(day(2026, month, of_month)), "{month}-{of_month}");
        }
        assert!(!is_holiday(day(2026, 4, 5)) && !is_holiday(day(2026, 12, 26)));
        assert_eq!(weekday(day(2026, 11, 26)), 3, "a Thursday");
    }

    #[test]
    fn paris_is_two_hours_ahead_in_summer() {
        assert_eq!(in_paris(day(2026, 7, 1), 8 * HOUR) % DAY, 6 * HOUR);
        assert_eq!(in_paris(day(2026, 3, 28), 8 * HOUR) % DAY, 7 * HOUR);
        assert_eq!(in_paris(day(2026, 3, 29), 8 * HOUR) % DAY, 6 * HOUR);
        assert_eq!(in_paris(day(2026, 10, 25), 8 * HOUR) % DAY, 7 * HOUR);
    }

    #[test]
    fn the_first_working_days_of_a_month_are_behind_its_holidays() {
        assert_eq!(place_in_month(day(2026, 1, 2)).0, 0);
        assert_eq!(place_in_month(day(2026, 12, 31)).1, 0);
        assert_eq!(place_in_month(day(2026, 12, 28)).1, 3);
    }
}
