// The peers of a lobby: who is there and linked with whom, as the server tells it; who is host; and
// when something is due. A connection that is lost is come back from, while direct paths live on:
//
//   lost ── connect ──► joining ── by one's number, or as somebody new ──► there ── lost

import { here } from "../clock.js";
import { Emitter } from "../emitter.js";
import { offline, over, ParlorError, refused, unanswered } from "../error.js";
import type { Json, Reply } from "../generated/api.js";
import type * as api from "../generated/signal.js";
import type { Lobby } from "../lobby.js";
import type { Surroundings } from "./linked.js";
import { type Channel, Peer, type PeerEvents } from "./peer.js";
import type { Secret } from "./secret.js";

/** How one is a peer. */
export interface PeersOptions {
  /**
   * The `RTCPeerConnection` to use, or false: all goes by the server. Absent: the browser's; in
   * Node there is none.
   */
  rtc?: typeof RTCPeerConnection | false;
  /** True: the other peers do not learn one's address. All goes by the server, or by TURN. */
  private?: boolean;
  /**
   * True: nobody in between can read what peers send each other, neither the server. All peers have
   * to want it: links to others are closed, with reason `key`. See {@link Peer.safetyCode}.
   */
  encrypt?: boolean;
}

/** What is told of peers. */
export interface PeersEvents {
  /** One has joined, or is back: `isResumed` if links are those of before. */
  open: { isResumed: boolean };
  /** One is new. */
  peer: Peer;
  /** What is known of one has changed: whether it is here, or linked. */
  update: Peer;
  /** One is no more. */
  gone: { peer: Peer; reason: api.GoneReason };
  /** One has sent something. */
  message: { peer: Peer; data: any; channel: Channel; key: number };
  /** What is sent to one goes another way now. */
  path: { peer: Peer; path: api.Path; reason: api.SwitchReason };
  /** One sends a media track. */
  track: { peer: Peer; track: MediaStreamTrack; streams: readonly MediaStream[] };
  /** The other end has closed the link, or another host has. */
  closed: { peer: Peer; reason: string };
  /** Another peer is host: `undefined` if that is no peer. To the new host comes what was kept. */
  host: { host: Peer | undefined; isHost: boolean; term: number; checkpoint?: Json };
  /** How the links of another peer are. */
  quality: { peer: Peer; links: api.PeerQuality[] };
  /** One is no peer any more: the last event. */
  over: { reason: api.GoneReason | "failed"; error?: ParlorError };
}

/** What peers need of the lobby that they are in. */
export interface PeersOwner {
  /** Another namespace of the same connection. */
  socket: SignalSocket;
  /** What `join` takes, as soon as one is in one's place. */
  token(): Promise<string>;
}

/** The stock client's socket of `/signal`, as far as it is used. */
export interface SignalSocket {
  readonly connected: boolean;
  readonly active: boolean;
  readonly io: { engine?: unknown };
  on(name: string, listener: (...args: any[]) => void): unknown;
  off(): unknown;
  connect(): unknown;
  disconnect(): unknown;
  emit(name: string, ...args: unknown[]): unknown;
  timeout(ms: number): { emit(name: string, ...args: unknown[]): unknown };
}

/** How long an answer may take. */
const ANSWER_MS = 10_000;
/** Pause before one tries to join again. */
const AGAIN_MS = 1_000;
/** How often the lobby is told how one's links are. */
const REPORT_MS = 10_000;

/** The peers of a lobby. */
export class Peers extends Emitter<PeersEvents> {
  readonly #owner: PeersOwner;
  readonly #options: PeersOptions;
  readonly #peers = new Map<number, Peer>();
  #rtc: typeof RTCPeerConnection | undefined;
  #certificates: RTCCertificate[] | undefined;
  #secret: Secret | undefined;
  #around!: Surroundings;
  #host: api.Host = { term: 0 };
  /** One's own number; undefined before one has joined. */
  id: number | undefined;
  /** Connections so far, and tries to join: what comes of earlier ones is not wanted. */
  #attempt = 0;
  #isThere = false;
  #isOver = false;
  #isMesh = true;
  /** Who is to be told of, once it is linked. */
  readonly #untold = new Set<Peer>();
  /** The last number of a link: one that comes again is not believed, for its key was used. */
  #lastLink = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #reporter: ReturnType<typeof setInterval> | undefined;
  #isChanged = false;

