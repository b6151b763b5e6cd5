//! What a program can send through a client: namespaces, events, questions and answers.
//! When the session is open is `machine`'s knowledge, what is connected that of `sockets`.
//! Source: Socket.IO protocol v5, § Packet encoding.

use parlor_shared::{
    socket_io::{Draft, EventArgs, Frame},
    websocket::Opcode,
};
use serde::Serialize;

use super::{
    error::SendError,
    event::Question,
    machine::{Client, State},
    transmit::Transmit,
};

/// Each packet is complete in `transmit` when these return, or not there at all.
impl Client {
    /// Asks for a namespace; [`Connected`](super::Event::Connected) or
    /// [`Refused`](super::Event::Refused) follows. `auth` is an object, or `()`.
    ///
    /// # Errors
    /// If it could not be sent.
    pub fn connect(
        &mut self,
        namespace: &str,
        auth: &impl Serialize,
        transmit: &mut Transmit,
    ) -> Result<(), SendError> {
        let max_payload = self.max_payload()?;
        let auth = serde_json::to_string(auth).map_err(|_| SendError::Auth)?;
        let auth = match auth.as_str() {
            "null" => "",
            object if object.starts_with('{') => object,
            _ => return Err(SendError::Auth),
        };
        let packet = format!("40{}{auth}", prefix(namespace));
        fits(packet.len(), max_payload)?;
        self.sockets.connect(namespace)?;
        transmit.text(&packet);
        Ok(())
    }

    /// Leaves a namespace; its open questions will not be answered.
    ///
    /// # Errors
    /// If it was not connected.
    pub fn disconnect(
        &mut self,
        namespace: &str,
        transmit: &mut Transmit,
    ) -> Result<(), SendError> {
        self.max_payload()?;
        self.sockets.disconnect(namespace)?;
        transmit.text(&format!("41{}", prefix(namespace)));
        Ok(())
    }

    /// Sends an event.
    ///
    /// # Errors
    /// If it could not be sent.
    pub fn emit(
        &mut self,
        namespace: &str,
        event: &str,
        args: impl EventArgs,
        transmit: &mut Transmit,
    ) -> Result<(), SendError> {
        self.sockets.connected(namespace)?;
        let mut draft = Draft::event(event)?;
        args.write(&mut draft)?;
        self.send(&draft.into_event(namespace, None)?, transmit)
    }

    /// Sends an event that wants an answer; [`Answered`](super::Event::Answered) brings it with
    /// this token. When to stop waiting is the caller's to decide: see [`Self::forget`].
    ///
    /// # Errors
    /// If it could not be sent.
    pub fn ask(
        &mut self,
        namespace: &str,
        event: &str,
        args: impl EventArgs,
        token: u64,
        transmit: &mut Transmit,
    ) -> Result<(), SendError> {
        let shared = self.sockets.connected(namespace)?.clone();
        let id = self.sockets.next_ask()?;
        let mut draft = Draft::event(event)?;
        args.write(&mut draft)?;
        self.send(&draft.into_event(namespace, Some(id))?, transmit)?;
        self.sockets.asked(shared, token);
        Ok(())
    }

    /// Nobody waits for the answer to this question any more: should it come, it is dropped.
    pub fn forget(&mut self, token: u64) {
        self.sockets.forget(token);
    }

    /// Answers a question of the server's.
    ///
    /// # Errors
    /// If it could not be sent.
    pub fn answer(
        &mut self,
        question: &Question,
        args: impl EventArgs,
        transmit: &mut Transmit,
    ) -> Result<(), SendError> {
        self.sockets.connected(&question.namespace)?;
        let mut draft = Draft::ack();
        args.write(&mut draft)?;
        self.send(&draft.into_ack(&question.namespace, question.id)?, transmit)
    }

    fn max_payload(&self) -> Result<usize, SendError> {
        match self.state {
            State::Open { max_payload, .. } => Ok(max_payload),
            State::Opening { .. }
            | State::Greeting { .. }
            | State::Closing { .. }
            | State::Closed => Err(SendError::NotOpen),
        }
    }

    fn send(&self, frame: &Frame, transmit: &mut Transmit) -> Result<(), SendError> {
        let max_payload = self.max_payload()?;
        fits(frame.packets().map(|(_, packet)| packet.len()).sum(), max_payload)?;
        for (is_binary, packet) in frame.packets() {
            transmit.frame(if is_binary { Opcode::Binary } else { Opcode::Text }, packet);
        }
        Ok(())
    }
}

/// `""` for the main namespace, else its name and a comma.
pub(super) fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

fn fits(bytes: usize, limit: usize) -> Result<(), SendError> {
    if bytes <= limit { Ok(()) } else { Err(SendError::TooBig { bytes, limit }) }
}

#[cfg(test)]
mod tests {
    use parlor_shared::socket_io::{Binary, EncodeError};

