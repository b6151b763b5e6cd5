// This page's socket in `/lobby`: its requests and pushes, who we are to the server, and whether
// the line is up. What the events mean for our place in a lobby is decided in `place`.

import { io, type Socket } from "socket.io-client";
import { memory } from "./memory";
import { request } from "./request";
import { setClock } from "./server-clock";
import type { ClientToServer, Request, ServerToClient, Takes, Tells } from "./types";

/** How the line stands; `closed` is a loss that nobody is mending. */
export type Line = "connecting" | "up" | "lost" | "closed";

/** The pushes that this page does something with. */
type Heard =
  | "changed" | "event" | "state" | "typing" | "reaction" | "listing" | "audience" | "tally"
  | "closed" | "kicked";

/** What a connection tells its owner. */
export interface Listener extends Pick<ServerToClient, Heard> {
  line: (line: Line, detail: string) => void;
  /** The line is up, and the server has told which guest we are. */
  known: () => void;
}

export class Connection {
  readonly #socket: Socket<ServerToClient, ClientToServer>;
  line: Line = "connecting";

  /** Opens a connection to the server at this origin. */
  constructor(origin: string, listener: Listener) {
    const socket: Socket<ServerToClient, ClientToServer> = io(`${origin}/lobby`, {
      auth: (tell) => {
        const token = memory.guest();
        tell(token === undefined ? { guest: true } : { token });
      },
    });
    this.#socket = socket;
    const line = (next: Line, detail: string): void => {
      this.line = next;
      listener.line(next, detail);
    };
    socket.on("connect", () => {
      line("up", "");
      if (memory.guest() !== undefined) listener.known();
      // Without an answer the clock of this machine has to do.
      setClock((...args) => this.request("time", ...args)).catch(() => undefined);
    });
    // `active` says whether the client will try again on its own.
    socket.on("disconnect", (reason) => line(socket.active ? "lost" : "closed", reason));
    socket.on("auth:guest", ({ token }) => {
      memory.keepGuest(token);
      listener.known();
    });
    socket.on("connect_error", (error: Error & { data?: { code?: string } }) => {
      if (error.data?.code === "E_AUTH" && memory.guest() !== undefined) {
        // Of a server that is no more: we are somebody new.
        memory.keepGuest(undefined);
        socket.connect();
        return;
      }
      line(socket.active ? "lost" : "closed", error.message);
    });
    socket.on("changed", listener.changed);
    socket.on("event", listener.event);
    socket.on("state", listener.state);
    socket.on("typing", listener.typing);
    socket.on("reaction", listener.reaction);
    socket.on("listing", listener.listing);
    socket.on("audience", listener.audience);
    socket.on("tally", listener.tally);
    socket.on("closed", listener.closed);
    socket.on("kicked", listener.kicked);
  }

  /** Sends a request and waits for its answer; throws `Refused`. */
  async request<R extends Request>(name: R, ...args: Takes<R>): Promise<Tells<R>> {
    return request(this.#socket, name, args as unknown[]);
  }

  /** Waits until the line is up. */
  async up(): Promise<void> {
    if (this.#socket.connected) return;
    await new Promise<void>((resolve) => this.#socket.once("connect", resolve));
  }

  /** Tries again at once instead of waiting for the next attempt. */
  retry(): void {
    if (this.#socket.connected) return;
    this.#socket.disconnect().connect();
  }
}
