// How the host runs a lobby: who may find it, whether anybody comes in, and the password.

import { byId, setText, show } from "./dom";
import { attempt } from "./notice";
import type { Place } from "./place";
import type { Lobby, Visibility } from "./types";

export class SettingsView {
  readonly #place: Place;
  readonly #section = byId("host-settings", HTMLFieldSetElement);
  readonly #fill = byId("set-fill", HTMLInputElement);
  readonly #visibility = byId("set-visibility", HTMLSelectElement);
  readonly #lock = byId("lock", HTMLButtonElement);
  readonly #password = byId("set-password-input", HTMLInputElement);
  readonly #send = byId("set-password-send", HTMLButtonElement);

  constructor(place: Place) {
    this.#place = place;
    this.#visibility.addEventListener("change", () => {
      const visibility = this.#visibility.value as Visibility;
      // A refusal leaves what it was.
      void attempt(place.ask("settings", { visibility })).then(() => this.#follow());
    });
    this.#fill.addEventListener("change", () => {
      const fill = this.#fill.checked;
      void attempt(place.ask("settings", { fill })).then(() => this.#follow());
    });
    this.#lock.addEventListener("click", () => {
      void attempt(place.ask("settings", { locked: !place.lobby?.locked }));
    });
    this.#password.addEventListener("input", () => this.#follow());
    byId("set-password", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#setPassword();
    });
  }

  update(lobby: Lobby, live: boolean): void {
    show(this.#section, this.#place.hosts);
    this.#section.disabled = !live;
    this.#fill.disabled = lobby.phase !== "open";
    this.#follow();
  }

  async #setPassword(): Promise<void> {
    const password = this.#password.value;
    if (await attempt(this.#place.ask("settings", { password }))) this.#password.value = "";
    this.#follow();
  }

  #follow(): void {
    const { lobby } = this.#place;
    if (!lobby) return;
    this.#visibility.value = lobby.visibility;
    this.#fill.checked = lobby.fill ?? false;
    this.#lock.setAttribute("aria-pressed", String(lobby.locked ?? false));
    setText(this.#lock, lobby.locked ? "Locked" : "Lock");
    this.#password.placeholder = lobby.password ? "Has a password" : "No password";
    const removes = this.#password.value === "" && lobby.password === true;
    setText(this.#send, removes ? "Remove" : "Set");
    this.#send.disabled = this.#password.value === "" && !removes;
  }
}
