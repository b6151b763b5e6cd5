//! Everything one shard decides, put together: sockets, lobbies and views meet here and nowhere
//! else.
//! Sessions stay beside it, one per client, because their pace is their reader's.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use parlor_shared::{
    api,
    socket_io::{Args, Draft, Frame},
};

use crate::{
    assignment::Assigned,
    cluster::{Answer, Asker, Message, Neighbours, Question},
    delivery::{Delivery, Shown, Views, spread},
    effect::{AckError, DisconnectReason, Effect, Effects},
    fault::{self, Fault},
    ids::{Ids, MAX_IDS_PER_INPUT},
    input::{AckToken, Input, Reach, Scope, Target},
    key::{Address, NamespaceKey, SessionKey, ShardId, SocketKey, ViewId},
    lobby::{Lobbies, LobbyEffect, LobbyInput, LobbyMessage, LobbySettings, Request},
    matchmaker::{MatchEffect, MatchInput, MatchRequest, Matchmaker, MatchmakerSettings},
    questions::{Answered, Questions},
    signaling::{
        SignalEffect, SignalInput, SignalMessage, SignalRequest, SignalSettings, Signaling,
    },
    socket_io::{Dynamic, Listeners, RecoverySettings, Settings, SocketIo},
    time::Time,
    views::{Gallery, ViewEffect, ViewInput, ViewMessage},
    who::{Who, player_room},
};

/// What a world must know from the start.
#[derive(Debug, Clone)]
pub struct WorldSettings {
    /// Which shard this is, and which others there are.
    pub neighbours: Neighbours,
    /// Names of the namespaces that the driver's handlers serve.
    pub namespaces: Vec<String>,
    /// Which of them are made when a client names them.
    pub dynamic: Dynamic,
    /// What those handlers want to be told beside connections and events.
    pub listeners: Listeners,
    /// Within this time a client must have joined a namespace.
    pub connect_timeout: Duration,
    /// Within this time all attachments of a packet must arrive.
    pub attachments_timeout: Duration,
    /// Bytes of one packet, attachments included.
    pub max_payload: usize,
    /// Keys the hashers.
    pub hash_seed: u64,
    /// What is kept of sockets whose clients may come back.
    pub recovery: RecoverySettings,
    /// Lobbies, served in namespace `/lobby`; `None`: there are none.
    pub lobbies: Option<LobbySettings>,
    /// Peers of lobbies, served in namespace `/signal` where there are lobbies; `None`: there are
    /// none.
    pub signaling: Option<SignalSettings>,
    /// Queues, served in namespace `/matchmaking` where there are lobbies; `None`: there are none.
    pub matchmaking: Option<MatchmakerSettings>,
}

/// The state of a shard, without its sessions.
#[derive(Debug)]
pub struct World {
    neighbours: Neighbours,
    ids: Ids,
    socket_io: SocketIo,
    lobbies: Lobbies,
    signaling: Signaling,
    matchmaker: Matchmaker,
    questions: Questions,
    gallery: Gallery,
    /// `/lobby`, which the world serves itself.
    lobby_namespace: Option<NamespaceKey>,
    /// `/signal`, likewise.
    signal_namespace: Option<NamespaceKey>,
    /// `/matchmaking`, likewise.
    match_namespace: Option<NamespaceKey>,
    /// The driver says who may join `/lobby` and `/matchmaking`.
    is_guarded: bool,
    inbox: Vec<LobbyInput>,
    outbox: Vec<LobbyEffect>,
    signals: Vec<SignalInput>,
    signaled: Vec<SignalEffect>,
    wishes: Vec<MatchInput>,
    matched: Vec<MatchEffect>,
    connecting: Vec<SocketKey>,
    /// Whose the socket is that is just being admitted, if an account's.
    admitted: Option<Arc<str>>,
    acked: Vec<(AckToken, OwnedAck)>,
}

type OwnedAck = Result<(String, Vec<Bytes>), AckError>;

