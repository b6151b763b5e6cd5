//! What players do in a match: applied as it comes in a game of turns, noted for the next tick in a
//! game with ticks, and once however often it is sent if it is numbered.
//! When ticks are due is `pace`'s knowledge.

use super::*;
use crate::lobby::{
    effect::answer,
    pace::{Phases, Steps},
};

/// Actions of one seat that wait for the next tick: a fast hand does ten a second.
pub const MAX_INPUTS_PER_TICK: usize = 64;
/// Their bytes, together.
pub const MAX_INPUT_BYTES_PER_TICK: usize = 64 * 1024;

/// An action that waits for the next tick.
#[derive(Debug)]
pub(super) struct Noted {
    seat: u8,
    seq: Option<u64>,
    action: Box<RawValue>,
    /// Who wants to know what becomes of it, under which id.
    ack: Option<(Address, u64)>,
}

/// Numbers of what a seat does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seq {
    /// The highest that was taken; what is not above it comes again.
    noted: u64,
    /// The highest that the game accepted.
    pub(super) applied: u64,
}

impl Lobby {
    /// Somebody does something in the match; `seq` numbers it. `None`: it is answered with the
    /// next tick.
    pub(in crate::lobby) fn act(
        &mut self,
        now: Now,
        at: usize,
        seq: Option<u64>,
        action: Box<RawValue>,
        ack: Option<u64>,
        pushes: &mut Pushes,
    ) -> Option<Result<api::Acted, Refusal>> {
        let (seat, turn) = match self.playing_seat(at) {
            Ok(playing) => playing,
            Err(refusal) => return Some(Err(refusal)),
        };
        let taken = self.seqs.get(&seat).map_or(0, |seq| seq.noted);
        let is_again = seq.is_some_and(|seq| seq <= taken);
        if is_again && !fault::is_planted(Fault::InputAppliedTwice) {
            return Some(Ok(api::Acted { turn }));
        }
        if self.kind.hz().is_none() {
            let applied = self.apply(self.when(now), seat, seq, &action, pushes);
            // A crash ends the match, though the action was refused.
            if applied.is_ok() || self.has_crashed() {
                self.settle(pushes);
            }
            return Some(applied);
        }
        let waiting = || self.noted.iter().filter(|noted| noted.seat == seat);
        let n_bytes: usize = waiting().map(|noted| noted.action.get().len()).sum();
        if waiting().count() >= MAX_INPUTS_PER_TICK
            || n_bytes + action.get().len() > MAX_INPUT_BYTES_PER_TICK
        {
            let message = "too much at once; wait for the next tick";
            return Some(Err(Refusal::new(code::RATE, message)));
        }
        if let Some(seq) = seq {
            self.seqs.entry(seat).or_default().noted = seq;
        }
        let ack = self.members[at].socket.zip(ack);
        self.noted.push(Noted { seat, seq, action, ack });
        None
    }

    /// The member's seat, if it plays in a match that is on, and the match's turn.
    fn playing_seat(&self, at: usize) -> Result<(u8, u64), Refusal> {
        let not_in = || Refusal::new(code::NOT_IN_MATCH, "you do not play in this match");
        let seat = self.members[at].place.seat().ok_or_else(not_in)?;
        match (self.phase, &self.play) {
            (Phase::Playing, Some(play)) => Ok((seat, play.turn())),
            (Phase::Finished, _) => Err(Refusal::new(code::MATCH_OVER, "the match is over")),
            _ => Err(Refusal::new(code::NOT_IN_MATCH, "no match is on")),
        }
    }

    /// Applies an action, and pushes what the game says to it. A refused one changes nothing.
    fn apply(
        &mut self,
        when: When,
        seat: u8,
        seq: Option<u64>,
        action: &RawValue,
        pushes: &mut Pushes,
    ) -> Result<api::Acted, Refusal> {
        let over = || Refusal::new(code::MATCH_OVER, "the match is over");
        let play = self.play.as_mut().ok_or_else(over)?;
        let before = play.turn();
        let events = play.apply(when, Seat(seat), action)?;
        let turn = play.turn();
        if let Some(n) = seq {
            let seq = self.seqs.entry(seat).or_default();
            (seq.noted, seq.applied) = (seq.noted.max(n), n);
        }
        self.push_events(turn, events, pushes);
        if fault::is_planted(Fault::AckBeforeApply) {
            return Ok(api::Acted { turn: before });
        }
        Ok(api::Acted { turn })
    }

