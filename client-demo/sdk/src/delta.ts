// States that come as what differs from an earlier one.
// Source: shared/src/api/delta.rs.

import type { Delta, State } from "./generated/api.js";

/** `base` with the changes of `delta`; what did not change is shared with `base`. */
export function apply(base: unknown, delta: unknown): unknown {
  if (Array.isArray(delta)) return delta[0];
  const changes = delta as Record<string, unknown>;
  const list = Array.isArray(base);
  const next = (
    list ? base.slice(0, (changes["#"] as number | undefined) ?? base.length) : { ...(base as object) }
  ) as Record<string, unknown>;
  for (const [key, change] of Object.entries(changes)) {
    if (list && key === "#") continue;
    if (change === 0 && !list) {
      delete next[key];
      continue;
    }
    const value = apply(next[key], change);
    // An assignment to `__proto__` would be something else.
    Object.defineProperty(next, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return next;
}

/** @internal The states of one viewer: which is the newest, and which one deltas build on. */
export class States {
  #base: { n: number; state: State } | undefined;

  /** Forgets all: other states follow. */
  clear(): void {
    this.#base = undefined;
  }

  /** A whole state; without what only pushes have. */
  whole({ n, key, ...state }: State): State {
    if (key && n !== undefined) this.#base = { n, state };
    return state;
  }

  /** The state that a delta leads to; undefined: it builds on none that is known. */
  delta({ base, delta }: Delta): State | undefined {
    try {
      return this.#base?.n === base ? (apply(this.#base.state, delta) as State) : undefined;
    } catch {
      // It was made for another base, or is none.
      return undefined;
    }
  }
}
