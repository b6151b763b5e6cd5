// What operators see on /metrics.

import { WAIT_MS, equal } from "./harness.mjs";
import { address } from "./lobbies/player.mjs";

/** All figures by name and labels. */
export async function figures() {
  const page = await (await fetch(`${address()}/metrics`)).text();
  const lines = page.split("\n").filter((line) => line.startsWith("parlor_"));
  return new Map(lines.map((line) => line.match(/^(.*) (\S+)$/).slice(1)));
}

/** Waits until figures have grown by this since `before`. */
export async function grown(before, expected) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const now = await figures();
    const by = (name) => Number(now.get(name) ?? 0) - Number(before.get(name) ?? 0);
    const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, by(name)]));
    const isThere = Object.entries(expected).every(([name, n]) => seen[name] === n);
    if (isThere || Date.now() > deadline) return equal(seen, expected, "what has grown by how much");
  }
}
