// Views of a match as the stock socket.io-client 4.8.4 gets them: whole states and deltas, inputs
// with numbers, ticks, and a reader that pauses. Against `parlor dev`, with the game of circles.
//   node views.mjs --url http://127.0.0.1:PORT [--only TEXT] [--verbose]
// Source: shared/src/api/{lobby,delta,circles}.rs.

import { decode } from "@msgpack/msgpack";
import { NodeWebSocket, io } from "socket.io-client";
import {
  WAIT_MS,
  between,
  check,
  equal,
  fail,
  pause,
  readOptions,
  run,
  that,
  within,
} from "./harness.mjs";

const HZ = 20;
const options = readOptions();

/** The whole of what a client needs for deltas (see shared/src/api/delta.rs). */
function apply(base, delta) {
  if (Array.isArray(delta)) return delta[0];
  const list = Array.isArray(base);
  const next = list ? base.slice(0, delta["#"] ?? base.length) : { ...base };
  for (const [key, change] of Object.entries(delta))
    if (change === 0 && !list) delete next[key];
    else if (key !== "#" || !list) next[key] = apply(base[key], change);
  return next;
}

/** A client in /lobby that keeps every state it gets, by its number. */
class Viewer {
  static async open(t, transports = [NodeWebSocket]) {
    const viewer = new Viewer(io(`${options.url}/lobby`, { transports, forceNew: true }));
    t.defer(() => viewer.socket.disconnect());
    await within(WAIT_MS, "connecting", viewer.connected);
    return viewer;
  }

  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    this.connected = new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    // Who asked for MessagePack gets bytes.
    const read = (payload) => {
      const packed = ArrayBuffer.isView(payload) || payload instanceof ArrayBuffer;
      if (packed) this.packed += 1;
      return packed ? decode(payload) : payload;
    };
    socket.on("state", (payload) => {
      const { n, key = false, ...state } = read(payload);
      if (key) this.base = { n, state };
      this.#saw(n, state, "state", key);
    });
    socket.on("delta", (payload) => {
      const { n, base, delta } = read(payload);
      if (base !== this.base?.n) this.unknown.push(base);
      else this.#saw(n, apply(this.base.state, delta), "delta");
    });
    this.enter();
  }

  enter() {
    Object.assign(this, { base: undefined, states: new Map(), kinds: [], unknown: [], packed: 0 });
  }

  #saw(n, state, kind, key) {
    if (n <= (this.newest ?? 0)) this.problem ??= `state ${n} after ${this.newest}`;
    this.newest = n;
    this.states.set(n, state);
    this.kinds.push(key ? "key" : kind);
    this.#wake();
  }

  /** Waits until something holds; it is looked at with each state. */
  async until(what, holds, ms = WAIT_MS) {
    const wait = async () => {
      for (;;) {
        if (this.problem) throw new Error(this.problem);
        const found = holds();
        if (found) return found;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    };
    return within(ms, what, wait());
  }

  /** So many more states; a busy server may leave three of four out. */
  more(count) {
    const goal = this.states.size + count;
    const ms = WAIT_MS + (count / HZ) * 4000;
    return this.until(`${count} more states`, () => this.states.size >= goal, ms);
  }

  get state() {
    return this.states.get(this.newest);
  }

  ask(event, ...args) {
    return this.socket.timeout(WAIT_MS).emitWithAck(event, ...args);
  }

  async accepted(event, ...args) {
    const reply = await this.ask(event, ...args);
    that(reply.ok, `the reply to ${event}`, "accepted", reply);
    return reply;
  }
}

/** A lobby of circles: its host, who starts the match, and whoever joins it. */
async function lobby(t, config, ...joins) {
  const host = await Viewer.open(t);
  const create = { game: "circles", config, name: "host" };
  const { lobby: made } = await host.accepted("create", create);
  const others = [];
  for (const { transports, ...join } of joins) {
    const other = await Viewer.open(t, transports);
    await other.accepted("join", { code: made.code, name: "other", rename: true, ...join });
    if (join.role !== "spectator") await other.accepted("ready", { ready: true });
    others.push(other);
  }
  await host.accepted("start");
  // The match begins when the countdown has ended.
  for (const viewer of [host, ...others]) {
    await viewer.until("the first state", () => viewer.states.size > 0);
  }
  return { host, others, code: made.code };
}

const steer = (x, y) => ({ type: "steer", x, y });

/** Every state that both have seen is the same; how many those were. */
function compare(one, other) {
  let count = 0;
  for (const [n, state] of one.states) {
    if (!other.states.has(n)) continue;
    equal(state, other.states.get(n), `state ${n}`);
    count += 1;
  }
  return count;
}

