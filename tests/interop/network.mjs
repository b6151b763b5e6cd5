// The stock socket.io-client of one version on networks that fail: cut, refused, silent. With
// `--recovery` also what a client gets back of its state, if it is one that can (4.6).
//   node network.mjs --url http://127.0.0.1:PORT [--client 4.8] [--recovery] [--reference] …
// Wants `fixture --app socket --ping-interval 400 --ping-timeout 1000`, and `--recovery` on both
// sides or none. The network is a proxy of each case's own (proxy.mjs).
// Source: the "Interop tests"; for recovery reference/reliability.md, rec-01 to rec-09.

import {
  WAIT_MS,
  check,
  equal,
  group,
  oneOf,
  pause,
  readOptions,
  run,
  within,
} from "./harness.mjs";
import { Proxy } from "./proxy.mjs";
import { openWs } from "./session.mjs";
import { ask, echo, inboxOf, kit, once, stock } from "./stock.mjs";
import { Server } from "./wire.mjs";

const options = readOptions({
  client: { type: "string", default: "4.8" },
  recovery: { type: "boolean", default: false },
});
const server = new Server(options.url, "/socket.io/");
const client = await stock(options.client);

let nRooms = 0;

/** A room that nobody else is in. */
const newRoom = () => `network ${process.pid} ${++nRooms}`;

/** A proxy in front of the server, and a connected socket behind it. */
async function behindProxy(t, { open }, more) {
  const proxy = await Proxy.open(`${server.host}:${server.port}`);
  t.defer(() => proxy.close());
  const socket = await open(t, { at: proxy.url, ...more });
  return { proxy, socket };
}

/** Asks until a room has so many sockets. */
async function untilSockets(socket, room, count) {
  const watch = async () => {
    while ((await ask(socket, "sockets", room)).length !== count) await pause(10);
  };
  await within(WAIT_MS, `${count} sockets in ${room}`, watch());
}

/** Cuts until it has hit something: between two polls there may be nothing to cut. */
async function cutOff(proxy, socket, cut = () => proxy.cut()) {
  let reason;
  const gone = once(socket, "disconnect").then(([said]) => (reason = said));
  while (!reason) {
    cut();
    await Promise.race([gone, pause(5)]);
  }
  return reason;
}

/** A connection that was cut in between may still have to find out. */
async function untilWell(socket) {
  const watch = async () => {
    for (;;) {
      const gone = new Promise((resolve) => socket.once("disconnect", () => resolve(false)));
      const well = ask(socket, "message-with-ack", 1).then(() => true);
      if (await Promise.race([well, gone])) return;
      await once(socket, "connect");
    }
  };
  await within(WAIT_MS, "a connection that works", watch());
}

function networkCases(way) {
  const { last } = way;
  // Each tells its failed attempts, but not in the same place.
  const teller = (socket) => (client.eio === 4 ? socket.io : socket);
  const all = kit(client, way, options.url);
  const { make, upgraded } = all;

  /** After what happened to it, a socket is as good as new. */
  const isWell = async (socket, old) => {
    if (!options.recovery) equal(socket.id === old, false, "the id is the old one");
    equal(await ask(socket, "message-with-ack", 1), 1, "the ack");
    await upgraded(socket);
    equal(socket.io.engine.transport.name, last, "the transport in the end");
  };

  check("a cut connection comes back by itself, and what was sent meanwhile arrives", async (t) => {
    const { proxy, socket } = await behindProxy(t, all);
    const [old, room] = [socket.id, newRoom()];
    await ask(socket, "join", room);
    const heard = inboxOf(socket, "message-back");
    const back = once(socket, "connect");
    const reason = await cutOff(proxy, socket);
    oneOf(reason, ["transport close", "transport error"], "the reason");
    socket.emit("message", "meanwhile");
    await back;
    equal((await heard.next())[0], "meanwhile", "the echo");
    await isWell(socket, old);
    equal(heard.arrived, [], "what came besides");
    await untilSockets(socket, room, options.recovery && client.version >= 4.6 ? 1 : 0);
  });

  check("cut at many moments of connect and upgrade, it always comes back", async (t) => {
    const { proxy, socket } = await behindProxy(t, all, { timeout: 500 });
    for (let moment = 0; moment < 8; moment++) {
      // Connecting or connected, whichever the last cut left.
      proxy.cut();
      await pause(moment * 4);
    }
    // Of an attempt that has only begun nobody tells; it ends in a connection or another attempt.
    if (!socket.connected) await once(socket, "connect");
    await untilWell(socket);
    equal((await echo(socket, "well"))[0], "well", "the echo");
  });

  check("where nobody listens it tries until somebody does", async (t) => {
    const proxy = await Proxy.open(`${server.host}:${server.port}`);
    t.defer(() => proxy.close());
    await proxy.refuse();
    const socket = make(t, { at: proxy.url });
    const errors = inboxOf(socket, "connect_error");
    const connected = once(socket, "connect");
    socket.connect();
    for (let i = 0; i < 3; i++) await errors.next();
    await proxy.listen();
    await connected;
    await isWell(socket);
  });

  check("a server that goes away and comes again is found again", async (t) => {
    const { proxy, socket } = await behindProxy(t, all);
    const old = socket.id;
    const errors = inboxOf(teller(socket), "reconnect_error");
    const gone = once(socket, "disconnect");
    const back = once(socket, "connect");
    await proxy.refuse();
    await gone;
    for (let i = 0; i < 2; i++) await errors.next();
    await proxy.listen();
    await back;
    await isWell(socket, old);
  });

  const deaf = "after an upgrade the reference waits for ever for the first ping of an EIO3 client";
  const ours = client.eio === 3 && way.transports.length > 1 ? deaf : undefined;
  const waits = { beside: true, ours };
  check("a silent network is noticed by both sides, and left", waits, async (t) => {
    const { proxy, socket } = await behindProxy(t, all, { timeout: 400 });
    const watcher = await all.open(t);
    const [old, room] = [socket.id, newRoom()];
    await ask(socket, "join", room);
    const errors = inboxOf(teller(socket), "reconnect_error");
    const [gone, back] = [once(socket, "disconnect"), once(socket, "connect", "return", 6_000)];
    proxy.silence();
    equal((await gone)[0], "ping timeout", "the reason");
    await untilSockets(watcher, room, 0);
    // It tries meanwhile, and hears nothing.
    await errors.next();
    proxy.resume();
    await back;
    await isWell(socket, old);
  });
}

