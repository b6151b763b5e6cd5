// One's end of a link as it is carried: the machine of `link.ts` between server, data channels and
// encryption. What it is to users is `peer.ts`.

import { here } from "../clock.js";
import type * as api from "../generated/signal.js";
import { bytesOf, FLAG_JSON, FLAG_SEALED } from "./frame.js";
import type { Peers } from "./index.js";
import { BUSY_BYTES, BUSY_PACKETS, PAUSE_BYTES, WINDOW_BYTES } from "./limits.js";
import { type Carrier, type Class, Link, type Message } from "./link.js";
import { Negotiation } from "./negotiation.js";
import type { Peer } from "./peer.js";

/** What encrypts, from end to end: see `encrypt.ts`. */
export interface Encryption {
  /** The public key, as others are told it. */
  readonly key: string;
  /** Forty digits that both players see if nobody has swapped their keys. */
  safetyCode(theirs: string): Promise<string>;
  /** For one link to the peer with this key. `link`: what no other link is called. */
  sealing(theirs: string, link: string): Sealing;
}

/** What encrypts one link. */
export interface Sealing {
  /** Rejects if the other end shows no key, or one that is none. */
  readonly ready: Promise<unknown>;
  /** Bytes that wait to be encrypted. */
  readonly outBytes: number;
  /** Bytes that wait to be decrypted. */
  readonly inBytes: number;
  /** Encrypts a message. */
  close(message: Message, put: (flags: number, sealed: Uint8Array) => void): void;
  /** Decrypts one; what nobody has sent who may is not heard. */
  open(message: Message, heard: (message: Message) => void): void;
}

/** One's end of a link. */
export class Linked implements Carrier {
  readonly number: number;
  readonly link: Link;
  readonly negotiation: Negotiation | undefined;
  readonly #peers: Peers;
  readonly #peer: Peer;
  readonly #sealing: Sealing | undefined;
  /** Who waits until less is buffered. */
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(peers: Peers, peer: Peer, told: api.Link) {
    this.#peers = peers;
    this.#peer = peer;
    this.number = told.link;
    const { joined, rtc } = peers;
    this.link = new Link(this, joined.budget.link);
    const name = `${joined.lobby} ${told.link}`;
    this.#sealing = peers.encryption?.sealing(peer.info.key ?? "", name);
    this.#sealing?.ready.catch(() => void (this.#isClosed || peer.close("key").catch(() => {})));
    if (told.rtc && rtc) {
      this.negotiation = new Negotiation(told, {
        tracks: peer.tracks,
        connection: () => peers.connection(rtc),
        signal: (signal) => peers.ask("signal", signal),
        now: here,
        changed: () => peers.changed(),
        opened: (isOpen) => {
          this.link.opened(isOpen, here());
          peers.changed();
        },
        frame: (data) => this.receive(data, "direct"),
        track: (track, streams) => peers.tell("track", { peer, track, streams }),
      });
    }
  }

  /** Bytes of reliable messages that the other end has not confirmed. */
  get bufferedBytes(): number {
    return (this.#sealing?.outBytes ?? 0) + this.link.bufferedBytes;
  }

  /** Sends a message; false if too many keys are in use. */
  send(channel: Class, flags: number, payload: Uint8Array<ArrayBuffer>, key: number): boolean {
    const isVolatile = channel === "volatile";
    const number = isVolatile ? this.link.stamp(key) : 0;
    if (number === undefined) return false;
    const put = (flags: number, bytes: Uint8Array): void => {
      if (this.#isClosed) return;
      if (isVolatile) this.link.sendVolatile(key, number, flags, bytes, here());
      else this.link.send(flags, bytes, here());
      this.#peers.changed();
    };
    if (this.#sealing) this.#sealing.close({ class: channel, flags, payload, key, number }, put);
    else put(flags, payload);
    return true;
  }

  /** Waits until there is room for another message. */
  room(): Promise<void> {
    return new Promise((room) => void (this.#hasRoom ? room() : this.#waiting.push(room)));
  }

  /** Takes what came by either way. */
  receive(data: unknown, from: api.Path): void {
    const frame = bytesOf(data);
    // What comes faster than it is decrypted is not confirmed, and so comes again.
    if (!frame || this.#isClosed || (this.#sealing?.inBytes ?? 0) > WINDOW_BYTES) return;
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
    this.link.way.via = await this.negotiation?.via();
  }

  /** Ends it. */
  close(): void {
    this.#isClosed = true;
    this.negotiation?.close();
    this.drained();
  }

  relay(kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    this.#peers.socket.emit(kind, this.number, frame);
  }

  relayIsBusy(): boolean {
    const { writeBuffer, transport } = this.#peers.socket.io.engine as unknown as {
      writeBuffer: unknown[];
      transport: { ws?: { bufferedAmount: number } };
    };
    return writeBuffer.length > BUSY_PACKETS || (transport.ws?.bufferedAmount ?? 0) > BUSY_BYTES;
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
    if (this.#sealing) this.#sealing.open(message, (opened) => this.#heard(opened));
    else if (!(message.flags & FLAG_SEALED)) this.#heard(message);
  }

  #heard({ flags, payload, class: channel, key }: Message): void {
    if (this.#isClosed) return;
    let data: unknown;
    try {
      data = flags & FLAG_JSON ? JSON.parse(new TextDecoder().decode(payload)) : payload.slice();
    } catch {
      return;
    }
    this.#peers.tell("message", { peer: this.#peer, data, channel, key });
  }

  get #hasRoom(): boolean {
    return this.#isClosed || this.bufferedBytes <= PAUSE_BYTES;
  }
}
