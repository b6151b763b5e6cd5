//! What a lobby says: its versioned story to all members, all of it to who comes in, and the match
//! to who looks at it.

use parlor_shared::{
    api::lobby::{self as api, Change, Changed, Format, MatchEvent, NAMESPACE, push},
    socket_io::{Draft, Frame},
};

use super::{
    Bot, Lateness, Lobby, Member, Now, Place, Who,
    kept::{is_for, is_somebody_away},
};
use crate::{
    delivery::Delivery,
    fault::{self, Fault},
    key::{Address, ViewId, ViewerKey},
    lobby::{
        effect::{LobbyEffect, Pushes, event},
        game::{Outcome, Seat, To, Viewer, Views},
        play::Told,
        showing::Showing,
    },
};

/// Volatile frames of `/lobby`: one kind for each of the game's own.
const EVENT_KEY: u64 = 6 << 32;

impl Lobby {
    pub(super) fn joined(&mut self, now: Now, at: usize) -> api::Joined {
        let member = &self.members[at];
        let (place, token, version) = (member.place, member.token.to_string(), member.version);
        let lobby = api::Lobby { version, ..self.snapshot(now, place) };
        api::Joined { lobby, seat: place.seat(), token, created: false, missed: None }
    }

    /// What a member who is back has missed since the version that it has seen, for the socket it
    /// is back by; how many pushes. `None`: some of it is not here any more, or there was no such
    /// version.
    pub(super) fn missed(&self, at: usize, seen: u64, pushes: &mut Pushes) -> Option<u32> {
        let member = &self.members[at];
        if seen < member.since {
            return None;
        }
        let n = usize::try_from(member.version.checked_sub(seen)?).ok()?;
        let missed = match &self.kept {
            Some(kept) => kept.last(n, member.place, member.blocked())?,
            None if n == 0 => Vec::new(),
            None => return None,
        };
        let n_sent = missed.len() - usize::from(n > 0 && fault::is_planted(Fault::MissedButOne));
        let missed = missed.into_iter().zip(seen + 1..).take(n_sent);
        let frames = missed.map(|((name, rest), version)| again(name, version, rest));
        let push = |frame| Some(LobbyEffect::Push(member.socket?, frame, Delivery::Reliable));
        pushes.extend(frames.filter_map(push));
        u32::try_from(n).ok()
    }

    /// True once after the lobby has begun to keep what it says: it wants to be swept.
    pub(in super::super) fn begins_to_keep(&mut self) -> bool {
        self.kept.as_mut().is_some_and(|kept| !std::mem::replace(&mut kept.is_known, true))
    }

    /// Once in a while: what has reached everybody is forgotten. False if nothing is kept any more.
    pub(in super::super) fn sweep(&mut self) -> bool {
        let is_somebody_away = is_somebody_away(&self.members);
        if let Some(kept) = &mut self.kept
            && !is_somebody_away
            && !kept.sweep()
        {
            self.kept = None;
        }
        self.kept.is_some()
    }

    pub(super) fn snapshot(&mut self, now: Now, viewer: Place) -> api::Lobby {
        let state = self.state(self.viewer_of(viewer));
        let mut seats: Vec<api::Seat> = self
            .members
            .iter()
            .filter_map(|m| {
                let seat = m.place.seat()?;
                let connected = m.socket.is_some();
                let (name, ready, colour) = (m.name.to_string(), m.ready, m.colour);
                let overdue = m.lateness() == Lateness::Overdue;
                Some(api::Seat { seat, name, connected, ready, overdue, colour, bot: false })
            })
            .chain(self.bots.iter().map(Bot::told))
            .collect();
        seats.sort_unstable_by_key(|seat| seat.seat);
        let terms = self.settings.terms();
        let starts_at = self.until.filter(|_| self.phase == api::Phase::Starting);
        api::Lobby {
            id: self.id.to_string(),
            code: self.code.as_str().to_owned(),
            game: self.kind.name().to_owned(),
            config: self.config.json().to_owned(),
            visibility: terms.visibility,
            password: terms.password,
            locked: terms.locked,
            start: terms.start,
            fill: terms.fill,
            starts_at_ms: starts_at.map(|at| now.unix_ms_at(at)),
            phase: self.phase,
            version: self.version,
            host: self.host,
            seats,
            capacity: terms.capacity,
            needed: *self.kind.seats().start(),
            spectators: self.n_spectators() as u32,
            audience: self.n_audience() as u32,
            poll: self.poll(),
            max_spectators: terms.max_spectators,
            metadata: terms.metadata,
            state,
        }
    }

