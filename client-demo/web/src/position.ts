// Reading what the board shows out of a chess view: squares, pieces and legal targets.
// No rules: whether a move is legal is known only from what the server listed.

import type { ChessView, Side } from "./types";

/** `K`, `Q`, `R`, `B`, `N`, `P` for white; lower case for black. */
export type Piece = string;

/** From `a1` to `h8`. */
export type Square = string;

/** The 64 squares in reading order, from the top left, with this side at the bottom. */
export function squares(bottom: Side): Square[] {
  const fromWhite = [...Array(64).keys()].map(
    (index) => "abcdefgh".charAt(index % 8) + String(8 - Math.floor(index / 8)),
  );
  return bottom === "white" ? fromWhite : fromWhite.reverse();
}

/** Which piece stands where. */
export function pieces(fen: string): Map<Square, Piece> {
  const found = new Map<Square, Piece>();
  const order = squares("white");
  let index = 0;
  for (const sign of fen.split(" ", 1)[0] ?? "") {
    if (sign === "/") continue;
    const empty = Number(sign);
    if (Number.isNaN(empty)) found.set(order[index++] ?? "", sign);
    else index += empty;
  }
  return found;
}

export function sideOf(piece: Piece): Side {
  return piece === piece.toUpperCase() ? "white" : "black";
}

/** Where the piece on this square may go. */
export function targets(view: ChessView, from: Square): Set<Square> {
  return new Set(view.legal.filter((uci) => uci.startsWith(from)).map((uci) => uci.slice(2, 4)));
}

/** What a pawn may become with this move: empty if it is not a promotion. */
export function promotions(view: ChessView, from: Square, to: Square): string[] {
  const offered = view.legal.filter((uci) => uci.length === 5 && uci.startsWith(from + to));
  return [..."qrbn"].filter((kind) => offered.includes(from + to + kind));
}

/** The square of the king in check, if there is one. */
export function checkedKing(view: ChessView): Square | undefined {
  if (!view.check) return undefined;
  const king = view.turn === "white" ? "K" : "k";
  for (const [square, piece] of pieces(view.fen)) if (piece === king) return square;
  return undefined;
}

/** The moves as rows of a score sheet; a match may begin in mid-game and with black. */
export function scoreSheet(view: ChessView): { number: number; white: string; black: string }[] {
  const [, turn, , , , fullMove] = view.fen.split(" ");
  const pliesSoFar = (Number(fullMove) - 1) * 2 + (turn === "b" ? 1 : 0);
  let ply = pliesSoFar - view.moves.length;
  const rows: { number: number; white: string; black: string }[] = [];
  for (const san of view.moves) {
    const number = Math.floor(ply / 2) + 1;
    if (ply % 2 === 0) rows.push({ number, white: san, black: "" });
    else if (rows.length === 0) rows.push({ number, white: "…", black: san });
    else rows[rows.length - 1]!.black = san;
    ply += 1;
  }
  return rows;
}
