//! What always holds, by name. What each name means in detail is its model's part.

use std::fmt;

/// What always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Bytes of a WebSocket are whole frames: one that is begun is finished.
    Frames,
    /// Reliable packets arrive once and in order, or the session ends; nothing else arrives.
    Order,
    /// Of volatile packets the newest of each kind arrives, and none after a newer one.
    Newest,
    /// Pings go out an interval after the opening and each pong; who is silent is cut in time.
    Heartbeat,
    /// Sessions end for the reasons there are, and when there is one.
    Reasons,
    /// What waits for a client is limited in bytes.
    QueueLimit,
    /// What clients say is heard once and in order.
    Heard,
    /// A broadcast reaches each socket that it means once, on all shards, and no other.
    Broadcast,
    /// Broadcasts of one shard arrive in the order in which it made them.
    EmitterOrder,
    /// Each question has one answer: the right one, or why there is none.
    Answers,
    /// A gathering holds each answer once.
    Gathered,
    /// Each request has one acknowledgement, in time.
    Acks,
    /// A member sees each version of its lobby, without gap, and nobody else does.
    Versions,
    /// All members see the same story, and whole lobbies are told as it goes.
    Story,
    /// An acknowledgement comes after what it acknowledges, and before what that leads to.
    AckOrder,
    /// A player holds at most one seat of a lobby.
    Seats,
    /// What is the host's to decide nobody else does; who is sent away hears it, and is gone.
    Hosts,
    /// Who knows the password comes in, unless the lobby is locked or keeps them out; nobody else.
    Entrance,
    /// Who has left a lobby, was sent away or saw it end is in none.
    Outside,
    /// Others may claim when a player is overdue, not before, and that ends the match.
    Claims,
    /// Nobody opens a lobby in quick play while another waits that would have done.
    Quick,
    /// A question ends once, and each of those who are asked has one vote.
    Polls,
    /// A seat is kept for the grace, not shorter and not longer.
    Grace,
    /// A token is good until its successor has been used.
    Tokens,
    /// Requests of one player count in the order in which they were made.
    RequestOrder,
    /// What only one seat may know reaches no other.
    Hidden,
    /// States go forward, agree with each other, and the newest arrives.
    States,
    /// Who comes back in time, to what can be had whole, has its socket back; nobody else has.
    Comebacks,
    /// Whoever has its socket back goes on with the next event: none is missing, none comes twice.
    Continuity,
    /// Ticks come at t0 + k/hz, and are left out only when they are late.
    Ticks,
    /// An input counts once, however often it is sent.
    Inputs,
    /// Each phase of a lobby ends by its deadline.
    Stuck,
    /// A message of a player reaches each that it is for once and in order.
    Messages,
    /// Peers of a lobby know each other, are linked as they should be, and pass on what they may:
    /// to the other end, with the true sender, once and in order.
    Peers,
    /// Each ticket ends once, for a reason that there is; nobody is in two matches, or in one that
    /// the queue's rules forbid; who waits does so no longer than anybody may.
    Tickets,
    /// Members of a party hear the same of it, in order; only its leader leads it; who has left it,
    /// or has been away for too long, is not in it.
    Parties,
    /// Each rated match counts once, for those who had a seat in it, and goes on from the rating
    /// that the one before has left.
    Ratings,
    /// A game that panics ends its match with `crashed`, and nothing else.
    Crashes,
    /// A listing holds the public lobbies, each once.
    Listing,
    /// Tables agree with each other.
    Tables,
    /// Deadlines are of what there is, and go away when they are fired.
    Deadlines,
    /// At the end nothing is left behind.
    LeftBehind,
    /// Nothing panics.
    Panic,
    /// The same seed gives the same trace.
    Repeatable,
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// What was seen instead.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}
