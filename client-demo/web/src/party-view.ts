// "Play with friends" on the first page: the way into a party, or who is in ours and what one may
// do about it. Its leader looks for a game in `finding-view`.

import { copyLink } from "./copy";
import { byId, keepFocus, make, pressTwice, setText, show } from "./dom";
import type { Matchmaking } from "./matchmaking";
import { attempt, notice } from "./notice";
import type { PartyMember } from "./types";

export class PartyView {
  readonly #matchmaking: Matchmaking;
  readonly #section = byId("party", HTMLElement);
  readonly #title = byId("party-title", HTMLElement);
  readonly #invite = byId("party-invite", HTMLElement);
  readonly #code = byId("party-code", HTMLOutputElement);
  readonly #state = byId("party-state", HTMLElement);
  readonly #members = byId("party-members", HTMLUListElement);
  readonly #doors = byId("party-doors", HTMLElement);
  readonly #input = byId("party-input", HTMLInputElement);
  readonly #join = byId("join-party", HTMLButtonElement);
  readonly #answers = byId("party-answers", HTMLElement);
  readonly #ready = byId("party-ready", HTMLButtonElement);
  #shown = "";
  /** The code of an invitation, until we are in a party. */
  #invited = "";
  /** The keyboard is to be where one follows it, as soon as one can. */
  #beckons = false;

