//! The sockets of this shard that are in `/lobby`, and where each one's requests go.
//! What happens to a request is `lobbies`' part, on the shard that owns the lobby.
//!
//! ```text
//!              ┌──create, join, resume──►┐            ┌──► Inside(shard) ──leave──┐
//!  Outside ────┤                         ├─► Moving ──┤                           ├─► Moving ─► …
//!              └──────list──► Listing ───┘            └──► Outside                ┘
//! ```
//! Who seeks a seat (`seeking`) moves too: to the shard that puts all who do in line, from there to
//! the lobby that it tells, and back to it if that one does not let it in.
//! While a socket is moving or waits for a listing, its further requests are held, so that they
//! count from where they find it.

mod seeking;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use parlor_shared::{
    api::{Refusal, code, lobby as api},
    id::{LobbyId, ResumeToken},
    socket_io::Frame,
};

use super::{
    Code,
    blocks::BlockSet,
    effect::{answer_frame, refusal_frame},
    filter::{Card, arrange},
    message::{Answer, Ask, LobbyMessage},
    quick::{QuickMessage, Wish},
    request::Request,
    talk::{Voice, Voices},
    who::Who,
};
use crate::{
    cluster::Neighbours,
    fault::{self, Fault},
    gather::Gathering,
    key::{GatheringKey, ShardId, SocketKey},
    rate::{Allowance, Rate},
    time::{Deadlines, Time},
};

/// Requests held for one socket while it moves; one more is refused.
pub const MAX_HELD: usize = 16;
/// How long a listing waits for other shards.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a socket that moves waits for the other shard.
const MOVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How fast one may name lobbies that do not exist: it is how codes are guessed.
const GUESS_RATE: Rate = Rate { burst: 10, every: Duration::from_secs(2) };
/// How fast one may make lobbies.
const CREATE_RATE: Rate = Rate { burst: 20, every: Duration::from_millis(100) };

/// How fast one may do what everybody in a lobby is told of, and no game or talk is.
const CHANGE_RATE: Rate = Rate { burst: 100, every: Duration::from_millis(100) };
/// How fast one may watch other listings, or other players, or block them.
const WATCH_RATE: Rate = Rate { burst: 10, every: Duration::from_millis(500) };

/// What visitors want done, in order.
#[derive(Debug)]
pub(super) enum VisitorEffect {
    /// Tell a shard, perhaps this one.
    Tell(ShardId, LobbyMessage),
    /// Send a socket its acknowledgement.
    Send(SocketKey, Frame),
}

/// The machine.
#[derive(Debug)]
pub(super) struct Visitors {
    neighbours: Neighbours,
    visitors: BTreeMap<SocketKey, Visitor>,
    listings: Gathering<GatheringKey, ShardId, Card, Asker>,
    /// Sockets whose move another shard has to answer.
    moves: Deadlines<SocketKey>,
    n_asked: u64,
    voices: Voices,
    /// Who may go on with what was held: one socket at a time, for the sake of the ids.
    released: Option<SocketKey>,
}

/// Who asked for a listing, where the answer goes, and what for.
type Asker = (SocketKey, Option<u64>, Box<api::Filter>);

/// A socket in `/lobby`.
#[derive(Debug)]
struct Visitor {
    who: Who,
    standing: Standing,
    guesses: Allowance,
    creations: Allowance,
    watches: Allowance,
    changes: Allowance,
    voice: Voice,
    held: VecDeque<(Request, Option<u64>)>,
    /// Whom its player has blocked; `None`: the home has not said, or there is no account.
    blocked: Option<BlockSet>,
    /// It seeks a seat.
    seeking: Option<Box<Seeking>>,
}

/// What a socket that seeks a seat would have.
#[derive(Debug)]
struct Seeking {
    quick: Box<api::Quick>,
    /// The shard that puts those who seek one in line.
    line: ShardId,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In line.
    Waiting,
    /// On the way into somebody's lobby.
    Joining,
    /// On the way into its own.
    Opening,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    Outside,
    Inside(ShardId),
    /// A request that may change it is on its way.
    Moving(Move),
    Listing {
        inside: Option<ShardId>,
    },
}

