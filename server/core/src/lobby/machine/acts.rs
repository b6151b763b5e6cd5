//! What players do in a match: applied as it comes in a game of turns, noted for the next tick in a
//! game with ticks, and once however often it is sent if it is numbered.
//! When ticks are due is `pace`'s knowledge, which numbers are new that of `numbers`.

use super::{
    numbers::{Known, Numbers},
    *,
};
use crate::lobby::{
    effect::answer,
    pace::{Phases, Steps},
};

/// Actions of one seat that wait for the next tick: a fast hand does ten a second.
pub const MAX_INPUTS_PER_TICK: usize = 64;
/// Their bytes, together.
pub const MAX_INPUT_BYTES_PER_TICK: usize = 64 * 1024;

/// So many ticks after the next one an input may be for: what a client can plan ahead on a slow
/// network.
pub const MAX_TICKS_AHEAD: u64 = 8;
/// So many answers to one input that waits may be wanted: it was sent again.
const MAX_ACKS: usize = 4;

/// What a member wants to do in the match.
#[derive(Debug)]
pub(in crate::lobby) struct Deed {
    /// Its number, if it has one: it counts once.
    pub(in crate::lobby) seq: Option<u64>,
    /// The tick that it is for, if not the next one.
    pub(in crate::lobby) tick: Option<u64>,
    pub(in crate::lobby) action: Box<RawValue>,
    /// Where the answer goes, if one is wanted.
    pub(in crate::lobby) ack: Option<u64>,
}

/// An action that waits for a tick.
#[derive(Debug)]
pub(super) struct Noted {
    seat: u8,
    seq: Option<u64>,
    /// It waits for this one.
    tick: u64,
    action: Box<RawValue>,
    /// Who wants to know what becomes of it, under which id.
    acks: Vec<(Address, u64)>,
}

impl Lobby {
    /// Somebody does something in the match. `None`: it is answered with its tick. What is refused
    /// before the game has seen it has used no number.
    pub(in crate::lobby) fn act(
        &mut self,
        now: Now,
        at: usize,
        deed: Deed,
        rate: Option<Rate>,
        pushes: &mut Pushes,
    ) -> Option<Result<api::Acted, Refusal>> {
        let Deed { seq, tick, action, ack } = deed;
        let member = &mut self.members[at];
        let ack = member.socket.zip(ack);
        if rate.is_some_and(|rate| !member.spent(now.time).inputs.take(now.time, rate)) {
            let message = "too many inputs; wait a moment";
            return Some(Err(Refusal::new(code::RATE, message)));
        }
        let known = match (member.place.seat(), seq) {
            (Some(seat), Some(seq)) if !fault::is_planted(Fault::InputAppliedTwice) => {
                match self.look_up(seat, seq) {
                    Known::Waits => return self.wait_too(seat, seq, ack),
                    Known::Answered(reply) => return Some(reply),
                    known => known,
                }
            }
            _ => Known::New,
        };
        let seat = match (self.playing_seat(at), known) {
            (Err(refusal), _) | (Ok(_), Known::Refused(refusal)) => return Some(Err(refusal)),
            (Ok(seat), _) => seat,
        };
        if self.kind.hz().is_none() {
            if tick.is_some() {
                let message = "this game has no ticks";
                return Some(Err(Refusal::new(code::BAD_REQUEST, message)));
            }
            return Some(self.apply_at_once(now, seat, seq, &action, pushes));
        }
        let noted = Noted { seat, seq, tick: 0, action, acks: ack.into_iter().collect() };
        self.note(noted, tick).err().map(Err)
    }

    /// In a game of turns.
    fn apply_at_once(
        &mut self,
        now: Now,
        seat: u8,
        seq: Option<u64>,
        action: &RawValue,
        pushes: &mut Pushes,
    ) -> Result<api::Acted, Refusal> {
        if let Some(seq) = seq {
            self.numbers_of(seat).take(seq);
        }
        let applied = self.apply(self.when(now), seat, action, pushes);
        self.remember(seat, seq, &applied);
        // A crash ends the match, though the action was refused.
        if applied.is_ok() || self.has_crashed() {
            self.settle(pushes);
        }
        applied
    }