  /** @internal Use {@link peersOf}. */
  constructor(owner: PeersOwner, options: PeersOptions) {
    super();
    this.#owner = owner;
    this.#options = options;
    const { rtc = globalThis.RTCPeerConnection as typeof RTCPeerConnection | undefined } = options;
    this.#rtc = rtc || undefined;
    this.#listen();
    globalThis.addEventListener?.("online", this.#online);
    owner.socket.connect();
  }

  /** All others, in the order in which they came. */
  get list(): Peer[] {
    return [...this.#peers.values()];
  }

  /** The peer in a seat. */
  at(seat: number): Peer | undefined {
    return this.list.find((one) => one.seat === seat);
  }

  /** The host, if it is another peer. */
  get host(): Peer | undefined {
    return this.#peers.get(this.#host.peer ?? -1);
  }

  /** True while one is host oneself. */
  get isHost(): boolean {
    return this.id !== undefined && this.#host.peer === this.id;
  }

  /** Grows with each change of the host: what comes from a host of a lower one is too late. */
  get term(): number {
    return this.#host.term;
  }

  /** Resolves once one has joined; rejects if that cannot be. */
  opened(): Promise<void> {
    if (this.#isThere) return Promise.resolve();
    if (this.#isOver) return Promise.reject(over());
    return new Promise((resolve, reject) => {
      this.once("open", () => resolve());
      this.once("over", ({ error }) => reject(error ?? over()));
    });
  }

  /**
   * Sends a message to all who are linked, or to some; see {@link Peer.send}. Resolves when all of
   * them have room for another.
   */
  async send(
    channel: Channel,
    data: unknown,
    { to, key }: { to?: Peer | Peer[]; key?: number } = {},
  ): Promise<void> {
    const all = to ? [to].flat() : this.list.filter((one) => one.isLinked);
    // Who cannot take it does not keep it from the others.
    await Promise.all(all.map(async (one) => one.send(channel, data, key)));
  }

  /** Keeps any JSON, up to 64 KiB, with the server, for whoever is host next. The host may. */
  async checkpoint(state: Json): Promise<void> {
    await this.#ask("checkpoint", { term: this.term, state });
  }

  /** Is a peer no more; the seat stays. */
  close(): void {
    if (this.#isOver) return;
    if (this.#owner.socket.connected) this.#owner.socket.emit("leave", () => {});
    this.#end("left");
  }

  #listen(): void {
    const { socket } = this.#owner;
    // What comes before the answer to `join` was meant for whom one was before.
    const on = <T>(name: string, listener: (told: T) => void): void => {
      socket.on(name, (told: T) => {
        if (!this.#isThere) return;
        listener(told);
        this.#changed();
      });
    };
    socket.on("connect", () => void this.#join());
    socket.on("disconnect", (reason: string) => {
      this.#reach(false);
      this.#changed();
      if (!socket.active) this.#end("failed", offline(reason));
    });
    socket.on("connect_error", (error: Error) => {
      // Where there is no way to the server, the stock client tries on by itself.
      if (!socket.active) this.#end("failed", new ParlorError("E_UNAVAILABLE", error.message));
    });
    on("peer", (told: api.Peer) => this.#came(told));
    on("gone", ({ peer, reason }: api.Gone) => this.#gone(peer, reason));
    on("link", (told: api.Link) => this.#link(told));
    on("closed", ({ link, reason }: api.Closed) => {
      const peer = this.#of(link);
      peer?.unlink();
      if (peer) this.tell("closed", { peer, reason });
      if (peer) this.tell("update", peer);
    });
    on("signal", (told: api.Signal) => this.#of(told.link)?.linked?.negotiation?.receive(told));
    on("host", (told: api.Host) => this.#leads(told));
    on("refused", ({ link, retry_ms }: api.Refused) =>
      this.#of(link)?.linked?.link.refused(retry_ms, here()),
    );
    on("quality", ({ from, links }: api.Quality) => {
      const peer = this.#peers.get(from);
      if (peer) this.tell("quality", { peer, links });
    });
    on("ended", ({ reason }: api.Ended) => {
      if (reason !== "timeout") return this.#end(reason);
      this.id = undefined;
      this.#reach(false);
      void this.#join();
    });
    for (const kind of ["reliable", "volatile"])
      socket.on(kind, (link: number, frame: ArrayBuffer | Uint8Array<ArrayBuffer>) => {
        if (!this.#isThere) return;
        const { buffer, byteOffset, byteLength } =
          frame instanceof ArrayBuffer ? new Uint8Array(frame) : frame;
        this.#of(link)?.linked?.receive(new Uint8Array(buffer, byteOffset, byteLength), "relay");
      });
  }

  readonly #online = (): void => {
    for (const peer of this.list) peer.linked?.negotiation?.online();
  };

  /** Comes, or comes back; unless that fails for good, until there is an answer. */
  async #join(): Promise<void> {
    const attempt = ++this.#attempt;
    const isLate = (): boolean => attempt !== this.#attempt || this.#isOver;
    try {
      await this.#prepare();
      const token = await this.#owner.token();
      if (isLate()) return;
      const request = {
        token,
        rtc: this.#rtc !== undefined,
        private: this.#options.private ?? false,
        ...(this.id !== undefined && { resume: this.id }),
        ...(this.#secret && { key: this.#secret.key }),
      };
      const taken = (reply: Reply<object>): void => {
        if (reply.ok && !isLate()) this.#joined(reply as unknown as api.Joined);
      };
      const reply = await this.#request("join", request, taken);
      if (!reply.ok) throw refused(reply);
    } catch (error) {
      const { code, retryMs } = error as ParlorError;
      const isPassing = code === "E_NO_ANSWER" || code === "E_NOT_FOUND" || retryMs !== undefined;
      if (isLate()) return;
      if (!isPassing) return this.#end("failed", error as ParlorError);
      setTimeout(() => {
        if (!isLate() && this.#owner.socket.connected) void this.#join();
      }, retryMs ?? AGAIN_MS);
    }
  }

  /** Makes what all links share: the server takes one certificate of each peer. */
  async #prepare(): Promise<void> {
    if (this.#options.encrypt) this.#secret ??= await (await import("./secret.js")).Secret.make();
    const curve = { name: "ECDSA", namedCurve: "P-256" } as EcKeyGenParams;
    this.#certificates ??= await this.#rtc?.generateCertificate?.(curve).then((one) => [one]);
  }

  #joined(joined: api.Joined): void {
    const isPrivate = joined.private || this.#options.private;
    const configuration: RTCConfiguration = {
      iceServers: joined.ice_servers,
      ...(this.#certificates && { certificates: this.#certificates }),
      iceTransportPolicy: isPrivate ? "relay" : "all",
    };
    const Rtc = this.#rtc;
    this.#around = {
      socket: this.#owner.socket,
      secret: this.#secret,
      lobby: joined.lobby,
      relayBytes: joined.budget.link,
      connection: Rtc && (() => new Rtc(configuration)),
      now: here,
      changed: () => this.#changed(),
      signal: async (signal) => {
        const reply = await this.#request("signal", signal);
        return reply.ok ? {} : reply;
      },
    };
    const known = new Set(joined.peers.map((one) => one.peer));
    const links = new Set(joined.links.map((one) => one.link));
    this.id = joined.peer;
    this.#isMesh = joined.topology === "mesh";
    for (const peer of this.list) {
      if (!known.has(peer.id) || !joined.resumed) this.#gone(peer.id, "timeout");
      else if (!links.has(peer.linked?.number ?? -1)) peer.unlink();
    }
    for (const peer of joined.peers) this.#came(peer);
    for (const link of joined.links) this.#link(link);
    this.#reach(true);
    this.#leads(joined.host);
    this.tell("open", { isResumed: joined.resumed });
    for (const peer of [...this.#untold]) this.#introduce(peer);
    this.#reporter ??= setInterval(() => void this.#report(this.list), REPORT_MS);
    this.#changed();
  }

  /** Who is to be linked is told of when that is so: the first message may go at once. */
  #came(told: api.Peer): void {
    const known = this.#peers.get(told.peer);
    const peer = known ?? new Peer(told, this.#events);
    peer.info = told;
    this.#peers.set(told.peer, peer);
    peer.relay(this.#isThere && told.here, here());
    if (known) return this.tell("update", peer);
    this.#untold.add(peer);
    if (this.#isThere && !this.#isMesh && !this.isHost) this.#introduce(peer);
  }

  #introduce(peer: Peer): void {
    this.tell(this.#untold.delete(peer) ? "peer" : "update", peer);
  }

  #gone(number: number, reason: api.GoneReason): void {
    const peer = this.#peers.get(number);
    if (!peer) return;
    this.#peers.delete(number);
    peer.unlink();
    if (!this.#untold.delete(peer)) this.tell("gone", { peer, reason });
  }

  #link(told: api.Link): void {
    const peer = this.#peers.get(told.peer);
    if (!peer || told.link <= this.#lastLink) return;
    this.#lastLink = told.link;
    peer.link(this.#around, told);
    peer.relay(this.#isThere && peer.isHere, here());
    if (this.#isThere) this.#introduce(peer);
  }

  #leads(told: api.Host): void {
    const isNew = told.term !== this.#host.term;
    this.#host = told;
    const { host, isHost, term } = this;
    const { checkpoint } = told;
    const kept = checkpoint === undefined ? {} : { checkpoint };
    if (isNew) this.tell("host", { host, isHost, term, ...kept });
  }

  /** Whether the server is there. */
  #reach(isThere: boolean): void {
    this.#isThere = isThere;
    for (const peer of this.list) peer.relay(isThere && peer.isHere, here());
  }

  #end(reason: PeersEvents["over"]["reason"], error?: ParlorError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearInterval(this.#reporter);
    globalThis.removeEventListener?.("online", this.#online);
    this.#owner.socket.off();
    this.#owner.socket.disconnect();
    for (const peer of this.list) peer.unlink();
    this.#peers.clear();
    this.tell("over", error ? { reason, error } : { reason });
  }

  readonly #events: PeerEvents = {
    heard: (peer, data, channel, key) => this.tell("message", { peer, data, channel, key }),
    switched: (peer, path, reason) => {
      this.tell("path", { peer, path, reason });
      void this.#report([peer], reason);
    },
    track: (peer, track, streams) => this.tell("track", { peer, track, streams }),
    ask: (name, request) => this.#ask(name, request),
  };

  /** Tells the lobby how links are. */
  async #report(peers: Peer[], switched?: api.SwitchReason): Promise<void> {
    const linked = peers.filter((one) => one.isLinked);
    await Promise.all(linked.map((one) => one.linked?.look().catch(() => {})));
    const links = linked.map((one) => ({
      link: one.linked?.number ?? 0,
      ...one.stats(),
      ...(switched && { switched }),
    }));
    if (links.length) await this.#ask("report", { links }).catch(() => {});
  }

  #of(link: number): Peer | undefined {
    return this.list.find((one) => one.linked?.number === link);
  }

  async #ask(name: string, request: object): Promise<void> {
    const reply = await this.#request(name, request);
    if (!reply.ok) throw refused(reply);
  }

  /** `taken` is called before anything that comes after the answer. */
  #request(
    name: string,
    request: object,
    taken?: (reply: Reply<object>) => void,
  ): Promise<Reply<object>> {
    return new Promise((resolve, reject) => {
      const { socket } = this.#owner;
      if (this.#isOver) return reject(over());
      if (!socket.connected) return reject(offline());
      socket.timeout(ANSWER_MS).emit(name, request, (lost: unknown, reply: Reply<object>) => {
        if (lost) return reject(unanswered());
        taken?.(reply);
        resolve(reply);
      });
    });
  }

  /** Sets the timer anew, once for all that happens in a moment. */
  #changed(): void {
    if (this.#isChanged || this.#isOver) return;
    this.#isChanged = true;
    queueMicrotask(() => {
      this.#isChanged = false;
      if (this.#isOver) return;
      const now = here();
      const at = Math.min(...this.list.map((one) => one.deadline(now)));
      if (at === this.#timerAt) return;
      clearTimeout(this.#timer);
      this.#timerAt = at;
      if (at < Infinity) this.#timer = setTimeout(() => this.#tick(), Math.ceil(at - now));
    });
  }

  #tick(): void {
    this.#timerAt = Infinity;
    for (const peer of this.list) peer.tick(here());
    this.#changed();
  }
}

const open = new WeakMap<Lobby, Promise<Peers>>();

/**
 * Links one with the other players of a lobby: directly where that works, and through the server
 * where it does not. Resolves when one is a peer oneself; there is one `Peers` at a time.
 *
 * ```ts
 * const peers = await peersOf(lobby);
 * peers.on("message", ({ peer, data }) => console.log(peer.seat, data));
 * await peers.send("reliable", { hello: "everybody" });
 * ```
 */
export function peersOf(lobby: Lobby, options: PeersOptions = {}): Promise<Peers> {
  const known = open.get(lobby);
  if (known) return known;
  if (lobby.isOver) return Promise.reject(over());
  const peers = new Peers(lobby.forPeers, options);
  const offs = [
    lobby.on("over", () => peers.close()),
    lobby.on("away", ({ isFinal }) => isFinal && peers.close()),
  ];
  peers.once("over", () => {
    open.delete(lobby);
    for (const off of offs) off();
  });
  const opened = peers.opened().then(() => peers);
  open.set(lobby, opened);
  return opened;
}

export type { Channel, Peer } from "./peer.js";