impl World {
    /// An empty world.
    pub fn new(settings: WorldSettings) -> Self {
        let mut namespaces = settings.namespaces;
        let mut add = |name: &str| {
            namespaces.push(name.to_owned());
            NamespaceKey(u32::try_from(namespaces.len() - 1).expect("few namespaces"))
        };
        let signaling = settings.signaling.filter(|_| settings.lobbies.is_some());
        let lobby_namespace = settings.lobbies.is_some().then(|| add(api::lobby::NAMESPACE));
        let signal_namespace = signaling.is_some().then(|| add(api::signal::NAMESPACE));
        let matchmaking = settings.matchmaking.filter(|_| settings.lobbies.is_some());
        let match_namespace = matchmaking.is_some().then(|| add(api::matchmaking::NAMESPACE));
        let mut lobbies = settings.lobbies.unwrap_or_default();
        lobbies.has_peers = signaling.is_some();
        Self {
            ids: Ids::default(),
            socket_io: SocketIo::new(Settings {
                namespaces,
                dynamic: settings.dynamic,
                listeners: settings.listeners,
                connect_timeout: settings.connect_timeout,
                attachments_timeout: settings.attachments_timeout,
                max_payload: settings.max_payload,
                hash_seed: settings.hash_seed,
                neighbours: settings.neighbours.clone(),
                recovery: settings.recovery,
            }),
            lobbies: Lobbies::new(lobbies, settings.neighbours.clone()),
            signaling: Signaling::new(signaling.unwrap_or_default(), settings.neighbours.clone()),
            matchmaker: Matchmaker::new(
                matchmaking.unwrap_or_default(),
                settings.neighbours.clone(),
            ),
            gallery: Gallery::new(settings.neighbours.own),
            neighbours: settings.neighbours,
            questions: Questions::default(),
            lobby_namespace,
            signal_namespace,
            match_namespace,
            is_guarded: false,
            inbox: Vec::new(),
            outbox: Vec::new(),
            signals: Vec::new(),
            signaled: Vec::new(),
            wishes: Vec::new(),
            matched: Vec::new(),
            connecting: Vec::new(),
            admitted: None,
            acked: Vec::new(),
        }
    }

    /// Namespaces of players, which the world serves itself, by name.
    pub fn played(&self) -> impl Iterator<Item = (NamespaceKey, &'static str)> {
        let lobby = self.lobby_namespace.map(|key| (key, api::lobby::NAMESPACE));
        let matchmaking = self.match_namespace.map(|key| (key, api::matchmaking::NAMESPACE));
        lobby.into_iter().chain(matchmaking)
    }

    /// From now on the driver says who may join these, as for its own namespaces, and hears what
    /// their sockets say about their accounts, and of their end.
    pub fn guard(&mut self) {
        self.is_guarded = true;
    }

    /// True if [`Input::Ids`] must come before any other input.
    pub fn wants_ids(&self) -> bool {
        self.ids.n_left() < MAX_IDS_PER_INPUT + self.lobbies.n_ids_wanted()
    }

