// Long-polling as it should not be: what closes a session, and with which answer (eio-01 to
// eio-14).

import { gzipSync } from "node:zlib";
import { check, equal, fail, oneOf, pause, that, within } from "../harness.mjs";
import { POLLING, Polling } from "../session.mjs";
import { SEPARATOR } from "../wire.mjs";

export function badPollingCases(server) {
  /** The body closes the session; what the POST itself is answered is judged by `status`. */
  const closes = (name, body, { status, ours, headers } = {}) =>
    check(name, { ours }, async (t) => {
      const session = await Polling.open(t, server);
      const answer = await session.post(body, { headers });
      if (status) equal(answer.status, status, "the status of the POST");
      await session.gone();
    });

  const bad = {
    "an unknown packet type": "abc",
    "an empty body": "",
    "a trailing separator": `4hello${SEPARATOR}`,
    "a leading separator": `${SEPARATOR}4hello`,
    "a doubled separator": `4a${SEPARATOR}${SEPARATOR}4b`,
    "one separator alone": SEPARATOR,
    "a packet type of 7": "7",
    "a binary packet of the old protocol": "\u0004hello",
  };
  for (const [what, body] of Object.entries(bad)) {
    closes(`${what} closes the session`, body);
    closes(`${what} is answered 400`, body, {
      status: 400,
      ours: "eio-01; the reference says 200 first",
    });
  }
  closes("a ping from the client closes the session", "2");
  closes("an open packet from the client closes the session", "0{}", {
    ours: "eio-09; the reference ignores it",
  });
  closes("invalid base64 closes the session", "b!!!!", {
    ours: "eio-11; Node skips what is invalid",
  });
  closes("base64 cut in a group closes the session", "bAQIDBA=", { ours: "eio-11" });
  closes("invalid UTF-8 closes the session", Buffer.from([0x34, 0xff, 0xfe]), {
    ours: "eio-14; the reference replaces it",
  });
  closes(
    "half a surrogate pair in a body closes the session",
    Buffer.from([0x34, 0xed, 0xa0, 0x80]),
    {
      ours: "eio-14",
    },
  );
  closes("an octet-stream body is answered 400 and closes the session", "4hello", {
    status: 400,
    headers: { "content-type": "application/octet-stream" },
  });

  check("a waiting poll ends when the session closes for bad input", async (t) => {
    const session = await Polling.open(t, server);
    const waiting = session.get();
    await session.post("abc");
    const answer = await within(1_000, "the poll ends", waiting);
    oneOf(
      [answer.status, answer.text],
      [
        [200, "1"],
        [200, "6"],
        [400, answer.text],
      ],
      "the poll",
    );
  });

  check(
    "a compressed body is answered 415 and never inflated",
    { ours: "eio-13; the reference reads it as text" },
    async (t) => {
      const session = await Polling.open(t, server);
      const body = gzipSync(Buffer.alloc(5_000_000, "4"));
      const answer = await session.post(body, { headers: { "content-encoding": "gzip" } });
      equal(answer.status, 415, "the status");
    },
  );

  check(
    "more than 1024 packets in a payload are answered 400",
    { ours: "eio-08; the reference has no limit" },
    async (t) => {
      const session = await Polling.open(t, server);
      const answer = await session.post(Array(1_025).fill("3").join(SEPARATOR));
      equal(answer.status, 400, "the status");
    },
  );

  check("200 000 pings in one POST cost their sender only", async (t) => {
    const session = await Polling.open(t, server);
    const posting = session.post(Array(200_000).fill("2").join(SEPARATOR));
    const start = performance.now();
    await Polling.open(t, server);
    that(
      performance.now() - start < 500,
      "a handshake meanwhile",
      "soon",
      performance.now() - start,
    );
    await posting;
  });

  const oversize = (name, request) => {
    check(`${name} is answered 413`, async (t) => {
      const session = await Polling.open(t, server);
      equal((await request(session)).status, 413, "the status");
    });
    check(
      `${name} closes the session`,
      { ours: "eio-03; the reference keeps it open" },
      async (t) => {
        const session = await Polling.open(t, server);
        await request(session);
        await session.gone();
      },
    );
  };
  oversize("a POST of one byte over maxPayload", (session) =>
    session.post(`4${"a".repeat(1_000_000)}`),
  );
  oversize("a POST over maxPayload in bytes, though not in characters", (session) =>
    session.post(`4${"€".repeat(400_000)}`),
  );

  check("a chunked POST is answered 413 as soon as it is too big", async (t) => {
    const session = await Polling.open(t, server);
    const tcp = await server.tcp(t);
    const target = server.address(session.query);
    await tcp.write(
      `POST ${target} HTTP/1.1\r\nHost: ${server.host}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const piece = Buffer.alloc(10_000, "4");
    for (let i = 0; i < 101; i++) {
      await tcp.write(Buffer.concat([Buffer.from("2710\r\n"), piece, Buffer.from("\r\n")]));
    }
    // The body is not finished: the answer must come nevertheless.
    equal((await tcp.httpAnswer()).status, 413, "the status");
  });

  check(
    "a declared length over maxPayload is answered 413 before the body comes",
    { ours: "eio-04 in its spirit; the reference counts what arrives" },
    async (t) => {
      const session = await Polling.open(t, server);
      const tcp = await server.tcp(t);
      const target = server.address(session.query);
      await tcp.write(
        `POST ${target} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 3000000\r\n\r\n4a`,
      );
      equal((await tcp.httpAnswer()).status, 413, "the status");
    },
  );

  check("two polls at once: the first ends with close, the second with 400", async (t) => {
    const session = await Polling.open(t, server);
    const first = session.get();
    await pause(20); // Two connections: only time tells the server which poll was first.
    const second = await session.get();
    equal(second.status, 400, "the status of the second poll");
    const answer = await first;
    equal([answer.status, answer.text], [200, "1"], "the first poll");
    await session.gone();
  });

  check("two POSTs at once: 400 to the second, and the session closes", async (t) => {
    const session = await Polling.open(t, server);
    const tcp = await server.tcp(t);
    const target = server.address(session.query);
    await tcp.write(
      `POST ${target} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 10\r\n\r\n4a`,
    );
    await pause(20); // As above.
    equal((await session.post("4b")).status, 400, "the status of the second POST");
    await session.gone();
  });

  check("a poll that the client gives up closes the session", async (t) => {
    const session = await Polling.open(t, server);
    const waiting = session.beginGet();
    waiting.answer.catch(() => {});
    await pause(20); // The poll must have arrived before it is given up.
    waiting.abort();
    await pause(20); // And the end of its connection before the next request.
    await session.gone(250);
  });

  check("a POST that breaks off closes the session", async (t) => {
    const session = await Polling.open(t, server);
    const tcp = await server.tcp(t);
    const target = server.address(session.query);
    await tcp.write(
      `POST ${target} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 10\r\n\r\n4hal`,
    );
    await pause(20); // The request must have arrived before its connection ends.
    tcp.socket.destroy();
    await session.gone();
  });

  check("what a closed session is sent is answered with code 1", async (t) => {
    const session = await Polling.open(t, server);
    await session.post("abc");
    await session.gone();
    const answer = await session.post("4x");
    equal(
      [answer.status, answer.text],
      [400, '{"code":1,"message":"Session ID unknown"}'],
      "a POST",
    );
    const upgrade = await server
      .ws(t, `EIO=4&transport=websocket&sid=${session.sid}`)
      .catch(() => null);
    if (upgrade) fail("a WebSocket with its sid", "refused", "opened");
    equal((await server.request(t, "GET", POLLING)).status, 200, "a new handshake");
  });
}
