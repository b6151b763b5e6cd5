//! A chess player that moves at random: from an open lobby to the result of the match.
//! What is legal is the server's knowledge; this picks from what the view offers.

use std::time::{Duration, Instant};

use parlor_shared::api::{
    chess::{Action, Event, GAME, Side, View},
    code,
    lobby::{Change, Create, Join, Outcome, Phase, Visibility},
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    Random,
    lobby::{LobbyError, LobbySocket, Push, Story},
};

/// What a player waits that has moved faster than the server lets a seat.
const BREATH: Duration = Duration::from_millis(100);

/// How a player takes its time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// Between being on move and moving.
    pub delay: Duration,
    /// How long nothing at all may happen; `None` waits as long as the server is there.
    pub patience: Option<Duration>,
}

/// A player in a lobby.
#[derive(Debug)]
pub struct Player {
    socket: LobbySocket,
    random: Random,
    pace: Pace,
    /// What the newest state says.
    view: Option<View>,
    /// Of the newest state.
    turn: u64,
    /// Of the last action that the server accepted from us.
    acted: u64,
    n_plies: u32,
}

/// What is worth showing while a match is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene<'s> {
    /// The match has begun.
    Began {
        /// Name of the player who moves first.
        white: &'s str,
        /// Name of the other.
        black: &'s str,
    },
    /// A piece moved.
    Moved {
        /// Whose.
        side: Side,
        /// In SAN.
        san: &'s str,
        /// Half-moves so far, this one included.
        ply: u32,
    },
}

/// How a match ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// Name of the winner, and which side it was; `None` for a draw.
    pub winner: Option<(String, Option<Side>)>,
    /// The game's word for it, such as `checkmate`.
    pub reason: String,
    /// Half-moves in all.
    pub n_plies: u32,
}

/// Why a match was not played to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The lobby or the connection failed.
    #[error(transparent)]
    Lobby(#[from] LobbyError),
    /// The lobby is for another game.
    #[error("this lobby is for the game `{0}`, and I can only play chess")]
    NotChess(String),
    /// A view or an event of the game is not what `shared::api` says it is.
    #[error("the match cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Nothing has happened for longer than [`Pace::patience`].
    #[error("nothing has happened for {} s", .0.as_secs())]
    Patience(Duration),
}

