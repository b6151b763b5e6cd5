//! A world, its sessions and random players on one thread, in virtual time, from one seed.
//! Players lose connections, stop reading, come back, and play chess and circles in lobbies; after
//! each step the tables agree, whoever sees the same state of a match sees the same, as a whole or
//! put together from deltas, and at the end nothing is left behind.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use parlor_core::{
    World, WorldSettings,
    close::CloseReason,
    cluster::Neighbours,
    delivery::Delivery,
    effect::{Effect, Effects},
    engine_io::{Session, SessionEffect, SessionInput, Settings, Transport},
    ids::REFILL,
    input::Input,
    key::{SessionKey, Table, ViewId},
    lobby::{Games, LobbySettings, game::Random},
    time::Time,
};
use parlor_shared::{
    api::delta,
    engine_io::Packet as EnginePacket,
    socket_io::{Args, Frame, Kind, Packet, Sender},
    websocket::{Decoder, Limits, Message, Role},
};
use serde_json::{Value, json};

const N_PLAYERS: usize = 12;

/// What became of a run: two of one seed are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    hash: u64,
    n_pushes: u64,
    n_accepted: u64,
    n_refused: u64,
    n_matches: u64,
    n_deltas: u64,
    n_ticks: u64,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, n_pushes, n_accepted, n_refused, n_matches, n_deltas, n_ticks } = self;
        write!(
            f,
            "trace {hash:016x}, {n_accepted} requests accepted, {n_refused} refused, \
             {n_pushes} pushes, {n_deltas} deltas, {n_ticks} ticks, {n_matches} matches ended"
        )
    }
}

/// The simulated server and its players.
#[derive(Debug)]
pub struct Sim {
    now: Time,
    random: Random,
    settings: Arc<Settings>,
    world: World,
    sessions: Table<SessionKey, SimSession>,
    players: Vec<Player>,
    codes: Vec<String>,
    /// States of circles that somebody saw: by code, match, tick, and whether it was over.
    seen: BTreeMap<(String, u64, u64, bool), Value>,
    trace: Trace,
}

#[derive(Debug)]
struct SimSession {
    session: Session,
    player: usize,
    decoder: Decoder,
    /// The player's machine takes no bytes.
    is_blocked: bool,
    /// It is switched off: nothing comes back, pongs included.
    is_silent: bool,
}

#[derive(Debug, Default)]
struct Player {
    session: Option<SessionKey>,
    is_connected: bool,
    token: Option<String>,
    /// Of the last change; `None` outside of lobbies.
    version: Option<u64>,
    /// Of the lobby.
    code: String,
    /// What deltas build on.
    base: Option<(u64, Value)>,
    /// Number of the last input.
    seq: u64,
    legal: Vec<String>,
    next_id: u64,
    asked: BTreeMap<u64, &'static str>,
}

/// Effects that concern sessions, to be carried out when the world is done.
#[derive(Default)]
struct Carried {
    wanted: Vec<(SessionKey, Wanted)>,
    n_ticks: u64,
}

enum Wanted {
    Send(Frame, Delivery),
    Show(ViewId, bool),
    Hide(ViewId),
    Rebase(ViewId),
    Close(CloseReason),
}

impl Effects for Carried {
    fn push(&mut self, effect: Effect<'_>) {
        let (session, wanted) = match effect {
            Effect::Send(session, frame, delivery) => (session, Wanted::Send(frame, delivery)),
            Effect::Show(session, view, deltas) => (session, Wanted::Show(view, deltas)),
            Effect::Hide(session, view) => (session, Wanted::Hide(view)),
            Effect::Rebase(session, view) => (session, Wanted::Rebase(view)),
            Effect::Close(session, reason) => (session, Wanted::Close(reason)),
            Effect::Ticked(..) => {
                self.n_ticks += 1;
                return;
            }
            other => unreachable!("only /lobby is served here, but {other:?}"),
        };
        self.wanted.push((session, wanted));
    }
}

