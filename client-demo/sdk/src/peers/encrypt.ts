// Encryption as it is handed in: `peersOf(lobby, { encrypt })`; who does not want it does not load
// it. Messages are encrypted on their way to a link, and decrypted behind it, one after the other.

import { FLAG_SEALED } from "./frame.js";
import type { Message } from "./link.js";
import type { Encryption, Sealing } from "./linked.js";
import { type Seal, Secret } from "./secret.js";

/** What `encrypt` of {@link PeersOptions} takes: makes a key pair for as long as one is a peer. */
export async function encrypt(): Promise<Encryption> {
  const secret = await Secret.make();
  return {
    key: secret.key,
    safetyCode: (theirs) => secret.safetyCode(theirs),
    sealing: (theirs, link) => new Sealed(secret.seal(theirs, link)),
  };
}

/** What is encrypted and decrypted of one link. */
class Sealed implements Sealing {
  readonly ready: Promise<Seal>;
  outBytes = 0;
  inBytes = 0;
  #out: Promise<void> = Promise.resolve();
  #in: Promise<void> = Promise.resolve();
  #nReliable = 0;

  constructor(ready: Promise<Seal>) {
    this.ready = ready;
  }

  close(message: Message, put: (flags: number, sealed: Uint8Array) => void): void {
    const { length } = message.payload;
    // Whoever sent it may write over it meanwhile.
    const payload = message.payload.slice();
    const flags = message.flags | FLAG_SEALED;
    const number = message.class === "volatile" ? message.number : this.#nReliable++;
    this.outBytes += length;
    this.#out = this.#out
      .then(async () => {
        const sealed = await (await this.ready).seal({ ...message, flags, number }, payload);
        this.outBytes -= length;
        put(flags, sealed);
      })
      .catch(() => {});
  }

  open(message: Message, heard: (message: Message) => void): void {
    // What is not encrypted, nobody has sent who may.
    if (!(message.flags & FLAG_SEALED)) return;
    const { length } = message.payload;
    this.inBytes += length;
    this.#in = this.#in
      .then(async () => {
        this.inBytes -= length;
        heard({ ...message, payload: await (await this.ready).open(message, message.payload) });
      })
      .catch(() => {});
  }
}
