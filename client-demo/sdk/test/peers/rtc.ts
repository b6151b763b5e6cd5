// What stands in for browsers: connections that keep the rules of descriptions, candidates and
// rollback, and are connected when both ends agree, in virtual time.

import type { Candidate, Description } from "../../src/generated/signal.js";
import type { Agenda } from "./network.js";

/** A network in which fake connections find each other. */
export class Ether {
  readonly connections: FakeConnection[] = [];
  private dead = false;
  /** No candidates are gathered. */
  isSilent = false;
  private n = 0;

  constructor(
    readonly agenda: Agenda,
    readonly chance: () => number,
  ) {}

  next(): number {
    return ++this.n;
  }

  /** No candidates reach anywhere. */
  get isDead(): boolean {
    return this.dead;
  }

  set isDead(isDead: boolean) {
    this.dead = isDead;
    this.look();
  }

  /** Connects those that agree on each other, and leaves those that do not. */
  look(): void {
    for (const one of this.connections) {
      const other = this.connections.find((it) => it !== one && agree(one, it) && agree(it, one));
      if (other && !this.isDead) this.agenda.in(5, () => one.join(other));
    }
  }
}

/** True if `one` has what it needs to reach `other`. */
function agree(one: FakeConnection, other: FakeConnection): boolean {
  const { pair } = one;
  if (!pair || one.closed || !other.pair) return false;
  if (pair.remote !== other.pair.local) return false;
  // An association of DTLS is between two connections, whatever network there is between.
  if (one.joined && one.joined !== other) return false;
  return one.candidates.has(pair.remote);
}

interface Gathered {
  candidate: string;
  toJSON(): Candidate;
}

interface Descriptions {
  local: Description | null;
  remote: Description | null;
}

class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  binaryType = "";
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor(
    private readonly owner: FakeConnection,
    readonly id: number,
  ) {}

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== "open") throw new Error("InvalidStateError");
    const other = this.owner.joined?.channels[this.id];
    const data = frame.slice().buffer;
    if (!this.owner.ether.isDead)
      this.owner.ether.agenda.in(5, () => other?.onmessage?.({ data }));
  }
}

