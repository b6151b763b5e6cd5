// The public lobbies that one can come into, on the first page.

import { byId, make, setText } from "./dom";
import { attempt } from "./notice";
import { GAME, type Place } from "./place";
import type { Listed, Phase, Role } from "./types";

const PHASES: Record<Phase, string> = {
  open: "waiting",
  starting: "starting",
  playing: "match on",
  finished: "match over",
};

export class ListingView {
  readonly #place: Place;
  readonly #join: (id: string, role: Role) => void;
  readonly #listing = byId("listing", HTMLUListElement);
  readonly #state = byId("listing-state", HTMLElement);
  readonly #refresh = byId("refresh", HTMLButtonElement);
  #listed = false;

  /** `join` is what happens when one of them is chosen. */
  constructor(place: Place, join: (id: string, role: Role) => void) {
    this.#place = place;
    this.#join = join;
    this.#refresh.addEventListener("click", () => void this.#list());
  }

  /** `wanted` while somebody looks at it and there is a line. */
  update(wanted: boolean): void {
    if (!wanted) this.#listed = false;
    else if (!this.#listed) void this.#list();
  }

  async #list(): Promise<void> {
    this.#listed = true;
    this.#refresh.disabled = true;
    await attempt(
      this.#place.ask("list", { game: GAME }).then(({ lobbies }) => {
        this.#listing.replaceChildren(...lobbies.map((listed) => this.#item(listed)));
        const none = lobbies.length === 0;
        setText(this.#state, none ? "There is no public lobby just now." : "");
      }),
    );
    this.#refresh.disabled = this.#place.line !== "up";
  }

  #item({ id, host, players, capacity, phase, metadata, ...door }: Listed): HTMLLIElement {
    const action = (label: string, role: Role): HTMLButtonElement => {
      const button = make("button", { type: "button", class: "small" }, label);
      button.setAttribute("aria-label", `${label} ${host}’s lobby`);
      button.dataset.testid = role === "player" ? "listed-join" : "listed-watch";
      button.addEventListener("click", () => this.#join(id, role));
      return button;
    };
    const facts = [`${players} of ${capacity} seats taken`, PHASES[phase]];
    if (metadata?.clock) facts.push(String(metadata.clock));
    if (door.password) facts.push("password");
    if (door.locked) facts.push("locked");
    const words = make("span", { class: "listed" }, make("b", {}, host || "Nobody’s"));
    words.append(make("small", {}, facts.join(" · ")));
    const item = make("li", { "data-testid": "listed", "data-id": id }, words);
    if (door.locked) return item;
    if (players < capacity && phase !== "playing") item.append(action("Join", "player"));
    item.append(action("Watch", "spectator"));
    return item;
  }
}
