//! Who is sent away by the host, and kept out.

use super::*;
use parlor_shared::api::lobby::{Ban, Kick, Kicked};

/// So many are kept out of one lobby; with one more, the first of them may come again.
pub const MAX_BANS: usize = 64;

/// Somebody who is kept out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Banned {
    Player(Arc<str>),
    Address(crate::key::Origin),
}

impl Banned {
    fn of(who: &Who, ban: Ban) -> Self {
        match (ban, &who.player) {
            (Ban::Player, Some(player)) => Self::Player(Arc::clone(player)),
            (Ban::Player, None) | (Ban::Address, _) => Self::Address(who.address),
        }
    }

    fn is(&self, who: &Who) -> bool {
        match self {
            Self::Player(player) => who.player.as_ref() == Some(player),
            Self::Address(address) => who.address == *address,
        }
    }
}

impl Lobby {
    /// The host sends somebody away, who hears of it, or a bot.
    pub(in crate::lobby) fn kick(
        &mut self,
        now: Now,
        at: usize,
        kick: &Kick,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<Option<Member>, Refusal> {
        self.expect_host(at, "send somebody away")?;
        if kick.seat.is_some() == kick.spectator.is_some() {
            let message = "say either the seat or the spectator's name";
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        if kick.seat.is_some() {
            self.expect_unbooked()?;
        }
        if let Some(seat) = kick.seat.filter(|seat| self.is_bot(*seat)) {
            if kick.ban.is_some() {
                return Err(Refusal::new(code::BAD_REQUEST, "a bot cannot be kept out"));
            }
            self.kick_bot(now, seat, seed, pushes);
            return Ok(None);
        }
        let is_meant = |member: &Member| match member.place {
            Place::Seat(seat) => kick.seat == Some(seat),
            Place::Spectator | Place::Audience => kick.spectator.as_deref() == Some(&*member.name),
        };
        let meant = self.members.iter().position(is_meant).filter(|meant| *meant != at);
        let nobody = || Refusal::new(code::SEAT, "nobody else is there");
        let meant = meant.ok_or_else(nobody)?;
        let reason = match kick.ban {
            Some(ban) => {
                let banned = Banned::of(&self.members[meant].who, ban);
                let bans = &mut self.rare.get_or_insert_default().bans;
                bans.retain(|known| *known != banned);
                if bans.len() >= MAX_BANS {
                    bans.remove(0);
                }
                bans.push(banned);
                LeaveReason::Banned
            }
            None => LeaveReason::Kicked,
        };
        let socket = self.members[meant].socket;
        let socket = socket.filter(|_| !fault::is_planted(Fault::KickedUnheard));
        let frame = event(push::KICKED, &Kicked { reason });
        pushes.extend(socket.map(|socket| LobbyEffect::Push(socket, frame, Delivery::Reliable)));
        Ok(Some(self.leave(now, meant, reason, seed, pushes)))
    }

    /// Whom a member's player has blocked now.
    pub(in crate::lobby) fn block(&mut self, now: Now, at: usize, blocked: &BlockSet) {
        self.members[at].block(now.time, blocked);
    }

    /// Whom a member wants to block, and what they are called.
    pub(in crate::lobby) fn meant(
        &self,
        at: usize,
        block: &api::Block,
    ) -> Result<(Arc<str>, Box<str>), Refusal> {
        let is_meant = |member: &Member| match (member.place, block) {
            (Place::Seat(seat), api::Block::Seat(meant)) => seat == *meant,
            (Place::Spectator, api::Block::Spectator(name)) => *member.name == **name,
            _ => false,
        };
        let meant = self.members.iter().position(is_meant).filter(|meant| *meant != at);
        let nobody = || Refusal::new(code::SEAT, "nobody else is there");
        let member = &self.members[meant.ok_or_else(nobody)?];
        let sentence = "only who has an account, or a guest's token, can be blocked";
        let without = || Refusal::new(code::FORBIDDEN, sentence);
        Ok((member.who.player.clone().ok_or_else(without)?, member.name.clone()))
    }

    /// Refuses who is kept out.
    pub(super) fn expect_not_banned(&self, who: &Who) -> Result<(), Refusal> {
        let bans = self.rare.iter().flat_map(|rare| &rare.bans);
        let is_kept_out = bans.into_iter().any(|banned| banned.is(who));
        if is_kept_out && !fault::is_planted(Fault::BanForgotten) {
            return Err(Refusal::new(code::BANNED, "the host of this lobby keeps you out"));
        }
        Ok(())
    }
}
