// A player of /lobby who is also a peer in /signal, over one manager or over two, with the stock
// socket.io-client 4.8.4: what it was told in order, and short ways to ask, to signal and to send.
// Source: shared/src/api/signal.rs.

import { readFileSync } from "node:fs";
import { io } from "socket.io-client";
import { WAIT_MS, equal, that, within } from "../harness.mjs";
import { Player, address } from "../lobbies/player.mjs";

/** What Chromium wrote: an offer, its answer, a restart of both, each with its candidates. */
export const RECORDED = JSON.parse(
  readFileSync(new URL("../../data/signals-of-chromium.json", import.meta.url)),
);

const HEADER_BYTES = 12;
export const KIND = { ping: 1, ack: 3, reliable: 4, volatile: 5 };

/** A frame as peers write it: `field` is what is acknowledged, or the key of a volatile one. */
export function frame(kind, seq, { channel = 0, field = 0, payload = "" } = {}) {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = kind;
  header[1] = channel;
  header.writeUInt32BE(seq, 4);
  header.writeUInt32BE(field, 8);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** The number that a frame bears. */
export const numberOf = (bytes) => Buffer.from(bytes).readUInt32BE(4);

export const payloadOf = (bytes) => Buffer.from(bytes).subarray(HEADER_BYTES).toString();

/** What a peer was told, and what it asks. */
class Signals extends Player {
  /** Everything of one frame's event so far: [link, bytes]. */
  frames = { reliable: [], volatile: [] };

  constructor(socket) {
    super(socket);
    for (const kind of ["reliable", "volatile"]) {
      socket.on(kind, (link, bytes) => this.frames[kind].push([link, bytes]));
    }
  }
}

export class Peer {
  /** Somebody in /lobby, who may become a peer; `apart`: /signal by a connection of its own. */
  static async open(t, { apart = false, ...options } = {}) {
    const peer = new Peer();
    peer.player = await Player.open(t, options);
    peer.options = options;
    peer.apart = apart;
    return peer;
  }

  /** Connects to /signal, as the page does that was loaded first, or one that is loaded again. */
  async connect(t) {
    const { transports = ["websocket"], auth, ...more } = this.options;
    const apart = { transports, forceNew: true, reconnection: false, auth, ...more };
    const socket = this.apart
      ? io(`${address()}/signal`, apart)
      : this.player.socket.io.socket("/signal");
    this.signals = new Signals(socket);
    t.defer(() => socket.disconnect());
    await within(WAIT_MS, "connecting to /signal", this.signals.connected);
  }

  /** Asks the lobby for the token that opens /signal. */
  async admit() {
    this.token = (await this.player.accepted("peer")).token;
    return this.token;
  }

  /** Becomes a peer; what is told meanwhile comes behind the answer. */
  async join(request = {}) {
    const { signals } = this;
    const nBefore = signals.pushes.length;
    const joined = await new Promise((resolve) => {
      const asked = { token: this.token, ...request };
      signals.socket.timeout(WAIT_MS).emit("join", asked, (error, reply) => {
        this.early = signals.pushes.slice(nBefore);
        resolve(reply ?? error);
      });
    });
    that(joined.ok, `the reply to join ${JSON.stringify(request)}`, "accepted", joined);
    equal(this.early, [], "what came before the answer");
    this.joined = joined;
    this.number = joined.peer;
    return joined;
  }

  /** All of that. */
  async enter(t, request = {}) {
    await this.admit();
    await this.connect(t);
    return this.join(request);
  }

  /** The same by another connection, as when the network has changed. */
  async back(t, request = {}) {
    this.apart = true;
    await this.connect(t);
    return this.join({ resume: this.number, ...request });
  }

  /** The link with another peer, as it was told last. */
  link(other) {
    const told = [...(this.joined?.links ?? []), ...this.signals.all("link")];
    const link = told.findLast(({ peer }) => peer === other.number);
    that(link, `a link of peer ${this.number} with ${other.number}`, "told", told);
    return link;
  }

  linked(other) {
    const told = () => [...this.joined.links, ...this.signals.all("link")];
    const find = () => told().findLast(({ peer }) => peer === other.number);
    return this.signals.until(`the link with peer ${other.number}`, find);
  }

  accepted(event, ...args) {
    return this.signals.accepted(event, ...args);
  }

  refused(code, event, ...args) {
    return this.signals.refused(code, event, ...args);
  }

  next(name, wanted) {
    return this.signals.next(name, wanted);
  }

  /** A signal on the link with another peer. */
  to(other, generation, what) {
    return { link: this.link(other).link, generation, ...what };
  }

  describe(other, generation, description) {
    return this.accepted("signal", this.to(other, generation, { description }));
  }

  candidate(other, generation, candidate) {
    return this.accepted("signal", this.to(other, generation, { candidate }));
  }

  send(kind, other, bytes) {
    this.signals.socket.emit(kind, this.link(other).link, bytes);
  }

  /** Waits for so many frames, and hands them out. */
  async frames(kind, n) {
    const { frames } = this.signals;
    await this.signals.until(`${n} ${kind} frames`, () => frames[kind].length >= n);
    return frames[kind];
  }

  /** Loses the connection as when a cable is pulled. */
  drop() {
    this.signals.socket.io.engine.close();
  }
}

/** So many peers of one lobby, in the order of their seats: the first is host. */
export async function party(t, n, { create = {}, joins = [], ...options } = {}) {
  const peers = [];
  for (let seat = 0; seat < n; seat += 1) {
    const peer = await Peer.open(t, options);
    if (seat === 0) await peer.player.create({ game: "relay", ...create });
    else await peer.player.join(peers[0].player.lobby);
    await peer.enter(t, joins[seat]);
    peers.push(peer);
  }
  return peers;
}

/** How tests do the same over one connection and over two, by WebSocket and by polling. */
export const WAYS = [
  ["over one connection", {}],
  ["over two connections", { apart: true }],
  ["by polling", { transports: ["polling"] }],
];
