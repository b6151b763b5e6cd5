// The reliable frames of one link: what waits and what is not confirmed at the sender, what came
// too early at the receiver. Which way frames go is not known here: a stream may be sent again by
// any way, and the numbers make it whole.

import {
  encode,
  FLAG_MORE,
  type Frame,
  HEADER_BYTES,
  KIND_RELIABLE,
  PART_BYTES,
  unwrapped,
} from "./frame.js";
import { MAX_PARTS, MAX_SEALED_BYTES, WINDOW_BYTES } from "./limits.js";

/** Told of a message that is complete: its flags, and how many came before it. */
export type Deliver = (flags: number, payload: Uint8Array<ArrayBuffer>, number: number) => void;

/** Frames on their way to the other end, or waiting for it. */
export class Outgoing {
  /** Bytes that the other end has not confirmed, sent or not. */
  bytes = 0;
  /** How many frames it has confirmed. */
  confirmed = 0;
  /** Bytes of `queue` before `cursor`. */
  #inFlight = 0;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  /** Which of the queue is sent next. */
  #cursor = 0;

  /** How many frames were sent, since the last time all were sent again. */
  get sent(): number {
    return this.confirmed + this.#cursor;
  }

  /** Adds a message, in as many frames as it takes. */
  push(flags: number, payload: Uint8Array): void {
    let at = 0;
    do {
      const part = payload.subarray(at, (at += PART_BYTES));
      const more = at < payload.length ? FLAG_MORE : 0;
      const seq = this.confirmed + this.#queue.length;
      const frame = encode(KIND_RELIABLE, flags | more, seq, 0, part);
      this.#queue.push(frame);
      this.bytes += frame.length;
    } while (at < payload.length);
  }

  /** The next frame, if so many bytes may be in flight. One always may. */
  next(window: number): Uint8Array<ArrayBuffer> | undefined {
    const frame = this.#queue[this.#cursor];
    if (!frame || (this.#cursor && this.#inFlight + frame.length > window)) return undefined;
    this.#cursor++;
    this.#inFlight += frame.length;
    return frame;
  }

  /** Sends all again that is not confirmed. */
  rewind(): void {
    this.#cursor = 0;
    this.#inFlight = 0;
  }

  /** Forgets what has arrived. Returns how many bytes that are; 0 if it is nothing new. */
  acked(bits: number): number {
    const n = unwrapped(bits, this.confirmed) - this.confirmed;
    if (n <= 0 || n > this.#queue.length) return 0;
    let bytes = 0;
    for (const [i, frame] of this.#queue.splice(0, n).entries()) {
      bytes += frame.length;
      if (i < this.#cursor) this.#inFlight -= frame.length;
    }
    this.bytes -= bytes;
    this.confirmed += n;
    this.#cursor = Math.max(0, this.#cursor - n);
    return bytes;
  }
}

/** Frames from the other end, put in order and together. */
export class Incoming {
  /** How many frames have arrived, without a gap. */
  arrived = 0;
  /** How many messages. */
  #messages = 0;
  #early = new Map<number, Frame>();
  #earlyBytes = 0;
  /** The message that is not complete: what came of it, and how much of it was sent. */
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #nParts = 0;
  #partBytes = 0;

  /** Takes a frame. Delivers each message that is complete by it. */
  take(frame: Frame, deliver: Deliver): void {
    const seq = unwrapped(frame.seq, this.arrived);
    if (seq < this.arrived || this.#early.has(seq)) return;
    const bytes = this.#earlyBytes + HEADER_BYTES + frame.payload.length;
    if (seq > this.arrived && bytes > WINDOW_BYTES) return;
    this.#earlyBytes = bytes;
    this.#early.set(seq, frame);
    for (let next; (next = this.#early.get(this.arrived)); this.#join(next, deliver)) {
      this.#early.delete(this.arrived++);
      this.#earlyBytes -= HEADER_BYTES + next.payload.length;
    }
  }

  #join({ flags, payload }: Frame, deliver: Deliver): void {
    this.#nParts++;
    this.#partBytes += payload.length;
    // A message that is too large is left out: no end that keeps to the rules sends one.
    const fits = this.#nParts <= MAX_PARTS && this.#partBytes <= MAX_SEALED_BYTES;
    if (fits) this.#parts.push(payload);
    else this.#parts = [];
    if (flags & FLAG_MORE) return;
    const number = this.#messages++;
    const [parts, bytes] = [this.#parts, this.#partBytes];
    this.#parts = [];
    this.#nParts = this.#partBytes = 0;
    if (fits) deliver(flags, together(parts, bytes), number);
  }
}

function together(parts: Uint8Array<ArrayBuffer>[], bytes: number): Uint8Array<ArrayBuffer> {
  if (parts.length === 1 && parts[0]) return parts[0];
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