#[derive(Debug, Clone, Copy)]
struct Move {
    from: Option<ShardId>,
    to: ShardId,
    /// The request's.
    number: u64,
    ack: Option<u64>,
    /// What the socket's guesses were.
    before: Allowance,
}

impl Standing {
    fn at(inside: Option<ShardId>) -> Self {
        inside.map_or(Self::Outside, Self::Inside)
    }

    /// The shards in a lobby of which it is, or is about to be.
    fn shards(self) -> impl Iterator<Item = ShardId> {
        let shards = match self {
            Self::Outside | Self::Listing { inside: None } => [None, None],
            Self::Inside(shard) | Self::Listing { inside: Some(shard) } => [Some(shard), None],
            Self::Moving(Move { from, to, .. }) => [from.filter(|from| *from != to), Some(to)],
        };
        shards.into_iter().flatten()
    }
}

impl Visitors {
    pub(super) fn new(neighbours: Neighbours) -> Self {
        Self {
            neighbours,
            visitors: BTreeMap::new(),
            listings: Gathering::default(),
            moves: Deadlines::default(),
            n_asked: 0,
            voices: Voices::default(),
            released: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.visitors.is_empty() && self.listings.len() == 0 && self.moves.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.listings.deadline().into_iter().chain(self.moves.next()).min()
    }

    /// Sockets that are in a lobby of this shard; for checks.
    pub(super) fn n_inside_own(&self) -> usize {
        let own = self.neighbours.own;
        let is_inside = |visitor: &&Visitor| match visitor.standing {
            Standing::Inside(shard) => shard == own,
            Standing::Listing { inside } => inside == Some(own),
            Standing::Moving(Move { from, .. }) => from == Some(own),
            Standing::Outside => false,
        };
        self.visitors.values().filter(is_inside).count()
    }

    /// A socket has joined `/lobby`.
    pub(super) fn arrived(&mut self, now: Time, socket: SocketKey, who: Who) {
        let visitor = Visitor {
            who,
            standing: Standing::Outside,
            guesses: Allowance::full(now, GUESS_RATE),
            creations: Allowance::full(now, CREATE_RATE),
            watches: Allowance::full(now, WATCH_RATE),
            changes: Allowance::full(now, CHANGE_RATE),
            voice: Voice::new(now),
            held: VecDeque::new(),
            blocked: None,
            seeking: None,
        };
        self.visitors.insert(socket, visitor);
    }

    /// Nobody has changed anything of late: what tests ask to see for themselves does not count.
    #[cfg(test)]
    pub(super) fn spare(&mut self, now: Time) {
        for visitor in self.visitors.values_mut() {
            visitor.changes = Allowance::full(now, CHANGE_RATE);
        }
    }

    /// Whose socket it is.
    pub(super) fn who(&self, socket: SocketKey) -> Option<&Who> {
        self.visitors.get(&socket).map(|visitor| &visitor.who)
    }

    /// Whose socket it is that wants to watch a listing, or who is online, or to block somebody, if
    /// it may.
    pub(super) fn may_watch(&mut self, now: Time, socket: SocketKey) -> Result<Who, Refusal> {
        let not_connected = || Refusal::new(code::NOT_IN_LOBBY, "not connected to /lobby");
        let visitor = self.visitors.get_mut(&socket).ok_or_else(not_connected)?;
        if !visitor.watches.take(now, WATCH_RATE) {
            return Err(Refusal::new(code::RATE, "too many such requests at once; wait a moment"));
        }
        Ok(visitor.who.clone())
    }

    /// Whom the player of a socket has blocked now: the lobby that it is in, or is about to be in,
    /// hears of it.
    pub(super) fn block(
        &mut self,
        socket: SocketKey,
        blocked: &BlockSet,
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        if visitor.blocked.replace(blocked.clone()).as_ref() == Some(blocked) {
            return;
        }
        let message = || LobbyMessage::Blocked(socket, blocked.clone());
        let tell = |shard| VisitorEffect::Tell(shard, message());
        effects.extend(visitor.standing.shards().map(tell));
    }

    /// A socket is gone: the lobby it is in, or is about to be in, hears of it.
    pub(super) fn gone(&mut self, socket: SocketKey, effects: &mut Vec<VisitorEffect>) {
        let Some(visitor) = self.visitors.remove(&socket) else { return };
        self.moves.set(socket, None);
        if let (Standing::Moving(Move { number, .. }), Some(seeking)) =
            (visitor.standing, &visitor.seeking)
        {
            effects.push(seeking.settled(socket, number, true));
        }
        let tell = |shard| VisitorEffect::Tell(shard, LobbyMessage::Gone(socket));
        effects.extend(visitor.standing.shards().map(tell));
    }

    /// A socket asks something.
    pub(super) fn asked(
        &mut self,
        now: Time,
        socket: SocketKey,
        request: Request,
        ack: Option<u64>,
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Some(visitor) = self.visitors.get_mut(&socket) else {
            let refusal = Refusal::new(code::NOT_IN_LOBBY, "not connected to /lobby");
            return effects.extend(refuse(socket, ack, refusal));
        };
        if matches!(visitor.standing, Standing::Moving(_) | Standing::Listing { .. }) {
            if visitor.held.len() < MAX_HELD {
                return visitor.held.push_back((request, ack));
            }
            let refusal = Refusal::new(code::RATE, "too many requests at once; wait a moment");
            return effects.extend(refuse(socket, ack, refusal));
        }
        if let Request::List(list) = request {
            return self.list(now, socket, &list, ack, effects);
        }
        self.n_asked += 1;
        match self.route(now, socket, &request, ack) {
            Ok((line, ..)) if let Request::Quick(quick) = request => {
                self.seek(now, socket, line, quick, effects);
            }
            Ok((shard, who, is_elsewhere)) => {
                let visitor = self.visitors.get(&socket).filter(|_| request.may_move());
                let blocked = visitor.and_then(|visitor| visitor.blocked.clone());
                let number = self.n_asked;
                let ask = Ask { socket, who, number, request, ack, is_elsewhere, blocked };
                effects.push(VisitorEffect::Tell(shard, LobbyMessage::Ask(ask)));
            }
            Err(refusal) => effects.extend(refuse(socket, ack, refusal)),
        }
    }

    /// The shard that can answer, who asks, and whether the socket is in a lobby of another one.
    fn route(
        &mut self,
        now: Time,
        socket: SocketKey,
        request: &Request,
        ack: Option<u64>,
    ) -> Result<(ShardId, Who, bool), Refusal> {
        let not_connected = || Refusal::new(code::NOT_IN_LOBBY, "not connected to /lobby");
        let visitor = self.visitors.get_mut(&socket).ok_or_else(not_connected)?;
        let inside = match visitor.standing {
            Standing::Inside(shard) => Some(shard),
            _ => None,
        };
        let before = visitor.guesses;
        let is_inside = || Refusal::new(code::IN_LOBBY, "you are in a lobby; leave it first");
        if let (Request::Chat(_) | Request::React(_), Some(_)) = (request, inside) {
            let (is_reaction, voice) = (matches!(request, Request::React(_)), &mut visitor.voice);
            if !self.voices.may_talk(now, voice, &visitor.who, is_reaction) {
                return Err(Refusal::new(code::RATE, "too many messages; wait a moment"));
            }
        }
        if request.is_told_to_all() && !visitor.changes.take(now, CHANGE_RATE) {
            return Err(Refusal::new(code::RATE, "too many changes at once; wait a moment"));
        }
        let to = match request {
            Request::Create(_) | Request::Join(_) | Request::Quick(_) if inside.is_some() => {
                // It may have come in by this very request, and not know it.
                inside.filter(|_| request.key().is_some()).ok_or_else(is_inside)?
            }
            Request::Create(_) | Request::Quick(_) => {
                if !visitor.creations.take(now, CREATE_RATE) {
                    return Err(Refusal::new(
                        code::RATE,
                        "too many lobbies at once; wait a moment",
                    ));
                }
                match (request, request.key()) {
                    (Request::Quick(quick), _) => {
                        self.neighbours.of_word(quick.create.game.as_bytes())
                    }
                    // Whoever sends it again gets there too.
                    (_, Some(key)) => self.neighbours.of_word(key.as_str().as_bytes()),
                    (_, None) => self.neighbours.own,
                }
            }
            Request::Join(join) => {
                // A look costs a guess; a hit gives it back.
                if !visitor.guesses.take(now, GUESS_RATE) {
                    let sentence = "too many unknown lobbies; wait a moment";
                    return Err(Refusal::new(code::RATE, sentence));
                }
                let unknown = || Refusal::new(code::NOT_FOUND, "there is no such lobby");
                shard_of_join(&self.neighbours, join).ok_or_else(unknown)?
            }
            Request::Resume(resume) => {
                if inside.is_none() && !visitor.guesses.take(now, GUESS_RATE) {
                    let sentence = "too many unknown tokens; wait a moment";
                    return Err(Refusal::new(code::RATE, sentence));
                }
                let unknown = || Refusal::new(code::TOKEN, "the token is unknown, used or expired");
                let token = ResumeToken::parse(&resume.token).ok_or_else(unknown)?;
                self.neighbours.of_id(&token.to_bytes()).ok_or_else(unknown)?
            }
            _ => {
                let outside = || Refusal::new(code::NOT_IN_LOBBY, "you are in no lobby");
                inside.ok_or_else(outside)?
            }
        };
        if request.may_move() {
            let number = self.n_asked;
            visitor.standing = Standing::Moving(Move { from: inside, to, number, ack, before });
            if to != self.neighbours.own {
                self.moves.set(socket, Some(now + MOVE_TIMEOUT));
            }
        }
        Ok((to, visitor.who.clone(), inside.is_some_and(|inside| inside != to)))
    }

    /// A lobby's shard has answered.
    pub(super) fn answered(
        &mut self,
        from: ShardId,
        answer: Answer,
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Answer { socket, number, frame, is_inside, is_hit } = answer;
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        let frame = frame.map(|frame| VisitorEffect::Send(socket, frame));
        let Some(is_inside) = is_inside else { return effects.extend(frame) };
        // An answer that comes too late has been given already, and its shard told that we left.
        let Standing::Moving(moving) = visitor.standing else { return };
        if (moving.to, moving.number) != (from, number) {
            return;
        }
        if !is_inside && self.seeks_on(socket, effects) {
            return;
        }
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        if let Some(seeking) = visitor.seeking.take() {
            effects.push(seeking.settled(socket, number, true));
        }
        effects.extend(frame);
        // Who was refused by another shard is still where it was.
        let stays = moving.from.filter(|inside| *inside != from);
        visitor.standing = Standing::at(if is_inside { Some(from) } else { stays });
        if is_hit {
            visitor.guesses = moving.before;
        }
        self.moves.set(socket, None);
        self.released = Some(socket);
    }

    /// A shard has not answered a move in time: it is told that the socket is gone, and the socket
    /// that it is where it was.
    fn give_up(&mut self, socket: SocketKey, effects: &mut Vec<VisitorEffect>) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        let Standing::Moving(moving) = visitor.standing else { return };
        visitor.standing = Standing::at(moving.from.filter(|inside| *inside != moving.to));
        if let Some(seeking) = visitor.seeking.take() {
            effects.push(seeking.settled(socket, moving.number, true));
        }
        effects.push(VisitorEffect::Tell(moving.to, LobbyMessage::Gone(socket)));
        let sentence = "the lobby's server does not answer; try again, or resume later";
        let refusal = Refusal::new(code::UNAVAILABLE, sentence);
        effects.extend(refuse(socket, moving.ack, refusal));
        self.released = Some(socket);
    }

