//! What shards say to each other, and how an identity tells its shard.
//! A shard of this process and one of another node get the same messages; which way they travel is
//! the driver's business. Nothing is decided here.

use std::{hash::BuildHasher as _, time::Duration};

use bytes::Bytes;
use parlor_shared::{
    id::{ID_BYTES, SocketId},
    socket_io::{Draft, Frame},
};
use serde::{Deserialize, Serialize};

use crate::{
    assignment::{Assigned, Reservation},
    delivery::Delivery,
    effect::AckError,
    hash::Keyed,
    input::{Scope, Target},
    key::{ShardId, SocketKey},
    lobby::LobbyMessage,
    matchmaker::MatchMessage,
    signaling::SignalMessage,
    socket_io::RecoveryMessage,
    views::ViewMessage,
};

/// Something one shard tells another. From one shard to another they arrive in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Message {
    /// A packet for the receiver's sockets.
    Emit(Scope, Target, Frame, Delivery),
    /// An event for the receiver's sockets in children of a namespace.
    EmitEach(Scope, Target, Draft, Delivery),
    /// A change for the receiver's sockets.
    Change(Scope, Target, Change),
    /// Something that the receiver answers under the same number.
    Question(u64, Question),
    /// An event for the receiver's server, which is answered under this number if one is given.
    ServerSide(Draft, Option<u64>),
    /// The answer to a question of the receiver's.
    Answer(u64, Answer),
    /// About sockets that clients come back to.
    Recovery(RecoveryMessage),
    /// Between a lobby and those in it.
    Lobby(LobbyMessage),
    /// The sender's matchmaker wants a lobby on the receiver's shard.
    Reserve(Box<Reservation>),
    /// What a lobby of the sender's has to say of that.
    Assigned(Assigned),
    /// Between peers of a lobby.
    Signal(SignalMessage),
    /// About tickets, on their way to the desk and back.
    Match(MatchMessage),
    /// What there is to see in a lobby's match, and who looks.
    View(ViewMessage),
}

impl Message {
    /// About how many bytes it keeps while it waits: those that clients choose the number of.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::Emit(_, target, frame, _) => target.n_bytes() + frame.wire().len(),
            Self::EmitEach(_, target, draft, _) => target.n_bytes() + draft.n_bytes(),
            Self::Change(_, target, change) => target.n_bytes() + change.n_bytes(),
            Self::Question(_, question) => question.n_bytes(),
            Self::ServerSide(draft, _) => draft.n_bytes(),
            Self::Lobby(LobbyMessage::Push(_, frame, _)) => frame.wire().len(),
            Self::Answer(_, Answer::Acks(acks)) => acks.iter().map(AckOf::n_bytes).sum(),
            Self::Recovery(message) => message.n_bytes(),
            Self::Answer(_, Answer::Servers(servers)) => {
                servers.iter().filter_map(|(_, args)| args.as_ref()).map(raw_n_bytes).sum()
            }
            Self::Answer(_, Answer::Sockets(sockets)) => {
                sockets.iter().filter_map(|socket| socket.details.as_ref()).map(|d| d.len()).sum()
            }
            Self::Lobby(LobbyMessage::Ask(ask)) => ask.request.n_bytes(),
            Self::Lobby(LobbyMessage::BlockSet(_, set) | LobbyMessage::Blocked(_, set)) => {
                set.n_bytes()
            }
            Self::Lobby(LobbyMessage::Presence(message)) => message.n_bytes(),
            Self::Lobby(LobbyMessage::Block(message)) => message.n_bytes(),
            Self::Lobby(LobbyMessage::Answer(answer)) => {
                answer.frame.as_ref().map_or(0, |frame| frame.wire().len())
            }
            Self::Reserve(reservation) => reservation.n_bytes(),
            Self::Signal(message) => message.n_bytes(),
            Self::Match(message) => message.n_bytes(),
            Self::View(ViewMessage::Full { text, .. } | ViewMessage::Delta { text, .. }) => {
                text.len()
            }
            _ => 0,
        }
    }
}

