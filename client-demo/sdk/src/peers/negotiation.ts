// How one end of one link finds a direct way: descriptions and candidates in the order that
// `RTCPeerConnection` wants, whatever the order in which they come; and finds one again.
// What goes by the channels is not known here; see `link.ts`.
// Source: W3C WebRTC 1.0, § 10.7 (perfect negotiation); RFC 8829, § 4.1.10.2 (rollback).

import type { ParlorError } from "../error.js";
import type { Class } from "./link.js";
import type { Candidate, Description, Link, Signal, Via } from "../generated/signal.js";

/** Not connected for so long: try again. */
export const CONNECT_MS = 6_000;
/** Not one candidate of one's own after so long: there is no network to be connected by. */
export const GATHER_MS = 2_000;
/** Between a path that carries nothing any more and the next try, to find a new one. */
export const DOWNGRADED_MS = 2_000;
/** The end that is not polite tries later, so that the two do not at once. */
export const IMPOLITE_MS = 2_000;
/** Candidates kept until their description is there. */
export const MAX_EARLY_CANDIDATES = 100;
/** Signals of the other end that wait for their turn. */
export const MAX_WAITING_SIGNALS = 256;
/** Then again after each of these times. The last repeats. */
export const RETRY_MS = [6_000, 30_000, 120_000, 600_000];

/** What a negotiation wants done. */
export interface NegotiationEvents {
  /** What is to be sent along, by each connection. */
  tracks: ReadonlyMap<MediaStreamTrack, MediaStream[]>;
  /** Makes a connection, always with the same certificate. */
  connection(): RTCPeerConnection;
  /** Tells the other end; rejects with a `ParlorError` if that is refused. */
  signal(signal: Signal): Promise<unknown>;
  /** Both data channels are open, or not any more. */
  opened(isOpen: boolean): void;
  /** Something has come by a channel. */
  frame(data: unknown): void;
  track(track: MediaStreamTrack, streams: readonly MediaStream[]): void;
  /** The time. */
  now(): number;
  /** Something is due at another time than before. */
  changed(): void;
}

/** One end of the search for a direct way. */
export class Negotiation {
  /** The connection of the moment. */
  pc!: RTCPeerConnection;
  readonly #link: Pick<Link, "link" | "polite" | "offer">;
  readonly #events: NegotiationEvents;
  /** How many restarts there were, and at the last description of the other end. */
  #generation = 0;
  #remoteGeneration = -1;
  /** The highest that the server has counted, as far as is known. It takes them one by one. */
  #counted = 0;
  #channels!: Record<Class, RTCDataChannel>;
  #isOpen = false;
  #isClosed = false;
  /** Which connection of the other end the last description was of. */
  #session: string | undefined;
  /** A connection that was never answered, or lost, is replaced; else its network is looked for. */
  #isBroken = false;
  /** Candidates. */
  #early: Signal[] = [];
  /** Everything that the connection is asked to do, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #nWaiting = 0;
  #isReachable = true;
  #hasCandidates = false;
  #gatherAt = Infinity;
  #retryAt: number;
  #nTries = 0;

  constructor(link: Pick<Link, "link" | "polite" | "offer">, events: NegotiationEvents) {
    this.#link = link;
    this.#events = events;
    this.#retryAt = this.#later(CONNECT_MS);
    this.#connect();
  }

  /** Sends by a channel; one that fails is as good as closed. */
  send(kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    try {
      this.#channels[kind].send(frame);
    } catch {
      const channels = this.#channels;
      queueMicrotask(() => channels === this.#channels && this.#lost(true));
    }
  }

  /** Bytes that wait in a channel. */
  buffered(kind: Class): number {
    return this.#channels[kind].bufferedAmount;
  }

  /** Takes what the other end says. */
  receive(signal: Signal): void {
    if (this.#nWaiting >= MAX_WAITING_SIGNALS) return;
    this.#nWaiting++;
    this.#inTurn(async () => {
      this.#nWaiting--;
      const { generation, description } = signal;
      this.#count(generation);
      if (description) await this.#described(description, generation);
      else if (this.#early.push(signal) > MAX_EARLY_CANDIDATES) this.#early.shift();
      await this.#addCandidates();
    });
  }

  /** Whether signals reach the other end. Those on their way may be lost. */
  reach(isReachable: boolean): void {
    const isBack = isReachable && !this.#isReachable;
    this.#isReachable = isReachable;
    if (!isBack) return;
    if (!this.#isConnected) this.#retryIn(0);
    this.#inTurn(async () => {
      if (this.pc.signalingState === "have-local-offer") this.#tell();
    });
  }

