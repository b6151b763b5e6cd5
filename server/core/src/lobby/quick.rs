//! Quick play: who seeks a seat, and into which lobby each is sent.
//! All who seek one in a game are put in line by one shard, which the game's name tells. It asks
//! all shards what they have, sends as many as fit into the fullest, and has others open lobbies;
//! who comes next is thought about when these have arrived. So no two open a lobby where they could
//! have met. How they get there is `visitors`' part, on each one's own shard.
//!
//! ```text
//!            somebody seeks                 all shards told          all have arrived
//!  (no line) ──────────────► Probing ──────────────────────► Sending ────────────────► (no line)
//!                               ▲                                │
//!                               └──────── others seek ───────────┘
//! ```

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use parlor_shared::api::lobby::Filter;
use serde::{Deserialize, Serialize};

use crate::{
    cluster::Neighbours,
    fault::{self, Fault},
    key::{Address, ShardId, SocketKey},
    time::Time,
};

/// Who may be in line on one shard; one more is refused.
pub const MAX_SEEKERS: usize = 4096;
/// Who is sent at once.
const MAX_SENT: usize = 256;
/// Lobbies that one shard tells at once.
pub(super) const MAX_PROSPECTS: usize = 64;
/// Lobbies that somebody is sent to in vain before opening one.
const MAX_TRIES: usize = 4;
/// How long is waited for what shards have.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long is waited for those sent to arrive.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// What shards say to each other about those who seek a seat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum QuickMessage {
    /// To the shard that puts them in line: a socket of the sender's seeks a seat.
    Seek(SocketKey, u64, Box<Wish>),
    /// To any shard: which open lobbies of this filter's game does it let through?
    Probe(u64, Box<Filter>),
    /// From it: these, the fullest first. Of which game it was, and the number of the question.
    Found(Box<str>, u64, Vec<Prospect>),
    /// To a seeker's shard: that is where the seeker goes; `None`: into a lobby of its own.
    Go(SocketKey, u64, Option<Box<str>>),
    /// To a seeker's shard: the line is too long.
    Full(SocketKey, u64),
    /// From a seeker's shard: it is in a lobby, or gone; or (false) the lobby did not let it in. Of
    /// which game, and the number of its request.
    Settled(Box<str>, SocketKey, u64, bool),
}

/// What somebody seeks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wish {
    /// Which lobbies will do; it names the game.
    pub filter: Filter,
    /// How many seats its own lobby would have; `None`: as many as the game has.
    pub capacity: Option<u8>,
}

impl Wish {
    fn game(&self) -> &str {
        self.filter.game.as_deref().unwrap_or_default()
    }
}

/// A lobby that somebody could be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prospect {
    /// Its id.
    pub id: Box<str>,
    /// Free seats.
    pub free: u8,
    /// When it was made, in milliseconds since the Unix epoch.
    pub made_ms: u64,
}

/// Where what is said goes.
pub(super) type Told = Vec<(ShardId, QuickMessage)>;

/// The machine: those in line on this shard.
#[derive(Debug)]
pub(super) struct QuickPlay {
    neighbours: Neighbours,
    /// By the game; only those that somebody seeks a seat in.
    lines: BTreeMap<Box<str>, Line>,
    /// Sockets of this shard that are to go somewhere. One each time: each may release requests,
    /// and the ids last for one socket's.
    own: VecDeque<(Time, QuickMessage)>,
    /// Shards that did not answer the last time. They are asked, but not waited for.
    silent: BTreeSet<ShardId>,
    n_probes: u64,
}

#[derive(Debug)]
struct Line {
    seekers: VecDeque<Seeker>,
    stage: Stage,
    /// When the stage is over.
    until: Time,
}

#[derive(Debug)]
enum Stage {
    Probing { number: u64, waiting: BTreeSet<ShardId>, found: Vec<Prospect> },
    Sending { left: Vec<Seeker> },
}

#[derive(Debug)]
struct Seeker {
    who: Address,
    number: u64,
    wish: Box<Wish>,
    /// Where it is sent, or was sent in vain.
    tried: Vec<Box<str>>,
}

