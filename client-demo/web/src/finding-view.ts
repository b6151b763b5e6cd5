// "Find a game" on the first page: a button for each queue, or how it stands with our ticket.

import { byId, keepFocus, make, setText, show } from "./dom";
import type { Matchmaking } from "./matchmaking";
import { attempt, sentence } from "./notice";
import type { Party } from "./party";
import { ARENA, GAME } from "./place";
import type { ChessConfig, Queue, Rated, Reason, Ticket } from "./types";

/** How often times are drawn anew. */
const DRAW_MS = 250;
/** How often we ask who waits while we do not. */
const ASK_MS = 5_000;

export class FindingView {
  readonly #matchmaking: Matchmaking;
  readonly #needName: () => string | undefined;
  readonly #section = byId("finding", HTMLElement);
  readonly #title = byId("finding-title", HTMLElement);
  readonly #time = byId("finding-time", HTMLOutputElement);
  readonly #timeLabel = byId("finding-time-label", HTMLElement);
  readonly #state = byId("finding-state", HTMLElement);
  readonly #why = byId("finding-why", HTMLElement);
  readonly #alarm = byId("finding-alarm", HTMLElement);
  readonly #rated = byId("finding-rated", HTMLElement);
  readonly #facts = byId("finding-facts", HTMLElement);
  readonly #queues = byId("queues", HTMLElement);
  readonly #answers = byId("finding-answers", HTMLElement);
  readonly #accept = byId("accept-match", HTMLButtonElement);
  readonly #decline = byId("decline-match", HTMLButtonElement);
  readonly #cancel = byId("cancel-ticket", HTMLButtonElement);
  #isShown = false;
  #wasAsked = false;

