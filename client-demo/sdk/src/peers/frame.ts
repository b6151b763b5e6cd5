// The frames of a link: twelve bytes of header and a payload, the same on a data channel and
// through the server. What they mean is the business of `link.ts`.
// Source: parlor-shared, `api::signal::frame`.

/** Bytes before the payload. */
export const HEADER_BYTES = 12;
/** Bytes of payload in one frame: what data channels of all browsers carry. */
export const PART_BYTES = 16 * 1024;

/** What a frame is. */
export const KIND_PING = 1;
export const KIND_PONG = 2;
export const KIND_ACK = 3;
export const KIND_RELIABLE = 4;
export const KIND_VOLATILE = 5;

/** Bits of a frame's flags. */
export const FLAG_MORE = 1;
export const FLAG_JSON = 2;
export const FLAG_SEALED = 4;

/** A frame, read. */
export interface Frame {
  kind: number;
  flags: number;
  /** As it is on the wire: 32 bits. */
  seq: number;
  /** Of volatile frames the key, else how many reliable frames have arrived. */
  ack: number;
  /** A view of the frame's bytes. */
  payload: Uint8Array<ArrayBuffer>;
}

/** The bytes of a frame. Numbers beyond 32 bits lose what is above. */
export function encode(
  kind: number,
  flags: number,
  seq: number,
  ack: number,
  payload: ArrayLike<number> = [],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  bytes[2] = flags;
  view.setUint32(4, seq);
  view.setUint32(8, ack);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Reads a frame; `undefined` if these bytes are too few. */
export function decode(bytes: Uint8Array<ArrayBuffer>): Frame | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    kind: bytes[0]!,
    flags: bytes[2]!,
    seq: view.getUint32(4),
    ack: view.getUint32(8),
    payload: bytes.subarray(HEADER_BYTES),
  };
}

/** Which count 32 bits of it stand for: the one nearest to `near`. */
export function unwrapped(bits: number, near: number): number {
  return near + ((bits - near) | 0);
}

/** A view of these bytes, whatever holds them; `undefined` if they are none. */
export function bytesOf(data: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (!ArrayBuffer.isView(data)) return undefined;
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}
