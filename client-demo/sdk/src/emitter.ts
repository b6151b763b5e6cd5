// Listeners by the names of events.

/** Ends what it was returned for; once is enough. */
export type Off = () => void;

/** @internal Calls a listener; what it throws is reported as uncaught, and harms nobody else. */
export function call<A extends unknown[]>(listener: (...args: A) => void, ...args: A): void {
  try {
    listener(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** What comes with an event, which may be nothing. */
type Told<Event> = undefined extends Event ? Event[] : [event: Event];

/** Something that tells of events: `Events` says of each name what comes with it. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` whenever this happens, until the function that is returned is called. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Off {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Calls `listener` when this happens next, and not again. */
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Off {
    const off = this.on(name, (event) => {
      off();
      listener(event);
    });
    return off;
  }

  /** @internal */
  tell<Name extends keyof Events>(name: Name, ...event: Told<Events[Name]>): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])])
      call(listener as (...event: unknown[]) => void, ...event);
  }
}
