// What is asked for once and then told of whenever it changes, over all connections: the lists of
// lobbies and of players who are online. Of each kind there is one at a time.

import type { Off } from "./emitter.js";
import type { Line, Request, Takes, Tells } from "./line.js";

/** @internal One of them: how it is asked for, how it begins and goes on, and how it is ended. */
export interface Feed<R extends Request, Change> {
  ask: Takes<R>;
  begun: (told: Tells<R>) => void;
  changed: (change: Change) => void;
  stop: () => Promise<unknown>;
}

type Any = Feed<Request, unknown>;

/** @internal */
export class Feeds {
  readonly #line: Line;
  readonly #all = new Map<Request, Any>();

  constructor(line: Line) {
    this.#line = line;
  }

  /** Begins one, in place of the one before. */
  async begin<R extends Request, Change>(name: R, feed: Feed<R, Change>): Promise<Off> {
    const any = feed as unknown as Any;
    if (!this.#line.isOpen) await this.#line.opened();
    this.#all.set(name, any);
    try {
      await this.#ask(name, any);
    } catch (error) {
      if (this.#all.get(name) === any) this.#all.delete(name);
      throw error;
    }
    return () => {
      if (this.#all.get(name) !== any) return;
      this.#all.delete(name);
      feed.stop().catch(() => undefined);
    };
  }

  /** Another connection knows of none. */
  again(): void {
    for (const [name, feed] of this.#all) this.#ask(name, feed).catch(() => undefined);
  }

  changed(name: Request, change: unknown): void {
    this.#all.get(name)?.changed(change);
  }

  #ask(name: Request, feed: Any): Promise<unknown> {
    return this.#line.send(name, feed.ask, (told) => {
      if (this.#all.get(name) === feed) feed.begun(told);
    });
  }
}
