//! Any bytes into the frame decoder of either side: in pieces of any size it says what it says of
//! all at once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_shared::websocket::{Decoder, Limits, Role};

fuzz_target!(|data: &[u8]| {
    let Some((step, wire)) = data.split_first() else { return };
    for role in [Role::Server, Role::Client] {
        let whole = messages(role, wire, wire.len().max(1));
        assert_eq!(messages(role, wire, usize::from(*step) + 1), whole);
    }
});

/// What comes of the wire, the broken rule last.
fn messages(role: Role, wire: &[u8], step: usize) -> Vec<String> {
    let limits = Limits { max_message_bytes: 4096, max_fragments: 16 };
    let mut decoder = Decoder::new(role, limits);
    let mut seen = Vec::new();
    for piece in wire.chunks(step) {
        let mut piece = piece.to_vec();
        let mut rest = piece.as_mut_slice();
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(message)) => seen.push(format!("{message:?}")),
                Ok(None) => break,
                Err(violation) => {
                    seen.push(violation.to_string());
                    return seen;
                }
            }
        }
    }
    seen
}
