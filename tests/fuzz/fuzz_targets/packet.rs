//! Any text as a Socket.IO packet of either side; the arguments of what is accepted can be read,
//! and lie where one looks for them without the outline that the check has noted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_shared::socket_io::{Draft, EventArgs, Kind, Packet, Sender, json};

fuzz_target!(|text: &str| {
    for sender in [Sender::Client, Sender::Server] {
        let Ok(packet) = Packet::decode(text, sender) else { continue };
        if !matches!(packet.kind, Kind::Event | Kind::Ack) {
            continue;
        }
        let args = packet.args(&[]);
        let _ = args.name();
        let mut elements = json::elements(packet.data.unwrap_or("[]"));
        if packet.kind == Kind::Event {
            elements.next();
        }
        assert!(args.raw().eq(elements.clone()));
        assert_eq!(args.count(), elements.clone().count());
        for i in 0..args.count() {
            let _ = args.get::<String>(i);
            let (mut fast, mut slow) = (Draft::ack(), Draft::ack());
            args.forward_from(i).write(&mut fast).expect("JSON");
            slow.json(&[elements.rest()]);
            let finish = |draft: Draft| draft.into_ack("/", 0).expect("no attachments");
            assert_eq!(finish(fast), finish(slow));
            elements.next();
        }
    }
});
