//! `parlor_tests::fuzz`, target `token`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parlor_tests::fuzz::run("token", data));
