//! Spans of time as people ask for them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::format::entry::Millis;

/// Why a text is no time, or two times are no period.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadTime {
    /// Neither a date nor a timestamp.
    #[error(
        "neither a date such as 2026-11-01, which is its midnight in UTC, nor a time with its \
         offset such as 2026-11-01T08:30:00Z or 2026-11-01T08:30:00+01:00"
    )]
    Form,
    /// No such day, hour or offset.
    #[error("there is no such time: {0}")]
    None(String),
    /// The time lies before 1970, and entries know no such time.
    #[error("it lies before 1970, where the time of entries begins")]
    Early,
    /// The period holds no moment: it ends before it begins, or as it does.
    #[error("the period ends before it begins, or as it begins: its end is not part of it")]
    Empty,
}

/// A span of time: its beginning is part of it, its end is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    from: Option<Millis>,
    to: Option<Millis>,
}

impl Period {
    /// From a time up to another; without one, from the first entry or up to the last.
    ///
    /// # Errors
    /// [`BadTime::Empty`].
    pub fn new(from: Option<Millis>, to: Option<Millis>) -> Result<Period, BadTime> {
        match (from, to) {
            (Some(from), Some(to)) if from >= to => Err(BadTime::Empty),
            _ => Ok(Period { from, to }),
        }
    }

    /// Where it begins, if that was said.
    pub fn from(&self) -> Option<Millis> {
        self.from
    }

    /// Where it ends, if that was said.
    pub fn to(&self) -> Option<Millis> {
        self.to
    }

    /// Whether a time lies in it.
    pub fn holds(&self, at: Millis) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// Reads an RFC 3339 timestamp, or a date, which is its midnight in UTC. Parts of a millisecond
/// round up: an entry is at or after the time exactly if its milliseconds are.
///
/// # Errors
/// [`BadTime`].
pub fn instant(text: &str) -> Result<Millis, BadTime> {
    let none = |error: jiff::Error| BadTime::None(error.to_string());
    let time = if has_form(text, "0000-00-00") {
        let date: Date = text.parse().map_err(none)?;
        date.to_zoned(TimeZone::UTC).map_err(none)?.timestamp()
    } else if is_timestamp(text) {
        if text.get(17..19) == Some("60") {
            return Err(BadTime::None("leap seconds are not told apart: take second 59".into()));
        }
        text.parse::<Timestamp>().map_err(none)?
    } else {
        return Err(BadTime::Form);
    };
    let up = u64::from(time.as_nanosecond().rem_euclid(1_000_000) > 0);
    let whole = u64::try_from(time.as_nanosecond().div_euclid(1_000_000));
    Ok(whole.map_err(|_| BadTime::Early)? + up)
}

/// Whether the text has the form of RFC 3339, section 5.6: `jiff` alone would take more.
fn is_timestamp(text: &str) -> bool {
    let Some((seconds, rest)) = text.split_at_checked(19) else { return false };
    if !has_form(seconds, "0000-00-00T00:00:00") {
        return false;
    }
    let offset = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if end == 0 {
                return false;
            }
            &rest[end..]
        }
        None => rest,
    };
    let hours_and_minutes = |from: usize| {
        let part = |range| offset.get(range).and_then(|text: &str| text.parse::<u8>().ok());
        part(from..from + 2).is_some_and(|hours| hours < 24)
            && part(from + 3..from + 5).is_some_and(|minutes| minutes < 60)
    };
    let numeric = has_form(offset, "+00:00") || has_form(offset, "-00:00");
    offset.eq_ignore_ascii_case("z") || (numeric && hours_and_minutes(1))
}

/// Whether the text is the form with its zeros put for any digits, and letters of either case.
fn has_form(text: &str, form: &str) -> bool {
    let same =
        |(t, f): (u8, u8)| if f == b'0' { t.is_ascii_digit() } else { t.eq_ignore_ascii_case(&f) };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Millis = 86_400_000;
    /// 2026-11-01T00:00:00Z, by `date -u -d 2026-11-01 +%s`.
    const NOVEMBER: Millis = 1_793_491_200_000;

    #[test]
    fn dates_and_timestamps_are_read() {
        let cases = [
            ("1970-01-01", 0),
            ("2026-11-01", NOVEMBER),
            ("2026-11-01T00:00:00Z", NOVEMBER),
            ("2026-11-01t01:00:00.5+01:00", NOVEMBER + 500),
            ("2026-10-31T23:59:59.999-00:30", NOVEMBER + 1_799_999),
            ("2024-02-29", 19_782 * DAY),
        ];
        for (text, expected) in cases {
            assert_eq!(instant(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn parts_of_a_millisecond_round_up() {
        assert_eq!(instant("1970-01-01T00:00:00.0000001Z"), Ok(1));
        assert_eq!(instant("1970-01-01T00:00:00.001Z"), Ok(1));
        assert_eq!(instant("1970-01-01T00:00:00.001000001Z"), Ok(2));
        assert_eq!(instant("1969-12-31T23:59:59.9999Z"), Err(BadTime::Early));
    }

    #[test]
    fn other_texts_are_refused_with_what_is_wrong() {
        let forms = [
            "",
            "2026",
            "2026-11",
            "2026-1-01",
            "20261101",
            "01/11/2026",
            "2026-11-01T08:30:00",
            "2026-11-01 08:30:00Z",
            "2026-11-01T08:30Z",
            "2026-11-01T08:30:00.Z",
            "2026-11-01T08:30:00+0100",
            "2026-11-01T08:30:00+24:00",
            "2026-11-01T08:30:00Z[Europe/Paris]",
            "+002026-11-01T08:30:00Z",
            " 2026-11-01",
            "1793491200",
            "2026-11-0\u{661}",
        ];
        for text in forms {
            assert_eq!(instant(text), Err(BadTime::Form), "{text}");
        }
        for text in ["2026-02-29", "2026-13-01", "2026-11-01T24:00:00Z", "2016-12-31T23:59:60Z"] {
            assert!(matches!(instant(text), Err(BadTime::None(_))), "{text}");
        }
        assert_eq!(instant("1969-12-31"), Err(BadTime::Early));
    }

    #[test]
    fn a_period_holds_its_beginning_and_not_its_end() {
        let period = Period::new(Some(10), Some(20)).unwrap();
        assert_eq!([9, 10, 19, 20].map(|at| period.holds(at)), [false, true, true, false]);
        assert!(Period::default().holds(0) && Period::default().holds(Millis::MAX));
        assert_eq!(Period::new(Some(10), Some(10)), Err(BadTime::Empty));
        assert!(Period::new(Some(10), Some(11)).is_ok());
    }
}
