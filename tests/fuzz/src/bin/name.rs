//! Names, as forms and searches have them.

#![no_main]

use greffier::names;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|name: &str| {
    if let Some(key) = names::key(name) {
        // Search and extract make keys apart, and must come to the same one.
        assert_eq!(names::key(&key).as_ref(), Some(&key), "{name:?}");
        assert!(key.len() <= 33 * name.len(), "{} bytes of {}", key.len(), name.len());
    }
});
