//! Who knows better: plain models beside the server, told of everything that goes into it, which
//! say what must come out. The first thing that is not as it must be is kept.

mod invariant;
mod kind;
mod lobbies;
mod messages;
mod parties;
mod peers;
mod questions;
mod ratings;
mod requests;
mod returns;
mod rooms;
mod session;
mod story;
mod stream;
mod tickets;
mod ticks;

use std::{collections::BTreeMap, time::Duration};

use parlor_core::{
    World,
    close::CloseReason,
    cluster::{Change, Message, Owners, Question},
    delivery::Delivery,
    engine_io::{SessionEffect, SessionInput, Settings, Transport},
    input::{Input, Scope},
    key::{NamespaceKey, SessionKey, SocketKey},
    lobby::game::Random,
    time::Time,
};

use super::{kept::KEPT, plan::Plan, seen::Seen};
pub use invariant::{Broken, Invariant};
pub(super) use kind::GameKind;
pub(super) use lobbies::{Came, Lobbies, Wish};
pub(super) use messages::Letter;
pub(super) use parties::Belief;
use parties::Parties;
pub(super) use peers::{ADDRESS, Way};
use peers::{Cause, Peers};
use questions::Questions;
use ratings::Ratings;
use requests::Requests;
use returns::Returns;
use rooms::{Op, Rooms};
use session::Watched;
pub(super) use story::{Left, Place, Said, Story};
use tickets::Tickets;
pub(super) use tickets::{Asked, Told};
use ticks::Ticks;

/// The namespace `/`, which handlers serve; `/kept` and `/lobby` come after it.
pub(super) const MAIN: NamespaceKey = NamespaceKey(0);

/// A session: its shard, and its key there.
pub(super) type At = (usize, SessionKey);

#[derive(Debug)]
pub(super) struct Oracle {
    pub(super) first: Option<Broken>,
    settings: std::sync::Arc<Settings>,
    connect_timeout: Duration,
    slack: Duration,
    watched: BTreeMap<At, Watched>,
    /// When sessions ended that nobody watches any more.
    closed: BTreeMap<At, Time>,
    rooms: Rooms,
    questions: Questions,
    requests: Requests,
    ticks: Ticks,
    pub(super) lobbies: Lobbies,
    pub(super) returns: Returns,
    pub(super) peers: Peers,
    pub(super) tickets: Tickets,
    pub(super) parties: Parties,
    pub(super) ratings: Ratings,
}

/// What must come out of a world after an input.
#[derive(Debug, Default)]
pub(super) struct WorldExpected {
    /// Which sessions are sent what handlers emitted under each number.
    sent: BTreeMap<u64, Vec<SessionKey>>,
    /// Sockets that are no more afterwards.
    gone: Vec<SocketKey>,
    /// Sockets may be disconnected by it.
    is_ending: bool,
    is_timeout: bool,
    /// Why something is said in `/signal`.
    cause: Cause,
}

impl Oracle {
    pub(super) fn new(plan: &Plan, owners: Owners) -> Self {
        Self {
            first: None,
            settings: std::sync::Arc::clone(&plan.session),
            connect_timeout: plan.connect_timeout,
            slack: plan.slack(),
            watched: BTreeMap::new(),
            closed: BTreeMap::new(),
            rooms: Rooms::new(plan.shards.len()),
            questions: Questions::default(),
            requests: Requests::default(),
            ticks: Ticks::new(plan),
            lobbies: Lobbies::new(plan),
            returns: Returns::new(plan),
            peers: Peers::new(plan, owners),
            tickets: Tickets::new(plan),
            parties: Parties::new(plan),
            ratings: Ratings::default(),
        }
    }

    /// Something does not hold.
    pub(super) fn broken(&mut self, invariant: Invariant, what: String) {
        self.first.get_or_insert(Broken { invariant, what });
    }

