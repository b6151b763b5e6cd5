//! How a lobby is run: who may come in, how many, in which colours, and who decides that.

use super::{bots::expect_bots, *};
use crate::lobby::name::is_plain;
use parlor_shared::api::{
    lobby::{Colour, Metadata, Scalar, Terms},
    signal::Links,
};

/// Longest password.
pub const MAX_PASSWORD_CODE_POINTS: usize = 64;
/// Its bytes.
const MAX_PASSWORD_BYTES: usize = 4 * MAX_PASSWORD_CODE_POINTS;

/// How often a host may change something: all members are told each time.
pub(super) const SETTINGS_RATE: Rate = Rate { burst: 10, every: Duration::from_millis(500) };

/// What the creator chose and the host may change.
#[derive(Debug)]
pub(in crate::lobby) struct Settings {
    pub(super) visibility: Visibility,
    password: Option<Box<str>>,
    pub(super) capacity: u8,
    pub(super) max_spectators: u8,
    locked: bool,
    /// Bots take what is free when a match begins.
    pub(super) fill: bool,
    pub(super) metadata: Metadata,
    pub(super) start: StartRule,
    /// How its peers are linked, if its creator said so.
    pub(super) links: Option<Links>,
}

impl Settings {
    /// What the creator of a lobby of this kind chose.
    ///
    /// # Errors
    /// If it makes no sense.
    pub(in crate::lobby) fn of(create: &api::Create, kind: &dyn Kind) -> Result<Self, Refusal> {
        let mut settings = Self {
            visibility: create.visibility,
            password: None,
            capacity: *kind.seats().end(),
            max_spectators: MAX_SPECTATORS as u8,
            locked: create.locked,
            fill: false,
            metadata: Metadata::default(),
            start: create.start,
            links: create.links,
        };
        let chosen = api::Settings {
            password: create.password.clone(),
            capacity: create.capacity,
            max_spectators: create.max_spectators,
            fill: Some(create.fill),
            metadata: Some(create.metadata.clone()),
            ..api::Settings::default()
        };
        settings.change(&chosen, kind, 0)?;
        Ok(settings)
    }

