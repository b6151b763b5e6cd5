// Messages over long-polling as they should be: payloads, base64, order, sizes (A5; eio-08 at its
// limit).

import { check, equal, that } from "../harness.mjs";
import { Polling } from "../session.mjs";
import { SEPARATOR } from "../wire.mjs";

const numbered = (from, to) => Array.from({ length: to - from }, (_, i) => `4m${from + i}`);

export function pollingCases(server) {
  check("a text message comes back", async (t) => {
    const session = await Polling.open(t, server);
    await session.send("4hello");
    equal((await session.get()).text, "4hello", "the poll");
  });

  check("several messages come back in one payload", async (t) => {
    const session = await Polling.open(t, server);
    await session.send("4one", "4two", "4three");
    equal((await session.get()).text, ["4one", "4two", "4three"].join(SEPARATOR), "the poll");
  });

  check("text and binary messages come back side by side", async (t) => {
    const session = await Polling.open(t, server);
    await session.send("4hello", "bAQIDBA==", "4there", "b/////w==");
    const expected = ["4hello", "bAQIDBA==", "4there", "b/////w=="].join(SEPARATOR);
    equal((await session.get()).text, expected, "the poll");
  });

  check("every byte survives base64", async (t) => {
    const session = await Polling.open(t, server);
    for (const length of [1, 2, 3, 255, 256]) {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => i & 255));
      const packet = `b${bytes.toString("base64")}`;
      await session.send(packet);
      equal(await session.take(1), [packet], `the echo of ${length} bytes`);
    }
  });

  check("empty messages come back empty", async (t) => {
    const session = await Polling.open(t, server);
    await session.send("4", "b", "4");
    equal(await session.take(3), ["4", "b", "4"], "the echo");
  });

  check("text is text whatever it looks like", async (t) => {
    const session = await Polling.open(t, server);
    const words = ["4bAQID", "44", "42", "41", "46", "40{}", "4 ", "4\n", "4%41", "4a b+c", '4"\\'];
    await session.send(...words);
    equal(await session.take(words.length), words, "the echo");
  });

  check("text of every plane of Unicode comes back, its length counted in bytes", async (t) => {
    const session = await Polling.open(t, server);
    const text = "4é€𝒳🦊\u0000\u007f\u0085\u2028\ufeff\uffff end";
    await session.send(text);
    const answer = await session.get();
    equal(answer.text, text, "the poll");
    equal(answer.headers["content-length"], String(Buffer.byteLength(text)), "Content-Length");
  });

  check("a POST is answered with ok in HTML of two bytes", async (t) => {
    const session = await Polling.open(t, server);
    const answer = await session.post("4x");
    equal([answer.status, answer.text], [200, "ok"], "the answer");
    equal(answer.headers["content-type"], "text/html", "Content-Type");
    equal(answer.headers["content-length"], "2", "Content-Length");
    equal(answer.headers["cache-control"], "no-store", "Cache-Control");
  });

  check("a poll is answered with uncached plain text", async (t) => {
    const session = await Polling.open(t, server);
    await session.send("4x");
    const { headers } = await session.get();
    equal(headers["content-type"], "text/plain; charset=UTF-8", "Content-Type");
    equal(headers["content-length"], "2", "Content-Length");
    equal(headers["cache-control"], "no-store", "Cache-Control");
  });

  check("the content type of a POST does not matter, if it is text", async (t) => {
    const session = await Polling.open(t, server);
    for (const type of [
      undefined,
      "text/plain;charset=UTF-8",
      "text/plain",
      "application/x-www-form-urlencoded",
    ]) {
      const headers = type ? { "content-type": type } : {};
      equal((await session.post("4x", { headers })).status, 200, `the status for ${type}`);
      equal(await session.take(1), ["4x"], `the echo for ${type}`);
    }
  });

  check("a poll that waits is answered as soon as there is something", async (t) => {
    const session = await Polling.open(t, server);
    const waiting = session.get();
    await session.send("4now");
    equal((await waiting).text, "4now", "the poll");
    that(performance.now() - session.askedAt < 250, "the time", "before the first ping", "later");
  });

  check("messages wait for the next poll in order", async (t) => {
    const session = await Polling.open(t, server);
    for (let i = 0; i < 10; i++) await session.send(`4m${i}`);
    equal(await session.take(10), numbered(0, 10), "the echo");
  });

  check(
    "a hundred messages in a payload come back in order, however many polls it takes",
    async (t) => {
      const session = await Polling.open(t, server);
      await session.send(...numbered(0, 100));
      equal(await session.take(100), numbered(0, 100), "the echo");
    },
  );

  check(
    "an answer to a poll carries at most 16 packets",
    { ours: "consequence (e): python-engineio drops the session above 16" },
    async (t) => {
      const session = await Polling.open(t, server);
      await session.send(...numbered(0, 40));
      const seen = [];
      while (seen.length < 40) {
        const packets = await session.poll();
        that(packets.length <= 16, "packets in one answer", "at most 16", packets.length);
        seen.push(...packets);
      }
      equal(seen, numbered(0, 40), "the echo");
    },
  );

  check("1024 packets in a payload are taken", async (t) => {
    const session = await Polling.open(t, server);
    await session.send(...Array(1_023).fill("3"), "4last");
    equal(await session.take(1), ["4last"], "the echo");
  });

  check("a payload of exactly maxPayload bytes is taken and comes back", async (t) => {
    const session = await Polling.open(t, server);
    const message = `4${"a".repeat(999_999)}`;
    await session.send(message);
    const [echo] = await session.take(1);
    that(echo === message, "the echo", "the same million bytes", `${echo.length} characters`);
  });

  check("a big binary message comes back byte for byte", async (t) => {
    const session = await Polling.open(t, server);
    const bytes = Buffer.from(Array.from({ length: 600_000 }, (_, i) => (i * 7) & 255));
    const packet = `b${bytes.toString("base64")}`;
    await session.send(packet);
    const [echo] = await session.take(1);
    that(echo === packet, "the echo", "the same bytes", `${echo.length} characters`);
  });

  check("a body that comes in pieces is put together, also inside a character", async (t) => {
    const session = await Polling.open(t, server);
    const body = Buffer.from("4€𝒳");
    const tcp = await server.tcp(t);
    const target = server.address(session.query);
    await tcp.write(
      `POST ${target} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    for (const byte of body) await tcp.write(Buffer.from([byte]));
    equal((await tcp.httpAnswer()).status, 200, "the status");
    equal(await session.take(1), ["4€𝒳"], "the echo");
  });

  check("a session may change its connection with every request", async (t) => {
    const session = await Polling.open(t, server);
    for (let i = 0; i < 5; i++) {
      const post = await server.request(t, "POST", session.query, { body: `4m${i}` });
      equal(post.status, 200, "the status of the POST");
      equal((await server.request(t, "GET", session.query)).text, `4m${i}`, "the poll");
    }
  });

  check("sessions do not hear each other", async (t) => {
    const [one, two] = [await Polling.open(t, server), await Polling.open(t, server)];
    await one.send("4for one");
    await two.send("4for two");
    equal(await two.take(1), ["4for two"], "the echo of the second");
    equal(await one.take(1), ["4for one"], "the echo of the first");
  });

  check("noop and upgrade packets from a client are ignored", async (t) => {
    const session = await Polling.open(t, server);
    await session.send("6", "5", "4x");
    equal(await session.take(1), ["4x"], "the echo");
  });
}