  /** The network is another, or there is one again. */
  online(): void {
    if (this.#isConnected) return;
    this.#nTries = 0;
    this.#retryIn(0);
  }

  /** Nothing comes by the channels any more, or something does again. */
  carries(isAlive: boolean): void {
    if (isAlive) this.#settle();
    else this.#retryIn(DOWNGRADED_MS);
  }

  /** Does what is due. */
  tick(now: number): void {
    if (now >= this.#gatherAt) {
      this.#gatherAt = Infinity;
      this.#nTries ||= 1;
      this.#waitForNext();
    }
    if (now < this.#retryAt) return;
    this.#waitForNext();
    this.#nTries++;
    if (!this.#isReachable) return;
    const replace = this.#isBroken || this.#nTries > 1;
    this.#inTurn(async () => {
      if (replace) this.#connect();
      await this.#offer(true);
    });
  }

  /** When that is. */
  deadline(): number {
    return Math.min(this.#gatherAt, this.#retryAt);
  }

  /** By which kind of candidate the direct way goes. */
  async via(): Promise<Via | undefined> {
    const stats = await this.pc.getStats();
    let pair: { localCandidateId?: string; remoteCandidateId?: string } = {};
    // The transport names its pair; in Firefox the pair itself says that it is the one.
    stats.forEach((one) => {
      pair = one.selected ? one : (stats.get(one.selectedCandidatePairId) ?? pair);
    });
    const kinds = ["host", "srflx", "prflx", "relay"] as const;
    const rank = (id?: string): number => kinds.indexOf(stats.get(id!)?.candidateType);
    const farther = kinds[Math.max(rank(pair.localCandidateId), rank(pair.remoteCandidateId))];
    return farther === "relay" ? "turn" : farther;
  }

  /** Ends it. */
  close(): void {
    this.#isClosed = true;
    this.#retryAt = this.#gatherAt = Infinity;
    this.#drop();
  }

  #drop(): void {
    this.pc?.close();
    this.#shut();
  }

  /** What is connected, and has no offer out, needs no other try. */
  #settle(): void {
    if (!this.#isConnected || this.pc.signalingState !== "stable") return;
    this.#retryAt = this.#gatherAt = Infinity;
    this.#nTries = 0;
    this.#events.changed();
  }

  get #isConnected(): boolean {
    return this.#isOpen && this.pc.connectionState === "connected";
  }

  /** A connection of its own, with both channels; in place of the one that there was. */
  #connect(): void {
    this.#drop();
    const pc = (this.pc = this.#events.connection());
    this.#session = undefined;
    this.#isBroken = false;
    this.#channels = {
      reliable: pc.createDataChannel("reliable", { negotiated: true, id: 0 }),
      volatile: pc.createDataChannel("volatile", {
        negotiated: true,
        id: 1,
        ordered: false,
        maxRetransmits: 0,
      }),
    };
    const both = Object.values(this.#channels);
    for (const channel of both) {
      channel.binaryType = "arraybuffer";
      channel.onopen = () => {
        if (both.some((one) => one.readyState !== "open")) return;
        this.#isOpen = true;
        this.#settle();
        this.#events.opened(true);
      };
      // Browsers differ in whether they tell of what is closed here.
      channel.onclose = () => pc === this.pc && this.#lost(true);
      channel.onmessage = ({ data }) => this.#events.frame(data);
    }
    for (const [track, streams] of this.#events.tracks) pc.addTrack(track, ...streams);
    pc.ontrack = ({ track, streams }) => this.#events.track(track, streams);
    pc.onnegotiationneeded = () => {
      // Who does not begin waits for the first offer, which is for both.
      if (this.#link.offer || pc.remoteDescription)
        this.#inTurn(async () => {
          if (pc === this.pc && pc.signalingState === "stable") await this.#offer(false);
        });
    };
    pc.onicecandidate = ({ candidate }) => {
      this.#hasCandidates ||= !!candidate?.candidate;
      if (this.#hasCandidates) this.#gatherAt = Infinity;
      const known = (candidate?.toJSON() ?? null) as Candidate | null;
      void this.#say({ candidate: known, generation: this.#generation });
    };
    pc.onconnectionstatechange = () => {
      const { connectionState: state, iceConnectionState: ice } = pc;
      this.#settle();
      // Where the network is not what failed, it is what was agreed on over it.
      if (state === "failed") this.#lost(ice !== "failed");
      if (state === "disconnected") this.#lost(false);
      this.#events.changed();
    };
  }

  #shut(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#events.opened(false);
  }

