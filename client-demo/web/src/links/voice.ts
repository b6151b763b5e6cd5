// One's voice: asked for when it is switched on first, sent to all who are there and who come, and
// muted until then. Muting leaves the track where it is, so that nobody has to negotiate.

import type { Peer, Peers } from "parlor-client";

import { byId, setText } from "../dom";

/** The switch, and the microphone behind it. */
export class Voice {
  readonly #peers: Peers;
  readonly #switch = byId("voice", HTMLInputElement);
  readonly #hint = byId("voice-hint", HTMLElement);
  #track: MediaStreamTrack | undefined;

  constructor(peers: Peers) {
    this.#peers = peers;
    // Browsers hand out no microphone to pages that came by HTTP from another machine.
    this.#switch.disabled = !("mediaDevices" in navigator);
    if (this.#switch.disabled) setText(this.#hint, "needs HTTPS");
    this.#switch.addEventListener("change", () => void this.#turn(this.#switch.checked));
  }

  /** Somebody has come. */
  meet(peer: Peer): void {
    if (this.#track) peer.addTrack(this.#track);
  }

  async #turn(isOn: boolean): Promise<void> {
    try {
      if (isOn && !this.#track) await this.#begin();
      if (this.#track) this.#track.enabled = isOn;
      setText(this.#hint, isOn ? "on" : "muted");
    } catch (error) {
      this.#switch.checked = false;
      setText(this.#hint, `no microphone: ${(error as Error).message}`);
    }
  }

  async #begin(): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const [track] = stream.getAudioTracks();
    if (!track) throw new Error("it has no sound");
    this.#track = track;
    for (const peer of this.#peers.list) peer.addTrack(track);
  }
}