    /// Another socket has taken this one's place in a lobby: it is in none.
    pub(super) fn evicted(&mut self, from: ShardId, socket: SocketKey) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        match &mut visitor.standing {
            Standing::Inside(shard) if *shard == from => visitor.standing = Standing::Outside,
            Standing::Moving(Move { from: inside, .. }) | Standing::Listing { inside }
                if *inside == Some(from) =>
            {
                *inside = None;
            }
            _ => {}
        }
    }

    /// Asks all shards for their public lobbies.
    fn list(
        &mut self,
        now: Time,
        socket: SocketKey,
        filter: &api::Filter,
        ack: Option<u64>,
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        let inside = match visitor.standing {
            Standing::Inside(shard) => Some(shard),
            _ => None,
        };
        visitor.standing = Standing::Listing { inside };
        let all = &self.neighbours.all;
        let asker = (socket, ack, Box::new(filter.clone()));
        let key = self.listings.begin(now + LIST_TIMEOUT, asker, all.iter().copied());
        let list = || LobbyMessage::List(key.number(), Box::new(filter.clone()));
        effects.extend(all.iter().map(|shard| VisitorEffect::Tell(*shard, list())));
    }

    /// A shard has told its public lobbies.
    pub(super) fn listed(
        &mut self,
        from: ShardId,
        number: u64,
        lobbies: Vec<Card>,
        effects: &mut Vec<VisitorEffect>,
    ) {
        let key = GatheringKey::of_number(number);
        self.listings.answered(key, &from, lobbies);
        if let Some(whole) = self.listings.take_if_whole(key) {
            self.tell_listing(whole, effects);
        }
    }

    /// A listing whose time is up is told as far as it came, and a move that was not answered is
    /// given up. One each time: each may release requests, and the ids last for one socket's. True
    /// if there was one.
    pub(super) fn timeout(&mut self, now: Time, effects: &mut Vec<VisitorEffect>) -> bool {
        if let Some((late, _)) = self.listings.take_late(now) {
            self.tell_listing(late, effects);
        } else if let Some((_, socket)) = self.moves.pop(now) {
            self.give_up(socket, effects);
        } else {
            return false;
        }
        true
    }

    fn tell_listing(
        &mut self,
        ((socket, ack, filter), mut found): (Asker, Vec<Card>),
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        if let Standing::Listing { inside } = visitor.standing {
            visitor.standing = Standing::at(inside);
            self.released = Some(socket);
        }
        arrange(&filter, &mut found);
        let lobbies = found.into_iter().map(|card| card.listed).collect();
        let frame = answer_frame(ack, Ok(api::Listing { lobbies }));
        effects.extend(frame.map(|frame| VisitorEffect::Send(socket, frame)));
    }

    /// Goes on with requests that were held; true if there was one.
    pub(super) fn release(&mut self, now: Time, effects: &mut Vec<VisitorEffect>) -> bool {
        let Some(socket) = self.released.take() else { return false };
        let held = self.visitors.get_mut(&socket).and_then(|visitor| {
            if fault::is_planted(Fault::HeldReleasedBackwards) {
                return visitor.held.pop_back();
            }
            visitor.held.pop_front()
        });
        if let Some((request, ack)) = held {
            self.asked(now, socket, request, ack, effects);
            let visitor = self.visitors.get(&socket);
            let is_free = visitor.is_some_and(|visitor| {
                matches!(visitor.standing, Standing::Outside | Standing::Inside(_))
            });
            if is_free {
                self.released = Some(socket);
            }
        }
        true
    }
}

