// Another peer of the lobby, as users know it. What the server says of it, `index.ts` follows.

import { here } from "../clock.js";
import { ParlorError } from "../error.js";
import type * as api from "../generated/signal.js";
import { bytesOf, FLAG_JSON, PART_BYTES } from "./frame.js";
import type { Peers } from "./index.js";
import { MAX_BUFFERED_BYTES, MAX_MESSAGE_BYTES } from "./limits.js";
import type { Class, Link } from "./link.js";
import { Linked } from "./linked.js";

/** How a message is sent: `reliable` ones arrive in order, of `volatile` ones the newest counts. */
export type Channel = Class;

/** Another peer of the lobby. */
export class Peer {
  readonly #peers: Peers;
  #isForced = false;
  /** @internal What is sent along, by each direct path. */
  readonly tracks = new Map<MediaStreamTrack, MediaStream[]>();
  /** @internal */
  info!: api.Peer;
  /** @internal */
  linked: Linked | undefined;
  /** @internal True once users are told of it: as soon as it is linked. */
  isTold = false;

  /** @internal */
  constructor(peers: Peers) {
    this.#peers = peers;
  }

  get #link(): Link | undefined {
    return this.linked?.link;
  }

  /** Its number, which no other peer of the lobby gets after it. */
  get id(): number {
    return this.info.peer;
  }

  /** Its player's seat. */
  get seat(): number {
    return this.info.seat;
  }

  /** False while its connection to the server is lost. A direct path lives on. */
  get isHere(): boolean {
    return this.info.here;
  }

  /** True while there is a link to it: in a star only between the host and the others. */
  get isLinked(): boolean {
    return !!this.linked;
  }

  /** Which way what is sent to it goes. */
  get path(): api.Path {
    return this.#link?.way.path ?? "relay";
  }

  /**
   * The browser's connection behind the direct path, for `getStats` and the like; another one after
   * a failure. Undefined without WebRTC here or there.
   */
  get connection(): RTCPeerConnection | undefined {
    return this.linked?.negotiation?.pc;
  }

  /** Bytes of reliable messages that it has not confirmed. */
  get bufferedBytes(): number {
    return this.linked?.bufferedBytes ?? 0;
  }

  /**
   * Sends it a message: bytes, or whatever JSON can say. Resolves when there is room for another;
   * who sends much waits for that.
   *
   * `key`: of volatile messages with the same one only the newest counts (0 to 2^32 − 1).
   *
   * @throws {@link ParlorError} `E_NOT_FOUND`: there is no link to it; `E_TOO_LARGE`: over 1 MiB,
   * or 16 KiB if volatile; `E_FULL`: 4 MiB wait already, or 1,024 keys are in use.
   */
  send(channel: Channel, data: unknown, key = 0): Promise<void> {
    const { linked } = this;
    if (!linked) throw new ParlorError("E_NOT_FOUND", "no link");
    const bytes = bytesOf(data);
    const payload = bytes ?? new TextEncoder().encode(JSON.stringify(data ?? null));
    if (payload.length > (channel === "volatile" ? PART_BYTES : MAX_MESSAGE_BYTES))
      throw new ParlorError("E_TOO_LARGE", "too large");
    const isFull = channel === "reliable" && linked.bufferedBytes > MAX_BUFFERED_BYTES;
    if (isFull || !linked.send(channel, bytes ? 0 : FLAG_JSON, payload, key))
      throw new ParlorError("E_FULL", "too much waits");
    return linked.room();
  }

  /** How the link is. */
  stats(): api.LinkQuality {
    const { path = "relay", via, rtt, jitter = 0, loss = 0, switches = 0 } = this.#link?.way ?? {};
    const { direct = 0, relay = 0 } = this.#link?.bytes ?? {};
    return {
      path,
      ...(rtt !== undefined && { rtt_ms: Math.min(60_000, rtt), jitter_ms: Math.min(60_000, jitter) }),
      ...(path === "direct" && { loss, ...(via && { via }) }),
      bytes_direct: direct,
      bytes_relay: relay,
      switches,
    };
  }

  /** Lets all go by the server, or by the better way again. Each end decides for what it sends. */
  forcePath(path: "relay" | "auto"): void {
    this.#isForced = path === "relay";
    this.#link?.force(this.#isForced, here());
    this.#peers.changed();
  }

  /** Sends a media track along, on a direct path. */
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): void {
    this.tracks.set(track, streams);
    this.connection?.addTrack(track, ...streams);
  }

  /** Sends it no more. */
  removeTrack(track: MediaStreamTrack): void {
    this.tracks.delete(track);
    const { connection } = this;
    const sender = connection?.getSenders().find((one) => one.track === track);
    if (sender) connection?.removeTrack(sender);
  }

  /** Ends the link, until one of the two opens it again. What was not confirmed is lost. */
  async close(reason = ""): Promise<void> {
    const { linked } = this;
    this.unlink();
    if (linked) await this.#peers.ask("close", { link: linked.number, reason });
  }

  /** Links with it again. */
  async open(): Promise<void> {
    await this.#peers.ask("open", { peer: this.id });
  }

  /**
   * With encryption: forty digits to compare with those that the other player sees, by another way
   * than the server. If they differ, somebody reads along.
   */
  async safetyCode(): Promise<string | undefined> {
    const { key } = this.info;
    return key && this.#peers.encryption?.safetyCode(key);
  }

  /** @internal */
  link(told: api.Link): void {
    this.unlink();
    this.linked = new Linked(this.#peers, this, told);
    if (this.#isForced) this.forcePath("relay");
  }

  /** @internal */
  unlink(): void {
    this.linked?.close();
    this.linked = undefined;
  }
}
