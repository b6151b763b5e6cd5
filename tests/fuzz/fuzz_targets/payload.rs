//! Any text as a polling body: what is read is written again and reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_shared::engine_io::{Packet, decode_payload, write_packet};

fuzz_target!(|text: &str| {
    for packet in decode_payload(text).flatten() {
        let mut body = Vec::new();
        match &packet {
            Packet::Text(text) => write_packet(&mut body, false, format!("4{text}").as_bytes()),
            Packet::Binary(bytes) => write_packet(&mut body, true, bytes),
            _ => continue,
        }
        let body = String::from_utf8(body).unwrap();
        let again: Vec<_> = decode_payload(&body).collect();
        assert_eq!(again, [Ok(packet)]);
    }
});
