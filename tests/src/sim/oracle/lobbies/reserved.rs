//! Lobbies whose seats the matchmaker has given away: until their first match nobody else has one.

use parlor_shared::api::lobby::{Change, ClosedReason, LeaveReason, Phase, Seat};

use crate::sim::queues::Line;

use super::{Check, Invariant, Lobbies, Story};

/// What is known of the seats of such a lobby.
#[derive(Debug, Default)]
pub(super) struct Reserved {
    /// Somebody has a seat in it by a ticket.
    is_reserved: bool,
    /// Its first match is on, or over.
    pub(super) has_begun: bool,
}

impl Lobbies {
    /// Somebody of this name may be seated by the matchmaker.
    pub(in crate::sim) fn may_be_seated(&mut self, name: &str) {
        self.seekers_names.insert(name.to_owned());
    }

    /// A seat of this lobby is kept for somebody.
    pub(in crate::sim) fn reserved(&mut self, lobby: &str) {
        self.records.entry(lobby.to_owned()).or_default().reserved.is_reserved = true;
    }

    pub(super) fn is_reserved(&self, lobby: &str) -> bool {
        self.records.get(lobby).is_some_and(|record| record.reserved.is_reserved)
    }

    /// True if its match may not have begun: it may be no more, whoever is lost.
    pub(in crate::sim) fn is_waiting(&self, lobby: &str) -> bool {
        let reserved = self.records.get(lobby).map(|record| &record.reserved);
        reserved.is_some_and(|reserved| reserved.is_reserved && !reserved.has_begun)
    }

    /// A member is told that its lobby is no more.
    pub(in crate::sim) fn closed(&self, story: &Story, reason: ClosedReason) -> Check {
        let has_begun = self.records.get(&story.lobby).is_some_and(|r| r.reserved.has_begun);
        if reason == ClosedReason::NoShow && has_begun {
            return Err((Invariant::Seats, format!("{} ends in its match", story.lobby)));
        }
        Ok(())
    }

    /// A member has heard of this change.
    pub(super) fn keeps_seats(&mut self, story: &Story, change: &Change) -> Check {
        let record = self.records.entry(story.lobby.clone()).or_default();
        let (is_reserved, fold) = (record.reserved.is_reserved, &story.fold);
        let is_first = fold.phase == Phase::Playing && fold.number == 1;
        let is_waiting = is_reserved && !record.reserved.has_begun;
        let wrong = |what: String| Err((Invariant::Seats, format!("{}: {what}", story.lobby)));
        match change {
            Change::Started { number: 1 } if is_reserved => {
                let (fewest, most) = Line::of_game(&record.game).players();
                if !(fewest..=most).contains(&fold.seats.len()) {
                    return wrong(format!("its match begins with {} seats", fold.seats.len()));
                }
                let is_wrong = |seat: &&Seat| {
                    !seat.connected || !seat.bot && !self.seekers_names.contains(&seat.name)
                };
                match fold.seats.values().find(is_wrong) {
                    Some(seat) => wrong(format!("its match begins with {seat:?}")),
                    None => Ok(()),
                }
            }
            Change::Joined(seat) if is_waiting || is_reserved && is_first => {
                wrong(format!("{seat:?} takes a seat of others"))
            }
            Change::Left { seat, reason: LeaveReason::Kicked | LeaveReason::Banned }
                if is_waiting || is_reserved && is_first =>
            {
                wrong(format!("seat {seat} is sent away"))
            }
            _ => Ok(()),
        }
    }
}
