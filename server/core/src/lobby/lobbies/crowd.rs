//! Those who come to watch a lobby without a place in it: into its audience, out of it, and out of
//! a lobby that is no more. What they see and say there is `machine`'s part.

use super::{entrance::expect_outside, *};

/// The audience of a lobby that is no more, which is yet to be told.
pub(super) type Dismissed = (LobbyId, Vec<Address>);

impl Lobbies {
    /// The lobby in whose audience this socket is.
    pub(super) fn attended(&self, who: Address) -> Option<LobbyKey> {
        let key = *self.places.get(&who)?;
        self.lobbies.get(key)?.has_in_audience(who).then_some(key)
    }

    /// Lets a socket into the audience of a lobby; one that is there already is answered again if
    /// it says by a key that it may have missed the answer.
    pub(super) fn attend_once(
        &mut self,
        now: Now,
        comer: &Comer,
        key: LobbyKey,
        join: &api::Join,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        let is_there = join.key.is_some() && self.attended(comer.socket) == Some(key);
        let lobby = self.lobbies.get_mut(key).expect("found by the caller");
        if is_there {
            return Ok(lobby.attend_again(now, comer.socket, pushes));
        }
        expect_outside(&self.places, comer.socket)?;
        lobby.admits(&comer.who, join)?;
        let joined = lobby.attend(now, comer, self.settings.max_audience, pushes)?;
        self.places.insert(comer.socket, key);
        self.tidy(now.time, key);
        Ok(joined)
    }

    /// Takes a socket out of the audience it is in; false if it is in none.
    pub(super) fn unattend(&mut self, now: Now, who: Address, pushes: &mut Pushes) -> bool {
        let Some(key) = self.attended(who) else { return false };
        if let Some(lobby) = self.lobbies.get_mut(key) {
            lobby.unattend(now, who, pushes);
        }
        self.places.remove(&who);
        self.tidy(now.time, key);
        true
    }

    /// A request of somebody in the audience.
    pub(super) fn in_audience(
        &mut self,
        now: Now,
        key: LobbyKey,
        (who, person): (Address, &Who),
        request: &Request,
        ack: Option<u64>,
        pushes: &mut Pushes,
    ) -> Option<Frame> {
        let most = self.settings.max_audience;
        let lobby = self.lobbies.get_mut(key).expect("it was there just now");
        let done = match request {
            Request::Vote(vote) => lobby.vote(now, (who, person), vote.option, most),
            Request::Resync => lobby.resync_fan(now, who, pushes),
            _ => Err(Refusal::new(code::FORBIDDEN, "the audience cannot do this")),
        };
        self.tidy(now.time, key);
        answer_frame(ack, done)
    }

    /// A lobby is no more: nobody is in its audience.
    pub(super) fn dismiss(&mut self, lobby: &mut Lobby) {
        let audience = lobby.take_audience();
        for who in &audience {
            self.places.remove(who);
        }
        if !audience.is_empty() {
            self.dismissed.push((lobby.id, audience));
        }
    }

    /// Tells those whose lobby is no more: one message for each shard.
    pub(super) fn tell_dismissed(
        &mut self,
        now: Now,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        for (room, audience) in std::mem::take(&mut self.dismissed) {
            let mut by_shard: BTreeMap<ShardId, Vec<SocketKey>> = BTreeMap::new();
            for who in audience {
                effects.push(LobbyEffect::Unwatch(who));
                by_shard.entry(who.shard).or_default().push(who.socket);
            }
            for (shard, sockets) in by_shard {
                let message = LobbyMessage::Dismissed(room, sockets);
                self.tell(now, shard, message, ids, effects);
            }
        }
    }

    /// These sockets were in the audience of a lobby that is no more.
    pub(super) fn dismissed(
        &mut self,
        from: ShardId,
        room: LobbyId,
        sockets: Vec<SocketKey>,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let closed = event(api::push::CLOSED, &api::Closed { reason: api::ClosedReason::Deserted });
        for socket in sockets {
            self.visitors.evicted(from, socket);
            let who = self.own(socket);
            effects.push(LobbyEffect::Room(who, room, false));
            effects.push(LobbyEffect::Push(who, closed.clone(), Delivery::Reliable));
        }
    }
}
