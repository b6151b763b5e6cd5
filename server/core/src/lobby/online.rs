//! The players whose home this shard is, wherever their sockets are: who is online, and which
//! shards are to be told of whom. What their sockets hear is `presence`'s part.
//!
//! ```text
//!            ┌────────a socket───────┐  ┌──2 s without──┐
//!            ▼                       │  ▼               │
//!  Offline ──► shown online ──last one gone──► lingering ──► shown offline ──1 s──► Offline
//! ```

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use crate::{
    few::Few,
    key::ShardId,
    time::{Deadlines, Time},
};

/// Who comes back so soon has not been away: a page that is loaded again.
const LINGER: Duration = Duration::from_secs(2);
/// A player's presence changes no more often.
const CHANGE_INTERVAL: Duration = Duration::from_secs(1);

/// What shards say to each other about who is online.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum PresenceMessage {
    /// To a player's home: the sender has a socket of this player's now, or (false) none any more.
    Here(Arc<str>, bool),
    /// To the home of these players: are they online, now and from now on? For this viewer.
    Follow(Viewer, Vec<Arc<str>>),
    /// To it: not any more.
    Unfollow(Viewer, Vec<Arc<str>>),
    /// From it: these are online, or not. The first is the answer.
    Shown(Viewer, Vec<(Arc<str>, bool)>),
}

/// Who wants to know: a player, or all who have no account.
pub type Viewer = Option<Arc<str>>;
/// What is told to whom.
pub(super) type Told = Vec<(ShardId, PresenceMessage)>;

impl PresenceMessage {
    /// About how many bytes it keeps while it waits.
    pub(crate) fn n_bytes(&self) -> usize {
        match self {
            Self::Here(player, _) => player.len(),
            Self::Follow(_, players) | Self::Unfollow(_, players) => {
                players.iter().map(|player| player.len()).sum()
            }
            Self::Shown(_, players) => players.iter().map(|(player, _)| player.len()).sum(),
        }
    }
}

/// The machine.
#[derive(Debug, Default)]
pub(super) struct Online {
    players: BTreeMap<Arc<str>, Player>,
    by_number: BTreeMap<u64, Arc<str>>,
    n_players: u64,
    /// When something is to be done about a player.
    deadlines: Deadlines<u64>,
    /// Who is told of a player, and what was told last.
    followers: BTreeMap<Arc<str>, BTreeMap<(ShardId, Viewer), bool>>,
}

/// One who is online, or was a moment ago.
#[derive(Debug)]
struct Player {
    number: u64,
    /// Where its sockets are.
    shards: Few<ShardId>,
    /// What others are to believe.
    is_shown: bool,
    /// Until when they believe that.
    settled_until: Time,
}

impl Online {
    pub(super) fn is_empty(&self) -> bool {
        self.players.is_empty() && self.followers.is_empty() && self.deadlines.is_empty()
    }

    /// When something is to be told.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// Where a player's sockets are.
    pub(super) fn shards(&self, player: &str) -> Vec<ShardId> {
        self.players.get(player).map_or_else(Vec::new, |known| known.shards.to_vec())
    }

    /// A shard has a socket of a player's now, or none any more.
    pub(super) fn here(
        &mut self,
        now: Time,
        from: ShardId,
        player: &Arc<str>,
        is_here: bool,
        (blocks, told): (&Blocks, &mut Told),
    ) {
        if is_here && !self.players.contains_key(player) {
            self.begin(now, player);
        }
        let Some(known) = self.players.get_mut(player) else { return };
        known.shards.retain(|shard| *shard != from);
        if is_here {
            known.shards.push(from);
        }
        self.settle(now, player, (blocks, told));
    }

    fn begin(&mut self, now: Time, player: &Arc<str>) {
        self.n_players += 1;
        let number = self.n_players;
        let (shards, is_shown, settled_until) = (Few::default(), false, now);
        let known = Player { number, shards, is_shown, settled_until };
        self.players.insert(Arc::clone(player), known);
        self.by_number.insert(number, Arc::clone(player));
    }

