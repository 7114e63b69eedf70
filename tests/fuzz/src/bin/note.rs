//! Checkpoints as signed notes, and the keys that check them.

#![no_main]

use std::sync::LazyLock;

use greffier::format::checkpoint::{Checkpoint, VerifierKey};
use greffier_fuzz::instance::Instance;
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<VerifierKey> = LazyLock::new(|| Instance::new().key);

fuzz_target!(|text: &str| {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert!(text.starts_with(&checkpoint.text()), "{checkpoint:?}");
    }
    // Nobody has the key, which was made in this process.
    assert!(Checkpoint::open(text, &KEY).is_err());
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
});