  /** `needName` gives what the player wants to be called, or asks for it. */
  constructor(matchmaking: Matchmaking, needName: () => string | undefined) {
    this.#matchmaking = matchmaking;
    const { party } = matchmaking;
    byId("found-party", HTMLButtonElement).addEventListener("click", () => {
      const name = needName();
      if (name !== undefined) void attempt(party.found(name));
    });
    byId("party-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const code = this.#input.value.trim();
      if (code === "") return this.#input.focus();
      const name = needName();
      if (name !== undefined) void this.#enter(code, name);
    });
    byId("copy-party", HTMLButtonElement).addEventListener("click", () => {
      // The address bar holds the code already (see `main`).
      const link = new URL(location.href);
      link.hash = "";
      void copyLink(link.href);
    });
    this.#ready.addEventListener("click", () => void attempt(party.ready(!party.mine?.ready)));
    const leave = byId("leave-party", HTMLButtonElement);
    leave.addEventListener("click", () => void attempt(party.leave()));
  }

  /** Puts a code from an invitation into its field. */
  invite(code: string, hasName: boolean): void {
    this.#input.value = code;
    this.#invited = code;
    this.#beckons = hasName;
  }

  /** Who is in a party when an invitation comes keeps to it. */
  #decline(invited: string): void {
    const { code } = this.#matchmaking.party;
    this.#invited = this.#input.value = "";
    if (invited.toUpperCase() === code) return;
    notice(`You are still in party ${code}. Leave it first to join ${invited}.`);
  }

  async #enter(code: string, name: string): Promise<void> {
    this.#invited = "";
    if (await attempt(this.#matchmaking.party.join(code, name))) this.#input.value = "";
  }

  /** `most` is how many members some queue takes, 0 before it is known; `up`: there is a line. */
  update(most: number, up: boolean): void {
    const { party } = this.#matchmaking;
    const isIn = party.code !== undefined;
    // Before queues are known it would be pushed down under somebody's finger.
    show(this.#section, isIn || most > 1 || (most > 0 && this.#invited !== ""));
    const hadFocus = this.#section.contains(document.activeElement);
    setText(this.#title, isIn ? "Your party" : "Play with friends");
    show(this.#invite, isIn);
    setText(this.#code, party.code ?? "");
    setText(this.#state, this.#advice(most));
    show(this.#doors, !isIn);
    show(this.#answers, isIn);
    show(this.#ready, isIn && !party.leads);
    this.#ready.setAttribute("aria-pressed", String(party.mine?.ready ?? false));
    this.#ready.classList.toggle("primary", party.mine?.ready !== true);
    this.#drawMembers(up);
    for (const button of this.#section.querySelectorAll("button")) button.disabled = !up;
    if (hadFocus) keepFocus(this.#section, this.#title);
    if (isIn && this.#invited !== "") this.#decline(this.#invited);
    if (!this.#beckons || !up || this.#section.hidden) return;
    this.#beckons = false;
    this.#join.focus();
  }

  #advice(most: number): string {
    const { party, waits } = this.#matchmaking;
    const { missing, mine, leader } = party;
    if (party.code === undefined) {
      return party.left || "Gather in a party: one of you looks for a game for all.";
    }
    if (waits) return "Who comes or goes now ends the search for all.";
    const isTooLarge = most > 0 && party.members.length > most;
    if (isTooLarge) return `Parties of this size are in no queue: ${most} at most.`;
    if (party.members.length === 1) return "Send friends the code or the link.";
    if (party.leads) {
      return missing.length > 0
        ? `Waiting for ${names(missing)} to be ready.`
        : "All are ready: look for a game.";
    }
    if (!mine?.ready) return `Say when you are ready; ${leader?.name} looks for a game.`;
    const others = missing.filter(({ member }) => member !== mine.member);
    return others.length > 0
      ? `Waiting for ${names(others)} to be ready.`
      : `${leader?.name} can look for a game now.`;
  }

  /** Anew only when something is different: a button may be pressed just now. */
  #drawMembers(up: boolean): void {
    const { party } = this.#matchmaking;
    const shown = JSON.stringify([party.members, party.leader, party.mine?.member]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const held = document.activeElement?.closest<HTMLElement>("[data-power]")?.dataset.power;
    this.#members.replaceChildren(...party.members.map((member) => this.#row(member)));
    if (held === undefined || !up) return;
    this.#members.querySelector<HTMLElement>(`[data-power="${held}"]`)?.focus();
  }

  #row(member: PartyMember): HTMLLIElement {
    const { party } = this.#matchmaking;
    const isMine = member.member === party.mine?.member;
    const isLeader = member.member === party.leader?.member;
    const initial = [...member.name][0]?.toUpperCase() ?? "?";
    const avatar = make("span", { class: "avatar", "aria-hidden": "true" }, initial);
    const name = make("span", { class: "who" }, member.name);
    if (isMine) name.append(make("small", {}, " you"));
    const marks = make("span", { class: "marks" });
    const mark = (text: string, kind: string): void =>
      marks.append(make("span", { class: `mark ${kind}` }, text));
    if (isLeader) mark("leader", "host");
    if (member.away) mark("connection lost", "away");
    else if (!isLeader) mark(member.ready ? "ready" : "not ready", member.ready ? "ready" : "");
    const row = make("li", { class: "seat", "data-testid": `member-${member.member}` });
    row.classList.toggle("away", member.away === true);
    row.append(avatar, name, marks);
    if (party.leads && !isMine) row.append(this.#powers(member));
    return row;
  }

  /** What its leader may do about somebody. */
  #powers(member: PartyMember): HTMLSpanElement {
    const { party } = this.#matchmaking;
    const power = (label: string, kind: string): HTMLButtonElement => {
      const data = { "data-power": `${kind}-${member.member}`, "data-testid": `party-${kind}` };
      const button = make("button", { type: "button", class: "small", ...data }, label);
      button.setAttribute("aria-label", `${label}: ${member.name}`);
      return button;
    };
    const lead = power("Make leader", "promote");
    lead.addEventListener("click", () => void attempt(party.promote(member)));
    const kick = power("Send away", "kick");
    kick.classList.add("danger");
    pressTwice(kick, "Really?", () => true, () => void attempt(party.kick(member)));
    return make("span", { class: "powers" }, lead, kick);
  }
}

function names(members: PartyMember[]): string {
  return members.map(({ name }) => name).join(" and ");
}
