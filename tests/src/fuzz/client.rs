//! Any bytes as what a server says to the native client: its answer to the handshake, frames,
//! packets. In pieces of any size they come to the same.

use std::time::Duration;

use parlor_client_demo::client::{Client, Limits, Transmit};

pub(super) fn client(data: &[u8]) {
    let Some((step, wire)) = data.split_first() else { return };
    let whole = events(wire, wire.len().max(1));
    assert_eq!(events(wire, usize::from(*step) + 1), whole);
}

/// What comes of the wire, the mistake that ends it last.
fn events(wire: &[u8], step: usize) -> Vec<String> {
    let (now, mut transmit) = (Duration::ZERO, Transmit::new(1));
    let address = "http://a:1".parse().expect("an address");
    let limits = Limits { max_message_bytes: 4096, ..Limits::default() };
    let mut client = Client::new(now, &address, limits, KEY, &mut transmit);
    let mut seen = Vec::new();
    for piece in wire.chunks(step) {
        let mut piece = piece.to_vec();
        let mut rest = piece.as_mut_slice();
        loop {
            match client.next(now, &mut rest, &mut transmit) {
                Ok(Some(event)) => seen.push(format!("{event:?}")),
                Ok(None) => break,
                Err(error) => {
                    assert!(client.is_closed());
                    seen.push(error.to_string());
                    return seen;
                }
            }
        }
    }
    seen
}

/// Of the example of RFC 6455 § 1.3, whose answer the seeds can hold: "the sample nonce".
const KEY: [u8; 16] = *b"the sample nonce";