impl Sim {
    /// A fresh world for this seed.
    pub fn new(seed: u64) -> Self {
        let mut games = Games::default();
        games.register::<parlor_games::Chess>("chess");
        games.register::<parlor_games::Circles>("circles");
        let lobbies = LobbySettings { games, max_lobbies: 5, epoch_ms: 0, seed };
        Self {
            now: Time::ZERO,
            random: Random::new(seed),
            settings: Arc::new(Settings { max_queue_bytes: 20_000, ..Settings::default() }),
            world: World::new(WorldSettings {
                neighbours: Neighbours::alone(1),
                namespaces: Vec::new(),
                connect_timeout: Duration::from_secs(10),
                max_payload: 1_000_000,
                hash_seed: seed,
                lobbies: Some(lobbies),
            }),
            sessions: Table::default(),
            players: (0..N_PLAYERS).map(|_| Player::default()).collect(),
            codes: Vec::new(),
            seen: BTreeMap::new(),
            trace: Trace {
                hash: seed,
                n_pushes: 0,
                n_accepted: 0,
                n_refused: 0,
                n_matches: 0,
                n_deltas: 0,
                n_ticks: 0,
            },
        }
    }

    /// Takes so many steps, then lets everybody go.
    ///
    /// # Errors
    /// The invariant that was broken.
    pub fn run(mut self, n_steps: u32) -> Result<Trace, String> {
        for step in 0..n_steps {
            self.step().map_err(|what| format!("step {step}: {what}"))?;
        }
        for player in 0..N_PLAYERS {
            self.lose(player)?;
        }
        self.pass(Duration::from_secs(300))?;
        let (sockets, lobbies) = (self.world.socket_io(), self.world.lobbies());
        let views = self.world.gallery().len();
        let left = [sockets.n_clients(), sockets.n_sockets(), lobbies.len(), views];
        if left != [0; 4] || !self.sessions.is_empty() || self.world.deadline().is_some() {
            return Err(format!("left behind: {left:?} clients, sockets, lobbies, views"));
        }
        Ok(self.trace)
    }

    fn step(&mut self) -> Result<(), String> {
        let at = self.random.below(N_PLAYERS as u32) as usize;
        match self.players[at].session {
            None => self.connect(at)?,
            Some(session) => match self.random.below(60) {
                0 => self.lose(at)?,
                1 | 2 => {
                    if let Some(slot) = self.sessions.get_mut(session) {
                        slot.is_blocked = !slot.is_blocked;
                        let input = if slot.is_blocked {
                            SessionInput::Blocked
                        } else {
                            SessionInput::Writable
                        };
                        self.tell(session, input, None)?;
                    }
                }
                3 => {
                    if let Some(slot) = self.sessions.get_mut(session) {
                        slot.is_silent = true;
                    }
                }
                4..10 => {
                    let ms = u64::from(self.random.below(4000));
                    self.pass(Duration::from_millis(ms))?;
                }
                _ => self.ask(at, session)?,
            },
        }
        self.flush()?;
        if self.world.lobbies().is_consistent() {
            Ok(())
        } else {
            Err("tables disagree".to_owned())
        }
    }

    fn connect(&mut self, at: usize) -> Result<(), String> {
        let settings = Arc::clone(&self.settings);
        let limits = Limits { max_message_bytes: 1 << 20, max_fragments: 1 };
        let session = self.sessions.insert(SimSession {
            session: Session::open(self.now, Transport::WebSocket, "0{}", settings),
            player: at,
            decoder: Decoder::new(Role::Client, limits),
            is_blocked: false,
            is_silent: false,
        });
        let player = &mut self.players[at];
        let token = player.token.take();
        *player = Player { session: Some(session), token, ..Player::default() };
        self.world(Input::Opened(session))?;
        self.text(session, "0/lobby,")?;
        self.flush()?;
        if let Some(token) = self.players[at].token.take() {
            let deltas = wants_deltas(at);
            let resume = json!([{ "token": token, "deltas": deltas }]);
            self.request(at, session, "resume", resume)?;
        }
        Ok(())
    }

    /// The connection is gone; the player may return later.
    fn lose(&mut self, at: usize) -> Result<(), String> {
        match self.players[at].session {
            Some(session) => self.tell(session, SessionInput::TransportGone { clean: false }, None),
            None => Ok(()),
        }
    }