    fn hold(&mut self, invariant: Invariant, result: Result<(), String>) {
        if let Err(what) = result {
            self.broken(invariant, what);
        }
    }

    fn hold_one(&mut self, result: Result<(), (Invariant, String)>) {
        if let Err((invariant, what)) = result {
            self.broken(invariant, what);
        }
    }

    // ---- sessions ------------------------------------------------------------------------------

    pub(super) fn opened(&mut self, now: Time, at: At, transport: Transport) {
        let join_until = now + self.connect_timeout;
        let watched = Watched::new(now, transport, join_until, &self.settings);
        self.watched.insert(at, watched);
    }

    /// The world may end this session for this reason: its client has earned it.
    pub(super) fn allow(&mut self, at: At, reason: CloseReason) {
        if let Some(watched) = self.watched.get_mut(&at) {
            watched.allowed.push(reason);
        }
    }

    /// Something happens to a session: for which reason it must end now.
    pub(super) fn session_input(
        &mut self,
        now: Time,
        at: At,
        input: &SessionInput<'_>,
        queued: usize,
        is_open: bool,
    ) -> Option<CloseReason> {
        let watched = self.watched.get_mut(&at)?;
        let expected = watched.input(now, input, queued, is_open, &self.settings);
        if let SessionInput::Send(frame, delivery) = input {
            if delivery.is_volatile() && watched.can_take() {
                self.peers.taken(now, at, frame);
            }
            let sent = self.requests.sent(at, frame);
            self.hold(Invariant::Acks, sent);
        }
        expected
    }

    pub(super) fn session_output(
        &mut self,
        now: Time,
        at: At,
        expected: Option<CloseReason>,
        effects: &[SessionEffect],
    ) {
        let Some(watched) = self.watched.get_mut(&at) else { return };
        let result = watched.output(now, expected, effects, &self.settings);
        if let Err((invariant, what)) = result {
            self.broken(invariant, format!("{at:?}: {what}"));
        }
        self.forget_if_over(at);
    }

    pub(super) fn queued(&mut self, at: At, queued: usize) {
        let Some(watched) = self.watched.get_mut(&at) else { return };
        let result = watched.queued(queued, &self.settings);
        self.hold(Invariant::QueueLimit, result.map_err(|what| format!("{at:?}: {what}")));
    }

    pub(super) fn written(&mut self, at: At, n: usize) {
        if let Some(watched) = self.watched.get_mut(&at) {
            watched.written(n);
        }
    }

    /// The GET that waited is answered.
    pub(super) fn polled(&mut self, at: At) {
        if let Some(watched) = self.watched.get_mut(&at) {
            watched.polled();
        }
    }

    /// True if a GET waited for a session that is gone now.
    pub(super) fn forget_poll(&mut self, at: At) -> bool {
        self.watched.get_mut(&at).is_some_and(|watched| std::mem::take(&mut watched.has_get))
    }

    pub(super) fn has_get(&self, at: At) -> bool {
        self.watched.get(&at).is_some_and(|watched| watched.has_get)
    }

    /// A packet has reached its client.
    pub(super) fn received(&mut self, at: At, is_binary: bool, packet: &[u8]) {
        let Some(watched) = self.watched.get_mut(&at) else { return };
        if let Err((invariant, what)) = watched.received(is_binary, packet) {
            self.broken(invariant, format!("{at:?}: {what}"));
        }
    }

    /// All that was written to a client has reached it, and nothing more is to be written. True if
    /// it has received the newest of everything.
    pub(super) fn drained(&mut self, at: At) -> bool {
        let Some(watched) = self.watched.get_mut(&at) else { return false };
        let (result, is_whole) = (watched.drained(&self.settings), !watched.lacks_some());
        if let Err((invariant, what)) = result {
            self.broken(invariant, format!("{at:?}: {what}"));
        }
        is_whole && !self.watched.get(&at).is_some_and(Watched::is_closed)
    }

    // ---- worlds --------------------------------------------------------------------------------

