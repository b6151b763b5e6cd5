// A connection to a Parlor server, and one's place there:
//
//   outside ── create, join, quick ──► inside ── leave, sent away, lost ──► outside
//                                       │  ▲
//                     line lost, or something missed: resume, by the token that is kept
//                     (in the audience, where no place is kept: join again)

import { Clock, here } from "./clock.js";
import { Emitter, type Off } from "./emitter.js";
import { offline, over, ParlorError, refused } from "./error.js";
import { Feeds } from "./feeds.js";
import type { TypesOf } from "./games.js";
import type * as api from "./generated/api.js";
import { AGAIN_MS, CLOCK_MS, CLOCK_QUESTIONS, TRIES } from "./limits.js";
import { Line, type LobbySocket, type SocketSettings } from "./line.js";
import { Lobbies } from "./lobbies.js";
import { Lobby } from "./lobby.js";
import { Kept, type Keep } from "./storage.js";

/** How one connects. */
export interface Options {
  /** The player's name in lobbies, unless another one is given there. */
  player?: string;
  /**
   * The token of an account, or what fetches a new one: it is asked at each connection, and when
   * the last one expires soon. Absent: one is a guest, and the same one after a reload.
   */
  token?: string | (() => string | Promise<string>);
  /**
   * Where one's place is kept, so that it is come back to after a reload. Absent: in
   * `sessionStorage`; in Node nowhere.
   */
  storage?: Keep;
  /** How long an answer may take; absent: 10,000 ms. */
  timeoutMs?: number;
  /** Options of the stock client, such as `transports` or `path`. */
  socket?: SocketSettings;
}

/** What is told of a connection. */
export interface ParlorEvents {
  /** The connection is there, and one is back in one's place. */
  online: undefined;
  /** It is lost. `isFinal`: nobody is trying to mend it, until `reconnect` is called. */
  offline: { reason: string; isFinal: boolean };
  /** One is in a lobby; undefined: in none. */
  lobby: Lobby | undefined;
  /** One sends more than one may: some of it was dropped. */
  rate_limited: api.RateLimited;
  /** The token expires soon, and there is nothing that fetches a new one: see `renew`. */
  expiring: api.Expiring;
}

/** A connection to a server, and one's place there. */
export class Parlor extends Emitter<ParlorEvents> {
  readonly #line: Line;
  readonly #options: Options;
  readonly #token: Kept;
  readonly #guest: Kept;
  readonly #feeds: Feeds;
  #attending: api.Join | undefined;
  #isReturning = false;
  #clockTimer: ReturnType<typeof setInterval> | undefined;

  /** Which lobbies there are, and the ways into one. */
  readonly lobbies: Lobbies;
  /** What time it is on the server. */
  readonly clock = new Clock();
  /** The lobby one is in; after a reload the one from before. */
  lobby: Lobby | undefined;
  /** The id of the guest that one is, once it is known. */
  account: string | undefined;

