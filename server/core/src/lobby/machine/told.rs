//! What a lobby says: its versioned story to all members, all of it to who comes in, and the match
//! to who looks at it.

use super::{Comer, EVENT_KEY, Lobby, Member, Place};
use crate::{
    delivery::Delivery,
    fault::{self, Fault},
    key::{Address, ViewId, ViewerKey},
    lobby::{
        effect::{LobbyEffect, Pushes, event},
        game::{Outcome, Seat, To, Viewer, Views},
        play::Told,
    },
};
use parlor_shared::{
    api::lobby::{self as api, Change, Changed, MatchEvent, push},
    socket_io::Frame,
};

impl Lobby {
    /// As it stands in a listing; `None` if nobody can join it.
    pub(in super::super) fn listed(&self) -> Option<api::Listed> {
        let host = self.host?;
        let name = self.members.iter().find(|m| m.place == Place::Seat(host))?.name.clone();
        Some(api::Listed {
            id: self.id.to_string(),
            game: self.game.clone(),
            host: name,
            players: u8::try_from(self.seated().count()).unwrap_or(u8::MAX),
            capacity: self.capacity,
            phase: self.phase,
        })
    }

    pub(super) fn joined(&mut self, at: usize) -> api::Joined {
        let member = &self.members[at];
        let (place, token) = (member.place, member.token.to_string());
        api::Joined { lobby: self.snapshot(place), seat: place.seat(), token }
    }

    pub(super) fn snapshot(&mut self, viewer: Place) -> api::Lobby {
        let state = self.state(self.view_of(viewer).viewer);
        let mut seats: Vec<api::Seat> = self
            .members
            .iter()
            .filter_map(|m| {
                let seat = m.place.seat()?;
                let connected = m.socket.is_some();
                Some(api::Seat { seat, name: m.name.clone(), connected, ready: m.ready })
            })
            .collect();
        seats.sort_unstable_by_key(|seat| seat.seat);
        api::Lobby {
            id: self.id.to_string(),
            code: self.code.as_str().to_owned(),
            game: self.game.clone(),
            config: self.config.json().to_owned(),
            visibility: self.visibility,
            phase: self.phase,
            version: self.version,
            host: self.host,
            seats,
            capacity: self.capacity,
            needed: *self.kind.seats().start(),
            spectators: self.n_spectators() as u32,
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
        let applied = self.seqs.iter().filter(|(_, seq)| seq.applied > 0);
        Some(api::State {
            number: self.n_matches,
            turn: play.turn(),
            players: self.players.clone(),
            view: play.view(viewer),
            outcome: self.outcome.as_ref().map(travel),
            applied: applied.map(|(seat, seq)| (*seat, seq.applied)).collect(),
            n: None,
            key: false,
        })
    }

    /// Shows somebody the match, once there is or was one.
    pub(super) fn watch(&self, Comer { socket, deltas }: Comer, place: Place, pushes: &mut Pushes) {
        if self.play.is_none() {
            return;
        }
        let view = self.view_of(place);
        pushes.push(LobbyEffect::Watch { who: socket, view, deltas });
    }

    pub(super) fn view_of(&self, place: Place) -> ViewId {
        let viewer = match (self.kind.views(), place) {
            (Views::Shared, _) => ViewerKey::Everybody,
            (Views::PerSeat, Place::Seat(seat)) if fault::is_planted(Fault::WrongSeatsView) => {
                ViewerKey::Seat(1 - seat.min(1))
            }
            (Views::PerSeat, Place::Seat(seat)) => ViewerKey::Seat(seat),
            (Views::PerSeat, Place::Spectator) => ViewerKey::Spectators,
        };
        ViewId { shard: self.home.0, lobby: self.home.1, viewer }
    }

    /// Whoever looks at the match sees something new.
    pub(super) fn show(&self, pushes: &mut Pushes) {
        let here = self.members.iter().filter(|member| member.socket.is_some());
        let mut views: Vec<ViewId> = here.map(|member| self.view_of(member.place)).collect();
        views.sort_unstable();
        views.dedup();
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
            self.version += 1;
            let told = MatchEvent { version: self.version, turn, event: said };
            self.to_some(&event(push::EVENT, &told), to, Delivery::Reliable, pushes);
        }
    }

    /// To those whom an event of the game is for.
    fn to_some(&self, frame: &Frame, to: To, delivery: Delivery, pushes: &mut Pushes) {
        let is_for = |member: &&Member| match (to, member.place) {
            (To::All, _) | (To::Watchers, Place::Spectator) => true,
            (To::Seat(to), Place::Seat(seat)) => to.0 == seat,
            (To::OtherSeats(not), Place::Seat(seat)) => not.0 != seat,
            _ => false,
        };
        let sockets = self.members.iter().filter(is_for).filter_map(|member| member.socket);
        pushes.extend(sockets.map(|socket| LobbyEffect::Push(socket, frame.clone(), delivery)));
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
        self.version += 1;
        let frame = event(push::CHANGED, &Changed { version: self.version, change });
        self.to_all(&frame, except, pushes);
    }

    pub(super) fn to_all(&self, frame: &Frame, except: Option<Address>, pushes: &mut Pushes) {
        let sockets = self.members.iter().filter_map(|m| m.socket).filter(|s| Some(*s) != except);
        let push = |socket| LobbyEffect::Push(socket, frame.clone(), Delivery::Reliable);
        pushes.extend(sockets.map(push));
    }
}

pub(super) fn travel(outcome: &Outcome) -> api::Outcome {
    api::Outcome {
        winners: outcome.winners.iter().map(|seat| seat.0).collect(),
        reason: outcome.reason.to_owned(),
    }
}
