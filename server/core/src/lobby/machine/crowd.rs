//! The audience of one lobby: thousands without names, of whom is known where their sockets are.
//! What they are told goes to the room of the lobby's id, once for each shard. What they are asked
//! is `polls`' knowledge.
//!
//! They hear what spectators hear but chat, reactions and typing, in versions of their own, which
//! are the same for all of them.

use std::collections::BTreeMap;

use parlor_shared::{
    api::lobby::{AudiencePush, Format},
    socket_io::Frame,
};

use super::*;

/// How often is told how many there are.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// Volatile frames of `/lobby`: how many are in the audience.
const COUNT_KEY: u64 = 5 << 32 | 1;

/// Made with the first who comes, or the first question.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Where each is. Little else is kept of it.
    sockets: BTreeMap<Address, Fan>,
    /// Of those, who wants it in MessagePack.
    n_packed: usize,
    /// How much was told to all of them, beginning with what everybody had been told by then.
    pub(super) version: u64,
    /// When members and audience are told how many they are, as that has changed.
    count_due: Option<Time>,
    pub(super) polls: Polls,
}

/// How one of them is shown the match.
#[derive(Debug, Clone, Copy)]
struct Fan {
    /// When it may ask for a whole state again.
    resync_from: Time,
    showing: Showing,
}

impl Crowd {
    pub(super) fn new(version: u64) -> Self {
        let polls = Polls::default();
        Self { sockets: BTreeMap::new(), n_packed: 0, version, count_due: None, polls }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// When something is to be told.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.count_due.into_iter().chain(self.polls.deadline()).min()
    }

    /// How those who are there are shown the match.
    pub(super) fn formats(&self) -> impl Iterator<Item = Format> {
        let has_json = self.sockets.len() > self.n_packed;
        let json = Some(Format::Json).filter(|_| has_json);
        json.into_iter().chain(Some(Format::Msgpack).filter(|_| self.n_packed > 0))
    }

    fn changed(&mut self, now: Time) {
        self.count_due.get_or_insert(now + COUNT_INTERVAL);
    }
}

impl Lobby {
    /// How many are in the audience.
    pub(in crate::lobby) fn n_audience(&self) -> usize {
        self.crowd.as_ref().map_or(0, |crowd| crowd.sockets.len())
    }

    /// True if this socket is one of them.
    pub(in crate::lobby) fn has_in_audience(&self, socket: Address) -> bool {
        self.crowd.as_ref().is_some_and(|crowd| crowd.sockets.contains_key(&socket))
    }

    /// Lets somebody into the audience, who says no name. There are at most so many.
    pub(in crate::lobby) fn attend(
        &mut self,
        now: Now,
        comer: &Comer,
        max_audience: usize,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        if self.n_audience() >= max_audience {
            return Err(Refusal::new(code::FULL, "no more fit into the audience"));
        }
        let version = self.version;
        let crowd = self.crowd.get_or_insert_with(|| Box::new(Crowd::new(version)));
        crowd.sockets.insert(comer.socket, Fan { resync_from: now.time, showing: comer.showing });
        crowd.n_packed += usize::from(!comer.showing.format().is_json());
        crowd.changed(now.time);
        pushes.push(LobbyEffect::Room(comer.socket, self.id, true));
        Ok(self.show_fan(now, comer.socket, pushes))
    }

    /// Answers once more one who is in the audience.
    pub(in crate::lobby) fn attend_again(
        &mut self,
        now: Now,
        socket: Address,
        pushes: &mut Pushes,
    ) -> api::Joined {
        pushes.push(LobbyEffect::Unwatch(socket));
        self.show_fan(now, socket, pushes)
    }

