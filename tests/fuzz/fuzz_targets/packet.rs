//! Any text as a Socket.IO packet of either side; the arguments of what is accepted can be read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_shared::socket_io::{Args, Kind, Packet, Sender};

fuzz_target!(|text: &str| {
    for sender in [Sender::Client, Sender::Server] {
        let Ok(packet) = Packet::decode(text, sender) else { continue };
        let data = packet.data.unwrap_or("[]");
        let args = match packet.kind {
            Kind::Event => Args::of_event(data, &[]),
            Kind::Ack => Args::of_ack(data, &[]),
            _ => continue,
        };
        let _ = args.name();
        for i in 0..args.count() {
            let _ = args.get::<String>(i);
        }
    }
});
