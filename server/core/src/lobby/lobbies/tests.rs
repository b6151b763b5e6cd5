//! Lobbies in virtual time, with clients that believe what they are told: each keeps the lobby it
//! got with its last `joined` and follows every change, and at any time that must be the lobby
//! that the server would show it afresh. One file per subject below.

mod absence;
mod blocks;
mod bots;
mod crowd;
mod entrance;
mod game;
mod inputs;
mod listing;
mod matches;
mod net;
mod peers;
mod phases;
mod players;
mod polls;
mod presence;
mod quick;
mod random;
mod reserving;
mod retry;
mod returns;
mod seats;
mod settings;
mod talk;
mod ticks;
mod timers;
mod views;
mod watching;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parlor_shared::{
    api::lobby::{Change, Changed, MatchEvent, NAMESPACE, State, TypingPush},
    id::ID_BYTES,
    socket_io::{Args, Frame, Packet, Sender},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    assignment::Assigned,
    delivery::Delivery,
    ids::MAX_IDS_PER_INPUT,
    key::{Key as _, SocketKey},
    lobby::game::Game,
};

use game::Tally;

const EPOCH_MS: u64 = 1_700_000_000_000;

/// A server with the game `tally`, and its clients by number.
struct Script {
    lobbies: Lobbies,
    now: Time,
    n_ids: u64,
    /// Random bytes to come, if not the usual ones.
    next_ids: Vec<[u8; ID_BYTES]>,
    clients: BTreeMap<u32, Client>,
    /// Resyncs and ticks.
    noted: Vec<LobbyEffect>,
    /// What was said of reservations since somebody looked.
    assigned: Vec<Assigned>,
}

/// What one client knows.
#[derive(Default)]
struct Client {
    /// What it looks at.
    view: Option<ViewId>,
    /// In whose audience it is.
    room: Option<LobbyId>,
    /// It has yet to see the newest state.
    is_behind: bool,
    lobby: Option<api::Lobby>,
    seat: Option<u8>,
    token: String,
    /// What it was told since somebody looked, one line each.
    told: Vec<String>,
}

impl Script {
    fn new() -> Self {
        Self::with_max_lobbies(1000)
    }

    fn with_max_lobbies(max_lobbies: usize) -> Self {
        // Matches begin at once, but where the countdown is what counts.
        Self::with_policy(max_lobbies, Policy::without_countdown())
    }

    fn with_policy(max_lobbies: usize, policy: Policy) -> Self {
        let mut games = Games::default();
        games.register::<Tally>("tally");
        games.register::<Tally>("other");
        ticks::register(&mut games);
        returns::register(&mut games);
        timers::register(&mut games);
        absence::register(&mut games);
        bots::register(&mut games);
        polls::register(&mut games);
        reserving::register(&mut games);
        let settings = LobbySettings {
            games,
            max_lobbies,
            max_audience: 100,
            epoch_ms: EPOCH_MS,
            seed: 5,
            policy: policy.into(),
            has_peers: true,
            inputs: None,
        };
        let now = Time::after_start(Duration::from_secs(1000));
        let (next_ids, clients) = (Vec::new(), BTreeMap::new());
        let lobbies = Lobbies::new(settings, Neighbours::alone(1));
        let (noted, assigned) = (Vec::new(), Vec::new());
        Self { lobbies, now, n_ids: 0, next_ids, clients, noted, assigned }
    }

    /// A lobby of these players; the first is its host.
    fn with_players(numbers: std::ops::Range<u32>) -> Self {
        Self::with_config(numbers, &json!({}))
    }

    fn with_config(mut numbers: std::ops::Range<u32>, config: &Value) -> Self {
        let mut script = Self::new();
        let host = numbers.next().unwrap();
        script.arrive(host);
        let create = json!({"game": "tally", "config": config, "name": name(host)});
        script.ask(host, "create", &create).unwrap();
        numbers.for_each(|number| script.enter(number, "player"));
        script.forget();
        script
    }

    /// With a match on.
    fn playing(numbers: std::ops::Range<u32>) -> Self {
        let mut script = Self::with_players(numbers.clone());
        script.start(numbers);
        script.forget();
        script
    }

    /// All are ready and the first starts.
    fn start(&mut self, mut numbers: std::ops::Range<u32>) {
        let host = numbers.next().unwrap();
        numbers.for_each(|number| drop(self.ok(number, "ready", &json!({"ready": true}))));
        self.ok(host, "start", &Value::Null);
    }