impl QuickPlay {
    pub(super) fn new(neighbours: Neighbours) -> Self {
        Self {
            neighbours,
            lines: BTreeMap::new(),
            own: VecDeque::new(),
            silent: BTreeSet::new(),
            n_probes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.own.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let own = self.own.front().map(|(at, _)| *at);
        if self.lines.is_empty() {
            return own;
        }
        self.lines.values().map(|line| line.until).chain(own).min()
    }

    /// A socket seeks a seat.
    pub(super) fn seek(
        &mut self,
        now: Time,
        who: Address,
        number: u64,
        wish: Box<Wish>,
        told: &mut Told,
    ) {
        let n_seekers: usize = self.lines.values().map(Line::len).sum();
        if n_seekers >= MAX_SEEKERS {
            return self.send(now, who.shard, QuickMessage::Full(who.socket, number), told);
        }
        let game: Box<str> = wish.game().into();
        let seeker = Seeker { who, number, wish, tried: Vec::new() };
        match self.lines.get_mut(&game) {
            Some(line) => line.seekers.push_back(seeker),
            None => {
                let left = Vec::new();
                let stage = Stage::Sending { left };
                self.lines
                    .insert(game.clone(), Line { seekers: [seeker].into(), stage, until: now });
                self.probe_if_wanted(now, &game, told);
            }
        }
    }

    /// Asks all shards for what the first in line seeks; if nobody is, there is no line.
    fn probe_if_wanted(&mut self, now: Time, game: &str, told: &mut Told) {
        let Some(line) = self.lines.get_mut(game) else { return };
        let Some(first) = line.seekers.front() else {
            self.lines.remove(game);
            return;
        };
        self.n_probes += 1;
        let number = self.n_probes;
        let probe = || QuickMessage::Probe(number, Box::new(first.wish.filter.clone()));
        told.extend(self.neighbours.all.iter().map(|shard| (*shard, probe())));
        let mut waiting: BTreeSet<ShardId> = self.neighbours.all.iter().copied().collect();
        waiting.retain(|shard| !self.silent.contains(shard));
        line.stage = Stage::Probing { number, waiting, found: Vec::new() };
        line.until = now + PROBE_TIMEOUT;
    }

    /// A shard has told what it has. `n_seats`: how many a lobby of this game can have.
    pub(super) fn found(
        &mut self,
        now: Time,
        from: ShardId,
        (game, number): (&str, u64),
        prospects: Vec<Prospect>,
        n_seats: u8,
        told: &mut Told,
    ) {
        self.silent.remove(&from);
        let Some(line) = self.lines.get_mut(game) else { return };
        let Stage::Probing { number: own, waiting, found } = &mut line.stage else { return };
        if *own != number {
            return;
        }
        waiting.remove(&from);
        found.extend(prospects);
        if waiting.is_empty() {
            self.assign(now, game, n_seats, told);
        }
    }

    /// Sends all in line who seek the same as the first.
    fn assign(&mut self, now: Time, game: &str, n_seats: u8, told: &mut Told) {
        let Some(line) = self.lines.get_mut(game) else { return };
        let Stage::Probing { found, .. } = &mut line.stage else { return };
        let mut found = std::mem::take(found);
        if fault::is_planted(Fault::QuickOpensAlways) {
            found.clear();
        }
        found.sort_by(|a, b| (a.free, a.made_ms, &a.id).cmp(&(b.free, b.made_ms, &b.id)));
        let Some(filter) = line.seekers.front().map(|first| first.wish.filter.clone()) else {
            // All have gone meanwhile.
            self.lines.remove(game);
            return;
        };
        let needed = filter.free.unwrap_or_default().max(1);
        let (mut left, mut others) = (Vec::new(), VecDeque::new());
        // Seats of lobbies that are about to be opened.
        let mut n_coming = 0_u32;
        for mut seeker in std::mem::take(&mut line.seekers) {
            if seeker.wish.filter != filter || left.len() >= MAX_SENT {
                others.push_back(seeker);
                continue;
            }
            let may_try = seeker.tried.len() < MAX_TRIES;
            let fits = |p: &&mut Prospect| p.free >= needed && !seeker.tried.contains(&p.id);
            let id = match found.iter_mut().find(fits).filter(|_| may_try) {
                Some(prospect) => {
                    prospect.free -= 1;
                    Some(prospect.id.clone())
                }
                None if may_try && n_coming > 0 => {
                    n_coming -= 1;
                    others.push_back(seeker);
                    continue;
                }
                None => {
                    let n_seats = seeker.wish.capacity.unwrap_or(n_seats);
                    n_coming += u32::from(n_seats.saturating_sub(needed));
                    None
                }
            };
            seeker.tried.extend(id.clone());
            left.push((seeker, id));
        }
        line.seekers = others;
        line.until = now + SEND_TIMEOUT;
        let goes: Vec<_> = left.iter().map(|(s, id)| (s.who, s.number, id.clone())).collect();
        line.stage = Stage::Sending { left: left.into_iter().map(|(seeker, _)| seeker).collect() };
        for (who, number, id) in goes {
            self.send(now, who.shard, QuickMessage::Go(who.socket, number, id), told);
        }
    }

    fn send(&mut self, now: Time, to: ShardId, message: QuickMessage, told: &mut Told) {
        if to == self.neighbours.own {
            self.own.push_back((now, message));
        } else {
            told.push((to, message));
        }
    }

    /// A seeker is in a lobby, or gone; or its lobby did not let it in: then it is first in line.
    pub(super) fn settled(
        &mut self,
        now: Time,
        who: Address,
        (game, number): (&str, u64),
        is_done: bool,
        told: &mut Told,
    ) {
        let Some(line) = self.lines.get_mut(game) else { return };
        let is_it = |seeker: &Seeker| (seeker.who, seeker.number) == (who, number);
        if is_done {
            line.seekers.retain(|seeker| !is_it(seeker));
        }
        if let Stage::Sending { left } = &mut line.stage
            && let Some(at) = left.iter().position(is_it)
        {
            let seeker = left.remove(at);
            if !is_done {
                line.seekers.push_front(seeker);
            }
            if left.is_empty() {
                self.probe_if_wanted(now, game, told);
            }
        }
    }

    /// A stage that has lasted too long is over, or a socket of this shard's is told where to go.
    pub(super) fn timeout(
        &mut self,
        now: Time,
        n_seats: impl Fn(&str) -> u8,
        told: &mut Told,
    ) -> Option<QuickMessage> {
        let mut lines = self.lines.iter();
        let late = lines.find_map(|(game, line)| (line.until <= now).then(|| game.clone()));
        if let Some(game) = late {
            let line = self.lines.get_mut(&game)?;
            match &mut line.stage {
                Stage::Probing { waiting, .. } => {
                    self.silent.append(waiting);
                    self.assign(now, &game, n_seats(&game), told);
                }
                // Those who have not arrived have deadlines of their own.
                Stage::Sending { .. } => self.probe_if_wanted(now, &game, told),
            }
            return None;
        }
        self.own.pop_front().map(|(_, message)| message)
    }
}

impl Line {
    fn len(&self) -> usize {
        let n_left = match &self.stage {
            Stage::Probing { .. } => 0,
            Stage::Sending { left } => left.len(),
        };
        self.seekers.len() + n_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key as _;

    const GAME: &str = "chess";

    fn who(number: u32) -> Address {
        Address { shard: ShardId { node: 0, shard: 1 }, socket: SocketKey::new(number, 0) }
    }

    fn wish() -> Box<Wish> {
        let filter = Filter { game: Some(GAME.to_owned()), ..Filter::default() };
        Box::new(Wish { filter, capacity: None })
    }

    fn at(ms: u64) -> Time {
        Time::after_start(Duration::from_millis(ms))
    }

    fn prospect(id: &str, free: u8) -> Prospect {
        Prospect { id: id.into(), free, made_ms: 0 }
    }

    /// Where each seeker is sent, in the order of saying.
    fn goes(told: Told) -> Vec<(u64, Option<String>)> {
        let go = |(_, message)| match message {
            QuickMessage::Go(_, number, id) => Some((number, id.map(String::from))),
            _ => None,
        };
        told.into_iter().filter_map(go).collect()
    }

    /// The line's shard answers its own question with this.
    fn answer(quick: &mut QuickPlay, told: &mut Told, prospects: &[Prospect]) {
        let probe = std::mem::take(told).into_iter().find_map(|(to, message)| match message {
            QuickMessage::Probe(number, _) => Some((to, number)),
            _ => None,
        });
        let (own, number) = probe.expect("it has asked");
        quick.found(at(0), own, (GAME, number), prospects.to_vec(), 2, told);
    }

    #[test]
    fn four_thousand_and_ninety_six_are_in_line_and_one_more_is_turned_away() {
        let mut quick = QuickPlay::new(Neighbours::alone(1));
        let mut told = Told::new();
        for number in 0..MAX_SEEKERS as u32 {
            quick.seek(at(0), who(number), number.into(), wish(), &mut told);
        }
        assert_eq!(told.len(), 1, "one question");
        quick.seek(at(0), who(9999), 9999, wish(), &mut told);
        assert!(matches!(told.pop(), Some((_, QuickMessage::Full(_, 9999)))));
        quick.settled(at(0), who(7), (GAME, 7), true, &mut told);
        quick.seek(at(0), who(9999), 9999, wish(), &mut told);
        assert_eq!(told.len(), 1);
        answer(&mut quick, &mut told, &[]);
        // Of 256 every other one opens a lobby of two seats.
        let sent = goes(told);
        assert_eq!(sent.len(), MAX_SENT);
        assert!(sent.iter().all(|(_, id)| id.is_none()));
    }

    #[test]
    fn who_was_sent_in_vain_four_times_opens_a_lobby() {
        let mut quick = QuickPlay::new(Neighbours::alone(1));
        let mut told = Told::new();
        quick.seek(at(0), who(1), 1, wish(), &mut told);
        let all = ["a", "b", "c", "d", "e"].map(|id| prospect(id, 1));
        for id in ["a", "b", "c", "d"] {
            answer(&mut quick, &mut told, &all);
            assert_eq!(goes(std::mem::take(&mut told)), [(1, Some(id.to_owned()))]);
            quick.settled(at(0), who(1), (GAME, 1), false, &mut told);
        }
        answer(&mut quick, &mut told, &all);
        assert_eq!(goes(std::mem::take(&mut told)), [(1, None)]);
        quick.settled(at(0), who(1), (GAME, 1), true, &mut told);
        assert!(quick.is_empty() && told.is_empty());
    }

    #[test]
    fn all_seats_are_given_out_before_anybody_opens_a_lobby() {
        let mut quick = QuickPlay::new(Neighbours::alone(1));
        let mut told = Told::new();
        for number in 0..7 {
            quick.seek(at(0), who(number), number.into(), wish(), &mut told);
        }
        answer(&mut quick, &mut told, &[prospect("a", 2), prospect("b", 1)]);
        let to = |id: &str| Some(id.to_owned());
        // The last two come into the lobbies that two of those before them open.
        let sent = [(0, to("b")), (1, to("a")), (2, to("a")), (3, None), (5, None)];
        assert_eq!(goes(std::mem::take(&mut told)), sent);
        for number in [0, 1, 2, 3] {
            quick.settled(at(0), who(number), (GAME, number.into()), true, &mut told);
        }
        assert!(told.is_empty(), "the fifth is on the way");
        quick.settled(at(0), who(5), (GAME, 5), true, &mut told);
        answer(&mut quick, &mut told, &[prospect("c", 1), prospect("d", 1)]);
        assert_eq!(goes(told), [(4, to("c")), (6, to("d"))]);
    }
}
