//! One lobby: members, phases, and the match.
//! What players do in the match, and its ticks, are in `acts`; what members are told, in `told`.
//! Which lobby somebody means, and codes and tokens, are `lobbies`' knowledge.
//!
//! ```text
//!  Open ──start, all ready──► Playing ──the game has an outcome──► Finished
//!                                ▲                                    │
//!                                └──────── all want a rematch ────────┘
//! ```

mod acts;
mod told;

use std::{collections::BTreeMap, time::Duration};

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::{self as api, Change, LeaveReason, Phase, Role, TypingPush, Visibility, push},
    },
    id::{LobbyId, ResumeToken},
};
use serde_json::value::RawValue;

use super::{
    code::Code,
    effect::{LobbyEffect, Pushes, event},
    game::{Outcome, Seat, SeatChange},
    pace::Beat,
    play::{Configured, Kind, Play, Told, When},
};
use crate::{
    delivery::Delivery,
    fault::{self, Fault},
    key::{Address, LobbyKey, ShardId},
    rate::{Allowance, Rate},
    time::Time,
};
pub use acts::{MAX_INPUT_BYTES_PER_TICK, MAX_INPUTS_PER_TICK};
use acts::{Noted, Seq};
use told::travel;

/// Who may watch one lobby.
pub const MAX_SPECTATORS: usize = 64;
/// Longest name of a player.
pub const MAX_NAME_CODE_POINTS: usize = 64;
/// Longest thing one may say at once.
pub const MAX_CHAT_CODE_POINTS: usize = 500;
/// How fast one may talk.
const CHAT_RATE: Rate = Rate { burst: 10, every: Duration::from_millis(500) };
/// How often one may lose what deltas build on.
const RESYNC_RATE: Rate = Rate { burst: 5, every: Duration::from_secs(1) };
/// How long a place is kept while no match is on.
const GRACE: Duration = Duration::from_secs(60);

/// Volatile frames of `/lobby`: one kind for each seat's typing.
const TYPING_KEY: u64 = 2 << 32;
/// And one for each of the game's own kinds.
const EVENT_KEY: u64 = 6 << 32;

/// One lobby.
#[derive(Debug)]
pub(super) struct Lobby {
    pub(super) id: LobbyId,
    pub(super) code: Code,
    pub(super) visibility: Visibility,
    /// How many lobbies were made before it.
    pub(super) serial: u64,
    /// When it was made, since the Unix epoch.
    pub(super) made_ms: u64,
    /// Where it lives.
    home: (ShardId, LobbyKey),
    game: String,
    kind: std::sync::Arc<dyn Kind>,
    config: Box<dyn Configured>,
    capacity: u8,
    phase: Phase,
    version: u64,
    /// The seat that may start.
    host: Option<u8>,
    n_matches: u32,
    play: Option<Box<dyn Play>>,
    players: Vec<api::Player>,
    outcome: Option<Outcome>,
    /// The match's ticks, if it has any and is on.
    beat: Option<Beat>,
    /// What players did since the last tick.
    noted: Vec<Noted>,
    /// Of the seats that number what they do.
    seqs: BTreeMap<u8, Seq>,
    /// In the order of joining.
    members: Vec<Member>,
}

/// What a lobby is known by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) id: LobbyId,
    pub(super) code: Code,
    pub(super) visibility: Visibility,
    pub(super) serial: u64,
    pub(super) made_ms: u64,
    pub(super) home: (ShardId, LobbyKey),
}

/// A seat or a spectator's place: it outlives its socket.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) token: ResumeToken,
    /// The token before, which still works as long as nobody can know that the answer with the
    /// new one has arrived.
    pub(super) previous: Option<ResumeToken>,
    /// `None` while the connection is lost.
    pub(super) socket: Option<Address>,
    /// The socket's client can do something with deltas.
    deltas: bool,
    /// Until then the place is kept without a socket.
    kept_until: Option<Time>,
    ready: bool,
    chat: Allowance,
    resyncs: Allowance,
}

/// Somebody who comes in, or back, by this socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comer {
    pub(super) socket: Address,
    pub(super) deltas: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Seat(u8),
    Spectator,
}

impl Place {
    fn seat(self) -> Option<u8> {
        match self {
            Self::Seat(seat) => Some(seat),
            Self::Spectator => None,
        }
    }
}

