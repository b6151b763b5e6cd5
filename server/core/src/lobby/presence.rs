//! The sockets of this shard as far as players are behind them, and those that want to know who is
//! online. Whether somebody is, is said by the player's home, in `online`.
//! Whom several sockets of a player want to know of is asked once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::{self as api, PresencePush, push},
    },
    socket_io::Frame,
};

use super::{
    blocks::BlockSet,
    effect::{Sends, answer_frame, event, refusal_frame},
    online::{PresenceMessage, Told, Viewer},
    who::Who,
};
use crate::{
    cluster::Neighbours,
    key::{Origin, ShardId, SocketKey},
    time::{Deadlines, Time},
};

/// Players whose presence sockets of one address may want to know, on one shard; one counts for
/// each socket that wants to.
pub const MAX_FOLLOWED_PER_ADDRESS: usize = 4096;
/// How long is waited for all homes, before what there is is told.
const FIRST_TIMEOUT: Duration = Duration::from_secs(2);

/// The machine.
#[derive(Debug)]
pub(super) struct Presence {
    neighbours: Neighbours,
    /// The sockets that a player has here, and whom the player has blocked; `None`: the home has
    /// not said yet.
    here: BTreeMap<Arc<str>, (BTreeSet<SocketKey>, Option<BlockSet>)>,
    wants: BTreeMap<SocketKey, Want>,
    followed: BTreeMap<(Arc<str>, Viewer), Followed>,
    n_of_origin: BTreeMap<Origin, usize>,
    /// When a socket is answered at the latest.
    deadlines: Deadlines<SocketKey>,
}

/// Whom a socket wants to know of.
#[derive(Debug)]
struct Want {
    who: Who,
    players: BTreeSet<Arc<str>>,
    first: Option<First>,
}

/// A socket that is not answered yet.
#[derive(Debug)]
struct First {
    ack: Option<u64>,
    n_missing: usize,
}

/// A player whom somebody here wants to know of.
#[derive(Debug, Default)]
struct Followed {
    /// `None`: the home has not said yet.
    is_online: Option<bool>,
    sockets: BTreeSet<SocketKey>,
}