    /// A new client joins the lobby of client 0 by its code.
    fn enter(&mut self, number: u32, role: &str) {
        self.arrive(number);
        self.join(number, role).unwrap();
    }

    fn join(&mut self, number: u32, role: &str) -> Result<Value, String> {
        let code = self.code();
        self.ask(number, "join", &json!({"code": code, "name": name(number), "role": role}))
    }

    /// The code of the lobby of the first client that is in one.
    fn code(&self) -> String {
        self.clients.values().find_map(|client| Some(client.lobby.as_ref()?.code.clone())).unwrap()
    }

    fn arrive(&mut self, number: u32) {
        self.arrive_as(number, Who::default());
    }

    fn arrive_as(&mut self, number: u32, who: Who) {
        self.clients.insert(number, Client::default());
        self.tell(LobbyInput::Arrived(socket(number), who));
    }

    /// A client's socket is gone; its token is what it would come back with.
    fn vanish(&mut self, number: u32) -> String {
        let client = self.clients.remove(&number).unwrap();
        self.tell(LobbyInput::Gone(socket(number)));
        client.token
    }

    fn resume(&mut self, number: u32, token: &str) -> Result<Value, String> {
        self.ask(number, "resume", &json!({"token": token}))
    }

    /// A request and its answer: the payload, or the refusal's code; `later` if it comes with a
    /// tick.
    fn ask(&mut self, number: u32, name: &str, payload: &Value) -> Result<Value, String> {
        let array = match payload {
            Value::Null => format!("[\"{name}\"]"),
            payload => format!("[\"{name}\",{payload}]"),
        };
        let request = Request::read(&Args::of_event(&array, &[]));
        let was_due = self.awaited().is_some_and(|due| due <= self.now);
        let mut effects = self.handle(LobbyInput::Asked(socket(number), request, Some(77)));
        let is_answer = |effect: &LobbyEffect| match effect {
            LobbyEffect::Push(_, frame, _) => read(frame).1 == Some(77),
            _ => false,
        };
        if was_due && let Some(at) = effects.iter().position(is_answer) {
            let answer = effects.split_off(at);
            self.carry_out(std::mem::replace(&mut effects, answer));
        }
        if effects.is_empty() {
            return Err("later".to_owned());
        }
        let answer = match effects.remove(0) {
            LobbyEffect::Push(to, frame, Delivery::Reliable) if to == address(number) => {
                let (_, id, mut args) = read(&frame);
                assert_eq!(id, Some(77), "the answer comes before what it led to");
                args.remove(0)
            }
            other => panic!("{other:?} instead of an answer"),
        };
        let refused = answer["ok"] == Value::Bool(false);
        if !refused {
            self.answered(number, name, &answer);
        }
        self.carry_out(effects);
        self.look();
        if refused { Err(answer["code"].as_str().unwrap().to_owned()) } else { Ok(answer) }
    }

    /// A request that must be granted.
    fn ok(&mut self, number: u32, name: &str, payload: &Value) -> Value {
        self.ask(number, name, payload).unwrap_or_else(|code| panic!("{name} by {number}: {code}"))
    }

    fn action(&mut self, number: u32, kind: &str) -> Result<Value, String> {
        self.ask(number, "action", &json!({"type": kind}))
    }

    fn answered(&mut self, number: u32, name: &str, answer: &Value) {
        let client = self.clients.get_mut(&number).unwrap();
        match name {
            "create" | "join" | "resume" => {
                let joined: api::Joined = serde_json::from_value(answer.clone()).unwrap();
                let is_new = joined.token != client.token || joined.token.is_empty();
                assert!(is_new, "a token works once");
                client.token = joined.token;
                client.seat = joined.seat;
                client.lobby = Some(joined.lobby);
            }
            "leave" => client.lobby = None,
            _ => {}
        }
    }

    fn tell(&mut self, input: LobbyInput) {
        let effects = self.handle(input);
        self.carry_out(effects);
        self.look();
    }