  /** `needName` gives what the player wants to be called, or asks for it. */
  constructor(matchmaking: Matchmaking, needName: () => string | undefined) {
    this.#matchmaking = matchmaking;
    this.#needName = needName;
    const answers = { accept: this.#accept, decline: this.#decline, cancel: this.#cancel } as const;
    for (const [answer, button] of Object.entries(answers)) {
      const said = answer as keyof typeof answers;
      button.addEventListener("click", () => void attempt(matchmaking.answer(said)));
    }
    setInterval(() => this.#drawTime(), DRAW_MS);
    setInterval(() => {
      const looks = this.#isShown && document.visibilityState === "visible";
      if (looks && matchmaking.up && !matchmaking.waits) void matchmaking.askQueues();
    }, ASK_MS);
  }

  /** Those whose game this page can show, and that ask for nothing but what one would play. */
  get playable(): Queue[] {
    const isShown = ({ game }: Queue) => game === GAME || game === ARENA;
    return this.#matchmaking.queues.filter((queue) => isShown(queue) && mayBeSaid(queue));
  }

  /** `isShown` while the first page is; `up` while there is a line. */
  update(isShown: boolean, up: boolean): void {
    const { ticket, waits, ended, rated } = this.#matchmaking;
    const { playable } = this;
    this.#isShown = isShown && (waits || playable.length > 0);
    show(this.#section, this.#isShown);
    if (!this.#isShown) return;
    const hadFocus = this.#section.contains(document.activeElement);
    const state = ticket?.state ?? (waits ? "queued" : undefined);
    const { title, said } = words(ticket, waits, up);
    setText(this.#title, title);
    setText(this.#state, said || ended || idle(this.#matchmaking.party));
    setText(this.#why, ticket?.why ? sentence(ticket.why.message) : "");
    setText(this.#facts, facts(ticket));
    setText(this.#rated, rated ? ratedWords(rated) : "");
    this.#drawQueues(waits ? [] : playable, up);
    show(this.#answers, waits);
    show(this.#accept, state === "proposed");
    show(this.#decline, state === "proposed");
    show(this.#cancel, state === "queued");
    this.#cancel.disabled = !up || !ticket;
    this.#section.dataset.state = state ?? "idle";
    this.#drawTime();
    const isAsked = state === "proposed";
    if (isAsked && !this.#wasAsked) this.#alert(ticket);
    else if (hadFocus && !this.#isAtQuestion(isAsked)) keepFocus(this.#section, this.#title);
    if (!isAsked) setText(this.#alarm, "");
    this.#wasAsked = isAsked;
  }

  #isAtQuestion(isAsked: boolean): boolean {
    return isAsked && document.activeElement === this.#title;
  }

  /** There is little time to answer: whoever is elsewhere on the page is brought here. */
  #alert(ticket: Ticket | undefined): void {
    const seconds = Math.round((ticket?.proposal?.left_ms ?? 0) / 1000);
    setText(this.#alarm, `Match found: accept or decline within ${seconds} seconds.`);
    this.#title.focus();
  }

  #drawQueues(queues: Queue[], up: boolean): void {
    show(this.#queues, queues.length > 0);
    const known = new Map(
      [...this.#queues.querySelectorAll("button")].map((b) => [b.dataset.queue ?? "", b]),
    );
    const buttons = queues.map((queue) => {
      const button = known.get(queue.name) ?? this.#button(queue);
      setText(button.lastElementChild as HTMLElement, about(queue));
      button.disabled = !up || !maySeek(queue, this.#matchmaking.party);
      return button;
    });
    const isSame = buttons.length === known.size && buttons.every((button) => button.isConnected);
    // Those that are there stay, and with them the keyboard's place.
    if (!isSame) this.#queues.replaceChildren(...buttons);
  }

  #button({ name }: Queue): HTMLButtonElement {
    const attributes = { type: "button", "data-queue": name };
    const button = make("button", attributes, titled(name), " ", make("small"));
    button.addEventListener("click", () => {
      const called = this.#needName();
      if (called !== undefined) void attempt(this.#matchmaking.find(name, called));
    });
    return button;
  }

  #drawTime(): void {
    const { ticket, told_at } = this.#matchmaking;
    show(this.#time, ticket !== undefined);
    if (!ticket || !this.#isShown) return;
    const since = performance.now() - told_at;
    const left = ticket.proposal && Math.max(0, ticket.proposal.left_ms - since);
    const waited = ticket.state === "queued" ? ticket.waited_ms + since : ticket.waited_ms;
    this.#time.classList.toggle("scarce", left !== undefined && left < 5_000);
    setText(this.#timeLabel, left === undefined ? "Waited" : "Time left to answer");
    const shown = left === undefined ? Math.floor(waited / 1000) : Math.ceil(left / 1000);
    setText(this.#time, minutes(shown));
  }
}

/** What becomes of those who look for a game. */
function idle({ code, leads, leader }: Party): string {
  if (code !== undefined && !leads) return `${leader?.name} looks for a game for your party.`;
  return `You are matched with whoever else waits${code === undefined ? "" : ", all together"}.`;
}

/** Where we stand, as a title and a sentence. */
function words(
  ticket: Ticket | undefined,
  waits: boolean,
  up: boolean,
): { title: string; said: string } {
  if (!waits) return { title: "Find a game", said: "" };
  const title = ticket ? `Waiting for ${titled(ticket.queue)}` : "Waiting";
  if (!up) return { title, said: "Offline: your place in the queue is kept for a while." };
  const { state = "queued", reason, proposal } = ticket ?? {};
  const others = proposal ? ` ${proposal.accepted} of ${proposal.players} have accepted.` : "";
  switch (state) {
    case "proposed":
      return { title: "Match found", said: `Will you play?${others}` };
    case "accepted":
      return { title: "Match found", said: `You have accepted.${others}` };
    case "assigned":
      // Who takes the seat does not see this page.
      return { title: "Match found", said: "You did not take your seat; it falls in a moment." };
    default:
      return { title, said: (reason && AGAIN[reason]) ?? "Looking for somebody to play with…" };
  }
}

const AGAIN: Partial<Record<Reason, string>> = {
  other_declined: "Somebody else did not want to play. You wait on.",
  other_unanswered: "Somebody else did not answer in time. You wait on.",
  other_no_show: "Somebody else did not come. You wait on.",
  unavailable: "A part of the server did not answer. You wait on.",
};

/** How long it may take, as far as that is known. */
function facts(ticket: Ticket | undefined): string {
  if (ticket?.state !== "queued") return "";
  const all = [];
  if (ticket.position === 1) all.push("You are first in line");
  else if (ticket.position) all.push(`${ticket.position - 1} in line before you`);
  if (ticket.estimate) {
    const { p50_ms, p95_ms } = ticket.estimate;
    all.push(`lately half waited up to ${seconds(p50_ms)}, nearly all up to ${seconds(p95_ms)}`);
  }
  return all.join(" · ");
}

/** Whether we may look for a game there: of a party its leader, once all are ready. */
function maySeek({ max_party }: Queue, { code, leads, members, missing }: Party): boolean {
  return code === undefined || (leads && missing.length === 0 && members.length <= max_party);
}

/** Whether a ticket can say what is asked: of what can be chosen, that all of it would do. */
function mayBeSaid({ asks, asks_latencies }: Queue): boolean {
  return !asks_latencies && asks.every(({ required, choices }) => !required || choices?.length);
}

/** What a rated match has made of our rating. */
export function ratedWords({ rating, before, unchanged }: Rated): string {
  const now = Math.round(rating.rating);
  if (unchanged) return `Your rating in ${rating.ladder} stays ${now}: you meet too often.`;
  const by = now - Math.round(before);
  const change = by < 0 ? `−${-by}` : `+${by}`;
  const guess = rating.provisional ? ", hardly more than a guess yet" : "";
  return `Your rating in ${rating.ladder}: ${now} (${change})${guess}.`;
}

/** What is played there, and how many wait. */
function about({ config, waiting, rated, max_party, asks }: Queue): string {
  const { clock } = config as ChessConfig;
  const all: string[] = [];
  if (max_party > 1) all.push(`parties up to ${max_party}`);
  if (clock) all.push(`${clock.initial_ms / 60_000}+${(clock.increment_ms ?? 0) / 1_000}`);
  for (const { choices } of asks) if (choices?.length) all.push(choices.join(" or "));
  if (rated) all.push("rated");
  if (waiting > 0) all.push(`${waiting} waiting`);
  return all.join(" · ");
}

/** The name of a queue, as a title. */
function titled(name: string): string {
  const spaced = name.replaceAll(/[-_]/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function seconds(ms: number): string {
  return ms < 60_000 ? `${Math.max(1, Math.ceil(ms / 1000))} s` : minutes(Math.ceil(ms / 1000));
}

/** `1:05` */
function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
