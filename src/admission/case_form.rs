//! The form of a case reference, as the policy gives it for a purpose. A small language on purpose:
//! no form takes longer to hold against a reference than one pass over both.

use std::fmt;
use std::str::FromStr;

use super::{Word, grammar};

/// A form: `#` stands for one digit, `@` for one letter, `*` for any run of characters, also none;
/// every other character stands for itself. None of the three can be part of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseForm(Word);

impl CaseForm {
    /// What a form must be, in words for a message.
    pub const MUST_BE: &str = "1 to 64 characters: # for a digit, @ for a letter, * for any run, and \
                               letters, digits and / . _ - for themselves, as in CIR/####-*";

    /// Whether a text is a form.
    pub fn is_form(text: &str) -> bool {
        let all = |b: u8| b.is_ascii_alphanumeric() || b"#@*/._-".contains(&b);
        (1..=64).contains(&text.len()) && text.bytes().all(all)
    }

    /// Whether a reference is of this form, besides being one at all.
    pub fn holds(&self, reference: &str) -> bool {
        grammar::is_case_reference(reference) && matches(self.0.as_bytes(), reference.as_bytes())
    }
}

impl FromStr for CaseForm {
    type Err = ();

    fn from_str(text: &str) -> Result<CaseForm, ()> {
        if Self::is_form(text) { Ok(CaseForm(text.into())) } else { Err(()) }
    }
}

impl fmt::Display for CaseForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn matches(form: &[u8], text: &[u8]) -> bool {
    let (mut f, mut t) = (0, 0);
    // Behind the last `*`, and how far its run goes: it grows when what follows does not fit, and
    // an earlier one need never be looked at again.
    let mut run: Option<(usize, usize)> = None;
    while t < text.len() {
        if form.get(f) == Some(&b'*') {
            run = Some((f + 1, t));
            f += 1;
        } else if form.get(f).is_some_and(|sign| stands_for(*sign, text[t])) {
            (f, t) = (f + 1, t + 1);
        } else if let Some((behind, end)) = run {
            run = Some((behind, end + 1));
            (f, t) = (behind, end + 1);
        } else {
            return false;
        }
    }
    form[f..].iter().all(|sign| *sign == b'*')
}

fn stands_for(sign: u8, b: u8) -> bool {
    match sign {
        b'#' => b.is_ascii_digit(),
        b'@' => b.is_ascii_alphabetic(),
        itself => itself == b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(form: &str, reference: &str) -> bool {
        form.parse::<CaseForm>().unwrap().holds(reference)
    }

    #[test]
    fn each_sign_stands_for_what_it_says() {
        for (form, good, bad) in [
            ("CIR/####-*", "CIR/2026-17", "CIR/206-17"),
            ("CIR/####-*", "CIR/2026-", "cir/2026-17"),
            ("@@##", "Ab12", "A112"),
            ("*", "anything.at/all", "-not"),
            ("*-FR", "a-b-FR", "a-b-FR-"),
            ("a*b*c", "aXbYbc", "aXcYb"),
            ("A", "A", "AA"),
            ("**", "x", "/"),
        ] {
            assert!(holds(form, good), "{form} {good}");
            assert!(!holds(form, bad), "{form} {bad}");
        }
        assert!(!holds("*", "") && !holds("*", &"a".repeat(65)));
    }

    #[test]
    fn a_form_has_its_own_characters_only() {
        for good in ["*", "#", &"a".repeat(64), "A/._-9@#*"] {
            assert!(CaseForm::is_form(good), "{good}");
        }
        for bad in ["", "a b", "é", "a\n", "[a]", "a+", &"a".repeat(65)] {
            assert!(!CaseForm::is_form(bad) && bad.parse::<CaseForm>().is_err(), "{bad}");
        }
    }

    /// The meaning itself, as slow as it comes.
    fn means(form: &[u8], text: &[u8]) -> bool {
        match (form, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|n| means(rest, &text[n..])),
            ([sign, rest @ ..], [b, more @ ..]) => stands_for(*sign, *b) && means(rest, more),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_form_holds_exactly_what_it_means(form in "[a1#@*/]{1,8}", text in "[a-b0-1/]{0,8}") {
            let meant = grammar::is_case_reference(&text) && means(form.as_bytes(), text.as_bytes());
            prop_assert_eq!(holds(&form, &text), meant);
        }

        #[test]
        fn no_text_makes_a_form_panic(form in any::<String>(), text in any::<String>()) {
            if let Ok(form) = form.parse::<CaseForm>() {
                form.holds(&text);
            }
        }
    }
}
