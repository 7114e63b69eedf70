//! The shapes of names, the same in the policy, in certificates and on the wire.

/// Names of datasets, fields, purposes, searches, reasons, tables and columns: safe as they are in
/// SQL, in JSON and in a log.
pub const WORD: &str =
    "1 to 63 small letters, digits and underscores, beginning with a letter or an underscore";
/// The shape of ids of providers and staff, in words.
pub const ID: &str = "1 to 64 small letters, digits and hyphens";
/// The shape of case references, in words.
pub const CASE_REFERENCE: &str =
    "1 to 64 letters, digits and the signs / . _ -, beginning with a letter or a digit";
/// The shape of a contact, whom to call, in words.
pub const CONTACT: &str =
    "1 to 100 printable characters, beginning and ending with none that is blank";
/// The shape of request ids, in words.
pub const UUID: &str = "a UUID, as in 6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10";
/// The shape of dates in searches, in words.
pub const DATE: &str = "a date of ISO 8601, as in 1980-05-31";

/// The views, smallest first; what is in each is the policy's to say.
pub const VIEWS: [&str; 3] = ["BASIC", "CONTACT", "FULL"];

/// Whether the text has the shape [`WORD`].
pub fn is_word(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b == b'_';
    let all = |b: u8| letter(b) || b.is_ascii_digit();
    text.len() <= 63 && text.bytes().next().is_some_and(letter) && text.bytes().all(all)
}

/// Whether the text has the shape [`ID`].
pub fn is_id(text: &str) -> bool {
    let all = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(all)
}

/// Whether the text has the shape [`CASE_REFERENCE`].
pub fn is_case_reference(text: &str) -> bool {
    let all = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    text.len() <= 64
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(all)
}

/// Whether the text has the shape [`CONTACT`]: a terminal shows it as it is.
pub fn is_contact(text: &str) -> bool {
    // Marks, embeddings, overrides and isolates change the order in which text is shown.
    let acts = |c: char| {
        let order = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
        c.is_control() || order || matches!(c, '\u{2066}'..='\u{2069}')
    };
    (1..=100).contains(&text.chars().count()) && text.trim() == text && !text.contains(acts)
}

/// Whether the text has the shape [`UUID`], in letters of either case.
pub fn is_uuid(text: &str) -> bool {
    let fits = |(at, b): (usize, u8)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// Whether the text has the shape [`DATE`] and is a day of the calendar.
pub fn is_date(text: &str) -> bool {
    let fits = |(at, b): (usize, u8)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    };
    if text.len() != 10 || !text.bytes().enumerate().all(fits) {
        return false;
    }
    let part = |range: std::ops::Range<usize>| text[range].parse().unwrap_or(0_u32);
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_safe_as_an_sql_identifier() {
        for good in ["a", "_a", "name_2", &"a".repeat(63)] {
            assert!(is_word(good), "{good}");
        }
        for bad in ["", "2a", "A", "a-b", "a b", "a\"b", "é", "a;", &"a".repeat(64)] {
            assert!(!is_word(bad), "{bad}");
        }
    }

    #[test]
    fn an_id_has_no_capital_no_dot_and_no_slash() {
        for good in ["a", "alpha-2", "-", &"a".repeat(64)] {
            assert!(is_id(good), "{good}");
        }
        for bad in ["", "A", "a/b", "a.b", "a_b", "a%2f", &"a".repeat(65)] {
            assert!(!is_id(bad), "{bad}");
        }
    }

    #[test]
    fn a_case_reference_begins_with_a_letter_or_a_digit() {
        for good in ["1", "CIR/2026.01-a_b", &"a".repeat(64)] {
            assert!(is_case_reference(good), "{good}");
        }
        for bad in ["", "/a", "-a", "a b", "a\n", "é", &"a".repeat(65)] {
            assert!(!is_case_reference(bad), "{bad}");
        }
    }

    #[test]
    fn a_contact_is_shown_as_it_is_written() {
        for good in ["+33 1 00 00 00 00, soc@agency.example", "équipe sécurité", &"é".repeat(100)]
        {
            assert!(is_contact(good), "{good}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\u{1b}[2J", "a\u{202e}b", "\u{9b}", &"a".repeat(101)]
        {
            assert!(!is_contact(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_uuid_has_four_hyphens_in_their_places() {
        assert!(is_uuid("6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10"));
        assert!(is_uuid("6F1C2A9E-0B7D-4C11-9A55-2D3F0C8B7E10"));
        for bad in ["", "6f1c2a9e0b7d4c119a552d3f0c8b7e10", "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e1g"]
        {
            assert!(!is_uuid(bad), "{bad}");
        }
        assert!(!is_uuid("6f1c2a9-e0b7d-4c11-9a55-2d3f0c8b7e10"));
        assert!(!is_uuid("{6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e}"));
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for good in ["1980-05-31", "2000-02-29", "2024-02-29", "0001-01-01", "9999-12-31"] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "",
            "31/05/1980",
            "1980-5-31",
            "19800531",
            "1980-05-32",
            "1980-00-10",
            "1980-13-01",
            "1980-04-31",
            "1900-02-29",
            "2023-02-29",
            "1980-05-00",
            "1980-05-31T",
            "198é-05-3",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }
}
