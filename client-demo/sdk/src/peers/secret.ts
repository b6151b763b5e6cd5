// What peers send each other, encrypted from end to end, by both ways: the server sees who sends
// how much and when, and may leave messages out, but not read, change, repeat or reorder them.
// Each comes with a key pair of its own, whose public half the server hands on. So a server that
// lies about keys can read along, unless players compare the codes that `safetyCode` makes of them.
// Source: SEC 1 (ECDH on P-256), RFC 5869 (HKDF), NIST SP 800-38D (AES-GCM).

import type { Class } from "./link.js";

/** What a message is sealed as, beside its payload: it opens as nothing else. */
export interface Label {
  class: Class;
  /** Of volatile ones. */
  key: number;
  /** The how-manieth of its class and key. */
  number: number;
  flags: number;
}

/** Encrypts what goes by one link, and decrypts what comes. */
export interface Seal {
  seal(label: Label, payload: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  open(label: Label, payload: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
}

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const text = new TextEncoder();

/** A key pair, for as long as one is a peer. */
export class Secret {
  readonly #private: CryptoKey;
  /** The public key, as others are told it. */
  readonly key: string;

  private constructor(own: CryptoKey, key: string) {
    this.#private = own;
    this.key = key;
  }

  /** Makes one. Browsers let only pages do so that came by HTTPS, or from this machine. */
  static async make(): Promise<Secret> {
    const pair = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
    const raw = await crypto.subtle.exportKey("raw", pair.publicKey);
    return new Secret(pair.privateKey, btoa(String.fromCharCode(...new Uint8Array(raw))));
  }

  /** What seals one link to another peer. `link`: what no other link is called. */
  async seal(theirs: string, link: string): Promise<Seal> {
    // With one's own key both directions would be one.
    if (theirs === this.key) throw new Error("the other peer shows one's own key");
    const raw = Uint8Array.from(atob(theirs), (letter) => letter.charCodeAt(0));
    const theirKey = await crypto.subtle.importKey("raw", raw, CURVE, false, []);
    const bits = await crypto.subtle.deriveBits(
      { name: "ECDH", public: theirKey },
      this.#private,
      256,
    );
    const base = await crypto.subtle.importKey("raw", bits, "HKDF", false, ["deriveKey"]);
    const salt = text.encode(link);
    const derive = (from: string, to: string): Promise<CryptoKey> =>
      crypto.subtle.deriveKey(
        { name: "HKDF", hash: "SHA-256", salt, info: text.encode(`parlor ${from} ${to}`) },
        base,
        { name: "AES-GCM", length: 256 },
        false,
        ["encrypt", "decrypt"],
      );
    const [out, back] = await Promise.all([derive(this.key, theirs), derive(theirs, this.key)]);
    return {
      seal: async (label, payload) =>
        new Uint8Array(await crypto.subtle.encrypt(parameters(label), out, payload)),
      open: async (label, payload) =>
        new Uint8Array(await crypto.subtle.decrypt(parameters(label), back, payload)),
    };
  }

  /** Forty digits that both players see if nobody has swapped their keys. */
  async safetyCode(theirs: string): Promise<string> {
    const both = text.encode([this.key, theirs].sort().join(" "));
    const hash = new DataView(await crypto.subtle.digest("SHA-256", both));
    const group = (_: unknown, i: number): string =>
      String(hash.getUint32(4 * i) % 100_000).padStart(5, "0");
    return Array.from({ length: 8 }, group).join(" ");
  }
}

/** No two messages of a direction have the same label, so none has the same vector. */
function parameters({ class: kind, key, number, flags }: Label): AesGcmParams {
  const iv = new Uint8Array(12);
  const view = new DataView(iv.buffer);
  view.setUint32(0, key);
  view.setUint32(4, number / 2 ** 32);
  view.setUint32(8, number);
  // Numbers are far below 2^53: the first bit of their upper half is free.
  iv[4]! |= kind === "reliable" ? 128 : 0;
  return { name: "AES-GCM", iv, additionalData: Uint8Array.of(flags) };
}
