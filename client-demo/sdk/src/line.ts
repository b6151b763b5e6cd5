// The one connection to namespace `/lobby`: requests with their answers, and when they may be sent.
// What becomes of a place in a lobby when it is lost is decided in `parlor`.

import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { offline, refused, unanswered, type ParlorError } from "./error.js";
import type { Ack, LobbyClientToServer, LobbyServerToClient, Reply } from "./generated/api.js";

/** The stock client's socket, with the types of `/lobby`. */
export type LobbySocket = Socket<LobbyServerToClient, LobbyClientToServer>;

/** The name of a request. */
export type Request = keyof LobbyClientToServer;

type Parameters_<R extends Request> = Parameters<LobbyClientToServer[R]>;

/** What a request takes. */
export type Takes<R extends Request> =
  Parameters_<R> extends infer All ? (All extends [...infer Own, unknown] ? Own : never) : never;

/** What its answer tells. */
export type Tells<R extends Request> =
  Parameters_<R> extends infer All
    ? All extends [...unknown[], Ack<infer Told>]
      ? Told
      : never
    : never;

/** The stock client's options that are passed on. */
export type SocketSettings = Partial<ManagerOptions & SocketOptions>;

/** @internal */
export class Line {
  readonly socket: LobbySocket;
  readonly timeoutMs: number;
  readonly #waiting = new Set<(error?: ParlorError) => void>();
  /** True while requests about a lobby would be answered as if one were in none. */
  #isHeld = false;
  /** Why there will be no connection any more. */
  #end: ParlorError | undefined;

  constructor(url: string, timeoutMs: number, settings: SocketSettings) {
    this.timeoutMs = timeoutMs;
    this.socket = io(`${url.replace(/\/+$/, "")}/lobby`, { ...settings, autoConnect: false });
  }

  /** True while requests may be sent. */
  get isOpen(): boolean {
    return this.socket.connected && !this.#isHeld;
  }

  /** Lets requests wait, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const go of [...this.#waiting]) if (this.isOpen) go();
  }

  /** There will be no connection, unless somebody wants one. */
  end(error: ParlorError | undefined): void {
    this.#end = error;
    if (error) for (const go of [...this.#waiting]) go(error);
  }

  /** Waits until requests may be sent, but not for long. */
  opened(): Promise<void> {
    if (this.isOpen) return Promise.resolve();
    if (this.#end) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      const go = (error?: ParlorError): void => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(() => go(offline()), this.timeoutMs);
      this.#waiting.add(go);
    });
  }

  /** Sends a request, once it may be sent, and waits for its answer. It is sent once at most. */
  async ask<R extends Request>(name: R, ...takes: Takes<R>): Promise<Tells<R>> {
    // Who may send does so at once: requests keep their order.
    if (!this.isOpen) await this.opened();
    return this.send(name, takes);
  }

  /** Sends a request now; see {@link ask}. */
  send<R extends Request>(
    name: R,
    takes: Takes<R>,
    taken?: (told: Tells<R>) => void,
  ): Promise<Tells<R>> {
    if (this.#end && !this.socket.connected) return Promise.reject(this.#end);
    return ask(this.socket, this.timeoutMs, name, takes as unknown[], taken);
  }
}

/**
 * @internal Sends a request now, in any namespace. `taken` is called with the answer before anything
 * that comes after it, which the promise is too late for.
 */
export function ask<Told>(
  socket: Socket<any, any>,
  timeoutMs: number,
  name: string,
  takes: unknown[],
  taken?: (told: Told) => void,
): Promise<Told> {
  return new Promise((resolve, reject) => {
    // The stock client would keep it, and send it before one is back in one's place.
    if (!socket.connected) return reject(offline());
    const answered = (lost: Error | null, reply: Reply<Told>): void => {
      if (lost) return reject(unanswered());
      if (!reply.ok) return reject(refused(reply));
      taken?.(reply);
      resolve(reply);
    };
    socket.timeout(timeoutMs).emit(name, ...takes, answered);
  });
}
