//! One lobby: members, phases, and the match.
//! What players do in the match, and its ticks, are in `acts`; what members are told, in `told`;
//! what a host says of it, in `settings`.
//! Which lobby somebody means, and codes and tokens, are `lobbies`' knowledge.
//!
//! ```text
//!  ┌────── unready, drop, leave ──────┐
//!  ▼                                   │
//!  Open ──start, all ready, full──► Starting ──► Playing ──outcome──► Finished
//!  ▲                                               ▲                   │   │
//!  │                                               └─── all want it ───┘   │
//!  └────────────────────────── for a while they do not ────────────────────┘
//! ```

mod acts;
mod bans;
mod booking;
mod bots;
mod crowd;
mod entrance;
mod kept;
mod numbers;
mod peers;
mod phases;
mod polls;
mod settings;
mod shown;
mod speech;
mod told;

use std::{sync::Arc, time::Duration};

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::{
            self as api, Change, Colour, LeaveReason, Phase, Role, StartRule, Visibility, push,
        },
    },
    id::{LobbyId, PeerToken, ResumeToken},
};
use serde_json::value::RawValue;

use super::{
    Code,
    blocks::BlockSet,
    effect::{LobbyEffect, Pushes, event},
    game::{Outcome, Seat, SeatChange},
    pace::Beat,
    play::{Cast, Configured, Kind, Play, Told, When},
    policy::{HostMigration, Policy},
    showing::Showing,
    talk::TALK_RATE,
    who::Who,
};
use crate::{
    delivery::Delivery,
    fault::{self, Fault},
    few::Few,
    key::{Address, LobbyKey, ShardId},
    rate::{Allowance, Rate},
    time::{Time, earliest},
};
pub(super) use acts::Deed;
use acts::Noted;
pub use acts::{MAX_INPUT_BYTES_PER_TICK, MAX_INPUTS_PER_TICK, MAX_TICKS_AHEAD};
use bans::Banned;
pub use bans::MAX_BANS;
use booking::Booking;
use bots::Bot;
use crowd::Crowd;
use kept::Kept;
#[cfg(test)]
pub(super) use kept::{MAX_KEPT, MAX_KEPT_BYTES, MAX_MISSED};
use numbers::Numbers;
pub use numbers::{MAX_SEQ_AHEAD, MAX_SEQ_BEHIND};
use polls::Polls;
pub use settings::MAX_PASSWORD_CODE_POINTS;
use settings::SETTINGS_RATE;
pub(super) use settings::Settings;
pub use speech::MAX_CHAT_CODE_POINTS;
use told::travel;

/// Who may watch one lobby.
pub const MAX_SPECTATORS: usize = 64;
/// How often one may lose what deltas build on.
const RESYNC_RATE: Rate = Rate { burst: 5, every: Duration::from_secs(1) };
/// How long a place is kept while no match is on.
const GRACE: Duration = Duration::from_secs(60);

/// One lobby.
#[derive(Debug)]
pub(super) struct Lobby {
    pub(super) id: LobbyId,
    pub(super) code: Code,
    /// How many lobbies were made before it.
    pub(super) serial: u64,
    /// When it was made, since the Unix epoch.
    pub(super) made_ms: u64,
    /// Where it lives.
    home: (ShardId, LobbyKey),
    kind: Arc<dyn Kind>,
    config: Arc<dyn Configured>,
    settings: Settings,
    policy: Arc<Policy>,
    phase: Phase,
    /// When it has lasted as long as it may.
    pub(super) until: Option<Time>,
    /// When something was last said or done.
    touched: Time,
    /// How much was told to everybody: where the versions of who comes in begin.
    version: u64,
    /// What was said of late, while somebody may have missed it.
    kept: Option<Box<Kept>>,
    /// The seat that may start.
    host: Option<u8>,
    n_matches: u32,
    play: Option<Box<dyn Play>>,
    players: Few<api::Player>,
    outcome: Option<Box<Outcome>>,
    /// The match's ticks, if it has any and is on.
    beat: Option<Box<Beat>>,
    /// What players did since the last tick.
    noted: Few<Noted>,
    /// Of the seats that number what they do.
    numbers: Few<(u8, Numbers)>,
    /// In the order of joining.
    members: Vec<Member>,
    /// Seats that nobody plays, in the order of their taking: the last one makes way first.
    bots: Few<Bot>,
    /// Those who watch without a place, and what they are asked.
    crowd: Option<Box<Crowd>>,
    rare: Option<Box<Rare>>,
}

/// What few lobbies have: the others spend one word on it.
#[derive(Debug, Default)]
struct Rare {
    /// Who is kept out.
    bans: Vec<Banned>,
    /// The seats are for those whom the matchmaker has put together.
    booking: Option<Booking>,
}

