//! Any bytes, in pieces of any size, into the frame decoder of either side.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_shared::websocket::{Decoder, Limits, Role};

fuzz_target!(|data: &[u8]| {
    let Some((step, wire)) = data.split_first() else { return };
    for role in [Role::Server, Role::Client] {
        let limits = Limits { max_message_bytes: 4096, max_fragments: 16 };
        let mut decoder = Decoder::new(role, limits);
        'wire: for piece in wire.chunks(usize::from(*step) + 1) {
            let mut piece = piece.to_vec();
            let mut rest = piece.as_mut_slice();
            loop {
                match decoder.next(&mut rest) {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => break 'wire,
                }
            }
        }
    }
});
