//! What clients do in namespace `/lobby`, and what they make of what they are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use parlor_core::time::Time;
use parlor_shared::{
    api::{
        Refusal, Reply, chess, code,
        lobby::{self as api, Changed, Joined, Listing, MatchEvent, Phase},
    },
    socket_io::{Args, Kind, Packet, Sender},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::sim::{
    Invariant, Sim,
    chance::Chance as _,
    oracle::{At, Came, GameKind, Left, Place, Said, Story},
    plan::GRACE,
};

/// What an input is about that was sent before.
const AGAIN: &str = "again";

#[derive(Debug, Default)]
pub(super) struct Player {
    /// Connected to `/lobby`.
    is_in: bool,
    asked: BTreeMap<u64, Asked>,
    pub(super) story: Option<Story>,
    token: Option<Token>,
    /// Tokens that are worth nothing.
    stale: Vec<String>,
    n_ids: u64,
    n_names: u64,
    /// Ids of public lobbies.
    listed: Vec<String>,
    /// The last input that was accepted, its lobby and match, and its turn.
    last_input: Option<(Place, u64, Value, u64)>,
    /// Ids of the lobbies in the listing that it watches.
    watched: BTreeSet<String>,
}

/// A request that is not answered.
#[derive(Debug, Clone)]
struct Asked {
    event: &'static str,
    /// What it was about: a name, a code, a token, what was said; of an action `[number, action]`.
    about: String,
    /// The number of an input.
    seq: Option<u64>,
    at: Time,
    /// The way back that was meant, should the client find another before the answer comes.
    token: Option<Token>,
}

/// The way back to a seat.
#[derive(Debug, Clone)]
struct Token {
    text: String,
    /// The one before, which may still work.
    previous: Option<String>,
    lobby: String,
    name: String,
    seat: Option<u8>,
    /// What was seen there last.
    left: Option<Left>,
    /// Since when the seat is without a connection: at the earliest, and for certain.
    lost_at: Option<Time>,
    lost_for_sure_at: Option<Time>,
    /// Nothing is under way that would make it worthless.
    is_sure: bool,
}

type Check = Result<(), (Invariant, String)>;

impl Sim {
    /// The session is gone, and with it all that was under way.
    pub(super) fn player_lost(&mut self, n: usize, at: Option<At>) {
        let closed_at = at.and_then(|at| self.closed_at(at));
        let now = self.now;
        let player = &mut self.clients[n].player;
        let story = player.story.take();
        let was_in = story.is_some();
        let is_leaving = player.asked.values().any(|asked| asked.event == "leave");
        let is_returning = player.asked.values().any(|asked| asked.event == "resume");
        if let Some(token) = &mut player.token {
            token.left = story.as_ref().map(Left::of).or_else(|| token.left.take());
            token.is_sure &= !is_leaving;
            if was_in || token.lost_at.is_none() {
                token.lost_at = Some(closed_at.unwrap_or(now).min(now));
                token.lost_for_sure_at = closed_at.filter(|_| was_in);
            }
            if is_returning {
                // The seat may have been taken again for a while.
                token.lost_for_sure_at = None;
            }
        }
        player.is_in = false;
        player.asked.clear();
    }

    pub(super) fn player_acts(&mut self, n: usize) {
        if !self.clients[n].player.is_in {
            if self.random.one_in(20) && !self.clients[n].mood.is_idle {
                if let Some(at) = self.clients[n].at {
                    self.oracle.allow(at, parlor_core::close::CloseReason::ForcedClose);
                }
                self.say(n, "40/lobby,");
            }
            return;
        }
        let n_times = if self.random.one_in(10) { self.random.between(2, 12) } else { 1 };
        for _ in 0..n_times {
            if self.clients[n].player.story.is_some() || self.random.one_in(6) {
                self.act_inside(n);
            } else {
                self.act_outside(n);
            }
        }
    }

    fn act_outside(&mut self, n: usize) {
        let player = &mut self.clients[n].player;
        let long_ago = self.now.since_start().saturating_sub(Duration::from_secs(20));
        let is_moving = player.asked.values().any(|asked| {
            ["resume", "join", "quick"].contains(&asked.event) && asked.at.since_start() > long_ago
        });
        if let Some(token) = &player.token
            && !is_moving
            && !self.random.one_in(5)
        {
            let token = token.text.clone();
            return self.resume(n, &token);
        }
        player.n_names += 1;
        let name = format!("p{n}-{}", player.n_names);
        let visibility = self.random.pick(&["public", "public", "private"]);
        match self.random.below(10) {
            0 | 1 => {
                let (game, config) = match self.random.below(8) {
                    0..3 => {
                        ("circles", json!({ "drifting": 3, "ticks": self.random.between(1, 600) }))
                    }
                    3 | 4 => ("chess", json!({})),
                    5 => ("relay", json!({ "burst": 20 })),
                    6 => ("secrets", Value::Null),
                    _ => ("ticking", Value::Null),
                };
                let start = self.random.pick(&["host", "host", "ready", "full"]);
                let create = json!({ "game": game, "config": config, "name": name,
                    "visibility": visibility, "start": start, "deltas": deltas(n) });
                self.request(n, "create", &create, &name);
            }
            2 => self.request(n, "list", &Value::Null, ""),
            3 if !player.stale.is_empty() => {
                let i = self.random.below(player.stale.len() as u32) as usize;
                let token = player.stale[i].clone();
                self.resume(n, &token);
            }
            4 => self.take_over(n),
            6 => {
                let game = self.random.pick(&["chess", "circles"]);
                let quick = json!({ "game": game, "name": name, "deltas": deltas(n) });
                self.request(n, "quick", &quick, &name);
            }
            7 => self.watch(n),
            5 if !player.listed.is_empty() => {
                let i = self.random.below(player.listed.len() as u32) as usize;
                let join = json!({ "id": player.listed[i], "name": name, "deltas": deltas(n) });
                self.request(n, "join", &join, &name);
            }
            _ => {
                let role = if self.random.one_in(5) { "spectator" } else { "player" };
                let n_codes = self.codes.len() as u32;
                // The newest ones are more likely to be there still.
                let i = n_codes.saturating_sub(1 + self.random.below(6));
                let code = self.codes.get(i as usize).map_or("BCDFG", String::as_str);
                let join = json!({ "code": code, "name": name, "role": role,
                    "deltas": deltas(n) });
                self.request(n, "join", &join, &name);
            }
        }
    }

    /// A second tab: this client goes on in a seat that another holds.
    fn take_over(&mut self, n: usize) {
        let other = self.random.below(self.clients.len() as u32) as usize;
        let player = &self.clients[n].player;
        let is_free = player.token.is_none() && player.asked.is_empty();
        let holder = &self.clients[other].player;
        let is_returning = holder.asked.values().any(|asked| asked.event == "resume");
        if other == n || !is_free || holder.story.is_none() || is_returning {
            return;
        }
        let Some(mut token) = self.clients[other].player.token.take() else { return };
        (token.lost_at, token.lost_for_sure_at, token.is_sure) = (None, None, false);
        token.left = None;
        let text = token.text.clone();
        self.clients[n].player.token = Some(token);
        self.resume(n, &text);
    }

    /// To be sure, as some clients do after a while without network.
    fn resume_in_place(&mut self, n: usize) {
        let player = &self.clients[n].player;
        let is_returning = player.asked.values().any(|asked| asked.event == "resume");
        if let Some(token) = player.token.as_ref().filter(|_| !is_returning) {
            let token = token.text.clone();
            self.resume(n, &token);
        }
    }

    fn resume(&mut self, n: usize, token: &str) {
        let player = &self.clients[n].player;
        // By the same socket nothing is missed.
        let own = player.token.as_ref().filter(|own| own.text == token && player.story.is_none());
        let seen = own.and_then(|own| own.left.as_ref()).map(|left| left.version);
        let mut resume = json!({ "token": token, "deltas": deltas(n) });
        if let Some(seen) = seen {
            resume["version"] = json!(seen);
        }
        self.request(n, "resume", &resume, token);
    }

    fn act_inside(&mut self, n: usize) {
        let player = &mut self.clients[n].player;
        let story = player.story.as_ref();
        let phase = story.map(|story| story.fold.phase);
        let kind = story.map(|story| story.kind);
        let n_legal = story.map_or(0, |story| story.legal.len() as u32);
        match self.random.below(20) {
            0 | 1 => {
                let ready = json!({ "ready": !self.random.one_in(4) });
                self.request(n, "ready", &ready, "");
            }
            2..5 if phase != Some(Phase::Playing) => self.request(n, "start", &Value::Null, ""),
            5 | 6 if phase == Some(Phase::Finished) => {
                self.request(n, "rematch", &Value::Null, "");
            }
            7 | 8 => {
                self.n_said += 1;
                let text = Said { number: self.n_said, client: n }.text();
                self.request(n, "chat", &json!({ "text": text }), &text);
            }
            9 => {
                let typing = json!({ "typing": self.random.one_in(2) });
                self.request(n, "typing", &typing, "");
            }
            10 if self.random.one_in(3) => self.resume_in_place(n),
            10 => self.request(n, "list", &Value::Null, ""),
            16 if self.random.one_in(4) => self.watch(n),
            17 if self.random.one_in(8) => self.request(n, "unwatch", &Value::Null, ""),
            11 if self.random.one_in(4) => self.request(n, "leave", &Value::Null, ""),
            12 if self.random.one_in(4) && kind == Some(GameKind::Chess) => {
                let action = self.random.pick(&["resign", "offer_draw", "accept_draw"]);
                self.request(n, "action", &json!({ "type": action }), "");
            }
            13 if self.random.one_in(4) => {
                let wrong = self.random.pick(&[r#"{"type":"move","move":"a1a1"}"#, "7", "null"]);
                let wrong: Value = serde_json::from_str(wrong).expect("JSON");
                self.request(n, "action", &wrong, "");
            }
            14 if self.random.one_in(3) => self.lead(n),
            14 if self.random.one_in(4) => self.request(n, "nonsense", &Value::Null, ""),
            15 if self.random.one_in(4) => {
                player.n_names += 1;
                let name = format!("p{n}-{}", player.n_names);
                self.request(n, "create", &json!({ "game": "chess", "name": name }), &name);
            }
            16 if self.random.one_in(3) => self.request(n, "resync", &Value::Null, ""),
            16..19 if phase == Some(Phase::Playing) && kind != Some(GameKind::Chess) => {
                self.play(n)
            }
            19 => self.input_again(n),
            _ if n_legal > 0 && self.random.one_in(3) => {
                let i = self.random.below(n_legal) as usize;
                let legal = story.map(|story| story.legal[i].clone()).unwrap_or_default();
                self.act_once(n, &json!({ "type": "move", "move": legal }));
            }
            _ if n_legal > 0 => {
                let i = self.random.below(n_legal) as usize;
                let legal = story.map(|story| story.legal[i].clone()).unwrap_or_default();
                self.act_at_will(n, &json!({ "type": "move", "move": legal }));
            }
            _ => {}
        }
    }

    /// Does what only hosts may, whether host or not.
    fn lead(&mut self, n: usize) {
        match self.random.below(4) {
            0 => self.request(n, "stop", &Value::Null, ""),
            1 => {
                let locked = self.random.one_in(4);
                self.request(n, "settings", &json!({ "locked": locked }), "");
            }
            2 => {
                let start = self.random.pick(&["host", "ready"]);
                self.request(n, "settings", &json!({ "start": start }), "");
            }
            _ => {
                let seat = self.random.below(4);
                self.request(n, "host", &json!({ "seat": seat }), "");
            }
        }
    }

    /// Does something.
    pub(super) fn act_at_will(&mut self, n: usize, action: &Value) {
        let about = json!([null, action]).to_string();
        self.request(n, "action", action, &about);
    }

    /// Does something under the next number.
    pub(super) fn act_once(&mut self, n: usize, action: &Value) {
        self.n_inputs += 1;
        let mut input = json!([self.n_inputs, action]);
        let about = input.to_string();
        let tick = self.clients[n].player.story.as_ref().and_then(|story| story.tick);
        if let (Some(tick), Value::Array(args)) = (tick, &mut input)
            && self.random.one_in(3)
        {
            // Some come too late, and some are too far ahead.
            args.push(json!({ "tick": tick + u64::from(self.random.below(12)) }));
        }
        self.request(n, "input", &input, &about);
    }

    /// Does once more what has been done: it counts once.
    fn input_again(&mut self, n: usize) {
        let player = &self.clients[n].player;
        let place = player.story.as_ref().map(Story::place);
        if let Some((of, seq, action, _)) = player.last_input.clone()
            && place == Some(of)
        {
            self.request(n, "input", &json!([seq, action]), AGAIN);
        }
    }

    fn request(&mut self, n: usize, event: &'static str, payload: &Value, about: &str) {
        if self.clients[n].mood.is_silent {
            return;
        }
        let player = &mut self.clients[n].player;
        let id = player.n_ids;
        player.n_ids += 1;
        if let Some(token) = &mut player.token {
            // If this counts, and the answer to what came before is lost, so is the token.
            token.is_sure &= player.asked.values().all(|asked| asked.event != "resume");
        }
        let token = player.token.clone().filter(|token| token.text == about);
        let seq = payload[0].as_u64();
        let about = about.to_owned();
        player.asked.insert(id, Asked { event, about, seq, at: self.now, token });
        let args = match payload {
            Value::Array(args) => [&[json!(event)], args.as_slice()].concat(),
            payload => vec![json!(event), payload.clone()],
        };
        self.say(n, &format!("42/lobby,{id}{}", Value::Array(args)));
    }

    // ---- what the server says ------------------------------------------------------------------

    pub(super) fn player_packet(&mut self, n: usize, text: &str) {
        let result = self.understand(n, text);
        if let Err((invariant, what)) = result {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }

    fn understand(&mut self, n: usize, text: &str) -> Check {
        let packet = Packet::decode(text, Sender::Server)
            .map_err(|error| (Invariant::Order, format!("{error}: {text}")))?;
        let data = packet.data.unwrap_or("null");
        match packet.kind {
            Kind::Connect => self.clients[n].player.is_in = true,
            Kind::Disconnect => {
                let player = &mut self.clients[n].player;
                player.is_in = false;
                player.story = None;
                // Another tab has the seat. What was asked may still be, by the next socket.
                player.token = None;
            }
            Kind::Ack => {
                let asked = packet.id.and_then(|id| self.clients[n].player.asked.remove(&id));
                let what = || (Invariant::Acks, format!("nobody asked {text}"));
                let asked = asked.ok_or_else(what)?;
                let data = Args::of_ack(data, &[]).raw().next().unwrap_or("null").to_owned();
                return self.acked(n, &asked, &data);
            }
            Kind::Event => {
                let args = Args::of_event(data, &[]);
                let (name, data) = (args.name(), args.raw().next().unwrap_or("null"));
                return self.pushed(n, &name, data);
            }
            Kind::ConnectError => {
                return Err((Invariant::Acks, format!("refused: {text}")));
            }
        }
        Ok(())
    }

    fn acked(&mut self, n: usize, asked: &Asked, data: &str) -> Check {
        let reply: Reply<Value> = read(data)?;
        if let Reply::Refused(refusal) = reply {
            self.trace.n_refused += 1;
            return self.refused(n, asked, &refusal);
        }
        self.trace.n_accepted += 1;
        let now = self.now;
        let player = &mut self.clients[n].player;
        match asked.event {
            event @ ("create" | "join" | "quick" | "resume") => {
                if event != "resume" {
                    // The numbers of a seat go with its player, also in a match that is on still.
                    player.last_input = None;
                }
                self.entered(n, asked, &read(data)?)
            }
            "list" => {
                let listing: Listing = read(data)?;
                player.listed = listing.lobbies.iter().map(|lobby| lobby.id.clone()).collect();
                self.oracle.lobbies.listed(&listing)
            }
            "watch" => {
                let listing: Listing = read(data)?;
                player.watched = listing.lobbies.iter().map(|lobby| lobby.id.clone()).collect();
                self.oracle.lobbies.listed(&listing)
            }
            "unwatch" => {
                player.watched.clear();
                Ok(())
            }
            "leave" => {
                player.story = None;
                if let Some(token) = player.token.take() {
                    player.stale.extend(token.previous);
                    player.stale.push(token.text);
                }
                Ok(())
            }
            event => {
                let Some(story) = &mut player.story else {
                    return Err((Invariant::Versions, format!("{event} in no lobby")));
                };
                if let Some(token) = &mut player.token {
                    player.stale.extend(token.previous.take());
                }
                match event {
                    "resync" => story.awaits_whole = true,
                    "chat" => story.said.extend(Said::read(&asked.about)),
                    "input" if asked.about == AGAIN => {
                        let Some((place, seq, _, first)) = &player.last_input else {
                            return Ok(());
                        };
                        // Since it was sent another one may have been accepted.
                        if *place != story.place() || asked.seq != Some(*seq) {
                            return Ok(());
                        }
                        let acted: api::Acted = read(data)?;
                        return story.acted_again(*first, acted.turn);
                    }
                    "action" | "input" => {
                        let acted: api::Acted = read(data)?;
                        let about = serde_json::from_str(&asked.about).ok();
                        let (seq, action): (Option<u64>, Value) = about.unwrap_or_default();
                        if let Some(seq) = seq {
                            player.last_input =
                                Some((story.place(), seq, action.clone(), acted.turn));
                        }
                        let did = (seq, &action);
                        return self.oracle.lobbies.acted(now, story, did, acted.turn);
                    }
                    _ => {}
                }
                Ok(())
            }
        }
    }

    fn refused(&mut self, n: usize, asked: &Asked, refusal: &Refusal) -> Check {
        let now = self.now;
        let player = &mut self.clients[n].player;
        let rules = [chess::code::TURN, chess::code::ILLEGAL_MOVE];
        let place = player.story.as_ref().map(Story::place);
        let is_same_seat = place == player.last_input.as_ref().map(|(of, ..)| of.clone());
        if asked.about == AGAIN && is_same_seat && rules.contains(&refusal.code.as_str()) {
            return Err((Invariant::Inputs, format!("taken anew, and refused: {refusal:?}")));
        }
        if refusal.code == code::MATCH_CRASH
            && let Some(story) = &player.story
        {
            self.oracle.lobbies.crashed(story)?;
        }
        let is_own = |token: &Token| token.text == asked.about && asked.event == "resume";
        if refusal.code != code::TOKEN || !player.token.as_ref().is_some_and(is_own) {
            return Ok(());
        }
        let token = player.token.take().expect("just seen");
        if token.is_sure && token.lost_at.is_some_and(|lost_at| now < lost_at + GRACE) {
            return Err((Invariant::Grace, format!("{token:?} was not kept")));
        }
        player.stale.push(token.text);
        Ok(())
    }

    fn entered(&mut self, n: usize, asked: &Asked, joined: &Joined) -> Check {
        let (now, slack) = (self.now, self.plan.slack());
        let keep = GameKind::of(&joined.lobby.game).keep();
        let player = &mut self.clients[n].player;
        let mut name = asked.about.clone();
        let mut previous = None;
        if asked.event == "resume" {
            if player.stale.contains(&asked.about) {
                return Err((Invariant::Tokens, format!("{} works again", asked.about)));
            }
            let current = player.token.take().filter(|token| token.text == asked.about);
            let before = asked.token.clone().map(|token| Token { lost_for_sure_at: None, ..token });
            let Some(token) = current.or(before) else {
                return Err((Invariant::Tokens, "nobody has this token".to_owned()));
            };
            if (&token.lobby, token.seat) != (&joined.lobby.id, joined.seat) {
                return Err((Invariant::Seats, format!("{token:?} leads to {:?}", joined.seat)));
            }
            let is_late = |lost_at: Time| asked.at > lost_at + keep + slack;
            if token.lost_for_sure_at.is_some_and(is_late) {
                return Err((Invariant::Grace, format!("{token:?} was kept too long")));
            }
            name = token.name;
            previous = Some(token.text);
        } else if player.story.is_some() {
            return Err((Invariant::Seats, format!("{} as well", joined.lobby.id)));
        }
        if joined.created {
            self.codes.push(joined.lobby.code.clone());
        }
        player.token = Some(Token {
            text: joined.token.clone(),
            previous,
            lobby: joined.lobby.id.clone(),
            name: name.clone(),
            seat: joined.seat,
            left: None,
            lost_at: None,
            lost_for_sure_at: None,
            is_sure: player.asked.values().all(|asked| asked.event != "resume"),
        });
        let before = player.story.take().filter(|story| {
            let is_there = (&story.lobby, story.seat) == (&joined.lobby.id, joined.seat);
            is_there && story.version == joined.lobby.version
        });
        let stays = before.as_ref().map(Left::of);
        let came = match (asked.event, &stays) {
            ("resume", Some(left)) => Came::Stays(left),
            ("resume", None) => Came::Back(asked.token.as_ref().and_then(|t| t.left.as_ref())),
            _ => Came::New,
        };
        let story = self.oracle.lobbies.joined(now, joined, &name, came)?;
        self.trace.n_missed += u64::from(joined.missed.unwrap_or_default());
        player.story = Some(story);
        Ok(())
    }

    fn pushed(&mut self, n: usize, event: &str, data: &str) -> Check {
        let now = self.now;
        if event == "listing" {
            return self.relisted(n, &read(data)?);
        }
        let Some(story) = &mut self.clients[n].player.story else {
            // What only the newest counts of may come late, but for what one looks at.
            let is_late = ["typing", "volatile"].contains(&event);
            let what = || (Invariant::Versions, format!("{event} in no lobby: {data}"));
            return if is_late { Ok(()) } else { Err(what()) };
        };
        let lobbies = &mut self.oracle.lobbies;
        match event {
            "changed" => {
                let changed: Changed = read(data)?;
                self.trace.n_matches +=
                    u64::from(matches!(changed.change, api::Change::Finished { .. }));
                lobbies.changed(now, story, &changed, data)
            }
            "event" => lobbies.happened(story, &read::<MatchEvent>(data)?, data),
            "state" => lobbies.state(story, data),
            "delta" if deltas(n) => lobbies.delta(story, data),
            "closed" => {
                let player = &mut self.clients[n].player;
                player.story = None;
                let token = player.token.take();
                player.stale.extend(token.map(|token| token.text));
                Ok(())
            }
            "volatile" => story.glimpses(&read::<api::VolatileEvent>(data)?),
            "typing" => {
                let typing: api::TypingPush = read(data)?;
                if typing.name == story.name {
                    return Err((Invariant::Hidden, format!("{} hears itself", story.name)));
                }
                Ok(())
            }
            other => Err((Invariant::Order, format!("{other} is no push"))),
        }
    }

    /// A packet has reached the client, and it has made of it what it can.
    pub(super) fn player_saw(&mut self, n: usize, text: &str) {
        let story = self.clients[n].player.story.as_ref();
        if let Err((invariant, what)) = self.oracle.lobbies.saw(story, text) {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }

    fn watch(&mut self, n: usize) {
        let filter = self.random.pick(&[r#"{"free":1}"#, r#"{"game":"chess"}"#, r#"{"limit":2}"#]);
        let filter: Value = serde_json::from_str(filter).expect("JSON");
        self.request(n, "watch", &filter, "");
    }

    /// The listing that somebody watches has changed.
    fn relisted(&mut self, n: usize, change: &api::ListingChange) -> Check {
        let watched = &mut self.clients[n].player.watched;
        let what =
            |id: &String| (Invariant::Listing, format!("client {n} is told wrongly of {id}"));
        for id in &change.removed {
            watched.remove(id).then_some(()).ok_or_else(|| what(id))?;
        }
        for listed in &change.added {
            watched.insert(listed.id.clone()).then_some(()).ok_or_else(|| what(&listed.id))?;
        }
        let is_strange = |listed: &&Arc<api::Listed>| !watched.contains(&listed.id);
        if let Some(listed) = change.changed.iter().find(is_strange) {
            return Err(what(&listed.id));
        }
        let lobbies = change.added.iter().chain(&change.changed).cloned().collect();
        self.oracle.lobbies.listed(&Listing { lobbies })
    }

    pub(super) fn player_drained(&mut self, n: usize) {
        if let Some(story) = &self.clients[n].player.story
            && let Err((invariant, what)) = self.oracle.lobbies.drained(self.now, story)
        {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }
}

/// Two of three clients can do something with deltas.
fn deltas(n: usize) -> bool {
    !n.is_multiple_of(3)
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T, (Invariant, String)> {
    serde_json::from_str(data).map_err(|error| (Invariant::Order, format!("{error}: {data}")))
}