    /// Shows one of the audience what there is.
    fn show_fan(&mut self, now: Now, socket: Address, pushes: &mut Pushes) -> api::Joined {
        let crowd = self.crowd.as_ref();
        let fan = crowd.and_then(|crowd| Some((crowd.version, *crowd.sockets.get(&socket)?)));
        let (version, fan) = fan.expect("it is there");
        self.watch((socket, fan.showing), Place::Audience, pushes);
        let lobby = api::Lobby { version, ..self.snapshot(now, Place::Audience) };
        self.end_if_crashed(pushes);
        api::Joined { lobby, seat: None, token: String::new(), missed: None, created: false }
    }

    /// Lets one go; its vote goes with it, unless it is a player's. False if it was not there.
    pub(in crate::lobby) fn unattend(
        &mut self,
        now: Now,
        socket: Address,
        pushes: &mut Pushes,
    ) -> bool {
        let Some(crowd) = &mut self.crowd else { return false };
        let Some(fan) = crowd.sockets.remove(&socket) else { return false };
        crowd.n_packed -= usize::from(!fan.showing.format().is_json());
        crowd.changed(now.time);
        pushes.push(LobbyEffect::Unwatch(socket));
        if !fault::is_planted(Fault::AudienceLeftHears) {
            pushes.push(LobbyEffect::Room(socket, self.id, false));
        }
        self.forget_vote(now, socket);
        true
    }

    /// The audience of a lobby that is no more.
    pub(in crate::lobby) fn take_audience(&mut self) -> Vec<Address> {
        self.crowd.take().map_or_else(Vec::new, |crowd| crowd.sockets.into_keys().collect())
    }

    /// Tells how many there are, if that is due.
    pub(super) fn tell_of_crowd(&mut self, now: Now, pushes: &mut Pushes) {
        let Some(crowd) = &mut self.crowd else { return };
        if crowd.count_due.take_if(|due| *due <= now.time).is_none() {
            return;
        }
        let count = crowd.sockets.len() as u32;
        // Numbers of questions are not used again.
        if count == 0 && crowd.polls.n_asked == 0 {
            self.crowd = None;
        }
        let frame = event(push::AUDIENCE, &AudiencePush { count });
        self.to_everybody(&frame, Delivery::Volatile { key: COUNT_KEY }, pushes);
    }

    /// One of the audience has lost what deltas build on.
    pub(in crate::lobby) fn resync_fan(
        &mut self,
        now: Now,
        socket: Address,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let fan = self.crowd.as_mut().and_then(|crowd| crowd.sockets.get_mut(&socket));
        match fan.filter(|fan| fan.resync_from <= now.time) {
            Some(fan) => fan.resync_from = now.time + COUNT_INTERVAL,
            None => return Err(Refusal::new(code::RATE, "too many resyncs; wait a moment")),
        }
        pushes.push(LobbyEffect::Resync(socket));
        Ok(api::Done {})
    }

    /// Shows all of them the match, which has just come to be.
    pub(super) fn show_audience(&self, pushes: &mut Pushes) {
        for (socket, fan) in self.crowd.iter().flat_map(|crowd| &crowd.sockets) {
            self.watch((*socket, fan.showing), Place::Audience, pushes);
        }
    }

    /// There is no match to be shown to them any more.
    pub(super) fn hide_from_audience(&self, pushes: &mut Pushes) {
        let sockets = self.crowd.iter().flat_map(|crowd| crowd.sockets.keys());
        pushes.extend(sockets.copied().map(LobbyEffect::Unwatch));
    }

    pub(super) fn to_everybody(&self, frame: &Frame, delivery: Delivery, pushes: &mut Pushes) {
        self.to_members(frame, delivery, (None, None), pushes);
        self.to_audience(frame, delivery, pushes);
    }

    /// One broadcast for each shard, however many there are.
    pub(super) fn to_audience(&self, frame: &Frame, delivery: Delivery, pushes: &mut Pushes) {
        if self.n_audience() > 0 {
            pushes.push(LobbyEffect::Broadcast(self.id, frame.clone(), delivery));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_in_the_audience_costs_64_bytes_at_most_in_its_lobby() {
        // In a tree of which each node is half full at least.
        assert!(2 * size_of::<(Address, Fan)>() <= 64);
    }
}
