//! The calendar of France in days since 1970-01-01.

/// Milliseconds of a minute.
pub(crate) const MINUTE: u64 = 60_000;
/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// Year, month and day of the month.
pub(crate) fn date(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, of_year - (153 * march + 2) / 5 + 1)
}

/// The number of a day.
pub(crate) fn number(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * march + 2) / 5 + day - 1;
    year / 400 * 146_097 + year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + of_year - 719_468
}

/// The day of the week; 0 is Monday.
pub(crate) fn weekday(day: u64) -> u64 {
    (day + 3) % 7
}

/// Easter Sunday of a year.
fn easter(year: u64) -> u64 {
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let moon =
        (19 * golden + century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let sunday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let late = (golden + 11 * moon + 22 * sunday) / 451;
    let march = moon + sunday + 114 - 7 * late;
    number(year, march / 31, march % 31 + 1)
}

/// Whether a day is a public holiday; in Alsace and Moselle there are two more.
pub(crate) fn holiday(day: u64, alsace: bool) -> bool {
    let (year, month, of_month) = date(day);
    let easter = easter(year);
    let fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
    let moved = [easter + 1, easter + 39, easter + 50];
    fixed.contains(&(month, of_month))
        || moved.contains(&day)
        || alsace && (day + 2 == easter || (month, of_month) == (12, 26))
}

/// Milliseconds since 1970 UTC of midnight in Paris at the start of a day. Nobody works in the night
/// when the clocks change, so a day has one offset.
pub(crate) fn midnight(day: u64) -> u64 {
    let (year, _, _) = date(day);
    let last_sunday = |month| {
        let last = number(year, month, 31);
        last - (weekday(last) + 1) % 7
    };
    let summer = (last_sunday(3)..last_sunday(10)).contains(&day);
    day * DAY - if summer { 120 } else { 60 } * MINUTE
}
