//! A lobby whose seats the matchmaker has given away: they wait for their players, and until the
//! first match is over nobody else takes one. What is said of it, and to whom, is
//! [`crate::assignment`]'s.
//!
//! ```text
//!  waiting ──all are there──► playing ──outcome, deserted──► a lobby like any other
//!     └──the hold is over, somebody leaves──► closed
//! ```

use super::*;
use crate::{
    assignment::{Assigned, MAX_HOLD, Reservation},
    name,
};

/// A lobby that is booked, and whose first match is not over yet.
#[derive(Debug)]
pub(super) struct Booking {
    /// Who wants to know what becomes of it.
    to: ShardId,
    number: u64,
    /// Until then their seats wait.
    until: Time,
    /// Ratings change by the match, unless its outcome is void.
    counts: bool,
    /// Who has gone for good while it was on.
    left: Vec<u8>,
}

impl Lobby {
    /// Gives the seats of this lobby, which is new, to those for whom they are reserved; bots have
    /// the others. Each takes its seat by its own token.
    pub(in crate::lobby) fn book(
        &mut self,
        now: Now,
        to: ShardId,
        reservation: Reservation,
        tokens: &[ResumeToken],
    ) {
        let Reservation { number, seats, hold, rated, n_bots, .. } = reservation;
        let until = now.time + hold.min(MAX_HOLD);
        let mut seats: Vec<_> = seats.into_iter().zip(tokens).collect();
        seats.sort_unstable_by_key(|(reserved, _)| reserved.seat);
        self.members.reserve_exact(seats.len());
        for (reserved, token) in seats {
            let name = name::clean(&reserved.name);
            let name = name.unwrap_or_else(|_| format!("Player {}", reserved.seat + 1));
            let member = Member {
                name: self.free_name(&name).into(),
                who: Who { player: reserved.player, address: reserved.address },
                place: Place::Seat(reserved.seat),
                colour: self.free_colour(None),
                token: *token,
                previous: None,
                socket: None,
                showing: Showing::Json,
                away: None,
                ready: false,
                plays: false,
                version: 0,
                since: 0,
                spent: None,
            };
            self.members.push(member);
        }
        while let Some(seat) = self.free_seat() {
            self.seat_bot(now, seat, &mut Pushes::new());
        }
        for member in &mut self.members {
            member.away =
                Some(Box::new(Away { kept_until: Some(until), lateness: Lateness::None }));
        }
        self.host = self.members.first().and_then(|member| member.place.seat());
        self.until = Some(until);
        self.touch(now.time);
        let counts = rated && n_bots == 0;
        let left = Vec::new();
        let booking = Booking { to, number, until, counts, left };
        self.rare.get_or_insert_default().booking = Some(booking);
    }

    fn booking(&self) -> Option<&Booking> {
        self.rare.as_ref()?.booking.as_ref()
    }

    fn booking_mut(&mut self) -> Option<&mut Booking> {
        self.rare.as_mut()?.booking.as_mut()
    }

    fn take_booking(&mut self) -> Option<Booking> {
        self.rare.as_mut()?.booking.take()
    }

    /// True while its seats wait for those for whom they are reserved.
    pub(super) fn is_waiting(&self) -> bool {
        self.phase == Phase::Open && self.booking().is_some()
    }

    /// Until when a seat of it waits, whoever has been there before.
    pub(super) fn holds_until(&self) -> Option<Time> {
        self.booking().filter(|_| self.is_waiting()).map(|booking| booking.until)
    }

    /// Refuses what would give away a seat that is kept for somebody.
    pub(super) fn expect_unbooked(&self) -> Result<(), Refusal> {
        let sentence = "its seats are for those who were put together, until their match is over";
        let refusal = |_| Err(Refusal::new(code::PHASE, sentence));
        let kept = self.booking().filter(|_| !fault::is_planted(Fault::StrangersSeated));
        kept.map_or(Ok(()), refusal)
    }

    /// All for whom its seats wait are there: nobody has left it, or it would be no more.
    pub(super) fn is_assembled(&self) -> bool {
        let is_there = |member: &Member| member.socket.is_some();
        self.seated().all(is_there)
            || fault::is_planted(Fault::BegunTooSoon) && self.seated().any(is_there)
    }

    /// The match for which it was booked has begun.
    pub(super) fn report_start(&self, pushes: &mut Pushes) {
        if let Some(Booking { to, number, .. }) = self.booking() {
            let seated = Assigned::Seated { number: *number };
            pushes.push(LobbyEffect::Assigned(*to, seated));
        }
    }

    /// This seat's player goes for good while the match is on.
    pub(super) fn note_leaver(&mut self, seat: u8) {
        let is_on = self.is_playing();
        self.booking_mut().filter(|_| is_on).into_iter().for_each(|own| own.left.push(seat));
    }

    /// The match for which it was booked ends. Called before anything of it is forgotten.
    pub(super) fn report_end(&mut self, outcome: &Outcome, pushes: &mut Pushes) {
        let Some(booking) = self.take_booking() else { return };
        let Booking { to, number, counts, mut left, .. } = booking;
        left.extend(self.overdue().iter().map(|seat| seat.0));
        left.sort_unstable();
        let api::Outcome { winners, reason } = travel(outcome);
        let (reason, counts) = (reason.into(), counts && !outcome.is_void);
        let played = Assigned::Played { number, winners, reason, left, counts };
        if fault::is_planted(Fault::ResultUntold) {
            return;
        }
        pushes.push(LobbyEffect::Assigned(to, played));
    }

    /// If none of those who were to play it sits here any more, the match is nobody's.
    pub(super) fn report_deserted(&mut self, pushes: &mut Pushes) {
        if self.is_playing() && self.seated().next().is_none() {
            self.report_end(&Outcome::void("deserted"), pushes);
        }
    }

    /// A seat that waits is not waited for any more: somebody has left. The lobby ends, and with
    /// it all other places in it.
    pub(in crate::lobby) fn give_up(&mut self, gone: &Member, pushes: &mut Pushes) -> Vec<Member> {
        match gone.place.seat() {
            Some(seat) if self.is_waiting() => self.close_unplayed(vec![seat], pushes),
            _ => Vec::new(),
        }
    }

    /// The hold is over: the lobby ends without those who did not come.
    pub(super) fn end_hold(&mut self, now: Now, pushes: &mut Pushes) -> Vec<Member> {
        let is_held = |until: Time| now.time < until || fault::is_planted(Fault::HoldForever);
        if self.holds_until().is_none_or(is_held) {
            return Vec::new();
        }
        let is_absent =
            |member: &&Member| member.socket.is_none() || fault::is_planted(Fault::AllAbsent);
        let absent = self.seated().filter(is_absent);
        let absent = absent.filter_map(|member| member.place.seat()).collect();
        self.close_unplayed(absent, pushes)
    }

    fn close_unplayed(&mut self, mut seats: Vec<u8>, pushes: &mut Pushes) -> Vec<Member> {
        let Some(booking) = self.take_booking() else { return Vec::new() };
        seats.sort_unstable();
        let absent = Assigned::Absent { number: booking.number, seats };
        pushes.push(LobbyEffect::Assigned(booking.to, absent));
        self.close(api::ClosedReason::NoShow, pushes)
    }
}
