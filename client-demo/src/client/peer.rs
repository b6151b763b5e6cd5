//! The other end of a client in tests: a server in memory that says what it is told to say.

use parlor_shared::websocket::{
    Decoder, Limits as FrameLimits, Message, Opcode, Role, accept_key, write_frame,
};

use super::{Address, Client, ClientError, Event, Limits, Time, Transmit};

/// A client, and the bytes between it and the server.
pub(super) struct Peer {
    pub(super) client: Client,
    pub(super) transmit: Transmit,
    pub(super) now: Time,
    decoder: Decoder,
}

impl Peer {
    /// A client that has sent its request and nothing else.
    pub(super) fn new(limits: Limits) -> Self {
        let address: Address = "http://localhost:3000".parse().unwrap();
        let mut transmit = Transmit::new(7);
        let client = Client::new(Time::ZERO, &address, limits, [1; 16], &mut transmit);
        let frames = FrameLimits { max_message_bytes: 1 << 20, max_fragments: 8 };
        let decoder = Decoder::new(Role::Server, frames);
        Self { client, transmit, now: Time::ZERO, decoder }
    }

    /// A client whose WebSocket is open, before the greeting.
    pub(super) fn upgraded(limits: Limits) -> Self {
        let mut peer = Self::new(limits);
        let request = String::from_utf8(std::mem::take(&mut peer.transmit.bytes)).unwrap();
        let answer = switching_protocols(&request);
        assert!(peer.gives(answer.as_bytes()).unwrap().is_empty());
        peer
    }

    /// A client with an open session: pings each second, 500 ms to answer, 1000 bytes at most.
    pub(super) fn open() -> Self {
        let mut peer = Self::upgraded(Limits { max_message_bytes: 1000, ..Limits::default() });
        let events = peer.says(GREETING).unwrap();
        assert!(matches!(events[..], [Event::Open(_)]), "{events:?}");
        peer
    }

    /// A client that is connected to this namespace, too.
    pub(super) fn connected(namespace: &str) -> Self {
        let mut peer = Self::open();
        peer.connects(namespace);
        peer
    }

    pub(super) fn connects(&mut self, namespace: &str) {
        self.client.connect(namespace, &(), &mut self.transmit).unwrap();
        let events = self.says(&format!("40{namespace},{{\"sid\":\"me\"}}")).unwrap();
        assert!(matches!(events[..], [Event::Connected { .. }]), "{events:?}");
        self.hears();
    }

    /// The server sends one text message.
    pub(super) fn says(&mut self, text: &str) -> Result<Vec<Event<'static>>, ClientError> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, Opcode::Text, text.as_bytes());
        self.gives(&bytes)
    }

    /// The server sends one binary message, or another frame.
    pub(super) fn sends(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<Vec<Event<'static>>, ClientError> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, opcode, payload);
        self.gives(&bytes)
    }

    /// The server sends bytes: what the client learns from them.
    pub(super) fn gives(&mut self, bytes: &[u8]) -> Result<Vec<Event<'static>>, ClientError> {
        let mut bytes = bytes.to_vec();
        let mut data = bytes.as_mut_slice();
        let mut events = Vec::new();
        while let Some(event) = self.client.next(self.now, &mut data, &mut self.transmit)? {
            events.push(event.into_owned());
        }
        assert!(data.is_empty(), "everything is taken");
        Ok(events)
    }

    /// What the client has sent since the last look.
    pub(super) fn hears(&mut self) -> Vec<String> {
        let mut bytes = std::mem::take(&mut self.transmit.bytes);
        read_all(&mut self.decoder, &mut bytes)
    }
}

/// The `open` packet of [`Peer::open`].
pub(super) const GREETING: &str =
    r#"0{"sid":"s","upgrades":[],"pingInterval":1000,"pingTimeout":500,"maxPayload":1000}"#;

/// The answer that opens the WebSocket that a request asks for.
pub(super) fn switching_protocols(request: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key)
    )
}

/// Messages of a client in a form that is easy to compare.
pub(super) fn read_all(decoder: &mut Decoder, bytes: &mut [u8]) -> Vec<String> {
    let mut data = bytes;
    let mut heard = Vec::new();
    while let Some(message) = decoder.next(&mut data).unwrap() {
        heard.push(match message {
            Message::Text(text) => text.into_owned(),
            Message::Binary(bytes) => format!("binary {bytes:?}"),
            Message::Ping(bytes) => format!("ping {bytes:?}"),
            Message::Pong(bytes) => format!("pong {bytes:?}"),
            Message::Close(code) => format!("close {code:?}"),
        });
    }
    heard
}
