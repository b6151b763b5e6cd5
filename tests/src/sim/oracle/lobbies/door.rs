//! Who may come into a lobby: what it asks for, who is kept out, and who was sent away. From what
//! hosts wish for and what becomes of it follows who may be let in, and who must be.

use std::collections::{BTreeMap, BTreeSet};

use parlor_core::time::Time;
use parlor_shared::api::{
    code,
    lobby::{Kick, LeaveReason},
};
use serde_json::Value;

use super::{Check, Invariant, Lobbies, Story, crowd::expect_of_audience};
use crate::sim::{kept::N_ORIGINS, queues::account};

/// Requests that count only from hosts.
const OF_HOSTS: [&str; 7] = ["settings", "host", "kick", "start", "stop", "poll", "bot"];

/// A request that may change something, and when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) struct Wish {
    pub(in crate::sim) client: usize,
    pub(in crate::sim) id: u64,
    pub(in crate::sim) at: Time,
}

/// What is known of one lobby's door.
#[derive(Debug, Default)]
pub(super) struct Door {
    /// Empty: none.
    password: Choice<String>,
    locked: Choice<bool>,
    /// Whose clients heard that they are kept out, and when.
    banned: BTreeMap<u64, Time>,
    /// Seats that somebody wanted to be free, and spectators who were to go.
    seats: BTreeSet<u8>,
    spectators: BTreeSet<String>,
    has_bans: bool,
    /// Who has left a seat for good, and when the first one heard of it.
    gone: BTreeMap<String, Time>,
}

/// Something that hosts choose. What they wish for may hold from then on, and holds no more when
/// something else is known to.
#[derive(Debug)]
struct Choice<T> {
    held: Vec<Held<T>>,
    /// Whoever opened the lobby knows what it was first.
    is_whole: bool,
}

#[derive(Debug)]
struct Held<T> {
    value: T,
    wish: Wish,
    known: Option<Time>,
    until: Option<Time>,
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self { held: Vec::new(), is_whole: false }
    }
}

impl<T> Choice<T> {
    /// What it was first.
    fn begins(&mut self, wish: Wish, value: T) {
        self.is_whole = true;
        self.wish(wish, value);
    }

    fn wish(&mut self, wish: Wish, value: T) {
        self.held.push(Held { value, wish, known: None, until: None });
    }

    fn refused(&mut self, wish: Wish) {
        self.held.retain(|held| held.wish != wish);
    }

    fn granted(&mut self, now: Time, wish: Wish) {
        if !self.held.iter().any(|held| held.wish == wish) {
            return;
        }
        for held in &mut self.held {
            if held.wish == wish {
                held.known = Some(now);
            } else if held.known.is_some_and(|known| {
                // One client is answered in the order in which it counts.
                known <= wish.at || held.wish.client == wish.client
            }) {
                held.until.get_or_insert(now);
            }
        }
    }

    /// What it may have been at some time since.
    fn since(&self, since: Time) -> impl Iterator<Item = &T> {
        let held =
            self.held.iter().filter(move |held| held.until.is_none_or(|until| until >= since));
        held.map(|held| &held.value)
    }

    /// It cannot have been anything that nobody knows of.
    fn is_known(&self, since: Time) -> bool {
        let is_early = |held: &Held<T>| held.known.is_some_and(|known| known <= since);
        self.is_whole || self.held.iter().any(is_early)
    }

    fn may_be(&self, since: Time, is_it: impl Fn(&T) -> bool) -> bool {
        !self.is_known(since) || self.since(since).any(is_it)
    }

    fn must_be(&self, since: Time, is_it: impl Fn(&T) -> bool) -> bool {
        self.is_known(since) && self.since(since).all(is_it)
    }
}

impl Door {
    /// A member left for good.
    pub(super) fn left(&mut self, now: Time, name: &str) {
        self.gone.entry(name.to_owned()).or_insert(now);
    }

    /// Some host wanted this seat to be free.
    pub(super) fn is_to_be_free(&self, seat: u8) -> bool {
        self.seats.contains(&seat)
    }

    /// Anybody may have come in since, without a word: nobody was ever to be kept out.
    pub(super) fn is_open_to_all(&self, since: Time) -> bool {
        !self.has_bans
            && self.password.must_be(since, String::is_empty)
            && self.locked.must_be(since, |locked| !locked)
    }

    fn wishes(&mut self, wish: Wish, settings: &Value) {
        if let Some(password) = settings["password"].as_str() {
            self.password.wish(wish, password.to_owned());
        }
        if let Some(locked) = settings["locked"].as_bool() {
            self.locked.wish(wish, locked);
        }
    }

    fn granted(&mut self, now: Time, wish: Wish) {
        self.password.granted(now, wish);
        self.locked.granted(now, wish);
    }
}

impl Lobbies {
    fn door(&mut self, lobby: &str) -> &mut Door {
        &mut self.records.entry(lobby.to_owned()).or_default().door
    }

    /// Somebody has opened a lobby, as it was wished for.
    pub(in crate::sim) fn opened(&mut self, now: Time, lobby: &str, wish: Wish, create: &Value) {
        let door = self.door(lobby);
        door.password.begins(wish, create["password"].as_str().unwrap_or_default().to_owned());
        door.locked.begins(wish, create["locked"] == true);
        door.granted(now, wish);
    }