/// The shard whose lobby this can be.
fn shard_of_join(neighbours: &Neighbours, join: &api::Join) -> Option<ShardId> {
    if let Some(text) = &join.code {
        return Some(neighbours.of_word(Code::parse(text)?.as_str().as_bytes()));
    }
    neighbours.of_id(&LobbyId::parse(join.id.as_ref()?)?.to_bytes())
}

impl Request {
    /// True if everybody in the lobby hears of it, and nothing else says how often it may come.
    fn is_told_to_all(&self) -> bool {
        matches!(
            self,
            Self::Join(_)
                | Self::Resume(_)
                | Self::Host(_)
                | Self::Kick(_)
                | Self::Bot
                | Self::Colour(_)
                | Self::Ready(_)
                | Self::Start
                | Self::Stop
                | Self::Rematch
                | Self::Typing(_)
        )
    }

    /// True if it may take its socket into a lobby or out of one.
    pub(super) fn may_move(&self) -> bool {
        matches!(
            self,
            Self::Create(_) | Self::Join(_) | Self::Quick(_) | Self::Resume(_) | Self::Leave
        )
    }
}

fn refuse(socket: SocketKey, ack: Option<u64>, refusal: Refusal) -> Option<VisitorEffect> {
    Some(VisitorEffect::Send(socket, refusal_frame(ack, refusal)?))
}
