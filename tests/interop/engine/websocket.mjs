// Messages over WebSocket, through the `ws` package (A6; eio-09, eio-10, ws-16).

import { check, equal, oneOf, that } from "../harness.mjs";
import { POLLING, openWs } from "../session.mjs";
import { OPCODE, RawWs, frame } from "../wire.mjs";

export function websocketCases(server) {
  check("a text message comes back", async (t) => {
    const socket = await openWs(t, server);
    socket.send("4hello");
    equal(await socket.next(), "4hello", "the echo");
  });

  check("a binary message comes back as binary", async (t) => {
    const socket = await openWs(t, server);
    socket.send(Buffer.from([1, 2, 3, 4]));
    equal(await socket.next(), Buffer.from([1, 2, 3, 4]), "the echo");
  });

  check("empty messages come back empty", async (t) => {
    const socket = await openWs(t, server);
    socket.send("4");
    socket.send(Buffer.alloc(0));
    equal(await socket.take(2), ["4", Buffer.alloc(0)], "the echoes");
  });

  check("text is text whatever it looks like", async (t) => {
    const socket = await openWs(t, server);
    const words = [
      "4bAQID",
      "44",
      "42",
      "41",
      "40{}",
      "4a\x1e4b",
      "4é€𝒳🦊\u0000\u2028\uffff",
      "4 ",
    ];
    for (const word of words) socket.send(word);
    equal(await socket.take(words.length), words, "the echoes");
  });

  check("base64 in a text frame is a binary message", async (t) => {
    const socket = await openWs(t, server);
    socket.send("bAQID");
    equal(await socket.next(), Buffer.from([1, 2, 3]), "the echo");
  });

  check("a hundred messages of both kinds come back in order", async (t) => {
    const socket = await openWs(t, server);
    const sent = Array.from({ length: 100 }, (_, i) => (i % 3 ? `4m${i}` : Buffer.from([i])));
    for (const message of sent) socket.send(message);
    equal(await socket.take(100), sent, "the echoes");
  });

  check("messages of exactly maxPayload bytes come back", async (t) => {
    const socket = await openWs(t, server);
    const text = `4${"a".repeat(999_999)}`;
    socket.send(text);
    that((await socket.next()) === text, "the text", "the same million bytes", "something else");
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 13) & 255));
    socket.send(bytes);
    that(
      bytes.equals(await socket.next()),
      "the binary",
      "the same million bytes",
      "something else",
    );
  });

  for (const [kind, message] of [
    ["text", `4${"a".repeat(1_000_000)}`],
    ["binary", Buffer.alloc(1_000_001)],
  ]) {
    check(`a ${kind} message of one byte over maxPayload is closed with 1009`, async (t) => {
      const socket = await openWs(t, server);
      socket.send(message);
      equal((await socket.closed()).code, 1009, "the close code");
    });
  }

  const closes = (what, message, ours) =>
    check(`${what} closes the session`, { ours }, async (t) => {
      const socket = await openWs(t, server);
      socket.send(message);
      oneOf((await socket.closed()).code, [1000, 1005], "the close code");
    });
  closes("an unknown packet type", "abc");
  closes("an empty text frame", "");
  closes("a packet type of 7", "7");
  closes("a ping from the client", "2");
  closes("a probe on an open session", "2probe");
  closes("an open packet from the client", "0{}", "eio-09; the reference ignores it");
  closes("invalid base64 in a text frame", "b!!!!", "eio-11; Node skips what is invalid");

  check("unasked pongs, noops and upgrades are ignored", async (t) => {
    const socket = await openWs(t, server);
    for (const packet of ["3", "3", "6", "5"]) socket.send(packet);
    socket.send("4hello");
    equal(await socket.next(), "4hello", "the echo");
  });

  check("what came before a bad packet in the same segment is still answered", async (t) => {
    const raw = await RawWs.open(t, server);
    await raw.text("the open packet");
    await raw.write(Buffer.concat([frame(OPCODE.text, "4good"), frame(OPCODE.text, "abc")]));
    equal(await raw.text(), "4good", "the echo");
    oneOf((await raw.closeFrame()).code, [1000, 1005], "the close code");
  });

  check("five hundred messages in one segment come back in order", async (t) => {
    const raw = await RawWs.open(t, server);
    await raw.text("the open packet");
    const words = Array.from({ length: 500 }, (_, i) => `4m${i}`);
    await raw.write(Buffer.concat(words.map((word) => frame(OPCODE.text, word))));
    for (const word of words) equal(await raw.text(), word, "the echo");
  });

  check("sessions do not hear each other", async (t) => {
    const [one, two] = [await openWs(t, server), await openWs(t, server)];
    one.send("4for one");
    two.send("4for two");
    equal([await one.next(), await two.next()], ["4for one", "4for two"], "the echoes");
    equal([...one.rest(), ...two.rest()], [], "what else came");
  });

  check("a broken connection ends the session", async (t) => {
    const socket = await openWs(t, server);
    const query = `${POLLING}&sid=${socket.sid}`;
    equal(
      (await server.request(t, "GET", query)).text,
      '{"code":3,"message":"Bad request"}',
      "before",
    );
    socket.drop();
    const unknown = '{"code":1,"message":"Session ID unknown"}';
    const start = performance.now();
    let seen;
    do seen = (await server.request(t, "GET", query)).text;
    while (seen !== unknown && performance.now() - start < 250);
    equal(seen, unknown, "250 ms after");
  });
}