/** The value of a metric, over all its labels. */
async function metric(name) {
  const page = await (await fetch(`${options.url}/metrics`)).text();
  const lines = page.split("\n").filter((line) => new RegExp(`^parlor_${name}[{ ]`).test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

check("whoever looks, whole or by deltas, sees the same at the same number", async (t) => {
  const config = { drifting: 40 };
  const { host, others } = await lobby(
    t,
    config,
    { deltas: true },
    { role: "spectator" },
    { role: "spectator", deltas: true, transports: ["polling"] },
    { role: "spectator", deltas: true, transports: ["polling", "websocket"] },
  );
  const [player, spectator, polling, upgraded] = others;
  await player.accepted("input", 1, steer(1, 0.5));
  await host.accepted("input", 1, steer(-0.25, -1));
  await host.more(150);
  for (const viewer of [player, polling, upgraded]) {
    await viewer.until("the host's state", () => viewer.newest >= host.newest);
    that(viewer.kinds.includes("delta"), "what came", "deltas", viewer.kinds);
    equal(viewer.unknown, [], "deltas whose base is not known");
  }
  // A new key each 64 states.
  that(player.kinds.filter((kind) => kind === "key").length >= 2, "keys", "2", player.kinds);
  for (const viewer of [host, spectator]) {
    that(!viewer.kinds.includes("delta"), "what came", "no deltas", viewer.kinds);
  }
  for (const viewer of [player, spectator, upgraded]) {
    between(compare(host, viewer), 100, Infinity, "states compared");
  }
  between(compare(host, polling), 10, Infinity, "states compared with who polls");
  equal(host.state.view.circles.length, 42, "circles");
});

check("in MessagePack there is the same to see", async (t) => {
  const watching = { role: "spectator", format: "msgpack" };
  const { host, others } = await lobby(
    t,
    { drifting: 40 },
    { format: "msgpack", deltas: true },
    { ...watching },
    { ...watching, deltas: true, transports: ["polling"] },
    { role: "spectator", deltas: true },
  );
  const [player, whole, polling, plain] = others;
  await player.accepted("input", 1, steer(1, 0.5));
  await host.more(80);
  for (const viewer of others) {
    await viewer.until("the host's state", () => viewer.newest >= host.newest);
    equal(viewer.unknown, [], "deltas whose base is not known");
    equal(viewer.packed, viewer === plain ? 0 : viewer.kinds.length, "pushes that came as bytes");
    between(compare(host, viewer), 5, Infinity, "states compared");
  }
  that(player.kinds.includes("delta"), "what came", "deltas", player.kinds);
  that(polling.kinds.includes("delta"), "what came", "deltas", polling.kinds);
  that(!whole.kinds.includes("delta"), "what came", "no deltas", whole.kinds);
});

check("a tick is a state, and they come at their rate", async (t) => {
  const { host } = await lobby(t, { drifting: 3 });
  await host.more(5);
  const from = { n: host.newest, tick: host.state.view.tick, at: performance.now() };
  await host.more(40);
  const ms = performance.now() - from.at;
  const ticks = host.state.view.tick - from.tick;
  equal(host.newest - from.n, ticks, "states for as many ticks");
  between(ticks, (ms / 1000) * HZ * 0.5, (ms / 1000) * HZ * 1.2 + 6, `ticks in ${ms} ms`);
  for (const name of ["ticks_total", "tick_lateness_seconds_count", "views_encoded_total"]) {
    between(await metric(name), 45, Infinity, `the metric ${name}`);
  }
});

check("a match of so many ticks ends with the last", async (t) => {
  const { host } = await lobby(t, { ticks: 10 });
  await host.until("the end", () => host.state?.outcome);
  equal([host.state.view.tick, host.state.outcome.reason], [10, "time"], "tick and reason");
});

check("an input counts once, and its state says that it did", async (t) => {
  const { host, others } = await lobby(t, {}, { deltas: true });
  const [player] = others;
  await player.more(1);
  const first = await player.accepted("input", 1, steer(0.5, 0));
  equal(first.turn, 1, "actions accepted");
  await player.until("the first input", () => player.state.applied?.[1] === 1);
  equal((await player.accepted("input", 1, steer(-1, 0))).turn, 1, "and a duplicate is none");
  const numbers = [];
  for (let seq = 2; seq <= 12; seq++) {
    await player.accepted("input", seq, steer(seq / 12, 0));
    await player.until(`input ${seq}`, () => player.state.applied[1] >= seq);
    numbers.push(player.state.applied[1]);
  }
  equal(numbers, numbers.toSorted((a, b) => a - b), "numbers applied");
  equal(player.state.turn, 12, "actions accepted");
  const wrong = { type: "steer", x: 2, y: 0 };
  const twice = await Promise.all([1, 2].map(() => player.ask("input", 13, wrong)));
  equal(twice.map((reply) => reply.code), ["E_STEER", "E_STEER"], "the same refusal twice");
  equal((await player.ask("input", 13, steer(0, 0))).code, "E_STEER", "and once more");
  equal((await player.ask("input", 13 + 1025, steer(0, 0))).code, "E_SEQ", "a number too new");
  equal((await player.ask("input", 0, steer(0, 0))).code, "E_BAD_REQUEST", "refusal");
  await host.more(2);
  equal(host.state.applied, { 1: 12 }, "what others see");
});

check("an input for a tick is applied with it, if it has not been and is not far ahead", async (t) => {
  const { host } = await lobby(t, {});
  await host.more(2);
  const tick = host.state.tick;
  const applied = host.accepted("input", 1, steer(0.5, 0), { tick: tick + 6 });
  const before = host.until("ticks before it", () => host.state.tick === tick + 4);
  await before;
  equal(host.state.applied, undefined, "applied before its tick");
  await applied;
  await host.until("the input", () => host.state.applied?.[0] === 1);
  that(host.state.tick > tick + 6, "the tick after it", tick + 7, host.state.tick);
  const late = await host.ask("input", 2, steer(0, 0), { tick });
  const early = await host.ask("input", 2, steer(0, 0), { tick: host.state.tick + 1000 });
  equal([late.code, early.code], ["E_LATE", "E_EARLY"], "refusals");
});

check("more inputs than a tick takes are refused", async (t) => {
  const { host } = await lobby(t, {});
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, i) => host.ask("input", i + 1, steer(0, i / 200))),
  );
  const codes = replies.map((reply) => (reply.ok ? "ok" : reply.code));
  between(codes.filter((code) => code === "ok").length, 64, 199, "inputs accepted");
  that(codes.includes("E_RATE"), "refusals", "E_RATE", new Set(codes));
});