/// A change for many sockets at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Put them into these rooms.
    Join(Vec<String>),
    /// Take them out of these rooms.
    Leave(Vec<String>),
    /// Disconnect them from the namespace, or (true) end their sessions.
    Disconnect(bool),
}

impl Change {
    pub(crate) fn n_bytes(&self) -> usize {
        match self {
            Self::Join(rooms) | Self::Leave(rooms) => rooms.iter().map(String::len).sum(),
            Self::Disconnect(_) => 0,
        }
    }
}

/// What one shard may ask another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Question {
    /// Ask these sockets' clients, and say what they answer within this time.
    Ask(Scope, Target, Draft, Duration),
    /// Which sockets are these?
    Sockets(Scope, Target),
}

impl Question {
    /// About how many bytes it keeps while it waits.
    pub fn n_bytes(&self) -> usize {
        let draft = match self {
            Self::Ask(_, _, draft, _) => draft.n_bytes(),
            Self::Sockets(..) => 0,
        };
        self.target().n_bytes() + draft
    }

    /// Whom it is about.
    pub(crate) fn target(&self) -> &Target {
        match self {
            Self::Ask(_, target, ..) | Self::Sockets(_, target) => target,
        }
    }

    /// The same for another shard, which knows none of this one's keys.
    pub(crate) fn abroad(&self) -> Self {
        let mut abroad = self.clone();
        match &mut abroad {
            Self::Ask(_, target, ..) | Self::Sockets(_, target) => *target = target.abroad(),
        }
        abroad
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// What each of the sockets' clients answered.
    Acks(Vec<AckOf>),
    /// The sockets.
    Sockets(Vec<SocketInfo>),
    /// What servers answered; nothing from those that had nothing to say.
    Servers(Vec<(ShardId, Option<RawArgs>)>),
}

/// Arguments as they travel: a JSON array, and attachments.
pub type RawArgs = (String, Vec<Bytes>);

pub(crate) fn raw_n_bytes((array, attachments): &RawArgs) -> usize {
    array.len() + attachments.iter().map(Bytes::len).sum::<usize>()
}

/// The shard that asked, and its number for the question.
pub type Asker = (ShardId, u64);

/// What one socket's client answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckOf {
    /// Whose answer it is.
    pub socket: SocketId,
    /// The answer's arguments, or why there is none.
    pub answer: Result<RawArgs, AckError>,
}

impl AckOf {
    fn n_bytes(&self) -> usize {
        self.answer.as_ref().map_or(0, raw_n_bytes)
    }
}

/// A socket as other shards may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketInfo {
    /// Its public id.
    pub id: SocketId,
    /// Its shard.
    pub shard: ShardId,
    /// Its key there.
    pub socket: SocketKey,
    /// The rooms that it is in, but for that of its own id; in the order of joining.
    pub rooms: Vec<String>,
    /// What its shard's driver adds before this is told to anybody.
    pub details: Option<Box<str>>,
}

/// Numbers of questions: each shard has its own. Clients in Java, C++, C# and Rust take none past
/// 2^31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AckIds {
    first: u32,
    step: u32,
}

impl AckIds {
    /// As if there were no other shard.
    pub(crate) const ALL: Self = Self { first: 0, step: 1 };

    /// The number of the nth question; after the last the first again.
    pub(crate) fn nth(self, n: u32) -> u32 {
        let n_ids = (i32::MAX as u32 - self.first) / self.step + 1;
        self.first + n % n_ids * self.step
    }
}

/// Which shards there are, and which one this is.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// This one.
    pub own: ShardId,
    /// All of them, this one among them, in the same order everywhere.
    pub all: Vec<ShardId>,
    /// How identities tell their shard; the same everywhere.
    pub owners: Owners,
}

impl Neighbours {
    /// A shard that has no neighbours.
    pub fn alone(seed: u64) -> Self {
        let own = ShardId::default();
        Self { own, all: vec![own], owners: Owners::new(seed) }
    }

