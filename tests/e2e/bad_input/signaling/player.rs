//! A player of `/lobby` who is a peer in `/signal`, by either transport.

use std::{collections::VecDeque, net::SocketAddr};

use parlor_server::Transport;
use serde_json::{Value, json};

use super::super::{Scene, clients::Client};

/// A description as Chromium writes one for data channels.
pub(super) const SDP: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:EEtu\r\na=ice-pwd:ePd7wpOJKXtAHl2yVfVbJIJ8\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n";

/// A frame of this kind, the first of its stream.
pub(super) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], payload].concat()
}

/// Two players of one lobby who are peers, linked by link 1.
pub(super) fn together(scene: &Scene, transport: Transport) -> [Player; 2] {
    let host = Player::hosting(scene.address(), transport);
    let guest = Player::joining(scene.address(), transport, &host.code);
    [host, guest]
}

pub(super) struct Player {
    pub(super) client: Client,
    /// The join code of its lobby.
    pub(super) code: String,
    /// By which it may be a peer.
    pub(super) token: String,
    /// What it was told when it became one.
    joined: Value,
    /// What it was told since, and has not been asked for, as event and payload.
    unread: VecDeque<(String, Value)>,
}

impl Player {
    /// Nobody yet, in both namespaces.
    pub(super) fn stranger(server: SocketAddr, transport: Transport) -> Self {
        let mut client = Client::open(server, transport);
        for namespace in ["/lobby", "/signal"] {
            client.send(&format!("40{namespace},"));
            assert!(client.next().starts_with(&format!("40{namespace},{{")));
        }
        let (code, token) = (String::new(), String::new());
        Self { client, code, token, joined: Value::Null, unread: VecDeque::new() }
    }

    pub(super) fn hosting(server: SocketAddr, transport: Transport) -> Self {
        let mut player = Self::stranger(server, transport);
        let created = player.of_lobby("create", &json!({"game": "relay", "name": "Ada"}));
        player.code = created["lobby"]["code"].as_str().unwrap().to_owned();
        player.become_peer();
        player
    }

    /// Has a seat in the lobby of this code, and is no peer yet.
    pub(super) fn seated(server: SocketAddr, transport: Transport, code: &str) -> Self {
        let mut player = Self::stranger(server, transport);
        player.of_lobby("join", &json!({"code": code, "name": "Guest", "rename": true}));
        player.code = code.to_owned();
        player.token = player.of_lobby("peer", &Value::Null)["token"].as_str().unwrap().to_owned();
        player
    }

    pub(super) fn joining(server: SocketAddr, transport: Transport, code: &str) -> Self {
        let mut player = Self::seated(server, transport, code);
        player.become_peer();
        player
    }

    fn become_peer(&mut self) {
        let token = self.of_lobby("peer", &Value::Null)["token"].clone();
        self.joined = self.accepted("join", &json!({"token": token}));
        self.token = token.as_str().unwrap().to_owned();
    }

    /// The numbers of its links.
    pub(super) fn links(&self) -> Vec<u64> {
        let told = self.unread.iter().filter(|(event, _)| event == "link").map(|(_, link)| link);
        let links = self.joined["links"].as_array().unwrap().iter().chain(told);
        links.map(|link| link["link"].as_u64().unwrap()).collect()
    }

    fn of_lobby(&mut self, event: &str, payload: &Value) -> Value {
        let answer = self.answer("/lobby", event, payload);
        assert_eq!(answer["ok"], true, "{event}: {answer}");
        answer
    }

    /// The answer to a request of `/signal`.
    pub(super) fn ask(&mut self, event: &str, payload: &Value) -> Value {
        self.answer("/signal", event, payload)
    }

    pub(super) fn accepted(&mut self, event: &str, payload: &Value) -> Value {
        let answer = self.ask(event, payload);
        assert_eq!(answer["ok"], true, "{event}: {answer}");
        answer
    }

    pub(super) fn refused(&mut self, code: &str, event: &str, payload: &Value) -> Value {
        let answer = self.ask(event, payload);
        let shown = payload.to_string();
        let shown = &shown[..shown.floor_char_boundary(200)];
        assert_eq!(answer["code"], code, "{event} {shown}: {answer}");
        answer
    }

    fn answer(&mut self, namespace: &str, event: &str, payload: &Value) -> Value {
        self.client.send(&format!("42{namespace},5{}", json!([event, payload])));
        let prefix = format!("43{namespace},5");
        loop {
            let packet = self.client.next();
            if let Some(answer) = packet.strip_prefix(&prefix) {
                let [answer]: [Value; 1] = serde_json::from_str(answer).unwrap();
                return answer;
            }
            self.note(&packet);
        }
    }

    fn note(&mut self, packet: &str) {
        // Of frames, that they came is enough here; a heartbeat outlasts each row.
        let json =
            packet.strip_prefix("42/signal,").or_else(|| packet.strip_prefix("451-/signal,"));
        let Some(json) = json else { return };
        let (event, payload): (String, Value) = match serde_json::from_str(json) {
            Ok(Value::Array(array)) => {
                (array[0].as_str().unwrap().to_owned(), array.get(1).cloned().unwrap_or_default())
            }
            other => panic!("{other:?}"),
        };
        self.unread.push_back((event, payload));
    }

    /// The next event of this name.
    pub(super) fn told(&mut self, event: &str) -> Value {
        loop {
            if let Some(payload) = self.take_told(event) {
                return payload;
            }
            let packet = self.client.next();
            self.note(&packet);
        }
    }

    /// The same if it has been heard already.
    pub(super) fn take_told(&mut self, event: &str) -> Option<Value> {
        let at = self.unread.iter().position(|(name, _)| name == event)?;
        Some(self.unread.remove(at)?.1)
    }

    /// Asks something that changes nothing: what was told before its answer has been heard then.
    pub(super) fn until_answered(&mut self) {
        let answer = self.answer("/signal", "no such event", &Value::Null);
        assert_eq!(answer["code"], "E_UNKNOWN_EVENT");
    }

    /// Nothing of this name has come by the time that it is answered.
    pub(super) fn assert_not_told(&mut self, event: &str) {
        self.until_answered();
        assert_eq!(self.take_told(event), None, "{event}");
    }

    pub(super) fn send_frame(&mut self, event: &str, link: u64, bytes: &[u8]) {
        let placeholder = json!({"_placeholder": true, "num": 0});
        self.client.send(&format!("451-/signal,{}", json!([event, link, placeholder])));
        self.client.send_bytes(bytes);
    }
}
