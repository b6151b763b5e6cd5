// What time it is on the server, whose moments come with pushes: this machine's clock may be wrong.

import type { Takes, Tells } from "./types";

type Ask = (...args: Takes<"time">) => Promise<Tells<"time">>;

/** What is asked twice: the second time the line is warm. */
const TRIES = 2;

/** How far the server's clock is ahead of this machine's. */
let ahead_ms = 0;

/** Asks the server for its time, which counts for the middle of the question and its answer. */
export async function setClock(ask: Ask): Promise<void> {
  for (let i = 0; i < TRIES; i++) {
    const sent = Date.now();
    const { server_ms } = await ask({});
    ahead_ms = server_ms - (sent + Date.now()) / 2;
  }
}

/** Milliseconds since the Unix epoch, on the server. */
export function serverNow(): number {
  return Date.now() + ahead_ms;
}