    use super::super::{Event, Limits, Time, peer::Peer};
    use super::*;

    #[test]
    fn events_questions_and_answers_are_written_as_the_reference_writes_them() {
        let mut peer = Peer::connected("/a");
        peer.connects("/");
        let Peer { client, transmit, .. } = &mut peer;
        client.emit("/", "m", (1, "2"), transmit).unwrap();
        client.ask("/a", "q", (), 70, transmit).unwrap();
        client.ask("/", "q", (true,), 71, transmit).unwrap();
        client.emit("/a", "b", (Binary::from(vec![1, 2]),), transmit).unwrap();
        assert_eq!(
            peer.hears(),
            [
                r#"42["m",1,"2"]"#,
                r#"42/a,0["q"]"#,
                r#"421["q",true]"#,
                r#"451-/a,["b",{"_placeholder":true,"num":0}]"#,
                "binary [1, 2]",
            ]
        );
        let events = peer.says(r#"42/a,9["ask"]"#).unwrap();
        let [Event::Pushed(pushed)] = &events[..] else { panic!("{events:?}") };
        let question = pushed.question().unwrap();
        peer.client.answer(&question, ("yes",), &mut peer.transmit).unwrap();
        assert_eq!(peer.hears(), [r#"43/a,9["yes"]"#]);
    }

    #[test]
    fn namespaces_are_asked_for_with_an_object_or_nothing() {
        let mut peer = Peer::open();
        let Peer { client, transmit, .. } = &mut peer;
        client.connect("/", &(), transmit).unwrap();
        client.connect("/a", &serde_json::json!({"token": 1}), transmit).unwrap();
        for auth in [serde_json::json!(["a"]), serde_json::json!("a"), serde_json::json!(1)] {
            assert!(matches!(client.connect("/b", &auth, transmit), Err(SendError::Auth)));
        }
        assert_eq!(peer.hears(), ["40", r#"40/a,{"token":1}"#]);
    }

    #[test]
    fn nothing_is_sent_that_cannot_be() {
        let mut peer = Peer::connected("/a");
        let Peer { client, transmit, .. } = &mut peer;
        let long = format!("/{}", "x".repeat(256));
        for name in ["a", "", "/a,b", "/a?b", &long] {
            let refused = client.connect(name, &(), transmit);
            assert!(matches!(refused, Err(SendError::Namespace(_))), "{name}");
        }
        let again = client.connect("/a", &(), transmit);
        assert!(matches!(again, Err(SendError::AlreadyConnected(_))));
        assert!(matches!(client.emit("/b", "m", (), transmit), Err(SendError::NotConnected(_))));
        assert!(matches!(client.disconnect("/b", transmit), Err(SendError::NotConnected(_))));
        let reserved = client.emit("/a", "disconnect", (), transmit);
        assert!(matches!(reserved, Err(SendError::Encode(EncodeError::Reserved(_)))));
        let many = vec![Binary::default(); 11];
        let many = client.emit("/a", "m", (many,), transmit);
        assert!(matches!(many, Err(SendError::Encode(EncodeError::TooManyAttachments))));
        assert!(peer.hears().is_empty());
    }

    #[test]
    fn a_packet_may_have_what_the_server_takes_and_not_one_byte_more() {
        let mut peer = Peer::connected("/a");
        let Peer { client, transmit, .. } = &mut peer;
        let room = 1000 - r#"42/a,["m",""]"#.len();
        client.emit("/a", "m", ("x".repeat(room),), transmit).unwrap();
        let error = client.emit("/a", "m", ("x".repeat(room + 1),), transmit).unwrap_err();
        assert!(matches!(error, SendError::TooBig { bytes: 1001, limit: 1000 }), "{error}");
        let bytes = Binary::from(vec![0; 999]);
        assert!(matches!(
            client.emit("/a", "m", (bytes,), transmit),
            Err(SendError::TooBig { .. })
        ));
        assert_eq!(peer.hears().len(), 1);
    }

    #[test]
    fn before_and_after_the_session_nothing_is_sent() {
        let mut early = Peer::upgraded(Limits::default());
        let refused = early.client.connect("/", &(), &mut early.transmit);
        assert!(matches!(refused, Err(SendError::NotOpen)));

        let mut late = Peer::connected("/a");
        late.client.close(Time::ZERO, &mut late.transmit);
        late.hears();
        let Peer { client, transmit, .. } = &mut late;
        assert!(matches!(client.emit("/a", "m", (), transmit), Err(SendError::NotOpen)));
        assert!(matches!(client.ask("/a", "m", (), 1, transmit), Err(SendError::NotOpen)));
        assert!(matches!(client.disconnect("/a", transmit), Err(SendError::NotOpen)));
        assert!(late.hears().is_empty());
    }
}
