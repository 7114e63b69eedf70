//! Notes, verifier keys and receipts, against text from anywhere and edited good ones.

use greffier::format::checkpoint::{BadNote, Checkpoint, VerifierKey};
use greffier::format::receipt::Receipt;
use proptest::prelude::*;

fn vector(name: &str) -> String {
    let path = format!("{}/docs/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn key() -> VerifierKey {
    vector("vkey.txt").parse().expect("a verifier key")
}

/// The key of the receipt among the vectors.
fn receipt_key() -> VerifierKey {
    VerifierKey::new("registry.example/reads", *key().public()).expect("a name")
}

/// Text with some characters set, put in, taken away or doubled.
fn edited(text: String) -> impl Strategy<Value = String> {
    let some = "\n \u{2014}+=/0129aAzZ\u{e9}\u{0}\r\t".chars().collect::<Vec<char>>();
    let character = prop_oneof![any::<char>(), prop::sample::select(some)];
    let edit = (any::<prop::sample::Index>(), 0..4_u8, 1..60_usize, character);
    prop::collection::vec(edit, 1..4).prop_map(move |edits| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, what, count, character) in edits {
            let at = at.index(text.len().max(1));
            let end = (at + count).min(text.len());
            match what {
                0 if at < text.len() => text[at] = character,
                1 => text.insert(at, character),
                2 => drop(text.drain(at..end)),
                _ => {
                    let again = text[at..end].to_vec();
                    text.splice(end..end, again);
                }
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn notes_from_anywhere_do_not_open(text in "(?s).*") {
        prop_assert!(Checkpoint::parse(&text).is_err());
        prop_assert!(Checkpoint::open(&text, &key()).is_err());
    }

    #[test]
    fn an_edited_note_says_what_was_signed_or_does_not_open(
        note in edited(vector("checkpoint.txt")),
    ) {
        let signed = Checkpoint::open(&vector("checkpoint.txt"), &key());
        // Lines of unknown keys may be edited at will: nobody here trusts them.
        if let Ok(opened) = Checkpoint::open(&note, &key()) {
            prop_assert_eq!(Ok(opened), signed);
        }
        if let Ok(parsed) = Checkpoint::parse(&note) {
            prop_assert!(note.starts_with(&parsed.text()));
        }
    }

    #[test]
    fn an_edited_receipt_is_refused_or_prints_back_to_itself(
        text in edited(vector("read.receipt")),
    ) {
        if let Ok(receipt) = text.parse::<Receipt>() {
            prop_assert_eq!(receipt.to_string(), text.as_str());
            if receipt.check(&receipt_key()).is_ok() {
                let whole: Receipt = vector("read.receipt").parse().expect("a receipt");
                prop_assert_eq!((receipt.body, receipt.index), (whole.body, whole.index));
            }
        }
    }

    #[test]
    fn receipts_from_anywhere_are_refused_or_print_back(text in "(?s).*") {
        let text = format!("c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n{text}");
        if let Ok(receipt) = text.parse::<Receipt>() {
            prop_assert_eq!(receipt.to_string(), text);
            prop_assert!(receipt.check(&receipt_key()).is_err());
        }
    }

    #[test]
    fn an_edited_verifier_key_is_refused_or_the_same_key(text in edited(vector("vkey.txt"))) {
        // The id binds name and key; only its case and white space around are free.
        if let Ok(edited) = text.parse::<VerifierKey>() {
            prop_assert_eq!(&edited, &key());
            prop_assert_eq!(edited.to_string() + "\n", vector("vkey.txt"));
        }
    }

    #[test]
    fn verifier_keys_from_anywhere_are_refused(text in ".*") {
        prop_assert!(text.parse::<VerifierKey>().is_err());
    }

    #[test]
    fn a_verifier_key_reads_back_as_it_prints(name in "[^+\\s\\p{Cc}]{1,40}", key: [u8; 32]) {
        let key = VerifierKey::new(&name, key).expect("a name that notes can carry");
        prop_assert_eq!(key.to_string().parse::<VerifierKey>(), Ok(key));
    }
}

#[test]
fn names_that_notes_cannot_carry_are_refused() {
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\u{2003}b", "a\tb", "a\u{7f}b"] {
        assert!(VerifierKey::new(name, [0; 32]).is_err(), "{name:?}");
    }
}

#[test]
fn a_note_has_100_signature_lines_at_most() {
    let note = vector("checkpoint.txt");
    let witness = note.lines().next_back().expect("the witness's line").to_owned() + "\n";
    let full = note.clone() + &witness.repeat(98);
    assert_eq!(full.matches("\n\u{2014} ").count(), 100);
    assert_eq!(Checkpoint::open(&full, &key()), Checkpoint::open(&note, &key()));
    let more = full + &witness;
    assert!(matches!(Checkpoint::open(&more, &key()), Err(BadNote::Malformed(_))));
}

#[test]
fn a_known_key_with_a_false_signature_refuses_the_whole_note() {
    let note = vector("checkpoint.txt");
    let ours = note.lines().nth(4).expect("the log's line").to_owned() + "\n";
    // A signature of the same key over something else.
    let bad = ours.replace("FQU=", "FQQ=");
    assert_ne!(bad, ours);
    for spoilt in
        [note.replace(&ours, &bad), note.clone() + &bad, note.replace(&ours, &(bad + &ours))]
    {
        assert_eq!(Checkpoint::open(&spoilt, &key()), Err(BadNote::False));
    }
    let unsigned = note.replace(&ours, "");
    assert_eq!(Checkpoint::open(&unsigned, &key()), Err(BadNote::Unsigned));
}

#[test]
fn a_note_of_another_ledger_is_foreign() {
    let other = VerifierKey::new("other.example/reads", *key().public()).expect("a name");
    let opened = Checkpoint::open(&vector("checkpoint.txt"), &other);
    assert_eq!(opened, Err(BadNote::Foreign("audit.example/agency-reads".into())));
    // A name that is merely a beginning of the origin is another ledger.
    let part = VerifierKey::new("audit.example/agency", *key().public()).expect("a name");
    assert!(Checkpoint::open(&vector("checkpoint.txt"), &part).is_err());
}

#[test]
fn a_checkpoint_of_nothing_or_of_a_padded_size_is_malformed() {
    for size in ["0", "07", "+7", "-7", "7 ", "", "18446744073709551616", "7.0"] {
        let note = vector("checkpoint.txt").replacen("\n7\n", &format!("\n{size}\n"), 1);
        assert!(matches!(Checkpoint::parse(&note), Err(BadNote::Malformed(_))), "{size:?}");
    }
    let extended = vector("checkpoint.txt").replacen("=\n\n", "=\nextension\n\n", 1);
    assert!(matches!(Checkpoint::parse(&extended), Err(BadNote::Malformed(_))));
}
