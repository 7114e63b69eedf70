//! Bodies of entries, and statements that administrators sign.

#![no_main]

use greffier::format::entry::{Entry, Statement};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(entry) = Entry::parse(text) {
        assert_eq!(entry.encode().as_deref(), Ok(text));
    }
    if let Ok((origin, statement)) = Statement::parse(text) {
        assert_eq!(statement.encode(&origin).as_deref(), Ok(text));
    }
});
