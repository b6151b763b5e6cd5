// Another peer of the lobby, as users know it. What the server says of it, `index.ts` follows.

import { call } from "../emitter.js";
import { ParlorError } from "../error.js";
import type * as api from "../generated/signal.js";
import { Flag, PART_BYTES } from "./frame.js";
import type { Class, Message } from "./link.js";
import { Linked, PAUSE_BYTES, type Surroundings } from "./linked.js";
import { MAX_MESSAGE_BYTES } from "./stream.js";

/** How a message is sent: `reliable` ones arrive in order, of `volatile` ones the newest counts. */
export type Channel = Class;

/** No more than this waits: who sends it has not waited for its turn. */
export const MAX_BUFFERED_BYTES = 4 * PAUSE_BYTES;

/** What a peer tells of. */
export interface PeerEvents {
  heard(peer: Peer, data: unknown, channel: Channel, key: number): void;
  switched(peer: Peer, path: api.Path, reason: api.SwitchReason): void;
  track(peer: Peer, track: MediaStreamTrack, streams: readonly MediaStream[]): void;
  ask(name: "open" | "close", request: object): Promise<unknown>;
}

/** Another peer of the lobby. */
export class Peer {
  readonly #events: PeerEvents;
  readonly #tracks = new Map<MediaStreamTrack, MediaStream[]>();
  #around: Surroundings | undefined;
  #isForced = false;
  /** @internal */
  info: api.Peer;
  /** @internal */
  linked: Linked | undefined;

  /** @internal */
  constructor(info: api.Peer, events: PeerEvents) {
    this.info = info;
    this.#events = events;
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
    return this.linked !== undefined;
  }

  /** Which way what is sent to it goes. */
  get path(): api.Path {
    return this.linked?.link.way.path ?? "relay";
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
    if (!linked) throw new ParlorError("E_NOT_FOUND", "There is no link to this peer.");
    const bytes = bytesOf(data);
    const payload = bytes ?? new TextEncoder().encode(JSON.stringify(data ?? null));
    if (payload.length > (channel === "volatile" ? PART_BYTES : MAX_MESSAGE_BYTES))
      throw new ParlorError("E_TOO_LARGE", "This message is too large.");
    const isFull = channel === "reliable" && linked.bufferedBytes > MAX_BUFFERED_BYTES;
    if (isFull || !linked.send(channel, bytes ? 0 : Flag.json, payload, key))
      throw new ParlorError("E_FULL", "Too much waits already, or too many keys are in use.");
    return linked.room();
  }

  /** How the link is. */
  stats(): api.LinkQuality {
    const { link } = this.linked ?? {};
    const { path = "relay", via, rtt, jitter = 0, loss = 0, switches = 0 } = link?.way ?? {};
    const bounded = (ms: number): number => Math.min(60_000, Math.max(0, ms));
    const times = rtt === undefined ? {} : { rtt_ms: bounded(rtt), jitter_ms: bounded(jitter) };
    const direct = path === "direct" ? { loss, ...(via && { via }) } : {};
    const { direct: bytes_direct = 0, relay: bytes_relay = 0 } = link?.bytes ?? {};
    return { path, ...times, ...direct, bytes_direct, bytes_relay, switches };
  }

  /** Lets all go by the server, or by the better way again. Each end decides for what it sends. */
  forcePath(path: "relay" | "auto"): void {
    this.#isForced = path === "relay";
    if (!this.#around) return;
    this.linked?.link.force(this.#isForced, this.#around.now());
    this.#around.changed();
  }

  /** Sends a media track along, on a direct path. */
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): void {
    this.#tracks.set(track, streams);
    this.linked?.negotiation?.addTrack(track, streams);
  }

  /** Sends it no more. */
  removeTrack(track: MediaStreamTrack): void {
    this.#tracks.delete(track);
    this.linked?.negotiation?.removeTrack(track);
  }

  /** Ends the link, until one of the two opens it again. What was not confirmed is lost. */
  async close(reason = ""): Promise<void> {
    const { number: link } = this.linked ?? {};
    this.unlink();
    if (link !== undefined) await this.#events.ask("close", { link, reason });
  }

  /** Links with it again. */
  async open(): Promise<void> {
    await this.#events.ask("open", { peer: this.id });
  }

  /**
   * With encryption: forty digits to compare with those that the other player sees, by another way
   * than the server. If they differ, somebody reads along.
   */
  async safetyCode(): Promise<string | undefined> {
    const { key } = this.info;
    return key === undefined ? undefined : this.#around?.secret?.safetyCode(key);
  }

  /** @internal */
  link(around: Surroundings, told: api.Link): void {
    this.unlink();
    this.#around = around;
    this.linked = new Linked(around, told, this.info.key, {
      heard: (message) => this.#heard(message),
      switched: (path, reason) => this.#events.switched(this, path, reason),
      track: (track, streams) => this.#events.track(this, track, streams),
      unsealable: () => void this.close("key").catch(() => {}),
    });
    if (this.#isForced) this.forcePath("relay");
    for (const [track, streams] of this.#tracks) this.linked.negotiation?.addTrack(track, streams);
  }

  /** @internal */
  unlink(): void {
    this.linked?.close();
    this.linked = undefined;
  }

  /** @internal Whether the server carries frames and signals to it, or does again. */
  relay(isUp: boolean, now: number): void {
    this.linked?.link.relay(isUp, now);
    this.linked?.negotiation?.reach(isUp);
  }

  /** @internal */
  tick(now: number): void {
    this.linked?.link.tick(now);
    this.linked?.negotiation?.tick(now);
  }

  /** @internal */
  deadline(now: number): number {
    const { link, negotiation } = this.linked ?? {};
    return Math.min(link?.deadline(now) ?? Infinity, negotiation?.deadline() ?? Infinity);
  }

  #heard({ flags, payload, class: channel, key }: Message): void {
    let data: unknown;
    try {
      data = flags & Flag.json ? JSON.parse(new TextDecoder().decode(payload)) : payload.slice();
    } catch {
      return;
    }
    call(this.#events.heard, this, data, channel, key);
  }
}

function bytesOf(data: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (!ArrayBuffer.isView(data)) return undefined;
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}
