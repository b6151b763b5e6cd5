//! All lobbies of a shard: who is in which, and by which code, id or token one is meant.
//! What happens inside one is `machine`'s part; where sockets of this shard are is `visitors`'.

mod blocking;
mod crowd;
mod entrance;
mod peers;
mod presence;
mod quick;
mod reserving;
mod time;
mod watching;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::{self as api, Done, LeaveReason, Visibility},
    },
    id::{ID_BYTES, LobbyId, ResumeToken},
    socket_io::Frame,
};

use super::{
    Code,
    blocks::{BlockMessage, Blocks},
    effect::{LobbyEffect, Pushes, Sends, answer, answer_frame, event, refusal_frame},
    game::Random,
    listing::Board,
    machine::{Comer, Deed, Guest, Identity, Lobby, Member, Now, Settings},
    message::{Answer, Ask, LobbyMessage},
    online::Online,
    pace::Phases,
    play::Games,
    policy::{Policy, SecondTab},
    presence::Presence,
    quick::{QuickMessage, QuickPlay, Told},
    request::Request,
    retry::FirstTokens,
    visitors::{VisitorEffect, Visitors},
    watch::{WatchMessage, Watched},
    watchers::Watchers,
    who::Who,
};
use crate::{
    assignment::Reservation,
    cluster::Neighbours,
    delivery::Delivery,
    fault::{self, Fault},
    ids::Ids,
    key::{Address, LobbyKey, ShardId, SocketKey, Table, ViewId},
    rate::Rate,
    time::{Deadlines, Time, earliest},
};

/// Codes tried for a new lobby, of which each must fall to this shard and be free.
const MAX_CODES_TRIED: usize = 4096;

/// So long a lost connection may go unnoticed (the defaults of ping interval and timeout, rounded
/// up): what a lobby said before that has reached everybody who is not known to be away. It is
/// swept when next something happens to any lobby of the shard: silence needs no timer.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// What lobbies must know from the start.
#[derive(Debug, Clone, Default)]
pub struct LobbySettings {
    /// The games that can be played.
    pub games: Games,
    /// Lobbies that one shard may hold.
    pub max_lobbies: usize,
    /// How many may be in the audience of one lobby.
    pub max_audience: usize,
    /// Milliseconds from the Unix epoch to [`Time::ZERO`].
    pub epoch_ms: u64,
    /// How often a seat may act in a match; `None`: as often as it likes.
    pub inputs: Option<Rate>,
    /// Seeds what is drawn by lot.
    pub seed: u64,
    /// How they are run.
    pub policy: Arc<Policy>,
    /// Players may become peers: somebody hears [`LobbyEffect::Seating`]. A [`crate::World`] says
    /// so itself.
    pub has_peers: bool,
}

/// Everything that can happen to lobbies.
#[derive(Debug)]
pub enum LobbyInput {
    /// A socket has joined `/lobby`, and who that is.
    Arrived(SocketKey, Who),
    /// It asks something; the answer goes to this ack id, if it wants one.
    Asked(SocketKey, Result<Request, Refusal>, Option<u64>),
    /// It is gone.
    Gone(SocketKey),
    /// Another shard says something.
    Told(ShardId, LobbyMessage),
    /// The matchmaker, on this shard, wants a lobby.
    Reserve(ShardId, Box<Reservation>),
    /// A deadline may have passed.
    Timeout,
}

/// The machine.
#[derive(Debug)]
pub struct Lobbies {
    settings: LobbySettings,
    lobbies: Table<LobbyKey, Lobby>,
    by_code: BTreeMap<Code, LobbyKey>,
    by_id: BTreeMap<LobbyId, LobbyKey>,
    by_token: BTreeMap<ResumeToken, LobbyKey>,
    first_tokens: FirstTokens,
    board: Board,
    n_made: u64,
    /// In which of these lobbies a socket of any shard is.
    places: BTreeMap<Address, LobbyKey>,
    visitors: Visitors,
    watched: Watched,
    watchers: Watchers,
    quick: QuickPlay,
    presence: Presence,
    online: Online,
    blocks: Blocks,
    /// What homes are yet to be told about whom their players block.
    wishes: Vec<BlockMessage>,
    /// Who is yet to be told that the lobby is no more in whose audience they were.
    dismissed: Vec<crowd::Dismissed>,
    /// Lobbies that are wanted, until there are identities for them.
    reserved: VecDeque<reserving::Wanted>,
    neighbours: Neighbours,
    deadlines: Deadlines<LobbyKey>,
    phases: Phases,
    /// Lobbies that keep what they say, each once, and when they are swept next.
    unswept: VecDeque<(Time, LobbyKey)>,
    random: Random,
}

