//! The Socket.IO side of a session: namespaces, open questions, and packets whose attachments
//! are still arriving.
//! How packets travel, and when the session ends, is `machine`'s part.
//! Source: Socket.IO protocol v5; socket.io-client 4.8 for what is ignored.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use bytes::Bytes;
use parlor_shared::socket_io::{Kind, MAX_NAMESPACE_BYTES, Packet, Sender, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    error::{ClientError, SendError},
    event::{Arguments, ConnectRefusal, Event, Pushed},
};

/// Namespaces of one session. Parlor serves one of its own; applications add a few.
pub(super) const MAX_NAMESPACES: usize = 16;
/// Unanswered questions of one session: as many as a server keeps, and a bot that has more has
/// stopped reading answers.
pub(super) const MAX_ASKS: usize = 1024;

/// The state.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Bytes of one packet with its attachments.
    max_packet_bytes: usize,
    namespaces: Vec<Namespace>,
    /// Oldest first; servers mostly answer in this order.
    asks: VecDeque<Ask>,
    next_id: u64,
    assembly: Option<Box<Assembly>>,
}

#[derive(Debug)]
struct Namespace {
    name: Arc<str>,
    /// False between CONNECT and its answer.
    is_connected: bool,
}

#[derive(Debug)]
struct Ask {
    id: u64,
    namespace: Arc<str>,
    /// `None` once nobody waits for the answer any more.
    token: Option<u64>,
}

/// A packet of which attachments are missing.
#[derive(Debug)]
struct Assembly {
    text: String,
    attachments: Vec<Bytes>,
    n_missing: usize,
    n_bytes: usize,
}

impl Sockets {
    pub(super) fn new(max_packet_bytes: usize) -> Self {
        Self {
            max_packet_bytes,
            namespaces: Vec::new(),
            asks: VecDeque::new(),
            next_id: 0,
            assembly: None,
        }
    }

    /// A namespace is about to be asked for.
    pub(super) fn connect(&mut self, name: &str) -> Result<(), SendError> {
        let is_name = name.starts_with('/') && !name.contains([',', '?']);
        if !is_name || name.len() > MAX_NAMESPACE_BYTES {
            return Err(SendError::Namespace(name.to_owned()));
        }
        if self.find(name).is_some() {
            return Err(SendError::AlreadyConnected(name.to_owned()));
        }
        if self.namespaces.len() >= MAX_NAMESPACES {
            return Err(SendError::TooManyNamespaces);
        }
        self.namespaces.push(Namespace { name: Arc::from(name), is_connected: false });
        Ok(())
    }

    /// A namespace is left.
    pub(super) fn disconnect(&mut self, name: &str) -> Result<(), SendError> {
        let at = self.find(name).ok_or_else(|| SendError::NotConnected(name.to_owned()))?;
        self.remove(at);
        Ok(())
    }

    /// The namespace's shared name, if events may be sent in it.
    pub(super) fn connected(&self, name: &str) -> Result<&Arc<str>, SendError> {
        let known = self.find(name).map(|at| &self.namespaces[at]).filter(|n| n.is_connected);
        known.map(|n| &n.name).ok_or_else(|| SendError::NotConnected(name.to_owned()))
    }