    /// Numbers for this shard's questions, of which no other shard has any.
    pub(crate) fn ack_ids(&self) -> AckIds {
        let place = self.all.iter().position(|shard| *shard == self.own).unwrap_or_default();
        AckIds { first: place as u32, step: self.all.len().max(1) as u32 }
    }

    /// All but this one.
    pub fn others(&self) -> impl Iterator<Item = ShardId> {
        self.all.iter().copied().filter(|shard| *shard != self.own)
    }

    /// The shard of this identity, if there is such a shard.
    pub fn of_id(&self, id: &[u8; ID_BYTES]) -> Option<ShardId> {
        if self.all.len() == 1 {
            return Some(self.own);
        }
        Some(self.owners.shard_of(id)).filter(|shard| self.all.contains(shard))
    }

    /// The shard that a short word belongs to.
    pub fn of_word(&self, word: &[u8]) -> ShardId {
        self.all[self.owners.place_of(word, self.all.len())]
    }
}

/// Makes identities that tell their shard to whoever has the key, and to nobody else: 16 random
/// bytes, and the shard under a mask that depends on them.
#[derive(Debug, Clone, Copy)]
pub struct Owners(Keyed);

impl Owners {
    /// All shards of all nodes that know each other share one seed.
    pub fn new(seed: u64) -> Self {
        Self(Keyed::new(seed))
    }

    /// These random bytes as an identity of this shard.
    pub fn mint(&self, mut random: [u8; ID_BYTES], shard: ShardId) -> [u8; ID_BYTES] {
        let [node, thread] = self.mask(&random);
        random[16] = shard.node ^ node;
        random[17] = shard.shard ^ thread;
        random
    }

    /// The shard whose identity this is, if it is one of ours; any if it is not.
    pub fn shard_of(&self, id: &[u8; ID_BYTES]) -> ShardId {
        let [node, thread] = self.mask(id);
        ShardId { node: id[16] ^ node, shard: id[17] ^ thread }
    }

    /// Which of `n` shards owns a short word. All must agree on `n`.
    pub fn place_of(&self, word: &[u8], n: usize) -> usize {
        (self.0.hash_one(word) % n as u64) as usize
    }

    fn mask(&self, id: &[u8; ID_BYTES]) -> [u8; 2] {
        let [a, b, ..] = self.0.hash_one(&id[..16]).to_le_bytes();
        [a, b]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_tells_its_shard_to_its_own_servers_only() {
        let (ours, theirs) = (Owners::new(1), Owners::new(2));
        let shard = |i: u8| ShardId { node: i / 8, shard: i % 8 };
        let id = |i: u8| ours.mint([i.wrapping_mul(37); ID_BYTES], shard(i));
        assert!((0..64).all(|i| ours.shard_of(&id(i)) == shard(i)));
        let n_told = (0..64).filter(|i| theirs.shard_of(&id(*i)) == shard(*i)).count();
        assert!(n_told < 8, "{n_told}");
    }

    #[test]
    fn questions_of_shards_have_numbers_of_their_own_and_none_past_what_clients_take() {
        let all: Vec<_> = (0..3).map(|shard| ShardId { node: 0, shard }).collect();
        for (place, own) in all.iter().enumerate() {
            let neighbours = Neighbours { own: *own, all: all.clone(), owners: Owners::new(1) };
            let (ids, place) = (neighbours.ack_ids(), place as u32);
            assert_eq!([0, 1, 2].map(|n| ids.nth(n)), [place, place + 3, place + 6]);
            // 2^31 - 1 is one more than a multiple of three.
            let last = i32::MAX as u32 - (4 - place) % 3;
            let n = (last - place) / 3;
            assert_eq!([n, n + 1, n + 2].map(|n| ids.nth(n)), [last, place, place + 3]);
        }
        assert_eq!([0, 1, 1 << 31].map(|n| AckIds::ALL.nth(n)), [0, 1, 0]);
    }
}
