//! `policy.toml`.

#![no_main]

use std::sync::LazyLock;

use greffier::admission::Keyring;
use greffier::config::change::changes;
use greffier::config::policy::{Policy, parse};
use libfuzzer_sys::fuzz_target;

static SHIPPED: LazyLock<Policy> = LazyLock::new(|| {
    parse(include_str!("../../../../config/policy.toml")).expect("a policy without fault")
});

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(policy) => {
            let differs = policy.digest != SHIPPED.digest;
            assert!(differs || changes(&SHIPPED, &policy).is_empty());
            changes(&policy, &SHIPPED);
            policy.terms(3, "cir.example", &[7; 32], Keyring::default());
        }
        Err(faults) => {
            assert!(!faults.is_empty() && faults.is_sorted());
            for fault in faults {
                let line = text.split('\n').nth(fault.line - 1).expect("a line of the text");
                assert!(fault.column <= line.chars().count() + 1, "{fault}");
                assert!(!fault.what.contains('\n'), "{fault}");
            }
        }
    }
});