/// Wall time of an input, for what people read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) time: Time,
    pub(super) unix_ms: u64,
}

impl Lobby {
    pub(super) fn new(
        identity: Identity,
        game: String,
        kind: std::sync::Arc<dyn Kind>,
        config: Box<dyn Configured>,
    ) -> Self {
        let Identity { id, code, visibility, serial, made_ms, home } = identity;
        let capacity = *kind.seats().end();
        Self {
            id,
            code,
            visibility,
            serial,
            made_ms,
            home,
            game,
            kind,
            config,
            capacity,
            phase: Phase::Open,
            version: 0,
            host: None,
            n_matches: 0,
            play: None,
            players: Vec::new(),
            outcome: None,
            beat: None,
            noted: Vec::new(),
            seqs: BTreeMap::new(),
            members: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn is_playing(&self) -> bool {
        self.phase == Phase::Playing
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// When a kept place falls, the match ticks, or at once if its game has crashed meanwhile.
    pub(super) fn deadline(&self) -> Option<Time> {
        if self.has_crashed() {
            return Some(Time::ZERO);
        }
        self.falls().into_iter().chain(self.beat.as_ref().map(Beat::due)).min()
    }

    /// When the next kept place falls, or the match has set itself a deadline.
    pub(super) fn falls(&self) -> Option<Time> {
        let wakes = self.play.as_ref().filter(|_| self.is_playing()).and_then(|p| p.deadline());
        self.members.iter().filter_map(|member| member.kept_until).chain(wakes).min()
    }

    /// The game has failed while nobody was looking after the match.
    fn has_crashed(&self) -> bool {
        self.is_playing() && self.play.as_ref().is_some_and(|play| play.has_crashed())
    }

    /// Takes a free seat, or a spectator's place.
    pub(super) fn join(
        &mut self,
        now: Now,
        name: &str,
        role: Role,
        token: ResumeToken,
        comer: Comer,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        check_name(name)?;
        let place = match role {
            Role::Player => Place::Seat(self.free_seat()?),
            Role::Spectator if self.n_spectators() >= MAX_SPECTATORS => {
                return Err(Refusal::new(code::FULL, "no more spectators fit in"));
            }
            Role::Spectator => Place::Spectator,
        };
        let change = match place {
            Place::Seat(seat) => Change::Joined { seat, name: name.to_owned() },
            Place::Spectator => Change::Spectators { count: self.n_spectators() as u32 + 1 },
        };
        self.push(change, pushes);
        // Few come in, and most lobbies only wait: no room is kept for more.
        self.members.reserve_exact(1);
        self.members.push(Member {
            name: name.to_owned(),
            place,
            token,
            previous: None,
            socket: Some(comer.socket),
            deltas: comer.deltas,
            kept_until: None,
            ready: false,
            chat: Allowance::full(now.time, CHAT_RATE),
            resyncs: Allowance::full(now.time, RESYNC_RATE),
        });
        if self.members.len() == 1 {
            // Who opens a lobby is its host: nobody is there to be told.
            self.host = place.seat();
        }
        self.settle_host(now, Some(comer.socket), pushes);
        self.watch(comer, place, pushes);
        let joined = self.joined(self.members.len() - 1);
        self.end_if_crashed(pushes);
        Ok(joined)
    }

    /// Back to a place whose token was `shown`; it is replaced by `fresh`. Gives the socket
    /// that held the place until now, if one did.
    pub(super) fn resume(
        &mut self,
        now: Now,
        at: usize,
        shown: ResumeToken,
        fresh: ResumeToken,
        comer: Comer,
        pushes: &mut Pushes,
    ) -> (api::Joined, Option<Address>) {
        let (member, socket) = (&mut self.members[at], comer.socket);
        let before = member.socket.replace(socket);
        let place = member.place;
        member.deltas = comer.deltas;
        member.kept_until = None;
        member.token = fresh;
        member.previous = Some(shown);
        let returned = member.place.seat().filter(|_| before.is_none());
        if let Some(before) = before {
            // Who comes back by the same socket is still there to be told.
            if before != socket {
                self.unanswered(before);
            }
            pushes.push(LobbyEffect::Unwatch(before));
        }
        if let Some(seat) = returned {
            self.push_except(Change::Returned { seat }, Some(socket), pushes);
            self.settle_host(now, Some(socket), pushes);
        }
        self.watch(comer, place, pushes);
        // What the game says to a return comes after the answer, so it is not contained in it.
        let joined = self.joined(at);
        if let Some(seat) = returned {
            self.tell_game(now, seat, SeatChange::Returned, pushes);
        }
        self.end_if_crashed(pushes);
        (joined, before)
    }

    /// The connection of a member is lost: its place is kept for a while.
    pub(super) fn dropped(&mut self, now: Now, at: usize, pushes: &mut Pushes) {
        let grace = if self.is_playing() { self.kind.keep() } else { GRACE };
        let kept_until_ms = now.unix_ms + grace.as_millis() as u64;
        let member = &mut self.members[at];
        let socket = member.socket.take();
        member.kept_until = Some(now.time + grace);
        if fault::is_planted(Fault::SeatLeak) {
            member.kept_until = None;
        }
        if fault::is_planted(Fault::SeatFreedAtOnce) {
            member.kept_until = Some(now.time);
        }
        let place = member.place;
        if let Some(socket) = socket {
            self.unanswered(socket);
            pushes.push(LobbyEffect::Unwatch(socket));
        }
        if let Place::Seat(seat) = place {
            if self.phase == Phase::Open {
                self.set_ready(at, seat, false, pushes);
            }
            self.push(Change::Dropped { seat, kept_until_ms }, pushes);
            self.tell_game(now, seat, SeatChange::Dropped, pushes);
            self.settle_host(now, None, pushes);
        }
    }

    /// A member goes for good. If all others want a rematch, it begins with this seed.
    pub(super) fn leave(
        &mut self,
        now: Now,
        at: usize,
        reason: LeaveReason,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Member {
        let member = self.members.remove(at);
        pushes.extend(member.socket.map(LobbyEffect::Unwatch));
        match member.place {
            Place::Seat(seat) => {
                self.refuse_noted_of(seat, pushes);
                self.push(Change::Left { seat, reason }, pushes);
                self.tell_game(now, seat, SeatChange::Left, pushes);
                self.settle_host(now, None, pushes);
                self.begin_if_wanted(now, seed, pushes);
            }
            Place::Spectator => {
                let count = self.n_spectators() as u32;
                self.push(Change::Spectators { count }, pushes);
            }
        }
        member
    }

    /// A deadline of the match may have come.
    fn wake(&mut self, now: Now, pushes: &mut Pushes) {
        let is_due = |play: &dyn Play| play.deadline().is_some_and(|at| at <= now.time);
        if self.play.as_ref().is_some_and(|play| is_due(&**play)) {
            let when = self.when(now);
            self.tell_play(|play| play.wake(when), pushes);
        }
    }

    /// Places whose time is up, and a deadline of the match.
    pub(super) fn expire(&mut self, now: Now, seed: u64, pushes: &mut Pushes) -> Vec<Member> {
        self.wake(now, pushes);
        let mut gone = Vec::new();
        while let Some(at) =
            self.members.iter().position(|m| m.kept_until.is_some_and(|until| until <= now.time))
        {
            gone.push(self.leave(now, at, LeaveReason::Expired, seed, pushes));
        }
        gone
    }

    pub(super) fn ready(
        &mut self,
        at: usize,
        ready: bool,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        self.expect_phase(Phase::Open, "the match has begun already")?;
        self.set_ready(at, seat, ready, pushes);
        Ok(api::Done {})
    }

    /// The host begins the match; starting counts as being ready.
    pub(super) fn start(
        &mut self,
        now: Now,
        at: usize,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        if self.host != Some(seat) {
            return Err(Refusal::new(code::FORBIDDEN, "only the host may start"));
        }
        self.expect_phase(Phase::Open, "the match has begun already")?;
        let needed = *self.kind.seats().start();
        if self.seated().count() < usize::from(needed) {
            let message = format!("the game needs {needed} players");
            return Err(Refusal::new(code::NOT_READY, message));
        }
        if self.seated().any(|m| !m.ready && m.place != Place::Seat(seat)) {
            return Err(Refusal::new(code::NOT_READY, "not everyone is ready"));
        }
        self.begin(now, seed, pushes);
        Ok(api::Done {})
    }

    /// This seat wants another match; it begins when all do.
    pub(super) fn rematch(
        &mut self,
        now: Now,
        at: usize,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        self.expect_phase(Phase::Finished, "there is no finished match")?;
        self.set_ready(at, seat, true, pushes);
        self.begin_if_wanted(now, seed, pushes);
        Ok(api::Done {})
    }

    /// After a match, the next one begins when enough players are here and all want it.
    fn begin_if_wanted(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        let needed = usize::from(*self.kind.seats().start()).max(1);
        let is_wanted = self.seated().count() >= needed && self.seated().all(|m| m.ready);
        if self.phase == Phase::Finished && is_wanted {
            self.begin(now, seed, pushes);
        }
    }

    pub(super) fn chat(
        &mut self,
        now: Now,
        at: usize,
        text: &str,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let n = text.chars().count();
        if n == 0 || n > MAX_CHAT_CODE_POINTS || text.contains('\0') {
            let message = format!("a message has 1 to {MAX_CHAT_CODE_POINTS} characters");
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        let member = &mut self.members[at];
        if !member.chat.take(now.time, CHAT_RATE) {
            return Err(Refusal::new(code::RATE, "too many messages; wait a moment"));
        }
        let change = Change::Chat {
            name: member.name.clone(),
            seat: member.place.seat(),
            text: text.to_owned(),
            at_ms: now.unix_ms,
        };
        self.push(change, pushes);
        Ok(api::Done {})
    }

    pub(super) fn typing(
        &self,
        at: usize,
        typing: bool,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let member = &self.members[at];
        let (name, seat, from) = (member.name.clone(), member.place.seat(), member.socket);
        let key = TYPING_KEY | u64::from(seat.unwrap_or(u8::MAX));
        let frame = event(push::TYPING, &TypingPush { name, seat, typing });
        let others = self.members.iter().filter_map(|m| m.socket).filter(|s| Some(*s) != from);
        let delivery = Delivery::Volatile { key };
        pushes.extend(others.map(|s| LobbyEffect::Push(s, frame.clone(), delivery)));
        Ok(api::Done {})
    }

    /// The member's client has lost what deltas build on.
    pub(super) fn resync(
        &mut self,
        now: Now,
        at: usize,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let member = &mut self.members[at];
        if !member.resyncs.take(now.time, RESYNC_RATE) {
            return Err(Refusal::new(code::RATE, "too many resyncs; wait a moment"));
        }
        pushes.extend(member.socket.map(LobbyEffect::Resync));
        Ok(api::Done {})
    }

    fn begin(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        let mut seats: Vec<Seat> = self.seated().filter_map(|m| m.place.seat()).map(Seat).collect();
        seats.sort_unstable();
        self.players = self
            .seated()
            .filter_map(|m| Some(api::Player { seat: m.place.seat()?, name: m.name.clone() }))
            .collect();
        self.players.sort_unstable_by_key(|player| player.seat);
        self.n_matches += 1;
        self.phase = Phase::Playing;
        self.outcome = None;
        self.seqs.clear();
        for member in &mut self.members {
            member.ready = false;
        }
        let when = When { now: now.time, tick: 0, host: self.host.map(Seat) };
        let (play, told) = self.config.start(when, self.n_matches, seats, seed);
        if self.play.replace(play).is_none() {
            for member in &self.members {
                if let Some(socket) = member.socket {
                    self.watch(Comer { socket, deltas: member.deltas }, member.place, pushes);
                }
            }
        }
        self.push(Change::Started { number: self.n_matches }, pushes);
        self.push_events(0, told, pushes);
        for member in 0..self.members.len() {
            // Who is away just now is told to the game as a loss it has yet to learn of.
            if let (Place::Seat(seat), None) =
                (self.members[member].place, self.members[member].socket)
            {
                self.tell_game(now, seat, SeatChange::Dropped, pushes);
            }
        }
        self.settle(pushes);
    }

    /// Looks whether the match has ended, and shows everybody how it stands.
    fn settle(&mut self, pushes: &mut Pushes) {
        if self.play.is_some() {
            self.end_if_decided(pushes);
            self.show(pushes);
        }
    }

    /// Asks the game for its outcome, as after every change.
    fn end_if_decided(&mut self, pushes: &mut Pushes) {
        let Some(play) = &mut self.play else { return };
        if self.phase != Phase::Playing {
            return;
        }
        self.outcome = play.outcome();
        if let Some(outcome) = &self.outcome {
            self.phase = Phase::Finished;
            let outcome = travel(outcome);
            self.push(Change::Finished { outcome }, pushes);
            self.refuse_noted(pushes);
        }
    }

    /// After views were made: one of them may be what the game failed over.
    pub(super) fn end_if_crashed(&mut self, pushes: &mut Pushes) {
        if self.has_crashed() {
            self.settle(pushes);
        }
    }

    fn tell_game(&mut self, now: Now, seat: u8, change: SeatChange, pushes: &mut Pushes) {
        let when = self.when(now);
        self.tell_play(|play| play.seat(when, Seat(seat), change), pushes);
    }

    /// Tells the match something, if one is on.
    fn tell_play(&mut self, tell: impl FnOnce(&mut dyn Play) -> Vec<Told>, pushes: &mut Pushes) {
        let is_playing = self.is_playing();
        let Some(play) = self.play.as_mut().filter(|_| is_playing) else { return };
        let told = tell(&mut **play);
        let turn = play.turn();
        self.push_events(turn, told, pushes);
        self.settle(pushes);
    }

    fn set_ready(&mut self, at: usize, seat: u8, ready: bool, pushes: &mut Pushes) {
        if std::mem::replace(&mut self.members[at].ready, ready) != ready {
            self.version += u64::from(fault::is_planted(Fault::VersionSkipped));
            self.push(Change::Ready { seat, ready }, pushes);
        }
    }

    /// The host stays host while connected. Then it is the longest seated player who is; if nobody
    /// is, it stays with its seat, or goes to the longest seated. Who is told of it otherwise is
    /// `except`.
    fn settle_host(&mut self, now: Now, except: Option<Address>, pushes: &mut Pushes) {
        let current = self.seated().find(|member| member.place.seat() == self.host);
        let next = current
            .filter(|member| member.socket.is_some())
            .or_else(|| self.seated().find(|member| member.socket.is_some()))
            .or(current)
            .or_else(|| self.seated().next())
            .and_then(|member| member.place.seat());
        if std::mem::replace(&mut self.host, next) != next
            && let Some(seat) = next
        {
            self.push_except(Change::Host { seat }, except, pushes);
            let when = self.when(now);
            self.tell_play(|play| play.host(when), pushes);
        }
    }

    /// A member's request shows that it has the last token: the one before is no longer good.
    pub(super) fn confirm_token(&mut self, at: usize) -> Option<ResumeToken> {
        if fault::is_planted(Fault::TokenUsableTwice) {
            return None;
        }
        self.members[at].previous.take()
    }

    fn seated(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.place != Place::Spectator)
    }

    fn n_spectators(&self) -> usize {
        self.members.len() - self.seated().count()
    }

    fn free_seat(&self) -> Result<u8, Refusal> {
        if self.is_playing() {
            return Err(Refusal::new(code::PHASE, "a match is on; watch it as a spectator"));
        }
        (0..self.capacity)
            .find(|seat| self.seated().all(|member| member.place != Place::Seat(*seat)))
            .ok_or_else(|| Refusal::new(code::FULL, "every seat is taken"))
    }

    fn seat_of(&self, at: usize) -> Result<u8, Refusal> {
        let spectator = || Refusal::new(code::FORBIDDEN, "spectators cannot do this");
        self.members[at].place.seat().ok_or_else(spectator)
    }

    fn expect_phase(&self, phase: Phase, otherwise: &str) -> Result<(), Refusal> {
        if self.phase == phase { Ok(()) } else { Err(Refusal::new(code::PHASE, otherwise)) }
    }
}

/// 1 to 64 code points, none of them a control or direction character, and not only blanks.
fn check_name(name: &str) -> Result<(), Refusal> {
    let n = name.chars().count();
    // Blanks without width, marks of direction, line and paragraph separators, the byte order mark.
    let hidden = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}'];
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{feff}')
            || hidden.iter().any(|range| range.contains(&c))
    };
    if n == 0 || n > MAX_NAME_CODE_POINTS || name.trim().is_empty() || name.chars().any(is_hidden) {
        let message = format!("a name has 1 to {MAX_NAME_CODE_POINTS} visible characters");
        return Err(Refusal::new(code::NAME, message));
    }
    Ok(())
}
