// States that come as what differs from an earlier one.
// Source: shared/src/api/delta.rs.

import type { Delta, State } from "./generated/api.js";

/** `base` with the changes of `delta`; what did not change is shared with `base`. */
export function apply(base: unknown, delta: unknown): unknown {
  if (Array.isArray(delta)) return delta[0];
  const changes = Object.entries(delta as object);
  if (Array.isArray(base)) {
    const next = base.slice(0, (delta as { "#"?: number })["#"]);
    for (const [key, change] of changes) if (key !== "#") next[+key] = apply(next[+key], change);
    return next;
  }
  // A map, because an assignment to `__proto__` would be something else.
  const next = new Map(Object.entries(base as object));
  for (const [key, change] of changes) {
    if (change === 0) next.delete(key);
    else next.set(key, apply(next.get(key), change));
  }
  return Object.fromEntries(next);
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
