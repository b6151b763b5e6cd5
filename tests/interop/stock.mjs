// The stock clients of several versions, side by side, and what all their cases begin with.

import { WAIT_MS, equal, fail, within } from "./harness.mjs";

// Each under the name it is installed by, and the protocol it speaks.
const CLIENTS = {
  4.8: { name: "socket.io-client", eio: 4 },
  "4.0": { name: "socket.io-client-4.0", eio: 4 },
  3.1: { name: "socket.io-client-3.1", eio: 4 },
  2.5: { name: "socket.io-client-2.5", eio: 3 },
};

/** The client of `--client VERSION`, and how it may be told to connect. */
export async function stock(version) {
  const { name, eio } = CLIENTS[version] ?? fail("--client", Object.keys(CLIENTS), version);
  const module = await import(name);
  const io = module.io ?? module.default;
  const { Manager = io.Manager, Fetch, NodeWebSocket } = module;
  // `last` is the transport it ends on.
  const ways = {
    polling: { transports: ["polling"], last: "polling" },
    websocket: { transports: ["websocket"], last: "websocket" },
    upgrade: { transports: ["polling", "websocket"], last: "websocket" },
  };
  if (Fetch) {
    ways.fetch = { transports: [Fetch], last: "polling" };
    ways["fetch, then upgrade"] = { transports: [Fetch, NodeWebSocket], last: "websocket" };
  }
  return { version: Number(version), eio, io, Manager, ways };
}

/** The next occurrence of an event: its arguments. */
export const once = (emitter, event, what = `the event ${event}`, ms = WAIT_MS) =>
  within(ms, what, new Promise((resolve) => emitter.once(event, (...args) => resolve(args))));

/** Everything an event brings, taken one after another. */
export function inboxOf(socket, event) {
  const arrived = [];
  let wake = () => {};
  socket.on(event, (...args) => {
    arrived.push(args);
    wake();
  });
  const take = async () => {
    while (arrived.length === 0) await new Promise((resolve) => (wake = resolve));
    return arrived.shift();
  };
  let lost = "";
  socket.on("disconnect", (reason) => (lost = ` (it was disconnected: ${reason})`));
  const next = async () => {
    try {
      return await within(WAIT_MS, `the event ${event}`, take());
    } catch (error) {
      error.message += lost;
      throw error;
    }
  };
  return { arrived, next };
}

/** All arguments of the answer to an event. */
export const askAll = (socket, event, ...args) =>
  within(
    WAIT_MS,
    `the answer to ${event}`,
    new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))),
  );

/** The first argument of the answer to an event. */
export const ask = async (...args) => (await askAll(...args))[0];

/** What comes back of a message. */
export function echo(socket, ...args) {
  const back = once(socket, "message-back");
  socket.emit("message", ...args);
  return back;
}

/** Ends a client for good. */
export function end(socket) {
  const manager = socket.io;
  if (manager._close) manager._close();
  else manager.close();
}

/** How the cases of one client make sockets that connect in one way to the server at `url`. */
export function kit(client, { transports }, url) {
  /** A socket of a connection of its own, not connected yet. */
  const make = (t, { nsp = "/", at = url, ...more } = {}) => {
    const socket = client.io(`${at}${nsp}`, {
      transports,
      forceNew: true,
      autoConnect: false,
      reconnectionDelay: 10,
      reconnectionDelayMax: 50,
      ...more,
    });
    t.defer(() => end(socket));
    return socket;
  };

  const upgraded = async (socket) => {
    const { engine } = socket.io;
    if (transports.length > 1 && engine.transport.name === "polling") await once(engine, "upgrade");
  };

  /** A connected socket; with an upgrade ahead, one that has finished it unless `early`. */
  const open = async (t, { early = false, ...more } = {}) => {
    const socket = make(t, more);
    socket.auths = inboxOf(socket, "auth");
    const connected = once(socket, "connect");
    socket.connect();
    await connected;
    if (!early) await upgraded(socket);
    return socket;
  };

  /** Connects, and holds what a namespace says that refuses against what it should say. */
  const isRefused = async (socket, message, data) => {
    const refused = once(socket, client.eio === 4 ? "connect_error" : "error");
    socket.connect();
    const [said] = await refused;
    if (client.eio === 4) return equal([said.message, said.data], [message, data], "the refusal");
    // One thing for both, as a text or in an object.
    equal(data ? said : (said.message ?? said), data ?? message, "the refusal");
  };

  return { make, open, upgraded, isRefused };
}