    fn ask(&mut self, at: usize, session: SessionKey) -> Result<(), String> {
        if self.sessions.get(session).is_none_or(|slot| slot.is_silent)
            || !self.players[at].is_connected
        {
            return Ok(());
        }
        let name = json!(format!("player {at}"));
        let deltas = wants_deltas(at);
        let (event, args) = match self.random.below(19) {
            0 => {
                let (game, config) = match self.random.below(3) {
                    0 => ("circles", json!({ "ticks": 60, "drifting": 5 })),
                    _ => ("chess", json!({})),
                };
                let create = json!([{ "game": game, "config": config, "name": name,
                    "visibility": "public", "deltas": deltas }]);
                ("create", create)
            }
            1 | 2 => {
                let role = if self.random.below(4) == 0 { "spectator" } else { "player" };
                let n = self.codes.len() as u32;
                let code =
                    if n == 0 { "BCDFG" } else { &self.codes[self.random.below(n) as usize] };
                ("join", json!([{ "code": code, "name": name, "role": role, "deltas": deltas }]))
            }
            3 => ("ready", json!([{ "ready": self.random.below(4) > 0 }])),
            4 | 5 => ("start", json!([])),
            6 => ("rematch", json!([])),
            7 => ("chat", json!([{ "text": "hello" }])),
            8 => ("typing", json!([{ "typing": true }])),
            9 => ("list", json!([])),
            10 if self.random.below(3) == 0 => ("leave", json!([])),
            11 if self.random.below(6) == 0 => ("action", json!([{ "type": "resign" }])),
            12 => ("action", json!([{ "type": "move", "move": "a1a1" }])),
            13 => ("resync", json!([])),
            14 | 15 => {
                let player = &mut self.players[at];
                player.seq += u64::from(self.random.below(3));
                let part = f64::from(self.random.below(21)) / 10.0 - 1.0;
                ("input", json!([player.seq, { "type": "steer", "x": part, "y": -part }]))
            }
            _ => {
                let legal = &self.players[at].legal;
                let n = legal.len() as u32;
                let chosen = if n == 0 { "e4" } else { &legal[self.random.below(n) as usize] };
                ("action", json!([{ "type": "move", "move": chosen }]))
            }
        };
        self.request(at, session, event, args)
    }

    fn request(
        &mut self,
        at: usize,
        session: SessionKey,
        event: &'static str,
        mut args: Value,
    ) -> Result<(), String> {
        if let Value::Array(args) = &mut args {
            args.insert(0, json!(event));
        }
        let player = &mut self.players[at];
        let id = player.next_id;
        player.next_id += 1;
        player.asked.insert(id, event);
        self.text(session, &format!("2/lobby,{id}{args}"))
    }

    /// Time passes, deadline by deadline.
    fn pass(&mut self, duration: Duration) -> Result<(), String> {
        let until = self.now + duration;
        for n in 0.. {
            if n > 100_000 {
                return Err("deadlines do not end".to_owned());
            }
            let sessions =
                self.sessions.iter().filter_map(|(key, s)| Some((s.session.deadline()?, key)));
            let (session, world) = (sessions.min(), self.world.deadline());
            let at = session.map(|(at, _)| at).into_iter().chain(world).min();
            let Some(at) = at.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            match session {
                Some((due, key)) if due == at => self.tell(key, SessionInput::Timeout, None)?,
                _ => self.world(Input::Timeout)?,
            }
            self.flush()?;
        }
        self.now = until;
        Ok(())
    }

    fn text(&mut self, session: SessionKey, text: &str) -> Result<(), String> {
        self.tell(session, SessionInput::Packet(&EnginePacket::Text(text)), Some(text))
    }

