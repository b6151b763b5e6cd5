// One's end of a link as it is carried: the machine of `link.ts` between server, data channels and
// encryption. What it is to users is `peer.ts`.

import { here } from "../clock.js";
import type * as api from "../generated/signal.js";
import { Flag } from "./frame.js";
import type { Peers } from "./index.js";
import { BUSY_BYTES, BUSY_PACKETS, PAUSE_BYTES, WINDOW_BYTES } from "./limits.js";
import { type Carrier, type Class, Link, type Message } from "./link.js";
import { Negotiation } from "./negotiation.js";
import type { Peer } from "./peer.js";
import type { Seal } from "./secret.js";

/** One's end of a link. */
export class Linked implements Carrier {
  readonly number: number;
  readonly link: Link;
  readonly negotiation: Negotiation | undefined;
  readonly #peers: Peers;
  readonly #peer: Peer;
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

  constructor(peers: Peers, peer: Peer, told: api.Link) {
    this.#peers = peers;
    this.#peer = peer;
    this.number = told.link;
    const { joined, connection } = peers;
    this.link = new Link(this, joined.budget.link);
    this.#seal = peers.secret?.seal(peer.info.key ?? "", `${joined.lobby} ${told.link}`);
    // The other end shows no key, or one that is none.
    this.#seal?.catch(() => void (this.#isClosed || peer.close("key").catch(() => {})));
    if (!told.rtc || !connection) return;
    this.negotiation = new Negotiation(told, {
      connection,
      signal: (signal) => peers.ask("signal", signal),
      now: here,
      changed: () => peers.changed(),
      opened: (isOpen) => {
        this.link.opened(isOpen, here());
        peers.changed();
      },
      frame: (bytes) => this.receive(bytes, "direct"),
      track: (track, streams) => peers.tell("track", { peer, track, streams }),
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
      if (isVolatile) this.link.sendVolatile(key, number, flags, bytes, here());
      else this.link.send(flags, bytes, here());
      this.#peers.changed();
    };
    if (this.#seal) this.#encrypt(this.#seal, { class: channel, flags, payload, key, number }, put);
    else put(flags, payload);
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
    this.link.receive(frame, from, here());
    this.#peers.changed();
  }

  /** Whether the server carries frames and signals to the other end, or does again. */
  reach(isUp: boolean): void {
    this.link.relay(isUp, here());
    this.negotiation?.reach(isUp);
  }

  /** Does what is due. */
  tick(now: number): void {
    this.link.tick(now);
    this.negotiation?.tick(now);
  }

  /** When that is. */
  deadline(now: number): number {
    return Math.min(this.link.deadline(now), this.negotiation?.deadline() ?? Infinity);
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
    this.#peers.socket.emit(kind, this.number, frame);
  }

  relayIsBusy(): boolean {
    const { writeBuffer, transport } = this.#peers.socket.io.engine as unknown as {
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
    this.#peers.tell("path", { peer: this.#peer, path, reason });
  }

  deliver(message: Message): void {
    const isSealed = (message.flags & Flag.sealed) !== 0;
    // What should be encrypted and is not, or the other way round, nobody has sent who may.
    if (isSealed !== (this.#seal !== undefined)) return;
    if (!isSealed) return this.#heard(message);
    const { length } = message.payload;
    this.#inBytes += length;
    this.#in = this.#in
      .then(async () => {
        this.#inBytes -= length;
        const payload = await (await this.#seal)?.open(message, message.payload);
        if (payload && !this.#isClosed) this.#heard({ ...message, payload });
      })
      .catch(() => {});
  }

  #heard({ flags, payload, class: channel, key }: Message): void {
    let data: unknown;
    try {
      data = flags & Flag.json ? JSON.parse(new TextDecoder().decode(payload)) : payload.slice();
    } catch {
      return;
    }
    this.#peers.tell("message", { peer: this.#peer, data, channel, key });
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
        const flags = message.flags | Flag.sealed;
        const sealed = await (await seal).seal({ ...message, flags }, payload);
        this.#outBytes -= length;
        if (!this.#isClosed) put(flags, sealed);
      })
      .catch(() => {});
  }
}
