// One end of one link, as a machine: it is told what happens and when, and says what is to be sent,
// delivered and looked at again. Reliable messages arrive once and in order whatever way they go
// (`stream.ts`), volatile ones never go back, and `path.ts` chooses the way.
// Sockets, data channels, clocks and encryption are not known here; see `peer.ts`.

import {
  decode,
  encode,
  KIND_ACK,
  KIND_PING,
  KIND_PONG,
  KIND_RELIABLE,
  KIND_VOLATILE,
  unwrapped,
} from "./frame.js";
import {
  ACK_BYTES,
  ACK_FRAMES,
  ACK_MS,
  MAX_KEYS,
  MAX_RESEND_MS,
  MIN_RELAY_WINDOW,
  REFUSED_MS,
  RESEND_MS,
  SETTLED_BYTES,
  STALE_BYTES,
  WINDOW_BYTES,
} from "./limits.js";
import { Way } from "./path.js";
import { Incoming, Outgoing } from "./stream.js";
import type { Path, SwitchReason } from "../generated/signal.js";

/** The ways that frames may go. */
export type Class = "reliable" | "volatile";

/** A message from the other end. */
export interface Message {
  class: Class;
  flags: number;
  payload: Uint8Array<ArrayBuffer>;
  /** Of volatile ones. */
  key: number;
  /** The how-manieth of its class and key. */
  number: number;
}

/** What a link wants done, and asks. */
export interface Carrier {
  /** Sends a frame by the server. */
  relay(kind: Class, frame: Uint8Array<ArrayBuffer>): void;
  /** True while more waits for the server than volatile messages should queue behind. */
  relayIsBusy(): boolean;
  /** Sends a frame by a data channel; one that cannot be used any more is closed later. */
  direct(kind: Class, frame: Uint8Array<ArrayBuffer>): void;
  /** Bytes that wait in a data channel. */
  buffered(kind: Class): number;
  deliver(message: Message): void;
  /** Less is buffered than before. */
  drained(): void;
  switched(path: Path, reason: SwitchReason): void;
}

/** One end of one link. */
export class Link {
  readonly way: Way;
  /** Bytes sent by each way. */
  readonly bytes = { direct: 0, relay: 0 };
  readonly #carrier: Carrier;
  readonly #outgoing = new Outgoing();
  readonly #incoming = new Incoming();
  /** By key, the last number of volatile messages. */
  readonly #stamped = new Map<number, number>();
  readonly #seen = new Map<number, number>();
  #relayIsUp = false;
  /** By the server nothing may go before; 0: it has not refused anything. */
  #refusedUntil = 0;
  #relayWindow: number;
  /** Not confirmed yet, and when that is due. */
  #owedFrames = 0;
  #owedBytes = 0;
  #ackAt = Infinity;
  /** When what is not confirmed is sent again. */
  #resendAt = Infinity;
  #resendMs = RESEND_MS;
  /** A frame whose confirmation tells how long the way through the server is. */
  #timed: { end: number; at: number } | undefined;
  /** So many of the frames have gone by the server, or may have. */
  #relayedTo = 0;

  /** `relayBytes`: how many a second the server takes. */
  constructor(carrier: Carrier, relayBytes: number) {
    this.#carrier = carrier;
    this.#relayWindow = Math.max(MIN_RELAY_WINDOW, Math.min(relayBytes, WINDOW_BYTES));
    this.way = new Way({
      probe: (seq) => this.#probe(KIND_PING, seq),
      switched: (path, reason) => {
        if (path === "relay") this.#outgoing.rewind();
        this.#timed = undefined;
        carrier.switched(path, reason);
      },
    });
  }

  /** Bytes of reliable messages that the other end has not confirmed. */
  get bufferedBytes(): number {
    return this.#outgoing.bytes;
  }

  /** Sends a message that arrives. */
  send(flags: number, payload: Uint8Array, now: number): void {
    this.#outgoing.push(flags, payload);
    this.way.used(now);
    this.tick(now);
  }