/** As much of `RTCPeerConnection` as is used. */
export class FakeConnection {
  readonly channels: FakeChannel[] = [];
  readonly candidates = new Set<string>();
  readonly senders: { track: unknown }[] = [];
  joined: FakeConnection | undefined;
  closed = false;
  /** Fragments that both ends have agreed on. */
  pair: { local: string; remote: string } | undefined;
  signalingState = "stable";
  connectionState = "new";
  iceConnectionState = "new";
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: Gathered | null }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ontrack: ((event: { track: unknown; streams: unknown[] }) => void) | null = null;
  nRestarts = 0;
  /** Candidates that were to be added. */
  nAsked = 0;
  /** Descriptions of the other end that were to be taken. */
  nDescribed = 0;
  private readonly session: number;
  private fragment: string;
  private stableFragment: string;
  private stable: Descriptions = { local: null, remote: null };
  private negotiated = 0;
  private heard = 0;
  private isNeeded = false;
  private version = 0;
  private gathered = "";

  constructor(
    readonly ether: Ether,
    readonly certificate = "c",
  ) {
    ether.connections.push(this);
    this.session = ether.next();
    this.fragment = this.stableFragment = `u${ether.next()}`;
  }

  createDataChannel(_label: string, { id }: { id: number }): FakeChannel {
    const channel = new FakeChannel(this, id);
    this.channels[id] = channel;
    if (id === 0) this.need();
    return channel;
  }

  addTrack(track: unknown): void {
    this.senders.push({ track });
    this.need();
  }

  getSenders(): { track: unknown }[] {
    return this.senders;
  }

  async createOffer({ iceRestart }: { iceRestart?: boolean }): Promise<Description> {
    await this.pause();
    if (iceRestart && (this.localDescription ?? this.stable.local)) {
      this.nRestarts++;
      this.fragment = `u${this.ether.next()}`;
    }
    return { type: "offer", sdp: this.write() };
  }

  async createAnswer(): Promise<Description> {
    await this.pause();
    if (this.signalingState !== "have-remote-offer") throw new Error("InvalidStateError: answer");
    const before = fragmentOf(this.stable.remote);
    if (before && before !== fragmentOf(this.remoteDescription))
      this.fragment = `u${this.ether.next()}`;
    return { type: "answer", sdp: this.write() };
  }

  async setLocalDescription(description: Description): Promise<void> {
    await this.pause();
    const { type } = description;
    if (type === "offer" && this.signalingState === "have-remote-offer")
      throw new Error("InvalidStateError: local offer");
    if (type === "answer" && this.signalingState !== "have-remote-offer")
      throw new Error("InvalidStateError: local answer");
    this.localDescription = description;
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    this.gather();
    if (type === "answer") this.settle();
  }

  async setRemoteDescription(description: Description): Promise<void> {
    this.nDescribed++;
    await this.pause();
    const { type, sdp } = description;
    if (!sdp.includes("a=ice-ufrag:")) throw new Error("OperationError: sdp");
    if (type === "answer" && this.signalingState !== "have-local-offer")
      throw new Error("InvalidStateError: remote answer");
    if (type === "offer" && this.signalingState === "have-local-offer") {
      this.localDescription = this.stable.local;
      this.fragment = this.stable.local ? this.stableFragment : `u${this.ether.next()}`;
      this.isNeeded = true;
    }
    this.remoteDescription = description;
    this.signalingState = type === "offer" ? "have-remote-offer" : "stable";
    if (type === "answer") this.settle();
  }

  async addIceCandidate(candidate: Candidate | null): Promise<void> {
    this.nAsked++;
    await this.pause();
    if (!this.remoteDescription) throw new Error("InvalidStateError: no remote description");
    const fragment = candidate?.usernameFragment;
    if (!candidate || !fragment) return;
    if (fragment !== fragmentOf(this.remoteDescription)) throw new Error("OperationError: ufrag");
    this.candidates.add(fragment);
    this.ether.look();
  }

  close(): void {
    this.closed = true;
    this.signalingState = "closed";
    const { joined } = this;
    this.joined = undefined;
    if (joined && !this.ether.isDead)
      this.ether.agenda.in(5, () => joined.joined === this && joined.lose());
  }

  /** Both ends agree. */
  join(other: FakeConnection): void {
    if (this.closed || !agree(this, other) || !agree(other, this) || this.ether.isDead) return;
    this.joined = other;
    this.set("connected");
    for (const channel of this.channels) {
      if (channel.readyState !== "connecting") continue;
      channel.readyState = "open";
      channel.onopen?.();
    }
  }

  /** The other end has closed its own. */
  lose(): void {
    for (const channel of this.channels) {
      channel.readyState = "closed";
      channel.onclose?.();
    }
  }

  set(state: string): void {
    if (this.closed || this.connectionState === state) return;
    this.connectionState = this.iceConnectionState = state;
    this.onconnectionstatechange?.();
  }

  private settle(): void {
    this.stable = { local: this.localDescription, remote: this.remoteDescription };
    this.stableFragment = this.fragment;
    const [local, remote] = [fragmentOf(this.localDescription), fragmentOf(this.remoteDescription)];
    this.pair = { local, remote };
    this.negotiated = sendersOf(this.localDescription);
    for (; this.heard < sendersOf(this.remoteDescription); this.heard++)
      this.ontrack?.({ track: `track ${this.heard}`, streams: [] });
    if (this.isNeeded) this.need();
    this.ether.look();
  }

  private need(): void {
    this.isNeeded = true;
    this.ether.agenda.in(0, () => {
      if (!this.isNeeded || this.signalingState !== "stable" || this.closed) return;
      this.isNeeded = !this.stable.local || this.negotiated < this.senders.length;
      if (this.isNeeded) this.onnegotiationneeded?.();
    });
  }

  private gather(): void {
    if (this.gathered === this.fragment || this.ether.isSilent) return;
    const usernameFragment = (this.gathered = this.fragment);
    for (let i = 0; i < 3; i++)
      this.ether.agenda.in(20 * this.ether.chance(), () => {
        const json = { candidate: `candidate:${i}`, usernameFragment };
        this.find({ candidate: json.candidate, toJSON: () => json });
      });
    this.ether.agenda.in(25, () => this.find(null));
  }

  /** Tells of a candidate; not when it is closed (W3C WebRTC 1.0, § 4.8.2). */
  private find(candidate: Gathered | null): void {
    if (!this.closed) this.onicecandidate?.({ candidate });
  }

  private write(): string {
    const first = `o=- ${this.session} ${++this.version} IN IP4 0.0.0.0`;
    const rest = `a=senders:${this.senders.length}\r\na=ice-ufrag:${this.fragment}`;
    return `v=0\r\n${first}\r\n${rest}\r\n`;
  }

  private pause(): Promise<void> {
    return new Promise((done) => this.ether.agenda.in(2 * this.ether.chance(), done));
  }
}

function fragmentOf(description: Description | null): string {
  return /a=ice-ufrag:(\S+)/.exec(description?.sdp ?? "")?.[1] ?? "";
}

function sendersOf(description: Description | null): number {
  return Number(/a=senders:(\d+)/.exec(description?.sdp ?? "")?.[1] ?? 0);
}