    /// When [`Input::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        let machines = [
            self.socket_io.deadline(),
            self.lobbies.deadline(),
            self.signaling.deadline(),
            self.matchmaker.deadline(),
            self.questions.deadline(),
        ];
        machines.into_iter().flatten().min()
    }

    /// The sockets.
    pub fn socket_io(&self) -> &SocketIo {
        &self.socket_io
    }

    /// The lobbies.
    pub fn lobbies(&self) -> &Lobbies {
        &self.lobbies
    }

    /// The peers of lobbies.
    pub fn signaling(&self) -> &Signaling {
        &self.signaling
    }

    /// Who waits for a match, and in which queue.
    pub fn matchmaker(&self) -> &Matchmaker {
        &self.matchmaker
    }

    /// True if no client, socket, child of a namespace, lobby or question is left; for tests and
    /// the simulator.
    pub fn is_empty(&self) -> bool {
        self.socket_io.n_clients() + self.socket_io.n_sockets() + self.socket_io.n_children() == 0
            && self.lobbies.is_empty()
            && self.lobbies.is_unvisited()
            && self.signaling.is_empty()
            && self.matchmaker.is_empty()
            && self.questions.is_empty()
            && self.gallery.is_empty()
    }

    /// The views.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// What other shards are to be told of views: asked for once at the end of each turn, and sent
    /// before anything else of that turn.
    pub fn take_views(&mut self) -> Vec<(ShardId, Message)> {
        let lobbies = &mut self.lobbies;
        let outgoing = self.gallery.take_outgoing(&mut |view| lobbies.state(view));
        outgoing.into_iter().map(|(to, message)| (to, Message::View(message))).collect()
    }

    /// Takes in one thing that happened and pushes what is to be done about it, in order.
    ///
    /// # Panics
    /// If ids are needed and [`Self::wants_ids`] was not heeded.
    pub fn handle(&mut self, now: Time, input: Input<'_>, effects: &mut dyn Effects) {
        match input {
            Input::Ids(fresh) => return self.ids.refill(fresh),
            Input::Emit(scope, target, frame, delivery) => {
                self.emit(now, scope, target, frame, delivery, effects);
            }
            Input::EmitEach(scope, mut target, draft, delivery) => {
                self.socket_io.find(&mut target);
                if !target.is_local() && self.neighbours.all.len() > 1 {
                    let message =
                        Message::EmitEach(scope.clone(), target.abroad(), draft.clone(), delivery);
                    self.tell_others(&message, effects);
                }
                self.sockets(now, Input::EmitEach(scope, target, draft, delivery), effects);
            }
            Input::Change(scope, target, change) => {
                if !target.is_local() {
                    let message = Message::Change(scope.clone(), target.abroad(), change.clone());
                    self.tell_others(&message, effects);
                }
                self.sockets(now, Input::Change(scope, target, change), effects);
            }
            Input::Gather(token, question) => self.gather(now, token, question, effects),
            Input::ServerSide(event, reach) => {
                self.tell_others(&Message::ServerSide(event.clone(), None), effects);
                if reach == Reach::All {
                    heard(event, None, effects);
                }
            }
            Input::AskServers(token, event, reach, timeout) => {
                self.ask_servers(now + timeout, token, event, reach, effects);
            }
            Input::AnswerServer((to, number), answer) => {
                let answer = Answer::Servers(vec![(self.neighbours.own, answer)]);
                self.answer((to, number, answer), effects);
            }
            Input::Told(from, message) => self.told(now, from, message, effects),
            Input::Timeout => {
                self.sockets(now, Input::Timeout, effects);
                self.inbox.push(LobbyInput::Timeout);
                // Most turns of a shard are due for lobbies alone.
                let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
                if is_due(self.signaling.deadline()) {
                    self.signals.push(SignalInput::Timeout);
                }
                if is_due(self.matchmaker.deadline()) {
                    self.wishes.push(MatchInput::Timeout);
                }
                // Answers that came in time, and times that are up, count before it is too late.
                self.settle(now, effects);
                while let Some((token, answer, n_silent)) = self.questions.late(now) {
                    effects.push(Effect::Gathered(token, answer, n_silent));
                }
            }
            Input::AdmitPlayer(socket, player) => {
                let room = player_room(&player);
                self.admitted = Some(player);
                self.sockets(now, Input::Admit(socket), effects);
                self.admitted = None;
                self.sockets(now, Input::Join(socket, room), effects);
            }
            input => self.sockets(now, input, effects),
        }
        self.settle(now, effects);
    }

    fn emit(
        &mut self,
        now: Time,
        scope: Scope,
        mut target: Target,
        frame: Frame,
        delivery: Delivery,
        effects: &mut dyn Effects,
    ) {
        self.socket_io.find(&mut target);
        if !target.is_local() && self.neighbours.all.len() > 1 {
            let message = Message::Emit(scope.clone(), target.abroad(), frame.clone(), delivery);
            if !fault::is_planted(Fault::BroadcastNotForwarded) {
                self.tell_others(&message, effects);
            }
            if fault::is_planted(Fault::BroadcastTwiceAbroad) {
                self.tell_others(&message, effects);
            }
        }
        self.sockets(now, Input::Emit(scope, target, frame, delivery), effects);
    }

    fn tell_others(&self, message: &Message, effects: &mut dyn Effects) {
        for shard in self.neighbours.others() {
            effects.push(Effect::Tell(shard, message.clone()));
        }
    }

    fn sockets(&mut self, now: Time, input: Input<'_>, effects: &mut dyn Effects) {
        let mut route = Route {
            lobby_namespace: self.lobby_namespace,
            signal_namespace: self.signal_namespace,
            match_namespace: self.match_namespace,
            is_guarded: self.is_guarded,
            inbox: &mut self.inbox,
            signals: &mut self.signals,
            wishes: &mut self.wishes,
            connecting: &mut self.connecting,
            admitted: &mut self.admitted,
            acked: &mut self.acked,
            effects,
        };
        self.socket_io.handle(now, input, &mut self.ids, &mut route);
    }

    /// Another shard says something.
    fn told(&mut self, now: Time, from: ShardId, message: Message, effects: &mut dyn Effects) {
        match message {
            Message::Emit(scope, target, frame, delivery) => {
                self.sockets(now, Input::Emit(scope, target, frame, delivery), effects);
            }
            Message::EmitEach(scope, target, draft, delivery) => {
                self.sockets(now, Input::EmitEach(scope, target, draft, delivery), effects);
            }
            Message::Change(scope, target, change) => {
                self.sockets(now, Input::Change(scope, target, change), effects);
            }
            Message::Question(number, question) => {
                self.asked(now, (from, number), question, effects);
            }
            Message::ServerSide(event, number) => {
                heard(event, number.map(|number| (from, number)), effects);
            }
            Message::Answer(number, answer) => self.answered(from, number, answer, effects),
            Message::Recovery(_) => self.sockets(now, Input::Told(from, message), effects),
            Message::Lobby(message) => self.inbox.push(LobbyInput::Told(from, message)),
            Message::Signal(message) => self.signals.push(SignalInput::Told(from, message)),
            Message::Reserve(reservation) => {
                self.inbox.push(LobbyInput::Reserve(from, reservation));
            }
            Message::Assigned(assigned) => self.wishes.push(MatchInput::Assigned(assigned)),
            Message::Match(message) => self.wishes.push(MatchInput::Told(from, message)),
            Message::View(message) => {
                let session = match &message {
                    ViewMessage::Watch { socket, .. } => self.socket_io.session(*socket),
                    _ => None,
                };
                self.view(ViewInput::Told(message, session), effects);
            }
        }
    }

    /// A handler asks sockets of all shards.
    fn gather(
        &mut self,
        now: Time,
        token: AckToken,
        question: Question,
        effects: &mut dyn Effects,
    ) {
        let own = self.neighbours.own;
        let is_local = question.target().is_local();
        let shards = if is_local { &[own][..] } else { &self.neighbours.all };
        let number = self.questions.begin(now, token, &question, shards);
        if !is_local {
            let message = Message::Question(number, question.abroad());
            self.tell_others(&message, effects);
        }
        self.asked(now, (own, number), question, effects);
    }

    fn ask_servers(
        &mut self,
        until: Time,
        token: AckToken,
        event: Draft,
        reach: Reach,
        effects: &mut dyn Effects,
    ) {
        let own = Some(self.neighbours.own).filter(|_| reach == Reach::All);
        let shards: Vec<ShardId> = self.neighbours.others().chain(own).collect();
        if shards.is_empty() {
            return effects.push(Effect::Gathered(token, Answer::Servers(Vec::new()), 0));
        }
        let number = self.questions.begin_servers(until, token, shards);
        self.tell_others(&Message::ServerSide(event.clone(), Some(number)), effects);
        if let Some(own) = own {
            heard(event, Some((own, number)), effects);
        }
    }

    /// A shard, perhaps this one, asks what sockets of this one have to say.
    fn asked(
        &mut self,
        now: Time,
        asker: (ShardId, u64),
        question: Question,
        effects: &mut dyn Effects,
    ) {
        match question {
            Question::Sockets(scope, target) => {
                let own = self.neighbours.own;
                let sockets = self.socket_io.describe(&scope, &target, own);
                self.answer((asker.0, asker.1, Answer::Sockets(sockets)), effects);
            }
            Question::Ask(scope, target, draft, timeout) => {
                let sockets = self.socket_io.select(&scope, &target);
                match self.questions.ask(now, asker, timeout, &sockets) {
                    Err(none) => self.answer(none, effects),
                    Ok(tokens) => {
                        for (socket, token) in tokens {
                            let ask = Input::Ask(socket, draft.clone(), token, Some(timeout));
                            self.sockets(now, ask, effects);
                        }
                    }
                }
            }
        }
    }

    fn answer(&mut self, (to, number, answer): Answered, effects: &mut dyn Effects) {
        if to == self.neighbours.own {
            self.answered(to, number, answer, effects);
        } else {
            effects.push(Effect::Tell(to, Message::Answer(number, answer)));
        }
    }

    fn answered(&mut self, from: ShardId, number: u64, answer: Answer, effects: &mut dyn Effects) {
        if let Some((token, all)) = self.questions.answered(from, number, answer) {
            effects.push(Effect::Gathered(token, all, 0));
        }
    }

    /// Lets lobbies act on what sockets did, and sockets carry what lobbies said, until all is
    /// still. Each round takes an input of a client or ends, so it does end.
    fn settle(&mut self, now: Time, effects: &mut dyn Effects) {
        while !self.is_still() {
            for socket in std::mem::take(&mut self.connecting) {
                self.sockets(now, Input::Admit(socket), effects);
            }
            for (token, answer) in std::mem::take(&mut self.acked) {
                if let Some(answered) = self.questions.acked(token, answer) {
                    self.answer(answered, effects);
                }
            }
            let mut outbox = std::mem::take(&mut self.outbox);
            for input in std::mem::take(&mut self.inbox) {
                self.lobbies.handle(now, input, &mut self.ids, &mut outbox);
            }
            for effect in outbox.drain(..) {
                self.carry_out(now, effect, effects);
            }
            self.outbox = outbox;
            let mut signaled = std::mem::take(&mut self.signaled);
            for input in std::mem::take(&mut self.signals) {
                self.signaling.handle(now, input, &mut signaled);
            }
            for effect in signaled.drain(..) {
                self.signal(now, effect, effects);
            }
            self.signaled = signaled;
            let mut matched = std::mem::take(&mut self.matched);
            for input in std::mem::take(&mut self.wishes) {
                self.matchmaker.handle(now, input, &mut self.ids, &mut matched);
            }
            for effect in matched.drain(..) {
                self.matched(now, effect, effects);
            }
            self.matched = matched;
        }
    }

    fn is_still(&self) -> bool {
        let is_idle = self.inbox.is_empty() && self.signals.is_empty() && self.wishes.is_empty();
        is_idle && self.connecting.is_empty() && self.acked.is_empty()
    }

    fn signal(&mut self, now: Time, effect: SignalEffect, effects: &mut dyn Effects) {
        let Some(namespace) = self.signal_namespace else { return };
        match effect {
            SignalEffect::Push(to, frame, delivery) if to.shard == self.neighbours.own => {
                let to = Target::socket(to.socket);
                self.sockets(now, Input::Emit(namespace.into(), to, frame, delivery), effects);
            }
            SignalEffect::Push(to, frame, delivery) => {
                let push = SignalMessage::Push(to.socket, frame, delivery);
                if fault::is_planted(Fault::FramesTwiceAbroad) {
                    effects.push(Effect::Tell(to.shard, Message::Signal(push.clone())));
                }
                effects.push(Effect::Tell(to.shard, Message::Signal(push)));
            }
            SignalEffect::Tell(shard, message) => {
                effects.push(Effect::Tell(shard, Message::Signal(message)));
            }
            SignalEffect::Direct(via, after) => effects.push(Effect::Linked(via, after)),
        }
    }

    fn matched(&mut self, now: Time, effect: MatchEffect, effects: &mut dyn Effects) {
        let Some(namespace) = self.match_namespace else { return };
        match effect {
            MatchEffect::Push(to, frame, delivery) => {
                let to = Target::socket(to.socket);
                self.sockets(now, Input::Emit(namespace.into(), to, frame, delivery), effects);
            }
            MatchEffect::Reserve(to, reservation) if to == self.neighbours.own => {
                self.inbox.push(LobbyInput::Reserve(to, reservation));
            }
            MatchEffect::Reserve(to, reservation) => {
                effects.push(Effect::Tell(to, Message::Reserve(reservation)));
            }
            MatchEffect::Tell(shard, message) => {
                effects.push(Effect::Tell(shard, Message::Match(message)));
            }
            MatchEffect::Recorded(record) => effects.push(Effect::Recorded(record)),
        }
    }

    fn carry_out(&mut self, now: Time, effect: LobbyEffect, effects: &mut dyn Effects) {
        let Some(namespace) = self.lobby_namespace else { return };
        match effect {
            LobbyEffect::Push(to, frame, delivery) if to.shard == self.neighbours.own => {
                let to = Target::socket(to.socket);
                self.sockets(now, Input::Emit(namespace.into(), to, frame, delivery), effects);
            }
            LobbyEffect::Push(to, frame, delivery) => {
                let push = LobbyMessage::Push(to.socket, frame, delivery);
                effects.push(Effect::Tell(to.shard, Message::Lobby(push)));
            }
            LobbyEffect::Broadcast(room, frame, delivery) => {
                let rooms = [room.as_str().into()].into_iter().collect();
                let to = Target { rooms, ..Target::default() };
                self.emit(now, namespace.into(), to, frame, delivery, effects);
            }
            LobbyEffect::Room(who, room, is_in) if who.shard == self.neighbours.own => {
                let (socket, room) = (who.socket, room.to_string());
                let change = if is_in { Input::Join } else { Input::Leave };
                self.sockets(now, change(socket, room), effects);
            }
            LobbyEffect::Room(who, room, is_in) => {
                let message = LobbyMessage::Room(who.socket, room, is_in);
                effects.push(Effect::Tell(who.shard, Message::Lobby(message)));
            }
            LobbyEffect::Disconnect(Address { socket, .. }) => {
                let reason = DisconnectReason::ServerNamespaceDisconnect;
                self.sockets(now, Input::Disconnect(socket, false, reason), effects);
            }
            LobbyEffect::Tell(shard, message) => {
                effects.push(Effect::Tell(shard, Message::Lobby(message)));
            }
            LobbyEffect::Watch { who, view, deltas } => {
                let is_own = who.shard == self.neighbours.own;
                let session = self.socket_io.session(who.socket).filter(|_| is_own);
                self.view(ViewInput::Watch { who, session, view, deltas }, effects);
            }
            LobbyEffect::Unwatch(who) => self.view(ViewInput::Unwatch(who), effects),
            LobbyEffect::Resync(who) => self.view(ViewInput::Resync(who), effects),
            LobbyEffect::Dirty(view) => self.view(ViewInput::Dirty(view), effects),
            LobbyEffect::Assigned(shard, assigned) => self.assign(shard, assigned, effects),
            LobbyEffect::Seating(seating) => self.signals.push(SignalInput::Seating(seating)),
            LobbyEffect::Ticked { late, n_skipped } => {
                effects.push(Effect::Ticked(late, n_skipped));
            }
        }
    }

    /// What a lobby says of its reservation goes to the shard that has made it.
    fn assign(&mut self, to: ShardId, assigned: Assigned, effects: &mut dyn Effects) {
        if to == self.neighbours.own {
            self.wishes.push(MatchInput::Assigned(assigned));
        } else {
            effects.push(Effect::Tell(to, Message::Assigned(assigned)));
        }
    }

    fn view(&mut self, input: ViewInput, effects: &mut dyn Effects) {
        let mut shown = Vec::new();
        self.gallery.handle(input, &mut shown);
        for effect in shown {
            effects.push(match effect {
                ViewEffect::Show(session, view, deltas) => Effect::Show(session, view, deltas),
                ViewEffect::Hide(session, view) => Effect::Hide(session, view),
                ViewEffect::Rebase(session, view) => Effect::Rebase(session, view),
            });
        }
    }
}