    /// A member asks for something that may be the host's to decide.
    pub(in crate::sim) fn wishes(
        &mut self,
        story: &Story,
        wish: Wish,
        event: &str,
        payload: &Value,
    ) {
        let door = self.door(&story.lobby);
        match event {
            "settings" => door.wishes(wish, payload),
            "kick" => {
                let kick: Kick = serde_json::from_value(payload.clone()).unwrap_or_default();
                door.seats.extend(kick.seat);
                door.spectators.extend(kick.spectator);
                door.has_bans |= kick.ban.is_some();
            }
            _ => {}
        }
    }

    /// It was done: that member was host.
    pub(in crate::sim) fn granted(
        &mut self,
        now: Time,
        story: &Story,
        wish: Wish,
        event: &str,
    ) -> Check {
        if OF_HOSTS.contains(&event) && (story.seat.is_none() || story.seat != story.fold.host) {
            let what = format!("{event} by {:?}, not {:?}", story.seat, story.fold.host);
            return Err((Invariant::Hosts, what));
        }
        self.door(&story.lobby).granted(now, wish);
        expect_of_audience(story, event)
    }

    /// It was not done.
    pub(in crate::sim) fn denied(&mut self, lobby: &str, wish: Wish) {
        let door = self.door(lobby);
        door.password.refused(wish);
        door.locked.refused(wish);
    }

    /// Somebody is let in by themselves who said this password.
    pub(in crate::sim) fn let_in(&mut self, lobby: &str, wish: Wish, said: &str) -> Check {
        let door = self.door(lobby);
        let origin = wish.client as u64 % N_ORIGINS;
        if door.banned.get(&origin).is_some_and(|since| *since < wish.at) {
            return Err((Invariant::Entrance, format!("{wish:?} is kept out of {lobby}")));
        }
        if !door.password.may_be(wish.at, |right| right.is_empty() || right == said) {
            let what = format!("{wish:?} says {said:?}, not {:?}", door.password);
            return Err((Invariant::Entrance, what));
        }
        if !door.locked.may_be(wish.at, |locked| !locked) {
            return Err((Invariant::Entrance, format!("{lobby} is locked: {:?}", door.locked)));
        }
        Ok(())
    }

    /// Somebody is not let in who named this code or id.
    pub(in crate::sim) fn turned_away(&mut self, wish: Wish, join: &Value, refusal: &str) -> Check {
        let id = match join["code"].as_str() {
            Some(code) => self.ids.get(code).cloned(),
            None => join["id"].as_str().map(str::to_owned),
        };
        let Some(id) = id else { return Ok(()) };
        let said = join["password"].as_str().unwrap_or_default();
        let door = self.door(&id);
        let is_wrong = match refusal {
            code::PASSWORD => {
                door.password.must_be(wish.at, |right| right.is_empty() || right == said)
            }
            code::LOCKED => door.locked.must_be(wish.at, |locked| !locked),
            code::BANNED => !door.has_bans,
            _ => false,
        };
        if is_wrong {
            let what = format!("{wish:?} is refused by {id} with {refusal}: {door:?}");
            return Err((Invariant::Entrance, what));
        }
        Ok(())
    }

    /// A member hears that it was sent away.
    pub(in crate::sim) fn sent_away(
        &mut self,
        now: Time,
        story: &Story,
        client: usize,
        reason: LeaveReason,
    ) -> Check {
        // Whom the matchmaker has seated is known by the account, which nobody has in `/lobby`.
        let is_kept_out = account(client).is_none() || !self.is_reserved(&story.lobby);
        let door = self.door(&story.lobby);
        let is_meant = match story.seat {
            Some(seat) => door.seats.contains(&seat),
            None => door.spectators.contains(&story.name),
        };
        let is_ban = reason == LeaveReason::Banned;
        if !is_meant || is_ban && !door.has_bans {
            return Err((Invariant::Hosts, format!("nobody sent {} away", story.name)));
        }
        if is_ban && is_kept_out {
            door.banned.entry(client as u64 % N_ORIGINS).or_insert(now);
        }
        door.left(now, &story.name);
        Ok(())
    }

    /// True if somebody may have been sent away from this place of a lobby.
    pub(in crate::sim) fn may_be_sent_away(
        &self,
        lobby: &str,
        seat: Option<u8>,
        name: &str,
    ) -> bool {
        self.records.get(lobby).is_some_and(|record| match seat {
            Some(seat) => record.door.seats.contains(&seat),
            None => record.door.spectators.contains(name),
        })
    }

    /// A member has received all that there is: nobody else knows that it is gone.
    pub(super) fn still_there(&self, now: Time, story: &Story) -> Check {
        let record = self.records.get(&story.lobby);
        let since = record.and_then(|record| record.door.gone.get(&story.name));
        if since.is_some_and(|since| now > *since + self.slack) {
            return Err((Invariant::Hosts, format!("{} never heard that it is gone", story.name)));
        }
        Ok(())
    }

    /// Somebody came back to its place, which was asked for at this time.
    pub(in crate::sim) fn came_back(&mut self, lobby: &str, name: &str, asked_at: Time) -> Check {
        match self.door(lobby).gone.get(name).filter(|since| **since < asked_at) {
            Some(_) => Err((Invariant::Tokens, format!("{name} was gone, and is back"))),
            None => Ok(()),
        }
    }

    /// The password of the lobby with this code or id, as its friends tell each other.
    pub(in crate::sim) fn password_of(&self, code: Option<&str>, id: Option<&str>) -> &str {
        let id = code.map_or(id, |code| self.ids.get(code).map(String::as_str));
        let record = id.and_then(|id| self.records.get(id));
        let newest = record.and_then(|record| record.door.password.held.last());
        newest.map_or("", |held| &held.value)
    }
}