/// What a lobby is known by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) id: LobbyId,
    pub(super) code: Code,
    pub(super) serial: u64,
    pub(super) made_ms: u64,
    pub(super) home: (ShardId, LobbyKey),
}

/// A seat or a spectator's place: it outlives its socket.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Box<str>,
    /// Whose place it is, and the address of who came last.
    pub(super) who: Who,
    pub(super) place: Place,
    colour: Option<Colour>,
    pub(super) token: ResumeToken,
    /// The token before, which still works as long as nobody can know that the answer with the
    /// new one has arrived.
    pub(super) previous: Option<Box<ResumeToken>>,
    /// `None` while the connection is lost.
    pub(super) socket: Option<Address>,
    /// How its client wants to be shown the match.
    showing: Showing,
    /// While the connection is lost, and the place is kept.
    away: Option<Box<Away>>,
    ready: bool,
    /// It plays the match that is on, or played the last one.
    plays: bool,
    /// How much it was told, beginning with what everybody had been told before it came.
    pub(super) version: u64,
    /// That, when it came, or when others' words began or ceased to be kept from it: what it was
    /// told before cannot be told again.
    pub(super) since: u64,
    /// What it has done of late that is metered, and whom it has blocked; `None`: nothing, nobody.
    spent: Option<Box<Spent>>,
}

/// What is left to a member of what it may do, and what it will not hear.
#[derive(Debug)]
struct Spent {
    blocked: BlockSet,
    /// Words: who comes back by another socket, without an account, goes on from here.
    chat: Allowance,
    /// Actions and inputs.
    inputs: Allowance,
    resyncs: Allowance,
    settings: Allowance,
    /// By which it may be a peer of the others.
    peer: Option<PeerToken>,
}

impl Member {
    fn spent(&mut self, now: Time) -> &mut Spent {
        self.spent.get_or_insert_with(|| {
            Box::new(Spent {
                blocked: BlockSet::default(),
                chat: Allowance::full(now, TALK_RATE),
                inputs: Allowance::untouched(),
                resyncs: Allowance::full(now, RESYNC_RATE),
                settings: Allowance::full(now, SETTINGS_RATE),
                peer: None,
            })
        })
    }

    /// Whom its player has blocked now.
    fn block(&mut self, now: Time, blocked: &BlockSet) {
        if self.blocked() != blocked {
            self.spent(now).blocked = blocked.clone();
            self.since = self.version;
        }
    }

    fn blocked(&self) -> &BlockSet {
        const NOBODY: &BlockSet = &BlockSet::NOBODY;
        self.spent.as_ref().map_or(NOBODY, |spent| &spent.blocked)
    }

    /// True if it hears nothing of this author.
    fn has_blocked(&self, author: Option<&Who>) -> bool {
        let player = author.and_then(|author| author.player.as_ref());
        player.is_some_and(|player| self.blocked().has(player))
    }

    fn kept_until(&self) -> Option<Time> {
        self.away.as_ref()?.kept_until
    }

    fn lateness(&self) -> Lateness {
        self.away.as_ref().map_or(Lateness::None, |away| away.lateness)
    }

    /// Lets its lateness be this, if its connection is lost.
    fn grow(&mut self, lateness: Lateness) {
        if let Some(away) = &mut self.away {
            away.lateness = lateness;
        }
    }
}

/// A member whose connection is lost.
#[derive(Debug)]
struct Away {
    /// Until then the place is kept. (`None` for ever: a mistake, planted.)
    kept_until: Option<Time>,
    lateness: Lateness,
}

impl Away {
    /// When the place falls, or the others have waited long enough.
    fn falls(&self) -> Option<Time> {
        match self.lateness {
            Lateness::Until(at) => earliest([self.kept_until, Some(at)]),
            Lateness::None | Lateness::Overdue => self.kept_until,
        }
    }
}

/// How long a player who was lost in a match has let the others wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lateness {
    /// There, or lost for no longer than they wait, or waited for by nobody.
    None,
    /// Lost; overdue from then on.
    Until(Time),
    Overdue,
}

/// Somebody who comes in, or back, by this socket.
#[derive(Debug, Clone)]
pub(super) struct Comer {
    pub(super) socket: Address,
    pub(super) who: Who,
    pub(super) showing: Showing,
    /// The last version that it has seen, if it comes back and says so.
    pub(super) seen: Option<u64>,
    /// Whom the player has blocked; `None`: what is known of that still holds.
    pub(super) blocked: Option<BlockSet>,
}

impl Comer {
    /// Somebody who has seen nothing yet.
    pub(super) fn new(
        (socket, who, blocked): (Address, Who, Option<BlockSet>),
        showing: Showing,
    ) -> Self {
        Self { socket, who, showing, seen: None, blocked }
    }
}

