//! All lobbies of a shard: who is in which, and by which code, id or token one is meant.
//! What happens inside one is `machine`'s part.

use std::{collections::BTreeMap, time::Duration};

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::{self as api, Done, LeaveReason, Visibility},
    },
    id::{LobbyId, ResumeToken},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    code::Code,
    effect::{LobbyEffect, Pushes, answer},
    game::Random,
    machine::{Comer, Identity, Lobby, Member, Now},
    pace::Phases,
    play::Games,
    request::Request,
};
use crate::{
    ids::Ids,
    key::{Address, LobbyKey, ShardId, Table, ViewId},
    rate::{Allowance, Rate},
    time::{Deadlines, Time},
};

/// Lobbies told in one listing.
pub const MAX_LISTED: usize = 100;
/// Public lobbies looked at for one listing, the newest first: it must not cost a tick.
pub const MAX_EXAMINED: usize = 1000;
/// How fast one may name lobbies that do not exist: it is how codes are guessed.
const GUESS_RATE: Rate = Rate { burst: 10, every: Duration::from_secs(2) };
/// How fast one may make lobbies.
const CREATE_RATE: Rate = Rate { burst: 20, every: Duration::from_millis(100) };

/// What lobbies must know from the start.
#[derive(Debug, Clone)]
pub struct LobbySettings {
    /// The games that can be played.
    pub games: Games,
    /// Lobbies that one shard may hold.
    pub max_lobbies: usize,
    /// Milliseconds from the Unix epoch to [`Time::ZERO`].
    pub epoch_ms: u64,
    /// Seeds what is drawn by lot.
    pub seed: u64,
}

/// Everything that can happen to lobbies.
#[derive(Debug)]
pub enum LobbyInput {
    /// A socket has joined `/lobby`.
    Arrived(Address),
    /// It asks something; the answer goes to this ack id, if it wants one.
    Asked(Address, Result<Request, Refusal>, Option<u64>),
    /// It is gone.
    Gone(Address),
    /// A deadline may have passed.
    Timeout,
}

/// The machine.
#[derive(Debug)]
pub struct Lobbies {
    shard: ShardId,
    settings: LobbySettings,
    lobbies: Table<LobbyKey, Lobby>,
    by_code: BTreeMap<Code, LobbyKey>,
    by_id: BTreeMap<LobbyId, LobbyKey>,
    by_token: BTreeMap<ResumeToken, LobbyKey>,
    /// Public ones, in the order of making.
    public: BTreeMap<u64, LobbyKey>,
    n_made: u64,
    visitors: BTreeMap<Address, Visitor>,
    deadlines: Deadlines<LobbyKey>,
    phases: Phases,
    random: Random,
}

/// A socket in `/lobby`.
#[derive(Debug)]
struct Visitor {
    lobby: Option<LobbyKey>,
    guesses: Allowance,
    creations: Allowance,
}

impl Lobbies {
    /// No lobby yet. Those to come live on this shard.
    pub fn new(shard: ShardId, settings: LobbySettings) -> Self {
        Self {
            shard,
            random: Random::new(settings.seed),
            settings,
            lobbies: Table::default(),
            by_code: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_token: BTreeMap::new(),
            public: BTreeMap::new(),
            n_made: 0,
            visitors: BTreeMap::new(),
            deadlines: Deadlines::default(),
            phases: Phases::default(),
        }
    }

    /// Lobbies there are.
    pub fn len(&self) -> usize {
        self.lobbies.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.lobbies.is_empty()
    }

    /// Lobbies with a match on; cost grows with their number.
    pub fn n_playing(&self) -> usize {
        self.lobbies.iter().filter(|(_, lobby)| lobby.is_playing()).count()
    }

    /// The newest state of one of our views, as JSON; `None`: there is no match yet. If the game
    /// fails over it, that is seen to by a [`LobbyInput::Timeout`], which is due then.
    pub fn state(&mut self, view: ViewId) -> Option<String> {
        let lobby = self.lobbies.get_mut(view.lobby).filter(|_| view.shard == self.shard)?;
        let state = lobby.state(view.viewer)?;
        self.deadlines.set(view.lobby, lobby.deadline());
        Some(serde_json::to_string(&state).expect("types of shared::api have a JSON form"))
    }