/// The server hears of an event.
fn heard(event: Draft, asker: Option<Asker>, effects: &mut dyn Effects) {
    let (array, attachments) = event.into_array();
    effects.push(Effect::ServerSide(Args::of_event(&array, &attachments), asker));
}

/// Sessions ask the world for what they show, in the moment in which it can be taken.
impl Views for World {
    fn frame(&mut self, view: ViewId, base: Option<u64>) -> Option<Shown> {
        let lobbies = &mut self.lobbies;
        self.gallery.frame(view, base, &mut |view| lobbies.state(view))
    }
}

/// Takes out of the stream of effects what the world itself answers.
struct Route<'w> {
    lobby_namespace: Option<NamespaceKey>,
    signal_namespace: Option<NamespaceKey>,
    match_namespace: Option<NamespaceKey>,
    is_guarded: bool,
    inbox: &'w mut Vec<LobbyInput>,
    signals: &'w mut Vec<SignalInput>,
    wishes: &'w mut Vec<MatchInput>,
    connecting: &'w mut Vec<SocketKey>,
    admitted: &'w mut Option<Arc<str>>,
    acked: &'w mut Vec<(AckToken, OwnedAck)>,
    effects: &'w mut dyn Effects,
}

impl Route<'_> {
    /// Their sockets are players'.
    fn is_for_players(&self, namespace: NamespaceKey) -> bool {
        Some(namespace) == self.lobby_namespace || Some(namespace) == self.match_namespace
    }

    /// What the clock says, and whose account it is, is not decided here.
    fn is_for_driver(&self, args: &Args<'_>) -> bool {
        let name = args.name();
        name == api::time::TIME || self.is_guarded && name == api::RENEW
    }
}