    /// Logical time, and the tick that comes next.
    pub(super) fn when(&self, now: Now) -> When {
        let tick = self.beat.as_ref().map_or(0, |beat| beat.coming);
        When { now: now.time, unix_ms: now.unix_ms, tick, host: self.host.map(Seat) }
    }

    /// Begins or ends the match's ticks, after anything that may have begun or ended the match.
    pub(in crate::lobby) fn keep_time(&mut self, now: Time, phases: &mut Phases) {
        match (&self.beat, self.kind.hz()) {
            // The last one who left may have been all that others waited for to begin anew.
            (None, Some(hz)) if self.is_playing() && !self.members.is_empty() => {
                let phase = phases.take(hz);
                self.beat = Some(Beat::new(now, hz, phase, self.kind.catch_up()));
            }
            (Some(beat), _) if !self.is_playing() || self.members.is_empty() => {
                phases.give_back(beat.hz, beat.phase);
                self.beat = None;
            }
            _ => {}
        }
    }

    /// The ticks that are to be played now.
    pub(in crate::lobby) fn take_ticks(&mut self, now: Time) -> Steps {
        self.beat.as_mut().map(|beat| beat.take(now)).unwrap_or_default()
    }

    /// What happens now happens before this tick.
    pub(in crate::lobby) fn approach(&mut self, tick: u64) {
        if let Some(beat) = &mut self.beat {
            beat.coming = tick;
        }
    }

    /// Plays one tick: what was noted, in the order in which it came, and then the game's own step.
    pub(in crate::lobby) fn tick(&mut self, now: Now, tick: u64, pushes: &mut Pushes) {
        let when = When { tick, ..self.when(now) };
        for Noted { seat, seq, action, ack } in std::mem::take(&mut self.noted) {
            // The acknowledgement goes out before what it led to.
            let mut led_to = Pushes::new();
            let applied = match self.phase {
                Phase::Playing => self.apply(when, seat, seq, &action, &mut led_to),
                _ => Err(Refusal::new(code::MATCH_OVER, "the match is over")),
            };
            if let Some((socket, id)) = ack {
                answer(socket, Some(id), applied, pushes);
            }
            pushes.append(&mut led_to);
            self.end_if_decided(pushes);
        }
        if self.is_playing()
            && let Some(play) = &mut self.play
        {
            let events = play.tick(when);
            let turn = play.turn();
            self.push_events(turn, events, pushes);
        }
        self.settle(pushes);
        self.approach(tick + 1);
    }

    /// A match that has ended takes nothing any more.
    pub(super) fn refuse_noted(&mut self, pushes: &mut Pushes) {
        for noted in std::mem::take(&mut self.noted) {
            noted.refuse(Refusal::new(code::MATCH_OVER, "the match is over"), pushes);
        }
    }

    /// A player who leaves does nothing any more.
    pub(super) fn refuse_noted_of(&mut self, seat: u8, pushes: &mut Pushes) {
        let noted = std::mem::take(&mut self.noted);
        let (gone, stays): (Vec<_>, _) = noted.into_iter().partition(|noted| noted.seat == seat);
        self.noted = stays;
        for noted in gone {
            noted.refuse(Refusal::new(code::NOT_IN_LOBBY, "you have left"), pushes);
        }
    }

    /// What this socket did is done, but there is nobody to be told.
    pub(super) fn unanswered(&mut self, socket: Address) {
        for noted in &mut self.noted {
            noted.ack = noted.ack.filter(|(to, _)| *to != socket);
        }
    }
}

impl Noted {
    fn refuse(self, refusal: Refusal, pushes: &mut Pushes) {
        if let Some((socket, id)) = self.ack {
            answer(socket, Some(id), Err::<api::Acted, _>(refusal), pushes);
        }
    }
}
