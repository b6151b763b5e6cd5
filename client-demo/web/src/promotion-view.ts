// The question what a pawn becomes: a small dialog at the square where the pawn arrives.

import { byId, make } from "./dom";
import { drawPiece, pieceName } from "./pieces";
import type { Side } from "./types";

export class PromotionView {
  readonly #dialog = byId("promotion", HTMLDialogElement);
  readonly #kinds = byId("promotion-kinds", HTMLFormElement);

  constructor() {
    // A press beside the dialog lands on its backdrop, which counts as the dialog itself.
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.close();
    });
  }

  /** Asks for one of these kinds, such as `q`; empty if nothing was chosen. */
  ask(kinds: string[], side: Side, at: DOMRect, within: DOMRect): Promise<string> {
    this.#kinds.replaceChildren(...kinds.map((kind) => button(kind, side)));
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
    const box = this.#dialog.getBoundingClientRect();
    this.#dialog.style.left = `${Math.min(at.left, within.right - box.width)}px`;
    this.#dialog.style.top = `${Math.min(at.top, within.bottom - box.height)}px`;
    return new Promise((resolve) => {
      const chosen = (): void => resolve(this.#dialog.returnValue);
      this.#dialog.addEventListener("close", chosen, { once: true });
    });
  }

  /** Takes the question back. */
  close(): void {
    if (this.#dialog.open) this.#dialog.close("");
  }
}

function button(kind: string, side: Side): HTMLButtonElement {
  const piece = side === "white" ? kind.toUpperCase() : kind;
  const made = make("button", { value: kind, "aria-label": pieceName(piece) });
  made.dataset.testid = `promote-${kind}`;
  made.append(drawPiece(piece));
  return made;
}