impl Presence {
    pub(super) fn new(neighbours: Neighbours) -> Self {
        Self {
            neighbours,
            here: BTreeMap::new(),
            wants: BTreeMap::new(),
            followed: BTreeMap::new(),
            n_of_origin: BTreeMap::new(),
            deadlines: Deadlines::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { here, wants, followed, n_of_origin, deadlines, .. } = self;
        let is_empty = here.is_empty() && wants.is_empty() && followed.is_empty();
        is_empty && n_of_origin.is_empty() && deadlines.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    fn home(&self, player: &str) -> ShardId {
        self.neighbours.of_word(player.as_bytes())
    }

    /// A socket has joined `/lobby`. Whom its player has blocked, if that is known already.
    pub(super) fn arrived(
        &mut self,
        socket: SocketKey,
        who: &Who,
        told: &mut Told,
    ) -> Option<BlockSet> {
        let player = who.player.as_ref()?;
        let (sockets, blocked) = self.here.entry(Arc::clone(player)).or_default();
        sockets.insert(socket);
        if sockets.len() > 1 {
            return blocked.clone();
        }
        told.push((self.home(player), PresenceMessage::Here(Arc::clone(player), true)));
        None
    }

    /// A player's home says whom the player has blocked. The sockets that it is about.
    pub(super) fn block(&mut self, player: &str, blocked: &BlockSet) -> Vec<SocketKey> {
        let Some((sockets, known)) = self.here.get_mut(player) else { return Vec::new() };
        *known = Some(blocked.clone());
        sockets.iter().copied().collect()
    }

    /// A socket is gone.
    pub(super) fn gone(&mut self, socket: SocketKey, who: &Who, told: &mut Told) {
        if let Some(want) = self.wants.remove(&socket) {
            self.deadlines.set(socket, None);
            self.count(want.who.address, want.players.len(), 0);
            self.unfollow(socket, &want.who.player, want.players, told);
        }
        let Some(player) = &who.player else { return };
        let Some((sockets, _)) = self.here.get_mut(player) else { return };
        sockets.remove(&socket);
        if sockets.is_empty() {
            self.here.remove(player);
            told.push((self.home(player), PresenceMessage::Here(Arc::clone(player), false)));
        }
    }

    /// A socket wants to know of these players, in place of those before.
    pub(super) fn want(
        &mut self,
        now: Time,
        (socket, who): (SocketKey, &Who),
        presence: api::Presence,
        ack: Option<u64>,
        (told, sends): (&mut Told, &mut Sends),
    ) {
        let players: BTreeSet<Arc<str>> = presence.players.into_iter().map(Arc::from).collect();
        let before = self.wants.remove(&socket);
        let n_before = before.as_ref().map_or(0, |want| want.players.len());
        let n_of_origin = self.n_of_origin.get(&who.address).copied().unwrap_or_default();
        if n_of_origin - n_before + players.len() > MAX_FOLLOWED_PER_ADDRESS {
            self.wants.extend(before.map(|before| (socket, before)));
            let sentence = "too many players' presence is watched from this address";
            return sends.extend(refused(socket, ack, code::LIMIT, sentence));
        }
        let (known, first) = before.map_or_else(Default::default, |b| (b.players, b.first));
        if let Some(first) = first {
            let sentence = "others' presence was asked for meanwhile";
            sends.extend(refused(socket, first.ack, code::RATE, sentence));
        }
        self.count(who.address, n_before, players.len());
        let viewer = &who.player;
        let (added, removed) = (&players - &known, &known - &players);
        self.follow(socket, viewer, added, told);
        self.unfollow(socket, viewer, removed, told);
        let is_missing = |player: &&Arc<str>| self.is_online(player, viewer).is_none();
        let n_missing = players.iter().filter(is_missing).count();
        let first = Some(First { ack, n_missing });
        self.wants.insert(socket, Want { who: who.clone(), players, first });
        self.deadlines.set(socket, Some(now + FIRST_TIMEOUT));
        if n_missing == 0 {
            self.answer(socket, sends);
        }
    }

    /// So many of this origin's are not wanted any more, and so many are.
    fn count(&mut self, origin: Origin, n_before: usize, n: usize) {
        let of_origin = self.n_of_origin.entry(origin).or_default();
        *of_origin = *of_origin + n - n_before;
        if *of_origin == 0 {
            self.n_of_origin.remove(&origin);
        }
    }

    fn is_online(&self, player: &Arc<str>, viewer: &Viewer) -> Option<bool> {
        self.followed.get(&(Arc::clone(player), viewer.clone()))?.is_online
    }

    fn follow(
        &mut self,
        socket: SocketKey,
        viewer: &Viewer,
        players: BTreeSet<Arc<str>>,
        told: &mut Told,
    ) {
        let mut new = Vec::new();
        for player in players {
            let key = (Arc::clone(&player), viewer.clone());
            let followed = self.followed.entry(key).or_default();
            if followed.sockets.is_empty() {
                new.push(player);
            }
            followed.sockets.insert(socket);
        }
        self.tell_homes(new, |players| PresenceMessage::Follow(viewer.clone(), players), told);
    }

    fn unfollow(
        &mut self,
        socket: SocketKey,
        viewer: &Viewer,
        players: BTreeSet<Arc<str>>,
        told: &mut Told,
    ) {
        let mut old = Vec::new();
        for player in players {
            let key = (Arc::clone(&player), viewer.clone());
            let Some(followed) = self.followed.get_mut(&key) else { continue };
            followed.sockets.remove(&socket);
            if followed.sockets.is_empty() {
                self.followed.remove(&key);
                old.push(player);
            }
        }
        self.tell_homes(old, |players| PresenceMessage::Unfollow(viewer.clone(), players), told);
    }

    /// One message for each home.
    fn tell_homes(
        &self,
        players: Vec<Arc<str>>,
        message: impl Fn(Vec<Arc<str>>) -> PresenceMessage,
        told: &mut Told,
    ) {
        let mut by_home: BTreeMap<ShardId, Vec<Arc<str>>> = BTreeMap::new();
        for player in players {
            by_home.entry(self.home(&player)).or_default().push(player);
        }
        told.extend(by_home.into_iter().map(|(home, players)| (home, message(players))));
    }

    /// The home of these players says who of them is online.
    pub(super) fn shown(
        &mut self,
        viewer: &Viewer,
        players: Vec<(Arc<str>, bool)>,
        sends: &mut Sends,
    ) {
        for (player, is_online) in players {
            let key = (Arc::clone(&player), viewer.clone());
            // Who is followed no more was so when this was said.
            let Some(followed) = self.followed.get_mut(&key) else { continue };
            let before = followed.is_online.replace(is_online);
            let push = PresencePush { player: player.to_string(), online: is_online };
            let mut frame = None;
            for socket in followed.sockets.clone() {
                let first = self.wants.get_mut(&socket).and_then(|want| want.first.as_mut());
                match first {
                    Some(first) => {
                        first.n_missing -= usize::from(before.is_none());
                        if first.n_missing == 0 {
                            self.answer(socket, sends);
                        }
                    }
                    // An answer that did not wait for it took it to be offline.
                    None if before.unwrap_or_default() != is_online => {
                        let frame = frame.get_or_insert_with(|| event(push::PRESENCE, &push));
                        sends.push((socket, frame.clone()));
                    }
                    None => {}
                }
            }
        }
    }

    /// Answers a socket as far as homes have.
    fn answer(&mut self, socket: SocketKey, sends: &mut Sends) {
        self.deadlines.set(socket, None);
        let Some(want) = self.wants.get_mut(&socket) else { return };
        let Some(First { ack, .. }) = want.first.take() else { return };
        let Want { who, players, .. } = &self.wants[&socket];
        let is_online = |player: &&Arc<str>| self.is_online(player, &who.player) == Some(true);
        let online = players.iter().filter(is_online).map(ToString::to_string).collect();
        let frame = answer_frame(ack, Ok(api::Online { online }));
        sends.extend(frame.map(|frame| (socket, frame)));
        if players.is_empty() {
            self.wants.remove(&socket);
        }
    }

    /// Answers those who have waited for long enough.
    pub(super) fn timeout(&mut self, now: Time, sends: &mut Sends) {
        while let Some((_, socket)) = self.deadlines.pop(now) {
            self.answer(socket, sends);
        }
    }
}

fn refused(
    socket: SocketKey,
    ack: Option<u64>,
    code: &str,
    sentence: &str,
) -> Option<(SocketKey, Frame)> {
    Some((socket, refusal_frame(ack, Refusal::new(code, sentence))?))
}
