//! Somebody in `/matchmaking`, by either transport, and from wherever a proxy says.

use std::{collections::VecDeque, net::SocketAddr};

use parlor_server::Transport;
use parlor_tests::harness::WebSocket;
use serde_json::{Value, json};

use super::super::{Scene, clients::Client};

/// The namespace, and the one that assignments lead to.
const NAMESPACES: [&str; 2] = ["/matchmaking", "/lobby"];

/// A guest's token.
pub(super) fn guest(scene: &Scene) -> String {
    let answer = scene.ask("POST /guest HTTP/1.1\r\nContent-Length: 0");
    answer.assert_status(200);
    let guest: Value = serde_json::from_str(&answer.body).unwrap();
    guest["token"].as_str().unwrap().to_owned()
}

pub(super) struct Seeker {
    pub(super) client: Client,
    /// What it was told and has not been asked for, as event and payload.
    unread: VecDeque<(String, Value)>,
}

impl Seeker {
    /// Somebody without an account.
    pub(super) fn open(server: SocketAddr, transport: Transport) -> Self {
        Self::over(Client::open(server, transport), None)
    }

    /// Somebody with one.
    pub(super) fn known(server: SocketAddr, transport: Transport, token: &str) -> Self {
        Self::over(Client::open(server, transport), Some(token))
    }

    /// The same from an address that a trusted proxy tells.
    pub(super) fn from(server: SocketAddr, address: &str, token: &str) -> Self {
        let header = format!("X-Forwarded-For: {address}\r\n");
        let mut socket = WebSocket::open(server, &header).unwrap();
        assert!(socket.text().unwrap().starts_with("0{"));
        Self::over(Client::WebSocket(Box::new(socket)), Some(token))
    }

    fn over(mut client: Client, token: Option<&str>) -> Self {
        let auth = token.map(|token| json!({"token": token}).to_string());
        for namespace in NAMESPACES {
            client.send(&format!("40{namespace},{}", auth.as_deref().unwrap_or_default()));
            let welcome = client.next();
            assert!(welcome.starts_with(&format!("40{namespace},{{")), "{welcome}");
        }
        Self { client, unread: VecDeque::new() }
    }

    /// The answer to a request of `/matchmaking`; its payload is JSON, right or wrong.
    pub(super) fn say(&mut self, event: &str, payload: &str) -> Value {
        self.answer("/matchmaking", event, payload)
    }

    pub(super) fn ask(&mut self, event: &str, payload: &Value) -> Value {
        self.say(event, &payload.to_string())
    }

    pub(super) fn accepted(&mut self, event: &str, payload: &Value) -> Value {
        let answer = self.ask(event, payload);
        assert_eq!(answer["ok"], true, "{event} {payload}: {answer}");
        answer
    }

    pub(super) fn refused(&mut self, code: &str, event: &str, payload: &str) -> String {
        let answer = self.say(event, payload);
        let shown = &payload[..payload.floor_char_boundary(200)];
        assert_eq!(answer["code"], code, "{event} {shown}: {answer}");
        answer["message"].as_str().unwrap().to_owned()
    }

    /// Takes the seat of an assignment.
    pub(super) fn come(&mut self, assignment: &Value) {
        let token = json!({"token": assignment["token"]}).to_string();
        let answer = self.answer("/lobby", "resume", &token);
        assert_eq!(answer["seat"], assignment["seat"], "{answer}");
    }

    fn answer(&mut self, namespace: &str, event: &str, payload: &str) -> Value {
        self.client.send(&format!(r#"42{namespace},5["{event}",{payload}]"#));
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
        let Some(json) = packet.strip_prefix("42/matchmaking,") else { return };
        let [event, payload]: [Value; 2] = serde_json::from_str(json).unwrap();
        self.unread.push_back((event.as_str().unwrap().to_owned(), payload));
    }

    /// The next event of this name for which this is so.
    pub(super) fn told(&mut self, event: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let is_wanted = |(name, payload): &(String, Value)| name == event && is_it(payload);
            if let Some(at) = self.unread.iter().position(is_wanted) {
                return self.unread.remove(at).unwrap().1;
            }
            let packet = self.client.next();
            self.note(&packet);
        }
    }

    /// The next word of its ticket that says this state.
    pub(super) fn stands(&mut self, state: &str) -> Value {
        self.told("ticket", |ticket| ticket["state"] == state)
    }

    /// How many words of tickets have come by the time that it is answered.
    pub(super) fn n_told(&mut self) -> usize {
        assert_eq!(self.say("no such event", "null")["code"], "E_UNKNOWN_EVENT");
        self.unread.iter().filter(|(event, _)| event == "ticket").count()
    }
}
