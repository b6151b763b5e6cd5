//! Who is online: what is said about it reaches who decides.

use super::*;
use crate::lobby::online::{PresenceMessage, Told};

impl Lobbies {
    /// A socket has joined `/lobby`.
    pub(super) fn come_online(
        &mut self,
        now: Now,
        socket: SocketKey,
        who: Who,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let mut told = Told::new();
        let blocked = self.presence.arrived(socket, &who, &mut told);
        self.visitors.arrived(now.time, socket, who);
        if let Some(blocked) = blocked {
            // It is in no lobby that would have to hear of it.
            self.visitors.block(socket, &blocked, &mut Vec::new());
        }
        self.spread(now, (Sends::new(), told), ids, effects);
    }

    /// A socket is gone.
    pub(super) fn go_offline(
        &mut self,
        now: Now,
        socket: SocketKey,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let mut told = Told::new();
        if let Some(who) = self.visitors.who(socket) {
            self.presence.gone(socket, who, &mut told);
        }
        self.spread(now, (Sends::new(), told), ids, effects);
    }

    /// A socket wants to know who is online.
    pub(super) fn want_presence(
        &mut self,
        now: Now,
        socket: SocketKey,
        presence: api::Presence,
        ack: Option<u64>,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let (mut told, mut sends) = (Told::new(), Sends::new());
        match self.visitors.may_watch(now.time, socket) {
            Ok(who) => {
                let all = (&mut told, &mut sends);
                self.presence.want(now.time, (socket, &who), presence, ack, all);
            }
            Err(refusal) => {
                let frame = refusal_frame(ack, refusal);
                sends.extend(frame.map(|frame| (socket, frame)));
            }
        }
        self.spread(now, (sends, told), ids, effects);
    }

    /// A shard, perhaps this one, says something about who is online.
    pub(super) fn presence_told(
        &mut self,
        now: Now,
        from: ShardId,
        message: PresenceMessage,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let (mut told, mut sends) = (Told::new(), Sends::new());
        match message {
            PresenceMessage::Here(player, is_here) => {
                self.blocks.used(&player);
                let to = (&self.blocks, &mut told);
                self.online.here(now.time, from, &player, is_here, to);
                if is_here {
                    let set = LobbyMessage::BlockSet(Arc::clone(&player), self.blocks.set(&player));
                    self.tell(now, from, set, ids, effects);
                }
            }
            PresenceMessage::Follow(viewer, players) => {
                self.online.follow(from, &viewer, players, (&self.blocks, &mut told));
            }
            PresenceMessage::Unfollow(viewer, players) => {
                self.online.unfollow(from, &viewer, &players);
            }
            PresenceMessage::Shown(viewer, players) => {
                self.presence.shown(&viewer, players, &mut sends);
            }
        }
        self.spread(now, (sends, told), ids, effects);
    }

    /// When [`Self::presence_timeout`] is due.
    pub(super) fn presence_deadline(&self) -> Option<Time> {
        earliest([self.presence.deadline(), self.online.deadline()])
    }

    pub(super) fn presence_timeout(
        &mut self,
        now: Now,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        if self.presence_deadline().is_none_or(|at| at > now.time) {
            return;
        }
        let (mut told, mut sends) = (Told::new(), Sends::new());
        self.online.timeout(now.time, &self.blocks, &mut told);
        self.presence.timeout(now.time, &mut sends);
        self.spread(now, (sends, told), ids, effects);
    }
}