  /** The connection is lost; if it is `broken`, no other network mends it. */
  #lost(broken: boolean): void {
    if (this.#isClosed) return;
    if (broken) {
      this.#isBroken = true;
      this.#shut();
    }
    this.#retryIn(0);
  }

  /** The next try is not later than this. */
  #retryIn(ms: number): void {
    this.#retryAt = Math.min(this.#retryAt, this.#later(ms));
    this.#events.changed();
  }

  #waitForNext(): void {
    this.#retryAt = this.#later(RETRY_MS[this.#nTries] ?? RETRY_MS[3]!);
  }

  #later(ms: number): number {
    return this.#events.now() + ms + (this.#link.polite ? 0 : IMPOLITE_MS);
  }

  #inTurn(act: () => Promise<void>): void {
    // What fails is tried again when it is time to.
    this.#turn = this.#turn.then((): unknown => this.#isClosed || act()).catch(() => {});
  }

  async #offer(restart: boolean): Promise<void> {
    const offer = await this.pc.createOffer({ iceRestart: restart });
    if (restart) this.#generation = this.#counted + 1;
    await this.pc.setLocalDescription(offer);
    this.#tell();
  }

  async #described(description: Description, generation: number): Promise<void> {
    const isOffering = this.pc.signalingState === "have-local-offer";
    const isOffer = description.type === "offer";
    const isSame = generation === this.#generation;
    const session = /^o=\S+ (\S+)/m.exec(description.sdp)?.[1];
    if (isOffer) {
      // The later restart counts; of two that are as late, the one of who is not polite.
      if (generation < this.#generation || (isOffering && isSame && !this.#link.polite)) return;
      // The other end has another connection, which knows nothing of what this one has agreed on.
      if (this.#session !== undefined && session !== this.#session) this.#connect();
      // Another try is on its way: one's own waits for what becomes of it.
      this.#retryAt = Math.max(this.#retryAt, this.#later(CONNECT_MS));
      this.#generation = generation;
    } else if (!isOffering || !isSame) return;
    await this.pc.setRemoteDescription(description);
    this.#session = session;
    this.#remoteGeneration = generation;
    this.#settle();
    if (!isOffer) return;
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.#tell();
  }

  /** Tells one's own description. */
  #tell(): void {
    const description = this.pc.localDescription;
    if (!description) return;
    this.#hasCandidates ||= description.sdp.includes("a=candidate:");
    if (!this.#hasCandidates) this.#gatherAt = this.#events.now() + GATHER_MS;
    const { type, sdp } = description;
    if (type === "offer" && this.#retryAt === Infinity) this.#retryIn(CONNECT_MS);
    if (type === "answer") this.#settle();
    this.#events.changed();
    // The answer does not come back before the next turn: it is not waited for.
    const told = { type, sdp } as Description;
    void this.#say({ description: told, generation: this.#generation });
  }

  async #say(signal: Omit<Signal, "link">): Promise<void> {
    const { generation, description } = signal;
    try {
      await this.#events.signal({ link: this.#link.link, ...signal });
      this.#count(generation);
    } catch (error) {
      const { code, retryMs } = error as ParlorError;
      if (description && code === "E_STALE") this.#count(generation + 1);
      if (code !== "E_RATE") return;
      await new Promise((done) => setTimeout(done, retryMs));
      if (!this.#isClosed && generation >= this.#generation) await this.#say(signal);
    }
  }

  #count(generation: number): void {
    this.#counted = Math.max(this.#counted, generation);
  }

  async #addCandidates(): Promise<void> {
    const pc = this.pc;
    const remoteGeneration = this.#remoteGeneration;
    const sdp = pc.remoteDescription?.sdp;
    if (!sdp) return;
    for (const one of this.#early.splice(0)) {
      const fragment = one.candidate?.usernameFragment;
      const isOfThis = fragment
        ? sdp.includes(`a=ice-ufrag:${fragment}`)
        : one.generation === remoteGeneration;
      if (isOfThis) await pc.addIceCandidate(one.candidate).catch(() => {});
      else if (one.generation >= remoteGeneration) this.#early.push(one);
    }
  }
}