    /// A client's text is about to reach the world.
    pub(super) fn said(&mut self, now: Time, at: At, text: &str) {
        if let Some(watched) = self.watched.get_mut(&at) {
            watched.is_half_said = text.starts_with('5');
        }
        self.requests.asked(now, at, text);
        self.returns.said(at, text);
        self.questions.replied(now, at, text);
    }

    /// The attachment of what a client said is about to reach the world.
    pub(super) fn attached(&mut self, now: Time, at: At) {
        self.requests.attached(now, at);
        if let Some(watched) = self.watched.get_mut(&at) {
            watched.is_half_said = false;
        }
    }

    /// An event reached its handler.
    pub(super) fn heard(&mut self, at: usize, socket: SocketKey, number: u64) {
        let session = self.rooms.session_of(at, socket);
        let watched = session.and_then(|session| self.watched.get(&(at, session)));
        // Who connects twice, which is against the rules, may be disconnected in between: it takes
        // the second socket for the first, and the first one's end for the second's.
        let may_miscount = watched.is_some_and(|w| w.allowed.contains(&CloseReason::ForcedClose));
        let result = self.rooms.heard(at, socket, number, may_miscount);
        self.hold(Invariant::Heard, result);
    }

    pub(super) fn world_input(&mut self, now: Time, at: usize, input: &Input<'_>) -> WorldExpected {
        let cause = self.peers.cause(at, input);
        let mut expected = WorldExpected { cause, ..WorldExpected::default() };
        match input {
            Input::Emit(Scope::Listed(MAIN), target, frame, _) => {
                let op = Op::Emit(frame.clone(), target.clone());
                self.rooms.tell_others(now, at, target, &op);
                self.carried(now, at, op, &mut expected);
            }
            Input::Emit(Scope::Listed(KEPT), _, frame, Delivery::Recoverable(offset)) => {
                self.returns.emitted(now, *offset, frame);
            }
            Input::Change(Scope::Listed(KEPT), target, change) => {
                expected.is_ending = matches!(change, Change::Disconnect(_));
                self.returns.changed(now, at, target, change);
            }
            Input::Change(_, target, change) => {
                // The whole session may be meant.
                expected.is_ending = matches!(change, Change::Disconnect(_));
                let op = Op::Change(change.clone(), target.clone());
                self.rooms.tell_others(now, at, target, &op);
                self.carried(now, at, op, &mut expected);
            }
            Input::Gather(token, question) => {
                let target = match question {
                    Question::Ask(_, target, ..) | Question::Sockets(_, target) => target,
                };
                let n_shards = if target.is_local() { 1 } else { self.rooms.n_shards() };
                self.questions.gather(now, *token, question, n_shards);
                let op = Op::Question(*token, question.clone());
                self.rooms.tell_others(now, at, target, &op);
                self.carried(now, at, op, &mut expected);
            }
            Input::Told(from, message) => self.told(now, at, *from, message, &mut expected),
            Input::Ask(socket, _, token, timeout) => {
                let session = self.rooms.session_of(at, *socket);
                let until = timeout.map(|timeout| now + timeout);
                self.questions.ask(*token, (at, *socket), session, until);
                expected.sent.insert(token.0, session.into_iter().collect());
            }
            Input::Admit(socket) => {
                if let Some(session) = self.rooms.admitted(at, *socket) {
                    self.joined((at, session));
                }
                self.returns.admitted(now, at, *socket);
            }
            Input::Refuse(socket, ..) => {
                self.disconnect(at, *socket, false);
                self.rooms.refused(at, *socket);
            }
            Input::Join(socket, room) => {
                self.rooms.join(at, *socket, room);
                self.returns.moved(now, at, *socket, (room, true));
            }
            Input::Leave(socket, room) => {
                self.rooms.leave(at, *socket, room);
                self.returns.moved(now, at, *socket, (room, false));
            }
            Input::Disconnect(socket, whole, _) => {
                self.disconnect(at, *socket, *whole);
                self.returns.sent_away(now, at, *socket);
                expected.gone.push(*socket);
                expected.is_ending = true;
            }
            Input::Text(session, "1/signal,") => {
                self.requests.gone((at, *session), Some("/signal"));
            }
            Input::Text(_, text) => expected.is_ending = text.starts_with("1/kept,"),
            Input::Timeout => expected.is_timeout = true,
            Input::Closed(session, reason) => {
                self.returns.closed(now, (at, *session), *reason);
                expected.gone = self.rooms.of_session(at, *session);
                self.requests.gone((at, *session), None);
            }
            _ => {}
        }
        expected
    }

