// The chat of a lobby: the log, the line to write in, and who is typing.

import { byId, make, setText, show } from "./dom";
import { memory } from "./memory";
import type { ChatLine } from "./mirror";
import type { Place } from "./place";
import { attempt } from "./notice";
import type { TypingPush } from "./types";

/** While somebody types, the server is told at most this often. */
const TELL_EVERY_MS = 2_000;
/** Who was not heard of for this long does not type any more. */
const SILENCE_MS = 4_000;
/** How many lines this tab keeps; older ones scroll out of the log. */
const LINES = 200;

export class ChatView {
  readonly #place: Place;
  readonly #log = byId("chat-log", HTMLElement);
  readonly #input = byId("chat-input", HTMLInputElement);
  readonly #send = byId("chat-send", HTMLButtonElement);
  readonly #typingLine = byId("typing", HTMLElement);
  readonly #typing = new Map<string, number>();
  #lines: ChatLine[] = [];
  #toldAt = 0;
  /** Whether the last line is in sight, and the next one is to be. */
  #follows = true;

  constructor(place: Place) {
    this.#place = place;
    byId("chat-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#say();
    });
    this.#input.addEventListener("input", () => this.#tell(this.#input.value.trim() !== ""));
    this.#log.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      this.#follows = scrollHeight - scrollTop - clientHeight < 40;
    });
    // There is less room for it beside a board.
    new ResizeObserver(() => this.#follow()).observe(this.#log);
    this.#input.addEventListener("blur", () => this.#tell(false));
  }

  /** Begins with these lines, in a lobby just entered. */
  begin(lines: ChatLine[]): void {
    this.#lines = [];
    this.#log.replaceChildren();
    for (const line of lines) this.#append(line);
    for (const who of [...this.#typing.keys()]) this.#silence(who);
    this.#input.value = "";
  }

  add(line: ChatLine): void {
    this.#append(line);
    if (line.kind === "said") this.#silence(whoOf(line));
    if (this.#place.lobby) memory.keepChat(this.#place.lobby.id, this.#lines);
  }

  /** Somebody began or stopped typing. Our own word may come back to us; it is not shown. */
  typing(push: TypingPush): void {
    if (push.seat === this.#place.seat && push.seat !== undefined) return;
    const who = whoOf(push);
    if (!push.typing) {
      this.#silence(who);
      return;
    }
    clearTimeout(this.#typing.get(who));
    this.#typing.set(who, window.setTimeout(() => this.#silence(who), SILENCE_MS));
    this.#showTyping();
  }

  update(): void {
    const { attends, live } = this.#place;
    this.#send.disabled = !live;
    setText(byId("chat-title", HTMLElement), attends ? "What happens" : "Chat");
    show(byId("chat-form", HTMLFormElement), !attends);
    show(byId("typing", HTMLElement), !attends);
    show(byId("audience-hint", HTMLElement), attends);
  }

  #append(line: ChatLine): void {
    this.#lines.push(line);
    if (this.#lines.length > LINES) {
      this.#lines.shift();
      this.#log.firstElementChild?.remove();
    }
    this.#log.append(this.#item(line));
    this.#follow();
  }

  #follow(): void {
    if (this.#follows) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #item(line: ChatLine): HTMLParagraphElement {
    if (line.kind === "happened") return make("p", { class: "happened" }, line.text);
    const mine = line.seat !== undefined && line.seat === this.#place.seat;
    const said = new Date(line.at_ms);
    const time = make("time", { datetime: said.toISOString() });
    time.textContent = said.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const name = make("span", { class: "who" }, line.name);
    if (line.seat === undefined) name.append(" (watching)");
    const item = make("p", { class: mine ? "said mine" : "said" }, name, " ");
    item.append(make("span", { class: "what" }, line.text), " ", time);
    return item;
  }

  async #say(): Promise<void> {
    const text = this.#input.value.trim();
    if (text === "" || !this.#place.live) return;
    this.#input.value = "";
    this.#toldAt = 0;
    const accepted = await attempt(this.#place.ask("chat", { text }));
    if (!accepted && this.#input.value === "") this.#input.value = text;
  }

  #tell(typing: boolean): void {
    const now = Date.now();
    if (!this.#place.live) return;
    if (typing ? now - this.#toldAt < TELL_EVERY_MS : this.#toldAt === 0) return;
    this.#toldAt = typing ? now : 0;
    // May be lost: a refusal is not worth a notice.
    this.#place.ask("typing", { typing }).catch(() => undefined);
  }

  #silence(who: string): void {
    clearTimeout(this.#typing.get(who));
    this.#typing.delete(who);
    this.#showTyping();
  }

  #showTyping(): void {
    const names = [...this.#typing.keys()].map((who) => who.slice(who.indexOf(":") + 1));
    const verb = names.length === 1 ? "is" : "are";
    const shown = names.length > 3 ? "Several people" : names.join(" and ");
    setText(this.#typingLine, names.length === 0 ? "" : `${shown} ${verb} typing…`);
  }
}

/** Tells apart speakers of the same name in different seats. */
function whoOf({ name, seat }: { name: string; seat?: number }): string {
  return `${seat ?? ""}:${name}`;
}