/// What somebody says of themselves who takes a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guest<'a> {
    pub(super) name: &'a str,
    pub(super) rename: bool,
    pub(super) role: Role,
    pub(super) colour: Option<Colour>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Seat(u8),
    Spectator,
    /// No member's.
    Audience,
}

impl Place {
    fn seat(self) -> Option<u8> {
        match self {
            Self::Seat(seat) => Some(seat),
            Self::Spectator | Self::Audience => None,
        }
    }
}

/// Wall time of an input, for what people read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) time: Time,
    pub(super) unix_ms: u64,
}

impl Now {
    /// What the clock shows at that time.
    fn unix_ms_at(self, time: Time) -> u64 {
        let epoch_ms = self.unix_ms - self.time.since_start().as_millis() as u64;
        epoch_ms + time.since_start().as_millis() as u64
    }

    /// The same at this earlier time.
    fn before(self, time: Time) -> Self {
        Self { time, unix_ms: self.unix_ms_at(time) }
    }
}

impl Lobby {
    pub(super) fn new(
        identity: Identity,
        kind: Arc<dyn Kind>,
        config: Arc<dyn Configured>,
        settings: Settings,
        policy: Arc<Policy>,
    ) -> Self {
        let Identity { id, code, serial, made_ms, home } = identity;
        Self {
            id,
            code,
            serial,
            made_ms,
            home,
            kind,
            config,
            settings,
            policy,
            phase: Phase::Open,
            until: None,
            touched: Time::ZERO,
            version: 0,
            kept: None,
            host: None,
            n_matches: 0,
            play: None,
            players: Few::default(),
            outcome: None,
            beat: None,
            noted: Few::default(),
            numbers: Few::default(),
            members: Vec::new(),
            bots: Few::default(),
            crowd: None,
            rare: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let has_bots = !self.bots.is_empty() && fault::is_planted(Fault::BotsKeepLobby);
        self.members.is_empty() && !has_bots
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
        earliest([self.falls(), self.beat.as_ref().map(|beat| beat.due())])
    }

    /// When the next kept place falls, the phase ends, or the match has set itself a deadline.
    pub(super) fn falls(&self) -> Option<Time> {
        let wakes = self.play.as_ref().filter(|_| self.is_playing()).and_then(|p| p.deadline());
        let told = self.crowd.as_ref().and_then(|crowd| crowd.deadline());
        let away = self.members.iter().filter_map(|member| member.away.as_ref()?.falls());
        earliest([self.until, wakes, told, away.min()])
    }

    /// The game has failed while nobody was looking after the match.
    fn has_crashed(&self) -> bool {
        self.is_playing() && self.play.as_ref().is_some_and(|play| play.has_crashed())
    }

    /// Deadlines of a match of turns that came before now go first, each at its own time: what
    /// somebody does now is too late for them, though the shard has not come to them yet. (In a
    /// match with ticks, ticks see to that.)
    pub(super) fn catch_up(&mut self, now: Now, pushes: &mut Pushes) {
        let due = |lobby: &Self| lobby.play.as_ref()?.deadline().filter(|at| *at <= now.time);
        while self.is_playing()
            && self.kind.hz().is_none()
            && let Some(at) = due(self)
        {
            self.wake(now.before(at), pushes);
        }
    }

    /// A deadline of the match may have come.
    fn wake(&mut self, now: Now, pushes: &mut Pushes) {
        let is_due = |play: &dyn Play| play.deadline().is_some_and(|at| at <= now.time);
        if self.play.as_ref().is_some_and(|play| is_due(&**play)) {
            let when = self.when(now);
            self.tell_play(|play| play.wake(when), pushes);
        }
    }

    /// The member's client has lost what deltas build on.
    pub(super) fn resync(
        &mut self,
        now: Now,
        at: usize,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let member = &mut self.members[at];
        if !member.spent(now.time).resyncs.take(now.time, RESYNC_RATE) {
            return Err(Refusal::new(code::RATE, "too many resyncs; wait a moment"));
        }
        pushes.extend(member.socket.map(LobbyEffect::Resync));
        Ok(api::Done {})
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

    fn seated(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.place != Place::Spectator)
    }

    fn n_spectators(&self) -> usize {
        self.members.len() - self.seated().count()
    }

    fn seat_of(&self, at: usize) -> Result<u8, Refusal> {
        let spectator = || Refusal::new(code::FORBIDDEN, "spectators cannot do this");
        self.members[at].place.seat().ok_or_else(spectator)
    }

    fn expect_phase(&self, phase: Phase, otherwise: &str) -> Result<(), Refusal> {
        if self.phase == phase { Ok(()) } else { Err(Refusal::new(code::PHASE, otherwise)) }
    }
}