    fn told(
        &mut self,
        now: Time,
        at: usize,
        from: parlor_core::key::ShardId,
        message: &Message,
        expected: &mut WorldExpected,
    ) {
        expected.is_ending = matches!(message, Message::Change(_, _, Change::Disconnect(_)));
        match message {
            Message::Emit(Scope::Listed(MAIN), ..)
            | Message::Change(Scope::Listed(MAIN), ..)
            | Message::Question(..) => {}
            _ => return,
        }
        let from = self.lobbies.index_of(from);
        match self.rooms.take_told(from, at, message) {
            Ok(op) => self.carried(now, at, op, expected),
            Err(what) => self.broken(Invariant::Broadcast, what),
        }
    }

    /// What concerns sockets of a target is carried out on one shard.
    fn carried(&mut self, now: Time, at: usize, op: Op, expected: &mut WorldExpected) {
        match op {
            Op::Emit(frame, target) => {
                let Some(number) = rooms::number_of(&frame) else { return };
                let selected = self.rooms.select(at, &target);
                let sessions = selected.iter().map(|(_, member)| member.session);
                expected.sent.insert(number, sessions.collect());
            }
            Op::Change(change, target) => {
                for socket in self.rooms.change(at, &target, &change) {
                    let whole = change == Change::Disconnect(true);
                    self.disconnect(at, socket, whole);
                    expected.gone.push(socket);
                }
            }
            Op::Question(token, question) => {
                let asked = self.rooms.select(at, question_target(&question));
                let asked: Vec<_> = asked.iter().map(|(key, m)| (*key, (*m).clone())).collect();
                if let Question::Ask(.., timeout) = question {
                    let sessions = asked.iter().map(|(_, member)| member.session);
                    expected.sent.insert(token.0, sessions.collect());
                    self.questions.asked_here(now + timeout, token, at, &asked);
                } else {
                    self.questions.looked_up(token, &asked);
                }
            }
        }
    }

    fn disconnect(&mut self, at: usize, socket: SocketKey, whole: bool) {
        let Some(session) = self.rooms.session_of(at, socket) else { return };
        // What its client has sent meanwhile is for a namespace that it is not in.
        self.allow((at, session), CloseReason::ForcedClose);
        if whole {
            self.allow((at, session), CloseReason::ForcedServerClose);
            self.requests.gone((at, session), None);
        }
        self.requests.gone((at, session), Some("/"));
    }

