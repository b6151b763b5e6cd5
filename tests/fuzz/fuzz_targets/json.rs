//! Any text as JSON: what passes here passes at serde_json, but for depth, surrogates and range.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_shared::socket_io::json;

fuzz_target!(|text: &str| {
    let ours = json::check(text);
    let theirs = serde_json_takes(text);
    match ours {
        Ok(()) => assert!(theirs, "accepted what is no JSON"),
        Err(json::JsonError::Syntax) => assert!(!theirs, "refused JSON"),
        Err(json::JsonError::TooDeep) => {}
    }
    if let Some(mended) = json::mend_surrogates(text) {
        assert_eq!(mended.len(), text.len());
        assert!(json::mend_surrogates(&mended).is_none());
    }
});

/// RawValue checks the syntax and builds nothing.
fn serde_json_takes(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}