    /// All namespaces, connected or about to be.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(|namespace| &*namespace.name)
    }

    /// Room for a question; the id to send it under.
    pub(super) fn next_ask(&self) -> Result<u64, SendError> {
        if self.asks.len() < MAX_ASKS { Ok(self.next_id) } else { Err(SendError::TooManyAsks) }
    }

    /// The question was sent under [`Self::next_ask`].
    pub(super) fn asked(&mut self, namespace: Arc<str>, token: u64) {
        self.asks.push_back(Ask { id: self.next_id, namespace, token: Some(token) });
        self.next_id += 1;
    }

    /// Nobody waits for this answer any more. It keeps its place until it comes.
    pub(super) fn forget(&mut self, token: u64) {
        if let Some(ask) = self.asks.iter_mut().find(|ask| ask.token == Some(token)) {
            ask.token = None;
        }
    }

    /// A text message; its first letter is the Engine.IO type.
    pub(super) fn text<'d>(
        &mut self,
        text: Cow<'d, str>,
    ) -> Result<Option<Event<'d>>, ClientError> {
        if self.assembly.is_some() {
            return Err(ClientError::MissingAttachment);
        }
        let text = json::mend_surrogates(&text).map_or(text, Cow::Owned);
        let head = self.read(&text)?;
        if head.n_attachments > 0 {
            let (n_missing, n_bytes) = (head.n_attachments, text.len());
            let (text, attachments) = (text.into_owned(), Vec::new());
            self.assembly = Some(Box::new(Assembly { text, attachments, n_missing, n_bytes }));
            return Ok(None);
        }
        self.packet(&head, text, Vec::new())
    }

    /// A binary message.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<Option<Event<'static>>, ClientError> {
        let mut assembly = self.assembly.take().ok_or(ClientError::StrayAttachment)?;
        assembly.n_bytes += bytes.len();
        if assembly.n_bytes > self.max_packet_bytes {
            return Err(ClientError::AttachmentsTooBig);
        }
        assembly.attachments.push(Bytes::copy_from_slice(bytes));
        assembly.n_missing -= 1;
        if assembly.n_missing > 0 {
            self.assembly = Some(assembly);
            return Ok(None);
        }
        // Read again, since a namespace may have been left meanwhile.
        let head = self.read(&assembly.text)?;
        self.packet(&head, Cow::Owned(assembly.text), assembly.attachments)
    }

    fn read(&self, text: &str) -> Result<Head, ClientError> {
        let packet = Packet::decode(&text[1..], Sender::Server)?;
        Ok(Head {
            kind: packet.kind,
            namespace: self.find(packet.namespace),
            id: packet.id,
            n_attachments: packet.attachments.unwrap_or(0),
            // The JSON is the last thing in a packet.
            data_at: text.len() - packet.data.map_or(0, str::len),
        })
    }

    /// A whole packet. What belongs to no namespace of ours is ignored: it may have been on its
    /// way when the namespace was left.
    fn packet<'d>(
        &mut self,
        head: &Head,
        text: Cow<'d, str>,
        attachments: Vec<Bytes>,
    ) -> Result<Option<Event<'d>>, ClientError> {
        let Some(at) = head.namespace else { return Ok(None) };
        let arguments =
            |text, has_name| Arguments { text, array_at: head.data_at, has_name, attachments };
        let Namespace { name, is_connected } = &mut self.namespaces[at];
        let namespace = Arc::clone(name);
        match (head.kind, *is_connected) {
            (Kind::Connect, false) => {
                let Welcome { sid: id, pid } = welcome(&text[head.data_at..])?;
                *is_connected = true;
                Ok(Some(Event::Connected { namespace, id, pid }))
            }
            (Kind::ConnectError, false) => {
                let refusal = refusal(&text[head.data_at..])?;
                self.remove(at);
                Ok(Some(Event::Refused { namespace, refusal }))
            }
            (Kind::Connect | Kind::ConnectError, true) => Err(ClientError::UnexpectedPacket),
            (Kind::Disconnect, _) => {
                self.remove(at);
                Ok(Some(Event::Disconnected { namespace }))
            }
            (Kind::Ack, false) => Ok(None),
            // Who comes back hears what it has missed before it is connected.
            (Kind::Event, _) => {
                let (id, arguments) = (head.id, arguments(text, true));
                Ok(Some(Event::Pushed(Pushed { namespace, id, arguments })))
            }
            (Kind::Ack, true) => {
                let id = head.id.expect("the codec lets no ack pass without an id");
                let token = self.answered(id, &namespace)?;
                Ok(token.map(|token| Event::Answered { token, arguments: arguments(text, false) }))
            }
        }
    }

    /// Ends a question; `None` if nobody waits for its answer.
    fn answered(&mut self, id: u64, namespace: &str) -> Result<Option<u64>, ClientError> {
        let mut asks = self.asks.iter();
        let at = asks.position(|ask| ask.id == id && *ask.namespace == *namespace);
        let ask = at.and_then(|at| self.asks.remove(at)).ok_or(ClientError::UnaskedAnswer(id))?;
        Ok(ask.token)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.namespaces.iter().position(|namespace| *namespace.name == *name)
    }

    fn remove(&mut self, at: usize) {
        let gone = self.namespaces.remove(at);
        self.asks.retain(|ask| ask.namespace != gone.name);
    }
}

/// The parts of a packet that matter here.
struct Head {
    kind: Kind,
    /// Position of the namespace; `None` if it is none of ours.
    namespace: Option<usize>,
    id: Option<u64>,
    n_attachments: usize,
    /// Where the JSON begins in the message.
    data_at: usize,
}

#[derive(Deserialize)]
struct Welcome {
    sid: String,
    pid: Option<String>,
}

fn welcome(data: &str) -> Result<Welcome, ClientError> {
    serde_json::from_str(data).map_err(|_| ClientError::NoSocketId)
}