  /** The number of the next volatile message of a key; `undefined` if there are too many keys. */
  stamp(key: number): number | undefined {
    return next(this.#stamped, key, (this.#stamped.get(key) ?? 0) + 1);
  }

  /** Sends a volatile message, or leaves it out if it would have to wait. */
  sendVolatile(key: number, number: number, flags: number, payload: Uint8Array, now: number): void {
    this.way.used(now);
    this.tick(now);
    const isBusy = this.#isDirect ? this.#isStale : this.#carrier.relayIsBusy();
    if (this.#maySend && !isBusy)
      this.#transmit("volatile", encode(KIND_VOLATILE, flags, number, key, payload));
  }

  /** Takes what came by either way. */
  receive(bytes: Uint8Array<ArrayBuffer>, from: Path, now: number): void {
    const frame = decode(bytes);
    if (!frame) return;
    const carrier = this.#carrier;
    const { kind, flags, seq, ack, payload } = frame;
    if (kind === KIND_PING && from === "direct") this.#probe(KIND_PONG, seq);
    if (kind === KIND_PONG && from === "direct") this.way.answered(seq, now);
    if (kind === KIND_ACK || kind === KIND_RELIABLE) this.#confirmed(ack, from, now);
    if (kind === KIND_RELIABLE) {
      this.#owe(bytes.length, now);
      this.#incoming.take(frame, (flags, payload, number) =>
        carrier.deliver({ class: "reliable", flags, payload, key: 0, number }),
      );
    }
    if (kind === KIND_VOLATILE) {
      const last = this.#seen.get(ack) ?? 0;
      const number = unwrapped(seq, last);
      if (number > last && next(this.#seen, ack, number))
        carrier.deliver({ class: "volatile", flags, payload, key: ack, number });
    }
    this.tick(now);
  }

  /** Whether the server takes frames and the other end is there to have them. */
  relay(isUp: boolean, now: number): void {
    this.#relayIsUp = isUp;
    this.#relayBroke(now);
  }

  /** The server has dropped frames, and takes none for a while. */
  refused(retryMs: number, now: number): void {
    this.#refusedUntil = now + Math.max(retryMs, REFUSED_MS);
    this.#relayWindow = Math.max(MIN_RELAY_WINDOW, this.#relayWindow / 2);
    this.#relayBroke(now);
  }

  /** The data channels are open, or not any more. */
  opened(isOpen: boolean, now: number): void {
    this.way.opened(isOpen, now);
    this.tick(now);
  }

  /** Whether all has to go by the server. */
  force(relay: boolean, now: number): void {
    this.way.force(relay);
    this.tick(now);
  }

  /** Does all that is due. */
  tick(now: number): void {
    if (now >= this.#refusedUntil) this.#refusedUntil = 0;
    if (now >= this.#resendAt) this.#resend(now);
    this.way.tick(now, this.#carrier.buffered("reliable") < SETTLED_BYTES, this.#relayIsUp);
    if (!this.#maySend) return;
    this.#pump(now);
    if (now >= this.#ackAt)
      this.#transmit("reliable", encode(KIND_ACK, 0, 0, this.#acknowledge()));
  }

  /** When there is something to do next. */
  deadline(now: number): number {
    const later = this.#relayIsUp ? this.#refusedUntil : Infinity;
    const ackAt = this.#maySend ? this.#ackAt : later;
    return Math.min(this.#resendAt, this.way.deadline(now), ackAt);
  }

  get #isDirect(): boolean {
    return this.way.path === "direct";
  }

  get #maySend(): boolean {
    return this.#isDirect || (this.#relayIsUp && !this.#refusedUntil);
  }

  get #isStale(): boolean {
    return this.#carrier.buffered("volatile") > STALE_BYTES;
  }

  /** What went by the server may be lost. */
  #relayBroke(now: number): void {
    if (this.#outgoing.confirmed < this.#relayedTo) {
      this.#rewind();
    }
    this.tick(now);
  }

  /** Sends all again that is not confirmed. */
  #rewind(): void {
    this.#outgoing.rewind();
    this.#resendAt = Infinity;
    this.#timed = undefined;
  }

  #pump(now: number): void {
    const isDirect = this.#isDirect;
    const window = isDirect ? WINDOW_BYTES : this.#relayWindow;
    for (let frame; (frame = this.#outgoing.next(window)); ) {
      new DataView(frame.buffer).setUint32(8, this.#acknowledge());
      if (!isDirect && this.#outgoing.sent > this.#relayedTo) {
        this.#relayedTo = this.#outgoing.sent;
        this.#timed ??= { end: this.#relayedTo, at: now };
      }
      if (this.#resendAt === Infinity) this.#resendAt = now + this.#resendMs;
      this.#transmit("reliable", frame);
    }
  }

  #transmit(kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    const { path } = this.way;
    this.bytes[path] += frame.length;
    if (path === "direct") this.#carrier.direct(kind, frame);
    else this.#carrier.relay(kind, frame);
  }

  #probe(kind: number, seq: number): boolean {
    if (this.#isStale) return false;
    this.#carrier.direct("volatile", encode(kind, 0, seq, 0));
    return true;
  }

  /** Nothing is confirmed for too long: the way is not what it seems. */
  #resend(now: number): void {
    this.#rewind();
    this.#resendMs = Math.min(2 * this.#resendMs, MAX_RESEND_MS);
    if (this.#isDirect) this.way.downgrade(now, "silent");
  }

  #confirmed(ack: number, from: Path, now: number): void {
    const bytes = this.#outgoing.acked(ack);
    if (!bytes) return;
    this.#resendMs = RESEND_MS;
    this.#resendAt = this.#outgoing.sent > this.#outgoing.confirmed ? now + RESEND_MS : Infinity;
    if (from === "relay") this.#relayWindow = Math.min(WINDOW_BYTES, this.#relayWindow + bytes / 8);
    else if (this.way.path === from) this.way.alive(now);
    if (this.#timed && this.#outgoing.confirmed >= this.#timed.end) {
      this.way.measured(now - this.#timed.at);
      this.#timed = undefined;
    }
    this.#carrier.drained();
  }

  #owe(bytes: number, now: number): void {
    this.#owedFrames++;
    this.#owedBytes += bytes;
    const isMuch = this.#owedFrames >= ACK_FRAMES || this.#owedBytes >= ACK_BYTES;
    this.#ackAt = isMuch ? now : Math.min(this.#ackAt, now + ACK_MS);
  }

  /** How many frames have arrived; by saying so, nothing is owed any more. */
  #acknowledge(): number {
    this.#owedFrames = this.#owedBytes = 0;
    this.#ackAt = Infinity;
    return this.#incoming.arrived;
  }
}

/** Keeps the number of a key, unless that is one too many. */
function next(numbers: Map<number, number>, key: number, number: number): number | undefined {
  if (!numbers.has(key) && numbers.size >= MAX_KEYS) return undefined;
  numbers.set(key, number);
  return number;
}