    /// When [`LobbyInput::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// Takes in one thing that happened.
    pub fn handle(
        &mut self,
        time: Time,
        input: LobbyInput,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let now = self.now(time);
        match input {
            LobbyInput::Arrived(socket) => {
                let visitor = Visitor {
                    lobby: None,
                    guesses: Allowance::full(time, GUESS_RATE),
                    creations: Allowance::full(time, CREATE_RATE),
                };
                self.visitors.insert(socket, visitor);
            }
            LobbyInput::Asked(socket, Ok(request), ack) => {
                self.asked(now, socket, request, ack, ids, effects);
            }
            LobbyInput::Asked(socket, Err(refusal), ack) => {
                answer(socket, ack, Err::<Done, _>(refusal), effects);
            }
            LobbyInput::Gone(socket) => self.gone(now, socket, effects),
            LobbyInput::Timeout => self.timeout(time, effects),
        }
    }

    fn now(&self, time: Time) -> Now {
        Now { time, unix_ms: self.settings.epoch_ms + time.since_start().as_millis() as u64 }
    }

    /// Answers a request. The acknowledgement goes out before what it led to.
    fn asked(
        &mut self,
        now: Now,
        socket: Address,
        request: Request,
        ack: Option<u64>,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let mut pushes = Pushes::new();
        match request {
            Request::Create(create) => {
                let reply = self.create(now, socket, create, ids, &mut pushes);
                answer(socket, ack, reply, effects);
            }
            Request::Join(join) => {
                let reply = self.join(now, socket, &join, ids, &mut pushes);
                answer(socket, ack, reply, effects);
            }
            Request::Resume(resume) => {
                let reply = self.resume(now, socket, &resume, ids, &mut pushes);
                let (reply, before) = match reply {
                    Ok((joined, before)) => (Ok(joined), before),
                    Err(refusal) => (Err(refusal), None),
                };
                answer(socket, ack, reply, effects);
                effects.extend(before.map(LobbyEffect::Disconnect));
            }
            Request::List(list) => answer(socket, ack, Ok(self.list(&list)), effects),
            Request::Leave => {
                let reply = self.leave(now, socket, &mut pushes);
                answer(socket, ack, reply, effects);
            }
            inside => self.inside(now, socket, inside, ack, &mut pushes, effects),
        }
        effects.append(&mut pushes);
    }

    /// Requests of somebody who is in a lobby.
    fn inside(
        &mut self,
        now: Now,
        socket: Address,
        request: Request,
        ack: Option<u64>,
        pushes: &mut Pushes,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let (lobby, at) = match self.lobby_of(socket) {
            Ok(found) => found,
            Err(refusal) => return answer(socket, ack, Err::<Done, _>(refusal), effects),
        };
        let previous = self.lobbies.get_mut(lobby).and_then(|l| l.confirm_token(at));
        if let Some(previous) = previous {
            self.by_token.remove(&previous);
        }
        match request {
            Request::Ready(ready) => {
                let reply = self.lobbies.get_mut(lobby).map(|l| l.ready(at, ready.ready, pushes));
                answer_found(socket, ack, reply, effects);
            }
            Request::Start => {
                let seed = self.random.next_u64();
                let reply = self.lobbies.get_mut(lobby).map(|l| l.start(now, at, seed, pushes));
                answer_found(socket, ack, reply, effects);
            }
            Request::Rematch => {
                let seed = self.random.next_u64();
                let reply = self.lobbies.get_mut(lobby).map(|l| l.rematch(now, at, seed, pushes));
                answer_found(socket, ack, reply, effects);
            }
            Request::Chat(chat) => {
                let reply =
                    self.lobbies.get_mut(lobby).map(|l| l.chat(now, at, &chat.text, pushes));
                answer_found(socket, ack, reply, effects);
            }
            Request::Typing(typing) => {
                let reply =
                    self.lobbies.get_mut(lobby).map(|l| l.typing(at, typing.typing, pushes));
                answer_found(socket, ack, reply, effects);
            }
            Request::Action(action) => {
                self.act(now, (lobby, at), None, action, (socket, ack), pushes, effects);
            }
            Request::Input(seq, action) => {
                self.act(now, (lobby, at), Some(seq), action, (socket, ack), pushes, effects);
            }
            Request::Resync => {
                let reply = self.lobbies.get_mut(lobby).map(|l| l.resync(now, at, pushes));
                answer_found(socket, ack, reply, effects);
            }
            Request::Create(_)
            | Request::Join(_)
            | Request::Resume(_)
            | Request::List(_)
            | Request::Leave => unreachable!("handled by the caller"),
        }
        self.tidy(now.time, lobby);
    }

