//! A lobby as one of its members knows it: what it was told when it came, and each change since.

use std::collections::{BTreeMap, VecDeque};

use parlor_core::time::Time;
use parlor_shared::api::{
    lobby::{self as api, Change, LeaveReason, Phase},
    relay,
};
use serde_json::Value;

use super::{
    Invariant,
    kind::GameKind,
    messages::{Letter, StayKey},
};

type Check = Result<(), (Invariant, String)>;

/// Something a client said in a lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) struct Said {
    /// Grows with all that is said.
    pub(in crate::sim) number: u64,
    pub(in crate::sim) client: usize,
}

impl Said {
    /// As it is said.
    pub(in crate::sim) fn text(self) -> String {
        format!("{} by {}", self.number, self.client)
    }

    /// As it is heard.
    pub(in crate::sim) fn read(text: &str) -> Option<Self> {
        let (number, client) = text.split_once(" by ")?;
        Some(Self { number: number.parse().ok()?, client: client.parse().ok()? })
    }
}

/// A lobby, the number of a match in it, and a seat.
pub(in crate::sim) type Place = (String, u32, Option<u8>);

/// One member's knowledge.
#[derive(Debug)]
pub(in crate::sim) struct Story {
    pub(in crate::sim) lobby: String,
    pub(in crate::sim) seat: Option<u8>,
    /// It is one of the audience.
    pub(in crate::sim) is_fan: bool,
    pub(in crate::sim) name: String,
    pub(in crate::sim) version: u64,
    /// How many of them were for some members alone, up to the last that was looked at; `None`:
    /// some were missed for good.
    pub(super) private: Option<u64>,
    /// What of relay's messages it is told.
    pub(super) stay: StayKey,
    /// The first and the last of the versions that were missed and come now.
    pub(in crate::sim) missed: Option<(u64, u64)>,
    pub(in crate::sim) fold: Fold,
    /// Number and turn of the newest state seen.
    pub(in crate::sim) shown: (u32, u64),
    /// The tick that came next then.
    pub(in crate::sim) tick: Option<u64>,
    pub(in crate::sim) legal: Vec<String>,
    pub(in crate::sim) kind: GameKind,
    /// The match whose game was told to fail, and when it had said that it would.
    pub(in crate::sim) trapped: Option<(u32, Time)>,
    /// When this member heard that the phase had begun, or found the lobby in it.
    pub(super) since: Time,
    /// When it heard of a change last.
    pub(super) changed_at: Time,
    /// What deltas build on: a state and its number.
    pub(super) base: Option<(u64, Value)>,
    /// A whole state was asked for and has not come.
    pub(in crate::sim) awaits_whole: bool,
    /// The number of the newest state, of this viewer's.
    pub(super) n: Option<u64>,
    /// The highest inputs of each seat that the newest state contains, by match.
    pub(super) applied: (u32, BTreeMap<u8, u64>),
    /// The highest turn, and the highest input, that this member was acknowledged, by match.
    pub(super) acted: (u32, u64, u64),
    /// What this member has said and was acknowledged, and has not heard yet.
    pub(in crate::sim) said: VecDeque<Said>,
    /// Until when seats without a connection are kept, in Unix time.
    pub(super) kept_until_ms: BTreeMap<u8, u64>,
    /// From when on others may claim, of seats that are not overdue, in Unix time.
    pub(super) claim_from_ms: BTreeMap<u8, u64>,
    /// The match that this member has claimed.
    pub(super) claimed: Option<u32>,
    /// The last number each client said: two may have the same name, one after the other.
    heard: BTreeMap<usize, u64>,
}

/// What all members agree on at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Fold {
    pub(in crate::sim) phase: Phase,
    pub(in crate::sim) host: Option<u8>,
    pub(in crate::sim) capacity: u8,
    pub(in crate::sim) seats: BTreeMap<u8, api::Seat>,
    pub(in crate::sim) spectators: u32,
    pub(in crate::sim) metadata: api::Metadata,
    pub(in crate::sim) poll: Option<api::Poll>,
    pub(in crate::sim) number: u32,
    /// Accepted actions of the match of chess that is on; 0 while none is. Other games tell their
    /// turns by states, or not to all.
    pub(in crate::sim) turn: u64,
}

