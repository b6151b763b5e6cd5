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
  isHeld = true;
  /** Why there will be no connection any more. */
  #end: ParlorError | undefined;

  constructor(url: string, timeoutMs: number, settings: SocketSettings) {
    this.timeoutMs = timeoutMs;
    this.socket = io(`${url.replace(/\/+$/, "")}/lobby`, { ...settings, autoConnect: false });
  }

  /** True while requests may be sent. */
  get isOpen(): boolean {
    return this.socket.connected && !this.isHeld;
  }

  /** Lets requests wait no more. */
  release(): void {
    this.isHeld = false;
    if (this.isOpen) this.#waiting.forEach((go) => go());
  }

  /** There will be no connection, unless somebody wants one. */
  end(error?: ParlorError): void {
    this.#end = error;
    if (error) this.#waiting.forEach((go) => go(error));
  }

  /** Waits until requests may be sent, but not for long. */
  async opened(): Promise<void> {
    if (this.isOpen) return;
    if (this.#end) throw this.#end;
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
  async ask<R extends Request>(...request: [R, ...Takes<R>]): Promise<Tells<R>> {
    // Who may send does so at once: requests keep their order.
    if (!this.isOpen) await this.opened();
    return this.send(request);
  }

  /** Sends a request now; see {@link ask}. */
  send<R extends Request, Got = Tells<R>>(
    request: [R, ...Takes<R>],
    taken?: (told: Tells<R>) => Got,
  ): Promise<Got> {
    return ask(this.socket, this.timeoutMs, request, taken);
  }
}

/**
 * @internal Sends a request now, in any namespace. `taken` is called with the answer before anything
 * that comes after it, which the promise is too late for; that resolves with what it returns.
 */
export function ask<Told, Got>(
  socket: Socket<any, any>,
  timeoutMs: number,
  request: [string, ...unknown[]],
  taken = (told: Told): Got => told as unknown as Got,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    // The stock client would keep it, and send it before one is back in one's place.
    if (!socket.connected) return reject(offline());
    const answered = (lost: Error | null, reply: Reply<Told>): void => {
      if (lost) reject(unanswered());
      else if (reply.ok) resolve(taken(reply));
      else reject(refused(reply));
    };
    socket.timeout(timeoutMs).emit(...request, answered);
  });
}
