//! Everything one shard decides, put together: sockets, lobbies and views meet here and nowhere
//! else.
//! Sessions stay beside it, one per client, because their pace is their reader's.

use std::time::Duration;

use crate::{
    delivery::{Delivery, Shown, Views},
    effect::{Effect, Effects},
    ids::Ids,
    input::{Input, Target},
    key::{Address, NamespaceKey, ShardId, SocketKey, ViewId},
    lobby::{Lobbies, LobbyEffect, LobbyInput, LobbySettings, Request},
    socket_io::{Settings, SocketIo},
    time::Time,
    views::{Gallery, ViewEffect, ViewInput, ViewMessage},
};

/// What a world must know from the start.
#[derive(Debug, Clone)]
pub struct WorldSettings {
    /// Which shard this is.
    pub shard: ShardId,
    /// Names of the namespaces that the driver's handlers serve.
    pub namespaces: Vec<String>,
    /// Within this time a client must have joined a namespace.
    pub connect_timeout: Duration,
    /// Bytes of one packet, attachments included.
    pub max_payload: usize,
    /// Keys the hashers.
    pub hash_seed: u64,
    /// Lobbies, served in namespace `/lobby`; `None`: there are none.
    pub lobbies: Option<LobbySettings>,
}

/// The state of a shard, without its sessions.
#[derive(Debug)]
pub struct World {
    shard: ShardId,
    ids: Ids,
    socket_io: SocketIo,
    lobbies: Lobbies,
    gallery: Gallery,
    /// `/lobby`, which the world serves itself.
    lobby_namespace: Option<NamespaceKey>,
    inbox: Vec<LobbyInput>,
    outbox: Vec<LobbyEffect>,
    connecting: Vec<SocketKey>,
}

impl World {
    /// An empty world.
    pub fn new(settings: WorldSettings) -> Self {
        let mut namespaces = settings.namespaces;
        let lobby_namespace = settings.lobbies.is_some().then(|| {
            namespaces.push(parlor_shared::api::lobby::NAMESPACE.to_owned());
            NamespaceKey(u32::try_from(namespaces.len() - 1).expect("few namespaces"))
        });
        let no_lobbies =
            LobbySettings { games: Default::default(), max_lobbies: 0, epoch_ms: 0, seed: 0 };
        Self {
            shard: settings.shard,
            ids: Ids::default(),
            socket_io: SocketIo::new(Settings {
                namespaces,
                connect_timeout: settings.connect_timeout,
                max_payload: settings.max_payload,
                hash_seed: settings.hash_seed,
            }),
            lobbies: Lobbies::new(settings.shard, settings.lobbies.unwrap_or(no_lobbies)),
            gallery: Gallery::new(settings.shard),
            lobby_namespace,
            inbox: Vec::new(),
            outbox: Vec::new(),
            connecting: Vec::new(),
        }
    }

    /// True if [`Input::Ids`] must come before any other input.
    pub fn wants_ids(&self) -> bool {
        self.ids.is_low()
    }

    /// When [`Input::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        match (self.socket_io.deadline(), self.lobbies.deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The sockets.
    pub fn socket_io(&self) -> &SocketIo {
        &self.socket_io
    }

    /// The lobbies.
    pub fn lobbies(&self) -> &Lobbies {
        &self.lobbies
    }

    /// The views.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// What other shards are to be told of views: asked for once at the end of each turn, and sent
    /// before anything else of that turn. This is the one place where views go out.
    pub fn take_views(&mut self) -> Vec<(ShardId, ViewMessage)> {
        let lobbies = &mut self.lobbies;
        self.gallery.take_outgoing(&mut |view| lobbies.state(view))
    }

    /// What another shard told of its views. This is the one place where they come in.
    pub fn told_of_view(&mut self, message: ViewMessage, effects: &mut dyn Effects) {
        let session = match &message {
            ViewMessage::Watch { socket, .. } => self.socket_io.session(*socket),
            _ => None,
        };
        self.view(ViewInput::Told(message, session), effects);
    }

    /// Takes in one thing that happened and pushes what is to be done about it, in order.
    ///
    /// # Panics
    /// If ids are needed and [`Self::wants_ids`] was not heeded.
    pub fn handle(&mut self, now: Time, input: Input<'_>, effects: &mut dyn Effects) {
        let is_timeout = matches!(input, Input::Timeout);
        match input {
            Input::Ids(fresh) => return self.ids.refill(fresh),
            input => self.sockets(now, input, effects),
        }
        if is_timeout {
            self.inbox.push(LobbyInput::Timeout);
        }
        self.settle(now, effects);
    }