impl Player {
    /// Opens a lobby and waits in it for an opponent.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn create(
        mut socket: LobbySocket,
        name: &str,
        visibility: Visibility,
        random: Random,
        pace: Pace,
    ) -> Result<Self, PlayError> {
        let (game, name) = (GAME.to_owned(), name.to_owned());
        socket.create(&Create { game, visibility, name, deltas: true, ..Create::default() })?;
        Ok(Self::new(socket, random, pace))
    }

    /// Opens a lobby in which a bot of the server's takes the other seat as the match begins, which
    /// is at once.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn against_bot(
        mut socket: LobbySocket,
        name: &str,
        random: Random,
        pace: Pace,
    ) -> Result<Self, PlayError> {
        let (game, name) = (GAME.to_owned(), name.to_owned());
        socket.create(&Create { game, name, fill: true, deltas: true, ..Create::default() })?;
        Ok(Self::new(socket, random, pace))
    }

    /// Joins a lobby and is ready at once.
    ///
    /// # Errors
    /// If the server refuses or does not answer, or the lobby is for another game.
    pub fn join(
        mut socket: LobbySocket,
        name: &str,
        code: &str,
        random: Random,
        pace: Pace,
    ) -> Result<Self, PlayError> {
        let (code, name) = (Some(code.to_owned()), name.to_owned());
        let join = Join { code, name, deltas: true, ..Join::default() };
        let lobby = socket.join(&join)?.lobby();
        if lobby.game != GAME {
            return Err(PlayError::NotChess(lobby.game.clone()));
        }
        match lobby.phase {
            Phase::Open => socket.ready(true)?,
            Phase::Finished => socket.rematch()?,
            Phase::Starting | Phase::Playing => {}
        }
        Ok(Self::new(socket, random, pace))
    }

    fn new(socket: LobbySocket, random: Random, pace: Pace) -> Self {
        Self { socket, random, pace, view: None, turn: 0, acted: 0, n_plies: 0 }
    }

    /// The code that an opponent joins with.
    pub fn code(&self) -> &str {
        &self.story().lobby().code
    }

    /// Plays one match to its end, as soon as there is an opponent, and leaves.
    ///
    /// # Errors
    /// If the match could not be played to its end.
    pub fn play(mut self, show: &mut dyn FnMut(Scene<'_>)) -> Result<Finish, PlayError> {
        self.gather(show)?;
        let outcome = self.move_on(show)?;
        let finish = self.finish(outcome);
        // The result stands, whatever becomes of the farewell.
        let _ = self.socket.leave().and_then(|()| self.socket.close());
        Ok(finish)
    }

    /// Waits for the match to begin; begins it as host.
    fn gather(&mut self, show: &mut dyn FnMut(Scene<'_>)) -> Result<(), PlayError> {
        while self.story().lobby().phase != Phase::Playing {
            if self.may_start() {
                match self.socket.start() {
                    // Somebody left or dropped at this moment, or it begins: the news is under way.
                    Err(LobbyError::Refused(no))
                        if matches!(no.code.as_str(), code::NOT_READY | code::PHASE) => {}
                    started => started?,
                }
            }
            self.wait(None, show)?;
        }
        Ok(())
    }

    /// The host may, once enough seats are taken and everybody else is ready.
    fn may_start(&self) -> bool {
        let (lobby, own) = (self.story().lobby(), self.story().seat());
        lobby.phase == Phase::Open
            && lobby.host == own
            && (lobby.fill || lobby.seats.len() >= usize::from(lobby.needed))
            && lobby.seats.iter().all(|seat| seat.ready || Some(seat.seat) == own)
    }

    /// Moves whenever it is on move, until the match has ended.
    fn move_on(&mut self, show: &mut dyn FnMut(Scene<'_>)) -> Result<Outcome, PlayError> {
        let mut due = None;
        loop {
            let now = Instant::now();
            let is_due = match self.is_on_move() {
                true => *due.get_or_insert(now + self.pace.delay) <= now,
                false => false,
            };
            if is_due {
                due = if self.act()? { None } else { Some(now + BREATH) };
            } else if let Some(outcome) = self.wait(due, show)? {
                return Ok(outcome);
            }
        }
    }

    /// The newest state offers moves, and is not older than the last move of our own.
    fn is_on_move(&self) -> bool {
        self.turn >= self.acted && self.view.as_ref().is_some_and(|view| !view.legal.is_empty())
    }

    /// Whether that is done; it was too early otherwise.
    fn act(&mut self) -> Result<bool, PlayError> {
        let legal = self.view.as_ref().map(|view| view.legal.as_slice()).unwrap_or_default();
        let Some(text) = self.random.pick(legal).cloned() else { return Ok(true) };
        match self.socket.action(&Action::Move { text }) {
            Ok(turn) => self.acted = turn,
            Err(LobbyError::Refused(no)) if no.code == code::RATE => return Ok(false),
            // The opponent resigned or was given up; the news is on its way.
            Err(LobbyError::Refused(no)) if no.code == code::MATCH_OVER => self.view = None,
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Takes in one push, or none if `until` comes first; the outcome if it ended the match.
    fn wait(
        &mut self,
        until: Option<Instant>,
        show: &mut dyn FnMut(Scene<'_>),
    ) -> Result<Option<Outcome>, PlayError> {
        let patience = self.pace.patience.map(|patience| Instant::now() + patience);
        match self.socket.next_push(until.or(patience))? {
            Some(Push::Changed(Change::Finished { outcome })) => return Ok(Some(outcome)),
            Some(Push::State) => self.look(show)?,
            Some(Push::Event { event, .. }) => self.happened(&event, show)?,
            Some(Push::Changed(_) | Push::Typing(_) | Push::Behind) => {}
            Some(Push::Listing | Push::Nothing) => {}
            None if until.is_some() => {}
            None => return Err(PlayError::Patience(self.pace.patience.unwrap_or_default())),
        }
        Ok(None)
    }

    /// Reads the newest state.
    fn look(&mut self, show: &mut dyn FnMut(Scene<'_>)) -> Result<(), PlayError> {
        let Some(state) = self.story().state() else { return Ok(()) };
        // A game that crashed shows `null`.
        let (view, turn): (Option<View>, u64) = (read(&state.view)?, state.turn);
        if let (None, Some(view)) = (&self.view, &view) {
            let (white, black) = (self.name(view.white), self.name(view.black));
            if turn == 0 {
                show(Scene::Began { white: &white, black: &black });
            }
        }
        (self.view, self.turn) = (view, turn);
        Ok(())
    }

    fn happened(
        &mut self,
        event: &RawValue,
        show: &mut dyn FnMut(Scene<'_>),
    ) -> Result<(), PlayError> {
        if let Event::Moved { side, san, ply, .. } = read(event)? {
            self.n_plies = ply;
            show(Scene::Moved { side, san: &san, ply });
        }
        Ok(())
    }

    fn finish(&self, outcome: Outcome) -> Finish {
        let side = |seat| match &self.view {
            Some(view) if view.white == seat => Some(Side::White),
            Some(view) if view.black == seat => Some(Side::Black),
            _ => None,
        };
        let winner = outcome.winners.first().map(|seat| (self.name(*seat), side(*seat)));
        Finish { winner, reason: outcome.reason, n_plies: self.n_plies }
    }

    fn name(&self, seat: u8) -> String {
        let players = self.story().state().map(|state| state.players.as_slice());
        let known = players.unwrap_or_default().iter().find(|player| player.seat == seat);
        known.map_or_else(|| format!("seat {seat}"), |player| player.name.clone())
    }

    fn story(&self) -> &Story {
        self.socket.story().expect("a player is in a lobby until it leaves")
    }
}

fn read<T: DeserializeOwned>(raw: &RawValue) -> Result<T, PlayError> {
    Ok(serde_json::from_str(raw.get())?)
}

#[cfg(test)]
mod tests;