check("who asks for resync gets a whole state", async (t) => {
  const { others } = await lobby(t, { drifting: 10 }, { role: "spectator", deltas: true });
  const [viewer] = others;
  await viewer.until("a delta", () => viewer.kinds.includes("delta"));
  // As if the page had lost what deltas build on.
  viewer.base = undefined;
  while (viewer.unknown.length === 0) await pause(20);
  const before = viewer.kinds.length;
  await viewer.accepted("resync");
  await viewer.until("a state", () => viewer.kinds.length > before);
  that(viewer.kinds[before] !== "delta", "what came first", "a whole state", viewer.kinds);
  await viewer.until("deltas again", () => viewer.kinds.slice(before).includes("delta"));
  const replies = await Promise.all(Array.from({ length: 8 }, () => viewer.ask("resync")));
  equal(replies.at(-1).code, "E_RATE", "the reply to the eighth at once");
});

check("who pauses reading gets the newest state, not those between", { ms: 60_000 }, async (t) => {
  const pausing = { role: "spectator", deltas: true };
  const { host, others } = await lobby(t, { drifting: 256 }, pausing, { ...pausing, deltas: false });
  for (const viewer of others) {
    await viewer.more(5);
    const before = await metric("states_coalesced_total");
    const socket = viewer.socket.io.engine.transport.ws;
    socket.pause();
    // Blocked at every look for so many states; others may be, now and then, on a busy machine.
    let since;
    for (let tries = 0; since === undefined || host.newest < since + 40; tries++) {
      if (tries === 300) fail("the reader", "is noticed to be slow", "not so in 30 s");
      await pause(100);
      since = (await metric("connections_blocked")) >= 1 ? (since ?? host.newest) : undefined;
    }
    between(await metric("states_coalesced_total"), before + 20, Infinity, "states replaced");
    const missed = host.newest;
    socket.resume();
    await viewer.until("the newest", () => viewer.newest > missed);
    const numbers = [...viewer.states.keys()];
    const gap = Math.max(...numbers.slice(1).map((n, i) => n - numbers[i]));
    between(gap, 20, Infinity, "states that were left out at once");
    await viewer.more(20);
    equal(viewer.unknown, [], "deltas whose base is not known");
    between(compare(host, viewer), 20, Infinity, "states compared");
  }
});

check("in another lobby nothing of the last one is shown", async (t) => {
  const { others } = await lobby(t, { drifting: 100 }, { role: "spectator", deltas: true });
  const [viewer] = others;
  await viewer.more(5);
  const other = await lobby(t, { drifting: 1 });
  await viewer.accepted("leave");
  const before = viewer.kinds.length;
  await other.host.more(5);
  equal(viewer.kinds.length, before, "states after leaving");
  Object.assign(viewer, { newest: 0 });
  viewer.enter();
  await viewer.accepted("join", {
    code: other.code,
    name: "other",
    role: "spectator",
    deltas: true,
  });
  await viewer.more(5);
  for (const state of viewer.states.values()) equal(state.view.circles.length, 2, "circles");
  between(compare(other.host, viewer), 4, Infinity, "states compared");
});

await run(options);