    pub(super) fn world_output(
        &mut self,
        now: Time,
        at: usize,
        expected: WorldExpected,
        seen: &[Seen],
        world: &World,
    ) {
        let places = (world.lobbies().admissions(), world.signaling());
        let settled = self.peers.settled(now, at, expected.cause, seen, places);
        self.hold_one(settled);
        let mut sent: BTreeMap<u64, Vec<SessionKey>> = BTreeMap::new();
        for effect in seen {
            match effect {
                Seen::Send(session, frame, _) => {
                    if let Some(number) = rooms::number_of(frame) {
                        sent.entry(number).or_default().push(*session);
                    }
                    let returned =
                        self.returns.sent(now, (at, *session), frame, expected.is_ending);
                    self.hold_one(returned);
                    if ["40/lobby,", "40/kept,", "40/signal,", "40/matchmaking,"]
                        .iter()
                        .any(|word| rooms::is_word(frame, word))
                    {
                        self.joined((at, *session));
                    } else if rooms::is_word(frame, "41/kept,") {
                        self.allow((at, *session), CloseReason::ForcedClose);
                        if expected.is_ending {
                            // The whole session may be meant.
                            self.allow((at, *session), CloseReason::ForcedServerClose);
                        }
                    } else if rooms::is_word(frame, "41/lobby,") {
                        self.requests.gone((at, *session), Some("/lobby"));
                        self.allow((at, *session), CloseReason::ForcedClose);
                    }
                }
                Seen::Close(session, reason) => {
                    self.questions.not_heard((at, *session));
                    self.ended_by_world(now, (at, *session), *reason);
                }
                Seen::Connecting { socket, id, session, namespace, .. } => {
                    if *namespace == MAIN {
                        self.rooms.connecting(at, *socket, *id, *session);
                    } else if *namespace == KEPT {
                        self.returns.connecting(at, *socket, *session);
                    }
                }
                Seen::Connected(socket, KEPT) => self.returns.connected(now, at, *socket),
                Seen::Kept(socket, pid) => self.returns.kept(at, *socket, pid.as_str()),
                Seen::Recovered(_, pid) => self.returns.recovered(at, pid.as_str()),
                Seen::Forgotten(pid) => {
                    let why = (expected.is_ending, expected.is_timeout);
                    let forgotten = self.returns.forgotten(now, at, pid.as_str(), why);
                    self.hold_one(forgotten);
                }
                Seen::Disconnected(socket) => {
                    if let Some(session) = self.rooms.session_of(at, *socket) {
                        self.requests.gone((at, session), Some("/"));
                    }
                    if expected.is_ending {
                        self.returns.disconnected(now, at, *socket);
                    }
                    self.questions.gone(at, *socket);
                    self.rooms.remove(at, *socket);
                }
                Seen::Acked(token, answer) => {
                    let result = self.questions.acked(now, *token, answer);
                    self.hold(Invariant::Answers, result);
                }
                Seen::Gathered(token, answer) => {
                    let result = self.questions.gathered(now, *token, answer);
                    self.hold(Invariant::Gathered, result);
                }
                Seen::Abandoned(socket) => {
                    self.rooms.remove(at, *socket);
                    self.returns.abandoned(at, *socket);
                }
                Seen::Ticked(late, n_skipped) => {
                    let result = self.ticks.ticked(now, at, *late, *n_skipped);
                    self.hold(Invariant::Ticks, result);
                }
                Seen::Connected(..)
                | Seen::Event { .. }
                | Seen::Tell(..)
                | Seen::Show(..)
                | Seen::Hide(..)
                | Seen::Rebase(..) => {}
            }
        }
        for (at, socket) in self.questions.take_said_gone() {
            if self.rooms.is_here(at, socket) {
                self.broken(Invariant::Answers, format!("{socket:?} is not gone, but said to be"));
            }
        }
        let settled = self.questions.settled();
        self.hold(Invariant::Answers, settled);
        for (number, mut whom) in expected.sent {
            let mut got = sent.remove(&number).unwrap_or_default();
            got.sort_unstable();
            whom.sort_unstable();
            if got != whom {
                let what = format!("shard {at}, number {number}: for {whom:?}, sent to {got:?}");
                self.broken(Invariant::Broadcast, what);
            }
        }
        if let Some((number, whom)) = sent.pop_first() {
            let what = format!("shard {at}: nobody emitted {number}, but {whom:?} are sent it");
            self.broken(Invariant::Broadcast, what);
        }
        for socket in expected.gone {
            self.questions.gone(at, socket);
            if self.rooms.is_here(at, socket) {
                let what = format!("shard {at}: {socket:?} should be gone");
                self.broken(Invariant::Tables, what);
            }
        }
    }

