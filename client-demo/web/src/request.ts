// One request to a namespace: sent while there is a line, answered or refused, and asked again by
// its key if the answer is lost. Which requests there are, and what they mean, is their owners'.

import type { Reply } from "./types";

/** How long an acknowledgement may take before we stop waiting for it. */
const ACK_TIMEOUT_MS = 10_000;

/** How often something with a key is asked for while answers are lost. */
const TRIES = 3;

/** A request that was refused, by the server or by this page (`E_OFFLINE`, `E_NO_ANSWER`). */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What of a Socket.IO socket is needed here, whatever its event map is. */
interface Asker {
  connected: boolean;
  timeout(ms: number): unknown;
}

/** What `timeout()` gives, once the event maps of those who call have done their work. */
interface Emitter {
  emitWithAck(event: string, ...args: unknown[]): Promise<unknown>;
}

/**
 * Sends a request and waits for its answer; throws `Refused`. While the line is down nothing is
 * sent: the stock client would keep the request and send it before we are back in our place.
 */
export async function request<T>(socket: Asker, name: string, args: unknown[]): Promise<T> {
  if (!socket.connected) {
    throw new Refused("E_OFFLINE", "There is no connection; nothing was sent.");
  }
  let reply: Reply<T>;
  try {
    const emitter = socket.timeout(ACK_TIMEOUT_MS) as Emitter;
    reply = (await emitter.emitWithAck(name, ...args)) as Reply<T>;
  } catch {
    throw new Refused("E_NO_ANSWER", "The server did not answer.");
  }
  if (!reply.ok) throw new Refused(reply.code, reply.message);
  return reply;
}

/**
 * Asks until there is an answer, each time after `up`: by its key, what was done is not done once
 * more.
 */
export async function surely<T>(ask: () => Promise<T>, up: () => Promise<void>): Promise<T> {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await ask();
    } catch (refused) {
      const isLost = refused instanceof Refused && refused.code === "E_NO_ANSWER";
      if (!isLost || left === 1) throw refused;
      await up();
    }
  }
}

/** Random, and known to nobody else. (`randomUUID` is there on secure pages alone.) */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
