//! Chess in a lobby: its configuration, actions, views and events.
//! The rules are decided by `parlor-games`.

use serde::{Deserialize, Serialize};

/// The registered name of the game.
pub const GAME: &str = "chess";

/// Codes of chess in a [`super::Refusal`].
pub mod code {
    /// It is the other side's turn.
    pub const TURN: &str = "E_TURN";
    /// The move is not legal in this position, or cannot be read.
    pub const ILLEGAL_MOVE: &str = "E_ILLEGAL_MOVE";
    /// There is no draw offer to answer, or one's own is already on the table.
    pub const DRAW_OFFER: &str = "E_DRAW_OFFER";
}

/// Which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Moves first.
    White,
    /// Moves second.
    Black,
}

/// Who has the white pieces in a lobby's first match; the sides swap at each rematch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhiteSeat {
    /// Seat 0, who opened the lobby.
    #[default]
    Host,
    /// Seat 1, who joined it.
    Guest,
    /// Chance decides.
    Random,
}

/// Configuration of a match.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who has white in the first match.
    #[serde(default)]
    pub white: WhiteSeat,
    /// The starting position in FEN; absent: the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fen: Option<String>,
    /// How much time each side has; absent: as much as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockConfig>,
}

/// How much time each side has. Each has 30 s for its first move, which costs nothing; from the
/// second on its time runs while it is to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockConfig {
    /// To begin with, in milliseconds: 1 s to 6 h.
    pub initial_ms: u32,
    /// What each move brings, in milliseconds; absent: nothing. At most 180 s.
    #[serde(default)]
    pub increment_ms: u32,
}

/// What a player does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Move a piece. A draw offer of the other side lapses with it.
    Move {
        /// SAN (`Nf3`, `exd8=Q+`, `O-O`) or UCI (`g1f3`, `e7e8q`, `e1g1`).
        #[serde(rename = "move")]
        text: String,
    },
    /// Give up.
    Resign,
    /// Offer a draw; if the other side's offer stands, this accepts it.
    OfferDraw,
    /// Accept the other side's offer.
    AcceptDraw,
    /// Decline the other side's offer.
    DeclineDraw,
    /// Claim a draw by threefold repetition or the fifty-move rule (FIDE 9.2, 9.3).
    ClaimDraw,
}

/// What everybody may know of a match: chess hides nothing, but only the seat to move is told
/// its legal moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The position; the en-passant square stands only if a pawn can capture there.
    pub fen: String,
    /// Who is to move.
    pub turn: Side,
    /// The seat that plays white.
    pub white: u8,
    /// The seat that plays black.
    pub black: u8,
    /// All moves so far, in SAN.
    pub moves: Vec<String>,
    /// The last move in UCI; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// True if the side to move is in check.
    pub check: bool,
    /// The seat whose draw offer stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_offer: Option<u8>,
    /// True if the side to move may claim a draw.
    pub can_claim_draw: bool,
    /// Legal moves in UCI, for the seat to move alone; empty for everybody else.
    pub legal: Vec<String>,
    /// How much time both have; absent in a match without a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockView>,
}

/// How much time both sides have. What the side to move has now is what it had then, less the time
/// since `since_ms`; the server ends the match when none is left, and nobody has to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// What white had left when its time last began or ceased to run, in milliseconds.
    pub white_ms: u64,
    /// The same of black.
    pub black_ms: u64,
    /// Since when the time of the side to move runs, in milliseconds since the Unix epoch; absent:
    /// nobody's time runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Until when the side to move has to make its first move, in milliseconds since the Unix
    /// epoch; absent once both have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_move_until_ms: Option<u64>,
}

/// What happened, pushed once to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A piece moved.
    Moved {
        /// Who moved.
        side: Side,
        /// In SAN, with `+` and `#`.
        san: String,
        /// In UCI; castling is the king's two steps (`e1g1`).
        uci: String,
        /// Half-moves so far, this one included.
        ply: u32,
    },
    /// A draw was offered.
    DrawOffered {
        /// By whom.
        seat: u8,
    },
    /// The draw offer was declined.
    DrawDeclined {
        /// By whom.
        seat: u8,
    },
}

/// Words that stand in [`super::lobby::Outcome::reason`] after a chess match.
pub mod reason {
    /// The winner mated.
    pub const CHECKMATE: &str = "checkmate";
    /// No legal move and not in check.
    pub const STALEMATE: &str = "stalemate";
    /// The loser gave up.
    pub const RESIGNATION: &str = "resignation";
    /// Both agreed to a draw.
    pub const AGREEMENT: &str = "agreement";
    /// Neither side can mate with what is left (FIDE 5.2.2, by material); or one's time was up, or
    /// one was gone, and the other one could not have mated (6.9).
    pub const INSUFFICIENT_MATERIAL: &str = "insufficient_material";
    /// The same position for the third time, claimed (FIDE 9.2).
    pub const THREEFOLD_REPETITION: &str = "threefold_repetition";
    /// The same position for the fifth time (FIDE 9.6.1).
    pub const FIVEFOLD_REPETITION: &str = "fivefold_repetition";
    /// Fifty moves of each side without capture or pawn move, claimed (FIDE 9.3).
    pub const FIFTY_MOVES: &str = "fifty_moves";
    /// Seventy-five moves of each side without capture or pawn move (FIDE 9.6.2).
    pub const SEVENTY_FIVE_MOVES: &str = "seventy_five_moves";
    /// The loser left, or was gone for so long that the winner claimed the match.
    pub const ABANDONMENT: &str = "abandonment";
    /// The loser's time was up (FIDE 6.9).
    pub const TIME: &str = "time";
    /// One side did not make its first move in time: there was no match.
    pub const NO_START: &str = "no_start";
}
