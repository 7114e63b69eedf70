//! The key of a name: one text for all the ways in which people write the same name. The rule is
//! that of `docs/name-keys.md`, so that an agency can make the same keys in any language. It knows
//! no records, no callers and no policy.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Letters of their own to Unicode, which most forms and keyboards write with others. The sigma
/// that ends a word is there so that no rule has to know where one ends.
const SPELT: [(char, &str); 14] = [
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('ø', "o"),
    ('ł', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('ħ', "h"),
    ('ŧ', "t"),
    ('þ', "th"),
    ('ŋ', "n"),
    ('ı', "i"),
    ('ə', "e"),
    ('ς', "σ"),
];

/// The key of a name; none if it has neither a letter nor a digit. A name in several fields is
/// their texts in any order, with a space between them.
pub fn key(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    for c in name.nfkd().filter(|&c| !vanishes(c)).flat_map(char::to_lowercase) {
        match SPELT.iter().find(|(letter, _)| *letter == c) {
            Some((_, spelt)) => plain.push_str(spelt),
            None if separates(c) => plain.push(' '),
            None => plain.push(c),
        }
    }
    let mut words: Vec<&str> = plain.split_ascii_whitespace().collect();
    words.sort_unstable();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Accents and other marks, and what nobody sees.
fn vanishes(c: char) -> bool {
    let unseen = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{640}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}');
    // An ASCII character is looked up in no table.
    !c.is_ascii() && (unseen || is_combining_mark(c))
}

/// Everything but letters and digits. Two kinds of characters look like letters to Unicode and are
/// none in a name: apostrophes among the modifier letters, and letters in a black circle or square.
fn separates(c: char) -> bool {
    let none = matches!(c,
        '\u{2b0}'..='\u{2ff}' | '\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}');
    !c.is_alphanumeric() || none
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Bytes of a key for each byte of its name, at most: one Arabic ligature of 3 bytes is written
    /// out as 33.
    const GROWTH: usize = 11;

    #[test]
    fn the_keys_are_those_of_the_vectors() {
        let vectors: Value =
            serde_json::from_str(include_str!("../docs/vectors/name-keys.json")).unwrap();
        let vectors = vectors.as_array().unwrap();
        assert!(vectors.len() > 40);
        for vector in vectors {
            let name = vector["name"].as_str().unwrap();
            assert_eq!(key(name).as_deref(), vector["key"].as_str(), "{name:?}");
        }
    }

    /// Every plane that holds letters; each character alone and between two letters.
    #[test]
    fn the_key_of_a_key_is_itself_whatever_the_character() {
        for c in char::MIN..='\u{3ffff}' {
            for name in [c.to_string(), format!("b{c}a")] {
                let Some(once) = key(&name) else { continue };
                assert_eq!(key(&once).as_ref(), Some(&once), "{c:?}");
                assert!(once.len() <= GROWTH * name.len(), "{c:?}");
                assert!(!once.contains("  ") && once.trim() == once, "{c:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_itself(name in any::<String>()) {
            if let Some(once) = key(&name) {
                prop_assert_eq!(key(&once), Some(once));
            }
        }

        #[test]
        fn a_key_is_the_same_in_any_order_case_and_spacing(
            words in prop::collection::vec("[a-zé]{1,8}", 1..6), at in any::<prop::sample::Index>(),
            between in "[ '’ʼ.,_-]{1,3}",
        ) {
            let one = key(&words.join(" "));
            let mut turned = words.clone();
            turned.rotate_left(at.index(words.len()));
            prop_assert_eq!(&key(&turned.join(&between)), &one);
            prop_assert_eq!(&key(&turned.join(" ").to_uppercase()), &one);
            let decomposed: String = turned.join(" ").nfd().collect();
            prop_assert_eq!(&key(&decomposed), &one);
        }

        #[test]
        fn a_name_with_a_letter_has_a_key(before in any::<String>(), after in any::<String>()) {
            for letter in ["a", "É", "ß", "Ж", "م", "李"] {
                prop_assert!(key(&[&before, letter, &after].concat()).is_some());
            }
        }

        #[test]
        fn a_key_has_small_letters_digits_and_single_spaces(name in any::<String>()) {
            for c in key(&name).unwrap_or_default().chars() {
                prop_assert!(c == ' ' || c.is_alphanumeric() && c.to_lowercase().eq([c]), "{:?}", c);
            }
        }

        #[test]
        fn a_key_is_bounded_by_its_name(name in any::<String>()) {
            prop_assert!(key(&name).unwrap_or_default().len() <= GROWTH * name.len());
        }
    }
}