fn refusal(data: &str) -> Result<ConnectRefusal, ClientError> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
        data: Option<Box<RawValue>>,
    }
    let refusal: Refusal = serde_json::from_str(data).map_err(|_| ClientError::NoMessage)?;
    Ok(ConnectRefusal { message: refusal.message, data: refusal.data })
}

#[cfg(test)]
mod tests {
    use parlor_shared::{socket_io::Binary, websocket::Opcode};

    use super::super::peer::Peer;
    use super::*;

    #[test]
    fn several_namespaces_share_one_session() {
        let mut peer = Peer::connected("/a");
        peer.connects("/b");
        let events = peer.says(r#"42/b,["m",{"x":[1]}]"#).unwrap();
        let [Event::Pushed(pushed)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((pushed.namespace(), pushed.name().as_ref()), ("/b", "m"));
        assert_eq!(pushed.args().raw().collect::<Vec<_>>(), [r#"{"x":[1]}"#]);
        assert!(pushed.question().is_none());
        assert!(peer.says(r#"42["main"]"#).unwrap().is_empty(), "`/` is not connected");
        let events = peer.says("41/a,").unwrap();
        assert!(matches!(&events[..], [Event::Disconnected { namespace }] if &**namespace == "/a"));
        assert!(peer.says(r#"42/a,["late"]"#).unwrap().is_empty());
        peer.connects("/a");
    }

    #[test]
    fn a_refused_namespace_says_why_and_can_be_asked_for_again() {
        let mut peer = Peer::open();
        peer.client.connect("/a", &(), &mut peer.transmit).unwrap();
        let events =
            peer.says(r#"44/a,{"message":"Unauthorized","data":{"code":"E_AUTH"}}"#).unwrap();
        let [Event::Refused { refusal, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(refusal.message, "Unauthorized");
        assert_eq!(refusal.data.as_ref().unwrap().get(), r#"{"code":"E_AUTH"}"#);
        peer.connects("/a");
    }

    #[test]
    fn what_was_missed_comes_before_the_welcome_which_tells_what_to_come_back_with() {
        let mut peer = Peer::open();
        peer.client.connect("/a", &(), &mut peer.transmit).unwrap();
        assert!(peer.says(r#"43/a,0["early"]"#).unwrap().is_empty(), "an answer to nothing");
        let events = peer.says(r#"42/a,["missed"]"#).unwrap();
        assert!(matches!(&events[..], [Event::Pushed(missed)] if missed.name() == "missed"));
        let events = peer.says(r#"40/a,{"sid":"me","pid":"mine"}"#).unwrap();
        let [Event::Connected { pid, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(pid.as_deref(), Some("mine"));
    }

    #[test]
    fn answers_find_their_questions_in_any_order() {
        let mut peer = Peer::connected("/a");
        for token in [70, 71, 72] {
            peer.client.ask("/a", "q", (), token, &mut peer.transmit).unwrap();
        }
        let events = peer.says(r#"43/a,1["late",2]"#).unwrap();
        let [Event::Answered { token: 71, arguments }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(arguments.args().get::<String>(0).unwrap(), "late");
        peer.client.forget(70);
        assert!(peer.says(r#"43/a,0[]"#).unwrap().is_empty(), "nobody waits for it");
        assert!(matches!(peer.says(r#"43/a,2[]"#).unwrap()[..], [Event::Answered { .. }]));
    }

    #[test]
    fn answers_to_nothing_are_errors() {
        for answer in [r#"43/a,7[]"#, r#"43/a,9007199254740991[]"#, r#"43/b,0[]"#] {
            let mut peer = Peer::connected("/a");
            peer.connects("/b");
            peer.client.ask("/a", "q", (), 70, &mut peer.transmit).unwrap();
            let error = peer.says(answer).unwrap_err();
            assert!(matches!(error, ClientError::UnaskedAnswer(_)), "{answer}: {error}");
        }
        let mut peer = Peer::connected("/a");
        peer.client.ask("/a", "q", (), 70, &mut peer.transmit).unwrap();
        peer.says("43/a,0[]").unwrap();
        assert!(matches!(peer.says("43/a,0[]"), Err(ClientError::UnaskedAnswer(0))), "twice");
    }

    #[test]
    fn binary_events_and_answers_come_when_all_their_parts_are_there() {
        let mut peer = Peer::connected("/a");
        let head = r#"452-/a,5["b",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
        assert!(peer.says(head).unwrap().is_empty());
        assert!(peer.sends(Opcode::Binary, &[1]).unwrap().is_empty());
        assert!(peer.says("2").unwrap().is_empty(), "a ping may come between");
        let events = peer.sends(Opcode::Binary, &[2, 3]).unwrap();
        let [Event::Pushed(pushed)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(pushed.args().get::<Binary>(0).unwrap(), Binary::from(vec![2, 3]));
        assert_eq!(pushed.args().get::<Binary>(1).unwrap(), Binary::from(vec![1]));
        assert!(pushed.question().is_some());

        peer.client.ask("/a", "q", (), 70, &mut peer.transmit).unwrap();
        assert!(peer.says(r#"461-/a,0[{"_placeholder":true,"num":0}]"#).unwrap().is_empty());
        let events = peer.sends(Opcode::Binary, &[9]).unwrap();
        let [Event::Answered { token: 70, arguments }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(arguments.args().get::<Binary>(0).unwrap(), Binary::from(vec![9]));
    }

    #[test]
    fn a_namespace_that_is_left_between_the_parts_gets_nothing() {
        let mut peer = Peer::connected("/a");
        peer.connects("/b");
        peer.says(r#"451-/a,["b",{"_placeholder":true,"num":0}]"#).unwrap();
        peer.client.disconnect("/a", &mut peer.transmit).unwrap();
        assert!(peer.sends(Opcode::Binary, &[1]).unwrap().is_empty());
    }

    #[test]
    fn parts_out_of_order_are_errors() {
        let mut peer = Peer::connected("/a");
        assert!(matches!(peer.sends(Opcode::Binary, &[1]), Err(ClientError::StrayAttachment)));
        let mut peer = Peer::connected("/a");
        peer.says(r#"451-/a,["b",{"_placeholder":true,"num":0}]"#).unwrap();
        assert!(matches!(peer.says(r#"42/a,["m"]"#), Err(ClientError::MissingAttachment)));
    }

    #[test]
    fn a_packet_may_have_the_limit_in_all_its_parts_and_not_one_byte_more() {
        let head = r#"452-/a,["b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        let room = 1000 - head.len() - 500;
        for (n, fits) in [(room, true), (room + 1, false)] {
            let mut peer = Peer::connected("/a");
            peer.says(head).unwrap();
            peer.sends(Opcode::Binary, &[0; 500]).unwrap();
            let last = peer.sends(Opcode::Binary, &vec![0; n]);
            assert_eq!(last.is_ok(), fits);
            if let Err(error) = last {
                assert!(matches!(error, ClientError::AttachmentsTooBig));
                assert_eq!(peer.hears(), ["close Some(1009)"]);
            }
        }
    }

    #[test]
    fn packets_that_make_no_sense_have_their_errors() {
        type Is = fn(&ClientError) -> bool;
        let bad: [(&str, Is); 6] = [
            ("4", |e| matches!(e, ClientError::SocketPacket(_))),
            ("42/a,{}", |e| matches!(e, ClientError::SocketPacket(_))),
            (r#"42/a,["connect"]"#, |e| matches!(e, ClientError::SocketPacket(_))),
            (r#"40/a,{"sid":"again"}"#, |e| matches!(e, ClientError::UnexpectedPacket)),
            ("40/new,", |e| matches!(e, ClientError::NoSocketId)),
            (r#"44/new,{"data":1}"#, |e| matches!(e, ClientError::NoMessage)),
        ];
        for (text, is_right) in bad {
            let mut peer = Peer::connected("/a");
            peer.client.connect("/new", &(), &mut peer.transmit).unwrap();
            let error = peer.says(text).unwrap_err();
            assert!(is_right(&error), "{text}: {error}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_does_not_make_an_event_unreadable() {
        let mut peer = Peer::connected("/a");
        let events = peer.says(r#"42/a,["m","\ud800!"]"#).unwrap();
        let [Event::Pushed(pushed)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(pushed.args().get::<String>(0).unwrap(), "\u{fffd}!");
    }

    #[test]
    fn namespaces_and_questions_end_at_their_limits() {
        let mut sockets = Sockets::new(1000);
        for i in 0..MAX_NAMESPACES {
            sockets.connect(&format!("/{i}")).unwrap();
        }
        assert!(matches!(sockets.connect("/more"), Err(SendError::TooManyNamespaces)));
        let name: Arc<str> = Arc::from("/0");
        for token in 0..MAX_ASKS as u64 {
            assert_eq!(sockets.next_ask().unwrap(), token);
            sockets.asked(Arc::clone(&name), token);
        }
        assert!(matches!(sockets.next_ask(), Err(SendError::TooManyAsks)));
        sockets.disconnect("/0").unwrap();
        assert!(sockets.next_ask().is_ok(), "they end with their namespace");
    }
}