impl Effects for Route<'_> {
    fn push(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Connecting { socket, namespace, .. }
                if self.is_for_players(namespace) && !self.is_guarded
                    || Some(namespace) == self.signal_namespace =>
            {
                self.connecting.push(socket);
            }
            Effect::Connected(socket, namespace, _) if Some(namespace) == self.signal_namespace => {
                self.signals.push(SignalInput::Arrived(socket));
            }
            Effect::Disconnected(socket, namespace, _)
                if Some(namespace) == self.signal_namespace =>
            {
                self.signals.push(SignalInput::Gone(socket));
            }
            Effect::Event { socket, namespace, args, ack }
                if Some(namespace) == self.signal_namespace =>
            {
                self.signals.push(SignalInput::Asked(socket, SignalRequest::read(&args), ack));
            }
            Effect::Connected(socket, namespace, address)
                if Some(namespace) == self.lobby_namespace =>
            {
                let who = Who { player: self.admitted.take(), address };
                self.inbox.push(LobbyInput::Arrived(socket, who));
            }
            Effect::Disconnected(socket, namespace, _)
                if Some(namespace) == self.lobby_namespace =>
            {
                self.inbox.push(LobbyInput::Gone(socket));
                if self.is_guarded {
                    self.effects.push(effect);
                }
            }
            Effect::Event { socket, namespace, args, ack }
                if Some(namespace) == self.lobby_namespace && !self.is_for_driver(&args) =>
            {
                self.inbox.push(LobbyInput::Asked(socket, Request::read(&args), ack));
            }
            Effect::Connected(socket, namespace, address)
                if Some(namespace) == self.match_namespace =>
            {
                let who = Who { player: self.admitted.take(), address };
                self.wishes.push(MatchInput::Arrived(socket, who));
            }
            Effect::Disconnected(socket, namespace, _)
                if Some(namespace) == self.match_namespace =>
            {
                self.wishes.push(MatchInput::Gone(socket));
                if self.is_guarded {
                    self.effects.push(effect);
                }
            }
            Effect::Event { socket, namespace, args, ack }
                if Some(namespace) == self.match_namespace && !self.is_for_driver(&args) =>
            {
                self.wishes.push(MatchInput::Asked(socket, MatchRequest::read(&args), ack));
            }
            Effect::Acked(token, answer) if token.is_internal() => {
                let owned = |args: Args<'_>| (args.array().to_owned(), args.attachments().to_vec());
                self.acked.push((token, answer.map(owned)));
            }
            other => self.effects.push(other),
        }
    }

    fn has_queued(&self, session: SessionKey) -> bool {
        self.effects.has_queued(session)
    }
}

/// The delivery of an event under its own name: what `volatile` means unless a key is given.
pub fn volatile_by_name(scope: &Scope, event: &str) -> Delivery {
    Delivery::Volatile { key: spread(start_of(scope), event) }
}

/// Volatile under a key of its user's, beside those of other namespaces and of events by name.
pub fn volatile_by_key(scope: &Scope, key: u64) -> Delivery {
    let multiplied = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Delivery::Volatile { key: start_of(scope).rotate_left(32) ^ multiplied }
}

fn start_of(scope: &Scope) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325;
    match scope {
        Scope::Listed(key) => start ^ u64::from(key.0),
        Scope::Child(name) => spread(start, name),
    }
}

#[cfg(test)]
mod tests;
