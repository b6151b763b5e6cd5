// The seats of a lobby before a match: who has them, in which colours, and what one's own can be.

import { COLOURS, paint } from "./colours";
import { byId, make, pressTwice, show } from "./dom";
import { attempt } from "./notice";
import type { Place } from "./place";
import type { Lobby, Seat } from "./types";

export class SeatsView {
  readonly #place: Place;
  readonly #seats = byId("seats", HTMLUListElement);
  readonly #palette = byId("palette", HTMLElement);
  #shown = "";

  constructor(place: Place) {
    this.#place = place;
    for (const colour of COLOURS) {
      const swatch = make("button", { type: "button", class: "swatch", "aria-label": colour });
      swatch.title = colour;
      swatch.dataset.colour = colour;
      paint(swatch, colour);
      swatch.addEventListener("click", () => void attempt(place.ask("colour", { colour })));
      this.#palette.append(swatch);
    }
  }

  /** `awaits`: seats are kept for who was matched, and those who are not here have not come yet. */
  update(lobby: Lobby, live: boolean, awaits: boolean): void {
    const mine = this.#place.mySeat;
    show(this.#palette, mine !== undefined);
    const taken = new Set(lobby.seats.map((seat) => seat.colour));
    for (const swatch of this.#palette.querySelectorAll("button")) {
      const own = swatch.dataset.colour === mine?.colour;
      swatch.classList.toggle("own", own);
      swatch.disabled = !live || (!own && taken.has(swatch.dataset.colour as Seat["colour"]));
    }
    // Drawn anew only when something is different: a button may be pressed just now.
    const { seats, host, capacity, fill, phase } = lobby;
    const { seat, muted } = this.#place;
    const of = { seats, host, capacity, fill, phase, seat, live, awaits, muted: [...muted] };
    const shown = JSON.stringify(of);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const rows = [...Array(capacity).keys()].map((number) =>
      this.#row(number, seats.find((seat) => seat.seat === number), lobby, awaits),
    );
    this.#seats.replaceChildren(...rows);
  }

  #row(number: number, seat: Seat | undefined, lobby: Lobby, awaits: boolean): HTMLLIElement {
    const row = make("li", { class: "seat", "data-testid": `seat-${number}` });
    if (!seat) return this.#free(row, lobby);
    const initial = [...seat.name][0]?.toUpperCase() ?? "?";
    const avatar = make("span", { class: "avatar", "aria-hidden": "true" }, initial);
    paint(avatar, seat.colour);
    if (seat.colour) avatar.dataset.colour = seat.colour;
    const name = make("span", { class: "who" }, seat.name);
    if (seat.seat === this.#place.seat) name.append(make("small", {}, " you"));
    const marks = make("span", { class: "marks" });
    const mark = (text: string, kind: string): void =>
      marks.append(make("span", { class: `mark ${kind}` }, text));
    if (lobby.host === seat.seat) mark("host", "host");
    if (!seat.connected) mark(awaits ? "not here yet" : "connection lost", "away");
    if (seat.bot) mark("bot", "bot");
    else mark(seat.ready ? "ready" : "not ready", seat.ready ? "ready" : "unready");
    row.classList.toggle("away", !seat.connected);
    row.append(avatar, name, marks);
    if (seat.seat !== this.#place.seat && !this.#place.attends) row.append(this.#powers(seat));
    return row;
  }

  /** A seat that nobody has: the host may give it to a bot. */
  #free(row: HTMLLIElement, { fill, phase }: Lobby): HTMLLIElement {
    row.classList.add("free");
    row.append(make("span", { class: "avatar", "aria-hidden": "true" }, "?"));
    const name = make("span", { class: "who" }, "Free seat");
    if (fill) name.append(make("small", {}, " or a bot’s"));
    row.append(name);
    if (!this.#place.hosts) return row;
    const add = make("button", { type: "button", class: "small" }, "Add a bot");
    add.dataset.testid = "add-bot";
    add.disabled = !this.#place.live || phase === "starting";
    add.addEventListener("click", () => void attempt(this.#place.ask("bot")));
    row.append(make("span", { class: "powers" }, add));
    return row;
  }

  /** What may be done about somebody else, and what more by the host. */
  #powers(seat: Seat): HTMLSpanElement {
    const powers = make("span", { class: "powers" });
    const power = (label: string, act: () => void): HTMLButtonElement => {
      const button = make("button", { type: "button", class: "small" }, label);
      button.setAttribute("aria-label", `${label}: ${seat.name}`);
      button.disabled = !this.#place.live;
      button.addEventListener("click", act);
      powers.append(button);
      return button;
    };
    if (!seat.bot) {
      const muted = this.#place.muted.has(seat.name);
      const mute = power("Mute", () => void attempt(this.#place.mute(seat)));
      mute.setAttribute("aria-pressed", String(muted));
      mute.dataset.testid = "mute";
    }
    if (!this.#place.hosts) return powers;
    const lead = (): void => void attempt(this.#place.ask("host", { seat: seat.seat }));
    if (seat.connected && !seat.bot) power("Make host", lead).dataset.testid = "make-host";
    const kick = power("Kick", () => undefined);
    kick.dataset.testid = "kick";
    kick.classList.add("danger");
    const sendAway = (): void => void attempt(this.#place.ask("kick", { seat: seat.seat }));
    // A bot minds nothing, and another is soon there.
    pressTwice(kick, "Really?", () => !seat.bot, sendAway);
    return powers;
  }
}
