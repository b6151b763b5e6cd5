// One's end of a link as it is carried: the machine of `link.ts` between server, data channels and
// encryption. What it is to users is `peer.ts`.

import type * as api from "../generated/signal.js";
import { Flag } from "./frame.js";
import { type Carrier, type Class, Link, type Message } from "./link.js";
import { Negotiation } from "./negotiation.js";
import type { Seal, Secret } from "./secret.js";
import { WINDOW_BYTES } from "./stream.js";

/** From here on `send` makes one wait. */
export const PAUSE_BYTES = 1024 * 1024;
/** Volatile messages are left out while more than this waits on its way to the server. */
const BUSY_BYTES = 16 * 1024;
const BUSY_PACKETS = 64;

/** What a link needs of its surroundings. */
export interface Surroundings {
  /** The stock client's socket of `/signal`. */
  readonly socket: {
    emit(kind: Class, link: number, frame: Uint8Array<ArrayBuffer>): unknown;
    readonly io: { engine?: unknown };
  };
  /** Absent: nothing is encrypted. */
  readonly secret: Secret | undefined;
  /** Of which lobby: numbers of links are unique with it. */
  readonly lobby: string;
  /** How much a link may have relayed each second. */
  readonly relayBytes: number;
  /** Makes a connection; absent: all is relayed. */
  readonly connection: (() => RTCPeerConnection) | undefined;
  now(): number;
  /** Something is due at another time than before. */
  changed(): void;
  signal(signal: api.Signal): Promise<{ code?: string; retry_ms?: number }>;
}

/** What a link tells of. */
export interface LinkedEvents {
  heard(message: Message): void;
  switched(path: api.Path, reason: api.SwitchReason): void;
  track(track: MediaStreamTrack, streams: readonly MediaStream[]): void;
  /** The other end shows no key, or one that is none. */
  unsealable(): void;
}

/** One's end of a link. */
export class Linked implements Carrier {
  readonly number: number;
  readonly link: Link;
  readonly negotiation: Negotiation | undefined;
  readonly #around: Surroundings;
  readonly #events: LinkedEvents;
  readonly #seal: Promise<Seal> | undefined;
  /** What is encrypted, and decrypted: one after the other, and so many bytes of it. */
  #out: Promise<unknown> = Promise.resolve();
  #in: Promise<unknown> = Promise.resolve();
  #outBytes = 0;
  #inBytes = 0;
  #nSealed = 0;
  /** Who waits until less is buffered. */
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(around: Surroundings, told: api.Link, key: string | undefined, events: LinkedEvents) {
    this.#around = around;
    this.#events = events;
    this.number = told.link;
    this.link = new Link(this, around.relayBytes);
    this.#seal = around.secret?.seal(key ?? "", `${around.lobby} ${told.link}`);
    this.#seal?.catch(() => this.#isClosed || events.unsealable());
    const { connection, now, changed, signal } = around;
    if (!told.rtc || !connection) return;
    this.negotiation = new Negotiation(told, {
      connection,
      signal,
      now,
      changed,
      opened: (isOpen) => {
        if (isOpen) this.link.opened(now());
        else this.link.closed(now());
        changed();
      },
      frame: (bytes) => this.receive(bytes, "direct"),
      track: events.track,
    });
  }

  /** Bytes of reliable messages that the other end has not confirmed. */
  get bufferedBytes(): number {
    return this.#outBytes + this.link.bufferedBytes;
  }

  /** Sends a message; false if too many keys are in use. */
  send(channel: Class, flags: number, payload: Uint8Array<ArrayBuffer>, key: number): boolean {
    const isVolatile = channel === "volatile";
    const number = isVolatile ? this.link.stamp(key) : this.#nSealed++;
    if (number === undefined) return false;
    const put = (flags: number, bytes: Uint8Array): void => {
      const now = this.#around.now();
      if (isVolatile) this.link.sendVolatile(key, number, flags, bytes, now);
      else this.link.send(flags, bytes, now);
      this.#around.changed();
    };
    if (this.#seal) {
      const label = { class: channel, flags: flags | Flag.sealed, key, number };
      this.#encrypt(this.#seal, { ...label, payload }, put);
    } else {
      put(flags, payload);
    }
    return true;
  }

  /** Waits until there is room for another message. */
  room(): Promise<void> {
    if (this.#hasRoom) return Promise.resolve();
    return new Promise((room) => this.#waiting.push(room));
  }

  /** Takes what came by either way. */
  receive(frame: Uint8Array<ArrayBuffer>, from: api.Path): void {
    // What comes faster than it is decrypted is not confirmed, and so comes again.
    if (this.#isClosed || this.#inBytes > WINDOW_BYTES) return;
    this.link.receive(frame, from, this.#around.now());
    this.#around.changed();
  }

  /** Looks how the direct way goes. */
  async look(): Promise<void> {
    if (this.negotiation) this.link.way.via = await this.negotiation.via();
  }

  /** Ends it. */
  close(): void {
    this.#isClosed = true;
    this.negotiation?.close();
    for (const room of this.#waiting.splice(0)) room();
  }

  relay(kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    this.#around.socket.emit(kind, this.number, frame);
  }

  relayIsBusy(): boolean {
    const { writeBuffer, transport } = this.#around.socket.io.engine as {
      writeBuffer?: unknown[];
      transport?: { ws?: { bufferedAmount: number } };
    };
    const n = writeBuffer?.length ?? 0;
    return n > BUSY_PACKETS || (transport?.ws?.bufferedAmount ?? 0) > BUSY_BYTES;
  }

  direct(kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    this.negotiation?.send(kind, frame);
  }

  buffered(kind: Class): number {
    return this.negotiation?.buffered(kind) ?? 0;
  }

  drained(): void {
    if (this.#hasRoom) for (const room of this.#waiting.splice(0)) room();
  }

  switched(path: api.Path, reason: api.SwitchReason): void {
    if (path === "direct" || reason === "silent") this.negotiation?.carries(path === "direct");
    this.#events.switched(path, reason);
  }

  deliver(message: Message): void {
    const isSealed = (message.flags & Flag.sealed) !== 0;
    // What should be encrypted and is not, or the other way round, nobody has sent who may.
    if (isSealed !== (this.#seal !== undefined)) return;
    if (!isSealed) return this.#events.heard(message);
    const { length } = message.payload;
    this.#inBytes += length;
    this.#in = this.#in
      .then(async () => {
        this.#inBytes -= length;
        const payload = await (await this.#seal)?.open(message, message.payload);
        if (payload && !this.#isClosed) this.#events.heard({ ...message, payload });
      })
      .catch(() => {});
  }

  get #hasRoom(): boolean {
    return this.bufferedBytes <= PAUSE_BYTES;
  }

  #encrypt(
    seal: Promise<Seal>,
    message: Message,
    put: (flags: number, bytes: Uint8Array) => void,
  ): void {
    const { length } = message.payload;
    // Whoever sent it may write over it meanwhile.
    const payload = message.payload.slice();
    this.#outBytes += length;
    this.#out = this.#out
      .then(async () => {
        const sealed = await (await seal).seal(message, payload);
        this.#outBytes -= length;
        if (!this.#isClosed) put(message.flags, sealed);
      })
      .catch(() => {});
  }
}
