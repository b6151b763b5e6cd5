//! `parlor_tests::fuzz`, target `description`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parlor_tests::fuzz::run("description", data));
