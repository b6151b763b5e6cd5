// What time it is on the server. Pure: who asks it, and when, is `parlor`'s part.

/** Of the last so many measurements the one with the shortest way counts. */
const MEASUREMENTS = 8;

/** A measurement: when it was asked and answered here, and what the server said. */
interface Measured {
  aheadMs: number;
  rttMs: number;
}

/** Milliseconds of this machine that no change of its clock disturbs. */
export const here = (): number => performance.now();

/** The server's clock, as well as it can be known from here. */
export class Clock {
  #measured: Measured[] = [];

  /** Milliseconds since the Unix epoch, on the server: what its `…_ms` tell moments in. */
  now(): number {
    const best = this.#best;
    return best ? here() + best.aheadMs : Date.now();
  }

  /** Milliseconds to the server and back, the shortest of late; undefined until it was measured. */
  get rttMs(): number | undefined {
    return this.#best?.rttMs;
  }

  /** @internal Somebody asked at `sentMs`, and heard at `heardMs` that it was `serverMs` there. */
  measured(sentMs: number, heardMs: number, serverMs: number): void {
    const one = { aheadMs: serverMs - (sentMs + heardMs) / 2, rttMs: heardMs - sentMs };
    this.#measured = [one, ...this.#measured].slice(0, MEASUREMENTS);
  }

  /** @internal Another line, perhaps to another server. */
  clear(): void {
    this.#measured = [];
  }

  get #best(): Measured | undefined {
    return [...this.#measured].sort((one, other) => one.rttMs - other.rttMs)[0];
  }
}
