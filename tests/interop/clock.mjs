// Whether the machine kept time: how late this process was served, and what a machine that others
// share gave to them meanwhile. What follows for a case is decided in harness.mjs, and for peers in
// Chromium in ../browser/links.mjs.

import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const TICK_MS = 10;
// By less than this a process that works is late because of itself.
const LATE_MS = 25;
// The unit of /proc/stat (proc_stat(5), USER_HZ). One may be left over from before.
const JIFFY_MS = 10;
const STOLEN_MS = 2 * JIFFY_MS;
const QUIET_MS = 500;
const PATIENCE_MS = 5_000;

/** The time of all processors that went to other machines since this one began. */
function stolenMs() {
  try {
    const [total] = readFileSync("/proc/stat", "utf8").split("\n", 1);
    return Number(total.split(/\s+/)[8] ?? 0) * JIFFY_MS;
  } catch {
    return 0; // No Linux: only what this process itself was late.
  }
}

export class Clock {
  #ticked = performance.now();
  #gaps = [];

  constructor() {
    setInterval(() => this.#tick(), TICK_MS).unref();
  }

  #tick() {
    const at = performance.now();
    const ms = at - this.#ticked - TICK_MS;
    if (ms > LATE_MS) this.#gaps.push({ at, ms });
    this.#ticked = at;
  }

  /** A moment, for `since`. */
  mark() {
    this.#tick();
    return { at: performance.now(), stolen: stolenMs() };
  }

  /** The longest that this process was served late since a mark, in milliseconds. */
  lateMs(mark) {
    // Whoever asks may have been woken before the timer.
    this.#tick();
    return Math.max(0, ...this.#gaps.filter(({ at }) => at > mark.at).map(({ ms }) => ms));
  }

  /** In words how the machine stood still since a mark; undefined if it kept going. */
  since(mark) {
    const gap = this.lateMs(mark);
    const stolen = stolenMs() - mark.stolen;
    if (gap === 0 && stolen < STOLEN_MS) return undefined;
    return `gap ${gap.toFixed(0)} ms, stolen ${stolen} ms`;
  }

  /** Waits until the machine has kept going for a while, though not for ever. */
  async quiet() {
    const start = performance.now();
    let mark = this.mark();
    while (performance.now() - mark.at < QUIET_MS && performance.now() - start < PATIENCE_MS) {
      await pause(TICK_MS);
      if (this.since(mark)) mark = this.mark();
    }
  }
}