  /** @internal Use {@link connect}. */
  constructor(url: string, options: Options) {
    super();
    this.#options = options;
    const { storage } = options;
    this.#token = new Kept(storage, `parlor:${url}:seat`);
    this.#guest = new Kept(storage, `parlor:${url}:guest`);
    this.#line = new Line(url, options.timeoutMs ?? 10_000, {
      ...options.socket,
      auth: (tell) => this.#credentials(tell),
    });
    this.#feeds = new Feeds(this.#line);
    this.lobbies = new Lobbies(this.#line, this.#feeds, (way, request) => this.#ask(way, request));
    this.#listen();
    this.reconnect();
  }

  /** The stock client's socket of `/lobby`, for what this package has no words for. */
  get socket(): LobbySocket {
    return this.#line.socket;
  }

  /** True while there is a connection, and one is in one's place. */
  get isOnline(): boolean {
    return this.#line.isOpen;
  }

  /** The lobby one is in, with the types of its game; undefined if it plays another one. */
  in<Name extends string>(game: Name): Lobby<TypesOf<Name>> | undefined {
    return this.lobby?.info.game === game ? this.lobby : undefined;
  }

  /** Tries to connect at once; after `offline` with `isFinal` nobody else does. */
  reconnect(): void {
    this.#line.end();
    if (!this.socket.connected) this.socket.disconnect().connect();
  }

  /** Waits until one is online. */
  opened(): Promise<void> {
    return this.#line.opened();
  }

  /** Ends the connection. The place is kept for a while: a later `connect` comes back to it. */
  close(): void {
    // Without a connection the stock client does not say that it has none any more.
    if (!this.socket.connected) this.lobby?.lost("io client disconnect", true);
    this.socket.disconnect();
    this.#line.end(offline());
  }

  /** Brings a new token of the same account; resolves with when it expires. */
  renew(token: string): Promise<api.Renewed> {
    return this.#line.ask("auth:renew", token);
  }

  /**
   * Calls `listener` with those of these players who are online, now and at each change, until the
   * function that this resolves with is called. There is one such list at a time.
   */
  presence(players: string[], listener: (online: ReadonlySet<string>) => void): Promise<Off> {
    return this.#feeds.begin<"presence", ReadonlySet<string>, api.PresencePush>("presence", {
      ask: ["presence", { players }],
      stop: ["presence", { players: [] }],
      begun: ({ online }) => new Set(online),
      changed: (shown, { player, online }) => {
        const next = new Set(shown);
        next[online ? "add" : "delete"](player);
        return next;
      },
      listener,
    });
  }

  /** Hears and sees nothing any more of what somebody says: by seat, spectator's name, or id. */
  block(who: api.Block): Promise<api.Blocked> {
    return this.#line.ask("block", who);
  }

  /** Hears them again. */
  unblock(who: api.Unblock): Promise<api.Done> {
    return this.#line.ask("unblock", who);
  }

  /** Whom one has blocked. */
  async blocks(): Promise<api.Blocked[]> {
    return (await this.#line.ask("blocks")).blocks;
  }

  async #credentials(tell: (credentials: object) => void): Promise<void> {
    const { token } = this.#options;
    const guest = this.#guest.value;
    if (token === undefined) return tell(guest ? { token: guest } : { guest: true });
    try {
      tell({ token: typeof token === "string" ? token : await token() });
    } catch (error) {
      this.#finish("no token", new ParlorError("E_AUTH", String(error)));
    }
  }

  #listen(): void {
    const { socket } = this;
    socket.on("connect", () => {
      this.#line.end();
      void this.#settle();
    });
    socket.on("disconnect", (reason) => {
      this.#isReturning = false;
      const isFinal = !socket.active;
      if (isFinal && reason !== "io client disconnect")
        this.#line.end(offline("ended by the server, or another tab"));
      this.#lost(reason, isFinal);
    });
    socket.on("connect_error", (error) => this.#unconnected(error));
    socket.io.on("reconnect_failed", () => this.#finish("unreachable", offline()));
    socket.on("auth:guest", ({ token, account }) => {
      this.#guest.keep(token);
      this.account = account;
    });
    socket.on("auth:expiring", (expiring) => this.#expiring(expiring));
    socket.on("rate_limited", (limited) => this.tell("rate_limited", limited));
    socket.onAny((name, told) => {
      this.#feeds.heard(name, told);
      this.lobby?.heard(name, told);
    });
  }

  #lost(reason: string, isFinal: boolean): void {
    clearInterval(this.#clockTimer);
    this.#line.isHeld = true;
    this.lobby?.lost(reason, isFinal);
    this.tell("offline", { reason, isFinal });
  }

  /** The server, or the way to it, does not let one in. */
  #unconnected(error: Error & { data?: { code: string; message?: string } }): void {
    // The client tries on by itself.
    if (!error.data?.code) return;
    const refusal = refused({ message: error.message, ...error.data });
    const { code, retryMs } = refusal;
    if (code === "E_AUTH" && this.#options.token === undefined && this.#guest.value) {
      // Of a server that is no more: one is somebody new.
      this.#guest.keep();
      this.socket.connect();
    } else if (retryMs) setTimeout(() => this.socket.connect(), retryMs);
    else this.#finish(code, refusal);
  }

  #finish(reason: string, error: ParlorError): void {
    this.socket.disconnect();
    this.#line.end(error);
    this.#lost(reason, true);
  }

  async #expiring(expiring: api.Expiring): Promise<void> {
    const { token } = this.#options;
    if (typeof token !== "function") return this.tell("expiring", expiring);
    try {
      await this.renew(await token());
    } catch {
      // The connection ends, and the next one asks for a token again.
    }
  }

  /** A connection is there: one's place first, then everything else. */
  async #settle(): Promise<void> {
    if (!(await this.#return())) return;
    this.tell("online");
    this.clock.clear();
    clearInterval(this.#clockTimer);
    this.#clockTimer = setInterval(() => this.#setClock(), CLOCK_MS);
    void this.#setClock();
    this.#feeds.again();
  }

  /**
   * Comes back to one's place, if there is one, before anything else is asked. True: what is asked
   * next will be answered.
   */
  async #return(): Promise<boolean> {
    if (this.#isReturning) return false;
    const token = this.#token.value;
    if (token || this.#attending) {
      const resume = { token, deltas: true, version: this.lobby?.told } as api.Resume;
      const answer = this.#line.send(
        this.#attending ? ["join", this.#attending] : ["resume", resume],
        (joined) => void this.#enter(joined),
      );
      this.#isReturning = this.#line.isHeld = true;
      const error: ParlorError | void = await answer.catch((error) => error);
      // Without a connection the next one is for coming back.
      if (!this.socket.connected) return false;
      this.#isReturning = false;
      // `E_CONNECTED`: the server has not noticed yet that the last connection is gone.
      const mayPass = error?.code === "E_NO_ANSWER" || (error?.code === "E_CONNECTED" && this.lobby);
      if (mayPass || error?.retryMs !== undefined) {
        setTimeout(() => this.socket.connected && void this.#settle(), AGAIN_MS);
        return false;
      }
      if (error) this.#lose(error);
    }
    this.#line.release();
    return true;
  }

  #lose({ code, message }: ParlorError): void {
    const error = new ParlorError(code, `your place was not kept: ${message}`);
    if (this.lobby) this.lobby.ended("lost", error);
    // Another tab has the place; it may be left to this one later.
    else if (code !== "E_CONNECTED") this.#token.keep();
  }

  /** Asks for a place. With a key that may be done again: what was done is not done once more. */
  async #ask(way: "create" | "join" | "quick", asked: object): Promise<Lobby> {
    const isKeyed = way !== "quick";
    const name = this.#options.player ?? "";
    // Random, and known to nobody else. (`randomUUID` is there on secure pages alone.)
    const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
    const request = { name, ...(isKeyed && { key }), ...asked, deltas: true } as api.Join;
    for (let left = isKeyed ? TRIES : 1; ; ) {
      if (!this.#line.isOpen) await this.#line.opened();
      try {
        return await this.#line.send([way, request as never], (joined: api.Joined) => {
          this.#attending = request.role === "audience" ? request : undefined;
          return this.#enter(joined);
        });
      } catch (error) {
        if ((error as ParlorError).code !== "E_NO_ANSWER" || !--left) throw error;
      }
    }
  }

  /** At once: what comes next may build on it. */
  #enter(joined: api.Joined): Lobby {
    let { lobby } = this;
    const isSame = lobby?.id === joined.lobby.id;
    // Its end forgets the token.
    if (!isSame) lobby?.ended("lost", over());
    this.#token.keep(joined.token);
    if (lobby && isSame) {
      lobby.entered(joined, true);
      return lobby;
    }
    const owner = {
      line: this.#line,
      refetch: () => this.#return(),
      left: (lobby: Lobby) => this.#left(lobby),
    };
    this.lobby = lobby = new Lobby(owner, joined);
    this.tell("lobby", lobby);
    return lobby;
  }

  #left(lobby: Lobby): void {
    if (this.lobby !== lobby) return;
    this.#token.keep();
    this.#attending = undefined;
    this.lobby = undefined;
    this.#line.release();
    this.tell("lobby", undefined);
  }

  async #setClock(): Promise<void> {
    try {
      for (let i = 0; i < CLOCK_QUESTIONS; i += 1) {
        const sentMs = here();
        await this.#line.send(["time"], ({ server_ms }) =>
          this.clock.measured(sentMs, here(), server_ms),
        );
      }
    } catch {
      // It is asked again later.
    }
  }
}

/**
 * Connects to a server, and comes back to the place that one had there before.
 *
 * ```ts
 * const parlor = await connect("http://127.0.0.1:3000", { player: "Ada" });
 * const lobby = parlor.in("chess") ?? (await parlor.lobbies.create({ game: "chess" }));
 * ```
 *
 * @throws {@link ParlorError} if there is no connection within `timeoutMs` (`E_OFFLINE`), or the
 * token is not accepted (`E_AUTH`).
 */
export async function connect(url: string, options: Options = {}): Promise<Parlor> {
  const parlor = new Parlor(url, options);
  try {
    await parlor.opened();
    return parlor;
  } catch (error) {
    parlor.close();
    throw error;
  }
}
