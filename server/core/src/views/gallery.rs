//! All views that somebody on this shard looks at, those of other shards' lobbies (as a mirror) and
//! its own lobbies' views that other shards look at (as their owner).
//! How one view is encoded is `picture`'s part.
//!
//! ```text
//!  owner:  lobby says dirty ► own clients are marked ► at the end of the turn one message a view
//!  mirror:                    message arrives ► its clients are marked
//!  either: a client can take it ► the frame is made, or shared
//! ```

use std::collections::{BTreeMap, BTreeSet};

use parlor_shared::api::lobby::Format;

use super::{
    message::ViewMessage,
    picture::{Encoded, Picture},
};
use crate::{
    delivery::Shown,
    fault::{self, Fault},
    key::{Address, SessionKey, ShardId, SocketKey, ViewId},
};

/// Where the newest state of an own view is read, as a JSON object; `None`: there is none.
pub type Source<'s> = &'s mut dyn FnMut(ViewId) -> Option<String>;

/// Everything that can happen to views.
#[derive(Debug)]
pub enum ViewInput {
    /// A socket looks at one of our views now, and at no other of ours. What it had of it before
    /// does not count.
    Watch {
        /// Who.
        who: Address,
        /// Its session, if the socket is one of ours.
        session: Option<SessionKey>,
        /// At what.
        view: ViewId,
        /// It can do something with deltas.
        deltas: bool,
    },
    /// A socket looks at none of our views any more.
    Unwatch(Address),
    /// A socket has lost what deltas build on.
    Resync(Address),
    /// One of our views has a new state.
    Dirty(ViewId),
    /// One of our views is no more, whoever looks at it.
    Gone(ViewId),
    /// Another shard told us of one of its views; the session is that of the socket it names.
    Told(ViewMessage, Option<SessionKey>),
}

/// What sessions are to be told, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewEffect {
    /// There is something new to see in a view (and: for who can do something with deltas).
    Show(SessionKey, ViewId, bool),
    /// The client does not look at it any more.
    Hide(SessionKey, ViewId),
    /// The next frame is a whole one.
    Rebase(SessionKey, ViewId),
}

/// The machine.
#[derive(Debug)]
pub struct Gallery {
    shard: ShardId,
    /// In boxes, as half the places in such a map are empty.
    views: BTreeMap<ViewId, Box<Watched>>,
    /// Who looks at which of our own views.
    watching: BTreeMap<Address, ViewId>,
    /// Own views that other shards have yet to be told of.
    untold: BTreeSet<ViewId>,
    outgoing: Vec<(ShardId, ViewMessage)>,
    encoded: Encoded,
}

#[derive(Debug, Default)]
struct Watched {
    picture: Picture,
    /// Clients on this shard.
    watchers: Watchers,
    n_deltas: usize,
    /// Clients on others, if it is ours.
    others: BTreeMap<ShardId, Other>,
}

#[derive(Debug, Clone, Copy)]
struct Watcher {
    /// `None`: it was gone before we were told that it looks.
    session: Option<SessionKey>,
    deltas: bool,
}

/// Who looks at a view, by socket: one, mostly, or thousands, of whom each that comes or goes moves
/// twenty bytes for each other, which takes microseconds.
#[derive(Debug, Default)]
struct Watchers(Vec<(SocketKey, Watcher)>);

impl Watchers {
    fn place(&self, socket: SocketKey) -> Result<usize, usize> {
        self.0.binary_search_by_key(&socket, |(own, _)| *own)
    }

    fn get(&self, socket: SocketKey) -> Option<&Watcher> {
        self.place(socket).ok().map(|at| &self.0[at].1)
    }

    fn insert(&mut self, socket: SocketKey, watcher: Watcher) {
        match self.place(socket) {
            Ok(at) => self.0[at].1 = watcher,
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(self.0.len().max(1));
                }
                self.0.insert(at, (socket, watcher));
            }
        }
    }

    fn remove(&mut self, socket: SocketKey) -> Option<Watcher> {
        self.place(socket).ok().map(|at| self.0.remove(at).1)
    }

    fn values(&self) -> impl Iterator<Item = &Watcher> {
        self.0.iter().map(|(_, watcher)| watcher)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Debug, Default)]
struct Other {
    sockets: BTreeSet<SocketKey>,
    /// The last key it was told.
    key: Option<u64>,
    /// The last state it was told.
    n: u64,
}

impl Gallery {
    /// Nobody looks at anything.
    pub fn new(shard: ShardId) -> Self {
        Self {
            shard,
            views: BTreeMap::new(),
            watching: BTreeMap::new(),
            untold: BTreeSet::new(),
            outgoing: Vec::new(),
            encoded: Encoded::default(),
        }
    }