    #[expect(clippy::too_many_arguments, reason = "whose, where and what, each as it came")]
    fn act(
        &mut self,
        now: Now,
        (lobby, at): (LobbyKey, usize),
        seq: Option<u64>,
        action: Box<RawValue>,
        (socket, ack): (Address, Option<u64>),
        pushes: &mut Pushes,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let Some(found) = self.lobbies.get_mut(lobby) else { return };
        if let Some(reply) = found.act(now, at, seq, action, ack, pushes) {
            answer(socket, ack, reply, effects);
        }
    }

    fn create(
        &mut self,
        now: Now,
        socket: Address,
        create: api::Create,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        let visitor = self.outside(socket)?;
        if !visitor.creations.take(now.time, CREATE_RATE) {
            return Err(Refusal::new(code::RATE, "too many lobbies at once; wait a moment"));
        }
        if self.lobbies.len() >= self.settings.max_lobbies {
            return Err(Refusal::new(code::LIMIT, "the server holds as many lobbies as it may"));
        }
        let kind = self.settings.games.kind(&create.game).ok_or_else(|| {
            let known: Vec<_> = self.settings.games.names().collect();
            let message = format!("no such game; there are: {}", known.join(", "));
            Refusal::new(code::UNKNOWN_GAME, message)
        })?;
        let config = kind.configure(create.config.as_deref())?;
        let id = LobbyId::from_bytes(ids.take());
        // Two of 2.4 million codes rarely meet, four in a row practically never.
        let code = (0..4)
            .map(|_| Code::from_bytes(ids.take()))
            .find(|code| !self.by_code.contains_key(code))
            .ok_or_else(|| Refusal::new(code::LIMIT, "no free code was found; try again"))?;
        let serial = self.n_made;
        let home = (self.shard, self.lobbies.next_key());
        let identity = Identity { id, code, visibility: create.visibility, serial, home };
        let mut lobby = Lobby::new(identity, create.game, kind, config);
        let token = ResumeToken::from_bytes(ids.take());
        let comer = Comer { socket, deltas: create.deltas };
        let joined = lobby.join(now, &create.name, api::Role::Player, token, comer, pushes)?;
        let key = self.lobbies.insert(lobby);
        self.by_code.insert(code, key);
        self.by_id.insert(id, key);
        self.n_made += 1;
        if create.visibility == Visibility::Public {
            self.public.insert(serial, key);
        }
        self.settle_in(now.time, socket, key, token);
        Ok(joined)
    }

    fn join(
        &mut self,
        now: Now,
        socket: Address,
        join: &api::Join,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        let visitor = self.outside(socket)?;
        // A look costs a guess; a hit gives it back.
        let before = visitor.guesses;
        if !visitor.guesses.take(now.time, GUESS_RATE) {
            return Err(Refusal::new(code::RATE, "too many unknown lobbies; wait a moment"));
        }
        let not_found = || Refusal::new(code::NOT_FOUND, "there is no such lobby");
        let key = self.find(join).ok_or_else(not_found)?;
        self.outside(socket)?.guesses = before;
        let token = ResumeToken::from_bytes(ids.take());
        let lobby = self.lobbies.get_mut(key).ok_or_else(not_found)?;
        let comer = Comer { socket, deltas: join.deltas };
        let joined = lobby.join(now, &join.name, join.role, token, comer, pushes)?;
        self.settle_in(now.time, socket, key, token);
        Ok(joined)
    }

    /// By its code, or by its id if it is public: private ones are told from absent ones by
    /// nobody who has not the code.
    fn find(&self, join: &api::Join) -> Option<LobbyKey> {
        if let Some(text) = &join.code {
            return self.by_code.get(&Code::parse(text)?).copied();
        }
        let key = *self.by_id.get(&LobbyId::parse(join.id.as_ref()?)?)?;
        let is_public = self.lobbies.get(key)?.visibility == Visibility::Public;
        is_public.then_some(key)
    }