impl Fold {
    fn of(lobby: &api::Lobby) -> Self {
        let state = lobby.state.as_ref();
        let tells_turns = lobby.phase == Phase::Playing && GameKind::of(&lobby.game).tells_turns();
        Self {
            phase: lobby.phase,
            host: lobby.host,
            capacity: lobby.capacity,
            seats: lobby.seats.iter().map(|seat| (seat.seat, seat.clone())).collect(),
            spectators: lobby.spectators,
            metadata: lobby.metadata.clone(),
            poll: lobby.poll.clone(),
            number: state.map_or(0, |state| state.number),
            turn: state.filter(|_| tells_turns).map_or(0, |state| state.turn),
        }
    }

    fn change(&mut self, change: &Change) -> Check {
        match change {
            Change::Joined(taken) => {
                let is_doubled = |s: &api::Seat| {
                    let is_same_colour = s.colour.is_some() && s.colour == taken.colour;
                    s.seat == taken.seat || s.name == taken.name || is_same_colour
                };
                if self.seats.values().any(is_doubled) {
                    return Err((Invariant::Seats, format!("{taken:?} joins {:?}", self.seats)));
                }
                self.seats.insert(taken.seat, taken.clone());
                if self.seats.len() > usize::from(self.capacity) {
                    return Err((Invariant::Seats, format!("too many: {:?}", self.seats)));
                }
            }
            Change::Settings(terms) => {
                (self.metadata, self.capacity) = (terms.metadata.clone(), terms.capacity);
            }
            Change::Colour { seat, colour } => {
                if self.seats.values().any(|s| s.colour == Some(*colour)) {
                    return Err((Invariant::Seats, format!("{colour:?} twice")));
                }
                self.seat(*seat)?.colour = Some(*colour);
            }
            Change::Dropped { seat, .. } => self.seat(*seat)?.connected = false,
            Change::Overdue { seat } => self.seat(*seat)?.overdue = true,
            Change::Returned { seat } => {
                let seat = self.seat(*seat)?;
                (seat.connected, seat.overdue) = (true, false);
            }
            Change::Left { seat, reason } => {
                let is_lost = !self.seat(*seat)?.connected;
                let is_kicked = [LeaveReason::Kicked, LeaveReason::Banned].contains(reason);
                let is_bot = self.seat(*seat)?.bot;
                if !is_kicked && is_bot != (*reason == LeaveReason::MadeWay) {
                    let what = format!("seat {seat}, bot: {is_bot}: {reason:?}");
                    return Err((Invariant::Seats, what));
                }
                if is_lost != (*reason == LeaveReason::Expired) && !is_kicked {
                    return Err((Invariant::Grace, format!("seat {seat}: {reason:?}")));
                }
                self.seats.remove(seat);
                let has_people = self.seats.values().any(|seat| !seat.bot);
                self.host = self.host.filter(|_| has_people);
            }
            Change::Host { seat } => {
                if self.seat(*seat)?.bot {
                    return Err((Invariant::Hosts, format!("seat {seat} is a bot's")));
                }
                self.host = Some(*seat);
            }
            Change::Ready { seat, ready } => self.seat(*seat)?.ready = *ready,
            Change::Spectators { count } => self.spectators = *count,
            Change::Starting { .. } => self.phase = Phase::Starting,
            Change::Stopped => self.phase = Phase::Open,
            Change::Opened => (self.phase, self.number) = (Phase::Open, 0),
            Change::Started { number } => {
                (self.phase, self.number, self.turn) = (Phase::Playing, *number, 0);
                // Bots are ready whenever that is asked.
                self.seats.values_mut().for_each(|seat| seat.ready = seat.bot);
            }
            Change::Finished { .. } => {
                (self.phase, self.turn) = (Phase::Finished, 0);
                self.seats.values_mut().for_each(|seat| seat.overdue = false);
            }
            Change::Chat { .. } => {}
            Change::Poll(poll) => {
                if let Some(before) = self.poll.replace(poll.clone()) {
                    return Err((Invariant::Polls, format!("{poll:?} comes before {before:?}")));
                }
            }
            Change::PollEnded(tally) => {
                if self.poll.take().map(|poll| poll.number) != Some(tally.number) {
                    return Err((Invariant::Polls, format!("{tally:?} of nothing asked")));
                }
            }
            Change::Unknown => return Err((Invariant::Seats, "an unknown change".to_owned())),
        }
        Ok(())
    }

