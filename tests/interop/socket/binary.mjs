// Binary events and acks (A8.59–60; sio-19 to sio-29).

import { between, check, equal, that } from "../harness.mjs";
import { join, staysSilent } from "./connection.mjs";

const place = (num) => ({ _placeholder: true, num });
const bytes = (...values) => Buffer.from(values);

export function binaryCases(server, transport, timeout) {
  const open = (t, nsp) => join(t, server, transport, nsp);

  const packet = (count, data, { type = 5, nsp = "", id = "" } = {}) =>
    `${type}${count}-${nsp}${id}${JSON.stringify(data)}`;

  check("an event with two attachments comes back as the reference writes it", async (t) => {
    const connection = await open(t);
    await connection.burst([
      packet(2, ["message", place(0), place(1)]),
      bytes(1, 2, 3),
      bytes(4, 5, 6),
    ]);
    equal(await connection.next(), packet(2, ["message-back", place(0), place(1)]), "the head");
    equal(
      [await connection.next(), await connection.next()],
      [bytes(1, 2, 3), bytes(4, 5, 6)],
      "the rest",
    );
  });

  check("attachments may stand anywhere, in any order", async (t) => {
    const connection = await open(t);
    const data = [
      "message",
      { deep: [{ er: place(1) }], plain: "text" },
      [place(0), null, place(2)],
    ];
    await connection.burst([packet(3, data), bytes(0), bytes(1), bytes(2)]);
    const expected = [{ deep: [{ er: bytes(1) }], plain: "text" }, [bytes(0), null, bytes(2)]];
    equal(await connection.event("message-back"), expected, "the arguments");
  });

  check("attachments may come one message at a time", async (t) => {
    const connection = await open(t);
    await connection.send(packet(2, ["message", place(0), place(1)]));
    await connection.send(bytes(1));
    await staysSilent(connection, "what comes before the last attachment", 20);
    await connection.send(bytes(2));
    equal(await connection.event("message-back"), [bytes(1), bytes(2)], "the arguments");
  });

  check("an attachment may be empty, and every byte is kept", async (t) => {
    const connection = await open(t);
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await connection.burst([packet(2, ["message", place(0), place(1)]), bytes(), all]);
    equal(await connection.event("message-back"), [bytes(), all], "the arguments");
  });

  check("one attachment may stand in two places", async (t) => {
    const connection = await open(t);
    await connection.burst([packet(1, ["message", place(0), place(0)]), bytes(7)]);
    equal(await connection.event("message-back"), [bytes(7), bytes(7)], "the arguments");
  });

  check("an attachment that stands nowhere is no harm", async (t) => {
    const connection = await open(t);
    await connection.burst([packet(1, ["message", "alone"]), bytes(7)]);
    equal(await connection.event("message-back"), ["alone"], "the arguments");
    await connection.echoes();
  });

  check("a binary event with an id gets a binary ack", async (t) => {
    const connection = await open(t);
    await connection.burst([
      packet(2, ["message-with-ack", place(0), place(1)], { id: 789 }),
      bytes(1),
      bytes(2),
    ]);
    equal(
      await connection.next(),
      packet(2, [place(0), place(1)], { type: 6, id: 789 }),
      "the head",
    );
    equal(
      [await connection.next(), await connection.next()],
      [bytes(1), bytes(2)],
      "the attachments",
    );
  });

  check("/custom takes binary events and acks", async (t) => {
    const connection = await open(t, "/custom");
    const nsp = "/custom,";
    await connection.burst([packet(1, ["message", place(0)], { nsp }), bytes(1)]);
    equal(await connection.event("message-back", "/custom"), [bytes(1)], "the arguments");
    await connection.burst([packet(1, ["message-with-ack", place(0)], { nsp, id: 3 }), bytes(2)]);
    equal(
      await connection.packet(),
      { type: 3, nsp: "/custom", id: 3, data: [bytes(2)] },
      "the ack",
    );
  });

  check("a question may be answered with binary, and asked with it", async (t) => {
    const connection = await open(t);
    await connection.burst([packet(1, ["ask-back", place(0)], { id: 4 }), bytes(1)]);
    const question = await connection.packet();
    equal(question.data, ["question", bytes(1)], "the question");
    await connection.burst([packet(1, [{ a: place(0) }], { type: 6, id: question.id }), bytes(2)]);
    equal(
      await connection.packet(),
      { type: 3, nsp: "/", id: 4, data: [{ a: bytes(2) }] },
      "the ack",
    );
  });

  check("a binary ack that was never asked for is ignored", async (t) => {
    const connection = await open(t);
    await connection.burst([packet(1, [place(0)], { type: 6, id: 99 }), bytes(1)]);
    await connection.echoes();
  });

  check("ten attachments are taken", async (t) => {
    const connection = await open(t);
    const places = Array.from({ length: 10 }, (_, i) => place(i));
    const parts = Array.from({ length: 10 }, (_, i) => bytes(i));
    await connection.burst([packet(10, ["message", ...places]), ...parts]);
    equal(await connection.event("message-back"), parts, "the arguments");
  });

  check("a big attachment comes back byte for byte", async (t) => {
    const connection = await open(t);
    const big = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 31) & 255));
    await connection.burst([packet(1, ["message", place(0)]), big]);
    const [echo] = await connection.event("message-back");
    that(big.equals(echo), "the attachment", "the same bytes", `${echo.length} bytes`);
  });

  check("texts and binaries one after another keep their order", async (t) => {
    const connection = await open(t);
    const burst = [];
    for (let i = 0; i < 10; i++) {
      burst.push(`2["message",${i}]`, packet(1, ["message", place(0)]), bytes(i));
    }
    await connection.burst(burst);
    for (let i = 0; i < 10; i++) {
      equal(await connection.event("message-back"), [i], "the text");
      equal(await connection.event("message-back"), [bytes(i)], "the binary");
    }
  });

  check("heartbeats may come between head and attachment", async (t) => {
    const connection = await open(t);
    await connection.send(packet(1, ["message", place(0)]));
    await new Promise((resolve) => setTimeout(resolve, 400)); // One ping is answered meanwhile.
    await connection.send(bytes(1));
    equal(await connection.event("message-back"), [bytes(1)], "the arguments");
  });

  check("what looks like a placeholder in a plain event is data", async (t) => {
    const connection = await open(t);
    await connection.send(`2${JSON.stringify(["message", place(0), [place("x")]])}`);
    equal(
      await connection.next(),
      `2${JSON.stringify(["message-back", place(0), [place("x")]])}`,
      "the echo",
    );
  });

  const closes = (name, burst, { ours } = {}) =>
    check(`${name} closes the connection`, { ours }, async (t) => {
      const connection = await open(t);
      await connection.burst(burst);
      await connection.closed();
      equal(connection.rest(), [], "what came before the close");
    });

  closes("an announcement of 11 attachments", ['511-["message"]']);
  closes("an announcement of 999999999 attachments", ['5999999999-["message"]']);
  closes("an announcement of 400 digits", [`5${"9".repeat(400)}-["message"]`]);
  for (const count of ["-1", "1.5", "NaN", "", " ", "x"]) {
    closes(`an announcement of "${count}" attachments`, [
      `5${count}-["message",{"_placeholder":true,"num":0}]`,
      bytes(1),
    ]);
  }
  closes("an announcement without a dash", ['51["message"]']);
  for (const count of ["1e0", "0x1", "+1"]) {
    closes(
      `an announcement of "${count}" attachments`,
      [`5${count}-["message",{"_placeholder":true,"num":0}]`, bytes(1)],
      { ours: "sio-22; the reference takes what JavaScript reads as a number" },
    );
  }
  for (const num of ["1", "-1", '"0"', '"splice"', '"__proto__"', "null", "{}", "1e9"]) {
    closes(`a placeholder number ${num}`, [
      `51-["message",{"_placeholder":true,"num":${num}}]`,
      bytes(1),
    ]);
  }
  closes("a text while an attachment is due", [packet(1, ["message", place(0)]), '2["message",1]']);
  closes("a CONNECT while an attachment is due", [packet(1, ["message", place(0)]), "0/custom,"]);
  closes("an attachment that was not announced", [bytes(1)]);
  closes("one attachment too many", [packet(1, ["nobody", place(0)]), bytes(1), bytes(2)]);
  closes("a binary event whose data is an object", ["51-{}", bytes(1)]);
  closes("a binary event without data", ["51-", bytes(1)], {
    ours: "sio-06; the reference ignores it",
  });
  closes("a binary event with a reserved name", [
    '51-["disconnect",{"_placeholder":true,"num":0}]',
    bytes(1),
  ]);
  closes("a binary ack whose data is an object", ["61-0{}", bytes(1)]);

  check(
    "an event that announces 0 attachments is delivered, and the next one works",
    { ours: "sio-23; the reference waits and drops the client" },
    async (t) => {
      const connection = await open(t);
      await connection.send('50-["message",1]');
      equal(await connection.event("message-back"), [1], "the arguments");
      await connection.echoes();
    },
  );

  check(
    "attachments of more than four times maxPayload in sum close the connection",
    { ours: "sio-29: the bytes of an unfinished packet count; the reference counts each alone" },
    async (t) => {
      const connection = await open(t);
      await connection.send(packet(10, ["message"]));
      for (let i = 0; i < 9; i++) await connection.send(Buffer.alloc(450_000));
      const { code } = await connection.closed();
      if (code !== undefined) equal(code, 1009, "the close code");
    },
  );

  check("attachments of more than maxPayload in sum come back", async (t) => {
    const connection = await open(t);
    const parts = [1, 2, 3].map((byte) => Buffer.alloc(600_000, byte));
    await connection.send(packet(3, ["message", place(0), place(1), place(2)]));
    for (const part of parts) await connection.send(part);
    const echo = await connection.event("message-back");
    equal(echo.length, 3, "the number of arguments");
    for (const [i, part] of parts.entries()) {
      that(part.equals(echo[i]), "an attachment", "the same bytes", `${echo[i].length} bytes`);
    }
  });

  check(
    "an attachment that does not come in time closes the connection",
    { ours: "sio-29; the reference waits for ever", beside: true, ms: 20_000 },
    async (t) => {
      const connection = await open(t);
      const start = performance.now();
      await connection.send(packet(2, ["message", place(0), place(1)]));
      await connection.send(bytes(1));
      await connection.closed((timeout + 4) * 1_000);
      const seconds = (performance.now() - start) / 1_000;
      between(seconds, timeout * 0.9, timeout + 2, "seconds until the close");
    },
  );
}
