// The first page: a name, a new lobby, a code, and the public lobbies there are.

import { Refused } from "./connection";
import { byId, make, setText, show } from "./dom";
import { memory } from "./memory";
import { attempt, hideNotice, notice } from "./notice";
import { GAME, type Place } from "./place";
import { askPassword } from "./password-view";
import type { ChessConfig, Create, Join, Listed, Phase, Role, Visibility } from "./types";

const PHASES: Record<Phase, string> = {
  open: "waiting",
  playing: "match on",
  finished: "match over",
};

export class StartView {
  readonly #place: Place;
  readonly #section = byId("start", HTMLElement);
  readonly #name = byId("name", HTMLInputElement);
  readonly #code = byId("code", HTMLInputElement);
  readonly #password = byId("create-password", HTMLInputElement);
  readonly #listing = byId("listing", HTMLUListElement);
  readonly #listingState = byId("listing-state", HTMLElement);
  readonly #refresh = byId("refresh", HTMLButtonElement);
  #listed = false;

  constructor(place: Place) {
    this.#place = place;
    this.#name.value = memory.name();
    this.#name.addEventListener("change", () => memory.keepName(this.#name.value.trim()));
    byId("create-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#create();
    });
    byId("join-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const watches = event.submitter?.id === "watch";
      void this.#join({ code: this.#code.value.trim() }, watches ? "spectator" : "player");
    });
    this.#refresh.addEventListener("click", () => void this.#list());
  }

  /** Puts a code from an invitation into its field. */
  invite(code: string): void {
    this.#code.value = code;
    (this.#name.value === "" ? this.#name : byId("join", HTMLButtonElement)).focus();
  }

  update(shown: boolean): void {
    const up = this.#place.line === "up";
    show(this.#section, shown);
    for (const button of this.#section.querySelectorAll("button")) button.disabled = !up;
    if (!shown || !up) this.#listed = false;
    else if (!this.#listed) void this.#list();
  }

  /** The name, or nothing (and the cursor in its field) if there is none yet. */
  #needName(): string | undefined {
    const name = this.#name.value.trim();
    if (name === "") {
      notice("Please enter your name first.");
      this.#name.focus();
      return undefined;
    }
    memory.keepName(name);
    hideNotice();
    return name;
  }

  async #create(): Promise<void> {
    const name = this.#needName();
    if (name === undefined) return;
    const form = new FormData(byId("create-form", HTMLFormElement));
    const visibility = form.get("visibility") as Visibility;
    const password = this.#password.value;
    const made = this.#place.create({
      game: GAME,
      visibility,
      name,
      ...terms(String(form.get("clock")), String(form.get("white"))),
      ...(password && { password }),
    });
    if (await attempt(made)) this.#password.value = "";
  }

  async #join(which: Pick<Join, "code" | "id">, role: Role): Promise<void> {
    if (which.code === "") {
      this.#code.focus();
      return;
    }
    const name = this.#needName();
    if (name === undefined) return;
    const join = { ...which, name, role };
    try {
      await this.#place.join(join);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      if (refused.code === "E_PASSWORD") askPassword(join, (again) => this.#place.join(again));
      else void attempt(Promise.reject(refused));
    }
  }

  async #list(): Promise<void> {
    this.#listed = true;
    this.#refresh.disabled = true;
    await attempt(
      this.#place.ask("list", { game: GAME }).then(({ lobbies }) => {
        this.#listing.replaceChildren(...lobbies.map((listed) => this.#item(listed)));
        const none = lobbies.length === 0;
        setText(this.#listingState, none ? "There is no public lobby just now." : "");
      }),
    );
    this.#refresh.disabled = this.#place.line !== "up";
  }

  #item({ id, host, players, capacity, phase, metadata, ...door }: Listed): HTMLLIElement {
    const action = (label: string, role: Role): HTMLButtonElement => {
      const button = make("button", { type: "button", class: "small" }, label);
      button.setAttribute("aria-label", `${label} ${host}’s lobby`);
      button.dataset.testid = role === "player" ? "listed-join" : "listed-watch";
      button.addEventListener("click", () => void this.#join({ id }, role));
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

/** How a match is played, and what of it is told to others: `clock` is minutes + seconds a move. */
function terms(clock: string, white: string): Pick<Create, "config" | "metadata"> {
  const config: ChessConfig = { white: white as NonNullable<ChessConfig["white"]> };
  const [minutes, seconds] = clock.split("+").map(Number);
  if (!minutes) return { config };
  config.clock = { initial_ms: minutes * 60_000, increment_ms: (seconds ?? 0) * 1_000 };
  return { config, metadata: { clock } };
}