    fn sockets(&mut self, now: Time, input: Input<'_>, effects: &mut dyn Effects) {
        let mut route = Route {
            shard: self.shard,
            lobby_namespace: self.lobby_namespace,
            inbox: &mut self.inbox,
            connecting: &mut self.connecting,
            effects,
        };
        self.socket_io.handle(now, input, &mut self.ids, &mut route);
    }

    /// Lets lobbies act on what sockets did, and sockets carry what lobbies said, until all is
    /// still. Each round takes an input of a client or ends, so it does end.
    fn settle(&mut self, now: Time, effects: &mut dyn Effects) {
        while !self.inbox.is_empty() || !self.connecting.is_empty() {
            for socket in std::mem::take(&mut self.connecting) {
                self.sockets(now, Input::Admit(socket), effects);
            }
            let mut outbox = std::mem::take(&mut self.outbox);
            for input in std::mem::take(&mut self.inbox) {
                self.lobbies.handle(now, input, &mut self.ids, &mut outbox);
            }
            for effect in outbox.drain(..) {
                self.carry_out(now, effect, effects);
            }
            self.outbox = outbox;
        }
    }

    fn carry_out(&mut self, now: Time, effect: LobbyEffect, effects: &mut dyn Effects) {
        let Some(namespace) = self.lobby_namespace else { return };
        match effect {
            LobbyEffect::Push(to, frame, delivery) => {
                let to = Target::socket(to.socket);
                self.sockets(now, Input::Emit(namespace, to, frame, delivery), effects);
            }
            LobbyEffect::Disconnect(whom) => {
                self.sockets(now, Input::Disconnect(whom.socket, false), effects);
            }
            LobbyEffect::Watch { who, view, deltas } => {
                let session =
                    self.socket_io.session(who.socket).filter(|_| who.shard == self.shard);
                self.view(ViewInput::Watch { who, session, view, deltas }, effects);
            }
            LobbyEffect::Unwatch(who) => self.view(ViewInput::Unwatch(who), effects),
            LobbyEffect::Resync(who) => self.view(ViewInput::Resync(who), effects),
            LobbyEffect::Dirty(view) => self.view(ViewInput::Dirty(view), effects),
            LobbyEffect::Ticked { late, n_skipped } => {
                effects.push(Effect::Ticked(late, n_skipped));
            }
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

/// Sessions ask the world for what they show, in the moment in which it can be taken.
impl Views for World {
    fn frame(&mut self, view: ViewId, base: Option<u64>) -> Option<Shown> {
        let lobbies = &mut self.lobbies;
        self.gallery.frame(view, base, &mut |view| lobbies.state(view))
    }
}

/// Takes out of the stream of effects what the world itself answers.
struct Route<'w> {
    shard: ShardId,
    lobby_namespace: Option<NamespaceKey>,
    inbox: &'w mut Vec<LobbyInput>,
    connecting: &'w mut Vec<SocketKey>,
    effects: &'w mut dyn Effects,
}

impl Effects for Route<'_> {
    fn push(&mut self, effect: Effect<'_>) {
        let at = |socket| Address { shard: self.shard, socket };
        match effect {
            Effect::Connecting { socket, namespace, .. }
                if Some(namespace) == self.lobby_namespace =>
            {
                self.connecting.push(socket);
            }
            Effect::Connected(socket, namespace) if Some(namespace) == self.lobby_namespace => {
                self.inbox.push(LobbyInput::Arrived(at(socket)));
            }
            Effect::Disconnected(socket, namespace, _)
                if Some(namespace) == self.lobby_namespace =>
            {
                self.inbox.push(LobbyInput::Gone(at(socket)));
            }
            Effect::Event { socket, namespace, args, ack }
                if Some(namespace) == self.lobby_namespace =>
            {
                self.inbox.push(LobbyInput::Asked(at(socket), Request::read(&args), ack));
            }
            other => self.effects.push(other),
        }
    }
}

/// The delivery of an event under its own name: what `volatile` means unless a key is given.
pub fn volatile_by_name(namespace: NamespaceKey, event: &str) -> Delivery {
    // FNV-1a; clients cannot choose what servers emit, so collisions are not made on purpose.
    let start = 0xcbf2_9ce4_8422_2325 ^ u64::from(namespace.0);
    let key = event
        .bytes()
        .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Delivery::Volatile { key }
}

#[cfg(test)]
mod tests;