    /// Views that somebody looks at.
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// True if nobody looks at anything.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// Frames made so far: whole states, and deltas.
    pub fn n_encoded(&self) -> (u64, u64) {
        (self.encoded.full, self.encoded.delta)
    }

    /// Takes in one thing that happened.
    pub fn handle(&mut self, input: ViewInput, effects: &mut Vec<ViewEffect>) {
        match input {
            ViewInput::Watch { who, session, view, deltas } => {
                self.unwatch(who, effects);
                self.watching.insert(who, view);
                let socket = who.socket;
                if who.shard == self.shard {
                    self.watch_here(view, socket, Watcher { session, deltas }, effects);
                } else {
                    let watched = self
                        .views
                        .entry(view)
                        .or_insert_with(|| Watched::fresh(view.format).into());
                    watched.others.entry(who.shard).or_default().sockets.insert(socket);
                    self.untold.insert(view);
                    let message = ViewMessage::Watch { view, socket, deltas };
                    self.outgoing.push((who.shard, message));
                }
            }
            ViewInput::Unwatch(who) => self.unwatch(who, effects),
            ViewInput::Resync(who) => {
                let Some(view) = self.watching.get(&who).copied() else { return };
                let socket = who.socket;
                if who.shard == self.shard {
                    self.resync_here(view, socket, effects);
                } else {
                    self.outgoing.push((who.shard, ViewMessage::Resync { view, socket }));
                }
            }
            ViewInput::Dirty(view) => {
                // What nobody looks at has no states to count.
                let Some(watched) = self.views.get_mut(&view) else { return };
                watched.picture.advance();
                if !watched.others.is_empty() && !fault::is_planted(Fault::StateNotToldAbroad) {
                    self.untold.insert(view);
                }
                watched.show(view, effects);
            }
            ViewInput::Gone(view) => {
                self.watching.retain(|_, watched| *watched != view);
                self.untold.remove(&view);
                let others = self.views.get(&view).map(|watched| watched.others.keys());
                let gone = |shard: &ShardId| (*shard, ViewMessage::Gone { view });
                self.outgoing.extend(others.into_iter().flatten().map(gone));
                self.gone(view, effects);
            }
            ViewInput::Told(message, session) => self.told(message, session, effects),
        }
    }

    /// As a mirror.
    fn told(
        &mut self,
        message: ViewMessage,
        session: Option<SessionKey>,
        effects: &mut Vec<ViewEffect>,
    ) {
        match message {
            ViewMessage::Watch { view, socket, deltas } => {
                self.watch_here(view, socket, Watcher { session, deltas }, effects);
            }
            ViewMessage::Unwatch { view, socket } => self.unwatch_here(view, socket, effects),
            ViewMessage::Resync { view, socket } => self.resync_here(view, socket, effects),
            ViewMessage::Full { view, n, text } => {
                let Some(watched) = self.views.get_mut(&view) else { return };
                watched.picture.keyed(n, text);
                watched.show(view, effects);
            }
            ViewMessage::Delta { view, key, n, text } => {
                let Some(watched) = self.views.get_mut(&view) else { return };
                if watched.picture.changed(key, n, text) {
                    watched.show(view, effects);
                }
            }
            ViewMessage::Gone { view } => self.gone(view, effects),
        }
    }

    fn gone(&mut self, view: ViewId, effects: &mut Vec<ViewEffect>) {
        let Some(watched) = self.views.remove(&view) else { return };
        let sessions = watched.watchers.values().filter_map(|watcher| watcher.session);
        effects.extend(sessions.map(|to| ViewEffect::Hide(to, view)));
    }

    fn watch_here(
        &mut self,
        view: ViewId,
        socket: SocketKey,
        watcher: Watcher,
        effects: &mut Vec<ViewEffect>,
    ) {
        self.unwatch_here(view, socket, effects);
        let fresh = || Watched::fresh(view.format).into();
        let watched = self.views.entry(view).or_insert_with(fresh);
        watched.watchers.insert(socket, watcher);
        watched.n_deltas += usize::from(watcher.deltas);
    }

    fn unwatch_here(&mut self, view: ViewId, socket: SocketKey, effects: &mut Vec<ViewEffect>) {
        let Some(watched) = self.views.get_mut(&view) else { return };
        let Some(watcher) = watched.watchers.remove(socket) else { return };
        watched.n_deltas -= usize::from(watcher.deltas);
        effects.extend(watcher.session.map(|to| ViewEffect::Hide(to, view)));
        self.tidy(view);
    }

