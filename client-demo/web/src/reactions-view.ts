// Reactions: a word that everybody in the lobby sees for a moment, beside the chat.

import { paint } from "./colours";
import { byId, make, show } from "./dom";
import { attempt } from "./notice";
import type { Place } from "./place";
import type { ReactionPush } from "./types";

/** What this page offers; others may send what they like. */
const WORDS = ["Hi!", "Nice!", "Wow", "Oops", "GG"];
/** How long one is shown. */
const SHOWN_MS = 4_000;
/** How many at most. */
const SHOWN = 4;

export class ReactionsView {
  readonly #place: Place;
  readonly #shown = byId("reactions", HTMLElement);
  readonly #buttons = byId("react", HTMLElement);

  constructor(place: Place) {
    this.#place = place;
    for (const reaction of WORDS) {
      const button = make("button", { type: "button", class: "small" }, reaction);
      button.addEventListener("click", () => void attempt(place.ask("react", { reaction })));
      this.#buttons.append(button);
    }
  }

  update(): void {
    show(this.#buttons, !this.#place.attends);
    for (const button of this.#buttons.querySelectorAll("button")) {
      button.disabled = !this.#place.live;
    }
  }

  /** Nothing of one lobby is shown in the next. */
  begin(): void {
    this.#shown.replaceChildren();
  }

  show({ name, seat, reaction }: ReactionPush): void {
    const chip = make("span", { class: "reaction" }, make("small", {}, name), " ", reaction);
    const sitting = this.#place.lobby?.seats.find((other) => other.seat === seat);
    paint(chip, seat === undefined ? undefined : sitting?.colour);
    this.#shown.append(chip);
    while (this.#shown.childElementCount > SHOWN) this.#shown.firstElementChild?.remove();
    setTimeout(() => chip.remove(), SHOWN_MS);
  }
}