// An offset that the server adds for recovery is an argument more at the end.
const argument = ([, value]) => value;

function recoveryCases(way) {
  const all = kit(client, way, options.url);
  const { open } = all;

  /** A listener behind a proxy, in a room, and a speaker who is not. */
  const pair = async (t, more) => {
    const room = newRoom();
    const speaker = await open(t);
    const { proxy, socket } = await behindProxy(t, all, more);
    const heard = inboxOf(socket, "room-message");
    await ask(socket, "join", room);
    const say = (value, event = "room-send") => ask(speaker, event, room, value);
    const hears = async (value) => equal(argument(await heard.next()), value, "what it hears");
    const isRecovered = async (old) => {
      equal([socket.recovered, socket.id], [true, old], "recovered, and the id");
      const who = await ask(socket, "whoami");
      equal([who.recovered, who.id], [true, old], "what the server says");
    };
    return { room, speaker, proxy, socket, heard, say, hears, isRecovered };
  };

  const what = (i) => [i, Buffer.from([i]), { deep: [Buffer.from([i]), i] }, `text ${i}`][i % 4];

  const zombies = "rec-05: the reference knows no session that it has not lost yet";
  check("missed events come once and in order, binary ones too, and the id stays", async (t) => {
    const { room, speaker, ...rest } = await pair(t);
    const { proxy, socket, heard, say, hears, isRecovered } = rest;
    await say("before");
    await hears("before");
    for (const round of [1, 2, 3]) {
      const [old, gone, back] = [socket.id, once(socket, "disconnect"), once(socket, "connect")];
      await proxy.refuse();
      await gone;
      for (let i = 0; i < 40; i++) await say(what(i));
      // Between two polls there is nothing to cut that it would notice at once.
      if (options.reference) await untilSockets(speaker, room, 0);
      await proxy.listen();
      await back;
      for (let i = 0; i < 40; i++) await hears(what(i));
      await isRecovered(old);
      await say(`after ${round}`);
      await hears(`after ${round}`);
    }
    equal(heard.arrived, [], "what came besides");
  });

  check("what the client sends while it is away arrives once", async (t) => {
    const { proxy, socket, isRecovered } = await pair(t);
    const echoes = inboxOf(socket, "message-back");
    const [old, back] = [socket.id, once(socket, "connect")];
    await cutOff(proxy, socket);
    for (let i = 0; i < 20; i++) socket.emit("message", i);
    await back;
    for (let i = 0; i < 20; i++) equal((await echoes.next())[0], i, "the echo");
    await isRecovered(old);
    equal(echoes.arrived, [], "what came besides");
  });

  const unheard = { ours: zombies };
  check("cut over and over it misses nothing and hears nothing twice", unheard, async (t) => {
    const { proxy, socket, heard, say, hears } = await pair(t);
    await say("before");
    await hears("before");
    const cuts = async () => {
      for (let i = 0; i < 6; i++) {
        if (!socket.connected) await once(socket, "connect");
        equal(socket.recovered, i > 0, "recovered");
        await cutOff(proxy, socket);
      }
    };
    let isOver = false;
    const cutting = cuts().finally(() => (isOver = true));
    let n = 0;
    while (!isOver) {
      // Of 1,000 that it has not heard it would be told nothing, and start anew.
      if (n - heard.arrived.length < 500) await say(what(n++));
      else await new Promise(setImmediate);
    }
    await cutting;
    for (let i = 0; i < n; i++) await hears(what(i));
    await say("after");
    await hears("after");
    equal(heard.arrived, [], "what came besides");
  });

  check("what was said into a silent network comes after all", { beside: true }, async (t) => {
    const { proxy, socket, heard, say, hears, isRecovered } = await pair(t, { timeout: 400 });
    await say("before");
    await hears("before");
    const old = socket.id;
    const errors = inboxOf(socket.io, "reconnect_error");
    const [gone, back] = [once(socket, "disconnect"), once(socket, "connect", "return", 6_000)];
    proxy.silence();
    for (let i = 0; i < 10; i++) await say(what(i));
    await gone;
    for (let i = 10; i < 20; i++) await say(what(i));
    await errors.next();
    proxy.resume();
    await back;
    for (let i = 0; i < 20; i++) await hears(what(i));
    await isRecovered(old);
    equal(heard.arrived, [], "what came besides");
  });

  check("who says good-bye is not recovered", async (t) => {
    const { socket } = await pair(t);
    const old = socket.id;
    const back = once(socket, "connect");
    socket.disconnect().connect();
    await back;
    equal([socket.recovered, socket.id === old], [false, false], "recovered, and the old id");
  });

  check("a connection that the server has not lost yet is taken over", unheard, async (t) => {
    const { room, speaker, proxy, socket, heard, say, hears, isRecovered } = await pair(t);
    await say("before");
    await hears("before");
    const [old, back] = [socket.id, once(socket, "connect")];
    await cutOff(proxy, socket, () => proxy.lose());
    for (let i = 0; i < 10; i++) await say(what(i));
    await back;
    for (let i = 0; i < 10; i++) await hears(what(i));
    await isRecovered(old);
    await untilSockets(speaker, room, 1);
    equal(heard.arrived, [], "what came besides");
  });

  check("who is taken over hears it once, and stays away", unheard, async (t) => {
    const { room, speaker, socket, heard, say, hears } = await pair(t);
    await say("before");
    await hears("before");
    const ends = inboxOf(socket, "disconnect");
    const other = await openWs(t, server);
    const claim = { pid: socket._pid, offset: socket._lastOffset };
    other.send(`40${JSON.stringify(claim)}`);
    equal((await ends.next())[0], "io server disconnect", "the reason");
    await say("after");
    await untilSockets(speaker, room, 1);
    await pause(100);
    equal([socket.active, ends.arrived, heard.arrived], [false, [], []], "what came besides");
  });

  const silent = "rec-01: the reference recovers nobody who has heard no event yet";
  check("who has heard nothing yet is recovered too", { ours: silent }, async (t) => {
    const more = { nsp: "/auth", auth: { token: "secret" } };
    const { proxy, socket } = await behindProxy(t, all, more);
    const [old, back] = [socket.id, once(socket, "connect")];
    await cutOff(proxy, socket);
    await back;
    equal([socket.recovered, socket.id], [true, old], "recovered, and the id");
  });

  const whispers = "rec-02: the client takes a text at the end of a volatile event for its offset";
  check("a volatile event that ends in a text harms nothing", { ours: whispers }, async (t) => {
    const { proxy, socket, heard, say, hears, isRecovered } = await pair(t);
    await say("before");
    await hears("before");
    await say("a text", "whisper");
    await hears("a text");
    const [old, gone, back] = [socket.id, once(socket, "disconnect"), once(socket, "connect")];
    await proxy.refuse();
    await gone;
    for (let i = 0; i < 10; i++) await say(what(i));
    await proxy.listen();
    await back;
    for (let i = 0; i < 10; i++) await hears(what(i));
    await isRecovered(old);
    equal(heard.arrived, [], "what came besides");
  });
}

for (const [name, way] of Object.entries(client.ways)) {
  group(`${options.client}, ${name}`, () => networkCases(way));
  if (!options.recovery || client.version < 4.6) continue;
  group(`${options.client}, ${name}, recovery`, () => recoveryCases(way));
}

await run(options);
