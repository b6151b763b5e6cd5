// What is asked for once and then told of whenever it changes, over all connections: the lists of
// lobbies and of players who are online. Of each kind there is one at a time.

import { call, type Off } from "./emitter.js";
import type { Line, Request, Takes, Tells } from "./line.js";

/** @internal One of them: how it is asked for and ended, what it shows first, and then. */
export interface Feed<R extends Request, Shown, Change> {
  ask: [R, ...Takes<R>];
  stop: [Request, ...unknown[]];
  begun: (told: Tells<R>) => Shown;
  changed: (shown: Shown, change: Change) => Shown;
  listener: (shown: Shown) => void;
}

/** Any of them, and what it shows. */
interface Any {
  ask: never;
  stop: never;
  begun: (told: unknown) => unknown;
  changed: (shown: unknown, change: unknown) => unknown;
  listener: (shown: unknown) => void;
  shown?: unknown;
}

/** @internal */
export class Feeds {
  readonly #line: Line;
  /** By the events that tell of changes. */
  readonly #all = new Map<string, Any>();

  constructor(line: Line) {
    this.#line = line;
  }

  /** Begins one, in place of the one before. */
  async begin<R extends Request, Shown, Change>(
    name: string,
    feed: Feed<R, Shown, Change>,
  ): Promise<Off> {
    const any = feed as unknown as Any;
    const end = (): boolean => this.#all.get(name) === any && this.#all.delete(name);
    if (!this.#line.isOpen) await this.#line.opened();
    this.#all.set(name, any);
    await this.#ask(name, any).catch((error) => {
      end();
      throw error;
    });
    return () => {
      if (end()) this.#line.send(any.stop).catch(() => {});
    };
  }

  /** Another connection knows of none. */
  again(): void {
    this.#all.forEach((feed, name) => this.#ask(name, feed).catch(() => {}));
  }

  heard(name: string, change: unknown): void {
    const feed = this.#all.get(name);
    if (feed?.shown) call(feed.listener, (feed.shown = feed.changed(feed.shown, change)));
  }

  #ask(name: string, feed: Any): Promise<unknown> {
    return this.#line.send(feed.ask, (told) => {
      if (this.#all.get(name) === feed) call(feed.listener, (feed.shown = feed.begun(told)));
    });
  }
}