    /// Everybody sees the newest state of what they look at. What the game fails over meanwhile is
    /// seen to.
    fn look(&mut self) {
        for client in self.clients.values_mut().filter(|client| client.is_behind) {
            client.is_behind = false;
            let Some(state) = client.view.and_then(|view| self.lobbies.state(view)) else {
                continue;
            };
            let state: State = serde_json::from_str(&state).unwrap();
            client.told.push(format!("state {}.{}", state.number, state.turn));
            client.lobby.as_mut().unwrap().state = Some(state);
        }
        if self.lobbies.deadline() == Some(Time::ZERO) {
            self.tell(LobbyInput::Timeout);
        }
    }

    fn handle(&mut self, input: LobbyInput) -> Vec<LobbyEffect> {
        let mut ids = Ids::default();
        let usual = |i| {
            let mut bytes = [0; ID_BYTES];
            bytes[..8].copy_from_slice(&Random::new(i).next_u64().to_le_bytes());
            bytes[8..16].copy_from_slice(&i.to_le_bytes());
            bytes
        };
        let mut fresh = std::mem::take(&mut self.next_ids);
        let n_ids = (MAX_IDS_PER_INPUT + self.lobbies.n_ids_wanted()) as u64;
        fresh.extend((0..n_ids).map(|i| usual(self.n_ids + i)));
        self.n_ids += n_ids;
        fresh.reverse();
        ids.refill(fresh);
        let mut effects = Vec::new();
        self.lobbies.handle(self.now, input, &mut ids, &mut effects);
        assert!(self.lobbies.is_consistent());
        effects
    }

    /// Clients hear what they are told; a socket that is to be disconnected is gone.
    fn carry_out(&mut self, effects: Vec<LobbyEffect>) {
        for effect in effects {
            match effect {
                LobbyEffect::Push(to, frame, delivery) => {
                    let number = to.socket.parts().0;
                    let client = self.clients.get_mut(&number).expect("only clients are told");
                    client.hear(&frame, delivery);
                }
                LobbyEffect::Broadcast(room, frame, delivery) => {
                    for client in self.clients.values_mut().filter(|c| c.room == Some(room)) {
                        client.hear(&frame, delivery);
                    }
                }
                LobbyEffect::Room(who, room, is_in) => {
                    // Who is gone is in no room.
                    if let Some(client) = self.clients.get_mut(&who.socket.parts().0) {
                        client.room = Some(room).filter(|_| is_in);
                    }
                }
                LobbyEffect::Watch { who, view, .. } => {
                    let client = self.clients.get_mut(&who.socket.parts().0).unwrap();
                    (client.view, client.is_behind) = (Some(view), false);
                }
                LobbyEffect::Unwatch(who) => {
                    if let Some(client) = self.clients.get_mut(&who.socket.parts().0) {
                        (client.view, client.is_behind) = (None, false);
                    }
                }
                LobbyEffect::Dirty(view) => {
                    for client in self.clients.values_mut().filter(|c| c.view == Some(view)) {
                        client.is_behind = true;
                    }
                }
                LobbyEffect::Resync(_) | LobbyEffect::Ticked { .. } | LobbyEffect::Seating(_) => {
                    self.noted.push(effect)
                }
                LobbyEffect::Assigned(to, assigned) => {
                    assert_eq!(to, ShardId::default());
                    self.assigned.push(assigned);
                }
                LobbyEffect::Disconnect(socket) => {
                    self.clients.remove(&socket.socket.parts().0);
                    self.tell(LobbyInput::Gone(socket.socket));
                }
                LobbyEffect::Tell(..) => panic!("there is no other shard"),
            }
        }
    }