    /// Something waits for its tick, which is the next one unless it is for another.
    fn note(&mut self, mut noted: Noted, tick: Option<u64>) -> Result<(), Refusal> {
        let coming = self.beat.as_ref().map_or(0, |beat| beat.coming);
        noted.tick = tick.unwrap_or(coming);
        if noted.tick < coming {
            let message = format!("the next tick is {coming} already");
            return Err(Refusal::new(code::LATE, message));
        }
        if noted.tick - coming > MAX_TICKS_AHEAD {
            let message = format!("the next tick is {coming}; at most {MAX_TICKS_AHEAD} after it");
            return Err(Refusal::new(code::EARLY, message));
        }
        let waiting = || self.noted.iter().filter(|other| other.seat == noted.seat);
        let n_bytes: usize = waiting().map(|noted| noted.action.get().len()).sum();
        if waiting().count() >= MAX_INPUTS_PER_TICK
            || n_bytes + noted.action.get().len() > MAX_INPUT_BYTES_PER_TICK
        {
            return Err(Refusal::new(code::RATE, "too much at once; wait for the next tick"));
        }
        if let Some(seq) = noted.seq {
            self.numbers_of(noted.seat).take(seq);
        }
        self.noted.push(noted);
        Ok(())
    }

    /// An input that waits for its tick has come again: this answer is wanted as well.
    fn wait_too(
        &mut self,
        seat: u8,
        seq: u64,
        ack: Option<(Address, u64)>,
    ) -> Option<Result<api::Acted, Refusal>> {
        let waits = |noted: &&mut Noted| (noted.seat, noted.seq) == (seat, Some(seq));
        let noted = self.noted.iter_mut().find(waits)?;
        if noted.acks.len() >= MAX_ACKS {
            let message = "this input waits for its tick; it need not come again";
            return Some(Err(Refusal::new(code::RATE, message)));
        }
        noted.acks.extend(ack);
        None
    }

    /// Somebody else takes a seat: what the one before did is not theirs. Of a match that is over,
    /// what was applied stays to be seen.
    pub(super) fn count_anew(&mut self, place: Place) {
        let is_playing = self.is_playing();
        let is_other = |seat: u8| Some(seat) != place.seat();
        self.numbers.retain(|(seat, _)| is_other(*seat) || !is_playing);
        if let Some((_, numbers)) = self.numbers.iter_mut().find(|(seat, _)| !is_other(*seat)) {
            numbers.forget();
        }
    }

    fn look_up(&self, seat: u8, seq: u64) -> Known {
        let numbers = self.numbers.iter().find(|(of, _)| *of == seat);
        numbers.map_or_else(|| Numbers::default().look_up(seq), |(_, own)| own.look_up(seq))
    }

    fn numbers_of(&mut self, seat: u8) -> &mut Numbers {
        let at = self.numbers.iter().position(|(of, _)| *of == seat).unwrap_or_else(|| {
            self.numbers.push((seat, Numbers::default()));
            self.numbers.len() - 1
        });
        &mut self.numbers[at].1
    }

    /// What was answered to a number, should it come again.
    fn remember(&mut self, seat: u8, seq: Option<u64>, reply: &Result<api::Acted, Refusal>) {
        if let Some(seq) = seq {
            self.numbers_of(seat).answered(seq, reply);
        }
    }

    /// The member's seat, if it plays in a match that is on.
    fn playing_seat(&self, at: usize) -> Result<u8, Refusal> {
        let not_in = || Refusal::new(code::NOT_IN_MATCH, "you do not play in this match");
        let seat = self.members[at].place.seat().ok_or_else(not_in)?;
        match (self.phase, &self.play) {
            (Phase::Playing, Some(_)) => Ok(seat),
            (Phase::Finished, _) => Err(Refusal::new(code::MATCH_OVER, "the match is over")),
            _ => Err(Refusal::new(code::NOT_IN_MATCH, "no match is on")),
        }
    }

    /// A seat claims what the game gives for it that others are overdue.
    pub(in crate::lobby) fn claim(
        &mut self,
        now: Now,
        at: usize,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.playing_seat(at)?;
        let overdue = self.overdue();
        if overdue.is_empty() && !fault::is_planted(Fault::ClaimBeforeOverdue) {
            return Err(Refusal::new(code::NOT_OVERDUE, "nobody is overdue"));
        }
        let (when, over) = (self.when(now), || Refusal::new(code::MATCH_OVER, "it is over"));
        let play = self.play.as_mut().ok_or_else(over)?;
        let claimed = play.claim(when, Seat(seat), &overdue);
        let turn = play.turn();
        let has_changed = claimed.is_ok() || play.has_crashed();
        let done = claimed.map(|told| {
            self.push_events(turn, told, pushes);
            api::Done {}
        });
        if has_changed {
            self.settle(pushes);
        }
        done
    }

