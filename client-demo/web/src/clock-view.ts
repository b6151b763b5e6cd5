// The time that both sides of a match have, counted down between what the server says of it. When a
// flag falls is the server's decision; here it only looks like it.

import { byId, make, setText, show } from "./dom";
import { serverNow } from "./server-clock";
import type { ChessView, Side } from "./types";

/** How often what is shown is looked at; tenths of a second are shown at the end. */
const EVERY_MS = 100;
/** Below this, tenths are shown, and the clock is marked. */
const SCARCE_MS = 20_000;

/** A clock for a player's bar; it says which side's it is. */
export function clockOf(side: Side): HTMLElement {
  return make("span", { class: "clock", role: "timer", "data-clock": side });
}

/** Keeps the clocks in the players' bars going. */
export class Clocks {
  readonly #bars = byId("match", HTMLElement);
  #view: ChessView | undefined;
  #timer: number | undefined;

  /** What the match shows now; nothing is counted once it is over. */
  update(view: ChessView | undefined, isOver: boolean): void {
    this.#view = view;
    const { since_ms, first_move_until_ms } = view?.clock ?? {};
    const runs = !isOver && (since_ms !== undefined || first_move_until_ms !== undefined);
    clearInterval(this.#timer);
    this.#timer = runs ? window.setInterval(() => this.#draw(), EVERY_MS) : undefined;
    this.#draw();
  }

  #draw(): void {
    const view = this.#view;
    for (const element of this.#bars.querySelectorAll<HTMLElement>("[data-clock]")) {
      show(element, view?.clock !== undefined);
      if (!view?.clock) continue;
      const side = element.dataset.clock as Side;
      const { since_ms, first_move_until_ms: until } = view.clock;
      const runs = this.#timer !== undefined && view.turn === side;
      const kept = side === "white" ? view.clock.white_ms : view.clock.black_ms;
      const spent = runs && since_ms !== undefined ? Math.max(0, serverNow() - since_ms) : 0;
      const left = Math.max(0, kept - spent);
      const first = runs && until !== undefined ? Math.max(0, until - serverNow()) : undefined;
      element.classList.toggle("runs", runs);
      element.classList.toggle("scarce", left < SCARCE_MS);
      element.title = first === undefined ? "" : "Time for the first move";
      setText(element, first === undefined ? timeText(left) : `first move ${timeText(first)}`);
    }
  }
}

/** `1:05:00`, `3:05` or `0:09.3`. */
export function timeText(ms: number): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  if (ms < SCARCE_MS) return `0:${two(Math.floor(ms / 1000))}.${Math.floor(ms / 100) % 10}`;
  const seconds = Math.ceil(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = `${two(seconds % 60)}`;
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}
