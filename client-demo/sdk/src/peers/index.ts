// The peers of a lobby: who is there and linked with whom, as the server tells it; who is host; and
// when something is due. A connection that is lost is come back from, while direct paths live on:
//
//   lost ── connect ──► joining ── by one's number, or as somebody new ──► there ── lost

import type { Socket } from "socket.io-client";
import { here } from "../clock.js";
import { Emitter } from "../emitter.js";
import { offline, over, ParlorError } from "../error.js";
import type { Json } from "../generated/api.js";
import type * as api from "../generated/signal.js";
import { ask } from "../line.js";
import type { Lobby } from "../lobby.js";
import { AGAIN_MS, ANSWER_MS, REPORT_MS } from "./limits.js";
import type { Encryption } from "./linked.js";
import { type Channel, Peer } from "./peer.js";

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
   * `encrypt` of `parlor-client/encrypt`: nobody in between can read what peers send each other,
   * neither the server. All peers have to want it: links to others are closed, with reason `key`.
   * See {@link Peer.safetyCode}.
   */
  encrypt?: () => Promise<Encryption>;
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
  socket: Socket;
  /** What `join` takes, as soon as one is in one's place. */
  token(): Promise<{ token: string }>;
}

/** The peers of a lobby. */
export class Peers extends Emitter<PeersEvents> {
  readonly #token: PeersOwner["token"];
  readonly #options: PeersOptions;
  readonly #peers = new Map<number, Peer>();
  #certificates: RTCCertificate[] | undefined;
  #host: api.Host = { term: 0 };
  /** One's own number; undefined before one has joined. */
  id: number | undefined;
  /** Connections so far, and tries to join: what comes of earlier ones is not wanted. */
  #attempt = 0;
  #isThere = false;
  #isOver = false;
  /** The last number of a link: one that comes again is not believed, for its key was used. */
  #lastLink = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reporter: ReturnType<typeof setInterval> | undefined;
  #isChanged = false;
  /** @internal */
  readonly socket: Socket;
  /** @internal Absent: all is relayed. */
  readonly rtc: typeof RTCPeerConnection | undefined;
  /** @internal What `join` was answered last. */
  joined!: api.Joined;
  /** @internal Absent: nothing is encrypted. */
  encryption: Encryption | undefined;

