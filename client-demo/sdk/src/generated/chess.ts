// Written by `make types` from shared/src/api: change it there.

/** What a player does. */
export type Action =
  /** Move a piece. A draw offer of the other side lapses with it. */
  | {
      type: "move";
      /** SAN (`Nf3`, `exd8=Q+`, `O-O`) or UCI (`g1f3`, `e7e8q`, `e1g1`). */
      move: string;
    }
  /** Give up. */
  | { type: "resign" }
  /** Offer a draw; if the other side's offer stands, this accepts it. */
  | { type: "offer_draw" }
  /** Accept the other side's offer. */
  | { type: "accept_draw" }
  /** Decline the other side's offer. */
  | { type: "decline_draw" }
  /** Claim a draw by threefold repetition or the fifty-move rule (FIDE 9.2, 9.3). */
  | { type: "claim_draw" };

/**
 * How much time each side has. Each has 30 s for its first move, which costs nothing; from the
 * second on its time runs while it is to move.
 */
export interface ClockConfig {
  /** To begin with, in milliseconds: 1 s to 6 h. */
  initial_ms: number;
  /** What each move brings, in milliseconds; absent: nothing. At most 180 s. */
  increment_ms?: number;
}

/**
 * How much time both sides have. What the side to move has now is what it had then, less the time
 * since `since_ms`; the server ends the match when none is left, and nobody has to say so.
 */
export interface ClockView {
  /** What white had left when its time last began or ceased to run, in milliseconds. */
  white_ms: number;
  /** The same of black. */
  black_ms: number;
  /**
   * Since when the time of the side to move runs, in milliseconds since the Unix epoch; absent:
   * nobody's time runs.
   */
  since_ms?: number;
  /**
   * Until when the side to move has to make its first move, in milliseconds since the Unix
   * epoch; absent once both have.
   */
  first_move_until_ms?: number;
}

/** Configuration of a match. */
export interface Config {
  /** Who has white in the first match. */
  white?: WhiteSeat;
  /** The starting position in FEN; absent: the usual one. */
  fen?: string;
  /** How much time each side has; absent: as much as it likes. */
  clock?: ClockConfig;
}

/** What happened, pushed once to everybody. */
export type Event =
  /** A piece moved. */
  | {
      type: "moved";
      /** Who moved. */
      side: Side;
      /** In SAN, with `+` and `#`. */
      san: string;
      /** In UCI; castling is the king's two steps (`e1g1`). */
      uci: string;
      /** Half-moves so far, this one included. */
      ply: number;
    }
  /** A draw was offered. */
  | {
      type: "draw_offered";
      /** By whom. */
      seat: number;
    }
  /** The draw offer was declined. */
  | {
      type: "draw_declined";
      /** By whom. */
      seat: number;
    };

/** Which side. */
export type Side =
  /** Moves first. */
  | "white"
  /** Moves second. */
  | "black";

/**
 * What everybody may know of a match: chess hides nothing, but only the seat to move is told
 * its legal moves.
 */
export interface View {
  /** The position; the en-passant square stands only if a pawn can capture there. */
  fen: string;
  /** Who is to move. */
  turn: Side;
  /** The seat that plays white. */
  white: number;
  /** The seat that plays black. */
  black: number;
  /** All moves so far, in SAN. */
  moves: string[];
  /** The last move in UCI; absent before the first. */
  last?: string;
  /** True if the side to move is in check. */
  check: boolean;
  /** The seat whose draw offer stands. */
  draw_offer?: number;
  /** True if the side to move may claim a draw. */
  can_claim_draw: boolean;
  /** Legal moves in UCI, for the seat to move alone; empty for everybody else. */
  legal: string[];
  /** How much time both have; absent in a match without a clock. */
  clock?: ClockView;
}

/** Who has the white pieces in a lobby's first match; the sides swap at each rematch. */
export type WhiteSeat =
  /** Seat 0, who opened the lobby. */
  | "host"
  /** Seat 1, who joined it. */
  | "guest"
  /** Chance decides. */
  | "random";

/** Codes of refusals. */
export type Code =
  /** It is the other side's turn. */
  | "E_TURN"
  /** The move is not legal in this position, or cannot be read. */
  | "E_ILLEGAL_MOVE"
  /** There is no draw offer to answer, or one's own is already on the table. */
  | "E_DRAW_OFFER";

/** Words in `Outcome.reason`, beside Parlor's own. */
export type Reason =
  /** The winner mated. */
  | "checkmate"
  /** No legal move and not in check. */
  | "stalemate"
  /** The loser gave up. */
  | "resignation"
  /** Both agreed to a draw. */
  | "agreement"
  /**
   * Neither side can mate with what is left (FIDE 5.2.2, by material); or one's time was up, or
   * one was gone, and the other one could not have mated (6.9).
   */
  | "insufficient_material"
  /** The same position for the third time, claimed (FIDE 9.2). */
  | "threefold_repetition"
  /** The same position for the fifth time (FIDE 9.6.1). */
  | "fivefold_repetition"
  /** Fifty moves of each side without capture or pawn move, claimed (FIDE 9.3). */
  | "fifty_moves"
  /** Seventy-five moves of each side without capture or pawn move (FIDE 9.6.2). */
  | "seventy_five_moves"
  /** The loser left, or was gone for so long that the winner claimed the match. */
  | "abandonment"
  /** The loser's time was up (FIDE 6.9). */
  | "time"
  /** One side did not make its first move in time: there was no match. */
  | "no_start";
