//! What a client asks for in namespace `/lobby`: to come in, to do something there, to go.

use std::time::Duration;

use parlor_shared::api::lobby::Phase;
use serde_json::{Value, json};

use super::{AGAIN, Asked, Token, deltas};
use crate::sim::{
    Sim,
    chance::Chance as _,
    oracle::{GameKind, Said, Story, Wish},
};

impl Sim {
    pub(in crate::sim::client) fn player_acts(&mut self, n: usize) {
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
            let is_move = ["resume", "join", "quick"].contains(&asked.event);
            is_move && asked.wish.at.since_start() > long_ago
        });
        if let Some(token) = &player.token
            && !is_moving
            && !self.random.one_in(5)
        {
            let token = token.text.clone();
            return self.resume(n, &token);
        }
        let name = self.new_name(n);
        let player = &mut self.clients[n].player;
        let visibility = self.random.pick(&["public", "public", "private"]);
        match self.random.below(10) {
            0 | 1 => {
                let (game, config) = match self.random.below(8) {
                    0 | 1 => {
                        ("circles", json!({ "drifting": 3, "ticks": self.random.between(1, 600) }))
                    }
                    2 | 3 => ("chess", json!({})),
                    4 => ("relay", json!({ "burst": 20 })),
                    5 | 6 => ("secrets", Value::Null),
                    _ => ("ticking", Value::Null),
                };
                let start = self.random.pick(&["host", "host", "ready", "full"]);
                let mut create = json!({ "game": game, "config": config, "name": name,
                    "visibility": visibility, "start": start, "deltas": deltas(n) });
                if self.random.one_in(4) && ["chess", "circles"].contains(&game) {
                    create["fill"] = json!(true);
                }
                if self.random.one_in(2) {
                    let topology = self.random.pick(&["mesh", "star"]);
                    let private = self.random.one_in(5);
                    create["links"] = json!({ "topology": topology, "private": private });
                }
                if self.random.one_in(5) {
                    create["password"] = json!(self.new_password());
                }
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
                let id = player.listed[i].clone();
                let join = json!({ "id": id, "name": name, "deltas": deltas(n) });
                self.join(n, join, &name);
            }
            _ => {
                let role = match self.random.below(10) {
                    0 | 1 => "spectator",
                    2..5 => "audience",
                    _ => "player",
                };
                let n_codes = self.codes.len() as u32;
                // The newest ones are more likely to be there still.
                let i = n_codes.saturating_sub(1 + self.random.below(6));
                let code = self.codes.get(i as usize).map_or("BCDFG", String::as_str);
                let join = json!({ "code": code, "name": name, "role": role,
                    "deltas": deltas(n) });
                self.join(n, join, &name);
            }
        }
    }

    /// Wants in, and mostly says what friends say that the password is.
    fn join(&mut self, n: usize, mut join: Value, name: &str) {
        let lobbies = &self.oracle.lobbies;
        let password = lobbies.password_of(join["code"].as_str(), join["id"].as_str());
        let password = match self.random.below(10) {
            0 => "guessed",
            1 => "",
            _ => password,
        };
        if !password.is_empty() {
            join["password"] = json!(password);
        }
        self.request(n, "join", &join, name);
    }

    fn new_password(&mut self) -> String {
        format!("sesame {}", self.random.below(1_000))
    }

    /// What nobody else is called.
    pub(in crate::sim::client) fn new_name(&mut self, n: usize) -> String {
        let player = &mut self.clients[n].player;
        player.n_names += 1;
        format!("p{n}-{}", player.n_names)
    }

    /// Goes where a seat waits: out of the lobby that it is in, if need be.
    pub(in crate::sim::client) fn take_seat(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let (Some(seat), player) = (client.seeker.seat.clone(), &mut client.player) else { return };
        if !player.is_in || player.is_moving() {
            return;
        }
        if let Some(story) = &player.story {
            if story.lobby != seat.lobby {
                self.request(n, "leave", &Value::Null, "");
                self.hurries(n);
            }
            return;
        }
        if player.token.as_ref().is_none_or(|token| token.lobby != seat.lobby) {
            // Whatever else it had is left to fall.
            player.token = Some(Token::of_seat(seat));
        }
        let token = player.token.as_ref().map(|token| token.text.clone()).unwrap_or_default();
        self.resume(n, &token);
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
        let is_peer = self.clients[n].peer.token.is_some();
        let player = &mut self.clients[n].player;
        let story = player.story.as_ref();
        let phase = story.map(|story| story.fold.phase);
        let kind = story.map(|story| story.kind);
        if story.is_some_and(|story| story.is_fan) {
            return self.act_in_audience(n);
        }
        let has_poll = story.is_some_and(|story| story.fold.poll.is_some());
        if has_poll && self.random.one_in(8) {
            return self.vote(n);
        }
        let n_legal = story.map_or(0, |story| story.legal.len() as u32);
        let is_host =
            story.is_some_and(|story| story.seat.is_some() && story.seat == story.fold.host);
        let may_claim = story.is_some_and(|story| story.fold.seats.values().any(|s| s.overdue));
        let is_on = phase == Some(Phase::Playing) && kind != Some(GameKind::Chess);
        let one_in = if is_on { 30 } else { 100 };
        if self.random.one_in(if may_claim { 3 } else { one_in }) {
            return self.request(n, "claim", &Value::Null, "");
        }
        if is_host && self.random.one_in(10) {
            return self.lead(n);
        }
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
            9 if self.random.one_in(2) => {
                let typing = json!({ "typing": self.random.one_in(2) });
                self.request(n, "typing", &typing, "");
            }
            9 | 15 if !is_peer || self.random.one_in(8) => {
                self.request(n, "peer", &Value::Null, "");
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
        let player = &self.clients[n].player;
        if player.story.is_none() || player.is_moving() {
            // What it is about would be another lobby, of which nothing is known yet.
            return;
        }
        match self.random.below(11) {
            0 => self.request(n, "stop", &Value::Null, ""),
            1 => {
                let locked = self.random.one_in(4);
                self.request(n, "settings", &json!({ "locked": locked }), "");
            }
            2 => {
                let start = self.random.pick(&["host", "ready"]);
                self.request(n, "settings", &json!({ "start": start }), "");
            }
            3 => {
                let is_open = self.random.one_in(2);
                let password = if is_open { String::new() } else { self.new_password() };
                self.request(n, "settings", &json!({ "password": password }), "");
            }
            4 => {
                let seat = self.random.below(4);
                self.request(n, "host", &json!({ "seat": seat }), "");
            }
            5 => self.ask_audience(n),
            6 => self.request(n, "bot", &Value::Null, ""),
            7 => {
                let fill = self.random.one_in(2);
                self.request(n, "settings", &json!({ "fill": fill }), "");
            }
            8 => {
                let capacity = self.random.between(1, 4);
                self.request(n, "settings", &json!({ "capacity": capacity }), "");
            }
            _ => self.send_away(n),
        }
    }

    /// Asks the audience something, and says how long it has.
    fn ask_audience(&mut self, n: usize) {
        let seconds = self.random.between(1, 20);
        let options = &["yes", "no", "maybe"][..self.random.between(2, 3) as usize];
        let question = format!("{seconds} seconds: who wins?");
        let poll = json!({ "question": question, "options": options, "seconds": seconds });
        self.request(n, "poll", &poll, "");
    }

    fn vote(&mut self, n: usize) {
        let vote = json!({ "option": self.random.below(4) });
        self.request(n, "vote", &vote, "");
    }

    /// One of the audience does what it may, or tries what it may not.
    fn act_in_audience(&mut self, n: usize) {
        match self.random.below(40) {
            0..3 => self.request(n, "leave", &Value::Null, ""),
            3..6 => self.request(n, "resync", &Value::Null, ""),
            // Who has gone elsewhere meanwhile would be heard there.
            6 if !self.clients[n].player.is_moving() => {
                self.request(n, "chat", &json!({ "text": "hear me" }), "");
            }
            7 => self.request(n, "start", &Value::Null, ""),
            8 => self.request(n, "list", &Value::Null, ""),
            9 => self.watch(n),
            10 => self.resume_in_place(n),
            11 => self.act_at_will(n, &json!({ "type": "shout" })),
            _ => self.vote(n),
        }
    }

    /// Sends somebody away, or who is not the host tries to.
    fn send_away(&mut self, n: usize) {
        let player = &mut self.clients[n].player;
        let lobby = player.story.as_ref().map(|story| story.lobby.clone());
        let others = self.clients.iter().filter_map(|other| other.player.story.as_ref());
        let others = others.filter(|story| Some(&story.lobby) == lobby.as_ref());
        let others: Vec<_> = others.map(|story| (story.seat, story.name.clone())).collect();
        let i = self.random.below(others.len() as u32) as usize;
        let mut kick = match &others[i] {
            (Some(seat), _) => json!({ "seat": seat }),
            (None, name) => json!({ "spectator": name }),
        };
        if self.random.one_in(2) {
            kick["ban"] = json!(self.random.pick(&["player", "address"]));
        }
        self.request(n, "kick", &kick, "");
    }

    /// Does something.
    pub(in crate::sim::client) fn act_at_will(&mut self, n: usize, action: &Value) {
        let about = json!([null, action]).to_string();
        self.request(n, "action", action, &about);
    }

    /// Does something under the next number.
    pub(in crate::sim::client) fn act_once(&mut self, n: usize, action: &Value) {
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
        // In a match that has begun meanwhile it would be another one.
        let brings_a_match = ["ready", "rematch", "start", "settings"];
        let may_begin = player.asked.values().any(|asked| brings_a_match.contains(&asked.event))
            || player.story.as_ref().is_some_and(|story| {
                story.seat.and_then(|own| story.fold.seats.get(&own)).is_some_and(|own| own.ready)
            });
        if let Some((of, seq, action, _)) = player.last_input.clone()
            && place == Some(of)
            && !may_begin
        {
            self.request(n, "input", &json!([seq, action]), AGAIN);
        }
    }

    fn request(&mut self, n: usize, event: &'static str, payload: &Value, about: &str) {
        if self.clients[n].mood.is_silent {
            return;
        }
        let epoch = self.clients[n].epoch;
        let player = &mut self.clients[n].player;
        let id = player.n_ids;
        player.n_ids += 1;
        if let Some(token) = &mut player.token {
            // If this counts, and the answer to what came before is lost, so is the token.
            token.is_sure &= player.asked.values().all(|asked| asked.event != "resume");
        }
        let token = player.token.clone().filter(|token| token.text == about);
        let (wish, about) = (Wish { client: n, id, at: self.now }, about.to_owned());
        let is_outside = player.story.is_none() && !player.is_moving();
        let lobby = player.story.as_ref().map(|story| story.lobby.clone());
        if event == "quick" {
            self.oracle.lobbies.seeks(wish);
        }
        if let Some(story) = &player.story {
            self.oracle.lobbies.wishes(story, wish, event, payload);
            if event == "vote" {
                self.oracle.lobbies.votes(story, wish, epoch, payload);
            }
        }
        let payload = payload.clone();
        let asked =
            Asked { event, about, payload: payload.clone(), wish, lobby, is_outside, token };
        player.asked.insert(id, asked);
        let args = match payload {
            Value::Array(args) => [&[json!(event)], args.as_slice()].concat(),
            payload => vec![json!(event), payload],
        };
        self.say(n, &format!("42/lobby,{id}{}", Value::Array(args)));
    }

    fn watch(&mut self, n: usize) {
        let filter = self.random.pick(&[r#"{"free":1}"#, r#"{"game":"chess"}"#, r#"{"limit":2}"#]);
        let filter: Value = serde_json::from_str(filter).expect("JSON");
        self.request(n, "watch", &filter, "");
    }
}