    /// Lets time pass; each deadline on the way is fired when it is due.
    fn wait(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.lobbies.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.tell(LobbyInput::Timeout);
            assert!(self.lobbies.deadline().is_none_or(|at| at > self.now), "no progress");
        }
        self.now = end;
    }

    /// The next deadline, if it is not merely that of a phase.
    fn awaited(&self) -> Option<Time> {
        let phases: Vec<_> = self.lobbies.lobbies.iter().map(|(_, lobby)| lobby.until).collect();
        self.lobbies.deadline().filter(|at| !phases.contains(&Some(*at)))
    }

    /// What a client was told since somebody looked, without states.
    fn told(&mut self, number: u32) -> Vec<String> {
        let mut told = std::mem::take(&mut self.clients.get_mut(&number).unwrap().told);
        told.retain(|line| !line.starts_with("state"));
        told
    }

    fn forget(&mut self) {
        self.clients.values_mut().for_each(|client| client.told.clear());
    }

    fn lobby(&self, number: u32) -> &api::Lobby {
        self.clients[&number].lobby.as_ref().unwrap()
    }

    fn total(&self, number: u32) -> &str {
        self.lobby(number).state.as_ref().unwrap().view.get()
    }

    /// Every client in a lobby believes what the server would show it afresh.
    fn audit(&mut self) {
        let inside = |(number, client): (&u32, &Client)| client.lobby.is_some().then_some(*number);
        let inside: Vec<u32> = self.clients.iter().filter_map(inside).collect();
        self.lobbies.visitors.spare(self.now);
        for number in inside {
            let believed = serde_json::to_value(self.lobby(number)).unwrap();
            let token = self.clients[&number].token.clone();
            // Coming back to one's own place shows it and changes nothing but the token.
            let shown = self.resume(number, &token).unwrap();
            assert_eq!(believed, shown["lobby"], "what client {number} believes, and what is");
        }
    }

    /// Everybody goes, and after a while no table remembers anybody.
    fn check_nothing_is_left(mut self) {
        for number in self.clients.keys().copied().collect::<Vec<_>>() {
            self.vanish(number);
        }
        self.wait(60_000);
        assert!(self.lobbies.board.is_empty());
        let Lobbies { lobbies, by_code, by_id, by_token, places, deadlines, phases, .. } =
            &self.lobbies;
        assert!(lobbies.is_empty() && places.is_empty() && deadlines.is_empty());
        assert!(phases.is_empty() && self.lobbies.is_unvisited());
        assert!(by_code.is_empty() && by_id.is_empty() && by_token.is_empty());
    }
}

impl Client {
    fn hear(&mut self, frame: &Frame, delivery: Delivery) {
        let (name, id, mut args) = read(frame);
        if id.is_some() {
            // An answer that comes with a tick; who waits for it looks at it.
            return;
        }
        assert_eq!(args.len(), 1, "{name}");
        let payload = args.remove(0);
        let lobby = self.lobby.as_mut().expect("who is in no lobby is told of none");
        let is_volatile =
            matches!(name.as_str(), "typing" | "volatile" | "reaction" | "audience" | "tally");
        assert_eq!(delivery != Delivery::Reliable, is_volatile, "{name}");
        let line = match name.as_str() {
            "changed" => {
                let changed: Changed = serde_json::from_value(payload).unwrap();
                assert_eq!(changed.version, lobby.version + 1, "{:?}", changed.change);
                lobby.version = changed.version;
                follow(lobby, &changed.change)
            }
            "event" => {
                let event: MatchEvent = serde_json::from_value(payload).unwrap();
                assert_eq!(event.version, lobby.version + 1, "{event:?}");
                lobby.version = event.version;
                format!("event {}", event.event.get())
            }
            "typing" => {
                let TypingPush { name, seat, typing } = serde_json::from_value(payload).unwrap();
                format!("typing {name} {seat:?} {typing} under {delivery:?}")
            }
            "audience" => {
                let api::AudiencePush { count } = serde_json::from_value(payload).unwrap();
                lobby.audience = count;
                format!("audience {count} under {delivery:?}")
            }
            "tally" => {
                let tally: api::Tally = serde_json::from_value(payload).unwrap();
                format!("tally {} {:?} under {delivery:?}", tally.number, tally.votes)
            }
            "reaction" => {
                let said: api::ReactionPush = serde_json::from_value(payload).unwrap();
                format!(
                    "reaction {} {:?} {} under {delivery:?}",
                    said.name, said.seat, said.reaction
                )
            }
            "volatile" => format!("volatile {} under {delivery:?}", payload["event"]),
            "kicked" => {
                self.lobby = None;
                format!("kicked {}", payload["reason"])
            }
            "closed" => {
                self.lobby = None;
                format!("closed {}", payload["reason"])
            }
            other => panic!("unknown push {other}"),
        };
        self.told.push(line);
    }
}