    fn resume(
        &mut self,
        now: Now,
        socket: Address,
        resume: &api::Resume,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<(api::Joined, Option<Address>), Refusal> {
        let visitor = self.visitor(socket)?;
        if visitor.lobby.is_none() && !visitor.guesses.take(now.time, GUESS_RATE) {
            return Err(Refusal::new(code::RATE, "too many unknown tokens; wait a moment"));
        }
        let own = visitor.lobby;
        let unknown = || Refusal::new(code::TOKEN, "the token is unknown, used or expired");
        let token = ResumeToken::parse(&resume.token).ok_or_else(unknown)?;
        let key = *self.by_token.get(&token).ok_or_else(unknown)?;
        if own.is_some_and(|own| own != key) {
            return Err(Refusal::new(code::IN_LOBBY, "you are in another lobby; leave it first"));
        }
        let lobby = self.lobbies.get_mut(key).ok_or_else(unknown)?;
        let holds = |m: &Member| m.token == token || m.previous == Some(token);
        let at = lobby.members().iter().position(holds).ok_or_else(unknown)?;
        // The token that is shown stays good until the answer with the next one has arrived.
        let member = &lobby.members()[at];
        let stale: Vec<ResumeToken> = std::iter::once(member.token)
            .chain(member.previous)
            .filter(|stale| *stale != token)
            .collect();
        let holds_another =
            lobby.members().iter().enumerate().any(|(i, m)| i != at && m.socket == Some(socket));
        if holds_another {
            return Err(Refusal::new(code::IN_LOBBY, "you have another place in this lobby"));
        }
        let fresh = ResumeToken::from_bytes(ids.take());
        let comer = Comer { socket, deltas: resume.deltas };
        let (joined, before) = lobby.resume(now, at, token, fresh, comer, pushes);
        for stale in stale {
            self.by_token.remove(&stale);
        }
        let before = before.filter(|before| *before != socket);
        if let Some(visitor) = before.and_then(|before| self.visitors.get_mut(&before)) {
            visitor.lobby = None;
        }
        self.settle_in(now.time, socket, key, fresh);
        Ok((joined, before))
    }

    fn list(&self, list: &api::List) -> api::Listing {
        let newest = self.public.values().rev().take(MAX_EXAMINED);
        let lobbies = newest
            .filter_map(|key| self.lobbies.get(*key)?.listed())
            .filter(|listed| list.game.as_ref().is_none_or(|game| *game == listed.game))
            .filter(|l| l.players < l.capacity || l.phase != api::Phase::Open)
            .take(MAX_LISTED);
        api::Listing { lobbies: lobbies.collect() }
    }

    fn leave(&mut self, now: Now, socket: Address, pushes: &mut Pushes) -> Result<Done, Refusal> {
        let (key, at) = self.lobby_of(socket)?;
        let seed = self.random.next_u64();
        if let Some(lobby) = self.lobbies.get_mut(key) {
            let member = lobby.leave(now, at, LeaveReason::Left, seed, pushes);
            forget(&mut self.by_token, &member);
        }
        self.visitor(socket)?.lobby = None;
        self.tidy(now.time, key);
        Ok(Done {})
    }

    fn gone(&mut self, now: Now, socket: Address, effects: &mut Vec<LobbyEffect>) {
        let place = self.lobby_of(socket);
        self.visitors.remove(&socket);
        let Ok((key, at)) = place else { return };
        if let Some(lobby) = self.lobbies.get_mut(key) {
            lobby.dropped(now, at, effects);
        }
        self.tidy(now.time, key);
    }

    fn timeout(&mut self, time: Time, effects: &mut Vec<LobbyEffect>) {
        while let Some((at, key)) = self.deadlines.pop(time) {
            let seed = self.random.next_u64();
            let Some(lobby) = self.lobbies.get_mut(key) else { continue };
            lobby.end_if_crashed(effects);
            let steps = lobby.take_ticks(time);
            let mut n_skipped = steps.n_skipped;
            for (tick, due) in steps.ticks {
                self.tick(time, (tick, due), n_skipped, key, seed, effects);
                n_skipped = 0;
            }
            self.expire(at, key, seed, effects);
            self.tidy(time, key);
        }
    }

    /// Plays one tick at the time at which it was due, after the places that fell before it.
    fn tick(
        &mut self,
        time: Time,
        (tick, due): (u64, Time),
        n_skipped: u64,
        key: LobbyKey,
        seed: u64,
        effects: &mut Vec<LobbyEffect>,
    ) {
        if let Some(lobby) = self.lobbies.get_mut(key) {
            lobby.approach(tick);
        }
        self.expire(due, key, seed, effects);
        let now = self.now(due);
        if let Some(lobby) = self.lobbies.get_mut(key).filter(|lobby| lobby.is_playing()) {
            effects.push(LobbyEffect::Ticked { late: time.since(due), n_skipped });
            lobby.tick(now, tick, effects);
        }
    }

    /// Places whose time was up by then fall, each at its own time: late firing changes nothing.
    fn expire(&mut self, by: Time, key: LobbyKey, seed: u64, effects: &mut Vec<LobbyEffect>) {
        let falls = |lobby: &Lobby| lobby.falls().filter(|at| *at <= by);
        while let Some(at) = self.lobbies.get(key).and_then(falls) {
            let now = self.now(at);
            let Some(lobby) = self.lobbies.get_mut(key) else { return };
            for member in lobby.expire(now, seed, effects) {
                forget(&mut self.by_token, &member);
            }
        }
    }

    /// After any change: a lobby without members is no more, another has its deadline.
    fn tidy(&mut self, now: Time, key: LobbyKey) {
        let Some(lobby) = self.lobbies.get_mut(key) else { return };
        lobby.keep_time(now, &mut self.phases);
        let (is_empty, deadline) = (lobby.is_empty(), lobby.deadline());
        self.deadlines.set(key, deadline.filter(|_| !is_empty));
        if is_empty && let Some(lobby) = self.lobbies.remove(key) {
            self.by_code.remove(&lobby.code);
            self.by_id.remove(&lobby.id);
            self.public.remove(&lobby.serial);
        }
    }

    fn settle_in(&mut self, now: Time, socket: Address, key: LobbyKey, token: ResumeToken) {
        self.by_token.insert(token, key);
        if let Some(visitor) = self.visitors.get_mut(&socket) {
            visitor.lobby = Some(key);
        }
        self.tidy(now, key);
    }

    fn visitor(&mut self, socket: Address) -> Result<&mut Visitor, Refusal> {
        let unknown = || Refusal::new(code::NOT_IN_LOBBY, "not connected to /lobby");
        self.visitors.get_mut(&socket).ok_or_else(unknown)
    }

    fn outside(&mut self, socket: Address) -> Result<&mut Visitor, Refusal> {
        let visitor = self.visitor(socket)?;
        match visitor.lobby {
            None => Ok(visitor),
            Some(_) => Err(Refusal::new(code::IN_LOBBY, "you are in a lobby; leave it first")),
        }
    }

    /// The lobby somebody is in, and which of its members they are.
    fn lobby_of(&self, socket: Address) -> Result<(LobbyKey, usize), Refusal> {
        let found = || {
            let key = self.visitors.get(&socket)?.lobby?;
            let members = self.lobbies.get(key)?.members();
            Some((key, members.iter().position(|m| m.socket == Some(socket))?))
        };
        found().ok_or_else(|| Refusal::new(code::NOT_IN_LOBBY, "you are in no lobby"))
    }

    /// True if every table agrees with every other; for tests and the simulator. Cost grows with
    /// everything there is.
    pub fn is_consistent(&self) -> bool {
        let members =
            || self.lobbies.iter().flat_map(|(k, l)| l.members().iter().map(move |m| (k, m)));
        let sockets: Vec<_> = members().filter_map(|(_, m)| m.socket).collect();
        let mut distinct = sockets.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let n_inside = self.visitors.values().filter(|visitor| visitor.lobby.is_some()).count();
        let n_tokens: usize = members().map(|(_, m)| 1 + usize::from(m.previous.is_some())).sum();
        members().all(|(key, m)| self.by_token.get(&m.token) == Some(&key))
            && n_tokens == self.by_token.len()
            && self.by_code.len() == self.lobbies.len()
            && self.by_id.len() == self.lobbies.len()
            && self.public.iter().all(|(n, key)| {
                let lobby = self.lobbies.get(*key);
                lobby.is_some_and(|l| l.serial == *n && l.visibility == Visibility::Public)
            })
            && self.lobbies.iter().all(|(_, lobby)| !lobby.is_empty())
            && distinct.len() == sockets.len()
            && n_inside == sockets.len()
            && self.deadlines.len() <= self.lobbies.len()
    }
}

/// The tokens of a member who is gone are worth nothing.
fn forget(by_token: &mut BTreeMap<ResumeToken, LobbyKey>, member: &Member) {
    by_token.remove(&member.token);
    if let Some(previous) = &member.previous {
        by_token.remove(previous);
    }
}

fn answer_found<T: Serialize>(
    socket: Address,
    ack: Option<u64>,
    reply: Option<Result<T, Refusal>>,
    effects: &mut Vec<LobbyEffect>,
) {
    let gone = || Err(Refusal::new(code::NOT_IN_LOBBY, "you are in no lobby"));
    answer(socket, ack, reply.unwrap_or_else(gone), effects);
}

#[cfg(test)]
mod tests;