    /// Does what is to be done about a player, now or when it is time.
    fn settle(&mut self, now: Time, player: &Arc<str>, (blocks, told): (&Blocks, &mut Told)) {
        let Some(known) = self.players.get_mut(player) else { return };
        let number = known.number;
        let due = match (!known.shards.is_empty(), known.is_shown) {
            (true, true) => None,
            (false, true) => Some(known.settled_until.max(now + LINGER)),
            (true, false) | (false, false) => Some(known.settled_until.max(now)),
        };
        self.deadlines.set(number, due.filter(|due| *due > now));
        if due.is_some_and(|due| due <= now) {
            self.show(now, player, (blocks, told));
        }
    }

    /// The time has come for others to believe what is so, or for a player to be forgotten.
    fn show(&mut self, now: Time, player: &Arc<str>, (blocks, told): (&Blocks, &mut Told)) {
        let Some(known) = self.players.get_mut(player) else { return };
        let (number, is_online) = (known.number, !known.shards.is_empty());
        if known.is_shown == is_online {
            if !is_online {
                self.players.remove(player);
                self.by_number.remove(&number);
            }
            return;
        }
        known.is_shown = is_online;
        known.settled_until = now + CHANGE_INTERVAL;
        self.deadlines.set(number, Some(now + CHANGE_INTERVAL).filter(|_| !is_online));
        self.tell(player, blocks, told);
    }

    /// Tells those who follow a player what is new to them.
    pub(super) fn tell(&mut self, player: &Arc<str>, blocks: &Blocks, told: &mut Told) {
        let is_shown = self.is_shown(player);
        let Some(followers) = self.followers.get_mut(player) else { return };
        for ((shard, viewer), known) in followers {
            let is_shown = is_shown && may_see(blocks, player, viewer);
            if std::mem::replace(known, is_shown) == is_shown {
                continue;
            }
            let shown = vec![(Arc::clone(player), is_shown)];
            told.push((*shard, PresenceMessage::Shown(viewer.clone(), shown)));
        }
    }

    fn is_shown(&self, player: &str) -> bool {
        self.players.get(player).is_some_and(|known| known.is_shown)
    }

    /// A shard wants to know of these players.
    pub(super) fn follow(
        &mut self,
        from: ShardId,
        viewer: &Viewer,
        players: Vec<Arc<str>>,
        (blocks, told): (&Blocks, &mut Told),
    ) {
        let mut shown = Vec::with_capacity(players.len());
        for player in players {
            let is_shown = self.is_shown(&player) && may_see(blocks, &player, viewer);
            let followers = self.followers.entry(Arc::clone(&player)).or_default();
            followers.insert((from, viewer.clone()), is_shown);
            shown.push((player, is_shown));
        }
        told.push((from, PresenceMessage::Shown(viewer.clone(), shown)));
    }

    /// It does not any more.
    pub(super) fn unfollow(&mut self, from: ShardId, viewer: &Viewer, players: &[Arc<str>]) {
        for player in players {
            let Some(followers) = self.followers.get_mut(player) else { continue };
            followers.remove(&(from, viewer.clone()));
            if followers.is_empty() {
                self.followers.remove(player);
            }
        }
    }

    /// Tells what is to be told by now.
    pub(super) fn timeout(&mut self, now: Time, blocks: &Blocks, told: &mut Told) {
        while let Some((_, number)) = self.deadlines.pop(now) {
            if let Some(player) = self.by_number.get(&number).cloned() {
                self.show(now, &player, (blocks, told));
            }
        }
    }
}

/// Who is blocked sees nobody who has blocked them.
fn may_see(blocks: &Blocks, player: &str, viewer: &Viewer) -> bool {
    viewer.as_ref().is_none_or(|viewer| !blocks.has_blocked(player, viewer))
}
