//! What players send each other through relay: each message reaches those that it is for once and
//! in order, and nobody else, over losses and returns.

use std::collections::{BTreeMap, BTreeSet};

use parlor_shared::api::relay::{Group, Recipients};
use serde::{Deserialize, Serialize};

use super::Invariant;

type Check = Result<(), (Invariant, String)>;

/// A message as its sender writes it: it says itself whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim) struct Letter {
    /// Grows with all that is said.
    pub(in crate::sim) number: u64,
    pub(in crate::sim) client: usize,
    pub(in crate::sim) lobby: String,
    pub(in crate::sim) to: Recipients,
}

impl Letter {
    /// True if it is for this seat, or for who only watches; `None`: if that is the host.
    pub(super) fn is_for(&self, from: u8, seat: Option<u8>) -> Option<bool> {
        match &self.to {
            Recipients::Group(Group::All) => Some(true),
            Recipients::Group(Group::Others) => Some(seat != Some(from)),
            Recipients::Group(Group::Host) => seat.is_none().then_some(false),
            Recipients::Seat(to) => Some(seat == Some(*to)),
            Recipients::Seats(to) => Some(seat.is_some_and(|seat| to.contains(&seat))),
        }
    }

    /// True if all members of the lobby are told.
    pub(super) fn is_common(&self) -> bool {
        self.to == Recipients::Group(Group::All)
    }
}

/// The messages of a lobby's matches, and who was told of which.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// By match and turn, with the sender's seat.
    by_turn: BTreeMap<(u32, u64), (Letter, u8)>,
    turns: BTreeMap<u64, (u32, u64)>,
    stays: Vec<Stay>,
}

/// What one member was told of one match, from one turn to another, missing nothing between.
#[derive(Debug)]
struct Stay {
    name: String,
    seat: Option<u8>,
    number: u32,
    after: u64,
    until: u64,
    got: BTreeSet<u64>,
}

/// One of a lobby's stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StayKey(usize);

impl Messages {
    /// From this turn of this match on this member is told everything.
    pub(super) fn stay(&mut self, name: &str, seat: Option<u8>, at: (u32, u64)) -> StayKey {
        let ((number, after), name) = (at, name.to_owned());
        self.stays.push(Stay { name, seat, number, after, until: after, got: BTreeSet::new() });
        StayKey(self.stays.len() - 1)
    }

    /// The same member is in the next match.
    pub(super) fn next_match(&mut self, stay: StayKey, number: u32) -> StayKey {
        let Stay { name, seat, .. } = &self.stays[stay.0];
        let (name, seat) = (name.clone(), *seat);
        self.stay(&name, seat, (number, 0))
    }

    /// It has been told all of this match.
    pub(super) fn match_over(&mut self, stay: StayKey) {
        self.stays[stay.0].until = u64::MAX;
    }

    /// A message was accepted as this turn: its sender was acknowledged, or somebody was told.
    pub(super) fn accepted(
        &mut self,
        (number, turn): (u32, u64),
        from: u8,
        message: &Letter,
    ) -> Check {
        let is_same = |known: &(Letter, u8)| *known == (message.clone(), from);
        let known = self.by_turn.entry((number, turn)).or_insert_with(|| (message.clone(), from));
        if !is_same(known) {
            let what = format!("turn {turn} of match {number} is {known:?} and {message:?}");
            return Err((Invariant::Messages, what));
        }
        let first = *self.turns.entry(message.number).or_insert((number, turn));
        if first != (number, turn) {
            let what = format!("{message:?} was applied at {first:?}, and at turn {turn}");
            return Err((Invariant::Inputs, what));
        }
        Ok(())
    }

    /// The member's own action was acknowledged: all before it has been told.
    pub(super) fn passed(&mut self, stay: StayKey, number: u32, turn: u64) {
        let stay = &mut self.stays[stay.0];
        if stay.number == number {
            stay.until = stay.until.max(turn.saturating_sub(1));
        }
    }

    /// A member is told.
    pub(super) fn told(
        &mut self,
        stay: StayKey,
        (turn, from): (u64, u8),
        message: &Letter,
        host: Option<Option<u8>>,
    ) -> Check {
        let Stay { name, seat, number, after, got, until } = &mut self.stays[stay.0];
        let is_for = message.is_for(from, *seat);
        let is_host = host.is_none_or(|host| host == *seat);
        if !is_for.unwrap_or(is_host) {
            let what = format!("{name} in seat {seat:?} is told {message:?} of seat {from}");
            return Err((Invariant::Hidden, what));
        }
        let last = got.last().copied().unwrap_or(*after);
        if turn <= last || !got.insert(turn) {
            let what = format!("{name} is told {message:?} of turn {turn} after {last}");
            return Err((Invariant::Messages, what));
        }
        *until = turn.max(*until);
        let at = (*number, turn);
        self.accepted(at, from, message)
    }

    /// At the end: everybody was told everything that was for them.
    pub(super) fn check(&self) -> Check {
        for stay in &self.stays {
            let turns = (stay.number, stay.after)..=(stay.number, stay.until);
            let mut missed = self.by_turn.range(turns).filter(|((_, turn), (message, from))| {
                *turn > stay.after
                    && message.is_for(*from, stay.seat) == Some(true)
                    && !stay.got.contains(turn)
            });
            if let Some((at, (message, _))) = missed.next() {
                let what = format!("{} was never told {message:?} of {at:?}", stay.name);
                return Err((Invariant::Messages, what));
            }
        }
        Ok(())
    }
}
