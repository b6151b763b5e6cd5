//! Lobbies whose seats the matchmaker gives away: each is made when there are identities enough for
//! it and its tokens, so that however many are wanted at once, other inputs have theirs.
//! What becomes of one is `machine`'s part.

use std::collections::BTreeSet;

use super::*;
use crate::{
    assignment::{Assigned, MAX_RESERVED_SEATS, Reservation},
    ids::MAX_IDS_PER_INPUT,
};

/// A reservation, and the shard that wants it.
pub(super) type Wanted = (ShardId, Box<Reservation>);

impl Lobbies {
    /// Identities that the next lobby that is reserved needs, beside those that any input may use
    /// up: the stock must have them. 0 if there is none.
    pub fn n_ids_wanted(&self) -> usize {
        self.reserved.front().map_or(0, n_ids)
    }

    /// Makes those that there are identities for, in the order in which they were wanted.
    pub(super) fn open_reserved(
        &mut self,
        now: Now,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        while self.n_ids_wanted() + MAX_IDS_PER_INPUT <= ids.n_left()
            && let Some((to, reservation)) = self.reserved.pop_front()
        {
            let number = reservation.number;
            let opened = self.open(now, to, *reservation, ids);
            let refused = |refusal| Assigned::Refused { number, refusal };
            effects.push(LobbyEffect::Assigned(to, opened.unwrap_or_else(refused)));
        }
    }

    fn open(
        &mut self,
        now: Now,
        to: ShardId,
        mut reservation: Reservation,
        ids: &mut Ids,
    ) -> Result<Assigned, Refusal> {
        let create = api::Create {
            game: reservation.game.to_string(),
            config: reservation.config.take(),
            capacity: Some(check(&reservation)?),
            visibility: Visibility::Unlisted,
            ..api::Create::default()
        };
        let mut lobby = self.make(now, &create, ids)?;
        if reservation.n_bots > 0 {
            lobby.expect_bots()?;
        }
        let seats = &reservation.seats;
        let tokens: Vec<_> =
            seats.iter().map(|_| ResumeToken::from_bytes(self.mint(ids))).collect();
        let (number, id, code) = (reservation.number, lobby.id, lobby.code);
        lobby.book(now, to, reservation, &tokens);
        let key = self.keep(lobby);
        self.by_token.extend(tokens.iter().map(|token| (*token, key)));
        self.tidy(now.time, key);
        Ok(Assigned::Opened { number, lobby: id, code: code.as_str().into(), tokens })
    }
}

fn n_ids((_, reservation): &Wanted) -> usize {
    // Its own, and its code's.
    2 + reservation.seats.len().min(MAX_RESERVED_SEATS)
}

/// How many seats there are in all, if each of them is somebody else's.
fn check(reservation: &Reservation) -> Result<u8, Refusal> {
    let Reservation { seats, n_bots, .. } = reservation;
    let refuse = |message: &str| Err(Refusal::new(code::BAD_REQUEST, message));
    if seats.is_empty() || seats.len() > MAX_RESERVED_SEATS {
        return refuse(&format!("seats are reserved for 1 to {MAX_RESERVED_SEATS} players"));
    }
    let Ok(capacity) = u8::try_from(seats.len() + usize::from(*n_bots)) else {
        return refuse("no lobby has so many seats");
    };
    let numbers: BTreeSet<u8> = seats.iter().map(|reserved| reserved.seat).collect();
    if numbers.len() < seats.len() || numbers.last().is_none_or(|last| *last >= capacity) {
        return refuse("each player has another seat, below the number of all");
    }
    let accounts = || seats.iter().filter_map(|reserved| reserved.player.as_ref());
    if accounts().collect::<BTreeSet<_>>().len() < accounts().count() {
        return refuse("a player has one seat in a lobby");
    }
    Ok(capacity)
}