    /// The running or last match, as these viewers may know it.
    pub(in super::super) fn state(&mut self, viewer: ViewerKey) -> Option<api::State> {
        let play = self.play.as_mut()?;
        let viewer = match viewer {
            ViewerKey::Seat(seat) => Viewer::Seat(Seat(seat)),
            ViewerKey::Everybody | ViewerKey::Spectators => Viewer::Spectator,
            ViewerKey::Audience => Viewer::Audience,
        };
        let applied = self.numbers.iter().filter(|(_, numbers)| numbers.applied > 0);
        Some(api::State {
            number: self.n_matches,
            turn: play.turn(),
            tick: self.beat.as_ref().map(|beat| beat.coming),
            players: self.players.to_vec(),
            view: play.view(viewer),
            outcome: self.outcome.as_deref().map(travel),
            applied: applied.map(|(seat, seq)| (*seat, seq.applied)).collect(),
            n: None,
            key: false,
        })
    }

    /// Shows somebody the match, once there is or was one.
    pub(super) fn watch(
        &self,
        (socket, showing): (Address, Showing),
        place: Place,
        pushes: &mut Pushes,
    ) {
        if self.play.is_none() {
            return;
        }
        let view = self.view_of(place, showing.format());
        pushes.push(LobbyEffect::Watch { who: socket, view, deltas: showing.deltas() });
    }

    fn view_of(&self, place: Place, format: Format) -> ViewId {
        let (shard, lobby) = self.home;
        ViewId { shard, lobby, viewer: self.viewer_of(place), format }
    }

    fn viewer_of(&self, place: Place) -> ViewerKey {
        match (self.kind.views(), place) {
            (Views::Shared, _) => ViewerKey::Everybody,
            (Views::PerSeat, Place::Seat(seat)) if fault::is_planted(Fault::WrongSeatsView) => {
                ViewerKey::Seat(1 - seat.min(1))
            }
            (Views::PerSeat, Place::Seat(seat)) if self.plays(seat) => ViewerKey::Seat(seat),
            (Views::PerSeat, Place::Seat(_)) => ViewerKey::Spectators,
            (Views::PerSeat, Place::Spectator) => ViewerKey::Spectators,
            (Views::PerSeat, Place::Audience)
                if fault::is_planted(Fault::AudienceSeesSpectators) =>
            {
                ViewerKey::Spectators
            }
            (Views::PerSeat, Place::Audience) if fault::is_planted(Fault::AudienceSeesSeat) => {
                ViewerKey::Seat(0)
            }
            (Views::PerSeat, Place::Audience) => ViewerKey::Audience,
        }
    }

    /// Who sits there plays the match, or played the last one.
    fn plays(&self, seat: u8) -> bool {
        self.members.iter().any(|member| member.place == Place::Seat(seat) && member.plays)
    }

    /// Whoever looks at the match sees something new.
    pub(super) fn show(&self, pushes: &mut Pushes) {
        let here = self.members.iter().filter(|member| member.socket.is_some());
        let mut views: Vec<ViewId> = Vec::new();
        for member in here {
            let view = self.view_of(member.place, member.showing.format());
            // Mostly all look at one.
            if views.last() != Some(&view) {
                views.push(view);
            }
        }
        let formats = self.crowd.iter().flat_map(|crowd| crowd.formats());
        views.extend(formats.map(|format| self.view_of(Place::Audience, format)));
        if views.len() > 1 {
            views.sort_unstable();
            views.dedup();
        }
        pushes.extend(views.into_iter().map(LobbyEffect::Dirty));
    }

    pub(super) fn push_events(&mut self, turn: u64, told: Vec<Told>, pushes: &mut Pushes) {
        for Told { to, volatile, event: said } in told {
            if let Some(kind) = volatile {
                let frame = event(push::VOLATILE, &api::VolatileEvent { turn, event: said });
                let delivery = Delivery::Volatile { key: EVENT_KEY | u64::from(kind) };
                self.to_some(&frame, to, delivery, pushes);
                continue;
            }
            let mut told = MatchEvent { version: 0, turn, event: said };
            let write = |version| {
                told.version = version;
                event(push::EVENT, &told)
            };
            self.tell((to, None), None, push::EVENT, write, pushes);
        }
    }

