// The one Socket.IO connection of this page: requests with their acknowledgements, pushes, and
// whether the line is up. What the events mean for our place in a lobby is decided in `place`.

import { io, type Socket } from "socket.io-client";
import { memory } from "./memory";
import { setClock } from "./server-clock";
import type { ClientToServer, Reply, Request, ServerToClient, Takes, Tells } from "./types";

/** How long an acknowledgement may take before we stop waiting for it. */
const ACK_TIMEOUT_MS = 10_000;

/** A request that was refused, by the server or by this page (`E_OFFLINE`, `E_NO_ANSWER`). */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** How the line stands; `closed` is a loss that nobody is mending. */
export type Line = "connecting" | "up" | "lost" | "closed";

/** The pushes that this page does something with. */
type Heard =
  | "changed" | "event" | "state" | "typing" | "reaction" | "listing" | "audience" | "tally"
  | "closed" | "kicked";

/** What a connection tells its owner. */
export interface Listener extends Pick<ServerToClient, Heard> {
  line: (line: Line, detail: string) => void;
}

/** What `timeout().emitWithAck()` is, once the event map has done its work in `request`. */
interface Emitter {
  emitWithAck(event: string, ...args: unknown[]): Promise<unknown>;
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
      // Without an answer the clock of this machine has to do.
      setClock((...args) => this.request("time", ...args)).catch(() => undefined);
    });
    // `active` says whether the client will try again on its own.
    socket.on("disconnect", (reason) => line(socket.active ? "lost" : "closed", reason));
    socket.on("auth:guest", ({ token }) => memory.keepGuest(token));
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

  /**
   * Sends a request and waits for its answer; throws `Refused`. While the line is down nothing is
   * sent: the stock client would keep the request and send it before we are back in our seat.
   */
  async request<R extends Request>(name: R, ...args: Takes<R>): Promise<Tells<R>> {
    if (!this.#socket.connected) {
      throw new Refused("E_OFFLINE", "There is no connection; nothing was sent.");
    }
    let reply: Reply<Tells<R>>;
    try {
      const emitter = this.#socket.timeout(ACK_TIMEOUT_MS) as unknown as Emitter;
      reply = (await emitter.emitWithAck(name, ...(args as unknown[]))) as Reply<Tells<R>>;
    } catch {
      throw new Refused("E_NO_ANSWER", "The server did not answer.");
    }
    if (!reply.ok) throw new Refused(reply.code, reply.message);
    return reply;
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