impl Lobbies {
    /// No lobby yet.
    pub fn new(settings: LobbySettings, neighbours: Neighbours) -> Self {
        Self {
            random: Random::new(settings.seed),
            settings,
            lobbies: Table::default(),
            by_code: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_token: BTreeMap::new(),
            first_tokens: FirstTokens::default(),
            board: Board::default(),
            n_made: 0,
            places: BTreeMap::new(),
            visitors: Visitors::new(neighbours.clone()),
            watched: Watched::default(),
            watchers: Watchers::new(neighbours.clone()),
            quick: QuickPlay::new(neighbours.clone()),
            presence: Presence::new(neighbours.clone()),
            online: Online::default(),
            blocks: Blocks::default(),
            wishes: Vec::new(),
            dismissed: Vec::new(),
            reserved: VecDeque::new(),
            neighbours,
            deadlines: Deadlines::default(),
            phases: Phases::default(),
            unswept: VecDeque::new(),
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

    /// True if no socket is in `/lobby`, none waits for a listing or a seat, nobody is online,
    /// nobody watches, from other shards either, and no lobby is wanted.
    pub fn is_unvisited(&self) -> bool {
        let is_unvisited = self.visitors.is_empty() && self.presence.is_empty();
        let is_unvisited = is_unvisited && self.reserved.is_empty();
        let is_unsought = self.quick.is_empty() && self.watchers.is_empty();
        is_unvisited && is_unsought && self.online.is_empty() && self.watched.is_empty()
    }

    /// Lobbies with a match on; cost grows with their number.
    pub fn n_playing(&self) -> usize {
        self.lobbies.iter().filter(|(_, lobby)| lobby.is_playing()).count()
    }

    /// The newest state of one of our views, as JSON; `None`: there is no match yet. If the game
    /// fails over it, that is seen to by a [`LobbyInput::Timeout`], which is due then.
    pub fn state(&mut self, view: ViewId) -> Option<String> {
        let is_own = view.shard == self.neighbours.own;
        let lobby = self.lobbies.get_mut(view.lobby).filter(|_| is_own)?;
        let state = lobby.state(view.viewer)?;
        self.deadlines.set(view.lobby, lobby.deadline());
        Some(serde_json::to_string(&state).expect("types of shared::api have a JSON form"))
    }

    /// When [`LobbyInput::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        earliest([
            self.reserved.front().map(|_| Time::ZERO),
            self.deadlines.next(),
            self.visitors.deadline(),
            self.quick.deadline(),
            self.watch_deadline(),
            self.presence_deadline(),
        ])
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
        self.sweep(time);
        let mut asked = Vec::new();
        match input {
            LobbyInput::Arrived(socket, who) => {
                self.come_online(now, socket, who, ids, effects);
            }
            LobbyInput::Asked(socket, Ok(Request::Presence(presence)), ack) => {
                self.want_presence(now, socket, presence, ack, ids, effects);
            }
            LobbyInput::Asked(socket, Ok(Request::Watch(filter)), ack) => {
                self.watch(now, socket, *filter, ack, ids, effects);
            }
            LobbyInput::Asked(socket, Ok(Request::Unwatch), ack) => {
                self.unwatch(now, socket, ids, effects);
                let frame = answer_frame(ack, Ok(Done {}));
                asked.extend(frame.map(|frame| VisitorEffect::Send(socket, frame)));
            }
            LobbyInput::Asked(
                socket,
                Ok(request @ (Request::Block(_) | Request::Unblock(_) | Request::Blocks)),
                ack,
            ) => self.ask_of_blocks(now, socket, request, ack, ids, effects),
            LobbyInput::Asked(socket, Ok(request), ack) => {
                self.visitors.asked(time, socket, request, ack, &mut asked);
            }
            LobbyInput::Asked(socket, Err(refusal), ack) => {
                let frame = refusal_frame(ack, refusal);
                asked.extend(frame.map(|frame| VisitorEffect::Send(socket, frame)));
            }
            LobbyInput::Gone(socket) => {
                self.unwatch(now, socket, ids, effects);
                self.go_offline(now, socket, ids, effects);
                self.visitors.gone(socket, &mut asked);
            }
            LobbyInput::Told(from, message) => self.told(now, from, message, ids, effects),
            LobbyInput::Reserve(to, reservation) => {
                self.reserved.push_back((to, reservation));
                self.open_reserved(now, ids, effects);
            }
            LobbyInput::Timeout => {
                self.open_reserved(now, ids, effects);
                if !self.visitors.timeout(time, &mut asked) {
                    self.quick_timeout(now, ids, effects);
                }
                self.timeout(time, effects);
                self.watch_timeout(now, ids, effects);
                self.presence_timeout(now, ids, effects);
            }
        }
        self.carry(now, asked, ids, effects);
        self.tell_dismissed(now, ids, effects);
        self.tell_wishes(now, ids, effects);
        let mut released = Vec::new();
        while self.visitors.release(time, &mut released) {
            self.carry(now, std::mem::take(&mut released), ids, effects);
            self.tell_dismissed(now, ids, effects);
            self.tell_wishes(now, ids, effects);
        }
    }

    fn now(&self, time: Time) -> Now {
        Now { time, unix_ms: self.settings.epoch_ms + time.since_start().as_millis() as u64 }
    }

    /// Carries out what visitors want: what is for this shard is done at once.
    fn carry(
        &mut self,
        now: Now,
        asked: Vec<VisitorEffect>,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        for effect in asked {
            match effect {
                VisitorEffect::Send(socket, frame) => {
                    effects.push(LobbyEffect::Push(self.own(socket), frame, Delivery::Reliable));
                }
                VisitorEffect::Tell(to, message) => self.tell(now, to, message, ids, effects),
            }
        }
    }

    /// Tells sockets of this shard and all shards what a machine has for them.
    fn spread<M: Into<LobbyMessage>>(
        &mut self,
        now: Now,
        (sends, told): (Sends, Vec<(ShardId, M)>),
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let push = |(socket, frame)| LobbyEffect::Push(self.own(socket), frame, Delivery::Reliable);
        effects.extend(sends.into_iter().map(push));
        for (to, message) in told {
            self.tell(now, to, message.into(), ids, effects);
        }
    }

    fn tell(
        &mut self,
        now: Now,
        to: ShardId,
        message: LobbyMessage,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        if to == self.neighbours.own {
            self.told(now, to, message, ids, effects);
        } else {
            effects.push(LobbyEffect::Tell(to, message));
        }
    }

    /// A shard, perhaps this one, says something.
    fn told(
        &mut self,
        now: Now,
        from: ShardId,
        message: LobbyMessage,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let mut asked = Vec::new();
        match message {
            LobbyMessage::Ask(ask) => return self.asked(now, from, ask, ids, effects),
            LobbyMessage::Gone(socket) => {
                return self.gone(now, Address { shard: from, socket }, effects);
            }
            LobbyMessage::List(number, filter) => {
                let (cards, _) = self.board.list(&filter, &self.lobbies);
                let listed = LobbyMessage::Listed(number, cards);
                return self.tell(now, from, listed, ids, effects);
            }
            LobbyMessage::Listed(number, lobbies) => {
                self.visitors.listed(from, number, lobbies, &mut asked);
            }
            LobbyMessage::Watch(message) => {
                return self.watch_told(now, from, message, ids, effects);
            }
            LobbyMessage::BlockSet(player, set) => {
                for socket in self.presence.block(&player, &set) {
                    self.visitors.block(socket, &set, &mut asked);
                }
            }
            LobbyMessage::Blocked(socket, set) => {
                let who = Address { shard: from, socket };
                if let Ok((key, at)) = self.lobby_of(who)
                    && let Some(lobby) = self.lobbies.get_mut(key)
                {
                    lobby.block(now, at, &set);
                }
                return;
            }
            LobbyMessage::Block(message) => return self.blocks_told(now, message, ids, effects),
            LobbyMessage::Presence(message) => {
                return self.presence_told(now, from, message, ids, effects);
            }
            LobbyMessage::Quick(message) => {
                return self.quick_told(now, from, message, ids, effects);
            }
            LobbyMessage::Answer(answer) => self.visitors.answered(from, answer, &mut asked),
            LobbyMessage::Push(socket, frame, delivery) => {
                effects.push(LobbyEffect::Push(self.own(socket), frame, delivery));
            }
            LobbyMessage::Removed(socket) => self.visitors.evicted(from, socket),
            LobbyMessage::Room(socket, room, is_in) => {
                effects.push(LobbyEffect::Room(self.own(socket), room, is_in));
            }
            LobbyMessage::Dismissed(room, sockets) => {
                self.dismissed(from, room, sockets, effects);
            }
            LobbyMessage::Disconnect(socket) => {
                self.visitors.evicted(from, socket);
                effects.push(LobbyEffect::Disconnect(self.own(socket)));
            }
        }
        self.carry(now, asked, ids, effects);
    }

    /// Answers a request. The acknowledgement goes out before what it led to.
    fn asked(
        &mut self,
        now: Now,
        from: ShardId,
        ask: Ask,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let Ask { socket, who: person, number, request, ack, is_elsewhere, blocked } = ask;
        let who = Address { shard: from, socket };
        let (mut pushes, mut is_hit, mut before) = (Pushes::new(), false, None);
        let may_move = request.may_move();
        let frame = match request {
            // Who seeks a seat was sent somewhere before it is asked for; who watches is no guest.
            Request::Quick(_) | Request::Watch(_) | Request::Unwatch | Request::Presence(_) => None,
            Request::Unblock(_) | Request::Blocks => None,
            Request::Block(block) => match self.wish_to_block((who, &person), &block, ack) {
                Ok(()) => None,
                Err(refusal) => refusal_frame(ack, refusal),
            },
            Request::Create(create) => {
                let came = self.create_once(now, (who, person, blocked), &create, ids, &mut pushes);
                answer_frame(ack, came.map(|came| came.into_joined(&mut before)))
            }
            Request::Join(join) => {
                let joined = self.join_once(now, (who, person, blocked), &join, ids, &mut pushes);
                // A wrong password is a guess like that of a code; one that is missing is none.
                let is_guess = |refusal: &Refusal| match refusal.code.as_str() {
                    code::NOT_FOUND => true,
                    code::PASSWORD => join.password.is_some(),
                    _ => false,
                };
                is_hit = !joined.as_ref().is_err_and(is_guess);
                answer_frame(ack, joined.map(|came| came.into_joined(&mut before)))
            }
            Request::Resume(resume) => {
                let came = self.resume(
                    now,
                    (who, person, blocked),
                    is_elsewhere,
                    &resume,
                    ids,
                    &mut pushes,
                );
                answer_frame(ack, came.map(|came| came.into_joined(&mut before)))
            }
            Request::Peer => answer_frame(ack, self.admit_peer(now, who, ids, &mut pushes)),
            Request::Leave => answer_frame(ack, self.leave(now, who, &mut pushes)),
            inside => self.inside(now, (who, &person), inside, ack, (&mut *effects, &mut pushes)),
        };
        let is_lost = fault::is_planted(Fault::AckLostAbroad) && from != self.neighbours.own;
        let frame = frame.filter(|_| !is_lost);
        let is_inside = may_move.then(|| self.places.contains_key(&who));
        let answer = Answer { socket, number, frame, is_inside, is_hit };
        self.tell(now, from, LobbyMessage::Answer(answer), ids, effects);
        if let Some(before) = before {
            let disconnect = LobbyMessage::Disconnect(before.socket);
            self.tell(now, before.shard, disconnect, ids, effects);
        }
        effects.append(&mut pushes);
    }

    /// A socket of this shard.
    fn own(&self, socket: SocketKey) -> Address {
        Address { shard: self.neighbours.own, socket }
    }

    /// Requests of somebody who is in a lobby; the acknowledgement, if one is wanted. What was due
    /// before goes out before it.
    fn inside(
        &mut self,
        now: Now,
        (who, person): (Address, &Who),
        request: Request,
        ack: Option<u64>,
        (earlier, pushes): (&mut Pushes, &mut Pushes),
    ) -> Option<Frame> {
        if let Some(key) = self.attended(who) {
            return self.in_audience(now, key, (who, person), &request, ack, pushes);
        }
        let (key, at) = match self.lobby_of(who) {
            Ok(found) => found,
            Err(refusal) => return refusal_frame(ack, refusal),
        };
        let lobby = self.lobbies.get_mut(key).expect("just found");
        if let Some(previous) = lobby.confirm_token(at) {
            self.by_token.remove(&previous);
        }
        lobby.catch_up(now, earlier);
        lobby.touch(now.time);
        let mut seed = || self.random.next_u64();
        let frame = match request {
            Request::Settings(settings) => {
                answer_frame(ack, lobby.set(now, at, &settings, seed(), pushes))
            }
            Request::Host(host) => answer_frame(ack, lobby.hand_over(now, at, host.seat, pushes)),
            Request::Kick(kick) => {
                let kicked = lobby.kick(now, at, &kick, seed(), pushes);
                let kicked = kicked.map(|member| {
                    member.iter().for_each(|member| self.remove(member, pushes));
                });
                answer_frame(ack, kicked.map(|()| Done {}))
            }
            Request::Bot => answer_frame(ack, lobby.add_bot(now, at, seed(), pushes)),
            Request::Claim => answer_frame(ack, lobby.claim(now, at, pushes)),
            Request::Colour(paint) => answer_frame(ack, lobby.paint(at, paint.colour, pushes)),
            Request::Ready(ready) => {
                answer_frame(ack, lobby.ready(now, at, ready.ready, seed(), pushes))
            }
            Request::Stop => answer_frame(ack, lobby.stop(at, pushes)),
            Request::Start => answer_frame(ack, lobby.start(now, at, seed(), pushes)),
            Request::Rematch => answer_frame(ack, lobby.rematch(now, at, seed(), pushes)),
            Request::Chat(chat) => answer_frame(ack, lobby.chat(now, at, &chat.text, pushes)),
            Request::Poll(open) => answer_frame(ack, lobby.open_poll(now, at, open, pushes)),
            Request::Vote(vote) => {
                let most = self.settings.max_audience;
                answer_frame(ack, lobby.vote_of(now, at, (who, person), vote.option, most))
            }
            Request::React(react) => answer_frame(ack, lobby.react(at, &react.reaction, pushes)),
            Request::Typing(typing) => answer_frame(ack, lobby.typing(at, typing.typing, pushes)),
            // What waits for a tick is answered then.
            Request::Action(action) => {
                let deed = Deed { seq: None, tick: None, action, ack };
                let acted = lobby.act(now, at, deed, self.settings.inputs, pushes);
                acted.and_then(|reply| answer_frame(ack, reply))
            }
            Request::Input(seq, action, for_tick) => {
                let tick = for_tick.map(|for_tick| for_tick.tick);
                let deed = Deed { seq: Some(seq), tick, action, ack };
                let acted = lobby.act(now, at, deed, self.settings.inputs, pushes);
                acted.and_then(|reply| answer_frame(ack, reply))
            }
            Request::Resync => answer_frame(ack, lobby.resync(now, at, pushes)),
            Request::Create(_)
            | Request::Join(_)
            | Request::Quick(_)
            | Request::Watch(_)
            | Request::Unwatch
            | Request::Presence(_)
            | Request::Block(_)
            | Request::Unblock(_)
            | Request::Blocks
            | Request::Resume(_)
            | Request::List(_)
            | Request::Peer
            | Request::Leave => unreachable!("handled by the caller"),
        };
        self.tidy(now.time, key);
        frame
    }

    fn gone(&mut self, now: Now, who: Address, effects: &mut Vec<LobbyEffect>) {
        if self.unattend(now, who, effects) {
            return;
        }
        let place = self.lobby_of(who);
        self.places.remove(&who);
        let Ok((key, at)) = place else { return };
        if let Some(lobby) = self.lobbies.get_mut(key) {
            lobby.dropped(now, at, effects);
        }
        self.tidy(now.time, key);
    }

    /// The lobby somebody is in, and which of its members they are.
    fn lobby_of(&self, who: Address) -> Result<(LobbyKey, usize), Refusal> {
        let found = || {
            let key = *self.places.get(&who)?;
            let members = self.lobbies.get(key)?.members();
            Some((key, members.iter().position(|m| m.socket == Some(who))?))
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
        let is_own = |who: &&Address| who.shard == self.neighbours.own;
        let n_own = self.places.keys().filter(is_own).count();
        let n_tokens: usize = members().map(|(_, m)| 1 + usize::from(m.previous.is_some())).sum();
        members().all(|(key, m)| self.by_token.get(&m.token) == Some(&key))
            && n_tokens == self.by_token.len()
            && self.by_code.len() == self.lobbies.len()
            && self.by_id.len() == self.lobbies.len()
            && self.board.is_consistent(&self.lobbies)
            && self.lobbies.iter().all(|(_, lobby)| !lobby.is_empty())
            && distinct.len() == sockets.len()
            && self.places.len()
                == sockets.len() + self.lobbies.iter().map(|(_, l)| l.n_audience()).sum::<usize>()
            && sockets.iter().all(|socket| self.places.contains_key(socket))
            && n_own == self.visitors.n_inside_own()
            && self.deadlines.len() <= self.lobbies.len()
            && members().all(|(_, m)| m.version >= m.since)
    }
}

/// The tokens of a member who is gone are worth nothing.
fn forget(by_token: &mut BTreeMap<ResumeToken, LobbyKey>, member: &Member) {
    by_token.remove(&member.token);
    if let Some(previous) = &member.previous {
        by_token.remove(&**previous);
    }
}

#[cfg(test)]
mod tests;