    fn tell(
        &mut self,
        key: SessionKey,
        input: SessionInput<'_>,
        message: Option<&str>,
    ) -> Result<(), String> {
        let Some(slot) = self.sessions.get_mut(key) else { return Ok(()) };
        let (mut effects, player) = (Vec::new(), slot.player);
        slot.session.handle(self.now, input, &mut effects);
        for effect in effects {
            match effect {
                SessionEffect::Deliver => {
                    self.world(Input::Text(key, message.expect("only texts are delivered")))?;
                }
                SessionEffect::Closed(reason) => {
                    let player = &mut self.players[player];
                    *player = Player { token: player.token.take(), ..Player::default() };
                    self.world(Input::Closed(key, reason))?;
                }
                other => return Err(format!("{other:?} on a WebSocket")),
            }
        }
        self.drop_if_gone(key);
        Ok(())
    }

    fn drop_if_gone(&mut self, key: SessionKey) {
        if self.sessions.get(key).is_some_and(|slot| slot.session.is_gone()) {
            self.sessions.remove(key);
        }
    }

    fn world(&mut self, input: Input<'_>) -> Result<(), String> {
        let mut carried = Carried::default();
        if self.world.wants_ids() {
            let ids = (0..REFILL).map(|_| {
                let mut id = [0; 18];
                id[..8].copy_from_slice(&self.random.next_u64().to_le_bytes());
                id[8..16].copy_from_slice(&self.random.next_u64().to_le_bytes());
                id
            });
            let ids = Input::Ids(ids.collect());
            self.world.handle(self.now, ids, &mut carried);
        }
        self.world.handle(self.now, input, &mut carried);
        self.trace.n_ticks += carried.n_ticks;
        for (session, wanted) in carried.wanted {
            let input = match wanted {
                Wanted::Send(frame, delivery) => SessionInput::Send(frame, delivery),
                Wanted::Show(view, deltas) => SessionInput::Show { view, deltas },
                Wanted::Hide(view) => SessionInput::Hide { view },
                Wanted::Rebase(view) => SessionInput::Rebase { view },
                Wanted::Close(reason) => SessionInput::Close(reason),
            };
            self.tell(session, input, None)?;
        }
        Ok(())
    }

