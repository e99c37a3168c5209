//! Study files: whatever is read is a study or an error with a message, never a
//! panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tonnage_model::Study;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Err(error) = Study::parse("fuzz.toml", text) {
        assert!(!error.to_string().is_empty());
    }
});
