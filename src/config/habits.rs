//! `[provider.<id>.habits]`: the days and hours in which a provider works.

use jiff::tz::TimeZone;

use super::table::{Shape, Table};
use crate::admission::{DAYS, Habits, Hours};

const DAY: Shape =
    Shape::new("a day from monday to sunday, in small letters", |text| DAYS.contains(&text));
const HOURS: Shape = Shape::new(Hours::MUST_BE, |text| Hours::parse(text).is_some());
const ZONE: Shape = Shape::new("a time zone of the IANA, as in Europe/Paris", |text| {
    text.len() <= 64 && TimeZone::get(text).is_ok()
});

/// Reads the section; none where something is wrong, which was noted.
pub(super) fn read(mut table: Table<'_>) -> Option<Habits> {
    let usual = table.list("days", DAY, true);
    let (hours, zone) = (table.text("hours", HOURS, None), table.text("time_zone", ZONE, None));
    table.close();
    let days = DAYS.map(|day| usual.iter().any(|spot| *spot.value == *day));
    Some(Habits { days, hours: Hours::parse(&hours)?, zone: TimeZone::get(&zone).ok()? })
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::super::policy::tests::{SHIPPED, changed, one_fault};
    use super::*;

    const HEADER: &str = "\n[provider.accueil-sud.habits]\n";

    fn habits(text: &str) -> Option<Habits> {
        parse(text).unwrap().providers["accueil-sud"].habits.clone()
    }

    #[test]
    fn the_annotated_policy_shows_habits() {
        let habits = habits(SHIPPED).unwrap();
        assert_eq!(habits.days, [true, true, true, true, true, true, false]);
        assert_eq!(habits.hours.to_string(), "08:00-20:00");
        assert_eq!(habits.zone.iana_name(), Some("Europe/Paris"));
    }

    #[test]
    fn without_a_table_any_time_is_usual() {
        let start = SHIPPED.find(HEADER).unwrap();
        let end = start + 1 + SHIPPED[start + 1..].find("\n\n").unwrap();
        assert_eq!(habits(&format!("{}{}", &SHIPPED[..start], &SHIPPED[end..])), None);
    }

    #[test]
    fn habits_of_another_form_are_faults() {
        for (from, to, says) in [
            ("\"monday\"", "\"lundi\"", "a day from monday to sunday"),
            ("\"tuesday\"", "\"monday\"", "twice"),
            ("hours = \"08:00-20:00\"", "hours = \"20:00-08:00\"", "a later end"),
            ("hours = \"08:00-20:00\"", "hours = \"8-20\"", "as in 08:00-19:30"),
            ("\"Europe/Paris\"", "\"Europe/Pairs\"", "a time zone of the IANA"),
            ("\"Europe/Paris\"", "\"../../etc/passwd\"", "a time zone of the IANA"),
        ] {
            let text = changed(from, to);
            // A list is shown at the item that is wrong, a text at its key.
            let place = match from {
                "\"tuesday\"" => "\"monday\", \"wednesday\"",
                "\"monday\"" => to,
                "\"Europe/Paris\"" => "time_zone =",
                _ => "hours =",
            };
            one_fault(&text, place, &[says]);
        }
    }

    #[test]
    fn each_of_the_three_is_required() {
        for key in ["days", "hours", "time_zone"] {
            let line = SHIPPED.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
            let found = parse(&changed(&format!("\n{line}"), "")).unwrap_err();
            let says = format!("`{key}` is missing in [provider.accueil-sud.habits]");
            assert!(found.iter().any(|f| f.what.contains(&says)), "{found:#?}");
        }
    }
}