    /// Writes to everybody who reads, and lets them read.
    fn flush(&mut self) -> Result<(), String> {
        for key in self.sessions.keys() {
            while let Some(slot) = self.sessions.get_mut(key).filter(|slot| !slot.is_blocked) {
                // Sometimes only a part fits.
                let mut chunks = slot.session.poll_transmit(&mut self.world);
                let mut bytes = chunks.next().unwrap_or_default().to_vec();
                drop(chunks);
                if bytes.is_empty() {
                    break;
                }
                bytes.truncate(1 + self.random.below(bytes.len() as u32) as usize);
                slot.session.written(self.now, bytes.len());
                let messages = read(&mut slot.decoder, &mut bytes)?;
                let (player, is_silent) = (slot.player, slot.is_silent);
                self.drop_if_gone(key);
                for message in messages {
                    if message == "2" && !is_silent {
                        self.tell(key, SessionInput::Packet(&EnginePacket::Pong("")), None)?;
                    } else if let Some(text) = message.strip_prefix('4') {
                        self.receive(player, key, text)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the server said is checked by the player.
    fn receive(&mut self, at: usize, session: SessionKey, text: &str) -> Result<(), String> {
        self.trace.hash = text
            .bytes()
            .fold(self.trace.hash, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let packet =
            Packet::decode(text, Sender::Server).map_err(|error| format!("{error}: {text}"))?;
        let player = &mut self.players[at];
        if player.session != Some(session) {
            return Ok(());
        }
        let data = packet.data.unwrap_or("null");
        match packet.kind {
            Kind::Connect => player.is_connected = true,
            Kind::Disconnect => {
                *player = Player { session: player.session, ..Player::default() };
            }
            Kind::Ack => {
                let id = packet.id.ok_or("an ack without id")?;
                let asked = player.asked.remove(&id).ok_or_else(|| format!("a second ack {id}"))?;
                let reply: Value = Args::of_ack(data, &[]).get(0).map_err(|e| e.to_string())?;
                self.answered(at, asked, &reply)?;
            }
            Kind::Event => {
                let args = Args::of_event(data, &[]);
                let payload: Value = args.get(0).map_err(|error| error.to_string())?;
                self.pushed(at, &args.name(), &payload)?;
            }
            Kind::ConnectError => return Err(format!("refused: {text}")),
        }
        Ok(())
    }

    fn answered(&mut self, at: usize, asked: &str, reply: &Value) -> Result<(), String> {
        let player = &mut self.players[at];
        if reply["ok"] != json!(true) {
            self.trace.n_refused += 1;
            return Ok(());
        }
        self.trace.n_accepted += 1;
        match asked {
            "create" | "join" | "resume" => {
                player.version = reply["lobby"]["version"].as_u64();
                (player.base, player.seq) = (None, 0);
                player.code = reply["lobby"]["code"].as_str().unwrap_or_default().to_owned();
                player.token = reply["token"].as_str().map(str::to_owned);
                player.legal = legal(&reply["lobby"]["state"]);
                if asked == "create" {
                    let code = reply["lobby"]["code"].as_str().ok_or("a lobby without code")?;
                    self.codes.push(code.to_owned());
                }
            }
            "leave" => {
                player.version = None;
                player.token = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn pushed(&mut self, at: usize, event: &str, payload: &Value) -> Result<(), String> {
        self.trace.n_pushes += 1;
        let player = &mut self.players[at];
        match event {
            "changed" | "event" => {
                let version = payload["version"].as_u64().ok_or("a change without version")?;
                let before = player.version.ok_or("a change outside of a lobby")?;
                if version != before + 1 {
                    return Err(format!("player {at}: version {version} after {before}"));
                }
                player.version = Some(version);
                self.trace.n_matches += u64::from(payload["change"]["type"] == "finished");
            }
            "state" => {
                let mut state = payload.clone();
                let n = state["n"].as_u64().ok_or("a state without number")?;
                let is_key = state["key"] == true;
                if let Value::Object(members) = &mut state {
                    members.retain(|name, _| name != "n" && name != "key");
                }
                if is_key {
                    player.base = Some((n, state.clone()));
                }
                self.saw(at, &state)?;
            }
            "delta" => {
                self.trace.n_deltas += 1;
                let base = player.base.as_ref().ok_or("a delta without a key")?;
                if !wants_deltas(at) || payload["base"] != base.0 {
                    return Err(format!("player {at} got a delta on {}", payload["base"]));
                }
                let state = delta::apply(&base.1, &payload["delta"]).map_err(|e| e.to_string())?;
                self.saw(at, &state)?;
            }
            "typing" => {}
            other => return Err(format!("unknown push {other}")),
        }
        Ok(())
    }

    /// What two players see of the same tick is the same.
    fn saw(&mut self, at: usize, state: &Value) -> Result<(), String> {
        let player = &mut self.players[at];
        player.legal = legal(state);
        let (number, tick) = (state["number"].as_u64(), state["view"]["tick"].as_u64());
        if let (Some(number), Some(tick)) = (number, tick) {
            // Between two ticks a match may end because the last player leaves.
            let is_over = !state["outcome"].is_null();
            let key = (player.code.clone(), number, tick, is_over);
            let known = self.seen.entry(key).or_insert_with(|| state.clone());
            if known != state {
                return Err(format!("player {at} saw {state} where another saw {known}"));
            }
        }
        Ok(())
    }
}

fn wants_deltas(player: usize) -> bool {
    player % 2 == 1
}

fn legal(state: &Value) -> Vec<String> {
    let moves = state["view"]["legal"].as_array().map(Vec::as_slice).unwrap_or_default();
    moves.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The texts in these bytes; binary and control frames are not expected, but for the close.
fn read(decoder: &mut Decoder, mut bytes: &mut [u8]) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    while let Some(message) = decoder.next(&mut bytes).map_err(|error| error.to_string())? {
        match message {
            Message::Text(text) => texts.push(text.into_owned()),
            Message::Close(_) => {}
            other => return Err(format!("unexpected {other:?}")),
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_trace_and_another_gives_another() {
        let run = |seed| Sim::new(seed).run(1500).unwrap();
        assert_eq!(run(7), run(7));
        assert_ne!(run(7).hash, run(8).hash);
    }
}
