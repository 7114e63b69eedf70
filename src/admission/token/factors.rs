//! How somebody authenticated: the words of RFC 8176, and which of them together are two factors.

use super::Word;

/// The closed list, in the order of the RFC. Issuers send other words too; those are not kept and
/// prove nothing.
const WORDS: [(&str, Option<FactorKind>); 21] = [
    ("face", Some(FactorKind::Inherence)),
    ("fpt", Some(FactorKind::Inherence)),
    ("geo", None),
    ("hwk", Some(FactorKind::Possession)),
    ("iris", Some(FactorKind::Inherence)),
    ("kba", Some(FactorKind::Knowledge)),
    // More than one channel may still be one factor.
    ("mca", None),
    ("mfa", None),
    ("otp", Some(FactorKind::Possession)),
    ("pin", Some(FactorKind::Knowledge)),
    ("pop", Some(FactorKind::Possession)),
    ("pwd", Some(FactorKind::Knowledge)),
    ("rba", None),
    ("retina", Some(FactorKind::Inherence)),
    ("sc", Some(FactorKind::Possession)),
    ("sms", Some(FactorKind::Possession)),
    ("swk", Some(FactorKind::Possession)),
    ("tel", Some(FactorKind::Possession)),
    // Somebody was there, whoever it was.
    ("user", None),
    ("vbm", Some(FactorKind::Inherence)),
    // A workstation's word about a log-in at some time.
    ("wia", None),
];

/// What a factor rests on: something known, held or of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FactorKind {
    Knowledge,
    Possession,
    Inherence,
}

/// The word as the list has it.
pub(super) fn known(word: &str) -> Option<&'static str> {
    WORDS.iter().map(|(known, _)| *known).find(|known| *known == word)
}

/// Whether these words show a second factor: the issuer says so (`mfa`), or they are of two kinds.
/// A key that a PIN or a finger unlocks has the word of that beside its own.
pub(super) fn second(words: &[Word]) -> bool {
    let kind = |word: &Word| WORDS.iter().find(|(known, _)| **known == **word)?.1;
    let mut kinds = words.iter().filter_map(kind);
    let first = kinds.next();
    words.iter().any(|word| &**word == "mfa") || kinds.any(|kind| Some(kind) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(words: &[&str]) -> bool {
        let words: Vec<Word> = words.iter().map(|word| Word::from(*word)).collect();
        super::second(&words)
    }

    #[test]
    fn two_factors_are_of_two_kinds() {
        for two in [
            &["mfa"][..],
            &["pwd", "otp"],
            &["pwd", "sms"],
            &["pin", "hwk"],
            &["hwk", "user", "pin"],
            &["sc", "fpt"],
            &["pwd", "pin", "face"],
        ] {
            assert!(second(two), "{two:?}");
        }
        for one in [
            &[][..],
            &["pwd"],
            &["pwd", "pin"],
            &["pwd", "kba"],
            &["hwk", "user"],
            &["otp", "sms"],
            &["mca", "pwd"],
            &["pwd", "geo", "rba", "wia"],
            &["fpt", "face"],
        ] {
            assert!(!second(one), "{one:?}");
        }
    }

    #[test]
    fn words_are_those_of_the_rfc_as_it_spells_them() {
        assert_eq!(known("pwd"), Some("pwd"));
        for other in ["PWD", "fido", "rsa", ""] {
            assert_eq!(known(other), None, "{other}");
        }
    }
}