    fn seat(&mut self, seat: u8) -> Result<&mut api::Seat, (Invariant, String)> {
        let what = || (Invariant::Seats, format!("a change of the free seat {seat}"));
        self.seats.get_mut(&seat).ok_or_else(what)
    }
}

/// What a member knew of its place when it lost its connection.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Left {
    /// The last version that it has seen.
    pub(in crate::sim) version: u64,
    private: Option<u64>,
    pub(super) stay: StayKey,
    heard: BTreeMap<usize, u64>,
}

impl Left {
    pub(in crate::sim) fn of(story: &Story) -> Self {
        let Story { private, stay, .. } = *story;
        // Some of what was missed may not have come.
        let version = story.missed.map_or(story.version, |(next, _)| next - 1);
        Self { version, private, stay, heard: story.heard.clone() }
    }
}

impl Story {
    /// `left`: what it knew of the place before, if it is told all that it missed.
    pub(super) fn of(
        now: Time,
        joined: &api::Joined,
        name: &str,
        stay: StayKey,
        left: Option<&Left>,
    ) -> Self {
        let lobby = &joined.lobby;
        let state = lobby.state.as_ref();
        let kind = GameKind::of(&lobby.game);
        // Nobody in it comes back, so that nobody has a token.
        let is_fan = joined.token.is_empty();
        // Of relay the audience is told more than all members are.
        let is_lone = is_fan && kind == GameKind::Relay;
        Self {
            private: left.map_or_else(|| (!is_lone).then_some(0), |left| left.private),
            is_fan,
            stay,
            kind,
            trapped: None,
            since: now,
            changed_at: now,
            lobby: lobby.id.clone(),
            seat: joined.seat,
            name: name.to_owned(),
            version: lobby.version,
            missed: None,
            fold: Fold::of(lobby),
            shown: state.map_or((0, 0), |state| (state.number, state.turn)),
            tick: state.and_then(|state| state.tick),
            legal: Vec::new(),
            base: None,
            awaits_whole: false,
            n: None,
            applied: (0, BTreeMap::new()),
            acted: (0, 0, 0),
            said: VecDeque::new(),
            kept_until_ms: BTreeMap::new(),
            claim_from_ms: BTreeMap::new(),
            claimed: None,
            heard: left.map(|left| left.heard.clone()).unwrap_or_default(),
        }
    }

    /// In which match this is, and in which seat: inputs are numbered for each anew.
    pub(in crate::sim) fn place(&self) -> Place {
        (self.lobby.clone(), self.fold.number, self.seat)
    }

    /// An input was sent again, and is answered as it was first.
    pub(in crate::sim) fn acted_again(&self, first: u64, turn: u64) -> Check {
        if turn == first {
            return Ok(());
        }
        Err((Invariant::Inputs, format!("turn {first} of {} is {turn} again", self.lobby)))
    }

    /// Who came back is told what it has missed since the version that it has `seen`.
    pub(in crate::sim) fn misses(&mut self, seen: Option<u64>, n: Option<u32>) -> Check {
        let Some(n) = n else { return Ok(()) };
        if seen.map(|seen| seen + u64::from(n)) != Some(self.version) {
            let what = format!("{n} pushes missed from {seen:?} to {}", self.version);
            return Err((Invariant::Versions, what));
        }
        self.missed = seen.filter(|_| n > 0).map(|seen| (seen + 1, self.version));
        Ok(())
    }

    /// At which of the versions that all members have in common it is; `None`: nobody can say.
    pub(super) fn common(&self, version: u64) -> Option<u64> {
        Some(version - self.private?)
    }

    /// Something was for some members alone.
    pub(super) fn counts_private(&mut self) {
        self.private = self.private.map(|n| n + 1);
    }

