// A person in /lobby with the stock socket.io-client 4.8.4: what was pushed to them, in order and
// with its versions checked, and short ways to ask and to wait for events.
// Source: shared/src/api/lobby.rs.

import { io } from "socket.io-client";
import { WAIT_MS, equal, that, within } from "../harness.mjs";

let url;

/** All players of this process connect to the server at this address. */
export const at = (server) => (url = server);
export const address = () => url;

/** A name nobody else has: lobbies of other cases may be listed beside ours. */
let n = 0;
export const unique = (word) => `${word} ${process.pid}-${(n += 1)}`;

/** True if an object holds these members, and whatever else. */
const holds = (seen, wanted) =>
  Object.entries(wanted).every(([key, value]) =>
    value !== null && typeof value === "object"
      ? JSON.stringify(seen[key]) === JSON.stringify(value)
      : seen[key] === value,
  );

export class Player {
  /** A connected player who is in no lobby yet. */
  static async open(t, { transports = ["websocket"], auth, ...more } = {}) {
    const manager = { transports, forceNew: true, reconnection: false, auth, ...more };
    const player = new Player(io(`${url}/lobby`, manager));
    t.defer(() => player.socket.disconnect());
    await within(WAIT_MS, "connecting", player.connected);
    return player;
  }

  #wakes = new Set();

  constructor(socket) {
    this.socket = socket;
    this.connected = new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    this.gone = undefined;
    socket.on("disconnect", (reason) => this.#note(() => (this.gone = reason)));
    socket.onAny((name, push) => this.#note(() => this.#told(name, push)));
    this.#forget();
  }

  /** What was pushed in the last lobby is of no use in the next; versions build on its answer. */
  #forget() {
    Object.assign(this, { version: undefined, pushes: [], cursor: 0, problem: undefined });
  }

  #told(name, push) {
    this.pushes.push({ name, push });
    const isCounted = (name === "changed" || name === "event") && this.version !== undefined;
    if (!isCounted) return;
    if (push.version !== this.version + 1)
      this.problem ??= `version ${push.version} came after ${this.version}`;
    this.version = push.version;
  }

  #note(how) {
    how();
    for (const wake of this.#wakes) wake();
  }

  /** Waits until `find` gives something; it is asked again with each push. */
  async until(what, find) {
    let wake = () => {};
    const wait = async () => {
      for (;;) {
        if (this.problem) throw new Error(this.problem);
        const found = find();
        if (found !== undefined && found !== false) return found;
        await new Promise((resolve) => this.#wakes.add((wake = resolve)));
        this.#wakes.delete(wake);
      }
    };
    try {
      return await within(WAIT_MS, what, wait());
    } catch (error) {
      const last = this.pushes.slice(-5).map(({ name, push }) => `${name} ${JSON.stringify(push)}`);
      error.message += ` (${this.gone ?? "connected"}; last: ${last.join("; ") || "nothing"})`;
      throw error;
    } finally {
      this.#wakes.delete(wake);
    }
  }

  /** The next push of this name, after the last one that was waited for, that holds these. */
  next(name, wanted = {}) {
    return this.until(`${name} ${JSON.stringify(wanted)}`, () => {
      const after = this.pushes.slice(this.cursor);
      const i = after.findIndex((one) => one.name === name && holds(one.push, wanted));
      if (i < 0) return undefined;
      this.cursor += i + 1;
      return after[i].push;
    });
  }

  /** The same of changes. */
  change(type, wanted = {}) {
    return this.until(`the change ${type} ${JSON.stringify(wanted)}`, () => {
      const after = this.pushes.slice(this.cursor);
      const all = { type, ...wanted };
      const i = after.findIndex(({ name, push }) => name === "changed" && holds(push.change, all));
      if (i < 0) return undefined;
      this.cursor += i + 1;
      return after[i].push.change;
    });
  }

  /** All changes of a type so far. */
  changes(type) {
    const changes = this.all("changed").map(({ change }) => change);
    return changes.filter((change) => change.type === type);
  }

  /** Everything that was pushed under a name so far. */
  all(name) {
    return this.pushes.filter((one) => one.name === name).map((one) => one.push);
  }

  /** The newest state, once it fits. */
  state(what, fits = () => true) {
    return this.until(`the state ${what}`, () => {
      const newest = this.all("state").at(-1);
      return newest && fits(newest) ? newest : undefined;
    });
  }

  ask(event, ...args) {
    return this.socket.timeout(WAIT_MS).emitWithAck(event, ...args);
  }

  async accepted(event, ...args) {
    const reply = await this.ask(event, ...args);
    that(reply.ok, `the reply to ${event} ${JSON.stringify(args)}`, "accepted", reply);
    return reply;
  }

  /** Refused with this code, and one sentence for people. */
  async refused(code, event, ...args) {
    const reply = await this.ask(event, ...args);
    const what = `the reply to ${event} ${JSON.stringify(args)}`;
    that(!reply.ok && reply.code === code, what, code, reply);
    that(/^\S.{5,}/.test(reply.message), "what it says", "a sentence", reply.message);
    return reply;
  }

  /** The answer is taken in at once: pushes that build on it may come in the same breath. */
  async #enter(event, request) {
    this.#forget();
    const answered = new Promise((resolve) => {
      this.socket.timeout(WAIT_MS).emit(event, request, (error, reply) => {
        if (reply?.ok) this.#entered(reply);
        resolve(reply ?? error);
      });
    });
    const reply = await answered;
    const what = `the reply to ${event} ${JSON.stringify(request)}`;
    that(reply.ok, what, "accepted", reply);
    equal(this.early, [], "what came before the answer");
    return reply;
  }

  #entered(reply) {
    Object.assign(this, { lobby: reply.lobby, seat: reply.seat, token: reply.token });
    this.early = this.pushes.filter(({ name }) => name === "changed" || name === "event");
    this.version = reply.lobby.version - (reply.missed ?? 0);
  }

  create(request = {}) {
    return this.#enter("create", { game: "chess", name: unique("host"), ...request });
  }

  join(lobby, request = {}) {
    return this.#enter("join", { code: lobby.code, name: unique("guest"), ...request });
  }

  resume(token, request = {}) {
    return this.#enter("resume", { token, ...request });
  }

  quick(request = {}) {
    return this.#enter("quick", { game: "chess", name: unique("quick"), ...request });
  }

  /** The lobby as somebody sees it who looks at it now: a spectator who leaves at once. */
  async look(t, request = {}) {
    const viewer = await Player.open(t);
    const { lobby } = await viewer.join(this.lobby, { role: "spectator", ...request });
    await viewer.accepted("leave");
    viewer.socket.disconnect();
    return lobby;
  }

  /** Loses the connection as when a cable is pulled: nobody says good-bye. */
  drop() {
    this.socket.io.engine.close();
  }
}

/** A host and guests, in seats of one lobby, all connected. */
export async function gather(t, create = {}, ...joins) {
  const host = await Player.open(t);
  await host.create(create);
  const guests = [];
  for (const join of joins.length > 0 ? joins : [{}]) {
    const guest = await Player.open(t);
    await guest.join(host.lobby, join);
    guests.push(guest);
  }
  return [host, ...guests];
}

/** The same with a match that is on. */
export async function match(t, create = {}, ...joins) {
  const [host, ...guests] = await gather(t, create, ...joins);
  const seated = guests.filter((guest) => guest.seat !== undefined);
  for (const guest of seated) await guest.accepted("ready", { ready: true });
  await host.accepted("start");
  for (const one of [host, ...guests]) await one.change("started", { number: 1 });
  return [host, ...guests];
}
