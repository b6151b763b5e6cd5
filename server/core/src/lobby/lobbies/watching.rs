//! Listings that are watched: what is said about them reaches who decides.

use super::*;
use crate::lobby::watch;

impl Lobbies {
    pub(super) fn watch(
        &mut self,
        now: Now,
        socket: SocketKey,
        filter: api::Filter,
        ack: Option<u64>,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let (mut told, mut sends) = (watch::Told::new(), Sends::new());
        match self.visitors.may_watch(now.time, socket) {
            Ok(who) => {
                let who = (socket, who.address);
                self.watchers.watch(now.time, who, filter, ack, (&mut told, &mut sends));
            }
            Err(refusal) => {
                let frame = refusal_frame(ack, refusal);
                sends.extend(frame.map(|frame| (socket, frame)));
            }
        }
        self.spread(now, (sends, told), ids, effects);
    }

    pub(super) fn unwatch(
        &mut self,
        now: Now,
        socket: SocketKey,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let (mut told, mut sends) = (watch::Told::new(), Sends::new());
        self.watchers.unwatch(socket, &mut told, &mut sends);
        self.spread(now, (sends, told), ids, effects);
    }

    /// A shard, perhaps this one, says something about a listing.
    pub(super) fn watch_told(
        &mut self,
        now: Now,
        from: ShardId,
        message: WatchMessage,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let (mut told, mut sends) = (watch::Told::new(), Sends::new());
        match message {
            WatchMessage::Watch(number, filter) => {
                let reader = (from, number);
                self.watched.watch(reader, *filter, &self.board, &self.lobbies, &mut told);
            }
            WatchMessage::Unwatch(number) => self.watched.unwatch((from, number)),
            WatchMessage::Shown(number, new, gone) => {
                self.watchers.shown(now.time, from, number, (new, gone), &mut sends);
            }
        }
        self.spread(now, (sends, told), ids, effects);
    }

    /// When [`Self::watch_timeout`] is due.
    pub(super) fn watch_deadline(&self) -> Option<Time> {
        earliest([self.watched.deadline(), self.watchers.deadline()])
    }

    pub(super) fn watch_timeout(
        &mut self,
        now: Now,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        if self.watch_deadline().is_none_or(|at| at > now.time) {
            return;
        }
        let (mut told, mut sends) = (watch::Told::new(), Sends::new());
        self.watched.timeout(now.time, &self.board, &self.lobbies, &mut told);
        self.watchers.timeout(now.time, &mut sends);
        self.spread(now, (sends, told), ids, effects);
    }
}
