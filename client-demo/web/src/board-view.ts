// The chess board: draws a position and turns clicks, drags and keys into moves in UCI.
// It knows no rules: what may move where is what the server listed in `legal`, and a move that
// was sent is shown at once but stands only when the server's next position says so.

import { byId, make } from "./dom";
import { drawPiece, pieceName } from "./pieces";
import {
  checkedKing, pieces, promotions, squares, targets, type Piece, type Square,
} from "./position";
import { PromotionView } from "./promotion-view";
import type { ChessView, Side } from "./types";

/** How far the pointer goes before a press becomes a drag, in pixels. */
const DRAG_FROM_PX = 5;
const SLIDE_MS = 160;

/** Asks for a move; tells whether it was accepted. */
export type Mover = (uci: string) => Promise<boolean>;

interface Drag {
  from: Square;
  /** The square was selected before it was pressed, so a mere tap deselects it. */
  again: boolean;
  x: number;
  y: number;
  ghost?: SVGSVGElement;
}

export class BoardView {
  readonly #board = byId("board", HTMLElement);
  readonly #promotion = new PromotionView();
  readonly #move: Mover;
  readonly #cells: HTMLButtonElement[] = [];
  #view: ChessView | undefined;
  #bottom: Side = "white";
  #selected: Square | undefined;
  #pending: { from: Square; to: Square; kind: string } | undefined;
  #drag: Drag | undefined;

  constructor(move: Mover) {
    this.#move = move;
    for (let rank = 0; rank < 8; rank += 1) {
      const row = make("div", { role: "row", class: "rank" });
      for (let file = 0; file < 8; file += 1) row.append(this.#makeCell(rank * 8 + file));
      this.#board.append(row);
    }
    this.#board.addEventListener("pointerdown", (event) => this.#press(event));
    this.#board.addEventListener("click", (event) => this.#click(event));
    this.#board.addEventListener("keydown", (event) => this.#key(event));
    window.addEventListener("pointermove", (event) => this.#moveGhost(event));
    window.addEventListener("pointerup", (event) => this.#release(event));
    window.addEventListener("pointercancel", () => this.#endDrag());
  }

  /** Draws this view, with this side at the bottom; without a view the board is empty. */
  update(view: ChessView | undefined, bottom: Side): void {
    const before = this.#view;
    const foreseen = this.#pending !== undefined;
    const moved = before?.fen !== view?.fen;
    if (moved || before?.legal.length !== view?.legal.length) this.#forgetHand();
    this.#view = view;
    this.#bottom = bottom;
    this.#draw();
    if (moved && before && view?.last && !foreseen) this.#slide(view.last);
  }

  /** Whatever was begun on the last position is void. */
  #forgetHand(): void {
    this.#selected = undefined;
    this.#pending = undefined;
    this.#endDrag();
    this.#promotion.close();
  }

  #makeCell(index: number): HTMLButtonElement {
    const cell = make("button", { type: "button", role: "gridcell", class: "square" });
    cell.tabIndex = index === 0 ? 0 : -1;
    this.#cells.push(cell);
    return cell;
  }

  #draw(): void {
    const view = this.#view;
    const standing = view ? pieces(view.fen) : new Map<Square, Piece>();
    if (view && this.#pending) foresee(standing, this.#pending, view.turn);
    const { from, to } = this.#pending ?? {};
    const last = from && to ? [from, to] : [view?.last?.slice(0, 2), view?.last?.slice(2, 4)];
    const goals = view && this.#selected ? targets(view, this.#selected) : new Set<Square>();
    const check = view && !this.#pending ? checkedKing(view) : undefined;
    const movable = new Set(this.#pending ? [] : view?.legal.map((uci) => uci.slice(0, 2)));

    squares(this.#bottom).forEach((square, index) => {
      const cell = this.#cells[index];
      if (!cell) return;
      const piece = standing.get(square);
      drawCell(cell, square, index, piece);
      const marks = {
        movable: movable.has(square),
        selected: square === this.#selected,
        target: goals.has(square),
        last: last.includes(square),
        check: square === check,
      };
      for (const [mark, on] of Object.entries(marks)) cell.classList.toggle(mark, on);
      cell.setAttribute("aria-selected", String(marks.selected));
      const words = [square, piece ? pieceName(piece) : "empty"];
      if (marks.check) words.push("in check");
      if (marks.target) words.push(piece ? "can be captured" : "can be reached");
      cell.setAttribute("aria-label", words.join(", "));
    });
  }

  #cellOf(square: Square): HTMLButtonElement | undefined {
    return this.#cells.find((cell) => cell.dataset.square === square);
  }

  #canMove(square: Square): boolean {
    const listed = this.#view?.legal.some((uci) => uci.startsWith(square)) ?? false;
    return listed && !this.#pending;
  }

