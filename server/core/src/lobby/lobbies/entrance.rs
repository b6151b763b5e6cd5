//! How sockets come into lobbies and out of them: by a new one, a code, an id or a token, or by the
//! key of a request that comes again.
//! What a lobby makes of it is `machine`'s part.

use std::sync::Arc;

use super::*;
use crate::lobby::{blocks::BlockSet, showing::Showing};

/// Who asks to come in: the socket, whose it is, and whom that player has blocked.
pub(super) type Stranger = (Address, Who, Option<BlockSet>);

/// Somebody has come in, or back.
pub(super) struct Came {
    /// What it is answered.
    joined: api::Joined,
    /// The socket that held the place until now.
    before: Option<Address>,
}

impl Came {
    /// The answer; who held the place is told apart.
    pub(super) fn into_joined(self, before: &mut Option<Address>) -> api::Joined {
        *before = self.before;
        self.joined
    }
}

impl From<api::Joined> for Came {
    fn from(joined: api::Joined) -> Self {
        Self { joined, before: None }
    }
}

impl Lobbies {
    /// Makes a lobby; who has made one with this key already is let back in.
    pub(super) fn create_once(
        &mut self,
        now: Now,
        (who, person, blocked): Stranger,
        create: &api::Create,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<Came, Refusal> {
        let comer = Comer::new((who, person, blocked), Showing::new(create.format, create.deltas));
        let token = self.first_token(create.key.as_ref(), &comer.who, None, ids);
        if let Some(token) = token.filter(|token| self.by_token.contains_key(token)) {
            let Came { joined, before } = self.come_back(now, &comer, token, ids, pushes)?;
            return Ok(Came { joined: api::Joined { created: true, ..joined }, before });
        }
        Ok(self.create(now, comer, create, token, ids, pushes)?.into())
    }

    fn create(
        &mut self,
        now: Now,
        comer: Comer,
        create: &api::Create,
        token: Option<ResumeToken>,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        let who = comer.socket;
        self.outside(who)?;
        let mut lobby = self.make(now, create, ids)?;
        let seed = self.random.next_u64();
        let token = token.unwrap_or_else(|| ResumeToken::from_bytes(self.mint(ids)));
        let (name, role) = (create.name.as_str(), api::Role::Player);
        let guest = Guest { name, rename: false, role, colour: create.colour };
        let joined = lobby.enter(now, guest, token, comer, seed, pushes)?;
        let key = self.keep(lobby);
        self.settle_in(now.time, who, key, token);
        Ok(api::Joined { created: true, ..joined })
    }

    /// A lobby as its creator wants it, without a member, which no table knows yet.
    pub(super) fn make(
        &self,
        now: Now,
        create: &api::Create,
        ids: &mut Ids,
    ) -> Result<Lobby, Refusal> {
        if self.lobbies.len() >= self.settings.max_lobbies {
            return Err(Refusal::new(code::LIMIT, "the server holds as many lobbies as it may"));
        }
        let kind = self.settings.games.kind(&create.game).ok_or_else(|| {
            let known: Vec<_> = self.settings.games.names().collect();
            let message = format!("no such game; there are: {}", known.join(", "));
            Refusal::new(code::UNKNOWN_GAME, message)
        })?;
        let config = kind.configure(create.config.as_deref())?;
        let id = LobbyId::from_bytes(self.mint(ids));
        let code = self.free_code(ids)?;
        let settings = Settings::of(create, &*kind)?;
        let identity = Identity {
            id,
            code,
            serial: self.n_made,
            made_ms: now.unix_ms,
            home: (self.neighbours.own, self.lobbies.next_key()),
        };
        let policy = Arc::clone(&self.settings.policy);
        Ok(Lobby::new(identity, kind, config, settings, policy))
    }

    /// A lobby that was just made is found from now on.
    pub(super) fn keep(&mut self, lobby: Lobby) -> LobbyKey {
        let (id, code) = (lobby.id, lobby.code);
        let key = self.lobbies.insert(lobby);
        self.by_code.insert(code, key);
        self.by_id.insert(id, key);
        self.n_made += 1;
        key
    }

    /// An identity that tells this shard.
    pub(super) fn mint(&self, ids: &mut Ids) -> [u8; ID_BYTES] {
        self.neighbours.owners.mint(ids.take(), self.neighbours.own)
    }

    /// A code that leads to this shard and is not taken.
    pub(super) fn free_code(&self, ids: &mut Ids) -> Result<Code, Refusal> {
        let mut random = ids.take();
        for _ in 0..MAX_CODES_TRIED {
            let code = Code::from_bytes(random);
            let is_own = self.neighbours.of_word(code.as_str().as_bytes()) == self.neighbours.own;
            if is_own && !self.by_code.contains_key(&code) {
                return Ok(code);
            }
            let word = random.first_chunk().expect("an identity has 8 bytes");
            let next = Random::new(u64::from_le_bytes(*word)).next_u64();
            random[..8].copy_from_slice(&next.to_le_bytes());
        }
        Err(Refusal::new(code::LIMIT, "no free code was found; try again"))
    }

    /// Lets somebody into a lobby; who has come in with this key already is let back in.
    pub(super) fn join_once(
        &mut self,
        now: Now,
        (who, person, blocked): Stranger,
        join: &api::Join,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<Came, Refusal> {
        let Some(key) = self.find(join) else {
            // Who is in a lobby has not asked for others as often as who is in none may.
            self.outside(who)?;
            return Err(Refusal::new(code::NOT_FOUND, "there is no such lobby"));
        };
        let comer = Comer::new((who, person, blocked), Showing::new(join.format, join.deltas));
        if join.role == api::Role::Audience {
            return Ok(self.attend_once(now, &comer, key, join, pushes)?.into());
        }
        let into = self.lobbies.get(key).map(|lobby| lobby.id);
        let token = self.first_token(join.key.as_ref(), &comer.who, into, ids);
        if let Some(token) = token.filter(|token| self.by_token.contains_key(token)) {
            return self.come_back(now, &comer, token, ids, pushes);
        }
        Ok(self.join(now, comer, (key, token), join, ids, pushes)?.into())
    }

    fn join(
        &mut self,
        now: Now,
        comer: Comer,
        (key, token): (LobbyKey, Option<ResumeToken>),
        join: &api::Join,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        let who = comer.socket;
        self.outside(who)?;
        let token = token.unwrap_or_else(|| ResumeToken::from_bytes(self.mint(ids)));
        let seed = self.random.next_u64();
        let lobby = self.lobbies.get_mut(key).expect("found by the caller");
        let joined = lobby.join(now, join, token, comer, seed, pushes)?;
        self.settle_in(now.time, who, key, token);
        Ok(joined)
    }

    /// By its code, or by its id if it is not private: private ones are told from absent ones by
    /// nobody who has not the code.
    pub(super) fn find(&self, join: &api::Join) -> Option<LobbyKey> {
        if let Some(text) = &join.code {
            return self.by_code.get(&Code::parse(text)?).copied();
        }
        let key = *self.by_id.get(&LobbyId::parse(join.id.as_ref()?)?)?;
        let is_private = self.lobbies.get(key)?.visibility() == Visibility::Private;
        (!is_private).then_some(key)
    }

    pub(super) fn resume(
        &mut self,
        now: Now,
        (who, person, blocked): Stranger,
        is_elsewhere: bool,
        resume: &api::Resume,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<Came, Refusal> {
        let token = ResumeToken::parse(&resume.token).filter(|t| self.by_token.contains_key(t));
        let token = token.ok_or_else(unknown_token)?;
        if is_elsewhere {
            return Err(in_another());
        }
        let comer = Comer::new((who, person, blocked), Showing::new(resume.format, resume.deltas));
        let comer = Comer { seen: resume.version, ..comer };
        self.come_back(now, &comer, token, ids, pushes)
    }

    /// The token that belongs to a request's key, if it has one.
    fn first_token(
        &mut self,
        key: Option<&api::IdempotencyKey>,
        who: &Who,
        into: Option<LobbyId>,
        ids: &mut Ids,
    ) -> Option<ResumeToken> {
        Some(self.first_tokens.of(key?, who, into, &self.neighbours, ids))
    }

    /// Lets somebody back into the place that this token belongs to.
    fn come_back(
        &mut self,
        now: Now,
        comer: &Comer,
        token: ResumeToken,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<Came, Refusal> {
        let (who, unknown) = (comer.socket, unknown_token);
        let key = *self.by_token.get(&token).ok_or_else(unknown)?;
        if self.places.get(&who).is_some_and(|own| *own != key) {
            return Err(in_another());
        }
        let fresh = ResumeToken::from_bytes(self.mint(ids));
        let seed = self.random.next_u64();
        let lobby = self.lobbies.get_mut(key).ok_or_else(unknown)?;
        let holds = |m: &Member| m.token == token || m.previous.as_deref() == Some(&token);
        let at = lobby.members().iter().position(holds).ok_or_else(unknown)?;
        // The token that is shown stays good until the answer with the next one has arrived.
        let member = &lobby.members()[at];
        let is_held = member.socket.is_some_and(|socket| socket != who);
        if is_held && self.settings.policy.second_tab == SecondTab::Refuse {
            let message = "another connection holds this place; close it first";
            return Err(Refusal::new(code::CONNECTED, message));
        }
        let stale: Vec<ResumeToken> = std::iter::once(member.token)
            .chain(member.previous.as_deref().copied())
            .filter(|stale| *stale != token)
            .collect();
        let is_anothers =
            |own: &Arc<str>| comer.who.player.as_ref().is_some_and(|player| player != own);
        if member.who.player.as_ref().is_some_and(is_anothers) {
            return Err(Refusal::new(code::TOKEN, "the token is another player's"));
        }
        let holds_another =
            lobby.members().iter().enumerate().any(|(i, m)| i != at && m.socket == Some(who));
        if holds_another {
            return Err(Refusal::new(code::IN_LOBBY, "you have another place in this lobby"));
        }
        // Who has sat in the audience goes to its own place.
        lobby.unattend(now, who, pushes);
        let (joined, before) = lobby.resume(now, at, (token, fresh), comer, seed, pushes);
        for stale in stale {
            self.by_token.remove(&stale);
        }
        let before = before.filter(|before| *before != who);
        if let Some(before) = &before {
            self.places.remove(before);
        }
        self.settle_in(now.time, who, key, fresh);
        Ok(Came { joined, before })
    }

    pub(super) fn leave(
        &mut self,
        now: Now,
        who: Address,
        pushes: &mut Pushes,
    ) -> Result<Done, Refusal> {
        if self.unattend(now, who, pushes) {
            return Ok(Done {});
        }
        let (key, at) = self.lobby_of(who)?;
        let seed = self.random.next_u64();
        if let Some(lobby) = self.lobbies.get_mut(key) {
            let member = lobby.leave(now, at, LeaveReason::Left, seed, pushes);
            let others = lobby.give_up(&member, pushes);
            forget(&mut self.by_token, &member);
            peers::unseat_peer(&member, pushes);
            others.iter().for_each(|other| self.remove(other, pushes));
        }
        self.places.remove(&who);
        self.tidy(now.time, key);
        Ok(Done {})
    }

    pub(super) fn settle_in(&mut self, now: Time, who: Address, key: LobbyKey, token: ResumeToken) {
        self.by_token.insert(token, key);
        self.places.insert(who, key);
        self.tidy(now, key);
    }

    fn outside(&self, who: Address) -> Result<(), Refusal> {
        expect_outside(&self.places, who)
    }
}

/// Refuses who is in a lobby.
pub(super) fn expect_outside(
    places: &BTreeMap<Address, LobbyKey>,
    who: Address,
) -> Result<(), Refusal> {
    if places.contains_key(&who) {
        return Err(Refusal::new(code::IN_LOBBY, "you are in a lobby; leave it first"));
    }
    Ok(())
}

fn unknown_token() -> Refusal {
    Refusal::new(code::TOKEN, "the token is unknown, used or expired")
}

fn in_another() -> Refusal {
    Refusal::new(code::IN_LOBBY, "you are in another lobby; leave it first")
}
