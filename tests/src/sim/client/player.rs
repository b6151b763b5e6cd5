//! One client in namespace `/lobby`: what it knows, and what it makes of what it is told. What it
//! asks for is `wishes`' part, what it makes of the answers `answers`'.

mod answers;
mod wishes;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parlor_core::time::Time;
use parlor_shared::{
    api::lobby::{self as api, Changed, Listing, MatchEvent},
    socket_io::{Args, Kind, Packet, Sender},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::seeker::Seat;
use crate::sim::{
    Invariant, Sim,
    oracle::{At, Left, Place, Story, Wish},
};

/// What an input is about that was sent before.
const AGAIN: &str = "again";

#[derive(Debug, Default)]
pub(super) struct Player {
    /// Connected to `/lobby`.
    is_in: bool,
    asked: BTreeMap<u64, Asked>,
    pub(super) story: Option<Story>,
    token: Option<Token>,
    /// Tokens that are worth nothing.
    stale: Vec<String>,
    n_ids: u64,
    n_names: u64,
    /// Ids of public lobbies.
    listed: Vec<String>,
    /// The last input that was accepted, its lobby and match, and its turn.
    last_input: Option<(Place, u64, Value, u64)>,
    /// Ids of the lobbies in the listing that it watches.
    watched: BTreeSet<String>,
}

/// A request that is not answered.
#[derive(Debug, Clone)]
struct Asked {
    event: &'static str,
    /// What it was about: a name, a code, a token, what was said; of an action `[number, action]`.
    about: String,
    payload: Value,
    wish: Wish,
    /// The lobby it was for.
    lobby: Option<String>,
    /// It was made in no lobby, and no answer could change that.
    is_outside: bool,
    /// The way back that was meant, should the client find another before the answer comes.
    token: Option<Token>,
}

/// The way back to a seat.
#[derive(Debug, Clone)]
struct Token {
    text: String,
    /// The one before, which may still work.
    previous: Option<String>,
    /// The request that was answered with it.
    asked_by: u64,
    lobby: String,
    name: String,
    seat: Option<u8>,
    /// What was seen there last.
    left: Option<Left>,
    /// Since when the seat is without a connection: at the earliest, and for certain.
    lost_at: Option<Time>,
    lost_for_sure_at: Option<Time>,
    /// Nothing is under way that would make it worthless.
    is_sure: bool,
}

impl Token {
    /// The way to a seat that waits.
    fn of_seat(Seat { lobby, seat, token, name }: Seat) -> Self {
        Self {
            text: token,
            previous: None,
            asked_by: 0,
            lobby,
            name,
            seat: Some(seat),
            left: None,
            lost_at: None,
            lost_for_sure_at: None,
            is_sure: false,
        }
    }
}

impl Player {
    /// It is in no lobby any more, and has no way back.
    fn forget_place(&mut self) -> Option<Story> {
        if let Some(token) = self.token.take() {
            self.stale.extend(token.previous);
            self.stale.push(token.text);
        }
        self.story.take()
    }

    /// A request is under way that may take it into a lobby or out of one.
    fn is_moving(&self) -> bool {
        let moves = ["create", "join", "quick", "resume", "leave"];
        self.asked.values().any(|asked| moves.contains(&asked.event))
    }
}

type Check = Result<(), (Invariant, String)>;

impl Sim {
    /// The session is gone, and with it all that was under way.
    pub(super) fn player_lost(&mut self, n: usize, at: Option<At>) {
        let closed_at = at.and_then(|at| self.closed_at(at));
        let now = self.now;
        let player = &mut self.clients[n].player;
        let story = player.story.take();
        // Nobody comes back to an audience.
        let story = story.filter(|story| !story.is_fan);
        let was_in = story.is_some();
        let is_leaving = player.asked.values().any(|asked| asked.event == "leave");
        let is_returning = player.asked.values().any(|asked| asked.event == "resume");
        if let Some(token) = &mut player.token {
            token.left = story.as_ref().map(Left::of).or_else(|| token.left.take());
            token.is_sure &= !is_leaving;
            if was_in || token.lost_at.is_none() {
                token.lost_at = Some(closed_at.unwrap_or(now).min(now));
                token.lost_for_sure_at = closed_at.filter(|_| was_in);
            }
            if is_returning {
                // The seat may have been taken again for a while.
                token.lost_for_sure_at = None;
            }
        }
        player.is_in = false;
        player.asked.clear();
    }

    pub(super) fn player_packet(&mut self, n: usize, text: &str) {
        let result = self.understand(n, text);
        if let Err((invariant, what)) = result {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }

    fn understand(&mut self, n: usize, text: &str) -> Check {
        let packet = Packet::decode(text, Sender::Server)
            .map_err(|error| (Invariant::Order, format!("{error}: {text}")))?;
        let data = packet.data.unwrap_or("null");
        match packet.kind {
            Kind::Connect => self.clients[n].player.is_in = true,
            Kind::Disconnect => {
                let player = &mut self.clients[n].player;
                player.is_in = false;
                player.story = None;
                // Another tab has the seat. What was asked may still be, by the next socket.
                player.token = None;
            }
            Kind::Ack => {
                let asked = packet.id.and_then(|id| self.clients[n].player.asked.remove(&id));
                let what = || (Invariant::Acks, format!("nobody asked {text}"));
                let asked = asked.ok_or_else(what)?;
                let data = Args::of_ack(data, &[]).raw().next().unwrap_or("null").to_owned();
                return self.acked(n, &asked, &data);
            }
            Kind::Event => {
                let args = Args::of_event(data, &[]);
                let (name, data) = (args.name(), args.raw().next().unwrap_or("null"));
                return self.pushed(n, &name, data);
            }
            Kind::ConnectError => {
                return Err((Invariant::Acks, format!("refused: {text}")));
            }
        }
        Ok(())
    }

    fn pushed(&mut self, n: usize, event: &str, data: &str) -> Check {
        let now = self.now;
        if event == "listing" {
            return self.relisted(n, &read(data)?);
        }
        let player = &mut self.clients[n].player;
        let Some(story) = &mut player.story else {
            // What only the newest counts of may come late, but for what one looks at.
            let is_late = ["typing", "volatile", "audience", "tally"].contains(&event);
            let what = || (Invariant::Versions, format!("{event} in no lobby: {data}"));
            return if is_late { Ok(()) } else { Err(what()) };
        };
        let lobbies = &mut self.oracle.lobbies;
        match event {
            "changed" => {
                let changed: Changed = read(data)?;
                self.trace.n_matches +=
                    u64::from(matches!(changed.change, api::Change::Finished { .. }));
                lobbies.changed(now, story, &changed, data)?;
                if matches!(changed.change, api::Change::Started { .. }) {
                    let begun = self.oracle.tickets.begun(&story.lobby);
                    return begun.map_err(|what| (Invariant::Tickets, what));
                }
                Ok(())
            }
            "event" => lobbies.happened(story, &read::<MatchEvent>(data)?, data),
            "state" => lobbies.state(story, data),
            "delta" if deltas(n) => lobbies.delta(story, data),
            "closed" => {
                let closed: api::Closed = read(data)?;
                let story = player.forget_place().expect("just seen");
                lobbies.closed(&story, closed.reason)?;
                let seat = story.seat.filter(|_| closed.reason == api::ClosedReason::NoShow);
                let stayed = seat.map(|seat| self.oracle.tickets.stayed(&story.lobby, seat));
                stayed.unwrap_or(Ok(())).map_err(|what| (Invariant::Tickets, what))
            }
            "kicked" => {
                let kicked: api::Kicked = read(data)?;
                let story = player.forget_place().expect("just seen");
                lobbies.sent_away(now, &story, n, kicked.reason)
            }
            "audience" => read::<api::AudiencePush>(data).map(|_| ()),
            "tally" => lobbies.counted(story, &read(data)?),
            "volatile" => story.glimpses(&read::<api::VolatileEvent>(data)?),
            "typing" => {
                let typing: api::TypingPush = read(data)?;
                if typing.name == story.name {
                    return Err((Invariant::Hidden, format!("{} hears itself", story.name)));
                }
                Ok(())
            }
            other => Err((Invariant::Order, format!("{other} is no push"))),
        }
    }

    /// A packet has reached the client, and it has made of it what it can.
    pub(super) fn player_saw(&mut self, n: usize, text: &str) {
        let story = self.clients[n].player.story.as_ref();
        if let Err((invariant, what)) = self.oracle.lobbies.saw(story, text) {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }

    fn relisted(&mut self, n: usize, change: &api::ListingChange) -> Check {
        let watched = &mut self.clients[n].player.watched;
        let what =
            |id: &String| (Invariant::Listing, format!("client {n} is told wrongly of {id}"));
        for id in &change.removed {
            watched.remove(id).then_some(()).ok_or_else(|| what(id))?;
        }
        for listed in &change.added {
            watched.insert(listed.id.clone()).then_some(()).ok_or_else(|| what(&listed.id))?;
        }
        let is_strange = |listed: &&Arc<api::Listed>| !watched.contains(&listed.id);
        if let Some(listed) = change.changed.iter().find(is_strange) {
            return Err(what(&listed.id));
        }
        let lobbies = change.added.iter().chain(&change.changed).cloned().collect();
        self.oracle.lobbies.listed(&Listing { lobbies })
    }

    pub(super) fn player_drained(&mut self, n: usize) {
        if let Some(story) = &self.clients[n].player.story
            && let Err((invariant, what)) = self.oracle.lobbies.drained(self.now, story)
        {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }
}

/// Two of three clients can do something with deltas.
fn deltas(n: usize) -> bool {
    !n.is_multiple_of(3)
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T, (Invariant, String)> {
    serde_json::from_str(data).map_err(|error| (Invariant::Order, format!("{error}: {data}")))
}
