// JSON at its edges (A0.15, A8.61; sio-09, sio-10, sio-30 to sio-36).

import { check, equal, oneOf, that } from "../harness.mjs";
import { connect, join } from "./connection.mjs";

const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);

export function jsonCases(server, transport) {
  const open = (t) => join(t, server, transport);

  /** What becomes of this argument: its echo as raw text, or "closed". */
  const echoOf = async (connection, argument) => {
    await connection.send(`2["message",${argument}]`);
    const echo = await Promise.race([
      connection.next().catch(() => "closed"),
      connection.ended.then(() => "closed"),
    ]);
    return echo === "closed" ? echo : echo.slice('2["message-back",'.length, -1);
  };

  check("keys that mean something to JavaScript are keys", async (t) => {
    const connection = await open(t);
    const text =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{}},"toString":"foo","length":-1}';
    equal(await echoOf(connection, text), text, "the echo");
    await connection.echoes();
  });

  check("a nesting of 100 comes back", async (t) => {
    const connection = await open(t);
    equal(await echoOf(connection, nested(100)), nested(100), "the echo");
  });

  check(
    "a nesting past the limit of 128 closes the connection",
    { ours: "sio-30, sio-31; the reference dies of it" },
    async (t) => {
      for (const depth of [140, 5_000, 100_000, 400_000]) {
        const connection = await open(t);
        equal(await echoOf(connection, nested(depth)), "closed", `the outcome of depth ${depth}`);
      }
    },
  );

  check(
    "a nesting past the limit closes the connection in CONNECT, ack and binary event too",
    { ours: "sio-30; the reference has no limit" },
    async (t) => {
      const deep = nested(100_000);
      const connecting = await connect(t, server, transport);
      await connecting.send(`0{"a":${deep}}`);
      await connecting.closed();
      const asked = await open(t);
      await asked.send('21["ask-back",1]');
      const question = await asked.packet();
      await asked.send(`3${question.id}[${deep}]`);
      await asked.closed();
      const binary = await open(t);
      await binary.burst([
        `51-["message",{"_placeholder":true,"num":0},${deep}]`,
        Buffer.from([1]),
      ]);
      await binary.closed();
    },
  );

  check("brackets that are never closed close the connection", async (t) => {
    const connection = await open(t);
    await connection.send(`2["message",${"[".repeat(100_000)}`);
    await connection.closed();
  });

  check("an object of 100 000 keys comes back or closes", async (t) => {
    const connection = await open(t);
    // Four letters each, for JavaScript would sort keys that look like numbers.
    const key = (i) =>
      [17_576, 676, 26, 1].map((n) => String.fromCharCode(97 + (Math.floor(i / n) % 26))).join("");
    const text = `{${Array.from({ length: 100_000 }, (_, i) => `"${key(i)}":1`).join(",")}}`;
    const echo = await echoOf(connection, text);
    that(
      echo === text || echo === "closed",
      "the outcome",
      "the same object, or closed",
      echo.slice(0, 80),
    );
  });

  check("numbers beyond a double are null, kept, or close", async (t) => {
    for (const [number, read] of [
      ["1e999", [null, Infinity]],
      ["-1e999", [null, -Infinity]],
      ["1e-400", [0]],
      ["-0", [0, -0]],
      ["123456789012345678901234567890", [1.2345678901234568e29]],
    ]) {
      const connection = await open(t);
      const echo = await echoOf(connection, number);
      if (echo !== "closed") oneOf(JSON.parse(echo), read, `the echo of ${number}`);
    }
  });

  check("the same key twice: the last wins, or it closes", async (t) => {
    const connection = await open(t);
    const echo = await echoOf(connection, '{"a":1,"a":2}');
    if (echo !== "closed") equal(JSON.parse(echo), { a: 2 }, "the echo");
  });

  check("half a surrogate pair has the same outcome over both transports", async (t) => {
    for (const text of ['"\\ud800"', '"a\\udc00b"', '"\\ud800\\ud800"', '{"\\ud800":1}']) {
      const here = await echoOf(await open(t), text);
      const there = await echoOf(
        await join(t, server, transport === "polling" ? "websocket" : "polling"),
        text,
      );
      equal(here, there, `the echo of ${text}`);
    }
  });

  check(
    "half a surrogate pair comes back as U+FFFD, or closes",
    { ours: "sio-34; the reference passes it on" },
    async (t) => {
      const echo = await echoOf(await open(t), '"a\\ud800b"');
      oneOf(echo === "closed" ? echo : JSON.parse(echo), ["closed", "a\ufffdb"], "the echo");
    },
  );

  check("escapes of every kind are read", async (t) => {
    const connection = await open(t);
    const echo = await echoOf(
      connection,
      '"\\u0041\\n\\/\\b\\f\\r\\t\\"\\\\\\ud83e\\udd8a\\u0000"',
    );
    equal(JSON.parse(echo), 'A\n/\b\f\r\t"\\🦊\u0000', "the echo");
  });

  const invalid = [
    "'a'",
    "undefined",
    "NaN",
    "Infinity",
    "+1",
    "01",
    "1.",
    ".5",
    "0x1",
    "1e",
    "{a:1}",
    '{"a"}',
    "[1,]",
    '{"a":1,}',
    '"\\x41"',
    '"\\u12"',
    '"a\nb"',
    '"a\tb"',
    "tru",
    "nul",
    "",
    "1 2",
    "//x",
    '"',
  ];
  for (const text of invalid) {
    check(`${JSON.stringify(text)} is no JSON and closes the connection`, async (t) => {
      const connection = await open(t);
      equal(await echoOf(connection, text), "closed", "the outcome");
    });
  }

  check("a binary event's JSON is read as strictly", async (t) => {
    const connection = await open(t);
    await connection.burst(['51-["message",{"_placeholder":true,"num":0},]', Buffer.from([1])]);
    await connection.closed();
    equal(connection.rest(), [], "what came before the close");
  });
}
