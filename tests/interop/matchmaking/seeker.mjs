// Somebody in /matchmaking with the stock socket.io-client 4.8.4: what they are told of their
// tickets, in order, and the way from an assignment to a seat in /lobby.
// Source: shared/src/api/matchmaking.rs.

import { io } from "socket.io-client";
import { WAIT_MS, equal, that, within } from "../harness.mjs";
import { Player, address, unique } from "../lobbies/player.mjs";

export const TICKET_ID = /^[A-Za-z0-9_-]{24}$/;
const WAYS = [["polling"], ["websocket"], ["polling", "websocket"]];
/** How stock clients connect, and what the cases call it. */
export const BY_WAY = WAYS.map((transports) => [`by ${transports.join(" and ")}`, { transports }]);

/** The figure of tickets of a queue that ended for this reason. */
export const ended = (queue, reason) =>
  `parlor_queue_tickets_ended_total{queue="${queue}",reason="${reason}"}`;

/** An address that nobody else of this process comes from, as a proxy would tell it. */
let nAddresses = 0;
function fresh() {
  nAddresses += 1;
  return `198.18.${nAddresses >> 8}.${nAddresses & 255}`;
}

/** A token that makes its bearer an account. */
export async function guest() {
  const response = await fetch(`${address()}/guest`, { method: "POST" });
  equal(response.status, 200, "the status of /guest");
  return response.json();
}

export class Seeker extends Player {
  /** A connected one, without a ticket; `from` is an address, `account` what `guest` gave. */
  static async open(t, { transports = ["websocket"], from = fresh(), account } = {}) {
    const manager = {
      transports,
      forceNew: true,
      reconnection: false,
      auth: account && { token: account.token },
      extraHeaders: { "X-Forwarded-For": from },
    };
    const seeker = new Seeker(io(`${address()}/matchmaking`, manager));
    Object.assign(seeker, { from, account, manager });
    t.defer(async () => {
      // What waits when a case is over would be found by the next.
      if (seeker.socket.connected) await seeker.ask("cancel").catch(() => {});
      seeker.socket.disconnect();
    });
    await within(WAIT_MS, "connecting to /matchmaking", seeker.connected);
    return seeker;
  }

  /** An account of its own, for queues and rules that ask for one. */
  static async known(t, options = {}) {
    return Seeker.open(t, { account: await guest(), ...options });
  }

  /** The same somebody by another connection. */
  again(t) {
    const { from, account } = this;
    return Seeker.open(t, { from, account });
  }

  /** Hands in a ticket; what is told of it comes behind the answer. */
  async seek(queue, request = {}) {
    const nBefore = this.pushes.length;
    const asked = { queue, name: unique("seeker"), ...request };
    const reply = await new Promise((resolve) => {
      this.socket.timeout(WAIT_MS).emit("create", asked, (error, answer) => {
        this.early = this.pushes.slice(nBefore).filter(({ name }) => name === "ticket");
        resolve(answer ?? error);
      });
    });
    that(reply.ok, `the answer to create ${JSON.stringify(request)}`, "accepted", reply);
    equal([reply.state, reply.queue], ["queued", queue], "the state, the queue");
    const isOfIt = ({ push }) => push.ticket === reply.ticket;
    equal(this.early.filter(isOfIt), [], "what came before the answer");
    this.ticket = reply.ticket;
    return reply;
  }

  /** The next word of one's ticket that says this. */
  told(state, wanted = {}) {
    return this.next("ticket", { ticket: this.ticket, state, ...wanted });
  }

  /** One's seat, once it is assigned. */
  async assigned() {
    const { assignment } = await this.told("assigned");
    this.assignment = assignment;
    return assignment;
  }

  /** Takes that seat, by a connection to /lobby. */
  async come(t) {
    const { token, seat, lobby, game } = this.assignment ?? (await this.assigned());
    const { transports, auth, extraHeaders } = this.manager;
    const player = await Player.open(t, { transports, auth, extraHeaders });
    await player.resume(token);
    equal([player.seat, player.lobby.id, player.lobby.game], [seat, lobby, game], "the seat");
    return player;
  }

  /** Loses the connection, and comes back by another that asks for the ticket. */
  async back(t) {
    this.drop();
    const next = await this.again(t);
    next.ticket = this.ticket;
    return next;
  }
}

/** So many with tickets in one queue. */
export async function seekers(t, queue, n, { requests = [], ...options } = {}) {
  const all = [];
  for (let i = 0; i < n; i += 1) {
    const one = await Seeker.open(t, options);
    await one.seek(queue, requests[i] ?? {});
    all.push(one);
  }
  return all;
}

/** The same, once all have seats. */
export async function assigned(t, queue, n, options) {
  const all = await seekers(t, queue, n, options);
  for (const one of all) await one.assigned();
  return all;
}

/** The same, once all have come: those in /lobby, in the order of their seats. */
export async function playing(t, all) {
  const players = [];
  for (const one of all) players.push(await one.come(t));
  for (const one of all) await one.told("ended", { reason: "matched" });
  players.sort((a, b) => a.seat - b.seat);
  for (const one of players) await one.state("of the match");
  return players;
}
