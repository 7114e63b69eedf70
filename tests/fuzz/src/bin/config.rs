//! `config.toml`.

#![no_main]

use std::sync::LazyLock;

use greffier::config::Config;
use greffier_fuzz::{file, put};
use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

static FILE: LazyLock<NamedTempFile> = LazyLock::new(file);

fuzz_target!(|text: &[u8]| {
    put(&FILE, text);
    match Config::load(FILE.path()) {
        Ok(config) => drop(config.door.limits()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