    /// Applies an action, and pushes what the game says to it. A refused one changes nothing.
    fn apply(
        &mut self,
        when: When,
        seat: u8,
        action: &RawValue,
        pushes: &mut Pushes,
    ) -> Result<api::Acted, Refusal> {
        let over = || Refusal::new(code::MATCH_OVER, "the match is over");
        let play = self.play.as_mut().ok_or_else(over)?;
        let before = play.turn();
        let events = play.apply(when, Seat(seat), action)?;
        let turn = play.turn();
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
        self.keep_deadline(now);
        match (&self.beat, self.kind.hz()) {
            // The last one who left may have been all that others waited for to begin anew.
            (None, Some(hz)) if self.is_playing() && !self.members.is_empty() => {
                let phase = phases.take(hz);
                let beat = Beat::new(now, hz, phase, self.kind.catch_up());
                self.beat = Some(Box::new(beat));
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
        for noted in self.take_noted(tick) {
            // The acknowledgement goes out before what it led to.
            let mut led_to = Pushes::new();
            let applied = match self.phase {
                Phase::Playing => self.apply(when, noted.seat, &noted.action, &mut led_to),
                _ => Err(Refusal::new(code::MATCH_OVER, "the match is over")),
            };
            self.answer(noted, &applied, pushes);
            pushes.append(&mut led_to);
            self.end_if_decided(pushes);
        }
        if !self.bots.is_empty() {
            self.step(pushes, |play| play.bots(when));
            self.end_if_decided(pushes);
        }
        self.step(pushes, |play| play.tick(when));
        self.settle(pushes);
        self.approach(tick + 1);
    }

    /// A part of a tick, if the match is on.
    fn step(&mut self, pushes: &mut Pushes, step: impl FnOnce(&mut dyn Play) -> Vec<Told>) {
        let is_playing = self.is_playing();
        let Some(play) = self.play.as_mut().filter(|_| is_playing) else { return };
        let events = step(&mut **play);
        let turn = play.turn();
        self.push_events(turn, events, pushes);
    }

    /// What was noted for a tick by now: first what was for one that was left out.
    fn take_noted(&mut self, tick: u64) -> Vec<Noted> {
        if self.noted.is_empty() {
            return Vec::new();
        }
        let noted = std::mem::take(&mut self.noted).into_iter();
        let (mut due, later): (Vec<_>, Vec<_>) = noted.partition(|noted| noted.tick <= tick);
        self.noted = later.into();
        due.sort_by_key(|noted| noted.tick);
        due
    }

    /// A match that has ended takes nothing any more.
    pub(super) fn refuse_noted(&mut self, pushes: &mut Pushes) {
        for noted in std::mem::take(&mut self.noted) {
            let over = Refusal::new(code::MATCH_OVER, "the match is over");
            self.answer(noted, &Err(over), pushes);
        }
    }

    /// A player who leaves does nothing any more.
    pub(super) fn refuse_noted_of(&mut self, seat: u8, pushes: &mut Pushes) {
        let noted = std::mem::take(&mut self.noted);
        let (gone, stays): (Vec<_>, _) = noted.into_iter().partition(|noted| noted.seat == seat);
        self.noted = stays.into();
        for noted in gone {
            let left = Refusal::new(code::NOT_IN_LOBBY, "you have left");
            self.answer(noted, &Err(left), pushes);
        }
    }

    /// What this socket did is done, but there is nobody to be told.
    pub(super) fn unanswered(&mut self, socket: Address) {
        for noted in self.noted.iter_mut() {
            noted.acks.retain(|(to, _)| *to != socket);
        }
    }

    /// Answers what has waited, each time it was sent, and remembers that.
    fn answer(&mut self, noted: Noted, reply: &Result<api::Acted, Refusal>, pushes: &mut Pushes) {
        self.remember(noted.seat, noted.seq, reply);
        for (socket, id) in noted.acks {
            answer(socket, Some(id), reply.clone(), pushes);
        }
    }
}
