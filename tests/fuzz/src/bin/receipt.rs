//! Receipts, as somebody shows them.

#![no_main]

use std::sync::LazyLock;

use greffier::format::checkpoint::VerifierKey;
use greffier::format::receipt::Receipt;
use greffier_fuzz::instance::Instance;
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<VerifierKey> = LazyLock::new(|| Instance::new().key);

fuzz_target!(|text: &str| {
    if let Ok(receipt) = text.parse::<Receipt>() {
        assert_eq!(receipt.to_string(), text);
        // Nobody has the key, which was made in this process.
        assert!(receipt.check(&KEY).is_err());
    }
});