    /// To all members who are there but one.
    pub(super) fn to_members(
        &self,
        frame: &Frame,
        delivery: Delivery,
        (author, except): (Option<&Who>, Option<Address>),
        pushes: &mut Pushes,
    ) {
        let hears = |member: &&Member| !member.has_blocked(author);
        let sockets = self.members.iter().filter(hears).filter_map(|member| member.socket);
        let sockets = sockets.filter(|socket| Some(*socket) != except);
        pushes.extend(sockets.map(|socket| LobbyEffect::Push(socket, frame.clone(), delivery)));
    }

    /// To those whom an event of the game is for.
    fn to_some(&self, frame: &Frame, to: To, delivery: Delivery, pushes: &mut Pushes) {
        let all = self.members.iter().filter(|member| is_for(to, member.place));
        let sockets = all.filter_map(|member| member.socket);
        pushes.extend(sockets.map(|socket| LobbyEffect::Push(socket, frame.clone(), delivery)));
        if is_for(to, Place::Audience) {
            self.to_audience(frame, delivery, pushes);
        }
    }

    pub(super) fn push(&mut self, change: Change, pushes: &mut Pushes) {
        self.push_except(change, None, pushes);
    }

    pub(super) fn push_except(
        &mut self,
        change: Change,
        except: Option<Address>,
        pushes: &mut Pushes,
    ) {
        self.push_change(change, None, except, pushes);
    }

    /// What somebody says, to all but those who have blocked them.
    pub(super) fn say(&mut self, change: Change, author: &Who, pushes: &mut Pushes) {
        self.kept.get_or_insert_default();
        self.push_change(change, Some(author), None, pushes);
    }

    fn push_change(
        &mut self,
        change: Change,
        author: Option<&Who>,
        except: Option<Address>,
        pushes: &mut Pushes,
    ) {
        let mut changed = Changed { version: 0, change };
        let write = |version| {
            changed.version = version;
            event(push::CHANGED, &changed)
        };
        self.tell((To::All, author), except, push::CHANGED, write, pushes);
    }

    /// Tells members something that counts in the versions of those whom it is for: words, if they
    /// have an author, are for nobody who has blocked that one. Written once for all who have come
    /// to the same version.
    fn tell(
        &mut self,
        (to, author): (To, Option<&Who>),
        except: Option<Address>,
        name: &'static str,
        mut write: impl FnMut(u64) -> Frame,
        pushes: &mut Pushes,
    ) {
        if self.is_playing() || is_somebody_away(&self.members) {
            // Without a match, a chat or a loss the lobby as it stands is all there is to know.
            self.kept.get_or_insert_default();
        }
        self.version += u64::from(to == To::All);
        let mut written: Vec<(u64, Frame)> = Vec::with_capacity(1);
        let hears = |m: &&mut Member| is_for(to, m.place) && !m.has_blocked(author);
        for member in self.members.iter_mut().filter(hears) {
            member.version += 1;
            let Some(socket) = member.socket.filter(|socket| Some(*socket) != except) else {
                continue;
            };
            let version = member.version;
            let frame = match written.iter().find(|(of, _)| *of == version) {
                Some((_, frame)) => frame.clone(),
                None => {
                    written.push((version, write(version)));
                    written[written.len() - 1].1.clone()
                }
            };
            pushes.push(LobbyEffect::Push(socket, frame, Delivery::Reliable));
        }
        // Talk is not for the audience: members are among themselves.
        let is_talk = author.is_some() && !fault::is_planted(Fault::AudienceHearsTalk);
        if let Some(crowd) = self.crowd.as_mut().filter(|_| !is_talk && is_for(to, Place::Audience))
        {
            crowd.version += 1;
            if !crowd.is_empty() {
                let version = crowd.version;
                let same = written.iter().find(|(of, _)| *of == version);
                let frame = same.map_or_else(|| write(version), |(_, frame)| frame.clone());
                pushes.push(LobbyEffect::Broadcast(self.id, frame, Delivery::Reliable));
            }
        }
        if let Some(kept) = &mut self.kept {
            let frame = written.pop().map_or_else(|| write(0), |(_, frame)| frame);
            kept.note((to, author.and_then(|who| who.player.as_ref())), name, &frame);
        }
    }
}

/// A push once more, for who has missed it.
fn again(name: &str, version: u64, rest: &str) -> Frame {
    let mut draft = Draft::event(name).expect("no reserved name");
    draft.json(&["{\"version\":", &version.to_string(), ",", rest]);
    draft.into_event(NAMESPACE, None).expect("no attachments")
}

pub(super) fn travel(outcome: &Outcome) -> api::Outcome {
    api::Outcome {
        winners: outcome.winners.iter().map(|seat| seat.0).collect(),
        reason: outcome.reason.clone().into_owned(),
    }
}