/// What a client makes of a change, and the change as a line.
fn follow(lobby: &mut api::Lobby, change: &Change) -> String {
    let seat_of = |lobby: &mut api::Lobby, seat: u8| {
        lobby.seats.iter().position(|s| s.seat == seat).expect("the seat is taken")
    };
    match change {
        Change::Joined(taken) => {
            lobby.seats.push(taken.clone());
            lobby.seats.sort_unstable_by_key(|seat| seat.seat);
            format!("joined {} {}", taken.seat, taken.name)
        }
        Change::Poll(poll) => {
            lobby.poll = Some(poll.clone());
            format!("poll {} until {}", poll.number, poll.ends_ms)
        }
        Change::PollEnded(tally) => {
            lobby.poll = None;
            format!("poll {} ended {:?}", tally.number, tally.votes)
        }
        Change::Settings(terms) => {
            lobby.set_terms(terms);
            let told = serde_json::to_value(terms).unwrap();
            format!("settings {told}")
        }
        Change::Colour { seat, colour } => {
            let at = seat_of(lobby, *seat);
            lobby.seats[at].colour = Some(*colour);
            format!("colour {seat} {colour:?}")
        }
        Change::Dropped { seat, .. } | Change::Returned { seat } => {
            let is_back = matches!(change, Change::Returned { .. });
            let at = seat_of(lobby, *seat);
            lobby.seats[at].overdue = false;
            let before = std::mem::replace(&mut lobby.seats[at].connected, is_back);
            assert_ne!(before, is_back);
            format!("{} {seat}", if is_back { "returned" } else { "dropped" })
        }
        Change::Overdue { seat } => {
            let at = seat_of(lobby, *seat);
            lobby.seats[at].overdue = true;
            format!("overdue {seat}")
        }
        Change::Left { seat, reason } => {
            let at = seat_of(lobby, *seat);
            lobby.seats.remove(at);
            lobby.host = lobby.host.filter(|host| host != seat);
            format!("left {seat} {reason:?}")
        }
        Change::Host { seat } => {
            assert_ne!(lobby.host.replace(*seat), Some(*seat));
            format!("host {seat}")
        }
        Change::Ready { seat, ready } => {
            let at = seat_of(lobby, *seat);
            lobby.seats[at].ready = *ready;
            format!("ready {seat} {ready}")
        }
        Change::Spectators { count } => {
            lobby.spectators = *count;
            format!("spectators {count}")
        }
        Change::Starting { at_ms } => {
            (lobby.phase, lobby.starts_at_ms) = (api::Phase::Starting, Some(*at_ms));
            format!("starting at {}", at_ms - EPOCH_MS)
        }
        Change::Stopped => {
            (lobby.phase, lobby.starts_at_ms) = (api::Phase::Open, None);
            "stopped".to_owned()
        }
        Change::Opened => {
            (lobby.phase, lobby.state) = (api::Phase::Open, None);
            "opened".to_owned()
        }
        Change::Started { number } => {
            lobby.starts_at_ms = None;
            lobby.phase = api::Phase::Playing;
            lobby.seats.iter_mut().for_each(|seat| seat.ready = seat.bot);
            format!("started {number}")
        }
        Change::Finished { outcome } => {
            lobby.phase = api::Phase::Finished;
            lobby.seats.iter_mut().for_each(|seat| seat.overdue = false);
            format!("finished {:?} {}", outcome.winners, outcome.reason)
        }
        Change::Chat { name, seat, text, at_ms } => {
            format!("chat {name} {seat:?} {:.20} at {}", text, at_ms - EPOCH_MS)
        }
        Change::Unknown => panic!("the server knows what it says"),
    }
}

/// A frame's event name (none for an acknowledgement), id and arguments.
fn read(frame: &Frame) -> (String, Option<u64>, Vec<Value>) {
    let texts: Vec<&[u8]> = frame.packets().map(|(_, bytes)| bytes).collect();
    let [text] = texts[..] else { panic!("one packet each") };
    let text = std::str::from_utf8(text).unwrap().strip_prefix('4').unwrap();
    let packet = Packet::decode(text, Sender::Server).unwrap();
    assert_eq!(packet.namespace, NAMESPACE);
    let mut args: Vec<Value> = serde_json::from_str(packet.data.unwrap()).unwrap();
    let name = match packet.id {
        None => args.remove(0).as_str().unwrap().to_owned(),
        Some(_) => String::new(),
    };
    (name, packet.id, args)
}

fn socket(number: u32) -> SocketKey {
    SocketKey::new(number, 0)
}

fn name(number: u32) -> String {
    format!("Player {number}")
}

fn address(number: u32) -> Address {
    Address { shard: ShardId::default(), socket: socket(number) }
}
