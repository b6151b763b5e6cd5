// What the host asks those who watch: the question with its votes as they come, and the sheet on
// which the host writes it. How it ended is a line of the chat.

import { byId, make, setText, show } from "./dom";
import { attempt } from "./notice";
import type { Place } from "./place";
import { serverNow } from "./server-clock";
import type { Lobby, Poll } from "./types";

/** How many answers a question has. */
const LEAST = 2;
const MOST = 8;

export class PollView {
  readonly #place: Place;
  readonly #section = byId("poll", HTMLElement);
  readonly #options = byId("poll-options", HTMLElement);
  readonly #left = byId("poll-left", HTMLElement);
  readonly #ask = byId("ask", HTMLButtonElement);
  readonly #sheet = byId("poll-dialog", HTMLDialogElement);
  readonly #inputs = byId("poll-inputs", HTMLElement);
  readonly #more = byId("poll-more", HTMLButtonElement);
  /** Lobby and number of the question that is shown. */
  #shown = "";
  #chosen: number | undefined;
  #timer: number | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.#ask.addEventListener("click", () => this.#open());
    this.#more.addEventListener("click", () => this.#addInput().focus());
    byId("poll-cancel", HTMLButtonElement).addEventListener("click", () => this.#sheet.close());
    byId("poll-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
  }

  update(): void {
    const { lobby, hosts, live } = this.#place;
    const poll = lobby?.poll;
    show(this.#ask, hosts && poll === undefined);
    this.#ask.disabled = !live;
    show(this.#section, poll !== undefined);
    clearTimeout(this.#timer);
    if (!lobby || !poll) {
      this.#shown = "";
      return;
    }
    const shown = `${lobby.id} ${poll.number}`;
    if (shown !== this.#shown) this.#begin(poll);
    this.#shown = shown;
    this.#updateOptions(lobby, poll);
    const seconds = Math.max(0, Math.ceil((poll.ends_ms - serverNow()) / 1000));
    setText(this.#left, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
    this.#timer = window.setTimeout(() => this.update(), 250);
  }

  #begin({ question, options }: Poll): void {
    this.#chosen = undefined;
    setText(byId("poll-question", HTMLElement), question);
    this.#options.replaceChildren(...options.map((option, i) => this.#option(option, i)));
  }

  #option(option: string, number: number): HTMLButtonElement {
    const what = make("span", { class: "what" }, option);
    const button = make("button", { type: "button", class: "option" }, what, make("output"));
    button.addEventListener("click", () => void this.#vote(number));
    return button;
  }

  async #vote(option: number): Promise<void> {
    if (!(await attempt(this.#place.ask("vote", { option })))) return;
    this.#chosen = option;
    this.update();
  }

  #updateOptions({ votes }: Lobby, { options }: Poll): void {
    const all = votes?.reduce((sum, n) => sum + n, 0) ?? 0;
    const buttons = [...this.#options.querySelectorAll("button")];
    for (const [i, button] of buttons.slice(0, options.length).entries()) {
      const n = votes?.[i] ?? 0;
      button.style.setProperty("--share", all === 0 ? "0%" : `${(100 * n) / all}%`);
      const count = button.querySelector("output");
      if (count) setText(count, votes ? String(n) : "");
      // Players do not vote.
      button.disabled = !this.#place.live || this.#place.seat !== undefined;
      button.setAttribute("aria-pressed", String(i === this.#chosen));
    }
  }

  #open(): void {
    byId("poll-form", HTMLFormElement).reset();
    this.#inputs.replaceChildren();
    for (let i = 0; i < LEAST; i += 1) this.#addInput();
    this.#sheet.showModal();
  }

  #addInput(): HTMLInputElement {
    const n = this.#inputs.childElementCount + 1;
    const input = make("input", { maxlength: "64", "aria-label": `Answer ${n}` });
    input.required = n <= LEAST;
    this.#inputs.append(input);
    show(this.#more, n < MOST);
    return input;
  }

  async #send(): Promise<void> {
    const inputs = [...this.#inputs.querySelectorAll("input")];
    const options = inputs.map((input) => input.value.trim()).filter((option) => option !== "");
    const question = byId("poll-ask", HTMLInputElement).value.trim();
    const seconds = Number(byId("poll-seconds", HTMLSelectElement).value);
    this.#sheet.close();
    await attempt(this.#place.ask("poll", { question, options, seconds }));
  }
}