    /// True if it is one of those that were missed; they come before anything else.
    pub(super) fn is_missed(&mut self, version: u64) -> Result<bool, (Invariant, String)> {
        let Some((next, last)) = self.missed else { return Ok(false) };
        self.missed = (next < last).then_some((next + 1, last));
        if version == next {
            return Ok(true);
        }
        Err((Invariant::Versions, format!("{}: {version} came, {next} was missed", self.lobby)))
    }

    /// A seat is overdue from now on, as the server says.
    pub(super) fn is_overdue(&mut self, seat: u8, now_ms: u64) -> Check {
        match self.claim_from_ms.remove(&seat).filter(|from| now_ms < *from) {
            Some(_) => Err((Invariant::Claims, format!("seat {seat} is overdue early"))),
            None => Ok(()),
        }
    }

    /// The next version.
    pub(super) fn next(&mut self, version: u64) -> Check {
        let before = std::mem::replace(&mut self.version, version);
        if version == before + 1 {
            return Ok(());
        }
        Err((Invariant::Versions, format!("{}: {version} came after {before}", self.lobby)))
    }

    /// States of one viewer are numbered, though not each is sent.
    pub(super) fn numbered(&mut self, n: Option<u64>) -> Check {
        let before = std::mem::replace(&mut self.n, n);
        // The same comes again to who asks for it.
        if n.is_some() && n >= before {
            return Ok(());
        }
        Err((Invariant::States, format!("{}: state {n:?} after {before:?}", self.name)))
    }

    /// What this member was acknowledged in the match of this number.
    pub(super) fn acted_in(&mut self, number: u32) -> &mut (u32, u64, u64) {
        if self.acted.0 != number {
            self.acted = (number, 0, 0);
        }
        &mut self.acted
    }

    /// What has been applied stays applied; but if a state may be older than the one before.
    pub(super) fn applied_grows(&mut self, state: &api::State, waits: bool) -> Check {
        let before = std::mem::replace(&mut self.applied, (state.number, state.applied.clone()));
        // Who joins during a match in a seat that was left has applied nothing yet.
        let shrinks = |(seat, seq): (&u8, &u64)| state.applied.get(seat).is_some_and(|s| s < seq);
        if waits || before.0 != state.number || !before.1.iter().any(shrinks) {
            return Ok(());
        }
        Err((Invariant::Inputs, format!("applied: {:?} after {before:?}", state.applied)))
    }

    /// A member of a relay match is told what soon is old.
    pub(in crate::sim) fn glimpses(&self, told: &api::VolatileEvent) -> Check {
        let what = |what: String| (Invariant::Order, what);
        let event: relay::Event =
            serde_json::from_str(told.event.get()).map_err(|error| what(error.to_string()))?;
        let relay::Event::Message { from, data } = event;
        let message: Letter =
            serde_json::from_str(data.get()).map_err(|error| what(error.to_string()))?;
        // It may be late.
        let is_here = message.lobby == self.lobby;
        if is_here && message.is_for(from, self.seat) == Some(false) {
            return Err((Invariant::Hidden, format!("{} glimpses {message:?}", self.name)));
        }
        Ok(())
    }

    /// What one client says is heard in its order, and once.
    pub(super) fn hears(&mut self, said: Said) -> Check {
        let before = self.heard.insert(said.client, said.number);
        if before.is_none_or(|before| before < said.number) {
            return Ok(());
        }
        let what = format!("{} hears {said:?} after {before:?}", self.name);
        Err((Invariant::RequestOrder, what))
    }

    pub(super) fn change(&mut self, change: &Change) -> Check {
        if let Change::Chat { name, text, .. } = change {
            let Some(said) = Said::read(text) else {
                return Err((Invariant::Versions, format!("{name} says {text}")));
            };
            self.hears(said)?;
            if *name == self.name && self.said.pop_front() != Some(said) {
                let what = format!("{name} hears {said:?}, of which no answer came before");
                return Err((Invariant::AckOrder, what));
            }
        }
        if matches!(change, Change::Opened) {
            // Whoever looks at the next match looks anew.
            (self.n, self.base, self.shown, self.awaits_whole) = (None, None, (0, 0), false);
        }
        self.fold.change(change)
    }
}