  /** @internal Use {@link peersOf}. */
  constructor({ socket, token }: PeersOwner, options: PeersOptions) {
    super();
    this.socket = socket;
    this.#token = token;
    this.#options = options;
    const { rtc = globalThis.RTCPeerConnection as typeof RTCPeerConnection | undefined } = options;
    this.rtc = rtc || undefined;
    this.#listen();
    this.on("path", ({ peer, reason }) => this.#report([peer], reason));
    globalThis.addEventListener?.("online", this.#online);
    socket.connect();
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
    return this.#peers.get(this.#host.peer!);
  }

  /** True while one is host oneself. */
  get isHost(): boolean {
    return this.id !== undefined && this.#host.peer === this.id;
  }

  /** Grows with each change of the host: what comes from a host of a lower one is too late. */
  get term(): number {
    return this.#host.term;
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
    await this.ask("checkpoint", { term: this.term, state });
  }

  /** Is a peer no more; the seat stays. */
  close(): void {
    if (this.#isOver) return;
    if (this.socket.connected) this.socket.emit("leave", () => {});
    this.#end("left");
  }

  #listen(): void {
    const { socket } = this;
    socket.on("connect", () => this.#join());
    socket.on("disconnect", (reason: string) => {
      this.#reach(false);
      this.changed();
      if (!socket.active) this.#end("failed", offline(reason));
    });
    socket.on("connect_error", (error: Error) => {
      // Where there is no way to the server, the stock client tries on by itself.
      if (!socket.active) this.#end("failed", new ParlorError("E_UNAVAILABLE", error.message));
    });
    const frame = (link: number, data: unknown): void =>
      this.#of(link)?.linked?.receive(data, "relay");
    const heard: Record<string, (...told: any) => void> = {
      reliable: frame,
      volatile: frame,
      peer: (told: api.Peer) => this.#came(told),
      gone: ({ peer, reason }: api.Gone) => this.#gone(peer, reason),
      link: (told: api.Link) => this.#link(told),
      closed: ({ link, reason }: api.Closed) => {
        const peer = this.#of(link);
        if (!peer) return;
        peer.unlink();
        this.tell("closed", { peer, reason });
        this.tell("update", peer);
      },
      signal: (told: api.Signal) => this.#of(told.link)?.linked?.negotiation?.receive(told),
      host: (told: api.Host) => this.#leads(told),
      refused: ({ link, retry_ms }: api.Refused) =>
        this.#of(link)?.linked?.link.refused(retry_ms, here()),
      quality: ({ from, links }: api.Quality) => {
        const peer = this.#peers.get(from);
        if (peer) this.tell("quality", { peer, links });
      },
      ended: ({ reason }: api.Ended) => {
        if (reason !== "timeout") return this.#end(reason);
        this.id = undefined;
        this.#reach(false);
        void this.#join();
      },
    };
    socket.onAny((name: string, ...told) => {
      // What comes before the answer to `join` was meant for whom one was before.
      if (!this.#isThere) return;
      heard[name]?.(...told);
      this.changed();
    });
  }

  readonly #online = (): void => {
    for (const peer of this.list) peer.linked?.negotiation?.online();
  };

  /** @internal Makes a connection, if not all is relayed. */
  connection(Rtc: typeof RTCPeerConnection): RTCPeerConnection {
    const { joined } = this;
    return new Rtc({
      iceServers: joined.ice_servers,
      certificates: this.#certificates,
      iceTransportPolicy: joined.private || this.#options.private ? "relay" : "all",
    } as RTCConfiguration);
  }

  /** Comes, or comes back; unless that fails for good, until there is an answer. */
  async #join(): Promise<void> {
    const attempt = ++this.#attempt;
    const isLate = (): boolean => attempt !== this.#attempt || this.#isOver;
    try {
      this.encryption ??= await this.#options.encrypt?.();
      // The server takes one certificate of each peer: all links share it.
      const curve = { name: "ECDSA", namedCurve: "P-256" } as EcKeyGenParams;
      this.#certificates ??= await this.rtc?.generateCertificate?.(curve).then((one) => [one]);
      const { token } = await this.#token();
      if (isLate()) return;
      const request = {
        token,
        rtc: !!this.rtc,
        private: this.#options.private,
        resume: this.id,
        key: this.encryption?.key,
      };
      await this.ask("join", request, (joined: api.Joined) => isLate() || this.#joined(joined));
    } catch (error) {
      const { code, retryMs } = error as ParlorError;
      const isPassing = code === "E_NO_ANSWER" || code === "E_NOT_FOUND" || retryMs !== undefined;
      if (isLate()) return;
      if (!isPassing) return this.#end("failed", error as ParlorError);
      setTimeout(() => {
        if (!isLate() && this.socket.connected) void this.#join();
      }, retryMs ?? AGAIN_MS);
    }
  }

  #joined(joined: api.Joined): void {
    this.joined = joined;
    this.id = joined.peer;
    for (const peer of this.list) {
      if (!joined.links.some(({ link }) => link === peer.linked?.number)) peer.unlink();
      if (!joined.resumed || !joined.peers.some((one) => one.peer === peer.id))
        this.#gone(peer.id, "timeout");
    }
    for (const peer of joined.peers) this.#came(peer);
    for (const link of joined.links) this.#link(link);
    this.#reach(true);
    this.#leads(joined.host);
    this.tell("open", { isResumed: joined.resumed });
    for (const peer of this.list) if (!peer.isTold) this.#introduce(peer);
    this.#reporter ??= setInterval(() => this.#report(this.list), REPORT_MS);
    this.changed();
  }

  /** Who is to be linked is told of when that is so: the first message may go at once. */
  #came(told: api.Peer): void {
    const known = this.#peers.get(told.peer);
    const peer = known ?? new Peer(this);
    peer.info = told;
    this.#peers.set(told.peer, peer);
    this.#reaches(peer);
    if (known) return this.tell("update", peer);
    if (this.#isThere && this.joined.topology === "star" && !this.isHost) this.#introduce(peer);
  }

  #introduce(peer: Peer): void {
    const name = peer.isTold ? "update" : "peer";
    peer.isTold = true;
    this.tell(name, peer);
  }

  #gone(number: number, reason: api.GoneReason): void {
    const peer = this.#peers.get(number);
    if (!peer) return;
    this.#peers.delete(number);
    peer.unlink();
    if (peer.isTold) this.tell("gone", { peer, reason });
  }