    fn resync_here(&self, view: ViewId, socket: SocketKey, effects: &mut Vec<ViewEffect>) {
        if fault::is_planted(Fault::ResyncIgnored) {
            return;
        }
        let watcher = self.views.get(&view).and_then(|watched| watched.watchers.get(socket));
        if let Some(Watcher { session: Some(to), deltas }) = watcher {
            effects.push(ViewEffect::Rebase(*to, view));
            effects.push(ViewEffect::Show(*to, view, *deltas));
        }
    }

    fn unwatch(&mut self, who: Address, effects: &mut Vec<ViewEffect>) {
        let Some(view) = self.watching.remove(&who) else { return };
        if who.shard == self.shard {
            return self.unwatch_here(view, who.socket, effects);
        }
        let Some(watched) = self.views.get_mut(&view) else { return };
        if let Some(other) = watched.others.get_mut(&who.shard) {
            other.sockets.remove(&who.socket);
            if other.sockets.is_empty() {
                watched.others.remove(&who.shard);
            }
        }
        self.outgoing.push((who.shard, ViewMessage::Unwatch { view, socket: who.socket }));
        self.tidy(view);
    }

    /// A view that nobody looks at is forgotten.
    fn tidy(&mut self, view: ViewId) {
        let is_watched = |w: &Watched| !w.watchers.is_empty() || !w.others.is_empty();
        if self.views.get(&view).is_some_and(|watched| !is_watched(watched)) {
            self.views.remove(&view);
            self.untold.remove(&view);
        }
    }

    /// The newest state for a client that can take it and has begun the key `base`.
    pub fn frame(&mut self, view: ViewId, base: Option<u64>, source: Source<'_>) -> Option<Shown> {
        let watched = self.views.get_mut(&view)?;
        let is_ours = view.shard == self.shard;
        let source = &mut || if is_ours { source(view) } else { None };
        // A tree of values is built only for those who want deltas.
        if is_ours && (watched.n_deltas > 0 || !watched.others.is_empty()) {
            watched.picture.settle(source);
        }
        let shown = watched.picture.frame(base, source, &mut self.encoded);
        watched.picture.slim();
        shown
    }

    /// What other shards are to be told, at the end of a turn: of each view at most one state.
    /// For each shard in order; before anything else of that turn, so that nothing of a view
    /// overtakes the word that somebody has stopped looking.
    pub fn take_outgoing(&mut self, source: Source<'_>) -> Vec<(ShardId, ViewMessage)> {
        if self.untold.is_empty() && self.outgoing.is_empty() {
            return Vec::new();
        }
        for view in std::mem::take(&mut self.untold) {
            if let Some(watched) = self.views.get_mut(&view) {
                watched.tell(view, &mut || source(view), &mut self.outgoing);
            }
        }
        std::mem::take(&mut self.outgoing)
    }
}

impl Watched {
    fn fresh(format: Format) -> Self {
        Self { picture: Picture::fresh(format), ..Self::default() }
    }

    fn show(&self, view: ViewId, effects: &mut Vec<ViewEffect>) {
        let known = self.watchers.values();
        effects.extend(known.filter_map(|w| Some(ViewEffect::Show(w.session?, view, w.deltas))));
    }

    /// Tells the other shards of the newest state: as a delta, or whole if it is a new key. Who
    /// has just begun to look is told the key first.
    fn tell(
        &mut self,
        view: ViewId,
        source: &mut dyn FnMut() -> Option<String>,
        outgoing: &mut Vec<(ShardId, ViewMessage)>,
    ) {
        let Self { picture, others, .. } = self;
        picture.settle(source);
        let (n, key) = (picture.n, picture.key_n());
        for (shard, other) in others.iter_mut().filter(|(_, other)| other.n != n) {
            if key.is_none() || other.key != key {
                // Without a key (a state that cannot be read back) each state is told whole.
                let text = match key {
                    Some(key) if key != n => picture.key_text(),
                    _ => picture.full(source).map(str::to_owned),
                };
                let Some(text) = text else { continue };
                let n = key.unwrap_or(n);
                outgoing.push((*shard, ViewMessage::Full { view, n, text }));
            }
            if let (Some(key), Some(text)) = (key, picture.delta()) {
                let text = text.to_owned();
                outgoing.push((*shard, ViewMessage::Delta { view, key, n, text }));
            }
            (other.key, other.n) = (key, n);
        }
        picture.slim();
    }
}

#[cfg(test)]
mod tests;
