// A lobby around its match: the code to invite with, who is ready, start and leave. Seats are shown
// by `seats-view`, what only hosts see by `settings-view`, the match by `match-view`.

import { copyLink } from "./copy";
import { byId, pressTwice, setText, show } from "./dom";
import { attempt } from "./notice";
import { GAME, type Place } from "./place";
import { serverNow } from "./server-clock";
import { SeatsView } from "./seats-view";
import { SettingsView } from "./settings-view";
import type { Lobby, Seat } from "./types";

export class LobbyView {
  readonly #place: Place;
  readonly #awaits: (lobby: Lobby) => boolean;
  readonly #section = byId("lobby", HTMLElement);
  readonly #gathering = byId("gathering", HTMLElement);
  readonly #title = byId("lobby-title", HTMLElement);
  readonly #code = byId("lobby-code", HTMLElement);
  readonly #about = byId("lobby-about", HTMLElement);
  readonly #spectators = byId("spectators", HTMLElement);
  readonly #ready = byId("ready", HTMLButtonElement);
  readonly #start = byId("start-match", HTMLButtonElement);
  readonly #leave = byId("leave", HTMLButtonElement);
  readonly #hint = byId("gathering-hint", HTMLElement);
  readonly #countdown = byId("countdown", HTMLElement);
  #timer: number | undefined;
  readonly #seats: SeatsView;
  readonly #settings: SettingsView;

  /** `awaits` says of which lobby the match begins by itself, as soon as all have come. */
  constructor(place: Place, awaits: (lobby: Lobby) => boolean) {
    this.#place = place;
    this.#awaits = awaits;
    this.#seats = new SeatsView(place);
    this.#settings = new SettingsView(place);
    byId("copy-link", HTMLButtonElement).addEventListener("click", () => {
      // The address bar holds the code already (see `main`).
      void copyLink(location.href);
    });
    this.#ready.addEventListener("click", () => {
      const mine = place.mySeat;
      if (mine) void attempt(place.ask("ready", { ready: !mine.ready }));
    });
    this.#start.addEventListener("click", () => {
      void attempt(place.lobby?.phase === "starting" ? place.ask("stop") : place.ask("start"));
    });
    const playing = (): boolean => place.lobby?.phase === "playing" && place.seat !== undefined;
    pressTwice(this.#leave, "Leave the match?", playing, () => void attempt(place.leave()));
  }

  /** Draws attention to a lobby just entered. */
  enter(): void {
    this.#title.focus();
  }

  update(): void {
    const { lobby, live } = this.#place;
    show(this.#section, lobby !== undefined);
    if (!lobby) return;
    const gathers = lobby.phase === "open" || lobby.phase === "starting";
    this.#section.classList.toggle("playing", !gathers);
    show(this.#gathering, gathers);
    setText(this.#title, gathers ? `${lobby.game === GAME ? "Chess" : "Arena"} lobby` : `Match ${lobby.state?.number ?? ""}`);
    setText(this.#code, lobby.code);
    setText(this.#about, about(lobby));
    setText(this.#spectators, watching(lobby));
    this.#leave.disabled = !live;
    if (gathers) this.#updateGathering(lobby, live);
  }

  #updateGathering(lobby: Lobby, live: boolean): void {
    this.#gathering.classList.toggle("awaits", this.#awaits(lobby));
    this.#seats.update(lobby, live, this.#awaits(lobby));
    this.#settings.update(lobby, live);
    const { mySeat: mine, hosts } = this.#place;
    const complete = lobby.seats.length >= lobby.needed || lobby.fill === true;
    // The server counts starting as being ready.
    const canStart =
      complete && lobby.seats.every((seat) => seat.ready || seat.seat === lobby.host);
    show(this.#ready, mine !== undefined);
    this.#ready.disabled = !live;
    this.#ready.setAttribute("aria-pressed", String(mine?.ready ?? false));
    this.#ready.classList.toggle("primary", !mine?.ready && !(hosts && canStart));
    const starting = lobby.phase === "starting";
    show(this.#start, hosts && (starting || lobby.start === "host"));
    setText(this.#start, starting ? "Stop" : "Start match");
    this.#start.disabled = !live || !(canStart || starting);
    this.#start.classList.toggle("primary", canStart && !starting);
    this.#count(lobby);

    setText(this.#hint, this.#advice(lobby, canStart));
  }

  #advice(lobby: Lobby, canStart: boolean): string {
    const { mySeat: mine, hosts } = this.#place;
    const host = lobby.seats.find((seat) => seat.seat === lobby.host)?.name ?? "The host";
    const missing = lobby.seats.filter((seat) => !seat.ready && seat.seat !== mine?.seat);
    if (this.#awaits(lobby)) return "Your match begins as soon as everybody has come.";
    if (lobby.phase === "starting") return "The match begins in a moment.";
    if (lobby.seats.length < lobby.needed && !lobby.fill) {
      const open = lobby.visibility === "public" ? "others find this lobby, or " : "";
      return `Waiting for an opponent: ${open}send them the code or the link.`;
    }
    const hostsMay = lobby.start === "host";
    if (hosts && canStart && hostsMay) {
      const withBot = lobby.seats.length < lobby.needed ? " against a bot" : "";
      return `You can start the match${withBot}.`;
    }
    if (mine && !mine.ready) return "Say when you are ready.";
    if (missing.length > 0) return `Waiting for ${names(missing)} to be ready.`;
    return hostsMay ? `${host} can start the match.` : "The match begins in a moment.";
  }

  /** Shows the seconds to the match, while it is about to begin. */
  #count(lobby: Lobby): void {
    const until = lobby.phase === "starting" ? lobby.starts_at_ms : undefined;
    show(this.#countdown, until !== undefined);
    if (until !== undefined) {
      const seconds = Math.ceil((until - serverNow()) / 1000);
      setText(this.#countdown, String(Math.max(1, seconds)));
    }
    clearTimeout(this.#timer);
    this.#timer = until === undefined ? undefined : window.setTimeout(() => this.update(), 200);
  }
}

/** What strangers meet at the door. */
function about({ visibility, locked, password, config }: Lobby): string {
  const facts = [`${visibility} lobby`];
  const { initial_ms, increment_ms = 0 } = config.clock ?? {};
  if (initial_ms) facts.push(`${initial_ms / 60_000}+${increment_ms / 1_000}`);
  if (password) facts.push("password");
  if (locked) facts.push("locked");
  return facts.join(" · ");
}

function watching({ spectators, audience = 0 }: Lobby): string {
  const counts = [];
  if (spectators > 0) counts.push(`${spectators} watching`);
  if (audience > 0) counts.push(`${audience} in the audience`);
  return counts.join(" · ");
}

function names(seats: Seat[]): string {
  return seats.map((seat) => seat.name).join(" and ");
}
