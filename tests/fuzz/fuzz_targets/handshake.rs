//! `parlor_tests::fuzz`, target `handshake`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parlor_tests::fuzz::run("handshake", data));
