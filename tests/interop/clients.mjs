// The stock socket.io-client of one version against a running fixture (`fixture --app socket …`,
// see socket.mjs).
//   node clients.mjs --url http://127.0.0.1:PORT [--client 4.8] [--reference] [--only TEXT] …
// Any heartbeat will do; on a busy machine give the fixture `--ping-timeout 2000`: here many
// clients share one thread.
// Source: the "Fixture", and what users of the client rely on.

import { check, equal, group, oneOf, pause, readOptions, run, that } from "./harness.mjs";
import { ask, askAll, echo, end, inboxOf, kit, once, stock } from "./stock.mjs";
import { Server } from "./wire.mjs";

const options = readOptions({ client: { type: "string", default: "4.8" } });
const server = new Server(options.url, "/socket.io/");
const client = await stock(options.client);
const { version, eio } = client;

/** A case for clients from this version on. */
const since = (first, ...one) => version >= first && check(...one);

function clientCases(way) {
  const { transports, last } = way;
  const { make, open, upgraded, isRefused } = kit(client, way, options.url);

  check("connects, gets an id and its auth payload back", async (t) => {
    const auth = eio === 4 ? { token: "abc", deep: { é: [1] } } : {};
    const socket = await open(t, { auth });
    that(/^[A-Za-z0-9_-]{20,}$/.test(socket.id), "the id", "20 or more characters", socket.id);
    equal(await socket.auths.next(), [auth], "the auth event");
    equal(Boolean(socket.recovered), false, "recovered");
    equal(socket.io.engine.transport.name, last, "the transport in the end");
  });

  check("connects without a payload", async (t) => {
    const socket = await open(t);
    equal(await socket.auths.next(), [{}], "the auth event");
  });

  since(3, "asks a function for its payload at each connect", async (t) => {
    let n = 0;
    const socket = await open(t, { auth: (give) => give({ n: ++n }) });
    equal(await socket.auths.next(), [{ n: 1 }], "the first auth event");
    socket.disconnect().connect();
    equal(await socket.auths.next(), [{ n: 2 }], "the second auth event");
  });

  check("connects with a query of its own", async (t) => {
    const socket = await open(t, { query: { room: "a b&c", sid2: "x", é: "€" } });
    equal(await echo(socket, 1), [1], "the echo");
  });

  check("gets nested, binary and Unicode arguments back", async (t) => {
    const socket = await open(t);
    const many = [
      [],
      [null],
      [1, "2", { 3: [true, false, null] }],
      ["é€𝒳🦊\u2028\u0000", { "": "" }],
      [[[[]]], {}, [{}]],
      [1e300, -0.5, 9007199254740991],
    ];
    for (const args of many) equal(await echo(socket, ...args), args, "the echo");
    const bytes = Buffer.from([0, 1, 127, 128, 255]);
    const back = await echo(socket, bytes, { deep: [bytes, "text", Buffer.alloc(0)] }, "end");
    equal(back, [bytes, { deep: [bytes, "text", Buffer.alloc(0)] }, "end"], "the binary echo");
    if (eio === 3) return;
    const view = await echo(socket, new Uint8Array([1, 2, 3]));
    equal(view, [Buffer.from([1, 2, 3])], "the echo of a view");
  });

  check("gets its arguments back in acks", async (t) => {
    const socket = await open(t);
    equal(await askAll(socket, "message-with-ack", { a: [1] }), [{ a: [1] }], "the answer");
    equal(await askAll(socket, "message-with-ack", 1, "2"), [1, "2"], "the answer of two");
    const bytes = Buffer.from([9, 8, 7]);
    equal(await ask(socket, "message-with-ack", { bytes }), { bytes }, "binary");
  });

  since(4.6, "gets an answer as a promise", async (t) => {
    const socket = await open(t);
    equal(await socket.emitWithAck("message-with-ack", { a: [1] }), { a: [1] }, "the promise");
  });

  check("fifty acks under way find their questions", async (t) => {
    const socket = await open(t);
    const asked = Array.from({ length: 50 }, (_, i) => ask(socket, "message-with-ack", i));
    equal(
      await Promise.all(asked),
      Array.from({ length: 50 }, (_, i) => i),
      "the answers",
    );
  });

  since(4.6, "an event nobody acknowledges times out, and the connection stays", async (t) => {
    const socket = await open(t);
    const error = await socket
      .timeout(50)
      .emitWithAck("nobody", 1)
      .catch((error) => error);
    equal(error.message, "operation has timed out", "the error");
    equal(await echo(socket, 1), [1], "the echo");
  });

  check("answers the server's questions", async (t) => {
    const socket = await open(t);
    socket.on("question", (x, answer) => answer({ yours: x }));
    equal(await ask(socket, "ask-back", { n: 1 }), { yours: { n: 1 } }, "the answer");
    const bytes = Buffer.from([1, 2, 3]);
    equal(await ask(socket, "ask-back", bytes), { yours: bytes }, "the binary answer");
    const asked = Array.from({ length: 20 }, (_, i) => ask(socket, "ask-back", i));
    equal(
      await Promise.all(asked),
      Array.from({ length: 20 }, (_, i) => ({ yours: i })),
      "many answers",
    );
  });

  check("rooms: several sockets join, hear, leave and hear no more", async (t) => {
    const room = `room ${last} ${Math.random()}`;
    const [one, two, three] = await Promise.all([open(t), open(t), open(t)]);
    const heard = [one, two, three].map((socket) => inboxOf(socket, "room-message"));
    for (const socket of [one, two]) equal(await ask(socket, "join", room), "ok", "join");
    equal(await ask(three, "room-send", room, { n: 1 }), "ok", "room-send");
    equal(await heard[0].next(), [room, { n: 1 }], "what the first heard");
    equal(await heard[1].next(), [room, { n: 1 }], "what the second heard");
    equal(await ask(one, "leave", room), "ok", "leave");
    equal(await ask(two, "room-send", room, Buffer.from([1])), "ok", "room-send");
    equal(await ask(three, "room-send", room, 3), "ok", "room-send");
    equal(await heard[1].next(), [room, 3], "what the second heard of the third");
    for (const socket of [one, three]) await echo(socket, "sync");
    equal([...heard[0].arrived, ...heard[2].arrived], [], "what the others heard besides");
  });

  check("a burst of a thousand comes in order", async (t) => {
    const socket = await open(t);
    const heard = inboxOf(socket, "burst");
    socket.emit("burst", 1_000);
    for (let i = 0; i < 1_000; i++) equal(await heard.next(), [i], "the event");
    await echo(socket, "sync");
    equal(heard.arrived, [], "what came besides");
  });

  check("a thousand sent at once come back in order, binary ones among them", async (t) => {
    const socket = await open(t);
    const heard = inboxOf(socket, "message-back");
    const what = (i) => (i % 100 === 99 ? Buffer.from([i % 256]) : i);
    for (let i = 0; i < 1_000; i++) socket.emit("message", what(i));
    for (let i = 0; i < 1_000; i++) equal(await heard.next(), [what(i)], "the echo");
  });

  check("a burst of a thousand right at the connect comes in order, upgrade or not", async (t) => {
    const socket = make(t);
    const heard = inboxOf(socket, "burst");
    socket.once("connect", () => socket.emit("burst", 1_000));
    socket.connect();
    for (let i = 0; i < 1_000; i++) equal(await heard.next(), [i], "the event");
    await upgraded(socket);
    equal(socket.io.engine.transport.name, last, "the transport in the end");
  });

  check("messages sent all through the connect and upgrade come back in order", async (t) => {
    const socket = make(t);
    const heard = inboxOf(socket, "message-back");
    let sent = 0;
    socket.connect();
    const start = performance.now();
    while (sent < 200 && performance.now() - start < 2_000) {
      socket.emit("message", sent++);
      if (sent % 2) await pause(1);
    }
    for (let i = 0; i < sent; i++) equal(await heard.next(), [i], "the echo");
    await upgraded(socket);
  });

  check("five connects and upgrades at once lose and reorder nothing", async (t) => {
    const oneClient = async () => {
      const socket = await open(t, { early: true });
      const heard = inboxOf(socket, "message-back");
      const bursts = inboxOf(socket, "burst");
      socket.emit("burst", 100);
      for (let i = 0; i < 50; i++) {
        socket.emit("message", i, i % 5 ? "text" : Buffer.from([i]));
        if (i % 10 === 0) await pause(2);
      }
      for (let i = 0; i < 100; i++) equal(await bursts.next(), [i], "the burst");
      for (let i = 0; i < 50; i++) equal((await heard.next())[0], i, "the echo");
      await upgraded(socket);
    };
    await Promise.all(Array.from({ length: 5 }, oneClient));
  });

  check("whoami tells the id and the transport of the moment", async (t) => {
    const socket = await open(t);
    const who = await ask(socket, "whoami");
    equal(who, { id: socket.id, transport: last, recovered: false }, "whoami");
  });

  check("bye disconnects for good, until the client connects again", async (t) => {
    const socket = await open(t);
    const old = socket.id;
    const gone = once(socket, "disconnect");
    socket.emit("bye");
    equal((await gone)[0], "io server disconnect", "the reason");
    await pause(100);
    equal(socket.connected, false, "connected by itself");
    const back = once(socket, "connect");
    socket.connect();
    await back;
    equal(socket.id === old, false, "the id is the old one");
    equal(await echo(socket, 1), [1], "the echo");
  });

  const hasty = { ours: "the reference closes before it has handled what came in front" };
  check("what was said before the server closes is heard, and the end once", hasty, async (t) => {
    const socket = await open(t, { reconnection: false });
    const [heard, ends] = [inboxOf(socket, "message-back"), inboxOf(socket, "disconnect")];
    for (let i = 0; i < 20; i++) socket.emit("message", i);
    socket.io.engine.write("no packet");
    for (let i = 0; i < 20; i++) equal(await heard.next(), [i], "the echo");
    equal((await ends.next())[0], "transport close", "the reason");
    await pause(100);
    equal([heard.arrived, ends.arrived], [[], []], "what came besides");
  });

  check("/auth refuses without the secret and says why", async (t) => {
    for (const auth of [undefined, {}, { token: "wrong" }]) {
      const socket = make(t, { nsp: "/auth", auth });
      await isRefused(socket, "Unauthorized", { code: "E_AUTH" });
      equal(socket.connected, false, "connected");
      if (version >= 4.6) equal(socket.active, false, "active");
    }
  });

  since(3, "/auth accepts the secret, also after a refusal", async (t) => {
    const socket = make(t, { nsp: "/auth", auth: { token: "wrong" } });
    await isRefused(socket, "Unauthorized", { code: "E_AUTH" });
    socket.auth = { token: "secret" };
    const accepted = once(socket, "connect");
    socket.connect();
    await accepted;
  });

  check("an unknown namespace is refused", async (t) => {
    await isRefused(make(t, { nsp: "/nobody" }), "Invalid namespace");
  });

  since(3, "volatile events go out when connected, and are dropped when not", async (t) => {
    const socket = make(t);
    const heard = inboxOf(socket, "message-back");
    socket.volatile.emit("message", "lost");
    socket.emit("message", "kept");
    const connected = once(socket, "connect");
    socket.connect();
    await connected;
    equal(await heard.next(), ["kept"], "the first echo");
    await upgraded(socket);
    // A volatile event may be dropped whenever the transport is busy; some must get through.
    for (let i = 0; i < 100 && heard.arrived.length === 0; i++) {
      socket.volatile.emit("message", "volatile");
      await pause(10);
    }
    equal(await heard.next(), ["volatile"], "a volatile echo");
  });

  check("a message of 900 kB comes back", async (t) => {
    const socket = await open(t);
    const text = "x".repeat(900_000);
    const [back] = await echo(socket, text);
    that(back === text, "the echo", "the same text", `${back.length} characters`);
    const bytes = Buffer.alloc(700_000, 7);
    const [binary] = await echo(socket, bytes);
    that(bytes.equals(binary), "the binary echo", "the same bytes", `${binary.length} bytes`);
  });

  // Before 4.6 it put all that waited into one body.
  const whole = (...one) => since(last === "websocket" ? 3 : 4.6, ...one);
  whole("an event whose attachments have 1.2 MB together comes back", async (t) => {
    const socket = await open(t);
    const sent = [Buffer.alloc(600_000, 1), Buffer.alloc(600_000, 2)];
    const back = await echo(socket, ...sent);
    equal(back.length, 2, "the number of arguments");
    for (const [i, part] of sent.entries()) {
      that(part.equals(back[i]), "an attachment", "the same bytes", `${back[i].length} bytes`);
    }
    if (last !== "websocket") return; // A body would hold a third more.
    const [large] = await echo(socket, Buffer.alloc(999_990, 3));
    equal([large.length, large[999_989]], [999_990, 3], "the length, and the last byte");
  });

  check("a message of 2 MB disconnects, and the client comes back", async (t) => {
    const socket = await open(t);
    const gone = once(socket, "disconnect");
    const back = once(socket, "connect");
    socket.emit("message", "x".repeat(2_000_000));
    oneOf((await gone)[0], ["transport error", "transport close"], "the reason");
    await back;
    equal(await echo(socket, 1), [1], "the echo");
  });

  check("many namespaces share one connection", async (t) => {
    const manager = new client.Manager(options.url, { transports, reconnectionDelay: 10 });
    const auth = { token: "secret" };
    const names = eio === 4 ? ["/", "/custom", "/auth"] : ["/", "/custom"];
    const sockets = names.map((nsp) => manager.socket(nsp, { auth }));
    t.defer(() => end(sockets[0]));
    const connected = sockets.map((socket) => once(socket, "connect"));
    const unknown = manager.socket("/unknown");
    await Promise.all([isRefused(unknown, "Invalid namespace"), ...connected]);
    equal(new Set(sockets.map((socket) => socket.id)).size, names.length, "different ids");
    const [main, custom] = sockets;
    const both = [echo(main, "main"), echo(custom, "custom")];
    equal(await Promise.all(both), [["main"], ["custom"]], "the echoes");
    equal(await ask(custom, "message-with-ack", 5), 5, "the ack in /custom");
    const gone = once(main, "disconnect");
    main.emit("bye");
    equal((await gone)[0], "io server disconnect", "the reason in /");
    equal(await echo(custom, "still"), ["still"], "the echo in /custom");
    custom.disconnect();
    const again = once(custom, "connect");
    custom.connect();
    await again;
    equal(await echo(custom, "again"), ["again"], "the echo in /custom after joining again");
  });

  // By polling the second CONNECT comes by a request of its own, when the first is answered.
  const strict = { ours: "the reference connects it twice, or closes the connection" };
  const mounts = (name, ...one) => last === "websocket" && since(3, name, ...one);
  mounts("leaving and coming back at once costs nobody a connection", strict, async (t) => {
    const main = await open(t);
    const gone = inboxOf(main, "disconnect");
    const custom = main.io.socket("/custom");
    const connects = inboxOf(custom, "connect");
    custom.disconnect();
    custom.connect();
    await connects.next();
    equal(await echo(custom, 1), [1], "the echo in /custom");
    equal(await echo(main, 2), [2], "the echo in /");
    equal([connects.arrived, gone.arrived], [[], []], "what came besides");
  });

  check("disconnects and connects again, with a new id each time", async (t) => {
    const socket = await open(t);
    const ids = [socket.id];
    for (let i = 0; i < 5; i++) {
      const gone = once(socket, "disconnect");
      socket.disconnect();
      equal((await gone)[0], "io client disconnect", "the reason");
      const back = once(socket, "connect");
      socket.connect();
      await back;
      ids.push(socket.id);
      equal(await echo(socket, i), [i], "the echo");
    }
    equal(new Set(ids).size, ids.length, "different ids");
  });

  check(
    "a lost connection comes back by itself, and sends what was emitted meanwhile",
    async (t) => {
      const socket = await open(t);
      const heard = inboxOf(socket, "message-back");
      const gone = once(socket, "disconnect");
      const back = once(socket, "connect");
      socket.io.engine.close();
      await gone;
      socket.emit("message", "meanwhile");
      await back;
      equal(await heard.next(), ["meanwhile"], "the echo");
      await upgraded(socket);
      equal(socket.io.engine.transport.name, last, "the transport in the end");
    },
  );

  since(4.6, "retries bring each event once when nothing is lost", async (t) => {
    const socket = await open(t, { retries: 3, ackTimeout: 1_000 });
    const acks = [];
    for (let i = 0; i < 20; i++) {
      acks.push(
        new Promise((resolve, reject) => {
          socket.emit("message-with-ack", i, (error, value) =>
            error ? reject(error) : resolve(value),
          );
        }),
      );
    }
    equal(
      await Promise.all(acks),
      Array.from({ length: 20 }, (_, i) => i),
      "the acks",
    );
  });

  check("an idle connection outlives many heartbeats", { beside: true }, async (t) => {
    const socket = await open(t);
    let left;
    socket.once("disconnect", (reason) => (left = reason));
    await pause(2_000);
    equal(await echo(socket, 1), [1], "the echo");
    equal([socket.connected, left], [true, undefined], "connected, and why not");
  });

  check("twelve clients at once are each served", async (t) => {
    const sockets = await Promise.all(Array.from({ length: 12 }, () => open(t)));
    const answers = sockets.map((socket, i) => ask(socket, "message-with-ack", i));
    equal(
      await Promise.all(answers),
      Array.from({ length: 12 }, (_, i) => i),
      "the answers",
    );
  });
}

for (const [name, way] of Object.entries(client.ways)) {
  group(`${options.client}, ${name}`, () => clientCases(way));
}

await run(options, {
  probe: async () => {
    const answer = await server.request({ defer() {} }, "GET", "EIO=4&transport=polling");
    equal(answer.status, 200, "the status of a handshake");
  },
});
