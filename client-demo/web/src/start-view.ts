// The first page: a name, a new lobby, a code. The public lobbies there are are `listing-view`'s,
// the queues in which one waits for a match `finding-view`'s, and with whom `party-view`'s.

import { byId, show } from "./dom";
import { FindingView } from "./finding-view";
import { ListingView } from "./listing-view";
import type { Matchmaking } from "./matchmaking";
import { memory } from "./memory";
import { attempt, hideNotice, notice } from "./notice";
import { PartyView } from "./party-view";
import { GAME, type Place } from "./place";
import { askPassword } from "./password-view";
import { Refused } from "./request";
import type { ChessConfig, Create, Join, Role, Visibility } from "./types";

/** Minutes and seconds a move, for those who take whom they get. */
const QUICK_CLOCK = "5+3";

export class StartView {
  readonly #place: Place;
  readonly #section = byId("start", HTMLElement);
  readonly #name = byId("name", HTMLInputElement);
  readonly #code = byId("code", HTMLInputElement);
  readonly #password = byId("create-password", HTMLInputElement);
  readonly listing: ListingView;
  readonly #finding: FindingView;
  readonly #party: PartyView;
  /** Whether the code is of an invitation into the audience, which is yet to be followed. */
  #invited = false;

  constructor(place: Place, matchmaking: Matchmaking) {
    this.#place = place;
    this.#name.value = memory.name();
    this.#name.addEventListener("change", () => memory.keepName(this.#name.value.trim()));
    byId("create-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#create();
    });
    byId("computer", HTMLButtonElement).addEventListener("click", () => void this.#computer());
    byId("quick", HTMLButtonElement).addEventListener("click", () => void this.#quick());
    byId("join-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const roles: Record<string, Role> = { watch: "spectator", attend: "audience" };
      const role = roles[event.submitter?.id ?? ""] ?? "player";
      void this.#join({ code: this.#code.value.trim() }, role);
    });
    this.listing = new ListingView(place, (id, role) => void this.#join({ id }, role));
    this.#finding = new FindingView(matchmaking, () => this.#needName());
    this.#party = new PartyView(matchmaking, () => this.#needName());
  }

  /** Puts a code from an invitation into its field; into the audience one comes at once. */
  invite(code: string, attends: boolean): void {
    this.#code.value = code;
    this.#invited = attends;
    if (attends) return this.#followInvitation();
    (this.#name.value === "" ? this.#name : byId("join", HTMLButtonElement)).focus();
  }

  /** Puts the code of a party that invites into its field. */
  inviteToParty(code: string): void {
    const hasName = this.#name.value !== "";
    this.#party.invite(code, hasName);
    if (!hasName) this.#name.focus();
  }

  update(shown: boolean): void {
    const up = this.#place.line === "up";
    show(this.#section, shown);
    for (const button of this.#section.querySelectorAll("button")) button.disabled = !up;
    this.listing.update(shown, up);
    this.#finding.update(shown, up);
    const sizes = this.#finding.playable.map(({ max_party }) => max_party);
    this.#party.update(Math.max(0, ...sizes), up);
    this.#followInvitation();
  }

  #followInvitation(): void {
    const { lobby, line, returning } = this.#place;
    if (lobby) this.#invited = false;
    if (!this.#invited || line !== "up" || returning) return;
    this.#invited = false;
    void this.#join({ code: this.#code.value }, "audience");
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
      ...(form.has("fill") && { fill: true }),
    });
    if (await attempt(made)) this.#password.value = "";
  }

  /** Against whoever else wants to play just so; the match begins when both are there. */
  async #quick(): Promise<void> {
    const name = this.#needName();
    if (name === undefined) return;
    const { metadata = {}, config } = terms(QUICK_CLOCK, "random");
    const filter = { metadata };
    const quick = { game: GAME, name, start: "full" as const, metadata, filter };
    await attempt(this.#place.quick({ ...quick, config }));
  }

  /** Against a bot, as soon as it sits there. */
  async #computer(): Promise<void> {
    const name = this.#needName();
    if (name === undefined) return;
    const lobby = { game: GAME, name, start: "full" as const, ...terms("", "random") };
    await attempt(this.#place.create(lobby).then(() => this.#place.ask("bot")));
  }

  async #join(which: Pick<Join, "code" | "id">, role: Role): Promise<void> {
    if (which.code === "") {
      this.#code.focus();
      return;
    }
    const name = role === "audience" ? undefined : this.#needName();
    if (name === undefined && role !== "audience") return;
    const join = { ...which, role, ...(name !== undefined && { name }) };
    try {
      await this.#place.join(join);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      if (refused.code === "E_PASSWORD") askPassword(join, (again) => this.#place.join(again));
      else void attempt(Promise.reject(refused));
    }
  }
}

/** How a match is played, and what of it is told to others: `clock` is minutes + seconds a move. */
function terms(
  clock: string,
  white: string,
): { config: ChessConfig } & Pick<Create, "metadata"> {
  const config: ChessConfig = { white: white as NonNullable<ChessConfig["white"]> };
  const [minutes, seconds] = clock.split("+").map(Number);
  if (!minutes) return { config };
  config.clock = { initial_ms: minutes * 60_000, increment_ms: (seconds ?? 0) * 1_000 };
  return { config, metadata: { clock } };
}