  #link(told: api.Link): void {
    const peer = this.#peers.get(told.peer);
    if (!peer || told.link <= this.#lastLink) return;
    this.#lastLink = told.link;
    peer.link(told);
    this.#reaches(peer);
    if (this.#isThere) this.#introduce(peer);
  }

  #leads(told: api.Host): void {
    const isNew = told.term !== this.#host.term;
    this.#host = told;
    const { peer: _, ...kept } = told;
    if (isNew) this.tell("host", { host: this.host, isHost: this.isHost, ...kept });
  }

  /** Whether the server is there. */
  #reach(isThere: boolean): void {
    this.#isThere = isThere;
    for (const peer of this.list) this.#reaches(peer);
  }

  #reaches(peer: Peer): void {
    peer.linked?.reach(this.#isThere && peer.isHere);
  }

  #end(reason: PeersEvents["over"]["reason"], error?: ParlorError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isThere = false;
    clearTimeout(this.#timer);
    clearInterval(this.#reporter);
    globalThis.removeEventListener?.("online", this.#online);
    this.socket.off();
    this.socket.disconnect();
    for (const peer of this.list) peer.unlink();
    this.#peers.clear();
    this.tell("over", { reason, ...(error && { error }) });
  }

  /** Tells the lobby how links are. */
  async #report(peers: Peer[], switched?: api.SwitchReason): Promise<void> {
    await Promise.all(peers.map((one) => one.linked?.look().catch(() => {})));
    const links = peers.flatMap((one) =>
      one.linked ? { link: one.linked.number, ...one.stats(), switched } : [],
    );
    if (links.length) await this.ask("report", { links }).catch(() => {});
  }

  #of(link: number): Peer | undefined {
    return this.list.find((one) => one.linked?.number === link);
  }

  /** @internal `taken`: see `ask` of `line.ts`. */
  async ask<Told>(name: string, request: object, taken?: (told: Told) => void): Promise<void> {
    if (this.#isOver) throw over();
    return ask(this.socket, ANSWER_MS, [name, request], taken);
  }

  /** @internal Something is due at another time: once for all that happens in a moment. */
  changed(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    queueMicrotask(() => {
      this.#isChanged = false;
      clearTimeout(this.#timer);
      const now = here();
      const at = Math.min(...this.list.map((one) => one.linked?.deadline(now) ?? Infinity));
      if (at < Infinity) this.#timer = setTimeout(() => this.#tick(), Math.ceil(at - now));
    });
  }

  #tick(): void {
    for (const peer of this.list) peer.linked?.tick(here());
    this.changed();
  }
}

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
  return (lobby.opening ??= new Promise((resolve, reject) => {
    if (lobby.isOver) throw over();
    const peers = new Peers(lobby.forPeers, options);
    const offs = [
      lobby.on("over", () => peers.close()),
      lobby.on("away", ({ isFinal }) => isFinal && peers.close()),
    ];
    peers.once("open", () => resolve(peers));
    peers.once("over", ({ error }) => {
      lobby.opening = undefined;
      for (const off of offs) off();
      reject(error ?? over());
    });
  }));
}

/** What peers tell of is theirs. */
export type { Channel, Peer } from "./peer.js";