  #select(square: Square | undefined): void {
    this.#selected = square;
    this.#draw();
  }

  /** What a tap, Enter or Space on a square means. */
  #activate(square: Square): void {
    if (this.#selected && this.#go(this.#selected, square)) return;
    this.#select(square !== this.#selected && this.#canMove(square) ? square : undefined);
  }

  /** Moves if that is legal; a promotion is asked for first. */
  #go(from: Square, to: Square): boolean {
    const view = this.#view;
    if (!view || this.#pending || !targets(view, from).has(to)) return false;
    const kinds = promotions(view, from, to);
    if (kinds.length > 0) void this.#promote(from, to, kinds, view.turn);
    else void this.#send(from, to, "");
    return true;
  }

  async #send(from: Square, to: Square, kind: string): Promise<void> {
    this.#selected = undefined;
    const pending = { from, to, kind };
    this.#pending = pending;
    this.#draw();
    const accepted = await this.#move(from + to + kind);
    // Accepted: the next position replaces it. Refused: the piece goes back.
    if (!accepted && this.#pending === pending) {
      this.#pending = undefined;
      this.#draw();
    }
  }

  async #promote(from: Square, to: Square, kinds: string[], side: Side): Promise<void> {
    const cell = this.#cellOf(to);
    if (!cell) return;
    const at = cell.getBoundingClientRect();
    const kind = await this.#promotion.ask(kinds, side, at, this.#board.getBoundingClientRect());
    if (kind) void this.#send(from, to, kind);
    else this.#select(undefined);
  }

  #press(event: PointerEvent): void {
    const square = squareAt(event.target);
    if (!square || event.button !== 0 || !event.isPrimary) return;
    // A captured touch would send `pointerup` to this square wherever the finger is lifted.
    if (event.target instanceof Element) event.target.releasePointerCapture(event.pointerId);
    const again = square === this.#selected;
    this.#drag = { from: square, again, x: event.clientX, y: event.clientY };
    const goals = this.#view && this.#selected ? targets(this.#view, this.#selected) : undefined;
    const captures = goals?.has(square) ?? false;
    if (!again && !captures && this.#canMove(square)) this.#select(square);
  }

  #moveGhost(event: PointerEvent): void {
    const drag = this.#drag;
    if (!drag || !event.isPrimary) return;
    if (!drag.ghost) {
      const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= DRAG_FROM_PX;
      if (!far || !this.#canMove(drag.from) || this.#selected !== drag.from) return;
      const piece = this.#cellOf(drag.from)?.querySelector("svg");
      if (!piece) return;
      drag.ghost = piece.cloneNode(true) as SVGSVGElement;
      drag.ghost.classList.add("ghost");
      drag.ghost.style.width = `${piece.getBoundingClientRect().width}px`;
      piece.classList.add("lifted");
      document.body.append(drag.ghost);
    }
    drag.ghost.style.translate = `${event.clientX}px ${event.clientY}px`;
    const below = squareAt(document.elementFromPoint(event.clientX, event.clientY));
    for (const cell of this.#cells) cell.classList.toggle("hover", cell.dataset.square === below);
  }

  #release(event: PointerEvent): void {
    const drag = this.#drag;
    if (!drag || !event.isPrimary) return;
    const dropped = squareAt(document.elementFromPoint(event.clientX, event.clientY));
    const wasDragged = drag.ghost !== undefined;
    this.#endDrag();
    if (dropped && dropped !== drag.from) {
      if (wasDragged) this.#go(drag.from, dropped);
    } else if (dropped && !wasDragged) {
      if (drag.again) this.#select(undefined);
      else if (this.#selected !== drag.from) this.#activate(drag.from);
    }
  }

  #endDrag(): void {
    this.#drag?.ghost?.remove();
    this.#drag = undefined;
    for (const cell of this.#cells) {
      cell.classList.remove("hover");
      cell.querySelector("svg")?.classList.remove("lifted");
    }
  }

  /** Pointers were dealt with in `#release`; what is left are keys and assistive technology. */
  #click(event: MouseEvent): void {
    const square = squareAt(event.target);
    if (square && event.detail === 0) this.#activate(square);
  }

  #key(event: KeyboardEvent): void {
    const index = this.#cells.findIndex((cell) => cell === document.activeElement);
    if (event.key === "Escape") this.#select(undefined);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -8, ArrowDown: 8 }[event.key];
    if (index < 0 || step === undefined) return;
    event.preventDefault();
    const rank = (of: number): number => Math.floor(of / 8);
    const leavesRank = Math.abs(step) === 1 && rank(index + step) !== rank(index);
    const next = leavesRank ? undefined : this.#cells[index + step];
    if (!next) return;
    for (const cell of this.#cells) cell.tabIndex = cell === next ? 0 : -1;
    next.focus();
  }

  /** Lets the piece that moved glide to where it already stands. */
  #slide(last: string): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const from = this.#cellOf(last.slice(0, 2))?.getBoundingClientRect();
    const cell = this.#cellOf(last.slice(2, 4));
    const to = cell?.getBoundingClientRect();
    if (!from || !to) return;
    const start = `${from.left - to.left}px ${from.top - to.top}px`;
    const timing = { duration: SLIDE_MS, easing: "ease-out" };
    cell?.querySelector("svg")?.animate([{ translate: start }, { translate: "0 0" }], timing);
  }
}

/** Moves a piece as if the server had said so; what else the move does is left to the server. */
function foresee(
  standing: Map<Square, Piece>,
  { from, to, kind }: { from: Square; to: Square; kind: string },
  side: Side,
): void {
  const piece = standing.get(from);
  if (piece === undefined) return;
  const becomes = side === "white" ? kind.toUpperCase() : kind;
  standing.delete(from);
  standing.set(to, becomes || piece);
}

function squareAt(target: EventTarget | null): Square | undefined {
  const cell = target instanceof Element ? target.closest<HTMLElement>(".square") : null;
  return cell?.dataset.square;
}

/** Square, colour, coordinates and piece of a cell; touches the document only where it differs. */
function drawCell(
  cell: HTMLElement,
  square: Square,
  index: number,
  piece: Piece | undefined,
): void {
  if (cell.dataset.square !== square) {
    cell.dataset.square = square;
    const dark = (index + Math.floor(index / 8)) % 2 === 1;
    cell.classList.toggle("dark", dark);
    if (index % 8 === 0 && cell.parentElement) cell.parentElement.dataset.rank = square.charAt(1);
    if (index >= 56) cell.dataset.file = square.charAt(0);
  }
  if ((cell.dataset.piece ?? "") === (piece ?? "")) return;
  cell.dataset.piece = piece ?? "";
  cell.replaceChildren(...(piece ? [drawPiece(piece)] : []));
}