    /// Takes over what was chosen, all or nothing, where so many seats are taken.
    fn change(
        &mut self,
        chosen: &api::Settings,
        kind: &dyn Kind,
        n_seated: usize,
    ) -> Result<(), Refusal> {
        if let Some(capacity) = chosen.capacity {
            let (least, most) = (*kind.seats().start(), *kind.seats().end());
            let least = least.max(u8::try_from(n_seated).unwrap_or(u8::MAX)).max(1);
            if !(least..=most).contains(&capacity) {
                let message = format!("a lobby of this game now has {least} to {most} seats");
                return Err(Refusal::new(code::BAD_REQUEST, message));
            }
        }
        if chosen.max_spectators.is_some_and(|n| usize::from(n) > MAX_SPECTATORS) {
            let message = format!("at most {MAX_SPECTATORS} spectators may watch");
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        let n_code_points = chosen.password.as_ref().map_or(0, |text| text.chars().count());
        if n_code_points > MAX_PASSWORD_CODE_POINTS {
            let message = format!("a password has 1 to {MAX_PASSWORD_CODE_POINTS} characters");
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        if chosen.fill == Some(true) {
            expect_bots(kind)?;
        }
        if chosen.metadata.as_ref().is_some_and(turns_text_around) {
            let message = "metadata has no marks that turn the text around them";
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        if let Some(password) = &chosen.password {
            self.password = Some(password.as_str().into()).filter(|_| !password.is_empty());
        }
        self.visibility = chosen.visibility.unwrap_or(self.visibility);
        self.capacity = chosen.capacity.unwrap_or(self.capacity);
        self.max_spectators = chosen.max_spectators.unwrap_or(self.max_spectators);
        self.fill = chosen.fill.unwrap_or(self.fill);
        self.locked = chosen.locked.unwrap_or(self.locked);
        if let Some(metadata) = &chosen.metadata {
            self.metadata = metadata.clone();
        }
        self.start = chosen.start.unwrap_or(self.start);
        Ok(())
    }

    /// Lets somebody in who knows the password, if the lobby lets anybody in.
    pub(super) fn admit(&self, password: Option<&str>) -> Result<(), Refusal> {
        let is_right = match (&self.password, password) {
            _ if fault::is_planted(Fault::PasswordNotAsked) => true,
            (None, _) => true,
            (Some(_), None) => {
                return Err(Refusal::new(code::PASSWORD, "this lobby asks for a password"));
            }
            (Some(right), Some(said)) => is_same(right, said),
        };
        if !is_right {
            return Err(Refusal::new(code::PASSWORD, "this is not the lobby's password"));
        }
        if self.locked && !fault::is_planted(Fault::LockIgnored) {
            return Err(Refusal::new(code::LOCKED, "the lobby is locked"));
        }
        Ok(())
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            visibility: self.visibility,
            password: self.password.is_some(),
            capacity: self.capacity,
            max_spectators: self.max_spectators,
            locked: self.locked,
            fill: self.fill,
            metadata: self.metadata.clone(),
            start: self.start,
        }
    }
}

/// True if one of its names or texts would have others shown in another order.
fn turns_text_around(metadata: &Metadata) -> bool {
    metadata.iter().any(|(name, value)| match value {
        Scalar::Text(text) => !is_plain(name, false) || !is_plain(text, false),
        Scalar::Flag(_) | Scalar::Number(_) => !is_plain(name, false),
    })
}

/// Compares in a time that tells nothing of either: all that a password can be long is looked at.
fn is_same(right: &str, said: &str) -> bool {
    let (right, said) = (right.as_bytes(), said.as_bytes());
    let at = |text: &[u8], i: usize| text.get(i).copied().unwrap_or_default();
    let differing = (0..MAX_PASSWORD_BYTES).fold(0, |all, i| all | (at(right, i) ^ at(said, i)));
    (differing == 0) & (right.len() == said.len())
}

impl Lobby {
    pub(in crate::lobby) fn visibility(&self) -> Visibility {
        self.settings.visibility
    }

    /// The host changes how the lobby is run.
    pub(in crate::lobby) fn set(
        &mut self,
        now: Now,
        at: usize,
        chosen: &api::Settings,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        self.expect_host(at, "change the settings")?;
        if !self.members[at].spent(now.time).settings.take(now.time, SETTINGS_RATE) {
            return Err(Refusal::new(code::RATE, "too many changes; wait a moment"));
        }
        let is_busy = matches!(self.phase, Phase::Starting | Phase::Playing) || self.is_waiting();
        let is_cast = chosen.capacity.is_some() || chosen.start.is_some() || chosen.fill.is_some();
        if is_busy && is_cast {
            return Err(Refusal::new(code::PHASE, "not while a match is on, or starting"));
        }
        let before = self.settings.terms();
        let n_seated = self.seated().count();
        self.settings.change(chosen, &*self.kind, n_seated)?;
        let terms = self.settings.terms();
        let fills = terms.start != before.start && terms.start == StartRule::Full;
        // Another password in place of one is nobody's business.
        if terms != before {
            self.push(Change::Settings(terms), pushes);
        }
        self.fit_bots(pushes);
        if fills {
            self.count_all_ready(pushes);
        }
        self.settle_start(now, seed, pushes);
        Ok(api::Done {})
    }

    /// Who takes a seat of a lobby that begins when it is full is ready; so are those, before its
    /// first match, who sit there when it becomes one.
    fn count_all_ready(&mut self, pushes: &mut Pushes) {
        if self.phase != Phase::Open || self.n_matches > 0 {
            return;
        }
        for at in 0..self.members.len() {
            if let (Some(seat), Some(_)) = (self.members[at].place.seat(), self.members[at].socket)
            {
                self.set_ready(at, seat, true, pushes);
            }
        }
    }

    /// The host makes another seat host.
    pub(in crate::lobby) fn hand_over(
        &mut self,
        now: Now,
        at: usize,
        seat: u8,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        self.expect_host(at, "hand the lobby over")?;
        let next = self.seated().find(|member| member.place == Place::Seat(seat));
        if next.is_none_or(|next| next.socket.is_none()) {
            let message = "nobody who is connected sits in this seat";
            return Err(Refusal::new(code::SEAT, message));
        }
        let leads = self.lead(Some(seat), None, pushes);
        self.tell_host(now, leads, pushes);
        Ok(api::Done {})
    }

    /// A seat chooses another colour.
    pub(in crate::lobby) fn paint(
        &mut self,
        at: usize,
        colour: Colour,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        if self.members[at].colour == Some(colour) {
            return Ok(api::Done {});
        }
        if self.free_colour(Some(colour)) != Some(colour) {
            return Err(Refusal::new(code::COLOUR, "another seat has this colour"));
        }
        self.members[at].colour = Some(colour);
        self.push(Change::Colour { seat, colour }, pushes);
        Ok(api::Done {})
    }

    /// The colour that was wished for if it is free, else the first that is.
    pub(super) fn free_colour(&self, wish: Option<Colour>) -> Option<Colour> {
        let is_free = |colour: &Colour| {
            self.members.iter().all(|member| member.colour != Some(*colour))
                && self.bots.iter().all(|bot| bot.colour != Some(*colour))
        };
        wish.into_iter().chain(Colour::ALL).find(is_free)
    }

    /// Refuses who is not host.
    pub(super) fn expect_host(&self, at: usize, what: &str) -> Result<u8, Refusal> {
        let is_host = |seat: &u8| self.host == Some(*seat) || fault::is_planted(Fault::OthersLead);
        let seat = self.members[at].place.seat().filter(is_host);
        seat.ok_or_else(|| Refusal::new(code::FORBIDDEN, format!("only the host may {what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_the_same_or_not() {
        let longest = "ä".repeat(MAX_PASSWORD_CODE_POINTS);
        for (right, said) in [("a", "b"), ("a", "a\0"), ("a\0", "a"), ("ab", "a"), ("a", "")] {
            assert!(!is_same(right, said), "{right:?} {said:?}");
        }
        assert!(!is_same(&longest, &format!("{longest}x")));
        assert!(is_same(&longest, &longest) && is_same("a", "a"));
    }
}