    fn joined(&mut self, at: At) {
        if let Some(watched) = self.watched.get_mut(&at) {
            watched.join_until = None;
        }
    }

    fn ended_by_world(&mut self, now: Time, at: At, reason: CloseReason) {
        let may_be = [CloseReason::TakenOver, CloseReason::SlowConsumer].contains(&reason);
        let is_taken_over = may_be && self.returns.may_take_over(now, at);
        let Some(watched) = self.watched.get_mut(&at) else { return };
        let is_late = watched.join_until.is_some_and(|until| until <= now);
        let is_due = is_late && reason == CloseReason::ForcedServerClose
            || watched.is_half_said && reason == CloseReason::ForcedClose
            || is_taken_over;
        if !is_due && !watched.allowed.contains(&reason) && !watched.is_closed() {
            self.broken(Invariant::Reasons, format!("{at:?} was ended by the world: {reason:?}"));
        }
    }

    // ---- from time to time ---------------------------------------------------------------------

    /// Nothing that was due is left undone on this shard.
    pub(super) fn check_due(&mut self, now: Time, at: usize) {
        let range = (at, SessionKey::first())..(at + 1, SessionKey::first());
        let late = self.watched.range(range).find_map(|(at, w)| Some((*at, w.overdue(now)?)));
        if let Some((at, (invariant, what))) = late {
            self.broken(invariant, format!("{at:?}: {what}"));
        }
        let late = now.since_start().checked_sub(self.slack).map(Time::after_start);
        let Some(late) = late else { return };
        let told = self.rooms.untold(late);
        self.hold(Invariant::Broadcast, told);
        let unanswered = self.questions.unanswered(late);
        self.hold(Invariant::Answers, unanswered);
        let unacked = self.requests.unanswered(now, 20 * self.slack);
        self.hold(Invariant::Acks, unacked);
        let peers = self.peers.check_due(now, at, self.slack);
        self.hold_one(peers);
    }

    /// A client receives nothing more of this session.
    pub(super) fn forget_client(&mut self, at: At) {
        if let Some(watched) = self.watched.get_mut(&at) {
            watched.has_client = false;
        }
        self.peers.forget(at);
        self.forget_if_over(at);
    }

    /// What is over on both sides is forgotten, but for when it ended.
    fn forget_if_over(&mut self, at: At) {
        if let Some(watched) = self.watched.get(&at)
            && !watched.has_client
            && !watched.has_get
            && let Some(closed_at) = watched.closed_at()
        {
            self.closed.insert(at, closed_at);
            self.watched.remove(&at);
        }
    }

    /// When the server ended this session.
    pub(super) fn closed_at(&self, at: At) -> Option<Time> {
        let watched = self.watched.get(&at).and_then(Watched::closed_at);
        watched.or_else(|| self.closed.get(&at).copied())
    }

    /// The id of some socket of `/`.
    pub(super) fn some_id(&self, random: &mut Random) -> Option<String> {
        self.rooms.some_id(random)
    }

    pub(super) fn check_end(&mut self, now: Time) {
        let unanswered = self.questions.unanswered(now);
        self.hold(Invariant::Answers, unanswered);
        let unacked = self.requests.unanswered(now, Duration::ZERO);
        self.hold(Invariant::Acks, unacked);
        if !self.rooms.is_empty() {
            self.broken(Invariant::LeftBehind, "sockets of `/`".to_owned());
        }
        let kept = self.returns.check_end();
        self.hold_one(kept);
        let told = self.lobbies.check_end();
        self.hold_one(told);
    }
}

fn question_target(question: &Question) -> &parlor_core::input::Target {
    match question {
        Question::Ask(_, target, ..) | Question::Sockets(_, target) => target,
    }
}

/// The least key, to look through a table of one shard.
trait First {
    fn first() -> Self;
}

impl First for SessionKey {
    fn first() -> Self {
        parlor_core::key::Key::new(0, 0)
    }
}
