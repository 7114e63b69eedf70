//! What a sound verdict says nothing of.

use std::process::Command;

use serde_json::{Value, json};

use super::{newest, small};
use crate::instance::PROGRAM;
use crate::segment::key;

#[test]
fn a_verdict_lists_what_was_not_looked_at() {
    let place = small();
    let anchor = place.file("anchor");
    std::fs::write(&anchor, newest(&place.settings.path)).expect("a file");
    let anchor = anchor.to_str().expect("UTF-8");
    let run = |more: &[&str]| {
        let mut verify = Command::new(PROGRAM);
        verify.arg("verify").arg(&place.settings.path).args(["--key", &key().to_string()]);
        let said = verify.args(more).output().expect("the program");
        assert_eq!(said.status.code(), Some(0), "{said:?}");
        String::from_utf8(said.stdout).expect("text")
    };
    let all = ["--replay", "--all-signatures", "--anchor", anchor];
    for (looked_at, left) in [
        (&all[..0], json!(["rulings", "signatures", "anchor"])),
        (&all[..1], json!(["signatures", "anchor"])),
        (&all[1..2], json!(["rulings", "anchor"])),
        (&all[2..], json!(["rulings", "signatures"])),
        (&all[..], json!([])),
    ] {
        let said = run(&[looked_at, &["--json"]].concat());
        let said: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(said["not_looked_at"], left, "{looked_at:?}");
        let words = run(looked_at);
        let left = left.as_array().expect("a list");
        for (word, option) in [("rulings", "(--replay)"), ("signatures", "(--all-signatures)")] {
            assert_eq!(words.contains(option), left.contains(&json!(word)), "{words}");
        }
        assert_eq!(words.contains("(--anchor)"), left.contains(&json!("anchor")), "{words}");
    }
}
