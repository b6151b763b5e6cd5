// The public lobbies that one can come into, on the first page.

import { byId, make, setText } from "./dom";
import { attempt } from "./notice";
import { GAME, type Place } from "./place";
import type { Listed, ListingChange, Phase, Role } from "./types";

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
  readonly #items = new Map<string, HTMLLIElement>();
  #watches = false;

  /** `join` is what happens when one of them is chosen. */
  constructor(place: Place, join: (id: string, role: Role) => void) {
    this.#place = place;
    this.#join = join;
  }

  /** `wanted` while somebody looks at it; `up` while there is a line. */
  update(wanted: boolean, up: boolean): void {
    if (this.#watches && !wanted && up) {
      // What comes late is of no harm.
      this.#place.ask("unwatch").catch(() => undefined);
    }
    const begins = wanted && up && !this.#watches;
    this.#watches = wanted && up;
    if (begins) void this.#watch();
  }

  /** What the server says has changed of what we watch. */
  follow({ added = [], changed = [], removed = [] }: ListingChange): void {
    for (const id of removed) {
      this.#items.get(id)?.remove();
      this.#items.delete(id);
    }
    for (const listed of changed) {
      const item = this.#item(listed);
      this.#items.get(listed.id)?.replaceWith(item);
      this.#items.set(listed.id, item);
    }
    // The newest comes first, in the list and among those that were added.
    for (const listed of added.toReversed()) {
      const item = this.#item(listed);
      this.#items.set(listed.id, item);
      this.#listing.prepend(item);
    }
    setText(this.#state, this.#items.size === 0 ? "There is no public lobby just now." : "");
  }

  async #watch(): Promise<void> {
    await attempt(
      this.#place.ask("watch", { game: GAME }).then(({ lobbies }) => {
        this.#items.clear();
        this.#listing.replaceChildren();
        this.follow({ added: lobbies });
      }),
    );
  }

  #item({ id, host, players, bots, capacity, phase, metadata, ...door }: Listed): HTMLLIElement {
    const action = (label: string, role: Role): HTMLButtonElement => {
      const button = make("button", { type: "button", class: "small" }, label);
      button.setAttribute("aria-label", `${label} ${host}’s lobby`);
      button.dataset.testid = `listed-${label.toLowerCase()}`;
      button.addEventListener("click", () => this.#join(id, role));
      return button;
    };
    const facts = [`${players} of ${capacity} seats taken`, PHASES[phase]];
    if (bots) facts.push(bots === 1 ? "a bot" : `${bots} bots`);
    if (metadata?.clock) facts.push(String(metadata.clock));
    if (door.password) facts.push("password");
    if (door.locked) facts.push("locked");
    const words = make("span", { class: "listed" }, make("b", {}, host || "Nobody’s"));
    words.append(make("small", {}, facts.join(" · ")));
    const item = make("li", { "data-testid": "listed", "data-id": id }, words);
    if (door.locked) return item;
    if (players < capacity && phase !== "playing") item.append(action("Join", "player"));
    item.append(action("Watch", "spectator"), action("Audience", "audience"));
    return item;
  }
}
